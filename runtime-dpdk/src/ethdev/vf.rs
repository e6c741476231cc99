//! The VFs of netvsc ports, which are attached some time after the EAL has started.
//!
//! netvsc finds its VF at once if the PCI bus was probed before the VMBus, which nobody promises.
//! Else it tries again each second, or waits for word of the kernel's (`hn_vf_add_retry`,
//! `netvsc_hotadd_callback`). Until then the port's limits are those of the synthetic path, and so
//! is its speed.

use std::thread;
use std::time::{Duration, Instant};

use dpdkgen_run::runner::course::Waits;

use crate::eal::Eal;
use crate::ethdev::error::Error;
use crate::ethdev::info::{self, PortInfo};
use crate::ethdev::stats;
use crate::machine::Machine;

/// The time within which netvsc has tried again a few times.
pub const ATTACHED_WITHIN: Duration = Duration::from_secs(3);
/// The time from one look to the next.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// A netvsc port that goes without a VF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingVf {
    /// The netvsc port.
    pub port: String,
    /// The VF that the machine has for it, by its PCI address.
    pub device: Option<String>,
    /// The VF's driver in DPDK, if that made a port of it.
    pub driver: Option<String>,
}

/// Waits, for `limit` at most and as long as `waits` does, for the VFs that `machine` has for `ports`.
/// What these are is read again once a VF is attached. Returns those that go without.
///
/// # Errors
///
/// If DPDK tells nothing about a port any more.
pub fn wait(
    _eal: &Eal,
    ports: &mut [PortInfo],
    machine: &Machine,
    limit: Duration,
    waits: &Waits<'_>,
) -> Result<Vec<MissingVf>, Error> {
    let deadline = Instant::now() + limit;
    let mut missing = Vec::new();
    for port in ports.iter_mut().filter(|port| port.driver().is_netvsc()) {
        if stats::has_vf(port.index) {
            continue;
        }
        let device = machine.vf_of(port.mac).map(|vf| vf.address);
        let mut is_there = false;
        let what = format!("the VF of port {port}");
        while !is_there && device.is_some() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || waits(&what, left) {
                break;
            }
            thread::sleep(LOOK_INTERVAL);
            is_there = stats::has_vf(port.index);
        }
        (*port, _) = info::info(port.index)?;
        if !is_there {
            missing.push(MissingVf {
                port: port.to_string(),
                device,
                driver: port.vf_driver.clone(),
            });
        }
    }
    Ok(missing)
}
