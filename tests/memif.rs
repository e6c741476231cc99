//! `sendrecv` and `reflect` over memif: nothing is lost, and every number of every output agrees.

use std::collections::BTreeSet;
use std::time::Duration;

use dpdkgen_tests::machine::{tell, two_cpus};
use dpdkgen_tests::{Memif, Pair, Program, Rows, Summary, ports, run, turn};

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn nothing_is_lost_at_100_kpps_for_10_s() {
    const TEST: &str = "nothing_is_lost_at_100_kpps_for_10_s";
    const DUE: u64 = 1_000_000;
    let Some(_turn) = turn(TEST, &[]) else { return };
    let mut most = 0;
    // The promise is of loss and holds in any run. Whether a million packets leave in ten seconds
    // depends on what else the machine is at.
    for _ in 0..3 {
        let outcome = Pair::new(1, "").run("--rate 100kpps --duration 10");
        outcome.assert_all_back();
        let sent = outcome.sent.count("tx.packets");
        let due = sent + outcome.sent.count("pacing.skipped");
        assert!(
            due.abs_diff(DUE) <= 1,
            "sent + skipped is {due} and not {DUE}"
        );
        assert_eq!(outcome.reflected.count("rx.packets"), sent);
        assert_eq!(outcome.reflected.count("tx.packets"), sent);
        // 10 s of sending and 1 s of drain, each interval 100 ms, and a busy machine ends a run late.
        let rows = outcome.rows.len();
        assert!((110..=130).contains(&rows), "{rows} rows");
        most = most.max(sent);
        if most >= DUE / 100 * 99 {
            return;
        }
    }
    tell(&format!(
        "{TEST}: this machine had time for {most} of {DUE} packets; none was lost"
    ));
}

#[test]
fn a_count_is_sent_exactly() {
    let Some(_turn) = turn("a_count_is_sent_exactly", &[]) else {
        return;
    };
    for (count, queues, more) in [
        (1, 1, ""),
        (12_345, 1, "--rate 50kpps --packet-size 16"),
        (
            10_001,
            2,
            "--burst-size 7 --rate 50kpps --src-port-range 5000",
        ),
    ] {
        let queues = format!("-r {queues} -t {queues}");
        let options = format!("{queues} --count {count} --drain-ms 1500 {more}");
        let outcome = Pair::new(1, &queues).run(&options);
        outcome.assert_all_back();
        assert_eq!(outcome.sent.count("tx.packets"), count, "{options}");
        assert_eq!(outcome.sent.text("stop_reason"), "count");
        assert_eq!(outcome.sent.get("drained"), Some(&true.into()));
    }
}

#[test]
fn receiving_can_be_left_out() {
    let Some(_turn) = turn("receiving_can_be_left_out", &[]) else {
        return;
    };
    // memif wants as many receive queues as the peer has to transmit, so the peer here is no
    // reflector of the same link but a device that takes everything.
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("run.json");
    let csv = folder.path().join("run.csv");
    let mut command = ports::dpdkgen(
        &two_cpus().0.to_string(),
        &["net_null0".to_owned()],
        "sendrecv --src 10.0.0.1 --dest 10.0.0.2:10000 --dest-mac 02:00:00:00:00:02 -r 0 \
         --rate 10kpps --count 5000",
    );
    command.arg("--json").arg(&json).arg("-s").arg(&csv);
    let ended = run(command, LIMIT).ok();
    let summary = Summary::read(&json);
    assert_eq!(summary.count("tx.packets"), 5000);
    for absent in ["rx", "lost", "loss_ratio", "latency_ns", "latency_due_ns"] {
        assert!(summary.get(absent).is_none(), "{absent} in {summary:?}");
    }
    assert!(summary.queues("rx").is_empty());
    let rows = Rows::read(&csv);
    assert_eq!(rows.sum("tx_packets"), 5000);
    assert_eq!(rows.column("rx_packets").flatten().count(), 0);
    assert_eq!(rows.column("lost").flatten().count(), 0);
    assert!(ended.stdout.contains("5,000"), "{}", ended.stdout);
}

#[test]
fn over_ipv6_and_behind_tags_nothing_is_lost() {
    let Some(_turn) = turn("over_ipv6_and_behind_tags_nothing_is_lost", &[]) else {
        return;
    };
    let ipv6 = "--src fd00::1 --dest [fd00::2]:10000";
    for (options, size, headers) in [
        (ipv6, 1452, 62),
        ("--vlan 100.3", 16, 46),
        (&*format!("{ipv6} --vlan 0.7"), 24, 66),
        ("--vlan 20 --vlan 7 --dscp 63 --ttl 2", 100, 50),
        (&*format!("{ipv6} --vlan 20 --vlan 7"), 16, 70),
    ] {
        let run = format!("{options} --packet-size {size} --rate 20kpps --count 20000");
        let outcome = Pair::new(1, "").run(&run);
        outcome.assert_all_back();
        assert_eq!(outcome.sent.count("tx.packets"), 20_000);
        assert_eq!(outcome.sent.count("tx.bytes"), 20_000 * (size + headers));
        assert_eq!(outcome.reflected.count("tx.packets"), 20_000);
    }
}

/// What a reflector leaves alone, and what it says then.
#[test]
fn who_is_not_answered_is_told_at_the_end() {
    let Some(_turn) = turn("who_is_not_answered_is_told_at_the_end", &[]) else {
        return;
    };
    for (reflect, send, reason, says) in [
        (
            "--allow 10.9.0.0/16 --allow fd00::/8",
            "",
            "not_allowed",
            "--allow",
        ),
        ("", "--ttl 1", "ttl", "TTL"),
        (
            "",
            "--dest-mac 02:00:00:00:00:09",
            "other_mac",
            "02:00:00:00:00:09",
        ),
    ] {
        let pair = Pair::new(1, reflect);
        let options = format!("--rate 10kpps --count 100 --drain-ms 200 {send}");
        let sent = pair.start_recorded(&options).wait(LIMIT).with_status(3);
        assert!(sent.stderr.contains("nothing came back"), "{}", sent.stderr);
        let (ended, summary) = pair.end_reflector_recorded();
        let ignored = summary.get(&format!("rx.ignored.{reason}"));
        assert_eq!(ignored, Some(&100.into()), "{summary:?}");
        assert!(ended.stdout.contains(says), "{}", ended.stdout);
    }
    // Another's MAC is answered if that is asked for.
    let options = "--rate 10kpps --count 100 --dest-mac 02:00:00:00:00:09";
    Pair::new(1, "--promiscuous").run(options).assert_all_back();
}

#[test]
fn queues_each_carry_their_share() {
    let Some(_turn) = turn("queues_each_carry_their_share", &[]) else {
        return;
    };
    let outcome = Pair::new(1, "-r 2 -t 2")
        .run("-r 2 -t 2 --rate 20kpps --duration 2 --packet-size 64 --drain-ms 1500");
    outcome.assert_all_back();
    for (side, direction) in [
        (&outcome.sent, "tx"),
        (&outcome.sent, "rx"),
        (&outcome.reflected, "rx"),
        (&outcome.reflected, "tx"),
    ] {
        let queues = side.queues(direction);
        let numbers: Vec<u64> = queues.iter().map(|(_, queue, _)| *queue).collect();
        assert_eq!(numbers, [0, 1], "{direction} queues of {side:?}");
        assert!(
            queues.iter().all(|(_, _, packets)| *packets > 0),
            "{queues:?}"
        );
        let sum: u64 = queues.iter().map(|(_, _, packets)| packets).sum();
        assert_eq!(sum, side.count(&format!("{direction}.packets")));
    }
}

#[test]
fn two_ports_each_with_addresses_of_their_own() {
    let Some(_turn) = turn("two_ports_each_with_addresses_of_their_own", &[]) else {
        return;
    };
    let ports = "-p net_memif0 -p net_memif1";
    let outcome = Pair::new(2, ports).run(&format!(
        "{ports} --src 10.0.0.1 --src 10.0.1.1 --dest-mac 02:00:00:00:00:02 \
         --dest-mac 02:00:00:00:01:02 --rate 20kpps --duration 2 \
         --drain-ms 1500"
    ));
    outcome.assert_all_back();
    for direction in ["tx", "rx"] {
        let queues = outcome.sent.queues(direction);
        let names: BTreeSet<&str> = queues.iter().map(|(port, _, _)| port.as_str()).collect();
        assert_eq!(names, BTreeSet::from(["net_memif0", "net_memif1"]));
        assert!(
            queues.iter().all(|(_, _, packets)| *packets > 0),
            "{queues:?}"
        );
    }
    assert_eq!(
        outcome.sent.queues("tx")[0].2,
        outcome.sent.queues("rx")[0].2
    );
}

#[test]
fn the_warm_up_is_sent_and_not_counted() {
    let Some(_turn) = turn("the_warm_up_is_sent_and_not_counted", &[]) else {
        return;
    };
    let outcome = Pair::new(1, "")
        .run("--warmup 0.5 --rate 10kpps --duration 1 --packet-size 64 --drain-ms 1500");
    outcome.assert_all_back();
    let counted = outcome.sent.count("tx.packets");
    let due = counted + outcome.sent.count("pacing.skipped");
    let all = outcome.reflected.count("rx.packets");
    assert!(due.abs_diff(10_000) <= 1, "{due} of one second were due");
    assert!(
        counted < all && all <= counted + 5_001,
        "{counted} of {all} were counted"
    );
}

#[test]
fn sizes_and_rates_mean_what_they_say() {
    let Some(_turn) = turn("sizes_and_rates_mean_what_they_say", &[]) else {
        return;
    };
    for (options, frame, pps) in [
        // A frame of 64 bytes has 60 before its FCS.
        ("--frame-size 64 --rate 5.12Mbps", 60, 10_000.0),
        ("--frame-size 64 --rate 6.72Mbpsl1", 60, 10_000.0),
        // Frames shorter than 64 bytes are sent as 64.
        ("--packet-size 16 --rate 5.12Mbps", 58, 10_000.0),
        ("--packet-size 1472 --rate 0.01Mpps", 1514, 10_000.0),
        ("-R 10 -i 1", 1042, 10_000.0),
        ("-R 1000 -i 100ms --packet-size 1KB", 1042, 10_000.0),
    ] {
        let outcome = Pair::new(1, "").run(&format!("{options} --duration 0.5 --drain-ms 1500"));
        outcome.assert_all_back();
        let sent = &outcome.sent;
        assert_eq!(
            sent.count("tx.bytes"),
            sent.count("tx.packets") * frame,
            "{options}"
        );
        let target = sent.number("pacing.target_pps");
        assert!(
            (target - pps).abs() < 1e-6,
            "{options} makes {target} packets/s"
        );
        let due = sent.count("tx.packets") + sent.count("pacing.skipped");
        assert!(due.abs_diff(5_000) <= 1, "{options}: {due} were due");
    }
}

#[test]
fn either_end_may_come_first() {
    let Some(_turn) = turn("either_end_may_come_first", &[]) else {
        return;
    };
    let (first, last) = two_cpus();
    for sender_listens in [false, true] {
        let memif = Memif::new(12);
        let (sender, reflector) = if sender_listens {
            (memif.server(0), memif.client(0))
        } else {
            (memif.client(0), memif.server(0))
        };
        let mac = if sender_listens { 1 } else { 2 };
        let arguments = format!(
            "sendrecv --src 10.0.0.1 --dest 10.0.0.2:10000 --dest-mac 02:00:00:00:00:0{mac} \
             --rate 10kpps --count 1000 --max-loss 0 --max-skipped 100%"
        );
        let sendrecv = Program::start(ports::dpdkgen(&first.to_string(), &[sender], &arguments));
        // Long enough for it to look for its peer in vain.
        std::thread::sleep(Duration::from_millis(700));
        let reflect = ports::dpdkgen(&last.to_string(), &[reflector], "reflect");
        let reflect = Program::start(reflect);
        let _ = sendrecv.wait(LIMIT).ok();
        let _ = reflect.interrupt().ok();
    }
}

#[test]
fn a_reflector_serves_peers_with_fewer_queues_than_it_has() {
    let Some(_turn) = turn(
        "a_reflector_serves_peers_with_fewer_queues_than_it_has",
        &[],
    ) else {
        return;
    };
    let (first, last) = two_cpus();
    let memif = Memif::new(12);
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("run.json");
    let reflect = ports::dpdkgen(&last.to_string(), &[memif.server(0)], "reflect -r 3 -t 3");
    let reflect = Program::start(reflect);
    let send = |queues: &str| {
        let arguments = format!(
            "sendrecv {queues} --src 10.0.0.1 --dest 10.0.0.2:10000 --dest-mac 02:00:00:00:00:02 \
             --rate 10kpps --count 1000 --drain-ms 1500 --wait-link 2"
        );
        let mut sendrecv = ports::dpdkgen(&first.to_string(), &[memif.client(0)], &arguments);
        sendrecv.arg("--json").arg(&json);
        run(sendrecv, LIMIT)
    };
    // One with more queues than it has is told why it is turned away.
    let ended = send("-t 4 -r 4").with_status(1);
    assert!(ended.stderr.contains("it has fewer queues"), "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    // Before there was a peer but that one, after one with more queues, and after one that has left
    // some unused.
    for queues in [
        "-t 1 -r 1",
        "-t 3 -r 3",
        "-t 3 -r 1",
        "-t 1 -r 1",
        "-t 2 -r 2",
    ] {
        let _ = send(queues).ok();
        let sent = Summary::read(&json);
        assert_eq!(sent.count("rx.duplicates"), 0, "{queues}");
        if queues != "-t 3 -r 1" {
            assert_eq!(sent.count("rx.unique"), 1000, "{queues}: {sent:?}");
        }
    }
    let _ = reflect.interrupt().ok();
}
