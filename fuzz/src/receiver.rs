//! A run's receivers, given any frames in any order at any times, against the record that the
//! simulator keeps: every counter, every interval and every bucket.

mod memory;
mod step;

use dpdkgen_core::probe::Index;
use dpdkgen_core::probe::sizes::{Share, Sizes};
use dpdkgen_core::reflect::{FrameReflector, Rules};
use dpdkgen_core::rx::receiver::Receiver;
use dpdkgen_core::sequence::{Dimensions, SequenceWindow};
use dpdkgen_core::stats::histogram::{BUCKETS, Histogram};
use dpdkgen_core::stats::intervals::{Interval, IntervalGrid, Reader, Ring, Writer};
use dpdkgen_core::stats::{Counters, Recorder, WorkerStats};
use dpdkgen_core::time::{Instant, Span};
use dpdkgen_core::tx::template::{Patch, Template};
use dpdkgen_core::wire::Mac;
use sim::link::frames::{Frames, Slot};
use sim::truth::{Stream, Truth};
use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub use self::step::{Happening, Step};

use self::memory::RunMemory;
use crate::shape::Shape;

/// The settings of the run: the first bytes of the input.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Setup {
    /// The number of streams less one, taken modulo 3.
    pub streams: u8,
    /// The number of source ports less one, taken modulo 8.
    pub source_ports: u8,
    /// The number of receivers less one, taken modulo 3.
    pub receivers: u8,
    /// The bytes of payload beyond 16, taken modulo 32; divided by 32 the number of further sizes.
    pub payload: u8,
    /// The window, taken modulo 512.
    pub window: U16,
    /// The length of an interval in microseconds, less one.
    pub interval: u8,
    /// The grace in microseconds.
    pub grace: u8,
    /// The time at which counting begins, in microseconds.
    pub warmup: u8,
    /// The form of the probes; its path does what it is said to do.
    pub shape: Shape,
}

const FIRST_PORT: u16 = 20_000;
/// The number of intervals for which there are cells.
const CELLS: usize = 256;
/// The most frames kept to be received.
const KEPT: usize = 64;
/// The bytes by which a frame may grow.
const MOST_ADDED: usize = 32;

/// Checks the receivers of a run: `data` is a [`Setup`], and then [`Step`]s.
///
/// # Panics
///
/// If a number of the receivers is not that of the record.
pub fn run(data: &[u8]) {
    let Ok((setup, steps)) = Setup::read_from_prefix(data) else {
        return;
    };
    let memory = RunMemory::new(&setup);
    let sequences = memory.sequences(setup.dimensions());
    let rings = memory.rings(setup.grid());
    let mut bench = Bench::new(setup, &memory, &sequences, &rings);
    let steps = steps.chunks_exact(size_of::<Step>());
    for step in steps.filter_map(|step| Step::read_from_bytes(step).ok()) {
        if !bench.advance_watermark(Span::from_nanos(u64::from(step.pause.get()) * 16)) {
            break;
        }
        match step.happening() {
            Happening::Send => bench.send(&step),
            happening => bench.deliver(&step, happening),
        }
    }
    bench.compare();
}

impl Setup {
    fn streams(&self) -> u16 {
        u16::from(self.streams % 3) + 1
    }

    fn source_ports(&self) -> u32 {
        u32::from(self.source_ports % 8) + 1
    }

    fn receivers(&self) -> usize {
        usize::from(self.receivers % 3) + 1
    }

    fn sizes(&self) -> Sizes {
        let (first, further) = (u16::from(self.payload % 32), u16::from(self.payload / 32));
        let share = |number: u16| Share {
            payload_len: 16 + (first + 5 * number) % 40,
            weight: 1 + number % 3,
        };
        let shares: Vec<_> = (0..=further).map(share).collect();
        Sizes::mix(&shares).expect("few sizes, all different")
    }

    fn grid(&self) -> IntervalGrid {
        IntervalGrid {
            start: Instant::START + Span::from_micros(self.warmup.into()),
            length: Span::from_micros(u64::from(self.interval) + 1),
            grace: Span::from_micros(self.grace.into()),
        }
    }

    fn dimensions(&self) -> Dimensions {
        Dimensions {
            streams: self.streams(),
            source_ports: self.source_ports(),
            receivers: self.receivers() as u16,
            window: u64::from(self.window.get() % 512),
        }
    }

    fn last_port(&self) -> u16 {
        FIRST_PORT + self.source_ports() as u16 - 1
    }
}

/// The receivers of a run, and the record beside them.
struct Bench<'m> {
    setup: Setup,
    stats: &'m [WorkerStats],
    sequences: &'m SequenceWindow<'m>,
    template: Template<'static>,
    ends: Vec<End<'m>>,
    truth: Truth<'static>,
    frames: Frames,
    /// The frames that may still be received, as they come back.
    sent: Vec<Slot>,
    now: Instant,
    /// The packets that came as they were sent, though the path is said to turn them round.
    unturned: u64,
    /// The receiver whose burst has not ended; it ends before another one, or the sender, goes on.
    in_burst: Option<usize>,
}

/// A receiver, the recorder that it counts in, and the reader of its intervals.
struct End<'m> {
    receiver: Receiver<'m>,
    recorder: Recorder<'m>,
    reader: Reader<'m>,
}

impl<'m> Bench<'m> {
    fn new(
        setup: Setup,
        memory: &'m RunMemory,
        sequences: &'m SequenceWindow<'m>,
        rings: &'m [Ring<'m>],
    ) -> Self {
        let end = |(number, ring)| End {
            receiver: Receiver::new(number as u16, memory.expectation(&setup), sequences, true),
            recorder: Recorder::new(&memory.stats[number], Writer::new(ring)),
            reader: Reader::new(ring),
        };
        let streams = (0..setup.streams()).map(|_| Stream::new(setup.source_ports(), None));
        let mut bench = Self {
            setup,
            stats: &memory.stats,
            sequences,
            template: memory.template(&setup),
            ends: rings.iter().enumerate().map(end).collect(),
            truth: Truth::new(
                memory.oracle(&setup),
                setup.grid(),
                setup.dimensions().window,
                streams.collect(),
                setup.receivers(),
            ),
            frames: Frames::new(
                setup.shape.headers_len() + usize::from(setup.sizes().largest()) + MOST_ADDED,
            ),
            sent: Vec::new(),
            now: Instant::START,
            unturned: 0,
            in_burst: None,
        };
        for end in &mut bench.ends {
            assert!(end.recorder.intervals.open(Instant::START));
        }
        bench
    }

    /// Lets time pass, which ends the burst, and returns whether there are cells for so much of it.
    fn advance_watermark(&mut self, pause: Span) -> bool {
        if pause == Span::ZERO {
            return true;
        }
        self.end_burst();
        let later = self.now + pause;
        for end in &mut self.ends {
            if !end.recorder.intervals.open(later) {
                return false;
            }
        }
        self.now = later;
        true
    }

    fn end_burst(&mut self) {
        let Some(number) = self.in_burst.take() else {
            return;
        };
        let End {
            receiver, recorder, ..
        } = &mut self.ends[number];
        receiver.flush(self.now, recorder);
    }

    fn send(&mut self, step: &Step) {
        self.end_burst();
        let stream = u16::from(step.to) % self.setup.streams();
        let sequence = self.truth.streams()[usize::from(stream)].next();
        let slot = self.frames.make();
        let frame = self.frames.get_mut(slot);
        let port = (sequence % u64::from(self.setup.source_ports())) as u16;
        let patch = Patch {
            index: Index::new(stream, sequence),
            source_port: FIRST_PORT + port,
            time: self.now,
            lag: Span::from_nanos(u64::from(step.which.get())),
        };
        let len = self.template.write(frame.room(), &patch).0;
        frame.set_len(len.into());
        frame.origin = self.truth.sent(stream, 0, frame.bytes(), self.now);
        frame.is_intact = true;
        self.sequences.set_sent(stream, sequence + 1);
        if !self.setup.shape.is_through() {
            FrameReflector::new(Rules::of(Mac([2, 0, 0, 0, 0, 2])))
                .reflect(frame.bytes_mut())
                .expect("a UDP packet");
        }
        self.sent.push(slot);
        if self.sent.len() > KEPT {
            let oldest = self.sent.remove(0);
            self.frames.free(oldest);
        }
    }

    fn deliver(&mut self, step: &Step, happening: Happening) {
        let Some(last) = self.sent.len().checked_sub(1) else {
            return;
        };
        let number = usize::from(step.to) % self.ends.len();
        if self.in_burst != Some(number) {
            self.end_burst();
        }
        self.in_burst = Some(number);
        let which = last - usize::from(step.which.get()) % self.sent.len();
        let slot = self.frames.copy(self.sent[which]);
        let frame = self.frames.get_mut(slot);
        frame.is_intact = happening == Happening::Deliver;
        step.impair(frame, happening);
        let End {
            receiver, recorder, ..
        } = &mut self.ends[number];
        receiver.receive(frame.bytes(), self.now, recorder);
        if self.setup.shape.is_through() {
            // The record knows probes by what they are once turned round.
            step::turn_round(frame.bytes_mut());
        } else if happening == Happening::Turn && self.truth.counts(self.now) {
            self.unturned += 1;
        }
        self.truth.delivered(number, frame, self.now);
        self.frames.free(slot);
    }

    fn compare(mut self) {
        self.end_burst();
        let mut told = Counters::default();
        for End { recorder, .. } in &mut self.ends {
            recorder.intervals.end();
            told.merge(&recorder.counters);
        }
        self.truth.probes.unturned = self.unturned;
        assert_eq!((told.rx, told.probes), (self.truth.rx, self.truth.probes));
        for number in 0..CELLS {
            let mut told = Interval::default();
            for end in &mut self.ends {
                told.merge(&end.reader.read().expect("the writer has ended"));
            }
            let is = Interval {
                // Nobody sends here.
                tx_packets: 0,
                ..self.truth.next_interval()
            };
            assert_eq!(told, is, "interval {number}");
        }
        let latency = merged(self.stats, |stats| &stats.latency);
        assert_eq!(latency, self.truth.latency.counts());
        // Without room for it a probe does not say how late it was.
        if self.setup.sizes().have_lag() {
            let due = merged(self.stats, |stats| &stats.latency_due);
            assert_eq!(due, self.truth.latency_due.counts());
        }
    }
}

fn merged(stats: &[WorkerStats], which: fn(&WorkerStats) -> &Histogram) -> Vec<u64> {
    let mut merged = vec![0; BUCKETS];
    for stats in stats {
        for (sum, count) in merged.iter_mut().zip(which(stats).counts()) {
            *sum += count;
        }
    }
    merged
}
