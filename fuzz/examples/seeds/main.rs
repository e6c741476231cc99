//! Writes the seeds of every target to `fuzz/corpus/`, from which libFuzzer goes on: one input for
//! each case that a target tells apart.

mod frames;
mod neighbour;
mod runs;

use std::fs;
use std::path::Path;

use dpdkgen_core::random::SplitMix64;
use dpdkgen_fuzz::histogram::Value;
use dpdkgen_fuzz::window::{Setup as Window, Step};
use zerocopy::{FromBytes, IntoBytes};

fn main() -> std::io::Result<()> {
    for (target, seeds) in [
        ("frame", frames::frame()),
        ("histogram", histogram()),
        ("neighbour", neighbour::neighbour()),
        ("probe", runs::probe()),
        ("receiver", runs::receiver()),
        ("reflect", frames::reflect()),
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
