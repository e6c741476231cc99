//! One trial of a search: carried out, and judged.

use std::time::{Duration, Instant as Wall, SystemTime, UNIX_EPOCH};

use dpdkgen_core::probe::sizes::Sizes;
use dpdkgen_core::time::Instant;
use dpdkgen_report::csv::Row;
use dpdkgen_report::progress::{Phase, Progress};
use dpdkgen_report::search::live::Standing;
use dpdkgen_report::search::{Purpose, TrialRecord};
use dpdkgen_report::summary::{Role, StopReason, Summary};
use dpdkgen_search::{Outcome, Shortfall};

use super::outputs::SearchOutputs;
use super::request::{Length, SearchRequest};
use crate::failure::Failure;
use crate::outputs::sampling::Tap;
use crate::runner::signals::StopSignals;
use crate::runner::trial::{Executor, Sink, trial};

/// The share of what was due that a sender may skip and yet have offered its load.
const MOST_SKIPPED: f64 = 0.001;

/// A trial that is to be carried out.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub sizes: Sizes,
    pub repeat: Option<u32>,
    pub purpose: Purpose,
    pub goal: Option<String>,
    pub pps: Option<u64>,
    pub share: Option<f64>,
    pub length: Length,
}

/// A trial that is over.
pub struct Done {
    pub record: TrialRecord,
    /// `None` if the user, or the loss of a device or a link, has ended it.
    pub outcome: Option<Outcome>,
    /// The reason why its sending ended.
    pub stop_reason: StopReason,
    /// A port that had no link or no peer by then.
    pub gone: Option<String>,
    /// The number of probes that came back.
    pub unique: u64,
    /// The time that it took, in the time in which trials pass.
    pub took: Duration,
}

/// Carries out `wanted`, while `standing` is shown.
///
/// # Errors
///
/// Returns a failure if it cannot begin.
pub fn carry_out(
    executor: &mut impl Executor,
    request: &SearchRequest,
    wanted: &Wanted,
    standing: &Standing,
    outputs: &mut SearchOutputs,
    signals: &mut StopSignals,
) -> Result<Done, Failure> {
    let Wanted {
        ref sizes,
        pps,
        length,
        ..
    } = *wanted;
    let begin = Wall::now();
    let mut watch = Watch {
        standing,
        outputs,
        signals,
        begin,
        passed: Passed::Real,
    };
    let asked = request.trial(sizes, pps, length);
    let summary = trial(executor, &asked, &mut watch)?;
    let took = match watch.passed {
        Passed::Real => begin.elapsed(),
        Passed::Virtual(passed) => passed,
    };
    Ok(judged(request, wanted, &summary, took))
}

fn judged(request: &SearchRequest, wanted: &Wanted, summary: &Summary, took: Duration) -> Done {
    let sent = summary.tx.packets;
    let skipped = summary.pacing.as_ref().map(|pacing| pacing.skipped);
    let due = sent + skipped.unwrap_or(0);
    let offered = sent > 0 && skipped.unwrap_or(0) as f64 <= due as f64 * MOST_SKIPPED;
    let gone = summary.outages_to_the_end();
    let gone = gone.first().map(|event| event.port.clone());
    let is_whole = gone.is_none()
        && matches!(
            summary.stop_reason,
            StopReason::Duration | StopReason::Count
        );
    let duration_s = match wanted.length {
        Length::Time(duration) if is_whole => duration.as_secs_f64(),
        _ => summary.duration_s.unwrap_or(0.0),
    };
    let latency_ns = summary.latency_ns;
    let shortfall = (!offered).then(|| shortfall(summary, due, duration_s));
    let loss_ratio = summary.loss_ratio.unwrap_or(0.0);
    Done {
        record: TrialRecord {
            frame_size: request.frame_size(&wanted.sizes),
            repeat: wanted.repeat,
            purpose: wanted.purpose,
            goal: wanted.goal.clone(),
            target_pps: wanted.pps.map(|pps| pps as f64),
            share: wanted.share,
            duration_s,
            tx_packets: sent,
            skipped,
            offered,
            disturbed: shortfall == Some(Shortfall::Disturbance),
            lost: summary.lost,
            loss_ratio: summary.loss_ratio,
            latency_ns,
        },
        outcome: is_whole.then(|| Outcome {
            loss_ratio,
            p99_ns: latency_ns.map(|latency| latency.p99),
            shortfall,
        }),
        stop_reason: summary.stop_reason,
        gone,
        unique: summary
            .rx
            .as_ref()
            .and_then(|rx| rx.probes)
            .map_or(0, |probes| probes.unique),
        took,
    }
}

/// Returns why a sender did not send what was due: what its stalls explain says nothing of what it
/// reaches.
fn shortfall(summary: &Summary, due: u64, duration_s: f64) -> Shortfall {
    let senders = summary
        .workers
        .iter()
        .filter(|worker| worker.role == Role::Tx);
    let stalled_s: f64 = senders
        .clone()
        .map(|worker| worker.stalls.total_ns.unwrap_or(0) as f64 / 1e9)
        .sum();
    let sent = summary.tx.packets;
    let missing_s = due.saturating_sub(sent) as f64 / due.max(1) as f64 * duration_s;
    if missing_s <= stalled_s / senders.count().max(1) as f64 {
        Shortfall::Disturbance
    } else {
        Shortfall::Limit((sent as f64 / duration_s.max(f64::MIN_POSITIVE)) as u64)
    }
}

/// The time that a trial took.
enum Passed {
    /// That of the clock on the wall.
    Real,
    /// That of a simulation.
    Virtual(Duration),
}

/// The watcher of one trial.
struct Watch<'w> {
    standing: &'w Standing,
    outputs: &'w mut SearchOutputs,
    signals: &'w mut StopSignals,
    begin: Wall,
    passed: Passed,
}

impl Sink for Watch<'_> {
    fn tell(&mut self, line: &str) {
        self.outputs.tell_once(line);
    }

    fn taps(&mut self, workers: usize) -> Option<Vec<Tap>> {
        self.outputs.records.taps(workers)
    }

    fn add_paths(&mut self) {
        self.outputs.records.add_paths();
    }

    fn begin(&mut self, start: SystemTime) {
        self.outputs.begin(start);
        if start == UNIX_EPOCH {
            self.passed = Passed::Virtual(Duration::ZERO);
        }
    }

    fn row(&mut self, row: &Row) {
        self.outputs.records.row(row);
    }

    fn tick(&mut self, now: Instant, _: Phase, progress: &dyn Fn() -> Progress) {
        let SearchOutputs {
            records, screen, ..
        } = &mut *self.outputs;
        records.tick(now, screen, progress);
        let passed = match self.passed {
            Passed::Real => self.begin.elapsed().as_secs_f64(),
            Passed::Virtual(_) => 0.0,
        };
        let before = self.standing;
        self.outputs.tick(|| Standing {
            elapsed_s: before.elapsed_s + passed,
            left_s: before.left_s.map(|left| (left - passed).max(0.0)),
            ..before.clone()
        });
    }

    fn end(&mut self, progress: &dyn Fn() -> Progress) {
        self.outputs.records.end(progress);
        if let Passed::Virtual(passed) = &mut self.passed {
            *passed = Duration::from_nanos(progress().at_ns);
        }
    }

    fn stop_requests(&mut self) -> usize {
        self.signals.requests()
    }
}
