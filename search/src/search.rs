//! The search: its trials, and the bounds that they have shown.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::evidence::{Evidence, Verdict, quantile_loss};
use crate::goal::Goal;
use crate::loads::{Load, Loads, Measured};
use crate::{bisection, mlr};

/// The loads between which is searched, in packets per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The least load, more than 0.
    pub min: u64,
    /// The greatest load, not below `min`.
    pub max: u64,
}

/// The way in which the next load is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// By what the trials so far suggest, short ones first, for all goals from the same trials.
    #[default]
    Mlr,
    /// By halving, each load tried once for the final trial duration (RFC 2544, section 26.1).
    Bisection,
}

/// A trial to carry out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// The load, in packets per second.
    pub pps: u64,
    /// The time for which it is offered.
    pub duration: Duration,
    /// The goal for which it is asked.
    pub goal: usize,
}

/// What came of a trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The ratio of lost to sent packets, from 0 to 1.
    pub loss_ratio: f64,
    /// The 99th percentile of the latency in nanoseconds; `None` if nothing came back.
    pub p99_ns: Option<u64>,
    /// The reason why the load was not offered, if it was not: then the trial says nothing of the path.
    pub shortfall: Option<Shortfall>,
}

/// The reason why a sender did not offer its load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortfall {
    /// It does not reach more than so many packets per second.
    Limit(u64),
    /// It was kept from sending for a time, as by something else that runs on its CPU: that may happen
    /// at any load.
    Disturbance,
}

impl Outcome {
    /// Makes the outcome of a trial that was offered in full and of which latency is of no interest.
    #[must_use]
    pub const fn offered(loss_ratio: f64) -> Self {
        Self {
            loss_ratio,
            p99_ns: Some(0),
            shortfall: None,
        }
    }
}

/// The relevant lower bound of a goal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LowerBound {
    /// The load, in packets per second.
    pub pps: u64,
    /// The conditional throughput: what of the load arrives at least, in packets per second.
    pub conditional_throughput: f64,
}

/// What keeps a load from being higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The path loses, or is late.
    Path,
    /// The sender does not offer more.
    Sender,
    /// No more was asked for.
    MaxRate,
}

/// What is known of a goal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// The relevant lower bound: the highest load that keeps to the goal, below the upper bound.
    pub lower: Option<LowerBound>,
    /// The relevant upper bound: the least load that does not, in packets per second.
    pub upper: Option<u64>,
    /// What the load is limited by; `None` as long as that is not known.
    pub limit: Option<Limit>,
    /// `true` once no further trial is needed. Without a lower bound then the least load misses the
    /// goal.
    pub is_final: bool,
}

/// The loads that a goal's bounds are looked for between, decided or likely.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bracket<'l> {
    /// The highest load below `upper` that is, or looks like, a lower bound.
    pub lower: Option<(&'l Load, Verdict)>,
    /// The least load that is, or looks like, an upper bound.
    pub upper: Option<(&'l Load, Verdict)>,
}

/// A search for the bounds of goals.
#[derive(Debug, Clone)]
pub struct Search {
    pub(crate) goals: Vec<Goal>,
    pub(crate) limits: Limits,
    pub(crate) method: Method,
    pub(crate) loads: Loads,
    pub(crate) walks: Vec<mlr::Walk>,
}

impl Search {
    /// Makes a search that has tried nothing.
    ///
    /// # Panics
    ///
    /// Panics if the limits are upside down or 0.
    #[must_use]
    pub fn new(goals: Vec<Goal>, limits: Limits, method: Method) -> Self {
        assert!(0 < limits.min && limits.min <= limits.max, "{limits:?}");
        let walks = vec![mlr::Walk::default(); goals.len()];
        Self {
            goals,
            limits,
            method,
            loads: Loads::default(),
            walks,
        }
    }

    /// Returns the goals, in the order in which they were given.
    #[must_use]
    pub fn goals(&self) -> &[Goal] {
        &self.goals
    }

    /// Returns the trial to carry out next; `None` once all goals have their bounds.
    #[must_use]
    pub fn next(&self) -> Option<Trial> {
        (0..self.goals.len()).find_map(|goal| self.next_for(goal))
    }

    fn next_for(&self, goal: usize) -> Option<Trial> {
        if self.ceiling().greatest() < self.limits.min {
            // The sender does not offer even that.
            return None;
        }
        match self.method {
            Method::Mlr => mlr::next(self, goal),
            Method::Bisection => bisection::next(self, goal),
        }
    }

    /// Takes what came of `trial`.
    pub fn record(&mut self, trial: Trial, outcome: Outcome) {
        let before = self.likely(trial.goal);
        let load = self.loads.at(trial.pps);
        match outcome.shortfall {
            Some(Shortfall::Limit(reached)) => {
                load.not_offered += 1;
                load.reached_pps = load.reached_pps.max(reached);
            }
            Some(Shortfall::Disturbance) => {
                load.disturbed += 1;
                load.disturbed_for += trial.duration;
            }
            None => {
                (load.disturbed, load.disturbed_for) = (0, Duration::ZERO);
                load.trials.push(Measured {
                    duration: trial.duration,
                    loss_ratio: outcome.loss_ratio,
                    p99_ns: outcome.p99_ns,
                });
            }
        }
        let after = self.likely(trial.goal);
        self.walks[trial.goal].step(before, after);
        let load = self.loads.iter().find(|load| load.pps == trial.pps);
        if let Some(verdict) = load.and_then(|load| self.verdict(trial.goal, load))
            && verdict.is_decided()
        {
            self.walks[trial.goal].decide(verdict.is_upper());
        }
    }

    /// Returns what `load` is to goal number `goal`; `None` if it was never offered.
    pub(crate) fn verdict(&self, goal: usize, load: &Load) -> Option<Verdict> {
        let goal = &self.goals[goal];
        match self.method {
            Method::Mlr => Evidence::of(goal, &load.trials).verdict(goal),
            Method::Bisection => bisection::verdict(goal, load),
        }
    }

    /// Returns the loads between which the bounds of goal number `goal` are.
    pub(crate) fn bracket(&self, goal: usize) -> Bracket<'_> {
        let limit = self.loads.beyond_sender().map_or(u64::MAX, |load| load.pps);
        let known = self.loads.iter().filter(|load| load.pps < limit);
        let mut bracket = Bracket {
            lower: None,
            upper: None,
        };
        for load in known {
            match self.verdict(goal, load) {
                Some(verdict) if verdict.is_upper() => {
                    bracket.upper = Some((load, verdict));
                    break;
                }
                Some(verdict) => bracket.lower = Some((load, verdict)),
                None => {}
            }
        }
        bracket
    }

    /// Returns the load above which nothing is tried: the least that the sender cannot offer is beyond
    /// it, or the greatest that was asked for.
    pub(crate) fn ceiling(&self) -> Ceiling {
        match self.loads.beyond_sender() {
            Some(load) => Ceiling::Sender {
                beyond: load.pps,
                reached: match load.not_offered {
                    // It was disturbed each time, and has reached nothing that would tell.
                    0 if self.loads.iter().any(|load| !load.trials.is_empty()) => load.pps / 2,
                    0 => self.limits.min,
                    _ => load.reached_pps,
                },
            },
            None => Ceiling::MaxRate(self.limits.max),
        }
    }

    /// Returns whether `lower` is so near `upper` that the width of the goal is kept.
    pub(crate) fn is_narrow(&self, goal: usize, lower: u64, upper: u64) -> bool {
        // A bound that is as near as whole packets allow is near enough.
        let least = upper as f64 * (1.0 - self.goals[goal].width);
        lower as f64 >= least - 1.0
    }

    /// Returns what is known of goal number `goal`.
    ///
    /// # Panics
    ///
    /// Panics if there is no such goal.
    #[must_use]
    pub fn result(&self, goal: usize) -> Found {
        let decided = |verdict| move |load: &&Load| self.verdict(goal, load) == Some(verdict);
        let upper = self.loads.iter().find(decided(Verdict::Upper));
        let upper = upper.map(|load| load.pps);
        let below = upper.unwrap_or(u64::MAX);
        let mut lowers = self.loads.iter().rev().filter(|load| load.pps < below);
        let lower = lowers.find(decided(Verdict::Lower)).map(|load| {
            let lost = match self.method {
                Method::Mlr => quantile_loss(&self.goals[goal], &load.trials),
                Method::Bisection => load.trials.last().map_or(0.0, |trial| trial.loss_ratio),
            };
            LowerBound {
                pps: load.pps,
                conditional_throughput: load.pps as f64 * (1.0 - lost),
            }
        });
        let is_final = self.next_for(goal).is_none();
        let limit = match (lower, upper, self.ceiling()) {
            (_, Some(_), _) => Some(Limit::Path),
            (Some(lower), None, Ceiling::MaxRate(max)) if lower.pps >= max => Some(Limit::MaxRate),
            (_, None, Ceiling::Sender { .. }) if is_final => Some(Limit::Sender),
            _ => None,
        };
        Found {
            lower,
            upper,
            limit,
            is_final,
        }
    }

    /// Returns the highest load that looks like a lower bound of goal number `goal`, and the least that
    /// looks like an upper one, in packets per second: between these its bounds are looked for.
    #[must_use]
    pub fn likely(&self, goal: usize) -> (Option<u64>, Option<u64>) {
        let Bracket { lower, upper } = self.bracket(goal);
        let pps = |end: Option<(&Load, Verdict)>| end.map(|(load, _)| load.pps);
        (pps(lower), pps(upper))
    }

    /// Returns about how long the trials take that are still needed.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        let of = |goal| match self.next_for(goal) {
            None => Duration::ZERO,
            Some(_) => match self.method {
                Method::Mlr => mlr::remaining(self, goal),
                Method::Bisection => bisection::remaining(self, goal),
            },
        };
        (0..self.goals.len()).map(of).sum()
    }
}

/// The end of the loads that are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ceiling {
    /// The greatest load asked for, which may be tried.
    MaxRate(u64),
    /// A load that the sender cannot offer, and what it reached there.
    Sender { beyond: u64, reached: u64 },
}

impl Ceiling {
    /// Returns the greatest load that may be tried.
    pub const fn greatest(self) -> u64 {
        match self {
            Self::MaxRate(max) => max,
            Self::Sender { beyond, .. } => beyond - 1,
        }
    }
}
