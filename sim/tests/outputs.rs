//! The outputs of a run, read by the tools that they are made for (tshark, HdrHistogram, a
//! terminal), and what is said when one fails.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use dpdkgen_report::search::{SearchReport, TrialRecord};
use dpdkgen_tests::{Need, Program, Summary, http, run, turn};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

const LIMIT: Duration = Duration::from_secs(60);
const SIM: &str = env!("CARGO_BIN_EXE_dpdkgen-sim");
/// A run that goes on until it is ended.
const ENDLESS: &str = "sendrecv --rate 100kpps --packet-size 64 --loss 0.1% --duration 70000";

fn sim(arguments: &str, folder: &Path) -> Command {
    let mut command = Command::new(SIM);
    command
        .args(arguments.split_whitespace())
        .current_dir(folder);
    command
}

/// Returns the histograms of a log.
fn histograms(log: &[u8]) -> Vec<Histogram<u64>> {
    let mut histograms = Vec::new();
    for entry in IntervalLogIterator::new(log) {
        if let LogEntry::Interval(interval) = entry.expect("a log") {
            let bytes = base64(interval.encoded_histogram());
            let histogram = Deserializer::new().deserialize(&mut bytes.as_slice());
            histograms.push(histogram.expect("a histogram"));
        }
    }
    histograms
}

fn base64(text: &str) -> Vec<u8> {
    let mut command = Command::new("sh");
    command.args(["-c", "printf %s \"$0\" | base64 -d", text]);
    command.output().expect("base64 is there").stdout
}

#[test]
fn a_log_of_histograms_has_every_round_trip() {
    let folder = tempfile::tempdir().unwrap();
    let options = "sendrecv --rate 20kpps --duration 3.5 --warmup 0.5 --loss 1% --dup 1% \
                   --delay 10us..3s --drain-ms 4000 --hdr log --json json -q";
    let _ = run(sim(options, folder.path()), LIMIT).ok();
    let summary = Summary::read(&folder.path().join("json"));
    let histograms = histograms(&fs::read(folder.path().join("log")).unwrap());
    assert!(histograms.len() > 5, "{histograms:?}");
    let count: u64 = histograms.iter().map(Histogram::len).sum();
    assert_eq!(count, summary.count("rx.unique"));
    let mut all = Histogram::<u64>::new(3).unwrap();
    for histogram in histograms {
        all.add(histogram).unwrap();
    }
    for (quantile, name) in [(0.5, "p50"), (0.99, "p99"), (0.999, "p99_9")] {
        let (logged, told) = (
            all.value_at_quantile(quantile),
            summary.count(&format!("latency_ns.{name}")),
        );
        assert!(
            logged.abs_diff(told) as f64 <= told as f64 * 0.01,
            "{name}: {logged} and {told}"
        );
    }
}

#[test]
fn a_simulated_run_tells_its_program_and_no_date() {
    let folder = tempfile::tempdir().unwrap();
    let options = "sendrecv --rate 10kpps --count 2000 --json json --report page -q";
    let _ = run(sim(options, folder.path()), LIMIT).ok();
    let summary = Summary::read(&folder.path().join("json"));
    assert_eq!(summary.get("program").unwrap(), "dpdkgen-sim");
    assert_eq!(summary.get("version").unwrap(), env!("CARGO_PKG_VERSION"));
    // The same run gives the same files, wherever and whenever.
    for absent in ["started_at", "host", "dpdk_version", "eal_args", "outages"] {
        assert_eq!(summary.get(absent), None, "{absent}");
    }
    assert_eq!(
        summary.get("device").unwrap()[0]["mac"],
        "02:00:00:00:01:00"
    );
    let page = fs::read_to_string(folder.path().join("page")).unwrap();
    let title =
        "<title>dpdkgen sendrecv: page \u{b7} 10,000 packets/s of 1,000 bytes of payload</title>";
    assert!(page.contains(title), "{page}");
}

#[test]
fn an_outage_is_in_the_json_and_in_the_summary() {
    let folder = tempfile::tempdir().unwrap();
    let options = "sendrecv --rate 10kpps --duration 10 --reflector-restart 2s:500ms --json json";
    let ended = run(sim(options, folder.path()), LIMIT).ok();
    let summary = Summary::read(&folder.path().join("json"));
    let count = summary.count("outages.count");
    assert!(count > 1, "{summary:?}");
    let first = summary.get("outages.first").unwrap()[0].clone();
    let [from, to] = ["from_s", "to_s"].map(|name| first[name].as_f64().unwrap());
    assert!((0.4..0.8).contains(&(to - from)), "{first}");
    let line = format!("In {count} outages ");
    assert!(ended.stdout.contains(&line), "{}", ended.stdout);
}

#[test]
fn a_page_of_the_run_is_not_replaced_by_one_from_its_csv() {
    let folder = tempfile::tempdir().unwrap();
    let options =
        "sendrecv --rate 10kpps --count 2000 -s run.csv --json run.json --report run.html -q";
    let _ = run(sim(options, folder.path()), LIMIT).ok();
    let page = folder.path().join("run.html");
    let drawn = fs::read(&page).unwrap();
    for from in ["run.csv", "run.csv --json run.json"] {
        let ended = run(sim(&format!("report {from}"), folder.path()), LIMIT).with_status(2);
        let said = &ended.stderr;
        assert!(
            said.contains("run.html is a page that shows more"),
            "{said}"
        );
        assert!(
            said.contains("with -o") && said.lines().count() == 1,
            "{said}"
        );
        assert_eq!(fs::read(&page).unwrap(), drawn);
    }
    let _ = run(sim("report run.csv -o other.html", folder.path()), LIMIT).ok();
}

#[test]
fn sampled_frames_are_read_by_tshark() {
    let needs = [Need::Program("tshark")];
    let Some(_turn) = turn("sampled_frames_are_read_by_tshark", &needs) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let options = "sendrecv --rate 10kpps --count 2000 --delay 1ms --packet-size 100 -t 2 \
                   --pcap frames --pcap-sample 4 --json json";
    let ended = run(sim(options, folder.path()), LIMIT).ok();
    assert!(
        ended.stdout.contains("The pcap file has 1,000 frames."),
        "{}",
        ended.stdout
    );
    let summary = Summary::read(&folder.path().join("json"));
    assert_eq!(summary.count("pcap.frames"), 1_000);
    assert_eq!(summary.count("pcap.skipped"), 0);

    let mut tshark = Command::new("tshark");
    tshark.args([
        "-r",
        "frames",
        "-T",
        "fields",
        "-o",
        "udp.check_checksum:TRUE",
    ]);
    for field in [
        "frame.time_epoch",
        "ip.src",
        "frame.len",
        "udp.checksum.status",
        "udp.payload",
    ] {
        tshark.args(["-e", field]);
    }
    tshark.current_dir(folder.path());
    let frames = run(tshark, LIMIT).ok().stdout;
    let frames: Vec<Vec<&str>> = frames.lines().map(|l| l.split('\t').collect()).collect();
    assert_eq!(frames.len(), 1_000);
    let mut times = Vec::new();
    for frame in &frames {
        let [time, source, len, checksum, payload] = frame[..] else {
            panic!("{frame:?}")
        };
        assert_eq!((len, checksum), ("142", "1"), "{frame:?}");
        let (seconds, fraction) = time.split_once('.').unwrap();
        assert_eq!(fraction.len(), 9, "nanoseconds: {time}");
        let at: u64 = format!("{seconds}{fraction}").parse().unwrap();
        times.push(at);
        // The probe's own time: the low 48 bits of its second word.
        let stamp = (0..6).rev().fold(0, |stamp, byte| {
            let digits = &payload[16 + 2 * byte..][..2];
            stamp << 8 | u64::from_str_radix(digits, 16).unwrap()
        });
        let since = at - stamp;
        match source {
            // Some polls and a burst later at most.
            "10.0.0.1" => assert!(since < 100_000, "{since} ns after it was stamped"),
            "10.0.0.2" => assert!((2_000_000..3_000_000).contains(&since), "{since} ns"),
            other => panic!("{other}"),
        }
    }
    assert!(times.is_sorted(), "in the order of time");
}

#[test]
fn the_records_of_a_search_are_those_of_all_its_trials() {
    let folder = tempfile::tempdir().unwrap();
    let options = "search --frame-size 64 --goal 0 --trial 0.35 --trials 0.35 --warmup 0.05 \
                   --max-rate 100kpps --capacity 20kpps --drain-ms 300 -s rows.csv --hdr log \
                   --pcap frames --pcap-sample 100 --json json";
    let ended = run(sim(options, folder.path()), LIMIT).ok();
    let json = fs::read_to_string(folder.path().join("json")).unwrap();
    let report = SearchReport::from_json(&json).unwrap();
    let sum = |of: fn(&TrialRecord) -> u64| report.trials.iter().map(of).sum::<u64>();
    let (sent, lost) = (sum(|of| of.tx_packets), sum(|of| of.lost.unwrap()));
    assert!(report.trials.len() > 4 && lost > 0, "{json}");

    let csv = fs::read_to_string(folder.path().join("rows.csv")).unwrap();
    let rows: Vec<Vec<&str>> = csv
        .lines()
        .skip(1)
        .map(|l| l.split(',').collect())
        .collect();
    let column = |number: usize| {
        rows.iter()
            .map(move |row| row[number].parse().unwrap_or(0_u64))
    };
    assert!(
        column(0).eq((0..rows.len() as u64).map(|row| row * 100)),
        "{csv}"
    );
    assert_eq!((column(1).sum(), column(5).sum()), (sent, lost));

    let histograms = histograms(&fs::read(folder.path().join("log")).unwrap());
    let count: u64 = histograms.iter().map(Histogram::len).sum();
    assert_eq!(count, sent - lost);

    let sampled = report.sampled.unwrap();
    let frames = fs::read(folder.path().join("frames")).unwrap();
    let records: Vec<_> = frames[24..].chunks_exact(16 + 60).collect();
    assert_eq!(records.len() as u64, sampled.frames);
    assert!(
        ended.stdout.contains("The pcap file has "),
        "{}",
        ended.stdout
    );
    let word = |record: &[u8], at: usize| {
        u64::from(u32::from_le_bytes(record[at..at + 4].try_into().unwrap()))
    };
    let times = records
        .iter()
        .map(|at| word(at, 0) * 1_000_000_000 + word(at, 4));
    assert!(times.is_sorted(), "one trial after the other");
}

#[test]
fn a_full_disk_is_said_once_while_the_run_goes_on() {
    let Some(_turn) = turn("a_full_disk_is_said_once_while_the_run_goes_on", &[]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let full = "--stats-file /dev/full --hdr log --json json";
    let mut program = Program::start(sim(&format!("{ENDLESS} {full}"), folder.path()));
    let said = "dpdkgen-sim: /dev/full (statistics) is incomplete: No space left on device \
                (os error 28); the run goes on\n";
    program.until("word of the full disk", LIMIT, |p| {
        p.stderr().contains(said)
    });
    // It goes on.
    let lines = |program: &Program| program.stdout().lines().count();
    let before = lines(&program);
    program.until("another line", LIMIT, |p| lines(p) > before);
    let ended = {
        program.signal("INT");
        program.wait(LIMIT).with_status(1)
    };
    let sentences: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(sentences.len(), 2, "{sentences:?}");
    assert_eq!(sentences[0], said.trim_end());
    assert_eq!(
        sentences[1],
        "dpdkgen-sim: /dev/full (statistics) is incomplete: No space left on device (os error 28)"
    );
    // The others are whole.
    let summary = Summary::read(&folder.path().join("json"));
    let logged = histograms(&fs::read(folder.path().join("log")).unwrap());
    let logged: u64 = logged.iter().map(Histogram::len).sum();
    assert_eq!(logged, summary.count("rx.unique"));
}

#[test]
fn removed_files_are_said_once_while_the_run_goes_on() {
    let Some(_turn) = turn("removed_files_are_said_once_while_the_run_goes_on", &[]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let outputs = [
        ("csv", "statistics"),
        ("json", "summary"),
        ("log", "histograms"),
        ("frames", "frames"),
    ];
    let files = "-q -s csv --json json --hdr log --pcap frames";
    let mut program = Program::start(sim(&format!("{ENDLESS} {files}"), folder.path()));
    program.until("rows", LIMIT, |_| {
        fs::metadata(folder.path().join("csv")).is_ok_and(|csv| csv.len() > 0)
    });
    for (name, _) in outputs {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    for (name, what) in outputs {
        let said = format!("{name} ({what}) is incomplete: the file was removed during the run");
        program.until(&said, LIMIT, |p| p.stderr().contains(&said));
    }
    program.signal("INT");
    let ended = program.wait(LIMIT).with_status(1);
    assert_eq!(ended.stdout, "", "-q");
    let sentences: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(sentences.len(), 2 * outputs.len(), "{sentences:?}");
    let during = sentences
        .iter()
        .filter(|s| s.ends_with("; the run goes on"));
    assert_eq!(during.count(), outputs.len(), "{sentences:?}");
}

#[test]
fn an_address_that_is_taken_ends_a_run_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("csv"), "of an earlier run").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (address, cause) in [
        (address.as_str(), "Address already in use"),
        ("192.0.2.1:9464", "Cannot assign requested address"),
    ] {
        let options = format!("sendrecv --count 10 -s csv --metrics {address}");
        let ended = run(sim(&options, folder.path()), LIMIT).with_status(1);
        assert_eq!(ended.stdout, "");
        let sentence = ended.stderr.strip_suffix('\n').unwrap_or_default();
        assert!(!sentence.contains('\n'), "{sentence}");
        for word in [address, cause, "--metrics"] {
            assert!(sentence.contains(word), "{word} is not in {sentence}");
        }
    }
    let csv = fs::read_to_string(folder.path().join("csv")).unwrap();
    assert_eq!(csv, "of an earlier run");
}

#[test]
fn whoever_does_not_watch_gets_lines() {
    let Some(_turn) = turn("whoever_does_not_watch_gets_lines", &[]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let is_line = |line: &str| line.contains(" s: sent ") && line.contains(", busy tx ");
    for (options, to_stderr) in [("", false), ("-s /dev/null", false), ("-s -", true)] {
        let mut program = Program::start(sim(&format!("{ENDLESS} {options}"), folder.path()));
        let shown = |p: &Program| if to_stderr { p.stderr() } else { p.stdout() };
        program.until("a line", LIMIT, |p| shown(p).lines().any(is_line));
        program.signal("INT");
        let ended = program.wait(LIMIT).ok();
        let other = if to_stderr {
            &ended.stdout
        } else {
            &ended.stderr
        };
        assert!(!other.lines().any(is_line), "{other}");
        let all = ended.stdout + &ended.stderr;
        assert!(!all.contains('\x1b'), "{all}");
    }
}

#[test]
fn whoever_watches_on_a_terminal_gets_a_table_and_the_terminal_back() {
    let needs = [Need::Program("script")];
    let name = "whoever_watches_on_a_terminal_gets_a_table_and_the_terminal_back";
    let Some(_turn) = turn(name, &needs) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    // A terminal of 60 columns; SIGINT comes from Ctrl-C, which the test types. It reaches the shell
    // too, and dash ends by it unless it is trapped.
    let line = format!(
        "trap : INT; stty rows 20 cols 60; stty -g; {SIM} {ENDLESS}; echo status $?; stty -g"
    );
    let mut script = Command::new("script");
    script
        .args(["-qefc", &line, "/dev/null"])
        .env("TERM", "xterm")
        .env("SHELL", "/bin/sh");
    script.current_dir(folder.path());
    let mut program = Program::start_with_open_input(script);
    let redrawn = |p: &Program| p.stdout().matches("Sending ").count();
    program.until("two tables", LIMIT, |p| redrawn(p) >= 2);
    program.type_in("\x03");
    let ended = program.wait(LIMIT).ok();
    let shown = &ended.stdout;
    let modes: Vec<_> = shown
        .lines()
        .filter(|l| l.matches(':').count() > 10)
        .collect();
    assert_eq!(modes.len(), 2, "{shown}");
    assert_eq!(
        modes[0], modes[1],
        "the terminal's modes are what they were"
    );
    assert!(shown.contains("status 0"), "{shown}");
    // Nothing but cursor movements and erasures, and after the last of them the summary.
    let sequences = shown.split('\x1b').skip(1);
    for sequence in sequences.clone() {
        let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap();
        assert!(
            ["K", "J", "A"].contains(&&sequence[end..=end]),
            "{sequence:?}"
        );
    }
    let after = sequences.last().unwrap();
    assert!(after.contains("100,000 packets/s held for "), "{after}");
    for drawn in shown
        .split("\x1b[K")
        .filter(|drawn| drawn.contains("packets/s  "))
    {
        let drawn = drawn.trim_start_matches(['\r', '\n']);
        assert!(drawn.chars().count() < 60, "{drawn:?}");
    }
}

#[test]
fn metrics_are_there_until_the_end() {
    let Some(_turn) = turn("metrics_are_there_until_the_end", &[]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let address = http::free_address();
    let options = format!("{ENDLESS} --metrics {address}");
    let mut program = Program::start(sim(&options, folder.path()));
    let sent = |text: &str| -> Option<u64> {
        let mut lines = text.lines();
        let line = lines.find(|l| l.starts_with("dpdkgen_tx_packets_total{"))?;
        line.rsplit(' ').next()?.parse().ok()
    };
    let mut last = 0;
    for _ in 0..2 {
        let mut now = 0;
        program.until("metrics that rise", LIMIT, |_| {
            let text = http::get(address, "/metrics").map_or(String::new(), |(_, text)| text);
            now = sent(&text).unwrap_or(0);
            assert!(now == 0 || now >= last, "{now} after {last}");
            now > last
        });
        last = now;
    }
    assert_eq!(http::get(address, "/").unwrap().0, 404);
    assert_eq!(http::ask(address, "POST", "/metrics").unwrap().0, 405);
    program.signal("INT");
    let ended = program.wait(LIMIT).ok();
    assert!(
        ended.stdout.contains(&format!("http://{address}/metrics")),
        "{}",
        ended.stdout
    );
    assert!(
        http::get(address, "/metrics").is_err(),
        "it ends with the run"
    );
}
