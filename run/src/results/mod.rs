//! The results of a run: its end, its totals, its devices' counters, what happened to its ports,
//! and whether it kept its thresholds.

pub mod device;
pub mod end;
pub mod events;
pub mod paths;
pub mod thresholds;
pub mod totals;
