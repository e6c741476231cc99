//! `dpdkgen-socket` on wires and against programs that do not know of it: what nftables drops, doubles
//! or changes between two kernels' sockets, or between a kernel's sockets and DPDK, is what the
//! program counts.

use std::process::Command;
use std::time::Duration;

use dpdkgen_tests::bridge::{COUNT, Checksum, End, Fault, Faults, Headers, NEEDS, cross_between};
use dpdkgen_tests::machine::two_cpus;
use dpdkgen_tests::{
    Crossing, FAR, Link, NEAR, Need, Offload, Program, Rows, Summary, Way, check_sendrecv, ports,
    run, turn,
};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(30);
const IPV4: Headers = Headers::IPV4;
const IPV6: Headers = Headers::IPV6;
/// The programs at both ends, the sender's first.
const SOCKETS: [End; 2] = [End::Sockets, End::Sockets];
const TO_DPDK: [End; 2] = [End::Sockets, End::AfPacket];
const FROM_DPDK: [End; 2] = [End::AfPacket, End::Sockets];

/// Sends probes over the bridge, which has `fault` happen to so many of 10,000 packets on this `way`,
/// and checks that what arrived at each end is what the bridge passed on, less those of which a kernel
/// says that their checksum was wrong: of these returns how many there were at the reflector and at the
/// sender.
fn cross(
    ends: [End; 2],
    headers: Headers,
    size: u16,
    faults: Option<(Way, Fault, u16)>,
) -> (Crossing, [u64; 2]) {
    let faults = faults.map(|(way, fault, of_10_000)| Faults {
        fault,
        way,
        of_10_000,
    });
    let crossing = cross_between(ends, headers, size, faults);
    eprintln!(
        "{ends:?}, {headers:?}, {faults:?}: {} of {COUNT}",
        crossing.faulty
    );
    let (sent, reflected) = (&crossing.outcome.sent, &crossing.outcome.reflected);
    let damaged = [(ends[1], reflected), (ends[0], sent)].map(|(end, summary)| match end {
        End::AfPacket => 0,
        End::Sockets => device(summary, "ierrors"),
    });
    let passed = |way, packets| match faults {
        Some(faults) if faults.way == way => match faults.fault {
            Fault::Dropped => packets - crossing.faulty,
            Fault::Doubled => packets + crossing.faulty,
            Fault::Changed { .. } | Fault::Unchecked => packets,
        },
        _ => packets,
    };
    assert_eq!(sent.count("tx.packets"), COUNT, "{crossing:?}");
    assert_eq!(crossing.outward, COUNT, "from the sender to the bridge");
    assert_eq!(
        reflected.count("rx.packets") + damaged[0],
        passed(Way::Outward, COUNT),
        "from the bridge to the reflector: {reflected:?}"
    );
    assert_eq!(reflected.ignored(), 0, "{reflected:?}");
    assert_eq!(crossing.returned, reflected.count("tx.packets"));
    assert_eq!(
        sent.count("rx.packets") + damaged[1],
        passed(Way::Return, crossing.returned),
        "from the bridge to the sender: {sent:?}"
    );
    for nothing in ["rx.foreign", "rx.too_old"] {
        assert_eq!(sent.count(nothing), 0, "{nothing} in {sent:?}");
    }
    (crossing, damaged)
}

/// Returns a counter of the summary's only device.
fn device(summary: &Summary, counter: &str) -> u64 {
    let devices = summary.get("device").and_then(|all| all.as_array());
    let only = &devices.expect("devices")[0];
    let value = only.get(counter).or_else(|| only["xstats"].get(counter));
    value.and_then(Value::as_u64).expect("a counter")
}

fn assert_counts(crossing: &Crossing, lost: u64, duplicates: u64, corrupt: u64) {
    let (sent, rows) = (&crossing.outcome.sent, &crossing.outcome.rows);
    assert_eq!(sent.count("lost"), lost, "{sent:?}");
    assert_eq!(sent.count("rx.duplicates"), duplicates, "{sent:?}");
    assert_eq!(sent.count("rx.corrupt"), corrupt, "{sent:?}");
    assert_eq!(rows.sum("lost") - rows.sum("late"), lost);
    assert_eq!(rows.sum("duplicates"), duplicates);
    assert_eq!(rows.sum("corrupt"), corrupt);
}

#[test]
fn every_probe_comes_back_between_sockets_and_dpdk_either_way() {
    let name = "every_probe_comes_back_between_sockets_and_dpdk_either_way";
    let Some(_turn) = turn(name, &NEEDS) else {
        return;
    };
    for (ends, headers, size) in [
        (SOCKETS, IPV4, 16),
        (SOCKETS, IPV6, 1452),
        (TO_DPDK, IPV4, 1472),
        (TO_DPDK, IPV6, 17),
        (FROM_DPDK, IPV4, 1000),
        (FROM_DPDK, IPV6, 24),
    ] {
        let (crossing, damaged) = cross(ends, headers, size, None);
        assert_eq!(damaged, [0, 0]);
        assert_counts(&crossing, 0, 0, 0);
        let headers = if headers.is_ipv6 { 62 } else { 42 };
        let bytes = COUNT * u64::from(size + headers);
        assert_eq!(crossing.outcome.sent.count("tx.bytes"), bytes);
        assert_eq!(crossing.outcome.sent.count("rx.bytes"), bytes);
        assert_eq!(crossing.outcome.reflected.count("tx.bytes"), bytes);
    }
}

#[test]
fn packets_dropped_on_a_wire_are_lost() {
    let Some(_turn) = turn("packets_dropped_on_a_wire_are_lost", &NEEDS) else {
        return;
    };
    for (ends, headers, way, of_10_000, size) in [
        (SOCKETS, IPV4, Way::Outward, 10, 1000),
        (SOCKETS, IPV6, Way::Return, 3000, 16),
        (TO_DPDK, IPV4, Way::Return, 300, 16),
        (FROM_DPDK, IPV4, Way::Outward, 3000, 1458),
    ] {
        let (crossing, _) = cross(ends, headers, size, Some((way, Fault::Dropped, of_10_000)));
        assert_counts(&crossing, crossing.faulty, 0, 0);
    }
}

#[test]
fn packets_doubled_on_a_wire_are_duplicates() {
    let Some(_turn) = turn("packets_doubled_on_a_wire_are_duplicates", &NEEDS) else {
        return;
    };
    for (ends, headers, way, of_10_000, size) in [
        (SOCKETS, IPV4, Way::Outward, 300, 16),
        (SOCKETS, IPV6, Way::Return, 3000, 1000),
        (TO_DPDK, IPV4, Way::Return, 300, 1472),
    ] {
        let (crossing, _) = cross(ends, headers, size, Some((way, Fault::Doubled, of_10_000)));
        assert_counts(&crossing, 0, crossing.faulty, 0);
    }
}

/// Without a checksum the kernel delivers what was changed.
#[test]
fn packets_changed_on_a_wire_are_corrupt() {
    let Some(_turn) = turn("packets_changed_on_a_wire_are_corrupt", &NEEDS) else {
        return;
    };
    let checksum = Checksum::LeftOut;
    for (ends, way, size, from) in [
        (SOCKETS, Way::Return, 1000, 24),
        (SOCKETS, Way::Outward, 100, 50),
        (TO_DPDK, Way::Return, 1000, 998),
    ] {
        let fault = Fault::Changed { from, checksum };
        let (crossing, damaged) = cross(ends, IPV4, size, Some((way, fault, 300)));
        assert_eq!(damaged, [0, 0]);
        assert_counts(&crossing, crossing.faulty, 0, crossing.faulty);
    }
}

#[test]
fn packets_whose_checksum_is_wrong_are_lost_and_told_by_the_kernel_that_dropped_them() {
    let name = "packets_whose_checksum_is_wrong_are_lost_and_told_by_the_kernel_that_dropped_them";
    let Some(_turn) = turn(name, &NEEDS) else {
        return;
    };
    let checksum = Checksum::Kept;
    for (ends, headers, way, size, at_reflector) in [
        (SOCKETS, IPV4, Way::Outward, 16, true),
        (SOCKETS, IPV6, Way::Return, 1000, false),
        // The reflector over DPDK leaves a sum as wrong as it is.
        (TO_DPDK, IPV4, Way::Outward, 100, false),
    ] {
        let fault = Fault::Changed { from: 0, checksum };
        let (crossing, damaged) = cross(ends, headers, size, Some((way, fault, 300)));
        let faulty = crossing.faulty;
        let expected = if at_reflector {
            [faulty, 0]
        } else {
            [0, faulty]
        };
        assert_eq!(damaged, expected, "{crossing:?}");
        assert_counts(&crossing, faulty, 0, 0);
        let told = &crossing.outcome;
        let told = if at_reflector {
            &told.reflected
        } else {
            &told.sent
        };
        assert_eq!(device(told, "imissed"), 0, "{told:?}");
    }
}

/// The near end's kernel and the far end's find each other by themselves.
fn neighbours() -> Link {
    let link = Link::new(Offload::On);
    link.address(NEAR, "10.77.0.1/24");
    link.address(FAR, "10.77.0.2/24");
    link
}

#[test]
fn a_stock_echo_answers() {
    let needs = [
        Need::Namespaces,
        Need::Program("ethtool"),
        Need::Program("socat"),
    ];
    let Some(_turn) = turn("a_stock_echo_answers", &needs) else {
        return;
    };
    let link = neighbours();
    let mut socat = Command::new("socat");
    socat.args(["UDP4-RECVFROM:10000,fork", "EXEC:cat"]);
    let mut echo = Program::start(link.inside(FAR, &socat));
    let mut table = Command::new("cat");
    table.arg("/proc/net/udp");
    echo.until("socket", LIMIT, |_| {
        let table = run(link.inside(FAR, &table), LIMIT).ok();
        table.stdout.contains(":2710 ")
    });
    let folder = tempfile::tempdir().unwrap();
    let (json, csv) = (folder.path().join("s.json"), folder.path().join("s.csv"));
    let arguments = format!(
        "sendrecv --src 10.77.0.1 --dest 10.77.0.2:10000 --rate 100pps --count 200 --warmup 1 \
         --drain-ms 3000 --json {} -s {}",
        ports::text(&json),
        ports::text(&csv)
    );
    let command = ports::sockets(two_cpus().0, &arguments);
    let _ = run(link.inside(NEAR, &command), LIMIT).ok();
    let summary = Summary::read(&json);
    check_sendrecv(&summary, &Rows::read(&csv));
    assert_eq!(summary.count("rx.unique"), 200, "{summary:?}");
}

#[test]
fn a_link_that_goes_down_and_comes_back_ends_no_run() {
    let needs = [Need::Namespaces, Need::Program("ethtool")];
    let Some(_turn) = turn("a_link_that_goes_down_and_comes_back_ends_no_run", &needs) else {
        return;
    };
    let link = neighbours();
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("s.json");
    let (near, far) = two_cpus();
    let reflect = ports::sockets(far, "reflect --listen 10.77.0.2:10000");
    let mut reflector = Program::start(link.inside(FAR, &reflect));
    reflector.until("reflector", LIMIT, |reflector| {
        reflector.stdout().contains("Reflecting on")
    });
    let arguments = format!(
        "sendrecv -p {NEAR} --src 10.77.0.1 --dest 10.77.0.2:10000 --rate 2kpps --json {}",
        ports::text(&json)
    );
    let mut sender = Program::start(link.inside(NEAR, &ports::sockets(near, &arguments)));
    let received = |sender: &Program| {
        let text = sender.stdout();
        let last = text
            .lines()
            .rev()
            .find_map(|line| line.split("received ").nth(1));
        let digits = last.and_then(|line| line.split(' ').next());
        digits.map_or(0, |digits| digits.replace(',', "").parse::<u64>().unwrap())
    };
    sender.until("answer", LIMIT, |sender| received(sender) > 0);
    link.set_link(NEAR, "down");
    let lines = |sender: &Program| sender.stdout().lines().count();
    let before = lines(&sender);
    sender.until("second without a link", LIMIT, |sender| {
        lines(sender) > before + 1
    });
    link.set_link(NEAR, "up");
    let before = received(&sender);
    sender.until("answer after it", LIMIT, |sender| {
        received(sender) > before + 100
    });
    let _ = sender.interrupt().ok();
    let summary = Summary::read(&json);
    let events = summary.get("events").and_then(|events| events.as_array());
    let what: Vec<_> = events
        .expect("events")
        .iter()
        .map(|event| event["what"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(what, ["link down", "link up"]);
    assert!(summary.count("tx.refused") > 0, "{summary:?}");
    assert!(device(&summary, "send_ENETUNREACH") + device(&summary, "send_ENETDOWN") > 0);
}

/// What a full queue of the interface's does not take the kernel would drop and say nothing of.
#[test]
fn packets_that_a_full_queue_does_not_take_are_refused_and_not_lost() {
    let needs = [Need::Qdiscs, Need::Program("ethtool")];
    let name = "packets_that_a_full_queue_does_not_take_are_refused_and_not_lost";
    let Some(_turn) = turn(name, &needs) else {
        return;
    };
    let link = neighbours();
    let mut tc = Command::new("tc");
    tc.args(["qdisc", "add", "dev", NEAR, "root", "tbf"]);
    tc.args(["rate", "2mbit", "burst", "4k", "limit", "6000"]);
    let _ = run(link.inside(NEAR, &tc), LIMIT).ok();
    let (near, far) = two_cpus();
    let reflect = ports::sockets(far, "reflect --listen 10.77.0.2:10000");
    let mut reflector = Program::start(link.inside(FAR, &reflect));
    reflector.until("reflector", LIMIT, |reflector| {
        reflector.stdout().contains("Reflecting on")
    });
    let folder = tempfile::tempdir().unwrap();
    let (json, csv) = (folder.path().join("s.json"), folder.path().join("s.csv"));
    let arguments = format!(
        "sendrecv --src 10.77.0.1 --dest 10.77.0.2:10000 --rate 5kpps --duration 1 --json {} -s {}",
        ports::text(&json),
        ports::text(&csv)
    );
    let _ = run(link.inside(NEAR, &ports::sockets(near, &arguments)), LIMIT).ok();
    let _ = reflector.interrupt().ok();
    let summary = Summary::read(&json);
    check_sendrecv(&summary, &Rows::read(&csv));
    assert!(device(&summary, "send_ENOBUFS") > 0, "{summary:?}");
    assert!(summary.count("tx.refused") > 0, "{summary:?}");
    assert_eq!(summary.count("lost"), 0, "{summary:?}");
}

/// Runs `dpdkgen-socket`, which has to end with this status, and returns what it complained.
fn complaint(arguments: &str, status: i32) -> String {
    let ended = run(ports::sockets(two_cpus().0, arguments), LIMIT).with_status(status);
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "one sentence: {}", ended.stderr);
    lines[0].to_owned()
}

const LOCAL: &str = "sendrecv --src 127.0.0.1 --dest 127.0.0.1:";

#[test]
fn what_cannot_be_done_over_sockets_is_one_sentence() {
    let Some(_turn) = turn("what_cannot_be_done_over_sockets_is_one_sentence", &[]) else {
        return;
    };
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    // Another reflector would share its port.
    let other = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let shared = other.local_addr().unwrap().port();
    drop(other);
    let (near, _) = two_cpus();
    let listen = format!("reflect --listen 127.0.0.1:{shared}");
    let mut reflector = Program::start(ports::sockets(near, &listen));
    reflector.until("reflector", LIMIT, |it| {
        it.stdout().contains("Reflecting on")
    });
    for (arguments, status, part) in [
        (
            format!("{LOCAL}9 --src-port-range {port}-{port}"),
            1,
            "is taken by another program",
        ),
        (
            format!("reflect --listen 127.0.0.1:{port}"),
            1,
            "choose others with --listen",
        ),
        (
            format!("reflect --listen 127.0.0.1:{shared}"),
            1,
            "choose others with --listen",
        ),
        (
            "sendrecv --src 192.0.2.1 --dest 192.0.2.2:9".to_owned(),
            2,
            "no address of this host",
        ),
        (
            format!("{LOCAL}9 -p nosuch0"),
            2,
            "there is no interface nosuch0",
        ),
        (
            format!("{LOCAL}9 -r 2 --src-port-range 2000-2000"),
            2,
            "needs as many sockets",
        ),
        (
            format!("{LOCAL}9 --dest-mac 02:00:00:00:00:01"),
            2,
            "--dest-mac is not for sockets",
        ),
        (
            format!("{LOCAL}9 --gateway 127.0.0.2"),
            2,
            "--gateway is not for sockets",
        ),
        (format!("{LOCAL}9 --vlan 5"), 2, "--vlan is not for sockets"),
        (
            format!("{LOCAL}9 --through"),
            2,
            "--through is not for sockets",
        ),
        (
            format!("{LOCAL}9 --mtu 1500"),
            2,
            "--mtu is not for sockets",
        ),
        (
            "reflect --ip 10.0.0.1".to_owned(),
            2,
            "--ip is not for sockets",
        ),
        (
            "reflect --promiscuous".to_owned(),
            2,
            "--promiscuous is not for sockets",
        ),
        (
            format!("{LOCAL}9 --timestamps never"),
            2,
            "--timestamps never is not one of user, kernel",
        ),
        (
            "reflect --listen 0".to_owned(),
            2,
            "--listen 0 is not a port",
        ),
    ] {
        let complaint = complaint(&arguments, status);
        assert!(complaint.contains(part), "{arguments}: {complaint}");
    }
}

#[test]
fn where_nobody_listens_the_run_ends_whole_and_tells_of_icmp() {
    let name = "where_nobody_listens_the_run_ends_whole_and_tells_of_icmp";
    let Some(_turn) = turn(name, &[]) else {
        return;
    };
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("s.json");
    let arguments = format!(
        "{LOCAL}{port} --src-port-range 21000-21003 --rate 1kpps --count 500 --drain-ms 100 -q --json {}",
        ports::text(&json)
    );
    assert!(complaint(&arguments, 3).contains("nothing came back"));
    let summary = Summary::read(&json);
    assert_eq!(summary.count("tx.packets"), 500);
    assert_eq!(summary.count("lost"), 500);
    assert!(device(&summary, "icmp_errors") > 0, "{summary:?}");
}

/// Between kernels that leave segments whole, and between such that part them on the way.
#[test]
fn probes_that_pass_the_kernel_as_one_are_counted_one_by_one() {
    let needs = [Need::Namespaces, Need::Program("ethtool")];
    let name = "probes_that_pass_the_kernel_as_one_are_counted_one_by_one";
    let Some(_turn) = turn(name, &needs) else {
        return;
    };
    let (near, far) = two_cpus();
    let folder = tempfile::tempdir().unwrap();
    let (json, csv) = (folder.path().join("s.json"), folder.path().join("s.csv"));
    for (offload, size, options) in [
        (Offload::On, "--packet-size 1000", "--gso"),
        (Offload::On, "--packet-size 16", "--gso"),
        (Offload::Off, "--packet-size 1472", "--gso"),
        (Offload::On, "--packet-size 100", ""),
        // What is joined has one size.
        (Offload::On, "--frame-size imix", "--gso"),
        (Offload::Off, "--frame-size 64:30,1518:1", "--gso"),
    ] {
        let link = Link::new(offload);
        link.address(NEAR, "10.77.0.1/24");
        link.address(FAR, "10.77.0.2/24");
        let reflect = ports::sockets(far, &format!("reflect --rx-desc 16384 {options}"));
        let mut reflector = Program::start(link.inside(FAR, &reflect));
        reflector.until("reflector", LIMIT, |reflector| {
            reflector.stdout().contains("Reflecting on")
        });
        // What a stall leaves due goes out as one.
        let arguments = format!(
            "sendrecv --src 10.77.0.1 --dest 10.77.0.2:10000 --gso --burst-size 64 --count 9600 \
             --rate 40kpps {size} --rx-desc 16384 --json {} -s {}",
            ports::text(&json),
            ports::text(&csv)
        );
        let _ = run(link.inside(NEAR, &ports::sockets(near, &arguments)), LIMIT).ok();
        let _ = reflector.interrupt().ok();
        let summary = Summary::read(&json);
        check_sendrecv(&summary, &Rows::read(&csv));
        assert_eq!(
            summary.count("rx.unique"),
            9600,
            "{options} {size}: {summary:?}"
        );
        assert_eq!(
            summary.count("rx.packets"),
            9600,
            "{options} {size}: {summary:?}"
        );
    }
}

#[test]
fn a_reflector_on_all_addresses_answers_both_families_from_the_one_that_was_asked() {
    let name = "a_reflector_on_all_addresses_answers_both_families_from_the_one_that_was_asked";
    let Some(_turn) = turn(name, &[]) else {
        return;
    };
    let (near, far) = two_cpus();
    let mut reflector = Program::start(ports::sockets(far, "reflect --listen 21900 -r 2 -t 2"));
    reflector.until("reflector", LIMIT, |reflector| {
        reflector.stdout().contains("Reflecting on")
    });
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("s.json");
    for (source, to, who) in [
        ("127.0.0.1", "127.0.0.9:21900", "user"),
        ("127.0.0.1", "127.0.0.9:21900", "kernel"),
        ("::1", "[::1]:21900", "kernel"),
    ] {
        let csv = folder.path().join("s.csv");
        let arguments = format!(
            "sendrecv --src {source} --dest {to} --src-port-range 22000-22015 --rate 2kpps \
             --count 1000 -r 2 -t 2 --timestamps {who} --json {} -s {}",
            ports::text(&json),
            ports::text(&csv)
        );
        let _ = run(ports::sockets(near, &arguments), LIMIT).ok();
        let summary = Summary::read(&json);
        check_sendrecv(&summary, &Rows::read(&csv));
        assert_eq!(summary.text("config.timestamps"), who);
        assert_eq!(summary.count("rx.unique"), 1000, "{summary:?}");
        let queues = summary.queues("rx");
        assert!(
            queues.iter().all(|(_, _, packets)| *packets > 0),
            "{queues:?}"
        );
    }
    let _ = reflector.interrupt().ok();
}
