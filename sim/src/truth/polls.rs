//! How an lcore truly spent its time.

use dpdkgen_core::time::{Instant, Span};

/// Polls further apart are a stall.
const STALL: Span = Span::from_micros(50);

/// How an lcore of one worker really spent its time while the run was sending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Polls {
    /// How many workers it has.
    pub workers: usize,
    /// Polls.
    pub polls: u64,
    /// Polls that moved nothing.
    pub empty: u64,
    /// Time in the others.
    pub busy: Span,
    /// Time in all.
    pub elapsed: Span,
    /// Polls too far apart.
    pub stalls: u64,
    /// The farthest.
    pub longest: Span,
    last: Option<Instant>,
}

impl Polls {
    /// Makes those of an lcore with so many workers, which has not polled yet.
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
        self.elapsed = self.elapsed + done.saturating_since(begin);
        if moved == 0 {
            self.empty += 1;
        } else {
            self.busy = self.busy + done.saturating_since(begin);
        }
        let gap = self.last.map(|last| begin.saturating_since(last));
        if let Some(gap) = gap.filter(|&gap| gap > STALL) {
            self.stalls += 1;
            self.longest = self.longest.max(gap);
        }
        self.last = Some(begin);
    }
}
