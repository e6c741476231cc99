use proptest::prelude::*;

use super::super::CsvWriter;
use super::*;

const HEADER_LINE: &str = "time,tx_packets,rx_packets,drop_rate,avg_latency,lost,late,duplicates,\
                           reordered,corrupt,foreign,latency_min_ns,latency_max_ns";

fn read(text: &str) -> Result<Vec<Row>, ReadError> {
    let mut reader = CsvReader::new(text.as_bytes())?;
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row()? {
        rows.push(row);
    }
    Ok(rows)
}

fn refused(rows: &str) -> String {
    match read(&format!("{HEADER_LINE}\n{rows}")) {
        Err(error) => error.to_string(),
        Ok(rows) => panic!("read {rows:?}"),
    }
}

#[test]
fn what_pandas_r_and_spreadsheets_make_of_it_is_read() {
    let row = "0,4,17,0.25,46.666667,1,2,3,4,5,6,912,99000000";
    let plain = read(&format!("{HEADER_LINE}\n{row}\n")).unwrap();
    let quoted = |line: &str| {
        let cells: Vec<_> = line.split(',').map(|cell| format!("\"{cell}\"")).collect();
        cells.join(",")
    };
    let turned = |line: &str| {
        let mut cells: Vec<_> = line.split(',').collect();
        cells.reverse();
        cells.join(",")
    };
    for text in [
        // A spreadsheet's UTF-8, and its line ends.
        format!("\u{feff}{HEADER_LINE}\r\n{row}\r\n"),
        // pandas: columns with gaps are of floats, and the index is a column.
        format!(
            ",{HEADER_LINE}\n0,0,4,17,0.25,46.666667,1.0,2.0,3.0,4.0,5.0,6.0,912.0,99000000.0\n"
        ),
        // R quotes.
        format!("{}\n{}\n", quoted(HEADER_LINE), quoted(row)),
        format!("{}\n{}\n", turned(HEADER_LINE), turned(row)),
    ] {
        assert_eq!(read(&text).unwrap(), plain, "{text}");
    }
    for (counted, says) in [("1.5", "\"1.5\" as lost"), (".0", "\".0\" as lost")] {
        let row = row.replace(",1,2,", &format!(",{counted},2,"));
        assert!(refused(&format!("{row}\n")).contains(says));
    }
}

#[test]
fn a_column_that_is_missing_is_named() {
    let header = HEADER_LINE.replace(",corrupt", "");
    let said = read(&format!("{header}\n")).unwrap_err().to_string();
    assert!(said.ends_with("line 1 names no column corrupt"), "{said}");
    let said = read("a,b,c\n").unwrap_err().to_string();
    assert!(said.contains("line 1 has not the columns time,"), "{said}");
}

#[test]
fn what_else_is_refused_by_its_line() {
    let full = "0,4,17,0.25,46.666667,1,2,3,4,5,6,912,99000000\n";
    for (rows, says) in [
        ("0,4", "has no end of line 2"),
        (&full[..40], "has no end of line 2"),
        ("0,4\n", "line 2 has no rx_packets"),
        ("\n", "line 2 has no time"),
        ("soon,4,17,,,,,,,,,,\n", "line 2 has \"soon\" as time"),
        ("0.1234567,4,17,,,,,,,,,,\n", "line 2 has \"0.1234567\""),
        ("0,-4,17,,,,,,,,,,\n", "line 2 has \"-4\" as tx_packets"),
        (
            "0,99999999999999999999,1,,,,,,,,,,\n",
            "as tx_packets, which is not a count",
        ),
        ("0,4,17,1.5,,1,0,0,0,0,0,,\n", "\"1.5\" as drop_rate"),
        ("0,4,17,1,,5,0,0,0,0,0,,\n", "line 2 tells of a loss"),
        ("0,4,17,,,1,0,0,0,0,0,,\n", "line 2 tells of a loss"),
        (
            "0,4,17,0,1,0,0,0,0,0,0,,\n",
            "line 2 tells a latency in part",
        ),
        ("0,4,17,0,1,0,0,0,0,0,0,9,8\n", "upside down"),
        ("0,4,17,0,,0,,0,0,0,0,,\n", "in part what became"),
        (
            "0,4,17,,,,,,,,,,,7\n",
            "line 2 has 14 fields where the header has 13",
        ),
        (
            "0,4,17,,,,,,,,,,\n0,4,17,,,,,,,,,,\n",
            "line 3 is of 0 ms, which is not after",
        ),
        (
            "0,4,17,,,,,,,,,,\n1,4,17,,,,,,,,,,\n3,4,17,,,,,,,,,,\n",
            "line 4 is of 3 ms where the row of 2 ms is due",
        ),
    ] {
        let sentence = refused(rows);
        assert!(sentence.contains(says), "{rows}: {sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
    }
}

#[test]
fn other_files_are_refused_at_their_first_line() {
    let long = "x".repeat(10 * LONGEST_LINE);
    let some = "time,tx_packets,rx_packets,drop_rate,avg_latency,late\n0,1,1,0,0,0\n";
    for text in ["", "a", "a,b\n1,2\n", "\u{0}\u{1}\n", &long, some] {
        let error = read(text).unwrap_err();
        let ReadError::Foreign { line: 1, .. } = error else {
            panic!("{error}");
        };
    }
}

#[test]
fn a_line_that_does_not_end_is_not_kept() {
    let endless = format!("{HEADER_LINE}\n{}", "0".repeat(10 * LONGEST_LINE));
    let error = read(&endless).unwrap_err().to_string();
    assert!(error.contains("line 2 is longer than any line"), "{error}");
}

#[test]
fn further_columns_and_other_line_ends_are_taken() {
    let text = format!("{HEADER_LINE},further,more\r\n5,9,10,,,,,,,,,,,a,\r\n");
    let row = Row {
        start_ns: 5_000_000,
        tx_packets: 9,
        rx_packets: Some(10),
        probes: None,
        path: None,
    };
    assert_eq!(read(&text).unwrap(), [row]);
}

prop_compose! {
    fn probes(tx_packets: u64)(
        lost in 0..=tx_packets,
        times in prop::collection::vec(0_u64..1 << 40, 2),
        others in prop::array::uniform5(0_u64..1 << 50),
    ) -> RowProbes {
        let [late, duplicates, reordered, corrupt, foreign] = others;
        let count = tx_packets - lost;
        let (min_ns, max_ns) = (times[0].min(times[1]), times[0].max(times[1]));
        let latency = RowLatency { count, sum_ns: min_ns * count, min_ns, max_ns };
        RowProbes {
            lost,
            latency: if count > 0 { latency } else { RowLatency::default() },
            late, duplicates, reordered, corrupt, foreign,
        }
    }
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (0_u64..1 << 20, prop::option::of(0_u64..1 << 60)).prop_flat_map(|(tx, rx)| {
        prop::option::of(probes(tx)).prop_map(move |probes| Row {
            start_ns: 0,
            tx_packets: tx,
            rx_packets: rx,
            probes,
            path: None,
        })
    });
    let rows = prop::collection::vec(row, 0..20);
    (rows, 1_u64..1 << 40, 0_u64..1 << 40).prop_map(|(mut rows, interval, first)| {
        for (index, row) in rows.iter_mut().enumerate() {
            row.start_ns = first + index as u64 * interval;
        }
        rows
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(rows in rows()) {
        let mut csv = CsvWriter::new(Vec::new());
        csv.begin().unwrap();
        for row in &rows {
            csv.write(row).unwrap();
        }
        let text = String::from_utf8(csv.finish().unwrap()).unwrap();
        prop_assert_eq!(read(&text).unwrap(), rows.clone());
        // Wherever it is cut, that is noticed, or whole rows are left.
        let cut = text.len() * 2 / 3;
        match read(&text[..cut]) {
            Ok(read) => prop_assert_eq!(&read[..], &rows[..read.len()]),
            Err(ReadError::CutOff { .. } | ReadError::Foreign { line: 1, .. }) => {}
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}

/// Rows of the article's repository (`data/dpdk-dpdk.csv` and `data/syscall-dpdk.csv`), which its
/// program still writes so.
const ARTICLE: &str = "time,tx_packets,rx_packets,drop_rate,avg_latency\n\
                       5453,3500,3500,0,0\n\
                       5454,3500,2524,0.2788571428571428,0\n\
                       5455,3500,1835,0.3305714285714285,0.6504481434058899\n\
                       5456,3500,0,0,0\n\
                       5457,3500,508,0,0\n\
                       5458,0,0,0,0\n\
                       5459,3500,3500,-0.002,0.25\n\
                       5460,0,3500,-inf,0.25\n";

#[test]
fn the_articles_five_columns_are_taken() {
    let reader = CsvReader::new(ARTICLE.as_bytes()).unwrap();
    assert!(reader.has_five());
    assert!(!CsvReader::new(HEADER_LINE.as_bytes()).unwrap().has_five());
    let rows = read(ARTICLE).unwrap();
    let told: Vec<_> = rows.iter().map(|row| row.probes.map(|p| p.lost)).collect();
    // Nothing came back of the two that have 0 for it and received less than they sent.
    let expected = [0, 976, 1_157, 3_500, 3_500, 0, 0].map(Some);
    assert_eq!(told[..7], expected);
    let latency = |row: usize| rows[row].probes.unwrap().latency;
    assert_eq!((latency(2).count, latency(2).max_ns), (2_343, 650_448));
    assert_eq!(latency(0).max_ns, 0);
    assert_eq!((latency(3).count, latency(5).count), (0, 0));
    let said = read(&ARTICLE.replace("2524,0.2788571428571428,0", "2524,0.28"));
    let said = said.unwrap_err().to_string();
    assert!(said.contains("line 3 has no avg_latency"), "{said}");
}

#[test]
fn a_header_alone_is_a_csv_even_without_a_line_end() {
    assert_eq!(read(HEADER_LINE).unwrap(), []);
}
