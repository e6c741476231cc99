//! The outputs of a run, read as a user's script would read them, and checks of what has to hold in
//! every run.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// A JSON summary.
#[derive(Debug)]
pub struct Summary(Value);

impl Summary {
    /// Reads a file.
    ///
    /// # Panics
    ///
    /// If it is not there, or is no whole JSON.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path);
        Self::parse(&text.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// Reads a text.
    ///
    /// # Panics
    ///
    /// If it is no whole JSON.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let value = serde_json::from_str(text);
        Self(value.unwrap_or_else(|error| panic!("the summary is no JSON: {error}\n{text}")))
    }

    /// Returns the value at a path such as `rx.unique`, if there is one.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Value> {
        path.split('.')
            .try_fold(&self.0, |value, key| value.get(key))
    }

    /// Returns the count at a path.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn count(&self, path: &str) -> u64 {
        let value = self.get(path).and_then(Value::as_u64);
        value.unwrap_or_else(|| panic!("no count {path} in {:#}", self.0))
    }

    /// Returns the number at a path.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn number(&self, path: &str) -> f64 {
        let value = self.get(path).and_then(Value::as_f64);
        value.unwrap_or_else(|| panic!("no number {path} in {:#}", self.0))
    }

    /// Returns the text at a path.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn text(&self, path: &str) -> &str {
        let value = self.get(path).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("no text {path} in {:#}", self.0))
    }

    /// Returns port, number and packets of every queue of a direction (`rx`, `tx`).
    ///
    /// # Panics
    ///
    /// If the queues are not told.
    #[must_use]
    pub fn queues(&self, direction: &str) -> Vec<(String, u64, u64)> {
        let queues = self
            .get("queues")
            .and_then(Value::as_array)
            .expect("queues");
        let matching = queues
            .iter()
            .filter(|queue| queue["direction"] == direction);
        matching
            .map(|queue| {
                let port = queue["port"].as_str().expect("a port's name").to_owned();
                let number = |key: &str| queue[key].as_u64().expect("a number");
                (port, number("queue"), number("packets"))
            })
            .collect()
    }

    /// Returns the number of packets that `reflect` ignored, for all reasons together.
    ///
    /// # Panics
    ///
    /// If it does not tell.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        let reasons = self
            .get("rx.ignored")
            .and_then(Value::as_object)
            .expect("reasons");
        reasons
            .values()
            .map(|count| count.as_u64().expect("a count"))
            .sum()
    }
}

/// The columns that the contract names, in its order.
const COLUMNS: [&str; 13] = [
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

/// The CSV of a run.
#[derive(Debug)]
pub struct Rows(Vec<csv::StringRecord>);

impl Rows {
    /// Reads a file.
    ///
    /// # Panics
    ///
    /// If it is not there, or is no such CSV.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path);
        Self::parse(&text.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// Reads a text, and checks its header, its fields and that its last row is not cut off.
    ///
    /// # Panics
    ///
    /// If it is no such CSV.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last row is cut off: {text}");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().expect("a header").clone();
        assert!(header.iter().take(COLUMNS.len()).eq(COLUMNS), "{header:?}");
        let rows: Result<Vec<_>, _> = reader.records().collect();
        Self(rows.unwrap_or_else(|error| panic!("the rows are no CSV: {error}")))
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns a column, row by row; `None` where the field is empty.
    ///
    /// # Panics
    ///
    /// If there is no such column, or one of its fields is no number.
    pub fn column(&self, name: &str) -> impl Iterator<Item = Option<f64>> {
        let index = COLUMNS.iter().position(|&column| column == name);
        let index = index.unwrap_or_else(|| panic!("there is no column {name}"));
        self.0.iter().map(move |row| match &row[index] {
            "" => None,
            field => Some(
                field
                    .parse()
                    .unwrap_or_else(|_| panic!("{name} is {field}")),
            ),
        })
    }

    /// Returns the path of each row, of a run with a netvsc port.
    ///
    /// # Panics
    ///
    /// If rows do not tell it.
    #[must_use]
    pub fn paths(&self) -> Vec<&str> {
        let last = |row| csv::StringRecord::get(row, COLUMNS.len());
        let paths = self.0.iter().map(|row| last(row).expect("a path"));
        paths.collect()
    }

    /// Returns the sum of a column of counts.
    ///
    /// # Panics
    ///
    /// If there is no such column, or one of its fields is no number.
    #[must_use]
    pub fn sum(&self, name: &str) -> u64 {
        // Counts of a test are far below 2^53.
        self.column(name).flatten().sum::<f64>() as u64
    }

    /// Checks that there is a row for every interval, in order, from 0 on to `end_ms` at least.
    fn check_times(&self, summary: &Summary, end_ms: f64) {
        let interval_ms = summary.number("config.stats_interval_ns") / 1e6;
        for (number, time) in self.column("time").enumerate() {
            let due = number as f64 * interval_ms;
            let time = time.expect("every row has a time");
            assert!(
                (time - due).abs() < 1e-6,
                "row {number} is of {time} ms and not of {due}"
            );
        }
        let covered = self.len() as f64 * interval_ms;
        assert!(
            covered >= end_ms,
            "rows of {covered} ms for a run of {end_ms} ms"
        );
    }
}

/// Checks what holds in every run of `sendrecv` that receives, in its summary and in its rows.
///
/// # Panics
///
/// If something does not hold.
pub fn check_sendrecv(summary: &Summary, rows: &Rows) {
    assert_eq!(summary.text("mode"), "sendrecv");
    let count = |path: &str| summary.count(path);
    let kinds = ["unique", "duplicates", "corrupt", "foreign", "too_old"];
    let all: u64 = kinds.iter().map(|kind| count(&format!("rx.{kind}"))).sum();
    assert_eq!(count("rx.packets"), all, "{summary:?}");
    assert_eq!(count("lost"), count("tx.packets") - count("rx.unique"));
    assert_eq!(
        summary
            .get("latency_ns.count")
            .and_then(Value::as_u64)
            .unwrap_or(0),
        count("rx.unique")
    );

    rows.check_times(summary, summary.number("duration_s") * 1e3);
    for (column, path) in [
        ("tx_packets", "tx.packets"),
        ("rx_packets", "rx.packets"),
        ("duplicates", "rx.duplicates"),
        ("reordered", "rx.reordered"),
        ("corrupt", "rx.corrupt"),
        ("foreign", "rx.foreign"),
        ("late", "rx.late"),
    ] {
        assert_eq!(
            rows.sum(column),
            count(path),
            "{column} of the rows and {path}"
        );
    }
    assert_eq!(count("lost"), rows.sum("lost") - rows.sum("late"));
    let columns = ["tx_packets", "lost", "drop_rate"].map(|name| rows.column(name));
    let [sent, lost, rates] = columns;
    for ((sent, lost), rate) in sent.zip(lost).zip(rates) {
        let sent = sent.expect("a count");
        assert_eq!(
            lost.is_some(),
            sent > 0.0,
            "lost applies to rows that sent something"
        );
        assert_eq!(rate, lost.map(|lost| lost / sent));
    }
    let [mean, least, most] =
        ["avg_latency", "latency_min_ns", "latency_max_ns"].map(|name| rows.column(name));
    for ((mean, least), most) in mean.zip(least).zip(most) {
        match (mean, least, most) {
            (None, None, None) => {}
            (Some(mean), Some(least), Some(most)) => {
                // The mean is in milliseconds, rounded to the nanosecond.
                let mean = mean * 1e6;
                assert!(
                    least - 1.0 < mean && mean < most + 1.0,
                    "{least} {mean} {most}"
                );
            }
            other => panic!("latency is told in part: {other:?}"),
        }
    }
}

/// Checks what holds in every run of `reflect`, in its summary and in its rows.
///
/// # Panics
///
/// If something does not hold.
pub fn check_reflect(summary: &Summary, rows: &Rows) {
    assert_eq!(summary.text("mode"), "reflect");
    let (received, sent) = (summary.count("rx.packets"), summary.count("tx.packets"));
    let refused = summary.count("tx.refused");
    assert_eq!(received, sent + refused + summary.ignored());
    for absent in [
        "lost",
        "loss_ratio",
        "latency_ns",
        "latency_due_ns",
        "pacing",
        "rx.unique",
    ] {
        assert!(summary.get(absent).is_none(), "{absent} in {summary:?}");
    }
    rows.check_times(summary, summary.number("duration_s") * 1e3);
    assert_eq!(rows.sum("tx_packets"), sent);
    assert_eq!(rows.sum("rx_packets"), received);
    for name in &COLUMNS[3..] {
        let told = rows.column(name).flatten().count();
        assert_eq!(told, 0, "{name} does not apply to reflect");
    }
}
