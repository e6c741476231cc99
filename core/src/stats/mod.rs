//! The counts of a worker, which another thread reads without a lock.
//!
//! A worker counts in plain memory of its own and publishes a copy about once a millisecond; a
//! reader gets a copy that is whole, the latest or the one before.

pub mod counters;
pub mod histogram;
pub mod intervals;
pub mod moments;
pub mod recorder;

use zerocopy::transmute;

use crate::stats::histogram::Histogram;
use crate::sync::seqlock::SeqLock;
use crate::time::Span;

pub use counters::{
    Counter, Counters, IgnoredCounters, PollCounters, ProbeCounters, RxCounters, TxCounters,
};
pub use moments::Moments;
pub use recorder::Recorder;

/// The longest time from one poll to the next that is no stall.
pub const STALL: Span = Span::from_micros(50);

const WORDS: usize = size_of::<Counters>() / 8;

/// The counts that a worker shows to other threads.
///
/// Aligned so that no two workers write to one cache line, nor to a pair that is fetched together.
#[repr(align(128))]
pub struct WorkerStats {
    published: SeqLock<WORDS>,
    /// Round trip from the time of sending.
    pub latency: Histogram,
    /// Round trip from the time the packet was due.
    pub latency_due: Histogram,
    /// The lag of each packet, from its due time to its sending.
    pub lag: Histogram,
}

impl Default for WorkerStats {
    fn default() -> Self {
        Self {
            published: SeqLock::new(transmute!(Counters::default())),
            latency: Histogram::default(),
            latency_due: Histogram::default(),
            lag: Histogram::default(),
        }
    }
}

impl WorkerStats {
    /// Shows `counters` to other threads; only one thread may call this.
    pub fn publish(&self, counters: &Counters) {
        self.published.publish(transmute!(*counters));
    }

    /// Returns what was published last, or `None` if the worker was just publishing: try again.
    #[must_use]
    pub fn try_snapshot(&self) -> Option<Counters> {
        let (_, words) = self.published.try_snapshot()?;
        Some(transmute!(words))
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::thread;

    use super::*;

    #[test]
    fn a_snapshot_is_whole() {
        let stats = Box::<WorkerStats>::default();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut counters = Counters::default();
                while !stop.load(Relaxed) {
                    counters.tx.packets += 1;
                    counters.poll.full_bursts_max = counters.tx.packets;
                    stats.publish(&counters);
                }
            });
            let mut last = 0;
            // Each takes Miri a thousand times as long.
            for _ in 0..if cfg!(miri) { 100 } else { 10_000 } {
                if let Some(seen) = stats.try_snapshot() {
                    assert_eq!(seen.tx.packets, seen.poll.full_bursts_max);
                    assert!(seen.tx.packets >= last, "went back");
                    last = seen.tx.packets;
                }
            }
            stop.store(true, Relaxed);
        });
    }
}
