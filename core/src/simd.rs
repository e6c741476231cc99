//! Sixteen bytes at a time: what tells a usual frame, and turns one round, in a few instructions.
//!
//! On x86-64 with SSE4.1 they are a vector, elsewhere one wide word.

use core::ops::{BitAnd, BitOr, BitXor};

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse4.1")))]
pub use words::Bytes16;

#[cfg(all(target_arch = "x86_64", target_feature = "sse4.1"))]
pub use vectors::Bytes16;

/// Returns where lane `i` of `lanes` begins, which together cover all from `begin` to the end of a
/// last lane at `last`. Lanes may overlap, but none reaches into the last six bytes of the last one.
pub const fn lane_at(i: usize, lanes: usize, begin: usize, last: usize) -> usize {
    let at = begin + 16 * i;
    if i + 1 == lanes {
        last
    } else if at + 16 > last + 10 {
        last - 16
    } else {
        at
    }
}

/// Defines `Bytes16` over a type of 16 bytes with its operators.
macro_rules! bytes16 {
    ($inner:ty) => {
        /// Sixteen bytes as they lie in memory.
        #[derive(Clone, Copy)]
        pub struct Bytes16($inner);

        impl BitXor for Bytes16 {
            type Output = Self;

            #[inline(always)]
            fn bitxor(self, other: Self) -> Self {
                Self(self.0 ^ other.0)
            }
        }

        impl BitAnd for Bytes16 {
            type Output = Self;

            #[inline(always)]
            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }

        impl BitOr for Bytes16 {
            type Output = Self;

            #[inline(always)]
            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
    };
}

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse4.1"))))]
mod words {
    use super::{BitAnd, BitOr, BitXor};

    bytes16!(u128);

    impl Bytes16 {
        /// Makes a vector of these bytes.
        #[inline(always)]
        pub const fn new(bytes: [u8; 16]) -> Self {
            Self(u128::from_ne_bytes(bytes))
        }

        /// Returns the bytes.
        #[inline(always)]
        pub const fn bytes(self) -> [u8; 16] {
            self.0.to_ne_bytes()
        }

        /// Returns whether no bit is set.
        #[inline(always)]
        pub const fn is_zero(self) -> bool {
            self.0 == 0
        }

        /// Returns in place `i` the byte that was in place `order[i]`, below 16.
        #[inline(always)]
        pub fn shuffled(self, order: [u8; 16]) -> Self {
            let bytes = self.bytes();
            Self::new(order.map(|from| bytes[usize::from(from)]))
        }
    }
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse4.1"))]
mod vectors {
    use safe_arch::{m128i, shuffle_av_i8z_all_m128i, testz_m128i};

    use super::{BitAnd, BitOr, BitXor};

    bytes16!(m128i);

    impl Bytes16 {
        /// Makes a vector of these bytes.
        #[inline(always)]
        pub fn new(bytes: [u8; 16]) -> Self {
            Self(bytes.into())
        }

        /// Returns the bytes.
        #[inline(always)]
        pub fn bytes(self) -> [u8; 16] {
            self.0.into()
        }

        /// Returns whether no bit is set.
        #[inline(always)]
        pub fn is_zero(self) -> bool {
            testz_m128i(self.0, self.0) == 1
        }

        /// Returns in place `i` the byte that was in place `order[i]`, below 16.
        #[inline(always)]
        pub fn shuffled(self, order: [u8; 16]) -> Self {
            Self(shuffle_av_i8z_all_m128i(self.0, order.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn words_and_vectors_do_the_same(a: [u8; 16], b: [u8; 16], order in prop::array::uniform16(0_u8..16)) {
            let both = |of: fn(Bytes16, Bytes16) -> Bytes16, in_words: fn(words::Bytes16, words::Bytes16) -> words::Bytes16| {
                let expected = in_words(words::Bytes16::new(a), words::Bytes16::new(b));
                let lanes = of(Bytes16::new(a), Bytes16::new(b));
                assert_eq!(lanes.bytes(), expected.bytes());
                assert_eq!(lanes.is_zero(), expected.is_zero());
            };
            both(|a, b| a ^ b, |a, b| a ^ b);
            both(|a, b| a & b, |a, b| a & b);
            both(|a, b| a | b, |a, b| a | b);
            both(|a, _| a ^ a, |a, _| a ^ a);
            let shuffled = Bytes16::new(a).shuffled(order).bytes();
            prop_assert_eq!(shuffled, words::Bytes16::new(a).shuffled(order).bytes());
            for (byte, from) in shuffled.iter().zip(order) {
                prop_assert_eq!(*byte, a[usize::from(from)]);
            }
        }

        #[test]
        fn one_bit_is_not_zero(bit in 0_u32..128) {
            let bytes = (1_u128 << bit).to_ne_bytes();
            prop_assert!(!Bytes16::new(bytes).is_zero() && !words::Bytes16::new(bytes).is_zero());
        }
    }
}
