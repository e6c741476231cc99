//! The receiving role: says of every frame what it is, and counts it.

use heapless::Vec;

use crate::intervals::{CLOCK_TOLERANCE, Interval, Slot, Writer};
use crate::ledger::{Ledger, Sighting, View};
use crate::probe::{Age, Index, LONG_LEN, oldest_at};
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
    index: Index,
    /// How long before its receipt it was sent, in 48 bits (see [`Age`]).
    since_sent: Nanos,
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

/// Ages of probes: from the youngest on, as many nanoseconds more.
#[derive(Clone, Copy)]
struct Ages {
    youngest: Nanos,
    span: u64,
}

impl Ages {
    #[inline(always)]
    fn contain(&self, age: Nanos) -> bool {
        age.0.wrapping_sub(self.youngest.0) <= self.span
    }
}

/// Counts a burst of probes of usual ages.
struct Counting<'r> {
    /// What is counted most, in registers until [`Self::end`].
    span: Span,
    bytes: u64,
    sent: &'r mut Span,
    received: &'r mut Interval,
    due: &'r mut SinceDue,
    stats: &'r WorkerStats,
    counters: &'r mut Counters,
}

impl<'r> Counting<'r> {
    #[inline(always)] // as below
    fn new(
        sent: &'r mut Span,
        received: &'r mut Interval,
        due: &'r mut SinceDue,
        stats: &'r WorkerStats,
        counters: &'r mut Counters,
    ) -> Self {
        Self {
            span: *sent,
            bytes: 0,
            sent,
            received,
            due,
            stats,
            counters,
        }
    }

    #[inline(always)] // into the loop over a burst
    fn count(&mut self, arrival: &Arrival, sighting: Sighting) {
        self.bytes += u64::from(arrival.frame_len);
        let latency = arrival.since_sent;
        match sighting {
            Sighting::First { reordered } => {
                if reordered {
                    self.received.reordered += 1;
                }
                self.stats.latency.record(latency);
                self.span.record(latency);
                self.due.record(latency, arrival.lag, self.stats);
            }
            Sighting::Duplicate => self.received.duplicates += 1,
            Sighting::NeverSent => self.received.corrupt += 1,
            Sighting::TooOld => self.counters.rx.too_old += 1,
        }
    }

    /// The burst had `packets`.
    #[inline(always)] // as above
    fn end(self, packets: usize) {
        *self.sent = self.span;
        self.received.rx_packets += packets as u64;
        self.counters.rx.bytes += self.bytes;
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
        match self.verifier.usual_probe(frame) {
            Some(probe) => self.take(&probe, frame, false, now, stats, counters, writer),
            None => self.receive_other(frame, now, stats, counters, writer),
        }
    }

    /// Takes a frame that is no intact probe, or no usual one.
    #[inline(never)]
    fn receive_other(
        &mut self,
        frame: &[u8],
        now: Nanos,
        stats: &WorkerStats,
        counters: &mut Counters,
        writer: &Writer<'_>,
    ) {
        let verified = self.verifier.verify_other(frame);
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
        let arrival = Arrival {
            index: probe.head.index(),
            since_sent: probe.head.since_sent(now),
            lag: probe.lag.unwrap_or_default(),
            frame_len: frame.len() as u32,
            port_offset: probe.port_offset,
            checksum_partial,
        };
        if let Err(arrival) = self.verified.push(arrival) {
            self.count_verified(now, stats, counters, writer);
            // There is room now.
            let _ = self.verified.push(arrival);
        }
        self.has_partial |= checksum_partial;
    }

    /// Says of the probes that arrived what they are, and counts them.
    #[inline(never)] // for the sake of the loop over a burst, which seldom comes here
    fn count_verified(
        &mut self,
        now: Nanos,
        stats: &WorkerStats,
        counters: &mut Counters,
        writer: &Writer<'_>,
    ) {
        let counted = match self.usual_ages(now) {
            None => 0,
            Some(ages) => self.count_usual(ages, stats, counters),
        };
        if counted < self.verified.len() {
            self.count_any(counted, now, stats, counters, writer);
        }
        self.verified.clear();
        self.has_partial = false;
    }

    /// How long before `now` a probe was sent in the interval in which most are, if that is open and
    /// there is nothing else to be said of the burst.
    #[inline]
    fn usual_ages(&self, now: Nanos) -> Option<Ages> {
        let Slot { begin, end, .. } = self.sent_slot;
        let is_open = begin <= now && now <= self.sent_closes;
        if !is_open || self.has_partial {
            return None;
        }
        let youngest = if now < end {
            Nanos(0)
        } else {
            now - end + Nanos(1)
        };
        let oldest = oldest_at(now).min(now - begin);
        let span = oldest.0.checked_sub(youngest.0)?;
        Some(Ages { youngest, span })
    }

    /// Counts probes of such `ages`, up to the first of another: all that is left to say is what the
    /// record knows of them. Returns how many they were.
    #[inline(never)] // so that the loop has the registers to itself
    fn count_usual(&mut self, ages: Ages, stats: &WorkerStats, counters: &mut Counters) -> usize {
        let mut counting = Counting::new(
            &mut self.sent,
            &mut self.received,
            &mut self.due,
            stats,
            counters,
        );
        let mut counted = 0;
        while let Some(arrival) = self.verified.get(counted)
            && ages.contain(arrival.since_sent)
        {
            let Some(mut stretch) = self.record.stretch(arrival.index) else {
                let sighting = self.record.see(arrival.index, arrival.port_offset);
                counting.count(arrival, sighting);
                counted += 1;
                continue;
            };
            for arrival in &self.verified[counted..] {
                if !ages.contain(arrival.since_sent) {
                    break;
                }
                let Some(sighting) = stretch.see(arrival.index, arrival.port_offset) else {
                    break;
                };
                counting.count(arrival, sighting);
                counted += 1;
            }
            stretch.end();
        }
        counting.end(counted);
        counted
    }

    /// Counts whatever arrived, from number `first` on.
    #[cold]
    #[inline(never)]
    fn count_any(
        &mut self,
        first: usize,
        now: Nanos,
        stats: &WorkerStats,
        counters: &mut Counters,
        writer: &Writer<'_>,
    ) {
        let start = writer.division().start;
        for i in first..self.verified.len() {
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
        let (sent, latency) = match Age::of(arrival.since_sent, now) {
            Age::Past(age) => (now - age, age),
            Age::Ahead(ahead) if ahead <= CLOCK_TOLERANCE => (now + ahead, Nanos(0)),
            Age::Ahead(_) => return Class::Corrupt,
        };
        let index = arrival.index;
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
