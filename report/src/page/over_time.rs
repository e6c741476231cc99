//! Packets per second, loss and latency over time.

use super::axis::{Axis, short_count, short_percent};
use super::picture::{Pen, Picture};
use super::timeline::{Peak, Series, Spread};
use super::{Panel, Sources};
use crate::summary::{Event, Mode};
use crate::text::{outages, words};

const PACKETS: &str = "Packets per second";
const LOSS: &str = "Loss over time";
const LATENCY: &str = "over time";

/// The factor by which a few intervals have to stand above all others to go beyond a picture.
const FAR: f64 = 4.0;

/// The same where equal distances are equal ratios.
const FAR_LOGARITHMIC: f64 = 30.0;

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
        let tops = both.map(|series| timeline.top(series, FAR) * per_second);
        let top = tops[0].max(tops[1]);
        let y = Axis::from_zero(top, short_count);
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
        for (series, name) in [(Series::Sent, "sent"), (Series::Received, "received")] {
            if let Some(peak) = timeline.peak(series).filter(|p| p.value * per_second > top) {
                picture.note += &format!(
                    " Up to {} were {name} in an interval ({}), which is beyond the picture.",
                    words::rate(peak.value * per_second),
                    self.at(peak.start_ns)
                );
            }
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
        let top = timeline.top(Series::Loss, FAR);
        let y = Axis::from_zero(top, short_percent);
        let mut picture = self.picture("loss", LOSS, "of the packets sent in the interval", y);
        picture.columns(Pen::Loss, "lost", self.columns(Series::Loss, 1.0));
        picture.note = self.about_loss(&overall, &self.peak(peak, top));
        if let Some(found) = timeline.outages() {
            picture.note += &format!(" {}", outages::sentence(&found, timeline.totals().late));
        }
        if timeline.is_of_five() {
            picture.note += " The article's program writes 0 for loss and latency where nothing came \
                             back of what was sent in an interval; such rows are drawn as lost.";
        }
        picture.description.clone_from(&picture.note);
        Panel::Drawn(picture.html())
    }

    /// Returns what the worst interval lost, and what was lost in the end.
    fn about_loss(&self, overall: &Spread, at: &str) -> String {
        if overall.max <= 0.0 {
            return "No interval lost anything.".to_owned();
        }
        let totals = self.sources.timeline.totals();
        let lost = totals.lost.unwrap_or(0);
        let worst = format!("{} ({at})", words::percent(overall.max));
        if totals.late == 0 {
            let all = words::percent(lost as f64 / totals.tx_packets.max(1) as f64);
            return format!("The worst interval lost {worst}, all together {all}.");
        }
        let late = words::packets(totals.late);
        let in_the_end = match lost {
            0 => "in the end nothing was lost".to_owned(),
            lost => format!("in the end {} were lost", words::packets(lost)),
        };
        format!(
            "{late} came after their interval had been closed, and show here as lost: by that the \
             worst interval lost {worst}, and {in_the_end}."
        )
    }

    fn latency(&self) -> Panel {
        let timeline = self.sources.timeline;
        let title = self.sources.latency_name(LATENCY);
        let (Some(overall), Some(peak)) = (
            timeline.overall(Series::Latency),
            timeline.peak(Series::Latency),
        ) else {
            return Panel::left_out(title, self.why_no_latency());
        };
        let top = timeline.top(Series::Latency, FAR_LOGARITHMIC);
        let y = if timeline.is_of_five() {
            Axis::from_zero(top, |ns| words::nanos(ns.round() as u64))
        } else {
            Axis::of_latency(overall.min, top)
        };
        let unit = if y.is_logarithmic() {
            "by time of sending, logarithmic"
        } else {
            "by time of sending"
        };
        let mut picture = self.picture("latency", &title, unit, y);
        let name = match timeline.is_of_five() {
            true => "mean of an interval",
            false => "mean, and shortest to longest",
        };
        picture.columns(Pen::Latency, name, self.columns(Series::Latency, 1.0));
        picture.note = self.about_latency(&overall, &self.peak(peak, top));
        picture.note += &self.about_late();
        picture.description.clone_from(&picture.note);
        Panel::Drawn(picture.html())
    }

    /// Returns the extremes of the latencies in the picture.
    fn about_latency(&self, overall: &Spread, at: &str) -> String {
        let timeline = self.sources.timeline;
        let [least, mean, most] = told(overall, 1.0).map(|ns| words::nanos(ns.round() as u64));
        if timeline.is_of_five() {
            return format!(
                "The CSV tells the mean of each interval alone: on average {mean}, in the worst \
                 interval {most} ({at})."
            );
        }
        let of = match (timeline.cut_off_at(), self.late()) {
            (Some(_), _) => "Of the rows that are there: shortest",
            (None, 0) => "Shortest",
            (None, _) => "Of those that came in time: shortest",
        };
        format!("{of} {least}, mean {mean}, longest {most} (sent {at}).")
    }

    /// Returns a sentence on the packets that came too late for the rows, and so for the pictures.
    fn about_late(&self) -> String {
        let late = self.late();
        if late == 0 {
            return String::new();
        }
        let latency = self.sources.summary.and_then(|s| s.latency_ns);
        let in_time = self.sources.timeline.overall(Series::Latency);
        let longest = latency.map(|latency| latency.max as f64);
        let is_of_late = |ns: &f64| in_time.is_none_or(|in_time| *ns > in_time.max);
        let longest = longest.filter(is_of_late).map_or_else(String::new, |ns| {
            let took = words::nanos(ns as u64);
            match late {
                1 => format!(": it took {took}"),
                _ => format!(": the longest of them took {took}"),
            }
        });
        let (came, are) = match late {
            1 => ("came after its interval", "is"),
            _ => ("came after their interval", "are"),
        };
        let late = words::packets(late);
        format!(" {late} {came} had been closed, and {are} not in this picture{longest}.")
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

    /// Returns the number of packets that came after their interval had been closed.
    fn late(&self) -> u64 {
        let rx = self.sources.summary.and_then(|summary| summary.rx.as_ref());
        let told = rx.and_then(|rx| rx.probes).map(|probes| probes.late);
        told.unwrap_or(self.sources.timeline.totals().late)
    }

    /// Returns when the greatest value was, and whether it goes beyond a picture up to `top`.
    fn peak(&self, peak: Peak, top: f64) -> String {
        let at = self.at(peak.start_ns);
        match peak.value > top {
            true => format!("{at}, beyond the picture"),
            false => at,
        }
    }

    fn at(&self, start_ns: u64) -> String {
        words::at(start_ns as f64 / 1e9)
    }

    fn why_no_latency(&self) -> String {
        match self.late() {
            0 => self.why_no_probes().to_owned(),
            // The sentence on them follows a full stop elsewhere.
            _ => format!(
                "nothing came back in time; {}",
                self.about_late().trim().trim_end_matches('.')
            ),
        }
    }

    fn why_no_probes(&self) -> &'static str {
        let totals = self.sources.timeline.totals();
        match self.sources.mode() {
            Some(Mode::Reflect) => {
                "a reflector does not know it; the page of the sender (sendrecv --report) shows it"
            }
            _ if !self.sources.timeline.tells_probes() => {
                "the CSV has 0 in every row, which the article's program writes also where it \
                 measured nothing (reflect) and where nothing came back"
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
