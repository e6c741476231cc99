//! The VFs of netvsc ports, which are attached some time after the EAL has started.
//!
//! netvsc finds its VF at once if the PCI bus was probed before the VMBus, which nobody promises.
//! Else it tries again each second, or waits for word of the kernel's (`hn_vf_add_retry`,
//! `netvsc_hotadd_callback`). Until then the port's limits are those of the synthetic path, and so
//! is its speed.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use dpdkgen_core::wire::Mac;

use crate::eal::Eal;
use crate::ethdev::error::Error;
use crate::ethdev::info::{self, PortInfo};
use crate::ethdev::stats;

/// The time within which netvsc has tried again a few times.
pub const ATTACHED_WITHIN: Duration = Duration::from_secs(3);
/// The time from one look to the next.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// Vendors of VFs: NVIDIA (Mellanox), Microsoft.
const VENDORS: [&str; 2] = ["0x15b3", "0x1414"];

/// A VF that the machine has and its netvsc port does not use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingVf {
    /// The netvsc port.
    pub port: String,
    /// The VF's PCI address.
    pub device: String,
    /// Its driver in DPDK, if that made a port of it.
    pub driver: Option<String>,
}

/// Waits, for `limit` at most and until `interrupted`, for the VFs that sysfs, which is mounted at
/// `sys`, tells of `ports`. What these are is read again once a VF is attached. Returns what is
/// still missing.
///
/// # Errors
///
/// If DPDK tells nothing about a port any more.
pub fn wait(
    _eal: &Eal,
    ports: &mut [PortInfo],
    sys: &Path,
    limit: Duration,
    interrupted: &dyn Fn() -> bool,
) -> Result<Vec<MissingVf>, Error> {
    let deadline = Instant::now() + limit;
    let mut missing = Vec::new();
    for port in ports.iter_mut().filter(|port| port.driver().is_netvsc()) {
        if stats::has_vf(port.index) {
            continue;
        }
        let Some(device) = in_sysfs(sys, port.mac) else {
            continue;
        };
        let mut is_there = false;
        while !is_there && Instant::now() < deadline && !interrupted() {
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

/// Finds the PCI address of the VF with the address `mac`: its interface has it, also when the
/// kernel's netvsc driver has let go of the synthetic one.
fn in_sysfs(sys: &Path, mac: Mac) -> Option<String> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let devices = entries(&sys.join("bus/pci/devices"));
    let mut vfs = devices.filter(|device| {
        let vendor = fs::read_to_string(device.path().join("vendor")).unwrap_or_default();
        let interfaces = entries(&device.path().join("net"));
        VENDORS.contains(&vendor.trim())
            && interfaces
                .filter_map(|interface| fs::read_to_string(interface.path().join("address")).ok())
                .any(|address| address.trim().parse() == Ok(mac))
    });
    let vf = vfs.next()?;
    Some(vf.file_name().to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vf_is_found_by_vendor_and_address() {
        let sys = tempfile::tempdir().unwrap();
        let add = |device: &str, vendor: &str, interfaces: &[(&str, &str)]| {
            let folder = sys.path().join("bus/pci/devices").join(device);
            for (name, address) in interfaces {
                let net = folder.join("net").join(name);
                fs::create_dir_all(&net).unwrap();
                fs::write(net.join("address"), format!("{address}\n")).unwrap();
            }
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("vendor"), format!("{vendor}\n")).unwrap();
        };
        add("0001:00:00.0", "0x8086", &[("eth9", "7c:1e:52:25:5c:a6")]);
        add(
            "1a65:00:02.0",
            "0x15b3",
            &[("enP6757s2", "7c:1e:52:25:5c:a6")],
        );
        add(
            "7870:00:00.0",
            "0x1414",
            &[
                ("enP30832s1", "7c:1e:52:00:00:01"),
                ("enP30832s1d1", "7c:1e:52:00:00:02"),
            ],
        );
        add("c05b:00:00.0", "0x1414", &[]);
        let found = |mac: &str| in_sysfs(sys.path(), mac.parse().unwrap());
        assert_eq!(found("7c:1e:52:25:5c:a6").as_deref(), Some("1a65:00:02.0"));
        assert_eq!(found("7c:1e:52:00:00:02").as_deref(), Some("7870:00:00.0"));
        assert_eq!(found("7c:1e:52:00:00:03"), None);
        assert_eq!(in_sysfs(&sys.path().join("nothing"), Mac([2; 6])), None);
    }
}
