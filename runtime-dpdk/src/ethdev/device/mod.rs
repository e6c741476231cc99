//! A port made ready: configured as far as it grants, with pools for its queues, started, and taken
//! down in order.
#![allow(unsafe_code)]

mod link;

use std::cell::Cell;
use std::ffi::c_int;
use std::iter;

use dpdk_sys::{DG_RSS_IP_UDP, DG_RX_SCATTER, DG_TX_MBUF_FAST_FREE, DG_TX_MULTI_SEGS};
use dpdkgen_core::probe::layout::Layout;
use dpdkgen_core::wire::FCS_LEN;

use crate::eal::Eal;
use crate::eal::errno::error_text;
use crate::ethdev::driver::MtuRule;
use crate::ethdev::error::{Error, QueueDirection};
use crate::ethdev::guard::BurstGuard;
use crate::ethdev::info::{self as ports, PortInfo};
use crate::ethdev::memif;
use crate::ethdev::queue::{MAX_BURST, QueuePort, RxQueue, TxQueue};
use crate::ethdev::stats::CounterSource;
use crate::mbuf::mempool::{ORDINARY_ROOM, Pool, pool_size};

/// Bytes of an Ethernet header, which the MTU does not include.
const ETHERNET_HEADER: u32 = Layout::IPV4.ip() as u32;
/// What a device may put into a receive buffer around the MTU: header, two VLAN tags, FCS.
const RX_OVERHEAD: u32 = ETHERNET_HEADER + 8 + FCS_LEN as u32;
/// A reflector cannot know what is coming, so it takes frames as large as is usual, if the port can.
const REFLECT_MTU: u16 = 9000;

/// What the queues of a port are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Queues that send and queues that receive, each with a worker and a pool of its own.
    SendReceive,
    /// Pairs: what was received on one is sent on the other, in the same buffer.
    Reflect,
}

/// What is asked of a port.
#[derive(Clone, Debug)]
pub struct DeviceConfig {
    /// What the queues are for.
    pub role: Role,
    /// One entry a receive queue: the NUMA node of the worker that polls it.
    pub rx_nodes: Vec<u32>,
    /// One entry a transmit queue, as many as `rx_nodes` has when reflecting.
    pub tx_nodes: Vec<u32>,
    /// Descriptors of each receive queue, adjusted to what the device allows.
    pub rx_descriptors: u16,
    /// Descriptors of each transmit queue, adjusted to what the device allows.
    pub tx_descriptors: u16,
    /// The largest burst that a worker receives, at most [`MAX_BURST`].
    pub rx_burst: u16,
    /// The largest burst that a worker sends, at most [`MAX_BURST`].
    pub tx_burst: u16,
    /// The MTU that the payload needs. A port with a larger one keeps it.
    pub mtu_wanted: u16,
}

/// A configured port. It is stopped, closed and its pools are freed when this is dropped.
pub struct Device<'eal> {
    eal: &'eal Eal,
    /// Where the log of this port's making begins.
    log_mark: u64,
    info: PortInfo,
    role: Role,
    started: Cell<bool>,
    /// Whether it connects to a peer, rather than wait for one.
    memif_client: bool,
    rx_burst: u16,
    rx_descriptors: u16,
    tx_descriptors: u16,
    mtu: u16,
    /// The MTU to put back, since a port may share it with a network interface of the kernel's.
    mtu_found: u16,
    /// One for each receive queue, or one for all.
    rx_pools: Vec<Pool>,
    /// One for each transmit queue that is used; none when reflecting.
    tx_pools: Vec<Pool>,
    queues: Queues,
}

/// How many queues a port has; a driver may want more than are used, to transmit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Queues {
    rx: u16,
    tx: u16,
    tx_used: u16,
}

impl<'eal> Device<'eal> {
    /// Configures the port and its queues.
    pub fn configure(
        eal: &'eal Eal,
        info: &PortInfo,
        config: &DeviceConfig,
    ) -> Result<Self, Error> {
        let (info, raw) = ports::info(info.index)?;
        let queues = queues(&info, config.rx_nodes.len(), config.tx_nodes.len())?;
        let mut device = Self {
            eal,
            log_mark: eal.log_mark(),
            role: config.role,
            started: Cell::new(false),
            memif_client: link::is_memif_client(info.driver(), &ports::text(&raw.arguments)),
            rx_burst: config.rx_burst.clamp(1, MAX_BURST),
            rx_descriptors: config.rx_descriptors,
            tx_descriptors: config.tx_descriptors,
            mtu: info.mtu,
            mtu_found: info.mtu,
            rx_pools: Vec::new(),
            tx_pools: Vec::new(),
            queues,
            info,
        };
        let scatter = device.set_up(&raw, config)?;
        device.adjust_descriptors()?;
        device.make_queues(config, scatter)?;
        Ok(device)
    }

    /// The queues, each to be given to one worker: of `SendReceive` the receive queues and then the
    /// transmit queues, of `Reflect` the pairs.
    pub fn queue_ports(&mut self) -> Vec<QueuePort<'_>> {
        let index = self.info.index;
        let depth_told = self.info.driver().tells_depth();
        let frame_max = usize::from(self.mtu) + ETHERNET_HEADER as usize;
        let guarded = self.is_memif();
        let port = |rx: Option<RxQueue>, tx: Option<TxQueue>| {
            let only = |queue: Option<u16>| queue.map_or(0..0, |queue| queue..queue + 1);
            let queues = memif::Queues {
                port: index,
                rx: only(rx.map(|rx| rx.queue)),
                tx: only(tx.map(|tx| tx.queue)),
            };
            let guard = guarded.then(|| BurstGuard::take(queues));
            QueuePort::new(index, rx, tx, frame_max, guard)
        };
        let rx = |queue| RxQueue {
            queue,
            burst: self.rx_burst,
            depth_told,
        };
        let rx_queues = 0..self.queues.rx;
        match self.role {
            Role::Reflect => rx_queues
                .map(|queue| port(Some(rx(queue)), Some(TxQueue { queue, pool: None })))
                .collect(),
            Role::SendReceive => rx_queues
                .map(|queue| port(Some(rx(queue)), None))
                .chain((0..).zip(&self.tx_pools).map(|(queue, pool)| {
                    port(
                        None,
                        Some(TxQueue {
                            queue,
                            pool: Some(pool.handle()),
                        }),
                    )
                }))
                .collect(),
        }
    }

    /// What DPDK said of the port before it was configured.
    #[must_use]
    pub const fn info(&self) -> &PortInfo {
        &self.info
    }

    /// The MTU that it now has.
    #[must_use]
    pub const fn mtu(&self) -> u16 {
        self.mtu
    }

    /// Where its counters are read.
    #[must_use]
    pub fn counters(&self) -> CounterSource {
        CounterSource {
            port: self.info.index,
            kept: self.info.driver().counts(),
        }
    }

    /// Configures the port with the MTU that is wanted and can be had, and says whether large frames
    /// are scattered over several receive buffers.
    fn set_up(
        &mut self,
        raw: &dpdk_sys::dg_port_info,
        config: &DeviceConfig,
    ) -> Result<bool, Error> {
        if config.mtu_wanted > self.info.max_mtu {
            return Err(self.too_large(config.mtu_wanted, self.info.max_mtu));
        }
        let rule = self.info.driver().mtu_rule();
        let mut tried = mtus(rule, config, &self.info).into_iter();
        let first = tried.next().unwrap_or(self.mtu_found);
        let mut scatter = self.try_mtu(raw, config.role, first);
        for mtu in tried {
            scatter = scatter.or_else(|_| self.try_mtu(raw, config.role, mtu));
        }
        let scatter = scatter?;
        if rule == MtuRule::AsNeededAfterwards && self.mtu < config.mtu_wanted {
            self.raise_mtu(config.mtu_wanted)?;
        }
        if self.mtu < config.mtu_wanted {
            return Err(self.too_large(config.mtu_wanted, self.mtu));
        }
        Ok(scatter)
    }

    fn try_mtu(
        &mut self,
        raw: &dpdk_sys::dg_port_info,
        role: Role,
        mtu: u16,
    ) -> Result<bool, Error> {
        let wide = u32::from(mtu) + RX_OVERHEAD > ORDINARY_ROOM;
        let scatter = if wide {
            raw.rx_offloads & DG_RX_SCATTER
        } else {
            0
        };
        let tx_offloads = match role {
            // All buffers of a transmit queue come from its pool and are ours alone.
            Role::SendReceive => raw.tx_offloads & DG_TX_MBUF_FAST_FREE,
            // What was received in several segments is sent in several.
            Role::Reflect => raw.tx_offloads & DG_TX_MULTI_SEGS,
        };
        let request = dpdk_sys::dg_port_config {
            rx_queues: self.queues.rx,
            tx_queues: self.queues.tx,
            mtu,
            rx_offloads: scatter,
            tx_offloads,
            rss_types: if self.queues.rx > 1 {
                raw.rss_types & DG_RSS_IP_UDP
            } else {
                0
            },
        };
        // SAFETY: the struct lives through the call, and the port is not started.
        let error = unsafe { dpdk_sys::dg_port_configure(self.info.index, &raw const request) };
        self.check(error, "configured")?;
        if mtu != self.mtu_found {
            self.set_mtu(mtu)?;
        }
        self.mtu = mtu;
        Ok(scatter != 0)
    }

    /// Gives a netvsc port, which is configured already, the MTU that is needed.
    fn raise_mtu(&mut self, mtu: u16) -> Result<(), Error> {
        let version = ports::dpdk_version();
        if ["DPDK 23.11.0", "DPDK 23.11.1"].contains(&version.as_str()) {
            // hn_dev_mtu_set reads a queue that is not set up yet: "net/netvsc: fix MTU set".
            return Err(self.mtu_cannot_be_raised(mtu, version, "23.11.2 or 24.11"));
        }
        // SAFETY: the port is configured and not started.
        match unsafe { dpdk_sys::rte_eth_dev_set_mtu(self.info.index, mtu) } {
            error if error == -libc::ENOTSUP => {
                Err(self.mtu_cannot_be_raised(mtu, version, "23.11.2 or later"))
            }
            error => {
                self.check(error, &format!("given an MTU of {mtu}"))?;
                self.mtu = mtu;
                Ok(())
            }
        }
    }

    fn mtu_cannot_be_raised(&self, wanted: u16, version: String, needed: &'static str) -> Error {
        Error::MtuCannotBeRaised {
            port: self.info.to_string(),
            wanted,
            has: self.mtu,
            version,
            needed,
        }
    }

    fn set_mtu(&self, mtu: u16) -> Result<(), Error> {
        // SAFETY: the port is configured and not started.
        let error = unsafe { dpdk_sys::rte_eth_dev_set_mtu(self.info.index, mtu) };
        // Without a function for it, what was configured holds: rte_eth_dev_configure has held it
        // against the largest frame (net_ring, net_pcap: any; net_memif: 1518).
        let error = if error == -libc::ENOTSUP { 0 } else { error };
        self.check(error, &format!("given an MTU of {mtu}"))
    }

    fn too_large(&self, wanted: u16, carried: u16) -> Error {
        Error::MtuTooLarge {
            port: self.info.to_string(),
            wanted,
            carried,
        }
    }

    fn adjust_descriptors(&mut self) -> Result<(), Error> {
        let (rx, tx) = (&raw mut self.rx_descriptors, &raw mut self.tx_descriptors);
        // SAFETY: changes the two numbers.
        let error = unsafe { dpdk_sys::rte_eth_dev_adjust_nb_rx_tx_desc(self.info.index, rx, tx) };
        self.check(error, "given that many descriptors")
    }

    fn make_queues(&mut self, config: &DeviceConfig, scatter: bool) -> Result<(), Error> {
        let index = self.info.index;
        let frame = u32::from(self.mtu);
        let rx_room = if scatter {
            ORDINARY_ROOM
        } else {
            frame + RX_OVERHEAD
        };
        let mut rings = vec![self.rx_descriptors];
        if self.role == Role::Reflect {
            rings.push(self.tx_descriptors);
        }
        rings.extend(self.info.driver().held());
        let is_shared = self.info.driver().divides_pool();
        let sharers = if is_shared { self.queues.rx } else { 1 };
        let rx_buffers = pool_size(sharers.into(), &rings, config.rx_burst);
        for (queue, &node) in (0..).zip(&config.rx_nodes) {
            if queue == 0 || !is_shared {
                let name = format!("rx_{index}_{queue}");
                let pool = Pool::new(self.eal, &name, rx_buffers, config.rx_burst, rx_room, node)?;
                // Kept before anything can fail: the device may hold buffers of it.
                self.rx_pools.push(pool);
            }
            let pool = &self.rx_pools[self.rx_pools.len() - 1];
            // SAFETY: the port is configured with that many queues, and the pool outlives it.
            let error = unsafe {
                dpdk_sys::dg_rx_queue_setup(
                    index,
                    queue,
                    self.rx_descriptors,
                    node.cast_signed(),
                    pool.handle().as_ptr(),
                )
            };
            self.check(error, &format!("given receive queue {queue}"))?;
        }
        // Queues that the driver wants and nobody uses are like the first.
        let unused = iter::repeat(config.tx_nodes.first().copied().unwrap_or(0));
        let nodes = config.tx_nodes.iter().copied().chain(unused);
        for (queue, node) in (0..self.queues.tx).zip(nodes) {
            if self.role == Role::SendReceive && queue < self.queues.tx_used {
                let name = format!("tx_{index}_{queue}");
                let buffers = pool_size(1, &[self.tx_descriptors], config.tx_burst);
                let room = frame + ETHERNET_HEADER;
                let pool = Pool::new(self.eal, &name, buffers, config.tx_burst, room, node)?;
                self.tx_pools.push(pool);
            }
            // SAFETY: the port is configured with that many queues.
            let error = unsafe {
                dpdk_sys::dg_tx_queue_setup(index, queue, self.tx_descriptors, node.cast_signed())
            };
            self.check(error, &format!("given transmit queue {queue}"))?;
        }
        Ok(())
    }

    fn check(&self, error: c_int, step: &str) -> Result<(), Error> {
        if error == 0 {
            return Ok(());
        }
        // Many drivers return -1 whatever the reason was.
        let reason = if error == -1 {
            "its driver refuses".to_owned()
        } else {
            error_text(error)
        };
        Err(Error::Refused {
            port: self.info.to_string(),
            step: step.to_owned(),
            reason,
            log: self.eal.last_words(self.log_mark),
        })
    }
}

impl Drop for Device<'_> {
    fn drop(&mut self) {
        self.stop();
        if self.is_memif() {
            // It keeps no buffers of ours once it is stopped, and is closed when the EAL ends.
            return;
        }
        // SAFETY: no worker has one of the queues any more, since those borrow the device. Either
        // call gives an error where the port is not in the state for it, which changes nothing. The
        // pools are freed after this, when the port holds none of their buffers.
        unsafe {
            if self.mtu != self.mtu_found {
                dpdk_sys::rte_eth_dev_set_mtu(self.info.index, self.mtu_found);
            }
            dpdk_sys::rte_eth_dev_close(self.info.index);
        }
    }
}

/// The MTUs to configure a port with, the first that it takes.
fn mtus(rule: MtuRule, config: &DeviceConfig, info: &PortInfo) -> Vec<u16> {
    let needed = config.mtu_wanted.max(info.mtu);
    let liked = match (rule, config.role) {
        (MtuRule::AsNeededAfterwards, _) => return vec![info.mtu],
        (MtuRule::Any, Role::Reflect) => needed.max(REFLECT_MTU.min(info.max_mtu)),
        _ => needed,
    };
    // A driver may promise more than it keeps.
    let mut tried = vec![liked, needed, info.mtu];
    tried.dedup();
    tried
}

/// How many queues a port is configured with for `rx` that receive and `tx` that send.
fn queues(info: &PortInfo, rx: usize, tx: usize) -> Result<Queues, Error> {
    let rx = queue_count(info, QueueDirection::Receive, rx, info.max_rx_queues)?;
    let tx_used = queue_count(info, QueueDirection::Transmit, tx, info.max_tx_queues)?;
    let (rx, tx) = info.driver().queues(rx, tx_used).map_err(|can| {
        let driver = info.vf_driver.as_ref().unwrap_or(&info.driver);
        Error::QueueCounts {
            port: info.to_string(),
            driver: driver.clone(),
            can,
        }
    })?;
    queue_count(
        info,
        QueueDirection::Transmit,
        tx.into(),
        info.max_tx_queues,
    )?;
    Ok(Queues { rx, tx, tx_used })
}

fn queue_count(
    info: &PortInfo,
    direction: QueueDirection,
    wanted: usize,
    limit: u16,
) -> Result<u16, Error> {
    let count = u16::try_from(wanted).ok();
    count
        .filter(|&count| count <= limit)
        .ok_or_else(|| Error::TooManyQueues {
            port: info.to_string(),
            direction,
            wanted,
            limit,
        })
}

#[cfg(test)]
mod tests {
    use dpdkgen_run::failure::Failure;

    use super::*;
    use crate::ethdev::info::tests::port;

    fn netvsc(vf: &str) -> PortInfo {
        PortInfo {
            vf_driver: Some(vf.to_owned()),
            max_rx_queues: 16,
            max_tx_queues: 16,
            ..port(0, "7ced8dd2-1a43", [2, 0, 0, 0, 0, 1], "net_netvsc")
        }
    }

    fn config(role: Role, mtu_wanted: u16) -> DeviceConfig {
        DeviceConfig {
            role,
            rx_nodes: vec![0],
            tx_nodes: vec![0],
            rx_descriptors: 1024,
            tx_descriptors: 1024,
            rx_burst: 32,
            tx_burst: 32,
            mtu_wanted,
        }
    }

    #[test]
    fn netvsc_is_configured_once_with_the_mtu_that_it_has() {
        let info = netvsc("mlx5_pci");
        for (role, wanted) in [
            (Role::Reflect, 0),
            (Role::SendReceive, 1500),
            (Role::SendReceive, 3000),
        ] {
            let tried = mtus(info.driver().mtu_rule(), &config(role, wanted), &info);
            assert_eq!(tried, [1500], "{role:?} {wanted}");
        }
    }

    #[test]
    fn a_reflector_takes_large_frames_where_the_mtu_is_its_own() {
        let tried = |driver: &str| {
            let info = port(0, "x", [2; 6], driver);
            mtus(info.driver().mtu_rule(), &config(Role::Reflect, 0), &info)
        };
        assert_eq!(tried("net_ice"), [9000, 1500]);
        assert_eq!(tried("net_af_packet"), [1500]);
    }

    #[test]
    fn mana_is_given_idle_transmit_queues_or_refused_in_a_sentence() {
        let mana = netvsc("net_mana");
        let of = |rx, tx, tx_used| Ok(Queues { rx, tx, tx_used });
        assert_eq!(queues(&mana, 16, 16), of(16, 16, 16));
        assert_eq!(queues(&mana, 8, 1), of(8, 8, 1));
        assert_eq!(queues(&netvsc("mlx5_pci"), 15, 1), of(15, 1, 1));
        let error = Failure::from(queues(&mana, 15, 1).unwrap_err());
        assert_eq!(error.exit_status(), 2);
        assert_eq!(
            error.to_string(),
            "port 0 (7ced8dd2-1a43) is driven by net_mana, which has 1, 2, 4, 8 or 16 receive \
             queues, and no more to transmit: ask for as many with -r and -t"
        );
    }
}
