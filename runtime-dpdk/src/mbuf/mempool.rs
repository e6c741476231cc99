//! Pools of packet buffers, on the NUMA node of the worker that uses them.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::ptr::NonNull;

use crate::eal::Eal;
use crate::eal::errno::{error_text, last_error};
use crate::ethdev::error::Error;

/// Bytes of a buffer that ordinary frames fit in; drivers expect no less (the data room of
/// `RTE_MBUF_DEFAULT_BUF_SIZE`).
pub const ORDINARY_ROOM: u32 = 2048;

/// Buffers of a pool for so many `queues` (or pairs): for each to fill its `rings`, for a burst in
/// the worker's hands and one in the driver's, and for what the lcore's cache keeps back (up to one
/// and a half times its size).
pub fn pool_size(queues: u32, rings: &[u16], burst: u16) -> u32 {
    let rings: u32 = rings
        .iter()
        .map(|&descriptors| u32::from(descriptors))
        .sum();
    let needed = queues * (rings + 2 * u32::from(burst) + cache_size(burst) * 3 / 2);
    // A pool's ring has a power of two of slots, one of which stays empty.
    (needed + 1).next_power_of_two() - 1
}

/// Buffers that an lcore keeps at hand. Larger requests pass it by, so it holds a burst.
fn cache_size(burst: u16) -> u32 {
    (2 * u32::from(burst)).clamp(256, 512)
}

/// A pool of packet buffers.
pub struct Pool(NonNull<dpdk_sys::rte_mempool>);

impl Pool {
    /// A pool of `buffers` that hold `room` bytes each, behind DPDK's headroom.
    pub fn new(
        eal: &Eal,
        name: &str,
        buffers: u32,
        burst: u16,
        room: u32,
        node: u32,
    ) -> Result<Self, Error> {
        let room = room.max(ORDINARY_ROOM).next_multiple_of(64) + dpdk_sys::DG_HEADROOM;
        let failure = |reason: &str| {
            let mib = (u64::from(buffers) * u64::from(room + 256)).div_ceil(1 << 20);
            Error::NoMemory {
                buffers,
                mib,
                node,
                reason: reason.to_owned(),
            }
        };
        let room = u16::try_from(room).map_err(|_| failure("too large"))?;
        let name = CString::new(name).map_err(|_| failure("bad name"))?;
        let (cache, socket) = (cache_size(burst), node.cast_signed());
        let mark = eal.log_mark();
        // SAFETY: the EAL runs, which `eal` proves; the name is copied.
        let pool = unsafe {
            dpdk_sys::rte_pktmbuf_pool_create(name.as_ptr(), buffers, cache, 0, room, socket)
        };
        NonNull::new(pool).map(Self).ok_or_else(|| {
            failure(&format!(
                "{}{}",
                error_text(last_error()),
                eal.last_words(mark)
            ))
        })
    }
}

impl Pool {
    /// DPDK's handle of it, good for as long as this lives.
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
    use super::*;
    use crate::ethdev::queue::MAX_BURST;

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
