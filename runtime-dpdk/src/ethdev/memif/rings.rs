//! Which queues of a port have a ring.
//!
//! A peer brings as many rings as it likes. The driver keeps where a queue's ring was when the peer
//! leaves: if the next one has fewer, it reads there for the queues that are left over, and the
//! process dies of it; before the first peer that is ring 0, so that packets come twice. So each
//! queue forgets its ring when a peer leaves, and is left alone until another one gave it one.
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
    /// Has the queues forget the rings of a peer that has left, or never was.
    ///
    /// # Safety
    ///
    /// The port is a started `net_memif` port that has these queues, and no burst is under way on
    /// them.
    pub unsafe fn forget(&self) {
        let rx = self.rx.clone().map(|queue| (queue, true));
        let tx = self.tx.clone().map(|queue| (queue, false));
        for (queue, is_rx) in rx.chain(tx) {
            // SAFETY: the started port has this queue, and no burst is under way on it.
            unsafe { dpdk_sys::dg_memif_forget_ring(self.port, queue, is_rx) };
        }
    }

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
