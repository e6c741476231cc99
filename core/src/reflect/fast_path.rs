//! The fast path of [`super::FrameReflector`]: a frame whose headers are those of one that was
//! judged is turned round without being judged again.
//!
//! Nearly every frame of a run differs from the one before only in ports, UDP checksum and payload,
//! on none of which it depends whether it is sent back. So the rules stand in one place,
//! [`super::frame`], and cost nothing here, however many they become.

use crate::probe::layout::{Family, Layout};
use crate::simd::{Bytes16, lane_at};
use crate::wire::{Ipv4, Ipv6, Udp};

/// The most lanes that headers are compared in.
const MAX_LANES: usize = lanes_of(headers_len::TWICE_TAGGED_IPV6);

/// The headers of a frame that was sent back, as far as it depends on them whether it is.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// Bytes of the headers, which tell the layout; 0 if nothing is known.
    headers_len: usize,
    /// All of the headers but the UDP checksum.
    lanes: [Bytes16; MAX_LANES],
    /// The word that begins with the TTL, or the hop limit alone, as it is sent back.
    lowered_ttl: [u8; 4],
    /// The UDP checksum of such a packet if it was left to a NIC (`CHECKSUM_PARTIAL`); it has to be
    /// completed, which is not done here.
    partial: [u8; 2],
    /// Bytes of the frame up to the end of the IP packet.
    frame_len: usize,
}

/// Bytes of the headers of each layout.
pub(super) mod headers_len {
    use crate::probe::layout::{Family, Layout};

    pub const IPV4: usize = Layout::new(Family::V4, 0).payload();
    pub const TAGGED_IPV4: usize = Layout::new(Family::V4, 1).payload();
    pub const TWICE_TAGGED_IPV4: usize = Layout::new(Family::V4, 2).payload();
    pub const IPV6: usize = Layout::new(Family::V6, 0).payload();
    pub const TAGGED_IPV6: usize = Layout::new(Family::V6, 1).payload();
    pub const TWICE_TAGGED_IPV6: usize = Layout::new(Family::V6, 2).payload();
}

/// Returns how many lanes cover headers of this length but the UDP checksum at their end.
pub(super) const fn lanes_of(headers_len: usize) -> usize {
    (headers_len - Udp::LEN + Udp::CHECKSUM_AT).div_ceil(16)
}

/// Does something with the number of bytes of the known headers and that of their lanes as
/// constants, so that it is compiled for each layout; where nothing is known, for the first.
macro_rules! in_its_layout {
    ($known:expr, $headers:ident, $lanes:ident => $what:expr) => {{
        use $crate::reflect::fast_path::{headers_len, lanes_of};
        macro_rules! of {
            ($layout:ident) => {{
                const $headers: usize = headers_len::$layout;
                const $lanes: usize = lanes_of($headers);
                $what
            }};
        }
        match $known.headers_len() {
            headers_len::TAGGED_IPV4 => of!(TAGGED_IPV4),
            headers_len::TWICE_TAGGED_IPV4 => of!(TWICE_TAGGED_IPV4),
            headers_len::IPV6 => of!(IPV6),
            headers_len::TAGGED_IPV6 => of!(TAGGED_IPV6),
            headers_len::TWICE_TAGGED_IPV6 => of!(TWICE_TAGGED_IPV6),
            _ => of!(IPV4),
        }
    }};
}
pub(super) use in_its_layout;

impl Known {
    /// The knowledge of no headers.
    pub fn nothing() -> Self {
        Self {
            headers_len: 0,
            lanes: [Bytes16::new([0; 16]); MAX_LANES],
            lowered_ttl: [0; 4],
            partial: [0; 2],
            frame_len: 0,
        }
    }

    /// Knows the headers at the begin of `frame`, which was turned round into `sent`: an IP packet
    /// without options up to `frame_len`. One like it with the UDP checksum `partial` has to be
    /// completed.
    pub fn of(
        layout: Layout,
        frame: &[u8],
        sent: &[u8],
        frame_len: usize,
        partial: [u8; 2],
    ) -> Self {
        let mut known = Self {
            headers_len: layout.payload(),
            partial,
            frame_len,
            ..Self::nothing()
        };
        let lowered = sent.get(layout.ttl()..).and_then(|from| from.first_chunk());
        known.lowered_ttl = *lowered.unwrap_or(&[0; 4]);
        in_its_layout!(known, HEADERS, LANES => {
            if let Some(headers) = frame.first_chunk::<HEADERS>() {
                known.lanes[..LANES].copy_from_slice(&lanes::<HEADERS, LANES>(headers));
            }
        });
        known
    }

    /// Returns whether these are the headers of `other` too, whatever ports and UDP checksum.
    pub fn has_headers_of(&self, other: &Self) -> bool {
        self.headers_len == other.headers_len
            && in_its_layout!(self, HEADERS, LANES => {
                is_same::<LANES>(&self.lanes, &other.lanes)
            })
    }

    /// Returns the bytes of the known headers; 0 if nothing is known.
    #[inline(always)]
    pub const fn headers_len(&self) -> usize {
        self.headers_len
    }

    /// Turns `frame` round if its headers are the known ones, of `HEADERS` bytes and compared in
    /// `LANES` lanes; `false` if they are not, and it is left as it was.
    #[inline(always)] // into the loop over a burst
    pub fn turn_round<const HEADERS: usize, const LANES: usize>(&self, frame: &mut [u8]) -> bool {
        if self.headers_len != HEADERS || frame.len() < self.frame_len {
            return false;
        }
        let Some((headers, _)) = frame.split_first_chunk_mut::<HEADERS>() else {
            return false;
        };
        if !self.are::<HEADERS, LANES>(headers)
            || part::<HEADERS, 2>(headers, HEADERS - 2) == self.partial
        {
            return false;
        }
        match const { family(HEADERS) } {
            Family::V4 => {
                swap_ipv4(headers);
                let at = HEADERS - Udp::LEN - size_of::<Ipv4>() + Ipv4::TTL_AT;
                headers[at..at + 4].copy_from_slice(&self.lowered_ttl);
            }
            Family::V6 => {
                swap_ipv6(headers);
                let at = HEADERS - Udp::LEN - size_of::<Ipv6>() + Ipv6::HOP_LIMIT_AT;
                headers[at] = self.lowered_ttl[0];
            }
        }
        true
    }

    /// Returns whether these are the known headers, whatever ports and UDP checksum they have.
    #[inline(always)]
    fn are<const HEADERS: usize, const LANES: usize>(&self, headers: &[u8; HEADERS]) -> bool {
        is_same::<LANES>(&lanes::<HEADERS, LANES>(headers), &self.lanes)
    }
}

/// Returns whether the first `LANES` lanes of headers are the same, but for the ports in the last.
#[inline(always)]
fn is_same<const LANES: usize>(lanes: &[Bytes16], ours: &[Bytes16; MAX_LANES]) -> bool {
    let mut differing = (lanes[LANES - 1] ^ ours[LANES - 1]) & Bytes16::new(WITHOUT_PORTS);
    for (lane, ours) in lanes.iter().zip(ours).take(LANES - 1) {
        differing = differing | (*lane ^ *ours);
    }
    differing.is_zero()
}

/// All of the last lane but the ports: it ends with the UDP length.
#[rustfmt::skip]
const WITHOUT_PORTS: [u8; 16] =
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff];

/// Returns the family of headers of this length.
const fn family(headers_len: usize) -> Family {
    if headers_len < Layout::new(Family::V6, 0).payload() {
        Family::V4
    } else {
        Family::V6
    }
}

/// Returns the lanes of headers, which are all of them but the UDP checksum.
#[inline(always)]
fn lanes<const HEADERS: usize, const LANES: usize>(headers: &[u8; HEADERS]) -> [Bytes16; LANES] {
    let last = HEADERS - Udp::LEN + Udp::CHECKSUM_AT - 16;
    core::array::from_fn(|i| Bytes16::new(part(headers, lane_at(i, LANES, 0, last))))
}

/// Swaps source and destination of all three headers: the MACs, and then the IPv4 addresses and
/// ports.
#[inline(always)]
fn swap_ipv4<const HEADERS: usize>(headers: &mut [u8; HEADERS]) {
    swap_macs(headers);
    // From the IP checksum on and not from the addresses: no two shuffles of words and double words
    // do the same, which the compiler would take instead of one of bytes.
    shuffle(
        headers,
        HEADERS - 18,
        [0, 1, 6, 7, 8, 9, 2, 3, 4, 5, 12, 13, 10, 11, 14, 15],
    );
}

/// Swaps source and destination of all three headers: MACs, IPv6 addresses and ports.
#[inline(always)]
fn swap_ipv6<const HEADERS: usize>(headers: &mut [u8; HEADERS]) {
    swap_macs(headers);
    let destination_at = HEADERS - Udp::LEN - 16;
    let source_at = destination_at - 16;
    let (source, destination): ([u8; 16], [u8; 16]) =
        (part(headers, source_at), part(headers, destination_at));
    // The ports with what is in front of them, since that lane was read to be compared.
    shuffle(
        headers,
        HEADERS - 18,
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15],
    );
    headers[source_at..source_at + 16].copy_from_slice(&destination);
    headers[destination_at..destination_at + 16].copy_from_slice(&source);
}

#[inline(always)]
fn swap_macs<const HEADERS: usize>(headers: &mut [u8; HEADERS]) {
    shuffle(
        headers,
        0,
        [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 12, 13, 14, 15],
    );
}

/// Puts 16 bytes from `begin` on in another order.
#[inline(always)]
fn shuffle<const HEADERS: usize>(headers: &mut [u8; HEADERS], begin: usize, order: [u8; 16]) {
    let bytes = Bytes16::new(part(headers, begin)).shuffled(order).bytes();
    headers[begin..begin + 16].copy_from_slice(&bytes);
}

/// Returns the `N` bytes of the headers from `begin` on.
#[inline(always)]
fn part<const HEADERS: usize, const N: usize>(headers: &[u8; HEADERS], begin: usize) -> [u8; N] {
    *headers[begin..].first_chunk().expect("in the headers")
}
