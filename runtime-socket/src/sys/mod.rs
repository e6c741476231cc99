//! What of the kernel's sockets has no safe form elsewhere, in one: batches of datagrams, options
//! and interfaces.

pub mod batch;
mod fixed;
pub mod interface;
pub mod option;
