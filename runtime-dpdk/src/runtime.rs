//! A run's ports and lcores, as the control of a run wants them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dpdkgen_core::probe::layout::Layout;
use dpdkgen_core::wire::Mac;
use dpdkgen_report::summary;
use dpdkgen_run::assembly::{OpenedPort, Placement, WorkerSpec};
use dpdkgen_run::request::{Mode, Request};
use dpdkgen_run::runner::threads::{ForControl, Job, Lcores, Runtime};

use crate::eal::Eal;
use crate::eal::affinity::CpuSet;
use crate::eal::lcores::{self, Lcore};
use crate::ethdev::device::{Device, DeviceConfig, Role};
use crate::ethdev::error::Error;
use crate::ethdev::info::PortInfo;
use crate::ethdev::queue::QueuePort;
use crate::ethdev::stats::CounterSource;

/// Which lcore runs the worker of each spec.
#[derive(Debug, Clone)]
pub struct Places(Vec<Lcore>);

impl Places {
    /// Spreads the workers of `specs` over the EAL's lcores.
    #[must_use]
    pub fn new(eal: &Eal, specs: &[WorkerSpec]) -> Self {
        let lcores = lcores::all(eal);
        let mut places = vec![lcores[0]; specs.len()];
        for assignment in lcores::assign(specs.len(), &lcores) {
            for worker in assignment.workers {
                places[worker] = assignment.lcore;
            }
        }
        Self(places)
    }

    /// A sentence, if workers have to share lcores.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let mut ids: Vec<u32> = self.0.iter().map(|lcore| lcore.id).collect();
        let workers = ids.len();
        ids.sort_unstable();
        ids.dedup();
        (ids.len() < workers).then(|| {
            let lcores = if ids.len() == 1 { "lcore" } else { "lcores" };
            format!(
                "{workers} workers share {} {lcores}; with {workers} lcores (-l) each would have \
                 its own",
                ids.len()
            )
        })
    }

    /// The NUMA nodes of the workers on port `number` with one of `roles`, queue by queue.
    fn nodes(&self, specs: &[WorkerSpec], number: usize, roles: &[summary::Role]) -> Vec<u32> {
        let on_port = specs
            .iter()
            .zip(&self.0)
            .filter(|(spec, _)| spec.port == number);
        on_port
            .filter(|(spec, _)| roles.contains(&spec.role))
            .map(|(_, lcore)| lcore.numa_node)
            .collect()
    }
}

/// Configures and starts `ports` for the workers of `specs`.
///
/// # Errors
///
/// If a port cannot do what is asked.
pub fn open<'eal>(
    eal: &'eal Eal,
    ports: &[PortInfo],
    request: &Request,
    specs: &[WorkerSpec],
    places: &Places,
) -> Result<Vec<Device<'eal>>, Error> {
    use summary::Role::{Reflect, Rx, Tx};
    let (role, mtu_wanted) = match &request.mode {
        Mode::Reflect => (Role::Reflect, 0),
        Mode::SendRecv(sendrecv) => (
            Role::SendReceive,
            sendrecv.payload_len + Layout::IPV4.of_mtu(),
        ),
    };
    let open = |(number, info)| {
        let config = DeviceConfig {
            role,
            rx_nodes: places.nodes(specs, number, &[Rx, Reflect]),
            tx_nodes: places.nodes(specs, number, &[Tx, Reflect]),
            rx_descriptors: request.rx_desc,
            tx_descriptors: request.tx_desc,
            rx_burst: request.rx_burst,
            tx_burst: request.tx_burst,
            mtu_wanted,
        };
        let mut device = Device::configure(eal, info, &config)?;
        device.start()?;
        Ok(device)
    };
    ports.iter().enumerate().map(open).collect()
}

/// Waits until the links of all `devices` are up; `false` if `interrupted` said not to.
///
/// # Errors
///
/// If one still is down after `timeout`.
pub fn wait_links(
    devices: &[Device<'_>],
    timeout: Duration,
    interrupted: &dyn Fn() -> bool,
) -> Result<bool, Error> {
    let begin = Instant::now();
    for device in devices {
        if !device.wait_link(timeout.saturating_sub(begin.elapsed()), interrupted)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Started ports with their lcores.
pub struct DpdkRuntime<'r> {
    placement: Arc<Placement>,
    for_control: Control,
    /// One a worker, in their order.
    queues: Vec<QueuePort<'r>>,
    lcores: EalLcores<'r>,
}

impl<'r> DpdkRuntime<'r> {
    /// Takes the queues of `devices` for the workers of `specs`, which are at `places`; the control
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
        places: &Places,
        cpus: Option<CpuSet>,
    ) -> Self {
        let opened = |device: &Device<'_>| OpenedPort {
            name: device.info().name.clone(),
            driver: device.info().driver.clone(),
            vf_driver: device.info().vf_driver.clone(),
            mac: Mac(device.info().mac.0),
        };
        let ports: Vec<_> = devices.iter().map(opened).collect();
        let sources = devices.iter().map(Device::counters).collect();
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
            lcores: places.0.iter().map(|lcore| lcore.id).collect(),
        });
        Self {
            for_control: Control {
                cpus,
                placement: Arc::clone(&placement),
                sources,
            },
            placement,
            queues,
            lcores: EalLcores(eal),
        }
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

/// The EAL's lcores.
pub struct EalLcores<'r>(&'r Eal);

impl Lcores for EalLcores<'_> {
    fn run(&self, jobs: Vec<(u32, Job<'_>)>) {
        let lcores = lcores::all(self.0);
        let placed = jobs.into_iter().map(|(id, job)| {
            let lcore = lcores.iter().find(|lcore| lcore.id == id);
            (*lcore.expect("an lcore of the EAL's"), job)
        });
        lcores::launch(self.0, placed.collect()).expect("idle lcores take jobs");
    }
}

/// What the control thread has of the ports.
#[derive(Clone)]
struct Control {
    cpus: Option<CpuSet>,
    placement: Arc<Placement>,
    sources: Vec<CounterSource>,
}

impl ForControl for Control {
    fn settle(&self) {
        if let Some(cpus) = self.cpus {
            // Refused, it stays on the main lcore's CPU, which costs speed and nothing else.
            let _ = cpus.restore();
        }
    }

    fn device(&self) -> Vec<summary::Device> {
        let read = |(port, source): (&OpenedPort, &CounterSource)| {
            let counters = source.read();
            summary::Device {
                port: port.name.clone(),
                driver: port.driver.clone(),
                vf_driver: port.vf_driver.clone(),
                imissed: counters.imissed,
                ierrors: counters.ierrors,
                rx_nombuf: counters.rx_nombuf,
                oerrors: counters.oerrors,
                xstats: counters.xstats.into_iter().collect(),
            }
        };
        self.placement
            .ports
            .iter()
            .zip(&self.sources)
            .map(read)
            .collect()
    }
}
