//! The log of histograms: latencies in HdrHistogram's own text format, an interval a second.
//!
//! Promised: every latency that was measured is in exactly one interval, that in which the probe
//! came back, so the counts of all intervals add up to `rx.unique`. Values are nanoseconds, off by
//! at most 0.5 %; start and length are seconds, `Interval_Max` is in milliseconds, as
//! HdrHistogram's tools have it.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use dpdkgen_core::stats::histogram::range;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;

use crate::latency::LatencyKind;
use crate::progress::{Progress, Step};
use crate::text::words;

/// Significant digits of the values in the log.
const DIGITS: u8 = 3;

/// The unit, in nanoseconds, of the greatest value that a log shows for an interval.
const MAX_VALUE_DIVISOR: f64 = 1e6;

/// A writer of a log of histograms.
pub struct HdrLog<W> {
    writer: W,
    serializer: V2DeflateSerializer,
    histogram: Histogram<u64>,
    last: Option<Progress>,
    kind: LatencyKind,
}

impl<W: Write> HdrLog<W> {
    /// Makes a writer of a log of latencies of this kind into `writer`; nothing is written yet.
    ///
    /// # Panics
    ///
    /// Never: it is a precision that the crate takes.
    #[must_use]
    pub fn new(writer: W, kind: LatencyKind) -> Self {
        Self {
            writer,
            serializer: V2DeflateSerializer::new(),
            histogram: Histogram::new(DIGITS).expect("a precision that there is"),
            last: None,
            kind,
        }
    }

    /// Writes the heading of a run that started at `start`.
    ///
    /// # Errors
    ///
    /// If it cannot be encoded, or `writer` reports an error.
    pub fn begin(&mut self, start: SystemTime) -> io::Result<()> {
        let what = words::capitalised(self.kind.plural());
        let comment = format!("[{what} measured by dpdkgen, in nanoseconds]");
        let mut heading = Vec::new();
        IntervalLogWriterBuilder::new()
            .add_comment(&comment)
            .with_start_time(start)
            .with_max_value_divisor(MAX_VALUE_DIVISOR)
            .begin_log_with(&mut heading, &mut self.serializer)?;
        heading.extend_from_slice(
            b"\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
        );
        self.writer.write_all(&heading)
    }

    /// Writes the latencies measured since the last call as one interval.
    ///
    /// # Errors
    ///
    /// If it cannot be encoded, or `writer` reports an error.
    pub fn write(&mut self, progress: Progress) -> io::Result<()> {
        let begin_ns = self.last.as_ref().map_or(0, |last| last.at_ns);
        let step = Step::new(self.last.as_ref(), &progress);
        self.histogram.reset();
        for (bucket, count) in step.latency().unwrap_or_default().into_iter().enumerate() {
            if count > 0 {
                let (lowest, highest) = range(bucket);
                self.histogram
                    .record_n(u64::midpoint(lowest.as_nanos(), highest.as_nanos()), count)
                    .map_err(io::Error::other)?;
            }
        }
        let length_ns = progress.at_ns.saturating_sub(begin_ns);
        let line = self.line(
            Duration::from_nanos(begin_ns),
            Duration::from_nanos(length_ns),
        )?;
        self.last = Some(progress);
        self.writer.write_all(&line)
    }

    /// Returns the line of an interval. The crate's log writer borrows what it writes to, so each
    /// line has one of its own, whose heading is left out.
    fn line(&mut self, begin: Duration, length: Duration) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        IntervalLogWriterBuilder::new()
            .with_max_value_divisor(MAX_VALUE_DIVISOR)
            .begin_log_with(&mut text, &mut self.serializer)?
            .write_histogram(&self.histogram, begin, length, None)
            .map_err(|error| io::Error::other(error.to_string()))?;
        let is_comment = |line: &&[u8]| line.starts_with(b"#");
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        Ok(lines.skip_while(is_comment).flatten().copied().collect())
    }

    /// Ends the log, and gives its writer back.
    #[must_use]
    pub fn finish(self) -> W {
        self.writer
    }
}
