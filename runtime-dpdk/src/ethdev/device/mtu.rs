//! A port configured with the MTU that is wanted and can be had.
#![allow(unsafe_code)]

use std::ffi::c_int;

use dpdk_sys::{DG_RSS_IP_UDP, DG_RX_SCATTER, DG_TX_MBUF_FAST_FREE, DG_TX_MULTI_SEGS};

use super::config::mtus;
use super::{Device, DeviceConfig, PortUse, RX_OVERHEAD};
use crate::ethdev::driver::MtuRule;
use crate::ethdev::error::{Error, Step};
use crate::ethdev::{faults, info};
use crate::mbuf::mempool::DEFAULT_ROOM;

impl Device<'_> {
    /// Configures the port with the MTU that is wanted and can be had. Returns whether large frames
    /// are scattered over several receive buffers.
    ///
    /// # Errors
    ///
    /// If the port cannot have the MTU, or refuses anything else.
    pub(super) fn set_up(
        &mut self,
        raw: &dpdk_sys::dg_port_info,
        config: &DeviceConfig,
    ) -> Result<bool, Error> {
        let rule = self.info.driver().mtu_rule();
        let wanted = config.mtu_asked.unwrap_or(config.mtu_needed);
        if let Some(asked) = config.mtu_asked {
            self.check_asked(asked)?;
        }
        if wanted > self.info.max_mtu {
            return Err(self.too_large(wanted, self.info.max_mtu));
        }
        let mut tried = mtus(rule, config, &self.info).into_iter();
        let first = tried.next().unwrap_or(self.mtu_found);
        let mut scatter = self.try_mtu(raw, config.port_use, first);
        for mtu in tried {
            scatter = scatter.or_else(|_| self.try_mtu(raw, config.port_use, mtu));
        }
        let scatter = scatter?;
        let is_other = self.mtu < wanted || config.mtu_asked.is_some_and(|asked| asked != self.mtu);
        if rule == MtuRule::AsNeededAfterwards && is_other {
            self.change_mtu(wanted)?;
        }
        if self.mtu < wanted {
            return Err(self.too_large(wanted, self.mtu));
        }
        Ok(scatter)
    }

    /// Checks that the port may have the MTU that was asked for.
    fn check_asked(&self, asked: u16) -> Result<(), Error> {
        let port = self.info.to_string();
        match self.info.interface_mtu {
            Some(has) if has != asked => Err(Error::MtuOfInterface { port, asked, has }),
            None if asked < self.info.min_mtu => Err(Error::MtuTooSmall {
                port,
                asked,
                least: self.info.min_mtu,
            }),
            _ => Ok(()),
        }
    }

    /// Configures the port with `mtu`. Returns whether large frames are scattered.
    fn try_mtu(
        &mut self,
        raw: &dpdk_sys::dg_port_info,
        port_use: PortUse,
        mtu: u16,
    ) -> Result<bool, Error> {
        let wide = u32::from(mtu) + RX_OVERHEAD > DEFAULT_ROOM;
        let scatter = if wide {
            raw.rx_offloads & DG_RX_SCATTER
        } else {
            0
        };
        let tx_offloads = match port_use {
            // All buffers of a transmit queue come from its pool and are ours alone.
            PortUse::SendReceive => raw.tx_offloads & DG_TX_MBUF_FAST_FREE,
            // What was received in several segments is sent in several.
            PortUse::Reflect => raw.tx_offloads & DG_TX_MULTI_SEGS,
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
        self.check(error, Step::Configure)?;
        if request.rss_types != 0 && self.info.driver().takes_rss_afterwards() {
            // SAFETY: the port is configured and not started. Refused, it spreads as it does.
            unsafe { dpdk_sys::dg_rss_update(self.info.index, request.rss_types) };
        }
        if mtu != self.mtu_found {
            self.set_mtu(mtu)?;
        }
        self.mtu = mtu;
        Ok(scatter != 0)
    }

    /// Gives a netvsc port, which is configured already, another MTU.
    fn change_mtu(&mut self, mtu: u16) -> Result<(), Error> {
        let version = info::dpdk_version();
        if faults::MTU.is_of(&version) {
            return Err(self.mtu_cannot_be_changed(mtu, version));
        }
        // SAFETY: the port is configured and not started.
        match unsafe { dpdk_sys::rte_eth_dev_set_mtu(self.info.index, mtu) } {
            error if error == -libc::ENOTSUP => Err(self.mtu_cannot_be_changed(mtu, version)),
            error => {
                self.check_mtu(error, mtu)?;
                self.mtu = mtu;
                Ok(())
            }
        }
    }

    fn mtu_cannot_be_changed(&self, wanted: u16, version: String) -> Error {
        Error::MtuCannotBeChanged {
            port: self.info.to_string(),
            wanted,
            has: self.mtu,
            headers: self.headers_told(),
            version,
            needed: faults::MTU.repaired_in(),
        }
    }

    /// Gives a port that is configured its MTU, where the driver has a function for it.
    fn set_mtu(&self, mtu: u16) -> Result<(), Error> {
        // SAFETY: the port is configured and not started.
        let error = unsafe { dpdk_sys::rte_eth_dev_set_mtu(self.info.index, mtu) };
        // Without a function for it, what was configured holds: rte_eth_dev_configure has held it
        // against the largest frame (net_ring, net_pcap: any; net_memif: 1518).
        let error = if error == -libc::ENOTSUP { 0 } else { error };
        self.check_mtu(error, mtu)
    }

    /// Turns what DPDK returned for an MTU into a result. A number out of range is the request's
    /// fault: how far it goes only the driver, the VF's or the host knows.
    fn check_mtu(&self, returned: c_int, mtu: u16) -> Result<(), Error> {
        if returned != -libc::EINVAL && returned != -libc::ERANGE {
            return self.check(returned, Step::SetMtu(mtu));
        }
        Err(Error::MtuRefused {
            port: self.info.to_string(),
            wanted: mtu,
            driver: self
                .info
                .vf_driver
                .as_ref()
                .unwrap_or(&self.info.driver)
                .clone(),
            log: self.eal.last_words(self.log_mark),
        })
    }

    /// Returns the headers around a payload, if it was that which needed an MTU.
    fn headers_told(&self) -> Option<u16> {
        (!self.is_mtu_asked).then_some(self.headers)
    }

    fn too_large(&self, wanted: u16, carried: u16) -> Error {
        Error::MtuTooLarge {
            port: self.info.to_string(),
            wanted,
            carried,
            headers: self.headers_told(),
        }
    }
}
