//! What was sent and seen, with two receivers.

use std::sync::atomic::Ordering::{self, Relaxed};

use dpdkgen_core::ledger::{Dimensions, Ledger, Memory, Sighting};
use dpdkgen_core::probe::Index;
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
fn ledger() {
    check(MODELS);
}

/// The ledger leaves this to the devices, and would not see it.
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

/// Sequences whose record is in one word, a turn of the ring apart.
const TURN: u64 = 512;

fn of_two_receivers(sent: u64) -> &'static Ledger<'static> {
    let dimensions = Dimensions {
        streams: 1,
        source_ports: 1,
        receivers: 2,
        window: 8,
    };
    fn made<T: Default>(count: usize) -> &'static [T] {
        share((0..count).map(|_| T::default()).collect::<Vec<_>>())
    }
    let memory = Memory {
        seen: made(dimensions.seen_lines()),
        flows: made(dimensions.flow_words()),
        sent: made(dimensions.sent_lines()),
        highest: made(dimensions.highest_lines()),
    };
    let ledger = Ledger::new(dimensions, memory).unwrap();
    ledger.set_sent(0, sent);
    share(ledger)
}

fn is_first(sighting: Sighting) -> bool {
    matches!(sighting, Sighting::First { .. })
}

fn duplicates() {
    let ledger = of_two_receivers(2);
    let see = |receiver, sequence| ledger.view(receiver).see(Index::new(0, sequence), 0);
    let other = thread::spawn(move || [see(1, 0), see(1, 1)]);
    let here = see(0, 0);
    let [there, next] = other.join().unwrap();
    hold(is_first(here) != is_first(there), "not new exactly once");
    let old = if is_first(here) { there } else { here };
    hold(old == Sighting::Duplicate, "neither new nor a duplicate");
    hold(is_first(next), "not new");
    for sequence in [0, 1] {
        hold(see(0, sequence) == Sighting::Duplicate, "forgotten");
    }
}

fn reordering() {
    let ledger = of_two_receivers(4);
    let see = |receiver, sequence| ledger.view(receiver).see(Index::new(0, sequence), 0);
    let other = thread::spawn(move || see(1, 1));
    let highest = see(0, 3);
    hold(
        highest == Sighting::First { reordered: false },
        "the highest is overtaken",
    );
    hold(is_first(other.join().unwrap()), "not new");
    hold(
        see(1, 2) == Sighting::First { reordered: true },
        "not seen to be overtaken",
    );
}

fn window() {
    let ledger = of_two_receivers(TURN + 1);
    let see = |receiver, sequence| ledger.view(receiver).see(Index::new(0, sequence), 0);
    let other = thread::spawn(move || [see(1, 0), see(1, TURN)]);
    let mut here = vec![see(0, 0), see(0, TURN)];
    let [old, new] = other.join().unwrap();
    here.push(see(0, 0));
    let times =
        usize::from(is_first(old)) + here.iter().step_by(2).filter(|s| is_first(**s)).count();
    hold(times <= 1, "an old one is new twice");
    hold(
        is_first(new) != is_first(here[1]),
        "the new one is not new exactly once",
    );
    hold(here[2] == Sighting::TooOld, "still in the window");
}

fn hand_over(release: Ordering, acquire: Ordering) {
    let ledger = of_two_receivers(0);
    let device = share(AtomicU64::new(0));
    let sender = thread::spawn(move || {
        ledger.set_sent(0, 1);
        device.store(1, release);
    });
    if device.load(acquire) == 1 {
        let sighting = ledger.view(0).see(Index::new(0, 0), 0);
        hold(sighting != Sighting::NeverSent, "was never sent");
    }
    sender.join().unwrap();
}
