//! Per-interval accounting: a ring of cells for each worker, written in place, read as they close.
//!
//! An interval is closed for a worker once the worker's clock has passed the interval's end by the
//! grace: nothing the worker does later can count in it. The worker says so by a watermark, and the
//! reader then copies the cell and hands it back. A worker that would need a cell not yet handed
//! back waits, so a slow reader delays and never falsifies.

use core::mem::offset_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, transmute};

use crate::sync::{AtomicU64, Edge, Relaxed, acquire, release, zeros};
use crate::time::{Instant, Span};

/// The counts of one interval: `tx_packets`, `on_time` and the latencies by time of sending, the
/// others by time of receipt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Interval {
    /// Packets that the device accepted.
    pub tx_packets: u64,
    /// Unique probes received before the interval was closed.
    pub on_time: u64,
    /// Sum of their latencies.
    pub latency_sum_ns: u64,
    /// The least of their latencies; meaningless while `on_time` is 0.
    pub latency_min_ns: u64,
    /// The greatest of their latencies.
    pub latency_max_ns: u64,
    /// All packets received.
    pub rx_packets: u64,
    /// Duplicates received.
    pub duplicates: u64,
    /// Reordered packets received.
    pub reordered: u64,
    /// Corrupt packets received.
    pub corrupt: u64,
    /// Foreign packets received.
    pub foreign: u64,
    /// Late packets received.
    pub late: u64,
}

impl Interval {
    /// Adds what `other` counted.
    pub const fn merge(&mut self, other: &Self) {
        if other.on_time > 0 {
            self.latency_min_ns = if self.on_time == 0 || other.latency_min_ns < self.latency_min_ns
            {
                other.latency_min_ns
            } else {
                self.latency_min_ns
            };
            if other.latency_max_ns > self.latency_max_ns {
                self.latency_max_ns = other.latency_max_ns;
            }
        }
        self.tx_packets += other.tx_packets;
        self.on_time += other.on_time;
        self.latency_sum_ns = self.latency_sum_ns.saturating_add(other.latency_sum_ns);
        self.rx_packets += other.rx_packets;
        self.duplicates += other.duplicates;
        self.reordered += other.reordered;
        self.corrupt += other.corrupt;
        self.foreign += other.foreign;
        self.late += other.late;
    }
}

const WORDS: usize = size_of::<Interval>() / 8;

/// The memory of one interval of one worker.
#[repr(align(128))]
pub struct Cell([AtomicU64; WORDS]);

impl Default for Cell {
    fn default() -> Self {
        Self(zeros())
    }
}

impl Cell {
    fn load(&self) -> Interval {
        let words: [u64; WORDS] = core::array::from_fn(|i| self.0[i].load(Relaxed));
        transmute!(words)
    }

    /// Adds `part` in place as [`Interval::merge`] does, for the one writer; words to which `part`
    /// adds nothing are not touched.
    #[inline(always)] // most words of a part are known to be 0 where it is made
    fn add(&self, part: &Interval) {
        const MIN: usize = offset_of!(Interval, latency_min_ns) / 8;
        const MAX: usize = offset_of!(Interval, latency_max_ns) / 8;
        const ON_TIME: usize = offset_of!(Interval, on_time) / 8;
        let word = |i: usize| self.0[i].load(Relaxed);
        if part.on_time > 0 {
            if word(ON_TIME) == 0 || part.latency_min_ns < word(MIN) {
                self.0[MIN].store(part.latency_min_ns, Relaxed);
            }
            if part.latency_max_ns > word(MAX) {
                self.0[MAX].store(part.latency_max_ns, Relaxed);
            }
        }
        let words: [u64; WORDS] = transmute!(*part);
        for (i, more) in words.into_iter().enumerate() {
            if i != MIN && i != MAX && more > 0 {
                self.0[i].store(word(i).saturating_add(more), Relaxed);
            }
        }
    }

    fn store(&self, interval: &Interval) {
        let words: [u64; WORDS] = transmute!(*interval);
        for (shared, word) in self.0.iter().zip(words) {
            shared.store(word, Relaxed);
        }
    }
}

/// The division of a run into intervals, of which number 0 begins at `start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntervalGrid {
    /// The time at which counting begins.
    pub start: Instant,
    /// The length of an interval, at least 1 ns.
    pub length: Span,
    /// The time for which an interval stays open after its end.
    pub grace: Span,
}

/// The furthest that a received probe may be stamped ahead of the receiver's clock.
pub const CLOCK_TOLERANCE: Span = Span::from_micros(10);

impl IntervalGrid {
    /// Returns the interval that `time`, not before the start, falls into.
    #[must_use]
    pub const fn index_of(&self, time: Instant) -> u64 {
        time.saturating_since(self.start).as_nanos() / self.length.as_nanos()
    }

    /// Returns when interval `index` ends.
    #[must_use]
    pub const fn end_of(&self, index: u64) -> Instant {
        let span = (index + 1).saturating_mul(self.length.as_nanos());
        Instant::from_nanos(self.start.as_nanos().saturating_add(span))
    }

    /// Returns how many cells a worker's ring needs so that it does not wait for a reader that
    /// comes by at least every `pause`.
    #[must_use]
    pub const fn ring_len(&self, pause: Span) -> usize {
        let open = (self.grace.as_nanos() + pause.as_nanos() + CLOCK_TOLERANCE.as_nanos())
            / self.length.as_nanos()
            + 3;
        (open as usize).next_power_of_two()
    }

    /// Returns the interval that `time` falls into and its bounds.
    #[must_use]
    pub const fn bounds_of(&self, time: Instant) -> IntervalBounds {
        let index = self.index_of(time);
        let end = self.end_of(index);
        IntervalBounds {
            index,
            begin: end.saturating_sub(self.length),
            end,
        }
    }

    fn is_closed(&self, index: u64, watermark: Instant) -> bool {
        watermark > self.end_of(index) + self.grace
    }
}

/// An interval and its bounds, kept to spare a division for the next time that falls into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntervalBounds {
    /// Its number, from 0.
    pub index: u64,
    /// The first instant in it.
    pub begin: Instant,
    /// The first instant after it.
    pub end: Instant,
}

impl IntervalBounds {
    /// No interval, which holds no time.
    pub const NONE: Self = Self {
        index: 0,
        begin: Instant::START,
        end: Instant::START,
    };

    /// Returns whether `time` falls into it.
    #[must_use]
    #[inline]
    pub fn holds(&self, time: Instant) -> bool {
        self.begin <= time && time < self.end
    }
}

/// The ring of one worker's cells, which its writer and its reader share.
#[repr(align(128))]
pub struct Ring<'a> {
    cells: &'a [Cell],
    grid: IntervalGrid,
    /// The time up to which the worker has counted all: what was closed by then it no longer writes
    /// to.
    watermark: AtomicU64,
    /// The number of intervals, from the first on, for which a cell has been cleared.
    opened: AtomicU64,
    by_reader: HandedBack,
}

/// The number of intervals whose cells the reader has handed back to the worker, on a line of its
/// own.
#[repr(align(128))]
struct HandedBack(AtomicU64);

/// The watermark of a worker that has ended.
const ENDED: u64 = u64::MAX;

impl<'a> Ring<'a> {
    /// Makes a ring over `cells`, whose number is a power of two.
    ///
    /// # Panics
    ///
    /// Panics if the number of cells is no power of two.
    #[must_use]
    pub fn new(grid: IntervalGrid, cells: &'a [Cell]) -> Self {
        assert!(cells.len().is_power_of_two(), "{} cells", cells.len());
        Self {
            cells,
            grid,
            watermark: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            by_reader: HandedBack(AtomicU64::new(0)),
        }
    }

    /// Returns the division of the run.
    #[must_use]
    pub const fn grid(&self) -> IntervalGrid {
        self.grid
    }

    /// Returns whether the worker has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.watermark.load(acquire(Edge::Ended)) == ENDED
    }

    fn cell(&self, index: u64) -> &Cell {
        &self.cells[index as usize & (self.cells.len() - 1)]
    }
}

/// The worker's end of a ring; there is one.
pub struct Writer<'a> {
    ring: &'a Ring<'a>,
    opened: u64,
    /// The time before which [`Self::open`] has nothing to do.
    next_open: Instant,
    /// The interval in which [`Self::index_of`] found a time last.
    recent: IntervalBounds,
}

impl<'a> Writer<'a> {
    /// Makes the writing end of `ring`.
    #[must_use]
    pub const fn new(ring: &'a Ring<'a>) -> Self {
        Self {
            ring,
            opened: 0,
            next_open: Instant::START,
            recent: IntervalBounds::NONE,
        }
    }

    /// Returns the division of the run.
    #[must_use]
    pub const fn grid(&self) -> IntervalGrid {
        self.ring.grid
    }

    /// Makes sure that there is a cell for every interval that something received or sent at `now`
    /// can count in. `false` if the reader has not yet handed back one that is needed: nothing may
    /// be counted at `now`.
    #[inline]
    pub fn open(&mut self, now: Instant) -> bool {
        now < self.next_open || self.open_more(now)
    }

    #[cold]
    fn open_more(&mut self, now: Instant) -> bool {
        let Ring { cells, grid, .. } = self.ring;
        if now + CLOCK_TOLERANCE < grid.start {
            return true;
        }
        let last = grid.index_of(now + CLOCK_TOLERANCE);
        // Pairs with the reader's release: its copy of a cell is made before the cell is cleared.
        let free = self.ring.by_reader.0.load(acquire(Edge::HandedBack)) + cells.len() as u64;
        while self.opened <= last {
            if self.opened >= free {
                // After a long stall the reader waits for this, and hands back what it closes.
                self.advance_watermark(now);
                return false;
            }
            self.ring.cell(self.opened).store(&Interval::default());
            self.opened += 1;
        }
        // Whoever sees that a cell is open sees that it has been cleared.
        self.ring.opened.store(self.opened, release(Edge::Cleared));
        self.next_open = grid.end_of(last).saturating_sub(CLOCK_TOLERANCE);
        true
    }

    /// Counts `part` in interval `index`, which is open.
    #[inline]
    pub fn count(&self, index: u64, part: &Interval) {
        // To measure what cells cost (`scripts/bench statistics`).
        if cfg!(bench_without_cells) {
            return;
        }
        self.ring.cell(index).add(part);
    }

    /// Returns the interval that `time` falls into; it takes no division if the last time fell into
    /// the same.
    #[inline]
    pub fn index_of(&mut self, time: Instant) -> u64 {
        if !self.recent.holds(time) {
            self.recent = self.ring.grid.bounds_of(time);
        }
        self.recent.index
    }

    /// Says that whatever is counted from here on happened at `now` or later.
    pub fn advance_watermark(&self, now: Instant) {
        self.ring
            .watermark
            .store(now.as_nanos(), release(Edge::Closed));
    }

    /// Says that nothing will be counted any more.
    pub fn end(&self) {
        self.ring.watermark.store(ENDED, release(Edge::Ended));
    }
}

/// The control thread's end of a ring; there is one.
pub struct Reader<'a> {
    ring: &'a Ring<'a>,
    next: u64,
}

impl<'a> Reader<'a> {
    /// Makes the reading end of `ring`.
    #[must_use]
    pub const fn new(ring: &'a Ring<'a>) -> Self {
        Self { ring, next: 0 }
    }

    /// Returns the interval that [`Self::read`] will return next.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.next
    }

    /// Returns the next interval, if the worker has closed it. Of a worker that has ended,
    /// intervals never end: beyond what it counted they are empty.
    pub fn read(&mut self) -> Option<Interval> {
        // Pairs with the worker's release: all that counts in a closed interval is visible.
        let watermark = Instant::from_nanos(self.ring.watermark.load(acquire(Edge::Closed)));
        if watermark.as_nanos() != ENDED && !self.ring.grid.is_closed(self.next, watermark) {
            return None;
        }
        let interval = if self.next < self.ring.opened.load(acquire(Edge::Cleared)) {
            self.ring.cell(self.next).load()
        } else {
            Interval::default()
        };
        self.next += 1;
        self.ring
            .by_reader
            .0
            .store(self.next, release(Edge::HandedBack));
        Some(interval)
    }
}

#[cfg(test)]
mod tests;
