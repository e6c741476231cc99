//! The outputs of a run: opened before it, fed while it goes on, and finished whole.

use std::io::{self, Write};

use dpdkgen_core::time::Nanos;
use dpdkgen_report::background::Background;
use dpdkgen_report::csv::{CsvWriter, Row};
use dpdkgen_report::output::{Output, Target};
use dpdkgen_report::page::timeline::Timeline;
use dpdkgen_report::page::{Distribution, Sources, render};
use dpdkgen_report::summary::{Latency, Summary};
use dpdkgen_report::text;

use crate::failure::Failure;
use crate::request::{Request, Verbosity};
use crate::stage::Stage;
use crate::totals::{Distributions, distributions};

/// All outputs of one run.
pub struct Outputs {
    /// Written in the background: a slow reader must not hold up the control thread.
    csv: Option<CsvWriter<Background>>,
    json: Option<Output>,
    page: Option<Page>,
    flush_every: Nanos,
    next_flush: Nanos,
    stdout_is_data: bool,
    verbosity: Verbosity,
}

/// The page that is drawn at the end, from what is kept of the rows.
struct Page {
    output: Output,
    timeline: Timeline,
    distributions: Distributions,
}

impl Page {
    fn new(output: Output) -> Self {
        Self {
            output,
            timeline: Timeline::default(),
            distributions: Distributions::default(),
        }
    }

    /// Draws it.
    fn finish(mut self, summary: &Summary) -> Output {
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
    /// Opens what `request` asks for.
    ///
    /// # Errors
    ///
    /// If one of them cannot be written.
    pub fn open(request: &Request) -> Result<Self, Failure> {
        let open = |target: &Option<Target>, what| {
            let opened = target
                .as_ref()
                .map(|target| Output::open(target, what))
                .transpose();
            opened.map_err(|error| Failure::machine(error.to_string()))
        };
        let csv = open(&request.stats_file, "statistics")?
            .map(|output| CsvWriter::new(Background::new(output)))
            .transpose()
            .map_err(|error| {
                Failure::machine(format!("the statistics cannot be begun: {error}"))
            })?;
        let targets = [&request.stats_file, &request.json, &request.report];
        Ok(Self {
            csv,
            json: open(&request.json, "summary")?,
            page: open(&request.report, "report")?.map(Page::new),
            flush_every: request.flush_every,
            next_flush: request.flush_every,
            stdout_is_data: targets
                .iter()
                .any(|target| **target == Some(Target::Stdout)),
            verbosity: request.verbosity,
        })
    }

    /// Shows a line to the person who is watching, unless that was not wanted.
    pub fn tell(&self, line: &str) {
        if self.verbosity == Verbosity::Quiet {
            return;
        }
        // Whoever watches may have gone; the run goes on.
        let _ = if self.stdout_is_data {
            writeln!(io::stderr(), "{line}")
        } else {
            writeln!(io::stdout(), "{line}")
        };
    }

    /// Takes the next row.
    pub fn row(&mut self, row: &Row) {
        if let Some(csv) = &mut self.csv {
            // An output never fails towards its writer; it remembers.
            let _ = csv.write(row);
        }
        if let Some(page) = &mut self.page {
            page.timeline.push(row);
        }
    }

    /// Takes what the summary does not tell: the run on `stage` has ended.
    pub fn ended(&mut self, stage: &Stage<'_>) {
        if let Some(page) = &mut self.page {
            page.distributions = distributions(stage);
        }
    }

    /// Flushes the rows if it is time to.
    pub fn tick(&mut self, now: Nanos) {
        if now >= self.next_flush {
            self.next_flush = now + self.flush_every;
            if let Some(csv) = &mut self.csv {
                let _ = csv.flush();
            }
        }
    }

    /// Writes the rest, shows `summary`, and says whether every output is whole.
    pub fn finish(mut self, summary: &Summary) -> bool {
        let mut outputs = Vec::new();
        if let Some(csv) = self.csv.take()
            && let Ok(background) = csv.finish()
        {
            outputs.push(background.finish());
        }
        if let Some(mut json) = self.json.take() {
            let text = summary.to_json().unwrap_or_default();
            let _ = json.write_all(text.as_bytes());
            outputs.push(json);
        }
        outputs.extend(self.page.take().map(|page| page.finish(summary)));
        self.tell(text::render(summary).trim_end());
        let mut is_whole = true;
        for output in &mut outputs {
            output.finish();
            if let Some(failure) = output.failure() {
                eprintln!("dpdkgen: {failure}");
                is_whole = false;
            }
        }
        is_whole
    }
}
