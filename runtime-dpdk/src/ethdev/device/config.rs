//! What is asked of a port, and what of it the port can have.

use super::Error;
use crate::ethdev::Direction;
use crate::ethdev::driver::MtuRule;
use crate::ethdev::faults;
use crate::ethdev::info::{self, PortInfo};

/// A reflector cannot know what is coming, so it takes frames as large as is usual, if the port
/// can.
const REFLECT_MTU: u16 = 9000;

/// What the queues of a port are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortUse {
    /// Queues that send and queues that receive, each with a worker and a pool of its own.
    SendReceive,
    /// Pairs: what was received on one is sent on the other, in the same buffer.
    Reflect,
}

/// What is asked of a port.
#[derive(Clone, Debug)]
pub struct DeviceConfig {
    /// What the queues are for.
    pub port_use: PortUse,
    /// One entry a receive queue: the NUMA node of the worker that polls it.
    pub rx_nodes: Vec<u32>,
    /// One entry a transmit queue, as many as `rx_nodes` has when reflecting.
    pub tx_nodes: Vec<u32>,
    /// Descriptors of each receive queue, adjusted to what the device allows.
    pub rx_descriptors: u16,
    /// Descriptors of each transmit queue, adjusted to what the device allows.
    pub tx_descriptors: u16,
    /// The largest burst that a worker receives, at most
    /// [`MAX_BURST`](crate::ethdev::queue::MAX_BURST).
    pub rx_burst: u16,
    /// The largest burst that a worker sends, at most
    /// [`MAX_BURST`](crate::ethdev::queue::MAX_BURST).
    pub tx_burst: u16,
    /// The MTU that the payload needs. A port with a larger one keeps it.
    pub mtu_needed: u16,
    /// The MTU that was asked for, which has room for the payload.
    pub mtu_asked: Option<u16>,
    /// Bytes of IP and UDP headers in it.
    pub headers: u16,
    /// Whether the port answers its neighbours: a reflecting one has buffers to announce itself then,
    /// and multicast is received.
    pub is_neighbour: bool,
    /// Whether frames for the MAC addresses of others are received too.
    pub is_promiscuous: bool,
}

/// How many queues a port has; a driver may want more than are used, to transmit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QueueCounts {
    /// To receive.
    pub rx: u16,
    /// To transmit.
    pub tx: u16,
    /// Of these, how many have a worker.
    pub tx_used: u16,
}

impl QueueCounts {
    /// Returns how many queues a port is configured with for `rx` that receive and `tx` that send.
    ///
    /// # Errors
    ///
    /// If the port has fewer, or its driver takes other numbers.
    pub(super) fn of(info: &PortInfo, rx: usize, tx: usize) -> Result<Self, Error> {
        let rx = granted(info, Direction::Rx, rx, info.max_rx_queues)?;
        let tx_used = granted(info, Direction::Tx, tx, info.max_tx_queues)?;
        let (rx, tx) = info.driver().queues(rx, tx_used).map_err(|can| {
            let driver = info.vf_driver.as_ref().unwrap_or(&info.driver);
            Error::QueueCounts {
                port: info.to_string(),
                driver: driver.clone(),
                can,
            }
        })?;
        granted(info, Direction::Tx, tx.into(), info.max_tx_queues)?;
        let version = info::dpdk_version();
        if info.driver().is_netvsc() && tx > rx && faults::MORE_TX.is_of(&version) {
            return Err(Error::MoreTx {
                port: info.to_string(),
                version,
                needed: faults::MORE_TX.repaired_in(),
            });
        }
        Ok(Self { rx, tx, tx_used })
    }
}

fn granted(info: &PortInfo, direction: Direction, wanted: usize, limit: u16) -> Result<u16, Error> {
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

/// Returns the MTUs to configure a port with: the first that it takes.
pub(super) fn mtus(rule: MtuRule, config: &DeviceConfig, info: &PortInfo) -> Vec<u16> {
    let needed = config.mtu_needed.max(info.mtu);
    let liked = match (rule, config.port_use) {
        (MtuRule::AsNeededAfterwards, _) => return vec![info.mtu],
        (MtuRule::OfInterface, _) if info.interface_mtu.is_some() => return vec![info.mtu],
        _ if config.mtu_asked.is_some() => return config.mtu_asked.into_iter().collect(),
        (MtuRule::Any, PortUse::Reflect) => needed.max(REFLECT_MTU.min(info.max_mtu)),
        _ => needed,
    };
    // A driver may promise more than it keeps.
    let mut tried = vec![liked, needed, info.mtu];
    tried.dedup();
    tried
}

#[cfg(test)]
mod tests {
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

    fn config(port_use: PortUse, mtu_needed: u16) -> DeviceConfig {
        DeviceConfig {
            port_use,
            rx_nodes: vec![0],
            tx_nodes: vec![0],
            rx_descriptors: 1024,
            tx_descriptors: 1024,
            rx_burst: 32,
            tx_burst: 32,
            mtu_needed,
            mtu_asked: None,
            headers: 28,
            is_neighbour: false,
            is_promiscuous: false,
        }
    }

    #[test]
    fn netvsc_is_configured_once_with_the_mtu_that_it_has() {
        let info = netvsc("mlx5_pci");
        for (port_use, wanted) in [
            (PortUse::Reflect, 0),
            (PortUse::SendReceive, 1500),
            (PortUse::SendReceive, 3000),
        ] {
            let tried = mtus(info.driver().mtu_rule(), &config(port_use, wanted), &info);
            assert_eq!(tried, [1500], "{port_use:?} {wanted}");
        }
    }

    #[test]
    fn a_reflector_takes_large_frames_where_the_mtu_is_its_own() {
        let tried = |driver: &str| {
            let info = port(0, "x", [2; 6], driver);
            mtus(
                info.driver().mtu_rule(),
                &config(PortUse::Reflect, 0),
                &info,
            )
        };
        assert_eq!(tried("net_ice"), [9000, 1500]);
        assert_eq!(tried("net_tap"), [1500]);
    }

    #[test]
    fn the_mtu_that_was_asked_for_is_the_only_one_that_is_tried() {
        let tried = |driver: &str, interface_mtu| {
            let info = PortInfo {
                interface_mtu,
                ..port(0, "x", [2; 6], driver)
            };
            let config = DeviceConfig {
                mtu_asked: Some(1400),
                ..config(PortUse::Reflect, 0)
            };
            mtus(info.driver().mtu_rule(), &config, &info)
        };
        assert_eq!(tried("net_ice", None), [1400]);
        assert_eq!(tried("net_tap", None), [1400]);
        // Afterwards, or never: the interface is somebody else's.
        assert_eq!(tried("net_netvsc", None), [1500]);
        assert_eq!(tried("net_af_packet", Some(1500)), [1500]);
    }

    #[test]
    fn mana_is_given_idle_transmit_queues_or_refused() {
        let mana = netvsc("net_mana");
        let of = |rx, tx, tx_used| Ok(QueueCounts { rx, tx, tx_used });
        assert_eq!(QueueCounts::of(&mana, 16, 16), of(16, 16, 16));
        assert_eq!(QueueCounts::of(&mana, 8, 1), of(8, 8, 1));
        assert_eq!(QueueCounts::of(&netvsc("mlx5_pci"), 15, 1), of(15, 1, 1));
        let error = QueueCounts::of(&mana, 15, 1).unwrap_err();
        assert!(
            matches!(&error, Error::QueueCounts { driver, .. } if driver == "net_mana"),
            "{error:?}"
        );
    }
}
