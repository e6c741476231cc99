//! A stream's finished frame: built once, and patched per packet.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::port::FrameLen;
use crate::probe::filling::{Filling, Payloads};
use crate::probe::layout::{Family, Front, Headers, Layout};
use crate::probe::sizes::{MAX_SIZES, Share, Sizes};
use crate::probe::{self, Head, Index, Tag, Tail};
use crate::time::{Instant, Span};
use crate::wire::checksum::Sum;
use crate::wire::{Mac, Udp};

/// Most bytes of an IP packet: what is usual for large frames.
const MAX_MTU: usize = 9000;

/// Returns the most bytes of UDP payload: what an IP packet of 9000 bytes carries.
#[must_use]
pub const fn max_payload_len(layout: Layout) -> usize {
    MAX_MTU - layout.of_mtu() as usize
}

/// The bytes of a front by what changes in them from packet to packet, as few words as that takes;
/// `FIXED` bytes stay as they are.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct FrontWords<const FIXED: usize> {
    fixed: [u8; FIXED],
    /// The source port is bytes 2 and 3.
    around_source_port: [u8; 8],
    udp_checksum: [u8; 2],
    head: Head,
}

impl<const FIXED: usize> FrontWords<FIXED> {
    const LEN: usize = size_of::<Self>();

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
struct OfSize<'a, const FIXED: usize> {
    front: FrontWords<FIXED>,
    /// The sum over all that never changes and that the UDP checksum covers, folded.
    constant: u16,
    /// The UDP checksum of a packet that was left to a NIC (`CHECKSUM_PARTIAL`).
    partial: [u8; 2],
    is_long: bool,
    frame_len: FrameLen,
    filling: Filling<'a>,
}

/// The fronts of a run's sizes in the words of their layout, and what goes with them.
#[derive(Clone, Debug)]
pub struct Fronts<'a, const FIXED: usize> {
    /// Beyond the last size the first one again.
    of: [OfSize<'a, FIXED>; MAX_SIZES],
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
    fn new(headers: &Headers, tag: Tag, payloads: &Payloads<'a>) -> Option<Self> {
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
}

/// Does something with the fronts of a template in the words of their layout, so that it is
/// compiled for each layout.
macro_rules! in_its_layout {
    ($template:expr, $front:ident => $what:expr) => {
        match $template.fronts() {
            $crate::tx::template::LaidOut::Ipv4($front) => $what,
            $crate::tx::template::LaidOut::TaggedIpv4($front) => $what,
            $crate::tx::template::LaidOut::TwiceTaggedIpv4($front) => $what,
            $crate::tx::template::LaidOut::Ipv6($front) => $what,
            $crate::tx::template::LaidOut::TaggedIpv6($front) => $what,
            $crate::tx::template::LaidOut::TwiceTaggedIpv6($front) => $what,
        }
    };
}
pub(crate) use in_its_layout;

/// The frames of a stream, but for what differs from packet to packet.
#[derive(Clone, Debug)]
pub struct Template<'a> {
    fronts: LaidOut<'a>,
    tag: Tag,
    sizes: Sizes,
    layout: Layout,
}

/// The fields that differ from packet to packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    /// The index of the probe.
    pub index: Index,
    /// UDP source port.
    pub source_port: u16,
    /// The time at which it is sent.
    pub time: Instant,
    /// The time from when it was due to when it is sent.
    pub lag: Span,
}

impl<'a> Template<'a> {
    /// Makes the frames of the run with `tag` that have `headers` and these `payloads`.
    ///
    /// `None` if a payload is shorter than a probe or longer than [`max_payload_len`], or if the
    /// addresses are of different families.
    #[must_use]
    pub fn new(headers: &Headers, tag: Tag, payloads: &Payloads<'a>) -> Option<Self> {
        let family = Family::of(headers.addresses.source);
        let layout = Layout::new(family, headers.marks.tags.as_slice().len());
        let lens = probe::MIN_LEN..=max_payload_len(layout);
        let mut shares = payloads.sizes().shares().iter();
        if !shares.all(|share| lens.contains(&usize::from(share.payload_len))) {
            return None;
        }
        Some(Self {
            fronts: LaidOut::new(headers, tag, payloads)?,
            tag,
            sizes: payloads.sizes().clone(),
            layout,
        })
    }

    /// Returns the length of the longest frame, without FCS.
    #[must_use]
    pub fn max_frame_len(&self) -> FrameLen {
        FrameLen(self.layout.payload() as u16 + self.sizes.largest())
    }

    /// Returns the bytes of the longest frame, without VLAN tags and FCS.
    #[must_use]
    pub fn untagged_frame_len(&self) -> FrameLen {
        let tags_len = (self.layout.ip() - Layout::IPV4.ip()) as u16;
        FrameLen(self.max_frame_len().0 - tags_len)
    }

    /// Returns the bytes of the frames of so many packets from sequence `first` on, without FCS.
    #[must_use]
    #[inline]
    pub fn bytes(&self, first: u64, packets: u64) -> u64 {
        packets * self.layout.payload() as u64 + self.sizes.bytes(first, packets)
    }

    /// Returns whether its frames have several sizes.
    #[must_use]
    #[inline]
    pub fn is_mix(&self) -> bool {
        self.sizes.is_mix()
    }

    /// Returns whether its probes are the shortest, which carry neither lag nor filling.
    #[must_use]
    #[inline]
    pub fn is_minimal(&self) -> bool {
        usize::from(self.sizes.largest()) == probe::MIN_LEN
    }

    /// Returns its fronts, in the words of their layout.
    #[inline]
    pub(crate) const fn fronts(&self) -> &LaidOut<'a> {
        &self.fronts
    }

    /// Has all further frames go to `mac`.
    pub(super) const fn set_destination(&mut self, mac: Mac) {
        match &mut self.fronts {
            LaidOut::Ipv4(fronts) => fronts.set_destination(mac),
            LaidOut::TaggedIpv4(fronts) => fronts.set_destination(mac),
            LaidOut::TwiceTaggedIpv4(fronts) => fronts.set_destination(mac),
            LaidOut::Ipv6(fronts) => fronts.set_destination(mac),
            LaidOut::TaggedIpv6(fronts) => fronts.set_destination(mac),
            LaidOut::TwiceTaggedIpv6(fronts) => fronts.set_destination(mac),
        }
    }

    /// Writes one packet to the start of `frame`, which holds at least [`Self::max_frame_len`] bytes,
    /// and returns its length.
    pub fn write(&self, frame: &mut [u8], patch: &Patch) -> FrameLen {
        let Patch {
            index,
            source_port,
            time,
            lag,
        } = *patch;
        if self.is_mix() {
            in_its_layout!(self, fronts => self
                .burst::<_, true>(fronts, index, time)
                .write(frame, source_port, lag))
        } else {
            in_its_layout!(self, fronts => self
                .burst::<_, false>(fronts, index, time)
                .write(frame, source_port, lag))
        }
    }

    /// Returns the packets from probe `first` of a stream on, sent at `time`, with the template's
    /// own `fronts`; their sequences do not come to [`Index::SEQUENCES`]. `IS_MIX` is what
    /// [`Self::is_mix`] says.
    #[must_use]
    #[inline]
    pub(crate) fn burst<'t, const FIXED: usize, const IS_MIX: bool>(
        &'t self,
        fronts: &'t Fronts<'a, FIXED>,
        first: Index,
        time: Instant,
    ) -> Burst<'t, 'a, FIXED, IS_MIX> {
        let head = Head::new(first, self.tag, time);
        let (cycle, mut sum) = (self.sizes.cycle(), head.sum());
        if !IS_MIX {
            sum = sum.plus(Sum::of_u16(fronts.of[0].constant));
        }
        Burst {
            template: self,
            fronts,
            head,
            time,
            index: first,
            sum: u32::from(sum.fold()),
            place: if IS_MIX { cycle.place_of(first) } else { 0 },
        }
    }

    /// Writes a packet as if it were sent a little later, so that its checksum does not look like a
    /// `CHECKSUM_PARTIAL` one.
    #[cold]
    fn write_later<const FIXED: usize, const IS_MIX: bool>(
        &self,
        fronts: &Fronts<'a, FIXED>,
        frame: &mut [u8],
        (index, mut time): (Index, Instant),
        source_port: u16,
        lag: Span,
    ) {
        loop {
            time = time + Span::from_nanos(1);
            let later = self.burst::<_, IS_MIX>(fronts, index, time);
            if later.try_write::<false>(frame, source_port, lag) {
                return;
            }
        }
    }
}

/// The packets of one burst: neighbours in one stream, sent at one time, so that they have most of
/// their sum in common.
pub(crate) struct Burst<'t, 'a, const FIXED: usize, const IS_MIX: bool> {
    template: &'t Template<'a>,
    fronts: &'t Fronts<'a, FIXED>,
    /// That of the first packet.
    head: Head,
    time: Instant,
    /// The index of the next packet.
    index: Index,
    /// The sum over the next packet without its source port, lag and filling; in a mix without what
    /// its size has in common either.
    sum: u32,
    /// The place of the next packet in the cycle of a mix.
    place: usize,
}

/// The difference between the sums of an index and of the next (RFC 1624): 1 in the lowest byte of
/// the index, as it lies in memory.
const STEP: u32 = u16::from_ne_bytes(1_u16.to_le_bytes()) as u32;

impl<'a, const FIXED: usize, const IS_MIX: bool> Burst<'_, 'a, FIXED, IS_MIX> {
    /// Returns what the next packet has in common with all of its size.
    #[inline(always)]
    fn of_size(&self) -> &OfSize<'a, FIXED> {
        let number = if IS_MIX {
            self.template.sizes.cycle().number_at(self.place)
        } else {
            0
        };
        &self.fronts.of[number]
    }

    /// Writes the next packet to the start of `frame`, which holds at least
    /// [`Template::max_frame_len`] bytes: sent `lag` after it was due.
    ///
    /// No packet is written whose right checksum looks like one that was left to a NIC, since a
    /// receiver would then overlook a change on the way: its time is one nanosecond later instead.
    #[inline(always)] // into the loop over a burst
    pub fn write(&mut self, frame: &mut [u8], source_port: u16, lag: Span) -> FrameLen {
        let len = self.of_size().frame_len;
        self.write_next::<false>(frame, source_port, lag);
        len
    }

    /// Writes the next packet as [`Self::write`] does, of a template that [is
    /// minimal](Template::is_minimal).
    #[inline(always)] // as above
    pub fn write_minimal(&mut self, frame: &mut [u8], source_port: u16) -> FrameLen {
        debug_assert!(self.template.is_minimal());
        self.write_next::<true>(frame, source_port, Span::ZERO);
        FrameLen(FrontWords::<FIXED>::LEN as u16)
    }

    #[inline(always)]
    fn write_next<const MINIMAL: bool>(&mut self, frame: &mut [u8], source_port: u16, lag: Span) {
        if !self.try_write::<MINIMAL>(frame, source_port, lag) {
            // By value, so that the burst stays in registers.
            let Self {
                template,
                fronts,
                index,
                time,
                ..
            } = *self;
            let at = (index, time);
            template.write_later::<_, IS_MIX>(fronts, frame, at, source_port, lag);
        }
        if IS_MIX {
            self.place = self.template.sizes.cycle().after(self.place);
        }
        self.index = self.index.next();
        self.sum += STEP;
    }

    /// Writes nothing and says so if the checksum would look like a `CHECKSUM_PARTIAL` one.
    #[inline(always)]
    fn try_write<const MINIMAL: bool>(
        &self,
        frame: &mut [u8],
        source_port: u16,
        lag: Span,
    ) -> bool {
        let of_size = self.of_size();
        let (filling, filling_sum) = if MINIMAL {
            (&[][..], 0)
        } else {
            of_size.filling.of(self.index)
        };
        let has_tail = !MINIMAL && of_size.is_long;
        let source_port = source_port.to_be_bytes();
        // Far from overflowing: 16 bits each, and a burst's steps.
        let mut sum = self.sum + u32::from(u16::from_ne_bytes(source_port));
        sum += u32::from(filling_sum);
        if IS_MIX {
            sum += u32::from(of_size.constant);
        }
        if has_tail {
            sum += u32::from(lag_sum(lag).fold());
        }
        let checksum = Sum::of_u32(sum).udp_checksum();
        if checksum == of_size.partial {
            return false;
        }
        let (front, mut rest) = FrontWords::<FIXED>::mut_from_prefix(frame)
            .expect("a frame is no shorter than its front");
        let source_port = [0, 0, source_port[0], source_port[1], 0, 0, 0, 0];
        let around = u64::from_ne_bytes(of_size.front.around_source_port);
        *front = FrontWords {
            fixed: of_size.front.fixed,
            around_source_port: (around | u64::from_ne_bytes(source_port)).to_ne_bytes(),
            udp_checksum: checksum,
            head: self.head.at(self.index),
        };
        if has_tail {
            let (tail_bytes, after) = rest.split_at_mut(size_of::<Tail>());
            tail_bytes.copy_from_slice(Tail::new(self.template.tag, lag).as_bytes());
            rest = after;
        }
        if !filling.is_empty() {
            rest[..filling.len()].copy_from_slice(filling);
        }
        true
    }
}

/// Returns what `lag` adds to the sum of a packet without one.
#[inline]
const fn lag_sum(lag: Span) -> Sum {
    Tail::new(Tag::new(0), lag).sum()
}

#[cfg(test)]
mod tests;
