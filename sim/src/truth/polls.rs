//! The truth about the polls of an lcore, and the time that they took.

use dpdkgen_core::time::{Instant, Span};

/// The time between two polls above which they are a stall.
const STALL: Span = Span::from_micros(50);

/// The length of a poll from which on the lcore was taken away in it.
const TAKEN_AWAY: Span = Span::from_millis(1);

/// The polls of an lcore while the run was sending; a poll is one of all its workers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Polls {
    /// The number of its workers.
    pub workers: usize,
    /// The number of polls.
    pub polls: u64,
    /// The number of polls that moved nothing.
    pub empty: u64,
    /// The time in polls that moved something and in which the lcore was not taken away.
    pub busy: Span,
    /// The time in all polls in which it was not.
    pub elapsed: Span,
    /// The number of stalls.
    pub stalls: u64,
    /// The time in all of them.
    pub stalled: Span,
    /// The longest stall.
    pub longest: Span,
    /// The time at which the last poll began.
    last: Option<Instant>,
}

impl Polls {
    /// Makes the record of an lcore with so many workers, which has not polled yet.
    #[must_use]
    pub fn of(workers: usize) -> Self {
        Self {
            workers,
            ..Self::default()
        }
    }

    /// Counts a poll from `begin` to `done` that moved `moved` packets.
    pub fn count(&mut self, begin: Instant, done: Instant, moved: u64) {
        self.polls += 1;
        let took = done.saturating_since(begin);
        let counted = if took < TAKEN_AWAY { took } else { Span::ZERO };
        self.elapsed = self.elapsed + counted;
        if moved == 0 {
            self.empty += 1;
        } else {
            self.busy = self.busy + counted;
        }
        let gap = self.last.map(|last| begin.saturating_since(last));
        if let Some(gap) = gap.filter(|&gap| gap > STALL) {
            self.stalls += 1;
            self.stalled = self.stalled + gap;
            self.longest = self.longest.max(gap);
        }
        self.last = Some(begin);
    }
}
