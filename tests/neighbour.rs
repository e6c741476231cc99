//! Ports as neighbours: found by ARP and neighbour discovery and pinged by the kernel's own tools, and
//! finding their next hop, on a wire and across a kernel's router.

use std::process::Command;
use std::time::Duration;

use dpdkgen_tests::machine::{PYTHON, two_cpus};
use dpdkgen_tests::{
    FAR, Link, NEAR, Need, Offload, Program, Rows, SWITCH, SWITCHED, Summary, check_reflect,
    check_sendrecv, ports, run, turn,
};

const LIMIT: Duration = Duration::from_secs(30);
const FAR_MAC: &str = "02:00:00:00:0a:02";
const SWITCH_PROGRAM: &str = include_str!("peers/switch.py");

/// Sends datagrams to the reflector from the kernel's socket, and waits for each.
const CLIENT: &str = "\
import socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.settimeout(5)
for i in range(100):
    s.sendto(b'%d' % i, (sys.argv[1], 5000))
    assert s.recv(100) == b'%d' % i
";

/// Runs `line` at the near end, and returns what it says.
fn near(link: &Link, line: &str) -> String {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().expect("a program"));
    command.args(words);
    run(link.inside(NEAR, &command), LIMIT).ok().stdout
}

#[test]
fn a_reflector_is_a_neighbour_like_any_other() {
    let needs = [
        Need::Namespaces,
        Need::Program("ethtool"),
        Need::Program("arping"),
        Need::Program("ping"),
        Need::Program("ndisc6"),
        Need::Program("python3"),
    ];
    let Some(_turn) = turn("a_reflector_is_a_neighbour_like_any_other", &needs) else {
        return;
    };
    let link = Link::new(Offload::Off);
    link.address(NEAR, "10.77.0.1/24");
    link.address(NEAR, "fd77::1/64 nodad");
    let folder = tempfile::tempdir().unwrap();
    let (json, csv) = (folder.path().join("r.json"), folder.path().join("r.csv"));
    let device = ports::af_packet(FAR, 1);
    let mut reflect = ports::dpdkgen(
        &two_cpus().0.to_string(),
        &[device],
        "reflect --ip 10.77.0.2 --ip fd77::2",
    );
    reflect.arg("--json").arg(&json).arg("-s").arg(&csv);
    let mut reflector = Program::start(link.inside(FAR, &reflect));
    reflector.until("reflector", LIMIT, |reflector| {
        reflector.stdout().contains("Reflecting on")
    });

    let arping = near(&link, "arping -c 3 -I near 10.77.0.2");
    assert!(arping.to_lowercase().contains(FAR_MAC), "{arping}");
    let found = near(&link, "ndisc6 -1 -m fd77::2 near");
    assert!(found.to_lowercase().contains(FAR_MAC), "{found}");
    for ping in [
        "ping -c 5 -i 0.2 10.77.0.2",
        "ping -c 5 -i 0.2 -s 1472 10.77.0.2",
        "ping -6 -c 5 -i 0.2 fd77::2",
        "ping -6 -c 5 -i 0.2 -s 1452 fd77::2",
    ] {
        let told = near(&link, ping);
        assert!(told.contains(" 0% packet loss"), "{told}");
        assert!(told.contains("5 received"), "{told}");
    }
    for address in ["10.77.0.2", "fd77::2"] {
        let mut client = Command::new(PYTHON);
        client.args(["-c", CLIENT, address]);
        let _ = run(link.inside(NEAR, &client), LIMIT).ok();
        let table = near(&link, &format!("ip neighbour show {address}"));
        assert!(table.contains(FAR_MAC), "{table}");
    }
    let ended = reflector.interrupt().ok();

    let summary = Summary::read(&json);
    check_reflect(&summary, &Rows::read(&csv));
    assert_eq!(summary.count("tx.packets"), 200, "{}", ended.stdout);
    // Three ARP requests, a solicitation and twenty echoes at least.
    let answered = summary.count("rx.answered");
    assert!((24..100).contains(&answered), "{answered} in {summary:?}");
}

/// Sends probes with `options` across the router, over IPv4 and over IPv6. Nobody is told a MAC address:
/// the ends find the router, and it finds them, again and again.
fn cross_router(link: &Link, options: &str) {
    let (near_cpu, far_cpu) = two_cpus();
    for (addresses, own) in [
        (
            "--src 10.77.0.1 --dest 10.78.0.2:10000 --gateway 10.77.0.254",
            "10.78.0.2",
        ),
        (
            "--src fd77::1 --dest [fd78::2]:10000 --gateway fd77::ff",
            "fd78::2",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let device = ports::af_packet_with_long_rings(FAR);
        let arguments = format!("reflect --ip {own}");
        let mut reflect = ports::dpdkgen(&far_cpu.to_string(), &[device], &arguments);
        reflect.arg("--json").arg(file("r.json"));
        let mut reflector = Program::start(link.inside(FAR, &reflect));
        reflector.until("reflector", LIMIT, |reflector| {
            reflector.stdout().contains("Reflecting on")
        });
        let device = ports::af_packet_with_long_rings(NEAR);
        let arguments =
            format!("sendrecv {addresses} {options} --duration 8 --max-loss 0 --max-skipped 100%");
        let mut sendrecv = ports::dpdkgen(&near_cpu.to_string(), &[device], &arguments);
        sendrecv.arg("--json").arg(file("s.json"));
        sendrecv.arg("-s").arg(file("s.csv"));
        let _ = run(link.inside(NEAR, &sendrecv), LIMIT).ok();
        let _ = reflector.interrupt().ok();

        let sent = Summary::read(&file("s.json"));
        check_sendrecv(&sent, &Rows::read(&file("s.csv")));
        let packets = sent.count("tx.packets");
        assert!(packets > 1_000, "{sent:?}");
        assert_eq!(sent.count("rx.unique"), packets);
        assert_eq!(sent.count("lost"), 0);
        let reflected = Summary::read(&file("r.json"));
        assert_eq!(reflected.count("tx.packets"), packets);
        // The router asked more than once.
        for (side, summary) in [("sender", &sent), ("reflector", &reflected)] {
            assert!(summary.count("rx.answered") > 1, "{side}: {summary:?}");
        }
    }
}

#[test]
fn across_a_router_everybody_finds_everybody() {
    let needs = [Need::Namespaces, Need::Program("ethtool")];
    let Some(_turn) = turn("across_a_router_everybody_finds_everybody", &needs) else {
        return;
    };
    cross_router(&Link::routed(Offload::Off), "--rate 2kpps");
}

/// Between the ends and the router is a switch, which lets nothing pass at the ends that is not in their
/// VLAN.
#[test]
fn across_a_router_everybody_finds_everybody_in_a_vlan() {
    let needs = [
        Need::Namespaces,
        Need::Program("ethtool"),
        Need::Program("python3"),
    ];
    let name = "across_a_router_everybody_finds_everybody_in_a_vlan";
    let Some(_turn) = turn(name, &needs) else {
        return;
    };
    let link = Link::switched(Offload::Off);
    let mut python = Command::new(PYTHON);
    python.args(["-c", SWITCH_PROGRAM, "20"]);
    python.args(SWITCHED.as_flattened());
    let mut switch = Program::start(link.inside(SWITCH, &python));
    switch.until("switch", LIMIT, |switch| switch.stdout().contains("ready"));
    cross_router(&link, "--vlan 20 --rate 500pps");
}

/// A next hop that is not there ends a run before anything is sent, in one sentence.
#[test]
fn a_next_hop_that_nobody_has_is_told() {
    let needs = [Need::Namespaces, Need::Program("ethtool")];
    let Some(_turn) = turn("a_next_hop_that_nobody_has_is_told", &needs) else {
        return;
    };
    let link = Link::silent(Offload::Off);
    for (source, dest) in [("10.77.0.1", "10.77.0.9"), ("fd77::1", "[fd77::9]")] {
        let arguments =
            format!("sendrecv --src {source} --dest {dest}:10000 --count 10 --wait-link 2");
        let device = ports::af_packet(NEAR, 1);
        let command = ports::dpdkgen(&two_cpus().0.to_string(), &[device], &arguments);
        let ended = run(link.inside(NEAR, &command), LIMIT).with_status(1);
        let address = dest.trim_matches(['[', ']']);
        for word in [address, "--dest", "--gateway", "--dest-mac"] {
            assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
        }
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
}
