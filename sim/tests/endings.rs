//! Ends of runs: by signals, with outputs that nobody reads, and without having begun.

use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use dpdkgen_tests::{Need, Program, Summary, run, turn};

const LIMIT: Duration = Duration::from_secs(60);
const SIM: &str = env!("CARGO_BIN_EXE_dpdkgen-sim");
/// A run that goes on until it is ended.
const ENDLESS: &str = "sendrecv --rate 100kpps --packet-size 64 --duration 70000 \
                       --stats-evict-interval-secs 0.1 -i 1";
/// A run that ends by itself.
const SHORT: &str = "sendrecv --rate 10kpps --packet-size 64 --duration 20 -i 1";

/// A command that fills the pipe `pipe`, so that there is no room in it.
const FILL: &str = "dd if=/dev/zero bs=4096 count=16 2>/dev/null >pipe";

/// Starts a program by a command line that a shell reads.
fn start(line: &str, folder: &Path) -> Program {
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(folder);
    Program::start(command)
}

/// Makes a pipe of this name, and returns a reader that does not read.
fn pipe(folder: &Path, name: &str) -> File {
    let path = folder.join(name);
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    // Opened for both, so that opening waits for nobody.
    let mut options = OpenOptions::new();
    options.read(true).write(true).open(path).unwrap()
}

fn is_whole(page: &Path) -> bool {
    fs::read_to_string(page).is_ok_and(|page| page.ends_with("</html>\n"))
}

#[test]
fn a_signal_of_each_kind_ends_a_run_in_order() {
    let Some(_turn) = turn("a_signal_of_each_kind_ends_a_run_in_order", &[]) else {
        return;
    };
    for signal in ["INT", "TERM", "HUP"] {
        let folder = tempfile::tempdir().unwrap();
        let line = format!("exec {SIM} {ENDLESS} -q -s csv --json json");
        let mut program = start(&line, folder.path());
        program.until("rows", LIMIT, |_| {
            fs::metadata(folder.path().join("csv")).is_ok_and(|csv| csv.len() > 1000)
        });
        program.signal(signal);
        let _ = program.wait(LIMIT).ok();
        let summary = Summary::read(&folder.path().join("json"));
        assert_eq!(summary.text("stop_reason"), "signal", "{signal}");
    }
}

#[test]
fn a_hangup_that_was_set_aside_is_no_request_to_end() {
    let name = "a_hangup_that_was_set_aside_is_no_request_to_end";
    let Some(_turn) = turn(name, &[]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let line = format!("trap '' HUP; exec {SIM} {ENDLESS} -q -s csv --json json");
    let mut program = start(&line, folder.path());
    let csv = folder.path().join("csv");
    let len = || fs::metadata(&csv).map_or(0, |csv| csv.len());
    program.until("rows", LIMIT, |_| len() > 1000);
    program.signal("HUP");
    std::thread::sleep(Duration::from_millis(500));
    let before = len();
    program.until("more rows", LIMIT, |_| len() > before);
    program.signal("INT");
    let _ = program.wait(LIMIT).ok();
}

#[test]
fn a_reader_that_does_not_read_withholds_nothing_but_its_own_output() {
    let name = "a_reader_that_does_not_read_withholds_nothing_but_its_own_output";
    let Some(_turn) = turn(name, &[]) else {
        return;
    };
    for (options, said) in [
        ("-s - >pipe", "standard output (statistics)"),
        ("-s pipe", "pipe (statistics)"),
        ("--hdr pipe", "pipe (histograms)"),
        ("--pcap pipe --pcap-sample 1", "pipe (frames)"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let _reader = pipe(folder.path(), "pipe");
        let files = "-q --json json --report page";
        let line = format!("{FILL}; exec {SIM} {SHORT} {files} {options}");
        let mut program = start(&line, folder.path());
        // Without a word from the user.
        let (json, page) = (folder.path().join("json"), folder.path().join("page"));
        program.until("a whole page", LIMIT, |_| is_whole(&page));
        program.until("a whole JSON", LIMIT, |_| {
            fs::read_to_string(&json).is_ok_and(|json| json.ends_with("}\n"))
        });
        assert_eq!(Summary::read(&json).text("stop_reason"), "duration");
        // It is waited for, as a pager is, until the user asks twice.
        for _ in 0..2 {
            std::thread::sleep(Duration::from_secs(1));
            assert_eq!(program.stderr(), "", "{options}");
            program.signal("INT");
        }
        let ended = program.wait(Duration::from_secs(5)).with_status(1);
        let said = format!("dpdkgen-sim: {said} is incomplete: its reader does not read\n");
        assert_eq!(ended.stderr, said);
    }
}

#[test]
fn words_that_nobody_reads_keep_no_program_alive() {
    let Some(_turn) = turn("words_that_nobody_reads_keep_no_program_alive", &[]) else {
        return;
    };
    for (redirections, status) in [
        // The display and the summary.
        (">pipe", 1),
        // The same beside data, and what is said about them.
        ("-s - >rows 2>pipe", 1),
        // What is said of a full disk, and of a threshold.
        ("-s /dev/full --max-p99 1ns >words 2>pipe", 1),
        ("--max-p99 1ns >words 2>pipe", 3),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let _reader = pipe(folder.path(), "pipe");
        let line = format!("{FILL}; exec {SIM} {SHORT} --json json {redirections}");
        let mut program = start(&line, folder.path());
        let json = folder.path().join("json");
        program.until("a whole JSON", LIMIT, |_| {
            fs::read_to_string(&json).is_ok_and(|json| json.ends_with("}\n"))
        });
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(200));
            program.signal("TERM");
        }
        let _ = program.wait(Duration::from_secs(5)).with_status(status);
    }
}

#[test]
fn a_summary_that_nobody_reads_is_given_up() {
    let Some(_turn) = turn("a_summary_that_nobody_reads_is_given_up", &[]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let _reader = pipe(folder.path(), "pipe");
    let line = format!("{FILL}; exec {SIM} {SHORT} -q -s csv --json - >pipe");
    let mut program = start(&line, folder.path());
    let csv = folder.path().join("csv");
    program.until("all rows", LIMIT, |_| {
        fs::read_to_string(&csv).is_ok_and(|csv| csv.contains("\n20999,"))
    });
    program.signal("INT");
    program.signal("TERM");
    let ended = program.wait(Duration::from_secs(5)).with_status(1);
    let said = "dpdkgen-sim: standard output (summary) is incomplete: its reader does not read\n";
    assert_eq!(ended.stderr, said);
}

#[test]
fn a_run_that_does_not_begin_leaves_the_files_of_the_last_one() {
    let name = "a_run_that_does_not_begin_leaves_the_files_of_the_last_one";
    let Some(_turn) = turn(name, &[]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let names = ["csv", "json", "page", "hlog", "pcap"];
    let old = &names[..4];
    for name in old {
        fs::write(folder.path().join(name), "of an earlier run").unwrap();
    }
    let files = "-s csv --json json --report page --hdr hlog --pcap pcap";
    for (request, status) in [
        // Memory, for itself and for the reflector.
        ("-t 200 --rate 400Mpps", 2),
        ("-i 0.001 --reflector-queues 256", 2),
        ("--metrics 192.0.2.1:9464", 1),
        ("-p sim9", 2),
        ("--rate nonsense", 2),
    ] {
        let line = format!("exec {SIM} sendrecv --count 1000 {files} {request}");
        let program = start(&line, folder.path());
        let _ = program.wait(LIMIT).with_status(status);
        for name in old {
            let text = fs::read_to_string(folder.path().join(name)).unwrap();
            assert_eq!(text, "of an earlier run", "{name} after {request}");
        }
        assert!(!folder.path().join("pcap").exists(), "{request}");
    }
    // One that begins does not keep a word of it.
    let line = format!("sendrecv -q --count 10 {files}");
    let mut command = Command::new(SIM);
    command
        .args(line.split_whitespace())
        .current_dir(folder.path());
    let _ = run(command, LIMIT).ok();
    for name in names {
        let bytes = fs::read(folder.path().join(name)).unwrap();
        assert!(!bytes.is_empty() && !bytes.starts_with(b"of an"), "{name}");
    }
}

#[test]
fn two_names_of_one_file_are_refused_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("old"), "of an earlier run").unwrap();
    fs::hard_link(at("old"), at("hard")).unwrap();
    std::os::unix::fs::symlink("old", at("soft")).unwrap();
    for files in [
        "-s old --json ./old",
        "-s old --hdr hard",
        "--pcap soft --report hard",
        "-s new --json ../$(basename $PWD)/new",
        "-s - --json old >>old",
        "-s /dev/fd/3 --json old 3>>old",
        "-s - --json /proc/$$/fd/1 >>old",
    ] {
        let line = format!("exec {SIM} sendrecv --count 10 {files}");
        let ended = start(&line, folder.path()).wait(LIMIT).with_status(2);
        assert_eq!(ended.stderr.lines().count(), 1, "{files}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("one place by two names"),
            "{}",
            ended.stderr
        );
        let text = fs::read_to_string(at("old")).unwrap();
        assert_eq!(text, "of an earlier run", "{files}");
        assert!(!at("new").exists());
    }
}

#[test]
fn a_page_is_not_drawn_over_what_it_is_drawn_from() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("{SIM} sendrecv --count 10 -q -s rows && ln rows page");
    let _ = start(&line, folder.path()).wait(LIMIT).ok();
    let rows = fs::read_to_string(folder.path().join("rows")).unwrap();
    for page in ["rows", "./rows", "page"] {
        let line = format!("exec {SIM} report rows -o {page}");
        let ended = start(&line, folder.path()).wait(LIMIT).with_status(2);
        assert!(
            ended.stderr.contains("is read: name another"),
            "{}",
            ended.stderr
        );
        let now = fs::read_to_string(folder.path().join("rows")).unwrap();
        assert_eq!(now, rows);
    }
}

#[test]
fn data_that_goes_where_words_go_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    for (redirections, is_empty) in [
        ("-s /dev/stderr 2>rows", false),
        ("-s rows >rows", false),
        ("-s rows 2>rows", false),
        ("-s /dev/fd/3 3>rows", false),
        // Written behind what is there, as the shell was told to.
        ("-s /dev/stderr 2>>rows", true),
        ("-s /dev/fd/3 3>>rows", true),
    ] {
        let rows = folder.path().join("rows");
        fs::write(&rows, "before\n").unwrap();
        let line = format!("exec {SIM} sendrecv --rate 1kpps --count 3000 {redirections}");
        let _ = start(&line, folder.path()).wait(LIMIT).ok();
        let text = fs::read_to_string(&rows).unwrap();
        let text = if is_empty {
            text.strip_prefix("before\n").expect(redirections)
        } else {
            &text
        };
        let rows = dpdkgen_tests::Rows::parse(text);
        assert_eq!(rows.sum("tx_packets"), 3_000, "{redirections}");
    }
}

/// Starts an endless run in `folder` on a terminal, whose keys the program's input are, and leaves its
/// process id in the file `pid`.
fn on_terminal(folder: &Path, options: &str) -> Program {
    let line = format!("echo $$ >pid; exec {SIM} {ENDLESS} {options}");
    fs::write(folder.join("run"), line).unwrap();
    let mut script = Command::new("script");
    script
        .args(["-qefc", "exec sh run", "/dev/null"])
        .env("TERM", "xterm");
    script.env("SHELL", "/bin/sh").current_dir(folder);
    Program::start_with_open_input(script)
}

#[test]
fn a_terminal_that_is_stopped_costs_its_own_words() {
    let name = "a_terminal_that_is_stopped_costs_its_own_words";
    let Some(_turn) = turn(name, &[Need::Program("script")]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for options in ["", "-s /dev/tty", "-s - -q"] {
        let mut program = on_terminal(folder.path(), &format!("--json json {options}"));
        program.until("words", LIMIT, |p| p.stdout().len() > 500);
        // Ctrl-S.
        program.type_in("\x13");
        std::thread::sleep(Duration::from_millis(1500));
        let pid = fs::read_to_string(folder.path().join("pid")).unwrap();
        for _ in 0..2 {
            let sent = Command::new("kill").args(["-INT", pid.trim()]).status();
            assert!(sent.unwrap().success());
            std::thread::sleep(Duration::from_millis(300));
        }
        let _ = program.wait(Duration::from_secs(15)).with_status(1);
        let summary = Summary::read(&folder.path().join("json"));
        assert_eq!(summary.text("stop_reason"), "signal", "{options}");
    }
}

#[test]
fn nothing_is_drawn_between_the_rows_on_a_terminal() {
    let name = "nothing_is_drawn_between_the_rows_on_a_terminal";
    let Some(_turn) = turn(name, &[Need::Program("script")]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for target in [
        "-",
        "/dev/stdout",
        "/dev/stderr",
        "/dev/tty",
        "/proc/self/fd/1",
    ] {
        let mut program = on_terminal(folder.path(), &format!("-s {target}"));
        program.until("rows of some seconds", LIMIT, |p| {
            p.stdout().contains("\n3000,")
        });
        std::thread::sleep(Duration::from_millis(1500));
        program.type_in("\x03");
        let ended = program.wait(LIMIT).ok();
        assert!(!ended.stdout.contains('\x1b'), "{target}: {}", ended.stdout);
        let is_row =
            |line: &&str| line.starts_with(|c: char| c.is_ascii_digit()) && line.contains(',');
        let lines: Vec<_> = ended.stdout.lines().collect();
        let rows = lines.iter().filter(|line| line.matches(',').count() == 12);
        assert!(rows.count() > 3_000, "{target}");
        let broken = lines.iter().filter(|line| {
            is_row(line) && line.matches(',').count() != 12 && !line.contains("packets/s held")
        });
        assert_eq!(broken.count(), 0, "{target}");
        assert!(
            ended.stdout.contains("packets/s held"),
            "{target}: the summary"
        );
    }
}
