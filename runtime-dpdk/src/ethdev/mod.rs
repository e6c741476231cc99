//! Ports: what there are, and one made ready, started and taken down.

pub mod device;
pub mod driver;
pub mod error;
mod guard;
pub mod info;
mod kernel_netvsc;
mod memif;
pub mod queue;
pub mod stats;

pub(crate) use kernel_netvsc::{Interface, interfaces as kernel_interfaces};
