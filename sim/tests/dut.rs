//! Runs through a device under test: what is lost, and how long packets take, is what reckoning says.

use dpdkgen_report::csv::Row;
use dpdkgen_report::summary::Summary;
use dpdkgen_run::runner::trial::{Nobody, Sink, trial};
use proptest::prelude::*;
use sim::options::{Task, parse};
use sim::simulation::{Finished, Scenario, Simulation};

#[derive(Default)]
struct Rows(Vec<Row>);

impl Sink for Rows {
    fn row(&mut self, row: &Row) {
        self.0.push(*row);
    }
}

fn scenario(line: &str) -> Scenario {
    match parse(format!("sendrecv {line}").split_whitespace()) {
        Ok(Task::Run(scenario)) => *scenario,
        other => panic!("{line}: {other:?}"),
    }
}

/// Runs `line` on a link on which the device alone loses packets, and checks that it lost just what
/// the device dropped.
fn run_with_rows(line: &str) -> (Summary, Vec<Row>) {
    // The longest queue of these is empty by then.
    let line = format!("{line} --drain-ms 150");
    let mut rows = Rows::default();
    let Finished {
        summary,
        dropped,
        disagreements,
    } = scenario(&line).run(&mut rows).unwrap();
    assert_eq!(disagreements, [""; 0], "{line}");
    assert_eq!(summary.lost, Some(dropped), "{line}");
    (summary, rows.0)
}

fn run(line: &str) -> Summary {
    run_with_rows(line).0
}

/// Returns what a run of `line` lost.
fn lost(line: &str) -> u64 {
    run(line).lost.unwrap()
}

/// Checks that `is` is at most `by` from `reckoned`.
fn about(is: u64, reckoned: u64, by: u64) {
    assert!(
        is.abs_diff(reckoned) <= by,
        "{is} is not {reckoned} +- {by}"
    );
}

#[test]
fn up_to_capacity_nothing_is_lost() {
    for (load, device) in [
        ("--rate 999kpps", "--capacity 1Mpps"),
        ("--rate 1Mpps", "--capacity 1Mpps"),
        ("--rate 3Mpps --packet-size 16", "--capacity 3Mpps"),
        ("--rate 119kpps", "--capacity 1Gbps"),
        ("--rate 0.999Gbps", "--capacity 1Gbps"),
        ("--rate 1Gbpsl1", "--capacity 1Gbpsl1 --queue 8"),
        ("--rate 1Mpps --txq 3", "--capacity 1Mpps"),
        // The second capacity is no less.
        (
            "--rate 1Mpps",
            "--capacity 1Mpps --second-capacity 2Mpps:50%:1ms",
        ),
    ] {
        assert_eq!(
            lost(&format!("{load} {device} --duration 0.2")),
            0,
            "{load}"
        );
    }
}

#[test]
fn above_capacity_the_rest_is_lost() {
    // (r - C) t - (N + 1); a poll brings up to ten packets.
    let line = "--rate 1.25Mpps --capacity 1Mpps --duration 0.4";
    about(lost(line), 100_000 - 65, 10);
    about(lost(&format!("{line} --queue 1000")), 100_000 - 1_001, 10);
    about(lost(&format!("{line} --txq 3")), 100_000 - 65, 10);
    // 1 Gbit/s are 119,503 of these frames a second.
    let line = "--rate 120kpps --capacity 1Gbps --duration 2 --queue 10";
    about(lost(line), 240_000 - 239_006 - 11, 2);
    // 1 % too much is seen.
    about(
        lost("--rate 1.01Mpps --capacity 1Mpps --duration 0.1"),
        1_000 - 65,
        10,
    );
}

#[test]
fn on_a_link_that_forwards_it_is_passed_once_too() {
    let line = "--through --rate 1.25Mpps --capacity 1Mpps --duration 0.4 --delay 10us --poll 1us";
    let summary = run(line);
    about(summary.lost.unwrap(), 100_000 - 65, 3);
    about(summary.latency_ns.unwrap().max, 75_000, 2_000);
}

#[test]
fn a_full_queue_delays_packets_by_its_length() {
    let line = "--capacity 1Mpps --queue 200 --delay 10us --poll 1us --duration 0.1";
    let full = run(&format!("{line} --rate 1.25Mpps")).latency_ns.unwrap();
    // There and back 20 us, (N + 1) / C 201 us, and a poll at each end.
    for latency in [full.p50, full.p99, full.max] {
        about(latency, 222_000, 2_500);
    }
    let empty = run(&format!("{line} --rate 500kpps")).latency_ns.unwrap();
    assert!(empty.min >= 21_000 && empty.max <= 26_000, "{empty:?}");
}

#[test]
fn loss_begins_when_the_queue_is_full() {
    let line = "--rate 1.1Mpps --capacity 1Mpps --queue 1050 --duration 0.02 --stats-interval-ms 1";
    let (_, rows) = run_with_rows(line);
    let lost: Vec<u64> = rows.iter().map(|row| row.probes.unwrap().lost).collect();
    // N / (r - C) is 10.5 ms; then r - C is lost.
    assert_eq!(lost[..10], [0; 10], "{lost:?}");
    about(lost[10], 50, 12);
    for later in &lost[11..20] {
        about(*later, 100, 12);
    }
}

#[test]
fn a_device_that_warms_up_loses_at_first() {
    let line = "--rate 500kpps --capacity 1Mpps --dut-warmup 5ms:10% --duration 0.02";
    // Of 2500 packets 500 are served, and 65 held.
    about(lost(line), 2_500 - 500 - 65, 5);
    assert_eq!(lost(&format!("{line} --warmup 0.006")), 0);
}

#[test]
fn loss_grows_with_load() {
    for (rate, share) in [("250kpps", 0.005), ("500kpps", 0.02), ("900kpps", 0.0648)] {
        let line = format!("--rate {rate} --capacity 1Mpps --load-loss 8% --duration 0.5");
        let summary = run(&line);
        let sent = summary.tx.packets as f64;
        // The first millisecond of the 500 loses nothing.
        let mean = sent * 0.998 * share;
        let off = (summary.lost.unwrap() as f64 - mean) / mean.sqrt();
        assert!(off.abs() < 4.0, "{rate}: {off}");
    }
}

#[test]
fn two_capacities_are_one_in_the_mean() {
    let line = "--rate 2Mpps --capacity 1Mpps --second-capacity 500kpps:10%:100us --duration 0.4";
    // 0.9 x 1 Mpps + 0.1 x 0.5 Mpps; over 4000 periods the deviation is 2.4 kpps.
    let ratio = run(line).loss_ratio.unwrap();
    assert!((ratio - 0.525).abs() < 0.005, "{ratio}");
}

/// Carries out a trial of the load in `line`, and returns what it lost.
fn lost_in_trial(simulation: &mut Simulation, line: &str) -> u64 {
    let summary = trial(simulation, &scenario(line).request, &mut Nobody).unwrap();
    assert_eq!(simulation.disagreements, [""; 0], "{line}");
    assert_eq!(summary.lost, Some(simulation.dropped), "{line}");
    summary.lost.unwrap()
}

#[test]
fn the_highest_rate_without_loss_is_the_capacity() {
    // 5 Gbit/s are 597,514 of these frames a second.
    for (device, capacity) in [("777kpps", 777_000), ("5Gbps", 597_514)] {
        let mut simulation = Simulation::new(&scenario(&format!("--capacity {device}"))).unwrap();
        let mut loses = |pps: u64| {
            let load = format!("--rate {pps}pps --duration 0.1 --drain-ms 1");
            lost_in_trial(&mut simulation, &load) > 0
        };
        let (mut lower, mut upper) = (100_000, 2_000_000);
        while upper - lower > 100 {
            let middle = u64::midpoint(lower, upper);
            *if loses(middle) {
                &mut upper
            } else {
                &mut lower
            } = middle;
        }
        // C + (N + 1) / t, less what the first poll and a late one bring: up to seven packets each.
        let highest = capacity + 650;
        assert!(
            (highest - 150..highest + 10).contains(&lower),
            "{device}: {lower} to {upper}"
        );
    }
}

#[test]
fn each_trial_finds_it_empty() {
    let device = "--capacity 1Mpps --queue 1000";
    let mut simulation = Simulation::new(&scenario(device)).unwrap();
    for _ in 0..3 {
        let over = "--rate 2Mpps --duration 0.01 --drain-ms 5";
        about(lost_in_trial(&mut simulation, over), 10_000 - 1_001, 15);
        let within = "--rate 1Mpps --duration 0.01 --drain-ms 5";
        assert_eq!(lost_in_trial(&mut simulation, within), 0);
    }
}

#[test]
fn each_trial_finds_it_cold() {
    let device = "--capacity 1Mpps --dut-warmup 5ms:10%";
    let mut simulation = Simulation::new(&scenario(device)).unwrap();
    for _ in 0..3 {
        let lost = lost_in_trial(&mut simulation, "--rate 500kpps --duration 0.02");
        about(lost, 2_500 - 500 - 65, 5);
    }
}

#[test]
fn each_trial_draws_anew_and_the_seed_determines_all() {
    let losses = |device: &str| -> Vec<u64> {
        let mut simulation = Simulation::new(&scenario(device)).unwrap();
        let load = "--rate 500kpps --duration 0.02 --drain-ms 1";
        let mut lost = || lost_in_trial(&mut simulation, load);
        (0..40).map(|_| lost()).collect()
    };
    let device = "--capacity 1Mpps --load-loss 50%";
    let first = losses(device);
    assert_eq!(first, losses(device));
    assert_ne!(first, losses(&format!("{device} --sim-seed 2")));
    let mut different = first.clone();
    different.sort_unstable();
    different.dedup();
    assert!(different.len() > 10, "{first:?}");
    // A trial is in one period of the two capacities: 12 of 40 lose, with a deviation of 2.9.
    let slow = losses("--capacity 1Mpps --second-capacity 250kpps:30%:1s");
    let lossy = slow.iter().filter(|lost| **lost > 0).count();
    assert!((3..=21).contains(&lossy), "{slow:?}");
    for lost in slow.iter().filter(|lost| **lost > 0) {
        about(*lost, 5_000 - 65, 6);
    }
}

#[test]
fn the_json_tells_the_device() {
    let device = |line: &str| run(line).config["simulation"]["dut"].clone();
    assert_eq!(device("--count 1"), serde_json::Value::Null);
    let told = device("--count 1 --capacity 1.5Gbpsl1");
    let capacity = serde_json::json!({ "per_second": 1.5e9, "unit": "bpsl1" });
    assert_eq!(told["capacity"], capacity);
    assert_eq!(told["queue"], 64);
    assert_eq!(told["second_capacity"], serde_json::Value::Null);
    let told = device(
        "--count 1 --capacity 1Mpps --queue 7 --dut-warmup 2s:10% --load-loss 1% \
         --second-capacity 900kpps:25%:20ms",
    );
    let expected = serde_json::json!({
        "capacity": { "per_second": 1e6, "unit": "pps" },
        "queue": 7,
        "warmup": { "time_ns": 2_000_000_000_u64, "share": 0.1 },
        "load_loss": 0.01,
        "second_capacity": {
            "capacity": { "per_second": 9e5, "unit": "pps" },
            "share": 0.25,
            "period_ns": 20_000_000,
        },
    });
    assert_eq!(told, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the device does, what it dropped is lost and nothing else is.
    #[test]
    fn what_it_dropped_is_lost_and_nothing_else_is(
        (kpps, percent) in (10_u64..2_000, 20_u64..200),
        (txq, through) in (1_u16..4, any::<bool>()),
        queue in 0_u64..200,
        warmup in prop::option::of((0_u64..3_000, 1_u64..=100)),
        load_loss in 0_u64..=100,
        second in prop::option::of((20_u64..200, 0_u64..=100, 1_u64..3_000)),
        seed: u64,
    ) {
        let pps = |percent: u64| kpps * percent * 10;
        let mut line = format!(
            "--rate {kpps}kpps --duration 5ms --warmup 1ms --txq {txq} --capacity {}pps \
             --queue {queue} --load-loss {load_loss}% --sim-seed {seed}",
            pps(percent)
        );
        if through {
            line += " --through";
        }
        if let Some((us, share)) = warmup {
            line += &format!(" --dut-warmup {us}us:{share}%");
        }
        if let Some((percent, share, us)) = second {
            line += &format!(" --second-capacity {}pps:{share}%:{us}us", pps(percent));
        }
        run(&line);
    }
}
