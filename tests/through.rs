//! `--through`: probes that a path forwards and does not turn round. The kernel's bridge and its
//! router drop a random share and count it, and our counters are theirs; a ring gives a port back
//! what it sent.

use std::time::Duration;

use dpdkgen_tests::machine::two_cpus;
use dpdkgen_tests::path::{COUNT, NEEDS, Path};
use dpdkgen_tests::{Crossed, Ended, Need, Rows, Summary, check_sendrecv, ports, run, turn};

const LIMIT: Duration = Duration::from_secs(30);

/// Checks a path that drops nothing, and one that drops so many of 10,000.
fn check(path: Path, of_10_000: u16, options: &str) {
    for of_10_000 in [0, of_10_000] {
        let crossed = path.cross(of_10_000, &format!("--through {options}"));
        // Shown if the test fails, or is run with --nocapture.
        eprintln!("{path:?}: {} of {COUNT} dropped", crossed.dropped);
        crossed.assert_exact();
        assert_eq!(crossed.dropped > 0, of_10_000 > 0);
        assert_eq!(crossed.forwarded, [COUNT / 2; 2]);
        let _ = crossed.ended.ok();
    }
}

#[test]
fn through_a_bridge_counts_are_the_bridges() {
    let Some(_turn) = turn("through_a_bridge_counts_are_the_bridges", &NEEDS) else {
        return;
    };
    check(Path::Bridge, 300, "--packet-size 16");
    check(Path::Bridge, 3000, "--packet-size 1458");
}

#[test]
fn through_a_bridge_tags_stay() {
    let Some(_turn) = turn("through_a_bridge_tags_stay", &NEEDS) else {
        return;
    };
    check(Path::Bridge, 300, "--vlan 77.5 --packet-size 200");
}

#[test]
fn through_a_router_counts_are_the_routers() {
    let Some(_turn) = turn("through_a_router_counts_are_the_routers", &NEEDS) else {
        return;
    };
    for is_ipv6 in [false, true] {
        let path = Path::Router {
            is_ipv6,
            vlan: None,
            is_resolved: false,
        };
        check(path, 300, "--packet-size 200");
    }
}

#[test]
fn the_next_hop_through_a_router_is_asked_for() {
    let Some(_turn) = turn("the_next_hop_through_a_router_is_asked_for", &NEEDS) else {
        return;
    };
    let path = Path::Router {
        is_ipv6: false,
        vlan: None,
        is_resolved: true,
    };
    check(path, 300, "--packet-size 200");
}

#[test]
fn through_a_router_between_vlans_counts_are_the_routers() {
    let needs = [NEEDS[0], NEEDS[1], Need::Vlans];
    let Some(_turn) = turn(
        "through_a_router_between_vlans_counts_are_the_routers",
        &needs,
    ) else {
        return;
    };
    let path = Path::Router {
        is_ipv6: false,
        vlan: Some(77),
        is_resolved: false,
    };
    check(path, 300, "--packet-size 200");
}

#[test]
fn one_way_only_the_first_port_sends() {
    let Some(_turn) = turn("one_way_only_the_first_port_sends", &NEEDS) else {
        return;
    };
    let crossed = Path::Bridge.cross(300, "--through --oneway --max-p99 1ns");
    crossed.assert_exact();
    assert_eq!(crossed.forwarded, [COUNT, 0]);
    let port = |direction| {
        let queues = crossed.sent.queues(direction);
        let queues = queues.into_iter().filter(|(_, _, packets)| *packets > 0);
        queues.map(|(port, _, _)| port).collect::<Vec<_>>()
    };
    assert_eq!(port("tx"), ["net_af_packet0"]);
    assert_eq!(port("rx"), ["net_af_packet1"]);
    let missed = crossed.ended.with_status(3).stderr;
    let says = "the 99th percentile of the one-way latency was ";
    assert!(missed.contains(says), "{missed}");
}

/// Checks that a run without `--through` says what came back unturned, and counts all of it.
fn assert_unturned(ended: &Ended, sent: &Summary) {
    let all = sent.count("tx.packets");
    for every in ["rx.packets", "rx.foreign", "rx.unturned", "lost"] {
        assert_eq!(sent.count(every), all, "{every} in {sent:?}");
    }
    let said = &ended.stdout;
    let says = "came back as they were sent: there is no reflector on the way; start one, or \
                measure a path that forwards with --through.";
    assert_eq!(said.matches(says).count(), 1, "{said}");
}

#[test]
fn without_the_option_what_a_bridge_forwards_is_unturned() {
    let Some(_turn) = turn(
        "without_the_option_what_a_bridge_forwards_is_unturned",
        &NEEDS,
    ) else {
        return;
    };
    // No probe is from a port that probes go to: a turned one could not be told from it.
    let options = "--dest 10.77.2.2:10000 --dest 10.77.1.2:10000 --src-port-range 20000-20100 \
                   --dest-mac 02:00:00:00:0a:02 --dest-mac 02:00:00:00:0a:01";
    let Crossed {
        ended,
        sent,
        dropped,
        ..
    } = Path::Bridge.cross(0, options);
    assert_eq!(dropped, 0);
    assert_unturned(&ended, &sent);
}

/// Runs `sendrecv` over a ring, which gives its port back what it sent.
fn over_a_ring(options: &str) -> (Ended, Summary) {
    let folder = tempfile::tempdir().unwrap();
    let (json, csv) = (folder.path().join("s.json"), folder.path().join("s.csv"));
    let arguments = format!(
        "sendrecv --src 10.0.0.1 --dest 10.0.0.2:10000 --rate 20kpps --count 5000 {options} \
         --json {} -s {}",
        ports::text(&json),
        ports::text(&csv)
    );
    let ring = ["net_ring0".to_owned()];
    let ended = run(
        ports::dpdkgen(&two_cpus().0.to_string(), &ring, &arguments),
        LIMIT,
    );
    assert!(json.is_file(), "{ended:?}");
    let sent = Summary::read(&json);
    check_sendrecv(&sent, &Rows::read(&csv));
    (ended, sent)
}

#[test]
fn a_ring_gives_a_port_back_what_it_sent() {
    let Some(_turn) = turn("a_ring_gives_a_port_back_what_it_sent", &[]) else {
        return;
    };
    let (ended, sent) = over_a_ring("--through");
    assert_eq!(sent.count("rx.unique"), sent.count("tx.packets"));
    assert_eq!(sent.count("rx.packets"), 5000, "{sent:?}");
    assert_eq!(sent.get("config.through"), Some(&true.into()));
    let said = ended.ok().stdout;
    assert!(said.contains("One-way latency: median "), "{said}");
    let (ended, sent) = over_a_ring("--dest-mac 02:00:00:00:00:02");
    assert_unturned(&ended, &sent);
}
