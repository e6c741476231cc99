//! The hot paths of `core`, one by one, each over a thousand packets a round: for the clock
//! (`cargo bench -p dpdkgen-bench`) and for valgrind, which counts instructions
//! (`scripts/instructions`).

pub mod fixture;

use std::hint::black_box;

use dpdkgen_core::phase::Phase;
use dpdkgen_core::port::{Capabilities, ForwardOutcome, FrameLen, Port, TxOutcome, Verdict};
use dpdkgen_core::probe::Index;
use dpdkgen_core::rx::receiver::Receiver;
use dpdkgen_core::rx::verify::Verifier;
use dpdkgen_core::stats::Counters;
use dpdkgen_core::stats::histogram::Histogram;
use dpdkgen_core::time::{Instant, Span};
use dpdkgen_core::tx::generator::{Generator, Plan};
use dpdkgen_core::tx::pacer::Rate;
use dpdkgen_core::tx::template::Patch;

use fixture::{FIRST_SOURCE_PORT, Fixture, RECEIVED, SOURCE_PORTS, patch, reflector};

/// The packets of a round.
pub const PACKETS: u64 = 1024;
/// The packets of a burst.
const BURST: u16 = 32;

/// A piece of work, which one call does for [`PACKETS`] packets.
pub type Work = Box<dyn FnMut()>;

/// The name of a piece of work, and the function that makes it.
pub type Named = (&'static str, fn() -> Work);

/// Every piece of work by name.
pub const WORKS: &[Named] = &[
    ("fill 16", || fill(16)),
    ("fill 1458", || fill(1458)),
    ("send 16", || send(16, None)),
    ("send 16 paced", || {
        send(16, Rate::new(1_000_000_000, 1_000_000_000))
    }),
    ("verify 16", || verify(16)),
    ("verify 1458", || verify(1458)),
    ("receive 16", || receive(16)),
    ("receive 1458", || receive(1458)),
    ("reflect 16", || reflect_frames(16)),
    ("histogram", histogram),
    ("window", || window(1)),
    ("window shared", || window(2)),
];

/// Makes the work of writing a probe into a buffer.
fn fill(payload_len: u16) -> Work {
    let fixture = Fixture::new(payload_len, 1);
    let template = fixture.template();
    let mut frame = vec![0; 2048];
    let mut round = 0;
    Box::new(move || {
        for sequence in 0..PACKETS {
            let patch = Patch {
                index: Index::new(0, round * PACKETS + sequence),
                ..patch(sequence)
            };
            black_box(template.write(&mut frame, &patch));
            black_box(&mut frame);
        }
        round += 1;
    })
}

/// A port that takes all it is given and holds nothing.
struct Nowhere(Vec<u8>);

impl Port for Nowhere {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_frame: FrameLen(self.0.len() as u16),
            rx_burst: 0,
            tx_burst: BURST,
        }
    }

    fn transmit(&mut self, want: u16, mut fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        for _ in 0..want {
            black_box(fill(&mut self.0));
            black_box(&mut self.0);
        }
        TxOutcome {
            accepted: want,
            ..TxOutcome::default()
        }
    }

    fn receive(&mut self, _: impl FnMut(&[u8])) -> u16 {
        0
    }

    fn forward(&mut self, _: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        ForwardOutcome::default()
    }
}

/// Makes the work of the whole sending role: due, fill, count, in bursts.
fn send(payload_len: u16, rate: Option<Rate>) -> Work {
    let fixture = Fixture::new(payload_len, 1);
    let plan = Plan {
        stream: 0,
        streams: 1,
        rate,
        start: Instant::START,
        duration: None,
        count: None,
        burst: BURST,
        first_source_port: FIRST_SOURCE_PORT,
        source_ports: SOURCE_PORTS,
    };
    let mut generator = Generator::new(plan, fixture.template(), fixture.sequences);
    let mut port = Nowhere(vec![0; 2048]);
    let mut recorder = fixture.recorder();
    let mut now = Instant::START;
    Box::new(move || {
        for _ in 0..PACKETS / u64::from(BURST) {
            // At 1000 packets a microsecond a burst falls due.
            now = now + Span::from_nanos(u64::from(BURST));
            recorder.intervals.open(now);
            black_box(generator.poll(now, Phase::Running, &mut port, &mut recorder));
        }
    })
}

/// Makes the work of telling whether a frame is a probe of the run.
fn verify(payload_len: u16) -> Work {
    let fixture = Fixture::new(payload_len, 1);
    let verifier = Verifier::new(fixture.expectation());
    let frames = fixture.frames();
    Box::new(move || {
        for frame in &frames {
            black_box(verifier.verify(black_box(frame)));
        }
    })
}

/// Makes the work of the whole receiving role: verify, look up, count, latency, interval. The
/// record of the sequences seen is cleared after every round.
fn receive(payload_len: u16) -> Work {
    let fixture = Fixture::new(payload_len, 1);
    let mut receiver = Receiver::new(0, fixture.expectation(), fixture.sequences, true);
    let frames = fixture.frames();
    let mut recorder = fixture.recorder();
    recorder.intervals.open(RECEIVED);
    Box::new(move || {
        let now = black_box(RECEIVED);
        for burst in frames.chunks(usize::from(BURST)) {
            for frame in burst {
                receiver.receive(black_box(frame), now, &mut recorder);
            }
            receiver.flush(now, &mut recorder);
        }
        fixture.sequences.clear();
        let Counters { rx, probes, .. } = &recorder.counters;
        assert_eq!(probes.unique, rx.packets);
    })
}

/// Makes the work of reflecting a frame.
fn reflect_frames(payload_len: u16) -> Work {
    let frames = Fixture::new(payload_len, 1).sent();
    let len = frames[0].len();
    let as_array = |frame: &Vec<u8>| {
        let mut array = [0; 64];
        array[..len].copy_from_slice(frame);
        array
    };
    let frames: Vec<[u8; 64]> = frames.iter().map(as_array).collect();
    let mut reflector = reflector();
    Box::new(move || {
        for frame in &frames {
            // What was turned round once would not be answered again.
            let mut copy = *frame;
            let frame = black_box(&mut copy[..len]);
            black_box(reflector.reflect(frame)).expect("a frame that is reflected");
        }
    })
}

/// Makes the work of counting a time in a histogram.
fn histogram() -> Work {
    let histogram = Box::<Histogram>::default();
    Box::new(move || {
        for value in 0..PACKETS {
            histogram.record(black_box(Span::from_nanos(20_000 + 37 * value)));
        }
    })
}

/// Makes the work of looking a probe up in the record of the sequences seen.
fn window(receivers: u16) -> Work {
    let fixture = Fixture::new(16, receivers);
    let mut record = fixture.sequences.cursor(0);
    Box::new(move || {
        for sequence in 0..PACKETS {
            let port_offset = (sequence % u64::from(SOURCE_PORTS)) as u16;
            let index = black_box(Index::new(0, sequence));
            black_box(record.insert(index, port_offset));
        }
        fixture.sequences.clear();
    })
}
