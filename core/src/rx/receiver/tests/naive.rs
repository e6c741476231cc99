//! A receiver against the plainest count of the same arrivals.

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::probe::{Age, Head};
use crate::stats::intervals::CLOCK_TOLERANCE;
use crate::stats::{Moments, ProbeCounters, RxCounters};

/// The number of intervals in which all happens.
const INTERVALS: usize = 24;
/// The number of probes that were sent.
const SENT: u64 = 90;

/// What happened to a probe on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Intact,
    /// Its checksum was left to a NIC.
    Partial,
    Changed,
    /// It became another run's.
    Foreign,
    /// It is one of another run's, with its checksum left to a NIC.
    ForeignPartial,
    /// It was not turned round.
    Unturned,
}

#[derive(Clone, Copy, Debug)]
struct Arrival {
    sequence: u64,
    /// The nanoseconds from sending to receipt.
    age: i64,
    /// The nanoseconds from receipt by the device to the poll.
    waited: u64,
    fate: Fate,
}

fn arrival() -> impl Strategy<Value = Arrival> {
    let age = prop_oneof![
        8 => 100_i64..3_000,
        2 => 0_i64..40_000,
        1 => -12_000_i64..0,
    ];
    let fate = prop_oneof![
        20 => Just(Fate::Intact),
        1 => Just(Fate::Partial),
        1 => Just(Fate::Changed),
        1 => Just(Fate::Foreign),
        1 => Just(Fate::ForeignPartial),
        1 => Just(Fate::Unturned),
    ];
    // Mostly the neighbour follows; some were never sent.
    (
        0..SENT + 3,
        age,
        prop_oneof![20 => Just(0), 1 => 1_u64..4_000],
        fate,
    )
        .prop_map(|(sequence, age, waited, fate)| Arrival {
            sequence,
            age,
            waited,
            fate,
        })
}

/// A burst: the nanoseconds from the one before, the first sequence, and what arrives.
type Burst = (u64, u64, Vec<Arrival>);

fn bursts() -> impl Strategy<Value = Vec<Burst>> {
    let burst = (
        0_u64..9_000,
        0..SENT,
        any::<bool>(),
        prop::collection::vec(arrival(), 0..40),
    );
    let burst = burst.prop_map(|(later, first, is_in_order, mut arrivals)| {
        if is_in_order {
            for (number, arrival) in (0..).zip(&mut arrivals) {
                arrival.sequence = first + number;
            }
        }
        (later, first, arrivals)
    });
    prop::collection::vec(burst, 1..20)
}

#[derive(Debug, PartialEq)]
struct Counts {
    rx: RxCounters,
    probes: ProbeCounters,
    latency: Moments,
    latency_due: Moments,
    /// The buckets that hold anything.
    buckets: BTreeMap<usize, u64>,
    buckets_due: BTreeMap<usize, u64>,
    intervals: [Interval; INTERVALS],
}

/// Counts arrivals one by one.
struct Naive {
    counts: Counts,
    seen: HashSet<u64>,
    highest: HashMap<u64, u64>,
}

impl Naive {
    fn new() -> Self {
        Self {
            counts: Counts {
                rx: RxCounters::default(),
                probes: ProbeCounters::default(),
                latency: Moments::default(),
                latency_due: Moments::default(),
                buckets: BTreeMap::new(),
                buckets_due: BTreeMap::new(),
                intervals: [Interval::default(); INTERVALS],
            },
            seen: HashSet::new(),
            highest: HashMap::new(),
        }
    }

    fn take(&mut self, arrival: Arrival, now: u64) {
        let start = DIVISION.start.as_nanos();
        let interval_of = |time: u64| ((time - start) / DIVISION.length.as_nanos()) as usize;
        let sent = now.saturating_add_signed(-arrival.age);
        let is_probe = matches!(arrival.fate, Fate::Intact | Fate::Partial);
        let was_sent = arrival.sequence < SENT;
        if now < start || is_probe && sent < start && was_sent {
            return;
        }
        let counts = &mut self.counts;
        counts.rx.packets += 1;
        counts.rx.bytes += 66;
        let is_partial = matches!(arrival.fate, Fate::Partial | Fate::ForeignPartial);
        counts.rx.checksum_partial += u64::from(is_partial);
        let received = &mut counts.intervals[interval_of(now)];
        received.rx_packets += 1;
        let probes = &mut counts.probes;
        if matches!(
            arrival.fate,
            Fate::Foreign | Fate::ForeignPartial | Fate::Unturned
        ) {
            received.foreign += 1;
            probes.foreign += 1;
            probes.unturned += u64::from(arrival.fate == Fate::Unturned);
        } else if !is_probe || !was_sent || -arrival.age > CLOCK_TOLERANCE.as_nanos() as i64 {
            received.corrupt += 1;
            probes.corrupt += 1;
        } else if !self.seen.insert(arrival.sequence) {
            received.duplicates += 1;
            probes.duplicates += 1;
        } else {
            let flow = arrival.sequence % u64::from(SOURCE_PORTS);
            let highest = self.highest.entry(flow).or_default();
            let is_reordered = *highest > arrival.sequence;
            *highest = arrival.sequence.max(*highest);
            received.reordered += u64::from(is_reordered);
            probes.reordered += u64::from(is_reordered);
            probes.unique += 1;
            let latency = (arrival.age.max(0) as u64).saturating_sub(arrival.waited);
            let latency = Span::from_nanos(latency);
            let due = latency + LAG;
            counts.latency.record(latency);
            counts.latency_due.record(due);
            *counts.buckets.entry(bucket(latency)).or_default() += 1;
            *counts.buckets_due.entry(bucket(due)).or_default() += 1;
            let end = start + (interval_of(sent) as u64 + 1) * DIVISION.length.as_nanos();
            if now > end + DIVISION.grace.as_nanos() {
                received.late += 1;
                probes.late += 1;
            } else {
                let latency = latency.as_nanos();
                counts.intervals[interval_of(sent)].merge(&Interval {
                    on_time: 1,
                    latency_sum_ns: latency,
                    latency_min_ns: latency,
                    latency_max_ns: latency,
                    ..Interval::default()
                });
            }
        }
    }
}

impl End {
    /// Returns the frame of an arrival at `now`, and the arrival with its age as the frame tells it: a
    /// template may write a time one nanosecond later.
    fn arriving(&self, mut arrival: Arrival, now: u64) -> (Vec<u8>, Arrival) {
        let sent = now.saturating_add_signed(-arrival.age);
        let mut frame = self.frame(arrival.sequence, sent);
        let (head, _) = Head::ref_from_prefix(&frame[42..]).unwrap();
        arrival.age = match head.age(Instant::from_nanos(now)) {
            Age::Past(age) => age.as_nanos() as i64,
            Age::Ahead(ahead) => -(ahead.as_nanos() as i64),
        };
        match arrival.fate {
            Fate::Intact => {}
            Fate::Partial | Fate::ForeignPartial => {
                let (ip, _) = Ipv4::ref_from_prefix(&frame[14..]).unwrap();
                let sum = ip.pseudo_header(32).fold();
                frame[40..42].copy_from_slice(&sum.to_ne_bytes());
                // The tag.
                frame[62] ^= u8::from(arrival.fate == Fate::ForeignPartial);
            }
            Fate::Changed => frame[44] ^= 0x10,
            Fate::Foreign => frame[36] ^= 0x40,
            Fate::Unturned => {
                let reflector = Rules::of(Mac([2, 0, 0, 0, 0, 1]));
                FrameReflector::new(reflector).reflect(&mut frame).unwrap();
            }
        }
        (frame, arrival)
    }

    fn counts(&mut self) -> Counts {
        let counters = self.bench.recorder.counters;
        let stats = self.bench.recorder.stats;
        let buckets = |histogram: &Histogram| {
            let counts = histogram.counts().enumerate();
            counts.filter(|(_, count)| *count > 0).collect()
        };
        Counts {
            rx: counters.rx,
            probes: counters.probes,
            latency: counters.latency,
            latency_due: counters.latency_due,
            buckets: buckets(&stats.latency),
            buckets_due: buckets(&stats.latency_due),
            intervals: self.bench.intervals(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn bursts_are_counted_as_one_by_one(bursts in bursts()) {
        let (mut end, mut naive) = (End::new(), Naive::new());
        end.bench.sequences.set_sent(0, SENT);
        let mut now = 0;
        for (later, _, arrivals) in bursts {
            now += later;
            // Nothing was sent before the clock began.
            let arrivals = arrivals.into_iter().filter(|arrival| arrival.age <= now as i64);
            let (frames, arrivals): (Vec<_>, Vec<_>) = arrivals
                .map(|arrival| {
                    let (frame, arrival) = end.arriving(arrival, now);
                    ((frame, arrival.waited), arrival)
                })
                .unzip();
            let (mut port, mut clock) = (Waiting(frames), Standing(Instant::from_nanos(now)));
            let recorder = &mut end.bench.recorder;
            prop_assert!(recorder.intervals.open(Instant::from_nanos(now)));
            let polled = end.receiver.poll(Phase::Running, 32, &mut port, &mut clock, recorder);
            prop_assert_eq!(polled, Polled::Moved(arrivals.len() as u16));
            arrivals.into_iter().for_each(|arrival| naive.take(arrival, now));
        }
        prop_assert_eq!(end.counts(), naive.counts);
    }
}
