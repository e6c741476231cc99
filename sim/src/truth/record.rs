//! What is kept of each stream, and of times.

use std::collections::VecDeque;

use dpdkgen_core::probe::Index;
use dpdkgen_core::stats::histogram::{BUCKETS, bucket, range};
use dpdkgen_core::time::{Instant, Span};

use crate::link::frames::Origin;

/// Which packets of the run a stream sends, and when.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// So many packets of all streams together.
    pub packets: u64,
    /// In so many nanoseconds.
    pub span_ns: u64,
    /// Which stream this is.
    pub stream: u16,
    /// Of how many.
    pub streams: u16,
}

impl Schedule {
    /// Returns when, after the start, turn `turn` of the stream is due: the first whole nanosecond
    /// that is not too early.
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

/// What was sent on one stream and what came back.
#[derive(Debug)]
pub struct Stream {
    schedule: Option<Schedule>,
    /// No turn before this is left; of the warm-up until counting began.
    next_turn: u64,
    is_counted: bool,
    next: u64,
    /// Packets accepted since counting began.
    pub packets: u64,
    source_ports: u64,
    /// A bit for every sequence from 64 x `dropped` on.
    seen: VecDeque<u64>,
    dropped: u64,
    highest: u64,
    /// By flow.
    overtakers: Vec<u64>,
}

impl Stream {
    /// A stream that sends from `source_ports` ports in turn, on `schedule` if it keeps a rate.
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
            overtakers: vec![0; source_ports as usize],
        }
    }

    /// The sequence of its next probe.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Returns what its next probe is.
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

    /// Its next probe was accepted.
    pub const fn accepted(&mut self, is_counted: bool) {
        self.next += 1;
        self.packets += is_counted as u64;
    }

    /// Checks that a probe sent at `sent`, `lag` after it was due, was due when the rate says that
    /// one is, and that due times only go on.
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

    /// Returns whether `sequence` is more than `window` behind.
    #[must_use]
    pub const fn is_too_old(&self, sequence: u64, window: u64) -> bool {
        sequence + window < self.highest
    }

    /// Enters `sequence`, and says whether it was there.
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

    /// Enters `sequence` for its flow, and says whether a later one was there.
    pub fn overtaken(&mut self, port_offset: u16, sequence: u64) -> bool {
        let highest = &mut self.overtakers[usize::from(port_offset)];
        let is_overtaken = *highest > sequence;
        *highest = sequence.max(*highest);
        is_overtaken
    }
}

/// Times, each in its bucket.
#[derive(Debug)]
pub struct Distribution {
    counts: Vec<u64>,
    /// How many.
    pub count: u64,
    sum: u128,
    /// The shortest.
    pub min: u64,
    /// The longest.
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
    /// Takes a time.
    pub fn record(&mut self, time: Span) {
        self.counts[bucket(time)] += 1;
        self.count += 1;
        self.sum += u128::from(time.as_nanos());
        self.min = self.min.min(time.as_nanos());
        self.max = self.max.max(time.as_nanos());
    }

    /// The mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum as f64 / self.count as f64
    }

    /// Returns how many times each bucket holds.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The bucket of the time below or at which the share `share` lies: its first and last value,
    /// as far as there are any.
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
