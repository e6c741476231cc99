//! A simulated lossy link in virtual time: no DPDK, no threads, no sleeping.
//!
//! It carries the same workers that the runtimes carry, knows what became of every packet, and so
//! can check every number that a run reports. All chance comes from one seed.
#![forbid(unsafe_code)]

pub mod link;
pub mod port;
pub mod truth;
pub mod world;
