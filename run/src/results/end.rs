//! How a run ended, and how it was carried out.

use dpdkgen_core::time::Instant;
use dpdkgen_report::summary::{Clock, Device, StopReason};

/// How the sending ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// Why.
    pub reason: StopReason,
    /// When.
    pub at: Instant,
}

/// What a finished run says of its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// How the sending ended.
    pub stop: Stop,
    /// Whether the drain was waited out.
    pub drained: bool,
}

/// How a run was carried out, as far as its workers do not tell.
pub struct Executed {
    /// How it ended.
    pub end: End,
    /// The clock that it was timed by.
    pub clock: Clock,
    /// What the devices counted meanwhile, port by port.
    pub device: Vec<Device>,
}
