//! The window where one worker receives: written with plain stores, and laid out by sequence, so that
//! neighbours share a cache line.

use super::memory::{LINE, Word};
use super::word::{BITS, Epoch, bit, none_seen};
use super::{Novelty, WindowCursor};
use crate::probe::Index;
use crate::sync::{AtomicU64, Relaxed};

/// The number of no block.
pub(super) const NO_BLOCK: u64 = u64::MAX;

/// Thirty-two neighbouring sequences of a stream, and what is known of them.
pub(super) struct Block<'a> {
    /// The number of the block: the indices of its probes, divided by 32.
    pub(super) block: u64,
    pub(super) sent: &'a AtomicU64,
    /// The value of `sent` when it was looked at last.
    pub(super) sent_seen: u64,
    /// The highest received sequence of the stream.
    pub(super) highest: u64,
    /// The word that keeps `highest` while other blocks are looked at.
    pub(super) kept_highest: &'a AtomicU64,
    /// The highest received sequence of each flow of the stream, by the distance of its source port
    /// above the first.
    pub(super) flows: &'a [Word],
    /// The block's word of the bit ring, in which the block's epoch has begun.
    pub(super) word: &'a AtomicU64,
}

impl<'a> WindowCursor<'a> {
    /// Inserts as [`Self::insert`] does, where no other worker receives.
    pub(super) fn insert_exclusive(&mut self, index: Index, port_offset: u16) -> Novelty {
        if index.get() / BITS != self.block.block
            && let Err(novelty) = self.seek(index)
        {
            return novelty;
        }
        let (block, sequence) = (&mut self.block, index.sequence());
        if !block.was_sent(sequence) {
            return Novelty::NeverSent;
        }
        if sequence > block.highest {
            block.highest = sequence;
        } else if sequence + self.window < block.highest {
            return Novelty::TooOld;
        }
        let mut seen = block.word.load(Relaxed);
        let novelty = insert_bit(&mut seen, bit(sequence), block.flows, port_offset, sequence);
        block.word.store(seen, Relaxed);
        novelty
    }

    /// Opens the block of `index`, in which it and its neighbours can be inserted; `None` if
    /// `index` has to go through [`Self::insert`], as always where other workers receive too.
    #[inline(always)] // into the loop over a burst, so that what is in hand stays in registers
    pub(crate) fn open_block(&mut self, index: Index) -> Option<OpenBlock<'_, 'a>> {
        if self.is_shared() {
            return None;
        }
        if index.get() / BITS != self.block.block {
            self.seek(index).ok()?;
        }
        let block = &mut self.block;
        let number = index.get() % BITS;
        let first_sequence = index.sequence() - number;
        let last_sequence = first_sequence + BITS - 1;
        let is_none_too_old = first_sequence + self.window >= block.highest.max(last_sequence);
        block.was_sent(last_sequence);
        let len = block.sent_seen.saturating_sub(first_sequence).min(BITS);
        (is_none_too_old && number < len).then(|| OpenBlock {
            first: index.get() - number,
            len,
            first_sequence,
            seen: block.word.load(Relaxed),
            flows: block.flows,
            block,
        })
    }

    /// Moves to the block of `index`.
    ///
    /// # Errors
    ///
    /// Returns what `index` is, if it was never sent or is too old.
    #[inline(never)]
    fn seek(&mut self, index: Index) -> Result<(), Novelty> {
        let (sequences, sequence) = (self.sequences, index.sequence());
        let stream = usize::from(index.stream());
        let sent = &sequences
            .memory
            .sent
            .get(stream)
            .ok_or(Novelty::NeverSent)?
            .0[0];
        let sent_seen = sent.load(Relaxed);
        if sequence >= sent_seen {
            return Err(Novelty::NeverSent);
        }
        self.block.kept_highest.store(self.block.highest, Relaxed);
        let kept_highest = &self.highest[stream / LINE].0[stream % LINE];
        let highest = kept_highest.load(Relaxed);
        if sequence + self.window < highest {
            return Err(Novelty::TooOld);
        }
        let (word, epoch) = sequences.word(stream as u64, sequence);
        match Epoch::of(word.load(Relaxed), epoch) {
            Epoch::Same => {}
            Epoch::Earlier => word.store(none_seen(epoch), Relaxed),
            Epoch::Later => return Err(Novelty::TooOld),
        }
        let source_ports = sequences.dimensions.source_ports as usize;
        self.block = Block {
            block: index.get() / BITS,
            sent,
            sent_seen,
            highest,
            kept_highest,
            flows: &sequences.memory.flows[stream * source_ports..][..source_ports],
            word,
        };
        Ok(())
    }
}

impl Block<'_> {
    /// Returns whether `sequence` has been sent by now.
    #[inline(always)]
    fn was_sent(&mut self, sequence: u64) -> bool {
        if sequence >= self.sent_seen {
            self.sent_seen = self.sent.load(Relaxed);
        }
        sequence < self.sent_seen
    }
}

/// Neighbouring sequences that were all sent, none of which is too old; what is inserted comes into
/// the window by [`Self::close`].
pub(crate) struct OpenBlock<'v, 'a> {
    block: &'v mut Block<'a>,
    /// The index of the block's first sequence.
    first: u64,
    len: u64,
    first_sequence: u64,
    /// The block's word with what has been inserted so far.
    seen: u64,
    flows: &'a [Word],
}

impl OpenBlock<'_, '_> {
    /// Inserts `index` as [`WindowCursor::insert`] does; `None` if it is none of these.
    #[inline(always)] // into the loop over a burst
    pub(crate) fn insert(&mut self, index: Index, port_offset: u16) -> Option<Novelty> {
        let number = index.get().wrapping_sub(self.first);
        (number < self.len).then(|| {
            let sequence = self.first_sequence + number;
            // Below 32, as nothing but this says to the compiler.
            let bit = 1_u64.wrapping_shl(number as u32);
            insert_bit(&mut self.seen, bit, self.flows, port_offset, sequence)
        })
    }

    /// Writes what was inserted to the window.
    #[inline(always)] // as above
    pub(crate) fn close(self) {
        self.block.word.store(self.seen, Relaxed);
        if let Some(last) = (self.seen as u32).checked_ilog2() {
            let highest = self.first_sequence + u64::from(last);
            self.block.highest = self.block.highest.max(highest);
        }
    }
}

/// Inserts `sequence`, whose bit in the word `seen` is `bit`, and returns whether it was new, and
/// whether a later one of its flow had come before.
#[inline(always)] // as above
fn insert_bit(
    seen: &mut u64,
    bit: u64,
    flows: &[Word],
    port_offset: u16,
    sequence: u64,
) -> Novelty {
    if *seen & bit != 0 {
        return Novelty::Duplicate;
    }
    *seen |= bit;
    let Word(highest) = &flows[usize::from(port_offset)];
    if highest.load(Relaxed) > sequence {
        return Novelty::New { reordered: true };
    }
    highest.store(sequence, Relaxed);
    Novelty::New { reordered: false }
}
