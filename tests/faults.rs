//! What happens to probes on the way, done and counted by the kernel's nftables: our counters are
//! its counters.

use std::process::Command;
use std::time::Duration;

use dpdkgen_tests::{EchoServer, Need, Offload, Summary, run, turn};

const LIMIT: Duration = Duration::from_secs(20);

/// The packets that a counter of the far end's ruleset has seen.
fn counted(server: &EchoServer, name: &str) -> u64 {
    let mut nft = Command::new("nft");
    nft.args(["-j", "list", "counters"]);
    let listed = run(server.link.inside("far", &nft), LIMIT).ok();
    let json: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    let counters = json["nftables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["counter"]);
    let found = counters.into_iter().find(|counter| counter["name"] == name);
    found
        .and_then(|counter| counter["packets"].as_u64())
        .expect("the counter")
}

/// Runs against an echo server whose kernel has this ruleset.
fn run_through(test: &str, ruleset: &str, check: impl Fn(&Summary, &dyn Fn(&str) -> u64)) {
    let needs = [EchoServer::NEEDS.as_slice(), &[Need::Program("nft")]].concat();
    let Some(_turn) = turn(test, &needs) else {
        return;
    };
    let server = EchoServer::new(Offload::Off);
    let mut nft = Command::new("nft");
    nft.arg(ruleset);
    let _ = run(server.link.inside("far", &nft), LIMIT).ok();
    let summary = server.run("--packet-size 100", 1);
    assert!(summary.count("tx.packets") > 1000, "{summary:?}");
    check(&summary, &|name| counted(&server, name));
}

#[test]
fn packets_dropped_are_lost() {
    run_through(
        "packets_dropped_are_lost",
        "table ip t { counter dropped {}; chain c { type filter hook prerouting priority 0; \
         udp dport 10000 numgen inc mod 10 3 counter name dropped drop; }; }",
        |summary, counted| {
            let dropped = counted("dropped");
            assert!(dropped > 100, "{dropped}");
            assert_eq!(summary.count("lost"), dropped);
            assert_eq!(
                summary.count("rx.unique"),
                summary.count("tx.packets") - dropped
            );
            let ratio = dropped as f64 / summary.count("tx.packets") as f64;
            assert!((summary.number("loss_ratio") - ratio).abs() < 1e-12);
        },
    );
}

#[test]
fn packets_changed_are_corrupt_whether_or_not_their_checksum_tells() {
    // In the socket's way out the checksum is yet to be written, on the wire it is not.
    for (hook, what) in [
        (
            "table ip t { counter changed {}; chain c { type filter hook output priority 0;",
            "payload",
        ),
        (
            "table netdev t { counter changed {}; chain c { type filter hook egress device far priority 0;",
            "frame",
        ),
    ] {
        let ruleset = format!(
            "{hook} udp sport 10000 numgen inc mod 10 3 counter name changed @th,256,16 set 0xbeef; }}; }}"
        );
        run_through(
            &format!("packets_changed_are_corrupt ({what})"),
            &ruleset,
            |summary, counted| {
                let changed = counted("changed");
                assert!(changed > 100, "{changed}");
                // Two bytes of filling are these already once in 65,536 times.
                let corrupt = summary.count("rx.corrupt");
                assert!(
                    corrupt <= changed && corrupt + 2 >= changed,
                    "{corrupt} of {changed}"
                );
                assert_eq!(
                    summary.count("lost"),
                    corrupt,
                    "a corrupt probe has not come back"
                );
            },
        );
    }
}

#[test]
fn packets_doubled_are_duplicates() {
    run_through(
        "packets_doubled_are_duplicates",
        "table netdev t { counter doubled {}; chain c { type filter hook egress device far priority 0; \
         udp sport 10000 numgen inc mod 10 3 counter name doubled dup to far; }; }",
        |summary, counted| {
            let doubled = counted("doubled");
            assert!(doubled > 100, "{doubled}");
            assert_eq!(summary.count("rx.duplicates"), doubled);
            assert_eq!(summary.count("lost"), 0);
            assert_eq!(summary.count("rx.unique"), summary.count("tx.packets"));
        },
    );
}
