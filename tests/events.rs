//! What happens to a port in the middle of a run: it is told, and not taken for a limit of the path.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use dpdkgen_tests::machine::two_cpus;
use dpdkgen_tests::{
    FAR, Link, Memif, NEAR, Need, Offload, Program, Rows, Summary, check_sendrecv, ports, run, turn,
};

const LIMIT: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

/// Returns port and happening of each event, and checks that they are in order and within the run.
fn events(summary: &Summary) -> Vec<(String, String)> {
    let events = summary.get("events").and_then(|events| events.as_array());
    let mut last = f64::NEG_INFINITY;
    let told = events.expect("events").iter().map(|event| {
        let at = event["at_s"].as_f64().expect("a time");
        assert!(at >= last && at < 60.0, "{summary:?}");
        last = at;
        let text = |key: &str| event[key].as_str().expect("a text").to_owned();
        (text("port"), text("what"))
    });
    told.collect()
}

fn owned<const N: usize>(port: &str, happenings: [&str; N]) -> Vec<(String, String)> {
    happenings
        .map(|what| (port.to_owned(), what.to_owned()))
        .into()
}

/// Starts a program, and waits until it has said `words`.
fn saying(words: &str, command: Command) -> Program {
    let mut program = Program::start(command);
    program.until(words, LIMIT, |it| it.stdout().contains(words));
    program
}

/// Starts a reflector, and waits until it reflects.
fn reflecting(command: Command) -> Program {
    saying("Reflecting on", command)
}

/// Starts a sender, and waits until it sends.
fn sending(command: Command) -> Program {
    saying("Sending on", command)
}

/// Starts a sender with these options over a memif link, and its reflector; the sender leaves its
/// files in `folder`.
fn over_memif(memif: &Memif, folder: &Path, options: &str) -> (Program, Program) {
    let (near_cpu, far_cpu) = two_cpus();
    let arguments = format!(
        "sendrecv --src 10.0.0.1 --dest 10.0.0.2:10000 --dest-mac 02:00:00:00:00:01 {options}"
    );
    let mut sendrecv = ports::dpdkgen(&near_cpu.to_string(), &[memif.server(0)], &arguments);
    sendrecv.arg("--json").arg(folder.join("s.json"));
    sendrecv.arg("-s").arg(folder.join("s.csv"));
    let mut sender = Program::start(sendrecv);
    let devices = [memif.client(0)];
    let reflector = reflecting(ports::dpdkgen(&far_cpu.to_string(), &devices, "reflect"));
    sender.until("sender", LIMIT, |it| it.stdout().contains("Sending on"));
    (sender, reflector)
}

#[test]
fn a_link_that_goes_down_and_up_is_told() {
    let needs = [Need::Namespaces, Need::Program("ethtool")];
    let Some(_turn) = turn("a_link_that_goes_down_and_up_is_told", &needs) else {
        return;
    };
    let link = Link::silent(Offload::Off);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (near_cpu, far_cpu) = two_cpus();
    let devices = [ports::af_packet_with_long_rings(FAR)];
    let mut reflect = ports::dpdkgen(&far_cpu.to_string(), &devices, "reflect");
    reflect.arg("--json").arg(file("r.json"));
    let reflector = reflecting(link.inside(FAR, &reflect));

    let devices = [ports::af_packet_with_long_rings(NEAR)];
    let arguments = "sendrecv --src 10.0.0.1 --dest 10.0.0.2:10000 --dest-mac 02:00:00:00:0a:02 \
                     --rate 10kpps --duration 5";
    let mut sendrecv = ports::dpdkgen(&near_cpu.to_string(), &devices, arguments);
    sendrecv.arg("--json").arg(file("s.json"));
    sendrecv.arg("-s").arg(file("s.csv"));
    sendrecv.arg("--report").arg(file("s.html"));
    let sender = sending(link.inside(NEAR, &sendrecv));
    thread::sleep(SECOND);
    let set = |state: &str| {
        let mut command = Command::new("ip");
        command.args(["link", "set", NEAR, state]);
        let _ = run(link.inside(NEAR, &command), LIMIT).ok();
    };
    set("down");
    thread::sleep(SECOND);
    set("up");
    let ended = sender.wait(LIMIT).ok();
    let _ = reflector.interrupt().ok();

    let sent = Summary::read(&file("s.json"));
    check_sendrecv(&sent, &Rows::read(&file("s.csv")));
    let port = "net_af_packet0";
    assert_eq!(events(&sent), owned(port, ["link down", "link up"]));
    assert!(sent.count("rx.unique") > 10_000, "{sent:?}");
    let told = &ended.stdout;
    let line = format!("Port {port}: link down at ");
    assert!(
        told.contains(&line) && told.contains(", link up at "),
        "{told}"
    );
    assert!(!told.contains("--tx-desc"), "{told}");
    let page = std::fs::read_to_string(file("s.html")).unwrap();
    assert!(page.contains("link down at"));
    assert_eq!(
        page.matches("class=\"event\"").count(),
        2 * 3,
        "in each picture over time"
    );
    // The other end of the pair lost its carrier.
    let reflected = Summary::read(&file("r.json"));
    assert_eq!(events(&reflected), owned(port, ["link down", "link up"]));
}

#[test]
fn a_memif_peer_that_leaves_and_comes_back_is_told() {
    let Some(_turn) = turn("a_memif_peer_that_leaves_and_comes_back_is_told", &[]) else {
        return;
    };
    let memif = Memif::new(10);
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("s.json");
    let (near_cpu, far_cpu) = two_cpus();
    let arguments = "sendrecv --src 10.0.0.1 --dest 10.0.0.2:10000 --dest-mac 02:00:00:00:00:01 \
                     --rate 10kpps --duration 8";
    let mut sendrecv = ports::dpdkgen(&near_cpu.to_string(), &[memif.server(0)], arguments);
    sendrecv.arg("--json").arg(&json);
    let sender = Program::start(sendrecv);
    let reflect = || {
        let devices = [memif.client(0)];
        reflecting(ports::dpdkgen(&far_cpu.to_string(), &devices, "reflect"))
    };
    let first = reflect();
    thread::sleep(SECOND);
    let _ = first.interrupt().ok();
    thread::sleep(SECOND / 2);
    let second = reflect();
    let ended = sender.wait(LIMIT).ok();
    let _ = second.interrupt().ok();

    let sent = Summary::read(&json);
    assert_eq!(
        events(&sent),
        owned("net_memif0", ["peer gone", "peer back"])
    );
    let told = &ended.stdout;
    assert!(told.contains("Port net_memif0: peer gone at "), "{told}");
    assert!(!told.contains("--tx-desc"), "{told}");
}

/// A stopped peer keeps its memory, so the link stays up and the ring fills.
#[test]
fn a_peer_that_stands_still_is_told_as_one_gap() {
    let Some(_turn) = turn("a_peer_that_stands_still_is_told_as_one_gap", &[]) else {
        return;
    };
    let memif = Memif::new(10);
    let folder = tempfile::tempdir().unwrap();
    let options = "--rate 20kpps --duration 5 --max-loss 50%";
    let (sender, reflector) = over_memif(&memif, folder.path(), options);
    thread::sleep(SECOND);
    reflector.signal("STOP");
    thread::sleep(2 * SECOND);
    reflector.signal("CONT");
    // It did not offer its load.
    let ended = sender.wait(LIMIT).with_status(3);
    let _ = reflector.interrupt().ok();

    let sent = Summary::read(&folder.path().join("s.json"));
    check_sendrecv(&sent, &Rows::read(&folder.path().join("s.csv")));
    let expected = owned("net_memif0", ["tx ring full", "tx ring free"]);
    assert_eq!(events(&sent), expected);
    let told = &ended.stdout;
    assert!(
        told.contains(" of what was due was skipped: only "),
        "{told}"
    );
    assert!(told.contains("Port net_memif0: tx ring full at "), "{told}");
    for wrong in ["--tx-desc", "refused", " held for "] {
        assert!(!told.contains(wrong), "{wrong} in {told}");
    }
    let said = &ended.stderr;
    assert!(
        said.contains("more than --max-skipped 1 %, its default"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_peer_that_is_gone_for_the_rest_of_the_run_ends_it_with_status_1() {
    let test = "a_peer_that_is_gone_for_the_rest_of_the_run";
    let Some(_turn) = turn(test, &[]) else {
        return;
    };
    let memif = Memif::new(10);
    let folder = tempfile::tempdir().unwrap();
    let options = "--rate 10kpps --duration 4 --max-loss 90%";
    let (sender, reflector) = over_memif(&memif, folder.path(), options);
    thread::sleep(SECOND);
    let _ = reflector.interrupt().ok();
    let ended = sender.wait(LIMIT).with_status(1);

    assert_eq!(
        events(&Summary::read(&folder.path().join("s.json"))),
        owned("net_memif0", ["peer gone"])
    );
    let said = &ended.stderr;
    let gone = "port net_memif0 had no peer from ";
    assert!(said.contains(gone) && said.contains("to the end"), "{said}");
    // The rest of the time counts.
    assert!(said.contains("--max-skipped"), "{said}");
    assert!(!ended.stdout.contains(" held for "), "{}", ended.stdout);
}

/// The sender asks again whenever it likes, and hears what is announced at any time.
#[test]
fn a_next_hop_that_moves_is_followed() {
    let needs = [Need::Namespaces, Need::Program("ethtool")];
    let Some(_turn) = turn("a_next_hop_that_moves_is_followed", &needs) else {
        return;
    };
    let link = Link::silent(Offload::Off);
    let (near_cpu, far_cpu) = two_cpus();
    for (src, dest, own) in [
        ("10.77.0.1", "10.77.0.2:10000", "10.77.0.2"),
        ("fd77::1", "[fd77::2]:10000", "fd77::2"),
    ] {
        let json = tempfile::NamedTempFile::new().unwrap();
        let reflect = || {
            let devices = [ports::af_packet_with_long_rings(FAR)];
            let arguments = format!("reflect --ip {own}");
            let command = ports::dpdkgen(&far_cpu.to_string(), &devices, &arguments);
            reflecting(link.inside(FAR, &command))
        };
        let set_mac = |mac: &str| {
            let mut command = Command::new("ip");
            command.args(["link", "set", FAR, "address", mac]);
            let _ = run(link.inside(FAR, &command), LIMIT).ok();
        };
        set_mac("02:00:00:00:0a:02");
        let first = reflect();
        let devices = [ports::af_packet_with_long_rings(NEAR)];
        let arguments =
            format!("sendrecv --src {src} --dest {dest} --rate 5kpps --duration 8 --txq 1");
        let mut sendrecv = ports::dpdkgen(&near_cpu.to_string(), &devices, &arguments);
        sendrecv.arg("--json").arg(json.path());
        let sender = sending(link.inside(NEAR, &sendrecv));
        thread::sleep(SECOND);
        let _ = first.interrupt().ok();
        set_mac("02:00:00:00:0a:03");
        let second = reflect();
        let ended = sender.wait(LIMIT).ok();
        let second = second.interrupt().ok();

        let sent = Summary::read(json.path());
        let moved = format!("next hop {own} moved to 02:00:00:00:0a:03");
        assert_eq!(events(&sent), owned("net_af_packet0", [&moved]));
        assert!(ended.stdout.contains(&moved), "{}", ended.stdout);
        assert!(second.stdout.contains("reflected for"), "{}", second.stdout);
        assert!(
            !second.stdout.contains("for another MAC"),
            "{}",
            second.stdout
        );
        // What came back after the move: most of what was sent in the last seconds.
        let unique = sent.count("rx.unique");
        assert!(unique > 10_000, "{sent:?}");
    }
}
