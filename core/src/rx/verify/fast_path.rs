//! The fast path of verifying: the one shape in which probes come, told by a few comparisons.
//!
//! Nearly every frame is an intact probe, and most of its headers is known beforehand: 16 bytes at
//! a time they are compared, and their known parts need not be summed again. What is not of the
//! shape may be anything, and is left to [`Expectation::verify`]; what is, that would accept too.

use core::iter;

use heapless::Vec;
use zerocopy::FromBytes;

use super::{Expectation, MAX_PORTS, Probe, Route, Verified};
use crate::probe::filling::Filling;
use crate::probe::layout::{Addresses, Family, Front, Headers, Layout};
use crate::probe::sizes::{Cycle, MAX_SIZES};
use crate::probe::{Head, LONG_LEN, MIN_LEN, Tail};
use crate::simd::{Bytes16, lane_at};
use crate::time::Span;
use crate::wire::checksum::Sum;
use crate::wire::{Ethernet, Ipv4, Mac, Udp};

/// The verifier of received frames.
pub struct Verifier<'a> {
    expectation: Expectation<'a>,
    shapes: LaidOut,
    /// Of each size; beyond the last that of the first.
    of_sizes: [OfSize<'a>; MAX_SIZES],
    cycle: Cycle,
    port_offset_max: u16,
    /// By how many bits the two UDP ports are shifted for that which the probe was sent from.
    source_port_shift: u32,
    tag_short: u16,
}

/// What is known of all probes of one size, on whichever route.
#[derive(Clone, Copy)]
struct OfSize<'a> {
    /// Bytes of payload behind the head.
    rest_len: usize,
    is_long: bool,
    /// What the lengths in its headers sum up to beyond those of the first size.
    lengths: Sum,
    /// The IP and UDP lengths, as they are in its headers.
    ip_length: [u8; 2],
    udp_length: [u8; 2],
    filling: Filling<'a>,
}

impl<'a> OfSize<'a> {
    fn new(expectation: &Expectation<'a>, number: usize) -> Self {
        let shares = expectation.payloads.sizes().shares();
        let number = if number < shares.len() { number } else { 0 };
        let len = usize::from(shares[number].payload_len);
        let udp_len = |number: usize| Udp::LEN as u16 + shares[number].payload_len;
        let of_ipv4 = match family(expectation) {
            Family::V4 => size_of::<Ipv4>() as u16,
            Family::V6 => 0,
        };
        // The pseudo-header has the UDP length too. What is subtracted is added as its complement.
        let (ours, of_first) = (udp_len(number).to_be(), !udp_len(0).to_be());
        let difference = Sum::of_u16(ours).plus(Sum::of_u16(of_first));
        Self {
            rest_len: len.saturating_sub(MIN_LEN),
            is_long: len >= LONG_LEN,
            lengths: difference.plus(difference),
            ip_length: (of_ipv4 + udp_len(number)).to_be_bytes(),
            udp_length: udp_len(number).to_be_bytes(),
            filling: *expectation.payloads.fillings(number),
        }
    }
}

/// The shapes in which probes come: of one size, or of those of a mix.
pub enum LaidOut {
    /// All probes have one size.
    OneSize(InLayout<false>),
    /// Which size a probe has its index tells.
    Mix(InLayout<true>),
}

/// The shapes in which probes come, in their layout.
pub enum InLayout<const IS_MIX: bool> {
    /// IPv4.
    Ipv4(Shapes<58, 2, IS_MIX>),
    /// IPv4 behind a VLAN tag.
    TaggedIpv4(Shapes<62, 2, IS_MIX>),
    /// IPv4 behind two tags.
    TwiceTaggedIpv4(Shapes<66, 3, IS_MIX>),
    /// IPv6.
    Ipv6(Shapes<78, 3, IS_MIX>),
    /// IPv6 behind a VLAN tag.
    TaggedIpv6(Shapes<82, 4, IS_MIX>),
    /// IPv6 behind two tags.
    TwiceTaggedIpv6(Shapes<86, 4, IS_MIX>),
}

impl LaidOut {
    fn new(expectation: &Expectation<'_>) -> Self {
        if expectation.payloads.sizes().is_mix() {
            Self::Mix(InLayout::new(expectation))
        } else {
            Self::OneSize(InLayout::new(expectation))
        }
    }
}

impl<const IS_MIX: bool> InLayout<IS_MIX> {
    fn new(expectation: &Expectation<'_>) -> Self {
        let tags = expectation.marks.tags.as_slice().len();
        match (family(expectation), tags) {
            (Family::V4, 0) => Self::Ipv4(Shapes::new(expectation)),
            (Family::V4, 1) => Self::TaggedIpv4(Shapes::new(expectation)),
            (Family::V4, _) => Self::TwiceTaggedIpv4(Shapes::new(expectation)),
            (Family::V6, 0) => Self::Ipv6(Shapes::new(expectation)),
            (Family::V6, 1) => Self::TaggedIpv6(Shapes::new(expectation)),
            (Family::V6, _) => Self::TwiceTaggedIpv6(Shapes::new(expectation)),
        }
    }
}

fn family(expectation: &Expectation<'_>) -> Family {
    let route = expectation.routes.first();
    Family::of(route.expect("a run has a route").source)
}

/// Does something with the shapes of a verifier in their layout, so that it is compiled for each
/// layout, with one size and with a mix.
macro_rules! in_its_layout {
    ($verifier:expr, $shapes:ident => $what:expr) => {{
        use $crate::rx::verify::{InLayout, LaidOut};
        macro_rules! of {
            ($in_layout:expr) => {
                match $in_layout {
                    InLayout::Ipv4($shapes) => $what,
                    InLayout::TaggedIpv4($shapes) => $what,
                    InLayout::TwiceTaggedIpv4($shapes) => $what,
                    InLayout::Ipv6($shapes) => $what,
                    InLayout::TaggedIpv6($shapes) => $what,
                    InLayout::TwiceTaggedIpv6($shapes) => $what,
                }
            };
        }
        match $verifier.shapes() {
            LaidOut::OneSize(in_layout) => of!(in_layout),
            LaidOut::Mix(in_layout) => of!(in_layout),
        }
    }};
}
pub(crate) use in_its_layout;

/// The shapes of the run's probes, one a route: headers and head of `FRONT` bytes, compared in
/// `LANES` of 16 bytes; in a mix several a route.
pub struct Shapes<const FRONT: usize, const LANES: usize, const IS_MIX: bool> {
    layout: Layout,
    /// Those of the first route, one a size; beyond the last that of the first size.
    first: [Shape<LANES>; MAX_SIZES],
    /// Those of the other routes, with the first size.
    others: Vec<Shape<LANES>, MAX_PORTS>,
    /// The bits that are the same in every probe, whatever routers are on the way; in a mix without
    /// the lengths.
    kept: [Bytes16; LANES],
    /// The bits of the last lane that are the same in every probe that no router has changed.
    last_mask: Bytes16,
}

/// The shape of the probes of one route and one size.
#[derive(Clone, Copy)]
struct Shape<const LANES: usize> {
    /// Their headers as they come without a router on the way.
    lanes: [Bytes16; LANES],
    /// The sum over what is always the same in what the UDP checksum covers, folded.
    udp_fixed: u16,
}

impl<const LANES: usize> Shape<LANES> {
    /// Returns whether headers come as they do without a router on the way.
    #[inline(always)] // into the loop over a burst
    fn matches(&self, lanes: &[Bytes16; LANES], last_mask: Bytes16) -> bool {
        let mut differing = (lanes[LANES - 1] ^ self.lanes[LANES - 1]) & last_mask;
        for (lane, ours) in lanes.iter().zip(&self.lanes).take(LANES - 1) {
            differing = differing | (*lane ^ *ours);
        }
        differing.is_zero()
    }

    /// Returns whether headers are these in all that no router changes.
    #[inline]
    fn matches_kept(&self, lanes: &[Bytes16; LANES], kept: &[Bytes16; LANES]) -> bool {
        (0..LANES).all(|i| ((lanes[i] ^ self.lanes[i]) & kept[i]).is_zero())
    }
}

impl<const FRONT: usize, const LANES: usize, const IS_MIX: bool> Shapes<FRONT, LANES, IS_MIX> {
    /// Where the UDP header lies.
    const UDP_AT: usize = FRONT - size_of::<Head>() - Udp::LEN;
    /// Where the last lane lies: it ends with the UDP length, so that all of the ports is in it.
    const LAST_AT: usize = Self::UDP_AT + Udp::CHECKSUM_AT - 16;

    /// Returns the lanes of headers, which are all from the EtherType to the UDP length.
    #[inline(always)] // as `Shape::matches`
    fn lanes(front: &[u8; FRONT]) -> [Bytes16; LANES] {
        core::array::from_fn(|i| {
            let at = lane_at(i, LANES, Ethernet::TYPE_AT, Self::LAST_AT);
            Bytes16::new(*front[at..at + 16].first_chunk().expect("sixteen bytes"))
        })
    }

    fn new(expectation: &Expectation<'_>) -> Self {
        let shares = expectation.payloads.sizes().shares();
        let shape = |route, number: usize| {
            let share = shares.get(number).unwrap_or(&shares[0]);
            Self::shape(route, expectation, share.payload_len)
        };
        let (route, others) = expectation.routes.split_first().expect("a run has a route");
        let layout = Layout::new(family(expectation), expectation.marks.tags.as_slice().len());
        let source_port_at = Self::UDP_AT + if expectation.is_through { 0 } else { 2 };
        let mut all = [0xff; FRONT];
        all[source_port_at..][..2].fill(0);
        let mut kept = Front::kept::<FRONT>(layout);
        kept[Self::UDP_AT..][..4].fill(0xff);
        kept[source_port_at..][..2].fill(0);
        if IS_MIX {
            for length in [layout.ip_length(), layout.udp_length()] {
                kept[length..][..2].fill(0);
            }
        }
        Self {
            layout,
            first: core::array::from_fn(|number| shape(route, number)),
            others: others.iter().map(|route| shape(route, 0)).collect(),
            kept: Self::lanes(&kept),
            last_mask: Self::lanes(&all)[LANES - 1],
        }
    }

    fn shape(route: &Route, expectation: &Expectation<'_>, payload_len: u16) -> Shape<LANES> {
        let headers = Headers {
            addresses: Addresses {
                source_mac: Mac::default(),
                destination_mac: Mac::default(),
                source: route.source,
                destination: route.destination,
            },
            marks: expectation.marks,
        };
        let udp_len = Udp::LEN as u16 + payload_len;
        let front = if expectation.is_through {
            Front::sent(&headers, udp_len)
        } else {
            Front::returned(&headers, udp_len)
        };
        let front = front.expect("a route is of one family");
        assert!(
            front.layout.front_len() == FRONT,
            "the routes of a run are of one family"
        );
        Shape {
            lanes: Self::lanes(&front.first()),
            udp_fixed: front.pseudo.plus(front.udp().sum()).fold(),
        }
    }

    /// Returns the shape of a probe of this size whose headers a router may have changed, as it is
    /// with the first size, if they are intact.
    #[inline]
    fn changed(&self, front: &[u8; FRONT], of_size: &OfSize<'_>) -> Option<&Shape<LANES>> {
        let lanes = Self::lanes(front);
        let mut shapes = iter::once(&self.first[0]).chain(&self.others);
        let shape = shapes.find(|shape| shape.matches_kept(&lanes, &self.kept))?;
        let (ip_length, udp_length) = (self.layout.ip_length(), self.layout.udp_length());
        let is_length = |at: usize, length: [u8; 2]| front[at..at + 2] == length;
        if IS_MIX
            && !(is_length(ip_length, of_size.ip_length)
                && is_length(udp_length, of_size.udp_length))
        {
            return None;
        }
        let is_intact = match self.layout.family() {
            Family::V4 => Sum::of(&front[self.layout.ip()..Self::UDP_AT]).is_valid(),
            Family::V6 => true,
        };
        is_intact.then_some(shape)
    }
}

impl<'a> Verifier<'a> {
    /// Makes what verifies frames by `expectation`.
    ///
    /// # Panics
    ///
    /// If that names no route, or routes of different families.
    #[must_use]
    pub fn new(expectation: Expectation<'a>) -> Self {
        Self {
            shapes: LaidOut::new(&expectation),
            of_sizes: core::array::from_fn(|number| OfSize::new(&expectation, number)),
            cycle: *expectation.payloads.sizes().cycle(),
            port_offset_max: expectation.last_source_port - expectation.first_source_port,
            source_port_shift: if expectation.is_through { 16 } else { 0 },
            tag_short: expectation.tag.short(),
            expectation,
        }
    }

    /// Returns the expectation that it goes by.
    #[cfg(test)]
    pub(super) const fn expectation(&self) -> &Expectation<'a> {
        &self.expectation
    }

    /// Returns the shapes of the probes, in their layout.
    #[inline(always)]
    pub(crate) const fn shapes(&self) -> &LaidOut {
        &self.shapes
    }

    /// Says what `frame` is.
    #[must_use]
    pub fn verify(&self, frame: &[u8]) -> Verified {
        in_its_layout!(self, shapes => self.verify_in(shapes, frame))
    }

    /// Says what each of `frames` is.
    #[inline]
    pub fn verify_burst<'f>(
        &self,
        frames: impl IntoIterator<Item = &'f [u8]>,
        mut each: impl FnMut(Verified),
    ) {
        in_its_layout!(self, shapes => for frame in frames {
            each(self.verify_in(shapes, frame));
        });
    }

    #[inline(always)] // into the loop over a burst
    fn verify_in<const FRONT: usize, const LANES: usize, const IS_MIX: bool>(
        &self,
        shapes: &Shapes<FRONT, LANES, IS_MIX>,
        frame: &[u8],
    ) -> Verified {
        match self.fast_path(shapes, frame) {
            Some(probe) => probe.into(),
            None => self.slow_path(frame),
        }
    }

    /// Returns the probe, if `frame` is an intact one of the first route that no router has changed;
    /// `shapes` are the verifier's own.
    #[inline(always)] // into the loop over a burst, so that the probe stays in registers
    pub(crate) fn fast_path<const FRONT: usize, const LANES: usize, const IS_MIX: bool>(
        &self,
        shapes: &Shapes<FRONT, LANES, IS_MIX>,
        frame: &[u8],
    ) -> Option<Probe> {
        let (front, rest) = frame.split_first_chunk::<FRONT>()?;
        let number = self.size_of::<FRONT, IS_MIX>(front);
        let shape = &shapes.first[number];
        let lanes = Shapes::<FRONT, LANES, IS_MIX>::lanes(front);
        if !shape.matches(&lanes, shapes.last_mask) {
            return None;
        }
        let udp_fixed = Sum::of_u16(shape.udp_fixed);
        self.intact(&self.of_sizes[number], udp_fixed, front, rest)
    }

    /// Returns the number of the size that a probe with this front has to have.
    #[inline(always)] // as above
    fn size_of<const FRONT: usize, const IS_MIX: bool>(&self, front: &[u8; FRONT]) -> usize {
        let head = front.last_chunk::<{ size_of::<Head>() }>();
        match head.and_then(|head| Head::ref_from_bytes(head).ok()) {
            Some(head) if IS_MIX => self.cycle.number_of(head.index()),
            _ => 0,
        }
    }

    /// Says what a frame is that does not take the fast path.
    #[inline(never)]
    pub fn slow_path(&self, frame: &[u8]) -> Verified {
        match in_its_layout!(self, shapes => self.changed_headers(shapes, frame)) {
            Some(probe) => probe.into(),
            None => self.expectation.verify(frame),
        }
    }

    /// Returns the probe, if `frame` is an intact one of any route, with headers as a router may
    /// have changed them.
    #[inline]
    pub(super) fn changed_headers<const FRONT: usize, const LANES: usize, const IS_MIX: bool>(
        &self,
        shapes: &Shapes<FRONT, LANES, IS_MIX>,
        frame: &[u8],
    ) -> Option<Probe> {
        let (front, rest) = frame.split_first_chunk::<FRONT>()?;
        let of_size = &self.of_sizes[self.size_of::<FRONT, IS_MIX>(front)];
        let shape = shapes.changed(front, of_size)?;
        let udp_fixed = Sum::of_u16(shape.udp_fixed).plus(of_size.lengths);
        self.intact(of_size, udp_fixed, front, rest)
    }

    /// Returns the probe in a frame whose headers are right, if all that they do not say is right
    /// too; `udp_fixed` is the sum over what is the same in all of its route and size.
    #[inline(always)] // as above
    fn intact<const FRONT: usize>(
        &self,
        of_size: &OfSize<'a>,
        udp_fixed: Sum,
        front: &[u8; FRONT],
        rest: &[u8],
    ) -> Option<Probe> {
        let expectation = &self.expectation;
        let (udp, head) = front.last_chunk::<UDP_AND_HEAD>()?.split_at(Udp::LEN);
        let (udp, head) = (
            Udp::ref_from_bytes(udp).ok()?,
            Head::ref_from_bytes(head).ok()?,
        );
        let source_port = (udp.ports() >> self.source_port_shift) as u16;
        let port_offset = source_port.wrapping_sub(expectation.first_source_port);
        if port_offset > self.port_offset_max || head.tag_short() != self.tag_short {
            return None;
        }
        let sum = udp_fixed
            .plus(Sum::of_u16(source_port.to_be()))
            .plus(Sum::of_u16(u16::from_ne_bytes(udp.checksum)))
            .plus(head.sum());
        let rest = rest.get(..of_size.rest_len)?;
        let (lag, rest_sum) = if rest.is_empty() {
            (None, Sum::ZERO)
        } else {
            self.intact_rest(of_size, head, rest)?
        };
        // Not empty: the protocol's number is in it.
        sum.plus(rest_sum).is_zero().then_some(Probe {
            head: *head,
            lag,
            port_offset,
        })
    }

    /// Returns the lag, if it is told, and the sum of what follows the head, if that is right.
    #[inline(always)] // as above
    fn intact_rest(
        &self,
        of_size: &OfSize<'a>,
        head: &Head,
        mut rest: &[u8],
    ) -> Option<(Option<Span>, Sum)> {
        let (mut lag, mut sum) = (None, Sum::ZERO);
        if of_size.is_long {
            let (tail, after) = Tail::ref_from_prefix(rest).ok()?;
            if tail.tag_rest() != self.expectation.tag.rest() {
                return None;
            }
            lag = Some(tail.lag());
            sum = tail.sum();
            rest = after;
        }
        let (filling, filling_sum) = of_size.filling.of(head.index());
        (rest == filling).then(|| (lag, sum.plus(Sum::of_u16(filling_sum))))
    }
}

/// Bytes of a UDP header and a head.
const UDP_AND_HEAD: usize = Udp::LEN + size_of::<Head>();
