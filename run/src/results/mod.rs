//! The results of a run: its end, its totals, its devices' counters, and whether it kept its
//! thresholds.

pub mod device;
pub mod end;
pub mod thresholds;
pub mod totals;
