//! loom's atomics, and the twins of a model: the same code with one ordering, or one indivisible
//! operation, weakened. A model that passes with a twin does not look at what it is there for.

use core::sync::atomic::Ordering::{self, Relaxed};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

pub use loom::hint::spin_loop;

use super::{Edge, listed};

/// A weakening of the code as it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    /// The edge's store is relaxed, or its fence left out.
    Release(Edge),
    /// The edge's load is relaxed, or its fence left out.
    Acquire(Edge),
    /// The operation is a load and a store, and others may come between.
    Divided(Operation),
}

listed! {
    /// The operations that read and write in one step; each stands in one place of the code.
    Operation {
        /// Inserting a probe into the sequence window.
        CompareExchange,
        /// Raising a flow's highest sequence in the sequence window.
        FetchMax,
        /// Claiming from the budget.
        FetchUpdate,
        /// Giving back to the budget.
        FetchAdd,
    }
}

impl Twin {
    /// Returns a twin for everything that can be weakened.
    pub fn all() -> impl Iterator<Item = Self> {
        let edges = Edge::ALL.iter();
        let of_edges = edges.flat_map(|edge| [Self::Release(*edge), Self::Acquire(*edge)]);
        of_edges.chain(Operation::ALL.iter().map(|one| Self::Divided(*one)))
    }

    /// Runs `model`, which is this twin wherever the calling thread gets to.
    pub fn run<T>(self, model: impl FnOnce() -> T) -> T {
        WEAKENED.set(Some(self));
        let outcome = catch_unwind(AssertUnwindSafe(model));
        WEAKENED.set(None);
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn is_run(self) -> bool {
        WEAKENED.get() == Some(self)
    }
}

std::thread_local! {
    // loom runs all threads of a model on the thread that checks it.
    static WEAKENED: Cell<Option<Twin>> = const { Cell::new(None) };
}

/// Returns the ordering with which a thread says that it did what `edge` names.
#[must_use]
pub fn release(edge: Edge) -> Ordering {
    if Twin::Release(edge).is_run() {
        Relaxed
    } else {
        Ordering::Release
    }
}

/// Returns the ordering with which a thread learns that another one did what `edge` names.
#[must_use]
pub fn acquire(edge: Edge) -> Ordering {
    if Twin::Acquire(edge).is_run() {
        Relaxed
    } else {
        Ordering::Acquire
    }
}

/// Fences as loom does, and not at all where the ordering was weakened.
pub fn fence(ordering: Ordering) {
    if ordering != Relaxed {
        loom::sync::atomic::fence(ordering);
    }
}

/// loom's atomic, weakened where the twin that runs says so.
#[derive(Debug)]
pub struct AtomicU64(loom::sync::atomic::AtomicU64);

impl AtomicU64 {
    /// Does as `core` does.
    #[must_use]
    pub fn new(value: u64) -> Self {
        Self(loom::sync::atomic::AtomicU64::new(value))
    }

    /// Does as `core` does.
    pub fn load(&self, ordering: Ordering) -> u64 {
        self.0.load(ordering)
    }

    /// Does as `core` does.
    pub fn store(&self, value: u64, ordering: Ordering) {
        self.0.store(value, ordering);
    }

    /// Does as `core` does, but that it does not fail without need.
    pub fn compare_exchange_weak(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        if !Twin::Divided(Operation::CompareExchange).is_run() {
            return self.0.compare_exchange_weak(current, new, success, failure);
        }
        let seen = self.0.load(failure);
        if seen != current {
            return Err(seen);
        }
        self.0.store(new, success);
        Ok(seen)
    }

    /// Does as `core` does.
    pub fn fetch_max(&self, value: u64, ordering: Ordering) -> u64 {
        if !Twin::Divided(Operation::FetchMax).is_run() {
            return self.0.fetch_max(value, ordering);
        }
        let seen = self.0.load(Relaxed);
        self.0.store(seen.max(value), Relaxed);
        seen
    }

    /// Does as `core` does.
    pub fn fetch_add(&self, value: u64, ordering: Ordering) -> u64 {
        if !Twin::Divided(Operation::FetchAdd).is_run() {
            return self.0.fetch_add(value, ordering);
        }
        let seen = self.0.load(Relaxed);
        self.0.store(seen.wrapping_add(value), Relaxed);
        seen
    }

    /// Does as `core` does.
    pub fn fetch_update(
        &self,
        set: Ordering,
        fetch: Ordering,
        mut update: impl FnMut(u64) -> Option<u64>,
    ) -> Result<u64, u64> {
        if !Twin::Divided(Operation::FetchUpdate).is_run() {
            return self.0.fetch_update(set, fetch, update);
        }
        let seen = self.0.load(fetch);
        let Some(next) = update(seen) else {
            return Err(seen);
        };
        self.0.store(next, set);
        Ok(seen)
    }
}
