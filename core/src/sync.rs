//! What threads share is made of these, and of nothing else.

pub use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
pub use core::sync::atomic::{AtomicU64, fence};

/// Adds to a counter that only the calling thread writes: a plain load and store.
#[inline]
pub fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(count), Relaxed);
}
