//! The packet generator itself.
//!
//! This crate decides what is in a packet, when it leaves, what a received packet means and what
//! is counted. It touches nothing: no socket, no heap, no thread, no clock of its own; memory whose
//! size depends on the configuration is borrowed as slices, and time is an argument. The runtimes
//! (DPDK, simulation) carry it through the traits [`port::Port`] and [`time::Clock`].
//!
//! # Where to begin
//!
//! | to know | read |
//! |---|---|
//! | what a runtime has to bring | [`port::Port`], [`time::Clock`] |
//! | the loop that moves packets | [`worker::Worker`], [`worker::LcoreWorkers`], [`phase::Phase`] |
//! | when a packet is sent, and what is in it | [`tx::Generator`], [`tx::Pacer`], [`tx::Template`] |
//! | what a probe is | [`probe::Head`], [`probe::filling::Filling`], [`probe::layout::Layout`] |
//! | what a frame that came is | [`rx::Verifier`], [`sequence::SequenceWindow`], [`rx::Receiver`] |
//! | what is answered, and how | [`reflect::FrameReflector`], [`reflect::Reflector`] |
//! | what keeps the port known to its neighbours | [`neighbour::Responder`], [`neighbour::Resolver`] |
//! | what is counted | [`stats::Counters`], [`stats::intervals`], [`stats::histogram`] |
//!
//! A module called `fast_path` is what nearly every packet goes through: `scripts/instructions` holds
//! its instructions, and whatever it does not recognise takes a slow path that decides the same, which
//! a property test says.
//!
//! # From template to verifier
//!
//! A probe is written, turned round by a reflector, and recognised:
//!
//! ```
//! use std::net::SocketAddr;
//!
//! use dpdkgen_core::probe::filling::{FillingMemory, Payloads, pool_len, sums_len};
//! use dpdkgen_core::probe::layout::{Addresses, Marks};
//! use dpdkgen_core::probe::sizes::Sizes;
//! use dpdkgen_core::probe::{Index, Tag};
//! use dpdkgen_core::reflect::{FrameReflector, Rules};
//! use dpdkgen_core::rx::verify::{Expectation, Route, Verifier};
//! use dpdkgen_core::time::{Instant, Span};
//! use dpdkgen_core::tx::template::{Patch, Template};
//! use dpdkgen_core::wire::Mac;
//!
//! let (sizes, tag) = (Sizes::one(100), Tag::new(0x1234));
//! let (mut pool, mut sums) = (vec![0; pool_len(&sizes)], vec![0; sums_len(&sizes)]);
//! let memory = FillingMemory { pool: &mut pool, sums: &mut sums };
//! let payloads = Payloads::new(memory, 7, sizes).expect("memory of that size");
//! let addresses = Addresses {
//!     source_mac: Mac([2, 0, 0, 0, 0, 1]),
//!     destination_mac: Mac([2, 0, 0, 0, 0, 2]),
//!     source: [10, 0, 0, 1].into(),
//!     destination: SocketAddr::from(([10, 0, 0, 2], 10_000)),
//! };
//! let headers = addresses.into();
//! let template = Template::new(&headers, tag, &payloads).expect("a probe's length");
//!
//! let mut frame = [0; 1514];
//! let index = Index::new(0, 5);
//! let time = Instant::from_nanos(1_000);
//! let patch = Patch { index, source_port: 20_000, time, lag: Span::ZERO };
//! let sent = usize::from(template.write(&mut frame, &patch).0);
//!
//! let mut reflector = FrameReflector::new(Rules::of(addresses.destination_mac));
//! reflector.reflect(&mut frame[..sent]).expect("a packet that is answered");
//!
//! let verifier = Verifier::new(Expectation {
//!     routes: [Route::of(&addresses)].into_iter().collect(),
//!     marks: Marks::default(),
//!     is_through: false,
//!     first_source_port: 20_000,
//!     last_source_port: 20_000,
//!     payloads,
//!     tag,
//! });
//! let probe = verifier.verify(&frame[..sent]).result.expect("an intact probe");
//! assert_eq!(probe.head.index(), index);
//! ```
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, loom))]
extern crate std;

pub mod neighbour;
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
