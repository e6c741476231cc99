//! Wire formats as zerocopy structs: what lies in a frame, field by field, in network byte order.
//!
//! The structs are views; what a value means (is this length possible, is this packet ours) is
//! decided by those who read them.

pub mod arp;
pub mod checksum;
pub mod ethernet;
pub mod ipv4;
pub mod udp;

pub use arp::Arp;
pub use ethernet::{EtherType, Ethernet, Mac};
pub use ipv4::Ipv4;
pub use udp::Udp;

/// Bytes of the frame check sequence, which the device adds and removes.
pub const FCS_LEN: usize = 4;
