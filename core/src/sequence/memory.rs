//! The memory of a window: its parts, and how large a run makes them.

use super::word::BITS;
use crate::sync::{AtomicU64, zeros};

/// 16 words on cache lines of their own.
#[repr(align(128))]
pub struct Line(pub(super) [AtomicU64; LINE]);

/// The number of words in a line.
pub(super) const LINE: usize = 16;

impl Default for Line {
    fn default() -> Self {
        Self(zeros())
    }
}

/// A word that needs no line of its own.
pub struct Word(pub(super) AtomicU64);

impl Default for Word {
    fn default() -> Self {
        Self(AtomicU64::new(0))
    }
}

/// The size of a run, from which the sizes of a window's parts follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimensions {
    /// Tx queues of all ports together.
    pub streams: u16,
    /// Source ports of a stream, at least 1.
    pub source_ports: u32,
    /// Receiving workers.
    pub receivers: u16,
    /// The distance below the highest received sequence of its stream, in sequences, at which a
    /// probe is still told from its duplicate.
    pub window: u64,
}

impl Dimensions {
    pub(super) const fn is_shared(&self) -> bool {
        self.receivers > 1
    }

    /// Returns the number of bit rings of a stream.
    pub(super) const fn rings(&self) -> u64 {
        if self.is_shared() {
            self.source_ports as u64
        } else {
            1
        }
    }

    /// Returns the words of a ring: those of `window` bits, and two more because the window may
    /// begin and end within a word.
    pub(super) const fn words_per_ring(&self) -> u64 {
        let words = (self.window / self.rings() + 1) / BITS + 2;
        if self.is_shared() {
            words.next_multiple_of(LINE as u64)
        } else {
            words
        }
    }

    /// Returns the number of words from one flow's highest sequence to the next one's.
    const fn flow_stride(&self) -> usize {
        if self.is_shared() { LINE } else { 1 }
    }

    /// Returns the number of lines of [`WindowMemory::seen`].
    #[must_use]
    pub const fn seen_lines(&self) -> usize {
        let words = self.streams as u64 * self.rings() * self.words_per_ring();
        (words as usize).div_ceil(LINE)
    }

    /// Returns the number of words of [`WindowMemory::flows`].
    #[must_use]
    pub const fn flow_words(&self) -> usize {
        self.streams as usize * self.source_ports as usize * self.flow_stride()
    }

    /// Returns the number of lines of [`WindowMemory::sent`].
    #[must_use]
    pub const fn sent_lines(&self) -> usize {
        self.streams as usize
    }

    pub(super) const fn highest_lines_each(&self) -> usize {
        (self.streams as usize).div_ceil(LINE)
    }

    /// Returns the number of lines of [`WindowMemory::highest`].
    #[must_use]
    pub const fn highest_lines(&self) -> usize {
        self.receivers as usize * self.highest_lines_each()
    }
}

/// The memory of a window, zeroed, which the runtime provides.
#[derive(Clone, Copy)]
pub struct WindowMemory<'a> {
    /// The bit rings of all streams: [`Dimensions::seen_lines`].
    pub seen: &'a [Line],
    /// The highest received sequence of each flow: [`Dimensions::flow_words`]. Where several
    /// workers write to it, no two flows share a line, wherever the first one lies.
    pub flows: &'a [Word],
    /// The next sequence that each stream sends: [`Dimensions::sent_lines`].
    pub sent: &'a [Line],
    /// The highest sequence of each stream that each worker received:
    /// [`Dimensions::highest_lines`].
    pub highest: &'a [Line],
}
