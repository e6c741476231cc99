//! What a port owes its network beside its packets: it can be found, and it finds its next hop.
//!
//! Nothing here sends or waits: frames and times come as arguments, and what is to be sent is written
//! into memory that the caller lends. A [`Responder`] answers ARP (RFC 826), neighbour discovery (RFC
//! 4861) and echo requests (RFC 792, RFC 4443), and says who is where; a [`Resolver`] keeps the MAC
//! address of one next hop, and a [`NextHop`] shares it among threads.
//!
//! ```
//! use std::net::IpAddr;
//!
//! use dpdkgen_core::neighbour::{Change, Heard, Resolver, Responder};
//! use dpdkgen_core::time::Instant;
//! use dpdkgen_core::wire::{Mac, Tags};
//!
//! let (alice, bob) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
//! let (own, next_hop): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
//! let (owns, theirs) = ([own], [next_hop]);
//! let port = Responder::new(alice, Tags::NONE, &owns);
//! let neighbour = Responder::new(bob, Tags::NONE, &theirs);
//!
//! let mut resolver = Resolver::new(next_hop);
//! let ask = resolver.poll(Instant::START).expect("nothing is known yet");
//! let (mut request, mut answer) = ([0; 1514], [0; 1514]);
//! let asked = port.solicit(own, ask.target, &mut request).expect("room");
//! let heard = neighbour.hear(&request[..usize::from(asked.0)], &mut answer);
//! let answered = heard.answer().expect("it was asked for its own address");
//! let Heard::Learned(learned) = port.hear(&answer[..usize::from(answered.0)], &mut request) else {
//!     panic!("an answer that tells nothing");
//! };
//! let change = resolver.learn(learned.ip, learned.mac, Instant::START);
//! assert_eq!(change, Some(Change::First(bob)));
//! ```

use core::net::IpAddr;

use crate::wire::Mac;

mod build;
mod next_hop;
pub mod resolver;
pub mod responder;

pub use next_hop::NextHop;
pub use resolver::{Ask, Change, Resolver};
pub use responder::{Heard, Responder};

/// A resolved address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The address.
    pub ip: IpAddr,
    /// Where it is.
    pub mac: Mac,
}

/// Returns whether `mac` can be that of one station: neither a group nor nothing.
fn is_station(mac: Mac) -> bool {
    !mac.is_group() && mac != Mac([0; 6])
}

/// Returns whether `ip` can be that of one host on a network.
const fn is_host(ip: IpAddr) -> bool {
    let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    !ip.is_multicast() && !ip.is_unspecified() && !ip.is_loopback() && !is_broadcast
}
