//! A sample of the frames that a run sends and receives, taken by the workers as they pass.
//!
//! Promised: a worker never waits and never allocates for it. It copies one frame in so many into
//! memory that was there before the start and that the control thread empties; a frame for which
//! there is no memory just then is skipped, and counted. A run without a sample has ports without
//! [`Sampled`] around them, and pays nothing.

pub mod late_clock;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dpdkgen_core::port::{Capabilities, ForwardOutcome, FrameLen, Port, TxOutcome, Verdict};
use dpdkgen_core::time::{Instant, Span};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::request::limits;

/// Bytes of memory for the frames of one worker that wait for the control thread.
pub const BYTES_PER_WORKER: usize = 8 << 20;

/// One sampled frame.
pub struct Sample {
    /// The time at which the worker saw it.
    pub at: Instant,
    /// The length of the frame in bytes, of which fewer may be kept.
    pub len: usize,
    bytes: Box<[u8]>,
}

impl Sample {
    /// Returns as much of the frame as there was room for.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len.min(self.bytes.len())]
    }
}

/// The number of frames that one worker skipped, on a cache line of its own.
#[repr(align(128))]
#[derive(Default)]
struct Skipped(AtomicU64);

/// A worker's end of a sample, which takes it.
pub struct Tap {
    one_in: u32,
    /// Frames to go until one is sampled.
    left: u32,
    filled: Producer<Sample>,
    empty: Consumer<Sample>,
    /// The samples of the burst that is being built: the number of the frame in it, and its copy.
    staged: Vec<(u16, Sample)>,
    /// Copies of frames that the device did not take.
    spare: Vec<Sample>,
    skipped: Arc<Skipped>,
}

/// The control thread's end of a sample, which fetches it.
pub struct Reservoir {
    filled: Consumer<Sample>,
    empty: Producer<Sample>,
    skipped: Arc<Skipped>,
}

/// Makes both ends of the sample of one worker: one frame in `one_in`, of which at most `longest`
/// bytes are kept.
#[must_use]
pub fn sampler(one_in: NonZeroU32, longest: usize) -> (Tap, Reservoir) {
    with_slots(one_in.get(), longest, BYTES_PER_WORKER / longest.max(1))
}

fn with_slots(one_in: u32, longest: usize, slots: usize) -> (Tap, Reservoir) {
    let (filled, filled_here) = RingBuffer::new(slots);
    let (mut empty_here, empty) = RingBuffer::new(slots);
    for _ in 0..slots {
        let sample = Sample {
            at: Instant::START,
            len: 0,
            // Not 0, so that the pages are there before the start.
            bytes: vec![0xff; longest].into_boxed_slice(),
        };
        // There are as many places as samples, here and below.
        let _ = empty_here.push(sample);
    }
    let skipped = Arc::<Skipped>::default();
    let burst = usize::from(limits::MAX_BURST);
    let tap = Tap {
        one_in,
        left: 1,
        filled,
        empty,
        staged: Vec::with_capacity(burst),
        spare: Vec::with_capacity(burst),
        skipped: Arc::clone(&skipped),
    };
    let reservoir = Reservoir {
        filled: filled_here,
        empty: empty_here,
        skipped,
    };
    (tap, reservoir)
}

impl Tap {
    /// Makes a tap that takes no sample.
    #[must_use]
    pub fn closed() -> Self {
        let (mut tap, _) = with_slots(u32::MAX, 0, 0);
        (tap.one_in, tap.left) = (0, 0);
        tap
    }

    /// Returns whether the next frame is to be sampled, if there is memory for it: the first one,
    /// and then every `one_in`-th.
    #[inline]
    fn is_due(&mut self) -> bool {
        self.left = self.left.wrapping_sub(1);
        self.left == 0 && self.has_memory()
    }

    fn has_memory(&mut self) -> bool {
        self.left = self.one_in;
        if self.one_in == 0 {
            return false;
        }
        let has_memory = !(self.spare.is_empty() && self.empty.is_empty());
        if !has_memory {
            self.skip();
        }
        has_memory
    }

    /// Returns a copy of `frame`, if there is memory for it.
    fn copy(&mut self, at: Instant, frame: &[u8]) -> Option<Sample> {
        let Some(mut sample) = self.spare.pop().or_else(|| self.empty.pop().ok()) else {
            // Of two copies of one frame the second found none.
            self.skip();
            return None;
        };
        let kept = frame.len().min(sample.bytes.len());
        sample.bytes[..kept].copy_from_slice(&frame[..kept]);
        (sample.at, sample.len) = (at, frame.len());
        Some(sample)
    }

    fn skip(&self) {
        let Skipped(count) = &*self.skipped;
        // This worker is the only one that writes it.
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Samples `frame`.
    fn take(&mut self, at: Instant, frame: &[u8]) {
        if let Some(sample) = self.copy(at, frame) {
            let _ = self.filled.push(sample);
        }
    }

    /// Copies `frame`, which has this `number` in a burst, to be sampled if the device takes it.
    fn stage(&mut self, number: u16, at: Instant, frame: &[u8]) {
        if let Some(sample) = self.copy(at, frame) {
            self.staged.push((number, sample));
        }
    }

    /// Samples what was staged, if it is among the first `accepted` of the burst, which the device
    /// took.
    fn settle(&mut self, accepted: u16) {
        for (number, sample) in self.staged.drain(..) {
            if number < accepted {
                let _ = self.filled.push(sample);
            } else {
                self.spare.push(sample);
            }
        }
    }
}

impl Reservoir {
    /// Returns the next sample that waits.
    pub fn fetch(&mut self) -> Option<Sample> {
        self.filled.pop().ok()
    }

    /// Gives the memory of a sample back.
    pub fn give_back(&mut self, sample: Sample) {
        let _ = self.empty.push(sample);
    }

    /// Returns how many frames were due and found no memory.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped.0.load(Ordering::Relaxed)
    }
}

/// A clock that tells the time of a sample.
pub trait Stamp {
    /// Returns the time now; `None` before the run's start, when nothing is sampled.
    fn stamp(&mut self) -> Option<Instant>;
}

/// A port with a sample of its frames.
pub struct Sampled<P, C> {
    port: P,
    tap: Tap,
    clock: C,
}

impl<P: Port, C: Stamp> Sampled<P, C> {
    /// Wraps `port`, of which `tap` takes a sample at the times of `clock`.
    #[must_use]
    pub const fn new(port: P, tap: Tap, clock: C) -> Self {
        Self { port, tap, clock }
    }
}

impl<P: Port, C: Stamp> Port for Sampled<P, C> {
    const IS_ONE_FLOW: bool = P::IS_ONE_FLOW;

    fn capabilities(&self) -> Capabilities {
        self.port.capabilities()
    }

    fn transmit(&mut self, want: u16, mut fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        let Self { port, tap, clock } = self;
        let mut number = 0;
        let outcome = port.transmit(want, |room| {
            let len = fill(room);
            if tap.is_due()
                && let Some(now) = clock.stamp()
            {
                tap.stage(number, now, &room[..usize::from(len.0)]);
            }
            number += 1;
            len
        });
        tap.settle(outcome.accepted);
        outcome
    }

    fn receive(&mut self, mut each: impl FnMut(&[u8])) -> u16 {
        self.receive_timed(|frame, _| each(frame))
    }

    fn receive_timed(&mut self, mut each: impl FnMut(&[u8], Span)) -> u16 {
        let Self { port, tap, clock } = self;
        port.receive_timed(|frame, waited| {
            if tap.is_due()
                && let Some(now) = clock.stamp()
            {
                tap.take(now, frame);
            }
            each(frame, waited);
        })
    }

    fn forward(&mut self, mut each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        let Self { port, tap, clock } = self;
        let mut wanted = 0;
        let outcome = port.forward(|frame| {
            let now = if tap.is_due() { clock.stamp() } else { None };
            if let Some(now) = now {
                tap.take(now, frame);
            }
            let verdict = each(frame);
            if verdict == Verdict::Send {
                if let Some(now) = now {
                    tap.stage(wanted, now, frame);
                }
                wanted += 1;
            }
            verdict
        });
        tap.settle(outcome.sent);
        outcome
    }

    fn rx_depth(&self) -> Option<u32> {
        self.port.rx_depth()
    }
}

#[cfg(test)]
mod tests;
