//! The fronts of a run's frames: all that stands before a probe's filling, built once.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::port::FrameLen;
use crate::probe::filling::{Filling, Payloads};
use crate::probe::layout::{Family, Front, Headers, Layout};
use crate::probe::sizes::{MAX_SIZES, Share};
use crate::probe::{self, Head, Tag, Tail};
use crate::time::Span;
use crate::wire::{Mac, Udp};

/// The bytes of a front by what changes in them from packet to packet, as few words as that takes;
/// `FIXED` bytes stay as they are.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct FrontWords<const FIXED: usize> {
    pub(super) fixed: [u8; FIXED],
    /// The source port is bytes 2 and 3.
    pub(super) around_source_port: [u8; 8],
    pub(super) udp_checksum: [u8; 2],
    pub(super) head: Head,
}

impl<const FIXED: usize> FrontWords<FIXED> {
    pub(super) const LEN: usize = size_of::<Self>();

    const fn set_destination(&mut self, mac: Mac) {
        let (destination, _) = self.fixed.split_at_mut(6);
        destination.copy_from_slice(&mac.0);
    }

    fn new(front: &Front) -> Self {
        assert!(front.layout.front_len() == Self::LEN, "the layout's words");
        let bytes = front.first::<{ Layout::MAX_FRONT_LEN }>();
        let (words, _) = Self::read_from_prefix(&bytes).expect("no front is longer");
        words
    }
}

/// What the frames of one size have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfSize<'a, const FIXED: usize> {
    pub front: FrontWords<FIXED>,
    /// The sum over all that never changes and that the UDP checksum covers, folded.
    pub constant: u16,
    /// The UDP checksum of a packet that was left to a NIC (`CHECKSUM_PARTIAL`).
    pub partial: [u8; 2],
    pub is_long: bool,
    pub frame_len: FrameLen,
    pub filling: Filling<'a>,
}

/// The fronts of a run's sizes in the words of their layout, and what goes with them.
#[derive(Clone, Debug)]
pub struct Fronts<'a, const FIXED: usize> {
    /// Beyond the last size the first one again.
    pub(super) of: [OfSize<'a, FIXED>; MAX_SIZES],
}

impl<'a, const FIXED: usize> Fronts<'a, FIXED> {
    /// Makes the fronts of the probes of the run with `tag`; `None` if the addresses are of
    /// different families.
    fn new(headers: &Headers, tag: Tag, payloads: &Payloads<'a>) -> Option<Self> {
        let of_size = |number: usize, share: &Share| {
            let front = Front::sent(headers, Udp::LEN as u16 + share.payload_len)?;
            let is_long = usize::from(share.payload_len) >= probe::LONG_LEN;
            let mut constant = front.pseudo.plus(front.udp().sum());
            if is_long {
                constant = constant.plus(Tail::new(tag, Span::ZERO).sum());
            }
            Some(OfSize {
                front: FrontWords::new(&front),
                constant: constant.fold(),
                partial: front.pseudo.fold().to_ne_bytes(),
                is_long,
                frame_len: FrameLen(front.layout.payload() as u16 + share.payload_len),
                filling: *payloads.fillings(number),
            })
        };
        let (first, others) = payloads.sizes().shares().split_first()?;
        let mut of = [of_size(0, first)?; MAX_SIZES];
        for (number, share) in (1..).zip(others) {
            of[number] = of_size(number, share)?;
        }
        Some(Self { of })
    }

    const fn set_destination(&mut self, mac: Mac) {
        let mut number = 0;
        while number < MAX_SIZES {
            self.of[number].front.set_destination(mac);
            number += 1;
        }
    }
}

/// The fronts in the words of their layout.
#[derive(Clone, Debug)]
pub enum LaidOut<'a> {
    /// IPv4.
    Ipv4(Fronts<'a, 32>),
    /// IPv4 behind a VLAN tag.
    TaggedIpv4(Fronts<'a, 36>),
    /// IPv4 behind two tags.
    TwiceTaggedIpv4(Fronts<'a, 40>),
    /// IPv6.
    Ipv6(Fronts<'a, 52>),
    /// IPv6 behind a VLAN tag.
    TaggedIpv6(Fronts<'a, 56>),
    /// IPv6 behind two tags.
    TwiceTaggedIpv6(Fronts<'a, 60>),
}

impl<'a> LaidOut<'a> {
    /// Makes the fronts of the probes of the run with `tag`; `None` if the addresses are of
    /// different families.
    pub(super) fn new(headers: &Headers, tag: Tag, payloads: &Payloads<'a>) -> Option<Self> {
        let family = Family::of(headers.addresses.source);
        let tags = headers.marks.tags.as_slice().len();
        Some(match (family, tags) {
            (Family::V4, 0) => Self::Ipv4(Fronts::new(headers, tag, payloads)?),
            (Family::V4, 1) => Self::TaggedIpv4(Fronts::new(headers, tag, payloads)?),
            (Family::V4, _) => Self::TwiceTaggedIpv4(Fronts::new(headers, tag, payloads)?),
            (Family::V6, 0) => Self::Ipv6(Fronts::new(headers, tag, payloads)?),
            (Family::V6, 1) => Self::TaggedIpv6(Fronts::new(headers, tag, payloads)?),
            (Family::V6, _) => Self::TwiceTaggedIpv6(Fronts::new(headers, tag, payloads)?),
        })
    }

    /// Has all further frames go to `mac`.
    pub(super) const fn set_destination(&mut self, mac: Mac) {
        match self {
            Self::Ipv4(fronts) => fronts.set_destination(mac),
            Self::TaggedIpv4(fronts) => fronts.set_destination(mac),
            Self::TwiceTaggedIpv4(fronts) => fronts.set_destination(mac),
            Self::Ipv6(fronts) => fronts.set_destination(mac),
            Self::TaggedIpv6(fronts) => fronts.set_destination(mac),
            Self::TwiceTaggedIpv6(fronts) => fronts.set_destination(mac),
        }
    }
}
