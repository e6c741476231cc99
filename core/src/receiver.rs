//! The receiving role: says of every frame what it is, and counts it.

use heapless::Vec;

use crate::intervals::{CLOCK_TOLERANCE, Interval, Slot, Writer};
use crate::ledger::{Ledger, Sighting, View};
use crate::probe::{Age, Head, LONG_LEN, is_past};
use crate::stats::{Counters, WorkerStats};
use crate::time::Nanos;
use crate::verify::{Expectation, Probe, Reject, Verifier};

/// The receiver of one queue.
///
/// What it counts it adds up over a burst, and [`Self::flush`] passes it on: to the worker's counters,
/// and to the interval of receipt or of sending.
pub struct Receiver<'a> {
    verifier: Verifier<'a>,
    record: View<'a>,
    /// Of the burst so far, what is still to be looked up in the record: two short loops keep more
    /// in registers than a long one.
    verified: Vec<Arrival, ARRIVALS>,
    /// Whether one of them came with a checksum that its sender had left to a NIC.
    has_partial: bool,
    /// By time of receipt: the burst so far.
    received: Interval,
    received_slot: Slot,
    /// By time of sending: the burst so far, of the one interval that most of it was sent in.
    sent: Span,
    sent_slot: Slot,
    /// What is received later was sent in an interval that is closed by then.
    sent_closes: Nanos,
    due: SinceDue,
}

/// The round trips since the packets were due.
struct SinceDue {
    /// Whether probes have a due time and tell how far from it they were sent.
    is_told: bool,
    /// The burst so far.
    span: Span,
}

impl SinceDue {
    #[inline(always)]
    fn record(&mut self, latency: Nanos, lag: Nanos, stats: &WorkerStats) {
        if self.is_told {
            let since_due = latency + lag;
            stats.latency_due.record(since_due);
            self.span.record(since_due);
        }
    }
}

/// A usual burst.
const ARRIVALS: usize = 32;

/// A probe that has arrived intact.
#[derive(Clone, Copy)]
struct Arrival {
    head: Head,
    /// 0 where it is not told.
    lag: Nanos,
    frame_len: u32,
    port_offset: u16,
    checksum_partial: bool,
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

/// What an intact probe is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Unique {
        sent: Nanos,
        latency: Nanos,
        reordered: bool,
    },
    Duplicate,
    /// Its index or time is none that was ever sent.
    Corrupt,
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
            due: SinceDue {
                is_told: is_paced && usize::from(expectation.payload_len) >= LONG_LEN,
                span: Span::EMPTY,
            },
            verifier: Verifier::new(expectation),
            record: ledger.view(number),
            verified: Vec::new(),
            has_partial: false,
            received: EMPTY,
            received_slot: Slot::NONE,
            sent: Span::EMPTY,
            sent_slot: Slot::NONE,
            sent_closes: Nanos(0),
        }
    }

    /// Takes `frame`, received at `now` like all of its burst, at whose end [`Self::flush`] follows.
    #[inline(always)] // into the loop over a burst
    pub fn receive(
        &mut self,
        frame: &[u8],
        now: Nanos,
        stats: &WorkerStats,
        counters: &mut Counters,
        writer: &Writer<'_>,
    ) {
        match self.verifier.probe(frame) {
            Some(probe) => self.take(&probe, frame, false, now, stats, counters, writer),
            None => self.receive_other(frame, now, stats, counters, writer),
        }
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
        let verified = self.verifier.expectation().verify(frame);
        let partial = verified.checksum_partial;
        let reject = match verified.result {
            Ok(probe) => return self.take(&probe, frame, partial, now, stats, counters, writer),
            Err(reject) => reject,
        };
        if now >= writer.division().start {
            match reject {
                Reject::Corrupt => self.received.corrupt += 1,
                Reject::Foreign => self.received.foreign += 1,
            }
            self.received.rx_packets += 1;
            counters.rx.bytes += frame.len() as u64;
            counters.rx.checksum_partial += u64::from(partial);
        }
    }

    /// Keeps the intact probe in `frame` for [`Self::count_verified`].
    #[inline(always)]
    #[expect(
        clippy::too_many_arguments,
        reason = "what `receive` has, and two more"
    )]
    fn take(
        &mut self,
        probe: &Probe,
        frame: &[u8],
        checksum_partial: bool,
        now: Nanos,
        stats: &WorkerStats,
        counters: &mut Counters,
        writer: &Writer<'_>,
    ) {
        if self.verified.is_full() {
            self.count_verified(now, stats, counters, writer);
        }
        let arrival = Arrival {
            head: probe.head,
            lag: probe.lag.unwrap_or_default(),
            frame_len: frame.len() as u32,
            port_offset: probe.port_offset,
            checksum_partial,
        };
        // There is room.
        let _ = self.verified.push(arrival);
        self.has_partial |= checksum_partial;
    }

    /// Says of the probes that arrived what they are, and counts them.
    #[inline]
    fn count_verified(
        &mut self,
        now: Nanos,
        stats: &WorkerStats,
        counters: &mut Counters,
        writer: &Writer<'_>,
    ) {
        if self.is_usual(now) {
            if self.record.is_shared() {
                self.count_usual::<true>(now, stats, counters);
            } else {
                self.count_usual::<false>(now, stats, counters);
            }
        } else {
            self.count_any(now, stats, counters, writer);
        }
        self.verified.clear();
        self.has_partial = false;
    }

    /// Whether all that arrived was sent in the interval in which most was, and that is still open.
    #[inline]
    fn is_usual(&self, now: Nanos) -> bool {
        let (mut newest, mut oldest) = (u64::MAX, 0);
        for arrival in &self.verified {
            let since = arrival.head.since_sent(now).0;
            newest = newest.min(since);
            oldest = oldest.max(since);
        }
        is_past(Nanos(oldest), now)
            && self.sent_slot.holds(now - Nanos(oldest))
            && self.sent_slot.holds(now - Nanos(newest))
            && now <= self.sent_closes
            && !self.has_partial
    }

    /// Counts what [`Self::is_usual`]: all that is left to say is what the record knows of it.
    #[inline(never)] // so that the loop has the registers to itself
    fn count_usual<const SHARED: bool>(
        &mut self,
        now: Nanos,
        stats: &WorkerStats,
        counters: &mut Counters,
    ) {
        let mut sent = core::mem::replace(&mut self.sent, Span::EMPTY);
        let mut bytes = 0;
        for arrival in &self.verified {
            bytes += u64::from(arrival.frame_len);
            let (index, port_offset) = (arrival.head.index(), arrival.port_offset);
            let sighting = if SHARED {
                self.record.see_among_others(index, port_offset)
            } else {
                self.record.see_alone(index, port_offset)
            };
            match sighting {
                Sighting::First { reordered } => {
                    let latency = arrival.head.since_sent(now);
                    stats.latency.record(latency);
                    sent.record(latency);
                    if reordered {
                        self.received.reordered += 1;
                    }
                    self.due.record(latency, arrival.lag, stats);
                }
                Sighting::Duplicate => self.received.duplicates += 1,
                Sighting::NeverSent => self.received.corrupt += 1,
                Sighting::TooOld => counters.rx.too_old += 1,
            }
        }
        self.sent = sent;
        self.received.rx_packets += self.verified.len() as u64;
        counters.rx.bytes += bytes;
    }

    /// Counts whatever arrived.
    #[cold]
    #[inline(never)]
    fn count_any(
        &mut self,
        now: Nanos,
        stats: &WorkerStats,
        counters: &mut Counters,
        writer: &Writer<'_>,
    ) {
        let start = writer.division().start;
        for i in 0..self.verified.len() {
            let arrival = self.verified[i];
            match self.classify(&arrival, now, start) {
                Class::Unique {
                    sent,
                    latency,
                    reordered,
                } => {
                    self.received.reordered += u64::from(reordered);
                    stats.latency.record(latency);
                    self.due.record(latency, arrival.lag, stats);
                    self.take_unique(now, sent, latency, counters, writer);
                }
                Class::Duplicate => self.received.duplicates += 1,
                Class::Corrupt => self.received.corrupt += 1,
                Class::TooOld => counters.rx.too_old += 1,
                Class::Uncounted => continue,
            }
            self.received.rx_packets += 1;
            counters.rx.bytes += u64::from(arrival.frame_len);
            counters.rx.checksum_partial += u64::from(arrival.checksum_partial);
        }
    }

    fn classify(&mut self, arrival: &Arrival, now: Nanos, start: Nanos) -> Class {
        if now < start {
            return Class::Uncounted;
        }
        let (sent, latency) = match arrival.head.age(now) {
            Age::Past(age) => (now - age, age),
            Age::Ahead(ahead) if ahead <= CLOCK_TOLERANCE => (now + ahead, Nanos(0)),
            Age::Ahead(_) => return Class::Corrupt,
        };
        let index = arrival.head.index();
        if sent < start {
            // What was never sent was not sent before counting began either.
            return if self.record.ledger.was_sent(index) {
                Class::Uncounted
            } else {
                Class::Corrupt
            };
        }
        match self.record.see(index, arrival.port_offset) {
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
    pub fn flush(
        &mut self,
        now: Nanos,
        stats: &WorkerStats,
        counters: &mut Counters,
        writer: &Writer<'_>,
    ) {
        self.count_verified(now, stats, counters, writer);
        self.flush_sent(counters, writer);
        let due = core::mem::replace(&mut self.due.span, Span::EMPTY);
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
