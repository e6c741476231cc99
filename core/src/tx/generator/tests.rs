use std::vec;
use std::vec::Vec;

use zerocopy::FromBytes;

use super::*;
use crate::port::{Capabilities, ForwardOutcome, FrameLen, Verdict};
use crate::probe::layout::Layout;
use crate::probe::sizes::{Share, Sizes};
use crate::probe::{Age, Head, LONG_LEN, Tail};
use crate::stats::Counters;
use crate::stats::intervals::IntervalGrid;
use crate::testing::{Bench, FIRST_PORT, PAYLOAD_LEN, SOURCE_PORTS};

/// A port that takes so many of a burst, has so many buffers, and keeps what it takes.
struct Wire {
    takes: u16,
    buffers: u16,
    sizes: Sizes,
    sent: Vec<Probe>,
    /// Bytes of the frames in it.
    bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Probe {
    stream: u16,
    sequence: u64,
    port: u16,
    time: u64,
    lag: u64,
}

impl Probe {
    fn read(frame: &[u8], now: Instant) -> Self {
        let (head, after) = Head::read_from_prefix(&frame[Layout::IPV4.payload()..]).unwrap();
        let Age::Past(age) = head.age(now) else {
            panic!("from the future");
        };
        Self {
            stream: head.index().stream(),
            sequence: head.index().sequence(),
            port: u16::from_be_bytes([frame[34], frame[35]]) - FIRST_PORT,
            time: now.saturating_sub(age).as_nanos(),
            lag: match frame.len() - Layout::IPV4.payload() {
                LONG_LEN.. => Tail::read_from_prefix(after).unwrap().0.lag().as_nanos(),
                _ => 0,
            },
        }
    }
}

impl Port for Wire {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_frame: FrameLen(1514),
            rx_burst: 0,
            tx_burst: self.takes,
        }
    }

    fn transmit(&mut self, want: u16, mut fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        let built = want.min(self.buffers);
        let accepted = built.min(self.takes);
        for number in 0..built {
            let mut frame = [0; 2000];
            let len = fill(&mut frame).0;
            let frame = &frame[..usize::from(len)];
            let probe = Probe::read(frame, Instant::from_nanos(1 << 40));
            let index = Index::new(probe.stream, probe.sequence);
            let payload_len = self.sizes.payload_len(index);
            assert_eq!(len, Layout::IPV4.payload() as u16 + payload_len);
            if number < accepted {
                self.sent.push(probe);
                self.bytes += u64::from(len);
            }
        }
        TxOutcome {
            accepted,
            refused: built - accepted,
            no_buffer: want - built,
        }
    }

    fn receive(&mut self, _: impl FnMut(&[u8])) -> u16 {
        0
    }

    fn forward(&mut self, _: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        ForwardOutcome::default()
    }
}

/// A wire that takes bursts of one flow only.
struct OneFlow<'w>(&'w mut Wire);

impl Port for OneFlow<'_> {
    const IS_ONE_FLOW: bool = true;

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn transmit(&mut self, want: u16, fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        self.0.transmit(want, fill)
    }

    fn receive(&mut self, each: impl FnMut(&[u8])) -> u16 {
        self.0.receive(each)
    }

    fn forward(&mut self, each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        self.0.forward(each)
    }
}

struct Sender {
    bench: Bench,
    generator: Generator<'static>,
    wire: Wire,
}

/// A packet a microsecond, in bursts of up to four.
fn plan() -> Plan {
    Plan {
        stream: 0,
        streams: 1,
        rate: Rate::new(1_000_000, 1_000_000_000),
        start: Instant::START,
        duration: None,
        count: None,
        burst: 4,
        first_source_port: FIRST_PORT,
        source_ports: SOURCE_PORTS,
    }
}

impl Sender {
    fn new(plan: Plan) -> Self {
        Self::with_sizes(plan, Sizes::one(PAYLOAD_LEN))
    }

    fn with_sizes(plan: Plan, sizes: Sizes) -> Self {
        let grid = IntervalGrid {
            start: plan.start,
            length: Span::from_micros(10),
            grace: Span::ZERO,
        };
        let bench = Bench::with_sizes(grid, sizes.clone());
        Self {
            generator: Generator::new(plan, bench.template(), bench.sequences),
            bench,
            wire: Wire {
                takes: u16::MAX,
                buffers: u16::MAX,
                sizes,
                sent: vec![],
                bytes: 0,
            },
        }
    }

    fn poll(&mut self, now: u64) -> Polled {
        self.poll_in(Phase::Running, now)
    }

    fn poll_in(&mut self, phase: Phase, now: u64) -> Polled {
        assert!(self.bench.recorder.intervals.open(Instant::from_nanos(now)));
        let recorder = &mut self.bench.recorder;
        self.generator
            .poll(Instant::from_nanos(now), phase, &mut self.wire, recorder)
    }

    /// Polls with a port that takes bursts of one flow only.
    fn poll_of_one_flow(&mut self, now: u64) -> Polled {
        let now = Instant::from_nanos(now);
        assert!(self.bench.recorder.intervals.open(now));
        let (recorder, mut wire) = (&mut self.bench.recorder, OneFlow(&mut self.wire));
        self.generator
            .poll(now, Phase::Running, &mut wire, recorder)
    }

    fn sequences(&self) -> Vec<u64> {
        self.wire.sent.iter().map(|probe| probe.sequence).collect()
    }

    fn lags(&self) -> Vec<u64> {
        self.wire.sent.iter().map(|probe| probe.lag).collect()
    }
}

#[test]
fn what_is_due_is_sent_with_its_time_and_lag() {
    let mut sender = Sender::new(plan());
    assert_eq!(sender.poll(0), Polled::Moved(1));
    assert_eq!(sender.poll(999), Polled::Moved(0));
    assert_eq!(sender.poll(3_100), Polled::Moved(3));
    let probe = |sequence, port, time, lag| Probe {
        stream: 0,
        sequence,
        port,
        time,
        lag,
    };
    let expected = [
        probe(0, 0, 0, 0),
        probe(1, 1, 3_100, 2_100),
        probe(2, 2, 3_100, 1_100),
        probe(3, 0, 3_100, 100),
    ];
    assert_eq!(sender.wire.sent, expected);
    let tx = sender.bench.recorder.counters.tx;
    assert_eq!((tx.packets, tx.bytes, tx.skipped), (4, 4 * 66, 0));
    assert_eq!((tx.first_ns, tx.last_ns, tx.lag_max_ns), (0, 3_100, 2_100));
    assert_eq!((tx.refused, tx.no_buffer), (0, 0));
    let lags: u64 = sender.bench.recorder.stats.lag.counts().sum();
    assert_eq!(lags, 4);
}

#[test]
fn no_more_than_a_burst_is_sent_at_once() {
    let mut sender = Sender::new(plan());
    assert_eq!(sender.poll(6_000), Polled::Moved(4));
    assert_eq!(sender.poll(6_000), Polled::Moved(3));
    assert_eq!(sender.poll(6_000), Polled::Moved(0));
    assert_eq!(sender.lags(), [6_000, 5_000, 4_000, 3_000, 2_000, 1_000, 0]);
}

#[test]
fn a_mix_is_sent_size_by_size_and_its_bytes_are_those_of_what_was_accepted() {
    let share = |(payload_len, weight)| Share {
        payload_len,
        weight,
    };
    let sizes = Sizes::mix(&[(18, 7), (524, 4), (1472, 1)].map(share)).unwrap();
    for (rate, takes) in [(plan().rate, 4), (plan().rate, 3), (None, 4), (None, 1)] {
        let mut sender = Sender::with_sizes(Plan { rate, ..plan() }, sizes.clone());
        sender.wire.takes = takes;
        for poll in 0..500 {
            sender.poll(poll * 4_000);
        }
        let tx = sender.bench.recorder.counters.tx;
        assert!(
            tx.packets >= 490 * u64::from(takes)
                && sender.sequences().into_iter().eq(0..tx.packets)
        );
        assert_eq!(tx.bytes, sender.wire.bytes);
        let is_late = |probe: &&Probe| probe.lag > 0;
        let late: Vec<_> = sender.wire.sent.iter().filter(is_late).collect();
        assert_eq!(late.is_empty(), rate.is_none(), "the longer ones tell it");
    }
}

#[test]
fn a_burst_of_one_flow_has_one_source_port_and_the_next_burst_the_next() {
    let mut sender = Sender::new(plan());
    let ports = |sender: &Sender| {
        let sent = sender.wire.sent.iter().map(|probe| probe.port);
        sent.collect::<Vec<_>>()
    };
    sender.poll_of_one_flow(4_000);
    sender.poll_of_one_flow(4_000);
    sender.wire.takes = 0;
    sender.poll_of_one_flow(6_000);
    assert_eq!(ports(&sender), [0, 0, 0, 0, 1], "refused has no turn");
    sender.wire.takes = 2;
    for _ in 0..3 {
        sender.poll_of_one_flow(9_000);
    }
    assert_eq!(ports(&sender)[5..], [2, 2, 0, 0, 1]);
    assert!(sender.sequences().into_iter().eq(0..10));
}

#[test]
fn a_probe_counts_in_the_interval_of_its_time() {
    let mut sender = Sender::new(plan());
    // The last two nanoseconds are left to checksums that need another time.
    for now in [0, 9_999, 10_000, 15_000] {
        sender.poll(now);
        sender.poll(now);
        sender.poll(now);
    }
    let times = sender.wire.sent.iter().map(|probe| probe.time);
    let mut of_first: Vec<u64> = times.filter(|time| *time < 10_000).collect();
    of_first.dedup();
    assert_eq!(of_first, [0, 9_998]);
    let counts = sender.bench.intervals::<3>().map(|cell| cell.tx_packets);
    assert_eq!(counts, [10, 6, 0]);
}

#[test]
fn refused_packets_stay_due_and_take_no_sequence() {
    let mut sender = Sender::new(plan());
    sender.wire.takes = 1;
    assert_eq!(sender.poll(2_000), Polled::Moved(1));
    assert_eq!(sender.poll(2_000), Polled::Moved(1));
    sender.wire.takes = 0;
    assert_eq!(sender.poll(2_000), Polled::Moved(0));
    sender.wire.takes = 4;
    assert_eq!(sender.poll(2_000), Polled::Moved(1));
    assert_eq!(sender.sequences(), [0, 1, 2]);
    assert_eq!(sender.lags(), [2_000, 1_000, 0]);
    let tx = sender.bench.recorder.counters.tx;
    assert_eq!((tx.packets, tx.refused, tx.no_buffer), (3, 2 + 1 + 1, 0));
    let was_sent = |sequence| sender.bench.sequences.was_sent(Index::new(0, sequence));
    assert!(was_sent(2) && !was_sent(3));
}

#[test]
fn what_was_refused_may_not_be_believed_to_be_sent() {
    let mut sender = Sender::new(plan());
    sender.wire.takes = 1;
    sender.poll(2_000);
    let was_sent = |sequence| sender.bench.sequences.was_sent(Index::new(0, sequence));
    assert!(was_sent(0) && !was_sent(1));
}

#[test]
fn packets_without_a_buffer_stay_due() {
    let mut sender = Sender::new(plan());
    sender.wire.buffers = 1;
    assert_eq!(sender.poll(2_000), Polled::Moved(1));
    sender.wire.buffers = 4;
    assert_eq!(sender.poll(2_000), Polled::Moved(2));
    assert_eq!(sender.sequences(), [0, 1, 2]);
    assert_eq!(sender.bench.recorder.counters.tx.no_buffer, 2);
}

#[test]
fn after_a_stall_a_millisecond_is_caught_up_and_the_rest_is_skipped() {
    let mut sender = Sender::new(plan());
    sender.poll(0);
    sender.poll(5_000_000);
    assert_eq!(sender.bench.recorder.counters.tx.skipped, 3_999);
    assert_eq!(sender.lags()[1], 1_000_000);
    while sender.poll(5_000_000) != Polled::Moved(0) {}
    let tx = sender.bench.recorder.counters.tx;
    assert_eq!((tx.packets, tx.skipped), (1_002, 3_999));
}

#[test]
fn a_duration_ends_with_what_is_due_before_it() {
    let plan = Plan {
        duration: Some(Span::from_micros(3)),
        ..plan()
    };
    let mut sender = Sender::new(plan);
    assert_eq!(sender.poll(1_000), Polled::Moved(2));
    assert_eq!(sender.poll(50_000), Polled::Moved(1));
    assert_eq!(sender.poll(50_000), Polled::Ended);
    assert_eq!(sender.sequences(), [0, 1, 2]);
    assert_eq!(sender.bench.recorder.counters.tx.skipped, 0);
}

#[test]
fn what_a_stall_took_from_the_end_is_skipped() {
    let plan = Plan {
        duration: Some(Span::from_micros(3)),
        ..plan()
    };
    let mut sender = Sender::new(plan);
    assert_eq!(sender.poll(0), Polled::Moved(1));
    assert_eq!(sender.poll(1_003_001), Polled::Ended);
    let tx = sender.bench.recorder.counters.tx;
    assert_eq!((tx.packets, tx.skipped), (1, 2));
}

#[test]
fn what_can_still_be_caught_up_at_the_end_is_sent() {
    let plan = Plan {
        duration: Some(Span::from_micros(3)),
        ..plan()
    };
    let mut sender = Sender::new(plan);
    assert_eq!(sender.poll(0), Polled::Moved(1));
    // The last packet is never skipped for being late alone.
    assert_eq!(sender.poll(1_003_000), Polled::Moved(1));
    assert_eq!(sender.poll(1_003_000), Polled::Ended);
    let tx = sender.bench.recorder.counters.tx;
    assert_eq!((tx.packets, tx.skipped), (2, 1));
}

#[test]
fn a_stop_is_an_end() {
    let mut sender = Sender::new(plan());
    sender.poll(1_000);
    assert_eq!(sender.poll_in(Phase::Draining, 2_500), Polled::Moved(1));
    assert_eq!(sender.poll_in(Phase::Draining, 9_000), Polled::Ended);
    assert_eq!(sender.sequences(), [0, 1, 2]);
}

#[test]
fn a_count_is_dealt_out_to_the_streams() {
    for (stream, share) in [(0, 3), (1, 3), (2, 2), (3, 2)] {
        let plan = Plan {
            stream,
            streams: 4,
            count: Some(10),
            ..plan()
        };
        assert_eq!(plan.share_of_count(), Some(share));
    }
    let plan = Plan {
        stream: 1,
        streams: 2,
        count: Some(10),
        ..plan()
    };
    let mut sender = Sender::new(plan);
    assert_eq!(sender.poll(30_000), Polled::Moved(4));
    assert_eq!(sender.poll(30_000), Polled::Moved(1));
    assert_eq!(sender.poll(30_000), Polled::Ended);
    assert_eq!(sender.lags(), [29_000, 27_000, 25_000, 23_000, 21_000]);
    assert!(sender.wire.sent.iter().all(|probe| probe.stream == 1));
}

#[test]
fn without_a_rate_every_poll_sends_a_burst_until_the_end() {
    let plan = Plan {
        rate: None,
        duration: Some(Span::from_micros(1)),
        ..plan()
    };
    let mut sender = Sender::new(plan);
    assert_eq!(sender.poll(0), Polled::Moved(4));
    assert_eq!(sender.poll(999), Polled::Moved(4));
    assert_eq!(sender.poll(1_000), Polled::Ended);
    assert_eq!(sender.lags(), [0; 8]);
    assert_eq!(sender.bench.recorder.stats.lag.counts().sum::<u64>(), 0);
}

#[test]
fn the_warm_up_is_sent_and_not_counted_and_pacing_begins_anew() {
    let plan = Plan {
        start: Instant::from_nanos(2_500),
        duration: Some(Span::from_micros(2)),
        count: Some(100),
        ..plan()
    };
    let mut sender = Sender::new(plan);
    sender.wire.takes = 1;
    assert_eq!(sender.poll(1_000), Polled::Moved(1));
    assert_eq!(sender.poll(2_000), Polled::Moved(1));
    sender.wire.takes = 4;
    assert_eq!(sender.bench.recorder.counters, Counters::default());
    assert_eq!(sender.bench.recorder.stats.lag.counts().sum::<u64>(), 0);
    // What the warm-up left over is not sent.
    assert_eq!(sender.poll(2_600), Polled::Moved(1));
    assert_eq!(sender.poll(4_400), Polled::Moved(1));
    assert_eq!(sender.poll(4_600), Polled::Ended);
    assert_eq!(sender.sequences(), [0, 1, 2, 3]);
    assert_eq!(sender.lags(), [1_000, 1_000, 100, 900]);
    let tx = sender.bench.recorder.counters.tx;
    assert_eq!((tx.packets, tx.first_ns, tx.refused), (2, 2_600, 0));
    assert_eq!(sender.bench.intervals::<1>()[0].tx_packets, 2);
}

#[test]
fn a_stop_in_the_warm_up_ends_it() {
    let plan = Plan {
        start: Instant::from_nanos(9_000),
        ..plan()
    };
    let mut sender = Sender::new(plan);
    assert_eq!(sender.poll(0), Polled::Moved(1));
    assert_eq!(sender.poll_in(Phase::Draining, 500), Polled::Ended);
}
