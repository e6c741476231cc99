//! The end of a run, and how it was carried out.

use dpdkgen_core::time::Instant;
use dpdkgen_report::summary::{Clock, Device, Event, StopReason};

/// The end of the sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// The reason for it.
    pub reason: StopReason,
    /// The time at which the control thread decided it.
    pub at: Instant,
}

/// The end of a finished run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The end of the sending.
    pub stop: Stop,
    /// `true` if the drain was waited out.
    pub drained: bool,
}

/// The results of a run that its workers do not tell.
pub struct Executed {
    /// The end of the run.
    pub end: End,
    /// The clock that the run was timed by.
    pub clock: Clock,
    /// The counters of the devices over the run, port by port.
    pub device: Vec<Device>,
    /// What happened to the ports, in order of time.
    pub events: Vec<Event>,
    /// Packets lost of those sent in intervals in which not all went by the VF of a netvsc port;
    /// `None` if all did.
    pub lost_without_vf: Option<u64>,
}
