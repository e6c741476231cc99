//! The outputs of a run: opened before it, fed while it goes on, and finished whole.

mod capture;
pub mod sampling;
pub(crate) mod words;

use std::fmt;
use std::io::Write;
use std::time::{self, Duration, SystemTime, UNIX_EPOCH};

use dpdkgen_core::time::{Instant, Span};
use dpdkgen_report::background::Background;
use dpdkgen_report::console::{Console, Stream, say_last};
use dpdkgen_report::csv::{CsvWriter, Row};
use dpdkgen_report::hdr::HdrLog;
use dpdkgen_report::live::{Display, SHOW_EVERY};
use dpdkgen_report::metrics::Metrics;
use dpdkgen_report::output::{Output, Target};
use dpdkgen_report::page::timeline::Timeline;
use dpdkgen_report::page::{Distribution, Sources, render};
use dpdkgen_report::patience::{Patience, Writer};
use dpdkgen_report::progress::{Phase, Progress};
use dpdkgen_report::summary::{Latency, OutageFinder, Summary, host_name, rfc3339};
use dpdkgen_report::text;

use self::capture::Capture;
use crate::assembly::Context;
use crate::failure::Failure;
use crate::outputs::sampling::Tap;
use crate::request::{Request, Verbosity};
use crate::results::totals::{Distributions, distributions};

/// Shows what is waited for before a run, and for how long at most, and returns whether the user wants
/// to wait no longer.
pub type Waits<'w> = dyn Fn(&dyn fmt::Display, Duration) -> bool + 'w;

/// The length of the intervals in the log of histograms, in the run's own time.
const LOG_EVERY: Span = Span::from_secs(1);

/// All outputs of one run, each written in the background: a reader that is slow or does not read holds
/// up neither the control thread nor the other outputs.
pub struct Outputs {
    request: Request,
    csv: Option<CsvWriter<Background>>,
    json: Option<Background>,
    page: Option<Page>,
    hdr: Option<HdrLog<Background>>,
    capture: Option<Capture>,
    metrics: Option<Metrics>,
    display: Option<Display>,
    console: Console,
    stream: Stream,
    next_flush: Instant,
    next_log: Instant,
    /// The time at which the run was last shown; `None` before it has begun.
    shown: Option<time::Instant>,
    /// The phase that it was in at the last look.
    phase: Option<Phase>,
    has_begun: bool,
    /// When the run began; `None` where time is simulated.
    started: Option<SystemTime>,
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
        let metrics = request.metrics.map(Metrics::bind).transpose();
        let metrics = metrics.map_err(|error| Failure::machine(error.to_string()))?;
        let (stream, style) = words::shown(request);
        let console = Console::new(stream, request.program());
        let open = |target: &Option<Target>, what| open(target, what, &console);
        let outputs = Self {
            csv: open(&request.stats_file, "statistics")?.map(CsvWriter::new),
            json: open(&request.json, "summary")?,
            page: open(&request.report, "report")?.map(Page::new),
            hdr: open(&request.hdr, "histograms")?
                .map(|writer| HdrLog::new(writer, request.latency_kind())),
            capture: open(&request.pcap, "frames")?.map(|writer| Capture::new(request, writer)),
            metrics,
            display: style.map(|style| Display::new(stream, console.clone(), style)),
            console,
            stream,
            next_flush: Instant::START + request.flush_every,
            next_log: Instant::START + LOG_EVERY,
            shown: None,
            phase: None,
            has_begun: false,
            started: None,
            outages: OutageFinder::default(),
            request: request.clone(),
        };
        if let Some(metrics) = &outputs.metrics {
            outputs.tell(&format!("Metrics: http://{}/metrics", metrics.address()));
        }
        Ok(outputs)
    }

    fn is_quiet(&self) -> bool {
        self.request.verbosity == Verbosity::Quiet
    }

    /// Shows a line to the person who is watching, unless that was not wanted; for before the run
    /// has begun or after it.
    pub fn tell(&self, line: &str) {
        if !self.is_quiet() {
            self.stream.write_soon(&format!("{line}\n"));
        }
    }

    /// Shows that the run, which has not begun, waits for `what`, for so long at most.
    pub fn wait(&mut self, what: &dyn fmt::Display, left: Duration) {
        if let Some(display) = &mut self.display {
            display.wait(&what.to_string(), left);
        }
    }

    /// Takes away what was shown of a wait before the run.
    pub fn waited(&mut self) {
        if let Some(display) = &mut self.display {
            display.waited();
        }
    }

    /// Returns a tap for each of so many workers to sample frames with, if that is asked for.
    pub fn taps(&mut self, workers: usize) -> Option<Vec<Tap>> {
        let capture = self.capture.as_mut()?;
        Some(capture.taps(&self.request, workers))
    }

    /// Adds the column of paths to the rows, before the run begins.
    pub fn add_paths(&mut self) {
        if let Some(csv) = &mut self.csv {
            csv.add_paths();
        }
    }

    /// Begins the outputs of the run, which starts at `start` by the clock on the wall. What an
    /// earlier one left is emptied.
    pub fn begin(&mut self, start: SystemTime) {
        self.has_begun = true;
        self.started = (start != UNIX_EPOCH).then_some(start);
        self.waited();
        if let Some(json) = &mut self.json {
            json.begin();
        }
        if let Some(page) = &mut self.page {
            page.output.begin();
        }
        // An output never fails towards its writer; it remembers. So it is everywhere below.
        if let Some(csv) = &mut self.csv {
            let _ = csv.begin();
        }
        if let Some(hdr) = &mut self.hdr {
            let _ = hdr.begin(start);
        }
        if let Some(capture) = &mut self.capture {
            let _ = capture.begin(start);
        }
    }

    /// Takes the next row.
    pub fn row(&mut self, row: &Row) {
        self.outages.push(row);
        if let Some(csv) = &mut self.csv {
            let _ = csv.write(row);
        }
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
    pub fn tick(&mut self, now: Instant, phase: Phase, progress: impl Fn() -> Progress) {
        if now >= self.next_flush {
            self.next_flush = now + self.request.flush_every;
            if let Some(csv) = &mut self.csv {
                let _ = csv.flush();
            }
        }
        if let Some(capture) = &mut self.capture {
            let _ = capture.fetch();
        }
        if now >= self.next_log {
            self.next_log = now + LOG_EVERY;
            self.log(&progress);
        }
        let is_due = self.shown.is_none_or(|shown| shown.elapsed() >= SHOW_EVERY);
        let is_new = self.phase.replace(phase).is_some_and(|last| last != phase);
        let is_urgent = |display: &Display| display.is_urgent(phase);
        if is_due || is_new && self.display.as_ref().is_some_and(is_urgent) {
            self.show(&progress);
        }
    }

    /// Notes that the run is over; `progress` tells what it came to.
    pub fn end(&mut self, progress: impl Fn() -> Progress) {
        self.log(&progress);
    }

    fn log(&mut self, progress: impl Fn() -> Progress) {
        if let Some(hdr) = &mut self.hdr {
            let _ = hdr.write(progress());
        }
    }

    fn show(&mut self, progress: impl Fn() -> Progress) {
        // At the start there is nothing to see.
        let is_first = self.shown.replace(time::Instant::now()).is_none();
        if let Some(metrics) = &mut self.metrics {
            metrics.show(progress(), &self.console);
        }
        if let Some(display) = self.display.as_mut().filter(|_| !is_first) {
            display.show(progress());
        }
    }

    /// Adds what the outputs alone know: when and where the run began, and its outages.
    fn complete(&self, summary: &mut Summary) {
        if let Some(started) = self.started {
            summary.origin.started_at = rfc3339(started);
            summary.origin.host = host_name();
        }
        summary.outages = self.outages.finish();
    }

    /// Writes the rest and shows `summary`, for as long as `patience` lasts, and returns a sentence
    /// for each output that is incomplete.
    pub fn finish(mut self, summary: &Summary, patience: &mut Patience<'_>) -> Vec<String> {
        if !self.has_begun {
            self.begin(UNIX_EPOCH);
        }
        if let Some(display) = &mut self.display {
            display.clear();
        }
        let mut summary = summary.clone();
        self.complete(&mut summary);
        let mut outputs = Vec::new();
        outputs.extend(self.csv.take().and_then(|csv| csv.finish().ok()));
        outputs.extend(self.hdr.take().map(HdrLog::finish));
        if let Some(capture) = self.capture.take() {
            let (output, sampled) = capture.finish(patience);
            outputs.push(output);
            summary.sampled = Some(sampled);
        }
        if let Some(mut json) = self.json.take() {
            let text = summary.to_json().unwrap_or_default();
            let _ = json.write_all(text.as_bytes());
            outputs.push(json);
        }
        outputs.extend(self.page.take().map(|page| page.finish(&summary)));
        let text = (!self.is_quiet()).then(|| text::render(&summary));
        let (stream, what) = (self.stream, "summary in words");
        let mut failures = close(
            outputs,
            &self.console,
            stream,
            what,
            text.as_deref(),
            patience,
        );
        failures.extend(self.metrics.take().and_then(Metrics::finish));
        failures
    }
}

/// Opens the output `what` at `target`, if it is asked for, to be written in the background; its first
/// failure is said on `console`.
///
/// # Errors
///
/// Returns a failure if it cannot be written.
pub(crate) fn open(
    target: &Option<Target>,
    what: &'static str,
    console: &Console,
) -> Result<Option<Background>, Failure> {
    let Some(target) = target else {
        return Ok(None);
    };
    let output = Output::open(target, what);
    let output = output.map_err(|error| Failure::machine(error.to_string()))?;
    Ok(Some(Background::new(output, console.clone())))
}

/// Waits for `outputs`, to which all is written, and then shows `text`, which is called `what`, for as
/// long as `patience` lasts; returns a sentence for each that is incomplete.
pub(crate) fn close(
    mut outputs: Vec<Background>,
    console: &Console,
    stream: Stream,
    what: &str,
    text: Option<&str>,
    patience: &mut Patience<'_>,
) -> Vec<String> {
    outputs.iter_mut().for_each(Background::close);
    let writers: Vec<&dyn Writer> = outputs.iter().map(|output| output as _).collect();
    patience.tell(text.map(|_| console.clone()));
    patience.wait(&writers);
    patience.tell(None);
    console.end();
    patience.wait(&[console]);
    let failures = outputs.into_iter().filter_map(Background::finish);
    let mut failures: Vec<String> = failures.collect();
    let said = text.and_then(|text| say_last(stream, what, text.trim_end(), patience));
    failures.extend(said);
    failures
}
