//! Searches over devices whose capacity is known: the bounds enclose it.
//!
//! `DPDKGEN_SEARCHES` is how many are made over each device (2); of 100 at most one may be wrong.
//! `DPDKGEN_SEED` is the first seed, as an earlier run printed it.

use std::process::Command;

use dpdkgen_report::search::{LimitedBy, SearchEnd, SearchReport, SearchResult};

/// Searches, and returns what was found, and the exit status.
fn search(line: &str) -> (SearchReport, i32) {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("search.json");
    let output = Command::new(env!("CARGO_BIN_EXE_dpdkgen-sim"))
        .args(["search", "--json"])
        .arg(&json)
        .args(line.split_whitespace())
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    let text = std::fs::read_to_string(&json).unwrap_or_else(|_| panic!("{line}: {complaint}"));
    let report = SearchReport::from_json(&text).unwrap();
    (report, output.status.code().unwrap())
}

fn found(line: &str) -> Vec<SearchResult> {
    let (report, status) = search(line);
    assert_eq!((status, report.stop_reason), (0, SearchEnd::Done), "{line}");
    report.results
}

/// Returns whether bounds that are `width` from each other enclose `truth`; a trial of a second may be
/// `by` packets off.
fn encloses(result: &SearchResult, truth: f64, width: f64, by: f64) -> bool {
    let (Some(lower), Some(upper)) = (result.lower_pps, result.upper_pps) else {
        return false;
    };
    let is_near = lower >= upper * (1.0 - width) - 1.0;
    let is_path = result.limit == Some(LimitedBy::Path);
    lower - by <= truth && truth <= upper + by && is_near && is_path && result.complete
}

/// A device, and what is to be found of it.
struct Known {
    /// The options of the device and the search.
    line: String,
    /// The truth for each goal, in packets per second.
    truths: Vec<f64>,
    width: f64,
    /// By how much a trial of a second may err, in packets per second.
    by: f64,
}

/// Makes up a device of each kind, by a seed.
fn known(seed: u32) -> Vec<Known> {
    let capacity = f64::from(10_000 + seed * 7_919 % 20_000);
    let line = format!("--min-rate 1kpps --max-rate 1Mpps --trial 1 --sim-seed {seed}");
    let of = |device: &str, truths: &[f64]| Known {
        line: format!("{line} {device}"),
        truths: truths.to_vec(),
        width: 0.005,
        // What a poll at the beginning and at the end brings.
        by: 15.0,
    };
    let pdr = |ndr: f64| [ndr, ndr / 0.995];
    let frames = "--frame-size 64 --trials 5";
    vec![
        // One in service and 64 that wait pass after the trial.
        of(
            &format!("{frames} --capacity {capacity}pps"),
            &pdr(capacity + 65.0),
        ),
        // Bits of frames of 64 bytes.
        of(
            &format!("{frames} --capacity {}bps", capacity * 512.0),
            &pdr(capacity + 65.0),
        ),
        of(
            &format!("{frames} --capacity {capacity}pps --queue 1000"),
            &pdr(capacity + 1_001.0),
        ),
        // One in 2,000 is lost each way.
        of(
            &format!("{frames} --goal 0.5% --capacity {capacity}pps --loss 0.05%"),
            &[(capacity + 65.0) * 0.999 / 0.995],
        ),
        of(
            &format!(
                "{frames} --capacity {capacity}pps --queue 8 --dut-warmup 10ms:10% --warmup 0.5"
            ),
            &pdr(capacity),
        ),
        Known {
            width: 0.05,
            // Two standard deviations of the packets lost, of which 1 % come with 0.5 % of the load.
            by: 2.0 * (capacity * 8.0 * 0.05 * 0.95).sqrt() / (2.0 * 0.05),
            ..of(
                // A fifth at capacity, by the square: a twentieth at the half of it.
                &format!(
                    "{frames} --width 5% --goal 5% --capacity {}pps --load-loss 20%",
                    capacity * 16.0
                ),
                &[capacity * 8.0],
            )
        },
        // Most trials find it at its first speed.
        of(
            &format!(
                "--frame-size 64 --trials 20 --capacity {capacity}pps --second-capacity {}pps:20%:10s",
                capacity * 0.8
            ),
            &pdr(capacity + 65.0),
        ),
    ]
}

#[test]
fn the_bounds_enclose_the_capacity() {
    let searches = std::env::var("DPDKGEN_SEARCHES").map_or(2, |text| text.parse().unwrap());
    let fresh = u32::from(std::process::id() as u16);
    let first = std::env::var("DPDKGEN_SEED").map_or(fresh, |text| text.parse().unwrap());
    println!("Seeds {first} and {} more", searches - 1);
    let mut wrong = vec![Vec::new(); known(first).len()];
    let (mut trials, mut seconds) = (vec![0; wrong.len()], vec![0.0; wrong.len()]);
    for seed in first..first + searches {
        for (number, known) in known(seed).iter().enumerate() {
            let (report, status) = search(&known.line);
            assert_eq!(status, 0, "{}", known.line);
            trials[number] += report.trials.len();
            seconds[number] += report
                .trials
                .iter()
                .map(|trial| trial.duration_s)
                .sum::<f64>();
            for (result, truth) in report.results.iter().zip(&known.truths) {
                if !encloses(result, *truth, known.width, known.by) {
                    wrong[number].push(format!("{truth}: {} {result:?}", known.line));
                }
            }
        }
    }
    for (number, known) in known(first).iter().enumerate() {
        let (trials, seconds) = (trials[number] as f64, seconds[number]);
        let each = f64::from(searches);
        println!(
            "{:6.1} trials {:7.1} s, {} wrong: {}",
            trials / each,
            seconds / each,
            wrong[number].len(),
            known.line
        );
    }
    for wrong in wrong {
        assert!(wrong.len() as u32 <= searches / 100, "{wrong:#?}");
    }
}

#[test]
fn what_limits_is_told() {
    let line = "--frame-size 64 --trial 0.1 --trials 0.3";
    let results = found(&format!("{line} --max-rate 50kpps"));
    for result in &results {
        assert_eq!(result.limit, Some(LimitedBy::MaxRate));
        assert_eq!((result.lower_pps, result.upper_pps), (Some(50_000.0), None));
    }
    // The sender's own link carries 97,656 frames of 64 bytes, beside what its queue holds at the end and
    // what may be late.
    let results = found(&format!(
        "{line} --max-rate 1Mpps --bandwidth 50Mbps --tx-desc 64"
    ));
    for result in &results {
        assert_eq!(
            (result.limit, result.upper_pps),
            (Some(LimitedBy::Sender), None)
        );
        let lower = result.lower_pps.unwrap();
        assert!((97_000.0..100_000.0).contains(&lower), "{lower}");
    }
    let results = found(&format!("{line} --max-rate 100kpps --loss 10%"));
    for result in &results {
        assert_eq!((result.lower_pps, result.upper_pps), (None, Some(1_000.0)));
        assert!(result.complete && result.limit == Some(LimitedBy::Path));
    }
}

#[test]
fn without_a_highest_rate_that_of_the_sender_is_measured_first() {
    let line = "--frame-size 64 --trial 0.1 --trials 0.3 --capacity 100kpps";
    let (report, _) = search(line);
    assert_eq!(report.trials[0].target_pps, None);
    assert!(
        encloses(&report.results[0], 100_650.0, 0.005, 150.0),
        "{:?}",
        report.results
    );
}

#[test]
fn each_frame_size_and_each_repeat_is_a_search() {
    let line = "--frame-sizes 64,512 --repeat 3 --trial 0.1 --trials 0.3 --max-rate 1Mpps \
                --capacity 50Mbps --goal 0";
    let (report, _) = search(line);
    let sizes: Vec<_> = report
        .results
        .iter()
        .map(|result| result.frame_bytes)
        .collect();
    assert_eq!(sizes, [64.0, 512.0, 64.0, 512.0, 64.0, 512.0]);
    assert_eq!(report.spread.len(), 2);
    for spread in &report.spread {
        assert_eq!(spread.searches, 3);
        assert!(spread.min_pps <= spread.median_pps && spread.median_pps <= spread.max_pps);
    }
}

#[test]
fn what_is_expected_is_held_against_every_lower_bound() {
    let line = "--frame-size 64 --trial 0.1 --trials 0.3 --max-rate 1Mpps --capacity 100kpps";
    assert_eq!(search(&format!("{line} --expect 99kpps")).1, 0);
    assert_eq!(search(&format!("{line} --expect 110kpps")).1, 3);
    assert_eq!(search(&format!("{line} --loss 10% --expect 1kpps")).1, 3);
    // Nothing comes back.
    assert_eq!(
        search("--trial 0.1 --trials 0.1 --max-rate 10kpps --loss 100%").1,
        3
    );
}

#[test]
fn a_limit_of_latency_bounds_the_load() {
    // Above capacity the queue is full: 65 packets take 650 us.
    let line =
        "--frame-size 64 --trial 1 --trials 3 --max-rate 1Mpps --capacity 100kpps --queue 5000";
    let results = found(&format!("{line} --goal 1%,p99=1ms --goal 1%"));
    let [by_latency, by_loss] = results.as_slice() else {
        panic!("{results:?}")
    };
    assert_eq!(
        (by_latency.goal.as_str(), by_loss.goal.as_str()),
        ("1%,p99=1ms", "1%")
    );
    // 5,000 packets wait for 50 ms: half of that in the mean makes up 5 % of a second's packets.
    assert!(by_latency.upper_pps.unwrap() < 101_000.0, "{results:?}");
    assert!(by_loss.lower_pps.unwrap() > 105_000.0, "{results:?}");
}

#[test]
fn the_tests_of_rfc_2544_find_the_queue_and_the_capacity() {
    let line = "--frame-size 64 --max-rate 200kpps --trial 1 --capacity 100kpps --queue 500";
    let (report, status) = search(&format!("{line} --rfc2544 throughput"));
    assert_eq!((status, report.results.len()), (0, 1));
    // A trial of a second ends with 501 packets on their way.
    assert!(
        encloses(&report.results[0], 100_501.0, 0.005, 15.0),
        "{:?}",
        report.results
    );

    let (report, _) = search(&format!("{line} --rfc2544 latency"));
    let latency = &report.latency[0];
    assert_eq!(
        (latency.trials, Some(latency.pps)),
        (3, report.results[0].lower_pps)
    );
    // 50 us each way, and at most the queue of 5 ms.
    assert!(
        latency.min_ns >= 100_000 && latency.max_ns <= 5_200_000,
        "{latency:?}"
    );

    let (report, _) = search(&format!("{line} --rfc2544 loss"));
    let losses: Vec<_> = report
        .trials
        .iter()
        .map(|trial| trial.loss_ratio.unwrap())
        .collect();
    // From 100 % of 200,000 downwards; two loads without loss end it.
    let reckoned = [100_000.0, 80_000.0, 60_000.0, 40_000.0, 20_000.0, 0.0, 0.0];
    assert_eq!(losses.len(), reckoned.len());
    for (step, (loss, over)) in losses.iter().zip(reckoned).enumerate() {
        let load = 200_000.0 - 20_000.0 * step as f64;
        let lost = f64::max(over - 501.0, 0.0);
        assert!((loss - lost / load).abs() < 0.001, "{step}: {loss}");
    }

    let (report, _) = search(&format!("{line} --rfc2544 back-to-back"));
    let burst = &report.back_to_back[0];
    // Twice as fast as it is emptied, a queue takes twice its length.
    assert!((burst.frames - 1_002.0).abs() < 12.0, "{burst:?}");
    assert!((burst.implied_buffer_s - burst.frames / 200_000.0).abs() < 1e-9);
    // RFC 9004: without what was taken from it meanwhile, the queue in the time of frames at that rate.
    let corrected = burst.corrected_buffer_s.unwrap() * 200_000.0;
    assert!((corrected - 500.0).abs() < 10.0, "{corrected}");
}

#[test]
fn what_cannot_be_searched_for_is_refused_in_a_sentence() {
    for (line, named) in [
        (
            "--min-rate 2Mpps --max-rate 1Mpps",
            "--min-rate is above --max-rate",
        ),
        ("--trial 0", "--trial must be more than 0"),
        (
            "--trial 5 --trials 1",
            "--trials 1 s is less than --trial 5 s",
        ),
        ("--goal 5", "--goal 5 is not a loss"),
        ("--goal 0 --goal 0%", "--goal 0 was given twice"),
        ("--goal 100%", "is kept by any path"),
        ("--frame-sizes 64,64", "names one twice"),
        ("--frame-sizes 10", "--frame-size 10 is not from 62"),
        ("--frame-sizes 64 --frame-size 64", "exclude each other"),
        ("--width 0", "--width must be more than 0"),
        ("--exceed 100%", "--exceed must be less than 100 %"),
        (
            "--rate 1Mpps",
            "--rate is an option of sendrecv, and search has none",
        ),
        ("--run-tag 5", "--run-tag names one run"),
        (
            "--rfc2544 loss --goal 0",
            "--rfc2544 and --goal exclude each other",
        ),
        ("--rxq 0", "--rxq 0 only sends"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_dpdkgen-sim"))
            .arg("search")
            .args(line.split_whitespace())
            .output()
            .unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}: {complaint}");
        assert!(
            complaint.contains(named) && complaint.lines().count() == 1,
            "{line}: {complaint}"
        );
    }
}
