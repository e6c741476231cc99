//! A fixed-size log-linear histogram of times, for one writer and any readers.
//!
//! Values below 128 ns have a bucket each; from there on every power of two is divided into 128, so
//! a bucket is at most 1/128 of its values wide, and its middle, which quantiles report, is off by
//! at most 0.4 %. Values of 2^48 ns (78 hours) and more share the last bucket.
//!
//! ```
//! use dpdkgen_core::stats::histogram::{Histogram, quantile};
//! use dpdkgen_core::time::Span;
//!
//! let histogram = Histogram::default();
//! for latency in [900, 1_000, 1_100, 50_000] {
//!     histogram.record(Span::from_nanos(latency));
//! }
//! let counts: Vec<u64> = histogram.counts().collect();
//! let median = quantile(&counts, 0.5).expect("something was counted");
//! assert!(median.as_nanos().abs_diff(1_000) <= 4);
//! ```

use crate::sync::{AtomicU64, Relaxed, add, zeros};
use crate::time::Span;

const SUB_BITS: u32 = 7;
const SUB: usize = 1 << SUB_BITS;
const MAX_BITS: u32 = 48;

/// The number of buckets of a histogram.
pub const BUCKETS: usize = (MAX_BITS - SUB_BITS + 1) as usize * SUB;

/// A histogram of times, which one thread writes.
pub struct Histogram {
    counts: [AtomicU64; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: zeros() }
    }
}

impl Histogram {
    /// Counts `value`; only one thread may call this.
    #[inline]
    pub fn record(&self, value: Span) {
        add(&self.counts[bucket(value)], 1);
    }

    /// Returns how many values each bucket holds, read while the writer may go on.
    pub fn counts(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().map(|count| count.load(Relaxed))
    }
}

/// Returns the bucket that `value` falls into.
#[must_use]
#[inline]
pub const fn bucket(value: Span) -> usize {
    let value = value.as_nanos();
    if value < SUB as u64 {
        return value as usize;
    }
    let shift = u64::BITS - 1 - value.leading_zeros() - SUB_BITS;
    let bucket = ((shift as usize) << SUB_BITS) + (value >> shift) as usize;
    if bucket < BUCKETS {
        bucket
    } else {
        BUCKETS - 1
    }
}

/// Returns the lowest and the highest value of a bucket (the last one's own range, not what
/// overflows).
#[must_use]
pub const fn range(bucket: usize) -> (Span, Span) {
    let shift = (bucket >> SUB_BITS).saturating_sub(1);
    let lowest = ((bucket - (shift << SUB_BITS)) as u64) << shift;
    (
        Span::from_nanos(lowest),
        Span::from_nanos(lowest + (1 << shift) - 1),
    )
}

/// Returns the value below or at which the share `quantile` (0 to 1) of what `counts` holds lies:
/// the middle of its bucket. `None` if there is nothing.
#[must_use]
pub fn quantile(counts: &[u64], quantile: f64) -> Option<Span> {
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return None;
    }
    // The nearest rank, from 1; `as` saturates, and a share of a count is far from 2^64. There is
    // no `ceil` without std.
    let exact = quantile * total as f64;
    let floor = exact as u64;
    let rank = (floor + u64::from(exact > floor as f64)).clamp(1, total);
    let mut seen = 0;
    let bucket = counts.iter().position(|count| {
        seen += count;
        seen >= rank
    })?;
    let (lowest, highest) = range(bucket);
    Some(Span::from_nanos(u64::midpoint(
        lowest.as_nanos(),
        highest.as_nanos(),
    )))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_touch_and_do_not_overlap() {
        let mut next = 0;
        for index in 0..BUCKETS {
            let (lowest, highest) = range(index);
            assert_eq!(lowest.as_nanos(), next);
            assert_eq!((bucket(lowest), bucket(highest)), (index, index));
            assert!(
                (highest.as_nanos() - lowest.as_nanos()) as f64 <= lowest.as_nanos() as f64 / 128.0
            );
            next = highest.as_nanos() + 1;
        }
        assert_eq!(next, 1 << MAX_BITS);
        for beyond in [Span::from_nanos(next), Span::MAX] {
            assert_eq!(bucket(beyond), BUCKETS - 1);
        }
    }

    proptest! {
        #[test]
        fn quantiles_are_within_one_percent(
            mut values in prop::collection::vec((0_u64..1 << 48, 0_u32..48), 1..500),
            share in 0.0_f64..=1.0,
        ) {
            let histogram = std::boxed::Box::<Histogram>::default();
            let mut values: Vec<u64> = values.drain(..).map(|(v, shift)| v >> shift).collect();
            for value in &values {
                histogram.record(Span::from_nanos(*value));
            }
            values.sort_unstable();
            let rank = ((share * values.len() as f64).ceil() as usize).max(1);
            let exact = values[rank - 1];
            let counts: Vec<u64> = histogram.counts().collect();
            let got = quantile(&counts, share).unwrap();
            prop_assert!(got.as_nanos().abs_diff(exact) as f64 <= exact as f64 * 0.004, "{got:?} {exact}");
        }
    }

    #[test]
    fn a_share_that_comes_out_whole_is_a_rank() {
        let mut counts = [0; BUCKETS];
        (counts[3], counts[5]) = (1, 1);
        let at = |share| quantile(&counts, share);
        assert_eq!(
            (at(0.0), at(0.5)),
            (Some(Span::from_nanos(3)), Some(Span::from_nanos(3)))
        );
        assert_eq!(
            (at(0.51), at(1.0)),
            (Some(Span::from_nanos(5)), Some(Span::from_nanos(5)))
        );
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(quantile(&[0; BUCKETS], 0.5), None);
    }
}
