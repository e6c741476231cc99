//! What a summary advises where the numbers point at a cause, and where they do not.

mod common;

use common::{device, reflect, sendrecv};
use dpdkgen_core::stats::ProbeCounters;
use dpdkgen_report::summary::*;
use dpdkgen_report::text::render;

#[test]
fn workers_that_share_a_core_add_up() {
    let mut run = sendrecv();
    run.workers[1].lcore = run.workers[0].lcore;
    let last = "The tx and rx core is 68 % busy: room for about 1.5 times this rate.\n";
    assert!(render(&run).ends_with(last), "{}", render(&run));
    run.workers[1].busy_ratio = None;
    assert!(!render(&run).contains("busy"));
}

#[test]
fn what_limits_a_sender() {
    let mut run = sendrecv();
    run.pacing.as_mut().unwrap().achieved_pps = Some(1_750_000.0);
    run.workers[0].busy_ratio = Some(0.97);
    let core = "The tx core is the limit: give it more queues and cores (--txq), or larger bursts \
                (--tx-burst).\n";
    assert!(render(&run).ends_with(core), "{}", render(&run));
    run.tx.refused = 70_000_000;
    let device = "The device is the limit: it refused 25 % of what was handed to it; raise \
                  --tx-desc or --txq, or lower --rate.\n";
    assert!(render(&run).ends_with(device), "{}", render(&run));
    // What was refused and sent in time after all limits nothing.
    run.pacing = sendrecv().pacing;
    assert!(!render(&run).contains("limit"), "{}", render(&run));
}

#[test]
fn packets_that_left_late() {
    let mut run = sendrecv();
    run.pacing.as_mut().unwrap().lag_ns = Some(Lag {
        p50: 900,
        p99: 212_000,
        max: 9_000_000,
    });
    run.config.insert("payload_bytes".to_owned(), 16.into());
    let late = "1 % of the packets left more than 212 µs late: probes of 24 bytes or more \
                (--packet-size) tell the round trip from when each was due.\n";
    assert!(render(&run).ends_with(late), "{}", render(&run));
    // Long enough, and nothing received.
    run.config.insert("payload_bytes".to_owned(), 1000.into());
    let late = "1 % of the packets left more than 212 µs late.\n";
    assert!(render(&run).ends_with(late), "{}", render(&run));
    run.config.remove("payload_bytes");
    run.config.insert("frame_mix".to_owned(), "imix".into());
    run.config
        .insert("mean_frame_bytes".to_owned(), 353.8.into());
    let late = "1 % of the packets left more than 212 µs late: a mix of which all have 24 bytes of \
                payload or more (--frame-size) tells the round trip from when each was due.\n";
    assert!(render(&run).ends_with(late), "{}", render(&run));
    run.latency_due_ns = run.latency_ns;
    assert!(render(&run).contains("212 µs late: the round trip from when each was due has that"));
}

#[test]
fn queues_that_are_uneven() {
    let mut run = sendrecv();
    let queue = |number, packets| Queue {
        queue: number,
        packets,
        ..run.queues[0].clone()
    };
    let even = vec![queue(0, 5_000), queue(1, 5_500), queue(2, 4_500)];
    let uneven = vec![queue(0, 90_000), queue(1, 10_000), queue(2, 0), queue(3, 0)];
    let few = vec![queue(0, 900), queue(1, 0)];
    run.queues = uneven;
    let line = "Receive queues are uneven: queue 0 of 0000:03:00.0 got 90 % of the packets for 4 \
                queues, and 2 got none; use more source ports (--src-port-range), and see whether \
                the NIC spreads UDP by ports.\n";
    assert!(render(&run).ends_with(line), "{}", render(&run));
    run.device = vec![device("net_memif")];
    let line = "; this device spreads nothing: a queue gets what the other side sends on it.\n";
    assert!(render(&run).ends_with(line), "{}", render(&run));
    for queues in [even, few] {
        run.queues = queues;
        assert!(!render(&run).contains("uneven"), "{}", render(&run));
    }
}

#[test]
fn round_trips_as_long_as_the_drain_are_told_beside_loss() {
    let mut run = sendrecv();
    let longest = run.latency_ns.unwrap().max;
    let mut told = |drain_ns: u64, lost| {
        run.config.insert("drain_ns".to_owned(), drain_ns.into());
        run.lost = Some(lost);
        let text = render(&run);
        text.lines()
            .find(|line| line.contains("--drain-ms"))
            .map(str::to_owned)
    };
    assert_eq!(told(10 * longest, 1), None);
    assert_eq!(told(longest, 0), None);
    let line = told(longest, 1).unwrap();
    assert!(line.starts_with("Probes took up to "), "{line}");
    assert!(
        line.ends_with("what comes later counts as lost; raise --drain-ms."),
        "{line}"
    );
}

#[test]
fn a_round_trip_of_nothing_is_told_as_clocks_that_disagree() {
    let mut run = sendrecv();
    assert!(!render(&run).contains("clocks"));
    run.latency_ns = run.latency_ns.map(|l| Latency { min: 0, ..l });
    let told = render(&run);
    assert!(
        told.contains("so the clocks of the cores disagree: "),
        "{told}"
    );
}

#[test]
fn datagrams_that_a_kernel_left_whole_are_named() {
    let told = |reason: &str| {
        let mut run = reflect();
        let ignored = std::collections::BTreeMap::from([(reason.to_owned(), 3)]);
        run.rx.as_mut().unwrap().ignored = Some(ignored);
        render(&run)
    };
    assert!(told("oversized").contains("gso off"));
    assert!(!told("malformed").contains("gso"));
}

#[test]
fn a_device_that_counts_errors_while_nothing_arrives_is_named() {
    let errors = Device {
        ierrors: Some(597),
        ..device("net_vmxnet3")
    };
    let mut run = reflect();
    run.rx.as_mut().unwrap().packets = 0;
    run.device = vec![errors.clone()];
    let told = render(&run);
    let said = "the device counted 597 errors instead: frames that are longer than its buffers \
                (--mtu) or damaged";
    assert!(
        told.starts_with("Nothing was received") && told.contains(said),
        "{told}"
    );
    let mut run = sendrecv();
    let rx = run.rx.as_mut().unwrap();
    (rx.packets, rx.probes) = (0, Some(ProbeCounters::default()));
    run.lost = Some(run.tx.packets);
    run.device = vec![errors];
    let told = render(&run);
    assert!(
        told.contains(&format!("Nothing arrived intact, and {said}.")),
        "{told}"
    );
}
