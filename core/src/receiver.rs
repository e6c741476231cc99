//! The receiving role: says of every frame what it is, and counts it.

use crate::intervals::{CLOCK_TOLERANCE, Interval, Slot, Writer};
use crate::ledger::{Ledger, Sighting, View};
use crate::probe::Age;
use crate::stats::{Counters, WorkerStats};
use crate::time::Nanos;
use crate::verify::{Expectation, Probe, Reject, Verifier};

/// The receiver of one queue.
///
/// What it counts it adds up over a burst, and [`Self::flush`] passes it on: to the worker's counters,
/// and to the interval of receipt or of sending.
pub struct Receiver<'a> {
    verifier: Verifier<'a>,
    ledger: &'a Ledger<'a>,
    record: View<'a>,
    /// Whether probes have a due time.
    is_paced: bool,
    /// By time of receipt: the burst so far.
    received: Interval,
    received_slot: Slot,
    /// By time of sending: the burst so far, of the one interval that most of it was sent in.
    sent: Span,
    sent_slot: Slot,
    /// What is received later was sent in an interval that is closed by then.
    sent_closes: Nanos,
    /// The round trips since the packets were due: the burst so far.
    due: Span,
}

/// Latencies of a part of a burst: of at most 512 packets, so that their sum has room.
#[derive(Clone, Copy)]
struct Span {
    count: u64,
    min_ns: u64,
    sum_ns: u64,
    max_ns: u64,
}

impl Span {
    const EMPTY: Self = Self {
        count: 0,
        min_ns: u64::MAX,
        sum_ns: 0,
        max_ns: 0,
    };

    #[inline]
    fn record(&mut self, latency: Nanos) {
        self.count += 1;
        self.sum_ns += latency.0;
        // Seldom, so as branches: nothing waits for what was there before.
        if latency.0 < self.min_ns {
            self.min_ns = latency.0;
        }
        if latency.0 > self.max_ns {
            self.max_ns = latency.0;
        }
    }
}

/// What one received frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Unique {
        sent: Nanos,
        latency: Nanos,
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
    pub fn new(
        number: u16,
        expectation: Expectation<'a>,
        ledger: &'a Ledger<'a>,
        is_paced: bool,
    ) -> Self {
        Self {
            verifier: Verifier::new(expectation),
            ledger,
            record: ledger.view(number),
            is_paced,
            received: EMPTY,
            received_slot: Slot::NONE,
            sent: Span::EMPTY,
            sent_slot: Slot::NONE,
            sent_closes: Nanos(0),
            due: Span::EMPTY,
        }
    }

    /// Takes `frame`, received at `now`; [`Self::flush`] follows at the end of the burst.
    #[inline(always)] // into the loop over a burst
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
        let Some(probe) = self.verifier.probe(frame, now) else {
            self.receive_other(frame, now, stats, counters, writer);
            return;
        };
        let class = self.classify(probe, now, division.start);
        self.count(frame, class, probe.lag, now, stats, counters, writer);
    }

    /// Takes a frame that is no intact probe, or none in the usual shape.
    #[inline(never)]
    fn receive_other(
        &mut self,
        frame: &[u8],
        now: Nanos,
        stats: &WorkerStats,
        counters: &mut Counters,
        writer: &Writer<'_>,
    ) {
        let verified = self.verifier.verify(frame, now);
        let (class, lag) = match verified.result {
            Ok(probe) => {
                let class = self.classify(probe, now, writer.division().start);
                (class, probe.lag)
            }
            Err(Reject::Corrupt) => (Class::Corrupt, None),
            Err(Reject::Foreign) => (Class::Foreign, None),
        };
        if class != Class::Uncounted {
            counters.rx.checksum_partial += u64::from(verified.checksum_partial);
        }
        self.count(frame, class, lag, now, stats, counters, writer);
    }

    #[inline(always)]
    fn classify(&mut self, probe: Probe, now: Nanos, start: Nanos) -> Class {
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
        match self.record.see(probe.index, probe.port_offset) {
            Sighting::First { reordered } => Class::Unique {
                sent,
                latency,
                reordered,
            },
            Sighting::Duplicate => Class::Duplicate,
            Sighting::TooOld => Class::TooOld,
            Sighting::NeverSent => Class::Corrupt,
        }
    }

    #[inline(always)]
    #[expect(
        clippy::too_many_arguments,
        reason = "what `receive` has, and two more"
    )]
    fn count(
        &mut self,
        frame: &[u8],
        class: Class,
        lag: Option<Nanos>,
        now: Nanos,
        stats: &WorkerStats,
        counters: &mut Counters,
        writer: &Writer<'_>,
    ) {
        match class {
            Class::Unique {
                sent,
                latency,
                reordered,
            } => {
                if reordered {
                    self.received.reordered += 1;
                }
                stats.latency.record(latency);
                if let Some(lag) = lag
                    && self.is_paced
                {
                    stats.latency_due.record(latency + lag);
                    self.due.record(latency + lag);
                }
                self.take_unique(now, sent, latency, counters, writer);
            }
            Class::Duplicate => self.received.duplicates += 1,
            Class::Corrupt => self.received.corrupt += 1,
            Class::Foreign => self.received.foreign += 1,
            Class::TooOld => counters.rx.too_old += 1,
            Class::Uncounted => return,
        }
        self.received.rx_packets += 1;
        counters.rx.bytes += frame.len() as u64;
    }

    #[inline(always)]
    fn take_unique(
        &mut self,
        now: Nanos,
        sent: Nanos,
        latency: Nanos,
        counters: &mut Counters,
        writer: &Writer<'_>,
    ) {
        if !self.sent_slot.holds(sent) {
            self.flush_sent(counters, writer);
            self.sent_slot = writer.division().slot_of(sent);
            self.sent_closes = self.sent_slot.end + writer.division().grace;
        }
        if now > self.sent_closes {
            self.received.late += 1;
            counters.rx.unique += 1;
            counters.latency.record(latency);
            return;
        }
        self.sent.record(latency);
    }

    /// Counts the burst that was received at `now`.
    #[inline]
    pub fn flush(&mut self, now: Nanos, counters: &mut Counters, writer: &Writer<'_>) {
        self.flush_sent(counters, writer);
        let due = core::mem::replace(&mut self.due, Span::EMPTY);
        counters
            .latency_due
            .add(due.count, due.sum_ns, due.min_ns, due.max_ns);
        let received = core::mem::replace(&mut self.received, EMPTY);
        if received.rx_packets > 0 {
            if !self.received_slot.holds(now) {
                self.received_slot = writer.division().slot_of(now);
            }
            writer.count(self.received_slot.index, &received);
            let rx = &mut counters.rx;
            rx.packets += received.rx_packets;
            rx.duplicates += received.duplicates;
            rx.reordered += received.reordered;
            rx.corrupt += received.corrupt;
            rx.foreign += received.foreign;
            rx.late += received.late;
        }
    }

    #[inline]
    fn flush_sent(&mut self, counters: &mut Counters, writer: &Writer<'_>) {
        let Span {
            count,
            min_ns,
            sum_ns,
            max_ns,
        } = core::mem::replace(&mut self.sent, Span::EMPTY);
        if count > 0 {
            let interval = Interval {
                on_time: count,
                latency_sum_ns: sum_ns,
                latency_min_ns: min_ns,
                latency_max_ns: max_ns,
                ..EMPTY
            };
            writer.count(self.sent_slot.index, &interval);
            counters.rx.unique += count;
            counters.latency.add(count, sum_ns, min_ns, max_ns);
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
