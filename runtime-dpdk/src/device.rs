//! A port made ready: configured as far as it grants, with pools for its queues, started, and taken
//! down in order.
#![allow(unsafe_code)]

mod link;

use std::cell::Cell;
use std::ffi::c_int;

use dpdk_sys::{DG_RSS_IP_UDP, DG_RX_SCATTER, DG_TX_MBUF_FAST_FREE, DG_TX_MULTI_SEGS};
use dpdkgen_run::failure::Failure;

use crate::counters::{self, CounterSource, Tells};
use crate::eal::{Eal, error_text};
use crate::interrupts::Seat;
use crate::memif::Queues;
use crate::pool::{ORDINARY_ROOM, Pool, held_by, pool_size};
use crate::port::{MAX_BURST, QueuePort, RxQueue, TxQueue};
use crate::ports::{self, PortInfo};

/// Bytes of an Ethernet header.
const ETHERNET_HEADER: u32 = 14;
/// IPv4 and UDP headers, which the MTU includes.
pub(crate) const IP_UDP_HEADERS: u16 = 28;
/// What a device may put into a receive buffer around the MTU: header, two VLAN tags, FCS.
const RX_OVERHEAD: u32 = ETHERNET_HEADER + 8 + 4;
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
    /// One for each receive queue.
    rx_pools: Vec<Pool>,
    /// One for each transmit queue; none when reflecting.
    tx_pools: Vec<Pool>,
    tx_queues: u16,
}

impl<'eal> Device<'eal> {
    /// Configures the port and its queues.
    pub fn configure(
        eal: &'eal Eal,
        info: &PortInfo,
        config: &DeviceConfig,
    ) -> Result<Self, Failure> {
        let (info, raw) = ports::info(info.index)?;
        let rx_queues = queue_count(&info, "receive", config.rx_nodes.len(), info.max_rx_queues)?;
        let tx_queues = queue_count(&info, "transmit", config.tx_nodes.len(), info.max_tx_queues)?;
        let mut device = Self {
            eal,
            log_mark: eal.log_mark(),
            role: config.role,
            started: Cell::new(false),
            memif_client: link::is_memif_client(&info.driver, &ports::text(&raw.arguments)),
            rx_burst: config.rx_burst.clamp(1, MAX_BURST),
            rx_descriptors: config.rx_descriptors,
            tx_descriptors: config.tx_descriptors,
            mtu: info.mtu,
            mtu_found: info.mtu,
            rx_pools: Vec::new(),
            tx_pools: Vec::new(),
            tx_queues,
            info,
        };
        let scatter = device.set_up(&raw, config, rx_queues)?;
        device.adjust_descriptors()?;
        device.make_queues(config, scatter)?;
        Ok(device)
    }

    /// The queues, each to be given to one worker: of `SendReceive` the receive queues and then the
    /// transmit queues, of `Reflect` the pairs.
    pub fn queue_ports(&mut self) -> Vec<QueuePort<'_>> {
        let index = self.info.index;
        let depth_told = counters::driver_tells_depth(&self.info.driver);
        let frame_max = usize::from(self.mtu) + ETHERNET_HEADER as usize;
        let guarded = self.is_memif();
        let port = |rx: Option<RxQueue>, tx: Option<TxQueue>| {
            let only = |queue: Option<u16>| queue.map_or(0..0, |queue| queue..queue + 1);
            let queues = Queues {
                port: index,
                rx: only(rx.map(|rx| rx.queue)),
                tx: only(tx.map(|tx| tx.queue)),
            };
            let seat = guarded.then(|| Seat::take(queues));
            QueuePort::new(index, rx, tx, frame_max, seat)
        };
        let rx = |queue| RxQueue {
            queue,
            burst: self.rx_burst,
            depth_told,
        };
        let rx_queues = (0..).zip(&self.rx_pools).map(|(queue, _)| queue);
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
            tells: Tells::of(&self.info.driver),
        }
    }

    /// Configures the port with the largest MTU that is wanted and can be had, and says whether
    /// large frames are scattered over several receive buffers.
    fn set_up(
        &mut self,
        raw: &dpdk_sys::dg_port_info,
        config: &DeviceConfig,
        rx_queues: u16,
    ) -> Result<bool, Failure> {
        if config.mtu_wanted > self.info.max_mtu {
            return Err(self.too_large(config.mtu_wanted, self.info.max_mtu));
        }
        let needed = config.mtu_wanted.max(self.mtu_found);
        let liked = match config.role {
            Role::Reflect if !shares_interface(&self.info.driver) => {
                needed.max(REFLECT_MTU.min(self.info.max_mtu))
            }
            _ => needed,
        };
        // A driver may promise more than it keeps.
        let mut tried = vec![liked, needed, self.mtu_found];
        tried.dedup();
        let mut scatter = self.try_mtu(raw, config, rx_queues, liked);
        for &mtu in &tried[1..] {
            scatter = scatter.or_else(|_| self.try_mtu(raw, config, rx_queues, mtu));
        }
        let scatter = scatter?;
        if self.mtu < config.mtu_wanted {
            return Err(self.too_large(config.mtu_wanted, self.mtu));
        }
        Ok(scatter)
    }

    fn try_mtu(
        &mut self,
        raw: &dpdk_sys::dg_port_info,
        config: &DeviceConfig,
        rx_queues: u16,
        mtu: u16,
    ) -> Result<bool, Failure> {
        let wide = u32::from(mtu) + RX_OVERHEAD > ORDINARY_ROOM;
        let scatter = if wide {
            raw.rx_offloads & DG_RX_SCATTER
        } else {
            0
        };
        let tx_offloads = match config.role {
            // All buffers of a transmit queue come from its pool and are ours alone.
            Role::SendReceive => raw.tx_offloads & DG_TX_MBUF_FAST_FREE,
            // What was received in several segments is sent in several.
            Role::Reflect => raw.tx_offloads & DG_TX_MULTI_SEGS,
        };
        let request = dpdk_sys::dg_port_config {
            rx_queues,
            tx_queues: self.tx_queues,
            mtu,
            rx_offloads: scatter,
            tx_offloads,
            rss_types: if rx_queues > 1 {
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

    fn set_mtu(&self, mtu: u16) -> Result<(), Failure> {
        // SAFETY: the port is configured and not started.
        let error = unsafe { dpdk_sys::rte_eth_dev_set_mtu(self.info.index, mtu) };
        // Without a function for it, what was configured holds: rte_eth_dev_configure has held it
        // against the largest frame (net_ring, net_pcap: any; net_memif: 1518).
        let error = if error == -libc::ENOTSUP { 0 } else { error };
        self.check(error, &format!("given an MTU of {mtu}"))
    }

    fn too_large(&self, wanted: u16, carried: u16) -> Failure {
        let payload = |mtu: u16| mtu.saturating_sub(IP_UDP_HEADERS);
        Failure::request(format!(
            "a payload of {} bytes needs an MTU of {wanted}; port {} carries {carried}: send at \
             most {} bytes",
            payload(wanted),
            self.info,
            payload(carried)
        ))
    }

    fn adjust_descriptors(&mut self) -> Result<(), Failure> {
        let (rx, tx) = (&raw mut self.rx_descriptors, &raw mut self.tx_descriptors);
        // SAFETY: changes the two numbers.
        let error = unsafe { dpdk_sys::rte_eth_dev_adjust_nb_rx_tx_desc(self.info.index, rx, tx) };
        self.check(error, "given that many descriptors")
    }

    fn make_queues(&mut self, config: &DeviceConfig, scatter: bool) -> Result<(), Failure> {
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
        rings.extend(held_by(&self.info.driver));
        let rx_buffers = pool_size(&rings, config.rx_burst);
        for (queue, &node) in (0..).zip(&config.rx_nodes) {
            let name = format!("rx_{index}_{queue}");
            let pool = Pool::new(self.eal, &name, rx_buffers, config.rx_burst, rx_room, node)?;
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
            // Kept before anything can fail: the device may hold buffers of it.
            self.rx_pools.push(pool);
            self.check(error, &format!("given receive queue {queue}"))?;
        }
        for (queue, &node) in (0..).zip(&config.tx_nodes) {
            if self.role == Role::SendReceive {
                let name = format!("tx_{index}_{queue}");
                let buffers = pool_size(&[self.tx_descriptors], config.tx_burst);
                let room = frame + ETHERNET_HEADER;
                self.tx_pools.push(Pool::new(
                    self.eal,
                    &name,
                    buffers,
                    config.tx_burst,
                    room,
                    node,
                )?);
            }
            // SAFETY: the port is configured with that many queues.
            let error = unsafe {
                dpdk_sys::dg_tx_queue_setup(index, queue, self.tx_descriptors, node.cast_signed())
            };
            self.check(error, &format!("given transmit queue {queue}"))?;
        }
        Ok(())
    }

    fn check(&self, error: c_int, done: &str) -> Result<(), Failure> {
        if error == 0 {
            return Ok(());
        }
        // Many drivers return -1 whatever the reason was.
        let reason = if error == -1 {
            "its driver refuses".to_owned()
        } else {
            error_text(error)
        };
        Err(Failure::machine(format!(
            "port {} cannot be {done}: {reason}{}; `-v` shows DPDK's whole log",
            self.info,
            self.eal.last_words(self.log_mark)
        )))
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

/// Whether the port is a network interface of the kernel's, whose MTU is not ours to raise: its peers
/// count on it (a veth with a larger one keeps XDP from the other end).
fn shares_interface(driver: &str) -> bool {
    matches!(
        driver,
        "net_af_packet" | "net_af_xdp" | "net_pcap" | "net_tap"
    )
}

fn queue_count(
    info: &PortInfo,
    direction: &str,
    wanted: usize,
    limit: u16,
) -> Result<u16, Failure> {
    u16::try_from(wanted).ok().filter(|&wanted| wanted <= limit).ok_or_else(|| {
        Failure::request(format!(
            "port {info} has at most {limit} {direction} queues, and {wanted} were asked for: give \
             it fewer with {}",
            if direction == "receive" { "-r" } else { "-t" }
        ))
    })
}
