//! The window where several workers receive: written with compare-and-swap, and laid out by source
//! port, so that a line is contended only when a flow really arrives on two queues.

use super::memory::{LINE, Word};
use super::word::{Epoch, bit, none_seen};
use super::{Novelty, SequenceWindow, WindowCursor};
use crate::probe::Index;
use crate::sync::Relaxed;

impl SequenceWindow<'_> {
    /// Returns the highest sequence of `stream` that any worker received.
    #[cold]
    fn highest(&self, stream: usize) -> u64 {
        let lines = self.memory.highest.chunks_exact(self.highest_lines_each);
        let highest = lines
            .map(|lines| lines[stream / LINE].0[stream % LINE].load(Relaxed))
            .max();
        highest.unwrap_or(0)
    }

    /// Sets the bit of `index`.
    ///
    /// # Errors
    ///
    /// Returns [`Novelty::Duplicate`] if it was set already, [`Novelty::TooOld`] if its word is of
    /// a later epoch.
    fn insert_bit(&self, index: Index) -> Result<(), Novelty> {
        let (position, port) = self.by_source_ports.divide(index.sequence());
        let ring = u64::from(index.stream()) * self.rings + port;
        let (word, epoch) = self.word(ring, position);
        let mut current = word.load(Relaxed);
        loop {
            let begun = match Epoch::of(current, epoch) {
                Epoch::Earlier => none_seen(epoch),
                Epoch::Same if current & bit(position) != 0 => return Err(Novelty::Duplicate),
                Epoch::Same => current,
                Epoch::Later => return Err(Novelty::TooOld),
            };
            let entered = begun | bit(position);
            match word.compare_exchange_weak(current, entered, Relaxed, Relaxed) {
                Ok(_) => return Ok(()),
                Err(changed) => current = changed,
            }
        }
    }
}

impl WindowCursor<'_> {
    /// Inserts as [`Self::insert`] does, where other workers receive too.
    #[inline(never)]
    pub(super) fn insert_shared(&mut self, index: Index, port_offset: u16) -> Novelty {
        let (sequences, sequence) = (self.sequences, index.sequence());
        let stream = usize::from(index.stream());
        let Some(sent) = sequences.memory.sent.get(stream) else {
            return Novelty::NeverSent;
        };
        let next = sent.0[0].load(Relaxed);
        if sequence >= next {
            return Novelty::NeverSent;
        }
        // The highest received is below the next to be sent, so most need not look for it.
        if sequence + self.window < next && sequence + self.window < sequences.highest(stream) {
            return Novelty::TooOld;
        }
        let highest = &self.highest[stream / LINE].0[stream % LINE];
        if sequence > highest.load(Relaxed) {
            highest.store(sequence, Relaxed);
        }
        if let Err(novelty) = sequences.insert_bit(index) {
            return novelty;
        }
        let flow = stream * sequences.dimensions.source_ports as usize + usize::from(port_offset);
        let Word(highest) = &sequences.memory.flows[flow * LINE];
        Novelty::New {
            reordered: highest.fetch_max(sequence, Relaxed) > sequence,
        }
    }
}
