//! The head of a search's page: the lower bound of each goal, and what limits it.

use super::found::{Found, distinct};
use crate::page::html::{self, Tile};
use crate::search::{
    FrameSize, LimitedBy, SearchEnd, SearchReport, end, gbit_number, named, remarks, sized,
};
use crate::text::words;

/// Returns the verdict, and what the table of results does not say by itself.
pub fn lines(search: &SearchReport, found: &[Found<'_>]) -> Vec<String> {
    let mut lines = vec![verdict(search, found)];
    lines.extend(remarks(search));
    // What else the end tells is in the tiles.
    if search.stop_reason != SearchEnd::Done {
        lines.push(end(search));
    }
    lines
}

/// Returns a tile for each goal, and what the search took.
pub fn tiles(search: &SearchReport, found: &[Found<'_>]) -> String {
    let goals = distinct(found.iter().map(|found| found.goal));
    let mut tiles: Vec<_> = goals
        .into_iter()
        .map(|goal| {
            let of_goal: Vec<_> = found.iter().filter(|found| found.goal == goal).collect();
            Tile {
                name: format!("{}, packets/s", named(goal)),
                value: rates(&of_goal).unwrap_or_else(|| "none".to_owned()),
                about: about(&of_goal),
            }
        })
        .collect();
    for (name, value) in [
        ("Trials", words::count(search.trials.len() as u64)),
        ("Duration", words::seconds(search.duration_s.round())),
    ] {
        tiles.push(Tile {
            name: name.to_owned(),
            value,
            ..Tile::default()
        });
    }
    html::tiles(&tiles)
}

/// Returns the lower bounds of all goals in a sentence.
fn verdict(search: &SearchReport, found: &[Found<'_>]) -> String {
    let begin = match search.stop_reason {
        SearchEnd::Done => "",
        SearchEnd::Signal => "Stopped early. So far ",
        SearchEnd::Gone => "Stopped early, as a port lost its link or its peer. So far ",
        SearchEnd::Failed => "Stopped early, as no further trial could begin. So far ",
        SearchEnd::Removed => "Stopped early, as a device was taken away. So far ",
    };
    let Some(sizes) = sizes(found) else {
        return words::capitalised(&format!("{begin}no bound was found."));
    };
    let goals = distinct(found.iter().map(|found| found.goal));
    let goals: Vec<_> = goals.into_iter().map(|goal| of_goal(goal, found)).collect();
    let searches = search.spread.iter().map(|spread| spread.searches).max();
    let median = match searches {
        None | Some(1) => String::new(),
        Some(searches) => format!(", in the median of {searches} searches"),
    };
    format!("{begin}{sizes}: {}{median}.", words::list(&goals))
}

/// Returns `64 bytes`, `64 to 1518 bytes`, or how many sizes there are if some are mixes; `None` if
/// there is none.
fn sizes(found: &[Found<'_>]) -> Option<String> {
    let sizes = distinct(found.iter().map(|found| found.size));
    if let [one] = sizes[..] {
        return Some(sized(one));
    }
    let bytes = sizes.iter().map(|size| match size {
        FrameSize::Bytes(bytes) => Some(bytes),
        FrameSize::Mix(_) => None,
    });
    match bytes.collect::<Option<Vec<_>>>() {
        Some(bytes) => {
            let (least, most) = (bytes.iter().min()?, bytes.iter().max()?);
            Some(format!("{least} to {most} bytes"))
        }
        None => Some(format!("{} frame sizes", sizes.len())),
    }
}

/// Returns `1,190,234 packets/s at 0 (NDR)`.
fn of_goal(goal: &str, found: &[Found<'_>]) -> String {
    let found: Vec<_> = found.iter().filter(|found| found.goal == goal).collect();
    let goal = named(goal);
    let Some(rates) = rates(&found) else {
        return format!("no lower bound at {goal}");
    };
    let without = found.iter().filter(|found| found.lower_pps.is_none());
    let without: Vec<_> = without.map(|found| sized(found.size)).collect();
    let without = match &without[..] {
        [] => String::new(),
        sizes => format!(" (no lower bound with {})", words::list(sizes)),
    };
    format!("{rates} packets/s at {goal}{without}")
}

/// Returns the lower bounds, from the least to the greatest; `None` if there is none.
fn rates(found: &[&Found<'_>]) -> Option<String> {
    let rates = found.iter().filter_map(|found| found.lower_pps);
    least_to_greatest(rates, words::rate_number)
}

fn least_to_greatest(
    values: impl Iterator<Item = f64> + Clone,
    number: impl Fn(f64) -> String,
) -> Option<String> {
    let least = number(values.clone().reduce(f64::min)?);
    let greatest = number(values.reduce(f64::max)?);
    Some(match least == greatest {
        true => least,
        false => format!("{least} to {greatest}"),
    })
}

/// Returns what the line carries at the lower bounds, and what limits these.
fn about(found: &[&Found<'_>]) -> String {
    let mut parts = Vec::new();
    let gbit = found.iter().filter_map(|found| found.gbit());
    if let Some(gbit) = least_to_greatest(gbit, gbit_number) {
        parts.push(format!("{gbit} Gbit/s on the line"));
    }
    let has_lower = |found: &&&Found<'_>| found.lower_pps.is_some();
    let limits = found.iter().filter(has_lower);
    let limits = limits.flat_map(|found| found.limits.iter().copied());
    let limits: Vec<_> = distinct(limits).into_iter().map(limiting).collect();
    if !limits.is_empty() {
        parts.push(format!("limited by {}", limits.join(" or by ")));
    }
    let without: Vec<_> = found.iter().filter(|found| !has_lower(found)).collect();
    let reasons = distinct(without.iter().map(|found| why_none(found)));
    parts.extend(reasons.into_iter().map(|why| match without.len() {
        all if all == found.len() => why.to_owned(),
        1 => format!("none with {}: {why}", sized(without[0].size)),
        several => format!("none with {several} sizes: {why}"),
    }));
    if found.iter().any(|found| !found.is_complete) {
        parts.push("not finished".to_owned());
    }
    parts.join("; ")
}

fn limiting(limit: LimitedBy) -> &'static str {
    match limit {
        LimitedBy::Path => "the path",
        LimitedBy::Sender => "the sender",
        LimitedBy::MaxRate => "the highest rate asked for",
    }
}

fn why_none(found: &Found<'_>) -> &'static str {
    match found.limits.first() {
        Some(LimitedBy::Path) => "even the lowest rate misses it",
        Some(_) => "the sender does not offer the lowest rate",
        None => "not known yet",
    }
}
