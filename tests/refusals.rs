//! Requests that cannot be met and machines that lack something: one sentence on standard error
//! that names what is wrong and what to do about it, the right exit status, and nothing else at
//! all.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use dpdkgen_tests::machine::{cpus, dpdkgen_rt};
use dpdkgen_tests::{Ended, Link, Memif, NEAR, Need, Offload, ports, run, turn};

const LIMIT: Duration = Duration::from_secs(30);
/// The options of a complete request, which follow `sendrecv`.
const WHOLE: &str = "--src 10.0.0.1 --dest 10.0.0.2:10000 --dest-mac 02:00:00:00:00:09 --count 10 \
                     --drain-ms 10";
const NO_HUGEPAGES: &str = "--no-pci --no-huge -m 256 --no-shconf";

/// A command line, the exit status that it ends with, and words that its sentence has to have.
struct Case<'a> {
    eal: String,
    arguments: String,
    status: i32,
    says: &'a [&'a str],
}

impl Case<'_> {
    fn check(&self) {
        let mut command = Command::new(dpdkgen_rt());
        command.args(self.eal.split_whitespace()).arg("--");
        command.args(self.arguments.split_whitespace());
        check(run(command, LIMIT), self.status, self.says);
    }
}

/// Checks that a program refused, in one sentence with these words in it.
fn check(ended: Ended, status: i32, says: &[&str]) {
    let ended = ended.with_status(status);
    let (line, text) = (&ended.line, &ended.stderr);
    assert_eq!(ended.stdout, "", "{line} wrote to standard output");
    let sentence = text.strip_suffix('\n').unwrap_or_default();
    let is_one_line = !sentence.is_empty() && !sentence.contains('\n');
    assert!(is_one_line, "{line} does not say one sentence: {text}");
    assert!(sentence.starts_with("dpdkgen-rt: "), "{text}");
    for noise in [
        "EAL: ",
        "panicked",
        "thread '",
        "RUST_BACKTRACE",
        "Usage:",
        "usage:",
    ] {
        assert!(!text.contains(noise), "{line} says {noise}: {text}");
    }
    for word in says {
        assert!(text.contains(word), "{line} does not name {word}: {text}");
    }
}

/// Returns the case of a request of `sendrecv` on two devices that are always there.
fn request<'a>(options: &str, says: &'a [&'a str]) -> Case<'a> {
    Case {
        eal: format!(
            "-l {} {NO_HUGEPAGES} --vdev=net_ring0 --vdev=net_null0",
            cpus()[0]
        ),
        arguments: format!("sendrecv {WHOLE} {options}"),
        status: 2,
        says,
    }
}

#[test]
fn an_mtu_that_a_port_cannot_have() {
    let test = "an_mtu_that_a_port_cannot_have";
    let needs = [Need::Namespaces, Need::Program("ethtool")];
    let Some(_turn) = turn(test, &needs) else {
        return;
    };
    request("-p 0 --mtu 67", &["--mtu", "68"]).check();
    request("-p 0 --mtu 1027", &["1000 bytes", "1028", "--mtu is 1027"]).check();
    let memif = Memif::new(10);
    let case = Case {
        eal: format!("-l {} {NO_HUGEPAGES} --vdev={}", cpus()[0], memif.server(0)),
        ..request("--mtu 9000", &["net_memif0", "1500 at most", "--mtu 9000"])
    };
    case.check();
    // The interface's MTU is somebody else's, be it more or less.
    let link = Link::silent(Offload::Off);
    for mtu in ["1400", "9000"] {
        let devices = [ports::af_packet(NEAR, 1)];
        let arguments = format!("reflect --mtu {mtu}");
        let command = ports::dpdkgen(&cpus()[0].to_string(), &devices, &arguments);
        let command = link.inside(NEAR, &command);
        let set = format!("ip link set mtu {mtu}");
        check(run(command, LIMIT), 2, &["which is 1500", &set]);
    }
}

#[test]
fn ports_that_are_not_there() {
    let Some(_turn) = turn("ports_that_are_not_there", &[]) else {
        return;
    };
    // Those that are there are named, by name and by index.
    let there = ["0 (net_ring0)", "1 (net_null0)"];
    for absent in ["02:00:00:00:00:99", "net_foo", "0000:08:00.0", "7"] {
        let says = [there.as_slice(), &[absent]].concat();
        request(&format!("-p {absent}"), &says).check();
    }
    let says = [there.as_slice(), &["-p"]].concat();
    request("", &says).check();
    request("-p 0 -p net_ring0", &["twice", "net_ring0"]).check();
    let no_port = Case {
        eal: format!("-l {} {NO_HUGEPAGES}", cpus()[0]),
        ..request("", &["no port", "--vdev"])
    };
    no_port.check();
}

#[test]
fn options_that_make_no_request() {
    let Some(_turn) = turn("options_that_make_no_request", &[]) else {
        return;
    };
    for (options, says) in [
        ("-p 0 -r 17", ["16 receive queues", "-r"]),
        ("-p 0 -t 17", ["16 transmit queues", "-t"]),
        ("-p 0 --packet-size 15", ["--packet-size", "16"]),
        ("-p 0 --packet-size 8973", ["--packet-size", "8972"]),
        ("-p 0 --frame-size 61", ["--frame-size", "62"]),
        (
            "-p 0 --src-port-range 11000-10000",
            ["--src-port-range", "upside down"],
        ),
        ("-p 0 --frobnicate", ["--frobnicate", "--help"]),
        ("-p 0 -s - --json -", ["standard output", "--json"]),
        (
            "-p 0 -s /dev/stdout --json -",
            ["standard output", "--json"],
        ),
        ("-p 0 --rate 10kpps -R 10", ["--rate", "--rate-limit"]),
        ("-p 0 --rate 10furlongs", ["--rate", "bps"]),
        ("-p 0 --rate 0", ["--rate", "more than 0"]),
        ("-p 0 --max-loss 2", ["--max-loss", "0.1%"]),
        ("-p 0 --duration soon", ["--duration", "250ms"]),
        (
            "-p 0 -i 1ms --stats-evict-threshold-secs 2000",
            ["threshold", "interval"],
        ),
        ("-p 0 --src 10.0.0.3 --src 10.0.0.4", ["--src", "once"]),
        ("-p 0 -t 0", ["--txq", "1"]),
        ("-p 0 --through -r 0", ["--through", "--rxq"]),
        ("-p 1 --through", ["net_null0", "--through"]),
        ("-p 0 -p 1 --oneway", ["--oneway", "--through"]),
        ("-p 0 --through --oneway", ["--oneway", "--port"]),
    ] {
        request(options, &says).check();
    }
    for (arguments, says) in [
        (
            "sendrecv --dest 10.0.0.2:10000 --dest-mac 02:00:00:00:00:02",
            ["--src ", "IP address"],
        ),
        (
            "sendrecv --src 10.0.0.1 --dest-mac 02:00:00:00:00:02",
            ["--dest ", "port"],
        ),
        ("reflect -p 0 -r 2 -t 1", ["--rxq", "--txq"]),
        ("reflect -p 0 -r 0 -t 0", ["--rxq", "1"]),
        ("reflect -p 0 --src 10.0.0.1", ["--src", "--help"]),
        ("frobnicate", ["frobnicate", "reflect"]),
        ("", ["sendrecv", "reflect"]),
    ] {
        let case = Case {
            arguments: arguments.to_owned(),
            ..request("", &says)
        };
        case.check();
    }
}

#[test]
fn eal_options_that_do_not_go() {
    let Some(_turn) = turn("eal_options_that_do_not_go", &[]) else {
        return;
    };
    let cpus = cpus();
    let (cpu, beyond) = (cpus[0], cpus[cpus.len() - 1] + 1);
    let many = format!("-l {cpu},{beyond} {NO_HUGEPAGES}");
    let missing = beyond.to_string();
    for (eal, says) in [
        (many.as_str(), ["lcore", missing.as_str()]),
        (
            &format!("-l {cpu} {NO_HUGEPAGES} --frobnicate"),
            ["--frobnicate", "behind the `--`"],
        ),
        (
            &format!("-l {cpu} {NO_HUGEPAGES} stray"),
            ["stray", "behind the `--`"],
        ),
        (
            &format!("-l {cpu} {NO_HUGEPAGES} --file-prefix"),
            ["--file-prefix", "value"],
        ),
        (
            &format!("-l {cpu} {NO_HUGEPAGES} --vdev=net_foo0"),
            ["net_foo0", "--vdev"],
        ),
    ] {
        let case = Case {
            eal: format!("--vdev=net_ring0 {eal}"),
            ..request("", &says)
        };
        case.check();
    }
}

#[test]
fn what_the_device_cannot_carry_or_does_not_reach() {
    let Some(_turn) = turn("what_the_device_cannot_carry_or_does_not_reach", &[]) else {
        return;
    };
    let (cpu, memif) = (cpus()[0], Memif::new(10));
    let on = |device: String| format!("-l {cpu} {NO_HUGEPAGES} --vdev={device}");
    let too_long = Case {
        eal: on(memif.server(0)),
        ..request("--packet-size 1473", &["1473", "MTU", "1500", "1472"])
    };
    too_long.check();
    for (device, options) in [
        (memif.server(0), "--wait-link 1"),
        (memif.client(0), "--wait-link 500ms"),
    ] {
        let alone = Case {
            eal: on(device),
            status: 1,
            ..request(options, &["net_memif0", "down", "--wait-link"])
        };
        alone.check();
    }
}

/// A port over an interface of the kernel's has its MTU, whatever the driver says of itself, and
/// leaves it as it is.
#[test]
fn what_the_kernels_interface_does_not_carry() {
    let needs = [Need::Namespaces, Need::Program("ethtool")];
    let Some(_turn) = turn("what_the_kernels_interface_does_not_carry", &needs) else {
        return;
    };
    let link = Link::new(Offload::Off);
    link.set_mtu(1400);
    let device = ports::af_packet(NEAR, 1);
    let sendrecv = |options: &str| {
        let arguments = format!("sendrecv {WHOLE} {options}");
        let command = ports::dpdkgen(
            &cpus()[0].to_string(),
            std::slice::from_ref(&device),
            &arguments,
        );
        run(link.inside(NEAR, &command), LIMIT)
    };
    check(
        sendrecv("--packet-size 1373"),
        2,
        &["1373", "MTU", "1400", "1372"],
    );
    // It ran, and there is nobody to send anything back.
    let _ = sendrecv("--packet-size 1372 -q").with_status(3);
    let mut show = Command::new("ip");
    show.args(["link", "show", NEAR]);
    let shown = run(link.inside(NEAR, &show), LIMIT).ok();
    assert!(shown.stdout.contains("mtu 1400"), "{}", shown.stdout);
}

#[test]
fn files_that_cannot_be_written() {
    let Some(_turn) = turn("files_that_cannot_be_written", &[]) else {
        return;
    };
    for option in ["-s", "--json"] {
        for file in ["/nonexistent/folder/file", "/dev"] {
            let says = [file, "name a place"];
            let case = Case {
                status: 1,
                ..request(&format!("-p 0 {option} {file}"), &says)
            };
            case.check();
        }
    }
}

#[test]
fn what_does_not_begin_leaves_the_files_of_the_last_run() {
    let Some(_turn) = turn("what_does_not_begin_leaves_the_files_of_the_last_run", &[]) else {
        return;
    };
    let (cpu, memif, folder) = (cpus()[0], Memif::new(10), tempfile::tempdir().unwrap());
    let file = |name: &str| folder.path().join(name);
    fs::write(file("csv"), "of an earlier run").unwrap();
    let files = format!(
        "-q -s {} --json {}",
        ports::text(&file("csv")),
        ports::text(&file("json"))
    );
    for (device, options, status) in [
        (memif.client(0), "--wait-link 500ms", 1),
        ("net_ring0".to_owned(), "-r 99", 2),
        // No memory for buffers, and too much of it for intervals.
        ("net_ring0".to_owned(), "-t 16 -r 16", 1),
        (
            "net_ring0".to_owned(),
            "-i 0.001 -t 16 -r 16 --rx-desc 64 --tx-desc 64",
            2,
        ),
        (memif.server(0), "--packet-size 1473", 2),
    ] {
        let case = Case {
            eal: format!("-l {cpu} {NO_HUGEPAGES} --vdev={device}"),
            status,
            ..request(&format!("{options} {files}"), &[])
        };
        case.check();
        let text = fs::read_to_string(file("csv")).unwrap();
        assert_eq!(text, "of an earlier run", "{options}");
        assert!(!file("json").exists(), "{options}");
    }
}

/// The number of hugepages of the default size, set back when this is dropped.
struct Hugepages(String);

const NR_HUGEPAGES: &str = "/proc/sys/vm/nr_hugepages";

impl Hugepages {
    fn set(count: u32) -> Option<Self> {
        let before = Self(fs::read_to_string(NR_HUGEPAGES).ok()?);
        fs::write(NR_HUGEPAGES, count.to_string()).ok()?;
        let now = fs::read_to_string(NR_HUGEPAGES).ok()?;
        (now.trim() == count.to_string()).then_some(before)
    }
}

impl Drop for Hugepages {
    fn drop(&mut self) {
        // There is nobody left to tell if it fails.
        let _ = fs::write(NR_HUGEPAGES, &self.0);
    }
}

#[test]
fn not_enough_hugepages() {
    let Some(_turn) = turn("not_enough_hugepages", &[Need::Root]) else {
        return;
    };
    let case = |eal: &str, says: &[&str]| {
        let case = Case {
            eal: format!("-l {} --no-pci --vdev=net_ring0 {eal}", cpus()[0]),
            status: 1,
            ..request("", says)
        };
        case.check();
    };
    if let Some(_hugepages) = Hugepages::set(0) {
        case("", &["no hugepages", "nr_hugepages", "--no-huge"]);
        case(
            "--in-memory",
            &["no hugepages", "nr_hugepages", "--no-huge"],
        );
        // The program's own choice of EAL options makes no difference.
        let mut command = Command::new(dpdkgen_rt());
        command.arg("sendrecv").args(WHOLE.split_whitespace());
        check(
            run(command, LIMIT),
            1,
            &["no hugepages", "nr_hugepages", "--no-huge"],
        );
    }
    if let Some(_hugepages) = Hugepages::set(16) {
        case("--in-memory -m 4096", &["hugepages", "4096", "-m"]);
    }
    // Without them there has to be enough of the other kind.
    case("--no-huge --no-shconf -m 8", &["memory", "-m"]);
}

/// Runs `dpdkgen-rt` as a user without any rights, in a place that this user can read.
fn as_nobody(arguments: &str) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = folder.path().join("dpdkgen-rt");
    fs::copy(dpdkgen_rt(), &copy).unwrap();
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--no-new-privs",
    ]);
    command
        .arg(copy)
        .args(arguments.split_whitespace())
        .current_dir("/");
    run(command, LIMIT)
}

#[test]
fn no_permission() {
    let needs = [Need::Root, Need::Program("setpriv")];
    let Some(_turn) = turn("no_permission", &needs) else {
        return;
    };
    let cpu = cpus()[0];
    let sendrecv = format!("sendrecv {WHOLE}");
    let with = |device: &str| format!("-l {cpu} {NO_HUGEPAGES} --vdev={device} -- {sendrecv}");
    // None is needed for the software ports that stay within the process.
    let _ = as_nobody(&format!("{} --through", with("net_ring0"))).ok();
    let file = format!("{} -s /root.csv", with("net_ring0"));
    check(as_nobody(&file), 1, &["/root.csv", "Permission denied"]);
    if let Some(_hugepages) = Hugepages::set(16) {
        let wanting = format!("-l {cpu} --no-pci --vdev=net_ring0 -- {sendrecv}");
        check(
            as_nobody(&wanting),
            1,
            &["hugepages", "permission", "--no-huge"],
        );
    }
    check(
        as_nobody(&with("net_af_packet0,iface=lo")),
        1,
        &["AF_PACKET", "root"],
    );
}

#[test]
fn help_and_lists_are_no_refusals() {
    let Some(_turn) = turn("help_and_lists_are_no_refusals", &[]) else {
        return;
    };
    for arguments in [
        "--help",
        "-h",
        "--version",
        "sendrecv --help",
        "reflect -h",
        "ports --help",
    ] {
        let mut command = Command::new(dpdkgen_rt());
        command.args(arguments.split_whitespace());
        let ended = run(command, LIMIT).ok();
        assert!(
            !ended.stdout.is_empty() && ended.stderr.is_empty(),
            "{ended:?}"
        );
    }
    let devices = ["net_ring0".to_owned(), "net_null0".to_owned()];
    let list = |options: &str| {
        let cpu = cpus()[0].to_string();
        run(
            ports::dpdkgen(&cpu, &devices, &format!("ports {options}")),
            LIMIT,
        )
        .ok()
    };
    let table = list("").stdout;
    assert!(
        table.contains("net_ring0") && table.contains("net_null"),
        "{table}"
    );
    let json: serde_json::Value = serde_json::from_str(&list("--json").stdout).unwrap();
    let names: Vec<&str> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["net_ring0", "net_null0"]);
}
