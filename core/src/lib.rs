//! The packet generator itself.
//!
//! This crate decides what is in a packet, when it leaves, what a received packet means and what
//! is counted. It touches nothing: no socket, no heap, no thread, no clock of its own; memory whose
//! size depends on the configuration is borrowed as slices, and time is an argument. The runtimes
//! (DPDK, kernel sockets, simulation) carry it through the traits [`port::Port`] and
//! [`time::Clock`].
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, loom))]
extern crate std;

pub mod budget;
pub mod filling;
pub mod generator;
pub mod histogram;
pub mod intervals;
pub mod ledger;
pub mod pacer;
pub mod port;
pub mod probe;
pub mod published;
pub mod receiver;
pub mod reflector;
pub mod stats;
pub mod sync;
pub mod template;
#[cfg(test)]
mod testing;
pub mod time;
pub mod verify;
pub mod wire;
pub mod worker;
