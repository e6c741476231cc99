//! Frames through software ports: what was sent comes back whole, and everything that does not get
//! through is counted. One EAL and one test, since the EAL starts once in a process.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dpdkgen_core::port::{FrameLen, Port, TxOutcome, Verdict};
use dpdkgen_rt::cli::select;
use dpdkgen_rt::eal::Eal;
use dpdkgen_rt::eal::lcore;
use dpdkgen_rt::ethdev;
use dpdkgen_rt::ethdev::device::{Device, DeviceConfig, PortUse};
use dpdkgen_rt::ethdev::queue::QueuePort;
use dpdkgen_rt::ethdev::stats::PortStats;
use dpdkgen_run::failure::Failure;
use dpdkgen_run::request::PortSelector;

const BURST: u16 = 32;

fn config(port_use: PortUse, rx: usize, tx: usize) -> DeviceConfig {
    DeviceConfig {
        port_use,
        rx_nodes: vec![0; rx],
        tx_nodes: vec![0; tx],
        rx_descriptors: 1024,
        tx_descriptors: 1024,
        rx_burst: BURST,
        tx_burst: BURST,
        mtu_needed: 1500,
        mtu_asked: None,
        headers: 28,
        is_neighbour: false,
        is_promiscuous: false,
    }
}

fn open<'eal>(eal: &'eal Eal, name: &str, config: &DeviceConfig) -> Device<'eal> {
    let info = select::select(eal, &[], &[PortSelector::Name(name.to_owned())])
        .unwrap()
        .remove(0);
    let mut device = Device::configure(eal, &info, config).unwrap();
    device.start().unwrap();
    assert!(
        device
            .wait_link(Duration::from_secs(1), &|_, _| false)
            .unwrap()
    );
    device
}

/// A frame that is told from every other by its number.
fn write_frame(number: usize, frame: &mut [u8]) -> FrameLen {
    let len = 60 + number % 1400;
    for (i, byte) in frame[..len].iter_mut().enumerate() {
        *byte = (number * 7 + i) as u8;
    }
    FrameLen(len as u16)
}

fn check_frame(number: usize, frame: &[u8]) {
    assert_eq!(frame.len(), 60 + number % 1400, "length of frame {number}");
    assert!(
        frame
            .iter()
            .enumerate()
            .all(|(i, &byte)| byte == (number * 7 + i) as u8)
    );
}

fn send(port: &mut QueuePort, first: usize, want: u16) -> TxOutcome {
    let mut number = first;
    port.transmit(want, |frame| {
        assert_eq!(frame.len(), 1522, "room for the largest frame");
        number += 1;
        write_frame(number - 1, frame)
    })
}

fn frames_come_back_whole_and_in_order(eal: &Eal) {
    let mut device = open(eal, "net_ring0", &config(PortUse::SendReceive, 1, 1));
    let mut ports = device.queue_ports();
    let [rx, tx] = ports.as_mut_slice() else {
        panic!("one queue each")
    };
    assert_eq!((rx.rx_queue(), rx.tx_queue()), (Some(0), None));
    assert_eq!((tx.rx_queue(), tx.tx_queue()), (None, Some(0)));
    assert_eq!(rx.receive(|_| panic!("nothing was sent")), 0);
    let (mut sent, mut received) = (0, 0);
    for round in 0..20_000 {
        let want = round % BURST + 1;
        let outcome = send(tx, sent, want);
        assert_eq!(
            outcome,
            TxOutcome {
                accepted: want,
                ..TxOutcome::default()
            }
        );
        sent += usize::from(want);
        while received < sent {
            let count = rx.receive(|frame| {
                check_frame(received, frame);
                received += 1;
            });
            assert!(0 < count && count <= BURST);
        }
    }
    // The wrong half of a pair does nothing, and says so.
    assert_eq!(
        send(rx, 0, 3),
        TxOutcome {
            no_buffer: 3,
            ..TxOutcome::default()
        }
    );
    assert_eq!(tx.receive(|_| panic!()), 0);
}

fn a_full_ring_refuses_and_nothing_is_leaked(eal: &Eal) {
    let mut device = open(eal, "net_ring1", &config(PortUse::SendReceive, 1, 1));
    let mut ports = device.queue_ports();
    let [rx, tx] = ports.as_mut_slice() else {
        panic!("one queue each")
    };
    for _ in 0..10 {
        let mut sent = 0;
        let refused = loop {
            let outcome = send(tx, sent, BURST);
            sent += usize::from(outcome.accepted);
            assert_eq!(outcome.accepted + outcome.refused, BURST);
            if outcome.refused > 0 {
                break outcome.refused;
            }
        };
        assert_eq!((sent, refused), (1023, 1), "a ring of 1024 holds 1023");
        // Were refused buffers not freed, 1000 more rounds would find none.
        for _ in 0..1000 {
            let outcome = send(tx, 0, BURST);
            assert_eq!(
                outcome,
                TxOutcome {
                    refused: BURST,
                    ..TxOutcome::default()
                }
            );
        }
        let mut received = 0;
        while rx.receive(|frame| {
            check_frame(received, frame);
            received += 1;
        }) > 0
        {}
        assert_eq!(received, sent);
    }
}

fn an_empty_pool_gives_no_buffer(eal: &Eal) {
    // The pool goes by the descriptors asked for, and net_ring's ring does not: it holds more.
    let config = DeviceConfig {
        tx_descriptors: 32,
        ..config(PortUse::SendReceive, 1, 1)
    };
    let mut device = open(eal, "net_ring2", &config);
    let mut ports = device.queue_ports();
    let [rx, tx] = ports.as_mut_slice() else {
        panic!("one queue each")
    };
    let mut sent = 0;
    loop {
        let outcome = send(tx, sent, BURST);
        if outcome.accepted == 0 {
            assert_eq!(
                outcome,
                TxOutcome {
                    no_buffer: BURST,
                    ..TxOutcome::default()
                }
            );
            break;
        }
        sent += usize::from(outcome.accepted);
        assert!(sent < 1023);
    }
    let mut received = 0;
    while rx.receive(|_| received += 1) > 0 {}
    assert_eq!(received, sent);
    assert_eq!(
        send(tx, 0, BURST).accepted,
        BURST,
        "buffers that were received are free again"
    );
    // These stay in the ring: closing the port has to see to them before their pool goes.
}

fn a_pair_forwards_what_it_is_told_to(eal: &Eal) {
    let mut device = open(eal, "net_pcap0", &config(PortUse::Reflect, 1, 1));
    let mut ports = device.queue_ports();
    let [pair] = ports.as_mut_slice() else {
        panic!("one pair")
    };
    assert_eq!((pair.rx_queue(), pair.tx_queue()), (Some(0), Some(0)));
    let (mut number, mut bytes, mut kept) = (0, 0, 0);
    let mut outcomes = Vec::new();
    loop {
        let outcome = pair.forward(|frame| {
            assert_eq!(frame.len(), LENGTHS[number]);
            assert!(
                frame
                    .iter()
                    .enumerate()
                    .all(|(i, &byte)| byte == pcap_byte(number, i))
            );
            frame[..42].reverse();
            number += 1;
            if number % 4 == 0 {
                return Verdict::Drop;
            }
            bytes += frame.len() as u64;
            kept += 1;
            Verdict::Send
        });
        if outcome.received == 0 {
            break;
        }
        outcomes.push(outcome);
    }
    assert_eq!(number, LENGTHS.len());
    assert_eq!(
        outcomes.iter().map(|o| u32::from(o.received)).sum::<u32>(),
        LENGTHS.len() as u32
    );
    assert_eq!(
        outcomes.iter().map(|o| u32::from(o.sent)).sum::<u32>(),
        kept
    );
    assert_eq!(outcomes.iter().map(|o| o.sent_bytes).sum::<u64>(), bytes);
    assert!(outcomes.iter().all(|o| o.refused == 0));
}

/// Frames of one segment and of several: with an MTU of 1500 buffers hold 2048 bytes, and net_pcap
/// puts more into a chain.
const LENGTHS: [usize; 12] = [
    60, 1514, 2048, 2049, 60, 5000, 9014, 64, 2175, 2177, 4225, 61,
];

fn pcap_byte(number: usize, i: usize) -> u8 {
    (number * 31 + i * 3 + i / 256) as u8
}

fn write_pcap(path: &std::path::Path) {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(word.to_le_bytes());
    }
    for (number, &len) in LENGTHS.iter().enumerate() {
        for word in [0, 0, len as u32, len as u32] {
            file.extend(word.to_le_bytes());
        }
        file.extend((0..len).map(|i| pcap_byte(number, i)));
    }
    std::fs::write(path, file).unwrap();
}

/// The frames of a pcap file, as `net_pcap` writes it.
fn read_pcap(path: &std::path::Path) -> Vec<Vec<u8>> {
    let file = std::fs::read(path).unwrap();
    let (mut frames, mut rest) = (Vec::new(), &file[24..]);
    while let Some((header, tail)) = rest.split_at_checked(16) {
        let len = u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize;
        frames.push(tail[..len].to_vec());
        rest = &tail[len..];
    }
    frames
}

fn check_forwarded(path: &std::path::Path) {
    let frames = read_pcap(path);
    let kept = LENGTHS
        .iter()
        .enumerate()
        .filter(|(number, _)| (number + 1) % 4 != 0);
    assert_eq!(frames.len(), kept.clone().count());
    for (frame, (number, &len)) in frames.iter().zip(kept) {
        let mut expected: Vec<u8> = (0..len).map(|i| pcap_byte(number, i)).collect();
        expected[..42].reverse();
        assert!(*frame == expected, "frame {number} of {len} bytes");
    }
}

fn several_segments_are_received_as_one_frame(eal: &Eal) {
    let mut device = open(eal, "net_pcap1", &config(PortUse::SendReceive, 1, 1));
    let mut ports = device.queue_ports();
    let mut number = 0;
    while ports[0].receive(|frame| {
        assert_eq!(frame.len(), LENGTHS[number]);
        assert!(
            frame
                .iter()
                .enumerate()
                .all(|(i, &byte)| byte == pcap_byte(number, i))
        );
        number += 1;
    }) > 0
    {}
    assert_eq!(number, LENGTHS.len());
}

/// Two ends of a memif link, of which the near one never reads what comes back.
fn a_full_ring_is_given_up_after_a_while(eal: &Eal) {
    let configure = |name: &str, config: &DeviceConfig| {
        let info = select::select(eal, &[], &[PortSelector::Name(name.to_owned())])
            .unwrap()
            .remove(0);
        let mut device = Device::configure(eal, &info, config).unwrap();
        device.start().unwrap();
        device
    };
    let mut far = configure("net_memif1", &config(PortUse::Reflect, 1, 1));
    let mut near = configure("net_memif2", &config(PortUse::SendReceive, 1, 1));
    assert!(
        far.wait_link(Duration::from_secs(5), &|_, _| false)
            .unwrap()
    );
    assert!(
        near.wait_link(Duration::from_secs(5), &|_, _| false)
            .unwrap()
    );
    let counters = [near.stats(), far.stats()];
    let (mut far_ports, mut near_ports) = (far.queue_ports(), near.queue_ports());
    // By reading once, a memif client lends the server the ring's buffers.
    assert_eq!(near_ports[0].receive(|_| panic!("nothing was sent")), 0);
    let (mut sent, mut refused, mut longest) = (0, 0, Duration::ZERO);
    for _ in 0..2000 {
        assert_eq!(send(&mut near_ports[1], 0, BURST).accepted, BURST);
        let begin = Instant::now();
        let outcome = far_ports[0].forward(|_| Verdict::Send);
        longest = longest.max(begin.elapsed());
        assert_eq!(outcome.received, BURST);
        assert_eq!(outcome.sent + outcome.refused, BURST);
        let length = |number: u64| 60 + number;
        assert_eq!(
            outcome.sent_bytes,
            (0..u64::from(outcome.sent)).map(length).sum::<u64>()
        );
        sent += outcome.sent;
        refused += u32::from(outcome.refused);
    }
    assert_eq!(sent, 1024, "what memif's ring holds");
    assert_eq!(refused, 2000 * u32::from(BURST) - u32::from(sent));
    eprintln!("a full ring held a burst up for {longest:?} at most");
    // What went into the ring before it was full comes out whole.
    let mut received = 0;
    while near_ports[0].receive(|frame| {
        check_frame(received % usize::from(BURST), frame);
        received += 1;
    }) > 0
    {}
    assert_eq!(received, usize::from(sent));
    assert_eq!(near_ports[0].rx_depth(), None, "memif does not tell");
    for counters in counters {
        let none_but_errors = PortStats {
            ierrors: Some(0),
            ..PortStats::default()
        };
        assert_eq!(counters.read(), none_but_errors, "memif tells no more");
    }
}

fn what_cannot_be_had_is_one_sentence(eal: &Eal) {
    let info = select::select(eal, &[], &[PortSelector::Name("net_null0".to_owned())])
        .unwrap()
        .remove(0);
    let many = usize::from(info.max_rx_queues) + 1;
    let failure = |config| Device::configure(eal, &info, &config).err().unwrap();
    let error = failure(config(PortUse::SendReceive, many, 1));
    let error = Failure::from(error);
    assert_eq!(error.exit_status(), 2);
    assert!(
        error
            .to_string()
            .contains(&format!("at most {} receive queues", many - 1)),
        "{error}"
    );

    let memif = select::select(eal, &[], &[PortSelector::Name("memif0".to_owned())])
        .unwrap()
        .remove(0);
    assert_eq!(memif.max_mtu, 1500);
    let config = DeviceConfig {
        mtu_needed: 2028,
        mtu_asked: None,
        headers: 28,
        is_neighbour: false,
        is_promiscuous: false,
        ..config(PortUse::SendReceive, 1, 1)
    };
    let error = Device::configure(eal, &memif, &config).err().unwrap();
    let error = Failure::from(error);
    assert_eq!(error.exit_status(), 2);
    assert!(
        error
            .to_string()
            .contains("a payload of 2000 bytes needs an MTU of 2028"),
        "{error}"
    );

    let config = DeviceConfig {
        rx_descriptors: 60_000,
        tx_descriptors: 60_000,
        ..config
    };
    let config = DeviceConfig {
        mtu_needed: 60_000,
        mtu_asked: None,
        headers: 28,
        is_neighbour: false,
        is_promiscuous: false,
        ..config
    };
    let error = failure(config);
    let error = Failure::from(error);
    assert_eq!(error.exit_status(), 1);
    assert!(error.to_string().contains("hugepages"), "{error}");

    let memif = select::select(eal, &[], &[PortSelector::Name("memif3".to_owned())])
        .unwrap()
        .remove(0);
    let mut device =
        Device::configure(eal, &memif, &self::config(PortUse::SendReceive, 1, 1)).unwrap();
    device.start().unwrap();
    let error = device
        .wait_link(Duration::from_millis(50), &|_, _| false)
        .unwrap_err();
    let error = Failure::from(error);
    assert_eq!(error.exit_status(), 1);
    assert!(error.to_string().contains("net_memif3"), "{error}");
    assert!(
        !device
            .wait_link(Duration::from_secs(1), &|_, _| true)
            .unwrap()
    );
}

fn the_mtu_is_raised_where_it_can_be(eal: &Eal) {
    let wanted = DeviceConfig {
        mtu_needed: 8028,
        mtu_asked: None,
        headers: 28,
        is_neighbour: false,
        is_promiscuous: false,
        ..config(PortUse::SendReceive, 1, 1)
    };
    let mut device = open(eal, "net_ring3", &wanted);
    assert_eq!(device.mtu(), 8028);
    let mut ports = device.queue_ports();
    let outcome = ports[1].transmit(1, |frame| {
        frame.fill(0xa5);
        FrameLen(frame.len() as u16)
    });
    assert_eq!(outcome.accepted, 1);
    assert_eq!(ports[0].receive(|frame| assert!(*frame == [0xa5; 8050])), 1);
    drop(ports);
    drop(device);

    let device = open(eal, "net_null1", &config(PortUse::Reflect, 2, 2));
    assert_eq!(device.mtu(), 9000);
}

fn closures_run_on_their_lcores_and_may_borrow(eal: &Eal) {
    let lcores = lcore::all(eal);
    let names: Vec<String> = lcores
        .iter()
        .map(|lcore| format!("on {}", lcore.id))
        .collect();
    let jobs = lcores
        .iter()
        .zip(&names)
        .map(|(&lcore, name)| (lcore, || name.len()))
        .collect();
    let lengths = lcore::launch(eal, jobs).unwrap();
    assert_eq!(lengths, names.iter().map(String::len).collect::<Vec<_>>());

    let cpu = || dpdkgen_rt::eal::affinity::saved().unwrap().cpus();
    let cpus = lcore::launch(eal, lcores.iter().map(|&l| (l, cpu)).collect()).unwrap();
    let expected: Vec<_> = lcores.iter().map(|lcore| vec![lcore.id as usize]).collect();
    assert_eq!(cpus, expected);

    // A panic comes out here, after the others have ended.
    let ended = AtomicUsize::new(0);
    let fail = || {
        std::thread::sleep(Duration::from_millis(20));
        ended.fetch_add(1, Ordering::Relaxed);
        std::panic::resume_unwind(Box::new("told"));
    };
    let jobs: Vec<(lcore::Lcore, _)> = lcores.iter().map(|&lcore| (lcore, fail)).collect();
    let caught = std::panic::catch_unwind(AssertUnwindSafe(|| lcore::launch::<_, ()>(eal, jobs)));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"told"));
    assert_eq!(ended.into_inner(), lcores.len());
}

#[test]
fn software_ports() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_pcap(&path("in.pcap"));
    let pcap = |output: &str| {
        format!(
            "rx_pcap={},tx_pcap={}",
            path("in.pcap").display(),
            path(output).display()
        )
    };
    let mut args: Vec<String> = "--no-huge -m 256 --no-pci --no-shconf"
        .split(' ')
        .map(str::to_owned)
        .collect();
    args.extend((0..4).map(|i| format!("--vdev=net_ring{i}")));
    args.extend((0..2).map(|i| format!("--vdev=net_null{i}")));
    args.push(format!("--vdev=net_pcap0,{}", pcap("out0.pcap")));
    args.push(format!("--vdev=net_pcap1,{}", pcap("out1.pcap")));
    for (index, role, socket) in [
        (0, "server", "a"),
        (1, "server", "b"),
        (2, "client", "b"),
        (3, "server", "c"),
    ] {
        let socket = path(socket);
        args.push(format!(
            "--vdev=net_memif{index},role={role},socket={},socket-abstract=no",
            socket.display()
        ));
    }
    let eal = Eal::init(&args, false, ethdev::CLOSER).unwrap();

    frames_come_back_whole_and_in_order(&eal);
    a_full_ring_refuses_and_nothing_is_leaked(&eal);
    an_empty_pool_gives_no_buffer(&eal);
    a_pair_forwards_what_it_is_told_to(&eal);
    check_forwarded(&path("out0.pcap"));
    several_segments_are_received_as_one_frame(&eal);
    a_full_ring_is_given_up_after_a_while(&eal);
    the_mtu_is_raised_where_it_can_be(&eal);
    what_cannot_be_had_is_one_sentence(&eal);
    closures_run_on_their_lcores_and_may_borrow(&eal);
}
