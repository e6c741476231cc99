//! The window: which sequences of a stream were sent and have come, and so which probes are
//! duplicates, reordered or too old.
//!
//! This is the anti-replay window of IPsec (RFC 4303, section 3.4.3), one bit for each sequence,
//! with two questions more: whether a probe was ever sent, and whether a later one of its flow has
//! come before it (RFC 4737, section 3.3). A duplicate (RFC 5560) is one on whichever queue it
//! arrives, so the receiving workers share the window. With one of them it is written by
//! `exclusive`, with several by `shared`.
//!
//! A word holds the bits of 32 sequences and the epoch of the ring that they belong to, so nothing has
//! to be cleared as the ring goes round.
//!
//! ```
//! use dpdkgen_core::probe::Index;
//! use dpdkgen_core::sequence::{Dimensions, Line, Novelty, SequenceWindow, WindowMemory, Word};
//!
//! fn zeroed<T: Default>(count: usize) -> Vec<T> {
//!     (0..count).map(|_| T::default()).collect()
//! }
//! let size = Dimensions { streams: 1, source_ports: 2, receivers: 1, window: 64 };
//! let memory = WindowMemory {
//!     seen: &zeroed::<Line>(size.seen_lines()),
//!     flows: &zeroed::<Word>(size.flow_words()),
//!     sent: &zeroed::<Line>(size.sent_lines()),
//!     highest: &zeroed::<Line>(size.highest_lines()),
//! };
//! let window = SequenceWindow::new(size, memory).expect("memory of that size");
//! window.set_sent(0, 4);
//! let mut cursor = window.cursor(0);
//! let mut insert = |sequence, port_offset| cursor.insert(Index::new(0, sequence), port_offset);
//! assert_eq!(insert(2, 0), Novelty::New { reordered: false });
//! assert_eq!(insert(0, 0), Novelty::New { reordered: true }); // of the same flow
//! assert_eq!(insert(1, 1), Novelty::New { reordered: false }); // of another
//! assert_eq!(insert(2, 0), Novelty::Duplicate);
//! assert_eq!(insert(4, 0), Novelty::NeverSent);
//! ```

mod divisor;
mod exclusive;
mod memory;
mod shared;
mod word;

use self::divisor::Divisor;
use self::exclusive::{Block, NO_BLOCK};
use self::memory::LINE;
use self::word::BITS;
use crate::probe::Index;
use crate::sync::{AtomicU64, Relaxed};

pub use self::memory::{Dimensions, Line, WindowMemory, Word};

/// The window of all streams of a run.
pub struct SequenceWindow<'a> {
    dimensions: Dimensions,
    memory: WindowMemory<'a>,
    is_shared: bool,
    rings: u64,
    highest_lines_each: usize,
    by_source_ports: Divisor,
    by_words_per_ring: Divisor,
}

/// The answer of the window to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Novelty {
    /// Not seen before.
    New {
        /// `true` if a later one of its flow was seen before.
        reordered: bool,
    },
    /// Seen before.
    Duplicate,
    /// Too far below its stream's highest to say.
    TooOld,
    /// No such probe was sent.
    NeverSent,
}

impl<'a> SequenceWindow<'a> {
    /// Makes an empty window; `None` if the memory is too small or the dimensions hold a zero.
    #[must_use]
    pub fn new(dimensions: Dimensions, memory: WindowMemory<'a>) -> Option<Self> {
        let large_enough = memory.seen.len() >= dimensions.seen_lines()
            && memory.flows.len() >= dimensions.flow_words()
            && memory.sent.len() >= dimensions.sent_lines()
            && memory.highest.len() >= dimensions.highest_lines();
        let none = dimensions.streams == 0 || dimensions.source_ports == 0;
        if !large_enough || none {
            return None;
        }
        Some(Self {
            dimensions,
            memory,
            is_shared: dimensions.is_shared(),
            rings: dimensions.rings(),
            highest_lines_each: dimensions.highest_lines_each(),
            by_source_ports: Divisor::new(u64::from(dimensions.source_ports)),
            by_words_per_ring: Divisor::new(dimensions.words_per_ring()),
        })
    }

    /// Returns the number of streams.
    #[must_use]
    pub const fn streams(&self) -> u16 {
        self.dimensions.streams
    }

    /// Notes that the sequences of `stream` below `next` may be on their way; called by its sender
    /// before it hands over the last of them. Relaxed, since nothing else is told by it: who has a
    /// probe from the device sees what its sender did before it handed the probe to the device.
    #[inline]
    pub fn set_sent(&self, stream: u16, next: u64) {
        self.memory.sent[usize::from(stream)].0[0].store(next, Relaxed);
    }

    /// Returns whether probe `index` may be on its way, or has been.
    #[must_use]
    pub fn was_sent(&self, index: Index) -> bool {
        let sent = self.memory.sent.get(usize::from(index.stream()));
        sent.is_some_and(|sent| index.sequence() < sent.0[0].load(Relaxed))
    }

    /// Forgets what was seen, for a bench that receives the same probes again; no receiver may be
    /// looking at the time.
    pub fn clear(&self) {
        let lines = self.memory.seen.iter().chain(self.memory.highest);
        let words = lines.flat_map(|line| &line.0);
        let flows = self.memory.flows.iter().map(|Word(highest)| highest);
        words.chain(flows).for_each(|word| word.store(0, Relaxed));
    }

    /// Returns the cursor of the receiving worker `receiver`, of which there may be only one.
    ///
    /// # Panics
    ///
    /// Panics if the window was made for fewer receivers.
    #[must_use]
    pub fn cursor(&'a self, receiver: u16) -> WindowCursor<'a> {
        let mut highest = self.memory.highest.chunks_exact(self.highest_lines_each);
        let highest = highest
            .nth(usize::from(receiver))
            .expect("a receiver of the run's");
        WindowCursor {
            sequences: self,
            window: self.dimensions.window,
            highest,
            block: Block {
                block: NO_BLOCK,
                sent: &self.memory.sent[0].0[0],
                sent_seen: 0,
                highest: 0,
                kept_highest: &highest[0].0[0],
                flows: &[],
                word: &self.memory.seen[0].0[0],
            },
        }
    }

    /// Returns the word of `position` in a bit ring, and the epoch of the ring.
    #[inline]
    fn word(&self, ring: u64, position: u64) -> (&'a AtomicU64, u64) {
        let (epoch, word) = self.by_words_per_ring.divide(position / BITS);
        let at = (ring * self.by_words_per_ring.divisor + word) as usize;
        (&self.memory.seen[at / LINE].0[at % LINE], epoch)
    }
}

/// A receiving worker's access to the window.
pub struct WindowCursor<'a> {
    pub(crate) sequences: &'a SequenceWindow<'a>,
    window: u64,
    /// The highest sequence of each stream that this worker received, on lines that no other writes
    /// to.
    highest: &'a [Line],
    /// The block of the last sequence, since mostly its neighbour follows; used where no other
    /// worker receives.
    block: Block<'a>,
}

impl<'a> WindowCursor<'a> {
    const fn is_shared(&self) -> bool {
        self.sequences.is_shared
    }

    /// Inserts `index` and returns whether it was new; `port_offset` is the distance of its source
    /// port above the first.
    #[inline]
    pub fn insert(&mut self, index: Index, port_offset: u16) -> Novelty {
        if self.is_shared() {
            self.insert_shared(index, port_offset)
        } else {
            self.insert_exclusive(index, port_offset)
        }
    }
}

#[cfg(test)]
mod tests;
