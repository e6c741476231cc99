//! Between start and stop the poll loop over sockets asks Rust's allocator for no memory.
#![expect(unsafe_code, reason = "an allocator is unsafe to implement")]

#[path = "../../run/tests/counting/mod.rs"]
mod counting;

use std::net::{Ipv4Addr, UdpSocket};

use counting::{Counting, request, run};
use dpdkgen_core::tx::pacer::Rate;
use dpdkgen_run::request::Mode;
use dpdkgen_socket::open::{self, Places};
use dpdkgen_socket::options::Own;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A socket that is connected to itself gets back what it sends.
#[test]
fn sending_and_receiving_over_sockets_allocate_nothing() {
    let rate = Rate::new(10_000, 1_000_000_000);
    for (rate, gso, is_stamped) in [
        (None, false, false),
        (rate, false, true),
        (None, true, false),
    ] {
        let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut request = request(rate);
        let Mode::SendRecv(sendrecv) = &mut request.mode else {
            unreachable!("probes are asked for")
        };
        (sendrecv.sources, sendrecv.dests) = (vec![address.ip()], vec![address]);
        sendrecv.src_ports = address.port()..=address.port();
        let own = Own {
            listen: Vec::new(),
            is_anywhere: false,
            busy_poll: None,
            gso,
            is_stamped: Some(is_stamped),
        };
        let places = Places::find(&request).unwrap();
        let mut opened = open::open(&request, &own, &places, true).unwrap();
        let (summary, allocations) = run(&request, |_| opened.ports.remove(0));
        assert!(summary.tx.packets > 100, "{summary:?}");
        assert!(summary.rx.as_ref().unwrap().packets > 0, "{summary:?}");
        assert_eq!(allocations, 0);
    }
}
