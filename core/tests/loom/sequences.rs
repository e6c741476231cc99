//! The window of sequences, with two receivers.

use std::sync::atomic::Ordering::{self, Relaxed};

use dpdkgen_core::probe::Index;
use dpdkgen_core::sequence::{Dimensions, Novelty, SequenceWindow, WindowMemory};
use dpdkgen_core::sync::modelled::{AtomicU64, Operation, Twin};
use loom::thread;

use crate::support::{Model, check, hold, share};

pub const MODELS: &[Model] = &[
    Model {
        name: "a probe is new once, on whichever queues it arrives",
        preemptions: None,
        run: duplicates,
        catches: &[Twin::Divided(Operation::CompareExchange)],
    },
    Model {
        name: "a flow's highest sequence is never lowered",
        preemptions: None,
        run: reordering,
        catches: &[Twin::Divided(Operation::FetchMax)],
    },
    Model {
        name: "a probe is new at most once even as its record is overwritten",
        preemptions: None,
        run: window,
        catches: &[Twin::Divided(Operation::CompareExchange)],
    },
    Model {
        name: "a probe that a device handed over has been sent",
        preemptions: None,
        run: || hand_over(Ordering::Release, Ordering::Acquire),
        catches: &[],
    },
];

#[test]
fn sequences() {
    check(MODELS);
}

/// The window leaves this ordering to the devices: without it a probe can come before it is seen to
/// have been sent.
#[test]
fn a_device_that_orders_nothing_is_caught() {
    for run in [
        || hand_over(Relaxed, Ordering::Acquire),
        || hand_over(Ordering::Release, Relaxed),
    ] {
        let model = Model {
            name: "a device that orders nothing",
            preemptions: None,
            run,
            catches: &[],
        };
        assert_eq!(model.outcome(), Err("was never sent"));
    }
}

/// The sequences of one turn of the ring: two that are so far apart share a bit.
const TURN: u64 = 512;

fn of_two_receivers(sent: u64) -> &'static SequenceWindow<'static> {
    let dimensions = Dimensions {
        streams: 1,
        source_ports: 1,
        receivers: 2,
        window: 8,
    };
    fn made<T: Default>(count: usize) -> &'static [T] {
        share((0..count).map(|_| T::default()).collect::<Vec<_>>())
    }
    let memory = WindowMemory {
        seen: made(dimensions.seen_lines()),
        flows: made(dimensions.flow_words()),
        sent: made(dimensions.sent_lines()),
        highest: made(dimensions.highest_lines()),
    };
    let sequences = SequenceWindow::new(dimensions, memory).unwrap();
    sequences.set_sent(0, sent);
    share(sequences)
}

fn is_first(novelty: Novelty) -> bool {
    matches!(novelty, Novelty::New { .. })
}

fn duplicates() {
    let sequences = of_two_receivers(2);
    let insert = |receiver, sequence| {
        sequences
            .cursor(receiver)
            .insert(Index::new(0, sequence), 0)
    };
    let other = thread::spawn(move || [insert(1, 0), insert(1, 1)]);
    let here = insert(0, 0);
    let [there, next] = other.join().unwrap();
    hold(is_first(here) != is_first(there), "not new exactly once");
    let old = if is_first(here) { there } else { here };
    hold(old == Novelty::Duplicate, "neither new nor a duplicate");
    hold(is_first(next), "not new");
    for sequence in [0, 1] {
        hold(insert(0, sequence) == Novelty::Duplicate, "forgotten");
    }
}

fn reordering() {
    let sequences = of_two_receivers(4);
    let insert = |receiver, sequence| {
        sequences
            .cursor(receiver)
            .insert(Index::new(0, sequence), 0)
    };
    let other = thread::spawn(move || insert(1, 1));
    let highest = insert(0, 3);
    hold(
        highest == Novelty::New { reordered: false },
        "the highest is overtaken",
    );
    hold(is_first(other.join().unwrap()), "not new");
    hold(
        insert(1, 2) == Novelty::New { reordered: true },
        "not seen to be overtaken",
    );
}

fn window() {
    let sequences = of_two_receivers(TURN + 1);
    let insert = |receiver, sequence| {
        sequences
            .cursor(receiver)
            .insert(Index::new(0, sequence), 0)
    };
    let other = thread::spawn(move || [insert(1, 0), insert(1, TURN)]);
    let mut here = vec![insert(0, 0), insert(0, TURN)];
    let [old, new] = other.join().unwrap();
    here.push(insert(0, 0));
    let times =
        usize::from(is_first(old)) + here.iter().step_by(2).filter(|s| is_first(**s)).count();
    hold(times <= 1, "an old one is new twice");
    hold(
        is_first(new) != is_first(here[1]),
        "the new one is not new exactly once",
    );
    hold(here[2] == Novelty::TooOld, "still in the window");
}

fn hand_over(release: Ordering, acquire: Ordering) {
    let sequences = of_two_receivers(0);
    let device = share(AtomicU64::new(0));
    let sender = thread::spawn(move || {
        sequences.set_sent(0, 1);
        device.store(1, release);
    });
    if device.load(acquire) == 1 {
        let novelty = sequences.cursor(0).insert(Index::new(0, 0), 0);
        hold(novelty != Novelty::NeverSent, "was never sent");
    }
    sender.join().unwrap();
}
