//! `reflect --ip` at the far end of a wire, and the kernel with its own tools at the near end: the
//! port is found by ARP and neighbour discovery, can be pinged, and is a neighbour like any other.

use std::process::Command;
use std::time::Duration;

use dpdkgen_tests::machine::{PYTHON, two_cpus};
use dpdkgen_tests::{
    FAR, Link, NEAR, Need, Offload, Program, Rows, Summary, check_reflect, ports, run, turn,
};

const LIMIT: Duration = Duration::from_secs(30);
const FAR_MAC: &str = "02:00:00:00:0a:02";

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
