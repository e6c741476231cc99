//! The curve of latencies: for each share of the packets, the time within which it came
//! back.

use super::axis::{Axis, nines_of};
use super::distribution::Distribution;
use super::picture::{Pen, Picture};
use super::{Panel, Sources};
use crate::summary::Mode;
use crate::text::words;

const NAME: &str = "percentiles";

/// Returns the panel: the curve from when probes were sent, and the one from when they were due if
/// it is known.
pub fn panel(sources: &Sources<'_>) -> Panel {
    let title = sources.latency_name(NAME);
    let Some(latency) = sources.latency else {
        return Panel::left_out(title, why_not(sources));
    };
    let both = [Some(latency), sources.latency_due];
    let ends = |distribution: &Distribution| {
        let value = |point: Option<&(f64, u64)>| point.map_or(0, |(_, ns)| *ns);
        let points = &distribution.points;
        (value(points.first()), value(points.last()))
    };
    let least = both.iter().flatten().map(|d| ends(d).0).min();
    let most = both.iter().flatten().map(|d| ends(d).1).max();
    let y = Axis::of_latency(least.unwrap_or(0) as f64, most.unwrap_or(0) as f64);
    let unit = "the time within which this share came back";
    let x = Axis::of_nines(latency.count);
    let mut picture = Picture::new("percentiles", &title, unit, x, y, 1000.0);
    for (distribution, pen, name) in [
        (both[0], Pen::First, "from when it was sent"),
        (both[1], Pen::Second, "from when it was due"),
    ] {
        let Some(distribution) = distribution else {
            continue;
        };
        let points = distribution.points.iter();
        let points = points.map(|(share, ns)| Some((nines_of(*share), *ns as f64)));
        picture.curve(pen, name, points, !distribution.is_whole);
        picture.description += &describe(name, distribution);
    }
    picture.note = note(sources, latency);
    Panel::Drawn(picture.html())
}

fn describe(name: &str, distribution: &Distribution) -> String {
    let within = |share: f64| {
        let points = &distribution.points;
        let at = points.iter().rfind(|(from, _)| *from <= share);
        at.map_or(0, |(_, ns)| *ns)
    };
    let [half, most, all] = [0.5, 0.99, 1.0].map(within).map(words::nanos);
    format!("Counted {name}, half came back within {half}, 99 % within {most}, all within {all}. ")
}

fn note(sources: &Sources<'_>, latency: &Distribution) -> String {
    let count = words::packets(latency.count);
    let mut note = if latency.is_whole {
        format!("Every one of the {count} counts, in buckets of less than 1 %.")
    } else {
        format!(
            "Dots are the percentiles that the JSON tells of {count}; with --report the run itself \
             draws the whole curve."
        )
    };
    if sources.latency_due.is_some() {
        note += " Where the curves part, the sender was late: what waited in it counts from when \
                 it was due.";
    }
    note
}

fn why_not(sources: &Sources<'_>) -> &'static str {
    match (sources.mode(), sources.summary) {
        (Some(Mode::Reflect), _) => {
            "a reflector does not know it; the page of the sender (sendrecv --report) shows it"
        }
        (_, None) => sources.wants_json(),
        _ => "nothing came back, or nothing was to be received",
    }
}
