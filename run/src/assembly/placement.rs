//! The placement of a run: its workers on ports, queues and lcores.

use dpdkgen_core::wire::Mac;
use dpdkgen_report::summary;

use crate::request::{Mode, Request};

/// A port as the runtime opened it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedPort {
    /// Its name in every output.
    pub name: String,
    /// Its driver.
    pub driver: String,
    /// The driver of the VF that a netvsc port drives.
    pub vf_driver: Option<String>,
    /// Its MAC address.
    pub mac: Mac,
    /// The bits per second of its line, preambles and gaps included; `None` where there is no line or
    /// its speed is not told.
    pub line_bps: Option<u64>,
}

/// Says what one worker of a run does and where: on a queue, or in `reflect` on a pair of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerSpec {
    /// The role of the worker.
    pub role: summary::Role,
    /// The number of the port that it works on, among the run's.
    pub port: usize,
    /// The number of the queue of that port.
    pub queue: u16,
}

/// Returns the workers of a run over `ports` ports, port by port.
#[must_use]
pub fn worker_specs(request: &Request, ports: usize) -> Vec<WorkerSpec> {
    let on_port = |port| {
        let spec = move |role, queue| WorkerSpec { role, port, queue };
        let (tx, rx) = match request.mode {
            Mode::Reflect(_) => (0, 0),
            Mode::SendRecv(ref sendrecv) => {
                let sends = port < sendrecv.sending_ports(ports);
                (if sends { request.txq } else { 0 }, request.rxq)
            }
        };
        let pairs = match request.mode {
            Mode::Reflect(_) => request.rxq,
            Mode::SendRecv(_) => 0,
        };
        (0..tx)
            .map(move |queue| spec(summary::Role::Tx, queue))
            .chain((0..rx).map(move |queue| spec(summary::Role::Rx, queue)))
            .chain((0..pairs).map(move |queue| spec(summary::Role::Reflect, queue)))
    };
    (0..ports).flat_map(on_port).collect()
}

/// The ports that are open, and who works where on them: made once, for any number of trials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The ports.
    pub ports: Vec<OpenedPort>,
    /// The workers, port by port.
    pub specs: Vec<WorkerSpec>,
    /// The lcore of each worker; several may share one.
    pub lcores: Vec<u32>,
}
