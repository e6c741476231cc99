//! Which queues of a port have a ring.
//!
//! A peer brings as many rings as it likes. The driver keeps where a queue's ring was when the peer
//! leaves, also one that it turned away while it connected: if the next one has fewer, it reads there
//! for the queues that are left over, so that packets come twice, or the process dies of it. So each
//! queue is left alone until a peer that is there gave it a ring.
#![allow(unsafe_code)]

use std::ops::Range;

use crate::ethdev::Direction;

/// The rings behind queues of a port: those of one worker, or all.
#[derive(Clone, Debug)]
pub struct Rings {
    /// The port's index.
    pub port: u16,
    /// Its receive queues.
    pub rx: Range<u16>,
    /// Its transmit queues.
    pub tx: Range<u16>,
}

impl Rings {
    /// Returns whether a peer has given each of the queues in `direction` a ring.
    ///
    /// # Safety
    ///
    /// The port is a started `net_memif` port that has these queues, and no burst is under way on
    /// them.
    pub unsafe fn are_there(&self, direction: Direction) -> bool {
        let (mut queues, is_rx) = match direction {
            Direction::Rx => (self.rx.clone(), true),
            Direction::Tx => (self.tx.clone(), false),
        };
        // SAFETY: the started port has this queue, and no burst is under way on it.
        queues.all(|queue| unsafe { dpdk_sys::dg_memif_has_ring(self.port, queue, is_rx) })
    }
}
