//! The ends of runs: by a signal, with a threshold missed, with their peer gone, and with data on
//! standard output.

use std::time::Duration;

use dpdkgen_tests::machine::two_cpus;
use dpdkgen_tests::{
    Ended, Memif, Pair, Program, Rows, Summary, check_reflect, check_sendrecv, ports, run, turn,
};

const LIMIT: Duration = Duration::from_secs(30);
/// A device that gives back what is sent on it, as it is: no probe of ours comes back turned round.
const LOOP: &str = "net_ring0";

/// Runs `sendrecv` alone on a device.
fn alone(device: &str, options: &str) -> Ended {
    let cpu = two_cpus().0.to_string();
    let arguments = format!(
        "sendrecv --src 10.0.0.1 --dest 10.0.0.2:10000 --dest-mac 02:00:00:00:00:02 {options}"
    );
    run(
        ports::dpdkgen(&cpu, &[device.to_owned()], &arguments),
        LIMIT,
    )
}

/// Waits until a sender has flushed rows that show packets received.
fn until_under_way(sender: &mut Program, pair: &Pair) {
    let csv = pair.file("s.csv");
    sender.until("row with packets", LIMIT, |_| {
        let text = std::fs::read_to_string(&csv).unwrap_or_default();
        let rows = text.lines().skip(1).filter_map(|row| row.split(',').nth(2));
        rows.filter(|received| *received != "0").count() > 1
    });
}

#[test]
fn a_signal_ends_a_run_in_order() {
    let Some(_turn) = turn("a_signal_ends_a_run_in_order", &[]) else {
        return;
    };
    for signal in ["INT", "TERM", "HUP"] {
        let pair = Pair::new(1, "");
        let page = pair.file("run.html");
        let options = "--rate 20kpps --stats-evict-interval-secs 0.2 --report";
        let mut sender = pair.start_recorded(&format!("{options} {}", ports::text(&page)));
        until_under_way(&mut sender, &pair);
        sender.signal(signal);
        let ended = sender.wait(LIMIT).ok();
        assert!(ended.stdout.contains("none lost"), "{}", ended.stdout);
        let page_text = std::fs::read_to_string(&page);
        let outcome = pair.finish();
        outcome.assert_all_back();
        assert_eq!(outcome.sent.text("stop_reason"), "signal");
        assert_eq!(outcome.sent.get("drained"), Some(&true.into()));
        assert_eq!(outcome.reflected.text("stop_reason"), "signal");
        let page = page_text.expect("a page");
        assert!(page.ends_with("</html>\n") && page.contains("none lost.</h1>"));
    }
}

#[test]
fn a_second_signal_cuts_the_drain_short() {
    let Some(_turn) = turn("a_second_signal_cuts_the_drain_short", &[]) else {
        return;
    };
    let pair = Pair::new(1, "");
    let mut sender =
        pair.start_recorded("--rate 10kpps --stats-evict-interval-secs 0.2 --drain-ms 60000");
    until_under_way(&mut sender, &pair);
    sender.signal("INT");
    // The first must have been taken before the second comes.
    sender.until("drain", LIMIT, |sender| {
        sender.stdout().contains("waiting for what is in flight")
    });
    sender.signal("INT");
    let _ = sender.wait(Duration::from_secs(10)).ok();
    let outcome = pair.finish();
    assert_eq!(outcome.sent.get("drained"), Some(&false.into()));
}

#[test]
fn a_run_with_too_much_loss_ends_with_status_3() {
    let Some(_turn) = turn("a_run_with_too_much_loss_ends_with_status_3", &[]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (json, csv) = (
        folder.path().join("run.json"),
        folder.path().join("run.csv"),
    );
    let options = format!(
        "--rate 10kpps --count 2000 --drain-ms 200 --max-loss 0.1% --json {} -s {}",
        ports::text(&json),
        ports::text(&csv)
    );
    let ended = alone(LOOP, &options).with_status(3);
    let line = ended
        .stderr
        .lines()
        .find(|line| line.contains("--max-loss"));
    assert!(
        line.is_some_and(|line| line.contains("100")),
        "{}",
        ended.stderr
    );
    assert!(ended.stdout.contains("2,000"), "{}", ended.stdout);

    let summary = Summary::read(&json);
    check_sendrecv(&summary, &Rows::read(&csv));
    assert_eq!(summary.count("tx.packets"), 2000);
    assert_eq!(summary.count("lost"), 2000);
    assert_eq!(
        summary.count("rx.foreign"),
        2000,
        "our own packets, not turned round"
    );
    assert!(summary.get("latency_ns").is_none(), "{summary:?}");
    assert_eq!(Rows::read(&csv).sum("lost"), 2000);
}

#[test]
fn probes_to_the_port_itself_are_warned_of() {
    let Some(_turn) = turn("probes_to_the_port_itself_are_warned_of", &[]) else {
        return;
    };
    let (memif, own) = (Memif::new(10), "02:00:00:00:00:02");
    let mut command = ports::dpdkgen(
        &two_cpus().0.to_string(),
        &[memif.server(0)],
        &format!("sendrecv --src 10.0.0.1 --dest 10.0.0.2:10000 --dest-mac {own} -q"),
    );
    command.args(["--count", "1", "--wait-link", "0.1"]);
    let ended = run(command, LIMIT).with_status(1);
    for word in ["warning: --dest-mac", own, "0 (net_memif0)", "reflector"] {
        assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
    }
}

#[test]
fn a_threshold_that_is_kept_changes_nothing() {
    let Some(_turn) = turn("a_threshold_that_is_kept_changes_nothing", &[]) else {
        return;
    };
    let options = "--rate 10kpps --count 2000 --drain-ms 200 --max-loss 0 --max-p99 10s \
                   --max-skipped 100%";
    Pair::new(1, "").run(options).assert_all_back();
    // And one of time that cannot be kept.
    let pair = Pair::new(1, "");
    let sender = pair.start_recorded("--rate 10kpps --count 2000 --drain-ms 200 --max-p99 1ns");
    let ended = sender.wait(LIMIT).with_status(3);
    assert!(ended.stderr.contains("--max-p99"), "{}", ended.stderr);
    pair.finish().assert_all_back();
}

#[test]
fn a_peer_that_is_killed_costs_packets_and_nothing_else() {
    let Some(_turn) = turn("a_peer_that_is_killed_costs_packets_and_nothing_else", &[]) else {
        return;
    };
    let pair = Pair::new(1, "");
    let mut sender =
        pair.start_recorded("--rate 20kpps --stats-evict-interval-secs 0.2 --max-loss 0");
    until_under_way(&mut sender, &pair);
    // The folder goes with the pair, and the files that the sender has open stay its own.
    let (json, csv) = (pair.file("s.json"), pair.file("s.csv"));
    let kept = tempfile::tempdir().unwrap();
    let links = [(&json, "run.json"), (&csv, "run.csv")];
    for (file, name) in links {
        std::fs::hard_link(file, kept.path().join(name)).unwrap();
    }
    pair.kill_reflector();
    std::thread::sleep(Duration::from_millis(500));
    sender.signal("INT");
    let ended = sender.wait(LIMIT);
    let summary = Summary::read(&kept.path().join("run.json"));
    check_sendrecv(&summary, &Rows::read(&kept.path().join("run.csv")));
    // Whatever was in the reflector's hands: nobody was there for the rest of the run.
    let ended = ended.with_status(1);
    let said = &ended.stderr;
    assert!(said.contains("port net_memif0 had no peer from "), "{said}");
}

#[test]
fn standard_output_carries_only_the_data_asked_for() {
    let Some(_turn) = turn("standard_output_carries_only_the_data_asked_for", &[]) else {
        return;
    };
    let options = "--rate 10kpps --count 1000 --drain-ms 200";
    for target in ["-s -", "-s /dev/stdout", "--stats-file=-"] {
        let pair = Pair::new(1, "");
        let json = pair.file("s.json");
        let sender = pair.start(&format!("{options} {target} --json {}", ports::text(&json)));
        let ended = sender.wait(LIMIT).ok();
        check_sendrecv(&Summary::read(&json), &Rows::parse(&ended.stdout));
        assert!(
            ended.stderr.contains("none lost"),
            "the summary: {}",
            ended.stderr
        );
        let _ = pair.end_reflector();
    }
    for target in ["--json -", "--json /dev/stdout"] {
        let pair = Pair::new(1, "");
        let csv = pair.file("s.csv");
        let sender = pair.start(&format!("{options} {target} -s {}", ports::text(&csv)));
        let ended = sender.wait(LIMIT).ok();
        check_sendrecv(&Summary::parse(&ended.stdout), &Rows::read(&csv));
        assert!(
            ended.stderr.contains("none lost"),
            "the summary: {}",
            ended.stderr
        );
        let _ = pair.end_reflector();
    }
    // Without either, the summary is all there is.
    let options = format!("{options} --through");
    let ended = alone(LOOP, &options).ok();
    assert!(ended.stdout.contains("1,000"), "{}", ended.stdout);
    let quiet = alone(LOOP, &format!("{options} -q")).ok();
    assert_eq!(quiet.stdout, "");
}

#[test]
fn an_output_that_cannot_be_finished_ends_with_status_1() {
    let Some(_turn) = turn("an_output_that_cannot_be_finished_ends_with_status_1", &[]) else {
        return;
    };
    for output in ["-s /dev/full", "--json /dev/full", "--report /dev/full"] {
        let options = format!("--rate 10kpps --count 100 --drain-ms 100 {output}");
        let ended = alone(LOOP, &options).with_status(1);
        assert!(ended.stderr.contains("/dev/full"), "{}", ended.stderr);
        // It outranks a threshold.
        let _ = alone(LOOP, &format!("{options} --max-loss 0")).with_status(1);
    }
}

#[test]
fn a_reflector_ends_by_itself_when_told_to() {
    let Some(_turn) = turn("a_reflector_ends_by_itself_when_told_to", &[]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (json, csv) = (
        folder.path().join("run.json"),
        folder.path().join("run.csv"),
    );
    let cpu = two_cpus().0.to_string();
    let reflect = |options: &str| {
        let mut command = ports::dpdkgen(&cpu, &[LOOP.to_owned()], "reflect");
        command.args(options.split_whitespace());
        command.arg("--json").arg(&json).arg("-s").arg(&csv);
        let _ = run(command, LIMIT).ok();
        let summary = Summary::read(&json);
        check_reflect(&summary, &Rows::read(&csv));
        summary
    };
    let summary = reflect("--duration 0.5");
    assert_eq!(summary.text("stop_reason"), "duration");
    let duration = summary.number("duration_s");
    assert!((0.5..1.0).contains(&duration), "{duration}");
    assert_eq!(summary.count("rx.packets"), 0);
}

#[test]
fn a_run_interrupted_before_its_link_is_up_is_empty() {
    let Some(_turn) = turn("a_run_interrupted_before_its_link_is_up_is_empty", &[]) else {
        return;
    };
    let memif = Memif::new(10);
    let folder = tempfile::tempdir().unwrap();
    let (json, csv) = (
        folder.path().join("run.json"),
        folder.path().join("run.csv"),
    );
    let mut command = ports::dpdkgen(
        &two_cpus().0.to_string(),
        &[memif.server(0)],
        "sendrecv --src 10.0.0.1 --dest 10.0.0.2:10000 --dest-mac 02:00:00:00:00:02 \
         --wait-link 60",
    );
    command.arg("--json").arg(&json).arg("-s").arg(&csv);
    let mut waiting = Program::start(command);
    waiting.until("memif socket", LIMIT, |_| memif.socket().exists());
    let _ = waiting.interrupt().ok();
    let summary = Summary::read(&json);
    assert_eq!(summary.text("stop_reason"), "signal");
    assert_eq!(summary.count("tx.packets"), 0);
    assert_eq!(Rows::read(&csv).sum("tx_packets"), 0);
}

/// A port that waits for its peer has a socket that the EAL's interrupt thread watches; when the
/// port was never started, that thread often read memory that had been freed with it.
#[test]
fn a_port_that_waits_for_its_peer_and_never_starts_goes_in_order() {
    let Some(_turn) = turn(
        "a_port_that_waits_for_its_peer_and_never_starts_goes_in_order",
        &[],
    ) else {
        return;
    };
    let cpu = two_cpus().0.to_string();
    let too_large = "sendrecv --src 10.0.0.1 --dest 10.0.0.2:10000 --dest-mac 02:00:00:00:00:02 \
                     --count 1 --packet-size 1473";
    for (arguments, status) in [("ports", 0), (too_large, 2)].repeat(20) {
        let link = Memif::new(10);
        let server = ports::dpdkgen(&cpu, &[link.server(0)], arguments);
        let _ = run(server, LIMIT).with_status(status);
        assert!(!link.socket().exists(), "the socket is left behind");
    }
}

#[test]
fn a_start_that_waits_for_ever_ends_when_told_to() {
    let Some(_turn) = turn("a_start_that_waits_for_ever_ends_when_told_to", &[]) else {
        return;
    };
    for signal in ["INT", "TERM", "HUP"] {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        // DPDK's start accepts a connection, for as long as it takes.
        let device = format!(
            "net_virtio_user0,path={},server=1",
            ports::text(&file("socket"))
        );
        let mut reflect = ports::dpdkgen(&two_cpus().0.to_string(), &[device], "reflect --json");
        reflect.arg(file("run.json"));
        std::fs::write(file("run.json"), "of the last run").unwrap();
        let mut reflector = Program::start(reflect);
        reflector.until("socket", LIMIT, |_| file("socket").exists());
        reflector.signal(signal);
        let ended = reflector.wait(Duration::from_secs(10)).with_status(1);
        assert!(
            ended.stderr.contains("stopped while DPDK started"),
            "{ended:?}"
        );
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
        let kept = std::fs::read_to_string(file("run.json")).unwrap();
        assert_eq!(kept, "of the last run");
    }
}
