//! The recorder, in which a worker counts: its counters, its histograms, its open intervals.

use super::intervals::{Interval, Writer};
use super::{Counters, WorkerStats};
use crate::time::Instant;

/// Everything in which one worker counts.
pub struct Recorder<'a> {
    /// The worker's own counters, which others see once they have been published.
    pub counters: Counters,
    /// The counters as they were published, and the histograms, which others read.
    pub stats: &'a WorkerStats,
    /// The worker's intervals.
    pub intervals: Writer<'a>,
    /// The number of full bursts in a row up to now.
    full_bursts: u64,
}

impl<'a> Recorder<'a> {
    /// Makes the recorder of the one worker that writes to `stats` and `intervals`.
    #[must_use]
    pub fn new(stats: &'a WorkerStats, intervals: Writer<'a>) -> Self {
        Self {
            counters: Counters::default(),
            stats,
            intervals,
            full_bursts: 0,
        }
    }

    /// Counts a burst that was full, or was not.
    #[inline]
    pub fn count_burst(&mut self, is_full: bool) {
        self.full_bursts = if is_full { self.full_bursts + 1 } else { 0 };
        let most = &mut self.counters.poll.full_bursts_max;
        *most = (*most).max(self.full_bursts);
    }

    /// Counts what was received in interval `index`, which is open, by time of receipt.
    #[inline]
    pub fn count_received(&mut self, index: u64, received: &Interval) {
        self.intervals.count(index, received);
        self.counters.rx.packets += received.rx_packets;
        let probes = &mut self.counters.probes;
        probes.duplicates += received.duplicates;
        probes.reordered += received.reordered;
        probes.corrupt += received.corrupt;
        probes.foreign += received.foreign;
        probes.late += received.late;
    }

    /// Counts unique probes that were sent in interval `index`, which is open: how many, and their
    /// latencies.
    #[inline]
    pub fn count_on_time(&mut self, index: u64, sent: &Interval) {
        self.intervals.count(index, sent);
        self.counters.probes.unique += sent.on_time;
        self.counters.latency.add(
            sent.on_time,
            sent.latency_sum_ns,
            sent.latency_min_ns,
            sent.latency_max_ns,
        );
    }

    /// Publishes what was counted; whatever is counted later happens at `now` or later.
    pub fn publish(&mut self, now: Instant) {
        self.counters.poll.last_ns = now.as_nanos();
        self.stats.publish(&self.counters);
        self.intervals.advance_watermark(now);
    }

    /// Publishes what was counted up to the end, which is at `now`; nothing is counted after it.
    pub fn end(&mut self, now: Instant) {
        self.counters.poll.last_ns = now.as_nanos();
        self.stats.publish(&self.counters);
        self.intervals.end();
    }
}
