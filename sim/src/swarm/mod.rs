//! Runs made up at random, each checked in every number: what is asked for, the link and the
//! machines are random at once.
//!
//! A run is described by its command line, so whatever is found is told as the command that runs it
//! again, made as small as it can be made.

mod case;

use dpdkgen_core::stats::ProbeCounters;
use dpdkgen_report::summary::{Device, Summary};
use dpdkgen_run::runner::trial::Nobody;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

pub use self::case::{Case, any_case};
use crate::options::{PROGRAM, Task, parse};

/// How many smaller runs are tried when something is found.
const SHRINKS: usize = 400;

/// What a swarm has done, and what its runs met with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs.
    pub runs: u64,
    /// Probes sent in them.
    pub probes: u64,
    /// Of these: not received.
    pub lost: u64,
    /// Probes received, by what they were.
    pub received: ProbeCounters,
    /// Packets received with a checksum left to a NIC.
    pub checksum_partial: u64,
    /// Hand-over attempts refused.
    pub refused: u64,
    /// Packets without a buffer to send them in.
    pub no_buffer: u64,
    /// Packets too late to be sent.
    pub skipped: u64,
    /// Packets that found no room when they arrived.
    pub missed: u64,
    /// Polls that came too late.
    pub stalls: u64,
}

impl Tally {
    fn add(&mut self, summary: &Summary) {
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

/// What a swarm has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The run as it was made, as a command of the swarm's.
    pub swarm_command: String,
    /// The smallest run found that goes wrong too.
    pub command: String,
    /// What was wrong with that.
    pub disagreements: Vec<String>,
}

/// Runs number 0 and on of `seed`, as long as `goes_on` says so after each.
///
/// # Errors
///
/// The first run in which something told is not true.
pub fn swarm(seed: u64, mut goes_on: impl FnMut(Tally) -> bool) -> Result<Tally, Finding> {
    let mut tally = Tally::default();
    while goes_on(tally) {
        // A run's own seed, so that it can be asked for alone.
        let run_seed = seed.wrapping_add(tally.runs);
        let mut tree = make(run_seed);
        match play(&tree.current()) {
            Ok(summary) => tally.add(&summary),
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

fn make(seed: u64) -> Box<dyn ValueTree<Value = Case>> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let tree = any_case().new_tree(&mut runner);
    Box::new(tree.expect("nothing is filtered out"))
}

/// Returns what a run told, or what of it is not true.
fn play(case: &Case) -> Result<Summary, Vec<String>> {
    let task = parse(case.args()).map_err(|exit| vec![format!("{exit:?}")])?;
    let Task::Run(scenario) = task else {
        unreachable!("a case is a run")
    };
    let finished = scenario
        .run(&mut Nobody)
        .map_err(|failure| vec![failure.to_string()])?;
    if finished.disagreements.is_empty() {
        Ok(finished.summary)
    } else {
        Err(finished.disagreements)
    }
}

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
