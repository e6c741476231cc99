//! Time as the core sees it: nanoseconds since the run's start, handed in by the runtime.

use core::ops::{Add, Sub};

/// Nanoseconds since the run's start (or a span of nanoseconds).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

impl Nanos {
    /// One microsecond.
    pub const MICROSECOND: Self = Self(1_000);
    /// One millisecond.
    pub const MILLISECOND: Self = Self(1_000_000);
    /// One second.
    pub const SECOND: Self = Self(1_000_000_000);
    /// Later than anything that happens.
    pub const MAX: Self = Self(u64::MAX);

    /// Returns the span from `earlier` to `self`, 0 if `earlier` is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

impl Add for Nanos {
    type Output = Self;
    fn add(self, span: Self) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub for Nanos {
    type Output = Self;
    fn sub(self, span: Self) -> Self {
        self.since(span)
    }
}

/// Where a worker reads the time.
///
/// Readings never go back on one thread, and those of different threads agree to within a
/// microsecond.
pub trait Clock {
    /// Nanoseconds since the run's start.
    fn now(&mut self) -> Nanos;
}
