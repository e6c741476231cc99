//! Several trials on sockets that stay open, each connected to itself, which gives back what is sent:
//! each begins anew and is exact.

#[path = "../../run/tests/counting/mod.rs"]
#[allow(
    dead_code,
    unsafe_code,
    reason = "the request is all that is used of it"
)]
mod counting;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use dpdkgen_core::probe::sizes::Sizes;
use dpdkgen_core::time::Span;
use dpdkgen_core::tx::pacer::Rate;
use dpdkgen_run::request::{Mode, Request};
use dpdkgen_run::runner::threads::Threads;
use dpdkgen_run::runner::trial::{Nobody, trial};
use dpdkgen_socket::open::{self, Places};
use dpdkgen_socket::options::Own;
use dpdkgen_socket::runtime::SocketRuntime;

fn load(at: SocketAddr, pps: u64, count: u64, payload_len: u16) -> Request {
    let mut request = counting::request(Rate::new(pps, Span::from_secs(1).as_nanos()));
    let Mode::SendRecv(sendrecv) = &mut request.mode else {
        unreachable!("a sendrecv")
    };
    (sendrecv.sources, sendrecv.dests) = (vec![at.ip()], vec![at]);
    sendrecv.src_ports = at.port()..=at.port();
    sendrecv.sizes = Sizes::one(payload_len);
    sendrecv.run_tag = None;
    sendrecv.drain = Span::from_millis(500);
    request.rx_desc = 4096;
    (request.duration, request.count) = (None, Some(count));
    request
}

#[test]
fn three_trials_on_open_sockets_are_each_exact() {
    let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    // The largest probes come first: sockets are opened for these.
    let loads = [
        load(at, 5_000, 1_000, 200),
        load(at, 2_000, 300, 16),
        load(at, 10_000, 1_000, 199),
    ];
    for gso in [false, true] {
        let own = Own {
            listen: Vec::new(),
            is_anywhere: false,
            busy_poll: None,
            gso,
            is_stamped: Some(false),
        };
        let places = Places::find(&loads[0]).unwrap();
        let opened = open::open(&loads[0], &own, &places, true).unwrap();
        let mut runtime = SocketRuntime::new(opened);
        for load in &loads {
            let summary = trial(&mut Threads(&mut runtime), load, &mut Nobody).unwrap();
            assert_eq!(Some(summary.tx.packets), load.count, "{summary:?}");
            let rx = summary.rx.as_ref().unwrap();
            let unique = rx.probes.unwrap().unique;
            assert_eq!(
                (rx.packets, Some(unique)),
                (unique, load.count),
                "{summary:?}"
            );
            let Mode::SendRecv(sendrecv) = &load.mode else {
                unreachable!("a sendrecv")
            };
            let bytes = summary.tx.packets * u64::from(sendrecv.frame_len());
            assert_eq!((summary.tx.bytes, rx.bytes), (bytes, bytes));
        }
    }
}
