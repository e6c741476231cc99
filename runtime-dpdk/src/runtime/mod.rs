//! Ports and lcores as trials want them: opened ([`open()`]), linked ([`wait_links()`]), and lent
//! to the workers of any number of trials ([`DpdkRuntime`]).

mod control;
mod open;
mod resolve;

use std::sync::Arc;

use dpdkgen_report::summary;
use dpdkgen_run::assembly::{OpenedPort, Placement, WorkerSpec};
use dpdkgen_run::runner::threads::{ForControl, Job, Lcores, Runtime};

pub use self::open::{open, wait_links};
pub use self::resolve::resolve;

use self::control::Control;
use crate::eal::Eal;
use crate::eal::affinity::CpuSet;
use crate::eal::lcore;
use crate::eal::placement::WorkerLcores;
use crate::ethdev::device::Device;
use crate::ethdev::queue::QueuePort;

/// Started ports, and the EAL's lcores.
pub struct DpdkRuntime<'r> {
    placement: Arc<Placement>,
    for_control: Control,
    /// One a worker, in their order.
    queues: Vec<QueuePort<'r>>,
    lcores: EalLcores<'r>,
}

impl<'r> DpdkRuntime<'r> {
    /// Takes the queues of `devices` for the workers of `specs`, which run on `lcores`; the control
    /// thread will run on `cpus`.
    ///
    /// # Panics
    ///
    /// If the devices were opened for other workers.
    #[must_use]
    pub fn new(
        eal: &'r Eal,
        devices: &'r mut [Device<'_>],
        specs: Vec<WorkerSpec>,
        lcores: &WorkerLcores,
        cpus: Option<CpuSet>,
    ) -> Self {
        let ports: Vec<_> = devices.iter().map(opened).collect();
        let stats = devices.iter().map(Device::stats).collect();
        let links = devices.iter().map(Device::link_watch).collect();
        let mut on_ports: Vec<_> = devices.iter_mut().map(Device::queue_ports).collect();
        let take = |spec: &WorkerSpec| {
            let on_port = &mut on_ports[spec.port];
            let wanted = |queue: &QueuePort<'_>| match spec.role {
                summary::Role::Tx => queue.tx_queue() == Some(spec.queue),
                _ => queue.rx_queue() == Some(spec.queue),
            };
            let at = on_port
                .iter()
                .position(wanted)
                .expect("a queue for every spec");
            on_port.swap_remove(at)
        };
        let queues = specs.iter().map(take).collect();
        let placement = Arc::new(Placement {
            ports,
            specs,
            lcores: lcores.as_slice().iter().map(|lcore| lcore.id).collect(),
        });
        Self {
            for_control: Control {
                cpus,
                placement: Arc::clone(&placement),
                stats,
                links,
            },
            placement,
            queues,
            lcores: EalLcores(eal),
        }
    }
}

fn opened(device: &Device<'_>) -> OpenedPort {
    let info = device.info();
    OpenedPort {
        name: info.name.clone(),
        driver: info.driver.clone(),
        vf_driver: info.vf_driver.clone(),
        mac: info.mac,
        line_bps: device.line_bps(),
    }
}

impl<'r> Runtime for DpdkRuntime<'r> {
    type Port = QueuePort<'r>;
    type Lcores = EalLcores<'r>;

    fn placement(&self) -> Arc<Placement> {
        Arc::clone(&self.placement)
    }

    fn parts(&mut self) -> (&mut [QueuePort<'r>], &EalLcores<'r>) {
        (&mut self.queues, &self.lcores)
    }

    fn for_control(&self) -> impl ForControl + use<'r> {
        self.for_control.clone()
    }
}

/// The EAL's lcores, on which jobs are run.
pub struct EalLcores<'r>(&'r Eal);

impl Lcores for EalLcores<'_> {
    fn run(&self, jobs: Vec<(u32, Job<'_>)>) {
        let lcores = lcore::all(self.0);
        let placed = jobs.into_iter().map(|(id, job)| {
            let lcore = lcores.iter().find(|lcore| lcore.id == id);
            (*lcore.expect("an lcore of the EAL's"), job)
        });
        lcore::launch(self.0, placed.collect()).expect("idle lcores take jobs");
    }
}
