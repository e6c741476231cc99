//! A word of the bit ring: 32 sequences, and the epoch of the ring that they belong to.

/// The number of sequences in a word.
pub(super) const BITS: u64 = 32;

/// Returns a word of `epoch` in which no sequence was seen; memory that was never written is of no
/// epoch.
#[inline]
pub(super) const fn none_seen(epoch: u64) -> u64 {
    (epoch + 1) << BITS
}

/// Returns the bit of `position` in its word.
#[inline]
pub(super) const fn bit(position: u64) -> u64 {
    1 << (position % BITS)
}

/// The epoch of a word of the ring, compared with another epoch.
pub(super) enum Epoch {
    Earlier,
    Same,
    Later,
}

impl Epoch {
    pub(super) const fn of(word: u64, epoch: u64) -> Self {
        let (is, own) = (word >> BITS, epoch + 1);
        if is < own {
            Self::Earlier
        } else if is == own {
            Self::Same
        } else {
            Self::Later
        }
    }
}
