//! dpdkgen over DPDK ports, in DPDK's own words.
//!
//! | folder | what it promises |
//! |---|---|
//! | [`eal`] | starts and ends once, says nothing by itself; a start that fails has one reason |
//! | [`ethdev`] | a port is opened as asked or refused with a reason, and stopped before its buffers go |
//! | `mbuf` | packet buffers and their pools; none leaves the crate |
//! | [`cli`] | what a user names and reads; alone in knowing the options of the command line |
//! | [`machine`] | what the machine has, read from files below any folder; changes nothing |
//! | [`doctor`] | what of a machine is in the way of a run, and what mends it; starts no EAL |
//! | [`runtime`] | ports and lcores as trials want them: `Runtime` of `dpdkgen-run` |
//!
//! Arrows go one way: `cli`, `doctor` and `runtime` over `ethdev`, that over `mbuf`, that over `eal`, all of
//! them over `machine`. An error is a type where it arises ([`eal::StartError`], [`ethdev::error::Error`],
//! [`cli::select::SelectError`]) and becomes a sentence in [`cli::explain`]. What the layer above
//! has to close as the EAL ends, it hands to [`eal::Eal::init`] ([`ethdev::CLOSER`]).
//!
//! # In which order to read
//!
//! 1. `main.rs`: a run from its arguments to its exit status.
//! 2. [`runtime`]: what a trial borrows of the ports.
//! 3. [`ethdev::queue`]: the poll loop's side of a port, bursts in and out; `mbuf` with it.
//! 4. [`ethdev::device`]: how a port comes to be ready, and [`ethdev::driver`]: what differs by
//!    driver.
//! 5. [`eal`]: the start and its diagnosis, lcores, the interrupt thread.
//! 6. `ethdev::memif`: why one driver needs a guard around each burst.
//!
//! `unsafe` stands only in the modules that call C (docs/architecture.md lists them); what they
//! offer is safe to call.

pub mod cli;
pub mod doctor;
pub mod eal;
pub mod ethdev;
pub mod machine;
mod mbuf;
pub mod runtime;
