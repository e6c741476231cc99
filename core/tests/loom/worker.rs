//! The end of a worker, and a whole one: the poll loop as it runs, over a device that always has
//! something to reflect.

use dpdkgen_core::phase::{Phase, PhaseCell};
use dpdkgen_core::port::{Capabilities, ForwardOutcome, FrameLen, Port, TxOutcome, Verdict};
use dpdkgen_core::reflect::{Reflector, Rules};
use dpdkgen_core::stats::intervals::{Cell, IntervalGrid, Reader, Ring, Writer};
use dpdkgen_core::stats::{Counters, Recorder, WorkerStats};
use dpdkgen_core::sync::Edge;
use dpdkgen_core::sync::modelled::{Twin, spin_loop};
use dpdkgen_core::time::{Clock, Instant, Span};
use dpdkgen_core::wire::Mac;
use dpdkgen_core::worker::{self, Role, Worker};
use loom::thread;

use crate::support::{Model, check, hold, share};

pub const MODELS: &[Model] = &[
    Model {
        name: "of a worker that has ended all is seen that it counted",
        preemptions: None,
        run: end,
        catches: &[Twin::Release(Edge::Ended), Twin::Acquire(Edge::Ended)],
    },
    Model {
        name: "a worker's last counters are there when it has ended, and its intervals add up to them",
        preemptions: Some(2),
        run: poll_loop,
        catches: &[Twin::Release(Edge::Ended), Twin::Acquire(Edge::Ended)],
    },
];

#[test]
fn worker() {
    check(MODELS);
}

/// The stack of a model's thread in bytes: a worker's statistics are 128 KiB of loom's atomics.
const STACK: usize = 4 << 20;

fn in_large_thread(run: fn()) {
    let thread = thread::Builder::new().stack_size(STACK);
    thread.spawn(run).unwrap().join().unwrap();
}

fn ring() -> &'static Ring<'static> {
    let grid = IntervalGrid {
        start: Instant::START,
        length: Span::from_millis(1),
        grace: Span::ZERO,
    };
    let cells: Vec<Cell> = (0..4).map(|_| Cell::default()).collect();
    share(Ring::new(grid, share(cells)))
}

fn wait_for_end(ring: &Ring<'_>) {
    while !ring.has_ended() {
        spin_loop();
    }
}

fn end() {
    in_large_thread(|| {
        let (stats, ring) = (share(WorkerStats::default()), ring());
        let worker = thread::spawn(|| {
            let mut counters = Counters::default();
            for packets in 1..=2 {
                counters.tx.packets = packets;
                stats.latency.record(Span::from_nanos(1));
                stats.publish(&counters);
            }
            Writer::new(ring).end();
        });
        wait_for_end(ring);
        hold(
            stats.latency.counts().nth(1) == Some(2),
            "a latency is missing",
        );
        let packets = stats.try_snapshot().map(|counters| counters.tx.packets);
        hold(packets == Some(2), "not the last counters");
        worker.join().unwrap();
    });
}

/// A port that reflects one packet a poll.
struct Device;

impl Port for Device {
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

    fn forward(&mut self, _: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        ForwardOutcome {
            received: 1,
            received_bytes: 60,
            sent: 1,
            sent_bytes: 60,
            refused: 0,
        }
    }
}

/// A clock whose readings are half an interval apart, each of which lets others run.
struct Ticking(Instant);

impl Clock for Ticking {
    fn now(&mut self) -> Instant {
        spin_loop();
        self.0 = self.0 + Span::from_micros(500);
        self.0
    }
}

fn poll_loop() {
    in_large_thread(|| {
        let (stats, ring) = (share(WorkerStats::default()), ring());
        let phase_cell = share(PhaseCell::default());
        let worker = thread::Builder::new().stack_size(STACK).spawn(|| {
            let role = Role::Reflect(Reflector::new(Rules::of(Mac([2; 6])), None));
            let mut workers = [Worker::new(
                Device,
                role,
                Recorder::new(stats, Writer::new(ring)),
            )];
            phase_cell.wait_for_start();
            worker::run(&mut workers, &mut Ticking(Instant::START), phase_cell);
        });
        phase_cell.set(Phase::Running);
        spin_loop();
        phase_cell.set(Phase::Stopping);
        wait_for_end(ring);
        let counters = stats.try_snapshot();
        hold(counters.is_some(), "still publishing");
        let packets = counters.map_or(0, |counters| counters.tx.packets);
        let mut reader = Reader::new(ring);
        let in_intervals = (0..4).map(|_| reader.read().map_or(0, |interval| interval.tx_packets));
        hold(in_intervals.sum::<u64>() == packets, "not what was counted");
        worker.unwrap().join().unwrap();
    });
}
