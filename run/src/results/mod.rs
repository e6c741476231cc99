//! What comes of a run: its totals, its devices' counters, and whether it kept its thresholds.

pub mod device;
pub mod thresholds;
pub mod totals;
