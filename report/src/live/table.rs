//! The table that is redrawn once a second.

use dpdkgen_core::stats::ProbeCounters;

use crate::progress::{Phase, Step};
use crate::summary::{Mode, Role};
use crate::text::words;

/// Characters of the bar that shows how much of the run is over.
const BAR: usize = 30;

/// The most workers in a line, so that it fits in 80 columns.
const WORKERS: usize = 4;

/// Returns the lines of the table; a terminal that is too narrow cuts them.
pub fn lines(step: &Step<'_>) -> Vec<String> {
    let now = step.now();
    let sent = |name: &str| {
        let (pps, bytes) = (step.rate(|c| c.tx.packets), step.rate(|c| c.tx.bytes));
        moved(name, now.sent(), pps, bytes)
    };
    let received = || {
        let (pps, bytes) = (step.rate(|c| c.rx.packets), step.rate(|c| c.rx.bytes));
        moved("Received", now.sum(|c| c.rx.packets), pps, bytes)
    };
    let mut lines = vec![heading(step)];
    match now.mode {
        Mode::SendRecv => {
            lines.push(sent("Sent"));
            if now.receives() {
                lines.push(received());
                lines.extend(lost(step));
                lines.push(latency(step));
            }
        }
        Mode::Reflect => lines.extend([received(), sent("Sent back")]),
    }
    lines.extend(besides(step));
    lines.extend(
        [Role::Tx, Role::Rx, Role::Reflect]
            .into_iter()
            .flat_map(|role| busy(step, role)),
    );
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

fn entry(name: &str, value: &str) -> String {
    format!("{name:<11} {value}")
}

/// Returns the first line:
/// `Sending     12 s  ██████░░░░░░░░░░░░░░░░░░░░░░░░  20 %, 48 s left`
fn heading(step: &Step<'_>) -> String {
    let now = step.now();
    let what = match (now.phase, now.mode) {
        (Phase::WarmUp, _) => "Warm-up",
        (Phase::Running, Mode::SendRecv) => "Sending",
        (Phase::Running, Mode::Reflect) => "Reflecting",
        (Phase::Draining, _) => "Draining",
    };
    let time = time(now.at_ns);
    if now.phase == Phase::Draining {
        return entry(what, &format!("{time}, waiting for what is in flight"));
    }
    let Some((share, left)) = now.share(step.rate(|c| c.tx.packets)) else {
        return entry(what, &time);
    };
    let full = (share * BAR as f64) as usize;
    let bar = "█".repeat(full) + &"░".repeat(BAR - full);
    let left = left.map_or(String::new(), |seconds| {
        format!(", {} left", words::seconds(seconds.ceil()))
    });
    let percent = (share * 100.0).floor();
    entry(what, &format!("{time}  {bar}  {percent:.0} %{left}"))
}

/// Returns a line as `Sent             42,000,000 packets    3,500,000 packets/s    1.62 Gbit/s`.
fn moved(name: &str, packets: u64, pps: f64, bytes_per_second: f64) -> String {
    let value = format!(
        "{:>15} packets {:>13} packets/s   {}",
        words::count(packets),
        words::rate_number(pps),
        words::bit_rate(bytes_per_second * 8.0),
    );
    entry(name, &value)
}

fn lost(step: &Step<'_>) -> Option<String> {
    let (lost, of) = step.now().lost()?;
    let value = if of == 0 {
        "not known before the first interval is closed".to_owned()
    } else {
        let (lost_text, of_text) = (words::count(lost), words::count(of));
        let share = words::percent(lost as f64 / of as f64);
        format!("{lost_text:>15} of {of_text} accounted for, {share}")
    };
    Some(entry("Lost", &value))
}

fn latency(step: &Step<'_>) -> String {
    let value = match step.quantiles([0.5, 0.99, 1.0]) {
        Some(found) => {
            let [median, p99, longest] = found.map(words::nanos);
            format!("median {median}, 99 % within {p99}, longest {longest}")
        }
        None => "nothing came back".to_owned(),
    };
    entry(&words::capitalised(step.now().latency_kind.short()), &value)
}

/// Returns a line of the counters that should be 0 and are not, if there are any.
fn besides(step: &Step<'_>) -> Option<String> {
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
    let some: Vec<_> = some
        .map(|(count, what)| format!("{} {what}", words::count(count)))
        .collect();
    (!some.is_empty()).then(|| entry("Besides", &some.join(", ")))
}

/// Returns the busy shares of a role's workers, as in `Busy rx     lcore 2:  31 %  lcore 3:  28 %`,
/// in as many lines as it takes.
fn busy(step: &Step<'_>, role: Role) -> Vec<String> {
    let workers = step.now().workers.iter().enumerate();
    let shares: Vec<_> = workers
        .filter(|(_, worker)| worker.role == role)
        .map(|(number, worker)| {
            let share = step.busy(number).map_or("-".to_owned(), words::short_share);
            format!("lcore {}: {share:>5}", worker.lcore)
        })
        .collect();
    let longest = shares.iter().map(String::len).max().unwrap_or(0);
    let names = match role {
        Role::Tx => "Busy tx",
        Role::Rx => "Busy rx",
        Role::Reflect => "Busy",
    };
    let names = std::iter::once(names).chain(std::iter::repeat(""));
    let lines = names.zip(shares.chunks(WORKERS));
    lines
        .map(|(name, shares)| {
            let padded = shares.iter().map(|share| format!("{share:>longest$}"));
            entry(name, &padded.collect::<Vec<_>>().join("  "))
        })
        .collect()
}
