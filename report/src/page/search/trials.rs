//! The tables of trials: those at shares of the lower bound, and all.

use super::results::sized_of;
use crate::page::document::Panel;
use crate::page::html::{details, grid, note, wide};
use crate::search::{Purpose, SearchReport, TrialRecord, named};
use crate::text::words;

const SHARES: &str = "Latency at shares of the lower bound";
const TRIALS: &str = "Trials";

/// The most rows of the table of trials.
const MOST: usize = 1000;

/// The most rows of the other that are not folded.
const MOST_OPEN: usize = 16;

/// Returns the panel of the latencies at shares of the lower bound.
pub fn shares(search: &SearchReport) -> Panel {
    let trials = search.trials.iter();
    let trials = trials.filter(|trial| trial.purpose == Purpose::Latency);
    let rows: Vec<_> = trials.map(row_of_share).collect();
    if rows.is_empty() {
        return Panel::left_out(SHARES, "no trial was made for it");
    }
    let headings = [
        "Frame size",
        "Goal",
        "Share",
        "Load, packets/s",
        "Shortest",
        "p50",
        "p99",
        "p99.9",
        "Longest",
    ];
    let mut html = grid("Each from a trial of its own", headings, &rows);
    if rows.len() > MOST_OPEN {
        html = details(&counted(rows.len()), &html);
    }
    Panel::Drawn(wide("shares", SHARES, &html))
}

fn row_of_share(trial: &TrialRecord) -> [String; 9] {
    let latency = |of: fn(&crate::summary::Latency) -> u64| {
        told(
            trial
                .latency_ns
                .as_ref()
                .map(|latency| words::nanos(of(latency))),
        )
    };
    [
        sized_of(&trial.frame_size, trial.repeat),
        told(trial.goal.as_deref().map(named)),
        told(trial.share.map(words::percent)),
        target(trial),
        latency(|latency| latency.min),
        latency(|latency| latency.p50),
        latency(|latency| latency.p99),
        latency(|latency| latency.p99_9),
        latency(|latency| latency.max),
    ]
}

/// Returns the panel of all trials, which is folded.
pub fn all(search: &SearchReport) -> Panel {
    let trials = search.trials.iter().take(MOST).enumerate();
    let rows: Vec<_> = trials.map(|(place, trial)| row(place + 1, trial)).collect();
    if rows.is_empty() {
        return Panel::left_out(TRIALS, "none was made");
    }
    let headings = [
        "Trial",
        "Frame size",
        "For",
        "Load, packets/s",
        "Duration",
        "Sent",
        "Lost",
        "Loss",
        "Latency p99",
        "Offered",
    ];
    let table = grid("In order", headings, &rows);
    let more = match search.trials.len() - rows.len() {
        0 => String::new(),
        more => note(&format!(
            "{} more are in the JSON.",
            words::count(more as u64)
        )),
    };
    let name = counted(search.trials.len());
    Panel::Drawn(wide("trials", TRIALS, &details(&name, &(table + &more))))
}

fn row(number: usize, trial: &TrialRecord) -> [String; 10] {
    let goal = trial.goal.as_deref().map(named);
    let purpose = match (trial.purpose, trial.share) {
        (Purpose::Sender, _) => "the sender's own rate".to_owned(),
        (Purpose::Bound, _) => told(goal),
        (Purpose::Latency, Some(share)) => format!("latency at {}", words::percent(share)),
        (Purpose::Latency, None) => "latency".to_owned(),
        (Purpose::Loss, share) => {
            format!(
                "loss at {} of the highest rate",
                words::percent(share.unwrap_or(1.0))
            )
        }
        (Purpose::Burst, _) => format!("a burst of {}", words::packets(trial.tx_packets)),
    };
    let offered = match (trial.offered, trial.skipped) {
        (true, _) => "yes".to_owned(),
        (false, Some(skipped)) if skipped > 0 => format!(
            "no, {} skipped{}",
            words::count(skipped),
            if trial.disturbed {
                " standing still"
            } else {
                ""
            }
        ),
        (false, _) => "no".to_owned(),
    };
    [
        number.to_string(),
        sized_of(&trial.frame_size, trial.repeat),
        purpose,
        target(trial),
        words::seconds(trial.duration_s),
        words::count(trial.tx_packets),
        told(trial.lost.map(words::count)),
        told(trial.loss_ratio.map(words::percent)),
        told(trial.latency_ns.map(|latency| words::nanos(latency.p99))),
        offered,
    ]
}

/// Returns `1 trial`, `35 trials`.
pub fn counted(trials: usize) -> String {
    match trials {
        1 => "1 trial".to_owned(),
        trials => format!("{} trials", words::count(trials as u64)),
    }
}

fn target(trial: &TrialRecord) -> String {
    match trial.target_pps {
        Some(pps) => words::rate_number(pps),
        None => "the most".to_owned(),
    }
}

fn told(value: Option<String>) -> String {
    value.unwrap_or_else(|| "-".to_owned())
}
