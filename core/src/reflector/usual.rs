//! The usual frame, a whole UDP packet without IP options whose checksum is complete: told by a few
//! words and turned round on one straight way.

use super::IP_UDP;
use crate::wire::checksum::Sum;
use crate::wire::lanes::Lanes;
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

/// Whether a frame is a whole UDP packet without IP options, by the bytes in which that is written
/// and how many follow the headers.
#[inline(always)]
fn is_usual(headers: &Headers, bytes_after: usize) -> bool {
    // From the EtherType on: IPv4, 20 bytes of header, no fragment, UDP.
    const USUAL: [u8; 16] = [8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 0, Ipv4::UDP, 0, 0, 0, 0];
    #[rustfmt::skip]
    const MASK: [u8; 16] = [0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0x3f, 0xff, 0, 0xff, 0, 0, 0, 0];
    let total_length = u16::from_be_bytes(part(headers, 16));
    let difference = Lanes::new(part(headers, 12)) ^ Lanes::new(USUAL);
    usize::from(total_length).wrapping_sub(IP_UDP) <= bytes_after
        && (difference & Lanes::new(MASK)).is_zero()
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

/// Swaps source and destination of all three headers: the MACs, and then the IP addresses and ports.
#[inline(always)]
fn turn_round(headers: &mut Headers) {
    shuffle::<0>(
        headers,
        [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 12, 13, 14, 15],
    );
    // From 24 on and not from 26: no two shuffles of words and double words do the same, which the
    // compiler would take instead of one of bytes.
    shuffle::<24>(
        headers,
        [0, 1, 6, 7, 8, 9, 2, 3, 4, 5, 12, 13, 10, 11, 14, 15],
    );
}

/// Puts 16 bytes from `BEGIN` on in another order.
#[inline(always)]
fn shuffle<const BEGIN: usize>(headers: &mut Headers, order: [u8; 16]) {
    let bytes = Lanes::new(part(headers, BEGIN)).shuffled(order).bytes();
    headers[BEGIN..BEGIN + 16].copy_from_slice(&bytes);
}
