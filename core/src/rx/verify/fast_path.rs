//! The fast path of verifying: the one shape in which probes come, told by a few comparisons.
//!
//! Nearly every frame is an intact probe, and most of its headers is known beforehand: 16 bytes at
//! a time they are compared, and their known parts need not be summed again. What is not of the
//! shape may be anything, and is left to [`Expectation::verify`]; what is, that would accept too.

use core::iter;

use heapless::Vec;
use zerocopy::FromBytes;

use super::{Expectation, MAX_PORTS, Probe, Route, Verified};
use crate::probe::layout::{Addresses, Family, Front, Headers, Layout};
use crate::probe::{Head, LONG_LEN, MIN_LEN, Tail};
use crate::simd::{Bytes16, lane_at};
use crate::time::Span;
use crate::wire::checksum::Sum;
use crate::wire::{Ethernet, Mac, Udp};

/// The verifier of received frames.
pub struct Verifier<'a> {
    expectation: Expectation<'a>,
    shapes: LaidOut,
    /// Bytes of payload behind the head.
    rest_len: usize,
    port_offset_max: u16,
    /// By how many bits the two UDP ports are shifted for that which the probe was sent from.
    source_port_shift: u32,
    tag_short: u16,
    is_long: bool,
}

/// The shapes in which probes come, in their layout.
pub enum LaidOut {
    /// IPv4.
    Ipv4(Shapes<58, 2>),
    /// IPv4 behind a VLAN tag.
    TaggedIpv4(Shapes<62, 2>),
    /// IPv4 behind two tags.
    TwiceTaggedIpv4(Shapes<66, 3>),
    /// IPv6.
    Ipv6(Shapes<78, 3>),
    /// IPv6 behind a VLAN tag.
    TaggedIpv6(Shapes<82, 4>),
    /// IPv6 behind two tags.
    TwiceTaggedIpv6(Shapes<86, 4>),
}

impl LaidOut {
    fn new(expectation: &Expectation<'_>) -> Self {
        let tags = expectation.marks.tags.as_slice().len();
        let source = expectation.routes.first().map(|route| route.source);
        match (source.map(Family::of), tags) {
            (Some(Family::V6), 0) => Self::Ipv6(Shapes::new(expectation)),
            (Some(Family::V6), 1) => Self::TaggedIpv6(Shapes::new(expectation)),
            (Some(Family::V6), _) => Self::TwiceTaggedIpv6(Shapes::new(expectation)),
            (_, 0) => Self::Ipv4(Shapes::new(expectation)),
            (_, 1) => Self::TaggedIpv4(Shapes::new(expectation)),
            (_, _) => Self::TwiceTaggedIpv4(Shapes::new(expectation)),
        }
    }
}

/// Does something with the shapes of a verifier in their layout, so that it is compiled for each
/// layout.
macro_rules! in_its_layout {
    ($verifier:expr, $shapes:ident => $what:expr) => {
        match $verifier.shapes() {
            $crate::rx::verify::LaidOut::Ipv4($shapes) => $what,
            $crate::rx::verify::LaidOut::TaggedIpv4($shapes) => $what,
            $crate::rx::verify::LaidOut::TwiceTaggedIpv4($shapes) => $what,
            $crate::rx::verify::LaidOut::Ipv6($shapes) => $what,
            $crate::rx::verify::LaidOut::TaggedIpv6($shapes) => $what,
            $crate::rx::verify::LaidOut::TwiceTaggedIpv6($shapes) => $what,
        }
    };
}
pub(crate) use in_its_layout;

/// The shapes of the run's probes, one a route: headers and head of `FRONT` bytes, compared in
/// `LANES` of 16 bytes.
pub struct Shapes<const FRONT: usize, const LANES: usize> {
    layout: Layout,
    first: Shape<LANES>,
    others: Vec<Shape<LANES>, MAX_PORTS>,
    /// The bits that are the same in every probe, whatever routers are on the way.
    kept: [Bytes16; LANES],
    /// The bits of the last lane that are the same in every probe that no router has changed.
    last_mask: Bytes16,
}

/// The shape of the probes of one route.
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

impl<const FRONT: usize, const LANES: usize> Shapes<FRONT, LANES> {
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
        let mut shapes = expectation
            .routes
            .iter()
            .map(|route| Self::shape(route, expectation));
        let first = shapes.next().expect("a run has a route");
        let others = shapes.collect();
        let family = Family::of(expectation.routes[0].source);
        let layout = Layout::new(family, expectation.marks.tags.as_slice().len());
        let source_port_at = Self::UDP_AT + if expectation.is_through { 0 } else { 2 };
        let mut all = [0xff; FRONT];
        all[source_port_at..][..2].fill(0);
        let mut kept = Front::kept::<FRONT>(layout);
        kept[Self::UDP_AT..][..4].fill(0xff);
        kept[source_port_at..][..2].fill(0);
        Self {
            layout,
            first,
            others,
            kept: Self::lanes(&kept),
            last_mask: Self::lanes(&all)[LANES - 1],
        }
    }

    fn shape(route: &Route, expectation: &Expectation<'_>) -> Shape<LANES> {
        let headers = Headers {
            addresses: Addresses {
                source_mac: Mac::default(),
                destination_mac: Mac::default(),
                source: route.source,
                destination: route.destination,
            },
            marks: expectation.marks,
        };
        let udp_len = Udp::LEN as u16 + expectation.payload_len;
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

    /// Returns the shape of a probe whose headers a router may have changed, if they are intact.
    #[inline]
    fn changed(&self, front: &[u8; FRONT]) -> Option<&Shape<LANES>> {
        let lanes = Self::lanes(front);
        let mut shapes = iter::once(&self.first).chain(&self.others);
        let shape = shapes.find(|shape| shape.matches_kept(&lanes, &self.kept))?;
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
            rest_len: usize::from(expectation.payload_len).saturating_sub(MIN_LEN),
            port_offset_max: expectation.last_source_port - expectation.first_source_port,
            source_port_shift: if expectation.is_through { 16 } else { 0 },
            tag_short: expectation.tag.short(),
            is_long: usize::from(expectation.payload_len) >= LONG_LEN,
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
    fn verify_in<const FRONT: usize, const LANES: usize>(
        &self,
        shapes: &Shapes<FRONT, LANES>,
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
    pub(crate) fn fast_path<const FRONT: usize, const LANES: usize>(
        &self,
        shapes: &Shapes<FRONT, LANES>,
        frame: &[u8],
    ) -> Option<Probe> {
        let (front, rest) = frame.split_first_chunk::<FRONT>()?;
        let lanes = Shapes::<FRONT, LANES>::lanes(front);
        if !shapes.first.matches(&lanes, shapes.last_mask) {
            return None;
        }
        self.intact(shapes.first.udp_fixed, front, rest)
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
    pub(super) fn changed_headers<const FRONT: usize, const LANES: usize>(
        &self,
        shapes: &Shapes<FRONT, LANES>,
        frame: &[u8],
    ) -> Option<Probe> {
        let (front, rest) = frame.split_first_chunk::<FRONT>()?;
        let shape = shapes.changed(front)?;
        self.intact(shape.udp_fixed, front, rest)
    }

    /// Returns the probe in a frame whose headers are right, if all that they do not say is right
    /// too; `udp_fixed` is of its shape.
    #[inline(always)] // as above
    fn intact<const FRONT: usize>(
        &self,
        udp_fixed: u16,
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
        let sum = Sum::of_u16(udp_fixed)
            .plus(Sum::of_u16(source_port.to_be()))
            .plus(Sum::of_u16(u16::from_ne_bytes(udp.checksum)))
            .plus(head.sum());
        let rest = rest.get(..self.rest_len)?;
        let (lag, rest_sum) = if rest.is_empty() {
            (None, Sum::ZERO)
        } else {
            self.intact_rest(head, rest)?
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
    fn intact_rest(&self, head: &Head, mut rest: &[u8]) -> Option<(Option<Span>, Sum)> {
        let expectation = &self.expectation;
        let (mut lag, mut sum) = (None, Sum::ZERO);
        if self.is_long {
            let (tail, after) = Tail::ref_from_prefix(rest).ok()?;
            if tail.tag_rest() != expectation.tag.rest() {
                return None;
            }
            lag = Some(tail.lag());
            sum = tail.sum();
            rest = after;
        }
        let (filling, filling_sum) = expectation.filling.of(head.index());
        (rest == filling).then(|| (lag, sum.plus(Sum::of_u16(filling_sum))))
    }
}

/// Bytes of a UDP header and a head.
const UDP_AND_HEAD: usize = Udp::LEN + size_of::<Head>();
