//! A run as a page: one HTML file with its pictures in it, which any browser opens.
//!
//! Promised: the page needs no network and runs no script; what it shows follows from the rows and
//! the totals handed in alone; a picture that lacks its data is left out, and a line names it and
//! says what would give the data; however long the run, the page stays below two megabytes, and
//! drawing takes memory for [`timeline::COLUMNS`] columns and no more.

mod axis;
mod distribution;
pub mod file;
mod html;
mod over_time;
mod percentiles;
mod picture;
mod queues;
mod split;
mod tables;
pub mod timeline;

use std::fmt::Write;

pub use self::distribution::Distribution;
use self::html::escaped;
use self::timeline::Timeline;
use crate::latency::LatencyKind;
use crate::summary::{Mode, Summary};
use crate::text::{self, words};

const STYLE: &str = include_str!("page/style.css");

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

/// A part of the page.
enum Panel {
    Drawn(String),
    /// Left out for want of data.
    LeftOut {
        name: String,
        why: String,
    },
}

impl Panel {
    fn left_out(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self::LeftOut {
            name: name.into(),
            why: why.into(),
        }
    }
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
        split::panel(sources),
        packets,
        loss,
        latency,
        percentiles::panel(sources),
        queues::workers(sources),
        queues::packets(sources),
        tables::totals(sources),
        tables::config(sources),
    ];
    // A number and its % stay on one line.
    let lines = lines(sources).into_iter();
    let lines: Vec<_> = lines.map(|line| line.replace(" %", "\u{a0}%")).collect();
    let title = title(sources);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; img-src data:\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n<header>\n<p class=\"eyebrow\">{title}</p>\n<h1>{}</h1>\n",
        escaped(lines.first().map_or("", String::as_str)),
        title = escaped(&title),
    );
    page += &tables::tiles(sources);
    if lines.len() > 1 {
        page += "<ul class=\"words\">\n";
        for line in &lines[1..] {
            let _ = writeln!(page, "<li>{}</li>", escaped(line));
        }
        page += "</ul>\n";
    }
    page += "</header>\n<main>\n";
    for panel in &panels {
        if let Panel::Drawn(html) = panel {
            page += html;
        }
    }
    page += &left_out(&panels);
    let _ = write!(
        page,
        "</main>\n<footer><p>{}</p></footer>\n</body>\n</html>\n",
        escaped(&origin(sources))
    );
    page
}

fn title(sources: &Sources<'_>) -> String {
    let what = match sources.mode() {
        Some(Mode::SendRecv) => "sendrecv",
        Some(Mode::Reflect) => "reflect",
        None => "run",
    };
    match sources.from {
        Some(name) => format!("dpdkgen {what}: {name}"),
        None => format!("dpdkgen {what}"),
    }
}

/// Returns the summary in words, the verdict first.
fn lines(sources: &Sources<'_>) -> Vec<String> {
    let mut lines = match sources.summary {
        Some(summary) => text::render(summary).lines().map(str::to_owned).collect(),
        None => vec![sum_of_rows(sources)],
    };
    lines.extend(sources.timeline.cut_off_at().map(|line| {
        format!(
            "The CSV ends in the middle of line {line}: what came after it is not in the pictures."
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
        (None, Some(received)) => format!("{} received, {sent}.", words::packets(received)),
        (None, None) => format!("{sent}; what was received is not told."),
    }
}

fn left_out(panels: &[Panel]) -> String {
    let mut items = String::new();
    for panel in panels {
        if let Panel::LeftOut { name, why } = panel {
            let (name, why) = (escaped(name), escaped(why));
            let _ = writeln!(items, "<li><strong>{name}</strong>: {why}.</li>");
        }
    }
    if items.is_empty() {
        return String::new();
    }
    format!(
        "<section id=\"left-out\" class=\"wide\">\n<h2>Not on this page</h2>\n<ul>\n{items}</ul>\n\
         </section>\n"
    )
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
