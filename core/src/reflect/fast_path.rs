//! The fast path of [`super::FrameReflector`]: a frame whose headers are those of one that was judged is
//! turned round without being judged again.
//!
//! Nearly every frame of a run differs from the one before only in ports, UDP checksum and payload,
//! on none of which it depends whether it is sent back. So the rules stand in one place,
//! [`super::frame`], and cost nothing here, however many there are.

use crate::probe::layout::Layout;
use crate::simd::Bytes16;

/// The headers of a packet without IP options, in which every field has a fixed place.
pub(super) type Headers = [u8; LAYOUT.payload()];

const LAYOUT: Layout = Layout::IPV4;

/// The offsets of the three lanes that are compared: together they hold all of the headers but the
/// UDP checksum.
const FIRST: usize = 0;
const MIDDLE: usize = LAYOUT.ip() + 2;
const LAST: usize = LAYOUT.ip_checksum();
/// The mask of the last lane, which leaves out the ports.
#[rustfmt::skip]
const LAST_MASK: [u8; 16] =
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff];
/// The offset of the four bytes of TTL, protocol and header checksum.
const TTL: usize = LAYOUT.ttl();
const UDP_CHECKSUM: usize = LAYOUT.udp_checksum();

/// The headers of a frame that was sent back: one that looks the same is sent back too.
#[derive(Clone, Copy)]
pub(super) struct Known {
    first: Bytes16,
    middle: Bytes16,
    last: Bytes16,
    /// The bytes from the TTL to the header checksum, as they are sent back.
    lowered_ttl: [u8; 4],
    /// The UDP checksum of such a packet if it was left to a NIC (`CHECKSUM_PARTIAL`); it has to be
    /// completed, which is not done here.
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

    /// Turns `frame` round if its headers are the known ones and its UDP checksum needs no
    /// completing; otherwise leaves it as it was and returns `false`.
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

    /// Returns whether these are the known headers, whatever ports and UDP checksum they have.
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

/// Puts the 16 bytes from `BEGIN` on into `order`.
#[inline(always)]
fn shuffle<const BEGIN: usize>(headers: &mut Headers, order: [u8; 16]) {
    let bytes = lanes::<BEGIN>(headers).shuffled(order).bytes();
    headers[BEGIN..BEGIN + 16].copy_from_slice(&bytes);
}

/// Returns the 16 bytes of the headers from `BEGIN` on.
#[inline(always)]
fn lanes<const BEGIN: usize>(headers: &Headers) -> Bytes16 {
    Bytes16::new(part(headers, BEGIN))
}

/// Returns the `N` bytes of the headers from `begin` on.
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
