//! The ends of a search before it has found all: what was found until then is written.

use std::fs;
use std::sync::Arc;

use dpdkgen_report::search::{SearchEnd, SearchReport};
use dpdkgen_report::summary::Summary;
use dpdkgen_run::assembly::{Context, Placement};
use dpdkgen_run::failure::Failure;
use dpdkgen_run::results::end::Executed;
use dpdkgen_run::runner::course::Course;
use dpdkgen_run::runner::signals::StopSignals;
use dpdkgen_run::runner::trial::{Executor, Sink};
use dpdkgen_run::search::Searching;
use sim::options::{Task, parse};
use sim::simulation::Simulation;

/// A simulation on which only so many trials can begin.
struct Failing {
    simulation: Simulation,
    left: u32,
}

impl Executor for Failing {
    fn placement(&self) -> Arc<Placement> {
        self.simulation.placement()
    }

    fn execute(
        &mut self,
        context: &Context<'_>,
        sink: &mut impl Sink,
        summarize: impl FnOnce(Executed) -> Summary,
    ) -> Result<Summary, Failure> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| Failure::machine("no thread could be made"))?;
        self.simulation.execute(context, sink, summarize)
    }
}

/// Searches where `trials` can begin; returns the exit status or the failure, and the JSON.
fn searched(trials: u32) -> (Result<u8, Failure>, Option<SearchReport>) {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("json");
    let line = format!(
        "search -q --frame-size 64 --goal 0 --trial 0.1 --trials 0.3 --max-rate 100kpps \
         --capacity 20kpps --json {}",
        json.display()
    );
    let Ok(Task::Search(scenario, request)) = parse(line.split_whitespace()) else {
        panic!("{line}")
    };
    let mut failing = Failing {
        simulation: Simulation::new(&scenario).unwrap(),
        left: trials,
    };
    let course = Searching::open(&request, StopSignals::new().unwrap()).unwrap();
    let status = course.drive(scenario.request.clone(), &mut failing);
    let text = fs::read_to_string(json).ok();
    let report = text.map(|text| SearchReport::from_json(&text).unwrap());
    (status, report)
}

#[test]
fn a_trial_that_cannot_begin_ends_a_search_with_what_was_found() {
    let (status, report) = searched(4);
    let report = report.expect("what was measured is written");
    assert_eq!((status, report.stop_reason), (Ok(1), SearchEnd::Failed));
    assert_eq!((report.trials.len(), report.results.len()), (4, 1));
    assert!(!report.results[0].complete && report.results[0].upper_pps.is_some());
}

#[test]
fn a_first_trial_that_cannot_begin_is_a_failure_and_leaves_no_file() {
    let (status, report) = searched(0);
    assert_eq!(status, Err(Failure::machine("no thread could be made")));
    assert_eq!(report, None);
}
