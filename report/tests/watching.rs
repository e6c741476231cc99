//! The outputs of a run that goes on: the metrics to the letter, the log of histograms read back,
//! the display's numbers.

mod running;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dpdkgen_report::hdr::HdrLog;
use dpdkgen_report::latency::LatencyKind;
use dpdkgen_report::metrics::render;
use dpdkgen_report::progress::{Goal, Phase, Step};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use running::{reflect, sendrecv};

#[test]
fn the_metrics_of_a_sender() {
    let (before, now) = (sendrecv(4), sendrecv(5));
    let text = render(&Step::new(Some(&before), &now));
    for line in [
        "# TYPE dpdkgen_tx_packets_total counter",
        "dpdkgen_tx_packets_total{port=\"0000:03:00.0\",queue=\"0\"} 5000",
        "dpdkgen_tx_refused_total{port=\"0000:03:00.0\",queue=\"0\"} 0",
        "dpdkgen_rx_packets_total{port=\"0000:03:00.0\",queue=\"0\",result=\"unique\"} 4950",
        "dpdkgen_rx_packets_total{port=\"0000:03:00.0\",queue=\"0\",result=\"duplicate\"} 0",
        "dpdkgen_rx_packets_total{port=\"0000:03:00.0\",queue=\"0\",result=\"too_old\"} 0",
        "dpdkgen_reordered_packets_total 0",
        "dpdkgen_lost_packets_total 40",
        "dpdkgen_late_packets_total 0",
        "# TYPE dpdkgen_round_trip_seconds histogram",
        "dpdkgen_round_trip_seconds_bucket{le=\"0.000000511\"} 0",
        "dpdkgen_round_trip_seconds_bucket{le=\"0.000008191\"} 0",
        "dpdkgen_round_trip_seconds_bucket{le=\"0.000012287\"} 4455",
        "dpdkgen_round_trip_seconds_bucket{le=\"0.001048575\"} 4950",
        "dpdkgen_round_trip_seconds_bucket{le=\"+Inf\"} 4950",
        "dpdkgen_round_trip_seconds_sum 0.53955",
        "dpdkgen_round_trip_seconds_count 4950",
        "dpdkgen_worker_busy_ratio{lcore=\"1\",role=\"tx\",port=\"0000:03:00.0\",queue=\"0\"} 0.37",
        "dpdkgen_worker_stalls_total{lcore=\"2\",role=\"rx\",port=\"0000:03:00.0\",queue=\"0\"} 5",
        "dpdkgen_device_missed_total{port=\"0000:03:00.0\"} 0",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
}

#[test]
fn the_counters_of_one_trial_go_on_in_the_next() {
    let (mut first, second) = (sendrecv(5), sendrecv(2));
    // All intervals of a trial that is over are closed.
    first.closed = sendrecv(6).closed;
    let both = second.after(&first);
    assert_eq!(
        (both.at_ns, both.closed),
        (7_000_000_000, sendrecv(7).closed)
    );
    let told = render(&Step::new(Some(&first), &both));
    let at_once = render(&Step::new(Some(&sendrecv(6)), &sendrecv(7)));
    let counters = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.contains("busy_ratio"));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(counters(&told), counters(&at_once));
}

#[test]
fn what_does_not_apply_has_no_metric() {
    let mut run = reflect(5, 1_000);
    run.device[0].imissed = None;
    run.device[0].rx_nombuf = None;
    let text = render(&Step::new(None, &run));
    for absent in [
        "lost_packets",
        "late_packets",
        "reordered",
        "round_trip",
        "device_missed",
    ] {
        assert!(!text.contains(absent), "{absent} in\n{text}");
    }
    let rx = "dpdkgen_rx_packets_total{port=\"0000:03:00.0\",queue=\"0\"";
    assert!(
        text.contains(&format!("{rx},result=\"accepted\"}} 4998\n")),
        "{text}"
    );
    assert!(
        text.contains(&format!("{rx},result=\"ignored\"}} 2\n")),
        "{text}"
    );
}

#[test]
fn a_label_is_escaped() {
    let mut run = reflect(1, 10);
    run.workers[0].port = "a\"b\\c".to_owned();
    let text = render(&Step::new(None, &run));
    assert!(
        text.contains("{port=\"a\\\"b\\\\c\",queue=\"0\"}"),
        "{text}"
    );
}

#[test]
fn what_is_busy_in_the_drain_is_what_it_was() {
    let now = sendrecv(5);
    assert_eq!(Step::new(Some(&now), &now).busy(0), Some(0.37));
    assert_eq!(Step::new(None, &sendrecv(0)).busy(0), None);
    assert_eq!(Step::new(Some(&now), &now).rate(|c| c.tx.packets), 0.0);
}

#[test]
fn the_nearer_of_two_goals_counts() {
    let mut run = sendrecv(15);
    assert_eq!(run.share(1_000.0), Some((0.25, Some(45.0))));
    run.goals.push(Goal::Packets(20_000));
    assert_eq!(run.share(1_000.0), Some((0.75, Some(5.0))));
    assert_eq!(run.share(0.0), Some((0.75, None)));
    run.goals.clear();
    assert_eq!(run.share(1_000.0), None);
}

/// Returns start, length and histogram of each interval in the log.
fn read(log: &[u8]) -> Vec<(Duration, Duration, Histogram<u64>)> {
    let mut deserializer = Deserializer::new();
    IntervalLogIterator::new(log)
        .filter_map(|entry| match entry.expect("a log as the crate reads it") {
            LogEntry::Interval(interval) => {
                let bytes = interval.encoded_histogram();
                let decoded = base64(bytes);
                let histogram = deserializer.deserialize(&mut decoded.as_slice());
                Some((
                    interval.start_timestamp(),
                    interval.duration(),
                    histogram.expect("a histogram"),
                ))
            }
            _ => None,
        })
        .collect()
}

fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for c in text.bytes().filter(|c| *c != b'=') {
        let value = ALPHABET.iter().position(|a| *a == c).expect("base64");
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

#[test]
fn a_log_of_histograms_is_read_back() {
    let mut log = HdrLog::new(Vec::new(), LatencyKind::RoundTrip);
    let start: SystemTime = UNIX_EPOCH + Duration::from_millis(1_700_000_000_250);
    log.begin(start).unwrap();
    for seconds in [1, 2, 2, 5] {
        log.write(sendrecv(seconds)).unwrap();
    }
    let log = log.finish();
    let text = String::from_utf8(log.clone()).unwrap();
    assert!(text.contains("nanoseconds"), "{text}");
    assert!(text.contains("#[StartTime: 1700000000.250 "), "{text}");
    let intervals = read(&log);
    let of: Vec<_> = intervals
        .iter()
        .map(|(start, length, histogram)| (start.as_secs(), length.as_secs(), histogram.len()))
        .collect();
    assert_eq!(of, [(0, 1, 990), (1, 1, 990), (2, 0, 0), (2, 3, 2970)]);
    let (_, _, last) = &intervals[3];
    let within = |value: u64, of: u64| value.abs_diff(of) as f64 <= of as f64 * 0.005;
    assert!(within(last.value_at_quantile(0.5), 10_000), "{last:?}");
    assert!(within(last.max(), 1_000_000), "{last:?}");
}

mod display {
    use super::*;
    use dpdkgen_report::console::Size;
    use dpdkgen_report::live::line;

    fn table(step: &Step<'_>) -> Vec<String> {
        sized(step, 80, 24)
    }

    fn sized(step: &Step<'_>, columns: usize, rows: usize) -> Vec<String> {
        dpdkgen_report::live::table(step, Size { columns, rows })
    }

    fn shown(table: &[String]) -> String {
        table.join("\n")
    }

    #[test]
    fn a_table_of_a_sender() {
        let (before, now) = (sendrecv(14), sendrecv(15));
        assert_eq!(
            shown(&table(&Step::new(Some(&before), &now))),
            "\
Sending     15 s  ███████░░░░░░░░░░░░░░░░░░░░░░░  25 %, 45 s left
Sent                 15,000 packets         1,000 packets/s   8 Mbit/s
Received             14,850 packets           990 packets/s   7.92 Mbit/s
Lost                    140 of 14,000 accounted for, 1 %
Round trip  median 10 µs, 99 % within 1 ms, longest 1 ms
Busy tx     lcore 1:  37 %
Busy rx     lcore 2:   0 %"
        );
    }

    #[test]
    fn a_table_of_a_reflector() {
        let (before, now) = (reflect(1, 50), reflect(3, 50));
        assert_eq!(
            shown(&table(&Step::new(Some(&before), &now))),
            "\
Reflecting  3 s
Received                150 packets            50 packets/s   24 kbit/s
Sent back               147 packets            50 packets/s   24 kbit/s
Besides     2 ignored, 1 refused
Busy        lcore 1: 100 %"
        );
    }

    #[test]
    fn many_workers_take_several_lines() {
        let mut run = reflect(1, 50);
        let worker = run.workers[0].clone();
        run.workers = (7..=12)
            .map(|lcore| dpdkgen_report::progress::WorkerProgress {
                lcore,
                ..worker.clone()
            })
            .collect();
        let lines = table(&Step::new(None, &run));
        assert_eq!(
            shown(&lines[lines.len() - 2..]),
            "\
Busy         lcore 7: 100 %   lcore 8: 100 %   lcore 9: 100 %  lcore 10: 100 %
            lcore 11: 100 %  lcore 12: 100 %"
        );
    }

    #[test]
    fn what_a_table_says_before_and_after() {
        let mut run = sendrecv(0);
        run.phase = Phase::WarmUp;
        let table_of_nothing = shown(&table(&Step::new(None, &run)));
        assert!(
            table_of_nothing.starts_with("Warm-up     0 s  ░░░"),
            "{table_of_nothing}"
        );
        assert!(
            table_of_nothing.contains("nothing came back"),
            "{table_of_nothing}"
        );
        assert!(
            table_of_nothing.contains("not known before"),
            "{table_of_nothing}"
        );
        let mut run = sendrecv(60);
        let heading = |run: &dpdkgen_report::progress::Progress| {
            let lines = table(&Step::new(None, run));
            lines[0].clone()
        };
        run.phase = Phase::Draining {
            until_ns: None,
            is_asked_for: false,
        };
        let waiting = "60 s, waiting for what is in flight";
        assert_eq!(heading(&run), format!("Draining    {waiting}"));
        run.phase = Phase::Draining {
            until_ns: Some(60_900_000_000),
            is_asked_for: true,
        };
        let left = format!("Stopping    {waiting}, 0.9 s left;");
        assert!(heading(&run).starts_with(&left), "{}", heading(&run));
        let said = line(&Step::new(None, &run));
        let left = "60 s (stopping: waiting for what is in flight, 0.9 s left): sent ";
        assert!(said.starts_with(left), "{said}");
    }

    #[test]
    fn a_narrow_table_says_all_that_a_wide_one_says() {
        let (before, now) = (sendrecv(14), sendrecv(15));
        let step = Step::new(Some(&before), &now);
        assert_eq!(
            shown(&sized(&step, 40, 24)),
            "\
Sending     15 s, 25 %, 45 s left
Sent        15,000 packets,
            1,000 packets/s, 8 Mbit/s
Received    14,850 packets,
            990 packets/s, 7.92 Mbit/s
Lost        140 of 14,000
            accounted for, 1 %
Round trip  median 10 µs,
            99 % within 1 ms,
            longest 1 ms
Busy tx     lcore 1:  37 %
Busy rx     lcore 2:   0 %"
        );
        let words = |columns| {
            let drawn = shown(&sized(&step, columns, 60));
            let words = drawn.split_whitespace().map(|word| word.replace(',', ""));
            let words = words.filter(|word| !word.contains(['█', '░']));
            words.collect::<Vec<_>>()
        };
        for columns in 25..200 {
            assert_eq!(words(columns), words(80), "{columns}");
            let lines = sized(&step, columns, 60);
            let longest = lines.iter().map(|line| line.chars().count()).max();
            assert!(longest < Some(columns), "{columns}: {lines:?}");
        }
    }

    #[test]
    fn workers_of_one_lcore_are_told_apart() {
        let mut run = reflect(1, 50);
        let worker = run.workers[0].clone();
        let on = |port: &str, queue| dpdkgen_report::progress::WorkerProgress {
            port: port.to_owned(),
            queue,
            ..worker.clone()
        };
        let busy = |run: &dpdkgen_report::progress::Progress| {
            let drawn = shown(&table(&Step::new(None, run)));
            drawn[drawn.find("Busy").unwrap()..].to_owned()
        };
        run.workers = vec![on("a", 0), on("b", 0)];
        assert_eq!(
            busy(&run),
            "Busy        lcore 1, a: 100 %  lcore 1, b: 100 %"
        );
        run.workers = vec![on("a", 0), on("a", 1)];
        assert_eq!(
            busy(&run),
            "Busy        lcore 1, queue 0: 100 %  lcore 1, queue 1: 100 %"
        );
        run.workers = vec![on("a", 0), on("b", 1)];
        assert!(busy(&run).contains("lcore 1, b, queue 1: 100 %"));
    }

    #[test]
    fn more_workers_than_lines_are_told_together() {
        let mut run = reflect(1, 50);
        let worker = run.workers[0].clone();
        run.workers = vec![worker; 100];
        for (number, worker) in run.workers.iter_mut().enumerate() {
            worker.lcore = number as u32;
            worker.counters.poll.busy_ns = number as u64 * 10_000_000;
        }
        let lines = sized(&Step::new(None, &run), 80, 24);
        assert!(lines.len() < 24);
        assert_eq!(
            lines.last().unwrap(),
            "Busy        100 workers: 0 % to 99 %"
        );
        assert_eq!(sized(&Step::new(None, &run), 80, 60).len(), 4 + 25);
    }

    #[test]
    fn lines_for_a_log() {
        let (before, now) = (sendrecv(14), sendrecv(15));
        assert_eq!(
            line(&Step::new(Some(&before), &now)),
            "15 s: sent 15,000 (1,000/s), received 14,850 (990/s), lost 140 (1 %), median 10 µs, \
             99 % within 1 ms, busy tx 37 % rx 0 %"
        );
        assert_eq!(
            line(&Step::new(Some(&reflect(1, 50)), &reflect(3, 50))),
            "3 s: received 150 (50/s), sent back 147 (50/s), busy reflect 100 %"
        );
    }
}

#[test]
fn over_a_path_that_forwards_latency_is_one_way() {
    let through = |seconds| {
        let mut progress = sendrecv(seconds);
        progress.latency_kind = LatencyKind::OneWay;
        progress
    };
    let (before, now) = (through(4), through(5));
    let step = Step::new(Some(&before), &now);
    let metrics = render(&step);
    assert!(
        metrics.contains("# TYPE dpdkgen_one_way_seconds histogram\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("dpdkgen_one_way_seconds_count 4950\n"),
        "{metrics}"
    );
    let line = dpdkgen_report::live::line(&step);
    assert!(
        line.contains(", one-way median 10 µs, 99 % within 1 ms"),
        "{line}"
    );
    let size = dpdkgen_report::console::Size {
        columns: 80,
        rows: 24,
    };
    let table = dpdkgen_report::live::table(&step, size).join("\n");
    assert!(
        table.contains("\nOne-way     median 10 µs, 99 % within 1 ms"),
        "{table}"
    );
    let mut log = HdrLog::new(Vec::new(), LatencyKind::OneWay);
    log.begin(UNIX_EPOCH).unwrap();
    let text = String::from_utf8(log.finish()).unwrap();
    let comment = "#[One-way latencies measured by dpdkgen, in nanoseconds]\n";
    assert!(text.contains(comment), "{text}");
    for text in [metrics, line, table, text] {
        let text = text.to_lowercase();
        assert!(
            !text.contains("round trip") && !text.contains("round_trip"),
            "{text}"
        );
    }
}
