//! What a search is asked for, checked.

use std::time::Duration;

use dpdkgen_core::probe::sizes::Sizes;
use dpdkgen_core::time::Span;
use dpdkgen_core::tx::pacer::Rate;
use dpdkgen_report::search::FrameSize;
use dpdkgen_search::{Goal, Limits, Method};
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::request::{Mode, Request, SendRecv, limits, mix_text};
use crate::units::RateSpec;

/// A goal, and how its user wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedGoal {
    /// The goal.
    pub goal: Goal,
    /// Its name in every output, as it can be given to `--goal`.
    pub name: String,
}

/// A test of RFC 2544.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipe {
    /// The highest rate without loss (section 26.1).
    Throughput,
    /// The latency at that rate (section 26.2).
    Latency,
    /// The loss at 100 % of the highest rate, at 90 %, and so on (section 26.3).
    FrameLossRate,
    /// The longest burst that passes whole (section 26.4; RFC 9004).
    BackToBack,
}

impl Recipe {
    /// Returns its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Latency => "latency",
            Self::FrameLossRate => "loss",
            Self::BackToBack => "back-to-back",
        }
    }
}

/// A search that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// What its trials have in common, a `sendrecv` with the largest frames and without a rate.
    pub base: Request,
    /// The sizes of probes to search with, one after the other; each may be a mix.
    pub sizes: Vec<Sizes>,
    /// The goals, whose durations, exceed ratio and width are the same.
    pub goals: Vec<NamedGoal>,
    /// The least rate.
    pub min_rate: RateSpec,
    /// The greatest rate; `None` is what the sender reaches by itself.
    pub max_rate: Option<RateSpec>,
    /// The way in which loads are chosen.
    pub method: Method,
    /// How often the whole search is made.
    pub repeat: u32,
    /// The rate that no goal's lower bound may be below.
    pub expect: Option<RateSpec>,
    /// The test of RFC 2544 that it is for, if for one.
    pub recipe: Option<Recipe>,
    /// The duration of a trial that shows latency.
    pub latency_trial: Duration,
    /// How often such a trial, or the search for a burst, is made.
    pub trial_repeats: u32,
}

/// The length of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// The time for which is sent.
    Time(Duration),
    /// The number of packets that are sent.
    Packets(u64),
}

/// The most goals of a search.
const MAX_GOALS: usize = 8;

/// The least and the greatest duration of a trial.
const TRIALS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(24 * 3_600));

impl SearchRequest {
    /// Checks all that can be checked before a port is open.
    ///
    /// # Errors
    ///
    /// Returns a sentence that names the options which do not fit, and what would.
    pub fn check(&self) -> Result<(), Failure> {
        self.base.check()?;
        let refuse = |sentence: String| Err(Failure::request(sentence));
        if self.base.rxq == 0 {
            return refuse(
                "search is about what comes back, and --rxq 0 only sends: leave it out".to_owned(),
            );
        }
        if self.goals.len() > MAX_GOALS {
            return refuse(format!(
                "--goal was given {} times, and {MAX_GOALS} is the limit: name fewer",
                self.goals.len()
            ));
        }
        for (number, goal) in self.goals.iter().enumerate() {
            if self.goals[..number]
                .iter()
                .any(|other| other.goal == goal.goal)
            {
                return refuse(format!(
                    "--goal {} was given twice: name each once",
                    goal.name
                ));
            }
            check_goal(&goal.goal)?;
        }
        for sizes in &self.sizes {
            let limits = self.limits(sizes)?;
            if let Some(expect) = self.expect {
                self.pps(expect, "--expect", sizes)?;
            }
            if limits.min > limits.max {
                return refuse(format!(
                    "--min-rate is above --max-rate ({} and {} packets/s with frames of {} bytes): \
                     exchange them",
                    limits.min,
                    limits.max,
                    self.frame_size(sizes)
                ));
            }
        }
        Ok(())
    }

    /// Returns the `sendrecv` that its trials have in common.
    pub(super) fn sendrecv(&self) -> &SendRecv {
        match &self.base.mode {
            Mode::SendRecv(sendrecv) => sendrecv,
            Mode::Reflect(_) => unreachable!("a search sends"),
        }
    }

    /// Returns the same with probes of these sizes.
    fn sized(&self, sizes: &Sizes) -> SendRecv {
        SendRecv {
            sizes: sizes.clone(),
            ..self.sendrecv().clone()
        }
    }

    /// Returns the size of the frames with these probes.
    #[must_use]
    pub fn frame_size(&self, sizes: &Sizes) -> FrameSize {
        match self.sized(sizes).frame_sizes()[..] {
            [(bytes, _)] => FrameSize::Bytes(bytes),
            ref mix => FrameSize::Mix(mix_text(mix)),
        }
    }

    /// Returns the mean bytes of such a frame, tags and FCS included.
    #[must_use]
    pub fn frame_bytes(&self, sizes: &Sizes) -> f64 {
        self.sized(sizes).mean_frame_size()
    }

    /// Returns the loads between which is searched with these sizes; the greatest is the greatest
    /// number if it has to be measured first.
    ///
    /// # Errors
    ///
    /// Returns a sentence that names the option, if a rate cannot be kept.
    pub fn limits(&self, sizes: &Sizes) -> Result<Limits, Failure> {
        let min = self.pps(self.min_rate, "--min-rate", sizes)?;
        let max = match self.max_rate {
            Some(max) => self.pps(max, "--max-rate", sizes)?,
            None => u64::MAX,
        };
        Ok(Limits {
            min: min.max(1),
            max,
        })
    }

    /// Returns the whole packets per second of a rate.
    pub(super) fn pps(&self, rate: RateSpec, option: &str, sizes: &Sizes) -> Result<u64, Failure> {
        let rate = rate.for_mix(self.sized(sizes).frame_lens());
        let rate =
            rate.map_err(|reason| Failure::request(format!("the value of {option} {reason}")))?;
        Ok(rate.pps() as u64)
    }

    /// Returns the request of one trial.
    #[must_use]
    pub fn trial(&self, sizes: &Sizes, pps: Option<u64>, length: Length) -> Request {
        let mut request = self.base.clone();
        match length {
            Length::Time(duration) => request.duration = Some(span(duration)),
            Length::Packets(count) => request.count = Some(count),
        }
        if let Mode::SendRecv(sendrecv) = &mut request.mode {
            sendrecv.sizes = sizes.clone();
            sendrecv.rate = pps.and_then(|pps| Rate::new(pps, Span::from_secs(1).as_nanos()));
            let window = sendrecv.window(request.grace);
            sendrecv.window = Some(window.min(limits::MAX_WINDOW));
        }
        request
    }

    /// Returns the settings by name, as they stand in the JSON.
    #[must_use]
    pub fn config(&self) -> Map<String, Value> {
        let mut config = self.base.config();
        // Each trial has its own.
        for name in [
            "payload_bytes",
            "frame_mix",
            "mean_frame_bytes",
            "frame_bytes",
            "rate_pps",
            "run_tag",
            "duration_ns",
        ] {
            config.remove(name);
        }
        let sizes: Vec<_> = self.sizes.iter().map(|of| self.frame_size(of)).collect();
        let names: Vec<_> = self.goals.iter().map(|goal| &goal.name).collect();
        let mut set = |name: &str, value: Value| {
            if !value.is_null() {
                config.insert(name.to_owned(), value);
            }
        };
        set("frame_sizes", json!(sizes));
        set("goals", json!(names));
        if let Some(NamedGoal { goal, .. }) = self.goals.first() {
            set("trial_ns", json!(span(goal.trial).as_nanos()));
            set("trials_ns", json!(span(goal.sum).as_nanos()));
            set("exceed", json!(goal.exceed));
            set("width", json!(goal.width));
        }
        let per_size = |rate: Option<RateSpec>| {
            let rate = rate?;
            let of = |sizes: &Sizes| self.pps(rate, "", sizes).ok();
            Some(self.sizes.iter().filter_map(of).collect::<Vec<_>>())
        };
        set("min_rate_pps", json!(per_size(Some(self.min_rate))));
        set("max_rate_pps", json!(per_size(self.max_rate)));
        set("expect_pps", json!(per_size(self.expect)));
        set(
            "method",
            json!(match self.method {
                Method::Mlr => "mlrsearch",
                Method::Bisection => "bisection",
            }),
        );
        set("repeat", json!(self.repeat));
        // Outside of an isolated network none of them is the RFC's own (RFC 6815).
        let recipe = self
            .recipe
            .map(|recipe| format!("2544-style {}", recipe.name()));
        set("recipe", json!(recipe));
        config
    }
}

fn check_goal(goal: &Goal) -> Result<(), Failure> {
    let refuse = |sentence: String| Err(Failure::request(sentence));
    if goal.trial.is_zero() {
        return refuse("--trial must be more than 0".to_owned());
    }
    if goal.trial < TRIALS.0 || goal.trial > TRIALS.1 {
        return refuse(format!(
            "--trial {} is not from {} to {}",
            seconds(goal.trial),
            seconds(TRIALS.0),
            seconds(TRIALS.1)
        ));
    }
    if goal.sum < goal.trial {
        return refuse(format!(
            "--trials {} is less than --trial {}: a bound needs one trial at least",
            seconds(goal.sum),
            seconds(goal.trial)
        ));
    }
    if goal.sum > TRIALS.1 {
        return refuse(format!(
            "--trials {} is longer than {}",
            seconds(goal.sum),
            seconds(TRIALS.1)
        ));
    }
    if goal.loss_ratio >= 1.0 {
        return refuse("--goal of a loss of 100 % is kept by any path: ask for less".to_owned());
    }
    if goal.exceed >= 1.0 {
        return refuse("--exceed must be less than 100 %: some trial has to be good".to_owned());
    }
    if !(goal.width > 0.0 && goal.width <= 0.5) {
        return refuse("--width must be more than 0, and 50 % at most".to_owned());
    }
    Ok(())
}

fn seconds(duration: Duration) -> String {
    dpdkgen_report::text::words::seconds(duration.as_secs_f64())
}

/// Returns the same time as the runtimes count it.
pub(super) fn span(duration: Duration) -> Span {
    Span::from_nanos(duration.as_nanos() as u64)
}
