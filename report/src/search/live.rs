//! How far a search is: a small table on a terminal, a line a trial anywhere else.

use super::text::{named, sized, took};
use super::{FrameSize, TrialRecord};
use crate::console::Size;
use crate::text::words;
use crate::text::wrap::wrap;

/// The state of a search at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The frame size.
    pub frame_size: FrameSize,
    /// The number of the search and of how many, if there are several.
    pub repeat: Option<(u32, u32)>,
    /// The load of the trial that goes on, in packets per second; `None` is as fast as the sender goes.
    pub pps: Option<u64>,
    /// The time for which it goes on in all, or the packets, in words.
    pub length: String,
    /// The bounds, found or likely.
    pub bounds: Vec<Bounds>,
    /// The seconds that the search has taken so far.
    pub elapsed_s: f64,
    /// About the seconds that it still takes; `None` if nobody knows.
    pub left_s: Option<f64>,
    /// The trial that is over, if one is.
    pub last: Option<TrialRecord>,
}

/// The bounds of a goal: while they are not final, the loads that look like them.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// The goal.
    pub goal: String,
    /// The lower bound, in packets per second.
    pub lower: Option<u64>,
    /// The upper bound.
    pub upper: Option<u64>,
    /// `true` if nothing is left to find.
    pub is_final: bool,
}

/// Characters in front of what a line says.
const INDENT: usize = 14;

/// Returns the lines of the table, which fit a terminal of this size.
#[must_use]
pub fn table(standing: &Standing, size: Size) -> Vec<String> {
    let entry = |name: &str, what: &str| {
        let text = format!("{name:<INDENT$}{what}");
        let wrapped = wrap(&text, size.columns, INDENT);
        wrapped.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut search = sized(&standing.frame_size);
    if let Some((repeat, of)) = standing.repeat {
        search.push_str(&format!(", search {repeat} of {of}"));
    }
    search.push_str(&format!(", {} so far", took(standing.elapsed_s)));
    if let Some(left) = standing.left_s.filter(|left| *left > 0.0) {
        search.push_str(&format!(", about {} left", took(left)));
    }
    let mut lines = entry("Search", &search);
    for bounds in &standing.bounds {
        lines.extend(entry(&named(&bounds.goal), &between(bounds)));
    }
    let trial = format!("{} for {}", load(standing.pps), standing.length);
    lines.extend(entry("Trial", &trial));
    if let Some(last) = &standing.last {
        lines.extend(entry("Before", &came_to(last)));
    }
    lines.truncate(size.rows.saturating_sub(2).max(1));
    lines
}

/// Returns the line about the trial that is over:
/// `12 s: 64 bytes, 1,250,000 packets/s for 1 s: lost 0.31 %, ...; NDR from 1,190,000 to ...`
#[must_use]
pub fn line(standing: &Standing) -> String {
    let mut parts = vec![sized(&standing.frame_size)];
    if let Some((repeat, of)) = standing.repeat {
        parts.push(format!("search {repeat} of {of}"));
    }
    if let Some(last) = &standing.last {
        parts.push(came_to(last));
    }
    let bounds = standing.bounds.iter();
    let bounds = bounds.map(|bounds| format!("{} {}", named(&bounds.goal), between(bounds)));
    let left = standing
        .left_s
        .filter(|left| *left > 0.0)
        .map_or(String::new(), |left| format!("; about {} left", took(left)));
    format!(
        "{}: {}; {}{left}",
        took(standing.elapsed_s),
        parts.join(", "),
        bounds.collect::<Vec<_>>().join("; ")
    )
}

fn load(pps: Option<u64>) -> String {
    pps.map_or_else(
        || "as fast as the sender goes".to_owned(),
        |pps| words::rate(pps as f64),
    )
}

/// Returns `from 1,190,000 to 1,200,000 packets/s`, as far as that is known.
fn between(bounds: &Bounds) -> String {
    let number = |pps: u64| words::rate_number(pps as f64);
    let known = match (bounds.lower, bounds.upper) {
        (None, None) => "not known yet".to_owned(),
        (Some(lower), None) => format!("{} or more", words::rate(lower as f64)),
        (None, Some(upper)) => format!("less than {}", words::rate(upper as f64)),
        (Some(lower), Some(upper)) => {
            format!("from {} to {}", number(lower), words::rate(upper as f64))
        }
    };
    match bounds {
        Bounds { is_final: true, .. } => known + ", found",
        Bounds {
            lower: None,
            upper: None,
            ..
        } => known,
        _ => known + ", it seems",
    }
}

/// Returns what came of a trial: `1,250,000 packets/s for 1 s: lost 0.31 %, 99 % within 45 µs`.
fn came_to(trial: &TrialRecord) -> String {
    let load = load(trial.target_pps.map(|pps| pps as u64));
    let duration = words::seconds(trial.duration_s);
    if !trial.offered {
        let reached = trial.tx_packets as f64 / trial.duration_s.max(f64::MIN_POSITIVE);
        let reached = words::rate(reached.round());
        let why = if trial.disturbed {
            "stood still and "
        } else {
            ""
        };
        return format!("{load} for {duration}: not offered, the sender {why}reached {reached}");
    }
    let lost = match (trial.lost, trial.loss_ratio) {
        (Some(0), _) => "nothing lost".to_owned(),
        (_, Some(ratio)) => format!("lost {}", words::percent(ratio)),
        _ => "nothing sent".to_owned(),
    };
    let latency = trial.latency_ns.map_or(String::new(), |latency| {
        format!(", 99 % within {}", words::nanos(latency.p99))
    });
    format!("{load} for {duration}: {lost}{latency}")
}
