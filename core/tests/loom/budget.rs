//! The budget of `reflect --count`.

use dpdkgen_core::reflect::Budget;
use dpdkgen_core::sync::modelled::{Operation, Twin};
use loom::thread;

use crate::support::{Model, check, hold, share};

pub const MODELS: &[Model] = &[Model {
    name: "no more is sent than the budget, and what was not sent is left",
    preemptions: None,
    run: budget,
    catches: &[
        Twin::Divided(Operation::FetchUpdate),
        Twin::Divided(Operation::FetchAdd),
    ],
}];

#[test]
fn claims() {
    check(MODELS);
}

const COUNT: u64 = 3;

/// Reflects two bursts of at most two, of the first of which the device takes all but `refused`,
/// and returns how many were sent.
fn reflect(budget: &Budget, refused: u64) -> u64 {
    [refused, 0]
        .into_iter()
        .map(|refused| {
            let claimed = budget.claim(2);
            let sent = claimed.saturating_sub(refused);
            budget.give_back(claimed - sent);
            sent
        })
        .sum()
}

fn budget() {
    let budget = share(Budget::new(COUNT));
    let other = thread::spawn(|| reflect(budget, 1));
    let sent = reflect(budget, 0) + other.join().unwrap();
    hold(sent <= COUNT, "more was sent");
    hold(
        sent + budget.left() == COUNT,
        "something is lost or left over",
    );
}
