//! Count, sum, least and greatest of latencies, exact.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::time::Span;

/// Exact moments of a latency distribution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Moments {
    /// The number of values.
    pub count: u64,
    /// Their sum in nanoseconds: the low 64 bits.
    sum_low: u64,
    /// Their sum in nanoseconds: the high 64 bits.
    sum_high: u64,
    /// The least, in nanoseconds; meaningless while `count` is 0.
    pub min_ns: u64,
    /// The greatest, in nanoseconds.
    pub max_ns: u64,
}

impl Moments {
    /// Counts `value`.
    #[inline]
    pub fn record(&mut self, value: Span) {
        self.add(1, value.as_nanos(), value.as_nanos(), value.as_nanos());
    }

    /// Counts `count` values at once, of which sum, least and greatest are known.
    #[inline]
    pub fn add(&mut self, count: u64, sum_ns: u64, min_ns: u64, max_ns: u64) {
        self.merge(&Self {
            count,
            sum_low: sum_ns,
            sum_high: 0,
            min_ns,
            max_ns,
        });
    }

    /// Adds what `other` counted.
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.min_ns = if self.count == 0 {
            other.min_ns
        } else {
            self.min_ns.min(other.min_ns)
        };
        self.max_ns = self.max_ns.max(other.max_ns);
        self.count += other.count;
        let (low, carry) = self.sum_low.overflowing_add(other.sum_low);
        self.sum_low = low;
        self.sum_high += other.sum_high + u64::from(carry);
    }

    /// Returns the sum of all values in nanoseconds.
    #[must_use]
    pub const fn sum_ns(&self) -> u128 {
        (self.sum_high as u128) << 64 | self.sum_low as u128
    }

    /// Returns least, mean and greatest in nanoseconds; `None` if nothing was counted.
    #[must_use]
    pub fn summary(&self) -> Option<(u64, f64, u64)> {
        if self.count == 0 {
            return None;
        }
        Some((
            self.min_ns,
            self.sum_ns() as f64 / self.count as f64,
            self.max_ns,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_do_not_depend_on_the_order() {
        for values in [[5, 9, 7], [9, 7, 5]] {
            let mut moments = Moments::default();
            for value in values {
                moments.record(Span::from_nanos(value));
            }
            assert_eq!(moments.summary(), Some((5, 7.0, 9)));
        }
    }

    #[test]
    fn moments_are_exact_beyond_64_bits() {
        let mut moments = Moments::default();
        assert_eq!(moments.summary(), None);
        for value in [u64::MAX, u64::MAX, 3] {
            moments.record(Span::from_nanos(value));
        }
        assert_eq!(moments.sum_ns(), 2 * u128::from(u64::MAX) + 3);
        let mut merged = Moments::default();
        merged.merge(&moments);
        merged.merge(&Moments::default());
        merged.merge(&moments);
        assert_eq!(merged.sum_ns(), 2 * moments.sum_ns());
        assert_eq!(
            (merged.count, merged.min_ns, merged.max_ns),
            (6, 3, u64::MAX)
        );
    }
}
