//! DPDK's own testpmd as the reflector, in `5tswap` forwarding over memif, and as a path that
//! forwards, in `io` and `macswap`: every probe comes back, and testpmd's counters are ours.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use dpdkgen_tests::machine::two_cpus;
use dpdkgen_tests::{Memif, Need, Program, Rows, Summary, check_sendrecv, ports, turn};

const NEEDS: [Need; 1] = [Need::Program("dpdk-testpmd")];
const LIMIT: Duration = Duration::from_secs(30);

/// Starts testpmd, which sends on whatever arrives at its ends of `links`: by the port that it came
/// in at if there is one, else by the other.
fn testpmd(links: &[Memif], mode: &str, queues: u16) -> Program {
    let (first, last) = two_cpus();
    let ends: Vec<_> = (0..).zip(links).map(|(i, link)| link.server(i)).collect();
    let mut eal = ports::eal("", &ends);
    // The main lcore only reads the input, so it may sleep where the sender polls.
    eal[0] = "--lcores".to_owned();
    eal[1] = format!("0@{first},1@{last}");
    let mut testpmd = Command::new("dpdk-testpmd");
    testpmd.args(eal).args(["--main-lcore", "0", "--"]);
    let topology = if links.len() == 1 { "loop" } else { "paired" };
    testpmd.arg("--auto-start");
    testpmd.args([
        format!("--forward-mode={mode}"),
        format!("--port-topology={topology}"),
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

/// Has testpmd turn `count` probes round, and compares its counters with ours.
fn exchange(queues: u16, count: u64, options: &str) -> Summary {
    let options = format!(
        "--src 10.0.0.1 --dest 10.0.0.2:10000 --dest-mac 02:00:00:00:00:02 -r {queues} -t {queues} \
         {options}"
    );
    send(1, "5tswap", queues, count, &options)
}

/// Sends `count` probes to testpmd in `mode` over so many links, and compares its counters with
/// ours.
fn send(links: usize, mode: &str, queues: u16, count: u64, options: &str) -> Summary {
    let links: Vec<_> = (0..links).map(|_| Memif::new(10)).collect();
    let testpmd = testpmd(&links, mode, queues);
    let folder = tempfile::tempdir().unwrap();
    let (json, csv) = (
        folder.path().join("run.json"),
        folder.path().join("run.csv"),
    );
    let arguments = format!(
        "sendrecv --rate 20kpps --count {count} --drain-ms 30000 --stats-evict-threshold-secs 0.5 \
         --stats-evict-interval-secs 0.1 --json {} -s {} {options}",
        ports::text(&json),
        ports::text(&csv)
    );
    let devices: Vec<_> = (0..).zip(&links).map(|(i, link)| link.client(i)).collect();
    let sender = ports::dpdkgen(&two_cpus().0.to_string(), &devices, &arguments);
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

#[test]
fn testpmd_forwards_every_probe_to_the_port_that_sent_it() {
    let Some(_turn) = turn(
        "testpmd_forwards_every_probe_to_the_port_that_sent_it",
        &NEEDS,
    ) else {
        return;
    };
    let one = "--through --src 10.0.0.1 --dest 10.0.0.2:10000 --packet-size 200";
    for mode in ["io", "macswap"] {
        assert_all_back(&send(1, mode, 1, 10_000, one));
    }
}

#[test]
fn testpmd_forwards_every_probe_to_the_other_port() {
    let Some(_turn) = turn("testpmd_forwards_every_probe_to_the_other_port", &NEEDS) else {
        return;
    };
    let two =
        "--through -p net_memif0 --src 10.0.0.1 -p net_memif1 --src 10.0.0.2 --packet-size 64";
    for mode in ["io", "macswap"] {
        let summary = send(2, mode, 1, 10_000, two);
        assert_all_back(&summary);
        for (port, _, packets) in summary.queues("rx") {
            assert_eq!(packets, 5_000, "{port} in {summary:?}");
        }
    }
}
