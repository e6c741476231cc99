//! What the trials of one load say of a goal.
//!
//! The rules are those of MLRsearch's "Load Classification": a load is a lower bound if it would be
//! one even should every trial that the duration sum still lacks be bad, an upper bound if it would be
//! one even should all of these be good, and undecided otherwise.

use crate::goal::Goal;
use crate::loads::Measured;

/// What is known of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It keeps to the goal.
    Lower,
    /// It does not.
    Upper,
    /// More trials decide; until then it looks like a lower bound.
    LikelyLower,
    /// More trials decide; until then it looks like an upper bound.
    LikelyUpper,
}

impl Verdict {
    /// Returns whether the load is, or looks like, an upper bound.
    #[must_use]
    pub const fn is_upper(self) -> bool {
        matches!(self, Self::Upper | Self::LikelyUpper)
    }

    /// Returns whether no trial can change it.
    #[must_use]
    pub const fn is_decided(self) -> bool {
        matches!(self, Self::Lower | Self::Upper)
    }
}

/// Sums of the durations of trials, in seconds: long ones are as long as the final trial duration.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Evidence {
    /// Long trials that keep to the goal.
    pub good_long: f64,
    /// Long trials that do not.
    pub bad_long: f64,
    /// Shorter trials that keep to it.
    pub good_short: f64,
    /// Shorter trials that do not.
    pub bad_short: f64,
}

impl Evidence {
    /// Sums up `trials` of one load.
    #[must_use]
    pub fn of(goal: &Goal, trials: &[Measured]) -> Self {
        let mut sums = Self::default();
        for trial in trials {
            let is_good = goal.is_kept_by(trial.loss_ratio, trial.p99_ns);
            let sum = match (trial.duration >= goal.trial, is_good) {
                (true, true) => &mut sums.good_long,
                (true, false) => &mut sums.bad_long,
                (false, true) => &mut sums.good_short,
                (false, false) => &mut sums.bad_short,
            };
            *sum += trial.duration.as_secs_f64();
        }
        sums
    }

    /// Returns what the sums say of the load; `None` without a trial.
    #[must_use]
    pub fn verdict(&self, goal: &Goal) -> Option<Verdict> {
        let Self {
            good_long,
            bad_long,
            good_short,
            bad_short,
        } = *self;
        let all = good_long + bad_long + good_short + bad_short;
        if all <= 0.0 {
            return None;
        }
        // Bad short trials count unless good short ones make up for them.
        let balance = goal.exceed / (1.0 - goal.exceed);
        let excess = bad_long + (bad_short - good_short * balance).max(0.0);
        let sum = (good_long + excess).max(goal.sum.as_secs_f64());
        let allowed = sum * goal.exceed;
        Some(if excess > allowed {
            Verdict::Upper
        } else if sum - good_long <= allowed {
            Verdict::Lower
        } else if self.looks_bad(balance) {
            Verdict::LikelyUpper
        } else {
            Verdict::LikelyLower
        })
    }

    /// Returns whether there are more bad trials than the exceed ratio allows, by the long ones if
    /// there are any.
    fn looks_bad(&self, balance: f64) -> bool {
        if self.good_long + self.bad_long > 0.0 {
            self.bad_long > self.good_long * balance
        } else {
            self.bad_short > self.good_short * balance
        }
    }

    /// Returns the time for which trials are still needed, should all of them say what these say, in
    /// seconds.
    #[must_use]
    pub fn missing(&self, goal: &Goal, verdict: Verdict) -> f64 {
        let sum = goal.sum.as_secs_f64();
        match verdict {
            Verdict::Lower | Verdict::Upper => 0.0,
            Verdict::LikelyLower => (sum * (1.0 - goal.exceed) - self.good_long).max(0.0),
            Verdict::LikelyUpper => (sum * goal.exceed - self.bad_long - self.bad_short).max(0.0),
        }
    }
}

/// Returns the loss ratio that the conditional throughput of a lower bound rests on: that which no more
/// than the exceed ratio of the duration sum exceeds, where trials that the sum lacks have lost all.
#[must_use]
pub fn quantile_loss(goal: &Goal, trials: &[Measured]) -> f64 {
    let mut long: alloc::vec::Vec<(f64, f64)> = trials
        .iter()
        .filter(|trial| trial.duration >= goal.trial)
        .map(|trial| (trial.loss_ratio, trial.duration.as_secs_f64()))
        .collect();
    long.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all: f64 = long.iter().map(|(_, duration)| duration).sum();
    let mut remaining = all.max(goal.sum.as_secs_f64()) * (1.0 - goal.exceed);
    for (loss_ratio, duration) in long {
        remaining -= duration;
        // Durations are sums of floating-point seconds.
        if remaining <= 1e-9 {
            return loss_ratio;
        }
    }
    1.0
}
