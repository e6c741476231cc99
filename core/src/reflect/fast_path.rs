//! The fast path of [`super::FrameReflector`]: a frame whose headers are those of one that was judged is
//! turned round without being judged again.
//!
//! Nearly every frame of a run differs from the one before only in ports, UDP checksum and payload,
//! on none of which it depends whether it is sent back. So the rules stand in one place,
//! [`super::frame`], and cost nothing here, however many there are.

use crate::probe::layout::Layout;
use crate::simd::Bytes16;

/// The headers of a packet without IP options: all of it is at fixed places.
pub(super) type Headers = [u8; LAYOUT.payload()];

const LAYOUT: Layout = Layout::IPV4;

/// Where the lanes begin that are compared: together they are all of the headers but the UDP
/// checksum.
const FIRST: usize = 0;
const MIDDLE: usize = LAYOUT.ip() + 2;
const LAST: usize = LAYOUT.ip_checksum();
/// All of the last lanes but the ports.
#[rustfmt::skip]
const LAST_MASK: [u8; 16] =
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff];
/// TTL, protocol and header checksum.
const TTL: usize = LAYOUT.ttl();
const UDP_CHECKSUM: usize = LAYOUT.udp_checksum();

/// Headers of a frame that is sent back, as far as that depends on them.
#[derive(Clone, Copy)]
pub(super) struct Known {
    first: Bytes16,
    middle: Bytes16,
    last: Bytes16,
    /// From the TTL to the header checksum, as they are sent back.
    lowered_ttl: [u8; 4],
    /// The checksum of a `CHECKSUM_PARTIAL` packet, which has to be completed.
    partial: [u8; 2],
    /// Bytes of the frame up to the end of the IP packet.
    frame_len: usize,
}

impl Known {
    /// Knows no headers.
    pub fn nothing() -> Self {
        Self {
            frame_len: usize::MAX,
            ..Self::of(&[0; LAYOUT.payload()], &[0; LAYOUT.payload()], [0; 2])
        }
    }

    /// Knows `headers` without IP options, which were turned round into `sent`; `partial` is the
    /// UDP checksum that has to be completed.
    pub fn of(headers: &Headers, sent: &Headers, partial: [u8; 2]) -> Self {
        let total_length = u16::from_be_bytes(part(headers, MIDDLE));
        Self {
            first: lanes::<FIRST>(headers),
            middle: lanes::<MIDDLE>(headers),
            last: lanes::<LAST>(headers),
            lowered_ttl: part(sent, TTL),
            partial,
            frame_len: LAYOUT.ip() + usize::from(total_length),
        }
    }

    /// Turns `frame` round if its headers are the known ones; `false` if they are not, and it is
    /// left as it was.
    #[inline(always)] // into the loop over a burst
    pub fn turn_round(&self, frame: &mut [u8]) -> bool {
        if frame.len() < self.frame_len {
            return false;
        }
        let Some((headers, _)) = frame.split_first_chunk_mut() else {
            return false;
        };
        if !self.are(headers) || part::<2>(headers, UDP_CHECKSUM) == self.partial {
            return false;
        }
        swap(headers);
        headers[TTL..TTL + 4].copy_from_slice(&self.lowered_ttl);
        true
    }

    /// Returns whether these are the known headers.
    #[inline(always)]
    fn are(&self, headers: &Headers) -> bool {
        let first = lanes::<FIRST>(headers) ^ self.first;
        let middle = lanes::<MIDDLE>(headers) ^ self.middle;
        let last = (lanes::<LAST>(headers) ^ self.last) & Bytes16::new(LAST_MASK);
        (first | middle | last).is_zero()
    }
}

/// Swaps source and destination of all three headers: the MACs, and then the IP addresses and
/// ports.
#[inline(always)]
fn swap(headers: &mut Headers) {
    shuffle::<FIRST>(
        headers,
        [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 12, 13, 14, 15],
    );
    // From the checksum on and not from the addresses: no two shuffles of words and double words do the same, which the
    // compiler would take instead of one of bytes.
    shuffle::<LAST>(
        headers,
        [0, 1, 6, 7, 8, 9, 2, 3, 4, 5, 12, 13, 10, 11, 14, 15],
    );
}

/// Puts 16 bytes from `BEGIN` on in another order.
#[inline(always)]
fn shuffle<const BEGIN: usize>(headers: &mut Headers, order: [u8; 16]) {
    let bytes = lanes::<BEGIN>(headers).shuffled(order).bytes();
    headers[BEGIN..BEGIN + 16].copy_from_slice(&bytes);
}

/// Returns 16 bytes of the headers.
#[inline(always)]
fn lanes<const BEGIN: usize>(headers: &Headers) -> Bytes16 {
    Bytes16::new(part(headers, BEGIN))
}

/// Returns `N` bytes of the headers.
#[inline(always)]
fn part<const N: usize>(headers: &Headers, begin: usize) -> [u8; N] {
    *headers[begin..].first_chunk().expect("in the headers")
}

const _: () = {
    // Nothing is left between the three but the UDP checksum.
    assert!(MIDDLE == FIRST + 16 && LAST <= MIDDLE + 16 && LAST + 16 == UDP_CHECKSUM);
    // The total length is what the middle begins with.
    assert!(MIDDLE < TTL && TTL + 4 > LAST);
};
