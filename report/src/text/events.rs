//! The lines on what happened to the ports.

use super::words;
use crate::summary::{Device, Event, Happening, Summary};

/// The most events that are told one by one.
const TOLD: usize = 8;

/// Returns a line of what happened to each port, and one on what an outage means.
pub fn lines(summary: &Summary) -> Vec<String> {
    let events = &summary.events;
    let mut ports: Vec<_> = events.iter().map(|event| event.port.as_str()).collect();
    ports.sort_unstable();
    ports.dedup();
    let mut lines: Vec<_> = ports.iter().map(|port| line(port, events)).collect();
    lines.extend(without_vf(summary));
    lines.extend(summary.device.iter().filter_map(by_one_path));
    if has_outage(summary) {
        lines.push(
            "While a port had no link or no peer, or its device took nothing, nothing could be sent \
             there: that is no limit of the path."
                .to_owned(),
        );
    }
    lines
}

/// Returns which path a netvsc port had, if it was the same one all the time.
fn by_one_path(device: &Device) -> Option<String> {
    let port = &device.port;
    match (device.synthetic_packets?, &device.vf_driver) {
        (0, Some(driver)) => Some(format!("Port {port} went over its VF alone ({driver}).")),
        (_, None) => Some(format!(
            "Port {port} has no VF, so all went over the synthetic path by the host: about 1 Mpps, and \
             all UDP between two hosts on one receive queue."
        )),
        _ => None,
    }
}

/// Returns what it cost that VFs were away: for how long, what took the slow path, what was lost.
fn without_vf(summary: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    for device in &summary.device {
        let of_port = summary.events.iter().filter(|e| e.port == device.port);
        let (mut away_s, mut gone_at) = (0.0, None);
        for event in of_port {
            match event.what {
                Happening::VfGone => gone_at = Some(event.at_s),
                Happening::VfBack => away_s += gone_at.take().map_or(0.0, |gone| event.at_s - gone),
                _ => {}
            }
        }
        if gone_at.is_none() && away_s == 0.0 {
            continue;
        }
        let until = match gone_at {
            None => format!("for {}", words::seconds(away_s)),
            Some(gone) => format!("from {} to the end", words::moment(gone)),
        };
        let took = device.synthetic_packets.map_or_else(String::new, |count| {
            let rate = (away_s > 0.0).then(|| count as f64 / away_s);
            let rate = rate.map_or_else(String::new, |rate| {
                format!(" ({}, both ways together)", words::rate(rate))
            });
            let packets = words::packets(count);
            format!(": {packets}{rate} took the slow path by the host")
        });
        let lost = summary.lost_without_vf.map_or_else(String::new, |lost| {
            let were = if lost == 1 { "was" } else { "were" };
            format!(
                ", and {} of those sent meanwhile {were} lost",
                words::count(lost)
            )
        });
        lines.push(format!(
            "The VF of port {} was away {until}{took}{lost}. The host takes VFs away to service \
             the machine; what the path can carry shows in the rows whose path is vf.",
            device.port
        ));
    }
    lines
}

/// Returns whether a port could carry nothing for a time.
pub fn has_outage(summary: &Summary) -> bool {
    summary.events.iter().any(|event| event.what.is_outage())
}

/// Returns `Port eth1: link down at 3.2 s, link up at 5.2 s.`.
fn line(port: &str, events: &[Event]) -> String {
    let of_port = || events.iter().filter(|event| event.port == port);
    let told = of_port().take(TOLD);
    let mut told: Vec<_> = told
        .map(|event| format!("{} {}", event.what, words::at(event.at_s)))
        .collect();
    let more = of_port().count().saturating_sub(TOLD);
    if more > 0 {
        told.push(format!("{more} more events (the JSON has all)"));
    }
    format!("Port {port}: {}.", told.join(", "))
}
