//! The end of a search: what is written and said, and the exit status.

use dpdkgen_report::patience::Patience;
use dpdkgen_report::search::{SearchEnd, SearchReport};
use dpdkgen_report::text::words;

use super::drive::Searching;
use super::request::SearchRequest;
use crate::runner::course;

impl Searching {
    /// Writes and shows the end of the search, and returns its exit status.
    pub(super) fn conclude(self) -> u8 {
        let Self {
            request,
            outputs,
            mut signals,
            mut report,
            took,
            unique,
            end,
            trouble,
        } = self;
        report.sum_up();
        report.stop_reason = end.unwrap_or(SearchEnd::Done);
        report.duration_s = took.as_secs_f64();
        let mut requests = || signals.requests();
        let mut patience = Patience::new(&mut requests);
        let mut sentences = outputs.finish(&mut report, &mut patience);
        sentences.extend(trouble.map(|trouble| {
            format!("{trouble}, which ended the search; what was found until then is written")
        }));
        let misses = missed(&request, &report, unique);
        course::end(request.base.program(), sentences, misses, &mut patience)
    }
}

/// Returns what was not as the user expects, a sentence each.
fn missed(request: &SearchRequest, report: &SearchReport, unique: u64) -> Vec<String> {
    let mut misses = Vec::new();
    if unique == 0 && report.trials.iter().any(|trial| trial.tx_packets > 0) {
        misses.push("nothing came back".to_owned());
    }
    let Some(expect) = request.expect else {
        return misses;
    };
    for sizes in &request.sizes {
        // Checked with the request.
        let Ok(expected) = request.pps(expect, "--expect", sizes) else {
            continue;
        };
        let size = request.frame_size(sizes);
        for named in &request.goals {
            let of_goal = report.results.iter().filter(|result| {
                result.frame_size == size && result.goal == named.name && result.complete
            });
            let mut lower: Vec<f64> = of_goal.map(|of| of.lower_pps.unwrap_or(0.0)).collect();
            lower.sort_by(f64::total_cmp);
            let found = lower.len().checked_sub(1).map(|last| lower[last / 2]);
            let what = match found {
                Some(found) if found >= expected as f64 => continue,
                Some(found) if found > 0.0 => format!("is {}", words::rate(found)),
                Some(_) => "is missing: even the lowest rate misses the goal".to_owned(),
                None => "was not found before the search ended".to_owned(),
            };
            misses.push(format!(
                "the lower bound of goal {} with frames of {size} bytes {what}, and --expect is {}",
                named.name,
                words::rate(expected as f64)
            ));
        }
    }
    misses
}
