//! The hot paths of `core`, one by one, each over a thousand packets a round: for the clock
//! (`cargo bench -p dpdkgen-bench`) and for valgrind, which counts instructions
//! (`scripts/instructions`).

pub mod fixture;

use std::hint::black_box;

use dpdkgen_core::phase::Phase;
use dpdkgen_core::port::{Capabilities, ForwardOutcome, FrameLen, Port, TxOutcome, Verdict};
use dpdkgen_core::probe::Index;
use dpdkgen_core::probe::layout::Headers;
use dpdkgen_core::probe::sizes::Sizes;
use dpdkgen_core::reflect::Reflector;
use dpdkgen_core::rx::receiver::Receiver;
use dpdkgen_core::rx::verify::Verifier;
use dpdkgen_core::stats::Counters;
use dpdkgen_core::stats::histogram::Histogram;
use dpdkgen_core::time::{Clock, Instant, Span};
use dpdkgen_core::tx::generator::{Generator, Plan};
use dpdkgen_core::tx::pacer::Rate;
use dpdkgen_core::tx::template::Patch;

use fixture::{
    FIRST_SOURCE_PORT, Fixture, RECEIVED, SOURCE_PORTS, imix, in_turn, ipv4, ipv6, patch, rules,
    tagged,
};

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
    ("send 16", || send(ipv4(), &of(16), None)),
    ("send 16 tagged", || send(tagged(), &of(16), None)),
    ("send 16 ipv6", || send(ipv6(), &of(16), None)),
    ("send 16 paced", || send(ipv4(), &of(16), paced())),
    ("send 18", || send(ipv4(), &of(18), None)),
    ("send 524", || send(ipv4(), &of(524), None)),
    ("send 1472", || send(ipv4(), &of(1472), None)),
    ("send imix", || send(ipv4(), &imix(), None)),
    ("verify 16", || verify(ipv4(), &of(16))),
    ("verify 16 tagged", || verify(tagged(), &of(16))),
    ("verify 16 ipv6", || verify(ipv6(), &of(16))),
    ("verify 1458", || verify(ipv4(), &of(1458))),
    ("receive 16", || receive(ipv4(), &of(16))),
    ("receive 16 tagged", || receive(tagged(), &of(16))),
    ("receive 16 ipv6", || receive(ipv6(), &of(16))),
    ("receive 1458", || receive(ipv4(), &of(1458))),
    ("receive 18", || receive(ipv4(), &of(18))),
    ("receive 524", || receive(ipv4(), &of(524))),
    ("receive 1472", || receive(ipv4(), &of(1472))),
    ("receive imix", || receive(ipv4(), &imix())),
    ("reflect 16", || reflect_frames(ipv4(), &of(16))),
    ("reflect 16 tagged", || reflect_frames(tagged(), &of(16))),
    ("reflect 16 ipv6", || reflect_frames(ipv6(), &of(16))),
    ("reflect in turn", || reflect_frames(ipv4(), &in_turn())),
    ("histogram", histogram),
    ("window", || window(1)),
    ("window shared", || window(2)),
];

/// Returns the one size of all probes.
fn of(payload_len: u16) -> Sizes {
    Sizes::one(payload_len)
}

/// Returns a rate of 1000 packets a microsecond.
fn paced() -> Option<Rate> {
    Rate::new(1_000_000_000, 1_000_000_000)
}

/// Makes the work of writing a probe into a buffer.
fn fill(payload_len: u16) -> Work {
    let fixture = Fixture::new(&of(payload_len), 1);
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

/// A device from which the same frames come again and again.
struct Arriving<F> {
    frames: Vec<F>,
    next: usize,
}

impl<F> Arriving<F> {
    const fn new(frames: Vec<F>) -> Self {
        Self { frames, next: 0 }
    }

    fn burst(&mut self) -> &[F] {
        let begin = self.next;
        self.next = (begin + usize::from(BURST)) % self.frames.len();
        &self.frames[begin..begin + usize::from(BURST)]
    }
}

/// A frame to be turned round, in an array that is copied for it: what was turned round once would
/// not be answered again.
struct Original {
    bytes: [u8; 80],
    len: usize,
}

impl Original {
    fn of(frame: &[u8]) -> Self {
        let mut bytes = [0; 80];
        bytes[..frame.len()].copy_from_slice(frame);
        Self {
            bytes,
            len: frame.len(),
        }
    }
}

const CAPABILITIES: Capabilities = Capabilities {
    max_frame: FrameLen(1514),
    rx_burst: BURST,
    tx_burst: BURST,
};

impl Port for Arriving<Vec<u8>> {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn transmit(&mut self, _: u16, _: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        TxOutcome::default()
    }

    #[inline]
    fn receive(&mut self, mut each: impl FnMut(&[u8])) -> u16 {
        for frame in self.burst() {
            each(black_box(frame));
        }
        BURST
    }

    fn forward(&mut self, _: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        ForwardOutcome::default()
    }
}

impl Port for Arriving<Original> {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn transmit(&mut self, _: u16, _: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        TxOutcome::default()
    }

    fn receive(&mut self, _: impl FnMut(&[u8])) -> u16 {
        0
    }

    #[inline]
    fn forward(&mut self, mut each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        let mut outcome = ForwardOutcome {
            received: BURST,
            ..ForwardOutcome::default()
        };
        for Original { bytes, len } in self.burst() {
            let mut copy = *bytes;
            if each(black_box(&mut copy[..*len])) == Verdict::Send {
                outcome.sent += 1;
            }
        }
        outcome
    }
}

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now(&mut self) -> Instant {
        black_box(RECEIVED)
    }
}

/// Makes the work of the whole sending role: due, fill, count, in bursts.
fn send(headers: Headers, sizes: &Sizes, rate: Option<Rate>) -> Work {
    let fixture = Fixture::new(sizes, 1).with_headers(headers);
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
fn verify(headers: Headers, sizes: &Sizes) -> Work {
    let fixture = Fixture::new(sizes, 1).with_headers(headers);
    let verifier = Verifier::new(fixture.expectation());
    let frames = fixture.frames();
    Box::new(move || {
        let frames = frames.iter().map(|frame| black_box(frame.as_slice()));
        verifier.verify_burst(frames, |verified| {
            black_box(verified);
        });
    })
}

/// Makes the work of the whole receiving role: verify, look up, count, latency, interval. The
/// record of the sequences seen is cleared after every round.
fn receive(headers: Headers, sizes: &Sizes) -> Work {
    let fixture = Fixture::new(sizes, 1).with_headers(headers);
    let mut receiver = Receiver::new(0, fixture.expectation(), fixture.sequences, true);
    let frames = fixture.frames();
    let mut recorder = fixture.recorder();
    recorder.intervals.open(RECEIVED);
    let mut port = Arriving::new(frames);
    Box::new(move || {
        for _ in 0..PACKETS / u64::from(BURST) {
            let phase = Phase::Running;
            black_box(receiver.poll(phase, BURST, &mut port, &mut Still, &mut recorder));
        }
        fixture.sequences.clear();
        let Counters { rx, probes, .. } = &recorder.counters;
        assert_eq!(probes.unique, rx.packets);
    })
}

/// Makes the work of reflecting a frame.
fn reflect_frames(headers: Headers, sizes: &Sizes) -> Work {
    let fixture = Fixture::new(sizes, 1).with_headers(headers);
    let frames = fixture.sent();
    let mut reflector = Reflector::new(rules(), None);
    let mut recorder = fixture.recorder();
    recorder.intervals.open(RECEIVED);
    let mut port = Arriving::new(frames.iter().map(|frame| Original::of(frame)).collect());
    Box::new(move || {
        for _ in 0..PACKETS / u64::from(BURST) {
            let phase = Phase::Running;
            black_box(reflector.poll(RECEIVED, phase, 1, BURST, &mut port, &mut recorder));
        }
        let Counters { rx, tx, .. } = &recorder.counters;
        assert_eq!(rx.packets, tx.packets);
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
    let fixture = Fixture::new(&of(16), receivers);
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
