//! What a search found, as a table and in words.

use super::{
    BackToBack, FrameSize, LatencyTest, LimitedBy, Purpose, SearchEnd, SearchReport, SearchResult,
    Spread,
};
use crate::text::{sampled, words};

/// Bytes that the line adds to a frame: preamble 8, gap 12.
const LINE_OVERHEAD: f64 = 20.0;

/// Returns the Gbit/s on the line, preamble and gap included, of `pps` frames of `frame_bytes` bytes.
#[must_use]
pub fn gbit_on_the_line(pps: f64, frame_bytes: f64) -> f64 {
    pps * (frame_bytes.max(64.0) + LINE_OVERHEAD) * 8.0 / 1e9
}

/// Returns the lines of the table and what is to be said of it, each ended by a newline. Where the table
/// has no place in so many columns, it is a paragraph for each of its rows.
#[must_use]
pub fn render(report: &SearchReport, columns: usize) -> String {
    let mut lines = Vec::new();
    if !report.results.is_empty() {
        let table = table(report);
        if table.iter().all(|line| line.chars().count() <= columns) {
            lines.extend(table);
        } else {
            lines.extend(report.results.iter().flat_map(paragraph));
        }
    }
    lines.extend(report.spread.iter().map(spread));
    lines.extend(tests_2544(report));
    lines.extend(remarks(report));
    lines.extend(report.sampled.as_ref().map(sampled));
    lines.push(end(report));
    lines.into_iter().map(|line| line + "\n").collect()
}

/// Returns what the rows of the table do not say by themselves: what is the same of several rows once.
pub(crate) fn remarks(report: &SearchReport) -> Vec<String> {
    let mut remarks: Vec<(String, Vec<String>)> = Vec::new();
    for result in report.results.iter().filter(|result| result.complete) {
        let Some(sentence) = remark(report, result) else {
            continue;
        };
        let of = format!("{}, {}", sized(&result.frame_size), named(&result.goal));
        match remarks.iter_mut().find(|(other, _)| *other == sentence) {
            Some((_, all)) if all.contains(&of) => {}
            Some((_, all)) => all.push(of),
            None => remarks.push((sentence, vec![of])),
        }
    }
    let remarks = remarks.into_iter();
    remarks
        .map(|(sentence, of)| format!("{}: {sentence}", of.join("; ")))
        .collect()
}

/// Returns what is to be said where the sender is the limit.
fn sender(report: &SearchReport, result: &SearchResult, has_lower: bool) -> String {
    let of_result = report
        .trials
        .iter()
        .filter(|trial| trial.frame_size == result.frame_size && trial.repeat == result.repeat);
    let all = of_result.clone().count();
    let disturbed = of_result.clone().filter(|trial| trial.disturbed).count();
    if disturbed * 2 > all {
        let found = if has_lower {
            "this is"
        } else {
            "there is no lower bound, and that is"
        };
        return format!(
            "the sender stood still in {disturbed} of {all} trials, as when its CPU does something else, \
             so {found} its limit and not the path's: give it a CPU of its own, or make trials shorter \
             (--trial)."
        );
    }
    if !has_lower {
        return "no lower bound, since the sender does not offer even the lowest rate.".to_owned();
    }
    let reached = of_result.map(|trial| trial.tx_packets as f64 / trial.duration_s);
    let reached = reached.fold(0.0, f64::max);
    format!(
        "the sender does not offer more (it reached {}), so this is its limit and not the path's.",
        words::rate(reached.round())
    )
}

const HEADINGS: [&str; 9] = [
    "Bytes",
    "Goal",
    "Lower pps",
    "Upper pps",
    "Gbit/s",
    "Throughput",
    "Latency p50/p99",
    "Trials",
    "Limit",
];

/// Returns the table: a row for each frame size and goal.
fn table(report: &SearchReport) -> Vec<String> {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(report.results.iter().map(row));
    let widths: Vec<usize> = (0..HEADINGS.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max())
        .map(|width| width.unwrap_or(0))
        .collect();
    let line = |row: &[String; 9]| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| match column {
            // Words begin, and numbers end, below their heading.
            1 | 8 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Returns the row of a result, as [`HEADINGS`] name its cells.
pub(crate) fn row(result: &SearchResult) -> [String; 9] {
    let rate = |pps: Option<f64>| pps.map_or_else(|| "-".to_owned(), words::rate_number);
    let size = match (&result.frame_size, result.repeat) {
        (size, None) => size.to_string(),
        (size, Some(repeat)) => format!("{size} ({repeat})"),
    };
    let gbit = result
        .lower_pps
        .map_or_else(|| "-".to_owned(), |pps| gbit(pps, result.frame_bytes));
    let latency = result.latency_ns.map_or_else(
        || "-".to_owned(),
        |latency| {
            format!(
                "{} / {}",
                words::nanos(latency.p50),
                words::nanos(latency.p99)
            )
        },
    );
    let limit = match (result.limit, result.complete) {
        (Some(limit), true) => limit.name().to_owned(),
        _ => "not finished".to_owned(),
    };
    [
        size,
        named(&result.goal),
        rate(result.lower_pps),
        rate(result.upper_pps),
        gbit,
        rate(result.conditional_throughput_pps),
        latency,
        match result.trials {
            // Those of another goal were enough.
            0 => "0".to_owned(),
            trials => format!("{trials} in {}", took(result.duration_s)),
        },
        limit,
    ]
}

/// Returns a row of the table as lines, each of them a name and what it is.
fn paragraph(result: &SearchResult) -> Vec<String> {
    let cells = row(result);
    let repeat = result.repeat;
    let repeat = repeat.map_or(String::new(), |repeat| format!(", search {repeat}"));
    let mut lines = vec![format!(
        "{}{repeat}, {}",
        sized(&result.frame_size),
        cells[1]
    )];
    let named = HEADINGS.iter().zip(&cells).skip(2);
    lines.extend(named.map(|(name, cell)| format!("  {name:<17}{cell}")));
    lines
}

fn gbit(pps: f64, frame_bytes: f64) -> String {
    gbit_number(gbit_on_the_line(pps, frame_bytes))
}

/// Returns Gbit/s with three significant digits: `9.87`.
pub(crate) fn gbit_number(gbit: f64) -> String {
    match gbit {
        100.0.. => format!("{gbit:.0}"),
        10.0.. => format!("{gbit:.1}"),
        0.1.. => format!("{gbit:.2}"),
        _ => format!("{gbit:.4}"),
    }
}

/// Returns a goal with the name that the field has for it, if any.
#[must_use]
pub fn named(goal: &str) -> String {
    match goal {
        "0" => "0 (NDR)".to_owned(),
        "0.5%" => "0.5% (PDR)".to_owned(),
        other => other.to_owned(),
    }
}

/// Returns `64 bytes`, `imix`.
#[must_use]
pub fn sized(size: &FrameSize) -> String {
    match size {
        FrameSize::Bytes(bytes) => format!("{bytes} bytes"),
        FrameSize::Mix(name) => name.clone(),
    }
}

/// Returns a time to the second, or to the tenth of it if it is short.
#[must_use]
pub fn took(seconds: f64) -> String {
    if seconds < 9.95 {
        format!("{seconds:.1} s")
    } else {
        words::seconds(seconds.round())
    }
}

fn spread(spread: &Spread) -> String {
    let Spread {
        frame_size,
        goal,
        searches,
        median_pps,
        min_pps,
        max_pps,
    } = spread;
    let share = if *median_pps > 0.0 {
        format!(
            ", a spread of {}",
            words::percent((max_pps - min_pps) / median_pps)
        )
    } else {
        String::new()
    };
    format!(
        "{}, {}: median {} of {searches} searches, from {} to {}{share}.",
        sized(frame_size),
        named(goal),
        words::rate(*median_pps),
        words::rate_number(*min_pps),
        words::rate_number(*max_pps),
    )
}

/// Returns what the tests of RFC 2544 beside the throughput came to, a sentence each.
pub(crate) fn tests_2544(report: &SearchReport) -> Vec<String> {
    let latencies = report.latency.iter().map(latency);
    let bursts = report.back_to_back.iter().map(back_to_back);
    latencies.chain(loss_rates(report)).chain(bursts).collect()
}

fn latency(test: &LatencyTest) -> String {
    let nanos = |ns: f64| words::nanos(ns.round() as u64);
    format!(
        "{}, 2544-style latency at {}: mean {}, 99 % within {}, {} to {}, over {} trials.",
        sized(&test.frame_size),
        words::rate(test.pps),
        nanos(test.mean_ns),
        nanos(test.p99_ns),
        words::nanos(test.min_ns),
        words::nanos(test.max_ns),
        test.trials
    )
}

/// Returns a line for each load of the frame loss rate test.
fn loss_rates(report: &SearchReport) -> impl Iterator<Item = String> {
    let trials = report.trials.iter();
    let of_test = trials.filter(|trial| trial.purpose == Purpose::Loss);
    of_test.map(|trial| {
        let lost = match trial.loss_ratio {
            _ if !trial.offered => "not offered by the sender".to_owned(),
            Some(0.0) => "nothing lost".to_owned(),
            Some(ratio) => format!("{} lost", words::percent(ratio)),
            None => "nothing sent".to_owned(),
        };
        format!(
            "{}, 2544-style frame loss rate at {}, {}: {lost}.",
            sized(&trial.frame_size),
            words::share(trial.share.unwrap_or(1.0)),
            words::rate(trial.target_pps.unwrap_or(0.0))
        )
    })
}

fn back_to_back(test: &BackToBack) -> String {
    let nanos = |seconds: f64| words::nanos((seconds * 1e9).round() as u64);
    let or_more = if test.is_longest_tried {
        ", the longest burst that was tried"
    } else {
        ""
    };
    let corrected = test.corrected_buffer_s.map_or(String::new(), |seconds| {
        format!(", corrected {}", nanos(seconds))
    });
    format!(
        "{}, 2544-style back-to-back at {}: {} frames in the mean of {} searches ({} to {}){or_more}; \
         implied buffer {}{corrected}.",
        sized(&test.frame_size),
        words::rate(test.pps),
        words::rate_number(test.frames),
        test.searches,
        words::count(test.min_frames),
        words::count(test.max_frames),
        nanos(test.implied_buffer_s)
    )
}

/// Returns what a row of the table does not say by itself, as the end of a sentence.
fn remark(report: &SearchReport, result: &SearchResult) -> Option<String> {
    match (result.lower_pps, result.limit?) {
        (None, LimitedBy::Path) => Some(format!(
            "no lower bound, since even the lowest rate, {}, misses the goal.",
            words::rate(result.upper_pps?)
        )),
        (lower, LimitedBy::Sender) => Some(sender(report, result, lower.is_some())),
        (None, LimitedBy::MaxRate) => None,
        (Some(_), LimitedBy::MaxRate) => Some(
            "the highest rate that was asked for keeps to the goal; the path may carry more."
                .to_owned(),
        ),
        (Some(_), LimitedBy::Path) => None,
    }
}

/// Returns how the search ended.
pub(crate) fn end(report: &SearchReport) -> String {
    let trials = match report.trials.len() {
        1 => "1 trial".to_owned(),
        trials => format!("{trials} trials"),
    };
    let took = took(report.duration_s);
    match report.stop_reason {
        SearchEnd::Done => format!("{trials} in {took}."),
        SearchEnd::Signal => {
            format!("Stopped after {trials} in {took}: these are the bounds found so far.")
        }
        SearchEnd::Removed => format!(
            "A device was taken away after {trials} in {took}: these are the bounds found so far."
        ),
        SearchEnd::Failed => format!(
            "No further trial could begin after {trials} in {took}: these are the bounds found so far."
        ),
        SearchEnd::Gone => format!(
            "A port lost its link or its peer after {trials} in {took}: these are the bounds found so far."
        ),
    }
}
