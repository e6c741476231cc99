//! Start, stop and drain.

use dpdkgen_core::phase::{Phase, PhaseCell};
use dpdkgen_core::sync::modelled::{AtomicU64, Twin, spin_loop};
use dpdkgen_core::sync::{Edge, Relaxed};
use loom::thread;

use crate::support::{Model, check, hold, share};

pub const MODELS: &[Model] = &[Model {
    name: "a worker sees what was done before its phase, and phases go on",
    preemptions: None,
    run: phases,
    catches: &[Twin::Release(Edge::Phase), Twin::Acquire(Edge::Phase)],
}];

#[test]
fn phase_cell() {
    check(MODELS);
}

fn phases() {
    let phase_cell = share(PhaseCell::default());
    let prepared = share(AtomicU64::new(Phase::Waiting as u64));
    let worker = thread::spawn(|| {
        phase_cell.wait_for_start();
        let mut last = Phase::Running;
        while last < Phase::Stopping {
            let phase = phase_cell.get();
            hold(phase >= last, "a phase went back");
            hold(
                prepared.load(Relaxed) >= phase as u64,
                "a phase that was not prepared",
            );
            last = phase;
            spin_loop();
        }
    });
    for phase in [Phase::Running, Phase::Draining, Phase::Stopping] {
        prepared.store(phase as u64, Relaxed);
        phase_cell.set(phase);
    }
    worker.join().unwrap();
}
