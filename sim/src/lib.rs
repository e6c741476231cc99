//! A simulated lossy link in virtual time: no DPDK, no threads, no sleeping.
//!
//! It carries the same workers that the runtimes carry, knows what became of every packet, and
//! checks every number that a run reports against that. All that is random comes from one seed.
#![forbid(unsafe_code)]

pub mod conditions;
pub mod link;
pub mod options;
pub mod rng;
pub mod simulation;
pub mod swarm;
pub mod truth;
