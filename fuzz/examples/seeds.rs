//! Writes the seeds of every target to `fuzz/corpus/`, from which libFuzzer goes on: one input for
//! each case that a target tells apart.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use dpdkgen_core::random::SplitMix64;
use dpdkgen_core::wire::{Arp, Mac};
use dpdkgen_fuzz::build::Headers;
use dpdkgen_fuzz::histogram::Value;
use dpdkgen_fuzz::oracle::ETHERNET;
use dpdkgen_fuzz::probe::{Edit, Setup as Probe};
use dpdkgen_fuzz::receiver::{Setup as Run, Step as Happening};
use dpdkgen_fuzz::window::{Setup as Window, Step};
use zerocopy::{FromBytes, IntoBytes};

fn main() -> std::io::Result<()> {
    for (target, seeds) in [
        ("frame", frame()),
        ("histogram", histogram()),
        ("probe", probe()),
        ("receiver", receiver()),
        ("reflect", reflect()),
        ("window", window()),
    ] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(target);
        fs::create_dir_all(&directory)?;
        for (name, input) in seeds {
            fs::write(directory.join(name), input)?;
        }
    }
    Ok(())
}

type Seeds = Vec<(String, Vec<u8>)>;

/// Returns nine random inputs, made by `make`.
fn random(make: impl Fn(&mut SplitMix64) -> Vec<u8>) -> impl Iterator<Item = (String, Vec<u8>)> {
    (1..10).map(move |seed| (format!("random-{seed}"), make(&mut SplitMix64(seed))))
}

fn random_bytes(random: &mut SplitMix64, count: usize) -> Vec<u8> {
    (0..count).map(|_| random.next() as u8).collect()
}

/// Returns the headers of one valid frame, and of one for each way to differ from it.
fn headers() -> Vec<(&'static str, Headers)> {
    let plain = Headers {
        macs: [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1],
        option: 1,
        ttl: 64,
        source: [10, 0, 0, 1],
        destination: [10, 0, 0, 2],
        ports: [20_000.into(), 10_000.into()],
        ..Default::default()
    };
    let flags = |flags: u16| Headers {
        flags_choice: 3,
        flags_offset: flags.into(),
        ..plain
    };
    let checksum = |checksum_choice| Headers {
        checksum_choice,
        ..plain
    };
    let length = |length_choice, length: u16| Headers {
        length_choice,
        length: length.into(),
        ..plain
    };
    vec![
        ("plain", plain),
        (
            "options",
            Headers {
                option_words: 3,
                ..plain
            },
        ),
        (
            "padding",
            Headers {
                padding: 18,
                ..plain
            },
        ),
        ("first-fragment", flags(0x2000)),
        ("last-fragment", flags(0x0001)),
        ("reserved-flag", flags(0x8000)),
        ("no-checksum", checksum(1)),
        ("partial-checksum", checksum(2)),
        ("right-and-partial-checksum", checksum(3)),
        ("wrong-checksum", checksum(4)),
        ("surplus", length(2, 3)),
        ("long-udp-length", length(3, 9000)),
        ("short-udp-length", length(3, 7)),
    ]
}

const PAYLOAD: [u8; 13] = *b"Hello, world!";

fn frame() -> Seeds {
    let mut seeds: Seeds = headers()
        .into_iter()
        .map(|(name, headers)| (name.to_owned(), headers.frame(&PAYLOAD)))
        .collect();
    let whole = seeds[0].1.clone();
    let changed = |at: usize, with: u8| {
        let mut frame = whole.clone();
        frame[at] = with;
        frame
    };
    let (alice, bob) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
    let request = Arp::request(
        (alice, Ipv4Addr::new(10, 0, 0, 1)),
        Ipv4Addr::new(10, 0, 0, 2),
    );
    let arp = |arp: Arp| {
        let mut frame = Vec::from(&whole[..12]);
        frame.extend([8, 6]);
        frame.extend(arp.as_bytes());
        frame
    };
    // No ARP for IPv4 over Ethernet: hardware, protocol, their lengths, operation.
    for (name, at) in [
        ("hardware", 1),
        ("protocol", 3),
        ("mac", 4),
        ("ip", 5),
        ("operation", 7),
    ] {
        let mut frame = arp(request);
        frame[ETHERNET + at] ^= 4;
        frame.extend([0; 18]);
        seeds.push((format!("arp-other-{name}"), frame));
    }
    seeds.extend(
        [
            ("tcp", changed(23, 6)),
            ("version-6", changed(14, 0x65)),
            ("short-header", changed(14, 0x44)),
            ("ipv6", changed(12, 0x86)),
            ("cut-short", whole[..30].to_vec()),
            ("no-header", whole[..13].to_vec()),
            ("arp-request", arp(request)),
            ("arp-reply", arp(Arp::reply(&request, bob))),
        ]
        .map(|(name, frame)| (name.to_owned(), frame)),
    );
    seeds
}

fn reflect() -> Seeds {
    let built = headers().into_iter().map(|(name, headers)| {
        let input = [&[1], headers.as_bytes(), &PAYLOAD].concat();
        (format!("built-{name}"), input)
    });
    let raw = frame()
        .into_iter()
        .map(|(name, frame)| (name, [&[0], &frame[..]].concat()));
    let random = random(|random| {
        let headers = random_bytes(random, size_of::<Headers>());
        [&[1], &headers[..], &PAYLOAD].concat()
    });
    built
        .chain(raw.skip(headers().len()))
        .chain(random)
        .collect()
}

fn probe_setup(payload: u8) -> Probe {
    Probe {
        payload,
        tag: 0x1234_5678_9abc.into(),
        stream: 3.into(),
        sequence: 77.into(),
        time: 5_000_000.into(),
        lag: 7.into(),
        travel: 20_000.into(),
        ..Default::default()
    }
}

fn edit(what: u8, at: u16, value: u16) -> Edit {
    Edit {
        what,
        at: at.into(),
        value: value.into(),
    }
}

fn edits() -> Vec<(&'static str, Vec<Edit>)> {
    // Sums up again what was changed.
    let right = edit(6, 0, 0);
    vec![
        ("unchanged", vec![]),
        ("a-byte", vec![edit(0, 70, 1)]),
        ("another-tag", vec![edit(1, 57, 1), right]),
        ("another-long-tag", vec![edit(1, 62, 1), right]),
        ("another-index", vec![edit(1, 42, 1), right]),
        ("another-port", vec![edit(1, 37, 1), right]),
        (
            "another-address",
            vec![edit(0, 33, 9), edit(5, 0, 0), right],
        ),
        ("cut", vec![edit(2, 50, 0), edit(2, 20, 0)]),
        ("padded", vec![edit(3, 0, 0xa518)]),
        ("spliced", vec![edit(4, 42, 50), right]),
        ("partial", vec![edit(7, 0, 0), edit(1, 60, 1)]),
        ("no-checksum", vec![edit(8, 0, 0), edit(1, 60, 1)]),
        ("options", vec![edit(9, 0, 1), edit(9, 0, 1)]),
        (
            "resized",
            vec![edit(10, 15, 0), edit(10, 23, 0), edit(10, 100, 0)],
        ),
        ("fragment", vec![edit(1, 20, 0x20), edit(5, 0, 0)]),
    ]
}

fn probe() -> Seeds {
    let edited = edits().into_iter().map(|(name, edits)| {
        let input = [probe_setup(11).as_bytes(), edits.as_bytes()].concat();
        (name.to_owned(), input)
    });
    let times = [
        ("time-wraps", (1 << 48) - 5, 12),
        ("before-the-start", u64::MAX - 4, 15),
        ("ahead", 9000, u64::MAX - 100),
    ]
    .map(|(name, time, travel): (_, u64, u64)| {
        let setup = Probe {
            time: time.into(),
            travel: travel.into(),
            ..probe_setup(11)
        };
        (name.to_owned(), setup.as_bytes().to_vec())
    });
    let sizes = [0, 3, 6, 7, 8, 12, 13, 14, 15].map(|payload| {
        (
            format!("size-{payload}"),
            probe_setup(payload).as_bytes().to_vec(),
        )
    });
    let random = random(|random| {
        let setup = random_bytes(random, size_of::<Probe>());
        let edits: Vec<Edit> = (0..10)
            .map(|_| {
                edit(
                    random.next() as u8,
                    (random.next() % 80) as u16,
                    random.next() as u16,
                )
            })
            .collect();
        [&setup[..], edits.as_bytes()].concat()
    });
    edited.chain(times).chain(sizes).chain(random).collect()
}

fn step(what: u8, distance: u16) -> Step {
    Step {
        what,
        distance: distance.into(),
        ..Default::default()
    }
}

fn window_scripts() -> Vec<(&'static str, Vec<Step>)> {
    let (sent, from_sent, from_highest, at_window) = (0, 5, 6, 7);
    vec![
        (
            "duplicate",
            vec![step(sent, 9), step(from_sent, 1), step(from_sent, 1)],
        ),
        (
            "reordered",
            vec![step(sent, 9), step(from_sent, 1), step(from_highest, 3)],
        ),
        ("never-sent", vec![step(sent, 9), step(from_sent, 0)]),
        (
            "window",
            [
                vec![step(sent, 40_000), step(from_sent, 1)],
                (0..8).map(|i| step(at_window, i)).collect(),
            ]
            .concat(),
        ),
        (
            "rounds",
            (0..40)
                .flat_map(|i| {
                    [
                        step(sent, 97),
                        step(from_sent, i + 1),
                        step(from_highest, i),
                    ]
                })
                .collect(),
        ),
    ]
}

fn random_window(random: &mut SplitMix64) -> Vec<u8> {
    let mut setup = Window::read_from_bytes(&random_bytes(random, size_of::<Window>()))
        .expect("as many bytes as it has");
    setup.window = (setup.window.get() % 200).into();
    setup.source_ports = (setup.source_ports.get() % 20).into();
    let steps: Vec<Step> = (0..120)
        .map(|_| Step {
            what: random.next() as u8,
            stream: random.next() as u8,
            receiver: random.next() as u8,
            port: random.next() as u8,
            distance: ((random.next() % 64) as u16).into(),
            scale: (random.next() % 3) as u8,
        })
        .collect();
    [setup.as_bytes(), steps.as_bytes()].concat()
}

fn window() -> Seeds {
    let scripts = window_scripts();
    let mut seeds = Seeds::new();
    for (shape, receivers, source_ports, window) in [
        ("single", 0, 0_u16, 100_u16),
        ("shared", 2, 9, 100),
        ("large", 1, 100, 0x8000),
    ] {
        for (name, steps) in &scripts {
            let setup = Window {
                streams: 1,
                source_ports: source_ports.into(),
                receivers,
                window: window.into(),
                begin: u8::from(shape == "large"),
            };
            // Each by the next receiver.
            let mut steps = steps.clone();
            for (step, receiver) in steps.iter_mut().zip(0..) {
                step.receiver = receiver;
            }
            let input = [setup.as_bytes(), steps.as_bytes()].concat();
            seeds.push((format!("{shape}-{name}"), input));
        }
    }
    seeds.extend(random(random_window));
    seeds
}

fn receiver() -> Seeds {
    let setup = Run {
        streams: 1,
        source_ports: 3,
        receivers: 1,
        payload: 8,
        window: 20.into(),
        interval: 9,
        grace: 5,
        warmup: 2,
    };
    let step = |what: u8, pause: u16| Happening {
        what,
        change: 1,
        pause: pause.into(),
        ..Happening::default()
    };
    let (send, deliver, change, forge, resize) = (0, 3, 5, 6, 7);
    let burst = |what: u8| [vec![step(send, 200); 6], vec![step(what, 100); 3]].concat();
    // Sequence, time, lag, and the tag, behind the headers.
    let forged = [42, 50, 56, 58, 62, 64].map(|at| Happening {
        at,
        ..step(forge, 300)
    });
    let backwards = (0..30).map(|which| Happening {
        which: which.into(),
        ..step(deliver, 10)
    });
    let scripts = [
        ("unique-and-duplicate", burst(deliver)),
        ("changed", burst(change)),
        ("resized", burst(resize)),
        ("forged", [burst(deliver), forged.to_vec()].concat()),
        (
            "reordered-and-too-old",
            [vec![step(send, 100); 40], backwards.collect()].concat(),
        ),
        (
            "late",
            [burst(deliver), vec![step(send, 1), step(deliver, 4000)]].concat(),
        ),
    ];
    let input = |steps: &[Happening]| [setup.as_bytes(), steps.as_bytes()].concat();
    let scripts = scripts.iter();
    let mut seeds: Seeds = scripts
        .map(|(name, steps)| ((*name).to_owned(), input(steps)))
        .collect();
    seeds.extend(random(|random| random_bytes(random, 9 + 8 * 200)));
    seeds
}

fn histogram() -> Seeds {
    let mut random = SplitMix64(1);
    let value = |nanos: u64| Value {
        shift: 0,
        nanos: nanos.into(),
    };
    let borders = [7, 8, 20, 47, 48, 63]
        .into_iter()
        .flat_map(|bits| [(1_u64 << bits) - 1, 1 << bits, (1 << bits) + 1]);
    let spread = (0..60).map(|shift| Value {
        shift,
        nanos: random.next().into(),
    });
    let values: [(&str, Vec<Value>); 6] = [
        ("none", vec![]),
        ("zero", vec![value(0)]),
        ("greatest", vec![value(u64::MAX); 3]),
        ("borders", borders.map(value).collect()),
        ("spread", spread.collect()),
        ("equal", vec![value(12_345); 20]),
    ];
    let seed = |(name, values): (&str, Vec<Value>)| {
        let input = [&[0xff, 0x7f], values.as_bytes()].concat();
        (name.to_owned(), input)
    };
    values.into_iter().map(seed).collect()
}
