//! Time as the core sees it: instants of a run, and the spans between them.
//!
//! Promised: a point in time is never taken for a length of time, and there is no `-`. What may be
//! the wrong way round is subtracted by a function that says what it gives then.
//!
//! ```
//! use dpdkgen_core::time::{Instant, Span};
//!
//! let sent = Instant::from_nanos(1_000);
//! let received = sent + Span::from_micros(25);
//! assert_eq!(received.saturating_since(sent), Span::from_micros(25));
//! assert_eq!(sent.saturating_since(received), Span::ZERO);
//! ```

use core::ops::Add;

/// A point in time, in nanoseconds since the run's start.
///
/// Adding a [`Span`] stops at [`Instant::MAX`], 584 years after the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

/// A length of time in nanoseconds.
///
/// Adding another one stops at [`Span::MAX`], 584 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

impl Instant {
    /// The run's start.
    pub const START: Self = Self(0);
    /// Later than anything that happens.
    pub const MAX: Self = Self(u64::MAX);

    /// Returns the instant that is `nanos` nanoseconds after the run's start.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns the nanoseconds since the run's start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns the span since the run's start.
    #[must_use]
    pub const fn since_start(self) -> Span {
        Span(self.0)
    }

    /// Returns the span from `earlier` to this instant, zero if `earlier` is the later one.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// Returns the instant `span` earlier, the run's start if that is not as long ago.
    #[must_use]
    pub const fn saturating_sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Add<Span> for Instant {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than anything lasts.
    pub const MAX: Self = Self(u64::MAX);

    /// Returns a span of `nanos` nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns a span of `micros` microseconds, [`Self::MAX`] if that is longer.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// Returns a span of `millis` milliseconds, [`Self::MAX`] if that is longer.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Returns a span of `secs` seconds, [`Self::MAX`] if that is longer.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Returns the nanoseconds.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns by how much this is longer than `other`, zero if it is not.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Returns the span `times` as long, [`Self::MAX`] if that is longer.
    #[must_use]
    pub const fn saturating_mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// The clock of a worker.
///
/// Readings never go back on one thread, and those of different threads agree to within a
/// microsecond.
pub trait Clock {
    /// Returns the time now.
    fn now(&mut self) -> Instant;
}
