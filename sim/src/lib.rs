//! A simulated lossy link in virtual time: no DPDK, no threads, no sleeping.
//!
//! It carries the same workers that the runtimes carry, knows what became of every packet, and
//! checks every number that a run reports against that. All chance comes from one seed.
#![forbid(unsafe_code)]

pub mod chance;
pub mod conditions;
pub mod link;
pub mod options;
pub mod swarm;
pub mod truth;
pub mod world;
