//! How an lcore truly spent its time.

use dpdkgen_core::time::Nanos;

/// Polls further apart are a stall.
const STALL: Nanos = Nanos(50_000);

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
    pub busy: Nanos,
    /// Time in all.
    pub elapsed: Nanos,
    /// Polls too far apart.
    pub stalls: u64,
    /// The farthest.
    pub longest: Nanos,
    last: Option<Nanos>,
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
    pub fn count(&mut self, begin: Nanos, done: Nanos, moved: u64) {
        self.polls += 1;
        self.elapsed = self.elapsed + (done - begin);
        if moved == 0 {
            self.empty += 1;
        } else {
            self.busy = self.busy + (done - begin);
        }
        if let Some(last) = self.last
            && begin - last > STALL
        {
            self.stalls += 1;
            self.longest = self.longest.max(begin - last);
        }
        self.last = Some(begin);
    }
}
