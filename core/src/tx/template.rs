//! A stream's finished frame: built once, and patched per packet.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

use crate::port::FrameLen;
use crate::probe::filling::Filling;
use crate::probe::layout::{Addresses, IPV4_FRONT_LEN, Ipv4Front, Layout};
use crate::probe::{self, Head, Index, Tag, Tail};
use crate::time::{Instant, Span};
use crate::wire::Udp;
use crate::wire::checksum::Sum;

/// The most bytes of UDP payload: those that an IP packet of 9000 bytes carries.
pub const MAX_PAYLOAD_LEN: usize = 9000 - Layout::IPV4.of_mtu() as usize;

/// The bytes of [`Ipv4Front`] as few words, split where those that change from packet to packet
/// begin and end.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct FrontWords {
    fixed: [[u8; 16]; 2],
    /// The source port is bytes 2 and 3.
    around_source_port: [u8; 8],
    udp_checksum: [u8; 2],
    head: Head,
}

/// The frame of a stream without what differs from packet to packet.
#[derive(Clone, Debug)]
pub struct Template<'a> {
    front: FrontWords,
    /// The sum over all that the UDP checksum covers and that never changes.
    constant: Sum,
    /// The UDP checksum of a packet that was left to a NIC (`CHECKSUM_PARTIAL`).
    partial: [u8; 2],
    tag: Tag,
    filling: Filling<'a>,
    long: bool,
    frame_len: FrameLen,
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
    /// Makes the frames of the run with `tag` between `addresses`, with `payload_len` bytes of
    /// payload, for which `filling` has been made (see [`filling_len`]).
    ///
    /// `None` if the payload is shorter than a probe or longer than [`MAX_PAYLOAD_LEN`].
    #[must_use]
    pub fn new(
        addresses: &Addresses,
        tag: Tag,
        payload_len: u16,
        filling: Filling<'a>,
    ) -> Option<Self> {
        if !(probe::MIN_LEN..=MAX_PAYLOAD_LEN).contains(&usize::from(payload_len)) {
            return None;
        }
        let udp_len = Udp::LEN as u16 + payload_len;
        let front = Ipv4Front::sent(addresses, udp_len);
        let pseudo = front.ip.pseudo_header(udp_len);
        Some(Self {
            partial: pseudo.fold().to_ne_bytes(),
            constant: pseudo.plus(front.udp.sum()),
            front: transmute!(front),
            tag,
            filling,
            long: usize::from(payload_len) >= probe::LONG_LEN,
            frame_len: FrameLen(Layout::IPV4.payload() as u16 + payload_len),
        })
    }

    /// Returns the length of every frame, without FCS.
    #[must_use]
    pub const fn frame_len(&self) -> FrameLen {
        self.frame_len
    }

    /// Returns whether its probes are the shortest, which carry neither lag nor filling.
    #[must_use]
    pub const fn is_minimal(&self) -> bool {
        self.frame_len.0 as usize == IPV4_FRONT_LEN
    }

    /// Writes one packet to the start of `frame` as [`Burst::write`] does, and returns its length.
    pub fn write(&self, frame: &mut [u8], patch: &Patch) -> FrameLen {
        self.burst(patch.index, patch.time)
            .write(frame, patch.source_port, patch.lag)
    }

    /// Returns the writer of the packets from probe `first` of a stream on, sent at `time`; none of
    /// their sequences may come to [`Index::SEQUENCES`].
    #[must_use]
    #[inline]
    pub fn burst(&self, first: Index, time: Instant) -> Burst<'_, 'a> {
        let head = Head::new(first, self.tag, time);
        let mut sum = self.constant.plus(head.sum());
        if self.long {
            sum = sum.plus(Tail::new(self.tag, Span::ZERO).sum());
        }
        Burst {
            template: self,
            head,
            time,
            index: first,
            sum: u32::from(sum.fold()),
        }
    }

    #[cold]
    fn write_later(
        &self,
        frame: &mut [u8],
        index: Index,
        mut time: Instant,
        source_port: u16,
        lag: Span,
    ) {
        loop {
            time = time + Span::from_nanos(1);
            if self
                .burst(index, time)
                .try_write::<false>(frame, source_port, lag)
            {
                return;
            }
        }
    }
}

/// The writer of the packets of one burst, which are neighbours in one stream and sent at one time,
/// so that they have most of their sum in common.
pub struct Burst<'t, 'a> {
    template: &'t Template<'a>,
    /// The head of the first packet.
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

impl Burst<'_, '_> {
    /// Writes the next packet, which is sent `lag` after it was due, to the start of `frame`, which
    /// holds at least [`Template::frame_len`] bytes, and returns its length.
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
        FrameLen(IPV4_FRONT_LEN as u16)
    }

    #[inline(always)]
    fn write_next<const MINIMAL: bool>(&mut self, frame: &mut [u8], source_port: u16, lag: Span) {
        if !self.try_write::<MINIMAL>(frame, source_port, lag) {
            self.template
                .write_later(frame, self.index, self.time, source_port, lag);
        }
        self.index = self.index.next();
        self.sum += STEP;
    }

    /// Writes the next packet; if its checksum would look like one that was left to a NIC, writes
    /// nothing and returns `false`.
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
        let (front, mut rest) =
            FrontWords::mut_from_prefix(frame).expect("a frame is no shorter than its front");
        let source_port = [0, 0, source_port[0], source_port[1], 0, 0, 0, 0];
        let around = u64::from_ne_bytes(template.front.around_source_port);
        *front = FrontWords {
            fixed: template.front.fixed,
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
mod tests {
    use std::vec;

    use proptest::prelude::*;

    use super::*;
    use crate::probe::Age;
    use crate::testing::{ADDRESSES, with_filling};

    fn written(payload_len: u16, seed: u64, tag: u64, patch: &Patch) -> vec::Vec<u8> {
        let mut frame = vec![0xa5; 9100];
        let FrameLen(len) = with_filling(seed, filling_len(payload_len), |filling| {
            let template = Template::new(&ADDRESSES, Tag::new(tag), payload_len, filling);
            template.unwrap().write(&mut frame, patch)
        });
        assert!(
            frame[usize::from(len)..].iter().all(|byte| *byte == 0xa5),
            "wrote too far"
        );
        frame.truncate(usize::from(len));
        frame
    }

    proptest! {
        #[test]
        fn etherparse_finds_every_frame_well_formed(
            payload_len in 16_u16..=8972,
            seed: u64,
            tag: u64,
            index: u64,
            source_port: u16,
            time: u64,
            lag: u64,
        ) {
            let index = Index::new((index >> 48) as u16, index);
            let patch = Patch { index, source_port, time: Instant::from_nanos(time), lag: Span::from_nanos(lag) };
            let frame = written(payload_len, seed, tag, &patch);
            let parsed = etherparse::SlicedPacket::from_ethernet(&frame).unwrap();
            let Some(etherparse::NetSlice::Ipv4(ip)) = parsed.net else { panic!("no IPv4") };
            let header = ip.header().to_header();
            prop_assert_eq!(header.header_checksum, header.calc_header_checksum());
            prop_assert_eq!(usize::from(header.total_len), frame.len() - 14);
            let Some(etherparse::TransportSlice::Udp(udp)) = parsed.transport else {
                panic!("no UDP")
            };
            let theirs = udp.to_header().calc_checksum_ipv4(&header, udp.payload()).unwrap();
            prop_assert_eq!(udp.checksum(), theirs);
            prop_assert_eq!(udp.source_port(), source_port);
            prop_assert_eq!(udp.payload().len(), usize::from(payload_len));
        }
    }

    proptest! {
        #[test]
        fn a_bare_probe_is_written_as_any(
            tag: u64,
            stream: u16,
            sequence in 0..Index::SEQUENCES - 1000,
            source_port: u16,
            time in 0..1_u64 << 60,
        ) {
            with_filling(1, 0, |filling| {
                let template = Template::new(&ADDRESSES, Tag::new(tag), 16, filling).unwrap();
                prop_assert!(template.is_minimal());
                let first = Index::new(stream, sequence);
                let mut bare = template.burst(first, Instant::from_nanos(time));
                let mut any = template.burst(first, Instant::from_nanos(time));
                for i in 0..1000 {
                    let source_port = source_port.wrapping_add(i * 13);
                    let (mut one, mut other) = ([0xa5; 64], [0xa5; 64]);
                    let len = bare.write_minimal(&mut one, source_port);
                    prop_assert_eq!(len, any.write(&mut other, source_port, Span::ZERO));
                    prop_assert_eq!(one, other);
                }
                Ok(())
            })?;
        }
    }

    #[test]
    fn no_checksum_looks_as_if_it_were_left_to_a_nic() {
        with_filling(1, filling_len(16), |filling| {
            let template = Template::new(&ADDRESSES, Tag::new(1), 16, filling).unwrap();
            let mut frame = [0; 58];
            let mut postponed = 0;
            // Every sum comes up several times.
            for sequence in 0..300_000 {
                let patch = Patch {
                    index: Index::new(0, sequence),
                    source_port: 10_000,
                    time: Instant::from_nanos(1000),
                    lag: Span::ZERO,
                };
                template.write(&mut frame, &patch);
                assert_ne!(frame[40..42], template.partial);
                let (head, _) = Head::ref_from_prefix(&frame[Layout::IPV4.payload()..]).unwrap();
                let Age::Past(age) = head.age(Instant::from_nanos(2000)) else {
                    panic!("from the future");
                };
                match age.as_nanos() {
                    1000 => {}
                    999 => postponed += 1,
                    age => panic!("{age}"),
                }
            }
            assert!((1..100).contains(&postponed), "{postponed}");
        });
    }

    #[test]
    fn the_last_probe_of_all_is_written() {
        let patch = Patch {
            index: Index::new(u16::MAX, Index::SEQUENCES - 1),
            source_port: 1,
            time: Instant::from_nanos(1),
            lag: Span::ZERO,
        };
        let frame = written(16, 1, 1, &patch);
        let (head, _) = Head::ref_from_prefix(&frame[Layout::IPV4.payload()..]).unwrap();
        assert_eq!(head.index(), patch.index);
    }

    #[test]
    fn a_payload_that_holds_no_probe_is_refused() {
        with_filling(0, 0, |filling| {
            assert!(Template::new(&ADDRESSES, Tag::new(0), 15, filling).is_none());
            assert!(Template::new(&ADDRESSES, Tag::new(0), 8973, filling).is_none());
        });
    }
}
