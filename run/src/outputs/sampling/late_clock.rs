//! The clock of sampled frames: ports are polled, and so may be sampled, before the run's clock
//! starts.

use dpdkgen_core::time::{Clock, Instant};

use super::Stamp;
use crate::runner::clock::{TickClock, Timebase};

/// A thread's reader of a [`Timebase`] that may not have been started yet.
pub struct LateClock<'t> {
    timebase: &'t Timebase,
    /// Made by the first reading after the start.
    reader: Option<TickClock<'t>>,
}

impl<'t> LateClock<'t> {
    /// Returns a reader of `timebase`.
    #[must_use]
    pub const fn new(timebase: &'t Timebase) -> Self {
        Self {
            timebase,
            reader: None,
        }
    }
}

impl Stamp for LateClock<'_> {
    fn stamp(&mut self) -> Option<Instant> {
        if self.reader.is_none() && self.timebase.is_started() {
            self.reader = Some(self.timebase.reader());
        }
        self.reader.as_mut().map(Clock::now)
    }
}
