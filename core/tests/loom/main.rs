//! Models of what threads share, in every order in which loom can run it: the code that a run runs,
//! and its twins, each with one ordering weakened, which have to fail. `scripts/loom` runs them;
//! `docs/testing.md` says what they see and what they do not.
#![cfg(loom)]

mod budget;
mod intervals;
mod mailbox;
mod phases;
mod seqlock;
mod sequences;
mod support;
mod worker;

use dpdkgen_core::sync::modelled::Twin;

#[test]
fn every_twin_has_a_model() {
    let models = [
        seqlock::MODELS,
        intervals::MODELS,
        mailbox::MODELS,
        phases::MODELS,
        sequences::MODELS,
        budget::MODELS,
        worker::MODELS,
    ];
    let caught = |twin: &Twin| {
        models
            .iter()
            .flat_map(|of| *of)
            .any(|model| model.catches.contains(twin))
    };
    for twin in Twin::all() {
        assert!(caught(&twin), "no model is there for {twin:?}");
    }
}
