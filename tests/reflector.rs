//! `reflect` over `af_packet`, answering frames that scapy builds: byte for byte except the swap, and
//! what cannot be answered is counted by its reason.

use std::process::Command;
use std::time::Duration;

use dpdkgen_tests::machine::{PYTHON, two_cpus};
use dpdkgen_tests::{Link, Need, Offload, Program, Rows, Summary, check_reflect, ports, run, turn};

const PEER: &str = include_str!("peers/reflected.py");
const NEEDS: [Need; 4] = [
    Need::Namespaces,
    Need::Program("ethtool"),
    Need::Program("python3"),
    Need::PythonModule("scapy"),
];
const LIMIT: Duration = Duration::from_secs(60);

/// The address of the near end of the link.
const NEAR: &str = "02:00:00:00:0a:01";

/// Has `reflect` answer on `device`, which is the near end of the link and whose port has the address
/// `mac`.
fn answer(device: &str, mac: &str, options: &[&str]) {
    let link = Link::silent(Offload::Off);
    let folder = tempfile::tempdir().unwrap();
    let (json, csv) = (
        folder.path().join("run.json"),
        folder.path().join("run.csv"),
    );
    let cpu = two_cpus().0.to_string();
    let mut reflect = ports::dpdkgen(&cpu, &[device.to_owned()], "reflect");
    if options.contains(&"promiscuous") {
        reflect.arg("--promiscuous");
    }
    reflect.arg("--json").arg(&json).arg("-s").arg(&csv);
    let reflect = Program::start(link.inside("near", &reflect));

    let mut python = Command::new(PYTHON);
    python
        .args(["-c", PEER, "far", "02:00:00:00:0a:02", NEAR, mac])
        .args(options);
    let peer = run(link.inside("far", &python), LIMIT).ok();
    let _ = reflect.interrupt().ok();

    let seen = Summary::parse(&peer.stdout);
    let differences = seen.get("differences").unwrap();
    assert!(
        differences.as_array().is_some_and(Vec::is_empty),
        "{differences:#}"
    );
    let answered = seen.count("sent.answered") + seen.count("sent.partial");
    assert_eq!(seen.count("back"), answered);

    let summary = Summary::read(&json);
    check_reflect(&summary, &Rows::read(&csv));
    for reason in [
        "not_ip",
        "tags",
        "not_udp",
        "fragment",
        "extension_header",
        "malformed",
        "group_address",
        "other_mac",
        "own_mac",
        "ttl",
    ] {
        let sent = seen.get(&format!("sent.{reason}"));
        let ignored = summary.get(&format!("rx.ignored.{reason}"));
        assert_eq!(ignored, sent, "{reason} in {summary:?}");
    }
    assert_eq!(
        summary.count("rx.checksum_partial"),
        seen.count("sent.partial")
    );
    // The greetings that were sent before the reflector was there are all that may be missing.
    let greetings = summary.count("tx.packets") - answered;
    assert!(
        (1..=seen.count("hellos")).contains(&greetings),
        "{greetings} greetings"
    );
}

#[test]
fn frames_come_back_byte_for_byte() {
    if let Some(_turn) = turn("frames_come_back_byte_for_byte", &NEEDS) {
        answer(&ports::af_packet("near", 1), NEAR, &[]);
    }
}

#[test]
fn fragments_are_left_alone() {
    if let Some(_turn) = turn("fragments_are_left_alone", &NEEDS) {
        // For af_packet the kernel puts fragments together before anybody sees them.
        let device = "net_pcap0,rx_iface_in=near,tx_iface=near";
        // Its port has another address than the interface.
        let options = ["fragments", "promiscuous"];
        answer(device, "02:70:63:61:70:00", &options);
    }
}

#[test]
fn frames_come_back_through_af_xdp() {
    if let Some(_turn) = turn("frames_come_back_through_af_xdp", &NEEDS) {
        answer("net_af_xdp0,iface=near", NEAR, &["fragments"]);
    }
}
