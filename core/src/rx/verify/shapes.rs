//! The shapes in which probes come: the headers of each route, and in a mix of each size, in lanes that
//! are compared 16 bytes at a time.

use core::iter;

use heapless::Vec;

use super::{Expectation, MAX_PORTS, Route};
use crate::probe::Head;
use crate::probe::layout::{Addresses, Family, Front, Headers, Layout};
use crate::probe::sizes::MAX_SIZES;
use crate::simd::{Bytes16, lane_at};
use crate::wire::checksum::Sum;
use crate::wire::{Ethernet, Mac, Udp};

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
    pub(super) fn new(expectation: &Expectation<'_>) -> Self {
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

pub(super) fn family(expectation: &Expectation<'_>) -> Family {
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
    pub(super) first: [Shape<LANES>; MAX_SIZES],
    /// Those of the other routes, with the first size.
    others: Vec<Shape<LANES>, MAX_PORTS>,
    /// The bits that are the same in every probe, whatever routers are on the way; in a mix without
    /// the lengths.
    kept: [Bytes16; LANES],
    /// The bits of the last lane that are the same in every probe that no router has changed.
    pub(super) last_mask: Bytes16,
}

/// The lengths in the headers of one size, as they lie there.
#[derive(Clone, Copy)]
pub(super) struct Lengths {
    pub ip: [u8; 2],
    pub udp: [u8; 2],
}

/// The shape of the probes of one route and one size.
#[derive(Clone, Copy)]
pub(super) struct Shape<const LANES: usize> {
    /// Their headers as they come without a router on the way.
    lanes: [Bytes16; LANES],
    /// The sum over what is always the same in what the UDP checksum covers, folded.
    pub(super) udp_fixed: u16,
}

impl<const LANES: usize> Shape<LANES> {
    /// Returns whether headers come as they do without a router on the way.
    #[inline(always)] // into the loop over a burst
    pub(super) fn matches(&self, lanes: &[Bytes16; LANES], last_mask: Bytes16) -> bool {
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
    pub(super) fn lanes(front: &[u8; FRONT]) -> [Bytes16; LANES] {
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

    /// Returns the shape of a probe with these lengths whose headers a router may have changed, as it is
    /// with the first size, if they are intact.
    #[inline]
    pub(super) fn changed(&self, front: &[u8; FRONT], lengths: &Lengths) -> Option<&Shape<LANES>> {
        let lanes = Self::lanes(front);
        let mut shapes = iter::once(&self.first[0]).chain(&self.others);
        let shape = shapes.find(|shape| shape.matches_kept(&lanes, &self.kept))?;
        let (ip_length, udp_length) = (self.layout.ip_length(), self.layout.udp_length());
        let is_length = |at: usize, length: [u8; 2]| front[at..at + 2] == length;
        if IS_MIX && !(is_length(ip_length, lengths.ip) && is_length(udp_length, lengths.udp)) {
            return None;
        }
        let is_intact = match self.layout.family() {
            Family::V4 => Sum::of(&front[self.layout.ip()..Self::UDP_AT]).is_valid(),
            Family::V6 => true,
        };
        is_intact.then_some(shape)
    }
}
