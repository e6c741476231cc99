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

pub mod phase;
pub mod port;
pub mod probe;
pub mod random;
pub mod reflect;
pub mod rx;
pub mod sequence;
pub mod simd;
pub mod stats;
pub mod sync;
#[cfg(test)]
mod testing;
pub mod time;
pub mod tx;
pub mod wire;
pub mod worker;
