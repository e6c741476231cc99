//! The one trial of a `sendrecv` or `reflect`, from open ports to the exit status.

use std::time::SystemTime;

use dpdkgen_core::time::Instant;
use dpdkgen_report::csv::Row;
use dpdkgen_report::patience::Patience;
use dpdkgen_report::progress::{Phase, Progress};
use dpdkgen_report::summary::{Event, Happening, Mode, StopReason, Summary};
use dpdkgen_report::text::words::{at, moment};

use crate::assembly::Context;
use crate::failure::Failure;
use crate::outputs::Outputs;
use crate::outputs::sampling::Tap;
use crate::outputs::screen::Screen;
use crate::request::Request;
use crate::results::thresholds;
use crate::runner::course::{Course, end};
use crate::runner::signals::StopSignals;
use crate::runner::trial::{Executor, Sink, trial};

/// The sink of a run with its outputs and its user, who may end it by signals.
pub struct Live {
    outputs: Outputs,
    signals: StopSignals,
}

impl Live {
    /// Opens the outputs that `request` asks for; `signals` end the trial.
    ///
    /// # Errors
    ///
    /// Returns a failure if one of them cannot be had.
    pub fn open(request: &Request, signals: StopSignals) -> Result<Self, Failure> {
        let outputs = Outputs::open(request)?;
        Ok(Self { outputs, signals })
    }
}

impl Course for Live {
    fn screen(&mut self) -> &mut Screen {
        &mut self.outputs.screen
    }

    fn signals(&mut self) -> &mut StopSignals {
        &mut self.signals
    }

    fn drive(mut self, request: Request, executor: &mut impl Executor) -> Result<u8, Failure> {
        let summary = trial(executor, &request, &mut self)?;
        let Self {
            outputs,
            mut signals,
        } = self;
        Ok(conclude(&request, &summary, outputs, &mut signals))
    }
}

impl Sink for Live {
    fn tell(&mut self, line: &str) {
        self.outputs.screen.tell(line);
    }

    fn taps(&mut self, workers: usize) -> Option<Vec<Tap>> {
        self.outputs.records.taps(workers)
    }

    fn add_paths(&mut self) {
        self.outputs.records.add_paths();
    }

    fn begin(&mut self, start: SystemTime) {
        self.outputs.begin(start);
    }

    fn row(&mut self, row: &Row) {
        self.outputs.row(row);
    }

    fn tick(&mut self, now: Instant, phase: Phase, progress: &dyn Fn() -> Progress) {
        self.outputs.tick(now, phase, progress);
    }

    fn end(&mut self, progress: &dyn Fn() -> Progress) {
        self.outputs.records.end(progress);
    }

    fn ended(&mut self, context: &Context<'_>) {
        self.outputs.ended(context);
    }

    fn stop_requests(&mut self) -> usize {
        self.signals.requests()
    }
}

/// Returns what to say of each port that was gone when the sending ended: what was measured until then
/// holds, and the run is not what was asked for.
fn gone(summary: &Summary) -> Vec<String> {
    // A reflector outlives its senders.
    if summary.mode == Mode::Reflect && summary.stop_reason != StopReason::Removed {
        return Vec::new();
    }
    let sentence = |event: &Event| {
        let Event { at_s, port, what } = event;
        let from = moment(*at_s);
        match what {
            Happening::Removed => format!(
                "the device of port {port} was taken away {}, which ended the run; what was measured \
                 until then is written",
                at(*at_s)
            ),
            Happening::PeerGone => {
                format!("port {port} had no peer from {from} to the end of the run")
            }
            Happening::TxRingFull => format!(
                "the device of port {port} took nothing from {from} to the end of the run: whoever \
                 empties its ring stands still"
            ),
            _ => format!("port {port} had no link from {from} to the end of the run"),
        }
    };
    summary
        .outages_to_the_end()
        .into_iter()
        .map(sentence)
        .collect()
}

/// Writes and shows the end of the run, as long as the user has not asked too often to end it, and
/// returns its exit status.
fn conclude(
    request: &Request,
    summary: &Summary,
    outputs: Outputs,
    signals: &mut StopSignals,
) -> u8 {
    let mut requests = || signals.requests();
    let mut patience = Patience::new(&mut requests);
    let mut sentences = outputs.finish(summary, &mut patience);
    sentences.extend(gone(summary));
    let misses = thresholds::missed(request, summary);
    end(request.program(), sentences, misses, &mut patience)
}
