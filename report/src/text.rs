//! The summary in words: a few lines that a person can read aloud, the verdict first.
//!
//! Promised: every line follows from the [`Summary`] alone (and from the reflector's, if it is given), and what does not apply is not
//! mentioned rather than shown as 0.

mod causes;
mod events;
mod loss;
pub mod outages;
mod reflect;
mod sendrecv;
pub mod words;
mod workers;
pub(crate) mod wrap;

use crate::summary::{Mode, Pacing, Sampled, Summary};

/// Returns the lines of the summary, each ended by a newline.
#[must_use]
pub fn render(summary: &Summary) -> String {
    render_with(summary, None)
}

/// Returns the lines of the summary, with what the totals of its reflector, `peer`, add: where
/// packets were lost.
#[must_use]
pub fn render_with(summary: &Summary, peer: Option<&Summary>) -> String {
    let mut lines = match summary.mode {
        Mode::SendRecv => sendrecv::lines(summary, peer),
        Mode::Reflect => reflect::lines(summary),
    };
    lines.extend(events::lines(summary));
    lines.extend(workers::stalls(summary));
    lines.extend(workers::busy(summary));
    lines.extend(causes::lines(summary));
    lines.extend(summary.sampled.as_ref().map(sampled));
    lines.into_iter().map(|line| line + "\n").collect()
}

/// Returns whether the rate was held: from 99.5 % of it on, since less is no reason to doubt a run.
fn is_held(pacing: &Pacing) -> bool {
    let held = |achieved| achieved >= pacing.target_pps * 0.995;
    pacing.achieved_pps.is_some_and(held)
}

/// Returns ` (1.62 Gbit/s of frames without FCS)`, or nothing if there were no bytes or no time.
fn bit_rate(bytes: u64, duration_s: Option<f64>) -> String {
    match duration_s {
        Some(seconds) if seconds > 0.0 && bytes > 0 => {
            let rate = words::bit_rate(bytes as f64 * 8.0 / seconds);
            format!(" ({rate} of frames without FCS)")
        }
        _ => String::new(),
    }
}

/// Returns ` for 60 s`, or nothing if there was no time.
fn for_duration(duration_s: Option<f64>) -> String {
    match duration_s {
        Some(seconds) if seconds > 0.0 => format!(" for {}", words::seconds(seconds)),
        _ => String::new(),
    }
}

/// Returns the obstacles that the sender met with, each as a part of a sentence.
fn obstacles(summary: &Summary) -> Vec<String> {
    let tx = &summary.tx;
    let mut obstacles = Vec::new();
    // How often it was tried while nothing could be taken says nothing.
    if tx.refused > 0 && !events::has_outage(summary) {
        let (count, verb) = (
            words::count(tx.refused),
            if tx.refused == 1 { "was" } else { "were" },
        );
        obstacles.push(format!(
            "{count} {verb} refused by the device at first and tried again"
        ));
    }
    if let Some(count) = tx.no_buffer.filter(|count| *count > 0) {
        obstacles.push(format!("{} had to wait for a buffer", words::count(count)));
    }
    obstacles
}

/// Returns `The pcap file has 7,000 frames; 12 more were skipped, ...`.
pub(crate) fn sampled(sampled: &Sampled) -> String {
    let frames = match sampled.frames {
        1 => "1 frame".to_owned(),
        frames => format!("{} frames", words::count(frames)),
    };
    let too_fast = sampled.skipped.saturating_sub(sampled.beyond_limit);
    let mut left_out = Vec::new();
    if sampled.beyond_limit > 0 {
        left_out.push(format!(
            "{} more were left out, since it has its largest size, 4 GiB",
            words::count(sampled.beyond_limit)
        ));
    }
    if too_fast > 0 {
        left_out.push(format!(
            "{} more were skipped, since they came faster than they can be written",
            words::count(too_fast)
        ));
    }
    if left_out.is_empty() {
        return format!("The pcap file has {frames}.");
    }
    format!(
        "The pcap file has {frames}; {} (raise --pcap-sample).",
        words::list(&left_out)
    )
}

/// Returns `8 packets came with a checksum left to a NIC that was never there ...`, or nothing if
/// none did.
fn partial_checksums(count: u64) -> Option<String> {
    (count > 0).then(|| {
        let verb = if count == 1 { "was" } else { "were" };
        format!(
            "{} came with a checksum left to a NIC that was never there (a software port), and \
             {verb} accepted.",
            words::packets(count)
        )
    })
}
