//! `sendrecv` through `af_packet` and a veth pair to a kernel's UDP socket, which Python's socket
//! server reads and answers: every probe comes back intact, whoever writes the checksums.

use std::process::Command;

use dpdkgen_tests::machine::PYTHON;
use dpdkgen_tests::{EchoServer, Need, Offload, Program, Summary, turn};

/// Checks that every probe of the run came back, once and intact.
fn assert_all_back(summary: &Summary) {
    let sent = summary.count("tx.packets");
    let skipped = summary.count("pacing.skipped");
    assert!(
        (3999..=4001).contains(&(sent + skipped)),
        "{sent} and {skipped}"
    );
    assert!(
        sent > 1000,
        "the machine had time for {sent} of 4000 packets"
    );
    assert_eq!(summary.count("rx.unique"), sent, "{summary:?}");
    for nothing in ["lost", "rx.corrupt", "rx.duplicates", "rx.too_old"] {
        assert_eq!(summary.count(nothing), 0, "{nothing} in {summary:?}");
    }
    assert_eq!(summary.number("loss_ratio").to_bits(), 0);
}

#[test]
fn with_checksums_written_by_the_kernel() {
    let Some(_turn) = turn("with_checksums_written_by_the_kernel", &EchoServer::NEEDS) else {
        return;
    };
    let server = EchoServer::new(Offload::Off);
    // From the smallest to the largest that an MTU of 1500 takes, even and odd, with and without
    // the long head.
    for size in [16, 18, 23, 24, 1000, 1458, 1472] {
        let summary = server.run(&format!("--packet-size {size}"), 1);
        assert_all_back(&summary);
        assert_eq!(summary.count("rx.checksum_partial"), 0, "size {size}");
        let frame = summary.count("tx.packets") * (size + 42);
        assert_eq!(summary.count("tx.bytes"), frame, "frames without FCS");
    }
}

#[test]
fn with_checksums_left_to_the_network_card() {
    let Some(_turn) = turn(
        "with_checksums_left_to_the_network_card",
        &EchoServer::NEEDS,
    ) else {
        return;
    };
    let server = EchoServer::new(Offload::On);
    for size in [16, 18, 1000, 1458] {
        let summary = server.run(&format!("--packet-size {size}"), 1);
        assert_all_back(&summary);
        // A sum of the rest that happens to be 0 makes no difference to the checksum.
        let (partial, unique) = (
            summary.count("rx.checksum_partial"),
            summary.count("rx.unique"),
        );
        assert!(
            partial + 2 >= unique && partial <= unique,
            "{partial} of {unique}"
        );
    }
}

/// The kernel at the far end chooses flow labels.
#[test]
fn over_ipv6() {
    let Some(_turn) = turn("over_ipv6", &EchoServer::NEEDS) else {
        return;
    };
    let server = EchoServer::new(Offload::Off);
    for size in [16, 25, 1000, 1452] {
        let options = format!("--packet-size {size} --dscp 46 --ttl 2");
        let summary = server.run_between("fd77::1", "fd77::2", &options, 1);
        assert_all_back(&summary);
        let bytes = summary.count("tx.packets") * (size + 62);
        assert_eq!(summary.count("tx.bytes"), bytes, "{options}");
        assert_eq!(summary.count("rx.checksum_partial"), 0, "{options}");
    }
}

/// The kernel at the far end takes the tags off and puts them back.
#[test]
fn in_vlans() {
    let mut needs = EchoServer::NEEDS.to_vec();
    needs.push(Need::Vlans);
    let Some(_turn) = turn("in_vlans", &needs) else {
        return;
    };
    let server = EchoServer::new(Offload::Off);
    server.add_vlans();
    for (from, to, tags, headers, sizes) in [
        ("10.78.0.1", "10.78.0.2", "--vlan 100.5", 46, [16, 24, 1472]),
        (
            "fd78::1",
            "fd78::2",
            "--vlan 100 --dscp 46 --ttl 2",
            66,
            [16, 1000, 1452],
        ),
        (
            "10.79.0.1",
            "10.79.0.2",
            "--vlan 20 --vlan 7",
            50,
            [16, 1000, 1400],
        ),
        (
            "fd79::1",
            "fd79::2",
            "--vlan 20.3 --vlan 7.1",
            70,
            [16, 25, 1400],
        ),
    ] {
        for size in sizes {
            let options = format!("{tags} --packet-size {size}");
            let summary = server.run_between(from, to, &options, 1);
            assert_all_back(&summary);
            let bytes = summary.count("tx.packets") * (size + headers);
            assert_eq!(summary.count("tx.bytes"), bytes, "{options}");
            assert_eq!(summary.count("rx.checksum_partial"), 0, "{options}");
        }
    }
}

#[test]
fn over_two_queues() {
    let Some(_turn) = turn("over_two_queues", &EchoServer::NEEDS) else {
        return;
    };
    let server = EchoServer::new(Offload::Off);
    let summary = server.run("--packet-size 100", 2);
    assert_all_back(&summary);
    for (_, queue, packets) in summary.queues("tx") {
        assert!(packets > 0, "nothing was sent on queue {queue}");
    }
    let received: u64 = summary
        .queues("rx")
        .iter()
        .map(|(_, _, packets)| packets)
        .sum();
    assert_eq!(received, summary.count("rx.packets"));
}

#[test]
fn another_programs_packets_are_foreign() {
    let Some(_turn) = turn("another_programs_packets_are_foreign", &EchoServer::NEEDS) else {
        return;
    };
    let server = EchoServer::new(Offload::Off);
    // What the kernel at the far end sends by itself on a port outside of the run's.
    let chatter = "import socket, time\n\
                   s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
                   while True: s.sendto(b'not a probe, and no less welcome', ('10.77.0.1', 9)); \
                   time.sleep(0.01)";
    let mut python = Command::new(PYTHON);
    python.args(["-c", chatter]);
    let _chatter = Program::start(server.link.inside("far", &python));
    let summary = server.run("--packet-size 64", 1);
    assert_all_back(&summary);
    assert!(summary.count("rx.foreign") > 20, "{summary:?}");
}
