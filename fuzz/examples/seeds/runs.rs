//! The seeds of the targets that receive probes.

use dpdkgen_fuzz::probe::{Edit, Setup as Probe};
use dpdkgen_fuzz::receiver::{Setup as Run, Step as Happening};
use dpdkgen_fuzz::shape::Shape;
use zerocopy::IntoBytes;

use super::{Seeds, random, random_bytes};

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
        (
            "forwarded",
            vec![edit(14, 0, 0x0001), edit(14, 0, 0xb83f), edit(1, 60, 1)],
        ),
        (
            "turned",
            vec![edit(15, 0, 0), edit(1, 57, 1), edit(15, 0, 0)],
        ),
        (
            "tagged-on-the-way",
            vec![
                edit(12, 0, 0xa000),
                edit(13, 0, 0),
                edit(12, 0, 100),
                edit(12, 1, 0xa000),
                edit(12, 0, 7),
            ],
        ),
    ]
}

/// Returns the forms of probes, by name.
fn shapes() -> Vec<(&'static str, Shape)> {
    let shape = |path, tags: &[u16]| Shape {
        path,
        tag_count: tags.len() as u8,
        tags: std::array::from_fn(|i| tags.get(i).copied().unwrap_or(0).into()),
        dscp: 46,
        ttl: 1,
    };
    let (ipv6, through, otherwise) = (1, 2, 4);
    vec![
        ("ipv6", shape(ipv6, &[])),
        ("tagged", shape(0, &[0x6064])),
        ("tagged-ipv6", shape(ipv6, &[0x6064])),
        ("twice-tagged", shape(0, &[100, 7])),
        ("twice-tagged-ipv6", shape(ipv6, &[100, 7])),
        ("priority-tag", shape(0, &[0xa000])),
        ("priority-tag-and-vlan-ipv6", shape(ipv6, &[0xa000, 7])),
        ("through", shape(through, &[])),
        ("through-ipv6", shape(through | ipv6, &[])),
        ("through-tagged", shape(through, &[0x6064])),
        ("unturned", shape(otherwise, &[])),
        ("unturned-tagged-ipv6", shape(otherwise | ipv6, &[0x6064])),
        ("turned-on-the-way-through", shape(otherwise | through, &[])),
    ]
}

/// Returns the edits that fit any form of probe.
fn edits_of_any() -> Vec<Edit> {
    // Changes a byte behind the IP header, or back, and sums up.
    let datagram = |at| [edit(11, at, 1), edit(6, 0, 0)];
    let (ports, sequence) = ([1, 1, 3, 3], [9, 9]);
    let changed = ports.into_iter().chain(sequence).flat_map(datagram);
    let others = [
        edit(14, 0, 0xb83f),
        edit(7, 0, 0),
        edit(6, 0, 0),
        edit(15, 0, 0),
        edit(15, 0, 0),
        edit(12, 0, 0xa000),
        edit(13, 0, 0),
        edit(8, 0, 0),
        edit(6, 0, 0),
        edit(9, 0, 1),
        edit(10, 101, 0),
    ];
    changed.chain(others).collect()
}

/// Returns the seeds of the target `probe`.
pub fn probe() -> Seeds {
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
    // The high bits ask for a mix.
    let mixes = [0x10, 0x35, 0x5b, 0x79, 0x97].map(|payload| {
        let input = [probe_setup(payload).as_bytes(), edits_of_any().as_bytes()].concat();
        (format!("mix-{payload:02x}"), input)
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
    let shaped = shapes().into_iter().flat_map(|(name, shape)| {
        // The first route's are the usual probes.
        [(0, 0), (11, 0), (11, 3)].map(|(payload, route)| {
            let setup = Probe {
                route,
                shape,
                ..probe_setup(payload)
            };
            let input = [setup.as_bytes(), edits_of_any().as_bytes()].concat();
            (format!("{name}-size-{payload}-route-{route}"), input)
        })
    });
    let two_ways = Probe {
        route: 5,
        port: 6,
        ..probe_setup(0)
    };
    let two_ways = [two_ways.as_bytes(), edits_of_any().as_bytes()].concat();
    edited
        .chain(times)
        .chain(sizes)
        .chain(mixes)
        .chain(shaped)
        .chain([("two-ways".to_owned(), two_ways)])
        .chain(random)
        .collect()
}

/// Returns the seeds of the target `receiver`.
pub fn receiver() -> Seeds {
    let setup = Run {
        streams: 1,
        source_ports: 3,
        receivers: 1,
        payload: 8,
        window: 20.into(),
        interval: 9,
        grace: 5,
        warmup: 2,
        ..Run::default()
    };
    let step = |what: u8, pause: u16| Happening {
        what,
        change: 1,
        pause: pause.into(),
        ..Happening::default()
    };
    let (send, deliver, change, forge, resize, turn) = (0, 3, 5, 6, 7, 8);
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
        ("unturned", burst(turn)),
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
    let input = |setup: &Run, steps: &[Happening]| [setup.as_bytes(), steps.as_bytes()].concat();
    let mut seeds: Seeds = scripts
        .iter()
        .map(|(name, steps)| ((*name).to_owned(), input(&setup, steps)))
        .collect();
    for (name, shape) in shapes() {
        let setup = Run { shape, ..setup };
        let steps = [deliver, change, forge, resize, turn].map(burst).concat();
        seeds.push((name.to_owned(), input(&setup, &steps)));
    }
    for (name, further) in [("mix-of-2", 1), ("mix-of-8", 7)] {
        let setup = Run {
            payload: 8 + 32 * further,
            ..setup
        };
        let steps = [deliver, change, forge, resize, turn].map(burst).concat();
        seeds.push((name.to_owned(), input(&setup, &steps)));
    }
    seeds.extend(random(|random| {
        random_bytes(random, size_of::<Run>() + size_of::<Happening>() * 200)
    }));
    seeds
}
