//! What is particular to a driver: the one place where drivers are told apart by name.
//!
//! What is said here was read in DPDK's sources, 22.11 to 25.11, at the functions that are named.

use std::time::Duration;

/// The driver of a port, and that of the VF which a netvsc port drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Driver<'a> {
    name: &'a str,
    vf: Option<&'a str>,
}

/// Which counters a driver keeps; the others stay 0, whatever happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptCounters {
    /// Received and dropped for want of room in the receive ring.
    pub imissed: bool,
    /// Received with an error.
    pub ierrors: bool,
    /// Received and dropped for want of a buffer.
    pub rx_nombuf: bool,
    /// Accepted and not sent.
    pub oerrors: bool,
}

/// Which MTU a port may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MtuRule {
    /// Any that it can have: it is put back in the end.
    Any,
    /// None but the smallest that is needed: the port is an interface of the kernel's that the
    /// driver made.
    AsNeeded,
    /// That of the kernel's interface which the port uses, and which is somebody else's: its peers
    /// count on it (a veth with a larger MTU keeps XDP from the other end), and the kernel sends
    /// nothing larger.
    OfInterface,
    /// The smallest that is needed, set after the only time that the port is configured.
    AsNeededAfterwards,
}

/// Drivers of VFs that a netvsc port drives.
const VF_DRIVERS: [&str; 3] = ["mlx5_pci", "net_mlx4", "net_mana"];

impl<'a> Driver<'a> {
    /// Names the driver; `vf` is that of the VF behind a netvsc port.
    #[must_use]
    pub const fn new(name: &'a str, vf: Option<&'a str>) -> Self {
        Self { name, vf }
    }

    /// Returns whether it is netvsc, which drives a VF with the same address if there is one.
    #[must_use]
    pub fn is_netvsc(self) -> bool {
        self.name == "net_netvsc"
    }

    /// Returns whether it is memif, whose peers come and go.
    #[must_use]
    pub fn is_memif(self) -> bool {
        self.name == "net_memif"
    }

    /// Returns whether nobody ever gets what is sent on its ports: null frees it (eth_null_tx), and
    /// receives packets of its own making.
    #[must_use]
    pub fn discards(self) -> bool {
        self.name == "net_null"
    }

    /// Returns whether ports of it may be VFs that a netvsc port, or the kernel's hv_netvsc,
    /// drives.
    #[must_use]
    pub fn may_be_vf(self) -> bool {
        VF_DRIVERS.contains(&self.name)
    }

    /// Returns whether it, or the VF's, is that of Microsoft's network adapter.
    fn is_mana(self) -> bool {
        self.vf.unwrap_or(self.name) == "net_mana"
    }

    /// Returns which counters it keeps. Hardware is taken to keep all; of the software ports it is
    /// what their `stats_get` writes: `memif_stats_get`, `eth_stats_get` of ring, null, af_packet,
    /// vhost, pcap and af_xdp, `tap_stats_get`, `virtio_update_stats` (PCI and virtio-user alike).
    #[must_use]
    pub fn kept_counters(self) -> KeptCounters {
        let [imissed, ierrors, rx_nombuf, oerrors] = match self.vf.unwrap_or(self.name) {
            "net_memif" => [false, true, false, false],
            "net_ring" | "net_null" => [false; 4],
            "net_af_packet" | "net_vhost" => [false, false, false, true],
            "net_tap" | "net_tun" => [false, true, true, true],
            "net_virtio" | "net_virtio_user" => [false, true, true, false],
            "net_af_xdp" => [true, false, true, true],
            // mana_dev_stats_get: "There is no good way to get stats->imissed"; mlx4_stats_get.
            // netvsc adds to what the VF tells (hn_dev_stats_get).
            "net_mana" | "net_mlx4" => [false, true, true, true],
            _ => [true; 4],
        };
        KeptCounters {
            imissed,
            ierrors,
            rx_nombuf,
            oerrors,
        }
    }

    /// Returns how often its ports may be asked whether they have a link.
    #[must_use]
    pub fn link_interval(self) -> Duration {
        match self.name {
            // A field of theirs (memif_link_update, eth_link_update of ring, null and vhost), or a
            // question to the kernel.
            "net_memif" | "net_ring" | "net_null" | "net_vhost" | "net_af_packet"
            | "net_af_xdp" | "net_pcap" | "net_tap" => Duration::from_millis(10),
            // Firmware is asked, and by netvsc the host (hn_rndis_get_linkstatus).
            _ => Duration::from_secs(1),
        }
    }

    /// Returns whether it tells truly how many packets wait in a receive queue, if it tells at all.
    #[must_use]
    pub fn has_rx_depth(self) -> bool {
        // hn_dev_rx_queue_count counts the synthetic ring alone, while packets come by the VF's.
        !self.is_netvsc()
    }

    /// Returns what it takes of the pool of a receive queue besides that queue's own descriptors,
    /// as rings.
    #[must_use]
    pub fn held(self) -> &'static [u16] {
        match self.name {
            // Its fill ring, whatever was asked for, and as many on their way out: it copies what
            // it sends into this pool's memory, which is all that the kernel sees.
            "net_af_xdp" => &[2048, 2048],
            _ => &[],
        }
    }

    /// Returns whether all receive queues have to share a pool: netvsc gives a queue no more
    /// descriptors than the pool has buffers for each of the queues (hn_dev_rx_queue_setup).
    #[must_use]
    pub fn divides_pool(self) -> bool {
        self.is_netvsc()
    }

    /// Returns how many descriptors each of `queues` transmit queues has where `wanted` are asked
    /// for.
    #[must_use]
    pub fn tx_descriptors(self, wanted: u16, queues: u16) -> u16 {
        if !self.is_netvsc() || self.vf.is_some() {
            return wanted;
        }
        // The synthetic path has some 2,700 places to send from, which all queues share, and a queue
        // that finds none loses a descriptor for good (hn_try_txagg, after hn_txd_get).
        wanted.min(2500 / queues.max(1))
    }

    /// Returns which MTU its ports may be given.
    #[must_use]
    pub fn mtu_rule(self) -> MtuRule {
        match self.name {
            "net_tap" => MtuRule::AsNeeded,
            // eth_dev_mtu_set of both changes the interface; net_pcap cannot (eth_dev_ops of pcap).
            "net_af_packet" | "net_af_xdp" | "net_pcap" => MtuRule::OfInterface,
            // A second configure asks the host for channels once more, which it refuses
            // (hn_subchan_configure); an MTU in it is passed on to the kernel's interface of the VF
            // (hn_vf_configure, mlx5_dev_configure).
            "net_netvsc" => MtuRule::AsNeededAfterwards,
            _ => MtuRule::Any,
        }
    }

    /// Returns whether what packets are spread by has to be said once more after the configuration,
    /// of which mana_dev_configure takes no heed: without it the addresses alone are asked for
    /// (mana_start_rx_queues).
    #[must_use]
    pub fn takes_rss_afterwards(self) -> bool {
        self.is_mana()
    }

    /// Returns how many queues it has to be configured with in each direction for `rx` that receive
    /// and `tx` that send, as (receive, transmit).
    ///
    /// # Errors
    ///
    /// If it takes such numbers only with a receive queue that nobody polls: which it can have.
    pub fn queues(self, rx: u16, tx: u16) -> Result<(u16, u16), &'static str> {
        if !self.is_mana() {
            return Ok((rx, tx));
        }
        // mana_dev_configure: as many to transmit as to receive, and a power of two. Transmit
        // queues may lie idle, but packets are spread over all that receive.
        if rx.is_power_of_two() && tx <= rx {
            Ok((rx, rx))
        } else {
            Err("1, 2, 4, 8 or 16 receive queues, and no more to transmit")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANA: Driver<'static> = Driver::new("net_netvsc", Some("net_mana"));
    const MLX5: Driver<'static> = Driver::new("net_netvsc", Some("mlx5_pci"));

    #[test]
    fn mana_has_as_many_queues_to_transmit_as_to_receive_and_a_power_of_two() {
        for driver in [MANA, Driver::new("net_mana", None)] {
            assert_eq!(driver.queues(16, 16), Ok((16, 16)));
            assert_eq!(driver.queues(8, 1), Ok((8, 8)));
            assert_eq!(driver.queues(1, 1), Ok((1, 1)));
            for (rx, tx) in [(15, 1), (15, 15), (1, 2), (0, 1), (4, 8)] {
                assert!(driver.queues(rx, tx).is_err(), "-r {rx} -t {tx}");
            }
        }
        assert_eq!(MLX5.queues(15, 1), Ok((15, 1)));
        assert_eq!(Driver::new("net_memif", None).queues(0, 3), Ok((0, 3)));
    }

    #[test]
    fn what_is_missed_is_told_by_the_driver_of_the_vf() {
        assert!(MLX5.kept_counters().imissed);
        assert!(!MANA.kept_counters().imissed);
        assert!(
            !Driver::new("net_netvsc", Some("net_mlx4"))
                .kept_counters()
                .imissed
        );
        assert!(!Driver::new("net_mana", None).kept_counters().imissed);
        // Its own way keeps them (hn_dev_stats_get).
        assert!(Driver::new("net_netvsc", None).kept_counters().imissed);
        assert!(MANA.kept_counters().oerrors && MANA.kept_counters().rx_nombuf);
    }

    #[test]
    fn netvsc_is_configured_once_and_raises_no_mtu_unasked() {
        assert_eq!(MLX5.mtu_rule(), MtuRule::AsNeededAfterwards);
        assert!(MLX5.divides_pool() && !MLX5.has_rx_depth());
    }

    #[test]
    fn without_a_vf_netvscs_queues_hold_no_more_than_they_can_send_from() {
        let synthetic = Driver::new("net_netvsc", None);
        assert_eq!(synthetic.tx_descriptors(1024, 16), 156);
        assert_eq!(synthetic.tx_descriptors(1024, 2), 1024);
        assert_eq!(synthetic.tx_descriptors(1024, 0), 1024);
        assert_eq!(MLX5.tx_descriptors(1024, 16), 1024);
    }
}
