//! What DPDK logs: what matters of it comes through, and never as a flood.

use std::time::Duration;

use dpdkgen_tests::machine::{Need, cpus, two_cpus};
use dpdkgen_tests::{Program, ports, run, turn};

const LIMIT: Duration = Duration::from_secs(30);
const SENDRECV: &str = "sendrecv --quiet --src 10.0.0.1 --dest 10.0.0.2:10000 \
                        --dest-mac 02:00:00:00:00:02 --packet-size 64 --rate 1kpps";

#[test]
fn what_a_driver_tries_in_vain_at_a_good_start_is_not_told() {
    let Some(_turn) = turn(
        "what_a_driver_tries_in_vain_at_a_good_start_is_not_told",
        &[Need::Namespaces],
    ) else {
        return;
    };
    // Says that the kernel lacks a queueing discipline, and that it goes without.
    let tap = ["net_tap0,iface=dgtap0".to_owned()];
    let arguments = format!("{SENDRECV} --drain-ms 10 --count 10");
    let command = ports::dpdkgen(&cpus()[0].to_string(), &tap, &arguments);
    let ended = run(command, LIMIT).with_status(3);
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{ended:?}");
    assert!(lines[0].contains("nothing came back"), "{ended:?}");
}

#[test]
fn a_vhost_peer_that_left_is_told_in_a_few_lines() {
    let Some(_turn) = turn("a_vhost_peer_that_left_is_told_in_a_few_lines", &[]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("vhost.sock");
    let (near, far) = two_cpus();
    let device = format!("net_virtio_user0,path={},server=1", ports::text(&socket));
    let reflect = ports::dpdkgen(&far.to_string(), &[device], "reflect --quiet");
    let mut reflector = Program::start(reflect);
    reflector.until("socket", LIMIT, |_| socket.exists());

    let device = format!("net_vhost0,iface={},client=1", ports::text(&socket));
    let rows = folder.path().join("rows.csv");
    let arguments = format!(
        "{SENDRECV} --duration 4 --stats-file {}",
        ports::text(&rows)
    );
    let mut sender = Program::start(ports::dpdkgen(&near.to_string(), &[device], &arguments));
    sender.until("row", LIMIT, |_| {
        std::fs::read_to_string(&rows).is_ok_and(|rows| rows.lines().count() > 5)
    });
    // That virtio-user chose a MAC is no matter either.
    assert_eq!(reflector.stderr(), "");
    drop(reflector);
    let ended = sender.wait(LIMIT).with_status(1);
    assert!(ended.stderr.lines().count() < 10, "{}", ended.stderr);
    assert!(ended.stderr.contains("net_vhost0 had no link from"));
}
