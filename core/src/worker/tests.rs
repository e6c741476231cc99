use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use zerocopy::IntoBytes;

use super::*;
use crate::port::{Capabilities, ForwardOutcome, FrameLen, TxOutcome, Verdict};
use crate::reflect::{Budget, Rules};
use crate::stats::intervals::{Cell, IntervalGrid, Ring, Writer};
use crate::stats::{Counters, PollCounters, RxCounters, WorkerStats};
use crate::testing::{Bench, FIRST_PORT, SOURCE_PORTS};
use crate::tx::Plan;
use crate::wire::{EtherType, Ethernet, Ipv4, Mac, Udp};

/// A port whose every burst holds `burst` packets for the reflector, of which the device takes
/// `takes`.
struct Source {
    burst: u16,
    takes: u16,
}

const OWN: Mac = Mac([2; 6]);

fn packet() -> Vec<u8> {
    let [a, b] = [1, 2].map(|last| core::net::Ipv4Addr::new(10, 0, 0, last));
    let ethernet = Ethernet {
        destination: OWN,
        source: Mac([4; 6]),
        ether_type: EtherType::IPV4,
    };
    let udp = Udp {
        source: 1.into(),
        destination: 2.into(),
        length: 8.into(),
        checksum: [0; 2],
    };
    let mut packet = ethernet.as_bytes().to_vec();
    packet.extend(Ipv4::udp(a, b, 8).as_bytes());
    packet.extend(udp.as_bytes());
    packet
}

impl Port for Source {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_frame: FrameLen(64),
            rx_burst: 8,
            tx_burst: 8,
        }
    }

    fn transmit(&mut self, _: u16, _: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        TxOutcome::default()
    }

    fn receive(&mut self, _: impl FnMut(&[u8])) -> u16 {
        0
    }

    fn forward(&mut self, mut each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        let wanted = (0..self.burst).filter(|_| each(&mut packet()) == Verdict::Send);
        let wanted = wanted.count() as u16;
        let sent = wanted.min(self.takes);
        ForwardOutcome {
            received: self.burst,
            received_bytes: u64::from(self.burst) * 42,
            sent,
            sent_bytes: u64::from(sent) * 42,
            refused: wanted - sent,
        }
    }
}

/// A clock whose readings are a microsecond apart.
struct Ticking(Instant);

impl Clock for Ticking {
    fn now(&mut self) -> Instant {
        self.0 = self.0 + Span::from_micros(1);
        self.0
    }
}

/// Returns what `count` reflectors on one lcore have counted after `rounds`.
fn reflected(count: usize, rounds: usize, takes: u16, budget: Option<&Budget>) -> Vec<Counters> {
    let grid = IntervalGrid {
        start: Instant::START,
        length: Span::from_millis(1),
        grace: Span::ZERO,
    };
    let cells: Vec<Vec<Cell>> = (0..count)
        .map(|_| (0..64).map(|_| Cell::default()).collect())
        .collect();
    let rings: Vec<_> = cells.iter().map(|cells| Ring::new(grid, cells)).collect();
    let stats: Vec<_> = (0..count).map(|_| Box::<WorkerStats>::default()).collect();
    let mut workers: Vec<_> = rings
        .iter()
        .zip(&stats)
        .map(|(ring, stats)| {
            let source = Source { burst: 8, takes };
            Worker::new(
                source,
                Role::Reflect(Reflector::new(Rules::of(OWN), budget)),
                Recorder::new(stats, Writer::new(ring)),
            )
        })
        .collect();
    let mut crew = LcoreWorkers::new(&mut workers);
    let mut clock = Ticking(Instant::START);
    let mut now = clock.now();
    for _ in 0..rounds {
        now = crew.poll_all(now, &mut clock, Phase::Running).unwrap();
    }
    assert_eq!(crew.poll_all(now, &mut clock, Phase::Stopping), None);
    assert!(rings.iter().all(Ring::has_ended));
    stats
        .iter()
        .map(|stats| stats.try_snapshot().unwrap())
        .collect()
}

#[test]
fn a_count_is_reflected_to_the_packet() {
    for takes in [8, 3] {
        let budget = Budget::new(50);
        let counters = reflected(3, 20, takes, Some(&budget));
        let sum = |of: fn(&Counters) -> u64| counters.iter().map(of).sum::<u64>();
        assert_eq!(sum(|counters| counters.tx.packets), 50);
        assert_eq!(budget.left(), 0);
        let gone = sum(|c| c.tx.refused) + sum(|c| c.ignored.past_count);
        assert_eq!(sum(|counters| counters.rx.packets), 50 + gone);
    }
}

#[test]
fn the_workers_of_an_lcore_share_its_time() {
    let counters = reflected(4, 1000, 8, None);
    let elapsed = vec![counters[0].poll.elapsed_ns; 4];
    assert_eq!(
        elapsed,
        counters
            .iter()
            .map(|c| c.poll.elapsed_ns)
            .collect::<Vec<_>>()
    );
    assert_eq!(
        counters.iter().map(|c| c.poll.busy_ns).sum::<u64>(),
        elapsed[0]
    );
    for counters in counters {
        assert_eq!((counters.poll.polls, counters.poll.empty), (1000, 0));
        assert_eq!(counters.poll.packets, counters.rx.packets);
        assert_eq!(counters.poll.packets, 8 * counters.poll.full_bursts_max);
        assert_eq!(counters.poll.stalls, 0);
    }
}

/// Returns what a reflector of bursts of 8 has counted that was polled at `times`.
fn polled(source: Source, times: &[u64]) -> Counters {
    let grid = IntervalGrid {
        start: Instant::START,
        length: Span::from_secs(1),
        grace: Span::ZERO,
    };
    let cells: Vec<Cell> = (0..4).map(|_| Cell::default()).collect();
    let ring = Ring::new(grid, &cells);
    let stats = Box::<WorkerStats>::default();
    let role = Role::Reflect(Reflector::new(Rules::of(OWN), None));
    let mut workers = [Worker::new(
        source,
        role,
        Recorder::new(&stats, Writer::new(&ring)),
    )];
    let mut crew = LcoreWorkers::new(&mut workers);
    let mut poll = |at, phase| {
        crew.poll_all(
            Instant::from_nanos(at),
            &mut Ticking(Instant::from_nanos(at)),
            phase,
        )
    };
    for &at in times {
        poll(at, Phase::Running);
    }
    poll(times[times.len() - 1] + 50_000, Phase::Stopping);
    stats.try_snapshot().unwrap()
}

/// Returns the busy and the elapsed time of a reflector whose polls take as long as `took` says.
fn spent(took: &[u64]) -> (u64, u64) {
    let mut poll = PollCounters::default();
    let mut meter = PollMeter::default();
    let mut now = Instant::START;
    for &took in took {
        let after = now + Span::from_nanos(took);
        meter.count(&mut poll, now, after, 8);
        now = after;
    }
    (poll.busy_ns, poll.longest_stall_ns)
}

#[test]
fn a_poll_in_which_the_lcore_was_taken_away_is_a_stall_and_not_busy() {
    assert_eq!(spent(&[10_000, 999_999, 10_000]), (1_019_999, 999_999));
    assert_eq!(spent(&[10_000, 1_000_000, 10_000]), (20_000, 1_000_000));
    assert_eq!(spent(&[10_000, 4_000_000, 10_000]), (20_000, 4_000_000));
}

#[test]
fn a_stall_is_counted_with_its_length() {
    let source = Source { burst: 0, takes: 0 };
    let poll = polled(source, &[0, 50_000, 100_001, 400_001, 400_002]).poll;
    assert_eq!((poll.stalls, poll.longest_stall_ns), (2, 300_000));
    assert_eq!(poll.stalled_ns, 350_001);
    assert_eq!((poll.polls, poll.empty, poll.busy_ns), (5, 5, 0));
}

#[test]
fn full_bursts_are_taken_together_while_polls_are_near() {
    let source = |burst| Source { burst, takes: 8 };
    let bursts = |counters: Counters| {
        assert_eq!(counters.poll.packets, counters.rx.packets);
        counters.rx.packets / 8
    };
    // Only after the second poll it is known how far apart they are.
    assert_eq!(bursts(polled(source(8), &[0, 12_500, 25_000])), 1 + 1 + 4);
    assert_eq!(bursts(polled(source(8), &[0, 12_501, 25_002])), 1 + 1 + 1);
    let near_then_far = [0, 10_000, 20_000, 40_000, 60_000];
    let counters = polled(source(8), &near_then_far);
    assert_eq!(counters.poll.full_bursts_max, 1 + 1 + 4 + 4 + 1);
    assert_eq!(counters.poll.polls, 5);
    assert_eq!(bursts(counters), 11);
    // What is not full was all there was.
    let counters = polled(source(7), &near_then_far);
    assert_eq!(counters.rx.packets, 5 * 7);
    assert_eq!(counters.poll.full_bursts_max, 0);
}

/// A queue in which frames wait, and whose device tells how many.
#[derive(Default)]
struct Deep {
    waiting: u16,
    depth: Option<u32>,
    sent: u16,
}

impl Port for Deep {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_frame: FrameLen(1514),
            rx_burst: 8,
            tx_burst: 8,
        }
    }

    fn transmit(&mut self, want: u16, mut fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        for _ in 0..want {
            fill(&mut [0; 1514]);
        }
        self.sent += want;
        TxOutcome {
            accepted: want,
            ..TxOutcome::default()
        }
    }

    fn receive(&mut self, mut each: impl FnMut(&[u8])) -> u16 {
        let burst = self.waiting.min(8);
        self.waiting -= burst;
        (0..burst).for_each(|_| each(&packet()));
        burst
    }

    fn forward(&mut self, _: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        self.waiting = 0;
        ForwardOutcome::default()
    }

    fn rx_depth(&self) -> Option<u32> {
        self.depth
    }
}

/// Intervals of a second, from the start on.
const SECONDS: IntervalGrid = IntervalGrid {
    start: Instant::START,
    length: Span::from_secs(1),
    grace: Span::ZERO,
};

/// Returns the worker of each role over a port in which `waiting` frames wait.
fn one_of_each(waiting: u16) -> [Worker<'static, Deep>; 3] {
    let port = || Deep {
        waiting,
        ..Deep::default()
    };
    let plan = Plan {
        stream: 0,
        streams: 1,
        rate: None,
        start: Instant::START,
        duration: None,
        count: Some(20),
        burst: 8,
        first_source_port: FIRST_PORT,
        source_ports: SOURCE_PORTS,
    };
    let bench = || Bench::new(SECONDS);
    let (sending, receiving, reflecting) = (bench(), bench(), bench());
    let sender = Generator::new(plan, sending.template(), sending.sequences);
    let receiver = Receiver::new(0, receiving.expectation(), receiving.sequences, false);
    [
        (sending, Role::Transmit(sender)),
        (receiving, Role::Receive(receiver)),
        (
            reflecting,
            Role::Reflect(Reflector::new(Rules::of(OWN), None)),
        ),
    ]
    .map(|(bench, role)| Worker::new(port(), role, bench.recorder))
}

#[test]
#[should_panic(expected = "has no room for")]
fn frames_that_the_port_does_not_carry_are_no_worker() {
    let [sender, ..] = one_of_each(0);
    let bench = Bench::new(SECONDS);
    // Which carries 64 bytes; the frames have 66.
    let port = Source { burst: 0, takes: 8 };
    let _ = Worker::new(port, sender.role, bench.recorder);
}

#[test]
fn before_the_start_a_receiver_forgets_what_waits() {
    let mut workers = one_of_each(5);
    workers.iter_mut().for_each(Worker::prime);
    let waiting = workers.each_ref().map(|worker| worker.port.waiting);
    assert_eq!(waiting, [5, 0, 5]);
    let received = workers.each_ref().map(|worker| worker.recorder.counters.rx);
    assert_eq!(received, [RxCounters::default(); 3]);
}

#[test]
fn a_run_goes_on_until_all_have_ended_and_shows_their_last_counts() {
    let mut workers = one_of_each(20);
    let stats = workers.each_ref().map(|worker| worker.recorder.stats);
    let phase = PhaseCell::default();
    phase.set(Phase::Running);
    /// A clock at whose hundredth reading the run is stopped.
    struct Stopping<'p>(&'p PhaseCell, Ticking);
    impl Clock for Stopping<'_> {
        fn now(&mut self) -> Instant {
            let now = self.1.now();
            if now == Instant::START + Span::from_micros(100) {
                self.0.set(Phase::Stopping);
            }
            now
        }
    }
    run(
        &mut workers,
        &mut Stopping(&phase, Ticking(Instant::START)),
        &phase,
    );
    assert_eq!(
        workers.each_ref().map(|worker| worker.port.sent),
        [20, 0, 0]
    );
    let counters = stats.map(|stats| stats.try_snapshot().unwrap());
    assert_eq!(counters[0].tx.packets, 20);
    assert_eq!(
        (counters[1].rx.packets, counters[1].probes.foreign),
        (20, 20)
    );
    // Polls of a microsecond, but for a receiver's, whose clock is read once more when frames came.
    let [sent, received, reflected] = counters.map(|counters| counters.poll.polls);
    assert_eq!((sent, counters[0].poll.empty), (4, 1));
    let full = counters.map(|counters| counters.poll.full_bursts_max);
    assert_eq!(full, [2, 2, 0], "twice eight of twenty");
    assert!((40..50).contains(&received) && received.abs_diff(reflected) <= 1);
}

#[test]
fn counts_are_shown_once_a_millisecond() {
    let mut workers = one_of_each(0);
    let workers = &mut workers[2..];
    let stats = workers[0].recorder.stats;
    let mut crew = LcoreWorkers::new(workers);
    let mut shown = |at| {
        let begin = Instant::from_nanos(at);
        crew.poll_all(begin, &mut Ticking(begin), Phase::Running);
        stats.try_snapshot().unwrap().poll.polls
    };
    // Each poll ends a microsecond later.
    assert_eq!(shown(0), 1);
    assert_eq!([1_000, 500_000, 999_999].map(&mut shown), [1; 3]);
    assert_eq!(shown(1_000_000), 5);
    assert_eq!([1_001_000, 1_999_999].map(&mut shown), [5; 2]);
    assert_eq!(
        [3_000_000, 3_500_000, 4_000_000].map(&mut shown),
        [8, 8, 10]
    );
}

#[test]
fn the_deepest_that_a_queue_was_seen_is_told() {
    let mut workers = one_of_each(0);
    let workers = &mut workers[2..];
    let stats = workers[0].recorder.stats;
    let mut at = Instant::START;
    let told = [None, Some(7), Some(3), None, Some(9)].map(|depth| {
        workers[0].port.depth = depth;
        at = at + Span::from_secs(1);
        LcoreWorkers::new(workers).poll_all(at, &mut Ticking(at), Phase::Running);
        let poll = stats.try_snapshot().unwrap().poll;
        (poll.has_rx_depth, poll.depth_max)
    });
    assert_eq!(told, [(0, 0), (1, 7), (1, 7), (1, 7), (1, 9)]);
}

#[test]
fn the_time_of_an_lcore_is_that_of_its_counted_polls() {
    // A clock whose readings are so many nanoseconds apart.
    struct Taking(Instant, u64);
    impl Clock for Taking {
        fn now(&mut self) -> Instant {
            self.0 = self.0 + Span::from_nanos(self.1);
            self.0
        }
    }
    let mut workers = one_of_each(0);
    let workers = &mut workers[2..];
    let stats = workers[0].recorder.stats;
    let mut at = Instant::START;
    let mut crew = LcoreWorkers::new(workers);
    for (took, phase) in [
        (700, Phase::Waiting),
        (999_999, Phase::Running),
        // The lcore was taken away.
        (1_000_000, Phase::Running),
        (3_000_000, Phase::Running),
        (1_000, Phase::Running),
        (5_000, Phase::Draining),
    ] {
        let mut clock = Taking(at, took);
        at = crew.poll_all(at, &mut clock, phase).unwrap_or(at);
    }
    let poll = stats.try_snapshot().unwrap().poll;
    assert_eq!((poll.polls, poll.elapsed_ns), (4, 1_000_999));
}
