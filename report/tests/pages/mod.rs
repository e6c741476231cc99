//! Pages for the tests: the rows that they are drawn from, and looks into them.

use dpdkgen_report::csv::{Row, RowLatency, RowProbes};
use dpdkgen_report::page::Sources;
use dpdkgen_report::page::timeline::Timeline;

/// Returns `rows` intervals of 100 ms that send 3,500 packets each and lose one; the one numbered
/// `spike` loses all.
pub fn rows(rows: u64, spike: Option<u64>) -> impl Iterator<Item = Row> {
    (0..rows).map(move |index| {
        let lost = if spike == Some(index) { 3_500 } else { 1 };
        Row {
            start_ns: index * 100_000_000,
            path: None,
            tx_packets: 3_500,
            rx_packets: Some(3_500 - lost),
            probes: Some(RowProbes {
                lost,
                latency: RowLatency {
                    count: 3_500 - lost,
                    sum_ns: (3_500 - lost) * 50_000,
                    min_ns: 40_000,
                    max_ns: 60_000,
                },
                ..RowProbes::default()
            }),
        }
    })
}

pub fn timeline(rows: impl Iterator<Item = Row>) -> Timeline {
    let mut timeline = Timeline::default();
    rows.for_each(|row| timeline.push(&row));
    timeline
}

pub fn sources(timeline: &Timeline) -> Sources<'_> {
    Sources {
        timeline,
        summary: None,
        latency: None,
        latency_due: None,
        peer: None,
        from: Some("run.csv"),
    }
}

/// Returns the reason that the page gives for leaving out the panel of this name.
pub fn why_left_out<'p>(page: &'p str, name: &str) -> &'p str {
    let begin = format!("<strong>{name}</strong>: ");
    let at = page
        .find(&begin)
        .unwrap_or_else(|| panic!("{name} is not left out"));
    let rest = &page[at + begin.len()..];
    &rest[..rest.find("</li>").unwrap()]
}

/// Checks that the page is well-formed as XML, but for the tags that HTML leaves open.
pub fn check_structure(page: &str) {
    let mut open = Vec::new();
    let body = page.split_once("<body>").unwrap().1;
    let body = body.split_once("</body>").unwrap().0;
    for tag in body.split('<').skip(1) {
        let tag = tag.split_once('>').expect("every tag ends").0;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
    }
    assert_eq!(open, [""; 0]);
    // Nothing is fetched and nothing runs.
    for outside in ["http:", "https:", "<script", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    for number in ["NaN", "inf"] {
        assert!(!page.contains(&format!("{number}\"")) && !page.contains(&format!(" {number} ")));
    }
}
