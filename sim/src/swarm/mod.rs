//! Runs made up at random, each checked in every number: request, link and hosts are all random at
//! once.
//!
//! A run is described by its command line, so whatever is found is told as the command that runs it
//! again, made as small as it can be made.

mod case;

use dpdkgen_core::stats::ProbeCounters;
use dpdkgen_report::summary::Device;
use dpdkgen_run::runner::trial::Nobody;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

pub use self::case::{Case, any_case};
use crate::options::{PROGRAM, Task, parse};
use crate::simulation::Finished;

/// The most smaller runs that are tried when something is found.
const SHRINKS: usize = 400;

/// The runs of a swarm so far, counted, with what occurred in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of runs.
    pub runs: u64,
    /// The number of probes sent.
    pub probes: u64,
    /// The number of probes lost.
    pub lost: u64,
    /// The number of those that a device under test dropped.
    pub dropped: u64,
    /// The numbers of packets received, by what they were.
    pub received: ProbeCounters,
    /// The number of packets received with a checksum left to a NIC.
    pub checksum_partial: u64,
    /// The number of hand-overs of a packet that a device refused.
    pub refused: u64,
    /// The number of packets for which there was no buffer to send them in.
    pub no_buffer: u64,
    /// The number of packets skipped, being too late to be sent.
    pub skipped: u64,
    /// The number of packets for which there was no room or no buffer when they arrived.
    pub missed: u64,
    /// The number of stalls.
    pub stalls: u64,
}

impl Tally {
    fn add(&mut self, finished: &Finished) {
        let Finished {
            summary, dropped, ..
        } = finished;
        self.dropped += dropped;
        self.probes += summary.tx.packets;
        self.lost += summary.lost.unwrap_or(0);
        self.refused += summary.tx.refused;
        self.no_buffer += summary.tx.no_buffer.unwrap_or(0);
        self.skipped += summary.pacing.map_or(0, |pacing| pacing.skipped);
        let missed = |device: &Device| device.imissed.unwrap_or(0) + device.rx_nombuf.unwrap_or(0);
        self.missed += summary.device.iter().map(missed).sum::<u64>();
        let stalls = summary.workers.iter().map(|worker| worker.stalls.count);
        self.stalls += stalls.sum::<u64>();
        let Some(rx) = &summary.rx else { return };
        self.checksum_partial += rx.checksum_partial;
        self.received.merge(&rx.probes.unwrap_or_default());
    }
}

/// The run of a swarm in which something told is not true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The command of the swarm that makes up that run again.
    pub swarm_command: String,
    /// The command of the smallest run found in which something told is not true.
    pub command: String,
    /// The sentences about what is not true in the smallest run.
    pub disagreements: Vec<String>,
}

/// Makes up runs from `seed`, one after the other, as long as `goes_on` says so, which is asked
/// before each.
///
/// # Errors
///
/// If something told is not true: the first run in which that is so.
pub fn swarm(seed: u64, mut goes_on: impl FnMut(Tally) -> bool) -> Result<Tally, Finding> {
    let mut tally = Tally::default();
    while goes_on(tally) {
        // A run's own seed, so that it can be asked for alone.
        let run_seed = seed.wrapping_add(tally.runs);
        let mut tree = make(run_seed);
        match play(&tree.current()) {
            Ok(finished) => tally.add(&finished),
            Err(disagreements) => {
                let (command, disagreements) = shrink(&mut *tree, disagreements);
                return Err(Finding {
                    swarm_command: format!("{} swarm --seed {run_seed} --runs 1", PROGRAM.name),
                    command,
                    disagreements,
                });
            }
        }
        tally.runs += 1;
    }
    Ok(tally)
}

/// Draws the run that `seed` determines, in a form that can be made smaller.
fn make(seed: u64) -> Box<dyn ValueTree<Value = Case>> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let tree = any_case().new_tree(&mut runner);
    Box::new(tree.expect("nothing is filtered out"))
}

/// Runs `case`, and returns it when it is over.
///
/// # Errors
///
/// If something told is not true: the sentences about that.
fn play(case: &Case) -> Result<Finished, Vec<String>> {
    let task = parse(case.args()).map_err(|exit| vec![format!("{exit:?}")])?;
    let Task::Run(scenario) = task else {
        unreachable!("a case is a run")
    };
    let finished = scenario
        .run(&mut Nobody)
        .map_err(|failure| vec![failure.to_string()])?;
    if finished.disagreements.is_empty() {
        Ok(finished)
    } else {
        Err(finished.disagreements)
    }
}

/// Makes the run in `tree` smaller as long as something told is not true; returns the command of
/// the smallest, and what is not true in it (in the first run, `found`).
fn shrink(tree: &mut dyn ValueTree<Value = Case>, found: Vec<String>) -> (String, Vec<String>) {
    let mut smallest = (tree.current().command(), found);
    let mut is_smaller = tree.simplify();
    for _ in 0..SHRINKS {
        if !is_smaller {
            break;
        }
        let case = tree.current();
        is_smaller = match play(&case) {
            Err(found) => {
                smallest = (case.command(), found);
                tree.simplify()
            }
            Ok(_) => tree.complicate(),
        };
    }
    smallest
}
