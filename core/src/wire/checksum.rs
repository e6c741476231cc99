//! The Internet checksum (RFC 1071): a ones' complement sum of 16-bit words.
//!
//! The sum is the same in either byte order once it is stored back (RFC 1071, section 2 (B)), so
//! words are added as they lie in memory, several at a time, and folded at the end.

/// A ones' complement sum under way: 64 bits with an end-around carry, which is the same modulo
/// 2^16 - 1 as 16 bits with one (RFC 1071, section 2 (C)).
///
/// Parts may be added in any order as long as each begins at an even offset of what is summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// The sum of no words.
    pub const ZERO: Self = Self(0);

    /// Returns the sum over `bytes`, an odd last byte padded with a zero.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        // Two 32-bit halves a step cannot overflow 64 bits in any packet, and vectors can add them.
        let (words, tail) = bytes.as_chunks::<8>();
        let mut sum = 0;
        for word in words {
            let word = u64::from_ne_bytes(*word);
            sum += (word & 0xffff_ffff) + (word >> 32);
        }
        let mut last = [0; 8];
        last[..tail.len()].copy_from_slice(tail);
        Self(sum).plus(Self::of_u64(u64::from_ne_bytes(last)))
    }

    /// Returns the sum over the eight bytes of `word` as they lie in memory.
    #[must_use]
    #[inline]
    pub const fn of_u64(word: u64) -> Self {
        Self(word)
    }

    /// Returns the sum over the four bytes of `word` as they lie in memory.
    #[must_use]
    #[inline]
    pub const fn of_u32(word: u32) -> Self {
        Self(word as u64)
    }

    /// Returns the sum over the two bytes of `word` as they lie in memory.
    #[must_use]
    #[inline]
    pub const fn of_u16(word: u16) -> Self {
        Self(word as u64)
    }

    /// Returns this sum and `other` together.
    #[must_use]
    #[inline]
    pub const fn plus(self, other: Self) -> Self {
        let (sum, carry) = self.0.overflowing_add(other.0);
        // Where there was a carry the sum is far from another one.
        Self(sum + carry as u64)
    }

    /// Returns the sum folded to 16 bits, as it lies in memory.
    #[must_use]
    #[inline]
    pub const fn fold(self) -> u16 {
        // The upper half of a number and its halves exchanged is their sum, with its own carry.
        let sum = (self.0.wrapping_add(self.0.rotate_left(32)) >> 32) as u32;
        (sum.wrapping_add(sum.rotate_left(16)) >> 16) as u16
    }

    /// Returns the checksum that makes what was summed come out right, as it lies on the wire.
    #[must_use]
    pub const fn checksum(self) -> [u8; 2] {
        (!self.fold()).to_ne_bytes()
    }

    /// Returns the same for UDP, where a computed 0 is sent as 0xFFFF (RFC 768).
    #[must_use]
    #[inline]
    pub const fn udp_checksum(self) -> [u8; 2] {
        let checksum = !self.fold();
        let sent = if checksum == 0 { 0xffff } else { checksum };
        sent.to_ne_bytes()
    }

    /// Returns whether what was summed, its checksum included, is intact: all ones in 16 bits. A
    /// sum of nothing but zeros is not: there was no checksum.
    #[must_use]
    #[inline]
    pub const fn is_valid(self) -> bool {
        self.0 != 0 && self.is_zero()
    }

    /// Returns whether the sum is one of the two zeros of ones' complement: all zeros or all ones.
    #[must_use]
    #[inline]
    pub const fn is_zero(self) -> bool {
        // A multiple of 2^16 - 1: the product with that number's inverse is the quotient, and larger
        // than any quotient if there is a rest.
        const DIVISOR: u64 = 0xffff;
        const INVERSE: u64 = 0x0001_0001_0001_0001_u64.wrapping_neg();
        const { assert!(DIVISOR.wrapping_mul(INVERSE) == 1) };
        self.0.wrapping_mul(INVERSE) <= u64::MAX / DIVISOR
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// RFC 1071, section 4.1, word by word in big-endian order.
    fn by_the_book(bytes: &[u8]) -> u16 {
        let mut sum: u32 = 0;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    #[test]
    fn the_example_of_rfc_1071() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Sum::of(&bytes).checksum(), (!0xddf2_u16).to_be_bytes());
    }

    #[test]
    fn a_udp_checksum_is_never_zero() {
        assert_eq!(Sum::of(&[0xff, 0xff]).checksum(), [0, 0]);
        assert_eq!(Sum::of(&[0xff, 0xff]).udp_checksum(), [0xff, 0xff]);
    }

    proptest! {
        #[test]
        fn any_bytes_sum_as_by_the_book(bytes: Vec<u8>) {
            prop_assert_eq!(Sum::of(&bytes).checksum(), by_the_book(&bytes).to_be_bytes());
        }

        #[test]
        fn parts_add_up(bytes: Vec<u8>, at: usize) {
            let at = if bytes.is_empty() { 0 } else { (at % bytes.len()) & !1 };
            let parts = Sum::of(&bytes[..at]).plus(Sum::of(&bytes[at..]));
            prop_assert_eq!(parts.checksum(), Sum::of(&bytes).checksum());
        }

        #[test]
        fn what_carries_its_checksum_is_complete(mut bytes: Vec<u8>) {
            let even = bytes.len() & !1;
            bytes.truncate(even);
            bytes.extend(Sum::of(&bytes).checksum());
            prop_assert!(Sum::of(&bytes).is_valid());
        }

        #[test]
        fn the_largest_sums_fold(words: [u64; 4]) {
            let sum = words.iter().fold(Sum::ZERO, |sum, word| {
                sum.plus(Sum::of_u64(*word)).plus(Sum::of_u64(u64::MAX))
            });
            let mut bytes = Vec::new();
            for word in words {
                bytes.extend(word.to_ne_bytes());
                bytes.extend([0xff; 8]);
            }
            prop_assert_eq!(sum.checksum(), by_the_book(&bytes).to_be_bytes());
        }
    }
}
