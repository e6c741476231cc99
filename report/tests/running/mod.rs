//! Runs that are going on, for the tests.

use std::collections::BTreeMap;

use dpdkgen_core::stats::Counters;
use dpdkgen_core::stats::histogram::{BUCKETS, bucket};
use dpdkgen_core::time::Span;
use dpdkgen_report::latency::LatencyKind;
use dpdkgen_report::progress::*;
use dpdkgen_report::summary::{Device, Mode, Role};

fn worker(lcore: u32, role: Role, counters: Counters) -> WorkerProgress {
    WorkerProgress {
        lcore,
        role,
        port: "0000:03:00.0".to_owned(),
        queue: 0,
        counters,
    }
}

/// Returns a run of 60 s after `seconds`: 1000 packets a second, of which one in a hundred is lost,
/// with round trips of 10 µs and one in ten of 1 ms.
pub fn sendrecv(seconds: u64) -> Progress {
    let sent = 1_000 * seconds;
    let received = sent / 100 * 99;
    let mut tx = Counters::default();
    tx.tx.packets = sent;
    tx.tx.bytes = sent * 1_000;
    tx.poll.elapsed_ns = seconds * 1_000_000_000;
    tx.poll.busy_ns = seconds * 370_000_000;
    let mut rx = Counters::default();
    rx.rx.packets = received;
    rx.rx.bytes = received * 1_000;
    rx.probes.unique = received;
    rx.poll.elapsed_ns = seconds * 1_000_000_000;
    rx.poll.stalls = seconds;
    let mut latency = vec![0; BUCKETS];
    let slow = received / 10;
    latency[bucket(Span::from_micros(10))] = received - slow;
    latency[bucket(Span::from_millis(1))] = slow;
    for (count, ns) in [(received - slow, 10_000), (slow, 1_000_000)] {
        (0..count).for_each(|_| rx.latency.record(Span::from_nanos(ns)));
    }
    let closed = seconds.saturating_sub(1);
    Progress {
        mode: Mode::SendRecv,
        latency_kind: LatencyKind::RoundTrip,
        at_ns: seconds * 1_000_000_000,
        phase: Phase::Running,
        goals: vec![Goal::Time(60_000_000_000)],
        workers: vec![worker(1, Role::Tx, tx), worker(2, Role::Rx, rx)],
        closed: Some(Closed {
            sent: 1_000 * closed,
            lost: 10 * closed,
        }),
        latency: Some(latency),
        device: vec![Device {
            port: "0000:03:00.0".to_owned(),
            driver: "mlx5_pci".to_owned(),
            mac: None,
            vf_driver: None,
            imissed: Some(0),
            ierrors: Some(0),
            rx_nombuf: Some(0),
            oerrors: Some(0),
            synthetic_packets: None,
            xstats: BTreeMap::new(),
        }],
    }
}

/// Returns a reflector that has received `packets` a second for `seconds`, and could not send one
/// of them.
pub fn reflect(seconds: u64, packets: u64) -> Progress {
    let mut counters = Counters::default();
    counters.rx.packets = packets * seconds;
    counters.rx.bytes = packets * seconds * 60;
    counters.tx.packets = packets * seconds - 3;
    counters.tx.bytes = counters.tx.packets * 60;
    counters.tx.refused = 1;
    counters.ignored.not_udp = 2;
    counters.poll.elapsed_ns = seconds * 1_000_000_000;
    counters.poll.busy_ns = seconds * 999_000_000;
    Progress {
        mode: Mode::Reflect,
        latency_kind: LatencyKind::RoundTrip,
        goals: Vec::new(),
        workers: vec![worker(1, Role::Reflect, counters)],
        closed: None,
        latency: None,
        ..sendrecv(seconds)
    }
}
