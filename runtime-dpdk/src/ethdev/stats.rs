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
    /// Of a netvsc port, what went by either path; absent if it could not be read just now.
    pub paths: Option<Paths>,
}

/// What a netvsc port's extended statistics tell of its paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// Packets that were received and sent on the synthetic path.
    pub synthetic_packets: u64,
    /// The VF's own statistics, called `vf_*`, which exist exactly while it is attached.
    pub vf: Vec<(String, u64)>,
}

/// Returns whether the netvsc port `port` has a VF.
pub(super) fn has_vf(port: u16) -> bool {
    paths(port).is_some_and(|paths| !paths.vf.is_empty())
}

/// Reads a port's counters, from any thread, while workers run.
#[derive(Clone, Copy, Debug)]
pub struct PortStatsReader {
    pub(crate) port: u16,
    pub(crate) kept: KeptCounters,
    pub(crate) is_netvsc: bool,
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
            // Of other hardware nothing of them is told, and asking costs a talk with it.
            paths: self.is_netvsc.then(|| paths(self.port)).flatten(),
        }
    }
}

/// Reads what went by either path of the netvsc port `port`.
fn paths(port: u16) -> Option<Paths> {
    let mut paths = Paths::default();
    for (name, value) in xstats(port)? {
        if name.starts_with("vf_") {
            paths.vf.push((name, value));
        } else if is_synthetic(&name) {
            paths.synthetic_packets += value;
        }
    }
    Some(paths)
}

/// Returns whether `name` is that of the packets of a queue, which netvsc counts on the synthetic
/// path alone (`hn_stat_strings`): `rx_q0_good_packets`.
fn is_synthetic(name: &str) -> bool {
    let queue = name
        .strip_prefix("rx_q")
        .or_else(|| name.strip_prefix("tx_q"))
        .and_then(|rest| rest.strip_suffix("_good_packets"));
    queue.is_some_and(|queue| !queue.is_empty() && queue.bytes().all(|c| c.is_ascii_digit()))
}

/// Returns the extended statistics of the port `port` by name; none where they change meanwhile.
fn xstats(port: u16) -> Option<Vec<(String, u64)>> {
    // SAFETY: asks how many there are; nothing is written without an array.
    let count = unsafe { dpdk_sys::rte_eth_xstats_get_names(port, std::ptr::null_mut(), 0) };
    let size = c_uint::try_from(count).ok()?;
    let mut names = vec![dpdk_sys::rte_eth_xstat_name::default(); size as usize];
    let mut values = vec![dpdk_sys::rte_eth_xstat::default(); size as usize];
    // SAFETY: writes at most `size` entries, which the array has. If there are more by now, it
    // returns their number and writes nothing.
    let named = unsafe { dpdk_sys::rte_eth_xstats_get_names(port, names.as_mut_ptr(), size) };
    // SAFETY: writes at most `size` entries, which the array has.
    let valued = unsafe { dpdk_sys::rte_eth_xstats_get(port, values.as_mut_ptr(), size) };
    if named != count || valued != count {
        return None;
    }
    let name = |id: u64| {
        let entry = names.get(usize::try_from(id).ok()?)?;
        // SAFETY: DPDK has ended each of the names, which it wrote above, with a zero.
        let name = unsafe { CStr::from_ptr(entry.name.as_ptr()) };
        name.to_str().ok().map(str::to_owned)
    };
    let named = values
        .iter()
        .filter_map(|entry| Some((name(entry.id)?, entry.value)));
    Some(named.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packets_of_queues_are_those_of_the_synthetic_path() {
        for name in ["rx_q0_good_packets", "tx_q15_good_packets"] {
            assert!(is_synthetic(name), "{name}");
        }
        for name in [
            "rx_good_packets",
            "rx_q0_packets",
            "rx_q0_good_bytes",
            "rx_q_good_packets",
            "vf_rx_q0_good_packets",
            "tx_q1_multicast_packets",
        ] {
            assert!(!is_synthetic(name), "{name}");
        }
    }
}
