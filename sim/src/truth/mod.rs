//! What really became of every packet of a run, kept in the plainest way.
//!
//! The link tells it what was sent and what was delivered. Of a packet that nothing happened to it
//! knows what it is; of any other the bytes are judged, in the contract's own order.

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

/// A probe may be stamped so far ahead of its receipt.
const TOLERANCE: Span = Span::from_micros(10);

/// Most disagreements that are told.
const TOLD: usize = 20;

/// Sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Packets that the device accepted.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Hand-over attempts refused.
    pub refused: u64,
    /// Packets without a buffer.
    pub no_buffer: u64,
}

/// The interval that was looked for last; before the first, none.
#[derive(Debug, Default)]
struct Current {
    number: u64,
    end: Instant,
}

/// What the reflector did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reflected {
    /// Packets that it received.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Sent back.
    pub sent: u64,
    /// Not taken by its device.
    pub refused: u64,
    /// Not sent back, by reason.
    pub ignored: IgnoredCounters,
    /// Completed a checksum that was left to a NIC.
    pub checksum_partial: u64,
}

impl Reflected {
    /// It received a frame of `len` bytes, of which this is true.
    pub fn received(&mut self, expected: Result<bool, Unreflected>, len: usize) {
        self.packets += 1;
        self.bytes += len as u64;
        *match expected {
            Ok(is_partial) => {
                self.checksum_partial += u64::from(is_partial);
                return;
            }
            Err(Unreflected::NotIpv4) => &mut self.ignored.not_ipv4,
            Err(Unreflected::NotUdp) => &mut self.ignored.not_udp,
            Err(Unreflected::Fragment) => &mut self.ignored.fragment,
            Err(Unreflected::Malformed) => &mut self.ignored.malformed,
            Err(Unreflected::GroupAddress) => &mut self.ignored.group_address,
            Err(Unreflected::OwnMac) => &mut self.ignored.own_mac,
            Err(Unreflected::Ttl) => &mut self.ignored.ttl,
        } += 1;
    }
}

/// The truth about one run.
#[derive(Debug)]
pub struct Truth<'a> {
    oracle: Oracle<'a>,
    grid: IntervalGrid,
    window: u64,
    streams: Vec<Stream>,
    /// What was sent since counting began.
    pub tx: Sent,
    /// What was delivered since counting began.
    pub rx: RxCounters,
    /// What that was.
    pub probes: ProbeCounters,
    /// What the reflector did.
    pub reflector: Reflected,
    /// What it says that it did.
    pub reflector_told: Reflected,
    /// Packets delivered by each receiving queue.
    pub by_receiver: Vec<u64>,
    /// The latency of every unique probe.
    pub latency: Distribution,
    /// The same from when they were due.
    pub latency_due: Distribution,
    /// How late every probe was sent.
    pub lag: Distribution,
    intervals: VecDeque<Interval>,
    first_interval: u64,
    current: Current,
    disagreements: Vec<String>,
}

impl<'a> Truth<'a> {
    /// Nothing has happened yet. Streams send in turn from so many ports each, and duplicates are
    /// told apart within `window`.
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

    /// Its streams.
    #[must_use]
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// Returns whether what happens at `time` counts.
    #[must_use]
    pub fn counts(&self, time: Instant) -> bool {
        time >= self.grid.start
    }

    /// The device takes the next probe of `stream`, in `frame`, when its sender's clock says `now`.
    /// What it was when it was sent is read here, before anything happens to it.
    pub fn sent(&mut self, stream: u16, port: u16, frame: &[u8], now: Instant) -> Origin {
        let stamp = |at: usize, bits: u32| {
            let word = frame[42 + at..42 + at + 8].try_into();
            word.map_or(0, u64::from_le_bytes) & (u64::MAX >> (64 - bits))
        };
        let sent = Instant::from_nanos(stamp(8, 48));
        // At an interval's end it is told apart from the next, and a checksum may need another.
        if sent + Span::from_nanos(2) < now || sent > now + Span::from_nanos(1) {
            self.disagree(|| format!("a probe sent at {now:?} says {sent:?}"));
        }
        let is_long = frame.len() >= 42 + 24;
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

    /// Receiving queue `receiver` was given `frame` when its clock said `now`.
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

    fn corrupt(&mut self, now: Instant) -> bool {
        self.probes.corrupt += 1;
        self.interval(now).corrupt += 1;
        true
    }

    /// A probe, or what says that it is one; `false` if it was sent before counting began.
    fn probe(&mut self, claim: &Claim, now: Instant) -> bool {
        let (sent, sequence) = (Instant::from_nanos(claim.sent_ns), claim.index.sequence());
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
        let sent = Instant::from_nanos(claim.sent_ns);
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

    fn interval(&mut self, time: Instant) -> &mut Interval {
        let number = self.number_of(time);
        self.numbered(number)
    }

    /// The number of the interval that `time` falls into, which becomes the current one.
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
        // Taken already: this shows in what is left at the end.
        let at = number.saturating_sub(self.first_interval) as usize;
        if at >= self.intervals.len() {
            self.intervals.resize(at + 1, Interval::default());
        }
        &mut self.intervals[at]
    }

    /// Returns what happened in the next interval, which is closed.
    pub fn next_interval(&mut self) -> Interval {
        self.first_interval += 1;
        self.intervals.pop_front().unwrap_or_default()
    }

    /// Returns how many intervals in which something happened were not asked for.
    #[must_use]
    pub fn intervals_left(&self) -> usize {
        let happened = |interval: &&Interval| **interval != Interval::default();
        self.intervals.iter().filter(happened).count()
    }

    /// Something told is not true.
    pub fn disagree(&mut self, sentence: impl FnOnce() -> String) {
        if self.disagreements.len() < TOLD {
            self.disagreements.push(sentence());
        }
    }

    /// Returns what was found not to be true.
    #[must_use]
    pub fn disagreements(&self) -> &[String] {
        &self.disagreements
    }
}
