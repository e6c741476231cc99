//! A run from its command line to its exit status: asked for, started, watched and ended, the same
//! for every runtime.
#![forbid(unsafe_code)]

pub mod assembly;
pub mod cli;
pub mod failure;
pub mod outputs;
pub mod request;
pub mod results;
pub mod runner;
pub mod search;
pub mod units;
