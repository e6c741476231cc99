//! What the EAL's failures to start look like to the user: one sentence, the right exit status, and
//! nothing of the EAL's own on either stream.
//!
//! The EAL starts once in a process, so each case runs in a copy of this test program.

use std::process::{Command, Output};

use dpdkgen_rt::eal::{Eal, tell_exits};
use dpdkgen_rt::ethdev;
use dpdkgen_run::failure::Failure;

const ARGS: &str = "DPDKGEN_TEST_EAL_ARGS";

/// Not a test of its own: what the copies run.
#[test]
fn child() {
    let Ok(line) = std::env::var(ARGS) else {
        return;
    };
    let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    // Where it ends the process itself.
    tell_exits(|error| {
        let failure = Failure::from(error);
        eprint!("{failure}");
        failure.exit_status()
    });
    let status = match Eal::init(&args, false, ethdev::CLOSER).map_err(Failure::from) {
        Ok(eal) => {
            eprint!("started{}", eal.take_log().join(", "));
            0
        }
        Err(failure) => {
            eprint!("{failure}");
            failure.exit_status()
        }
    };
    std::process::exit(status.into());
}

fn run(command: &mut Command, args: &str) -> Output {
    command
        .args(["child", "--exact", "--nocapture"])
        .env(ARGS, args)
        .output()
        .unwrap()
}

fn start(args: &str) -> Output {
    run(&mut Command::new(std::env::current_exe().unwrap()), args)
}

#[track_caller]
fn expect(output: &Output, status: i32, parts: &[&str]) {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    eprintln!("{:?}: {err}", output.status.code());
    assert_eq!(output.status.code(), Some(status), "{err}");
    assert_eq!(out.trim(), "running 1 test", "something on standard output");
    assert!(!err.contains('\n'), "more than one line: {err}");
    for part in parts {
        assert!(err.contains(part), "{part:?} is not in: {err}");
    }
}

#[test]
fn options_that_are_wrong() {
    expect(&start("--bogus"), 2, &["'--bogus'"]);
    expect(&start("-Z"), 2, &["-Z"]);
    expect(&start("-l"), 2, &["-l", "value"]);
    expect(&start("--no-huge --vdev"), 2, &["'--vdev'", "value"]);
    expect(&start("-l x"), 2, &["core list"]);
    // DPDK 25.11 takes these two together.
    let both = start("--no-huge --in-memory --no-pci");
    if !both.status.success() {
        expect(&both, 2, &["--no-huge", "--in-memory"]);
    }
    expect(
        &start("--no-huge --no-pci -m 64 --main-lcore 7"),
        2,
        &["ain lcore"],
    );
    expect(
        &start("--no-huge --no-pci -m 64 --no-shconf extra"),
        2,
        &["\"extra\""],
    );
    expect(
        &start("--no-huge --no-pci -d /nonexistent.so"),
        2,
        &["/nonexistent.so"],
    );
}

/// A memif port has to be closed in a way of its own, which the EAL's end sees to.
#[test]
fn an_argument_too_many_beside_a_memif_port() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("memif");
    let args = format!(
        "--no-huge --no-pci -m 64 --no-shconf -l 0 \
         --vdev=net_memif0,role=server,socket={},socket-abstract=no extra",
        socket.display()
    );
    expect(&start(&args), 2, &["\"extra\""]);
}

#[test]
fn lcores_that_are_not_there() {
    let online = std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap();
    for option in [
        "-l 0,126",
        "--lcores 0,126",
        "-c 0x40000000000000000000000000000001",
    ] {
        expect(
            &start(&format!("{option} --no-huge --no-pci")),
            2,
            &["lcore 126", online.trim()],
        );
    }
}

#[test]
fn devices_that_are_not_there() {
    let no_huge = "--no-huge -m 64 --no-pci --no-shconf";
    expect(
        &start(&format!("{no_huge} --vdev=net_bogus0")),
        2,
        &["net_bogus0", "--vdev"],
    );
    // This one starts: the port is merely not there, which the log tells.
    let output = start(&format!("{no_huge} --vdev=net_af_packet0"));
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(err.contains("net_af_packet0"), "{err}");
}

#[test]
fn memory_that_is_not_there() {
    expect(&start("--no-huge --no-pci -m 100000000"), 1, &["-m"]);
    let text = std::fs::read_to_string("/proc/meminfo").unwrap();
    let free = text
        .lines()
        .find(|line| line.starts_with("HugePages_Free:"))
        .unwrap();
    if free.trim_end().ends_with(" 0") {
        for args in ["", "--in-memory", "-l 0 --no-pci"] {
            expect(&start(args), 1, &["hugepages", "nr_hugepages", "--no-huge"]);
        }
    } else {
        eprintln!("skipped: the case without hugepages, because there are some");
    }
}

#[test]
fn it_starts_without_privileges_and_prints_nothing() {
    let args = "--no-huge -m 64 --no-pci --no-shconf -l 0";
    expect(&start(args), 0, &["started"]);
    // As nobody, in a place that nobody can read.
    let program = tempfile::tempdir().unwrap();
    let copy = program.path().join("test");
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(program.path(), mode).unwrap();
    let ids = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    if !Command::new("setpriv")
        .args(ids)
        .arg("true")
        .status()
        .is_ok_and(|status| status.success())
    {
        eprintln!("skipped: starting as nobody, which takes root and setpriv");
        return;
    }
    expect(
        &run(Command::new("setpriv").args(ids).arg(&copy), args),
        0,
        &["started"],
    );
}

#[test]
fn help_is_printed() {
    let output = start("-h");
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("EAL") && text.contains("--vdev"), "{text}");
}
