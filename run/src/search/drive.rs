//! A whole search, from open ports to the exit status: repeats, frame sizes, trials.

use std::time::Duration;

use dpdkgen_core::probe::sizes::Sizes;
use dpdkgen_report::search::{Purpose, SearchEnd, SearchReport};
use dpdkgen_report::summary::{Origin, StopReason};
use dpdkgen_search::{Goal, Limits, Search, Trial};
use serde_json::Map;

use super::known::OfSize;
use super::outputs::SearchOutputs;
use super::request::{Length, Recipe, SearchRequest};
use super::trials::{Done, Wanted, carry_out};
use crate::failure::Failure;
use crate::outputs::screen::Screen;
use crate::request::{Mode, Request};
use crate::runner::course::Course;
use crate::runner::signals::StopSignals;
use crate::runner::trial::Executor;

/// The shares of the lower bound at which latency is measured for the page.
const LATENCY_AT: [f64; 4] = [0.1, 0.5, 0.9, 1.0];

/// A search with its outputs and its user, who may end it by signals.
pub struct Searching {
    pub(super) request: SearchRequest,
    pub(super) outputs: SearchOutputs,
    pub(super) signals: StopSignals,
    pub(super) report: SearchReport,
    pub(super) took: Duration,
    /// The probes that have come back in all trials.
    pub(super) unique: u64,
    /// The reason why no further trial is made.
    pub(super) end: Option<SearchEnd>,
    /// A sentence that says what went wrong, if that is the reason.
    pub(super) trouble: Option<String>,
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
        if let Err(failure) = self.search_all(executor) {
            if self.report.trials.is_empty() {
                return Err(failure);
            }
            self.end = Some(SearchEnd::Failed);
            self.trouble = Some(failure.to_string());
        }
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
            trouble: None,
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
        let searched = self.try_loads(executor, of_size);
        self.add_results(of_size, self.request.max_rate.is_none());
        searched
    }

    fn try_loads(
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
        (self.end, self.trouble) = match (done.stop_reason, &done.gone) {
            (StopReason::Signal, _) => (Some(SearchEnd::Signal), None),
            (StopReason::Removed, _) => {
                let trouble = "a device was taken away".to_owned();
                (Some(SearchEnd::Removed), Some(trouble))
            }
            (_, Some(port)) => {
                let trouble = format!("port {port} had no link or no peer any more");
                (Some(SearchEnd::Gone), Some(trouble))
            }
            (StopReason::Duration | StopReason::Count, None) => (None, None),
        };
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
}
