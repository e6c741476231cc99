//! DPDK's own testpmd as the reflector, in `5tswap` forwarding over memif: every probe comes back,
//! and testpmd's counters are ours.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use dpdkgen_tests::machine::two_cpus;
use dpdkgen_tests::{Memif, Need, Program, Rows, Summary, check_sendrecv, ports, turn};

const NEEDS: [Need; 1] = [Need::Program("dpdk-testpmd")];
const LIMIT: Duration = Duration::from_secs(30);

/// Starts testpmd, which sends back whatever arrives at its end of `memif`.
fn reflector(memif: &Memif, queues: u16) -> Program {
    let (first, last) = two_cpus();
    let mut eal = ports::eal("", &[memif.server(0)]);
    // The main lcore only reads the input, so it may sleep where the sender polls.
    eal[0] = "--lcores".to_owned();
    eal[1] = format!("0@{first},1@{last}");
    let mut testpmd = Command::new("dpdk-testpmd");
    testpmd.args(eal).args(["--main-lcore", "0", "--"]);
    testpmd.args([
        "--forward-mode=5tswap",
        "--auto-start",
        "--port-topology=loop",
    ]);
    testpmd.args(["--total-num-mbufs=16384", "--rxd=1024", "--txd=1024"]);
    testpmd.args([format!("--rxq={queues}"), format!("--txq={queues}")]);
    let mut testpmd = Program::start_with_open_input(testpmd);
    // Its port has been started by then, and it looks for the link for nine seconds.
    testpmd.until("port", LIMIT, |testpmd| {
        testpmd.stdout().contains("Checking link")
    });
    testpmd
}

/// Sends `count` probes to testpmd, and compares its counters with ours.
fn exchange(queues: u16, count: u64, options: &str) -> Summary {
    let memif = Memif::new(10);
    let testpmd = reflector(&memif, queues);
    let folder = tempfile::tempdir().unwrap();
    let (json, csv) = (
        folder.path().join("run.json"),
        folder.path().join("run.csv"),
    );
    let arguments = format!(
        "sendrecv --src 10.0.0.1 --dest 10.0.0.2:10000 --dest-mac 02:00:00:00:00:02 --rate 20kpps \
         -r {queues} -t {queues} --count {count} --drain-ms 30000 --stats-evict-threshold-secs 0.5 \
         --stats-evict-interval-secs 0.1 --json {} -s {} {options}",
        ports::text(&json),
        ports::text(&csv)
    );
    let device = memif.client(0);
    let sender = ports::dpdkgen(&two_cpus().0.to_string(), &[device], &arguments);
    let mut sender = Program::start(sender);
    sender.until("row of the last packet", LIMIT, |_| {
        let rows = std::fs::read_to_string(&csv).unwrap_or_default();
        let sent = rows
            .lines()
            .skip(1)
            .filter_map(|row| row.split(',').nth(1)?.parse::<u64>().ok());
        sent.sum::<u64>() == count
    });
    // testpmd has to go first: it dies of memif's unmapping the rings when its peer leaves.
    let reflected = testpmd.interrupt().ok();
    let counters = counters(&reflected.stdout);
    sender.signal("INT");
    sender.signal("TERM");
    let _ = sender.wait(LIMIT).ok();

    let summary = Summary::read(&json);
    check_sendrecv(&summary, &Rows::read(&csv));
    assert_eq!(summary.count("tx.packets"), count);
    assert_eq!(counters["RX-total"], count, "what testpmd received");
    assert_eq!(
        counters["TX-packets"],
        summary.count("rx.packets"),
        "what testpmd sent"
    );
    assert_eq!(
        counters["TX-dropped"],
        summary.count("lost"),
        "what testpmd dropped"
    );
    summary
}

/// Returns the last counters that testpmd printed, by name.
fn counters(text: &str) -> BTreeMap<&str, u64> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let pairs = words.windows(2).filter_map(|pair| {
        let name = pair[0].strip_suffix(':')?;
        Some((name, pair[1].parse().ok()?))
    });
    pairs.collect()
}

fn assert_all_back(summary: &Summary) {
    assert_eq!(
        summary.count("rx.unique"),
        summary.count("tx.packets"),
        "{summary:?}"
    );
    for nothing in [
        "lost",
        "rx.duplicates",
        "rx.corrupt",
        "rx.foreign",
        "rx.too_old",
    ] {
        assert_eq!(summary.count(nothing), 0, "{nothing} in {summary:?}");
    }
}

#[test]
fn testpmd_sends_every_probe_back() {
    let Some(_turn) = turn("testpmd_sends_every_probe_back", &NEEDS) else {
        return;
    };
    for size in [16, 18, 1000, 1458] {
        assert_all_back(&exchange(1, 10_000, &format!("--packet-size {size}")));
    }
}

#[test]
fn testpmd_sends_every_probe_back_over_two_queues() {
    let Some(_turn) = turn("testpmd_sends_every_probe_back_over_two_queues", &NEEDS) else {
        return;
    };
    let summary = exchange(2, 10_000, "--packet-size 64");
    assert_all_back(&summary);
    for direction in ["tx", "rx"] {
        let queues = summary.queues(direction);
        assert_eq!(queues.len(), 2, "{queues:?}");
        assert!(
            queues.iter().all(|(_, _, packets)| *packets > 0),
            "{queues:?}"
        );
    }
}
