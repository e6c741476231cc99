//! Single runs, given as command lines.

use dpdkgen_report::csv::Row;
use dpdkgen_report::summary::{Direction, StopReason, Summary};
use dpdkgen_run::runner::trial::Sink;
use sim::options::{Task, parse};
use sim::simulation::Finished;

#[derive(Default)]
struct Rows(Vec<Row>);

impl Sink for Rows {
    fn row(&mut self, row: &Row) {
        self.0.push(*row);
    }
}

fn run_with_rows(line: &str) -> (Summary, Vec<Row>) {
    let words = format!("sendrecv {line}");
    let Ok(Task::Run(scenario)) = parse(words.split_whitespace()) else {
        panic!("{line}");
    };
    let mut rows = Rows::default();
    let Finished {
        summary,
        disagreements,
        ..
    } = scenario.run(&mut rows).unwrap();
    assert_eq!(disagreements, [""; 0], "{line}");
    (summary, rows.0)
}

fn run(line: &str) -> Summary {
    run_with_rows(line).0
}

#[test]
fn on_a_perfect_link_nothing_is_lost() {
    let summary = run("--rate 1Mpps --duration 0.01 --delay 10us --poll 1us");
    assert_eq!(summary.tx.packets, 10_000);
    assert_eq!(summary.lost, Some(0));
    assert_eq!(summary.pacing.unwrap().skipped, 0);
    let latency = summary.latency_ns.unwrap();
    assert!(
        latency.min >= 20_000 && latency.max <= 24_000,
        "{latency:?}"
    );
    let due = summary.latency_due_ns.unwrap();
    assert!(due.mean > latency.mean, "{due:?} {latency:?}");
}

#[test]
fn a_count_is_sent_to_the_packet() {
    let summary = run("--rate 1Mpps --count 1234 --txq 5");
    assert_eq!(summary.tx.packets, 1234);
    assert_eq!(summary.stop_reason, StopReason::Count);
}

#[test]
fn a_mix_is_sent_at_the_rate_of_its_mean_frame_and_counted_to_the_byte() {
    // 28 frames of 60 bytes without FCS, 16 of 566 and 4 of 1514.
    let (of_cycle, with_fcs) = (16_792, 16_792 + 48 * 4);
    let summary = run("--frame-size imix --rate 1Gbps --count 4800 --delay 10us --poll 1us");
    assert_eq!(summary.tx.bytes, 100 * of_cycle);
    assert_eq!(summary.rx.as_ref().unwrap().bytes, 100 * of_cycle);
    assert!(summary.latency_due_ns.is_none(), "64 bytes carry no lag");
    let summary = run("--frame-size imix --rate 1Gbps --duration 0.5 --poll 1us");
    let bits = 8 * (summary.tx.bytes + 4 * summary.tx.packets);
    assert!(bits.abs_diff(500_000_000) < 8 * with_fcs, "{bits}");
    let summary = run("--frame-size 100:1,1000:2 --rate 1Mpps --count 3000");
    assert!(summary.latency_due_ns.is_some());
    let streams = run("--frame-size imix --rate 1Gbps --count 4800 --txq 5 --warmup 0.001");
    assert_eq!(streams.tx.packets, 4800);
    assert_eq!(streams.lost, Some(0));
}

#[test]
fn a_link_that_cuts_and_changes_a_mix_makes_it_corrupt() {
    let summary = run(
        "--frame-size 64:3,82:2,90:1,91:1 --rate 1Mpps --count 20000 --truncate 5% --corrupt 5% \
         --pad 50% --partial 20%",
    );
    let probes = summary.rx.unwrap().probes.unwrap();
    assert!(probes.corrupt > 1000, "{probes:?}");
}

#[test]
fn what_is_sent_while_warming_up_is_not_counted() {
    let summary = run("--rate 1Mpps --duration 0.01 --warmup 0.0045");
    assert_eq!(summary.tx.packets, 10_000);
    assert_eq!(summary.rx.unwrap().probes.unwrap().unique, 10_000);
}

#[test]
fn a_stream_with_nothing_due_while_warming_up_sends_afterwards() {
    let summary = run("--rate 1kpps --duration 0.003 --warmup 2us --txq 4");
    assert_eq!(summary.tx.packets, 3);
}

#[test]
fn without_a_rate_a_full_queue_refuses_and_nothing_refused_is_lost() {
    let summary = run("--duration 0.002 --bandwidth 1Gbps --tx-desc 50");
    assert!(summary.tx.refused > 0);
    assert!(summary.pacing.is_none());
    // 1042-byte frames with FCS are 8,368 bits: 239 leave in 2 ms, and 50 more were taken.
    let sent = summary.tx.packets;
    assert!((280..=290).contains(&sent), "{sent}");
    assert_eq!(summary.lost, Some(0));
}

#[test]
fn an_interval_of_a_stalled_worker_is_late_and_right() {
    let line = "--rate 100kpps --duration 0.2 --stall 0.0005 --stall-for 20ms \
                --stats-interval-ms 1 --stats-evict-threshold-secs 0.005";
    let (summary, rows) = run_with_rows(line);
    let pacing = summary.pacing.unwrap();
    assert!(pacing.skipped > 0);
    assert_eq!(summary.tx.packets + pacing.skipped, 20_000);
    let sum: u64 = rows.iter().map(|row| row.tx_packets).sum();
    assert_eq!(sum, summary.tx.packets);
    let worst = summary.workers.iter().filter_map(|w| w.stalls.longest_ns);
    assert!(worst.max() > Some(5_000_000));
}

#[test]
fn rows_lose_what_is_late_and_the_totals_do_not() {
    let line = "--rate 100kpps --duration 0.05 --delay 100us..6ms --stats-interval-ms 1 \
                --stats-evict-threshold-secs 0.002 --packet-size 100";
    let (summary, rows) = run_with_rows(line);
    let late = summary.rx.unwrap().probes.unwrap().late;
    assert!(late > 0);
    assert_eq!(summary.lost, Some(0));
    let lost: u64 = rows.iter().map(|row| row.probes.unwrap().lost).sum();
    assert_eq!(lost, late);
}

#[test]
fn missed_for_want_of_descriptors_is_told_by_the_device() {
    let line = "--rate 1Mpps --duration 0.05 --rx-desc 32 --stall 0.001 --stall-for 500us \
                --reflector-queues 1 --packet-size 16 --seed 3";
    let summary = run(line);
    let missed = summary.device[0].imissed.unwrap();
    assert!(missed > 0 && summary.lost.unwrap() >= missed);
    let depth = summary.queues.iter().filter_map(|queue| queue.depth_max);
    assert!(depth.max() <= Some(32));
}

#[test]
fn a_reflector_that_dies_loses_what_it_held_and_comes_back() {
    let summary = run("--rate 100kpps --duration 1 --reflector-restart 200ms:20ms --delay 1ms");
    let lost = summary.loss_ratio.unwrap();
    assert!((0.05..0.2).contains(&lost), "{lost}");
}

#[test]
fn loss_comes_in_bursts_where_it_should() {
    let runs_of = |line: &str| {
        let (summary, rows) = run_with_rows(&format!(
            "--rate 1Mpps --duration 0.1 --poll 100ns --stats-interval-ms 0.001 --packet-size 16 \
             --stats-evict-threshold-secs 0.001 {line}"
        ));
        let lossy: Vec<bool> = rows
            .iter()
            .map(|row| row.probes.unwrap().lost > 0)
            .collect();
        let begins = lossy.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        summary.lost.unwrap() as f64 / begins as f64
    };
    // Each burst ends with a chance of 1 in 20 per packet.
    let bursts = runs_of("--gemodel 0.1%:5%");
    assert!((12.0..40.0).contains(&bursts), "{bursts}");
    let single = runs_of("--loss 1%");
    assert!(single < 1.5, "{single}");
}

#[test]
fn pacing_does_not_depend_on_the_interval() {
    let paced = |interval: &str| {
        let line = "--rate 777777pps --duration 0.1 --stall 0.05% --stall-for 3ms --sim-seed 9";
        let summary = run(&format!("{line} --stats-interval-ms {interval}"));
        (summary.tx.packets, summary.pacing.unwrap())
    };
    let (packets, pacing) = paced("100");
    assert!(pacing.skipped > 0);
    for interval in ["0.1", "1", "3.7", "1000"] {
        let (same_packets, same) = paced(interval);
        assert_eq!((same_packets, same.skipped), (packets, pacing.skipped));
        // At the end of an interval a stamp may be two nanoseconds early.
        let [told, first] = [same, pacing].map(|pacing| pacing.lag_ns.unwrap().max);
        assert!(told.abs_diff(first) <= 2, "{interval}: {told} {first}");
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let line = "--rate 1Mpps --duration 0.01 --loss 1% --dup 1% --delay 1us..1ms --stall 1%";
    let told = |summary: Summary| summary.to_json().unwrap();
    assert_eq!(told(run(line)), told(run(line)));
    let other = format!("{line} --sim-seed 2");
    assert_ne!(told(run(line)), told(run(&other)));
}

#[test]
fn through_a_link_that_forwards_a_probe_takes_one_way() {
    let summary = run("--through --rate 1Mpps --duration 0.01 --delay 10us --poll 1us");
    assert_eq!((summary.tx.packets, summary.lost), (10_000, Some(0)));
    let latency = summary.latency_ns.unwrap();
    assert!(
        latency.min >= 10_000 && latency.max <= 13_000,
        "{latency:?}"
    );
    assert!(summary.is_through());
    assert_eq!(
        summary.config["simulation"]["reflector_queues"],
        serde_json::Value::Null
    );
}

/// Returns what each queue of a direction moved.
fn packets(summary: &Summary, direction: Direction) -> Vec<(&str, u64)> {
    let queues = summary.queues.iter();
    let queues = queues.filter(|queue| queue.direction == direction);
    queues
        .map(|queue| (queue.port.as_str(), queue.packets))
        .collect()
}

#[test]
fn what_a_port_sends_arrives_at_the_next() {
    let two = "--through -p sim0 --src 10.0.0.1 -p sim1 --src 10.0.0.2 --rate 1Mpps --count 1001";
    let summary = run(two);
    let (sent, received) = (
        packets(&summary, Direction::Tx),
        packets(&summary, Direction::Rx),
    );
    assert_eq!(sent, [("sim0", 501), ("sim1", 500)]);
    assert_eq!(received, [("sim0", 500), ("sim1", 501)]);
    let summary = run(&format!("{two} --oneway --dup 100%"));
    let (sent, received) = (
        packets(&summary, Direction::Tx),
        packets(&summary, Direction::Rx),
    );
    assert_eq!(sent, [("sim0", 1001)]);
    assert_eq!(received, [("sim0", 0), ("sim1", 2002)]);
    assert_eq!(summary.rx.unwrap().probes.unwrap().duplicates, 1001);
}
