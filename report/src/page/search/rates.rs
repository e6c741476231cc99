//! The picture of the rate over the frame size, beside what the line carries (RFC 2544, section 26.1).

use super::found::{Found, PENS, distinct};
use crate::page::axis::{Axis, short_count};
use crate::page::document::Panel;
use crate::page::picture::{Pen, Picture};
use crate::search::{FrameSize, SearchReport, gbit_on_the_line, named, sized};
use crate::text::words;

const NAME: &str = "Rate over frame size";

/// Returns the panel; it is left out of a search of one frame size.
pub fn panel(search: &SearchReport, found: &[Found<'_>]) -> Panel {
    let sizes = distinct(found.iter().map(|found| (found.size, found.frame_bytes)));
    if sizes.len() < 2 {
        let why = match sizes.len() {
            0 => "no bound was looked for before the end",
            _ => "there is one frame size; --frame-sizes takes several",
        };
        return Panel::left_out(NAME, why);
    }
    if found.iter().all(|found| found.lower_pps.is_none()) {
        return Panel::left_out(NAME, "there is no lower bound");
    }
    Panel::Drawn(Drawing::new(search, found, sizes).html())
}

/// The curve of a goal.
struct Curve {
    name: String,
    /// The lower bound of each frame size; of repeated searches the median.
    rates: Vec<Option<f64>>,
    /// The place of a frame size, and the least and the greatest bound of repeated searches.
    ranges: Vec<(f64, [f64; 2])>,
}

struct Drawing<'s> {
    sizes: Vec<(&'s FrameSize, f64)>,
    curves: Vec<Curve>,
    /// Goals for which there is no style left.
    others: Vec<String>,
    line_bps: Option<f64>,
}

impl<'s> Drawing<'s> {
    fn new(
        search: &SearchReport,
        found: &[Found<'s>],
        mut sizes: Vec<(&'s FrameSize, f64)>,
    ) -> Self {
        sizes.sort_by(|a, b| a.1.total_cmp(&b.1));
        let goals = distinct(found.iter().map(|found| found.goal));
        let (drawn, others) = goals.split_at(goals.len().min(PENS.len()));
        let curve = |goal: &&str| {
            let of_size = |size: &FrameSize| {
                let mut of_goal = found.iter().filter(|found| found.goal == *goal);
                of_goal.find(|found| found.size == size)
            };
            let of_sizes = sizes.iter().map(|(size, _)| of_size(size));
            let ranges = of_sizes.clone().enumerate().filter_map(|(place, found)| {
                let range = found?.range.filter(|[least, _]| *least > 0.0)?;
                Some((place as f64, range))
            });
            Curve {
                name: named(goal),
                rates: of_sizes.map(|found| found?.lower_pps).collect(),
                ranges: ranges.collect(),
            }
        };
        let curves = drawn.iter().map(curve).collect();
        let line_bps = search.config.get("line_bps");
        let line_bps = line_bps.and_then(serde_json::Value::as_f64);
        Self {
            sizes,
            curves,
            others: others.iter().map(|goal| named(goal)).collect(),
            line_bps: line_bps.filter(|bps| *bps > 0.0),
        }
    }

    /// Returns what the line carries of each frame size, in packets per second.
    fn line(&self) -> Option<Vec<f64>> {
        let bps = self.line_bps?;
        let bytes = self.sizes.iter().map(|(_, bytes)| *bytes);
        Some(
            bytes
                .map(|bytes| bps / (gbit_on_the_line(1.0, bytes) * 1e9))
                .collect(),
        )
    }

    fn html(&self) -> String {
        let line = self.line();
        let rates = self.curves.iter().flat_map(|curve| {
            let ends = curve.ranges.iter().flat_map(|(_, range)| *range);
            curve.rates.iter().flatten().copied().chain(ends)
        });
        let rates: Vec<_> = rates.chain(line.iter().flatten().copied()).collect();
        let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
        let most = rates.iter().copied().fold(0.0, f64::max);
        let names = self.sizes.iter().map(|(size, _)| size.to_string());
        let x = Axis::of_names(&names.collect::<Vec<_>>());
        let y = Axis::of_amounts(least, most, short_count);
        let unit = match y.is_logarithmic() {
            true => "packets/s, logarithmic, over the bytes of a frame",
            false => "packets/s over the bytes of a frame",
        };
        let mut picture = Picture::new("rates", NAME, unit, x, y, 1000.0);
        for (curve, pen) in self.curves.iter().zip(PENS) {
            let points = curve.rates.iter().enumerate();
            let points = points.map(|(place, rate)| Some((place as f64, (*rate)?)));
            picture.curve(pen, &curve.name, points, true);
            if !curve.ranges.is_empty() {
                picture.whiskers(pen, curve.ranges.iter().copied());
            }
        }
        if let Some(line) = line {
            let points = line.into_iter().enumerate();
            let points = points.map(|(place, rate)| Some((place as f64, rate)));
            picture.curve(Pen::Quiet, "the line", points, true);
        }
        picture.note = self.note();
        picture.description = self
            .curves
            .iter()
            .map(|curve| self.describe(curve))
            .collect();
        picture.description += &picture.note;
        picture.html()
    }

    fn note(&self) -> String {
        let mut note = "Dots are the lower bounds of a goal".to_owned();
        note += match self.curves.iter().all(|curve| curve.ranges.is_empty()) {
            true => ".",
            false => {
                ", of repeated searches the median; lines up and down go from the least to the \
                      greatest."
            }
        };
        note += &match self.line_bps {
            Some(bps) => format!(
                " The line carries {}, preamble and gap counted.",
                words::bit_rate(bps)
            ),
            None => " What the line carries is not drawn, since its speed is not told.".to_owned(),
        };
        let without = self.curves.iter().filter_map(|curve| {
            let sizes = curve.rates.iter().zip(&self.sizes);
            let sizes = sizes.filter(|(rate, _)| rate.is_none());
            let sizes: Vec<_> = sizes.map(|(_, (size, _))| sized(size)).collect();
            (!sizes.is_empty()).then(|| format!("{} with {}", curve.name, words::list(&sizes)))
        });
        let without: Vec<_> = without.collect();
        if !without.is_empty() {
            note += &format!(" No lower bound: {}.", without.join("; "));
        }
        if !self.others.is_empty() {
            note += &format!(
                " Not drawn, but in the table: {}.",
                words::list(&self.others)
            );
        }
        note
    }

    fn describe(&self, curve: &Curve) -> String {
        let told = curve.rates.iter().zip(&self.sizes);
        let told = told.filter_map(|(rate, (size, _))| {
            Some(format!("{} with {}", words::rate((*rate)?), sized(size)))
        });
        let told: Vec<_> = told.collect();
        format!("{}: {}. ", curve.name, words::list(&told))
    }
}
