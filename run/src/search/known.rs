//! What is known of a search so far: for whoever watches, and for its report.

use std::time::Duration;

use dpdkgen_core::probe::sizes::Sizes;
use dpdkgen_report::search::live::{Bounds, Standing};
use dpdkgen_report::search::{LimitedBy, Purpose, SearchResult};
use dpdkgen_report::summary::Latency;
use dpdkgen_report::text::words;
use dpdkgen_search::{Found, Limit, Search};

use super::drive::Searching;
use super::request::Length;
use super::trials::{Done, Wanted};

/// The search of one frame size that goes on.
pub struct OfSize {
    pub sizes: Sizes,
    pub repeat: Option<u32>,
    pub search: Search,
    /// The highest load, in packets per second.
    pub max: u64,
    /// The trials for each goal so far, and the time that they took.
    pub spent: Vec<(usize, Duration)>,
}

impl OfSize {
    /// Returns the bounds of a goal, of which `found` is known: until both are found, what looks like
    /// them.
    fn known(&self, goal: usize, found: &Found) -> (Option<u64>, Option<u64>) {
        if found.is_final {
            (found.lower.map(|lower| lower.pps), found.upper)
        } else {
            self.search.likely(goal)
        }
    }

    /// Returns a trial with frames of this size.
    pub fn wanted(&self, purpose: Purpose, pps: Option<u64>, length: Length) -> Wanted {
        Wanted {
            sizes: self.sizes.clone(),
            repeat: self.repeat,
            purpose,
            goal: None,
            pps,
            share: None,
            length,
        }
    }
}

impl Searching {
    /// Returns how far the search is while `wanted` is carried out, or after it was `last`.
    pub(super) fn standing(
        &self,
        of_size: &OfSize,
        wanted: &Wanted,
        last: Option<&Done>,
    ) -> Standing {
        let bounds = self.request.goals.iter().enumerate().map(|(goal, named)| {
            let found = of_size.search.result(goal);
            let (lower, upper) = of_size.known(goal, &found);
            Bounds {
                goal: named.name.clone(),
                lower,
                upper,
                is_final: found.is_final,
            }
        });
        let latest = self.report.trials.last().cloned();
        Standing {
            frame_size: self.request.frame_size(&of_size.sizes),
            repeat: of_size.repeat.map(|repeat| (repeat, self.request.repeat)),
            pps: wanted.pps,
            length: match wanted.length {
                Length::Time(duration) => words::seconds(duration.as_secs_f64()),
                Length::Packets(count) => words::packets(count),
            },
            bounds: bounds.collect(),
            elapsed_s: self.took.as_secs_f64(),
            left_s: self.left(of_size),
            last: last.map(|done| done.record.clone()).or(latest),
        }
    }

    /// Returns about the seconds that all searches still take: those to come as long as those before, or
    /// as this one.
    fn left(&self, of_size: &OfSize) -> Option<f64> {
        let remaining = of_size.search.remaining().as_secs_f64();
        let sizes = self.request.sizes.len() as f64;
        let goals = self.request.goals.len().max(1) as f64;
        let over = self.report.results.len() as f64 / goals;
        let to_come = sizes * f64::from(self.request.repeat) - over - 1.0;
        let spent: Duration = of_size.spent.iter().map(|(_, took)| *took).sum();
        let whole = if over > 0.0 {
            let before = self.took.saturating_sub(spent).as_secs_f64();
            before / over
        } else {
            spent.as_secs_f64() + remaining
        };
        Some(remaining + to_come.max(0.0) * whole)
    }

    /// Adds what was found of a frame size to the report.
    pub(super) fn add_results(&mut self, of_size: &OfSize, is_measured: bool) {
        for (goal, named) in self.request.goals.iter().enumerate() {
            let found = of_size.search.result(goal);
            let (lower, upper) = of_size.known(goal, &found);
            let (trials, took) = of_size.spent[goal];
            let limit = match found.limit {
                Some(Limit::Path) => Some(LimitedBy::Path),
                Some(Limit::Sender) => Some(LimitedBy::Sender),
                // What was measured first is the sender's limit.
                Some(Limit::MaxRate) if is_measured => Some(LimitedBy::Sender),
                Some(Limit::MaxRate) => Some(LimitedBy::MaxRate),
                None => None,
            };
            let frame_size = self.request.frame_size(&of_size.sizes);
            self.report.results.push(SearchResult {
                frame_bytes: self.request.frame_bytes(&of_size.sizes),
                latency_ns: lower.and_then(|lower| self.latency_at(of_size, lower)),
                frame_size,
                repeat: of_size.repeat,
                goal: named.name.clone(),
                lower_pps: lower.map(|lower| lower as f64),
                upper_pps: upper.map(|upper| upper as f64),
                conditional_throughput_pps: found.lower.map(|lower| lower.conditional_throughput),
                limit: limit.filter(|_| found.is_final),
                complete: found.is_final,
                trials,
                duration_s: took.as_secs_f64(),
            });
        }
    }

    /// Returns the latencies at a load: of its longest trials the one with the median 99th percentile.
    fn latency_at(&self, of_size: &OfSize, pps: u64) -> Option<Latency> {
        let size = self.request.frame_size(&of_size.sizes);
        let at_load = self.report.trials.iter().filter(|trial| {
            trial.offered
                && trial.frame_size == size
                && trial.repeat == of_size.repeat
                && trial.target_pps == Some(pps as f64)
        });
        let mut trials: Vec<_> = at_load
            .filter_map(|trial| Some((trial.duration_s, trial.latency_ns?)))
            .collect();
        let longest = trials.iter().map(|trial| trial.0).fold(0.0, f64::max);
        trials.retain(|trial| trial.0 >= longest);
        trials.sort_by_key(|trial| trial.1.p99);
        let middle = trials.len().checked_sub(1)? / 2;
        Some(trials[middle].1)
    }
}
