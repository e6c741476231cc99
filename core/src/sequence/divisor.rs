//! Division by a number that is known beforehand.

/// Divides numbers below 2^48 by one that is known beforehand, without a division.
#[derive(Clone, Copy, Debug)]
pub(super) struct Divisor {
    pub(super) divisor: u64,
    reciprocal: u64,
}

impl Divisor {
    /// Prepares to divide by `divisor`, from 1 to 2^48 - 1.
    pub(super) const fn new(divisor: u64) -> Self {
        assert!(divisor > 0 && divisor < 1 << 48);
        Self {
            divisor,
            reciprocal: u64::MAX / divisor,
        }
    }

    /// Returns the quotient and the remainder of `number`.
    #[inline]
    pub(super) const fn divide(self, number: u64) -> (u64, u64) {
        // Short by at most one, since the reciprocal is short by less than one.
        let quotient = ((number as u128 * self.reciprocal as u128) >> 64) as u64;
        let rest = number - quotient * self.divisor;
        if rest >= self.divisor {
            (quotient + 1, rest - self.divisor)
        } else {
            (quotient, rest)
        }
    }
}
