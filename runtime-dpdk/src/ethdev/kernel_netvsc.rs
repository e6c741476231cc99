//! The interfaces that the kernel's own netvsc driver has.
//!
//! On Azure each drives a VF with its address, and DPDK sees that VF as a port that nobody owns. To
//! start it would take the interface's packets away from the kernel: those of the SSH connection,
//! if it is the interface that the machine is managed by, until the machine is started again.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use dpdkgen_core::wire::Mac;

/// An interface of the kernel's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, such as `eth0`.
    pub name: String,
    /// Its address, which is that of its VF.
    pub mac: Mac,
}

/// Finds the interfaces under `sys`, where sysfs is mounted; none where it tells nothing.
#[must_use]
pub fn interfaces(sys: &Path) -> Vec<Interface> {
    let entries = fs::read_dir(sys.join("class/net"));
    let entries = entries.into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let folder = entry.path();
            let driver = fs::read_link(folder.join("device/driver")).ok()?;
            if driver.file_name() != Some(OsStr::new("hv_netvsc")) {
                return None;
            }
            let address = fs::read_to_string(folder.join("address")).ok()?;
            Some(Interface {
                name: entry.file_name().to_string_lossy().into_owned(),
                mac: address.trim().parse().ok()?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn those_of_the_kernels_netvsc_driver_are_found() {
        let sys = tempfile::tempdir().unwrap();
        let add = |name: &str, driver: &str, address: &str| {
            let device = sys.path().join("devices").join(name);
            fs::create_dir_all(&device).unwrap();
            symlink(
                format!("../../bus/x/drivers/{driver}"),
                device.join("driver"),
            )
            .unwrap();
            let folder = sys.path().join("class/net").join(name);
            fs::create_dir_all(&folder).unwrap();
            symlink(&device, folder.join("device")).unwrap();
            fs::write(folder.join("address"), format!("{address}\n")).unwrap();
        };
        add("eth0", "hv_netvsc", "7c:1e:52:25:55:d2");
        add("enP37498s1", "mlx5_core", "7c:1e:52:25:55:d2");
        fs::create_dir_all(sys.path().join("class/net/lo")).unwrap();
        let expected = Interface {
            name: "eth0".to_owned(),
            mac: Mac([0x7c, 0x1e, 0x52, 0x25, 0x55, 0xd2]),
        };
        assert_eq!(interfaces(sys.path()), [expected]);
        assert_eq!(interfaces(&sys.path().join("nothing")), []);
    }
}
