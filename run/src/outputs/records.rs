//! What is written of trials while they pass: rows, histograms, frames, metrics.
//!
//! Promised: of the trials of a search, one follows the other without a gap. Time in rows and
//! histograms passes only during trials, and the counters of the metrics go on; frames have their times
//! by the clock on the wall, where there is one.

use std::time::{self, Duration, SystemTime, UNIX_EPOCH};

use dpdkgen_core::time::{Instant, Span};
use dpdkgen_report::background::Background;
use dpdkgen_report::csv::{CsvWriter, Row};
use dpdkgen_report::hdr::HdrLog;
use dpdkgen_report::live::SHOW_EVERY;
use dpdkgen_report::metrics::Metrics;
use dpdkgen_report::patience::Patience;
use dpdkgen_report::progress::Progress;
use dpdkgen_report::summary::{Origin, Sampled, host_name, rfc3339};

use super::capture::Capture;
use super::sampling::Tap;
use super::screen::Screen;
use crate::failure::Failure;
use crate::request::Request;

/// The length of the intervals in the log of histograms, in the trial's own time.
const LOG_EVERY: Span = Span::from_secs(1);

/// The records of all trials.
pub struct Records {
    csv: Option<CsvWriter<Background>>,
    hdr: Option<HdrLog<Background>>,
    capture: Option<Capture>,
    metrics: Option<Metrics>,
    interval: Span,
    flush_every: Span,
    next_flush: Instant,
    next_log: Instant,
    /// The time at which the metrics were last brought up to date.
    shown: Option<time::Instant>,
    has_begun: bool,
    /// The time at which the first trial began; `None` where time is simulated.
    started: Option<SystemTime>,
    /// The time of the rows so far.
    rows: Span,
    /// The time of the rows before this trial's.
    rows_before: Span,
    /// The state at the end of the trials before this one.
    before: Option<Progress>,
}

impl Records {
    /// Opens what `request` asks for. What an earlier run left is there until this one begins.
    ///
    /// # Errors
    ///
    /// Returns a failure if one of them cannot be written, or if the address of the metrics cannot
    /// be had.
    pub fn open(request: &Request, screen: &Screen) -> Result<Self, Failure> {
        let metrics = request.metrics.map(Metrics::bind).transpose();
        let metrics = metrics.map_err(|error| Failure::machine(error.to_string()))?;
        let kind = request.latency_kind();
        let csv = screen.open(&request.stats_file, "statistics")?;
        let hdr = screen.open(&request.hdr, "histograms")?;
        let capture = screen.open(&request.pcap, "frames")?;
        let records = Self {
            csv: csv.map(CsvWriter::new),
            hdr: hdr.map(|writer| HdrLog::new(writer, kind)),
            capture: capture.map(|writer| Capture::new(request, writer)),
            metrics,
            interval: request.interval,
            flush_every: request.flush_every,
            next_flush: Instant::START,
            next_log: Instant::START,
            shown: None,
            has_begun: false,
            started: None,
            rows: Span::ZERO,
            rows_before: Span::ZERO,
            before: None,
        };
        if let Some(metrics) = &records.metrics {
            screen.tell(&format!("Metrics: http://{}/metrics", metrics.address()));
        }
        Ok(records)
    }

    /// Returns a tap for each of so many workers to sample frames with, if that is asked for.
    pub fn taps(&mut self, workers: usize) -> Option<Vec<Tap>> {
        let capture = self.capture.as_mut()?;
        Some(capture.taps(workers))
    }

    /// Adds the column of paths to the rows, before the first trial begins.
    pub fn add_paths(&mut self) {
        if let Some(csv) = &mut self.csv {
            csv.add_paths();
        }
    }

    /// Notes that a trial begins, at `start` by the clock on the wall. What an earlier run left is
    /// emptied when the first one does.
    pub fn begin(&mut self, start: SystemTime) {
        self.next_flush = Instant::START + self.flush_every;
        self.next_log = Instant::START + LOG_EVERY;
        self.rows_before = self.rows;
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        // An output never fails towards its writer; it remembers. So it is everywhere below.
        if let Some(capture) = &mut self.capture {
            let before_ns = self.before.as_ref().map_or(0, |before| before.at_ns);
            let start = match start {
                UNIX_EPOCH => start + Duration::from_nanos(before_ns),
                start => start,
            };
            capture.start_at(start);
        }
        if !is_first {
            return;
        }
        self.started = (start != UNIX_EPOCH).then_some(start);
        if let Some(capture) = &mut self.capture {
            let _ = capture.begin();
        }
        if let Some(csv) = &mut self.csv {
            let _ = csv.begin();
        }
        if let Some(hdr) = &mut self.hdr {
            let _ = hdr.begin(start);
        }
    }

    /// Takes the next row.
    pub fn row(&mut self, row: &Row) {
        let start_ns = self.rows_before.as_nanos() + row.start_ns;
        self.rows = Span::from_nanos(start_ns) + self.interval;
        if let Some(csv) = &mut self.csv {
            let _ = csv.write(&Row { start_ns, ..*row });
        }
    }

    /// Does what there is to do at `now`, every few milliseconds; `progress` tells how far the trial
    /// is.
    pub fn tick(&mut self, now: Instant, screen: &Screen, progress: &dyn Fn() -> Progress) {
        if now >= self.next_flush {
            self.next_flush = now + self.flush_every;
            if let Some(csv) = &mut self.csv {
                let _ = csv.flush();
            }
        }
        if let Some(capture) = &mut self.capture {
            let _ = capture.fetch();
        }
        if now >= self.next_log {
            self.next_log = now + LOG_EVERY;
            if let Some(hdr) = &mut self.hdr {
                let _ = hdr.write(so_far(&self.before, progress));
            }
        }
        let is_due = self.shown.is_none_or(|shown| shown.elapsed() >= SHOW_EVERY);
        if let Some(metrics) = self.metrics.as_mut().filter(|_| is_due) {
            self.shown = Some(time::Instant::now());
            metrics.show(so_far(&self.before, progress), &screen.console);
        }
    }

    /// Notes that the trial is over; `progress` tells what it came to.
    pub fn end(&mut self, progress: &dyn Fn() -> Progress) {
        let progress = so_far(&self.before, progress);
        if let Some(hdr) = &mut self.hdr {
            let _ = hdr.write(progress.clone());
        }
        self.before = Some(progress);
    }

    /// Returns whether a trial has begun.
    #[must_use]
    pub const fn have_begun(&self) -> bool {
        self.has_begun
    }

    /// Adds when and where the first trial began, if it was in real time.
    pub fn complete(&self, origin: &mut Origin) {
        if let Some(started) = self.started {
            origin.started_at = rfc3339(started);
            origin.host = host_name();
        }
    }

    /// Writes the rest, for as long as `patience` lasts, and returns the outputs to be closed, and what
    /// was sampled if that was asked for.
    pub fn finish(&mut self, patience: &mut Patience<'_>) -> (Vec<Background>, Option<Sampled>) {
        let mut outputs = Vec::new();
        outputs.extend(self.csv.take().and_then(|csv| csv.finish().ok()));
        outputs.extend(self.hdr.take().map(HdrLog::finish));
        let sampled = self.capture.take().map(|capture| {
            let (output, sampled) = capture.finish(patience);
            outputs.push(output);
            sampled
        });
        (outputs, sampled)
    }

    /// Ends the metrics, after all else. Returns a sentence that says why, if they were not served.
    #[must_use]
    pub fn end_metrics(self) -> Option<String> {
        self.metrics.and_then(Metrics::finish)
    }
}

/// Returns the state at the end of `before` and what this trial has come to since.
fn so_far(before: &Option<Progress>, progress: &dyn Fn() -> Progress) -> Progress {
    match before {
        Some(before) => progress().after(before),
        None => progress(),
    }
}
