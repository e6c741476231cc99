//! How far a run is: what its workers have counted so far, as they published it themselves.
//!
//! The control thread makes one about once a second for whoever watches: the live display, the
//! metrics and the HDR log. It costs the workers nothing, and every number only ever grows.

use dpdkgen_core::stats::histogram::{BUCKETS, quantile};
use dpdkgen_core::stats::{Counters, Moments};

use crate::summary::{Device, Mode, Role};

/// A run at one moment.
#[derive(Debug, Clone)]
pub struct Progress {
    /// What the run does.
    pub mode: Mode,
    /// Nanoseconds since its start.
    pub at_ns: u64,
    /// What it is at.
    pub phase: Phase,
    /// Until when and for how many packets it goes on, whichever comes first; none if until it is
    /// interrupted.
    pub goals: Vec<Goal>,
    /// Every worker.
    pub workers: Vec<WorkerProgress>,
    /// Of the intervals that are closed; absent where nothing can be lost.
    pub closed: Option<Closed>,
    /// Round trips by bucket of the core's histogram; absent where there are none to measure.
    pub latency: Option<Vec<u64>>,
    /// What the devices counted, as differences since the start.
    pub device: Vec<Device>,
}

/// What a run is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Sends without counting.
    WarmUp,
    /// Sends, or reflects.
    Running,
    /// Waits for what is in flight.
    Draining,
}

/// When a run ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// At this time since its start, in nanoseconds.
    Time(u64),
    /// When so many packets have been sent.
    Packets(u64),
}

/// One worker and what it counted.
#[derive(Debug, Clone)]
pub struct WorkerProgress {
    /// The logical core.
    pub lcore: u32,
    /// What it does.
    pub role: Role,
    /// The port's name.
    pub port: String,
    /// The queue's number.
    pub queue: u16,
    /// What it published last.
    pub counters: Counters,
}

/// Sums over the rows that have been handed out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Closed {
    /// Packets sent in them.
    pub sent: u64,
    /// Of these, not received in time.
    pub lost: u64,
}

impl Progress {
    /// Packets sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sum(|counters| counters.tx.packets)
    }

    /// Returns the sum of what `field` says of each worker.
    pub fn sum(&self, field: impl Fn(&Counters) -> u64) -> u64 {
        self.workers.iter().map(|w| field(&w.counters)).sum()
    }

    /// Packets lost of those sent in closed intervals, less what came late after all, and the
    /// number of those sent; absent where nothing can be lost.
    #[must_use]
    pub fn lost(&self) -> Option<(u64, u64)> {
        let closed = self.closed?;
        let late = self.sum(|counters| counters.probes.late);
        Some((closed.lost.saturating_sub(late), closed.sent))
    }

    /// Returns whether anything is received.
    #[must_use]
    pub fn receives(&self) -> bool {
        self.workers.iter().any(|worker| worker.role != Role::Tx)
    }

    /// Returns the exact moments of all round trips.
    #[must_use]
    pub fn moments(&self) -> Moments {
        let mut moments = Moments::default();
        for worker in &self.workers {
            moments.merge(&worker.counters.latency);
        }
        moments
    }

    /// Returns the share of the run that is over, 0 to 1, and how many seconds are left as far as
    /// can be told; absent without a goal. `pps` is how fast it sends.
    #[must_use]
    pub fn share(&self, pps: f64) -> Option<(f64, Option<f64>)> {
        let to_goal = |goal: &Goal| {
            let (done, all, per_second) = match *goal {
                Goal::Time(end_ns) => (self.at_ns, end_ns, 1e9),
                Goal::Packets(packets) => (self.sent(), packets, pps),
            };
            let share = (done as f64 / all.max(1) as f64).min(1.0);
            let left = all.saturating_sub(done) as f64;
            (share, (per_second > 0.0).then(|| left / per_second))
        };
        // Of two goals the nearer one ends the run.
        let goals = self.goals.iter().map(to_goal);
        goals.max_by(|(share, _), (other, _)| share.total_cmp(other))
    }
}

/// What happened between two looks.
#[derive(Debug, Clone, Copy)]
pub struct Step<'p> {
    earlier: Option<&'p Progress>,
    now: &'p Progress,
}

impl<'p> Step<'p> {
    /// From `earlier`, or else from the start, to `now`.
    #[must_use]
    pub const fn new(earlier: Option<&'p Progress>, now: &'p Progress) -> Self {
        Self { earlier, now }
    }

    /// Returns its end.
    #[must_use]
    pub const fn now(&self) -> &'p Progress {
        self.now
    }

    /// By how much the sum of `field` rose, per second; 0 if no time has passed.
    pub fn rate(&self, field: impl Fn(&Counters) -> u64) -> f64 {
        let before = self.earlier.map_or(0, |earlier| earlier.sum(&field));
        let rise = self.now.sum(field).saturating_sub(before);
        let begin = self.earlier.map_or(0, |earlier| earlier.at_ns);
        match self.now.at_ns.saturating_sub(begin) {
            0 => 0.0,
            span => rise as f64 * 1e9 / span as f64,
        }
    }

    /// Returns the share of its lcore's time that the worker `number` was busy. Where nothing was
    /// counted in this step (in the drain), that of the run so far; absent before anything was.
    #[must_use]
    pub fn busy(&self, number: usize) -> Option<f64> {
        let poll = |progress: &Progress| {
            let worker = progress.workers.get(number);
            worker.map_or((0, 0), |worker| {
                let poll = &worker.counters.poll;
                (poll.busy_ns, poll.elapsed_ns)
            })
        };
        let (busy, elapsed) = poll(self.now);
        let (busy_before, elapsed_before) = self.earlier.map_or((0, 0), poll);
        let share = |busy: u64, elapsed: u64| {
            (elapsed > 0).then(|| (busy as f64 / elapsed as f64).min(1.0))
        };
        share(
            busy.saturating_sub(busy_before),
            elapsed.saturating_sub(elapsed_before),
        )
        .or_else(|| share(busy, elapsed))
    }

    /// By how much each bucket of the round trips rose; absent where there are none to measure.
    #[must_use]
    pub fn latency(&self) -> Option<Vec<u64>> {
        let now = self.now.latency.as_ref()?;
        let earlier = self.earlier.and_then(|earlier| earlier.latency.as_ref());
        let mut rises = vec![0; BUCKETS];
        for (bucket, rise) in rises.iter_mut().enumerate() {
            let before = earlier.map_or(0, |counts| counts[bucket]);
            *rise = now[bucket].saturating_sub(before);
        }
        Some(rises)
    }

    /// Round trips below or at which `shares` of those in this step lie, in nanoseconds; absent if
    /// there were none.
    #[must_use]
    pub fn quantiles<const N: usize>(&self, shares: [f64; N]) -> Option<[u64; N]> {
        let counts = self.latency()?;
        let mut found = [0; N];
        for (value, share) in found.iter_mut().zip(shares) {
            *value = quantile(&counts, share)?.as_nanos();
        }
        Some(found)
    }
}
