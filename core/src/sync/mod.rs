//! The atomics of which all is made that threads share.
//!
//! Every ordering that the code needs has a name, an [`Edge`]. Under `cfg(loom)` the atomics are
//! loom's, and a model can weaken one ordering at a time (`sync/modelled.rs`).

#[cfg(not(loom))]
use core::sync::atomic::Ordering;
pub use core::sync::atomic::Ordering::Relaxed;

#[cfg(not(loom))]
pub use core::hint::spin_loop;
#[cfg(not(loom))]
pub use core::sync::atomic::{AtomicU64, fence};
#[cfg(loom)]
pub use modelled::{AtomicU64, acquire, fence, release, spin_loop};

pub mod mailbox;
#[cfg(loom)]
pub mod modelled;
pub mod seqlock;

/// Defines an enum that can name all of its variants.
macro_rules! listed {
    ($(#[$about:meta])* $name:ident { $($(#[$of:meta])* $variant:ident,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$of])* $variant,)*
        }

        impl $name {
            /// All variants.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
        }
    };
}
#[cfg(loom)]
use listed;

listed! {
    /// The events of one thread that another one has to see, together with all that the first did
    /// before.
    Edge {
        /// The words of a version are there: its number is even again.
        Published,
        /// Words are about to be overwritten: the version is odd.
        Overwriting,
        /// A cell has been cleared for the next interval.
        Cleared,
        /// The clock has passed an interval: all of its counts are in its cell.
        Closed,
        /// The worker has ended: nothing is counted any more, anywhere.
        Ended,
        /// A cell or a message has been copied, and its place may be used again.
        HandedBack,
        /// A message is in its mailbox.
        Posted,
        /// The run has gone on to another phase.
        Phase,
    }
}

/// Returns the ordering with which a thread says that it did what `edge` names.
#[cfg(not(loom))]
#[inline(always)]
#[must_use]
pub const fn release(edge: Edge) -> Ordering {
    let _ = edge;
    Ordering::Release
}

/// Returns the ordering with which a thread learns that another one did what `edge` names.
#[cfg(not(loom))]
#[inline(always)]
#[must_use]
pub const fn acquire(edge: Edge) -> Ordering {
    let _ = edge;
    Ordering::Acquire
}

/// Returns atomics that are 0.
#[must_use]
pub fn zeros<const COUNT: usize>() -> [AtomicU64; COUNT] {
    #[cfg(not(loom))]
    return [const { AtomicU64::new(0) }; COUNT];
    #[cfg(loom)]
    core::array::from_fn(|_| AtomicU64::new(0))
}

/// Adds to a counter that only the calling thread writes: a plain load and store.
#[inline]
pub fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(count), Relaxed);
}
