//! The mark of what a page shows, by which one with more is told from one with less.

use crate::text::words;

/// The section of a curve of latencies that was drawn from a histogram, rather than from a few
/// percentiles.
pub const HISTOGRAM: &str = "histogram";

/// The bytes of a page within which its mark stands.
pub const HEAD: u64 = 4096;

const BEGIN: &str = "<meta name=\"dpdkgen-sections\" content=\"";

/// Returns the mark of a page with these sections.
pub fn meta<'s>(sections: impl Iterator<Item = &'s str>) -> String {
    let sections: Vec<_> = sections.collect();
    format!("{BEGIN}{}\">\n", sections.join(" "))
}

/// Returns the sections of a page, of which its head will do; `None` if it is no page of ours.
fn of(page: &str) -> Option<impl Iterator<Item = &str>> {
    let (_, rest) = page.split_once(BEGIN)?;
    let (sections, _) = rest.split_once('"')?;
    Some(sections.split(' ').filter(|section| !section.is_empty()))
}

/// Returns what the page that begins with `old` shows and `new` does not, in words; `None` if
/// nothing.
pub fn lost(old: &str, new: &str) -> Option<String> {
    let kept: Vec<_> = of(new)?.collect();
    let lost = of(old)?.filter(|section| !kept.contains(section));
    let lost: Vec<_> = lost.map(|section| name(section).to_owned()).collect();
    (!lost.is_empty()).then(|| words::list(&lost))
}

fn name(section: &str) -> &str {
    match section {
        "split" => "where packets were lost",
        "packets" => "packets per second",
        "loss" => "loss over time",
        "latency" => "latency over time",
        "percentiles" => "latency percentiles",
        HISTOGRAM => "the whole curve of latencies",
        "workers" => "busy shares",
        "queues" => "packets per queue",
        "config" => "the configuration",
        "results" => "the bounds of a search",
        "rates" => "rate over frame size",
        "loads" => "loss and latency over load",
        "shares" => "latency at shares of the lower bound",
        other => other,
    }
}
