//! `dpdkgen-sim`: dpdkgen over a simulated link.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::iter;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use dpdkgen_run::cli::{Exit, draw, print};
use dpdkgen_run::failure::Failure;
use dpdkgen_run::runner::course::Course;
use dpdkgen_run::runner::drive::Live;
use dpdkgen_run::runner::signals::StopSignals;
use dpdkgen_run::search::Searching;
use sim::options::{self, PROGRAM, SwarmArgs, Task};
use sim::simulation::{Scenario, Simulation};
use sim::swarm::{Tally, swarm};

fn main() -> ExitCode {
    PROGRAM.exit(match options::parse(std::env::args_os().skip(1)) {
        Err(Exit::Text(text)) => print(&text),
        Err(Exit::Failure(failure)) => Err(failure),
        Ok(Task::Run(scenario)) => {
            simulated(&scenario, |signals| Live::open(&scenario.request, signals))
        }
        Ok(Task::Search(scenario, search)) => {
            simulated(&scenario, |signals| Searching::open(&search, signals))
        }
        Ok(Task::Swarm(args)) => many(args),
        Ok(Task::Report(files)) => draw(&files),
    })
}

/// Carries out what `open` opens over the link of a scenario; returns the exit status.
fn simulated<C: Course>(
    scenario: &Scenario,
    open: impl FnOnce(StopSignals) -> Result<C, Failure>,
) -> Result<u8, Failure> {
    let signals = StopSignals::new()?;
    let mut simulation = Simulation::new(scenario)?;
    let course = open(signals)?;
    let status = course.drive(scenario.request.clone(), &mut simulation)?;
    if simulation.disagreements.is_empty() {
        return Ok(status);
    }
    for sentence in &simulation.disagreements {
        PROGRAM.complain(sentence);
    }
    Err(Failure::machine(
        "the run told what is not true: please report this command line as a bug",
    ))
}

/// The time between two lines that say how far a swarm is.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Runs a swarm; returns the exit status.
fn many(args: SwarmArgs) -> Result<u8, Failure> {
    let mut signals = StopSignals::new()?;
    // The standard library seeds its hashers from the system's entropy; short enough to be typed.
    let fresh = || RandomState::new().hash_one(Instant::now()) >> 32;
    let seed = args.seed.unwrap_or_else(fresh);
    tell(&format!("Seed {seed}."));
    let begin = Instant::now();
    let mut told = begin;
    let found = swarm(seed, |tally| {
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            tell(&format!("{} so far, all as they should be.", words(tally)));
        }
        let is_done = tally.probes >= args.packets || args.runs.is_some_and(|n| tally.runs >= n);
        !is_done && signals.requests() == 0
    });
    match found {
        Ok(tally) => {
            let seconds = begin.elapsed().as_secs_f64();
            tell(&format!(
                "{} in {seconds:.0} s: every number told was true.",
                words(tally)
            ));
            tell(&occurred(&tally));
            Ok(0)
        }
        Err(finding) => {
            eprintln!("A run told what is not true.");
            for sentence in &finding.disagreements {
                eprintln!("  {sentence}");
            }
            eprintln!("Run it again: {}", finding.command);
            eprintln!("As it was found: {}", finding.swarm_command);
            Ok(1)
        }
    }
}

/// Writes a line; the swarm goes on even if nobody reads it any more.
fn tell(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Returns the numbers of `tally` as lines of text.
fn occurred(tally: &Tally) -> String {
    let received = tally.received.each();
    let received = received.map(|(counter, count)| (counter.label, count));
    let others = [
        ("dropped by a DUT", tally.dropped),
        ("checksum left to a NIC", tally.checksum_partial),
        ("refused", tally.refused),
        ("without a buffer", tally.no_buffer),
        ("skipped", tally.skipped),
        ("missed by a port", tally.missed),
        ("stalls", tally.stalls),
    ];
    let counts = iter::once(("lost", tally.lost))
        .chain(received)
        .chain(others);
    let lines: Vec<_> = counts
        .map(|(what, count)| format!("  {what:24}{count:>14}"))
        .collect();
    lines.join("\n")
}

fn words(tally: Tally) -> String {
    format!("{} probes in {} runs", tally.probes, tally.runs)
}
