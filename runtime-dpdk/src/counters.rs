//! A port's own counters: what it received and could not keep, or accepted and could not send.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_uint};

/// Counters of a port at one moment; they count from when the port was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Received and dropped for want of room in the receive ring.
    pub imissed: u64,
    /// Received with an error.
    pub ierrors: u64,
    /// Received and dropped for want of a buffer.
    pub rx_nombuf: u64,
    /// Accepted and not sent.
    pub oerrors: u64,
    /// The `vf_*` extended statistics, of a netvsc port only.
    pub xstats: Vec<(String, u64)>,
}

/// Where a port's counters are read; from any thread, while workers run.
#[derive(Clone, Copy, Debug)]
pub struct CounterSource {
    pub(crate) port: u16,
    pub(crate) tells_missed: bool,
}

impl CounterSource {
    /// Whether the driver counts what it missed. If not, `imissed` is 0 and means nothing.
    #[must_use]
    pub const fn tells_missed(&self) -> bool {
        self.tells_missed
    }

    /// The counters now; zeros once the port is closed.
    #[must_use]
    pub fn read(&self) -> Counters {
        let mut raw = dpdk_sys::dg_port_stats::default();
        // SAFETY: fills the struct; a port that is closed gives an error and zeros.
        unsafe { dpdk_sys::dg_port_stats(self.port, &raw mut raw) };
        Counters {
            imissed: raw.imissed,
            ierrors: raw.ierrors,
            rx_nombuf: raw.rx_nombuf,
            oerrors: raw.oerrors,
            xstats: self.xstats("vf_"),
        }
    }

    fn xstats(&self, prefix: &str) -> Vec<(String, u64)> {
        // SAFETY: asks how many there are; nothing is written without an array.
        let count =
            unsafe { dpdk_sys::rte_eth_xstats_get_names(self.port, std::ptr::null_mut(), 0) };
        let Ok(size) = c_uint::try_from(count) else {
            return Vec::new();
        };
        let mut names = vec![dpdk_sys::rte_eth_xstat_name::default(); size as usize];
        let mut values = vec![dpdk_sys::rte_eth_xstat::default(); size as usize];
        // SAFETY: writes at most `size` entries, which the array has. More there may have become
        // give a number above `size`, and nothing written.
        let named =
            unsafe { dpdk_sys::rte_eth_xstats_get_names(self.port, names.as_mut_ptr(), size) };
        // SAFETY: as above.
        let valued = unsafe { dpdk_sys::rte_eth_xstats_get(self.port, values.as_mut_ptr(), size) };
        if named != count || valued != count {
            return Vec::new();
        }
        let name = |id: u64| {
            let entry = names.get(usize::try_from(id).ok()?)?;
            // SAFETY: DPDK has ended each of the names, which it wrote above, with a zero.
            let name = unsafe { CStr::from_ptr(entry.name.as_ptr()) };
            name.to_str()
                .ok()
                .filter(|name| name.starts_with(prefix))
                .map(str::to_owned)
        };
        values
            .iter()
            .filter_map(|entry| Some((name(entry.id)?, entry.value)))
            .collect()
    }
}

/// Whether a driver counts packets that it missed in `imissed`.
///
/// In DPDK 22.11 `stats_get` of these drivers never writes it: `memif_stats_get`, `eth_stats_get` of
/// af_packet, ring and null, `tap_stats_get`, `virtio_update_stats` (PCI and virtio-user alike) and
/// `eth_stats_get` of vhost. net_pcap does (from `pcap_stats`), net_af_xdp (from `XDP_STATISTICS`)
/// and net_netvsc (full rings, and the VF's own) do.
pub(crate) fn driver_tells_missed(driver: &str) -> bool {
    const SILENT: &[&str] = &[
        "net_memif",
        "net_af_packet",
        "net_ring",
        "net_null",
        "net_tap",
        "net_tun",
        "net_virtio",
        "net_virtio_user",
        "net_vhost",
    ];
    !SILENT.contains(&driver)
}

/// Whether a driver tells truly how many packets wait in a receive queue, if it tells at all.
pub(crate) fn driver_tells_depth(driver: &str) -> bool {
    // netvsc's counts the synthetic ring alone, while packets come by the VF's.
    driver != "net_netvsc"
}
