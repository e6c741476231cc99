//! Finished runs for the tests.

use std::collections::BTreeMap;

use dpdkgen_core::stats::ProbeCounters;
use dpdkgen_report::summary::*;

pub fn device(driver: &str) -> Device {
    Device {
        port: "0000:03:00.0".to_owned(),
        driver: driver.to_owned(),
        mac: Some("02:00:00:00:00:01".to_owned()),
        vf_driver: None,
        imissed: Some(0),
        ierrors: Some(0),
        rx_nombuf: Some(0),
        oerrors: Some(0),
        synthetic_packets: None,
        xstats: BTreeMap::new(),
    }
}

pub fn worker(lcore: u32, role: Role, busy_ratio: f64) -> Worker {
    Worker {
        lcore,
        role,
        port: "0000:03:00.0".to_owned(),
        queue: 0,
        polls: 1_000_000_000,
        empty_polls: 900_000_000,
        packets: 210_000_000,
        busy_ratio: Some(busy_ratio),
        cycles_per_packet: Some(61.5),
        stalls: Stalls {
            count: 0,
            total_ns: None,
            longest_ns: None,
        },
    }
}

fn queue(direction: Direction) -> Queue {
    Queue {
        port: "0000:03:00.0".to_owned(),
        queue: 0,
        direction,
        packets: 210_000_000,
        full_bursts_max: Some(3),
        depth_max: None,
    }
}

/// Returns a run of 3.5 Mpps of 16-byte probes for a minute, which all came back.
pub fn sendrecv() -> Summary {
    Summary {
        schema: SCHEMA,
        mode: Mode::SendRecv,
        stop_reason: StopReason::Duration,
        stopped_at_s: Some(60.0),
        drained: Some(true),
        origin: Origin::default(),
        duration_s: Some(60.0),
        config: serde_json::Map::from_iter([("rxq".to_owned(), 1.into())]),
        clock: Clock {
            source: ClockSource::Tsc,
            hz: Some(2_100_000_000.0),
            error_ppm: Some(-0.25),
        },
        tx: Tx {
            packets: 210_000_000,
            bytes: 12_180_000_000,
            pps: Some(3_500_000.0),
            refused: 0,
            no_buffer: Some(0),
        },
        rx: Some(Rx {
            packets: 210_000_000,
            bytes: 12_180_000_000,
            pps: Some(3_500_000.0),
            probes: Some(ProbeCounters {
                unique: 210_000_000,
                ..ProbeCounters::default()
            }),
            ignored: None,
            checksum_partial: 0,
            answered: None,
            other_mac: None,
        }),
        lost: Some(0),
        lost_without_vf: None,
        loss_ratio: Some(0.0),
        outages: None,
        latency_ns: Some(Latency {
            count: 210_000_000,
            min: 31_000,
            mean: 47_250.5,
            p50: 46_123,
            p90: 60_001,
            p99: 81_200,
            p99_9: 190_000,
            p99_99: 700_000,
            max: 1_318_400,
        }),
        latency_due_ns: None,
        pacing: Some(Pacing {
            target_pps: 3_500_000.0,
            achieved_pps: Some(3_500_000.0),
            skipped: 0,
            lag_ns: Some(Lag {
                p50: 120,
                p99: 2_100,
                max: 31_000,
            }),
        }),
        queues: vec![queue(Direction::Rx), queue(Direction::Tx)],
        workers: vec![worker(1, Role::Tx, 0.37), worker(2, Role::Rx, 0.31)],
        device: vec![device("mlx5_pci")],
        events: Vec::new(),
        sampled: None,
    }
}

/// Returns the run of the reflector of [`sendrecv`], which lasted a second longer.
pub fn reflect() -> Summary {
    Summary {
        mode: Mode::Reflect,
        stop_reason: StopReason::Signal,
        drained: None,
        duration_s: Some(61.2),
        tx: Tx {
            packets: 210_000_000,
            bytes: 12_180_000_000,
            pps: Some(3_431_372.5),
            refused: 0,
            no_buffer: None,
        },
        rx: Some(Rx {
            packets: 210_000_012,
            bytes: 12_180_000_720,
            pps: Some(3_431_372.7),
            probes: None,
            ignored: Some(BTreeMap::from([
                ("arp".to_owned(), 8),
                ("not_udp".to_owned(), 4),
            ])),
            checksum_partial: 0,
            answered: None,
            other_mac: None,
        }),
        lost: None,
        loss_ratio: None,
        latency_ns: None,
        pacing: None,
        workers: vec![
            worker(1, Role::Reflect, 0.2),
            worker(2, Role::Reflect, 0.25),
        ],
        ..sendrecv()
    }
}
