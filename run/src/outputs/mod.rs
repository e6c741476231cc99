//! The outputs of a run: opened before it, fed while it goes on, and finished whole.

mod capture;
pub mod records;
pub mod sampling;
pub mod screen;

use std::io::Write;
use std::time::{self, SystemTime, UNIX_EPOCH};

use dpdkgen_core::time::Instant;
use dpdkgen_report::background::Background;
use dpdkgen_report::csv::Row;
use dpdkgen_report::live::SHOW_EVERY;
use dpdkgen_report::page::timeline::Timeline;
use dpdkgen_report::page::{Distribution, Sources, render};
use dpdkgen_report::patience::Patience;
use dpdkgen_report::progress::{Phase, Progress};
use dpdkgen_report::summary::{Latency, OutageFinder, Summary};
use dpdkgen_report::text;

use self::records::Records;
use self::screen::Screen;
use crate::assembly::Context;
use crate::failure::Failure;
use crate::request::Request;
use crate::results::totals::{Distributions, distributions};

/// All outputs of one run, each written in the background: a reader that is slow or does not read holds
/// up neither the control thread nor the other outputs.
pub struct Outputs {
    /// The place of its words.
    pub screen: Screen,
    /// The outputs that are written while it goes on.
    pub records: Records,
    json: Option<Background>,
    page: Option<Page>,
    /// The time at which the run was last shown; `None` before it has begun.
    shown: Option<time::Instant>,
    /// The phase that it was in at the last look.
    phase: Option<Phase>,
    outages: OutageFinder,
}

/// The page that is drawn at the end, from what is kept of the rows.
struct Page {
    output: Background,
    timeline: Timeline,
    distributions: Distributions,
}

impl Page {
    fn new(output: Background) -> Self {
        Self {
            output,
            timeline: Timeline::default(),
            distributions: Distributions::default(),
        }
    }

    /// Draws the page, and returns its output.
    fn finish(mut self, summary: &Summary) -> Background {
        let drawn = |counts: &[(u64, u64)], told: Option<Latency>| {
            Some(Distribution::of_buckets(counts.iter().copied(), &told?))
        };
        let distributions = &self.distributions;
        let latency = drawn(&distributions.latency, summary.latency_ns);
        let latency_due = drawn(&distributions.latency_due, summary.latency_due_ns);
        let html = render(&Sources {
            timeline: &self.timeline,
            summary: Some(summary),
            latency: latency.as_ref(),
            latency_due: latency_due.as_ref(),
            peer: None,
            from: None,
        });
        let _ = self.output.write_all(html.as_bytes());
        self.output
    }
}

impl Outputs {
    /// Opens what `request` asks for. What an earlier run left is there until this one begins.
    ///
    /// # Errors
    ///
    /// Returns a failure if one of them cannot be written, or if the address of the metrics cannot
    /// be had.
    pub fn open(request: &Request) -> Result<Self, Failure> {
        let screen = Screen::new(request);
        Ok(Self {
            records: Records::open(request, &screen)?,
            json: screen.open(&request.json, "summary")?,
            page: screen.open(&request.report, "report")?.map(Page::new),
            screen,
            shown: None,
            phase: None,
            outages: OutageFinder::default(),
        })
    }

    /// Begins the outputs of the run, which starts at `start` by the clock on the wall. What an
    /// earlier one left is emptied.
    pub fn begin(&mut self, start: SystemTime) {
        self.screen.waited();
        if let Some(json) = &mut self.json {
            json.begin();
        }
        if let Some(page) = &mut self.page {
            page.output.begin();
        }
        self.records.begin(start);
    }

    /// Takes the next row.
    pub fn row(&mut self, row: &Row) {
        self.outages.push(row);
        self.records.row(row);
        if let Some(page) = &mut self.page {
            page.timeline.push(row);
        }
    }

    /// Takes what the summary does not tell: the run on `context` has ended.
    pub fn ended(&mut self, context: &Context<'_>) {
        if let Some(page) = &mut self.page {
            page.distributions = distributions(context);
        }
    }

    /// Does what there is to do at `now` in this phase, every few milliseconds; `progress` tells how
    /// far the run is.
    pub fn tick(&mut self, now: Instant, phase: Phase, progress: &dyn Fn() -> Progress) {
        self.records.tick(now, &self.screen, progress);
        let Some(display) = &mut self.screen.display else {
            return;
        };
        let is_due = self.shown.is_none_or(|shown| shown.elapsed() >= SHOW_EVERY);
        let is_new = self.phase.replace(phase).is_some_and(|last| last != phase);
        if is_due || is_new && display.is_urgent(phase) {
            // At the start there is nothing to see.
            let is_first = self.shown.replace(time::Instant::now()).is_none();
            if !is_first {
                display.show(progress());
            }
        }
    }

    /// Adds what the outputs alone know: when and where the run began, and its outages.
    fn complete(&self, summary: &mut Summary) {
        self.records.complete(&mut summary.origin);
        summary.outages = self.outages.finish();
    }

    /// Writes the rest and shows `summary`, for as long as `patience` lasts, and returns a sentence
    /// for each output that is incomplete.
    pub fn finish(mut self, summary: &Summary, patience: &mut Patience<'_>) -> Vec<String> {
        if !self.records.have_begun() {
            self.begin(UNIX_EPOCH);
        }
        if let Some(display) = &mut self.screen.display {
            display.clear();
        }
        let mut summary = summary.clone();
        self.complete(&mut summary);
        let (mut outputs, sampled) = self.records.finish(patience);
        summary.sampled = sampled;
        if let Some(mut json) = self.json.take() {
            let text = summary.to_json().unwrap_or_default();
            let _ = json.write_all(text.as_bytes());
            outputs.push(json);
        }
        outputs.extend(self.page.take().map(|page| page.finish(&summary)));
        let words = |_| text::render(&summary);
        let what = "summary in words";
        let mut failures = self.screen.close(outputs, what, words, patience);
        failures.extend(self.records.end_metrics());
        failures
    }
}
