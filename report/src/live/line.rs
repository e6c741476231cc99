//! One line about the progress of a run, for a log.

use std::collections::BTreeMap;

use crate::latency::LatencyKind;
use crate::progress::{Phase, Step};
use crate::summary::{Mode, Role};
use crate::text::words;

/// Returns `12 s: sent 42,000,000 (3,500,000/s), received 41,999,012 (3,499,950/s), lost 788
/// (0.0019 %), ...`
pub fn line(step: &Step<'_>) -> String {
    let now = step.now();
    let moved = |verb: &str, count: u64, pps: f64| {
        let (count, pps) = (words::count(count), words::rate_number(pps));
        format!("{verb} {count} ({pps}/s)")
    };
    let sent = now.sent();
    let sent_pps = step.rate(|c| c.tx.packets);
    let received = now.sum(|c| c.rx.packets);
    let received_pps = step.rate(|c| c.rx.packets);
    let mut parts = Vec::new();
    match now.mode {
        Mode::SendRecv => {
            parts.push(moved("sent", sent, sent_pps));
            if now.receives() {
                parts.push(moved("received", received, received_pps));
            }
        }
        Mode::Reflect => {
            parts.push(moved("received", received, received_pps));
            parts.push(moved("sent back", sent, sent_pps));
        }
    }
    if let Some((lost, of)) = now.lost().filter(|(_, of)| *of > 0) {
        let share = words::percent(lost as f64 / of as f64);
        parts.push(format!("lost {} ({share})", words::count(lost)));
    }
    if let Some([median, p99]) = step.quantiles([0.5, 0.99]) {
        let [median, p99] = [median, p99].map(words::nanos);
        // The usual kind needs no name.
        let kind = match now.latency_kind {
            LatencyKind::RoundTrip => String::new(),
            kind => format!("{} ", kind.short()),
        };
        parts.push(format!("{kind}median {median}, 99 % within {p99}"));
    }
    parts.extend(busy(step));
    let what = match now.phase {
        Phase::WarmUp => " (warm-up)".to_owned(),
        Phase::Running => String::new(),
        Phase::Draining { is_asked_for, .. } => {
            let begin = if is_asked_for { "stopping: " } else { "" };
            let left = now.phase.left(now.at_ns);
            let left = left.map_or(String::new(), |seconds| format!(", {seconds:.1} s left"));
            format!(" ({begin}waiting for what is in flight{left})")
        }
    };
    let time = super::table::time(now.at_ns);
    format!("{time}{what}: {}", parts.join(", "))
}

/// Returns the busy shares of the workers by role, as in `busy tx 37 % rx 28 to 31 %`.
fn busy(step: &Step<'_>) -> Option<String> {
    let mut ranges: BTreeMap<Role, (f64, f64)> = BTreeMap::new();
    for (number, worker) in step.now().workers.iter().enumerate() {
        if let Some(share) = step.busy(number) {
            let range = ranges.entry(worker.role).or_insert((share, share));
            *range = (range.0.min(share), range.1.max(share));
        }
    }
    let of_role = |(role, (least, most)): (&Role, &(f64, f64))| {
        let (least, most) = (words::short_share(*least), words::short_share(*most));
        let range = if least == most {
            most
        } else {
            format!("{} to {most}", least.trim_end_matches(" %"))
        };
        format!("{} {range}", role.name())
    };
    let ranges: Vec<_> = ranges.iter().map(of_role).collect();
    (!ranges.is_empty()).then(|| format!("busy {}", ranges.join(" ")))
}
