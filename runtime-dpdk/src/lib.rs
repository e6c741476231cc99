//! dpdkgen over DPDK ports: the EAL's start, ports and their queues, and workers on lcores.
//!
//! `unsafe` stands only in the modules that call C ([`affinity`], [`counters`],
//! [`device`], [`eal`], [`lcores`], [`port`], [`ports`] and the private
//! `capture`, `interrupts`, `mbuf` and `pool`); what they offer is safe to call.

pub mod affinity;
mod capture;
pub mod counters;
pub mod device;
mod diagnosis;
pub mod driver;
pub mod eal;
mod interrupts;
mod kernel_netvsc;
pub mod lcores;
mod mbuf;
mod memif;
mod pool;
pub mod port;
pub mod ports;
mod ports_text;
pub mod runtime;
pub mod select;

pub use ports_text::{render, to_json};
