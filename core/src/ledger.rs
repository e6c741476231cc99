//! What was sent and what has been seen of it: shared by all workers of a run.
//!
//! A duplicate is a duplicate on whichever queue it arrives, so the record of what was seen is
//! shared by the receiving workers. With one of them, it is written with plain stores, and laid out
//! by sequence, so that neighbours share a cache line. With several, it is written with
//! compare-and-swap, and laid out by source port: queues are chosen by a hash over the ports, so a
//! line is contended only when a flow really arrives on two queues.
//!
//! The record of a sequence is one bit in a ring of words. A word holds 32 of them and the turn of
//! the ring that they belong to, so nothing has to be cleared as the ring goes round.

use crate::probe::Index;
use crate::sync::{AtomicU64, Relaxed, zeros};

const BITS: u64 = 32;

/// 16 words on cache lines of their own.
#[repr(align(128))]
pub struct Line([AtomicU64; LINE]);

const LINE: usize = 16;

impl Default for Line {
    fn default() -> Self {
        Self(zeros())
    }
}

/// One word, of those that need no line of their own.
pub struct Word(AtomicU64);

impl Default for Word {
    fn default() -> Self {
        Self(AtomicU64::new(0))
    }
}

/// The size of a run, from which the sizes of the ledger's parts follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimensions {
    /// Tx queues of all ports together.
    pub streams: u16,
    /// Source ports of a stream, at least 1.
    pub source_ports: u32,
    /// Receiving workers.
    pub receivers: u16,
    /// How far below the highest received sequence of its stream a probe is still told from its
    /// duplicate.
    pub window: u64,
}

impl Dimensions {
    const fn is_shared(&self) -> bool {
        self.receivers > 1
    }

    /// Bit rings of a stream.
    const fn rings(&self) -> u64 {
        if self.is_shared() {
            self.source_ports as u64
        } else {
            1
        }
    }

    /// Words of a bit ring: the window's, and two for the words at its ends, which it shares with
    /// what lies outside.
    const fn words_per_ring(&self) -> u64 {
        let words = (self.window / self.rings() + 1) / BITS + 2;
        if self.is_shared() {
            words.next_multiple_of(LINE as u64)
        } else {
            words
        }
    }

    /// Words from one flow's highest sequence to the next one's.
    const fn flow_stride(&self) -> usize {
        if self.is_shared() { LINE } else { 1 }
    }

    /// Lines of [`Memory::seen`].
    #[must_use]
    pub const fn seen_lines(&self) -> usize {
        let words = self.streams as u64 * self.rings() * self.words_per_ring();
        (words as usize).div_ceil(LINE)
    }

    /// Words of [`Memory::flows`].
    #[must_use]
    pub const fn flow_words(&self) -> usize {
        self.streams as usize * self.source_ports as usize * self.flow_stride()
    }

    /// Lines of [`Memory::sent`].
    #[must_use]
    pub const fn sent_lines(&self) -> usize {
        self.streams as usize
    }

    const fn highest_lines_each(&self) -> usize {
        (self.streams as usize).div_ceil(LINE)
    }

    /// Lines of [`Memory::highest`].
    #[must_use]
    pub const fn highest_lines(&self) -> usize {
        self.receivers as usize * self.highest_lines_each()
    }
}

/// Memory for a ledger, zeroed, which the runtime provides.
#[derive(Clone, Copy)]
pub struct Memory<'a> {
    /// [`Dimensions::seen_lines`].
    pub seen: &'a [Line],
    /// [`Dimensions::flow_words`]. Where several workers write to it, no two flows share a line,
    /// wherever the first one lies.
    pub flows: &'a [Word],
    /// [`Dimensions::sent_lines`].
    pub sent: &'a [Line],
    /// [`Dimensions::highest_lines`].
    pub highest: &'a [Line],
}

/// The record of a run.
pub struct Ledger<'a> {
    dimensions: Dimensions,
    memory: Memory<'a>,
    is_shared: bool,
    rings: u64,
    highest_lines_each: usize,
    by_source_ports: Divisor,
    by_words_per_ring: Divisor,
}

/// What the record says of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// Not seen before.
    First {
        /// A later one of its flow was seen before.
        reordered: bool,
    },
    /// Seen before.
    Duplicate,
    /// Too far below its stream's highest to say.
    TooOld,
    /// No such probe was sent.
    NeverSent,
}

impl<'a> Ledger<'a> {
    /// An empty record; `None` if the memory is too small or the dimensions hold a zero.
    #[must_use]
    pub fn new(dimensions: Dimensions, memory: Memory<'a>) -> Option<Self> {
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

    /// The number of streams.
    #[must_use]
    pub const fn streams(&self) -> u16 {
        self.dimensions.streams
    }

    /// Says that the sequences of `stream` below `next` may be on their way; called by its sender
    /// before it hands over the last of them. Relaxed, since nothing else is told by it: who has a
    /// probe from the device sees what its sender did before it handed the probe to the device.
    #[inline]
    pub fn set_sent(&self, stream: u16, next: u64) {
        self.memory.sent[usize::from(stream)].0[0].store(next, Relaxed);
    }

    /// Whether probe `index` may be on its way, or has been.
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

    /// The record as the receiving worker `receiver` looks things up in it; each makes one.
    #[must_use]
    pub fn view(&'a self, receiver: u16) -> View<'a> {
        let mut highest = self.memory.highest.chunks_exact(self.highest_lines_each);
        let highest = highest
            .nth(usize::from(receiver))
            .expect("a receiver of the run's");
        View {
            ledger: self,
            window: self.dimensions.window,
            highest,
            place: Place {
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

    /// The stream's highest received sequence; only called when there is one.
    #[cold]
    fn highest(&self, stream: usize) -> u64 {
        let lines = self.memory.highest.chunks_exact(self.highest_lines_each);
        let highest = lines
            .map(|lines| lines[stream / LINE].0[stream % LINE].load(Relaxed))
            .max();
        highest.unwrap_or(0)
    }

    /// The word of `position` in a bit ring, and the turn of the ring.
    #[inline]
    fn place(&self, ring: u64, position: u64) -> (&'a AtomicU64, u64) {
        let (turn, word) = self.by_words_per_ring.divide(position / BITS);
        let at = (ring * self.by_words_per_ring.divisor + word) as usize;
        (&self.memory.seen[at / LINE].0[at % LINE], turn)
    }

    /// Enters `index` where several workers do; `Err` if it is not new.
    fn enter(&self, index: Index) -> Result<(), Sighting> {
        let (position, port) = self.by_source_ports.divide(index.sequence());
        let ring = u64::from(index.stream()) * self.rings + port;
        let (word, turn) = self.place(ring, position);
        let mut current = word.load(Relaxed);
        loop {
            let begun = match Turn::of(current, turn) {
                Turn::Earlier => none_seen(turn),
                Turn::Same if current & bit(position) != 0 => return Err(Sighting::Duplicate),
                Turn::Same => current,
                Turn::Later => return Err(Sighting::TooOld),
            };
            let entered = begun | bit(position);
            match word.compare_exchange_weak(current, entered, Relaxed, Relaxed) {
                Ok(_) => return Ok(()),
                Err(changed) => current = changed,
            }
        }
    }
}

/// No 32 sequences have this number.
const NO_BLOCK: u64 = u64::MAX;

/// The record, as one receiving worker looks things up in it.
pub struct View<'a> {
    pub(crate) ledger: &'a Ledger<'a>,
    window: u64,
    /// The highest that this worker saw of each stream, on lines that no other writes to.
    highest: &'a [Line],
    /// Of the last sequence, where this worker is the only one; mostly its neighbour follows.
    place: Place<'a>,
}

/// What is known of 32 neighbouring sequences of a stream.
struct Place<'a> {
    /// Which 32.
    block: u64,
    sent: &'a AtomicU64,
    /// What `sent` was when it was looked at last.
    sent_seen: u64,
    /// The highest received of the stream.
    highest: u64,
    /// Where that is kept while others are looked at.
    kept_highest: &'a AtomicU64,
    /// The highest received of each of the stream's flows, by how far their source port is above the
    /// first.
    flows: &'a [Word],
    /// Their word of the bit ring, in which their turn has begun.
    word: &'a AtomicU64,
}

impl<'a> View<'a> {
    /// Whether several workers receive.
    const fn is_shared(&self) -> bool {
        self.ledger.is_shared
    }

    /// Looks `index` up and enters it; `port_offset` is how far the source port that it came with is
    /// above the first.
    #[inline]
    pub fn see(&mut self, index: Index, port_offset: u16) -> Sighting {
        if self.is_shared() {
            self.see_among_others(index, port_offset)
        } else {
            self.see_alone(index, port_offset)
        }
    }

    /// [`Self::see`] where no other worker receives.
    fn see_alone(&mut self, index: Index, port_offset: u16) -> Sighting {
        if index.get() / BITS != self.place.block
            && let Err(sighting) = self.go_to(index)
        {
            return sighting;
        }
        let (place, sequence) = (&mut self.place, index.sequence());
        if !place.was_sent(sequence) {
            return Sighting::NeverSent;
        }
        if sequence > place.highest {
            place.highest = sequence;
        } else if sequence + self.window < place.highest {
            return Sighting::TooOld;
        }
        let mut seen = place.word.load(Relaxed);
        let sighting = enter(&mut seen, bit(sequence), place.flows, port_offset, sequence);
        place.word.store(seen, Relaxed);
        sighting
    }

    /// The sequences around `index`; `None` if it takes [`Self::see`] to say what it is, as always
    /// where other workers receive too.
    #[inline(always)] // into the loop over a burst, so that what is in hand stays in registers
    pub(crate) fn stretch(&mut self, index: Index) -> Option<Stretch<'_, 'a>> {
        if self.is_shared() {
            return None;
        }
        if index.get() / BITS != self.place.block {
            self.go_to(index).ok()?;
        }
        let place = &mut self.place;
        let number = index.get() % BITS;
        let first_sequence = index.sequence() - number;
        let last_sequence = first_sequence + BITS - 1;
        let is_none_too_old = first_sequence + self.window >= place.highest.max(last_sequence);
        place.was_sent(last_sequence);
        let len = place.sent_seen.saturating_sub(first_sequence).min(BITS);
        (is_none_too_old && number < len).then(|| Stretch {
            first: index.get() - number,
            len,
            first_sequence,
            seen: place.word.load(Relaxed),
            flows: place.flows,
            place,
        })
    }

    /// Goes to the place of `index`, unless what it is can be told already.
    #[inline(never)]
    fn go_to(&mut self, index: Index) -> Result<(), Sighting> {
        let (ledger, sequence) = (self.ledger, index.sequence());
        let stream = usize::from(index.stream());
        let sent = &ledger.memory.sent.get(stream).ok_or(Sighting::NeverSent)?.0[0];
        let sent_seen = sent.load(Relaxed);
        if sequence >= sent_seen {
            return Err(Sighting::NeverSent);
        }
        self.place.kept_highest.store(self.place.highest, Relaxed);
        let kept_highest = &self.highest[stream / LINE].0[stream % LINE];
        let highest = kept_highest.load(Relaxed);
        if sequence + self.window < highest {
            return Err(Sighting::TooOld);
        }
        let (word, turn) = ledger.place(stream as u64, sequence);
        match Turn::of(word.load(Relaxed), turn) {
            Turn::Same => {}
            Turn::Earlier => word.store(none_seen(turn), Relaxed),
            Turn::Later => return Err(Sighting::TooOld),
        }
        let source_ports = ledger.dimensions.source_ports as usize;
        self.place = Place {
            block: index.get() / BITS,
            sent,
            sent_seen,
            highest,
            kept_highest,
            flows: &ledger.memory.flows[stream * source_ports..][..source_ports],
            word,
        };
        Ok(())
    }

    /// [`Self::see`] where other workers receive too.
    #[inline(never)]
    fn see_among_others(&mut self, index: Index, port_offset: u16) -> Sighting {
        let (ledger, sequence) = (self.ledger, index.sequence());
        let stream = usize::from(index.stream());
        let Some(sent) = ledger.memory.sent.get(stream) else {
            return Sighting::NeverSent;
        };
        let next = sent.0[0].load(Relaxed);
        if sequence >= next {
            return Sighting::NeverSent;
        }
        // The highest received is below the next to be sent, so most need not look for it.
        if sequence + self.window < next && sequence + self.window < ledger.highest(stream) {
            return Sighting::TooOld;
        }
        let highest = &self.highest[stream / LINE].0[stream % LINE];
        if sequence > highest.load(Relaxed) {
            highest.store(sequence, Relaxed);
        }
        if let Err(sighting) = ledger.enter(index) {
            return sighting;
        }
        let flow = stream * ledger.dimensions.source_ports as usize + usize::from(port_offset);
        let Word(highest) = &ledger.memory.flows[flow * LINE];
        Sighting::First {
            reordered: highest.fetch_max(sequence, Relaxed) > sequence,
        }
    }
}

impl Place<'_> {
    /// Whether `sequence` has been sent by now.
    #[inline(always)]
    fn was_sent(&mut self, sequence: u64) -> bool {
        if sequence >= self.sent_seen {
            self.sent_seen = self.sent.load(Relaxed);
        }
        sequence < self.sent_seen
    }
}

/// Neighbouring sequences of a stream that were all sent, none of which is too old. What is entered
/// is in the record after [`Self::end`].
pub(crate) struct Stretch<'v, 'a> {
    place: &'v mut Place<'a>,
    /// The index of the first.
    first: u64,
    len: u64,
    first_sequence: u64,
    /// The word of the place.
    seen: u64,
    flows: &'a [Word],
}

impl Stretch<'_, '_> {
    /// [`View::see`], if `index` is one of these.
    #[inline(always)] // into the loop over a burst
    pub(crate) fn see(&mut self, index: Index, port_offset: u16) -> Option<Sighting> {
        let number = index.get().wrapping_sub(self.first);
        (number < self.len).then(|| {
            let sequence = self.first_sequence + number;
            // Below 32, as nothing but this says to the compiler.
            let bit = 1_u64.wrapping_shl(number as u32);
            enter(&mut self.seen, bit, self.flows, port_offset, sequence)
        })
    }

    /// Puts what was entered into the record.
    #[inline(always)] // as above
    pub(crate) fn end(self) {
        self.place.word.store(self.seen, Relaxed);
        if let Some(last) = (self.seen as u32).checked_ilog2() {
            let highest = self.first_sequence + u64::from(last);
            self.place.highest = self.place.highest.max(highest);
        }
    }
}

/// Enters `sequence`, whose bit in the word `seen` this is, if it is not there.
#[inline(always)] // as above
fn enter(seen: &mut u64, bit: u64, flows: &[Word], port_offset: u16, sequence: u64) -> Sighting {
    if *seen & bit != 0 {
        return Sighting::Duplicate;
    }
    *seen |= bit;
    let Word(highest) = &flows[usize::from(port_offset)];
    if highest.load(Relaxed) > sequence {
        return Sighting::First { reordered: true };
    }
    highest.store(sequence, Relaxed);
    Sighting::First { reordered: false }
}

/// A word of `turn` in which nothing has been seen. Turn 0 is that of memory never written, whose bits
/// are none.
#[inline]
const fn none_seen(turn: u64) -> u64 {
    (turn + 1) << BITS
}

/// The bit of `position` in its word.
#[inline]
const fn bit(position: u64) -> u64 {
    1 << (position % BITS)
}

/// Which turn of the ring a word is of, as seen from one turn.
enum Turn {
    Earlier,
    Same,
    Later,
}

impl Turn {
    const fn of(word: u64, turn: u64) -> Self {
        let (is, own) = (word >> BITS, turn + 1);
        if is < own {
            Self::Earlier
        } else if is == own {
            Self::Same
        } else {
            Self::Later
        }
    }
}

/// Division of numbers below 2^48 by one that is known beforehand, without dividing.
#[derive(Clone, Copy, Debug)]
struct Divisor {
    divisor: u64,
    reciprocal: u64,
}

impl Divisor {
    const fn new(divisor: u64) -> Self {
        assert!(divisor > 0 && divisor < 1 << 48);
        Self {
            divisor,
            reciprocal: u64::MAX / divisor,
        }
    }

    /// Quotient and remainder.
    #[inline]
    const fn divide(self, number: u64) -> (u64, u64) {
        // Short by at most one, since the reciprocal is short by less than one.
        let quotient = ((number as u128 * self.reciprocal as u128) >> 64) as u64;
        let rest = number - quotient * self.divisor;
        if rest >= self.divisor {
            (quotient + 1, rest - self.divisor)
        } else {
            (quotient, rest)
        }
    }
}

#[cfg(test)]
mod tests;
