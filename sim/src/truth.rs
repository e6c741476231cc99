//! What really became of every packet, kept in the plainest way.
//!
//! The link tells it what was sent and what was delivered; it never looks into a frame.

use std::collections::{HashMap, HashSet};

use dpdkgen_core::intervals::{Division, Interval};
use dpdkgen_core::probe::Index;
use dpdkgen_core::time::Nanos;

use crate::link::{Origin, Packet};

/// The truth about one run.
#[derive(Debug)]
pub struct Truth {
    division: Division,
    seen: HashSet<Index>,
    highest: HashMap<(u16, u16), u64>,
    /// Packets accepted.
    pub sent: u64,
    /// Hand-over attempts refused.
    pub refused: u64,
    /// Probes delivered intact for the first time.
    pub unique: u64,
    /// Probes delivered again.
    pub duplicates: u64,
    /// Probes delivered with a changed payload.
    pub corrupt: u64,
    /// Unique ones behind a later one of their flow.
    pub reordered: u64,
    /// Unique ones after their interval was closed.
    pub late: u64,
    /// The latency of every unique one.
    pub latencies: Vec<Nanos>,
    /// The same from when they were due.
    pub latencies_due: Vec<Nanos>,
    /// What happened in each interval.
    pub intervals: Vec<Interval>,
}

impl Truth {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(division: Division) -> Self {
        Self {
            division,
            seen: HashSet::new(),
            highest: HashMap::new(),
            sent: 0,
            refused: 0,
            unique: 0,
            duplicates: 0,
            corrupt: 0,
            reordered: 0,
            late: 0,
            latencies: Vec::new(),
            latencies_due: Vec::new(),
            intervals: Vec::new(),
        }
    }

    fn interval(&mut self, time: Nanos) -> &mut Interval {
        let index = ((time.0 - self.division.start.0) / self.division.length.0) as usize;
        if index >= self.intervals.len() {
            self.intervals.resize(index + 1, Interval::default());
        }
        &mut self.intervals[index]
    }

    /// The device accepted a packet.
    pub fn sent(&mut self, origin: Origin) {
        if origin.sent >= self.division.start {
            self.sent += 1;
            self.interval(origin.sent).tx_packets += 1;
        }
    }

    /// The sender was given a packet at `now`.
    pub fn delivered(&mut self, packet: &Packet, now: Nanos) {
        let origin = packet.origin;
        if now < self.division.start {
            return;
        }
        if packet.is_corrupt {
            self.corrupt += 1;
            self.interval(now).rx_packets += 1;
            self.interval(now).corrupt += 1;
            return;
        }
        if origin.sent < self.division.start {
            return;
        }
        self.interval(now).rx_packets += 1;
        if self.seen.insert(origin.index) {
            self.first(origin, now);
        } else {
            self.duplicates += 1;
            self.interval(now).duplicates += 1;
        }
    }

    fn first(&mut self, origin: Origin, now: Nanos) {
        self.unique += 1;
        let latency = now.since(origin.sent);
        self.latencies.push(latency);
        self.latencies_due.push(latency + origin.lag);
        let flow = (origin.index.stream(), origin.port_offset);
        let highest = self.highest.entry(flow).or_default();
        let is_reordered = *highest > origin.index.sequence();
        *highest = origin.index.sequence().max(*highest);
        if is_reordered {
            self.reordered += 1;
            self.interval(now).reordered += 1;
        }
        let Division {
            start,
            length,
            grace,
        } = self.division;
        let index = (origin.sent.0 - start.0) / length.0;
        if now.0 > start.0 + (index + 1) * length.0 + grace.0 {
            self.late += 1;
            self.interval(now).late += 1;
        } else {
            let one = Interval {
                on_time: 1,
                latency_sum_ns: latency.0,
                latency_min_ns: latency.0,
                latency_max_ns: latency.0,
                ..Interval::default()
            };
            self.interval(origin.sent).merge(&one);
        }
    }
}
