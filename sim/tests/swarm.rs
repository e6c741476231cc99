//! Every number that a run tells is true, over random requests, links and machines at once.

use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use dpdkgen_core::stats::ProbeCounters;
use sim::swarm::{Tally, swarm};

/// The number of probes, which takes some hundred runs; `dpdkgen-sim swarm` does more.
const PROBES: u64 = 3_000_000;

#[test]
fn every_number_is_true() {
    let seed = RandomState::new().hash_one(Instant::now()) >> 32;
    println!("seed {seed}");
    let tally = match swarm(seed, |tally| tally.probes < PROBES) {
        Ok(tally) => tally,
        Err(finding) => panic!(
            "{:#?}\nrun it again: {}\nas it was found: {}",
            finding.disagreements, finding.command, finding.swarm_command
        ),
    };
    has_met_with_everything(&tally);
}

/// Checks that each kind of result occurred: a swarm proves nothing about what never happens in it.
fn has_met_with_everything(tally: &Tally) {
    let ProbeCounters {
        unique,
        duplicates,
        corrupt,
        foreign,
        too_old,
        reordered,
        late,
        unturned: _,
    } = tally.received;
    let kinds = [
        unique, duplicates, corrupt, foreign, too_old, reordered, late,
    ];
    assert!(kinds.iter().all(|count| *count > 1000), "{tally:?}");
    let Tally {
        lost,
        dropped,
        checksum_partial,
        refused,
        no_buffer,
        skipped,
        missed,
        stalls,
        ..
    } = *tally;
    let others = [
        lost,
        dropped,
        checksum_partial,
        refused,
        no_buffer,
        skipped,
        missed,
        stalls,
    ];
    assert!(others.iter().all(|count| *count > 1000), "{tally:?}");
}
