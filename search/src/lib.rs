//! How much a path carries: a search for the highest load at which it keeps to goals.
//!
//! This crate decides which trial comes next, and what those so far say. It touches nothing: no clock,
//! no socket, no thread. Whoever searches asks [`Search::next`] for a trial, carries it out, hands
//! its [`Outcome`] to [`Search::record`], and goes on until there is none; [`Search::result`] tells
//! the bounds of a goal at any time.
//!
//! Words and rules are those of MLRsearch (draft-ietf-bmwg-mlrsearch): a [`Goal`] with its loss
//! ratio, final trial duration, duration sum, exceed ratio and width; a load is a lower or an upper
//! bound by the sums of the durations of its good and bad trials ([`evidence`]). Which load is tried
//! next is our own ([`Search`]), and [`Method::Bisection`] is the plain search beside it.
//!
//! ```
//! use core::time::Duration;
//!
//! use dpdkgen_search::{Goal, Limits, Method, Outcome, Search};
//!
//! let goal = Goal { trial: Duration::from_secs(1), sum: Duration::from_secs(1), ..Goal::NDR };
//! let limits = Limits { min: 1_000, max: 10_000_000 };
//! let mut search = Search::new(vec![goal], limits, Method::Mlr);
//! // A path that carries 1,234,567 packets a second, and not one more.
//! while let Some(trial) = search.next() {
//!     let lost = trial.pps.saturating_sub(1_234_567);
//!     search.record(trial, Outcome::offered(lost as f64 / trial.pps as f64));
//! }
//! let found = search.result(0);
//! let (lower, upper) = (found.lower.unwrap().pps, found.upper.unwrap());
//! assert!(lower <= 1_234_567 && 1_234_567 < upper);
//! assert!(upper as f64 * 0.995 <= lower as f64);
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod bisection;
mod estimates;
pub mod evidence;
mod goal;
mod loads;
mod mlr;
mod search;

pub use goal::Goal;
pub use search::{Found, Limit, Limits, LowerBound, Method, Outcome, Search, Shortfall, Trial};
