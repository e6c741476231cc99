//! The ground truth: a record of what became of every packet of a run, kept in the plainest way.
//!
//! Ports tell it what was sent and what was delivered. A packet that nothing happened to is what it
//! was when it was sent; what any other is, the oracle tells by its bytes.

pub mod audit;
pub mod oracle;
pub mod polls;
mod record;

pub use record::{Distribution, Schedule, Stream};

use std::collections::VecDeque;

use dpdkgen_core::stats::intervals::{Interval, IntervalGrid};
use dpdkgen_core::stats::{IgnoredCounters, ProbeCounters, RxCounters};
use dpdkgen_core::time::{Instant, Span};

use self::oracle::{Claim, Classification, Oracle, Unreflected};
use crate::link::frames::{Frame, Origin};

/// The most by which the time in a probe may be ahead of its receipt.
const TOLERANCE: Span = Span::from_micros(10);

/// The most disagreements that are kept.
const TOLD: usize = 20;

/// The counts of what was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// The number of packets that the device accepted.
    pub packets: u64,
    /// The number of their bytes.
    pub bytes: u64,
    /// The number of hand-overs of a packet that the device refused.
    pub refused: u64,
    /// The number of packets for which there was no buffer.
    pub no_buffer: u64,
}

/// The interval that was looked up last, kept since the next is mostly the same.
#[derive(Debug, Default)]
struct Current {
    number: u64,
    end: Instant,
}

/// The counts of a reflector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reflected {
    /// The number of packets received.
    pub packets: u64,
    /// The number of their bytes.
    pub bytes: u64,
    /// The number of packets sent back.
    pub sent: u64,
    /// The number of packets that its device did not take.
    pub refused: u64,
    /// The numbers of packets that it did not send back, by reason.
    pub ignored: IgnoredCounters,
    /// The number of packets of which it completed a checksum that was left to a NIC.
    pub checksum_partial: u64,
}

impl Reflected {
    /// Counts a received frame of `len` bytes; `expected` is what [`oracle::expected_reflection`]
    /// returns for it.
    pub fn received(&mut self, expected: Result<bool, Unreflected>, len: usize) {
        self.packets += 1;
        self.bytes += len as u64;
        *match expected {
            Ok(is_partial) => {
                self.checksum_partial += u64::from(is_partial);
                return;
            }
            Err(Unreflected::NotIp) => &mut self.ignored.not_ip,
            Err(Unreflected::Tags) => &mut self.ignored.tags,
            Err(Unreflected::NotUdp) => &mut self.ignored.not_udp,
            Err(Unreflected::Fragment) => &mut self.ignored.fragment,
            Err(Unreflected::ExtensionHeader) => &mut self.ignored.extension_header,
            Err(Unreflected::Malformed) => &mut self.ignored.malformed,
            Err(Unreflected::GroupAddress) => &mut self.ignored.group_address,
            Err(Unreflected::OtherMac) => &mut self.ignored.other_mac,
            Err(Unreflected::OwnMac) => &mut self.ignored.own_mac,
            Err(Unreflected::Ttl) => &mut self.ignored.ttl,
        } += 1;
    }
}

/// The ground truth about one run.
#[derive(Debug)]
pub struct Truth<'a> {
    oracle: Oracle<'a>,
    grid: IntervalGrid,
    window: u64,
    streams: Vec<Stream>,
    /// The counts of what was sent since counting began.
    pub tx: Sent,
    /// The number of those that the device under test dropped.
    pub dropped: u64,
    /// The counts of what was delivered since counting began.
    pub rx: RxCounters,
    /// The counts of the same packets by what they were.
    pub probes: ProbeCounters,
    /// The true counts of all reflectors.
    pub reflector: Reflected,
    /// The counts that the reflectors tell.
    pub reflector_told: Reflected,
    /// The number of packets that each receiver was given.
    pub by_receiver: Vec<u64>,
    /// The latencies of the unique probes.
    pub latency: Distribution,
    /// Their latencies from due.
    pub latency_due: Distribution,
    /// The lags of the probes sent.
    pub lag: Distribution,
    /// The intervals that no row was compared with yet.
    intervals: VecDeque<Interval>,
    /// The number of the first of them.
    first_interval: u64,
    current: Current,
    disagreements: Vec<String>,
}

impl<'a> Truth<'a> {
    /// Makes the truth of a run in which nothing has happened yet. Duplicates are told apart within
    /// `window` sequences.
    #[must_use]
    pub fn new(
        oracle: Oracle<'a>,
        grid: IntervalGrid,
        window: u64,
        streams: Vec<Stream>,
        receivers: usize,
    ) -> Self {
        Self {
            oracle,
            grid,
            window,
            streams,
            tx: Sent::default(),
            dropped: 0,
            rx: RxCounters::default(),
            probes: ProbeCounters::default(),
            reflector: Reflected::default(),
            reflector_told: Reflected::default(),
            by_receiver: vec![0; receivers],
            latency: Distribution::default(),
            latency_due: Distribution::default(),
            lag: Distribution::default(),
            intervals: VecDeque::new(),
            first_interval: 0,
            current: Current::default(),
            disagreements: Vec::new(),
        }
    }

    /// Returns the streams of the run.
    #[must_use]
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// Returns whether what happens at `time` counts.
    #[must_use]
    pub fn counts(&self, time: Instant) -> bool {
        time >= self.grid.start
    }

    /// Records that a device took `frame`, the next probe of `stream`, when its sender's clock said
    /// `now`; returns what it is, read before anything happens to it.
    pub fn sent(&mut self, stream: u16, port: u16, frame: &[u8], now: Instant) -> Origin {
        let payload = &frame[self.oracle.payload_at..];
        let stamp = |at: usize, bits: u32| {
            let word = payload[at..at + 8].try_into();
            word.map_or(0, u64::from_le_bytes) & (u64::MAX >> (64 - bits))
        };
        let sent = unwrapped(stamp(8, 48), now);
        // At an interval's end it is told apart from the next, and a checksum may need another.
        if sent + Span::from_nanos(2) < now || sent > now + Span::from_nanos(1) {
            self.disagree(|| format!("a probe sent at {now:?} says {sent:?}"));
        }
        let (_, len) = self.oracle.mix.of(self.streams[usize::from(stream)].next());
        if payload.len() != len {
            self.disagree(|| format!("a probe has {} bytes of payload, not {len}", payload.len()));
        }
        let is_long = payload.len() >= 24;
        let lag = Span::from_nanos(if is_long { stamp(16, 32) } else { 0 });
        let record = &mut self.streams[usize::from(stream)];
        if is_long && let Err(sentence) = record.check_due(sent, lag, self.grid.start) {
            self.disagree(|| sentence);
        }
        let is_counted = self.counts(sent);
        if is_counted {
            self.tx.packets += 1;
            self.tx.bytes += frame.len() as u64;
            self.lag.record(lag);
            self.interval(sent).tx_packets += 1;
        }
        let record = &mut self.streams[usize::from(stream)];
        let origin = record.origin(stream, port, sent, lag);
        record.accepted(is_counted);
        origin
    }

    /// Records that the device under test dropped `frame`.
    pub fn dropped(&mut self, frame: &Frame) {
        self.dropped += u64::from(self.counts(frame.origin.sent));
    }

    /// Records that `receiver` was given `frame` when its clock said `now`.
    pub fn delivered(&mut self, receiver: usize, frame: &Frame, now: Instant) {
        if !self.counts(now) {
            return;
        }
        let origin = &frame.origin;
        let (classification, is_partial) = if frame.is_intact {
            let claim = Claim {
                index: origin.index,
                sent_ns: origin.sent.as_nanos(),
                lag_ns: origin.lag.as_nanos() as u32,
                port_offset: origin.port_offset,
            };
            (Classification::Probe(claim), false)
        } else {
            self.oracle.classify(frame.bytes())
        };
        let is_counted = match classification {
            Classification::Foreign => {
                self.probes.foreign += 1;
                self.interval(now).foreign += 1;
                true
            }
            Classification::Corrupt => self.corrupt(now),
            Classification::Probe(claim) => self.probe(&claim, now),
        };
        if is_counted {
            self.rx.packets += 1;
            self.rx.bytes += frame.bytes().len() as u64;
            self.rx.checksum_partial += u64::from(is_partial);
            self.by_receiver[receiver] += 1;
            self.interval(now).rx_packets += 1;
        }
    }

    /// Counts a corrupt packet; always `true`, as it counts.
    fn corrupt(&mut self, now: Instant) -> bool {
        self.probes.corrupt += 1;
        self.interval(now).corrupt += 1;
        true
    }

    /// Counts a probe, or what says that it is one; returns `false` for one that was sent before
    /// counting began, which does not count.
    fn probe(&mut self, claim: &Claim, now: Instant) -> bool {
        let (sent, sequence) = (unwrapped(claim.sent_ns, now), claim.index.sequence());
        let was_sent = self
            .streams
            .get(usize::from(claim.index.stream()))
            .is_some_and(|stream| sequence < stream.next());
        if !was_sent || sent > now + TOLERANCE {
            return self.corrupt(now);
        }
        if sent < self.grid.start {
            return false;
        }
        let stream = &mut self.streams[usize::from(claim.index.stream())];
        if stream.is_too_old(sequence, self.window) {
            self.probes.too_old += 1;
        } else if stream.saw(sequence, self.window) {
            self.probes.duplicates += 1;
            self.interval(now).duplicates += 1;
        } else {
            let is_reordered = stream.overtaken(claim.port_offset, sequence);
            self.unique(claim, is_reordered, now);
        }
        true
    }

    fn unique(&mut self, claim: &Claim, is_reordered: bool, now: Instant) {
        let sent = unwrapped(claim.sent_ns, now);
        self.probes.unique += 1;
        let latency = now.saturating_since(sent);
        self.latency.record(latency);
        self.latency_due
            .record(latency + Span::from_nanos(claim.lag_ns.into()));
        if is_reordered {
            self.probes.reordered += 1;
            self.interval(now).reordered += 1;
        }
        let number = self.number_of(sent);
        if now > self.current.end + self.grid.grace {
            self.probes.late += 1;
            self.interval(now).late += 1;
        } else {
            let interval = self.numbered(number);
            if interval.on_time == 0 || latency.as_nanos() < interval.latency_min_ns {
                interval.latency_min_ns = latency.as_nanos();
            }
            if latency.as_nanos() > interval.latency_max_ns {
                interval.latency_max_ns = latency.as_nanos();
            }
            interval.on_time += 1;
            interval.latency_sum_ns += latency.as_nanos();
        }
    }

    /// Returns the interval that `time` falls into.
    fn interval(&mut self, time: Instant) -> &mut Interval {
        let number = self.number_of(time);
        self.numbered(number)
    }

    /// Returns the number of the interval that `time` falls into, which becomes the current one.
    fn number_of(&mut self, time: Instant) -> u64 {
        let IntervalGrid { start, length, .. } = self.grid;
        if time >= self.current.end || time + length < self.current.end {
            let number = (time.as_nanos() - start.as_nanos()) / length.as_nanos();
            self.current = Current {
                number,
                end: Instant::from_nanos(start.as_nanos() + (number + 1) * length.as_nanos()),
            };
        }
        self.current.number
    }

    fn numbered(&mut self, number: u64) -> &mut Interval {
        // One whose row is closed already goes into the next, and so shows as a disagreement.
        let at = number.saturating_sub(self.first_interval) as usize;
        if at >= self.intervals.len() {
            self.intervals.resize(at + 1, Interval::default());
        }
        &mut self.intervals[at]
    }

    /// Returns the next interval, of which a row was closed.
    pub fn next_interval(&mut self) -> Interval {
        self.first_interval += 1;
        self.intervals.pop_front().unwrap_or_default()
    }

    /// Returns the number of intervals in which something happened and that had no row.
    #[must_use]
    pub fn intervals_left(&self) -> usize {
        let happened = |interval: &&Interval| **interval != Interval::default();
        self.intervals.iter().filter(happened).count()
    }

    /// Notes that something told is not true.
    pub fn disagree(&mut self, sentence: impl FnOnce() -> String) {
        if self.disagreements.len() < TOLD {
            self.disagreements.push(sentence());
        }
    }

    /// Returns the sentences about what is not true.
    #[must_use]
    pub fn disagreements(&self) -> &[String] {
        &self.disagreements
    }
}

/// Returns the time nearest to `now` whose low 48 bits are those of `low`: a probe's time begins
/// anew every 78 hours.
fn unwrapped(low: u64, now: Instant) -> Instant {
    const TURN: u64 = 1 << 48;
    let age = now.as_nanos().wrapping_sub(low) % TURN;
    Instant::from_nanos(if age < TURN / 2 && age <= now.as_nanos() {
        now.as_nanos() - age
    } else {
        now.as_nanos() + (TURN - age)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_probe_is_found_from_its_low_bits() {
        const TURN: u64 = 1 << 48;
        let found = |low, now| unwrapped(low, Instant::from_nanos(now)).as_nanos();
        assert_eq!(found(5, 7), 5);
        assert_eq!(found(9, 7), 9);
        assert_eq!(found(TURN - 1, 7), TURN - 1);
        assert_eq!(found(5, TURN + 7), TURN + 5);
        assert_eq!(found(9, TURN + 7), TURN + 9);
        assert_eq!(found(TURN - 1, TURN + 7), TURN - 1);
        assert_eq!(found(2, TURN - 1), TURN + 2);
        // The claim of a probe that is intact is whole.
        assert_eq!(found(3 * TURN + 5, 3 * TURN + 7), 3 * TURN + 5);
    }
}
