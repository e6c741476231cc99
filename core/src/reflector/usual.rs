//! The usual frame, a whole UDP packet without IP options whose checksum is complete: told by a few
//! words and turned round on one straight way.

use super::IP_UDP;
use crate::wire::checksum::Sum;
use crate::wire::{HEADERS_LEN, Ipv4};

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

/// Whether a frame is a whole UDP packet without IP options, by the words in which that is written
/// and how many bytes follow the headers.
#[inline(always)]
fn is_usual(headers: &Headers, bytes_after: usize) -> bool {
    const IPV4_WITHOUT_OPTIONS: u32 = u32::from_ne_bytes([0x08, 0, 0x45, 0]);
    const ITS_MASK: u32 = u32::from_ne_bytes([0xff, 0xff, 0xff, 0]);
    const WHOLE_UDP: u32 = u32::from_ne_bytes([0, 0, 0, Ipv4::UDP]);
    const THEIR_MASK: u32 = u32::from_ne_bytes([0x3f, 0xff, 0, 0xff]);
    let total_length = u16::from_be_bytes(part(headers, 16));
    u32::from_ne_bytes(part(headers, 12)) & ITS_MASK == IPV4_WITHOUT_OPTIONS
        && u32::from_ne_bytes(part(headers, 20)) & THEIR_MASK == WHOLE_UDP
        && usize::from(total_length).wrapping_sub(IP_UDP) <= bytes_after
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
        .is_complete()
}

/// Swaps source and destination of all three headers.
#[cfg(not(all(target_arch = "x86_64", target_feature = "ssse3")))]
#[inline(always)]
fn turn_round(headers: &mut Headers) {
    by_words(headers);
}

/// Swaps source and destination of all three headers: one shuffle for the MACs, and one for the IP
/// addresses and ports.
#[cfg(all(target_arch = "x86_64", target_feature = "ssse3"))]
#[inline(always)]
fn turn_round(headers: &mut Headers) {
    shuffle::<0>(
        headers,
        [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 12, 13, 14, 15],
    );
    shuffle::<26>(
        headers,
        [4, 5, 6, 7, 0, 1, 2, 3, 10, 11, 8, 9, 12, 13, 14, 15],
    );
}

/// Puts 16 bytes from `BEGIN` on in another order.
#[cfg(all(target_arch = "x86_64", target_feature = "ssse3"))]
#[inline(always)]
fn shuffle<const BEGIN: usize>(headers: &mut Headers, order: [u8; 16]) {
    use safe_arch::{m128i, shuffle_av_i8z_all_m128i};

    let bytes: [u8; 16] = part(headers, BEGIN);
    let shuffled: [u8; 16] =
        shuffle_av_i8z_all_m128i(m128i::from(bytes), m128i::from(order)).into();
    headers[BEGIN..BEGIN + 16].copy_from_slice(&shuffled);
}

/// [`turn_round`] without vectors.
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "ssse3"))))]
#[inline(always)]
fn by_words(headers: &mut Headers) {
    let (destination, source): ([u8; 6], [u8; 6]) = (part(headers, 0), part(headers, 6));
    headers[..6].copy_from_slice(&source);
    headers[6..12].copy_from_slice(&destination);
    let addresses = u64::from_ne_bytes(part(headers, 26)).rotate_left(32);
    headers[26..34].copy_from_slice(&addresses.to_ne_bytes());
    let ports = u32::from_ne_bytes(part(headers, 34)).rotate_left(16);
    headers[34..38].copy_from_slice(&ports.to_ne_bytes());
}

#[cfg(test)]
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
            by_words(&mut other);
            prop_assert_eq!(headers, other);
        }
    }
}
