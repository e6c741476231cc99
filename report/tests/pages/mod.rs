//! Pages for the tests: the rows that they are drawn from, and looks into them.

mod looks;

pub use self::looks::{check_structure, why_left_out};
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
