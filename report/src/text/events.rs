//! The lines on what happened to the ports.

use super::words;
use crate::summary::{Event, Summary};

/// The most events that are told one by one.
const TOLD: usize = 8;

/// Returns a line of what happened to each port, and one on what an outage means.
pub fn lines(summary: &Summary) -> Vec<String> {
    let events = &summary.events;
    let mut ports: Vec<_> = events.iter().map(|event| event.port.as_str()).collect();
    ports.sort_unstable();
    ports.dedup();
    let mut lines: Vec<_> = ports.iter().map(|port| line(port, events)).collect();
    if has_outage(summary) {
        lines.push(
            "While a port had no link or no peer nothing could be sent or received there: that is \
             no limit of the path."
                .to_owned(),
        );
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
        .map(|event| format!("{} at {}", event.what, words::seconds(event.at_s)))
        .collect();
    let more = of_port().count().saturating_sub(TOLD);
    if more > 0 {
        told.push(format!("{more} more events (the JSON has all)"));
    }
    format!("Port {port}: {}.", told.join(", "))
}
