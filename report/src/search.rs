//! What a search found: these structs are its JSON, key for key.
//!
//! Promised: what does not apply or is not known is absent, never 0. Rates are packets per second that
//! are sent over all ports and queues together.

pub mod live;
mod text;

use serde::{Deserialize, Serialize};

use crate::summary::{Latency, Origin, SCHEMA, Sampled};
pub(crate) use text::{end, gbit_number, named, remarks, row, sized, tests_2544};
pub use text::{gbit_on_the_line, render};

/// All that a search found, and the trials that it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchReport {
    /// The version of the JSON, which is [`SCHEMA`] where this module wrote it.
    pub schema: u32,
    /// `search`.
    pub mode: String,
    /// The reason why it ended.
    pub stop_reason: SearchEnd,
    /// When, where and by what it was made.
    #[serde(flatten)]
    pub origin: Origin,
    /// The seconds that it took, in the time in which its trials passed.
    pub duration_s: f64,
    /// The settings in effect, by name.
    pub config: serde_json::Map<String, serde_json::Value>,
    /// What was found, search by search and goal by goal.
    pub results: Vec<SearchResult>,
    /// Over repeated searches, the lower bounds of each frame size and goal; empty without repeats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spread: Vec<Spread>,
    /// The latencies at the throughput, where that test of RFC 2544 was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latency: Vec<LatencyTest>,
    /// The bursts that pass whole, where that test of RFC 2544 was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub back_to_back: Vec<BackToBack>,
    /// The frames in the pcap file, where one was asked for.
    #[serde(default, rename = "pcap", skip_serializing_if = "Option::is_none")]
    pub sampled: Option<Sampled>,
    /// Every trial, in order.
    pub trials: Vec<TrialRecord>,
}

/// The latency at the throughput (RFC 2544, section 26.2), over repeated trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyTest {
    /// The frame size.
    pub frame_size: FrameSize,
    /// The load, in packets per second.
    pub pps: f64,
    /// The number of trials.
    pub trials: usize,
    /// The least latency of all, in nanoseconds.
    pub min_ns: u64,
    /// The mean of their means.
    pub mean_ns: f64,
    /// The mean of their 99th percentiles.
    pub p99_ns: f64,
    /// The greatest of all.
    pub max_ns: u64,
}

/// The longest burst that passes whole (RFC 2544, section 26.4; RFC 9004), over repeated searches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackToBack {
    /// The frame size.
    pub frame_size: FrameSize,
    /// The rate of the bursts, in packets per second.
    pub pps: f64,
    /// The number of searches.
    pub searches: usize,
    /// The mean of the longest bursts, in frames.
    pub frames: f64,
    /// The shortest of them.
    pub min_frames: u64,
    /// The longest of them.
    pub max_frames: u64,
    /// `true` if the longest burst that was tried passed, so that longer ones may too.
    pub is_longest_tried: bool,
    /// The seconds in which the mean burst is sent: the buffer, were nothing taken from it meanwhile.
    pub implied_buffer_s: f64,
    /// The same without what is taken from it meanwhile, by the throughput (RFC 9004, section 6.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected_buffer_s: Option<f64>,
}

/// The reason why a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchEnd {
    /// Nothing was left to find.
    Done,
    /// SIGINT, SIGTERM or SIGHUP came.
    Signal,
    /// The device of a port was taken away.
    Removed,
    /// A port had no link or no peer at the end of a trial.
    Gone,
    /// A trial could not begin.
    Failed,
}

/// The size of the frames of a search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FrameSize {
    /// Bytes of every frame, tags and FCS included.
    Bytes(u16),
    /// A mix of sizes, by its name.
    Mix(String),
}

impl std::fmt::Display for FrameSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(bytes) => bytes.fmt(f),
            Self::Mix(name) => f.write_str(name),
        }
    }
}

/// What a search found for one frame size and one goal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchResult {
    /// The frame size.
    pub frame_size: FrameSize,
    /// The bytes of a frame, tags and FCS included; the mean of a mix.
    pub frame_bytes: f64,
    /// The number of the search, from 1; absent where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<u32>,
    /// The goal, as it can be given to `--goal`.
    pub goal: String,
    /// The highest load that keeps to the goal, below the upper bound; if the search was not finished,
    /// the highest that looks like that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower_pps: Option<f64>,
    /// The least load that does not, or looks like that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper_pps: Option<f64>,
    /// What of the lower bound arrives at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditional_throughput_pps: Option<f64>,
    /// What keeps the load from being higher; absent while that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<LimitedBy>,
    /// `true` if nothing is left to find: the bounds are as near as was asked for, or there is none.
    pub complete: bool,
    /// Latencies at the lower bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ns: Option<Latency>,
    /// The trials that were made for this goal.
    pub trials: usize,
    /// The seconds that they took, waits for what was in flight included.
    pub duration_s: f64,
}

/// What keeps a load from being higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitedBy {
    /// The path loses packets, or is late.
    Path,
    /// The sender does not offer more.
    Sender,
    /// No more was asked for.
    MaxRate,
}

impl LimitedBy {
    /// Returns its name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Sender => "sender",
            Self::MaxRate => "max-rate",
        }
    }
}

/// The lower bounds of repeated searches. A search without one counts as 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The frame size.
    pub frame_size: FrameSize,
    /// The goal.
    pub goal: String,
    /// The number of searches that were finished.
    pub searches: usize,
    /// The median of their lower bounds; of an even number the lower one in the middle.
    pub median_pps: f64,
    /// The least of them.
    pub min_pps: f64,
    /// The greatest of them.
    pub max_pps: f64,
}

/// What a trial was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// To find what the sender reaches by itself.
    Sender,
    /// To find a bound.
    Bound,
    /// To find the latency at a share of the lower bound.
    Latency,
    /// To find the loss at a share of the highest rate (RFC 2544, section 26.3).
    Loss,
    /// To find whether a burst passes whole (RFC 2544, section 26.4).
    Burst,
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// The frame size.
    pub frame_size: FrameSize,
    /// The number of the search, from 1; absent where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<u32>,
    /// What it was made for.
    pub purpose: Purpose,
    /// The goal that it was made for, if it was for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
    /// The load that was asked for; absent if it was as fast as the sender goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_pps: Option<f64>,
    /// The share that this is of the lower bound, where latency was looked for, or of the highest rate,
    /// where loss was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// The seconds for which it was offered.
    pub duration_s: f64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Packets that were due and never left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<u64>,
    /// `false` if the sender did not offer the load: then the trial says nothing of the path.
    pub offered: bool,
    /// `true` if that is since the sender stood still, as when its CPU did something else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disturbed: bool,
    /// Packets sent and not received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// The share of the packets sent that this is, 0 to 1; absent if none was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_ratio: Option<f64>,
    /// Latencies; absent if nothing came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ns: Option<Latency>,
}

impl SearchReport {
    /// Makes the report of a search that has found nothing yet.
    #[must_use]
    pub fn new(origin: Origin, config: serde_json::Map<String, serde_json::Value>) -> Self {
        Self {
            schema: SCHEMA,
            mode: "search".to_owned(),
            stop_reason: SearchEnd::Done,
            origin,
            duration_s: 0.0,
            config,
            results: Vec::new(),
            spread: Vec::new(),
            latency: Vec::new(),
            back_to_back: Vec::new(),
            sampled: None,
            trials: Vec::new(),
        }
    }

    /// Sums up the lower bounds of the searches that were finished, if there were several.
    pub fn sum_up(&mut self) {
        self.spread.clear();
        for result in &self.results {
            let is_told = |spread: &Spread| {
                spread.frame_size == result.frame_size && spread.goal == result.goal
            };
            if result.repeat.is_none() || self.spread.iter().any(is_told) {
                continue;
            }
            let same = |other: &&SearchResult| {
                other.frame_size == result.frame_size && other.goal == result.goal
            };
            let finished = self.results.iter().filter(same).filter(|of| of.complete);
            let mut lower: Vec<f64> = finished.map(|of| of.lower_pps.unwrap_or(0.0)).collect();
            lower.sort_by(f64::total_cmp);
            if let (Some(min), Some(max)) = (lower.first(), lower.last()) {
                self.spread.push(Spread {
                    frame_size: result.frame_size.clone(),
                    goal: result.goal.clone(),
                    searches: lower.len(),
                    median_pps: lower[(lower.len() - 1) / 2],
                    min_pps: *min,
                    max_pps: *max,
                });
            }
        }
    }

    /// Returns the JSON object, indented, with a newline at its end.
    ///
    /// # Errors
    ///
    /// None that a caller can cause: names are strings, and a number that is not finite is written
    /// as `null`.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        Ok(json)
    }

    /// Reads a report back.
    ///
    /// # Errors
    ///
    /// If the text is no JSON, or not such an object; the error names the line.
    pub fn from_json(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }
}
