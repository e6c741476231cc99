//! Pools of packet buffers, on the NUMA node of the worker that uses them.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::ptr::NonNull;

use crate::eal::{Eal, Errno};

/// Bytes of a buffer that ordinary frames fit in; drivers expect no less (the data room of
/// `RTE_MBUF_DEFAULT_BUF_SIZE`).
pub const DEFAULT_ROOM: u32 = 2048;

/// Returns the buffers of a pool for so many `queues` (or pairs): for each to fill its `rings`, for
/// a burst in the worker's hands and one in the driver's, and for what the lcore's cache keeps back
/// (up to one and a half times its size).
pub fn pool_size(queues: u32, rings: &[u16], burst: u16) -> u32 {
    let rings: u32 = rings
        .iter()
        .map(|&descriptors| u32::from(descriptors))
        .sum();
    let needed = queues * (rings + 2 * u32::from(burst) + cache_size(burst) * 3 / 2);
    // A pool's ring has a power of two of slots, one of which stays empty.
    (needed + 1).next_power_of_two() - 1
}

/// Returns how many buffers an lcore keeps at hand. Larger requests pass it by, so it holds a
/// burst.
fn cache_size(burst: u16) -> u32 {
    (2 * u32::from(burst)).clamp(256, 512)
}

/// There is no memory for a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoMemory {
    /// How many buffers it was to have.
    pub buffers: u32,
    /// What they take, rounded up.
    pub mib: u64,
    /// The NUMA node.
    pub node: u32,
    /// DPDK's reason.
    pub errno: Errno,
    /// DPDK's last words.
    pub log: Option<String>,
}

/// A pool of packet buffers.
pub struct Pool(NonNull<dpdk_sys::rte_mempool>);

impl Pool {
    /// Makes a pool of `buffers` that hold `room` bytes each, behind DPDK's headroom.
    ///
    /// # Errors
    ///
    /// If there is no memory for it on NUMA node `node`, or `room` does not fit 16 bits.
    pub fn new(
        eal: &Eal,
        name: &CStr,
        buffers: u32,
        burst: u16,
        room: u32,
        node: u32,
    ) -> Result<Self, NoMemory> {
        let room = room.max(DEFAULT_ROOM).next_multiple_of(64) + dpdk_sys::DG_HEADROOM;
        let failure = |errno, log| {
            let mib = (u64::from(buffers) * u64::from(room + 256)).div_ceil(1 << 20);
            NoMemory {
                buffers,
                mib,
                node,
                errno,
                log,
            }
        };
        let too_large = |_| failure(Errno::of(libc::EOVERFLOW), None);
        let room = u16::try_from(room).map_err(too_large)?;
        let (cache, socket) = (cache_size(burst), node.cast_signed());
        let mark = eal.log_mark();
        // SAFETY: the EAL runs, which `eal` proves; the name is copied.
        let pool = unsafe {
            dpdk_sys::rte_pktmbuf_pool_create(name.as_ptr(), buffers, cache, 0, room, socket)
        };
        NonNull::new(pool)
            .map(Self)
            .ok_or_else(|| failure(Errno::last(), eal.last_words(mark)))
    }

    /// Returns DPDK's handle of it, good for as long as this lives.
    pub const fn handle(&self) -> NonNull<dpdk_sys::rte_mempool> {
        self.0
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: made by `new` and freed once; its port is closed (see `Device::drop`).
        unsafe { dpdk_sys::rte_mempool_free(self.0.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use dpdkgen_run::request::limits::MAX_BURST;

    use super::*;

    #[test]
    fn a_pool_fills_the_rings_and_leaves_bursts_and_the_cache() {
        for burst in [1, 32, 64, MAX_BURST] {
            for rings in [&[512_u16, 512][..], &[1024], &[4096, 4096], &[1]] {
                let total: u32 = rings.iter().map(|&ring| u32::from(ring)).sum();
                let size = pool_size(1, rings, burst);
                assert!(size >= total + 2 * u32::from(burst) + cache_size(burst) * 3 / 2);
                assert!((size + 1).is_power_of_two());
                // What rte_mempool_create insists on.
                assert!(cache_size(burst) * 3 / 2 <= size && cache_size(burst) <= 512);
            }
        }
    }

    #[test]
    fn a_pool_that_is_divided_by_its_queues_leaves_each_its_descriptors() {
        for burst in [1, 32, 128, MAX_BURST] {
            for descriptors in [64, 1000, 1024, 4096] {
                for queues in [1, 2, 15, 16, 64] {
                    // As many to receive as to send what was received.
                    for rings in [&[descriptors][..], &[descriptors; 2]] {
                        let share = pool_size(queues, rings, burst) / queues;
                        assert!(share >= u32::from(descriptors), "{queues} queues: {share}");
                    }
                }
            }
        }
        // What 16 pairs of 1024 descriptors take of hugepages.
        let bytes = u64::from(pool_size(16, &[1024, 1024], 32)) * (2048 + 128 + 128 + 64);
        assert!(bytes < 200 << 20, "{bytes} bytes");
    }
}
