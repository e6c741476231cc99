//! Opening a run's ports.

use std::time::{Duration, Instant};

use dpdkgen_report::summary::Role;
use dpdkgen_run::assembly::WorkerSpec;
use dpdkgen_run::request::{Mode, Request};
use dpdkgen_run::runner::course::Waits;

use crate::eal::Eal;
use crate::eal::placement::WorkerLcores;
use crate::ethdev::device::{Device, DeviceConfig, PortUse};
use crate::ethdev::error::Error;
use crate::ethdev::info::PortInfo;

/// Configures and starts `ports` for the workers of `specs`, which run on `lcores`.
///
/// # Errors
///
/// If a port cannot do what is asked.
pub fn open<'eal>(
    eal: &'eal Eal,
    ports: &[PortInfo],
    request: &Request,
    specs: &[WorkerSpec],
    lcores: &WorkerLcores,
) -> Result<Vec<Device<'eal>>, Error> {
    let (port_use, mtu_needed, headers) = match &request.mode {
        Mode::Reflect(_) => (PortUse::Reflect, 0, 0),
        Mode::SendRecv(sendrecv) => (
            PortUse::SendReceive,
            sendrecv.mtu_needed(),
            sendrecv.layout().of_mtu(),
        ),
    };
    check_path(ports, request)?;
    let is_neighbour =
        matches!(&request.mode, Mode::Reflect(reflect) if !reflect.addresses.is_empty());
    let is_promiscuous = matches!(&request.mode, Mode::Reflect(reflect) if reflect.is_promiscuous);
    let open = |(number, info)| {
        let config = DeviceConfig {
            port_use,
            rx_nodes: nodes(specs, lcores, number, &[Role::Rx, Role::Reflect]),
            tx_nodes: nodes(specs, lcores, number, &[Role::Tx, Role::Reflect]),
            rx_descriptors: request.rx_desc,
            tx_descriptors: request.tx_desc,
            rx_burst: request.rx_burst,
            tx_burst: request.tx_burst,
            mtu_needed,
            mtu_asked: request.mtu,
            headers,
            is_neighbour,
            is_promiscuous,
        };
        let mut device = Device::configure(eal, info, &config)?;
        device.start()?;
        Ok(device)
    };
    ports.iter().enumerate().map(open).collect()
}

/// Checks that some port can pass probes on, if they are to go through a path that forwards.
fn check_path(ports: &[PortInfo], request: &Request) -> Result<(), Error> {
    let is_through = matches!(&request.mode, Mode::SendRecv(sendrecv) if sendrecv.is_through);
    match ports {
        [first, ..] if is_through && ports.iter().all(|port| port.driver().discards()) => {
            Err(Error::Discards {
                port: first.to_string(),
                driver: first.driver.clone(),
            })
        }
        _ => Ok(()),
    }
}

/// Waits until the links of all `devices` are up. Returns whether they are: not if `waits` ended that
/// before.
///
/// # Errors
///
/// If one still is down after `timeout`.
pub fn wait_links(
    devices: &[Device<'_>],
    timeout: Duration,
    waits: &Waits<'_>,
) -> Result<bool, Error> {
    let begin = Instant::now();
    for device in devices {
        if !device.wait_link(timeout.saturating_sub(begin.elapsed()), waits)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the NUMA nodes of the workers on port `number` with one of `roles`, queue by queue.
fn nodes(specs: &[WorkerSpec], lcores: &WorkerLcores, number: usize, roles: &[Role]) -> Vec<u32> {
    specs
        .iter()
        .zip(lcores.as_slice())
        .filter(|(spec, _)| spec.port == number && roles.contains(&spec.role))
        .map(|(_, lcore)| lcore.numa_node)
        .collect()
}
