//! A run of any length in a fixed number of columns.
//!
//! Promised: whatever a single interval did can be seen, since a column keeps the least and the
//! most of its intervals beside their mean; memory does not grow with the run ([`COLUMNS`]
//! columns), and a row costs a few comparisons. The number of rows need not be known beforehand:
//! once all columns are full, each two neighbours become one, and every column holds twice as many
//! rows from then on.

use crate::csv::Row;
use crate::summary::{OutageFinder, Outages};

/// The most columns: one or two for each pixel. Once there are as many rows, at least half of the
/// columns are used.
pub const COLUMNS: usize = 2048;

/// A quantity that is drawn over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Series {
    /// Packets sent in an interval.
    Sent,
    /// Packets received in an interval.
    Received,
    /// The share of the packets sent in an interval that was lost.
    Loss,
    /// Latencies of the packets sent in an interval, in nanoseconds.
    Latency,
}

impl Series {
    const ALL: [Self; 4] = [Self::Sent, Self::Received, Self::Loss, Self::Latency];
}

/// The least, the most and the mean of a series over some intervals.
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
    /// The spread over no interval.
    const NONE: Self = Self {
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        total: 0.0,
        weight: 0.0,
    };

    /// Makes the spread of one interval in which the series is one number.
    const fn of_count(value: u64) -> Self {
        let value = value as f64;
        Self {
            min: value,
            max: value,
            total: value,
            weight: 1.0,
        }
    }

    /// Returns the mean: of loss and latencies over all packets of the intervals, of counts over
    /// the intervals.
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

    /// Returns the spread; `None` if the series applies to none of the intervals.
    fn known(self) -> Option<Self> {
        (self.weight > 0.0).then_some(self)
    }
}

/// The greatest value of a series, and the interval that it was in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// The greatest value of a single interval.
    pub value: f64,
    /// The time at which that interval began, in nanoseconds since counting began.
    pub start_ns: u64,
}

/// The sums over all rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowTotals {
    /// The number of rows.
    pub rows: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Packets received; `None` if no row tells.
    pub rx_packets: Option<u64>,
    /// Packets lost by the end of the run; `None` if no row tells.
    pub lost: Option<u64>,
    /// Packets that came after their interval had been closed, whose rows have them as lost.
    pub late: u64,
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
    /// The packets lost in the rows, and the late ones in them, which came after all.
    lost_and_late: Option<(u64, u64)>,
    /// The line in which the rows end before their time, if they do.
    cut_off_at: Option<u64>,
    /// Set if the rows tell means of latencies alone, and loss as a share.
    is_of_five: bool,
    outages: OutageFinder,
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
            cut_off_at: None,
            is_of_five: false,
            outages: OutageFinder::default(),
        }
    }
}

impl Timeline {
    /// Notes that line `line` of the file is the last one, and not whole.
    pub const fn cut_off(&mut self, line: u64) {
        self.cut_off_at = Some(line);
    }

    /// Returns the line in which the rows end before their time, if they do.
    #[must_use]
    pub const fn cut_off_at(&self) -> Option<u64> {
        self.cut_off_at
    }

    /// Notes that the rows have the article's five columns alone.
    pub const fn set_of_five(&mut self) {
        self.is_of_five = true;
    }

    /// Returns whether the rows have the article's five columns alone: their latencies are means of
    /// an interval.
    #[must_use]
    pub const fn is_of_five(&self) -> bool {
        self.is_of_five
    }

    /// Returns the outages in the rows, if there were any.
    #[must_use]
    pub fn outages(&self) -> Option<Outages> {
        self.outages.finish()
    }

    /// Takes the next row.
    pub fn push(&mut self, row: &Row) {
        self.outages.push(row);
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

    /// Merges each two neighbours into one column.
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

    /// Returns a series by column; `None` where it does not apply.
    pub fn columns(&self, series: Series) -> impl ExactSizeIterator<Item = Option<Spread>> {
        let columns = self.columns.iter();
        columns.map(move |column| column[series as usize].known())
    }

    /// Returns a series over the whole run; `None` if it does not apply, or the rows do not tell.
    #[must_use]
    pub fn overall(&self, series: Series) -> Option<Spread> {
        let is_told = matches!(series, Series::Sent | Series::Received) || self.tells_probes();
        self.overall[series as usize].known().filter(|_| is_told)
    }

    /// Returns whether the rows tell what became of probes: those of five columns have 0 all along
    /// where it was not measured.
    #[must_use]
    pub fn tells_probes(&self) -> bool {
        let [_, _, loss, latency] = &self.overall;
        !self.is_of_five || loss.max > 0.0 || latency.max > 0.0
    }

    /// Returns the most that a picture of the series has to reach up to: its greatest value, or, if
    /// a few columns stand above all others by this factor, somewhat more than the others.
    #[must_use]
    pub fn top(&self, series: Series, factor: f64) -> f64 {
        const FEW: usize = 50;
        let mut tops: Vec<f64> = self.columns(series).flatten().map(|s| s.max).collect();
        tops.sort_unstable_by(f64::total_cmp);
        let most = tops.last().copied().unwrap_or(0.0);
        // One column in a hundred may stand out.
        let high = tops.get((tops.len() * 99 / 100).saturating_sub(1));
        match high {
            Some(high) if tops.len() >= FEW && *high > 0.0 && most > high * factor => high * 1.2,
            _ => most,
        }
    }

    /// Returns the greatest value of a series in a single interval, and the first interval that had
    /// it.
    #[must_use]
    pub const fn peak(&self, series: Series) -> Option<Peak> {
        self.peaks[series as usize]
    }

    /// Returns the number of rows in each column but the last, which may have fewer.
    #[must_use]
    pub const fn rows_per_column(&self) -> u64 {
        self.rows_per_column
    }

    /// Returns the number of columns that the rows fill, with the part of the last one that is
    /// filled.
    #[must_use]
    pub fn columns_filled(&self) -> f64 {
        self.rows as f64 / self.rows_per_column as f64
    }

    /// Returns the time at which the first interval began, in nanoseconds since counting began.
    #[must_use]
    pub const fn first_ns(&self) -> u64 {
        self.first_ns
    }

    /// Returns the length of an interval in nanoseconds; `None` if there are too few rows to tell.
    #[must_use]
    pub fn interval_ns(&self) -> Option<u64> {
        let gaps = self.rows.checked_sub(1).filter(|gaps| *gaps > 0)?;
        Some((self.last_ns - self.first_ns) / gaps).filter(|ns| *ns > 0)
    }

    /// Returns the sums over all rows.
    #[must_use]
    pub fn totals(&self) -> RowTotals {
        RowTotals {
            rows: self.rows,
            tx_packets: self.tx_packets,
            rx_packets: self.rx_packets,
            lost: self
                .lost_and_late
                .filter(|_| self.tells_probes())
                .map(|(lost, late)| lost.saturating_sub(late)),
            late: self.lost_and_late.map_or(0, |(_, late)| late),
        }
    }
}

fn merge(column: &mut Column, other: &Column) {
    for (spread, other) in column.iter_mut().zip(other) {
        spread.merge(other);
    }
}

/// Returns the spread of each series in a row.
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
mod tests;
