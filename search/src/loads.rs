//! The loads that were tried, and their trials.

use alloc::vec::Vec;
use core::time::Duration;

/// A trial in which the sender offered its load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The intended duration.
    pub duration: Duration,
    /// The ratio of lost to sent packets.
    pub loss_ratio: f64,
    /// The 99th percentile of the latency, in nanoseconds; `None` if nothing came back.
    pub p99_ns: Option<u64>,
}

/// A load, and what was measured at it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Load {
    /// The packets per second.
    pub pps: u64,
    /// The trials in which it was offered.
    pub trials: Vec<Measured>,
    /// The number of trials in which the sender did not reach it.
    pub not_offered: u32,
    /// The number of trials in which the sender was disturbed, one after the other.
    pub disturbed: u32,
    /// The time of these.
    pub disturbed_for: Duration,
    /// The most packets per second that left in one of these.
    pub reached_pps: u64,
}

impl Load {
    /// Returns whether the sender cannot offer it: it failed twice at least, and more often than not; or
    /// it was disturbed again and again.
    pub fn is_beyond_sender(&self) -> bool {
        let failed = self.not_offered >= 2 && self.not_offered as usize > self.trials.len();
        let is_long = self.disturbed_for >= DISTURBED_FOR && self.disturbed >= DISTURBANCES.0;
        failed || is_long || self.disturbed >= DISTURBANCES.1
    }
}

/// The numbers of trials that may be disturbed one after the other: the first one where they take long,
/// and the most.
const DISTURBANCES: (u32, u32) = (10, 40);

/// The time that is long for these.
const DISTURBED_FOR: Duration = Duration::from_secs(60);

/// All loads that were tried, in ascending order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loads(Vec<Load>);

impl Loads {
    /// Returns the load of `pps`, which is added if it is new.
    pub fn at(&mut self, pps: u64) -> &mut Load {
        let place = self.0.binary_search_by_key(&pps, |load| load.pps);
        let place = place.unwrap_or_else(|place| {
            let new = Load {
                pps,
                ..Load::default()
            };
            self.0.insert(place, new);
            place
        });
        &mut self.0[place]
    }

    /// Returns the loads in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Load> {
        self.0.iter()
    }

    /// Returns the least load that the sender cannot offer.
    pub fn beyond_sender(&self) -> Option<&Load> {
        self.0.iter().find(|load| load.is_beyond_sender())
    }
}
