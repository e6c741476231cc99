//! A run of any length in a fixed number of columns.
//!
//! Promised: whatever a single interval did can be seen, since a column keeps the least and the most
//! of its intervals beside their mean; memory does not grow with the run ([`COLUMNS`] columns), and
//! a row costs a few comparisons. How many rows come need not be known: once all columns are full,
//! each two neighbours become one, and every column holds twice as many rows from then on.

use crate::csv::Row;

/// Columns at most, and at least half as many once there are so many rows: one or two for each pixel.
pub const COLUMNS: usize = 2048;

/// What is drawn over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Series {
    /// Packets sent in an interval.
    Sent,
    /// Packets received in it.
    Received,
    /// Of those sent in it, the share lost.
    Loss,
    /// Of those sent in it, the round trips, in nanoseconds.
    Latency,
}

impl Series {
    const ALL: [Self; 4] = [Self::Sent, Self::Received, Self::Loss, Self::Latency];
}

/// The least, the most and the mean of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The least of a single interval.
    pub min: f64,
    /// The most of a single interval.
    pub max: f64,
    total: f64,
    weight: f64,
}

impl Spread {
    /// Of nothing at all.
    const NONE: Self = Self {
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        total: 0.0,
        weight: 0.0,
    };

    /// Of one interval, of which only a number is known.
    const fn of_count(value: u64) -> Self {
        let value = value as f64;
        Self {
            min: value,
            max: value,
            total: value,
            weight: 1.0,
        }
    }

    /// The mean over all that was counted in the intervals.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.total / self.weight
    }

    const fn merge(&mut self, other: &Self) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.total += other.total;
        self.weight += other.weight;
    }

    /// `None` if the series applies to none of the intervals.
    fn known(self) -> Option<Self> {
        (self.weight > 0.0).then_some(self)
    }
}

/// The extreme of a series, and the interval that it was in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// The most of a single interval.
    pub value: f64,
    /// When that began.
    pub start_ns: u64,
}

/// What the rows add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowTotals {
    /// Rows.
    pub rows: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Packets received; `None` if no row tells.
    pub rx_packets: Option<u64>,
    /// Packets lost by the end of the run; `None` if no row tells.
    pub lost: Option<u64>,
}

type Column = [Spread; 4];

const EMPTY: Column = [Spread::NONE; 4];

/// The rows of a run so far.
#[derive(Debug)]
pub struct Timeline {
    columns: Vec<Column>,
    rows_per_column: u64,
    rows_in_last: u64,
    first_ns: u64,
    last_ns: u64,
    peaks: [Option<Peak>; 4],
    overall: Column,
    rows: u64,
    tx_packets: u64,
    rx_packets: Option<u64>,
    /// Lost in the rows, and late in them: what was late came after all.
    lost_and_late: Option<(u64, u64)>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            columns: Vec::with_capacity(COLUMNS),
            rows_per_column: 1,
            rows_in_last: 0,
            first_ns: 0,
            last_ns: 0,
            peaks: [None; 4],
            overall: EMPTY,
            rows: 0,
            tx_packets: 0,
            rx_packets: None,
            lost_and_late: None,
        }
    }
}

impl Timeline {
    /// Takes the next row.
    pub fn push(&mut self, row: &Row) {
        let column = column(row);
        if self.rows_in_last == self.rows_per_column && self.columns.len() == COLUMNS {
            self.halve();
        }
        if self.columns.is_empty() || self.rows_in_last == self.rows_per_column {
            self.columns.push(EMPTY);
            self.rows_in_last = 0;
        }
        let last = self.columns.len() - 1;
        merge(&mut self.columns[last], &column);
        self.rows_in_last += 1;

        merge(&mut self.overall, &column);
        for (peak, spread) in self.peaks.iter_mut().zip(&column) {
            if spread.weight > 0.0 && peak.is_none_or(|peak| spread.max > peak.value) {
                *peak = Some(Peak {
                    value: spread.max,
                    start_ns: row.start_ns,
                });
            }
        }
        if self.rows == 0 {
            self.first_ns = row.start_ns;
        }
        self.last_ns = row.start_ns;
        self.count(row);
    }

    fn count(&mut self, row: &Row) {
        self.rows += 1;
        self.tx_packets = self.tx_packets.saturating_add(row.tx_packets);
        if let Some(packets) = row.rx_packets {
            let total = self.rx_packets.unwrap_or(0).saturating_add(packets);
            self.rx_packets = Some(total);
        }
        if let Some(probes) = row.probes {
            let (lost, late) = self.lost_and_late.unwrap_or((0, 0));
            self.lost_and_late = Some((
                lost.saturating_add(probes.lost),
                late.saturating_add(probes.late),
            ));
        }
    }

    /// Each two neighbours become one.
    fn halve(&mut self) {
        for pair in 0..COLUMNS / 2 {
            let mut column = self.columns[2 * pair];
            merge(&mut column, &self.columns[2 * pair + 1]);
            self.columns[pair] = column;
        }
        self.columns.truncate(COLUMNS / 2);
        self.rows_per_column *= 2;
        self.rows_in_last = self.rows_per_column;
    }

    /// The columns of a series; `None` where it does not apply.
    pub fn columns(&self, series: Series) -> impl ExactSizeIterator<Item = Option<Spread>> {
        let columns = self.columns.iter();
        columns.map(move |column| column[series as usize].known())
    }

    /// The whole run in one column.
    #[must_use]
    pub fn overall(&self, series: Series) -> Option<Spread> {
        self.overall[series as usize].known()
    }

    /// The most of a single interval, where it was first.
    #[must_use]
    pub const fn peak(&self, series: Series) -> Option<Peak> {
        self.peaks[series as usize]
    }

    /// Rows in each column but the last, which may have fewer.
    #[must_use]
    pub const fn rows_per_column(&self) -> u64 {
        self.rows_per_column
    }

    /// How many columns the rows fill; the last one may be filled in part.
    #[must_use]
    pub fn columns_filled(&self) -> f64 {
        self.rows as f64 / self.rows_per_column as f64
    }

    /// When the first interval began.
    #[must_use]
    pub const fn first_ns(&self) -> u64 {
        self.first_ns
    }

    /// How long an interval is; `None` if there are too few rows to tell.
    #[must_use]
    pub fn interval_ns(&self) -> Option<u64> {
        let gaps = self.rows.checked_sub(1).filter(|gaps| *gaps > 0)?;
        Some((self.last_ns - self.first_ns) / gaps).filter(|ns| *ns > 0)
    }

    /// What the rows add up to.
    #[must_use]
    pub fn totals(&self) -> RowTotals {
        RowTotals {
            rows: self.rows,
            tx_packets: self.tx_packets,
            rx_packets: self.rx_packets,
            lost: self
                .lost_and_late
                .map(|(lost, late)| lost.saturating_sub(late)),
        }
    }
}

fn merge(column: &mut Column, other: &Column) {
    for (spread, other) in column.iter_mut().zip(other) {
        spread.merge(other);
    }
}

/// What a row says of each series.
fn column(row: &Row) -> Column {
    Series::ALL.map(|series| match (series, &row.probes) {
        (Series::Sent, _) => Spread::of_count(row.tx_packets),
        (Series::Received, _) => row.rx_packets.map_or(Spread::NONE, Spread::of_count),
        (Series::Loss, Some(probes)) if row.tx_packets > 0 => {
            let (lost, sent) = (probes.lost as f64, row.tx_packets as f64);
            Spread {
                min: lost / sent,
                max: lost / sent,
                total: lost,
                weight: sent,
            }
        }
        (Series::Latency, Some(probes)) if probes.latency.count > 0 => {
            let latency = &probes.latency;
            Spread {
                min: latency.min_ns as f64,
                max: latency.max_ns as f64,
                total: latency.sum_ns as f64,
                weight: latency.count as f64,
            }
        }
        (Series::Loss | Series::Latency, _) => Spread::NONE,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::csv::{RowLatency, RowProbes};

    const MILLISECOND: u64 = 1_000_000;

    fn row(index: u64, tx_packets: u64, lost: u64, latency_ns: u64) -> Row {
        let count = tx_packets - lost;
        Row {
            start_ns: index * MILLISECOND,
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
}
