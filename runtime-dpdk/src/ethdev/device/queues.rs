//! A port's queues with their pools, set up and then given to workers.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::iter;

use super::{Device, DeviceConfig, ETHERNET_HEADER, PortUse, RX_OVERHEAD};
use crate::ethdev::Direction;
use crate::ethdev::error::{Error, Step};
use crate::ethdev::memif::{BurstGuard, Rings};
use crate::ethdev::queue::{QueuePort, RxQueue, TAGS_LEN, TxQueue};
use crate::mbuf::mempool::{DEFAULT_ROOM, Pool, pool_size};

impl Device<'_> {
    /// Adjusts the numbers of descriptors to what the port allows.
    ///
    /// # Errors
    ///
    /// If it allows none.
    pub(super) fn adjust_descriptors(&mut self) -> Result<(), Error> {
        let (rx, tx) = (&raw mut self.rx_descriptors, &raw mut self.tx_descriptors);
        // SAFETY: changes the two numbers.
        let error = unsafe { dpdk_sys::rte_eth_dev_adjust_nb_rx_tx_desc(self.info.index, rx, tx) };
        self.check(error, Step::AdjustDescriptors)
    }

    /// Sets up the queues and makes their pools.
    ///
    /// # Errors
    ///
    /// If there is no memory for a pool, or the driver refuses a queue.
    pub(super) fn make_queues(
        &mut self,
        config: &DeviceConfig,
        scatter: bool,
    ) -> Result<(), Error> {
        let index = self.info.index;
        let frame = u32::from(self.mtu);
        let rx_room = if scatter {
            DEFAULT_ROOM
        } else {
            frame + RX_OVERHEAD
        };
        let mut rings = vec![self.rx_descriptors];
        if self.port_use == PortUse::Reflect {
            rings.push(self.tx_descriptors);
        }
        rings.extend(self.info.driver().held());
        let is_shared = self.info.driver().divides_pool();
        let sharers = if is_shared { self.queues.rx } else { 1 };
        let rx_buffers = pool_size(sharers.into(), &rings, config.rx_burst);
        for (queue, &node) in (0..).zip(&config.rx_nodes) {
            if queue == 0 || !is_shared {
                let name = pool_name("rx", index, queue);
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
            self.check(error, Step::SetUpQueue(Direction::Rx, queue))?;
        }
        // Queues that the driver wants and nobody uses are like the first.
        let unused = iter::repeat(config.tx_nodes.first().copied().unwrap_or(0));
        let nodes = config.tx_nodes.iter().copied().chain(unused);
        for (queue, node) in (0..self.queues.tx).zip(nodes) {
            let has_pool = self.port_use == PortUse::SendReceive || self.is_neighbour;
            if has_pool && queue < self.queues.tx_used {
                let name = pool_name("tx", index, queue);
                let buffers = pool_size(1, &[self.tx_descriptors], config.tx_burst);
                let room = frame + ETHERNET_HEADER + TAGS_LEN as u32;
                let pool = Pool::new(self.eal, &name, buffers, config.tx_burst, room, node)?;
                self.tx_pools.push(pool);
            }
            // SAFETY: the port is configured with that many queues.
            let error = unsafe {
                dpdk_sys::dg_tx_queue_setup(index, queue, self.tx_descriptors, node.cast_signed())
            };
            self.check(error, Step::SetUpQueue(Direction::Tx, queue))?;
        }
        Ok(())
    }

    /// Returns the queues, each to be given to one worker: of `SendReceive` the receive queues and
    /// then the transmit queues, of `Reflect` the pairs.
    pub fn queue_ports(&mut self) -> Vec<QueuePort<'_>> {
        let index = self.info.index;
        let has_depth = self.info.driver().has_rx_depth();
        // The kernel's interface may take more than the driver says of itself.
        let mtu = self.info.interface_mtu.unwrap_or(self.mtu);
        let frame_max = usize::from(mtu) + ETHERNET_HEADER as usize;
        let guarded = self.is_memif();
        let port = |rx: Option<RxQueue>, tx: Option<TxQueue>| {
            let only = |queue: Option<u16>| queue.map_or(0..0, |queue| queue..queue + 1);
            let rings = Rings {
                port: index,
                rx: only(rx.map(|rx| rx.queue)),
                tx: only(tx.map(|tx| tx.queue)),
            };
            let guard = guarded.then(|| BurstGuard::take(rings));
            QueuePort::new(index, rx, tx, frame_max, guard)
        };
        let rx = |queue| RxQueue {
            queue,
            burst: self.rx_burst,
            has_depth,
        };
        let rx_queues = 0..self.queues.rx;
        match self.port_use {
            PortUse::Reflect => rx_queues
                .map(|queue| {
                    let pool = self.tx_pools.get(usize::from(queue)).map(Pool::handle);
                    port(Some(rx(queue)), Some(TxQueue { queue, pool }))
                })
                .collect(),
            PortUse::SendReceive => rx_queues
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
}

/// Returns the name of the pool of a queue, by which DPDK tells pools apart.
fn pool_name(direction: &str, port: u16, queue: u16) -> CString {
    // No zero byte is in it.
    CString::new(format!("{direction}_{port}_{queue}")).unwrap_or_default()
}
