use std::net::Ipv4Addr;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use dpdkgen_core::probe::sizes::Share;
use serde_json::json;

use super::*;

fn sendrecv() -> Request {
    Request {
        mode: Mode::SendRecv(probes()),
        ..reflect()
    }
}

/// Returns what a user asks for who says no more than is needed.
pub fn probes() -> SendRecv {
    SendRecv {
        sources: vec![[10, 0, 0, 4].into()],
        dests: vec![SocketAddr::from(([10, 0, 0, 5], 10_000))],
        is_through: false,
        is_oneway: false,
        is_resolved: false,
        marks: Marks::default(),
        gateways: vec![],
        src_ports: 10_000..=11_000,
        dest_macs: vec![Mac([2, 0, 0, 0, 0, 1])],
        sizes: Sizes::one(1_000),
        rate: None,
        warmup: Span::ZERO,
        seed: 7,
        run_tag: None,
        drain: Span::from_secs(1),
        ends_drain_early: false,
        window: None,
        max_loss: None,
        max_p99: None,
        max_skipped: None,
    }
}

fn reflect() -> Request {
    Request {
        mode: Mode::Reflect(Reflect::default()),
        ports: Vec::new(),
        rxq: 1,
        txq: 1,
        rx_burst: 32,
        tx_burst: 32,
        rx_desc: 1_024,
        tx_desc: 1_024,
        mtu: None,
        stats_file: None,
        interval: Span::from_millis(100),
        grace: Span::from_secs(1),
        flush_every: Span::from_secs(1),
        duration: None,
        count: None,
        wait_link: Span::from_secs(10),
        json: None,
        hdr: None,
        pcap: None,
        pcap_sample: NonZeroU32::new(1_000).unwrap(),
        metrics: None,
        report: None,
        verbosity: Verbosity::Normal,
        own: Map::new(),
        origin: Origin::default(),
    }
}

fn complaint(mut request: Request, change: impl FnOnce(&mut Request)) -> String {
    assert_eq!(request.check(), Ok(()));
    change(&mut request);
    let failure = request.check().unwrap_err();
    assert_eq!(failure.exit_status(), 2);
    failure.to_string()
}

fn probe_complaint(change: impl FnOnce(&mut SendRecv)) -> String {
    let mut send = probes();
    change(&mut send);
    complaint(sendrecv(), |request| request.mode = Mode::SendRecv(send))
}

#[test]
fn queues_have_to_fit_the_mode() {
    assert_eq!(
        complaint(reflect(), |r| r.rxq = 16),
        "reflect needs as many receive as transmit queues, and --rxq is 16 while --txq is 1: give \
         both the same number"
    );
    let none = |r: &mut Request| (r.rxq, r.txq) = (0, 0);
    assert!(complaint(reflect(), none).starts_with("reflect needs a queue"));
    assert!(complaint(sendrecv(), |r| r.txq = 0).starts_with("sendrecv needs a queue to send on"));
    assert_eq!(
        Request {
            rxq: 0,
            ..sendrecv()
        }
        .check(),
        Ok(())
    );
}

#[test]
fn a_mix_tells_its_sizes_its_name_and_its_mean() {
    let config = |shares: &[(u16, u16)]| {
        let share = |&(payload_len, weight)| Share {
            payload_len,
            weight,
        };
        let sizes = Sizes::mix(&shares.iter().map(share).collect::<Vec<_>>()).unwrap();
        let mode = Mode::SendRecv(SendRecv { sizes, ..probes() });
        Request { mode, ..sendrecv() }.config()
    };
    let imix = config(&[(18, 28), (524, 16), (1472, 4)]);
    assert_eq!(imix["frame_mix"], "imix");
    let sizes = json!([
        {"size": 64, "weight": 28}, {"size": 570, "weight": 16}, {"size": 1518, "weight": 4}
    ]);
    assert_eq!(imix["frame_sizes"], sizes);
    assert_eq!(imix["mean_frame_bytes"], 4246.0 / 12.0);
    assert!(!imix.contains_key("payload_bytes") && !imix.contains_key("frame_bytes"));
    let simple = config(&[(18, 7), (524, 4), (1472, 1)]);
    assert_eq!(simple["frame_mix"], "simple-imix");
    let other = config(&[(18, 7), (524, 1)]);
    assert_eq!(other["frame_mix"], "64:7,570:1");
}

#[test]
fn an_mtu_has_room_for_the_payload() {
    assert_eq!(
        complaint(sendrecv(), |r| r.mtu = Some(1_027)),
        "a payload of 1000 bytes needs an MTU of 1028, and --mtu is 1027: raise it, or send less \
         with --packet-size"
    );
    let just = Request {
        mtu: Some(1_028),
        ..sendrecv()
    };
    assert_eq!(just.check(), Ok(()));
    assert_eq!(just.config()["mtu"], 1_028);
}

#[test]
fn ports_are_named_once_and_not_too_many() {
    let ports = |names: &[&str]| names.iter().map(|name| PortSelector::parse(name)).collect();
    assert_eq!(
        complaint(reflect(), |r| r.ports =
            ports(&["02:00:00:00:00:0A", "1", "02-00-00-00-00-0a"])),
        "--port 02:00:00:00:00:0a was given twice: name each port once"
    );
    assert_eq!(
        complaint(sendrecv(), |r| (r.ports, r.txq) = (ports(&["0", "1"]), 513)),
        "--txq 513 on 2 ports makes 1026 queues, and 1024 is the limit: ask for fewer"
    );
    let many: Vec<_> = (0..33).map(PortSelector::Index).collect();
    assert_eq!(
        complaint(reflect(), |r| r.ports = many),
        "33 ports were given with --port, and 32 is the limit: name fewer"
    );
    let kinds = ["7", "70000", "0000:03:00.0", "net_memif0", "+7"].map(PortSelector::parse);
    assert_eq!(kinds[0], PortSelector::Index(7));
    for (kind, name) in kinds[1..]
        .iter()
        .zip(["70000", "0000:03:00.0", "net_memif0", "+7"])
    {
        assert_eq!(*kind, PortSelector::Name(name.to_owned()));
    }
}

#[test]
fn times_have_bounds() {
    let zero = Span::ZERO;
    assert_eq!(
        complaint(reflect(), |r| r.interval = zero),
        "--stats-interval-ms must be more than 0"
    );
    assert_eq!(
        complaint(reflect(), |r| r.interval = Span::from_nanos(99)),
        "--stats-interval-ms 99ns is too short: 100ns is the shortest"
    );
    assert!(complaint(reflect(), |r| r.duration = Some(zero)).starts_with("--duration must"));
    assert!(complaint(reflect(), |r| r.count = Some(0)).starts_with("--count must"));
    assert!(complaint(reflect(), |r| r.flush_every = zero).contains("must be more than 0"));
    assert_eq!(
        complaint(reflect(), |r| r.wait_link =
            Span::from_nanos(90_000 * Span::from_secs(1).as_nanos())),
        "--wait-link 25h is longer than the limit of 24h"
    );
    assert!(probe_complaint(|s| s.drain = Span::MAX).starts_with("--drain-ms"));
    assert_eq!(
        complaint(reflect(), |r| (r.interval, r.grace) =
            (Span::from_nanos(953), Span::from_secs(1))),
        "--stats-evict-threshold-secs 1s keeps 1049318 intervals of 953ns open, and 1048576 is \
         the limit: shorten it or lengthen --stats-interval-ms"
    );
    assert_eq!(
        Request {
            interval: Span::from_nanos(954),
            ..reflect()
        }
        .check(),
        Ok(())
    );
    assert_eq!(
        Request {
            grace: zero,
            ..reflect()
        }
        .check(),
        Ok(())
    );
}

#[test]
fn standard_output_takes_one_output() {
    let both = |target: Target| {
        move |r: &mut Request| (r.stats_file, r.json) = (Some(target.clone()), Some(target))
    };
    assert!(complaint(reflect(), both(Target::Stdout)).contains("both go to standard output"));
    let file = Target::File(PathBuf::from("out"));
    assert_eq!(
        complaint(reflect(), both(file)),
        "--stats-file and --json both go to out: give each its own file"
    );
    let mut request = reflect();
    both(Target::File(PathBuf::from("/dev/null")))(&mut request);
    assert_eq!(request.check(), Ok(()));
}

#[test]
fn two_names_of_one_file_are_one_output() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("sub")).unwrap();
    std::fs::write(at("old"), "of an earlier run").unwrap();
    std::fs::hard_link(at("old"), at("hard")).unwrap();
    symlink("old", at("soft")).unwrap();
    symlink("new", at("dangling")).unwrap();
    let check = |one: &str, other: &str| {
        let mut request = reflect();
        request.stats_file = Some(Target::File(at(one)));
        request.pcap = Some(Target::File(at(other)));
        request.check().map_err(|failure| failure.to_string())
    };
    for (one, other) in [
        ("old", "sub/../old"),
        ("old", "hard"),
        ("soft", "hard"),
        ("new", "sub/../new"),
        ("dangling", "new"),
    ] {
        let said = check(one, other).unwrap_err();
        let names = format!(
            "{} and --pcap {} are one place",
            at(one).display(),
            at(other).display()
        );
        assert!(said.contains(&names), "{said}");
        assert!(
            said.ends_with("by two names: give each its own file"),
            "{said}"
        );
    }
    for (one, other) in [("old", "new"), ("dangling", "soft"), ("new", "sub/new")] {
        assert_eq!(check(one, other), Ok(()));
    }
    assert!(!at("new").exists());
}

#[test]
fn addresses_come_once_or_once_per_port() {
    assert_eq!(
        probe_complaint(|s| s.sources = vec![s.sources[0]; 2]),
        "--src was given 2 times for 1 port: give it once, or once per --port in the same order"
    );
    assert!(
        probe_complaint(|s| s.dest_macs = vec![Mac([2; 6]); 3])
            .starts_with("--dest-mac was given 3")
    );
    assert!(probe_complaint(|s| s.sources.clear()).starts_with("--src is missing"));
    let mut two = sendrecv();
    two.ports = vec![PortSelector::Index(0), PortSelector::Index(1)];
    two.mode = Mode::SendRecv(SendRecv {
        sources: vec![Ipv4Addr::LOCALHOST.into(); 2],
        ..probes()
    });
    assert_eq!(two.check(), Ok(()));
    for source in ["0.0.0.0", "255.255.255.255", "224.0.0.1", "::", "ff02::1"] {
        let source: IpAddr = source.parse().unwrap();
        assert!(probe_complaint(|s| s.sources = vec![source]).contains("is no address of a host"));
    }
    assert!(
        probe_complaint(|s| s.dests[0].set_port(0)).starts_with("--dest 10.0.0.5:0 names port 0")
    );
    for (mac, why) in [
        ([0; 6], "no address"),
        ([1; 6], "a group"),
        ([0xff; 6], "a group"),
    ] {
        let complaint = probe_complaint(|s| s.dest_macs = vec![Mac(mac)]);
        assert!(complaint.contains(why), "{complaint}");
    }
    let mixed = probe_complaint(|s| s.sources = vec!["fd00::1".parse().unwrap()]);
    assert_eq!(
        mixed,
        "--src fd00::1 and --dest 10.0.0.5 are not of one family: a run is over IPv4 or over IPv6"
    );
    assert!(probe_complaint(|s| s.src_ports = 0..=1).starts_with("--src-port-range begins"));
}

#[test]
fn a_next_hop_is_asked_for_unless_its_mac_is_known() {
    let ask = |is_through, gateways: &[IpAddr], dest_macs: &[Mac]| {
        let send = SendRecv {
            is_through,
            gateways: gateways.to_vec(),
            dest_macs: dest_macs.to_vec(),
            ..probes()
        };
        send.has_to_resolve()
    };
    let (router, mac) = (["10.0.0.9".parse().unwrap()], [Mac([2; 6])]);
    assert!(ask(false, &[], &[]) && ask(false, &router, &[]));
    assert!(!ask(true, &[], &[]) && ask(true, &router, &[]));
    assert!(!ask(false, &router, &mac) && !ask(true, &router, &mac));
}

#[test]
fn what_is_remembered_has_bounds() {
    let tag = limits::MAX_RUN_TAG + 1;
    assert!(probe_complaint(|s| s.run_tag = Some(tag)).starts_with("--run-tag has 48 bits"));
    assert!(probe_complaint(|s| s.rate = Rate::new(1, 1)).starts_with("at this --rate 2000000000"));
    let many = |r: &mut Request| {
        r.txq = 1_024;
        r.mode = Mode::SendRecv(SendRecv {
            src_ports: 1..=65_535,
            ..probes()
        });
    };
    assert!(complaint(sendrecv(), many).starts_with("65535 source ports on every transmit queue"));
    let judged = SendRecv {
        max_loss: Some(0.0),
        ..probes()
    };
    let only_sends = |r: &mut Request| (r.rxq, r.mode) = (0, Mode::SendRecv(judged));
    assert!(complaint(sendrecv(), only_sends).starts_with("--max-loss and --max-p99 need"));
}

#[test]
fn the_window_covers_what_is_open_or_in_flight() {
    assert_eq!(probes().window(Span::from_secs(1)), 1 << 24);
    let at = |rate| SendRecv { rate, ..probes() }.window(Span::from_secs(1));
    assert_eq!(at(Rate::new(1_000, Span::from_secs(1).as_nanos())), 1 << 20);
    assert_eq!(
        at(Rate::new(3_500, Span::from_millis(1).as_nanos())),
        7_000_000
    );
}

#[test]
fn the_settings_in_effect_are_named() {
    let config = Value::from(reflect().config());
    let shared = json!({
        "ports": [], "rxq": 1, "txq": 1, "rx_burst": 32, "tx_burst": 32, "rx_desc": 1024,
        "tx_desc": 1024, "stats_interval_ns": 100_000_000, "grace_ns": 1_000_000_000,
        "flush_every_ns": 1_000_000_000, "wait_link_ns": 10_000_000_000_u64,
    });
    let mut expected = shared.clone();
    expected["promiscuous"] = json!(false);
    assert_eq!(config, expected);
    let mut request = sendrecv();
    request.json = Some(Target::Stdout);
    let config = Value::from(request.config());
    let mut expected = shared;
    expected.as_object_mut().unwrap().extend(
        json!({
            "json": "-", "src": ["10.0.0.4"], "dest": "10.0.0.5:10000",
            "src_port_range": "10000-11000", "dest_mac": ["02:00:00:00:00:01"],
            "payload_bytes": 1000, "frame_bytes": 1046, "warmup_ns": 0, "seed": 7,
            "drain_ns": 1_000_000_000, "dscp": 0, "ttl": 64, "through": false,
            "oneway": false,
        })
        .as_object()
        .unwrap()
        .clone(),
    );
    assert_eq!(config, expected);
}
