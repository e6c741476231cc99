//! A search as a page: the bounds that it found, the trials that they rest on, and pictures of rate,
//! loss and latency.
//!
//! Promised: as of a run's page, no network and no script; what is left out is named.

mod found;
mod head;
mod loads;
mod rates;
mod results;
mod trials;

use super::document::{self, Document, Panel};
use super::{identity, tables};
use crate::search::SearchReport;

/// Returns the page. `from` is the name of the file that the report comes from; `None` for a page that
/// is drawn at the end of the search.
#[must_use]
pub fn render(search: &SearchReport, from: Option<&str>) -> String {
    let found = found::found(search);
    let origin = identity::rows_of_origin(&search.origin).collect();
    let settings = tables::settings("Search configuration", origin, &search.config);
    let mut panels = vec![
        ("results", results::panel(search)),
        ("rates", rates::panel(search, &found)),
    ];
    panels.extend(loads::panels(search));
    panels.extend([
        ("shares", trials::shares(search)),
        ("trials", trials::all(search)),
        ("config", Panel::Drawn(settings)),
    ]);
    let drawn = panels
        .iter()
        .filter_map(|(id, panel)| panel.html().map(|html| (*id, html)));
    let (sections, html): (Vec<_>, Vec<_>) = drawn.unzip();
    let document = Document {
        title: identity::title_of_search(search, from),
        lines: head::lines(search, &found),
        tiles: head::tiles(search, &found),
        sections,
        origin: drawn_by(search, from),
    };
    let left_out = document::left_out(panels.iter().map(|(_, panel)| panel));
    document.html(&(html.concat() + &left_out))
}

fn drawn_by(search: &SearchReport, from: Option<&str>) -> String {
    let trials = trials::counted(search.trials.len());
    let version = env!("CARGO_PKG_VERSION");
    match from {
        Some(name) => format!("Drawn by dpdkgen {version} from {trials} in {name}."),
        None => format!("Drawn by dpdkgen {version} at the end of the search, from {trials}."),
    }
}
