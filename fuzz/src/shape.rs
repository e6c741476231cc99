//! The form of a run's probes: IPv4 or IPv6, tags, DSCP, TTL, and what its path does with them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dpdkgen_core::probe::layout::Marks;
use dpdkgen_core::wire::{Tags, Tci};
use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::oracle::{ETHERNET, IPV4, IPV6, TAG, UDP};

/// The form of a run's probes, as it lies in the input; zeros are IPv4 without tags, turned round.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Shape {
    /// Bits: 0, whether it is IPv6; 1, whether the path is said to forward; 2, whether it does the
    /// other thing.
    pub path: u8,
    /// The number of tags, taken modulo 3.
    pub tag_count: u8,
    /// The tags, the outer one first.
    pub tags: [U16; 2],
    /// Differentiated services, taken modulo 64.
    pub dscp: u8,
    /// The TTL less 64, modulo 256; at least 2.
    pub ttl: u8,
}

impl Shape {
    /// Returns whether probes are IPv6.
    #[must_use]
    pub const fn is_v6(&self) -> bool {
        self.path & 1 != 0
    }

    /// Returns whether the path is said to forward probes.
    #[must_use]
    pub const fn is_through(&self) -> bool {
        self.path & 2 != 0
    }

    /// Returns whether the path turns probes round.
    #[must_use]
    pub const fn is_turned(&self) -> bool {
        self.is_through() == (self.path & 4 != 0)
    }

    /// Returns the tags, the outer one first.
    #[must_use]
    pub fn tags(&self) -> Vec<u16> {
        let count = usize::from(self.tag_count % 3);
        self.tags[..count].iter().map(|tag| tag.get()).collect()
    }

    /// Returns tags, DSCP and TTL as `core` has them.
    ///
    /// # Panics
    ///
    /// If two tags are too many.
    #[must_use]
    pub fn marks(&self) -> Marks {
        let tags: Vec<Tci> = self.tags().into_iter().map(Tci::from_bits).collect();
        Marks {
            tags: Tags::new(&tags).expect("two at most"),
            dscp: self.dscp % 64,
            ttl: 64_u8.wrapping_add(self.ttl).max(2),
        }
    }

    /// Returns the bytes in front of the payload.
    #[must_use]
    pub fn headers_len(&self) -> usize {
        let ip = if self.is_v6() { IPV6 } else { IPV4 };
        ETHERNET + TAG * self.tags().len() + ip + UDP
    }

    /// Returns the most bytes of payload: what an IP packet of 9000 bytes carries.
    #[must_use]
    pub const fn most_payload(&self) -> u16 {
        9000 - (UDP + if self.is_v6() { IPV6 } else { IPV4 }) as u16
    }

    /// Returns `address`, or what stands for it in runs over IPv6.
    #[must_use]
    pub const fn address(&self, address: Ipv4Addr) -> IpAddr {
        if self.is_v6() {
            let network = 0xfd00_0000_1234_5678_u128 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(network | address.to_bits() as u128))
        } else {
            IpAddr::V4(address)
        }
    }
}
