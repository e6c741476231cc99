//! The lines of a run that sent back what it received.

use std::collections::BTreeMap;

use super::loss::{Whereabouts, errors};
use super::{bit_rate, events, for_duration, partial_checksums, words};
use crate::summary::{Rx, Summary};

/// Returns all lines but those about the workers.
pub fn lines(summary: &Summary) -> Vec<String> {
    let Some(rx) = summary.rx.as_ref().filter(|rx| rx.packets > 0) else {
        return vec![nothing_received(summary)];
    };
    let mut lines = vec![verdict(summary), moved(summary, rx)];
    lines.extend(all_ignored(rx));
    let answered = rx.answered.filter(|&answered| answered > 0);
    lines.extend(answered.map(|answered| {
        let questions = if answered == 1 {
            "question"
        } else {
            "questions"
        };
        let answered = words::count(answered);
        format!("Answered {answered} {questions} of neighbours (ARP, neighbour discovery, ping).")
    }));
    lines.extend(rx.ignored.as_ref().and_then(ignored));
    lines.extend(rx.ignored.as_ref().and_then(oversized));
    lines.extend(partial_checksums(rx.checksum_partial));
    lines
}

fn nothing_received(summary: &Summary) -> String {
    let found = Whereabouts::of(u64::MAX, &summary.device);
    let during = for_duration(summary.duration_s);
    if found.missed() > 0 {
        return format!("Nothing was received{during}: {}.", found.here().join(", "));
    }
    if let Some(errors) = errors(&summary.device) {
        return format!("Nothing was received{during}: {errors}.");
    }
    if summary.is_over_sockets() {
        return format!(
            "Nothing was received{during}: check that the sender runs, that its --dest is an address \
             and port of --listen, and that no firewall is on the way."
        );
    }
    format!(
        "Nothing was received{during}: check that the sender runs, that its --dest-mac is this \
         port's MAC or the next hop's, and that the link between them is up."
    )
}

/// Returns what to do where every packet was ignored for one reason that the user can change.
fn all_ignored(rx: &Rx) -> Option<String> {
    let (reason, _) = rx
        .ignored
        .as_ref()?
        .iter()
        .find(|(_, count)| **count == rx.packets)?;
    let other = rx.other_mac.as_deref().unwrap_or("another's");
    Some(match reason.as_str() {
        "other_mac" => format!(
            "All packets were for another MAC address than this port's, {other}: send to the \
             port's own (`ports` lists it), or answer for all with --promiscuous."
        ),
        "not_allowed" => "All packets came from outside of the networks that --allow names: name \
                          theirs too."
            .to_owned(),
        "tags" => {
            "All packets had more than two VLAN tags: take the others off on the way.".to_owned()
        }
        "ttl" => "All packets came with a TTL or hop limit of 0 or 1, which ends here: send them \
                  with a larger one."
            .to_owned(),
        _ => return None,
    })
}

fn verdict(summary: &Summary) -> String {
    // Whatever the device says it dropped was dropped here: there is no total to stay below.
    let found = Whereabouts::of(u64::MAX, &summary.device);
    let mut places = Vec::new();
    if summary.tx.refused > 0 {
        let refused = words::count(summary.tx.refused);
        let why = if events::has_outage(summary) {
            "which took nothing for a time"
        } else {
            "raise --tx-desc or --txq"
        };
        places.push(format!("{refused} not taken by the device ({why})"));
    }
    places.extend(found.here());
    let silent = found.silent();
    let dropped = summary.tx.refused + found.not_sent + found.missed();

    let during = for_duration(summary.duration_s);
    let pace = match summary.tx.pps {
        Some(pps) => format!("{} reflected{during}", words::rate(pps)),
        None => format!("{} reflected{during}", words::packets(summary.tx.packets)),
    };
    let as_told = silent.map_or(String::new(), |driver| format!(" as far as {driver} tells"));
    if dropped == 0 {
        return format!("{pace}, none dropped here{as_told}.");
    }
    format!(
        "{pace}, {} dropped here{as_told}: {}.",
        words::count(dropped),
        places.join(", ")
    )
}

fn moved(summary: &Summary, rx: &Rx) -> String {
    let received = words::packets(rx.packets);
    let bits = bit_rate(rx.bytes, summary.duration_s);
    if summary.tx.packets == rx.packets {
        return format!("Received {received}{bits} and sent every one back.");
    }
    format!(
        "Received {received}{bits}, sent back {}.",
        words::count(summary.tx.packets)
    )
}

/// Returns what packets that are longer than any frame come of, if there were any.
fn oversized(reasons: &BTreeMap<String, u64>) -> Option<String> {
    let is_there = reasons.get("oversized").is_some_and(|count| *count > 0);
    is_there.then(|| {
        "The oversized ones are datagrams that a kernel left whole for a NIC to split (GSO): \
         `ethtool -K INTERFACE gso off` at the sender."
            .to_owned()
    })
}

/// Returns `Ignored 12: 8 arp and 4 not udp.`, the most frequent reason first; nothing if none was.
fn ignored(reasons: &BTreeMap<String, u64>) -> Option<String> {
    let mut reasons: Vec<_> = reasons.iter().filter(|(_, count)| **count > 0).collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let total: u64 = reasons.iter().map(|(_, count)| **count).sum();
    let reasons: Vec<_> = reasons
        .iter()
        .map(|(reason, count)| format!("{} {}", words::count(**count), reason.replace('_', " ")))
        .collect();
    (total > 0).then(|| {
        format!(
            "Ignored {}: {}.",
            words::count(total),
            words::list(&reasons)
        )
    })
}
