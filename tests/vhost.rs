//! `sendrecv` over virtio-user to `reflect` over vhost, two processes that share memory: every
//! probe comes back, and vhost, the one software port that knows, tells how deep its queue was.

use std::time::Duration;

use dpdkgen_tests::machine::two_cpus;
use dpdkgen_tests::{Program, Rows, Summary, check_reflect, check_sendrecv, ports, turn};

const LIMIT: Duration = Duration::from_secs(30);
const SENDRECV: &str = "sendrecv --src 10.0.0.1 --dest 10.0.0.2:10000 --dest-mac 02:00:00:00:00:02 \
                        --packet-size 64";
/// The packets that a ring holds: at 10,000 a second those of 100 ms, for which a program may be
/// kept from the CPU.
const RING: u64 = 1024;

/// Runs both sides with `options` over so many queue pairs, and returns their summaries, sender
/// first.
fn exchange(queues: u16, options: &str) -> (Summary, Summary) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (socket, pairs) = (file("vhost.sock"), format!("-r {queues} -t {queues}"));
    let socket = ports::text(&socket);
    let (near, far) = two_cpus();
    let device = format!("net_vhost0,iface={socket},queues={queues}");
    let mut reflect = ports::dpdkgen(
        &far.to_string(),
        &[device],
        &format!("reflect {pairs} --promiscuous"),
    );
    reflect.arg("--json").arg(file("r.json"));
    reflect.arg("-s").arg(file("r.csv"));
    let mut reflector = Program::start(reflect);
    reflector.until("socket", LIMIT, |_| file("vhost.sock").exists());

    let device = format!("net_virtio_user0,path={socket},queues={queues},queue_size={RING}");
    let arguments = format!("{SENDRECV} {pairs} {options}");
    let mut sendrecv = ports::dpdkgen(&near.to_string(), &[device], &arguments);
    sendrecv.arg("--json").arg(file("s.json"));
    sendrecv.arg("-s").arg(file("s.csv"));
    let _ = Program::start(sendrecv).wait(LIMIT).ok();
    let _ = reflector.interrupt().ok();

    let (sent, reflected) = (
        Summary::read(&file("s.json")),
        Summary::read(&file("r.json")),
    );
    check_sendrecv(&sent, &Rows::read(&file("s.csv")));
    check_reflect(&reflected, &Rows::read(&file("r.csv")));
    (sent, reflected)
}

/// Returns the greatest depth of each queue in `direction`, where it is told.
fn depths(summary: &Summary, direction: &str) -> Vec<Option<u64>> {
    let queues = summary.get("queues").and_then(|queues| queues.as_array());
    let in_direction = queues
        .unwrap()
        .iter()
        .filter(|queue| queue["direction"] == direction);
    in_direction
        .map(|queue| queue.get("depth_max").map(|depth| depth.as_u64().unwrap()))
        .collect()
}

#[test]
fn every_probe_comes_back_and_vhost_tells_its_depth() {
    let Some(_turn) = turn("every_probe_comes_back_and_vhost_tells_its_depth", &[]) else {
        return;
    };
    for queues in [1, 2] {
        let (sent, reflected) = exchange(queues, "--rate 10kpps --count 10000");
        assert_eq!(sent.count("tx.packets"), 10_000, "{sent:?}");
        assert_eq!(sent.count("rx.unique"), 10_000, "{sent:?}");
        let told = depths(&reflected, "rx");
        assert_eq!(told.len(), usize::from(queues), "{reflected:?}");
        for depth in told {
            assert!(depth.is_some_and(|depth| depth <= RING), "{reflected:?}");
        }
        // virtio-user does not tell, and what is not told is absent.
        assert_eq!(depths(&sent, "rx"), vec![None; usize::from(queues)]);
    }
}

#[test]
fn a_full_ring_shows_as_depth() {
    let Some(_turn) = turn("a_full_ring_shows_as_depth", &[]) else {
        return;
    };
    // As fast as it goes, the sender is ahead of the reflector at some of a thousand looks.
    let (_, reflected) = exchange(1, "--duration 1");
    let deepest = depths(&reflected, "rx")[0];
    assert!(deepest.is_some_and(|depth| depth > 32), "{reflected:?}");
}
