//! The receiving role: says of every frame what it is, and counts it.

use crate::intervals::{CLOCK_TOLERANCE, Interval, Slot, Writer};
use crate::ledger::{Ledger, Sighting};
use crate::probe::Age;
use crate::stats::{Counters, WorkerStats};
use crate::time::Nanos;
use crate::verify::{Expectation, Probe, Reject};

/// The receiver of one queue.
pub struct Receiver<'a> {
    /// Which of the run's receivers this is.
    number: u16,
    expectation: Expectation<'a>,
    ledger: &'a Ledger<'a>,
    /// Whether probes have a due time.
    is_paced: bool,
    /// By time of receipt: the burst so far.
    received: Interval,
    received_slot: Slot,
    /// By time of sending: the burst so far, of the one interval that most of it was sent in.
    sent: Interval,
    sent_slot: Slot,
}

/// What one received frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Unique {
        sent: Nanos,
        latency: Nanos,
        lag: Option<Nanos>,
        reordered: bool,
    },
    Duplicate,
    Corrupt,
    Foreign,
    TooOld,
    /// Sent before counting began: none of the above, and not counted.
    Uncounted,
}

impl<'a> Receiver<'a> {
    /// Receiver `number` of a run, which expects probes as in `expectation`.
    #[must_use]
    pub const fn new(
        number: u16,
        expectation: Expectation<'a>,
        ledger: &'a Ledger<'a>,
        is_paced: bool,
    ) -> Self {
        Self {
            number,
            expectation,
            ledger,
            is_paced,
            received: EMPTY,
            received_slot: Slot::NONE,
            sent: EMPTY,
            sent_slot: Slot::NONE,
        }
    }

    /// Counts `frame`, received at `now`; [`Self::flush`] follows at the end of the burst.
    #[inline]
    pub fn receive(
        &mut self,
        frame: &[u8],
        now: Nanos,
        stats: &WorkerStats,
        counters: &mut Counters,
        writer: &Writer<'_>,
    ) {
        let division = writer.division();
        if now < division.start {
            return;
        }
        let verified = self.expectation.verify(frame, now);
        let class = match verified.result {
            Ok(probe) => self.classify(probe, now, division.start),
            Err(Reject::Corrupt) => Class::Corrupt,
            Err(Reject::Foreign) => Class::Foreign,
        };
        if class == Class::Uncounted {
            return;
        }
        let rx = &mut counters.rx;
        rx.packets += 1;
        rx.bytes += frame.len() as u64;
        rx.checksum_partial += u64::from(verified.checksum_partial);
        self.received.rx_packets += 1;
        let (total, in_interval) = match class {
            Class::Duplicate => (&mut rx.duplicates, &mut self.received.duplicates),
            Class::Corrupt => (&mut rx.corrupt, &mut self.received.corrupt),
            Class::Foreign => (&mut rx.foreign, &mut self.received.foreign),
            Class::Unique {
                sent,
                latency,
                lag,
                reordered,
            } => {
                rx.unique += 1;
                rx.reordered += u64::from(reordered);
                self.received.reordered += u64::from(reordered);
                self.take_latency(latency, lag, stats, counters);
                self.take_unique(now, sent, latency, counters, writer);
                return;
            }
            Class::TooOld => {
                rx.too_old += 1;
                return;
            }
            Class::Uncounted => return,
        };
        *total += 1;
        *in_interval += 1;
    }

    #[inline]
    fn classify(&self, probe: Probe, now: Nanos, start: Nanos) -> Class {
        let (sent, latency) = match probe.age {
            Age::Past(age) => (now - age, age),
            Age::Ahead(ahead) if ahead <= CLOCK_TOLERANCE => (now + ahead, Nanos(0)),
            Age::Ahead(_) => return Class::Corrupt,
        };
        if sent < start {
            // What was never sent was not sent before counting began either.
            return if self.ledger.was_sent(probe.index) {
                Class::Uncounted
            } else {
                Class::Corrupt
            };
        }
        match self.ledger.see(self.number, probe.index, probe.port_offset) {
            Sighting::First { reordered } => Class::Unique {
                sent,
                latency,
                lag: probe.lag,
                reordered,
            },
            Sighting::Duplicate => Class::Duplicate,
            Sighting::TooOld => Class::TooOld,
            Sighting::NeverSent => Class::Corrupt,
        }
    }

    #[inline]
    fn take_latency(
        &self,
        latency: Nanos,
        lag: Option<Nanos>,
        stats: &WorkerStats,
        counters: &mut Counters,
    ) {
        stats.latency.record(latency);
        counters.latency.record(latency);
        if let Some(lag) = lag
            && self.is_paced
        {
            stats.latency_due.record(latency + lag);
            counters.latency_due.record(latency + lag);
        }
    }

    #[inline]
    fn take_unique(
        &mut self,
        now: Nanos,
        sent: Nanos,
        latency: Nanos,
        counters: &mut Counters,
        writer: &Writer<'_>,
    ) {
        if !self.sent_slot.holds(sent) {
            self.flush_sent(writer);
            self.sent_slot = writer.division().slot_of(sent);
        }
        if now > self.sent_slot.end + writer.division().grace {
            counters.rx.late += 1;
            self.received.late += 1;
            return;
        }
        let one = Interval {
            on_time: 1,
            latency_sum_ns: latency.0,
            latency_min_ns: latency.0,
            latency_max_ns: latency.0,
            ..EMPTY
        };
        self.sent.merge(&one);
    }

    /// Counts the burst that was received at `now` in the intervals.
    #[inline]
    pub fn flush(&mut self, now: Nanos, writer: &Writer<'_>) {
        self.flush_sent(writer);
        if self.received != EMPTY {
            if !self.received_slot.holds(now) {
                self.received_slot = writer.division().slot_of(now);
            }
            writer.count(self.received_slot.index, &self.received);
            self.received = EMPTY;
        }
    }

    #[inline]
    fn flush_sent(&mut self, writer: &Writer<'_>) {
        if self.sent.on_time > 0 {
            writer.count(self.sent_slot.index, &self.sent);
            self.sent = EMPTY;
        }
    }
}

const EMPTY: Interval = Interval {
    tx_packets: 0,
    on_time: 0,
    latency_sum_ns: 0,
    latency_min_ns: 0,
    latency_max_ns: 0,
    rx_packets: 0,
    duplicates: 0,
    reordered: 0,
    corrupt: 0,
    foreign: 0,
    late: 0,
};

#[cfg(test)]
mod tests;
