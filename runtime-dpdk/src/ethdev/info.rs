//! The ports that DPDK sees, and what it says of each.
//!
//! A port that another one owns is not among them: on Azure the VF belongs to its netvsc port.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};
use std::fmt;

use dpdkgen_core::wire::Mac;
use serde::{Serialize, Serializer};

use crate::eal::{Eal, Errno};
use crate::ethdev::driver::{Driver, MtuRule};
use crate::ethdev::error::Error;
use crate::ethdev::kernel_interface;
use crate::ethdev::link::Link;

/// The largest MTU that is used, whatever a driver allows: a software port that says 65535 has no
/// limit of its own, and a frame with its headroom has to fit a buffer whose size has 16 bits.
pub const MAX_MTU: u16 = 65_000;

/// What DPDK says of a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortInfo {
    /// DPDK's number of it.
    pub index: u16,
    /// The device's name: PCI or VMBus address, or what `--vdev` called it.
    pub name: String,
    /// Its Ethernet address.
    #[serde(serialize_with = "as_text")]
    pub mac: Mac,
    /// The driver's name, such as `net_memif`.
    pub driver: String,
    /// The driver of the VF that a netvsc port drives; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vf_driver: Option<String>,
    /// The NUMA node that it is attached to, if it is to one.
    pub numa_node: Option<u32>,
    /// The link as it is now; absent when not told, as by most drivers before the port is started.
    pub link: Option<Link>,
    /// The most receive queues.
    pub max_rx_queues: u16,
    /// The most transmit queues.
    pub max_tx_queues: u16,
    /// Descriptors of a receive queue.
    pub rx_descriptors: DescriptorLimits,
    /// Descriptors of a transmit queue.
    pub tx_descriptors: DescriptorLimits,
    /// The MTU now.
    pub mtu: u16,
    /// The index of the kernel's interface that the port uses, if it is bound to that.
    #[serde(skip)]
    pub interface: Option<u32>,
    /// The MTU of that interface.
    #[serde(skip)]
    pub interface_mtu: Option<u16>,
    /// The smallest MTU.
    pub min_mtu: u16,
    /// The largest MTU that the driver says it can be set to.
    pub max_mtu: u16,
    /// Receive offloads that the driver has.
    pub rx_offloads: Vec<String>,
    /// Transmit offloads that the driver has.
    pub tx_offloads: Vec<String>,
    /// Flow types of IP and UDP by which it can spread packets over receive queues.
    pub rss_types: Vec<String>,
    /// Entries of the table that maps hashes to queues, 0 if there is none.
    pub rss_table_size: u16,
}

/// What numbers of descriptors a queue can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DescriptorLimits {
    /// The fewest.
    pub min: u16,
    /// The most.
    pub max: u16,
    /// It has to be a multiple of this.
    pub align: u16,
}

/// Lists the ports there are, by index.
///
/// # Errors
///
/// If DPDK tells nothing about one of them.
pub fn list(eal: &Eal) -> Result<Vec<PortInfo>, Error> {
    indices(eal)
        .map(|index| info(index).map(|(info, _)| info))
        .collect()
}

/// Returns the indices of the ports that satisfy `is_wanted`, of those that DPDK tells about.
pub(super) fn indices_of(eal: &Eal, is_wanted: impl Fn(&PortInfo) -> bool) -> Vec<u16> {
    let is_wanted = |index| info(index).is_ok_and(|(info, _)| is_wanted(&info));
    indices(eal).filter(|&index| is_wanted(index)).collect()
}

impl PortInfo {
    /// Returns its driver, which knows what is particular to it.
    #[must_use]
    pub fn driver(&self) -> Driver<'_> {
        Driver::new(&self.driver, self.vf_driver.as_deref())
    }
}

impl fmt::Display for PortInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.index, self.name)
    }
}

fn as_text<S: Serializer>(mac: &Mac, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(mac)
}

/// Walks over the indices of the ports that nobody owns.
fn indices(_eal: &Eal) -> impl Iterator<Item = u16> {
    let mut next = 0;
    std::iter::from_fn(move || {
        // SAFETY: walks a table that the EAL, which runs, has set up.
        let found =
            unsafe { dpdk_sys::rte_eth_find_next_owned_by(next, dpdk_sys::DG_NO_OWNER.into()) };
        let index = u16::try_from(found)
            .ok()
            .filter(|&index| u32::from(index) < dpdk_sys::DG_MAX_PORTS)?;
        next = index + 1;
        Some(index)
    })
}

/// Returns the version of the DPDK that runs, such as `DPDK 22.11.11`.
#[must_use]
pub fn dpdk_version() -> String {
    // SAFETY: DPDK returns a static text.
    let version = unsafe { CStr::from_ptr(dpdk_sys::rte_version()) };
    version.to_string_lossy().into_owned()
}

/// Returns the folder from which DPDK loads its drivers.
#[must_use]
pub fn driver_folder() -> String {
    // SAFETY: the shim returns a static text.
    let folder = unsafe { CStr::from_ptr(dpdk_sys::dg_driver_folder()) };
    folder.to_string_lossy().into_owned()
}

/// Returns what is shown of the port `index`, and what it is configured by.
///
/// # Errors
///
/// If DPDK tells nothing about it.
pub(crate) fn info(index: u16) -> Result<(PortInfo, dpdk_sys::dg_port_info), Error> {
    let mut raw = dpdk_sys::dg_port_info::default();
    // SAFETY: fills the struct; an index that is none gives an error.
    let error = unsafe { dpdk_sys::dg_port_info(index, &raw mut raw) };
    Errno::check(error).map_err(|errno| Error::Unknown { index, errno })?;
    let mut info = PortInfo {
        index,
        name: text(&raw.name),
        mac: Mac(raw.mac),
        vf_driver: vf_driver(&raw),
        driver: text(&raw.driver),
        numa_node: u32::try_from(raw.numa_node).ok(),
        link: Link::of(index).filter(|link| link.up),
        max_rx_queues: raw.max_rx_queues,
        max_tx_queues: raw.max_tx_queues,
        rx_descriptors: DescriptorLimits {
            min: raw.rx_desc_min,
            max: raw.rx_desc_max,
            align: raw.rx_desc_align,
        },
        tx_descriptors: DescriptorLimits {
            min: raw.tx_desc_min,
            max: raw.tx_desc_max,
            align: raw.tx_desc_align,
        },
        mtu: raw.mtu,
        interface: None,
        interface_mtu: None,
        min_mtu: raw.min_mtu,
        max_mtu: max_mtu(&raw),
        rx_offloads: flags(raw.rx_offloads, |bit| {
            // SAFETY: DPDK returns a static text for any number.
            unsafe { dpdk_sys::rte_eth_dev_rx_offload_name(bit) }
        }),
        tx_offloads: flags(raw.tx_offloads, |bit| {
            // SAFETY: DPDK returns a static text for any number.
            unsafe { dpdk_sys::rte_eth_dev_tx_offload_name(bit) }
        }),
        rss_types: flags(raw.rss_types, |bit| {
            // SAFETY: the shim returns a static text, or NULL.
            unsafe { dpdk_sys::dg_rss_type_name(bit) }
        }),
        rss_table_size: raw.reta_size,
    };
    if info.driver().mtu_rule() == MtuRule::OfInterface {
        info.interface_mtu = kernel_interface::mtu(raw.interface).map(|mtu| mtu.min(MAX_MTU));
        info.interface = info.interface_mtu.map(|_| raw.interface);
        let is_up = kernel_interface::has_link(raw.interface);
        info.link = is_up.map_or(info.link, |up| {
            let speed_mbps = info.link.and_then(|link| link.speed_mbps);
            Some(Link { up, speed_mbps })
        });
        if let Some(mtu) = info.interface_mtu {
            info.max_mtu = info.max_mtu.min(mtu);
            info.mtu = info.max_mtu;
        }
    }
    Ok((info, raw))
}

/// Finds the driver of the VF behind a netvsc port: a port with the same address, which the netvsc
/// port owns once it drives it.
fn vf_driver(netvsc: &dpdk_sys::dg_port_info) -> Option<String> {
    if !Driver::new(&text(&netvsc.driver), None).is_netvsc() {
        return None;
    }
    let mut next = 0;
    loop {
        // SAFETY: walks the table of ports, owned ones too.
        let index = unsafe { dpdk_sys::rte_eth_find_next(next) };
        if u32::from(index) >= dpdk_sys::DG_MAX_PORTS {
            return None;
        }
        let mut raw = dpdk_sys::dg_port_info::default();
        // SAFETY: fills the struct, or gives an error.
        let error = unsafe { dpdk_sys::dg_port_info(index, &raw mut raw) };
        let driver = text(&raw.driver);
        if error == 0 && raw.mac == netvsc.mac && Driver::new(&driver, None).may_be_vf() {
            return Some(driver);
        }
        next = index + 1;
    }
}

/// Returns the largest MTU, by the same reckoning as `rte_eth_dev_configure`: many drivers tell
/// only the largest frame.
fn max_mtu(raw: &dpdk_sys::dg_port_info) -> u16 {
    const HEADER_AND_FCS: u32 = 18;
    let overhead = if raw.max_mtu != u16::MAX && raw.max_frame > u32::from(raw.max_mtu) {
        raw.max_frame - u32::from(raw.max_mtu)
    } else {
        HEADER_AND_FCS
    };
    let by_frame = u16::try_from(raw.max_frame.saturating_sub(overhead)).unwrap_or(u16::MAX);
    raw.max_mtu.min(by_frame).min(MAX_MTU)
}

/// Names the bits that are set, of those that have a name.
fn flags(bits: u64, name: impl Fn(u64) -> *const c_char) -> Vec<String> {
    let set = (0..u64::BITS)
        .map(|shift| 1 << shift)
        .filter(|bit| bits & bit != 0);
    set.map(name)
        .filter(|name| !name.is_null())
        .map(|name| {
            // SAFETY: not null, so a NUL-terminated static text of DPDK's or the shim's.
            let name = unsafe { CStr::from_ptr(name) };
            name.to_string_lossy().to_ascii_lowercase()
        })
        .filter(|name| name != "unknown")
        .collect()
}

/// Returns the text of a C array, up to its end if nothing ends it before.
pub(crate) fn text(chars: &[c_char]) -> String {
    let bytes: Vec<u8> = chars
        .iter()
        .take_while(|&&c| c != 0)
        .map(|&c| u8::from_ne_bytes(c.to_ne_bytes()))
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn port(index: u16, name: &str, mac: [u8; 6], driver: &str) -> PortInfo {
        let descriptors = DescriptorLimits {
            min: 0,
            max: 4096,
            align: 1,
        };
        PortInfo {
            index,
            name: name.to_owned(),
            mac: Mac(mac),
            driver: driver.to_owned(),
            vf_driver: None,
            numa_node: None,
            link: Some(Link {
                up: true,
                speed_mbps: Some(10_000),
            }),
            max_rx_queues: 8,
            max_tx_queues: 8,
            rx_descriptors: descriptors,
            tx_descriptors: descriptors,
            mtu: 1500,
            interface: None,
            interface_mtu: None,
            min_mtu: 68,
            max_mtu: 9000,
            rx_offloads: vec!["scatter".to_owned()],
            tx_offloads: Vec::new(),
            rss_types: vec!["ipv4-udp".to_owned()],
            rss_table_size: 128,
        }
    }

    #[test]
    fn the_largest_mtu_follows_from_the_largest_frame_where_no_other_is_told() {
        let told = |max_mtu, max_frame| {
            super::max_mtu(&dpdk_sys::dg_port_info {
                max_mtu,
                max_frame,
                ..Default::default()
            })
        };
        assert_eq!(told(u16::MAX, 1518), 1500); // memif, af_packet
        assert_eq!(told(u16::MAX, u32::MAX), MAX_MTU); // ring, null
        assert_eq!(told(9702, 9728), 9702); // a network card
        assert_eq!(told(3290, 3308), 3290);
    }
}
