//! A run as a page: one HTML file with its pictures in it, which any browser opens.
//!
//! Promised: the page needs no network and runs no script; what it shows follows from the rows and
//! the totals handed in alone; a picture that lacks its data is left out, and a line names it and
//! says what would give the data; however long the run, the page stays below two megabytes, and
//! drawing takes memory for [`timeline::COLUMNS`] columns and no more.

mod axis;
mod distribution;
mod document;
pub mod file;
mod html;
mod identity;
mod over_time;
mod percentiles;
mod picture;
mod queues;
pub mod search;
mod sections;
mod split;
mod tables;
pub mod timeline;

pub use self::distribution::Distribution;
use self::document::{Document, Panel};
use self::timeline::Timeline;
use crate::latency::LatencyKind;
use crate::summary::{Mode, Summary};
use crate::text::{self, words};

/// The data that a page is drawn from.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The rows of the run, summed up in columns.
    pub timeline: &'a Timeline,
    /// The totals of the run; `None` if there is its CSV alone.
    pub summary: Option<&'a Summary>,
    /// Latencies from the time written into the probe.
    pub latency: Option<&'a Distribution>,
    /// Latencies from the time when the probe was due.
    pub latency_due: Option<&'a Distribution>,
    /// The totals of the reflector at the other end.
    pub peer: Option<&'a Summary>,
    /// The name of the file that the rows come from; `None` for a page drawn at the end of the run.
    pub from: Option<&'a str>,
}

impl Sources<'_> {
    /// Returns the length of an interval in nanoseconds, if the rows or the settings tell it.
    fn interval_ns(&self) -> Option<f64> {
        let asked = || {
            let config = &self.summary?.config;
            config.get("stats_interval_ns")?.as_f64()
        };
        let told = self.timeline.interval_ns().map(|ns| ns as f64);
        told.or_else(asked).filter(|ns| *ns > 0.0)
    }

    /// Returns the run's mode; a CSV alone does not tell `reflect` from a run that only sent.
    fn mode(&self) -> Option<Mode> {
        self.summary.map(|summary| summary.mode)
    }

    /// Returns the kind of latency that it measured, which a CSV alone does not tell.
    fn latency_kind(&self) -> LatencyKind {
        self.summary
            .map_or(LatencyKind::Untold, Summary::latency_kind)
    }

    /// Returns the kind of latency with this after it, as the name of a panel or of a table.
    fn latency_name(&self, after: &str) -> String {
        let kind = words::capitalised(self.latency_kind().name());
        format!("{kind} {after}")
    }

    /// Returns the reason why a panel that needs the totals is left out without them.
    fn wants_json(&self) -> &'static str {
        "the CSV alone does not tell; give the run's JSON with --json"
    }
}

/// Returns the page.
#[must_use]
pub fn render(sources: &Sources<'_>) -> String {
    let [packets, loss, latency] = over_time::panels(sources);
    let panels = [
        ("split", split::panel(sources)),
        ("packets", packets),
        ("loss", loss),
        ("latency", latency),
        ("percentiles", percentiles::panel(sources)),
        ("workers", queues::workers(sources)),
        ("queues", queues::packets(sources)),
        ("totals", tables::totals(sources)),
        ("config", tables::config(sources)),
    ];
    let drawn = panels.iter().filter(|(_, panel)| panel.html().is_some());
    let drawn = drawn.map(|(id, _)| *id);
    let is_whole = |latency: &Distribution| latency.is_whole;
    let histogram = sources
        .latency
        .is_some_and(is_whole)
        .then_some(sections::HISTOGRAM);
    let document = Document {
        title: identity::title(sources),
        lines: lines(sources),
        tiles: tables::tiles(sources),
        sections: drawn.chain(histogram).collect(),
        origin: origin(sources),
    };
    let of_five = of_five(sources);
    let all = panels.iter().map(|(_, panel)| panel).chain(&of_five);
    document.html(&(cards(&panels) + &document::left_out(all)))
}

/// Returns the summary in words, the verdict first.
fn lines(sources: &Sources<'_>) -> Vec<String> {
    let mut lines = match sources.summary {
        Some(summary) => {
            let text = text::render_with(summary, sources.peer);
            text.lines().map(str::to_owned).collect()
        }
        None => vec![sum_of_rows(sources)],
    };
    lines.extend(sources.timeline.cut_off_at().map(|line| {
        format!(
            "The CSV has no end of its line {line}, which may be cut off: that line, and what may \
             have come after it, is not in the pictures."
        )
    }));
    lines
}

/// Returns what the rows alone tell.
fn sum_of_rows(sources: &Sources<'_>) -> String {
    let totals = sources.timeline.totals();
    let sent = format!("{} sent", words::packets(totals.tx_packets));
    match (totals.lost, totals.rx_packets) {
        _ if totals.rows == 0 => "No interval was closed: there is nothing to show.".to_owned(),
        (Some(0), _) => format!("{sent}, none lost."),
        (Some(lost), _) => {
            let ratio = lost as f64 / totals.tx_packets.max(1) as f64;
            format!(
                "{sent}, {} lost ({}).",
                words::percent(ratio),
                words::count(lost)
            )
        }
        (None, Some(received)) if !sources.timeline.tells_probes() => format!(
            "{sent}, {} received; what was lost is not told.",
            words::packets(received)
        ),
        (None, Some(received)) => format!("{} received, {sent}.", words::packets(received)),
        (None, None) => format!("{sent}; what was received is not told."),
    }
}

/// Returns the panels that are drawn: pictures that have room beside each other in two columns, with
/// what comes between them and the tables; all else in the full width.
fn cards(panels: &[(&'static str, Panel)]) -> String {
    let is_wide = |id: &str| ["split", "packets", "totals", "config"].contains(&id);
    let is_picture = |id: &str| ["loss", "latency", "percentiles"].contains(&id);
    let mut html = String::new();
    for group in panels.chunk_by(|(one, _), (next, _)| !is_wide(one) && !is_wide(next)) {
        let drawn = group
            .iter()
            .filter_map(|(id, panel)| Some((*id, panel.html()?)));
        let (ids, drawn): (Vec<_>, Vec<_>) = drawn.unzip();
        let drawn_html = drawn.concat();
        if drawn.len() > 1 && ids.into_iter().any(is_picture) {
            html += &format!("<div class=\"cards\">\n{drawn_html}</div>\n");
        } else {
            html += &drawn_html;
        }
    }
    html
}

/// Returns what the article's program does not tell, of a CSV of its.
fn of_five(sources: &Sources<'_>) -> Option<Panel> {
    sources.timeline.is_of_five().then(|| {
        Panel::left_out(
            "Late packets, duplicates, reordering, corruption; shortest and longest latencies",
            "the CSV has the five columns of the article's program, which do not tell them",
        )
    })
}

fn origin(sources: &Sources<'_>) -> String {
    let rows = sources.timeline.totals().rows;
    let intervals = match rows {
        1 => "1 interval".to_owned(),
        rows => format!("{} intervals", words::count(rows)),
    };
    let version = env!("CARGO_PKG_VERSION");
    match sources.from {
        Some(name) => format!("Drawn by dpdkgen {version} from {intervals} in {name}."),
        None => format!("Drawn by dpdkgen {version} at the end of the run, from {intervals}."),
    }
}
