//! Ports: what there are, and one made ready, started and taken down.
//!
//! Promised: a [`device::Device`] is stopped before its buffers go, whatever happens; a queue has
//! one owner; what is particular to a driver is decided in [`driver`] alone; what fails is an
//! [`error::Error`], which names the port and knows nothing of a command line.

pub mod device;
pub mod driver;
pub mod error;
pub mod faults;
pub mod info;
mod kernel_interface;
pub mod link;
mod memif;
pub mod queue;
pub mod stats;
pub mod vf;

use crate::eal::{Closer, Eal};

/// Closes what ports have to be closed as the EAL ends.
pub const CLOSER: Closer = Closer(close_last);

/// Returns whether the EAL must not clean up, which closes every port that is left; one whose device
/// was taken away is asked nothing.
fn close_last(eal: &Eal) -> bool {
    device::is_left_behind() || memif::close_last(eal)
}

/// Which way packets go through a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// They are received.
    Rx,
    /// They are sent.
    Tx,
}
