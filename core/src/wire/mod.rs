//! Wire formats as zerocopy structs: what lies in a frame, field by field, in network byte order.
//!
//! The structs are views: a header is read where it lies, `Ipv4::ref_from_prefix(packet)`, and
//! written there, `Ipv4::mut_from_prefix(packet)`; nothing is copied, and nothing can be read
//! beyond the frame. The meaning of a value (is this length possible, is this packet ours) is for
//! its readers to decide.
//!
//! ```
//! use dpdkgen_core::wire::{EtherType, Ethernet, Mac};
//! use zerocopy::FromBytes;
//!
//! let frame = [
//!     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45,
//! ];
//! let (ethernet, packet) = Ethernet::ref_from_prefix(&frame).expect("long enough");
//! assert_eq!(ethernet.destination, Mac::BROADCAST);
//! assert_eq!(ethernet.ether_type, EtherType::IPV4);
//! assert_eq!(packet, [0x45]);
//! ```

pub mod arp;
pub mod checksum;
pub mod ethernet;
pub mod frame;
pub mod icmp;
pub mod ipv4;
pub mod ipv6;
pub mod ndp;
pub mod prefix;
pub mod udp;
pub mod vlan;

pub use arp::Arp;
pub use ethernet::{EtherType, Ethernet, Mac, ParseMacError};
pub use frame::EthernetFrame;
pub use icmp::{Echo, Icmp};
pub use ipv4::Ipv4;
pub use ipv6::Ipv6;
pub use ndp::{LinkLayerAddress, NeighbourMessage};
pub use prefix::Prefix;
pub use udp::Udp;
pub use vlan::{Tags, Tci, Vlan};

/// Bytes of the frame check sequence, which the device adds and removes.
pub const FCS_LEN: usize = 4;
