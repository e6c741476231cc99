//! dpdkgen over DPDK ports, in DPDK's own words:
//!
//! | folder | what it does |
//! |---|---|
//! | [`eal`] | starts and ends the environment abstraction layer, with its log, its lcores and the CPUs of the process |
//! | [`ethdev`] | what ports there are, opening them, their queues and counters, what is particular to a driver |
//! | `mbuf` | packet buffers and the pools that they come from |
//! | [`cli`] | what a user names and reads: ports chosen, ports listed |
//! | [`runtime`] | ports and lcores as a run wants them |
//!
//! `unsafe` stands only in the modules that call C (docs/architecture.md lists them); what they offer
//! is safe to call.

pub mod cli;
pub mod eal;
pub mod ethdev;
mod mbuf;
pub mod runtime;
