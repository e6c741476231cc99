//! A goal: what must hold at a load.

use core::time::Duration;

/// The conditions that a load has to keep to, and how sure the search has to be of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    /// The largest ratio of lost to sent packets of a good trial.
    pub loss_ratio: f64,
    /// The longest 99th percentile of the latency of a good trial, in nanoseconds.
    pub p99_ns: Option<u64>,
    /// The final trial duration: shorter trials alone make no bound.
    pub trial: Duration,
    /// The duration sum: the trials that a bound needs, together. At least `trial`.
    pub sum: Duration,
    /// The goal exceed ratio: the share of that sum that may be of bad trials. Less than 1.
    pub exceed: f64,
    /// The goal width: how near the bounds come, as a share of the upper one.
    pub width: f64,
}

impl Goal {
    /// No packet may be lost (the non-drop rate).
    pub const NDR: Self = Self {
        loss_ratio: 0.0,
        p99_ns: None,
        trial: Duration::from_secs(10),
        sum: Duration::from_secs(20),
        exceed: 0.5,
        width: 0.005,
    };

    /// One packet in 200 may be lost (the partial drop rate).
    pub const PDR: Self = Self {
        loss_ratio: 0.005,
        ..Self::NDR
    };

    /// Returns the duration of the trials that only show where to look.
    #[must_use]
    pub fn first_trial(&self) -> Duration {
        self.trial.min(SHORT_TRIAL)
    }

    /// Returns whether a trial with this loss ratio and 99th percentile keeps to the goal. A trial
    /// without a latency, of which nothing came back, keeps to no limit of it.
    #[must_use]
    pub fn is_kept_by(&self, loss_ratio: f64, p99_ns: Option<u64>) -> bool {
        let is_soon = match (self.p99_ns, p99_ns) {
            (None, _) => true,
            (Some(limit), Some(p99)) => p99 <= limit,
            (Some(_), None) => false,
        };
        loss_ratio <= self.loss_ratio && is_soon
    }
}

/// The shortest trial that shows where to look, unless the final ones are shorter still: queues along
/// a path hide an overload until they are full.
const SHORT_TRIAL: Duration = Duration::from_secs(1);
