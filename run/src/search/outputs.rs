//! The outputs of a search: its display, its table, its JSON and its page.

use std::io::Write;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use dpdkgen_report::background::Background;
use dpdkgen_report::console::Frame;
use dpdkgen_report::live::{SHOW_EVERY, Style};
use dpdkgen_report::patience::Patience;
use dpdkgen_report::search::live::{Standing, line, table};
use dpdkgen_report::search::{SearchReport, render};

use crate::failure::Failure;
use crate::outputs::records::Records;
use crate::outputs::screen::Screen;
use crate::request::Request;

/// The outputs of one search, each written in the background.
pub struct SearchOutputs {
    /// The place of its words.
    pub screen: Screen,
    /// The outputs that are written while trials pass.
    pub records: Records,
    json: Option<Background>,
    page: Option<Background>,
    /// The time at which the search was last shown.
    shown: Option<Instant>,
    has_told: bool,
}

impl SearchOutputs {
    /// Opens what `request` asks for. What an earlier search left is there until this one begins.
    ///
    /// # Errors
    ///
    /// Returns a failure if one of them cannot be written, or if the address of the metrics cannot
    /// be had.
    pub fn open(request: &Request) -> Result<Self, Failure> {
        let screen = Screen::new(request);
        Ok(Self {
            records: Records::open(request, &screen)?,
            json: screen.open(&request.json, "search")?,
            page: screen.open(&request.report, "report")?,
            screen,
            shown: None,
            has_told: false,
        })
    }

    /// Shows what every trial says at its beginning, the first time.
    pub fn tell_once(&mut self, line: &str) {
        if !std::mem::replace(&mut self.has_told, true) {
            self.screen.tell(line);
        }
    }

    /// Notes that a trial begins, at `start` by the clock on the wall. What an earlier search left is
    /// emptied when the first one does.
    pub fn begin(&mut self, start: SystemTime) {
        let is_first = !self.records.have_begun();
        self.records.begin(start);
        if !is_first {
            return;
        }
        self.screen.waited();
        for output in [&mut self.json, &mut self.page].into_iter().flatten() {
            output.begin();
        }
    }

    /// Shows, about once a second, how far the search is, which `standing` returns.
    pub fn tick(&mut self, standing: impl FnOnce() -> Standing) {
        let is_due = self.shown.is_none_or(|shown| shown.elapsed() >= SHOW_EVERY);
        if is_due && self.screen.style == Some(Style::Table) {
            self.shown = Some(Instant::now());
            let lines = table(&standing(), self.screen.stream.size());
            self.screen.console.show(Frame::Table(lines));
        }
    }

    /// Says what the last trial has shown.
    pub fn tried(&mut self, standing: &Standing) {
        match self.screen.style {
            Some(Style::Table) => {
                self.shown = None;
                self.tick(|| standing.clone());
            }
            // Lines that come faster than they are written would replace each other.
            Some(Style::Lines) => self.screen.stream.write_soon(&(line(standing) + "\n")),
            Some(Style::Answers) | None => {}
        }
    }

    /// Writes and shows `report`, for as long as `patience` lasts, and returns a sentence for each
    /// output that is incomplete.
    pub fn finish(mut self, report: &mut SearchReport, patience: &mut Patience<'_>) -> Vec<String> {
        if !self.records.have_begun() {
            self.begin(UNIX_EPOCH);
        }
        self.records.complete(&mut report.origin);
        if self.screen.style == Some(Style::Table) {
            self.screen.console.show(Frame::Table(Vec::new()));
        }
        let (mut outputs, sampled) = self.records.finish(patience);
        report.sampled = sampled;
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
        let words = |columns| render(report, columns);
        let mut failures = self.screen.close(outputs, "table", words, patience);
        failures.extend(self.records.end_metrics());
        failures
    }
}
