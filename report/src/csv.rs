//! The CSV of a run: one row per interval, in order.
//!
//! Promised: the header and the fields are those of the contract, so that the article's notebook
//! plots the file unchanged; a field that does not apply is empty; numbers are decimal and
//! exact (`drop_rate` is the shortest decimal that reads back as the same double). Writing a row
//! allocates nothing. [`reader`] reads it back.

pub mod reader;

use std::fmt::Arguments;
use std::io::{self, Write};

/// The columns, in order.
pub const HEADER: [&str; 13] = [
    "time",
    "tx_packets",
    "rx_packets",
    "drop_rate",
    "avg_latency",
    "lost",
    "late",
    "duplicates",
    "reordered",
    "corrupt",
    "foreign",
    "latency_min_ns",
    "latency_max_ns",
];

/// The column behind these in runs with a netvsc port.
pub const PATH: &str = "path";

/// The rows that are collected before a write reaches the file. They fit in the buffer, so that what
/// is written ends with a row.
const ROWS: u32 = 200;

/// The bytes that these rows take at most.
const BUFFER: usize = 64 * 1024;

/// The bytes of the longest field: a `drop_rate` such as 0.00000000000000000005421010862427522
/// (2^-64).
const FIELD: usize = 64;

/// A row: the numbers of one interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Row {
    /// The time at which it began, in nanoseconds since counting began.
    pub start_ns: u64,
    /// Packets sent in it.
    pub tx_packets: u64,
    /// Packets received in it; `None` if receiving was not asked for.
    pub rx_packets: Option<u64>,
    /// The numbers about probes; `None` in `reflect`, and if receiving was not asked for.
    pub probes: Option<RowProbes>,
    /// The path that packets took; `None` without a netvsc port.
    pub path: Option<Path>,
}

/// The paths that the packets of a netvsc port can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// All by the VF.
    Vf,
    /// All by the host, as without a VF.
    Synthetic,
    /// Some by either.
    Mixed,
}

impl Path {
    /// Returns its name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vf => "vf",
            Self::Synthetic => "synthetic",
            Self::Mixed => "mixed",
        }
    }

    /// Returns the path of packets of which some took this one, and the others `other`.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if self == other { self } else { Self::Mixed }
    }
}

/// The numbers about the probes of an interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowProbes {
    /// Probes sent in it that were not received before it was closed.
    pub lost: u64,
    /// Round trips of the probes sent in it and received before it was closed.
    pub latency: RowLatency,
    /// Probes received in it, after the interval in which they were sent had been closed.
    pub late: u64,
    /// Probes received in it that had been received before.
    pub duplicates: u64,
    /// Probes received in it after a later one of the same flow.
    pub reordered: u64,
    /// Packets of this run received in it that are not as they were sent.
    pub corrupt: u64,
    /// Packets received in it that are not of this run.
    pub foreign: u64,
}

/// Round-trip times of the probes sent in an interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowLatency {
    /// The number of probes that came back; with 0 the others mean nothing.
    pub count: u64,
    /// The sum of the round trips, in nanoseconds.
    pub sum_ns: u64,
    /// The shortest round trip, in nanoseconds.
    pub min_ns: u64,
    /// The longest round trip, in nanoseconds.
    pub max_ns: u64,
}

/// A writer of rows as CSV.
#[derive(Debug)]
pub struct CsvWriter<W: Write> {
    csv: csv::Writer<W>,
    has_paths: bool,
    /// The rows that wait in the buffer.
    waiting: u32,
}

impl<W: Write> CsvWriter<W> {
    /// Makes a writer of a CSV into `out`; nothing is written yet.
    #[must_use]
    pub fn new(out: W) -> Self {
        let csv = csv::WriterBuilder::new()
            .buffer_capacity(BUFFER)
            .from_writer(out);
        Self {
            csv,
            has_paths: false,
            waiting: 0,
        }
    }

    /// Adds the column of paths, before the header is written.
    pub const fn add_paths(&mut self) {
        self.has_paths = true;
    }

    /// Writes the header, which reaches `out` at once.
    ///
    /// # Errors
    ///
    /// If `out` reports one.
    pub fn begin(&mut self) -> io::Result<()> {
        let path = self.has_paths.then_some(&PATH);
        self.csv.write_record(HEADER.iter().chain(path))?;
        self.flush()
    }

    /// Appends one row. It reaches `out` when the buffer is full or flushed.
    ///
    /// # Errors
    ///
    /// If `out` reports one.
    pub fn write(&mut self, row: &Row) -> io::Result<()> {
        let probes = row.probes.as_ref();
        let lost = probes.filter(|_| row.tx_packets > 0).map(|p| p.lost);
        let latency = probes.map(|p| p.latency).filter(|l| l.count > 0);

        self.milliseconds(row.start_ns)?;
        self.number(Some(row.tx_packets))?;
        self.number(row.rx_packets)?;
        match lost {
            Some(lost) => self.field(format_args!("{}", lost as f64 / row.tx_packets as f64))?,
            None => self.empty()?,
        }
        match latency {
            Some(l) => self.mean_milliseconds(l)?,
            None => self.empty()?,
        }
        self.number(lost)?;
        self.number(probes.map(|p| p.late))?;
        self.number(probes.map(|p| p.duplicates))?;
        self.number(probes.map(|p| p.reordered))?;
        self.number(probes.map(|p| p.corrupt))?;
        self.number(probes.map(|p| p.foreign))?;
        self.number(latency.map(|l| l.min_ns))?;
        self.number(latency.map(|l| l.max_ns))?;
        if self.has_paths {
            self.csv.write_field(row.path.map_or("", Path::name))?;
        }
        self.csv.write_record(None::<&[u8]>)?;
        self.waiting += 1;
        if self.waiting == ROWS {
            self.flush()?;
        }
        Ok(())
    }

    /// Hands all rows so far to `out`, and flushes `out`.
    ///
    /// # Errors
    ///
    /// If `out` reports one.
    pub fn flush(&mut self) -> io::Result<()> {
        self.waiting = 0;
        self.csv.flush()
    }

    /// Returns the writer that the rows go to.
    pub fn get_ref(&self) -> &W {
        self.csv.get_ref()
    }

    /// Flushes and gives back `out`.
    ///
    /// # Errors
    ///
    /// If `out` reports one.
    pub fn finish(self) -> io::Result<W> {
        self.csv
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)
    }

    /// Writes a field of milliseconds: an integer if they are whole, else with as many decimals as
    /// it takes.
    fn milliseconds(&mut self, ns: u64) -> io::Result<()> {
        let (whole, mut rest) = (ns / 1_000_000, ns % 1_000_000);
        if rest == 0 {
            return self.number(Some(whole));
        }
        let mut digits = 6;
        while rest.is_multiple_of(10) {
            rest /= 10;
            digits -= 1;
        }
        self.field(format_args!("{whole}.{rest:0digits$}"))
    }

    /// Writes a field with the mean in milliseconds, rounded to the nanosecond.
    fn mean_milliseconds(&mut self, latency: RowLatency) -> io::Result<()> {
        let half = u128::from(latency.count / 2);
        let mean_ns = (u128::from(latency.sum_ns) + half) / u128::from(latency.count);
        self.field(format_args!(
            "{}.{:06}",
            mean_ns / 1_000_000,
            mean_ns % 1_000_000
        ))
    }

    fn number(&mut self, value: Option<u64>) -> io::Result<()> {
        match value {
            Some(value) => self.field(format_args!("{value}")),
            None => self.empty(),
        }
    }

    fn empty(&mut self) -> io::Result<()> {
        Ok(self.csv.write_field("")?)
    }

    fn field(&mut self, value: Arguments<'_>) -> io::Result<()> {
        let mut text = [0; FIELD];
        let mut rest = &mut text[..];
        rest.write_fmt(value)?;
        let used = FIELD - rest.len();
        Ok(self.csv.write_field(&text[..used])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER_LINE: &str = "time,tx_packets,rx_packets,drop_rate,avg_latency,lost,late,\
                               duplicates,reordered,corrupt,foreign,latency_min_ns,latency_max_ns\n";

    fn written(rows: &[Row]) -> String {
        let mut csv = CsvWriter::new(Vec::new());
        csv.begin().unwrap();
        for row in rows {
            csv.write(row).unwrap();
        }
        let text = String::from_utf8(csv.finish().unwrap()).unwrap();
        text.strip_prefix(HEADER_LINE)
            .expect("the header comes first")
            .to_owned()
    }

    fn row(start_ns: u64, tx_packets: u64, rx_packets: u64, probes: RowProbes) -> Row {
        Row {
            start_ns,
            tx_packets,
            rx_packets: Some(rx_packets),
            probes: Some(probes),
            path: None,
        }
    }

    #[test]
    fn the_path_is_the_last_column_where_there_are_paths() {
        let mut csv = CsvWriter::new(Vec::new());
        csv.add_paths();
        csv.begin().unwrap();
        for path in [None, Some(Path::Vf), Some(Path::Vf.and(Path::Synthetic))] {
            csv.write(&Row {
                path,
                ..Row::default()
            })
            .unwrap();
        }
        let text = String::from_utf8(csv.finish().unwrap()).unwrap();
        let ends: Vec<_> = text.lines().map(|line| line.rsplit(',').next()).collect();
        assert_eq!(ends, [Some("path"), Some(""), Some("vf"), Some("mixed")]);
        let mut reader = reader::CsvReader::new(text.as_bytes()).unwrap();
        assert_eq!(reader.next_row().unwrap(), Some(Row::default()));
    }

    #[test]
    fn the_header_stands_even_without_rows() {
        assert_eq!(written(&[]), "");
    }

    #[test]
    fn every_field_of_a_full_row() {
        let probes = RowProbes {
            lost: 1,
            latency: RowLatency {
                count: 3,
                sum_ns: 140_000_001,
                min_ns: 912,
                max_ns: 99_000_000,
            },
            late: 2,
            duplicates: 3,
            reordered: 4,
            corrupt: 5,
            foreign: 6,
        };
        assert_eq!(
            written(&[row(100_000_000, 4, 17, probes)]),
            "100,4,17,0.25,46.666667,1,2,3,4,5,6,912,99000000\n"
        );
    }

    #[test]
    fn what_does_not_apply_is_empty() {
        let latency = RowLatency {
            count: 2,
            sum_ns: 3_000,
            min_ns: 1_000,
            max_ns: 2_000,
        };
        let idle = RowProbes {
            late: 1,
            ..RowProbes::default()
        };
        let all_lost = RowProbes {
            lost: 7,
            ..RowProbes::default()
        };
        let clean = RowProbes {
            latency,
            ..RowProbes::default()
        };
        assert_eq!(
            written(&[
                row(0, 2, 2, clean),
                row(1_000_000, 0, 1, idle),
                row(2_000_000, 7, 0, all_lost),
            ]),
            "0,2,2,0,0.001500,0,0,0,0,0,0,1000,2000\n\
             1,0,1,,,,1,0,0,0,0,,\n\
             2,7,0,1,,7,0,0,0,0,0,,\n"
        );
    }

    #[test]
    fn reflect_and_send_only_fill_what_they_know() {
        let reflect = Row {
            tx_packets: 9,
            rx_packets: Some(10),
            ..Row::default()
        };
        let send_only = Row {
            start_ns: 1_000_000_000,
            tx_packets: 9,
            ..Row::default()
        };
        assert_eq!(
            written(&[reflect, send_only]),
            "0,9,10,,,,,,,,,,\n1000,9,,,,,,,,,,,\n"
        );
    }

    #[test]
    fn times_have_as_many_decimals_as_they_need() {
        let at = |start_ns| Row {
            start_ns,
            ..Row::default()
        };
        let text = written(&[0, 50_000, 2_500_000, 3_000_001, u64::MAX].map(at));
        let times: Vec<_> = text.lines().map(|l| l.split(',').next().unwrap()).collect();
        assert_eq!(
            times,
            ["0", "0.05", "2.5", "3.000001", "18446744073709.551615"]
        );
    }

    #[test]
    fn the_largest_values_fit_and_nothing_overflows() {
        let most = u64::MAX;
        let latency = RowLatency {
            count: most,
            sum_ns: most,
            min_ns: most,
            max_ns: most,
        };
        let probes = RowProbes {
            lost: 1,
            latency,
            ..RowProbes::default()
        };
        let text = written(&[row(most, most, most, probes)]);
        assert!(
            text.contains(",0.000000000000000000054210108624275"),
            "{text}"
        );
        assert!(text.contains(",0.000001,1,"), "{text}");
    }

    #[test]
    fn rows_reach_the_file_on_flush() {
        let mut csv = CsvWriter::new(Vec::new());
        csv.begin().unwrap();
        csv.write(&Row::default()).unwrap();
        assert_eq!(csv.get_ref(), HEADER_LINE.as_bytes());
        csv.flush().unwrap();
        assert!(csv.get_ref().ends_with(b"\n0,0,,,,,,,,,,,\n"));
    }
}
