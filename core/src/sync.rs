//! What threads share, in one place, so that a model checker can take its place.

#[cfg(not(loom))]
pub use core::sync::atomic::{AtomicU64, fence};
#[cfg(loom)]
pub use loom::sync::atomic::{AtomicU64, fence};

pub use core::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};

/// Adds to a counter that only the calling thread writes: a plain load and store.
#[inline]
pub fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(count), Relaxed);
}
