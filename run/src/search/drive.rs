//! A whole search, from open ports to the exit status: repeats, frame sizes, trials.

use std::time::Duration;

use dpdkgen_core::probe::sizes::Sizes;
use dpdkgen_report::patience::Patience;
use dpdkgen_report::search::live::{Bounds, Standing};
use dpdkgen_report::search::{LimitedBy, Purpose, SearchEnd, SearchReport, SearchResult};
use dpdkgen_report::summary::{Latency, Origin, StopReason};
use dpdkgen_report::text::words;
use dpdkgen_search::{Found, Goal, Limit, Limits, Search, Trial};
use serde_json::Map;

use super::outputs::SearchOutputs;
use super::request::{Length, Recipe, SearchRequest};
use super::trials::{Done, Wanted, carry_out};
use crate::failure::Failure;
use crate::outputs::screen::Screen;
use crate::request::{Mode, Request};
use crate::runner::course::{self, Course};
use crate::runner::signals::StopSignals;
use crate::runner::trial::Executor;

/// The shares of the lower bound at which latency is measured for the page.
const LATENCY_AT: [f64; 4] = [0.1, 0.5, 0.9, 1.0];

/// A search with its outputs and its user, who may end it by signals.
pub struct Searching {
    pub(super) request: SearchRequest,
    outputs: SearchOutputs,
    signals: StopSignals,
    pub(super) report: SearchReport,
    took: Duration,
    /// The probes that have come back in all trials.
    unique: u64,
    /// The reason why no further trial is made.
    pub(super) end: Option<SearchEnd>,
    /// The port that had no link or no peer at the end of the last trial.
    gone: Option<String>,
}

/// The search of one frame size that goes on.
pub(super) struct OfSize {
    pub sizes: Sizes,
    pub repeat: Option<u32>,
    pub search: Search,
    /// The highest load, in packets per second.
    pub max: u64,
    /// The trials for each goal so far, and the time that they took.
    spent: Vec<(usize, Duration)>,
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

impl Course for Searching {
    fn screen(&mut self) -> &mut Screen {
        &mut self.outputs.screen
    }

    fn signals(&mut self) -> &mut StopSignals {
        &mut self.signals
    }

    fn drive(mut self, base: Request, executor: &mut impl Executor) -> Result<u8, Failure> {
        self.request.base = base;
        if let Mode::SendRecv(sendrecv) = &mut self.request.base.mode {
            // A fresh one for each trial, so that what is left of another is foreign.
            sendrecv.run_tag = None;
        }
        self.report.origin = self.request.base.origin.clone();
        self.report.config = self.request.config();
        let placement = executor.placement();
        let sending = self.request.sendrecv().sending_ports(placement.ports.len());
        let lines = placement.ports[..sending].iter().map(|port| port.line_bps);
        if let Some(line_bps) = lines.sum::<Option<u64>>() {
            let line_bps = line_bps.into();
            self.report.config.insert("line_bps".to_owned(), line_bps);
        }
        self.search_all(executor)?;
        Ok(self.conclude())
    }
}

impl Searching {
    /// Opens the outputs that `request` asks for; `signals` end the search.
    ///
    /// # Errors
    ///
    /// Returns a failure if one of them cannot be written.
    pub fn open(request: &SearchRequest, signals: StopSignals) -> Result<Self, Failure> {
        Ok(Self {
            outputs: SearchOutputs::open(&request.base)?,
            // What opening the ports completes is known when it is driven.
            report: SearchReport::new(Origin::default(), Map::new()),
            request: request.clone(),
            signals,
            took: Duration::ZERO,
            unique: 0,
            end: None,
            gone: None,
        })
    }

    fn search_all(&mut self, executor: &mut impl Executor) -> Result<(), Failure> {
        for repeat in 1..=self.request.repeat {
            let repeat = (self.request.repeat > 1).then_some(repeat);
            for sizes in self.request.sizes.clone() {
                if self.end.is_none() {
                    self.with_size(executor, sizes, repeat)?;
                }
            }
        }
        self.report.sum_up();
        self.report.stop_reason = self.end.unwrap_or(SearchEnd::Done);
        self.report.duration_s = self.took.as_secs_f64();
        Ok(())
    }

    /// Does what is asked for with frames of one size.
    fn with_size(
        &mut self,
        executor: &mut impl Executor,
        sizes: Sizes,
        repeat: Option<u32>,
    ) -> Result<(), Failure> {
        let goals: Vec<Goal> = self.request.goals.iter().map(|named| named.goal).collect();
        let limits = self.request.limits(&sizes)?;
        let mut of_size = OfSize {
            sizes,
            repeat,
            spent: vec![(0, Duration::ZERO); goals.len()],
            search: Search::new(goals, limits, self.request.method),
            max: limits.max,
        };
        if self.request.max_rate.is_none() && !self.measure_sender(executor, &mut of_size)? {
            return Ok(());
        }
        match self.request.recipe {
            Some(Recipe::FrameLossRate) => return self.measure_loss(executor, &of_size),
            None | Some(Recipe::Throughput | Recipe::Latency | Recipe::BackToBack) => {
                self.search(executor, &mut of_size)?;
            }
        }
        match self.request.recipe {
            Some(Recipe::Latency) => self.repeat_latency(executor, &of_size)?,
            Some(Recipe::BackToBack) => self.search_bursts(executor, &of_size)?,
            _ => {}
        }
        self.measure_latency(executor, &of_size)
    }

    /// Measures what the sender reaches by itself, which is the highest load then; `false` if that was
    /// ended early.
    fn measure_sender(
        &mut self,
        executor: &mut impl Executor,
        of_size: &mut OfSize,
    ) -> Result<bool, Failure> {
        let goals = of_size.search.goals().to_vec();
        let duration = goals.iter().map(Goal::first_trial).max();
        let duration = duration.unwrap_or_default();
        let wanted = of_size.wanted(Purpose::Sender, None, Length::Time(duration));
        let done = self.carry_out(executor, of_size, &wanted)?;
        let Some(outcome) = done.outcome else {
            return Ok(false);
        };
        let min = self.request.limits(&of_size.sizes)?.min;
        let reached = done.record.tx_packets as f64 / done.record.duration_s;
        let max = (reached as u64).max(min);
        of_size.max = max;
        of_size.search = Search::new(goals, Limits { min, max }, self.request.method);
        if reached >= min as f64 {
            let trial = Trial {
                pps: max,
                duration,
                goal: 0,
            };
            of_size.search.record(trial, outcome);
        }
        self.tried(of_size, &wanted, &done);
        Ok(true)
    }

    /// Searches for the bounds of all goals, and adds what was found to the report.
    fn search(
        &mut self,
        executor: &mut impl Executor,
        of_size: &mut OfSize,
    ) -> Result<(), Failure> {
        while self.end.is_none()
            && let Some(trial) = of_size.search.next()
        {
            let wanted = Wanted {
                goal: Some(self.request.goals[trial.goal].name.clone()),
                ..of_size.wanted(
                    Purpose::Bound,
                    Some(trial.pps),
                    Length::Time(trial.duration),
                )
            };
            let done = self.carry_out(executor, of_size, &wanted)?;
            if let Some(outcome) = done.outcome {
                of_size.search.record(trial, outcome);
            }
            let (trials, took) = &mut of_size.spent[trial.goal];
            (*trials, *took) = (*trials + 1, *took + done.took);
            self.tried(of_size, &wanted, &done);
        }
        self.add_results(of_size, self.request.max_rate.is_none());
        Ok(())
    }

    /// Measures latency at shares of the first lower bound, which the page shows.
    fn measure_latency(
        &mut self,
        executor: &mut impl Executor,
        of_size: &OfSize,
    ) -> Result<(), Failure> {
        let found = (0..of_size.spent.len()).find_map(|goal| {
            let lower = of_size.search.result(goal).lower?;
            Some((goal, lower.pps))
        });
        let (Some((goal, lower)), true) = (found, self.request.base.report.is_some()) else {
            return Ok(());
        };
        for share in LATENCY_AT {
            let pps = (lower as f64 * share) as u64;
            if self.end.is_some() || pps == 0 {
                break;
            }
            let named = &self.request.goals[goal];
            let length = Length::Time(named.goal.trial);
            let wanted = Wanted {
                goal: Some(named.name.clone()),
                share: Some(share),
                ..of_size.wanted(Purpose::Latency, Some(pps), length)
            };
            let done = self.carry_out(executor, of_size, &wanted)?;
            self.tried(of_size, &wanted, &done);
        }
        Ok(())
    }

    /// Carries out one trial, and adds it to the report.
    pub(super) fn carry_out(
        &mut self,
        executor: &mut impl Executor,
        of_size: &OfSize,
        wanted: &Wanted,
    ) -> Result<Done, Failure> {
        let standing = self.standing(of_size, wanted, None);
        let (outputs, signals) = (&mut self.outputs, &mut self.signals);
        let done = carry_out(executor, &self.request, wanted, &standing, outputs, signals)?;
        self.took += done.took;
        self.unique += done.unique;
        self.end = match (done.stop_reason, &done.gone) {
            (StopReason::Signal, _) => Some(SearchEnd::Signal),
            (StopReason::Removed, _) => Some(SearchEnd::Removed),
            (_, Some(_)) => Some(SearchEnd::Gone),
            (StopReason::Duration | StopReason::Count, None) => None,
        };
        self.gone.clone_from(&done.gone);
        // One that was ended before it sent tells nothing.
        if done.record.tx_packets > 0 || done.outcome.is_some() {
            self.report.trials.push(done.record.clone());
        }
        Ok(done)
    }

    /// Shows what a trial has shown.
    pub(super) fn tried(&mut self, of_size: &OfSize, wanted: &Wanted, done: &Done) {
        let standing = self.standing(of_size, wanted, Some(done));
        self.outputs.tried(&standing);
    }

    fn standing(&self, of_size: &OfSize, wanted: &Wanted, last: Option<&Done>) -> Standing {
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
    fn add_results(&mut self, of_size: &OfSize, is_measured: bool) {
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
            trial.frame_size == size
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

    /// Writes and shows the end of the search, and returns its exit status.
    fn conclude(self) -> u8 {
        let Self {
            request,
            outputs,
            mut signals,
            mut report,
            unique,
            end,
            gone,
            ..
        } = self;
        let mut requests = || signals.requests();
        let mut patience = Patience::new(&mut requests);
        let mut sentences = outputs.finish(&mut report, &mut patience);
        let why = match (end, gone) {
            (Some(SearchEnd::Removed), _) => Some("a device was taken away".to_owned()),
            (Some(SearchEnd::Gone), Some(port)) => {
                Some(format!("port {port} had no link or no peer any more"))
            }
            _ => None,
        };
        sentences.extend(why.map(|why| {
            format!("{why}, which ended the search; what was found until then is written")
        }));
        let misses = missed(&request, &report, unique);
        course::end(request.base.program(), sentences, misses, &mut patience)
    }
}

/// Returns what was not as the user expects, a sentence each.
fn missed(request: &SearchRequest, report: &SearchReport, unique: u64) -> Vec<String> {
    let mut misses = Vec::new();
    if unique == 0 && report.trials.iter().any(|trial| trial.tx_packets > 0) {
        misses.push("nothing came back".to_owned());
    }
    let Some(expect) = request.expect else {
        return misses;
    };
    for sizes in &request.sizes {
        // Checked with the request.
        let Ok(expected) = request.pps(expect, "--expect", sizes) else {
            continue;
        };
        let size = request.frame_size(sizes);
        for named in &request.goals {
            let of_goal = report.results.iter().filter(|result| {
                result.frame_size == size && result.goal == named.name && result.complete
            });
            let mut lower: Vec<f64> = of_goal.map(|of| of.lower_pps.unwrap_or(0.0)).collect();
            lower.sort_by(f64::total_cmp);
            let found = lower.len().checked_sub(1).map(|last| lower[last / 2]);
            let what = match found {
                Some(found) if found >= expected as f64 => continue,
                Some(found) if found > 0.0 => format!("is {}", words::rate(found)),
                Some(_) => "is missing: even the lowest rate misses the goal".to_owned(),
                None => "was not found before the search ended".to_owned(),
            };
            misses.push(format!(
                "the lower bound of goal {} with frames of {size} bytes {what}, and --expect is {}",
                named.name,
                words::rate(expected as f64)
            ));
        }
    }
    misses
}
