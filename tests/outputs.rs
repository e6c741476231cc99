//! All outputs of one run over DPDK: there while it goes on, whole at its end, and with the same
//! numbers. The format of each is held against its own tools in `sim/tests`, since all programs
//! have the same outputs.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dpdkgen_tests::{Need, Pair, http, ports, run, turn};

const LIMIT: Duration = Duration::from_secs(30);

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock that is set").as_secs_f64()
}

#[test]
fn every_output_of_one_run() {
    let needs = [Need::Program("tshark")];
    let Some(_turn) = turn("every_output_of_one_run", &needs) else {
        return;
    };
    let pair = Pair::new(1, "");
    let (folder, address) = (tempfile::tempdir().unwrap(), http::free_address());
    let (pcap, hdr) = (folder.path().join("s.pcap"), folder.path().join("s.hlog"));
    let options = format!(
        "--rate 20kpps --duration 3.5 --packet-size 64 --pcap {} --pcap-sample 100 --hdr {} \
         --metrics {address}",
        ports::text(&pcap),
        ports::text(&hdr)
    );
    let begin = now();
    let mut sender = pair.start_recorded(&options);
    let told = |name: &str| {
        let (_, text) = http::get(address, "/metrics").ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?.to_owned();
        line.rsplit(' ').next()?.parse::<f64>().ok()
    };
    sender.until("metrics of round trips", LIMIT, |_| {
        told("dpdkgen_round_trip_seconds_count") > Some(0.0)
    });
    let ended = sender.wait(LIMIT).ok();
    let end = now();
    let lines = ended.stdout.lines().filter(|l| l.contains(" s: sent "));
    assert!(lines.count() >= 2, "{}", ended.stdout);

    let outcome = pair.finish();
    outcome.assert_all_back();
    let summary = &outcome.sent;
    for (name, told) in [
        ("program", "dpdkgen-rt"),
        ("version", env!("CARGO_PKG_VERSION")),
    ] {
        assert_eq!(summary.get(name).unwrap(), told);
    }
    let text = |name: &str| summary.get(name).unwrap().as_str().unwrap().to_owned();
    assert!(text("dpdk_version").starts_with("DPDK "));
    assert!(!text("host").is_empty());
    let started = Command::new("date")
        .args(["+%s.%N", "-d", &text("started_at")])
        .output();
    let started: f64 = String::from_utf8(started.unwrap().stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(
        (begin - 1.0..end).contains(&started),
        "{started} of {begin}"
    );
    let options = summary.get("eal_args").unwrap().as_array().unwrap();
    let is_of_memif = |option: &str| option.contains("memif");
    let options: Vec<_> = options
        .iter()
        .filter_map(|option| option.as_str())
        .collect();
    assert!(
        options.iter().any(|option| is_of_memif(option)),
        "{options:?}"
    );
    let mac = &summary.get("device").unwrap()[0]["mac"];
    assert_eq!(mac.as_str().map(str::len), Some(17), "{mac}");
    let intervals = std::fs::read_to_string(&hdr).unwrap();
    assert!(intervals.matches(",HISTFAAA").count() >= 4, "{intervals}");

    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(&pcap).args(["-T", "fields"]);
    tshark.args(["-e", "frame.time_epoch", "-e", "ip.src"]);
    let frames = run(tshark, LIMIT).ok().stdout;
    let frames: Vec<_> = frames.lines().filter_map(|l| l.split_once('\t')).collect();
    assert_eq!(frames.len() as u64, summary.count("pcap.frames"));
    assert_eq!(summary.count("pcap.skipped"), 0);
    let sent = frames
        .iter()
        .filter(|(_, source)| *source == "10.0.0.1")
        .count();
    assert_eq!(sent as u64, summary.count("tx.packets").div_ceil(100));
    assert_eq!(frames.len(), 2 * sent, "as many came back");
    for (time, _) in frames {
        let time: f64 = time.parse().unwrap();
        assert!(
            (begin..end).contains(&time),
            "{time} is not in {begin}..{end}"
        );
    }
}

#[test]
fn metrics_at_an_address_that_is_taken() {
    let Some(_turn) = turn("metrics_at_an_address_that_is_taken", &[]) else {
        return;
    };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let pair = Pair::new(1, "");
    let ended = pair
        .start(&format!("--metrics {address}"))
        .wait(LIMIT)
        .with_status(1);
    assert_eq!(ended.stdout, "");
    for word in ["dpdkgen-rt: ", &address, "in use", "--metrics"] {
        assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
    }
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    let _ = pair.end_reflector();
}
