//! The panel of the lost packets by the part of the way that lost them.

use super::html::{Bar, bars, escaped, section};
use super::{Panel, Sources};
use crate::split::{Split, missed, not_sent, past_count};
use crate::summary::{Mode, Summary};
use crate::text::words;

const NAME: &str = "Where packets were lost";

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
    let kept_there = not_sent(peer);
    say(
        kept_there,
        format!(
            "Its device took {} and did not send them.",
            words::count(kept_there)
        ),
    );
    let past = past_count(peer);
    say(
        past,
        format!("{} came after its --count.", words::count(past)),
    );
    if let Some(sender) = sources.summary {
        let unsent = not_sent(sender).min(split.outward);
        say(
            unsent,
            format!(
                "On the way out, {} were accepted by the sender's own device and not sent.",
                words::count(unsent)
            ),
        );
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
