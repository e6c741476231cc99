//! Packets per second, loss and latency over time.

use super::axis::{Axis, short_count};
use super::picture::{Pen, Picture};
use super::timeline::{Series, Spread};
use super::{Panel, Sources};
use crate::summary::{Event, Mode};
use crate::text::words;

const PACKETS: &str = "Packets per second";
const LOSS: &str = "Loss over time";
const LATENCY: &str = "over time";

/// Returns the three pictures that share the run's time.
pub fn panels(sources: &Sources<'_>) -> [Panel; 3] {
    let left_out = |why: &str| {
        let latency = sources.latency_name(LATENCY);
        [PACKETS.to_owned(), LOSS.to_owned(), latency].map(|name| Panel::left_out(name, why))
    };
    let Some(interval_ns) = sources.interval_ns() else {
        let why = match sources.timeline.totals().rows {
            0 => "there is no row",
            _ => "a single row does not tell how long it is; give the run's JSON with --json",
        };
        return left_out(why);
    };
    if sources.timeline.totals().rows == 0 {
        return left_out("there is no row");
    }
    let drawing = Drawing {
        sources,
        interval_ns,
    };
    [drawing.packets(), drawing.loss(), drawing.latency()]
}

struct Drawing<'a> {
    sources: &'a Sources<'a>,
    interval_ns: f64,
}

impl Drawing<'_> {
    fn packets(&self) -> Panel {
        let timeline = self.sources.timeline;
        let per_second = 1e9 / self.interval_ns;
        let both = [Series::Sent, Series::Received];
        let known = both.map(|series| timeline.overall(series));
        let most = known.iter().flatten().map(|spread| spread.max);
        let most = most.fold(0.0, f64::max) * per_second;
        let y = Axis::from_zero(most, short_count);
        let mut picture = self.picture("packets", PACKETS, "packets/s", y);
        for (series, pen, name) in [
            (Series::Sent, Pen::First, "sent"),
            (Series::Received, Pen::Second, "received"),
        ] {
            if let Some(overall) = timeline.overall(series) {
                picture.columns(pen, name, self.columns(series, per_second));
                let [least, mean, most] = told(&overall, per_second).map(words::rate);
                picture.description +=
                    &format!("In an interval, {least} to {most} were {name}, {mean} on average. ");
            }
        }
        picture.note = self.about_columns(timeline.overall(Series::Received).is_some());
        if !self.events().is_empty() {
            picture.note +=
                " Dotted lines from top to bottom are what happened to a port, as told above.";
        }
        Panel::Drawn(picture.html())
    }

    fn loss(&self) -> Panel {
        let timeline = self.sources.timeline;
        let (Some(overall), Some(peak)) =
            (timeline.overall(Series::Loss), timeline.peak(Series::Loss))
        else {
            return Panel::left_out(LOSS, self.why_no_probes());
        };
        let y = Axis::from_zero(overall.max, words::percent);
        let mut picture = self.picture("loss", LOSS, "of the packets sent in the interval", y);
        picture.columns(Pen::Loss, "lost", self.columns(Series::Loss, 1.0));
        let lossy = "The worst interval lost";
        picture.note = if overall.max > 0.0 {
            format!(
                "{lossy} {} (at {}), all together {}.",
                words::percent(overall.max),
                self.at(peak.start_ns),
                words::percent(overall.mean()),
            )
        } else {
            "No interval lost anything.".to_owned()
        };
        let late = self.late();
        if late > 0 {
            picture.note += &format!(
                " {} came after their interval had been closed, and show here as lost.",
                words::packets(late)
            );
        }
        picture.description.clone_from(&picture.note);
        Panel::Drawn(picture.html())
    }

    fn latency(&self) -> Panel {
        let timeline = self.sources.timeline;
        let title = self.sources.latency_name(LATENCY);
        let (Some(overall), Some(peak)) = (
            timeline.overall(Series::Latency),
            timeline.peak(Series::Latency),
        ) else {
            return Panel::left_out(title, self.why_no_probes());
        };
        let y = Axis::of_latency(overall.min, overall.max);
        let unit = if y.is_logarithmic() {
            "by time of sending, logarithmic"
        } else {
            "by time of sending"
        };
        let mut picture = self.picture("latency", &title, unit, y);
        let name = "mean, and shortest to longest";
        picture.columns(Pen::Latency, name, self.columns(Series::Latency, 1.0));
        let [least, mean, most] = told(&overall, 1.0).map(|ns| words::nanos(ns.round() as u64));
        picture.note = format!(
            "Shortest {least}, mean {mean}, longest {most} (sent at {}).",
            self.at(peak.start_ns)
        );
        picture.description.clone_from(&picture.note);
        Panel::Drawn(picture.html())
    }

    fn picture<'p>(&self, id: &'p str, title: &'p str, unit: &'p str, y: Axis) -> Picture<'p> {
        let timeline = self.sources.timeline;
        let first = timeline.first_ns() as f64;
        let length = timeline.totals().rows as f64 * self.interval_ns;
        let x = Axis::of_time(first, first + length);
        let mut picture = Picture::new(id, title, unit, x, y, timeline.columns_filled());
        for event in self.events() {
            let at = event.at_s * 1e9;
            // What happened in the warm-up has no place here.
            if (first..=first + length).contains(&at) {
                picture.mark(at);
            }
        }
        picture
    }

    fn columns(&self, series: Series, factor: f64) -> impl Iterator<Item = Option<[f64; 3]>> {
        let columns = self.sources.timeline.columns(series);
        columns.map(move |column| column.map(|spread| told(&spread, factor)))
    }

    /// Returns a sentence that says what a step of the lines is.
    fn about_columns(&self, has_received: bool) -> String {
        let interval = words::nanos(self.interval_ns as u64);
        let rows = self.sources.timeline.rows_per_column();
        let mut note = if rows == 1 {
            format!("Each step is one interval of {interval}.")
        } else {
            let column = words::seconds(self.interval_ns * rows as f64 / 1e9);
            format!(
                "Lines are means over {} intervals of {interval} ({column}); bands go from the \
                 least to the most of a single interval.",
                words::count(rows)
            )
        };
        if has_received && self.sources.mode() != Some(Mode::Reflect) {
            note += " Received counts every packet when it came, duplicates too.";
        }
        note
    }

    fn events(&self) -> &[Event] {
        self.sources
            .summary
            .map_or(&[], |summary| &summary.events[..])
    }

    fn late(&self) -> u64 {
        let rx = self.sources.summary.and_then(|summary| summary.rx.as_ref());
        rx.and_then(|rx| rx.probes).map_or(0, |probes| probes.late)
    }

    fn at(&self, start_ns: u64) -> String {
        words::seconds(start_ns as f64 / 1e9)
    }

    fn why_no_probes(&self) -> &'static str {
        let totals = self.sources.timeline.totals();
        match self.sources.mode() {
            Some(Mode::Reflect) => {
                "a reflector does not know it; the page of the sender (sendrecv --report) shows it"
            }
            _ if totals.lost.is_none() => {
                "the rows do not tell, as in reflect and where nothing was to be received; \
                 sendrecv with --rxq 1 or more tells"
            }
            _ => "nothing came back, or nothing was sent",
        }
    }
}

fn told(spread: &Spread, factor: f64) -> [f64; 3] {
    [spread.min, spread.mean(), spread.max].map(|value| value * factor)
}
