//! Requests that cannot be simulated are refused with one sentence and exit status 2.

use std::process::{Command, Output};

fn sim(line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dpdkgen-sim"))
        .args(line.split_whitespace())
        .output()
        .unwrap()
}

#[test]
fn impossible_links_are_refused() {
    for (line, names) in [
        ("sendrecv --loss 101%", "--loss 101%"),
        ("sendrecv --loss 1.5", "--loss 1.5"),
        ("sendrecv --loss -0.1", "--loss -0.1"),
        ("sendrecv --loss=-1%", "--loss -1%"),
        ("sendrecv --dup 200%", "--dup 200%"),
        ("sendrecv --corrupt half", "--corrupt half"),
        ("sendrecv --delay -5us", "--delay -5us"),
        ("sendrecv --delay 2ms..50us", "--delay 2ms..50us"),
        ("sendrecv --delay 1parsec", "--delay 1parsec"),
        ("sendrecv --bandwidth 0", "--bandwidth 0"),
        ("sendrecv --gemodel 1%:2%:3%:4%:5%", "--gemodel"),
        ("sendrecv --gemodel 2", "--gemodel"),
        ("sendrecv --reflector-restart 1s", "--reflector-restart 1s"),
        ("sendrecv --reflector-restart 1s:2s", "--reflector-restart"),
        ("sendrecv --no-buffer 100%", "--no-buffer"),
        ("sendrecv --refuse 1", "--refuse"),
        ("sendrecv --poll 0", "--poll"),
        ("sendrecv --stall-for 2s", "--stall-for"),
        ("sendrecv --reflector-queues 0", "--reflector-queues"),
        ("sendrecv --port sim9 --duration 1", "sim9"),
        ("sendrecv --lcores 0", "--lcores"),
        ("sendrecv --capacity 0", "--capacity 0"),
        ("sendrecv --capacity 1M", "--capacity 1M"),
        ("sendrecv --capacity -1pps", "--capacity -1pps"),
        ("sendrecv --capacity 0.2pps", "--capacity is so little"),
        ("sendrecv --capacity 10kbps", "--capacity is so little"),
        ("sendrecv --capacity 1Mpps --queue some", "--queue some"),
        ("sendrecv --capacity 1Mpps --queue 2M", "--queue"),
        ("sendrecv --queue 64", "--queue is about"),
        ("sendrecv --load-loss 0", "--load-loss is about"),
        ("sendrecv --dut-warmup 1:10%", "--dut-warmup is about"),
        (
            "sendrecv --second-capacity 1kpps:1%:1",
            "--second-capacity is about",
        ),
        ("sendrecv --capacity 1Mpps --load-loss 101%", "--load-loss"),
        ("sendrecv --capacity 1Mpps --dut-warmup 1", "--dut-warmup 1"),
        (
            "sendrecv --capacity 1Mpps --dut-warmup 1:2",
            "--dut-warmup 1:2",
        ),
        (
            "sendrecv --capacity 1Mpps --dut-warmup 1:0",
            "--dut-warmup is so little",
        ),
        (
            "sendrecv --capacity 1Mpps --second-capacity 1kpps:1%",
            "--second-capacity 1kpps:1%",
        ),
        (
            "sendrecv --capacity 1Mpps --second-capacity 1kpps:1.5:1s",
            "--second-capacity",
        ),
        (
            "sendrecv --capacity 1Mpps --second-capacity 0:1%:1s",
            "--second-capacity",
        ),
        (
            "sendrecv --capacity 1Mpps --second-capacity 1kpps:1%:0",
            "PERIOD",
        ),
        (
            "sendrecv --through --reflector-queues 1",
            "--reflector-queues",
        ),
        (
            "sendrecv --through --reflector-restart 1:0.1",
            "--reflector-restart",
        ),
        ("sendrecv --through -r 0", "--through"),
        ("sendrecv --oneway", "--through"),
        ("swarm --packets many", "--packets many"),
        ("swarm --loss 1%", "--loss"),
        ("sendrecv -s - --report -", "--report"),
        ("report", "CSV is missing"),
        (
            "report Cargo.toml",
            "Cargo.toml is not the CSV of a run: line 1",
        ),
        ("report Cargo.toml -o Cargo.toml", "written over Cargo.toml"),
        ("reflect", "reflect"),
        ("", "command"),
    ] {
        let output = sim(line);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert_eq!(said.lines().count(), 1, "{line}: {said}");
        assert!(said.starts_with("dpdkgen-sim: "), "{line}: {said}");
        assert!(said.contains(names), "{line}: {said}");
        assert!(output.stdout.is_empty(), "{line}");
    }
}

#[test]
fn a_threshold_missed_is_status_3() {
    let line = "sendrecv -q --rate 10kpps --duration 1 --loss 10%";
    assert_eq!(sim(line).status.code(), Some(0));
    let missed = sim(&format!("{line} --max-loss 1%"));
    assert_eq!(missed.status.code(), Some(3));
}

#[test]
fn help_names_the_faults() {
    let output = sim("sendrecv --help");
    let help = String::from_utf8(output.stdout).unwrap();
    for option in [
        "--loss",
        "--dup",
        "--reorder",
        "--corrupt",
        "--delay",
        "--truncate",
    ] {
        assert!(help.contains(option), "{help}");
    }
    assert_eq!(output.status.code(), Some(0));
}
