//! Segmentation: many datagrams of one length that pass through the kernel as one (UDP GSO and GRO).

use super::ancillary::Told;
use crate::sys::batch::Piece;

/// The most datagrams that the kernel takes or gives as one: what all kernels with `UDP_SEGMENT` do.
pub const MAX_SEGMENTS: usize = 64;

/// The most bytes that it takes as one: of an IP packet, with the longer headers.
const MAX_BYTES: usize = 65_535 - 48;

/// The most slots that are received into at once where each may have that many datagrams: those of a
/// largest burst.
pub const MAX_SLOTS: u16 = dpdkgen_run::request::limits::MAX_BURST / MAX_SEGMENTS as u16;

/// Bytes of a slot that may have that many.
pub const ROOM: usize = 65_536;

/// Returns how many datagrams of `len` bytes of payload are sent as one.
#[must_use]
pub fn per_message(len: usize) -> usize {
    (MAX_BYTES / len.max(1)).clamp(1, MAX_SEGMENTS)
}

/// Returns the datagrams that were received as one of `len` bytes in a slot.
pub fn of(slot: usize, len: usize, told: &Told) -> impl Iterator<Item = Piece> + use<> {
    let each = told.segment.filter(|each| *each > 0).unwrap_or(len.max(1));
    // One of no bytes is one.
    (0..len.max(1)).step_by(each).map(move |at| Piece {
        slot,
        at,
        len: each.min(len - at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::headers::Seen;

    fn lens(len: usize, segment: Option<usize>) -> Vec<(usize, usize)> {
        let seen = Seen {
            traffic_class: 0,
            ttl: 0,
        };
        let told = Told {
            to: None,
            seen,
            segment,
            arrived: None,
        };
        of(3, len, &told)
            .map(|piece| (piece.at, piece.len))
            .collect()
    }

    #[test]
    fn what_was_joined_is_parted_again() {
        assert_eq!(lens(100, None), [(0, 100)]);
        assert_eq!(lens(100, Some(100)), [(0, 100)]);
        assert_eq!(lens(100, Some(40)), [(0, 40), (40, 40), (80, 20)]);
        assert_eq!(lens(80, Some(40)), [(0, 40), (40, 40)]);
        assert_eq!(lens(0, None), [(0, 0)]);
        assert_eq!(lens(5, Some(0)), [(0, 5)]);
    }

    #[test]
    fn what_is_sent_as_one_fits_in_one() {
        assert_eq!([16, 1000, 1472, 8972].map(per_message), [64, 64, 44, 7]);
        assert_eq!(per_message(65_507), 1);
    }
}
