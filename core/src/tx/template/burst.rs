//! The packets of one burst, written one after the other.

use zerocopy::{FromBytes, IntoBytes};

use super::Template;
use super::fronts::{FrontWords, Fronts, OfSize};
use crate::port::FrameLen;
use crate::probe::{Head, Index, Tag, Tail};
use crate::time::{Instant, Span};
use crate::wire::checksum::Sum;

/// The packets of one burst: neighbours in one stream, sent at one time, so that they have most of
/// their sum in common.
pub(crate) struct Burst<'t, 'a, const FIXED: usize, const IS_MIX: bool> {
    pub(super) template: &'t Template<'a>,
    pub(super) fronts: &'t Fronts<'a, FIXED>,
    /// That of the first packet.
    pub(super) head: Head,
    pub(super) time: Instant,
    /// The index of the next packet.
    pub(super) index: Index,
    /// The sum over the next packet without its source port, lag and filling; in a mix without what
    /// its size has in common either.
    pub(super) sum: u32,
    /// The place of the next packet in the cycle of a mix.
    pub(super) place: usize,
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
    pub(super) fn try_write<const MINIMAL: bool>(
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
