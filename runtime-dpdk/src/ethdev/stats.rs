//! A port's own counters: what it received and could not keep, or accepted and could not send.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_uint};

use crate::ethdev::driver::KeptCounters;

/// Counters of a port at one moment, since the port was made; what the driver does not tell, or
/// could not be read just now, is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortStats {
    /// Received and dropped for want of room in the receive ring.
    pub imissed: Option<u64>,
    /// Received with an error.
    pub ierrors: Option<u64>,
    /// Received and dropped for want of a buffer.
    pub rx_nombuf: Option<u64>,
    /// Accepted and not sent.
    pub oerrors: Option<u64>,
    /// The `vf_*` extended statistics, of a netvsc port only.
    pub xstats: Vec<(String, u64)>,
}

/// Reads a port's counters, from any thread, while workers run.
#[derive(Clone, Copy, Debug)]
pub struct PortStatsReader {
    pub(crate) port: u16,
    pub(crate) kept: KeptCounters,
}

impl PortStatsReader {
    /// Returns the counters as they are now; none once the port is closed.
    #[must_use]
    pub fn read(&self) -> PortStats {
        let mut raw = dpdk_sys::dg_port_stats::default();
        // SAFETY: fills the struct, or gives an error.
        if unsafe { dpdk_sys::dg_port_stats(self.port, &raw mut raw) } != 0 {
            return PortStats::default();
        }
        let KeptCounters {
            imissed,
            ierrors,
            rx_nombuf,
            oerrors,
        } = self.kept;
        PortStats {
            imissed: imissed.then_some(raw.imissed),
            ierrors: ierrors.then_some(raw.ierrors),
            rx_nombuf: rx_nombuf.then_some(raw.rx_nombuf),
            oerrors: oerrors.then_some(raw.oerrors),
            xstats: self.xstats("vf_"),
        }
    }

    /// Returns the extended statistics whose names begin with `prefix`; none where they change
    /// meanwhile.
    fn xstats(&self, prefix: &str) -> Vec<(String, u64)> {
        // SAFETY: asks how many there are; nothing is written without an array.
        let count =
            unsafe { dpdk_sys::rte_eth_xstats_get_names(self.port, std::ptr::null_mut(), 0) };
        let Ok(size) = c_uint::try_from(count) else {
            return Vec::new();
        };
        let mut names = vec![dpdk_sys::rte_eth_xstat_name::default(); size as usize];
        let mut values = vec![dpdk_sys::rte_eth_xstat::default(); size as usize];
        // SAFETY: writes at most `size` entries, which the array has. If there are more by now, it
        // returns their number and writes nothing.
        let named =
            unsafe { dpdk_sys::rte_eth_xstats_get_names(self.port, names.as_mut_ptr(), size) };
        // SAFETY: writes at most `size` entries, which the array has.
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
