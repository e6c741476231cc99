//! The JSON summary, key for key.

mod common;

use common::{reflect, sendrecv};
use dpdkgen_report::summary::*;
use serde_json::{Value, json};

fn value(summary: &Summary) -> Value {
    serde_json::from_str(&summary.to_json().unwrap()).unwrap()
}

#[test]
fn sendrecv_to_the_letter() {
    let mut run = sendrecv();
    run.latency_due_ns = run.latency_ns;
    run.queues.truncate(1);
    run.queues[0].depth_max = Some(900);
    run.workers.truncate(1);
    run.workers[0].stalls = Stalls {
        count: 2,
        total_ns: Some(130_000),
        longest_ns: Some(70_000),
    };
    run.device[0]
        .xstats
        .insert("vf_rx_good_packets".to_owned(), 5);
    run.events = vec![Event {
        at_s: 3.25,
        port: "0000:03:00.0".to_owned(),
        what: Happening::LinkDown,
    }];
    run.device[0].synthetic_packets = Some(7);
    run.lost_without_vf = Some(0);
    let latency = json!({
        "count": 210_000_000, "min": 31_000, "mean": 47_250.5, "p50": 46_123, "p90": 60_001,
        "p99": 81_200, "p99_9": 190_000, "p99_99": 700_000, "max": 1_318_400,
    });
    let expected = json!({
        "schema": 1,
        "mode": "sendrecv",
        "stop_reason": "duration", "stopped_at_s": 60.0,
        "drained": true,
        "duration_s": 60.0,
        "config": {"rxq": 1},
        "clock": {"source": "tsc", "hz": 2_100_000_000.0, "error_ppm": -0.25},
        "tx": {
            "packets": 210_000_000, "bytes": 12_180_000_000_u64, "pps": 3_500_000.0,
            "refused": 0, "no_buffer": 0,
        },
        "rx": {
            "packets": 210_000_000, "bytes": 12_180_000_000_u64, "pps": 3_500_000.0,
            "unique": 210_000_000, "duplicates": 0, "reordered": 0, "corrupt": 0, "foreign": 0,
            "too_old": 0, "unturned": 0, "late": 0, "checksum_partial": 0,
        },
        "lost": 0,
        "lost_without_vf": 0,
        "loss_ratio": 0.0,
        "latency_ns": latency,
        "latency_due_ns": latency,
        "pacing": {
            "target_pps": 3_500_000.0, "achieved_pps": 3_500_000.0, "skipped": 0,
            "lag_ns": {"p50": 120, "p99": 2_100, "max": 31_000},
        },
        "queues": [{
            "port": "0000:03:00.0", "queue": 0, "direction": "rx", "packets": 210_000_000,
            "full_bursts_max": 3, "depth_max": 900,
        }],
        "workers": [{
            "lcore": 1, "role": "tx", "port": "0000:03:00.0", "queue": 0,
            "polls": 1_000_000_000, "empty_polls": 900_000_000, "packets": 210_000_000,
            "busy_ratio": 0.37, "cycles_per_packet": 61.5,
            "stalls": {"count": 2, "total_ns": 130_000, "longest_ns": 70_000},
        }],
        "device": [{
            "port": "0000:03:00.0", "driver": "mlx5_pci", "mac": "02:00:00:00:00:01", "imissed": 0, "ierrors": 0,
            "rx_nombuf": 0, "oerrors": 0, "synthetic_packets": 7, "xstats": {"vf_rx_good_packets": 5},
        }],
        "events": [{"at_s": 3.25, "port": "0000:03:00.0", "what": "link down"}],
    });
    assert_eq!(value(&run), expected);
    assert!(run.to_json().unwrap().ends_with("}\n"));
}

#[test]
fn reflect_to_the_letter() {
    let mut run = reflect();
    run.queues.clear();
    run.workers.clear();
    run.clock = Clock {
        source: ClockSource::ClockMonotonic,
        hz: None,
        error_ppm: None,
    };
    let silent = Device {
        imissed: None,
        ierrors: None,
        ..run.device[0].clone()
    };
    run.device = vec![Device {
        rx_nombuf: None,
        oerrors: None,
        ..silent
    }];
    let expected = json!({
        "schema": 1,
        "mode": "reflect",
        "stop_reason": "signal", "stopped_at_s": 60.0,
        "duration_s": 61.2,
        "config": {"rxq": 1},
        "clock": {"source": "clock_monotonic"},
        "tx": {
            "packets": 210_000_000, "bytes": 12_180_000_000_u64, "pps": 3_431_372.5, "refused": 0,
        },
        "rx": {
            "packets": 210_000_012, "bytes": 12_180_000_720_u64, "pps": 3_431_372.7,
            "ignored": {"arp": 8, "not_udp": 4}, "checksum_partial": 0,
        },
        "queues": [],
        "workers": [],
        "device": [
            {"port": "0000:03:00.0", "driver": "mlx5_pci", "mac": "02:00:00:00:00:01"},
        ],
        "events": [],
    });
    assert_eq!(value(&run), expected);
}

#[test]
fn what_was_written_reads_back() {
    let mut send_only = sendrecv();
    (send_only.rx, send_only.lost, send_only.loss_ratio) = (None, None, None);
    (send_only.latency_ns, send_only.pacing, send_only.duration_s) = (None, None, None);
    for run in [sendrecv(), reflect(), send_only] {
        assert_eq!(Summary::from_json(&run.to_json().unwrap()).unwrap(), run);
    }
}

#[test]
fn where_a_run_comes_from_and_its_outages_to_the_letter() {
    let mut run = sendrecv();
    run.origin = Origin {
        started_at: Some("2026-11-27T15:50:28.123Z".to_owned()),
        host: Some("vm1".to_owned()),
        program: Some("dpdkgen-rt".to_owned()),
        version: Some("1.2.3".to_owned()),
        dpdk_version: Some("DPDK 24.11.2".to_owned()),
        eal_args: Some(vec!["-l".to_owned(), "0-15".to_owned()]),
    };
    run.outages = Some(Outages {
        count: 1,
        lost: 350,
        first: vec![Outage {
            from_s: 2.0,
            to_s: 2.1,
            lost: 350,
        }],
    });
    let told = value(&run);
    for (name, expected) in [
        ("started_at", json!("2026-11-27T15:50:28.123Z")),
        ("host", json!("vm1")),
        ("program", json!("dpdkgen-rt")),
        ("version", json!("1.2.3")),
        ("dpdk_version", json!("DPDK 24.11.2")),
        ("eal_args", json!(["-l", "0-15"])),
        (
            "outages",
            json!({"count": 1, "lost": 350, "first": [{"from_s": 2.0, "to_s": 2.1, "lost": 350}]}),
        ),
    ] {
        assert_eq!(told[name], expected, "{name}");
    }
    assert_eq!(Summary::from_json(&run.to_json().unwrap()).unwrap(), run);
}
