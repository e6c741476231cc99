//! The summary in words, to the letter.

mod common;

use common::{device, reflect, sendrecv, worker};
use dpdkgen_core::stats::ProbeCounters;
use dpdkgen_report::summary::*;
use dpdkgen_report::text::render;

#[test]
fn a_clean_run() {
    assert_eq!(
        render(&sendrecv()),
        "\
3,500,000 packets/s held for 60 s, none lost.
Sent 210,000,000 packets (1.62 Gbit/s of frames without FCS).
Received all 210,000,000, each once and intact.
Round trip: median 46.1 µs, 99 % within 81.2 µs, longest 1.32 ms.
Pacing: half left within 120 ns of their due time, 99 % within 2.1 µs, all within 31 µs.
The tx core is 37 % busy, the rx core is 31 % busy: room for about 2.7 times this rate.
"
    );
}

#[test]
fn a_mix_is_told_by_its_name_and_its_mean() {
    let mut run = sendrecv();
    for (name, value) in [
        ("frame_mix", "imix".into()),
        ("mean_frame_bytes", (4246.0 / 12.0).into()),
    ] {
        run.config.insert(name.to_owned(), value);
    }
    let sent = "Sent 210,000,000 packets of imix, 353.8 bytes a frame on average (1.62 Gbit/s of \
                frames without FCS).\n";
    assert!(render(&run).contains(sent), "{}", render(&run));
}

/// Returns a run in which everything went wrong that can, short of ending it.
fn lossy() -> Summary {
    let mut run = sendrecv();
    run.tx.refused = 1_204;
    run.tx.no_buffer = Some(30);
    let rx = run.rx.as_mut().unwrap();
    rx.packets = 209_958_172;
    rx.checksum_partial = 1;
    rx.probes = Some(ProbeCounters {
        unique: 209_958_012,
        duplicates: 88,
        corrupt: 60,
        foreign: 12,
        too_old: 0,
        reordered: 210,
        late: 4,
        unturned: 0,
    });
    run.lost = Some(41_988);
    run.loss_ratio = Some(41_988.0 / 210_000_000.0);
    run.latency_due_ns = run.latency_ns.map(|l| Latency {
        p50: 46_200,
        p99: 95_000,
        max: 2_000_000,
        ..l
    });
    run.pacing.as_mut().unwrap().skipped = 12_000;
    run.device = vec![Device {
        imissed: Some(41_200),
        ..device("mlx5_pci")
    }];
    run.workers[1].stalls = Stalls {
        count: 14,
        total_ns: Some(1_100_000),
        longest_ns: Some(212_000),
    };
    run
}

#[test]
fn a_lossy_run_whose_device_tells() {
    assert_eq!(
        render(&lossy()),
        "\
3,500,000 packets/s held for 60 s, 0.02 % lost: 41,200 missed by this host's NIC for want of \
         descriptors (raise --rx-desc or --rxq), 788 beyond this host.
Sent 210,000,000 packets (1.62 Gbit/s of frames without FCS); 1,204 were refused by the device at \
         first and tried again; 30 had to wait for a buffer.
Received 209,958,172 packets: 209,958,012 intact for the first time, 88 duplicates, 60 corrupt \
         and 12 not of this run.
Of these, 210 came out of order and 4 came after the grace, so that their rows show them as lost.
Lost 41,988 of 210,000,000; at most 41,200 were missed here, since the device counts everyone's \
         packets; up to 60 of them came back corrupt.
1 packet came with a checksum left to a NIC that was never there (a software port), and was \
         accepted.
Round trip: median 46.1 µs, 99 % within 81.2 µs, longest 1.32 ms.
Round trip from when each packet was due: median 46.2 µs, 99 % within 95 µs, longest 2 ms.
Pacing: half left within 120 ns of their due time, 99 % within 2.1 µs, all within 31 µs; 12,000 \
         packets were skipped rather than sent in a burst.
Polling stalled 14 times, at worst for 212 µs on lcore 2 (rx), together less than \
         0.1 % of the time.
The tx core is 37 % busy, the rx core is 31 % busy: room for about 2.7 times this rate.
"
        .replace("         ", "")
    );
}

#[test]
fn a_lossy_run_whose_loss_is_only_bounded() {
    let mut run = lossy();
    run.drained = Some(false);
    run.rx.as_mut().unwrap().probes.as_mut().unwrap().too_old = 7;
    // It was due for longer than it was sent.
    run.pacing.as_mut().unwrap().achieved_pps = Some(210_000_000.0 / 70.0);
    run.device = vec![Device {
        imissed: Some(50_000),
        ..device("mlx5_pci")
    }];
    let text = render(&run);
    for line in [
        "Only 3,000,000 of 3,500,000 packets/s reached for 70 s, at most 0.02 % lost: \
         41,988 missed by this host's NIC for want of descriptors (raise --rx-desc or --rxq).\n",
        "Lost 41,988 of 210,000,000; at most 41,988 were missed here, since the device counts \
         everyone's packets (50,000 in all); up to 60 of them came back corrupt.\n",
        "Loss is an upper bound: 7 packets came so late that nobody can say whether they were \
         new.\n",
        "The drain was cut short: what was still on its way counts as lost.\n",
    ] {
        assert!(text.contains(line), "{line}missing in\n{text}");
    }
}

#[test]
fn what_the_driver_of_a_vf_does_not_tell_is_not_called_none() {
    let mut run = lossy();
    run.device = vec![Device {
        vf_driver: Some("net_mana".to_owned()),
        imissed: None,
        ..device("net_netvsc")
    }];
    let text = render(&run);
    assert!(text.contains("not told by the net_mana driver"), "{text}");
    assert!(!text.contains("net_netvsc"), "{text}");
}

#[test]
fn a_device_that_works_by_system_calls_stalls_by_itself() {
    let mut run = lossy();
    run.device = vec![device("net_af_packet")];
    run.workers[1].port.clone_from(&run.device[0].port);
    let line = "Polling stalled 14 times, at worst for 212 µs on lcore 2 (rx): net_af_packet sends \
                each burst by a system call, which takes that long.\n";
    let text = render(&run);
    assert!(text.contains(line), "{line}missing in\n{text}");
    // No call takes that long.
    run.workers[1].stalls.longest_ns = Some(4_000_000);
    run.workers[1].stalls.total_ns = Some(6_000_000_000);
    let line = "at worst for 4 ms on lcore 2 (rx), together 10 % of the time: something else runs on \
                that core, which isolating it prevents, and net_af_packet sends each burst by a \
                system call.\n";
    let text = render(&run);
    assert!(text.contains(line), "{line}missing in\n{text}");
}

#[test]
fn isolating_a_core_is_advised_only_where_stalls_take_time() {
    let mut run = lossy();
    run.workers[1].stalls.total_ns = Some(59_000_000);
    let text = render(&run);
    assert!(!text.contains("isolating"), "{text}");
    run.workers[1].stalls.total_ns = Some(61_000_000);
    let line = ", together 0.1 % of the time: something else runs on that core, which isolating it \
                prevents.\n";
    let text = render(&run);
    assert!(text.contains(line), "{line}missing in\n{text}");
}

#[test]
fn a_lossy_run_whose_driver_tells_nothing() {
    let mut run = lossy();
    let silent = Device {
        imissed: None,
        rx_nombuf: None,
        oerrors: None,
        ..device("net_memif")
    };
    run.device = vec![silent];
    assert_eq!(
        render(&run).lines().next().unwrap(),
        "3,500,000 packets/s held for 60 s, 0.02 % lost: 41,988, where is not told by the \
         net_memif driver."
    );
}

#[test]
fn a_run_that_only_sends() {
    let run = Summary {
        drained: None,
        rx: None,
        lost: None,
        loss_ratio: None,
        latency_ns: None,
        pacing: None,
        workers: vec![worker(1, Role::Tx, 0.998)],
        ..sendrecv()
    };
    assert_eq!(
        render(&run),
        "\
3,500,000 packets/s, as fast as it went, for 60 s; nothing was to be received (-r 0), so loss is \
         not known.
Sent 210,000,000 packets (1.62 Gbit/s of frames without FCS).
The tx core is 100 % busy.
"
        .replace("         ", "")
    );
}

#[test]
fn a_run_of_which_nothing_came_back() {
    let mut run = sendrecv();
    run.lost = Some(210_000_000);
    run.loss_ratio = Some(1.0);
    run.latency_ns = None;
    run.workers.clear();
    let rx = run.rx.as_mut().unwrap();
    (rx.packets, rx.bytes) = (41, 2_460);
    rx.probes = Some(ProbeCounters {
        foreign: 41,
        ..ProbeCounters::default()
    });
    assert_eq!(
        render(&run),
        "\
Nothing intact of this run came back: 3,500,000 packets/s held for 60 s, all 210,000,000 packets \
         lost.
Check that the reflector runs, that --dest-mac is its MAC or the next hop's, that --dest is its \
         address and port, and that --src is this side's address as it sees it. The 41 packets \
         that arrived were not of this run: compare their addresses and ports with --src, \
         --src-port-range and --dest.
Sent 210,000,000 packets (1.62 Gbit/s of frames without FCS).
Received 41 packets: 41 not of this run.
Pacing: half left within 120 ns of their due time, 99 % within 2.1 µs, all within 31 µs.
"
        .replace("         ", "")
    );
    let rx = run.rx.as_mut().unwrap();
    (rx.packets, rx.bytes, rx.probes) = (0, 0, Some(ProbeCounters::default()));
    let text = render(&run);
    assert!(
        text.starts_with("Nothing came back: 3,500,000 packets/s held for 60 s, all"),
        "{text}"
    );
    assert!(!text.contains("Received"), "{text}");

    run.device[0].oerrors = Some(1_000);
    let text = render(&run);
    let places = "all 210,000,000 packets lost: 1,000 accepted here but not sent, 209,999,000 ";
    assert!(text.contains(places), "{text}");
}

#[test]
fn an_outage_is_told_and_is_no_limit_of_the_device() {
    let event = |at_s, what| Event {
        at_s,
        port: "eth1".to_owned(),
        what,
    };
    let mut run = sendrecv();
    run.tx.refused = run.tx.packets;
    run.pacing.as_mut().unwrap().achieved_pps = Some(1e6);
    assert!(render(&run).contains("raise --tx-desc"));
    run.events = vec![
        event(3.25, Happening::LinkDown),
        event(5.0, Happening::LinkUp),
    ];
    let text = render(&run);
    assert!(
        text.contains("\nPort eth1: link down at 3.25 s, link up at 5 s.\n"),
        "{text}"
    );
    assert!(!text.contains("--tx-desc"), "{text}");

    let mut run = reflect();
    run.tx.refused = 12;
    run.events = (0..20)
        .map(|at| event(f64::from(at), Happening::PeerGone))
        .collect();
    let text = render(&run);
    assert!(
        text.contains("12 not taken by the device (which took nothing for a time)"),
        "{text}"
    );
    assert!(
        text.contains("peer gone at 7 s, 12 more events (the JSON has all)."),
        "{text}"
    );
}

#[test]
fn the_path_of_a_netvsc_port_is_told() {
    let mut run = sendrecv();
    run.device[0].synthetic_packets = Some(0);
    run.device[0].vf_driver = Some("net_mana".to_owned());
    let line = "\nPort 0000:03:00.0 went over its VF alone (net_mana).\n";
    assert!(render(&run).contains(line), "{}", render(&run));
    run.device[0].synthetic_packets = Some(7);
    assert!(!render(&run).contains("VF"), "{}", render(&run));
    run.device[0].vf_driver = None;
    assert!(render(&run).contains("has no VF, so all went over the synthetic path"));
}

#[test]
fn a_vf_that_was_away_is_told_with_what_that_cost() {
    let event = |at_s, what| Event {
        at_s,
        port: "0000:03:00.0".to_owned(),
        what,
    };
    let mut run = sendrecv();
    assert!(!render(&run).contains("VF"));
    run.device[0].synthetic_packets = Some(310_000);
    run.lost_without_vf = Some(1_234);
    run.events = vec![
        event(10.0, Happening::VfGone),
        event(41.0, Happening::VfBack),
    ];
    let text = render(&run);
    for part in [
        "\nPort 0000:03:00.0: VF gone at 10 s, VF back at 41 s.\n",
        "The VF of port 0000:03:00.0 was away for 31 s: 310,000 packets (10,000 packets/s, both ways \
         together) took the slow path by the host, and 1,234 of those sent meanwhile were lost.",
    ] {
        assert!(text.contains(part), "{text}");
    }
    run.events.pop();
    let text = render(&run);
    assert!(text.contains("was away from 10 s to the end: "), "{text}");
}

#[test]
fn a_run_that_sent_nothing() {
    let mut run = sendrecv();
    run.tx = Tx {
        packets: 0,
        bytes: 0,
        pps: None,
        refused: 500,
        no_buffer: Some(0),
    };
    run.rx.as_mut().unwrap().packets = 0;
    run.rx.as_mut().unwrap().probes = Some(ProbeCounters::default());
    (run.loss_ratio, run.latency_ns, run.pacing, run.duration_s) = (None, None, None, None);
    run.workers.clear();
    assert_eq!(
        render(&run),
        "Nothing was sent: the device took no packet; check that its link is up and that the \
         other side is there.\n"
    );
}

#[test]
fn a_reflector() {
    assert_eq!(
        render(&reflect()),
        "\
3,431,373 packets/s reflected for 61.2 s, none dropped here.
Received 210,000,012 packets (1.59 Gbit/s of frames without FCS), sent back 210,000,000.
Ignored 12: 8 arp and 4 not udp.
2 reflect cores are 20 % to 25 % busy: room for about 4.0 times this rate.
"
    );
}

#[test]
fn a_reflector_that_drops() {
    let mut run = reflect();
    run.tx.refused = 1_900;
    run.device[0].imissed = Some(41);
    run.workers = vec![worker(1, Role::Reflect, 0.97)];
    let text = render(&run);
    assert!(
        text.starts_with(
            "3,431,373 packets/s reflected for 61.2 s, 1,941 dropped here: 1,900 not taken by the \
             device (raise --tx-desc or --txq), 41 missed by this host's NIC for want of \
             descriptors (raise --rx-desc or --rxq).\n"
        ),
        "{text}"
    );
    assert!(text.ends_with("The reflect core is 97 % busy: hardly any room above this rate.\n"));

    run.device[0].imissed = None;
    run.tx.refused = 0;
    assert!(render(&run).contains("none dropped here as far as the mlx5_pci driver tells."));
}

#[test]
fn a_reflector_that_heard_nothing() {
    let mut run = reflect();
    let rx = run.rx.as_mut().unwrap();
    (rx.packets, rx.bytes, rx.ignored) = (0, 0, Some(std::collections::BTreeMap::new()));
    run.workers.clear();
    assert_eq!(
        render(&run),
        "Nothing was received for 61.2 s: check that the sender runs, that its --dest-mac is this \
         port's MAC or the next hop's, and that the link between them is up.\n"
    );
}

#[test]
fn what_was_skipped_comes_first_when_it_is_much() {
    let first = |run: &Summary| render(run).lines().next().unwrap().to_owned();
    let mut run = sendrecv();
    let pacing = run.pacing.as_mut().unwrap();
    // A path that was dead for seven of ten seconds.
    pacing.achieved_pps = Some(1_050_000.0);
    pacing.skipped = 490_000_000;
    assert_eq!(
        first(&run),
        "70 % of what was due was skipped: only 1,050,000 of 3,500,000 packets/s reached for 3 min \
         20 s, none lost."
    );
    // Less than half a percent is no failure.
    let pacing = run.pacing.as_mut().unwrap();
    (pacing.achieved_pps, pacing.skipped) = (Some(3_483_000.0), 1_000_000);
    assert_eq!(first(&run), "3,500,000 packets/s held for 60 s, none lost.");
}

#[test]
fn stalls_that_explain_a_rate_that_was_missed_are_told_with_it() {
    let first = |run: &Summary| render(run).lines().next().unwrap().to_owned();
    let mut run = sendrecv();
    let pacing = run.pacing.as_mut().unwrap();
    (pacing.achieved_pps, pacing.skipped) = (Some(3_450_000.0), 3_000_000);
    run.workers[0].stalls = Stalls {
        count: 12,
        total_ns: Some(900_000_000),
        longest_ns: Some(100_000_000),
    };
    let line = "1.41 % of what was due was skipped: only 3,450,000 of 3,500,000 packets/s reached for \
                60.9 s, since lcore 1 (tx) stood still 12 times, at worst for 100 ms, none lost.";
    assert_eq!(first(&run), line);
    // Too short for so much.
    run.workers[0].stalls.total_ns = Some(800_000_000);
    assert!(!first(&run).contains("stood still"), "{}", first(&run));
}

#[test]
fn a_rate_that_was_not_held_leaves_no_room() {
    let mut run = sendrecv();
    let pacing = run.pacing.as_mut().unwrap();
    pacing.achieved_pps = Some(pacing.target_pps / 2.0);
    let last = "The tx core is 37 % busy, the rx core is 31 % busy.\n";
    assert!(render(&run).ends_with(last), "{}", render(&run));
}

#[test]
fn a_run_with_a_sample() {
    let mut run = sendrecv();
    let mut sampled = |frames, skipped, beyond_limit| {
        run.sampled = Some(Sampled {
            frames,
            skipped,
            beyond_limit,
        });
        render(&run).lines().last().unwrap().to_owned()
    };
    assert_eq!(sampled(1, 0, 0), "The pcap file has 1 frame.");
    assert_eq!(
        sampled(7_000, 12, 0),
        "The pcap file has 7,000 frames; 12 more were skipped, since they came faster than they can \
         be written (raise --pcap-sample)."
    );
    assert_eq!(
        sampled(7_000, 112, 100),
        "The pcap file has 7,000 frames; 100 more were left out, since it has its largest size, 4 \
         GiB and 12 more were skipped, since they came faster than they can be written (raise \
         --pcap-sample)."
    );
}

#[test]
fn probes_that_no_reflector_turned_round_are_told_with_what_to_do() {
    let mut run = sendrecv();
    let probes = |unique, foreign, unturned| ProbeCounters {
        unique,
        foreign,
        unturned,
        ..ProbeCounters::default()
    };
    let rx = run.rx.as_mut().unwrap();
    rx.probes = Some(probes(0, 210_000_000, 210_000_000));
    (run.lost, run.loss_ratio) = (Some(210_000_000), Some(1.0));
    (run.latency_ns, run.pacing) = (None, None);
    run.workers.clear();
    assert_eq!(
        render(&run),
        "\
Nothing came back turned round: 3,500,000 packets/s, as fast as it went, for 60 s, all \
         210,000,000 packets lost.
Sent 210,000,000 packets (1.62 Gbit/s of frames without FCS).
Received 210,000,000 packets: 210,000,000 unturned.
210,000,000 packets came back as they were sent: there is no reflector on the way; start one, or \
         measure a path that forwards with --through.
"
    );
    run.rx.as_mut().unwrap().probes = Some(probes(5, 3, 1));
    let text = render(&run);
    assert!(text.contains(": 5 intact for the first time, 1 unturned and 2 not of this run.\n"));
    assert!(text.contains("\n1 packet came back as it was sent: there is no reflector"));
}

/// Returns [`sendrecv`] over a path that forwards.
fn through() -> Summary {
    let mut run = sendrecv();
    run.config.insert("through".to_owned(), true.into());
    run
}

#[test]
fn over_a_path_that_forwards_latency_is_one_way() {
    let mut run = through();
    run.latency_due_ns = run.latency_ns;
    run.pacing.as_mut().unwrap().lag_ns = Some(Lag {
        p50: 120,
        p99: 212_000,
        max: 300_000,
    });
    let text = render(&run);
    for line in [
        "One-way latency: median 46.1 µs, 99 % within 81.2 µs, longest 1.32 ms.",
        "One-way latency from when each packet was due: median 46.1 µs, 99 % within 81.2 µs, longest \
         1.32 ms.",
        "1 % of the packets left more than 212 µs late: the one-way latency from when each was due \
         has that in it.",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    assert!(!text.to_lowercase().contains("round trip"), "{text}");
}

#[test]
fn nothing_through_a_path_is_no_reflectors_fault() {
    let mut run = through();
    let rx = run.rx.as_mut().unwrap();
    rx.packets = 7;
    rx.probes = Some(ProbeCounters {
        foreign: 7,
        ..ProbeCounters::default()
    });
    (run.lost, run.loss_ratio, run.latency_ns) = (Some(210_000_000), Some(1.0), None);
    let text = render(&run);
    assert!(
        text.contains("\nCheck that the path forwards what is for --dest"),
        "{text}"
    );
    assert!(text.contains("what a reflector turned round counts as such with --through.\n"));
    assert!(!text.contains("reflector runs"), "{text}");
}

#[test]
fn over_sockets_nobody_is_told_to_look_for_a_mac() {
    let mut run = sendrecv();
    run.rx.as_mut().unwrap().probes = Some(ProbeCounters::default());
    run.device[0].driver = SOCKET_DRIVER.to_owned();
    let text = render(&run);
    assert!(
        text.contains("Check that the reflector runs, that --dest is"),
        "{text}"
    );
    assert!(!text.contains("--dest-mac"), "{text}");
    let mut run = reflect();
    run.rx.as_mut().unwrap().packets = 0;
    run.device[0].driver = SOCKET_DRIVER.to_owned();
    let text = render(&run);
    assert!(!text.contains("--dest-mac"), "{text}");
}
