//! A stream's finished frame: built once, and patched per packet.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::port::FrameLen;
use crate::probe::filling::Filling;
use crate::probe::layout::{Family, Front, Headers, Layout};
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

/// A front in the words of its layout.
#[derive(Clone, Debug)]
pub enum LaidOut {
    /// IPv4.
    Ipv4(FrontWords<32>),
    /// IPv4 behind a VLAN tag.
    TaggedIpv4(FrontWords<36>),
    /// IPv4 behind two tags.
    TwiceTaggedIpv4(FrontWords<40>),
    /// IPv6.
    Ipv6(FrontWords<52>),
    /// IPv6 behind a VLAN tag.
    TaggedIpv6(FrontWords<56>),
    /// IPv6 behind two tags.
    TwiceTaggedIpv6(FrontWords<60>),
}

impl LaidOut {
    fn new(front: &Front) -> Self {
        let layout = front.layout;
        let tags = (layout.ip() - Layout::IPV4.ip()) / crate::wire::Vlan::LEN;
        match (layout.family(), tags) {
            (Family::V4, 0) => Self::Ipv4(FrontWords::new(front)),
            (Family::V4, 1) => Self::TaggedIpv4(FrontWords::new(front)),
            (Family::V4, _) => Self::TwiceTaggedIpv4(FrontWords::new(front)),
            (Family::V6, 0) => Self::Ipv6(FrontWords::new(front)),
            (Family::V6, 1) => Self::TaggedIpv6(FrontWords::new(front)),
            (Family::V6, _) => Self::TwiceTaggedIpv6(FrontWords::new(front)),
        }
    }
}

/// Does something with the front of a template in the words of its layout, so that it is compiled
/// for each layout.
macro_rules! in_its_layout {
    ($template:expr, $front:ident => $what:expr) => {
        match $template.front() {
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

/// The frame of a stream, but for what differs from packet to packet.
#[derive(Clone, Debug)]
pub struct Template<'a> {
    front: LaidOut,
    /// Over all that never changes and that the UDP checksum covers.
    constant: Sum,
    /// The UDP checksum of a packet that was left to a NIC (`CHECKSUM_PARTIAL`).
    partial: [u8; 2],
    tag: Tag,
    filling: Filling<'a>,
    long: bool,
    minimal: bool,
    frame_len: FrameLen,
    /// Bytes of the VLAN tags in it.
    tags_len: u16,
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
    /// Makes the frames of the run with `tag` that have `headers` and `payload_len` bytes of
    /// payload, for which `filling` has been made (see [`filling_len`]).
    ///
    /// `None` if the payload is shorter than a probe or longer than [`max_payload_len`], or if the
    /// addresses are of different families.
    #[must_use]
    pub fn new(
        headers: &Headers,
        tag: Tag,
        payload_len: u16,
        filling: Filling<'a>,
    ) -> Option<Self> {
        let udp_len = (Udp::LEN as u16).checked_add(payload_len)?;
        let front = Front::sent(headers, udp_len)?;
        let len = usize::from(payload_len);
        if !(probe::MIN_LEN..=max_payload_len(front.layout)).contains(&len) {
            return None;
        }
        Some(Self {
            partial: front.pseudo.fold().to_ne_bytes(),
            constant: front.pseudo.plus(front.udp().sum()),
            front: LaidOut::new(&front),
            tag,
            filling,
            long: len >= probe::LONG_LEN,
            minimal: len == probe::MIN_LEN,
            frame_len: FrameLen(front.layout.payload() as u16 + payload_len),
            tags_len: (front.layout.ip() - Layout::IPV4.ip()) as u16,
        })
    }

    /// Returns the length of every frame, without FCS.
    #[must_use]
    pub const fn frame_len(&self) -> FrameLen {
        self.frame_len
    }

    /// Returns the bytes of every frame, without VLAN tags and FCS.
    #[must_use]
    pub const fn untagged_frame_len(&self) -> FrameLen {
        FrameLen(self.frame_len.0 - self.tags_len)
    }

    /// Returns whether its probes are the shortest, which carry neither lag nor filling.
    #[must_use]
    pub const fn is_minimal(&self) -> bool {
        self.minimal
    }

    /// Returns its front, in the words of its layout.
    #[inline]
    pub(crate) const fn front(&self) -> &LaidOut {
        &self.front
    }

    /// Has all further frames go to `mac`.
    pub(super) const fn set_destination(&mut self, mac: Mac) {
        match &mut self.front {
            LaidOut::Ipv4(front) => front.set_destination(mac),
            LaidOut::TaggedIpv4(front) => front.set_destination(mac),
            LaidOut::TwiceTaggedIpv4(front) => front.set_destination(mac),
            LaidOut::Ipv6(front) => front.set_destination(mac),
            LaidOut::TaggedIpv6(front) => front.set_destination(mac),
            LaidOut::TwiceTaggedIpv6(front) => front.set_destination(mac),
        }
    }

    /// Writes one packet to the start of `frame`, which holds at least [`Self::frame_len`] bytes, and
    /// returns its length.
    pub fn write(&self, frame: &mut [u8], patch: &Patch) -> FrameLen {
        in_its_layout!(self, front => self
            .burst(front, patch.index, patch.time)
            .write(frame, patch.source_port, patch.lag))
    }

    /// Returns the packets from probe `first` of a stream on, sent at `time`, with the template's
    /// own `front`; their sequences do not come to [`Index::SEQUENCES`].
    #[must_use]
    #[inline]
    pub(crate) fn burst<'t, const FIXED: usize>(
        &'t self,
        front: &'t FrontWords<FIXED>,
        first: Index,
        time: Instant,
    ) -> Burst<'t, 'a, FIXED> {
        let head = Head::new(first, self.tag, time);
        let mut sum = self.constant.plus(head.sum());
        if self.long {
            sum = sum.plus(Tail::new(self.tag, Span::ZERO).sum());
        }
        Burst {
            template: self,
            front,
            head,
            time,
            index: first,
            sum: u32::from(sum.fold()),
        }
    }

    /// Writes a packet as if it were sent a little later, so that its checksum does not look like a
    /// `CHECKSUM_PARTIAL` one.
    #[cold]
    fn write_later<const FIXED: usize>(
        &self,
        front: &FrontWords<FIXED>,
        frame: &mut [u8],
        (index, mut time): (Index, Instant),
        source_port: u16,
        lag: Span,
    ) {
        loop {
            time = time + Span::from_nanos(1);
            let later = self.burst(front, index, time);
            if later.try_write::<false>(frame, source_port, lag) {
                return;
            }
        }
    }
}

/// The packets of one burst: neighbours in one stream, sent at one time, so that they have most of
/// their sum in common.
pub(crate) struct Burst<'t, 'a, const FIXED: usize> {
    template: &'t Template<'a>,
    front: &'t FrontWords<FIXED>,
    /// That of the first packet.
    head: Head,
    time: Instant,
    /// The index of the next packet.
    index: Index,
    /// The sum over the next packet without its source port, lag and filling.
    sum: u32,
}

/// The difference between the sums of an index and of the next (RFC 1624): 1 in the lowest byte of
/// the index, as it lies in memory.
const STEP: u32 = u16::from_ne_bytes(1_u16.to_le_bytes()) as u32;

impl<const FIXED: usize> Burst<'_, '_, FIXED> {
    /// Writes the next packet to the start of `frame`, which holds at least
    /// [`Template::frame_len`] bytes: sent `lag` after it was due.
    ///
    /// No packet is written whose right checksum looks like one that was left to a NIC, since a
    /// receiver would then overlook a change on the way: its time is one nanosecond later instead.
    #[inline(always)] // into the loop over a burst
    pub fn write(&mut self, frame: &mut [u8], source_port: u16, lag: Span) -> FrameLen {
        self.write_next::<false>(frame, source_port, lag);
        self.template.frame_len
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
                front,
                index,
                time,
                ..
            } = *self;
            template.write_later(front, frame, (index, time), source_port, lag);
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
        let template = self.template;
        let (filling, filling_sum) = if MINIMAL {
            (&[][..], 0)
        } else {
            template.filling.of(self.index)
        };
        let has_tail = !MINIMAL && template.long;
        let source_port = source_port.to_be_bytes();
        // Far from overflowing: 16 bits each, and a burst's steps.
        let mut sum = self.sum + u32::from(u16::from_ne_bytes(source_port));
        sum += u32::from(filling_sum);
        if has_tail {
            sum += u32::from(lag_sum(lag).fold());
        }
        let checksum = Sum::of_u32(sum).udp_checksum();
        if checksum == template.partial {
            return false;
        }
        let (front, mut rest) = FrontWords::<FIXED>::mut_from_prefix(frame)
            .expect("a frame is no shorter than its front");
        let source_port = [0, 0, source_port[0], source_port[1], 0, 0, 0, 0];
        let around = u64::from_ne_bytes(self.front.around_source_port);
        *front = FrontWords {
            fixed: self.front.fixed,
            around_source_port: (around | u64::from_ne_bytes(source_port)).to_ne_bytes(),
            udp_checksum: checksum,
            head: self.head.at(self.index),
        };
        if has_tail {
            let (tail_bytes, after) = rest.split_at_mut(size_of::<Tail>());
            tail_bytes.copy_from_slice(Tail::new(template.tag, lag).as_bytes());
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

/// Returns the bytes of filling in a payload of `payload_len` bytes.
#[must_use]
pub const fn filling_len(payload_len: u16) -> usize {
    let len = payload_len as usize;
    if len >= probe::LONG_LEN {
        len - probe::LONG_LEN
    } else {
        len.saturating_sub(probe::MIN_LEN)
    }
}

#[cfg(test)]
mod tests;
