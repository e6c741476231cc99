//! The lost packets by the part of the way that lost them: out, in the reflector, or back.
//!
//! Promised: the three parts add up to the packets lost; where the totals of the two ends do not
//! fit together, the page says so instead of giving numbers.

use super::html::{Bar, bars, escaped};
use super::queues::section;
use super::{Panel, Sources};
use crate::summary::{Mode, Summary};
use crate::text::words;

const NAME: &str = "Where packets were lost";

/// Packets lost, by part of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Split {
    outward: u64,
    reflector: u64,
    back: u64,
}

/// Returns the panel; it is left out unless the reflector's totals are there and fit the run's.
pub fn panel(sources: &Sources<'_>) -> Panel {
    let totals = sources.timeline.totals();
    let (sent, lost) = match sources.summary {
        Some(summary) if summary.mode == Mode::Reflect => {
            return Panel::left_out(
                NAME,
                "the sender's page shows it, given this run's JSON as --peer",
            );
        }
        Some(summary) if summary.is_through() => {
            return Panel::left_out(
                NAME,
                "on a path that forwards there is no reflector to tell",
            );
        }
        Some(summary) => (summary.tx.packets, summary.lost),
        None => (totals.tx_packets, totals.lost),
    };
    let Some(peer) = sources.peer else {
        return Panel::left_out(
            NAME,
            "give the reflector's JSON: `report CSV --json FILE --peer REFLECT.json`",
        );
    };
    let Some(lost) = lost else {
        return Panel::left_out(NAME, "nothing was to be received, so loss is not known");
    };
    if lost == 0 {
        return Panel::left_out(NAME, "nothing was lost");
    }
    match Split::of(sent, lost, peer) {
        Ok(split) => Panel::Drawn(html(split, lost, sources, peer)),
        Err(why) => Panel::left_out(NAME, why),
    }
}

impl Split {
    fn of(sent: u64, lost: u64, peer: &Summary) -> Result<Self, String> {
        let arrived = arrived(peer);
        if arrived > sent {
            return Err(format!(
                "the reflector received {} and the sender counts {} sent: there were other \
                 senders, a warm-up, duplicates on the way, or it is not this run's reflector",
                words::packets(arrived),
                words::count(sent)
            ));
        }
        let missed = missed(peer).min(sent - arrived);
        let sent_back = peer.tx.packets - not_sent(peer);
        let returned = sent - lost;
        let Some(back) = sent_back.checked_sub(returned) else {
            return Err(format!(
                "the reflector sent {} back and {} came back: it is not this run's reflector, or \
                 it ended sooner",
                words::packets(sent_back),
                words::count(returned)
            ));
        };
        Ok(Self {
            outward: sent - arrived - missed,
            reflector: missed + (arrived - sent_back),
            back,
        })
    }
}

/// Returns the number of probes that came to the reflector's program, with those that came after
/// its `--count` had been reached.
fn arrived(peer: &Summary) -> u64 {
    let refused = peer.tx.refused.saturating_add(past_count(peer));
    peer.tx.packets.saturating_add(refused)
}

fn past_count(peer: &Summary) -> u64 {
    let ignored = peer.rx.as_ref().and_then(|rx| rx.ignored.as_ref());
    ignored
        .and_then(|reasons| reasons.get("past_count"))
        .copied()
        .unwrap_or(0)
}

/// Returns the number of packets, of the run or not, that came to a host's NIC and not to its
/// program.
fn missed(summary: &Summary) -> u64 {
    let of_device = summary
        .device
        .iter()
        .flat_map(|device| [device.imissed, device.rx_nombuf]);
    of_device.flatten().fold(0, u64::saturating_add)
}

/// Returns the number of packets that a host's device took and did not send.
fn not_sent(summary: &Summary) -> u64 {
    let of_device = summary.device.iter().filter_map(|device| device.oerrors);
    of_device
        .fold(0, u64::saturating_add)
        .min(summary.tx.packets)
}

fn html(split: Split, lost: u64, sources: &Sources<'_>, peer: &Summary) -> String {
    let parts = [
        ("On the way out", split.outward),
        ("In the reflector", split.reflector),
        ("On the way back", split.back),
    ];
    let drawn = parts.map(|(name, count)| {
        let share = count as f64 / lost as f64;
        let share_text = format!(" ({})", words::percent(share));
        Bar {
            name: name.to_owned(),
            value: words::count(count) + &share_text,
            length: share,
        }
    });
    let mut text = bars(&format!("Of {} lost", words::packets(lost)), "loss", &drawn);
    text += "<ul class=\"note\">\n";
    for note in notes(split, sources, peer) {
        text += &format!("<li>{}</li>\n", escaped(&note));
    }
    text += "</ul>\n";
    section("split", NAME, &text)
}

/// Returns the part of a host that misses what it cannot keep.
fn receiving(summary: &Summary) -> &'static str {
    if summary.is_over_sockets() {
        "sockets"
    } else {
        "NIC"
    }
}

/// Returns sentences on the causes and the bounds of the three numbers.
fn notes(split: Split, sources: &Sources<'_>, peer: &Summary) -> Vec<String> {
    let mut notes = Vec::new();
    let mut say = |count: u64, text: String| {
        if count > 0 {
            notes.push(text);
        }
    };
    let refused = peer.tx.refused;
    say(
        refused,
        format!(
            "In the reflector, {} could not be handed to its device (raise its --tx-desc or --txq).",
            words::count(refused)
        ),
    );
    let missed_there = split
        .reflector
        .saturating_sub(refused + past_count(peer) + not_sent(peer));
    say(
        missed_there,
        format!(
            "In the reflector, at most {} were missed by its {} (raise its --rx-desc or --rxq){}",
            words::count(missed_there),
            receiving(peer),
            match peer.is_over_sockets() {
                true => ".",
                false => ": the NIC counts everyone's packets.",
            }
        ),
    );
    let not_sent = not_sent(peer);
    say(
        not_sent,
        format!(
            "Its device took {} and did not send them.",
            words::count(not_sent)
        ),
    );
    let past = past_count(peer);
    say(
        past,
        format!("{} came after its --count.", words::count(past)),
    );
    if let Some(sender) = sources.summary {
        let here = missed(sender).min(split.back);
        say(
            here,
            format!(
                "On the way back, at most {} were missed by the sender's own {} (raise --rx-desc or \
                 --rxq).",
                words::count(here),
                receiving(sender)
            ),
        );
        let probes = sender
            .rx
            .as_ref()
            .and_then(|rx| rx.probes)
            .unwrap_or_default();
        let corrupt = probes.corrupt.min(split.back);
        say(
            corrupt,
            format!("Up to {} of them came back corrupt.", words::count(corrupt)),
        );
        say(
            probes.duplicates,
            format!(
                "{} came back: each that was doubled on the way out hides one lost there, and \
                 shows as one lost on the way back.",
                words::count(probes.duplicates)
                    + if probes.duplicates == 1 {
                        " duplicate"
                    } else {
                        " duplicates"
                    }
            ),
        );
        let warmup = sender
            .config
            .get("warmup_ns")
            .and_then(serde_json::Value::as_u64);
        say(
            warmup.unwrap_or(0),
            "The reflector counts the warm-up too and the sender does not, so more was lost on the \
             way out than stands here."
                .to_owned(),
        );
    }
    if peer.device.iter().any(|device| device.imissed.is_none()) {
        notes.push(
            "The reflector's driver does not tell what its NIC missed: that counts on the way out."
                .to_owned(),
        );
    }
    notes
}
