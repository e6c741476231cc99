//! Every number that a run reports equals what the link knows to be true.

use std::net::{Ipv4Addr, SocketAddrV4};

use dpdkgen_core::histogram::{bucket, range};
use dpdkgen_core::pacer::Rate;
use dpdkgen_core::time::Nanos;
use dpdkgen_report::summary::Latency;
use dpdkgen_run::request::{Mode, Request, SendRecv, Verbosity};
use proptest::prelude::*;
use sim::link::Faults;
use sim::world::{Finished, Scenario};

fn request(sendrecv: SendRecv) -> Request {
    Request {
        mode: Mode::SendRecv(sendrecv),
        ports: Vec::new(),
        rxq: 1,
        txq: 1,
        rx_burst: 32,
        tx_burst: 32,
        rx_desc: 1024,
        tx_desc: 1024,
        stats_file: None,
        interval: Nanos::MILLISECOND,
        grace: Nanos(3_000_000),
        flush_every: Nanos::SECOND,
        duration: Some(Nanos(10_000_000)),
        count: None,
        wait_link: Nanos::SECOND,
        json: None,
        verbosity: Verbosity::Quiet,
    }
}

fn sendrecv(pps: u64) -> SendRecv {
    SendRecv {
        sources: vec![Ipv4Addr::new(10, 0, 0, 1)],
        dest: SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 10_000),
        src_ports: 10_000..=11_000,
        dest_macs: vec![[2, 0, 0, 0, 0, 2]],
        payload_len: 64,
        rate: Rate::new(pps, 1_000_000_000),
        warmup: Nanos(0),
        seed: 1,
        run_tag: Some(1),
        drain: Nanos(5_000_000),
        max_loss: None,
        max_p99: None,
    }
}

fn perfect() -> Faults {
    Faults {
        loss: 0.0,
        duplication: 0.0,
        corruption: 0.0,
        delay: Nanos(10_000),
        jitter: Nanos(0),
        queue_len: 4096,
    }
}

fn scenario() -> Scenario {
    Scenario {
        request: request(sendrecv(1_000_000)),
        faults: perfect(),
        reflector_queues: 1,
        step: Nanos(1000),
        stalls: 0.0,
        stall: Nanos(0),
        seed: 7,
    }
}

#[test]
fn on_a_perfect_link_nothing_is_lost() {
    let finished = scenario().run().unwrap();
    check(&finished);
    let summary = &finished.summary;
    assert_eq!(summary.tx.packets, 10_000);
    assert_eq!(summary.lost, Some(0));
    assert_eq!(finished.reflected, [10_000, 10_000, 0, 0]);
    assert_eq!(summary.pacing.unwrap().skipped, 0);
    let latency = summary.latency_ns.unwrap();
    assert!(
        latency.min >= 20_000 && latency.max <= 24_000,
        "{latency:?}"
    );
}

#[test]
fn a_count_is_sent_to_the_packet() {
    let mut scenario = scenario();
    scenario.request.duration = None;
    scenario.request.count = Some(1234);
    scenario.request.txq = 5;
    let finished = scenario.run().unwrap();
    check(&finished);
    assert_eq!(finished.summary.tx.packets, 1234);
    assert_eq!(
        finished.summary.stop_reason,
        dpdkgen_report::summary::StopReason::Count
    );
}

#[test]
fn what_is_sent_while_warming_up_is_not_counted() {
    let mut scenario = scenario();
    let Mode::SendRecv(sendrecv) = &mut scenario.request.mode else {
        unreachable!()
    };
    sendrecv.warmup = Nanos(4_500_000);
    let finished = scenario.run().unwrap();
    check(&finished);
    assert_eq!(finished.summary.tx.packets, 10_000);
    assert_eq!(finished.truth.unique, 10_000);
}

#[test]
fn a_stream_with_nothing_due_while_warming_up_sends_afterwards() {
    let mut scenario = scenario();
    let Mode::SendRecv(sendrecv) = &mut scenario.request.mode else {
        unreachable!()
    };
    sendrecv.warmup = Nanos(2_000);
    sendrecv.rate = Rate::new(1_000, 1_000_000_000);
    scenario.request.txq = 4;
    scenario.request.duration = Some(Nanos(3_000_000));
    let finished = scenario.run().unwrap();
    check(&finished);
    assert_eq!(finished.summary.tx.packets, 3);
}

#[test]
fn without_a_rate_a_full_queue_refuses_and_nothing_refused_is_lost() {
    let mut scenario = scenario();
    let Mode::SendRecv(sendrecv) = &mut scenario.request.mode else {
        unreachable!()
    };
    sendrecv.rate = None;
    scenario.faults.queue_len = 50;
    scenario.request.duration = Some(Nanos(2_000_000));
    let finished = scenario.run().unwrap();
    check(&finished);
    assert!(finished.summary.tx.refused > 0);
    assert!(finished.summary.pacing.is_none());
}

prop_compose! {
    fn any_faults()(
        loss in prop_oneof![Just(0.0), 0.0..0.3],
        duplication in prop_oneof![Just(0.0), 0.0..0.3],
        corruption in prop_oneof![Just(0.0), 0.0..0.1],
        delay in 0_u64..2_000_000,
        jitter in prop_oneof![Just(0), 1_u64..6_000_000],
        queue_len in prop_oneof![Just(100_000_usize), 20_usize..2000],
    ) -> Faults {
        Faults { loss, duplication, corruption, delay: Nanos(delay), jitter: Nanos(jitter), queue_len }
    }
}

prop_compose! {
    fn any_request()(
        pps in prop_oneof![1_000_u64..5_000_000, 1_000_u64..50_000],
        payload_len in prop_oneof![16_u16..80, 16_u16..=8972],
        source_ports in prop_oneof![Just(1_u16), 1_u16..2000],
        warmup in prop_oneof![Just(0_u64), 0_u64..2_000_000],
        (rxq, txq) in (1_u16..5, 1_u16..5),
        (rx_burst, tx_burst) in (1_u16..64, 1_u16..64),
        interval in 1_000_000_u64..4_000_000,
        grace in 0_u64..6_000_000,
        drain in 0_u64..8_000_000,
        millis in 1_u64..8,
        count in prop::option::of(1_u64..3000),
    ) -> Request {
        let sendrecv = SendRecv {
            src_ports: 20_000..=20_000 + source_ports - 1,
            payload_len,
            warmup: Nanos(warmup),
            drain: Nanos(drain),
            ..sendrecv(pps)
        };
        Request {
            rxq,
            txq,
            rx_burst,
            tx_burst,
            interval: Nanos(interval),
            grace: Nanos(grace),
            duration: Some(Nanos(millis * 1_000_000)),
            count,
            ..request(sendrecv)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_number_is_true(
        request in any_request(),
        faults in any_faults(),
        reflector_queues in 1_u16..4,
        step in 100_u64..5_000,
        stalls in prop_oneof![Just(0.0), 0.0..0.01],
        stall in 0_u64..3_000_000,
        seed: u64,
    ) {
        let scenario = Scenario {
            request,
            faults,
            reflector_queues,
            step: Nanos(step),
            stalls,
            stall: Nanos(stall),
            seed,
        };
        let finished = scenario.run().unwrap();
        check(&finished);
        check_pacing(&scenario, &finished);
    }
}

fn check(finished: &Finished) {
    let Finished {
        summary,
        truth,
        reflected,
        ..
    } = finished;
    let rx = summary.rx.as_ref().unwrap();
    let probes = rx.probes.unwrap();
    assert_eq!(summary.tx.packets, truth.sent);
    assert_eq!(probes.unique, truth.unique);
    assert_eq!(probes.duplicates, truth.duplicates);
    assert_eq!(probes.corrupt, truth.corrupt);
    assert_eq!((probes.foreign, probes.too_old), (0, 0));
    assert_eq!(probes.reordered, truth.reordered);
    assert_eq!(probes.late, truth.late);
    assert_eq!(rx.packets, truth.unique + truth.duplicates + truth.corrupt);
    assert_eq!(summary.lost, Some(truth.sent - truth.unique));
    check_latency(summary.latency_ns, &truth.latencies);
    if let Some(due) = summary.latency_due_ns {
        check_latency(Some(due), &truth.latencies_due);
    }
    check_rows(finished);
    let [received, sent, refused, ignored] = reflected;
    assert_eq!(*received, sent + refused + ignored);
}

fn check_rows(finished: &Finished) {
    let Finished {
        summary,
        rows,
        truth,
        ..
    } = finished;
    assert!(
        rows.len() >= truth.intervals.len(),
        "{} {}",
        rows.len(),
        truth.intervals.len()
    );
    let mut lost = 0;
    for (at, row) in rows.iter().enumerate() {
        let truth = truth.intervals.get(at).copied().unwrap_or_default();
        let probes = row.probes.unwrap();
        assert_eq!(
            row.start_ns,
            at as u64 * rows.get(1).map_or(0, |row| row.start_ns)
        );
        assert_eq!(row.tx_packets, truth.tx_packets, "row {at}");
        assert_eq!(row.rx_packets, Some(truth.rx_packets), "row {at}");
        assert_eq!(probes.lost, truth.tx_packets - truth.on_time, "row {at}");
        assert_eq!(probes.duplicates, truth.duplicates, "row {at}");
        assert_eq!(probes.reordered, truth.reordered, "row {at}");
        assert_eq!(probes.corrupt, truth.corrupt, "row {at}");
        assert_eq!(probes.late, truth.late, "row {at}");
        assert_eq!(probes.latency.count, truth.on_time, "row {at}");
        assert_eq!(probes.latency.sum_ns, truth.latency_sum_ns, "row {at}");
        assert_eq!(probes.latency.min_ns, truth.latency_min_ns, "row {at}");
        assert_eq!(probes.latency.max_ns, truth.latency_max_ns, "row {at}");
        lost += probes.lost;
    }
    assert_eq!(summary.lost, Some(lost - truth.late));
}

fn check_latency(told: Option<Latency>, truth: &[Nanos]) {
    let mut truth: Vec<u64> = truth.iter().map(|latency| latency.0).collect();
    truth.sort_unstable();
    let Some(told) = told else {
        assert!(truth.is_empty());
        return;
    };
    assert_eq!(told.count, truth.len() as u64);
    assert_eq!((told.min, told.max), (truth[0], truth[truth.len() - 1]));
    let mean = truth.iter().sum::<u64>() as f64 / truth.len() as f64;
    assert!(
        (told.mean - mean).abs() <= mean * 1e-9,
        "{} {mean}",
        told.mean
    );
    let shares = [
        (told.p50, 0.5),
        (told.p90, 0.9),
        (told.p99, 0.99),
        (told.p99_9, 0.999),
    ];
    for (told, share) in shares {
        let rank = ((share * truth.len() as f64).ceil() as usize).max(1);
        let (lowest, highest) = range(bucket(Nanos(truth[rank - 1])));
        assert!(
            (lowest.0..=highest.0).contains(&told),
            "{told} for {}",
            truth[rank - 1]
        );
    }
}

/// Sent and skipped together are what the rate makes due in the time, to the packet: a packet counts
/// as due at the first whole nanosecond that is not too early.
fn check_pacing(scenario: &Scenario, finished: &Finished) {
    let Mode::SendRecv(sendrecv) = &scenario.request.mode else {
        unreachable!()
    };
    let (rate, duration) = (sendrecv.rate.unwrap(), scenario.request.duration.unwrap());
    // The rates here are whole packets per second.
    let pps = rate.pps() as u64;
    let due = (duration.0 - 1) * pps / 1_000_000_000 + 1;
    let sent = finished.summary.tx.packets;
    let skipped = finished.summary.pacing.unwrap().skipped;
    match scenario.request.count {
        Some(count) => assert!(sent <= count && sent + skipped <= due),
        None => assert_eq!(sent + skipped, due),
    }
}
