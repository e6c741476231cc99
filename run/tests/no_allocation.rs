//! Between start and stop the poll loop asks for no memory.
#![expect(unsafe_code, reason = "an allocator is unsafe to implement")]

mod counting;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::rc::Rc;

use counting::{Counting, allocations, request, run};
use dpdkgen_core::port::{Capabilities, ForwardOutcome, FrameLen, Port, TxOutcome, Verdict};
use dpdkgen_core::time::Instant;
use dpdkgen_core::tx::pacer::Rate;
use dpdkgen_run::outputs::sampling::{Sampled, Stamp, sampler};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A port that gives back what it was given, out of memory that was there before.
struct Loop(Rc<RefCell<Frames>>);

struct Frames {
    free: Vec<Vec<u8>>,
    held: VecDeque<Vec<u8>>,
}

impl Loop {
    fn new() -> Self {
        let frames = Frames {
            free: vec![vec![0; 1514]; 256],
            held: VecDeque::with_capacity(256),
        };
        Self(Rc::new(RefCell::new(frames)))
    }
}

impl Port for Loop {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_frame: FrameLen(9014),
            rx_burst: 32,
            tx_burst: 32,
        }
    }

    fn transmit(&mut self, want: u16, mut fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        let frames = &mut *self.0.borrow_mut();
        let mut outcome = TxOutcome::default();
        for _ in 0..want {
            let Some(mut frame) = frames.free.pop() else {
                outcome.no_buffer += 1;
                continue;
            };
            frame.resize(frame.capacity(), 0);
            let FrameLen(len) = fill(&mut frame);
            frame.truncate(usize::from(len));
            frames.held.push_back(frame);
            outcome.accepted += 1;
        }
        outcome
    }

    fn receive(&mut self, mut each: impl FnMut(&[u8])) -> u16 {
        let frames = &mut *self.0.borrow_mut();
        let count = frames.held.len().min(32);
        for frame in frames.held.drain(..count) {
            each(&frame);
            frames.free.push(frame);
        }
        count as u16
    }

    fn forward(&mut self, _: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        ForwardOutcome::default()
    }
}

#[test]
fn the_allocator_counts() {
    let before = allocations();
    drop(Vec::<u8>::with_capacity(10));
    assert_eq!(allocations() - before, 2);
}

/// A clock that always tells the same time.
struct Noon;

impl Stamp for Noon {
    fn stamp(&mut self) -> Option<Instant> {
        Some(Instant::START)
    }
}

#[test]
fn a_sample_of_the_frames_allocates_nothing() {
    let every_third = NonZeroU32::new(3).unwrap();
    let port = Loop::new();
    let mut reservoirs = Vec::new();
    let (summary, allocations) = run(&request(Rate::new(1_000_000, 1_000_000_000)), |_| {
        let (tap, reservoir) = sampler(every_third, 1_514);
        reservoirs.push(reservoir);
        Sampled::new(Loop(Rc::clone(&port.0)), tap, Noon)
    });
    assert_eq!(summary.lost, Some(0));
    assert_eq!(allocations, 0);
    // Nobody fetched any, so some were skipped too.
    let due = summary.tx.packets.div_ceil(3);
    for mut reservoir in reservoirs {
        let fetched = std::iter::from_fn(|| reservoir.fetch()).count() as u64;
        assert!(fetched > 0);
        assert_eq!(fetched + reservoir.skipped(), due);
    }
}

#[test]
fn sending_and_receiving_allocate_nothing() {
    for rate in [None, Rate::new(1_000_000, 1_000_000_000)] {
        let port = Loop::new();
        let (summary, allocations) = run(&request(rate), |_| Loop(Rc::clone(&port.0)));
        assert!(summary.tx.packets > 1000, "{summary:?}");
        assert_eq!(summary.lost, Some(0));
        assert_eq!(allocations, 0);
    }
}
