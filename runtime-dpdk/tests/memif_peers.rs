//! A port whose peers come and go while it is polled, and that is closed while one is there.
//!
//! net_memif unmaps its rings in another thread when a peer leaves. Left to itself, it kills the
//! polling process within a few peers.

use std::process::Command;
use std::time::{Duration, Instant};

use dpdkgen_core::port::{FrameLen, Port, Verdict};
use dpdkgen_rt::cli::select;
use dpdkgen_rt::eal::Eal;
use dpdkgen_rt::ethdev;
use dpdkgen_rt::ethdev::device::{Device, DeviceConfig, PortUse};

const PEER: &str = "DPDKGEN_TEST_MEMIF_PEER";
const PEERS: usize = 16;

fn start(role: &str, socket: &str) -> Eal {
    let vdev = format!("--vdev=net_memif0,role={role},socket={socket},socket-abstract=no");
    let args = [
        "--no-huge",
        "-m",
        "64",
        "--no-pci",
        "--no-shconf",
        "-l",
        "0",
        &vdev,
    ];
    Eal::init(&args.map(str::to_owned), false, ethdev::CLOSER).unwrap()
}

fn open(eal: &Eal, port_use: PortUse) -> Device<'_> {
    let config = DeviceConfig {
        port_use,
        rx_nodes: vec![0],
        tx_nodes: vec![0],
        rx_descriptors: 1024,
        tx_descriptors: 1024,
        rx_burst: 32,
        tx_burst: 32,
        mtu_needed: 1500,
        mtu_asked: None,
        headers: 28,
        is_neighbour: false,
        is_promiscuous: false,
    };
    let info = select::select(eal, &[], &[]).unwrap().remove(0);
    let mut device = Device::configure(eal, &info, &config).unwrap();
    device.start().unwrap();
    device
}

/// Not a test of its own: a peer that sends for a moment, in a copy of this program.
#[test]
fn peer() {
    let Ok(socket) = std::env::var(PEER) else {
        return;
    };
    let eal = start("client", &socket);
    let mut device = open(&eal, PortUse::SendReceive);
    // The server may be there only later.
    assert!(
        device
            .wait_link(Duration::from_secs(10), &|_, _| false)
            .unwrap()
    );
    let mut ports = device.queue_ports();
    let (begin, mut received) = (Instant::now(), 0);
    while begin.elapsed() < Duration::from_millis(30) || received == 0 {
        ports[1].transmit(32, |frame| {
            frame[..60].fill(1);
            FrameLen(60)
        });
        received += ports[0].receive(|frame| assert_eq!(frame, [1; 60]));
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "nothing comes back"
        );
    }
}

#[test]
fn peers_come_and_go() {
    if std::env::var(PEER).is_ok() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("memif").display().to_string();
    let run_peer = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["peer", "--exact", "--nocapture"])
            .env(PEER, &socket)
            .spawn()
            .unwrap()
    };
    let mut running = run_peer();
    std::thread::sleep(Duration::from_millis(200));

    let eal = start("server", &socket);
    let mut device = open(&eal, PortUse::Reflect);
    assert!(
        device
            .wait_link(Duration::from_secs(10), &|_, _| false)
            .unwrap()
    );
    let mut ports = device.queue_ports();
    let mut ended = 0;
    loop {
        for _ in 0..1000 {
            ports[0].forward(|_| Verdict::Send);
        }
        if let Some(status) = running.try_wait().unwrap() {
            assert!(status.success(), "peer {ended}: {status}");
            ended += 1;
            running = run_peer();
            if ended == PEERS {
                break;
            }
        }
    }
    // The last one is about to connect, or just has, when the port goes.
    std::thread::sleep(Duration::from_millis(150));
    drop(ports);
    drop(device);
    drop(eal);
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(
        !std::path::Path::new(&socket).exists(),
        "the socket is left behind"
    );
}
