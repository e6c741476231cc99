//! The probe: what a UDP payload of ours says of itself.
//!
//! | bytes | field, little-endian |
//! |---|---|
//! | 0-7 | index: stream in the top 16 bits, sequence in the low 48 |
//! | 8-15 | low 16 bits of the tag in the top 16 bits, nanoseconds since the run's start in the low 48 |
//! | 16-19 | from 24 bytes on: lag, nanoseconds from due to sent, saturating |
//! | 20-23 | from 24 bytes on: the upper 32 bits of the tag |
//! | then | filling |

pub mod filling;
pub mod layout;
pub mod sizes;

use zerocopy::byteorder::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::time::{Instant, Span};
use crate::wire::checksum::Sum;

/// The length in bytes of the shortest probe.
pub const MIN_LEN: usize = size_of::<Head>();
/// The length in bytes from which on a probe carries its lag and the whole tag.
pub const LONG_LEN: usize = size_of::<Head>() + size_of::<Tail>();

const LOW_48: u64 = (1 << 48) - 1;

/// The first 16 bytes of every probe.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Head {
    index: U64,
    tag_time: U64,
}

impl Head {
    /// Makes the head of probe `index` of the run with `tag`, sent at `time`.
    #[must_use]
    pub const fn new(index: Index, tag: Tag, time: Instant) -> Self {
        Self {
            index: U64::new(index.0),
            tag_time: U64::new((tag.short() as u64) << 48 | (time.as_nanos() & LOW_48)),
        }
    }

    /// Returns the index of the probe.
    #[must_use]
    pub const fn index(&self) -> Index {
        Index(self.index.get())
    }

    /// Returns this head with another `index`.
    #[inline]
    pub(crate) const fn at(mut self, index: Index) -> Self {
        self.index = U64::new(index.0);
        self
    }

    /// Returns the low 16 bits of the run's tag.
    #[must_use]
    pub const fn tag_short(&self) -> u16 {
        (self.tag_time.get() >> 48) as u16
    }

    /// Returns the age of the probe at `now`. Its time has 48 bits, which wrap after 78 hours;
    /// since nothing was sent before the run's start, a time that would be before it is one ahead
    /// of `now`.
    #[must_use]
    pub const fn age(&self, now: Instant) -> Age {
        Age::of(self.since_sent(now), now)
    }

    /// Returns the time from sending to `now` in nanoseconds modulo 2^48, of which [`Age::of`]
    /// makes an age.
    #[inline]
    pub(crate) const fn since_sent(&self, now: Instant) -> Span {
        Span::from_nanos(now.as_nanos().wrapping_sub(self.tag_time.get()) & LOW_48)
    }

    /// Returns the sum over the 16 bytes.
    #[must_use]
    #[inline]
    pub const fn sum(&self) -> Sum {
        Sum::of_u64(u64::from_ne_bytes(self.index.to_bytes()))
            .plus(Sum::of_u64(u64::from_ne_bytes(self.tag_time.to_bytes())))
    }
}

/// Returns the greatest age that a probe can have at `now`; one that seems to be older was stamped
/// after `now`.
#[inline]
pub(crate) const fn oldest_at(now: Instant) -> Span {
    if now.as_nanos() < LOW_48 / 2 {
        now.since_start()
    } else {
        Span::from_nanos(LOW_48 / 2)
    }
}

/// The time of a probe relative to its reader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// The probe was sent so long ago.
    Past(Span),
    /// The probe was sent so far in the future.
    Ahead(Span),
}

impl Age {
    /// Returns the age of a probe that was sent `since_sent` before `now`, in nanoseconds modulo
    /// 2^48.
    pub(crate) const fn of(since_sent: Span, now: Instant) -> Self {
        if since_sent.as_nanos() <= oldest_at(now).as_nanos() {
            Self::Past(since_sent)
        } else {
            Self::Ahead(Span::from_nanos((1 << 48) - since_sent.as_nanos()))
        }
    }
}

/// Bytes 16 to 23 of a probe of at least [`LONG_LEN`] bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Tail {
    lag_ns: U32,
    tag_rest: U32,
}

impl Tail {
    /// Makes the tail of a probe of the run with `tag` that was sent `lag` after it was due.
    #[must_use]
    pub const fn new(tag: Tag, lag: Span) -> Self {
        let lag_ns = if lag.as_nanos() > u32::MAX as u64 {
            u32::MAX
        } else {
            lag.as_nanos() as u32
        };
        Self {
            lag_ns: U32::new(lag_ns),
            tag_rest: U32::new(tag.rest()),
        }
    }

    /// Returns how long after its due time the probe was sent; 4.29 s means that or more.
    #[must_use]
    pub const fn lag(&self) -> Span {
        Span::from_nanos(self.lag_ns.get() as u64)
    }

    /// Returns the upper 32 bits of the run's tag.
    #[must_use]
    pub const fn tag_rest(&self) -> u32 {
        self.tag_rest.get()
    }

    /// Returns the sum over the 8 bytes.
    #[must_use]
    #[inline]
    pub const fn sum(&self) -> Sum {
        Sum::of_u32(u32::from_ne_bytes(self.lag_ns.to_bytes()))
            .plus(Sum::of_u32(u32::from_ne_bytes(self.tag_rest.to_bytes())))
    }
}

/// The number of a probe in its run: a stream (one tx queue of one port) and a sequence in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Index(u64);

impl Index {
    /// The number of sequences of a stream; each is below it.
    pub const SEQUENCES: u64 = 1 << 48;

    /// Makes the index of probe `sequence` of `stream`; only the low 48 bits of the sequence count.
    #[must_use]
    pub const fn new(stream: u16, sequence: u64) -> Self {
        Self((stream as u64) << 48 | (sequence & LOW_48))
    }

    /// Returns the stream.
    #[must_use]
    pub const fn stream(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// Returns the sequence in the stream, from 0.
    #[must_use]
    pub const fn sequence(self) -> u64 {
        self.0 & LOW_48
    }

    /// Returns the next index of the stream; after the last of them, one that means nothing.
    #[must_use]
    #[inline]
    pub(crate) const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Returns stream and sequence in one word.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// The mark that tells the probes of one run from those of another: 48 bits, of which a probe of
/// less than [`LONG_LEN`] bytes carries the low 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag(u64);

impl Tag {
    /// The number of tags; each is below it.
    pub const TAGS: u64 = 1 << 48;

    /// Makes the tag `value`, of which only the low 48 bits count.
    #[must_use]
    pub const fn new(value: u64) -> Self {
        Self(value & LOW_48)
    }

    /// Returns all 48 bits.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Returns the 16 bits that every probe carries.
    #[must_use]
    pub const fn short(self) -> u16 {
        self.0 as u16
    }

    /// Returns the 32 bits that only long probes carry.
    #[must_use]
    pub const fn rest(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_laid_out_as_documented() {
        let tag = Tag::new(0xaabb_ccdd_eeff);
        let head = Head::new(
            Index::new(0x0102, 0x0304_0506_0708),
            tag,
            Instant::from_nanos(0x1112_1314_1516),
        );
        assert_eq!(
            head.as_bytes(),
            [
                0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
                0xff, 0xee
            ]
        );
        let tail = Tail::new(tag, Span::from_nanos(0x2122_2324));
        assert_eq!(
            tail.as_bytes(),
            [0x24, 0x23, 0x22, 0x21, 0xdd, 0xcc, 0xbb, 0xaa]
        );
        assert_eq!(
            (head.index().stream(), head.index().sequence()),
            (0x0102, 0x0304_0506_0708)
        );
        assert_eq!(
            (head.tag_short(), tail.tag_rest()),
            (tag.short(), tag.rest())
        );
    }

    #[test]
    fn a_tag_has_48_bits() {
        let tag = Tag::new(0xaabb_ccdd_eeff);
        assert_eq!(tag.get(), 0xaabb_ccdd_eeff);
        assert_eq!(Tag::new(Tag::TAGS + 5), Tag::new(5));
        assert_ne!(Tag::new(Tag::TAGS - 1), Tag::new(Tag::TAGS / 2 - 1));
    }

    #[test]
    fn a_lag_beyond_32_bits_saturates() {
        assert_eq!(
            Tail::new(Tag::new(0), Span::from_secs(5)).lag(),
            Span::from_nanos(0xffff_ffff)
        );
    }

    #[test]
    fn the_age_survives_the_wrap_of_48_bits() {
        let sent = Instant::from_nanos((1 << 48) - 5);
        let head = Head::new(Index::new(0, 0), Tag::new(0xffff), sent);
        assert_eq!(
            head.age(Instant::from_nanos((1 << 48) + 7)),
            Age::Past(Span::from_nanos(12))
        );
        assert_eq!(
            head.age(Instant::from_nanos((1 << 48) - 5)),
            Age::Past(Span::ZERO)
        );
        assert_eq!(
            head.age(Instant::from_nanos((1 << 48) - 9)),
            Age::Ahead(Span::from_nanos(4))
        );
        assert_eq!(
            head.age(Instant::from_nanos(10)),
            Age::Ahead(Span::from_nanos((1 << 48) - 15)),
            "before the start"
        );
        let soon = Head::new(
            Index::new(0, 0),
            Tag::new(0),
            Instant::from_nanos((1 << 48) + 11),
        );
        assert_eq!(
            soon.age(Instant::from_nanos((1 << 48) + 7)),
            Age::Ahead(Span::from_nanos(4)),
            "however long the run"
        );
    }
}
