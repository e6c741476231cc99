//! Reads the CSV of a run back, row by row.
//!
//! Promised: what [`CsvWriter`](super::CsvWriter) writes is taken, also after pandas, R or a spreadsheet
//! had it: further columns, columns in another order, a byte order mark, quotes, counts such as
//! `218.0`; so is a CSV of the first five columns alone, as the article's program writes it.
//! Anything else is refused in one sentence that names the line.
//! However large the file, or whatever it is, no more than [`LONGEST_LINE`] bytes of it are held.

mod five;

use std::io::{self, BufRead, Read};

use super::{HEADER, Row, RowLatency, RowProbes};

/// The most bytes of a line, its end included: ten times what our columns take.
pub const LONGEST_LINE: usize = 4096;

/// The columns that the article's program writes, which come first.
const FIVE: usize = 5;

/// What some editors put in front of a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What is wrong with a first line that is no header.
const NO_HEADER: &str = "has not the columns time,tx_packets,rx_packets,...";

/// The error of a CSV that was not read to its end. Its sentence follows the file's name.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system could not read it.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The file ends within a row, or has no line end after its last.
    #[error(
        "has no end of line {line}: the file may be cut off there, so have it written or copied again"
    )]
    CutOff {
        /// The number of the line, from 1.
        line: u64,
    },
    /// The file is not the CSV of a run.
    #[error("is not the CSV of a run: line {line} {what}")]
    Foreign {
        /// The number of the line, from 1.
        line: u64,
        /// The rest of the sentence, which says what is wrong with the line.
        what: String,
    },
}

/// A reader of rows from `R`.
#[derive(Debug)]
pub struct CsvReader<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    /// Where each of [`HEADER`] stands (of the first [`FIVE`] if there are no others), and how many
    /// columns there are.
    places: Vec<usize>,
    columns: usize,
    first_ns: u64,
    interval_ns: Option<u64>,
}

impl<R: BufRead> CsvReader<R> {
    /// Makes a reader, and reads the header.
    ///
    /// # Errors
    ///
    /// If there is no header, or not that of a run's CSV.
    pub fn new(input: R) -> Result<Self, ReadError> {
        let mut reader = Self {
            input,
            line: Vec::with_capacity(LONGEST_LINE),
            number: 0,
            places: Vec::new(),
            columns: 0,
            first_ns: 0,
            interval_ns: None,
        };
        if !reader.advance()? {
            reader.number = 1;
            return Err(reader.foreign("is missing: the file is empty"));
        }
        let names: Vec<&[u8]> = cells(&reader.line).collect();
        let place = |wanted: &&str| names.iter().position(|name| *name == wanted.as_bytes());
        let places: Vec<usize> = HEADER.iter().map_while(place).collect();
        let (found, columns) = (places.len(), names.len());
        let is_of_five = found == FIVE && HEADER[FIVE..].iter().all(|name| place(name).is_none());
        if found < 3 {
            // That is no table of ours at all.
            return Err(reader.foreign(NO_HEADER));
        }
        if found < HEADER.len() && !is_of_five {
            let missing = HEADER[found];
            return Err(reader.foreign(&format!("names no column {missing}")));
        }
        (reader.places, reader.columns) = (places, columns);
        Ok(reader)
    }

    /// Returns whether it has the article's five columns alone: of a latency its mean, and of what
    /// became of probes the share that did not come back.
    #[must_use]
    pub fn has_five(&self) -> bool {
        self.places.len() == FIVE
    }

    /// Reads the next row; `None` at the end.
    ///
    /// # Errors
    ///
    /// If the row is cut off, is none that a run writes, or is not the one that is due.
    pub fn next_row(&mut self) -> Result<Option<Row>, ReadError> {
        if !self.advance()? {
            return Ok(None);
        }
        let fields = Fields {
            cells: cells(&self.line).collect(),
            places: self.places.iter(),
        };
        let parse = if self.has_five() { five::parse } else { parse };
        let row = parse(fields, self.columns).map_err(|what| self.foreign(&what))?;
        self.check_time(row.start_ns)?;
        Ok(Some(row))
    }

    /// Reads a line, without its end, and returns whether there was one.
    fn advance(&mut self) -> Result<bool, ReadError> {
        self.line.clear();
        let mut limited = self.input.by_ref().take(LONGEST_LINE as u64);
        let read = limited.read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(false);
        }
        self.number += 1;
        if self.line.pop_if(|last| *last == b'\n').is_none() {
            match read {
                LONGEST_LINE => return Err(self.foreign("is longer than any line of one")),
                // Whether that is a header shows when it is read.
                _ if self.number == 1 => {}
                _ => return Err(ReadError::CutOff { line: self.number }),
            }
        }
        self.line.pop_if(|last| *last == b'\r');
        if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(true)
    }

    /// Checks that the row begins when it is due: rows come in order and without gaps, so the first
    /// two tell when each of the others begins.
    fn check_time(&mut self, start_ns: u64) -> Result<(), ReadError> {
        let index = self.number - 2;
        if index == 0 {
            self.first_ns = start_ns;
            return Ok(());
        }
        if index == 1 {
            self.interval_ns = start_ns.checked_sub(self.first_ns).filter(|ns| *ns > 0);
        }
        let due = self
            .interval_ns
            .and_then(|interval| interval.checked_mul(index)?.checked_add(self.first_ns));
        if due == Some(start_ns) {
            return Ok(());
        }
        let time = start_ns as f64 / 1e6;
        Err(self.foreign(&match due {
            Some(due) => format!(
                "is of {time} ms where the row of {} ms is due: rows are missing or mixed up",
                due as f64 / 1e6
            ),
            None => format!("is of {time} ms, which is not after the row before it"),
        }))
    }

    fn foreign(&self, what: &str) -> ReadError {
        ReadError::Foreign {
            line: self.number,
            what: what.to_owned(),
        }
    }
}

/// Splits a line into its cells, without quotes around them.
fn cells(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b',').map(|cell| match cell {
        [b'"', inner @ .., b'"'] => inner,
        _ => cell,
    })
}

/// The fields of a line, one after the other, as [`HEADER`] has them.
struct Fields<'l> {
    cells: Vec<&'l [u8]>,
    places: std::slice::Iter<'l, usize>,
}

impl<'l> Fields<'l> {
    fn next(&mut self, name: &str) -> Result<&'l [u8], String> {
        let place = self.places.next();
        let cell = place.and_then(|place| self.cells.get(*place));
        cell.copied().ok_or_else(|| format!("has no {name}"))
    }

    fn count(&mut self, name: &str) -> Result<Option<u64>, String> {
        self.read(name, "a count", count)
    }

    fn milliseconds(&mut self, name: &str) -> Result<Option<u64>, String> {
        self.read(name, "a time in milliseconds", milliseconds)
    }

    fn number(&mut self, name: &str) -> Result<Option<f64>, String> {
        self.read(name, "a number", |field| {
            std::str::from_utf8(field).ok()?.parse().ok()
        })
    }

    /// Checks that there are as many as the header has `columns`.
    fn check_number(&self, columns: usize) -> Result<(), String> {
        let found = self.cells.len();
        if found == columns {
            return Ok(());
        }
        Err(format!("has {found} fields where the header has {columns}"))
    }

    fn ratio(&mut self, name: &str) -> Result<Option<f64>, String> {
        self.read(name, "a ratio from 0 to 1", |field| {
            let ratio = std::str::from_utf8(field).ok()?.parse().ok()?;
            (0.0..=1.0).contains(&ratio).then_some(ratio)
        })
    }

    fn read<T>(
        &mut self,
        name: &str,
        wanted: &str,
        parse: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let field = self.next(name)?;
        if field.is_empty() {
            return Ok(None);
        }
        let value = parse(field);
        value.map(Some).ok_or_else(|| {
            let field: String = String::from_utf8_lossy(field).chars().take(40).collect();
            format!("has {field:?} as {name}, which is not {wanted}")
        })
    }
}

fn parse(mut fields: Fields<'_>, columns: usize) -> Result<Row, String> {
    let missing = |name: &str| format!("has no {name}");
    let start_ns = fields
        .milliseconds("time")?
        .ok_or_else(|| missing("time"))?;
    let tx_packets = fields
        .count("tx_packets")?
        .ok_or_else(|| missing("tx_packets"))?;
    let rx_packets = fields.count("rx_packets")?;
    let drop_rate = fields.ratio("drop_rate")?;
    let mean_ns = fields.milliseconds("avg_latency")?;
    let lost = fields.count("lost")?;
    let mut counts = [None; 5];
    for (count, name) in counts.iter_mut().zip(&HEADER[6..11]) {
        *count = fields.count(name)?;
    }
    let min_ns = fields.count("latency_min_ns")?;
    let max_ns = fields.count("latency_max_ns")?;
    fields.check_number(columns)?;
    if drop_rate.is_some() != lost.is_some() || lost.is_some_and(|lost| lost > tx_packets) {
        return Err("tells of a loss that does not fit what was sent".to_owned());
    }
    // Of those sent, all that were not lost came back.
    let latency = match (mean_ns, min_ns, max_ns) {
        (None, None, None) => RowLatency::default(),
        (Some(mean_ns), Some(min_ns), Some(max_ns)) if min_ns <= max_ns => {
            let count = tx_packets - lost.unwrap_or(0);
            RowLatency {
                count,
                sum_ns: mean_ns.saturating_mul(count),
                min_ns,
                max_ns,
            }
        }
        _ => return Err("tells a latency in part, or upside down".to_owned()),
    };
    let probes = match counts {
        [None, None, None, None, None] if lost.is_none() && mean_ns.is_none() => None,
        [
            Some(late),
            Some(duplicates),
            Some(reordered),
            Some(corrupt),
            Some(foreign),
        ] => Some(RowProbes {
            lost: lost.unwrap_or(0),
            latency,
            late,
            duplicates,
            reordered,
            corrupt,
            foreign,
        }),
        _ => return Err("tells in part what became of the probes".to_owned()),
    };
    Ok(Row {
        start_ns,
        tx_packets,
        rx_packets,
        probes,
        path: None,
    })
}

/// Reads a count, also with a `.0` behind it, as pandas writes those of a column with gaps.
fn count(field: &[u8]) -> Option<u64> {
    let field = field.strip_suffix(b".0").unwrap_or(field);
    digits(field)
}

fn digits(field: &[u8]) -> Option<u64> {
    if field.is_empty() {
        return None;
    }
    field.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// Returns milliseconds with up to six decimals as nanoseconds.
fn milliseconds(field: &[u8]) -> Option<u64> {
    let point = field.iter().position(|byte| *byte == b'.');
    let whole = digits(&field[..point.unwrap_or(field.len())])?.checked_mul(1_000_000)?;
    let Some(point) = point else {
        return Some(whole);
    };
    let decimals = &field[point + 1..];
    let zeros = 6_u32.checked_sub(decimals.len() as u32)?;
    whole.checked_add(digits(decimals)? * 10_u64.pow(zeros))
}

#[cfg(test)]
mod tests;
