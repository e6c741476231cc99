//! The pictures of loss and latency over the load, of each frame size: of all loads, and of those near
//! the bounds where these are too near each other to be told apart.

use super::found::{PENS, distinct};
use super::trials::counted;
use crate::latency::LatencyKind;
use crate::page::axis::{Axis, near_count, short_count};
use crate::page::document::Panel;
use crate::page::html::escaped;
use crate::page::picture::{Pen, Picture};
use crate::search::{FrameSize, Purpose, SearchReport, SearchResult, TrialRecord, named, sized};
use crate::summary::Latency;
use crate::text::words;

const LOSS: &str = "Loss over load";
const LATENCY: &str = "Latency over load";

/// The most frame sizes that have pictures.
const MOST: usize = 8;

/// The number of times that loads near the bounds go into all loads from which on they have a picture of
/// their own.
const NEAR: f64 = 4.0;

/// Returns the pictures as one panel, and those that are left out of every frame size.
pub fn panels(search: &SearchReport) -> Vec<(&'static str, Panel)> {
    let sizes = distinct(search.trials.iter().map(|trial| &trial.frame_size));
    let drawn = sizes.iter().take(MOST).enumerate();
    let drawn: Vec<_> = drawn
        .map(|(number, size)| Drawing::new(search, size, number + 1))
        .collect();
    let is_one = sizes.len() == 1;
    let mut groups = String::new();
    for drawing in &drawn {
        groups += &drawing.group(is_one);
    }
    let mut panels = Vec::new();
    if groups.is_empty() {
        panels.push((
            "loss",
            Panel::left_out(LOSS, "nothing was sent in any trial"),
        ));
    } else {
        panels.push(("loads", Panel::Drawn(groups)));
    }
    if drawn
        .iter()
        .all(|drawing| drawing.latencies().next().is_none())
    {
        let why = "nothing came back in any trial";
        panels.push(("latency", Panel::left_out(LATENCY, why)));
    }
    if sizes.len() > MOST {
        let names: Vec<_> = sizes[MOST..].iter().map(|size| sized(size)).collect();
        let name = format!("Loss and latency over load: {}", words::list(&names));
        let why = format!("pictures are of the first {MOST} frame sizes; the table has all trials");
        panels.push(("sizes", Panel::left_out(name, why)));
    }
    panels
}

/// The trials of a frame size.
struct Drawing<'s> {
    size: &'s FrameSize,
    /// The number of the frame size, from 1.
    number: usize,
    trials: Vec<&'s TrialRecord>,
    goals: Vec<Bounds>,
    /// Goals for which there is no style left.
    others: Vec<String>,
    kind: LatencyKind,
}

/// The bounds of a goal, one of each search.
struct Bounds {
    name: String,
    spans: Vec<[f64; 2]>,
}

impl Bounds {
    /// Returns those that a picture shows.
    fn within(&self, view: &View) -> impl Iterator<Item = [f64; 2]> {
        let spans = self.spans.iter().copied();
        spans.filter(|span| span.iter().all(|load| view.has(*load)))
    }
}

/// The loads that a picture shows.
struct View {
    from: f64,
    to: f64,
    is_near: bool,
}

impl View {
    fn axis(&self) -> Axis {
        match self.is_near {
            true => Axis::between(self.from, self.to, near_count),
            false => Axis::from_zero(self.to, short_count),
        }
    }

    fn has(&self, load: f64) -> bool {
        (self.from..=self.to).contains(&load)
    }
}

impl<'s> Drawing<'s> {
    fn new(search: &'s SearchReport, size: &'s FrameSize, number: usize) -> Self {
        let results = || {
            search
                .results
                .iter()
                .filter(|result| result.frame_size == *size)
        };
        let trials = search
            .trials
            .iter()
            .filter(|trial| trial.frame_size == *size);
        let goals = distinct(results().map(|result| result.goal.as_str()));
        let (drawn, others) = goals.split_at(goals.len().min(PENS.len()));
        let bounds = |goal: &&str| Bounds {
            name: format!("bounds of {}", named(goal)),
            spans: results()
                .filter(|result| result.goal == *goal)
                .filter_map(span)
                .collect(),
        };
        let through = search
            .config
            .get("through")
            .and_then(serde_json::Value::as_bool);
        Self {
            size,
            number,
            trials: trials.collect(),
            goals: drawn.iter().map(bounds).collect(),
            others: others.iter().map(|goal| named(goal)).collect(),
            kind: LatencyKind::of(through == Some(true)),
        }
    }

    /// Returns the pictures: folded but for the first frame size, unless it is the only one.
    fn group(&self, is_only: bool) -> String {
        let all = self.all();
        let mut views = vec![all];
        views.extend(self.near());
        let pictures = views
            .iter()
            .flat_map(|view| [self.loss(view), self.latency(view)]);
        let pictures: Vec<_> = pictures.flatten().collect();
        let html = match pictures.len() {
            0 => return String::new(),
            1 => pictures.concat(),
            _ => format!("<div class=\"cards\">\n{}</div>\n", pictures.concat()),
        };
        if is_only {
            return html;
        }
        let name = escaped(&format!("{}: loss and latency over load", sized(self.size)));
        let open = if self.number == 1 { " open" } else { "" };
        format!("<details class=\"group\"{open}>\n<summary>{name}</summary>\n{html}</details>\n")
    }

    fn all(&self) -> View {
        let loads = self.trials.iter().map(|trial| load(trial));
        View {
            from: 0.0,
            to: loads.fold(0.0, f64::max),
            is_near: false,
        }
    }

    /// Returns the loads about the bounds; `None` if they can be told apart among all, or there is one
    /// alone.
    fn near(&self) -> Option<View> {
        let ends = self
            .goals
            .iter()
            .flat_map(|goal| goal.spans.iter().flatten());
        let least = ends.clone().copied().reduce(f64::min)?;
        let most = ends.copied().reduce(f64::max)?;
        let margin = (0.5 * (most - least)).max(0.0025 * most);
        let view = View {
            from: (least - margin).max(0.0),
            to: most + margin,
            is_near: true,
        };
        let within = self.trials.iter().map(|trial| load(trial));
        let within = within.filter(|load| view.has(*load));
        let least = within.clone().reduce(f64::min)?;
        let is_apart = self.all().to < NEAR * (view.to - view.from);
        (!is_apart && within.reduce(f64::max)? > least).then_some(view)
    }

    /// Returns the trials that tell the loss, and were or were not offered.
    fn losses(&self, offered: bool) -> impl Iterator<Item = (f64, f64)> {
        let trials = self.trials.iter();
        let trials = trials
            .filter(move |trial| trial.offered == offered && trial.purpose != Purpose::Latency);
        trials.filter_map(|trial| Some((load(trial), trial.loss_ratio?)))
    }

    /// Returns the latencies of trials that were offered.
    fn latencies(&self) -> impl Iterator<Item = (f64, Latency)> {
        let trials = self.trials.iter().filter(|trial| trial.offered);
        trials.filter_map(|trial| Some((load(trial), trial.latency_ns?)))
    }

    fn loss(&self, view: &View) -> Option<String> {
        let of = |offered| {
            let losses = self.losses(offered);
            losses
                .filter(|(load, _)| view.has(*load))
                .collect::<Vec<_>>()
        };
        let [offered, not_offered] = [true, false].map(of);
        let all = || offered.iter().chain(&not_offered).map(|(_, loss)| *loss);
        let most = all().reduce(f64::max)?;
        let least = all()
            .filter(|loss| *loss > 0.0)
            .fold(f64::INFINITY, f64::min);
        let y = Axis::of_shares(least, most);
        let unit = match y.is_logarithmic() {
            true => "of the packets sent, logarithmic above 0, over packets/s",
            false => "of the packets sent, over packets/s",
        };
        let (id, title) = self.named("loss", "Loss", view);
        let mut picture = Picture::new(&id, &title, unit, view.axis(), y, 1000.0);
        self.bounds(&mut picture, view);
        picture.dots(Pen::Loss, "a trial", offered.iter().copied());
        if !not_offered.is_empty() {
            picture.rings(Pen::Loss, "not offered", not_offered.iter().copied());
        }
        let none = offered.iter().filter(|(_, loss)| *loss <= 0.0).count();
        picture.note = format!(
            "{}, {}.",
            counted(offered.len()),
            match none {
                0 => "none without loss".to_owned(),
                all if all == offered.len() => "none with loss".to_owned(),
                some => format!("{} without loss", words::count(some as u64)),
            }
        );
        if !not_offered.is_empty() {
            picture.note += " Rings are trials in which the sender did not offer the load: they \
                             stand where it came to, and say nothing of the path.";
        }
        picture.note += &self.about_bounds();
        picture.description.clone_from(&picture.note);
        Some(picture.html())
    }

    fn latency(&self, view: &View) -> Option<String> {
        let trials: Vec<_> = self
            .latencies()
            .filter(|(load, _)| view.has(*load))
            .collect();
        let least = trials.iter().map(|(_, latency)| latency.p50).min()?;
        let most = trials.iter().map(|(_, latency)| latency.max).max()?;
        let y = Axis::of_latency(least as f64, most as f64);
        let scale = if y.is_logarithmic() {
            ", logarithmic"
        } else {
            ""
        };
        let unit = format!("{}{scale}, over packets/s", self.kind.name());
        let (id, title) = self.named("latency", "Latency", view);
        let mut picture = Picture::new(&id, &title, &unit, view.axis(), y, 1000.0);
        let spans = self.goals.iter().flat_map(|goal| goal.within(view));
        let mut spans = spans.peekable();
        if spans.peek().is_some() {
            picture.spans(Pen::Quiet, "bounds", spans);
        }
        let mut dots = |pen: Pen, name: &'static str, of: fn(&Latency) -> u64| {
            let points = trials.iter();
            let points = points.map(|(load, latency)| (*load, of(latency) as f64));
            picture.dots(pen, name, points);
        };
        dots(Pen::Latency, "p50", |latency| latency.p50);
        dots(Pen::Third, "p99", |latency| latency.p99);
        dots(Pen::Loss, "longest", |latency| latency.max);
        picture.note = format!("Three dots a trial, of {}.", counted(trials.len()));
        picture.description.clone_from(&picture.note);
        Some(picture.html())
    }

    fn bounds<'p>(&'p self, picture: &mut Picture<'p>, view: &View) {
        for (goal, pen) in self.goals.iter().zip(PENS) {
            let mut spans = goal.within(view).peekable();
            if spans.peek().is_some() {
                picture.spans(pen, &goal.name, spans);
            }
        }
    }

    fn about_bounds(&self) -> String {
        let mut about = String::new();
        if self.goals.iter().any(|goal| !goal.spans.is_empty()) {
            about += " Bounds are drawn from the lower to the upper one.";
        }
        if !self.others.is_empty() {
            about += &format!(
                " The bounds of {} are in the table alone.",
                words::list(&self.others)
            );
        }
        about
    }

    /// Returns the name of a picture within the page, and its title.
    fn named(&self, id: &str, what: &str, view: &View) -> (String, String) {
        let number = self.number;
        match view.is_near {
            true => (
                format!("{id}-near-{number}"),
                format!("{what} near the bounds"),
            ),
            false => (format!("{id}-{number}"), format!("{what} over load")),
        }
    }
}

/// Returns the load of a trial: what was asked for, or where it was not offered what came of it.
fn load(trial: &TrialRecord) -> f64 {
    let sent = match trial.duration_s > 0.0 {
        true => trial.tx_packets as f64 / trial.duration_s,
        false => 0.0,
    };
    trial.target_pps.filter(|_| trial.offered).unwrap_or(sent)
}

/// Returns the lower and the upper bound; one that is missing is where the other is.
fn span(result: &SearchResult) -> Option<[f64; 2]> {
    let (lower, upper) = (result.lower_pps, result.upper_pps);
    Some([lower.or(upper)?, upper.or(lower)?])
}
