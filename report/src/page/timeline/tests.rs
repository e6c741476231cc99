use proptest::prelude::*;

use super::*;
use crate::csv::{RowLatency, RowProbes};

const MILLISECOND: u64 = 1_000_000;

fn row(index: u64, tx_packets: u64, lost: u64, latency_ns: u64) -> Row {
    let count = tx_packets - lost;
    Row {
        start_ns: index * MILLISECOND,
        path: None,
        tx_packets,
        rx_packets: Some(count),
        probes: Some(RowProbes {
            lost,
            latency: RowLatency {
                count,
                sum_ns: count * latency_ns,
                min_ns: latency_ns,
                max_ns: latency_ns,
            },
            ..RowProbes::default()
        }),
    }
}

fn drawn(rows: impl IntoIterator<Item = Row>) -> Timeline {
    let mut timeline = Timeline::default();
    rows.into_iter().for_each(|row| timeline.push(&row));
    timeline
}

fn spread(timeline: &Timeline, series: Series, column: usize) -> Spread {
    timeline.columns(series).nth(column).unwrap().unwrap()
}

#[test]
fn few_rows_have_a_column_each() {
    let timeline = drawn((0..COLUMNS as u64).map(|index| row(index, index, 0, 5)));
    assert_eq!(timeline.rows_per_column(), 1);
    for (index, sent) in timeline.columns(Series::Sent).enumerate() {
        let sent = sent.unwrap();
        assert_eq!([sent.min, sent.max, sent.mean()], [index as f64; 3]);
    }
    assert_eq!(timeline.interval_ns(), Some(MILLISECOND));
}

#[test]
fn one_row_more_makes_half_as_many_columns() {
    let timeline = drawn((0..=COLUMNS as u64).map(|index| row(index, index, 0, 5)));
    assert_eq!(timeline.rows_per_column(), 2);
    assert_eq!(timeline.columns(Series::Sent).len(), COLUMNS / 2 + 1);
    assert_eq!(timeline.columns_filled(), COLUMNS as f64 / 2.0 + 0.5);
    let sent = spread(&timeline, Series::Sent, 3);
    assert_eq!((sent.min, sent.max, sent.mean()), (6.0, 7.0, 6.5));
}

#[test]
fn what_does_not_apply_is_no_column() {
    let idle = Row {
        rx_packets: None,
        probes: None,
        ..row(0, 0, 0, 0)
    };
    let timeline = drawn([idle]);
    let known = Series::ALL.map(|series| timeline.columns(series).next().unwrap().is_some());
    assert_eq!(known, [true, false, false, false]);
    assert_eq!(timeline.totals().lost, None);
    assert_eq!(timeline.interval_ns(), None);
    assert_eq!(timeline.peak(Series::Loss), None);
}

#[test]
fn means_weigh_by_packets_and_not_by_intervals() {
    let rows = (0..=COLUMNS as u64).map(|index| match index {
        0 => row(0, 1, 1, 0),
        1 => row(1, 99, 0, 700),
        _ => row(index, 1, 0, 700),
    });
    let timeline = drawn(rows);
    let loss = spread(&timeline, Series::Loss, 0);
    assert_eq!((loss.min, loss.max, loss.mean()), (0.0, 1.0, 0.01));
    assert_eq!(spread(&timeline, Series::Latency, 0).mean(), 700.0);
}

proptest! {
    #[test]
    fn a_spike_of_one_interval_survives_any_length(
        rows in 1_u64..40_000,
        place in 0.0_f64..1.0,
    ) {
        let spike = (place * rows as f64) as u64;
        let timeline = drawn((0..rows).map(|index| match index == spike {
            true => row(index, 1_000, 900, 1_000_000),
            false => row(index, 2_000, 20, 50_000),
        }));
        let columns = timeline.columns(Series::Sent).len();
        prop_assert!(columns <= COLUMNS && columns as u64 >= rows.min(COLUMNS as u64 / 2));
        prop_assert_eq!(timeline.columns.capacity(), COLUMNS);

        // It is in the column in which it has to be, at its full height, and in no other.
        let column = (spike / timeline.rows_per_column()) as usize;
        prop_assert_eq!(spread(&timeline, Series::Sent, column).min, 1_000.0);
        prop_assert_eq!(spread(&timeline, Series::Received, column).min, 100.0);
        prop_assert_eq!(spread(&timeline, Series::Loss, column).max, 0.9);
        prop_assert_eq!(spread(&timeline, Series::Latency, column).max, 1e6);
        for (index, loss) in timeline.columns(Series::Loss).enumerate() {
            prop_assert_eq!(loss.unwrap().max > 0.01, index == column);
        }
        for series in [Series::Loss, Series::Latency] {
            let peak = timeline.peak(series).unwrap();
            prop_assert_eq!(peak.start_ns, spike * MILLISECOND);
        }
        let totals = timeline.totals();
        prop_assert_eq!(totals.tx_packets, 2_000 * rows - 1_000);
        prop_assert_eq!(totals.lost, Some(20 * rows + 880));
    }

    #[test]
    fn columns_are_the_rows_merged(
        counts in prop::collection::vec(0_u64..1 << 32, 1..9_000),
    ) {
        let rows = counts.iter().enumerate();
        let timeline = drawn(rows.map(|(index, count)| row(index as u64, *count, 0, 1)));
        let merged = counts.chunks(timeline.rows_per_column() as usize);
        prop_assert_eq!(merged.len(), timeline.columns(Series::Sent).len());
        for (sent, counts) in timeline.columns(Series::Sent).zip(merged) {
            let sent = sent.unwrap();
            prop_assert_eq!(sent.min, *counts.iter().min().unwrap() as f64);
            prop_assert_eq!(sent.max, *counts.iter().max().unwrap() as f64);
            let mean = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
            prop_assert!((sent.mean() - mean).abs() <= mean * 1e-12);
        }
    }
}
