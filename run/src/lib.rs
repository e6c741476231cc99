//! How a run is asked for, started, watched and ended, the same for every runtime.
#![forbid(unsafe_code)]

pub mod clock;
pub mod control;
pub mod device;
pub mod drive;
pub mod failure;
pub mod options;
pub mod outputs;
pub mod redraw;
pub mod request;
pub mod sampling;
pub mod signals;
pub mod stage;
pub mod threads;
pub mod thresholds;
pub mod totals;
pub mod trial;
pub mod units;
