//! The progress of a run: the counters of its workers so far, as the workers published them.
//!
//! The control thread takes a [`Progress`] about once a second for the live display, the metrics
//! and the HDR log. It costs the workers nothing, and every counter only ever grows.

use dpdkgen_core::stats::histogram::{BUCKETS, quantile};
use dpdkgen_core::stats::{Counters, Moments};

use crate::latency::LatencyKind;
use crate::summary::{Device, Mode, Role};

/// The state of a run at one moment.
#[derive(Debug, Clone)]
pub struct Progress {
    /// The run's mode.
    pub mode: Mode,
    /// Nanoseconds since its start.
    pub at_ns: u64,
    /// The phase that the run is in.
    pub phase: Phase,
    /// The goals, of which the first one reached ends the run; empty if only an interruption ends
    /// it.
    pub goals: Vec<Goal>,
    /// Every worker.
    pub workers: Vec<WorkerProgress>,
    /// Sums over the closed intervals; absent where nothing can be lost.
    pub closed: Option<Closed>,
    /// The number of latencies in each bucket of the core's histogram; absent where none are
    /// measured.
    pub latency: Option<Vec<u64>>,
    /// The kind of these latencies.
    pub latency_kind: LatencyKind,
    /// The counters of each device, as differences since the start.
    pub device: Vec<Device>,
}

/// A phase of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Sends without counting.
    WarmUp,
    /// Sends, or reflects.
    Running,
    /// Waits for what is in flight, until the time in nanoseconds if that is known yet.
    Draining {
        /// That time.
        until_ns: Option<u64>,
        /// Set if the user has asked the run to end.
        is_asked_for: bool,
    },
}

impl Phase {
    /// Returns the seconds that are left of it at `at_ns`, as far as they are known.
    #[must_use]
    pub fn left(self, at_ns: u64) -> Option<f64> {
        match self {
            Self::Draining {
                until_ns: Some(until),
                ..
            } => Some(until.saturating_sub(at_ns) as f64 / 1e9),
            _ => None,
        }
    }
}

/// An event at which a run ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// So many nanoseconds since its start have passed.
    Time(u64),
    /// So many packets have been sent.
    Packets(u64),
}

/// A worker and its counters.
#[derive(Debug, Clone)]
pub struct WorkerProgress {
    /// The logical core.
    pub lcore: u32,
    /// The worker's role.
    pub role: Role,
    /// The port's name.
    pub port: String,
    /// The queue's number.
    pub queue: u16,
    /// The counters that it published last.
    pub counters: Counters,
}

/// Sums over the rows that have been handed out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Closed {
    /// Packets sent in these intervals.
    pub sent: u64,
    /// Packets of these that were not received before their interval was closed.
    pub lost: u64,
}

impl Progress {
    /// Returns the same on top of `before`, to which an earlier trial of the same workers came.
    #[must_use]
    pub fn after(mut self, before: &Self) -> Self {
        self.at_ns += before.at_ns;
        for (worker, before) in self.workers.iter_mut().zip(&before.workers) {
            worker.counters.merge(&before.counters);
            worker.counters.poll.add(&before.counters.poll);
        }
        if let (Some(closed), Some(before)) = (&mut self.closed, before.closed) {
            closed.sent += before.sent;
            closed.lost += before.lost;
        }
        if let (Some(latency), Some(before)) = (&mut self.latency, &before.latency) {
            for (count, before) in latency.iter_mut().zip(before) {
                *count += before;
            }
        }
        for (device, before) in self.device.iter_mut().zip(&before.device) {
            device.add(before);
        }
        self
    }

    /// Returns the number of packets sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sum(|counters| counters.tx.packets)
    }

    /// Returns the sum of a counter over all workers.
    pub fn sum(&self, field: impl Fn(&Counters) -> u64) -> u64 {
        self.workers.iter().map(|w| field(&w.counters)).sum()
    }

    /// Returns the number of packets lost of those sent in closed intervals, less those that came
    /// late, and the number of those sent; absent where nothing can be lost.
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

    /// Returns the exact moments of all latencies.
    #[must_use]
    pub fn moments(&self) -> Moments {
        let mut moments = Moments::default();
        for worker in &self.workers {
            moments.merge(&worker.counters.latency);
        }
        moments
    }

    /// Returns the share of the run that is over, 0 to 1, and the seconds left as far as they can
    /// be told; absent without a goal. `pps` is the rate at which it sends, in packets per second.
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

/// The stretch of a run between two looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Step<'p> {
    earlier: Option<&'p Progress>,
    now: &'p Progress,
}

impl<'p> Step<'p> {
    /// Makes the step from `earlier`, or from the start if there is none, to `now`.
    #[must_use]
    pub const fn new(earlier: Option<&'p Progress>, now: &'p Progress) -> Self {
        Self { earlier, now }
    }

    /// Returns the state at the end of the step.
    #[must_use]
    pub const fn now(&self) -> &'p Progress {
        self.now
    }

    /// Returns the rise of a counter's sum over all workers, per second; 0 if no time has passed.
    pub fn rate(&self, field: impl Fn(&Counters) -> u64) -> f64 {
        let before = self.earlier.map_or(0, |earlier| earlier.sum(&field));
        let rise = self.now.sum(field).saturating_sub(before);
        let begin = self.earlier.map_or(0, |earlier| earlier.at_ns);
        match self.now.at_ns.saturating_sub(begin) {
            0 => 0.0,
            span => rise as f64 * 1e9 / span as f64,
        }
    }

    /// Returns the share of its lcore's time that the worker `number` was busy in this step; if the
    /// worker measured no time in it (in the drain), the share in the run so far; absent before it
    /// has measured any.
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

    /// Returns the rise of each bucket of the latencies; absent where none are measured.
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

    /// Returns the latencies in nanoseconds that the given shares of this step's do not exceed; absent if there were none.
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
