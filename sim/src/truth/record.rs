//! The records that the truth is made of: one of each stream, and distributions of times.

use std::collections::VecDeque;

use dpdkgen_core::probe::Index;
use dpdkgen_core::stats::histogram::{BUCKETS, bucket, range};
use dpdkgen_core::time::{Instant, Span};

use crate::link::frames::Origin;

/// The due times of a stream's packets.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// The number of packets of all streams together that are due in `span_ns`.
    pub packets: u64,
    /// The time for them, in nanoseconds.
    pub span_ns: u64,
    /// The number of the stream.
    pub stream: u16,
    /// The number of streams, which take turns.
    pub streams: u16,
}

impl Schedule {
    /// Returns the time from the start at which turn `turn` of the stream is due: the first whole
    /// nanosecond that is not too early.
    fn due(&self, turn: u64) -> Span {
        let of_run = turn * u64::from(self.streams) + u64::from(self.stream);
        // Few numbers need 128 bits, and dividing those takes long.
        if let Some(product) = of_run.checked_mul(self.span_ns) {
            return Span::from_nanos(product.div_ceil(self.packets));
        }
        let product = u128::from(of_run) * u128::from(self.span_ns);
        Span::from_nanos(product.div_ceil(u128::from(self.packets)) as u64)
    }

    /// Returns the last turn that is due by `due` after the start.
    fn turn(&self, due: Span) -> u64 {
        let of_run =
            u128::from(due.as_nanos()) * u128::from(self.packets) / u128::from(self.span_ns);
        (of_run as u64).saturating_sub(self.stream.into()) / u64::from(self.streams)
    }
}

/// The record of one stream: what was sent on it, and what came back.
#[derive(Debug)]
pub struct Stream {
    schedule: Option<Schedule>,
    /// The first turn that may still be taken; when counting begins, turns begin at 0 again.
    next_turn: u64,
    /// Set once counting has begun.
    is_counted: bool,
    /// The sequence of the next probe.
    next: u64,
    /// The number of packets accepted since counting began.
    pub packets: u64,
    source_ports: u64,
    /// A bit for every sequence from 64 x `dropped` on, set if it was received.
    seen: VecDeque<u64>,
    dropped: u64,
    /// The highest sequence received.
    highest: u64,
    /// The highest sequence received on each flow.
    highest_of_flow: Vec<u64>,
}

impl Stream {
    /// Makes a stream that sends from `source_ports` ports in turn, on `schedule` if it keeps a
    /// rate.
    #[must_use]
    pub fn new(source_ports: u32, schedule: Option<Schedule>) -> Self {
        Self {
            schedule,
            next_turn: 0,
            is_counted: false,
            next: 0,
            packets: 0,
            source_ports: source_ports.into(),
            seen: VecDeque::new(),
            dropped: 0,
            highest: 0,
            highest_of_flow: vec![0; source_ports as usize],
        }
    }

    /// Returns the sequence of its next probe.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Returns the facts about its next probe, sent from `port` at `sent`.
    #[must_use]
    pub const fn origin(&self, stream: u16, port: u16, sent: Instant, lag: Span) -> Origin {
        Origin {
            index: Index::new(stream, self.next),
            port,
            port_offset: (self.next % self.source_ports) as u16,
            sent,
            lag,
        }
    }

    /// Notes that the device accepted its next probe.
    pub const fn accepted(&mut self, is_counted: bool) {
        self.next += 1;
        self.packets += is_counted as u64;
    }

    /// Checks that a probe sent at `sent`, `lag` after it was due, was due when the rate says that
    /// one is, and after the one before it.
    ///
    /// # Errors
    ///
    /// If it was not; a sentence for the disagreements.
    pub fn check_due(&mut self, sent: Instant, lag: Span, start: Instant) -> Result<(), String> {
        let Some(schedule) = self.schedule else {
            return Ok(());
        };
        if lag.as_nanos() >= u64::from(u32::MAX) {
            return Ok(());
        }
        let begin = if sent >= start { start } else { Instant::START };
        if sent >= start && !self.is_counted {
            self.is_counted = true;
            self.next_turn = 0;
        }
        let due = sent.saturating_sub(lag).saturating_since(begin);
        let mut turn = self.next_turn;
        let mut exact = schedule.due(turn);
        // Its checksum may have asked for a stamp one nanosecond later.
        if due > exact + Span::from_nanos(1) {
            // Turns were skipped, or this is wrong.
            turn = schedule.turn(due);
            exact = schedule.due(turn);
        }
        // At the end of an interval a probe may be stamped two nanoseconds early.
        let is_right = (exact == due
            || exact + Span::from_nanos(1) == due
            || (lag == Span::ZERO && exact <= due + Span::from_nanos(2)))
            && turn >= self.next_turn;
        self.next_turn = turn + 1;
        if is_right {
            Ok(())
        } else {
            Err(format!(
                "stream {}: a probe was due {due:?} after the start, but turn {turn} is due at \
                 {exact:?}",
                schedule.stream
            ))
        }
    }

    /// Returns whether `sequence` is more than `window` below the highest received.
    #[must_use]
    pub const fn is_too_old(&self, sequence: u64, window: u64) -> bool {
        sequence + window < self.highest
    }

    /// Enters `sequence`, and returns whether it was there.
    pub fn saw(&mut self, sequence: u64, window: u64) -> bool {
        self.highest = self.highest.max(sequence);
        let at = (sequence / 64 - self.dropped) as usize;
        if at >= self.seen.len() {
            self.seen.resize(at + 1, 0);
        }
        let bit = 1 << (sequence % 64);
        let was_there = self.seen[at] & bit != 0;
        self.seen[at] |= bit;
        while (self.dropped + 1) * 64 + window < self.highest {
            self.seen.pop_front();
            self.dropped += 1;
        }
        was_there
    }

    /// Enters `sequence` for its flow, and returns whether a higher one was there.
    pub fn overtaken(&mut self, port_offset: u16, sequence: u64) -> bool {
        let highest = &mut self.highest_of_flow[usize::from(port_offset)];
        let is_overtaken = *highest > sequence;
        *highest = sequence.max(*highest);
        is_overtaken
    }
}

/// A distribution of times: a histogram with the buckets of `core`'s, and exact extremes and mean.
#[derive(Debug)]
pub struct Distribution {
    counts: Vec<u64>,
    /// The number of times.
    pub count: u64,
    sum: u128,
    /// The shortest, in nanoseconds; `u64::MAX` if there is none.
    pub min: u64,
    /// The longest, in nanoseconds.
    pub max: u64,
}

impl Default for Distribution {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            count: 0,
            sum: 0,
            min: u64::MAX,
            max: 0,
        }
    }
}

impl Distribution {
    /// Adds a time.
    pub fn record(&mut self, time: Span) {
        self.counts[bucket(time)] += 1;
        self.count += 1;
        self.sum += u128::from(time.as_nanos());
        self.min = self.min.min(time.as_nanos());
        self.max = self.max.max(time.as_nanos());
    }

    /// Returns the mean in nanoseconds; not a number if there are no times.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum as f64 / self.count as f64
    }

    /// Returns the number of times in each bucket.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Returns the first and the last value, in nanoseconds, of the bucket that holds the quantile
    /// `share` (0 to 1), narrowed to the shortest and the longest time.
    #[must_use]
    pub fn at(&self, share: f64) -> (u64, u64) {
        let rank = ((share * self.count as f64).ceil() as u64).max(1);
        let mut seen = 0;
        for (number, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                let (first, last) = range(number);
                return (
                    first.as_nanos().max(self.min),
                    last.as_nanos().min(self.max),
                );
            }
        }
        (self.min, self.max)
    }
}
