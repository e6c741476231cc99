//! The table that is redrawn once a second.

use dpdkgen_core::stats::ProbeCounters;

use super::busy::busy;
use crate::console::Size;
use crate::progress::{Phase, Progress, Step};
use crate::summary::{Mode, Role};
use crate::text::words;
use crate::text::wrap::wrap;

/// Characters of the bar that shows how much of the run is over.
const BAR: usize = 30;

/// The width in characters from which numbers stand in columns, and there is a bar.
const WIDE: usize = 80;

/// Characters in front of what a line says.
const INDENT: usize = 12;

/// Returns the lines of the table. They fit a terminal of this size, unless there are more than it has.
#[must_use]
pub fn lines(step: &Step<'_>, size: Size) -> Vec<String> {
    let columns = size.columns;
    let mut lines = heading(step, columns);
    lines.extend(counts(step, columns));
    let all_busy = |each: bool| {
        let roles = [Role::Tx, Role::Rx, Role::Reflect].into_iter();
        roles.flat_map(move |role| busy(step, role, columns, each))
    };
    // One line is left empty above the table, and one below.
    let room = size.rows.saturating_sub(lines.len() + 2);
    let each: Vec<_> = all_busy(true).collect();
    if each.len() <= room {
        lines.extend(each);
    } else {
        lines.extend(all_busy(false));
    }
    lines
}

/// Returns the lines shown while a run that has not begun waits for `what`, for `left` at most.
pub fn waiting(what: &str, left: &str, size: Size) -> Vec<String> {
    let parts = [format!("for {what},"), format!("{left} left")];
    entry("Waiting", &parts, size.columns)
}

/// Returns the lines that say how much was sent, and what became of it.
fn counts(step: &Step<'_>, columns: usize) -> Vec<String> {
    let now = step.now();
    let sent = |name: &str| {
        let (pps, bytes) = (step.rate(|c| c.tx.packets), step.rate(|c| c.tx.bytes));
        entry(name, &moved(now.sent(), pps, bytes, columns), columns)
    };
    let received = || {
        let (pps, bytes) = (step.rate(|c| c.rx.packets), step.rate(|c| c.rx.bytes));
        let packets = now.sum(|c| c.rx.packets);
        entry("Received", &moved(packets, pps, bytes, columns), columns)
    };
    let mut lines = Vec::new();
    match now.mode {
        Mode::SendRecv => {
            lines.extend(sent("Sent"));
            if now.receives() {
                lines.extend(received());
                if let Some(lost) = lost(step, columns) {
                    lines.extend(entry("Lost", &lost, columns));
                }
                let name = words::capitalised(now.latency_kind.short());
                lines.extend(entry(&name, &latency(step), columns));
            }
        }
        Mode::Reflect => {
            lines.extend(received());
            lines.extend(sent("Sent back"));
        }
    }
    let besides = besides(step);
    if !besides.is_empty() {
        lines.extend(entry("Besides", &besides, columns));
    }
    lines
}

/// Returns the run's time as it is shown: whole seconds, and tenths as long as there are few.
pub fn time(ns: u64) -> String {
    match ns / 100_000_000 {
        0 => "0 s".to_owned(),
        tenths @ 1..100 => words::seconds(tenths as f64 / 10.0),
        tenths => words::seconds((tenths / 10) as f64),
    }
}

/// Returns the lines of one name: `parts` side by side as far as they fit, each whole if it does.
pub(super) fn entry(name: &str, parts: &[String], columns: usize) -> Vec<String> {
    // A terminal may wrap, or not, after its last column.
    let width = columns.saturating_sub(1);
    let mut lines = vec![format!("{name:<0$}", INDENT - 1)];
    let mut is_empty = true;
    for part in parts {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if !is_empty && line + 1 + part.chars().count() > width {
            lines.push(" ".repeat(INDENT - 1));
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(part);
        }
        is_empty = false;
    }
    let wrapped = lines.iter().map(|line| wrap(line, width, INDENT));
    let wrapped: Vec<_> = wrapped.collect();
    let lines = wrapped.iter().flat_map(|lines| lines.split('\n'));
    lines.map(str::to_owned).collect()
}

/// Returns `parts` with a comma behind each but the last.
fn listed<const N: usize>(parts: [String; N]) -> [String; N] {
    let mut number = 0;
    parts.map(|part| {
        number += 1;
        if number < N { part + "," } else { part }
    })
}

/// Returns the first lines:
/// `Sending     12 s  ██████░░░░░░░░░░░░░░░░░░░░░░░░  20 %, 48 s left`
fn heading(step: &Step<'_>, columns: usize) -> Vec<String> {
    let now = step.now();
    let what = match (now.phase, now.mode) {
        (Phase::WarmUp, _) => "Warm-up",
        (Phase::Running, Mode::SendRecv) => "Sending",
        (Phase::Running, Mode::Reflect) => "Reflecting",
        (
            Phase::Draining {
                is_asked_for: true, ..
            },
            _,
        ) => "Stopping",
        (Phase::Draining { .. }, _) => "Draining",
    };
    let time = time(now.at_ns);
    if let Phase::Draining { is_asked_for, .. } = now.phase {
        return entry(what, &draining(now, time, is_asked_for), columns);
    }
    let Some((share, left)) = now.share(step.rate(|c| c.tx.packets)) else {
        return entry(what, &[time], columns);
    };
    let mut percent = format!("{:.0} %", (share * 100.0).floor());
    let left = left.map(|seconds| format!("{} left", words::seconds(seconds.ceil())));
    if left.is_some() {
        percent.push(',');
    }
    let mut parts = vec![time];
    if columns >= WIDE {
        let full = (share * BAR as f64) as usize;
        let bar = "█".repeat(full) + &"░".repeat(BAR - full);
        parts.push(format!(" {bar} "));
    } else {
        parts[0].push(',');
    }
    parts.push(percent);
    parts.extend(left);
    entry(what, &parts, columns)
}

/// Returns what is waited for after the last packet was sent, and how long yet.
fn draining(now: &Progress, time: String, is_asked_for: bool) -> Vec<String> {
    let mut parts = vec![time, "waiting for what is in flight".to_owned()];
    let left = now.phase.left(now.at_ns);
    parts.extend(left.map(|seconds| format!("{seconds:.1} s left")));
    let last = parts.len() - 1;
    parts[..last].iter_mut().for_each(|part| part.push(','));
    if is_asked_for {
        parts[last].push(';');
        parts.push("Ctrl-C ends that".to_owned());
    }
    parts
}

/// Returns `42,000,000 packets   3,500,000 packets/s   1.62 Gbit/s` in parts.
fn moved(packets: u64, pps: f64, bytes_per_second: f64, columns: usize) -> Vec<String> {
    let (packets, pps) = (words::count(packets), words::rate_number(pps));
    let bits = words::bit_rate(bytes_per_second * 8.0);
    if columns >= WIDE {
        return vec![format!(
            "{packets:>15} packets {pps:>13} packets/s   {bits}"
        )];
    }
    let parts = [
        format!("{packets} packets"),
        format!("{pps} packets/s"),
        bits,
    ];
    listed(parts).into()
}

fn lost(step: &Step<'_>, columns: usize) -> Option<Vec<String>> {
    let (lost, of) = step.now().lost()?;
    if of == 0 {
        let value = "not known before the first interval is closed";
        return Some(vec![value.to_owned()]);
    }
    let (lost_text, of_text) = (words::count(lost), words::count(of));
    let share = words::percent(lost as f64 / of as f64);
    let width = if columns >= WIDE { 15 } else { 0 };
    Some(vec![
        format!("{lost_text:>width$} of {of_text}"),
        "accounted for,".to_owned(),
        share,
    ])
}

fn latency(step: &Step<'_>) -> Vec<String> {
    let Some(found) = step.quantiles([0.5, 0.99, 1.0]) else {
        return vec!["nothing came back".to_owned()];
    };
    let [median, p99, longest] = found.map(words::nanos);
    let parts = [
        format!("median {median}"),
        format!("99 % within {p99}"),
        format!("longest {longest}"),
    ];
    listed(parts).into()
}

/// Returns the counters that should be 0 and are not.
fn besides(step: &Step<'_>) -> Vec<String> {
    let now = step.now();
    let sum = |field: fn(&dpdkgen_core::stats::Counters) -> u64| now.sum(field);
    let missed = |field: fn(&crate::summary::Device) -> Option<u64>| {
        now.device.iter().filter_map(field).sum::<u64>()
    };
    let mut probes = ProbeCounters::default();
    for worker in &now.workers {
        probes.merge(&worker.counters.probes);
    }
    let probes = probes.each().map(|(counter, count)| (count, counter.label));
    let others = [
        (sum(|c| c.ignored.sum()), "ignored"),
        (sum(|c| c.tx.refused), "refused"),
        (sum(|c| c.tx.no_buffer), "without a buffer"),
        (sum(|c| c.tx.skipped), "skipped"),
        (missed(|d| d.imissed), "missed by the NIC"),
        (missed(|d| d.rx_nombuf), "without a receive buffer"),
        (missed(|d| d.oerrors), "not sent by the NIC"),
    ];
    // That they come back for the first time is what probes are for.
    let unwanted = probes.filter(|(_, label)| *label != "unique");
    let some = unwanted.chain(others).filter(|(count, _)| *count > 0);
    let mut some: Vec<_> = some
        .map(|(count, what)| format!("{} {what},", words::count(count)))
        .collect();
    if let Some(last) = some.last_mut() {
        last.pop();
    }
    some
}
