//! What has arrived at one queue: counted burst by burst.

use heapless::Vec;

use crate::port::Port;
use crate::probe::{Age, Index, oldest_at};
use crate::rx::answering::Answering;
use crate::rx::verify::{Probe, Reject, Shapes, Verifier};
use crate::sequence::{Novelty, SequenceWindow, WindowCursor};
use crate::stats::intervals::{CLOCK_TOLERANCE, Interval, IntervalBounds};
use crate::stats::{Counters, Recorder, WorkerStats};
use crate::sync::spin_loop;
use crate::time::{Clock, Instant, Span};

/// What has arrived, and is counted burst by burst.
pub(super) struct Arrivals<'a> {
    /// The answers to neighbours, if the port has addresses.
    pub answering: Option<Answering<'a>>,
    record: WindowCursor<'a>,
    /// The intact probes of the burst that are still to be looked up in the record: two short loops
    /// keep more in registers than a long one.
    verified: Vec<Arrival, ARRIVALS>,
    /// `true` if one of them came as `CHECKSUM_PARTIAL`, or waited after it had arrived.
    has_unusual: bool,
    /// The counts of the burst so far by time of receipt.
    received: Interval,
    received_interval: IntervalBounds,
    /// The latencies of the burst so far by time of sending, of `sent_interval` alone, in which
    /// most of it was sent.
    sent: Latencies,
    sent_interval: IntervalBounds,
    /// The last instant at which `sent_interval` is open: what was sent in it and comes later is
    /// late.
    sent_closes: Instant,
    due: SinceDue,
}

/// The round trips from the times at which the packets were due.
struct SinceDue {
    /// `true` if probes have a due time and tell how far from it they were sent.
    is_told: bool,
    /// The latencies of the burst so far.
    latencies: Latencies,
}

impl SinceDue {
    #[inline(always)]
    fn record(&mut self, latency: Span, lag: Span, stats: &WorkerStats) {
        if self.is_told {
            let since_due = latency + lag;
            stats.latency_due.record(since_due);
            self.latencies.record(since_due);
        }
    }
}

/// The most probes that wait to be looked up: as many as a usual burst has.
pub(super) const ARRIVALS: usize = 32;

/// A probe that has arrived intact.
#[derive(Clone, Copy)]
struct Arrival {
    index: Index,
    /// The time from sending to receipt in nanoseconds modulo 2^48, of which [`Age::of`] makes an
    /// age.
    since_sent: Span,
    /// The nanoseconds from when it was due to when it was sent, of which a probe tells 32 bits; 0
    /// where that is not told.
    lag_ns: u32,
    /// The nanoseconds from when it arrived to when it was received, where the port tells that.
    waited_ns: u32,
    frame_len: u32,
    port_offset: u16,
    checksum_partial: bool,
}

impl Arrival {
    #[inline(always)]
    const fn lag(&self) -> Span {
        Span::from_nanos(self.lag_ns as u64)
    }

    /// Returns the latency of a probe of this age: up to when it arrived.
    #[inline(always)]
    const fn latency(&self, age: Span) -> Span {
        Span::from_nanos(age.as_nanos().saturating_sub(self.waited_ns as u64))
    }
}

/// The latencies of a part of a burst, of at most 512 packets, so that their sum has room.
#[derive(Clone, Copy)]
struct Latencies {
    count: u64,
    min_ns: u64,
    sum_ns: u64,
    max_ns: u64,
}

impl Latencies {
    const EMPTY: Self = Self {
        count: 0,
        min_ns: u64::MAX,
        sum_ns: 0,
        max_ns: 0,
    };

    #[inline]
    fn record(&mut self, latency: Span) {
        self.count += 1;
        self.sum_ns += latency.as_nanos();
        // Seldom, so as branches: nothing waits for what was there before.
        if latency.as_nanos() < self.min_ns {
            self.min_ns = latency.as_nanos();
        }
        if latency.as_nanos() > self.max_ns {
            self.max_ns = latency.as_nanos();
        }
    }
}

/// A range of ages: `youngest ..= youngest + span`, with `span` in nanoseconds.
#[derive(Clone, Copy)]
struct Ages {
    youngest: Span,
    span: u64,
}

impl Ages {
    #[inline(always)]
    fn contain(&self, age: Span) -> bool {
        age.as_nanos().wrapping_sub(self.youngest.as_nanos()) <= self.span
    }
}

/// The counting of a burst of probes whose ages are in [`Ages`].
struct Counting<'r> {
    /// A copy of `sent` and what is counted on it, in registers until [`Self::end`].
    latencies: Latencies,
    bytes: u64,
    sent: &'r mut Latencies,
    received: &'r mut Interval,
    due: &'r mut SinceDue,
    stats: &'r WorkerStats,
    counters: &'r mut Counters,
}

impl<'r> Counting<'r> {
    #[inline(always)] // as below
    fn new(
        sent: &'r mut Latencies,
        received: &'r mut Interval,
        due: &'r mut SinceDue,
        recorder: &'r mut Recorder<'_>,
    ) -> Self {
        Self {
            latencies: *sent,
            bytes: 0,
            sent,
            received,
            due,
            stats: recorder.stats,
            counters: &mut recorder.counters,
        }
    }

    #[inline(always)] // into the loop over a burst
    fn count(&mut self, arrival: &Arrival, novelty: Novelty) {
        self.bytes += u64::from(arrival.frame_len);
        let latency = arrival.since_sent;
        match novelty {
            Novelty::New { reordered } => {
                if reordered {
                    self.received.reordered += 1;
                }
                self.stats.latency.record(latency);
                self.latencies.record(latency);
                self.due.record(latency, arrival.lag(), self.stats);
            }
            Novelty::Duplicate => self.received.duplicates += 1,
            Novelty::NeverSent => self.received.corrupt += 1,
            Novelty::TooOld => self.counters.probes.too_old += 1,
        }
    }

    /// Writes back what was counted of `packets` packets.
    #[inline(always)] // as above
    fn end(self, packets: usize) {
        *self.sent = self.latencies;
        self.received.rx_packets += packets as u64;
        self.counters.rx.bytes += self.bytes;
    }
}

/// The class of an intact probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Unique {
        sent: Instant,
        latency: Span,
        reordered: bool,
    },
    Duplicate,
    /// No probe of that index and time was ever sent.
    Corrupt,
    TooOld,
    /// It came, or was sent, before counting began, and is not counted.
    Uncounted,
}

impl<'a> Arrivals<'a> {
    /// Makes those of receiver `number` of a run; `tells_due` says whether probes tell how far from
    /// their due time they were sent.
    pub fn new(number: u16, sequences: &'a SequenceWindow<'a>, tells_due: bool) -> Self {
        Self {
            answering: None,
            due: SinceDue {
                is_told: tells_due,
                latencies: Latencies::EMPTY,
            },
            record: sequences.cursor(number),
            verified: Vec::new(),
            has_unusual: false,
            received: EMPTY,
            received_interval: IntervalBounds::NONE,
            sent: Latencies::EMPTY,
            sent_interval: IntervalBounds::NONE,
            sent_closes: Instant::START,
        }
    }
}

impl Arrivals<'_> {
    /// Receives a burst from `port` and counts it; `shapes` are the verifier's own.
    #[inline(never)] // so that the loop over a burst has the registers to itself
    pub fn receive_burst<P: Port, const FRONT: usize, const LANES: usize, const IS_MIX: bool>(
        &mut self,
        verifier: &Verifier<'_>,
        shapes: &Shapes<FRONT, LANES, IS_MIX>,
        port: &mut P,
        clock: &mut impl Clock,
        recorder: &mut Recorder<'_>,
    ) -> u16 {
        let mut receipt = None;
        let received = port.receive_timed(|frame, waited| {
            let now = *receipt.get_or_insert_with(|| {
                let now = clock.now();
                // Opened already but for a stall just here; what was received has to be counted.
                while !recorder.intervals.open(now) {
                    spin_loop();
                }
                now
            });
            self.receive(verifier, shapes, (frame, waited), now, recorder);
        });
        if let Some(now) = receipt {
            self.flush(now, recorder);
        }
        received
    }

    /// Takes a frame and how long it waited, as [`Receiver::receive`] does.
    #[inline(always)] // into the loop over a burst
    pub fn receive<const FRONT: usize, const LANES: usize, const IS_MIX: bool>(
        &mut self,
        verifier: &Verifier<'_>,
        shapes: &Shapes<FRONT, LANES, IS_MIX>,
        (frame, waited): (&[u8], Span),
        now: Instant,
        recorder: &mut Recorder<'_>,
    ) {
        match verifier.fast_path(shapes, frame) {
            Some(probe) => self.take(&probe, (frame, waited), false, now, recorder),
            None => self.receive_slow(verifier, (frame, waited), now, recorder),
        }
    }

    /// Takes a frame that is no intact probe, or no usual one.
    #[inline(never)]
    fn receive_slow(
        &mut self,
        verifier: &Verifier<'_>,
        (frame, waited): (&[u8], Span),
        now: Instant,
        recorder: &mut Recorder<'_>,
    ) {
        let verified = verifier.slow_path(frame);
        let partial = verified.checksum_partial;
        let reject = match verified.result {
            Ok(probe) => return self.take(&probe, (frame, waited), partial, now, recorder),
            Err(reject) => reject,
        };
        if reject == Reject::Foreign
            && let Some(answering) = &mut self.answering
            && answering.hears(frame)
        {
            recorder.counters.rx.answered += 1;
            return;
        }
        if now >= recorder.intervals.grid().start {
            match reject {
                Reject::Corrupt => self.received.corrupt += 1,
                Reject::Foreign => self.received.foreign += 1,
                Reject::Unturned => {
                    self.received.foreign += 1;
                    recorder.counters.probes.unturned += 1;
                }
            }
            self.received.rx_packets += 1;
            recorder.counters.rx.bytes += frame.len() as u64;
            recorder.counters.rx.checksum_partial += u64::from(partial);
        }
    }

    /// Keeps the intact probe in `frame` for [`Self::count_verified`].
    #[inline(always)]
    fn take(
        &mut self,
        probe: &Probe,
        (frame, waited): (&[u8], Span),
        checksum_partial: bool,
        now: Instant,
        recorder: &mut Recorder<'_>,
    ) {
        let arrival = Arrival {
            index: probe.head.index(),
            since_sent: probe.head.since_sent(now),
            lag_ns: probe.lag.unwrap_or_default().as_nanos() as u32,
            waited_ns: u32::try_from(waited.as_nanos()).unwrap_or(u32::MAX),
            frame_len: frame.len() as u32,
            port_offset: probe.port_offset,
            checksum_partial,
        };
        if let Err(arrival) = self.verified.push(arrival) {
            self.count_verified(now, recorder);
            // There is room now.
            let _ = self.verified.push(arrival);
        }
        self.has_unusual |= checksum_partial || waited > Span::ZERO;
    }

    /// Decides what the probes are that arrived, and counts them.
    #[inline(never)] // for the sake of the loop over a burst, which seldom comes here
    fn count_verified(&mut self, now: Instant, recorder: &mut Recorder<'_>) {
        let counted = match self.open_ages(now) {
            None => 0,
            Some(ages) => self.count_fast(ages, recorder),
        };
        if counted < self.verified.len() {
            self.count_slow(counted, now, recorder);
        }
        self.verified.clear();
        self.has_unusual = false;
    }

    /// Returns the ages at `now` of probes that were sent in `sent_interval`, if that is open and
    /// no probe of the burst came as `CHECKSUM_PARTIAL` or waited.
    #[inline]
    fn open_ages(&self, now: Instant) -> Option<Ages> {
        let IntervalBounds { begin, end, .. } = self.sent_interval;
        let is_open = begin <= now && now <= self.sent_closes;
        if !is_open || self.has_unusual {
            return None;
        }
        let youngest = if now < end {
            Span::ZERO
        } else {
            now.saturating_since(end) + Span::from_nanos(1)
        };
        let oldest = oldest_at(now).min(now.saturating_since(begin));
        let span = oldest.as_nanos().checked_sub(youngest.as_nanos())?;
        Some(Ages { youngest, span })
    }

    /// Counts the probes up to the first whose age is not in `ages`, and returns how many they
    /// were. All that is left to ask of them is what the record knows.
    #[inline(never)] // so that the loop has the registers to itself
    fn count_fast(&mut self, ages: Ages, recorder: &mut Recorder<'_>) -> usize {
        let mut counting =
            Counting::new(&mut self.sent, &mut self.received, &mut self.due, recorder);
        let mut counted = 0;
        while let Some(arrival) = self.verified.get(counted)
            && ages.contain(arrival.since_sent)
        {
            let Some(mut open_block) = self.record.open_block(arrival.index) else {
                let novelty = self.record.insert(arrival.index, arrival.port_offset);
                counting.count(arrival, novelty);
                counted += 1;
                continue;
            };
            for arrival in &self.verified[counted..] {
                if !ages.contain(arrival.since_sent) {
                    break;
                }
                let Some(novelty) = open_block.insert(arrival.index, arrival.port_offset) else {
                    break;
                };
                counting.count(arrival, novelty);
                counted += 1;
            }
            open_block.close();
        }
        counting.end(counted);
        counted
    }

    /// Counts whatever arrived, from number `first` on.
    #[cold]
    #[inline(never)]
    fn count_slow(&mut self, first: usize, now: Instant, recorder: &mut Recorder<'_>) {
        let start = recorder.intervals.grid().start;
        for i in first..self.verified.len() {
            let arrival = self.verified[i];
            match self.classify(&arrival, now, start) {
                Class::Unique {
                    sent,
                    latency,
                    reordered,
                } => {
                    self.received.reordered += u64::from(reordered);
                    recorder.stats.latency.record(latency);
                    self.due.record(latency, arrival.lag(), recorder.stats);
                    self.take_unique(now, sent, latency, recorder);
                }
                Class::Duplicate => self.received.duplicates += 1,
                Class::Corrupt => self.received.corrupt += 1,
                Class::TooOld => recorder.counters.probes.too_old += 1,
                Class::Uncounted => continue,
            }
            self.received.rx_packets += 1;
            recorder.counters.rx.bytes += u64::from(arrival.frame_len);
            recorder.counters.rx.checksum_partial += u64::from(arrival.checksum_partial);
        }
    }

    fn classify(&mut self, arrival: &Arrival, now: Instant, start: Instant) -> Class {
        if now < start {
            return Class::Uncounted;
        }
        let (sent, latency) = match Age::of(arrival.since_sent, now) {
            Age::Past(age) => (now.saturating_sub(age), arrival.latency(age)),
            Age::Ahead(ahead) if ahead <= CLOCK_TOLERANCE => (now + ahead, Span::ZERO),
            Age::Ahead(_) => return Class::Corrupt,
        };
        let index = arrival.index;
        if sent < start {
            // What was never sent was not sent before counting began either.
            return if self.record.sequences.was_sent(index) {
                Class::Uncounted
            } else {
                Class::Corrupt
            };
        }
        match self.record.insert(index, arrival.port_offset) {
            Novelty::New { reordered } => Class::Unique {
                sent,
                latency,
                reordered,
            },
            Novelty::Duplicate => Class::Duplicate,
            Novelty::TooOld => Class::TooOld,
            Novelty::NeverSent => Class::Corrupt,
        }
    }

    fn take_unique(
        &mut self,
        now: Instant,
        sent: Instant,
        latency: Span,
        recorder: &mut Recorder<'_>,
    ) {
        if !self.sent_interval.holds(sent) {
            self.flush_sent(recorder);
            self.sent_interval = recorder.intervals.grid().bounds_of(sent);
            self.sent_closes = self.sent_interval.end + recorder.intervals.grid().grace;
        }
        if now > self.sent_closes {
            self.received.late += 1;
            recorder.counters.probes.unique += 1;
            recorder.counters.latency.record(latency);
            return;
        }
        self.sent.record(latency);
    }

    /// Counts the burst that was received at `now`.
    #[inline]
    pub fn flush(&mut self, now: Instant, recorder: &mut Recorder<'_>) {
        self.count_verified(now, recorder);
        self.flush_sent(recorder);
        let due = core::mem::replace(&mut self.due.latencies, Latencies::EMPTY);
        recorder
            .counters
            .latency_due
            .add(due.count, due.sum_ns, due.min_ns, due.max_ns);
        let received = core::mem::replace(&mut self.received, EMPTY);
        if received.rx_packets > 0 {
            if !self.received_interval.holds(now) {
                self.received_interval = recorder.intervals.grid().bounds_of(now);
            }
            recorder.count_received(self.received_interval.index, &received);
        }
    }

    #[inline]
    fn flush_sent(&mut self, recorder: &mut Recorder<'_>) {
        let Latencies {
            count,
            min_ns,
            sum_ns,
            max_ns,
        } = core::mem::replace(&mut self.sent, Latencies::EMPTY);
        if count > 0 {
            let interval = Interval {
                on_time: count,
                latency_sum_ns: sum_ns,
                latency_min_ns: min_ns,
                latency_max_ns: max_ns,
                ..EMPTY
            };
            recorder.count_on_time(self.sent_interval.index, &interval);
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
