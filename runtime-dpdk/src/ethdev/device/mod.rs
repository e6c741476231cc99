//! A port made ready: configured as far as it grants (`config`, `mtu`), with pools for its queues
//! (`queues`), started and linked (`link`), and taken down in order.
#![allow(unsafe_code)]

mod config;
mod link;
mod mtu;
mod queues;

use std::cell::Cell;
use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};

use dpdkgen_core::probe::layout::Layout;
use dpdkgen_core::wire::FCS_LEN;

pub use self::config::{DeviceConfig, PortUse};

use self::config::QueueCounts;
use super::error::{Error, Step};
use super::info::{self, PortInfo};
use super::link::{Link, LinkSource, LinkWatch};
use super::memif;
use super::queue::MAX_BURST;
use super::stats::PortStatsReader;
use crate::eal::{Eal, Errno};
use crate::mbuf::mempool::Pool;

/// Bytes of an Ethernet header, which the MTU does not include.
const ETHERNET_HEADER: u32 = Layout::IPV4.ip() as u32;
/// What a device may put into a receive buffer around the MTU: header, two VLAN tags, FCS.
const RX_OVERHEAD: u32 = ETHERNET_HEADER + 8 + FCS_LEN as u32;

/// A configured port. It is stopped, closed and its pools are freed when this is dropped.
pub struct Device<'eal> {
    eal: &'eal Eal,
    /// Where DPDK's log of this port begins.
    log_mark: u64,
    info: PortInfo,
    port_use: PortUse,
    started: Cell<bool>,
    /// Whether it connects to a peer, rather than wait for one.
    memif_client: bool,
    rx_burst: u16,
    rx_descriptors: u16,
    tx_descriptors: u16,
    mtu: u16,
    /// Bytes of IP and UDP headers of what it sends.
    headers: u16,
    /// Whether it was asked for by itself, and not by what a payload needs.
    is_mtu_asked: bool,
    is_neighbour: bool,
    is_promiscuous: bool,
    /// The MTU to put back, since a port may share it with a network interface of the kernel's.
    mtu_found: u16,
    /// One for each receive queue, or one for all.
    rx_pools: Vec<Pool>,
    /// One for each transmit queue that is used; none when reflecting.
    tx_pools: Vec<Pool>,
    queues: QueueCounts,
    link_source: LinkSource,
}

/// Set once a device that was taken away has been left as it was.
static LEFT_BEHIND: AtomicBool = AtomicBool::new(false);

/// Returns whether a device that was taken away has been left as it was, so that nothing may close
/// it any more.
pub(super) fn is_left_behind() -> bool {
    LEFT_BEHIND.load(Ordering::Relaxed)
}

impl<'eal> Device<'eal> {
    /// Configures the port and its queues.
    ///
    /// # Errors
    ///
    /// If the port cannot do what is asked, its driver refuses a step, or there is no memory for
    /// its packet buffers.
    pub fn configure(
        eal: &'eal Eal,
        info: &PortInfo,
        config: &DeviceConfig,
    ) -> Result<Self, Error> {
        let (info, raw) = info::info(info.index)?;
        let queues = QueueCounts::of(&info, config.rx_nodes.len(), config.tx_nodes.len())?;
        let mut device = Self {
            eal,
            log_mark: eal.log_mark(),
            port_use: config.port_use,
            started: Cell::new(false),
            memif_client: memif::is_client(info.driver(), &info::text(&raw.arguments)),
            rx_burst: config.rx_burst.clamp(1, MAX_BURST),
            rx_descriptors: config.rx_descriptors,
            tx_descriptors: info
                .driver()
                .tx_descriptors(config.tx_descriptors, queues.tx),
            mtu: info.mtu,
            headers: config.headers,
            is_mtu_asked: config.mtu_asked.is_some(),
            is_neighbour: config.is_neighbour,
            is_promiscuous: config.is_promiscuous,
            mtu_found: info.mtu,
            rx_pools: Vec::new(),
            tx_pools: Vec::new(),
            queues,
            link_source: LinkSource::new(info.index, info.interface, &info.name),
            info,
        };
        let scatter = device.set_up(&raw, config)?;
        device.adjust_descriptors()?;
        device.make_queues(config, scatter)?;
        Ok(device)
    }

    /// Returns what DPDK said of the port before it was configured.
    #[must_use]
    pub const fn info(&self) -> &PortInfo {
        &self.info
    }

    /// Returns the bits per second of its line; `None` if its driver does not tell, or tells of a line
    /// that is not there, as those of software do.
    #[must_use]
    pub fn line_bps(&self) -> Option<u64> {
        self.link_source.device.as_ref()?;
        let speed_mbps = Link::of(self.info.index)?.speed_mbps?;
        Some(u64::from(speed_mbps) * 1_000_000)
    }

    /// Returns the MTU that it now has.
    #[must_use]
    pub const fn mtu(&self) -> u16 {
        self.mtu
    }

    /// Returns how many transmit queues it has and how many of them are used, if that is not all:
    /// the driver, or that of the VF, wants them.
    #[must_use]
    pub fn idle_queues(&self) -> Option<(u16, u16)> {
        let QueueCounts { tx, tx_used, .. } = self.queues;
        (tx > tx_used).then_some((tx, tx_used))
    }

    /// Returns what reads its counters.
    #[must_use]
    pub fn stats(&self) -> PortStatsReader {
        PortStatsReader {
            port: self.info.index,
            kept: self.info.driver().kept_counters(),
            is_netvsc: self.info.driver().is_netvsc(),
        }
    }

    /// Returns what watches its link.
    #[must_use]
    pub fn link_watch(&self) -> LinkWatch {
        let interval = self.info.driver().link_interval();
        LinkWatch::new(self.link_source.clone(), interval)
    }

    /// Turns what a function of DPDK's returned for `step` into a result.
    fn check(&self, returned: c_int, step: Step) -> Result<(), Error> {
        Errno::check(returned).map_err(|errno| Error::Refused {
            port: self.info.to_string(),
            step,
            errno,
            log: self.eal.last_words(self.log_mark),
        })
    }
}

impl Drop for Device<'_> {
    fn drop(&mut self) {
        // A driver waits for each register of a device that answers no more: those of e1000e for
        // 54 s together. The process ends soon, and nobody can use the device.
        if self.link_source.is_removed() {
            LEFT_BEHIND.store(true, Ordering::Relaxed);
            return;
        }
        self.stop();
        if self.is_memif() {
            // It keeps no buffers of ours once it is stopped, and is closed when the EAL ends.
            return;
        }
        // SAFETY: no worker has one of the queues any more, since those borrow the device. Either
        // call gives an error where the port is not in the state for it, which changes nothing. The
        // pools are freed after this, when the port holds none of their buffers.
        unsafe {
            if self.is_neighbour {
                dpdk_sys::rte_eth_allmulticast_disable(self.info.index);
            }
            if self.is_promiscuous {
                // A kernel's interface would stay so.
                dpdk_sys::rte_eth_promiscuous_disable(self.info.index);
            }
            if self.mtu != self.mtu_found {
                dpdk_sys::rte_eth_dev_set_mtu(self.info.index, self.mtu_found);
            }
            dpdk_sys::rte_eth_dev_close(self.info.index);
        }
    }
}
