//! Between start and stop the poll loop over DPDK ports asks Rust's allocator for no memory.
#![expect(unsafe_code, reason = "an allocator is unsafe to implement")]

#[path = "../../run/tests/counting/mod.rs"]
mod counting;

use counting::{Counting, request, run};
use dpdkgen_core::tx::pacer::Rate;
use dpdkgen_report::summary::Role;
use dpdkgen_rt::cli::select;
use dpdkgen_rt::eal::Eal;
use dpdkgen_rt::eal::placement::WorkerLcores;
use dpdkgen_rt::ethdev;
use dpdkgen_rt::ethdev::queue::QueuePort;
use dpdkgen_rt::runtime;
use dpdkgen_run::assembly::worker_specs;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A ring gives back what it was given.
const EAL: [&str; 9] = [
    "--no-pci",
    "--no-huge",
    "-m",
    "256",
    "--no-shconf",
    "-l",
    "0",
    "--vdev",
    "net_ring0",
];

#[test]
fn sending_and_receiving_over_a_dpdk_port_allocate_nothing() {
    let eal = Eal::init(&EAL.map(str::to_owned), false, ethdev::CLOSER).unwrap();
    let specs = worker_specs(&request(None), 1);
    let lcores = WorkerLcores::assign(&eal, specs.len());
    let ports = select::select(&eal, &[], &[]).unwrap();
    let mut devices = runtime::open(&eal, &ports, &request(None), &specs, &lcores).unwrap();
    for rate in [None, Rate::new(1_000_000, 1_000_000_000)] {
        let mut queues = devices[0].queue_ports();
        let (summary, allocations) = run(&request(rate), |spec| {
            let is_wanted = |queue: &QueuePort<'_>| match spec.role {
                Role::Tx => queue.tx_queue().is_some(),
                _ => queue.rx_queue().is_some(),
            };
            queues.remove(queues.iter().position(is_wanted).unwrap())
        });
        assert!(summary.tx.packets > 1000, "{summary:?}");
        assert_eq!(summary.lost, Some(0));
        assert_eq!(allocations, 0);
    }
}
