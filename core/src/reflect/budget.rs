//! The number of packets that the workers of a run may still send, if that is limited.

use crate::sync::{AtomicU64, Relaxed};

/// The packets that are left to send: a worker claims some before it sends, and gives back those
/// that it did not send.
pub struct Budget(AtomicU64);

impl Budget {
    /// Makes a budget of `count` packets for all workers together.
    #[must_use]
    pub fn new(count: u64) -> Self {
        Self(AtomicU64::new(count))
    }

    /// Claims up to `most` packets, and returns how many it got.
    #[inline]
    pub fn claim(&self, most: u64) -> u64 {
        let taken = self
            .0
            .fetch_update(Relaxed, Relaxed, |left| Some(left - left.min(most)));
        taken.map_or(0, |left| left.min(most))
    }

    /// Gives back `count` packets that were claimed and not sent.
    #[inline]
    pub fn give_back(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    /// Returns how many packets are left just now.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
