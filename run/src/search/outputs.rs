//! The outputs of a search: its display, its table, its JSON and its page.

use std::fmt;
use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dpdkgen_report::background::Background;
use dpdkgen_report::console::{Console, Frame, Stream};
use dpdkgen_report::live::{Display, SHOW_EVERY, Style};
use dpdkgen_report::patience::Patience;
use dpdkgen_report::search::live::{Standing, line, table};
use dpdkgen_report::search::{SearchReport, render};
use dpdkgen_report::summary::{host_name, rfc3339};

use crate::failure::Failure;
use crate::outputs::{close, open, words};
use crate::request::{Request, Verbosity};

/// The outputs of one search, each written in the background.
pub struct SearchOutputs {
    is_quiet: bool,
    json: Option<Background>,
    page: Option<Background>,
    display: Option<Display>,
    style: Option<Style>,
    console: Console,
    stream: Stream,
    /// The time at which the search was last shown.
    shown: Option<Instant>,
    /// When the first trial began; `None` where time is simulated.
    started: Option<SystemTime>,
    has_begun: bool,
    has_told: bool,
}

impl SearchOutputs {
    /// Opens what `request` asks for. What an earlier search left is there until this one begins.
    ///
    /// # Errors
    ///
    /// Returns a failure if one of them cannot be written.
    pub fn open(request: &Request) -> Result<Self, Failure> {
        let (stream, style) = words::shown(request);
        let console = Console::new(stream, request.program());
        Ok(Self {
            is_quiet: request.verbosity == Verbosity::Quiet,
            json: open(&request.json, "search", &console)?,
            page: open(&request.report, "report", &console)?,
            display: style.map(|style| Display::new(stream, console.clone(), style)),
            style,
            console,
            stream,
            shown: None,
            started: None,
            has_begun: false,
            has_told: false,
        })
    }

    /// Shows a line to the person who is watching, unless that was not wanted; for before the search
    /// has begun.
    pub fn tell(&self, line: &str) {
        if !self.is_quiet {
            self.stream.write_soon(&format!("{line}\n"));
        }
    }

    /// Shows what every trial says at its beginning, the first time.
    pub fn tell_once(&mut self, line: &str) {
        if !std::mem::replace(&mut self.has_told, true) {
            self.tell(line);
        }
    }

    /// Shows that the search, which has not begun, waits for `what`, for so long at most.
    pub fn wait(&mut self, what: &dyn fmt::Display, left: Duration) {
        if let Some(display) = &mut self.display {
            display.wait(&what.to_string(), left);
        }
    }

    /// Takes away what was shown of a wait before the search.
    pub fn waited(&mut self) {
        if let Some(display) = &mut self.display {
            display.waited();
        }
    }

    /// Notes that a trial begins, at `start` by the clock on the wall. What an earlier search left is
    /// emptied when the first one does.
    pub fn begin(&mut self, start: SystemTime) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        self.started = (start != UNIX_EPOCH).then_some(start);
        self.waited();
        for output in [&mut self.json, &mut self.page].into_iter().flatten() {
            output.begin();
        }
    }

    /// Shows, about once a second, how far the search is, which `standing` returns.
    pub fn tick(&mut self, standing: impl FnOnce() -> Standing) {
        let is_due = self.shown.is_none_or(|shown| shown.elapsed() >= SHOW_EVERY);
        if is_due && self.style == Some(Style::Table) {
            self.shown = Some(Instant::now());
            let lines = table(&standing(), self.stream.size());
            self.console.show(Frame::Table(lines));
        }
    }

    /// Says what the last trial has shown.
    pub fn tried(&mut self, standing: &Standing) {
        match self.style {
            Some(Style::Table) => {
                self.shown = None;
                self.tick(|| standing.clone());
            }
            // Lines that come faster than they are written would replace each other.
            Some(Style::Lines) => self.stream.write_soon(&(line(standing) + "\n")),
            Some(Style::Answers) | None => {}
        }
    }

    /// Writes and shows `report`, for as long as `patience` lasts, and returns a sentence for each
    /// output that is incomplete.
    pub fn finish(mut self, report: &mut SearchReport, patience: &mut Patience<'_>) -> Vec<String> {
        if !self.has_begun {
            self.begin(UNIX_EPOCH);
        }
        if let Some(started) = self.started {
            report.origin.started_at = rfc3339(started);
            report.origin.host = host_name();
        }
        if self.style == Some(Style::Table) {
            self.console.show(Frame::Table(Vec::new()));
        }
        let mut outputs = Vec::new();
        if let Some(mut json) = self.json.take() {
            let text = report.to_json().unwrap_or_default();
            // An output never fails towards its writer; it remembers.
            let _ = json.write_all(text.as_bytes());
            outputs.push(json);
        }
        if let Some(mut page) = self.page.take() {
            let html = dpdkgen_report::page::search::render(report, None);
            let _ = page.write_all(html.as_bytes());
            outputs.push(page);
        }
        let columns = match self.style {
            Some(Style::Table) => self.stream.size().columns,
            _ => usize::MAX,
        };
        let text = (!self.is_quiet).then(|| render(report, columns));
        close(
            outputs,
            &self.console,
            self.stream,
            "table",
            text.as_deref(),
            patience,
        )
    }
}
