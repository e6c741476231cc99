//! The lines of a run that sent probes.

use super::loss::{Whereabouts, errors};
use super::{
    bit_rate, causes, events, for_duration, is_held, obstacles, outages, partial_checksums, words,
};
use dpdkgen_core::stats::ProbeCounters;

use crate::split::{self, Split};
use crate::summary::{Latency, Pacing, Role, Rx, Summary};

/// Returns all lines but those about the workers.
pub fn lines(summary: &Summary, peer: Option<&Summary>) -> Vec<String> {
    let whereabouts = Whereabouts::of(summary.lost.unwrap_or(0), &summary.device);
    let split = peer.and_then(|peer| Split::of_run(summary, peer));
    let places = match split {
        Some(split) => split.describe(),
        None => whereabouts.describe(),
    };
    let has_place = split.is_some() || !whereabouts.here().is_empty();
    let mut lines = vec![verdict(summary, has_place.then_some(&places), &places)];
    if summary.tx.packets > 0 {
        lines.extend(advice(summary, peer));
        lines.push(sent(summary));
    }
    if let Some(rx) = &summary.rx {
        lines.extend(received(rx, summary.lost));
        lines.extend(unturned(rx.probes.map_or(0, |probes| probes.unturned)));
        lines.extend(lost(summary, rx, &whereabouts, split));
        lines.extend(outage_line(summary));
        lines.extend(partial_checksums(rx.checksum_partial));
    }
    let kind = words::capitalised(summary.latency_kind().name());
    let (sent, due) = (&summary.latency_ns, &summary.latency_due_ns);
    lines.extend(sent.as_ref().map(|l| latency(&kind, l)));
    let from_due = format!("{kind} from when each packet was due");
    lines.extend(due.as_ref().map(|l| latency(&from_due, l)));
    lines.extend(sent.as_ref().and_then(|l| clocks(&kind, l)));
    lines.extend(summary.pacing.as_ref().and_then(pacing));
    lines
}

/// Returns the verdict; `places` says where packets were lost, and `known` the same if anything
/// tells it.
fn verdict(summary: &Summary, known: Option<&String>, places: &str) -> String {
    if summary.tx.packets == 0 {
        return nothing_sent(summary);
    }
    let pace = pace(summary);
    let (Some(rx), Some(lost)) = (&summary.rx, summary.lost) else {
        return format!("{pace}; nothing was to be received (-r 0), so loss is not known.");
    };
    let probes = rx.probes.unwrap_or_default();
    if probes.unique == 0 {
        let arrived = match (rx.packets, probes.unturned) {
            (0, _) => "came back",
            (_, 0) => "intact of this run came back",
            _ => "came back turned round",
        };
        // What is known of them is worth more than a guess.
        let places = known.map_or_else(String::new, |known| format!(": {known}"));
        let lost = words::packets(lost);
        return format!("Nothing {arrived}: {pace}, all {lost} lost{places}.");
    }
    if lost == 0 {
        return format!("{pace}, none lost.");
    }
    let ratio = lost as f64 / summary.tx.packets as f64;
    let at_most = if probes.too_old > 0 { "at most " } else { "" };
    format!("{pace}, {at_most}{} lost: {places}.", words::percent(ratio))
}

fn nothing_sent(summary: &Summary) -> String {
    let tx = &summary.tx;
    if tx.refused > 0 {
        return "Nothing was sent: the device took no packet; check that its link is up and that \
                the other side is there."
            .to_owned();
    }
    if tx.no_buffer.is_some_and(|n| n > 0) {
        return "Nothing was sent: there was no buffer to build a packet in.".to_owned();
    }
    "Nothing was sent: the run ended before a packet was due.".to_owned()
}

/// The share of what was due from which on it comes first that it was skipped.
const MUCH_SKIPPED: f64 = 0.01;

/// Returns the rate and whether it was held, as in `3,500,000 packets/s held for 60 s`.
fn pace(summary: &Summary) -> String {
    let during = for_duration(summary.duration_s);
    let Some(pacing) = &summary.pacing else {
        return match summary.tx.pps {
            Some(pps) => format!("{}, as fast as it went,{during}", words::rate(pps)),
            None => format!("{} sent", words::packets(summary.tx.packets)),
        };
    };
    let target = words::rate(pacing.target_pps);
    if is_held(pacing) {
        return format!("{target} held{during}");
    }
    let Some(achieved) = pacing.achieved_pps else {
        return format!("{} sent", words::packets(summary.tx.packets));
    };
    // What was due and not sent makes the time of sending say nothing.
    let due = for_duration((achieved > 0.0).then(|| summary.tx.packets as f64 / achieved));
    let reached = format!("{} of {target} reached{due}", words::rate_number(achieved));
    let why = stalls(summary, pacing).unwrap_or_default();
    let skipped = pacing.skipped as f64 / (summary.tx.packets + pacing.skipped) as f64;
    if skipped < MUCH_SKIPPED {
        return format!("Only {reached}{why}");
    }
    let skipped = words::percent(skipped);
    format!("{skipped} of what was due was skipped: only {reached}{why}")
}

/// Returns what stalls of the sending lcores have to do with a rate that was missed, if nothing
/// else is known and they were long enough for what was skipped.
fn stalls(summary: &Summary, pacing: &Pacing) -> Option<String> {
    if causes::limit(summary).is_some() || events::has_outage(summary) {
        return None;
    }
    let senders = summary.workers.iter().filter(|w| w.role == Role::Tx);
    let worst = senders.max_by_key(|worker| worker.stalls.total_ns)?;
    let stalled_ns = worst.stalls.total_ns?;
    let is_enough = pacing.target_pps * stalled_ns as f64 / 1e9 >= pacing.skipped as f64;
    let is_why = pacing.skipped > 0 && is_enough;
    is_why.then(|| {
        let times = words::times(worst.stalls.count);
        let longest = words::nanos(worst.stalls.longest_ns.unwrap_or(0));
        format!(
            ", since lcore {} (tx) stood still {times}, at worst for {longest}",
            worst.lcore
        )
    })
}

/// Returns what to check when nothing came back.
fn advice(summary: &Summary, peer: Option<&Summary>) -> Option<String> {
    let probes = summary.rx.as_ref()?.probes?;
    if probes.unique > 0 {
        return None;
    }
    if let Some(peer) = peer.filter(|peer| split::arrived(peer) > 0 && !summary.is_through()) {
        return Some(format!(
            "The reflector received {} and sent {} back, so the way to it works: check the way \
             back, and that --src is this side's address as the reflector sees it.",
            words::packets(split::arrived(peer)),
            words::count(peer.tx.packets)
        ));
    }
    if probes.unturned > 0 {
        // What came says what is wrong.
        return None;
    }
    let errors = errors(&summary.device).filter(|_| probes.foreign == 0);
    if let Some(errors) = errors {
        return Some(format!("Nothing arrived intact, and {errors}."));
    }
    let mut advice = String::from(if summary.is_through() {
        "Check that the path forwards what is for --dest to a port of this run, and that \
         --dest-mac, if it is given, is the MAC of the next hop."
    } else if summary.is_over_sockets() {
        "Check that the reflector runs, that --dest is its address and port, and that no firewall is \
         on the way."
    } else {
        "Check that the reflector runs, that --dest-mac is its MAC or the next hop's, that --dest \
         is its address and port, and that --src is this side's address as it sees it."
    });
    if probes.foreign > 0 {
        let reflector = if summary.is_through() {
            "; what a reflector turned round counts as such with --through"
        } else {
            ""
        };
        advice += &format!(
            " The {} that arrived were not of this run: compare their addresses and ports with \
             --src, --src-port-range and --dest{reflector}.",
            words::packets(probes.foreign)
        );
    }
    Some(advice)
}

fn sent(summary: &Summary) -> String {
    let tx = &summary.tx;
    let bits = bit_rate(tx.bytes, summary.duration_s);
    let mix = summary.frame_mix().map(words::mix);
    let mix = mix.map_or_else(String::new, |mix| format!(" of {mix}"));
    let mut parts = vec![format!("Sent {}{mix}{bits}", words::packets(tx.packets))];
    parts.extend(obstacles(summary));
    parts.join("; ") + "."
}

fn received(rx: &Rx, lost: Option<u64>) -> Vec<String> {
    if rx.packets == 0 {
        return Vec::new();
    }
    let probes = rx.probes.unwrap_or_default();
    let kinds = kinds(&probes);
    let received = words::count(rx.packets);
    let mut lines = vec![match (kinds.is_empty(), lost) {
        (true, Some(0)) => format!("Received all {received}, each once and intact."),
        (true, _) => format!("Received {received}, each once and intact."),
        (false, _) => {
            let intact = format!("{} intact for the first time", words::count(probes.unique));
            let intact = (probes.unique > 0).then_some(intact);
            let all: Vec<_> = intact.into_iter().chain(kinds).collect();
            format!(
                "Received {}: {}.",
                words::packets(rx.packets),
                words::list(&all)
            )
        }
    }];
    lines.extend(order(&probes));
    lines
}

/// Returns the counts of what was received besides probes that are intact and new.
fn kinds(probes: &ProbeCounters) -> Vec<String> {
    let duplicates = if probes.duplicates == 1 {
        "duplicate"
    } else {
        "duplicates"
    };
    let kinds = [
        (probes.duplicates, duplicates),
        (probes.corrupt, "corrupt"),
        (probes.unturned, "unturned"),
        (
            probes.foreign.saturating_sub(probes.unturned),
            "not of this run",
        ),
        (probes.too_old, "too old to tell"),
    ];
    let kinds = kinds.iter().filter(|(count, _)| *count > 0);
    kinds
        .map(|(count, kind)| format!("{} {kind}", words::count(*count)))
        .collect()
}

/// Returns a sentence if probes came back as they were sent, though the path was said to turn them
/// round.
fn unturned(count: u64) -> Option<String> {
    (count > 0).then(|| {
        let it_was = if count == 1 { "it was" } else { "they were" };
        format!(
            "{} came back as {it_was} sent: there is no reflector on the way; start one, or measure \
             a path that forwards with --through.",
            words::packets(count)
        )
    })
}

fn order(probes: &ProbeCounters) -> Option<String> {
    let mut parts = Vec::new();
    if probes.reordered > 0 {
        parts.push(format!(
            "{} came out of order",
            words::count(probes.reordered)
        ));
    }
    if probes.late > 0 {
        let late = words::count(probes.late);
        parts.push(format!(
            "{late} came after the grace, so that their rows show them as lost"
        ));
    }
    (!parts.is_empty()).then(|| format!("Of these, {}.", words::list(&parts)))
}

/// Returns the line on the outages that the loss was, wholly or in part.
fn outage_line(summary: &Summary) -> Option<String> {
    let late = summary.rx.as_ref()?.probes?.late;
    let outages = summary.outages.as_ref()?;
    Some(outages::sentence(outages, late))
}

/// Returns the lines on loss that the verdict leaves out: bounds, and what makes them bounds.
fn lost(
    summary: &Summary,
    rx: &Rx,
    whereabouts: &Whereabouts<'_>,
    split: Option<Split>,
) -> Vec<String> {
    let mut lines = Vec::new();
    let Some(lost) = summary.lost.filter(|lost| *lost > 0) else {
        return lines;
    };
    let probes = rx.probes.unwrap_or_default();
    let mut bounds = vec![format!(
        "Lost {} of {}",
        words::count(lost),
        words::count(summary.tx.packets)
    )];
    let unsent = split.map_or(0, |split| whereabouts.not_sent.min(split.outward));
    if unsent > 0 {
        let unsent = words::count(unsent);
        bounds.push(format!("{unsent} were accepted here and not sent"));
    }
    let back = split.map_or(u64::MAX, |split| split.back);
    let missed = whereabouts.missed().min(back);
    if missed > 0 {
        let in_all = match whereabouts.missed_in_all {
            all if all > missed => format!(" ({} in all)", words::count(all)),
            _ => String::new(),
        };
        let missed = words::count(missed);
        bounds.push(format!(
            "at most {missed} were missed here, since the device counts everyone's packets{in_all}"
        ));
    }
    if probes.corrupt.min(back) > 0 {
        let corrupt = words::count(probes.corrupt.min(lost).min(back));
        bounds.push(format!("up to {corrupt} of them came back corrupt"));
    }
    // The verdict has named the number if it is all in one place.
    let is_new = bounds.len() > 1 || (probes.unique > 0 && whereabouts.elsewhere < lost);
    if is_new {
        lines.push(bounds.join("; ") + ".");
    }
    if probes.too_old > 0 {
        lines.push(format!(
            "Loss is an upper bound: {} came so late that nobody can say whether they were new.",
            words::packets(probes.too_old)
        ));
    }
    if summary.drained == Some(false) {
        lines.push("The drain was cut short: what was still on its way counts as lost.".to_owned());
    }
    lines
}

fn latency(what: &str, latency: &Latency) -> String {
    let [p50, p99, max] = [latency.p50, latency.p99, latency.max].map(words::nanos);
    format!("{what}: median {p50}, 99 % within {p99}, longest {max}.")
}

/// Returns a line if a probe seems to have come no later than it was sent.
fn clocks(what: &str, latency: &Latency) -> Option<String> {
    (latency.min == 0).then(|| {
        format!(
            "{what} at the shortest: 0, as if a probe had come before it was sent, so the clocks of \
             the cores disagree: have senders and receivers on cores of one socket (-l)."
        )
    })
}

fn pacing(pacing: &Pacing) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(lag) = pacing.lag_ns {
        let [p50, p99, max] = [lag.p50, lag.p99, lag.max].map(words::nanos);
        parts.push(format!(
            "half left within {p50} of their due time, 99 % within {p99}, all within {max}"
        ));
    }
    if pacing.skipped > 0 {
        let verb = if pacing.skipped == 1 { "was" } else { "were" };
        let skipped = words::packets(pacing.skipped);
        parts.push(format!(
            "{skipped} {verb} skipped rather than sent in a burst"
        ));
    }
    (!parts.is_empty()).then(|| format!("Pacing: {}.", parts.join("; ")))
}
