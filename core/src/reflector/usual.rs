//! The usual frame, a whole UDP packet without IP options whose checksum is complete: told by a few
//! words and turned round on one straight way.

use super::IP_UDP;
use crate::wire::checksum::Sum;
use crate::wire::{HEADERS_LEN, Ipv4};

#[cfg(all(target_arch = "x86_64", target_feature = "sse4.1"))]
use vectors::{are_alike, turn_round};
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse4.1")))]
use words::{are_alike, turn_round};

/// The headers of a packet without IP options: all of it is at fixed places.
type Headers = [u8; HEADERS_LEN];

/// [`super::reflect`] for nearly every frame: what is no such frame it says and leaves as it is.
#[inline(always)] // into the loop over a burst
pub fn reflect_usual(frame: &mut [u8]) -> bool {
    let Some((headers, rest)) = frame.split_first_chunk_mut() else {
        return false;
    };
    if !is_usual(headers, rest.len()) || may_be_partial(headers) {
        return false;
    }
    turn_round(headers);
    true
}

/// `N` bytes of the headers.
#[inline(always)]
fn part<const N: usize>(headers: &Headers, begin: usize) -> [u8; N] {
    *headers[begin..].first_chunk().expect("in the headers")
}

/// Whether a frame is a whole UDP packet without IP options, by the bytes in which that is written
/// and how many follow the headers.
#[inline(always)]
fn is_usual(headers: &Headers, bytes_after: usize) -> bool {
    // From the EtherType on: IPv4, 20 bytes of header, no fragment, UDP.
    const USUAL: [u8; 16] = [8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 0, Ipv4::UDP, 0, 0, 0, 0];
    #[rustfmt::skip]
    const MASK: [u8; 16] = [0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0x3f, 0xff, 0, 0xff, 0, 0, 0, 0];
    let total_length = u16::from_be_bytes(part(headers, 16));
    usize::from(total_length).wrapping_sub(IP_UDP) <= bytes_after
        && are_alike(MASK, part(headers, 12), USUAL)
}

/// Whether the checksum may be the sum of the pseudo-header: their difference is none, or the one
/// between 0 and 0xFFFF.
#[inline(always)]
fn may_be_partial(headers: &Headers) -> bool {
    const PROTOCOL: u16 = u16::from_ne_bytes([0, Ipv4::UDP]);
    const COMPLEMENT: u32 = u32::from_ne_bytes([0, 0, 0xff, 0xff]);
    let addresses = u64::from_ne_bytes(part(headers, 26));
    let length_and_checksum = u32::from_ne_bytes(part(headers, 38));
    Sum::of_u32(length_and_checksum ^ COMPLEMENT)
        .plus(Sum::of_u16(PROTOCOL))
        .plus(Sum::of_u64(addresses))
        .is_zero()
}

/// Without vectors.
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse4.1"))))]
mod words {
    use super::{Headers, part};

    /// Whether `these` and `those` differ in no bit of `mask`.
    #[inline(always)]
    pub fn are_alike(mask: [u8; 16], these: [u8; 16], those: [u8; 16]) -> bool {
        let [mask, these, those] = [mask, these, those].map(u128::from_ne_bytes);
        (these ^ those) & mask == 0
    }

    /// Swaps source and destination of all three headers.
    #[inline(always)]
    pub fn turn_round(headers: &mut Headers) {
        let (destination, source): ([u8; 6], [u8; 6]) = (part(headers, 0), part(headers, 6));
        headers[..6].copy_from_slice(&source);
        headers[6..12].copy_from_slice(&destination);
        let addresses = u64::from_ne_bytes(part(headers, 26)).rotate_left(32);
        headers[26..34].copy_from_slice(&addresses.to_ne_bytes());
        let ports = u32::from_ne_bytes(part(headers, 34)).rotate_left(16);
        headers[34..38].copy_from_slice(&ports.to_ne_bytes());
    }
}

/// The same with vectors.
#[cfg(all(target_arch = "x86_64", target_feature = "sse4.1"))]
mod vectors {
    use safe_arch::{m128i, shuffle_av_i8z_all_m128i, testz_m128i};

    use super::{Headers, part};

    /// Whether `these` and `those` differ in no bit of `mask`.
    #[inline(always)]
    pub fn are_alike(mask: [u8; 16], these: [u8; 16], those: [u8; 16]) -> bool {
        let difference = m128i::from(these) ^ m128i::from(those);
        testz_m128i(difference, m128i::from(mask)) == 1
    }

    /// Swaps source and destination of all three headers: one shuffle for the MACs, and one for the
    /// IP addresses and ports.
    #[inline(always)]
    pub fn turn_round(headers: &mut Headers) {
        shuffle::<0>(
            headers,
            [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 12, 13, 14, 15],
        );
        // From 24 on and not from 26: no two shuffles of words and double words do the same, which
        // the compiler would take instead of one of bytes.
        shuffle::<24>(
            headers,
            [0, 1, 6, 7, 8, 9, 2, 3, 4, 5, 12, 13, 10, 11, 14, 15],
        );
    }

    /// Puts 16 bytes from `BEGIN` on in another order.
    #[inline(always)]
    fn shuffle<const BEGIN: usize>(headers: &mut Headers, order: [u8; 16]) {
        let bytes: [u8; 16] = part(headers, BEGIN);
        let shuffled: [u8; 16] =
            shuffle_av_i8z_all_m128i(m128i::from(bytes), m128i::from(order)).into();
        headers[BEGIN..BEGIN + 16].copy_from_slice(&shuffled);
    }
}

#[cfg(all(test, target_arch = "x86_64", target_feature = "sse4.1"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn vectors_turn_round_what_words_do(bytes: [u8; 32], more: [u8; HEADERS_LEN - 32]) {
            let mut headers = [0; HEADERS_LEN];
            headers[..32].copy_from_slice(&bytes);
            headers[32..].copy_from_slice(&more);
            let mut other = headers;
            turn_round(&mut headers);
            words::turn_round(&mut other);
            prop_assert_eq!(headers, other);
        }

        #[test]
        fn vectors_tell_apart_what_words_do(
            mask: [u8; 16],
            these: [u8; 16],
            changed in 0_usize..16,
            change: u8,
        ) {
            let mut those = these;
            those[changed] ^= change;
            prop_assert_eq!(are_alike(mask, these, those), change & mask[changed] == 0);
            prop_assert_eq!(words::are_alike(mask, these, those), change & mask[changed] == 0);
        }
    }
}
