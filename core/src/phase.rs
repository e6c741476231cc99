//! The phase of a run, which the control thread tells the workers.

use crate::sync::{AtomicU64, Edge, acquire, release, spin_loop};

/// The phase of a run, which only ever goes on to a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The clock has not been started.
    Waiting,
    /// Sending and receiving.
    Running,
    /// Nothing more is sent; what is in flight is received.
    Draining,
    /// Nothing more is done.
    Stopping,
}

/// The phase of a run: written by the control thread, read by the workers.
#[repr(align(128))]
pub struct PhaseCell(AtomicU64);

impl Default for PhaseCell {
    fn default() -> Self {
        Self(AtomicU64::new(Phase::Waiting as u64))
    }
}

impl PhaseCell {
    /// Goes on to `phase`.
    pub fn set(&self, phase: Phase) {
        self.0.store(phase as u64, release(Edge::Phase));
    }

    /// Spins until the run starts.
    pub fn wait_for_start(&self) {
        while self.get() == Phase::Waiting {
            spin_loop();
        }
    }

    /// Returns the phase of the run.
    #[must_use]
    #[inline]
    pub fn get(&self) -> Phase {
        const RUNNING: u64 = Phase::Running as u64;
        const WAITING: u64 = Phase::Waiting as u64;
        const DRAINING: u64 = Phase::Draining as u64;
        match self.0.load(acquire(Edge::Phase)) {
            WAITING => Phase::Waiting,
            RUNNING => Phase::Running,
            DRAINING => Phase::Draining,
            _ => Phase::Stopping,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn phases_are_told_as_they_were_set() {
        let cell = PhaseCell::default();
        assert_eq!(cell.get(), Phase::Waiting);
        for phase in [Phase::Running, Phase::Draining, Phase::Stopping] {
            cell.set(phase);
            assert_eq!(cell.get(), phase);
            cell.wait_for_start();
        }
    }

    #[test]
    fn a_worker_waits_until_the_run_starts() {
        let cell = PhaseCell::default();
        thread::scope(|scope| {
            let worker = scope.spawn(|| {
                cell.wait_for_start();
                cell.get()
            });
            thread::sleep(Duration::from_millis(5));
            cell.set(Phase::Running);
            assert_eq!(worker.join().unwrap(), Phase::Running);
        });
    }
}
