//! The headers of a run's probes: which there are, where they lie, and what of them stays as it is on
//! the way.
//!
//! All code that writes, recognises, turns round or damages a probe goes by this, so headers of
//! another kind (802.1Q, 802.1ad, IPv6) are another [`Layout`] and another struct beside
//! `Ipv4Front`.

use core::mem::offset_of;
use core::net::{Ipv4Addr, SocketAddrV4};

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{Head, Index, Tag};
use crate::time::Instant;
use crate::wire::{EtherType, Ethernet, Ipv4, Mac, Udp};

/// The places of the headers of a probe in its frame, in bytes from the frame's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    ip: usize,
    ttl: usize,
    ip_checksum: usize,
    addresses: usize,
    udp: usize,
}

impl Layout {
    /// Ethernet, IPv4 without options, UDP.
    pub const IPV4: Self = Self {
        ip: offset_of!(Ipv4Front, ip),
        ttl: offset_of!(Ipv4Front, ip) + Ipv4::TTL_AT,
        ip_checksum: offset_of!(Ipv4Front, ip) + Ipv4::CHECKSUM_AT,
        addresses: offset_of!(Ipv4Front, ip) + Ipv4::ADDRESSES_AT,
        udp: offset_of!(Ipv4Front, udp),
    };

    /// Returns where the type of what follows the Ethernet header lies.
    #[must_use]
    pub const fn ether_type(self) -> usize {
        self.ip - size_of::<EtherType>()
    }

    /// Returns where the IP header begins: the length of the Ethernet header.
    #[must_use]
    pub const fn ip(self) -> usize {
        self.ip
    }

    /// Returns where the TTL lies.
    #[must_use]
    pub const fn ttl(self) -> usize {
        self.ttl
    }

    /// Returns where the checksum of the IP header lies.
    #[must_use]
    pub const fn ip_checksum(self) -> usize {
        self.ip_checksum
    }

    /// Returns where the IP addresses begin, source before destination.
    #[must_use]
    pub const fn addresses(self) -> usize {
        self.addresses
    }

    /// Returns where the UDP header begins, source port before destination port.
    #[must_use]
    pub const fn udp(self) -> usize {
        self.udp
    }

    /// Returns where the UDP length lies.
    #[must_use]
    pub const fn udp_length(self) -> usize {
        self.udp + offset_of!(Udp, length)
    }

    /// Returns where the UDP checksum lies.
    #[must_use]
    pub const fn udp_checksum(self) -> usize {
        self.udp + offset_of!(Udp, checksum)
    }

    /// Returns where the UDP payload begins: the length of all headers.
    #[must_use]
    pub const fn payload(self) -> usize {
        self.udp + Udp::LEN
    }

    /// Returns how many bytes of the MTU the IP and UDP headers take.
    #[must_use]
    pub const fn of_mtu(self) -> u16 {
        (self.payload() - self.ip) as u16
    }
}

/// The addresses of the two ends of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// MAC of the port that sends.
    pub source_mac: Mac,
    /// MAC of the next hop.
    pub destination_mac: Mac,
    /// IP address of the port that sends.
    pub source: Ipv4Addr,
    /// IP address and UDP port of the reflector.
    pub destination: SocketAddrV4,
}

/// Everything in front of the filling, for the shortest probe over IPv4.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct Ipv4Front {
    pub ethernet: Ethernet,
    pub ip: Ipv4,
    pub udp: Udp,
    pub head: Head,
}

/// The length in bytes of the headers and the head.
pub(crate) const IPV4_FRONT_LEN: usize = size_of::<Ipv4Front>();

impl Ipv4Front {
    /// Returns what is the same in every probe of `udp_len` bytes of UDP as it is sent; all else is
    /// 0.
    pub fn sent(addresses: &Addresses, udp_len: u16) -> Self {
        let destination = addresses.destination;
        Self {
            ethernet: Ethernet {
                destination: addresses.destination_mac,
                source: addresses.source_mac,
                ether_type: EtherType::IPV4,
            },
            ip: Ipv4::udp(addresses.source, *destination.ip(), udp_len),
            udp: Udp {
                source: U16::new(0),
                destination: U16::new(destination.port()),
                length: U16::new(udp_len),
                checksum: [0; 2],
            },
            head: Head::new(Index::new(0, 0), Tag::new(0), Instant::START),
        }
    }

    /// Returns what is the same in every probe of `udp_len` bytes of UDP as a reflector beside us,
    /// at `from`, sends it back to `to`; all else is 0.
    pub fn returned(from: SocketAddrV4, to: Ipv4Addr, udp_len: u16) -> Self {
        let mut ip = Ipv4::udp(*from.ip(), to, udp_len);
        ip.lower_ttl();
        let addresses = Addresses {
            source_mac: Mac::default(),
            destination_mac: Mac::default(),
            source: *from.ip(),
            destination: SocketAddrV4::new(to, 0),
        };
        let mut front = Self::sent(&addresses, udp_len);
        front.ip = ip;
        front.udp.source = U16::new(from.port());
        front
    }

    /// Returns a mask of the bits that stay as they are between a reflector and us, whatever
    /// routers are on the way, and are the same in every probe.
    pub const fn kept() -> [u8; IPV4_FRONT_LEN] {
        const LAYOUT: Layout = Layout::IPV4;
        let mut mask = [0; IPV4_FRONT_LEN];
        mask = with(mask, LAYOUT.ether_type(), &[0xff; 2]);
        let ip = Ipv4::KEPT;
        mask = with(mask, LAYOUT.ip(), &ip);
        mask = with(mask, LAYOUT.udp(), &[0xff; 2]); // source port
        with(mask, LAYOUT.udp_length(), &[0xff; 2])
    }
}

/// Returns `mask` with `bytes` from `at` on.
const fn with<const N: usize>(mut mask: [u8; N], at: usize, bytes: &[u8]) -> [u8; N] {
    let (_, rest) = mask.split_at_mut(at);
    let (place, _) = rest.split_at_mut(bytes.len());
    place.copy_from_slice(bytes);
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_lie_where_the_rfcs_have_them() {
        let layout = Layout::IPV4;
        assert_eq!((layout.ether_type(), layout.ip()), (12, 14));
        assert_eq!((layout.ttl(), layout.ip_checksum()), (22, 24));
        assert_eq!((layout.addresses(), layout.udp()), (26, 34));
        assert_eq!((layout.udp_length(), layout.udp_checksum()), (38, 40));
        assert_eq!((layout.payload(), layout.of_mtu()), (42, 28));
        assert_eq!(IPV4_FRONT_LEN, 58);
    }

    #[test]
    fn what_a_router_may_change_is_not_kept() {
        let kept = Ipv4Front::kept();
        for changing in [15, 18, 19, 22, 24, 25, 36, 37, 40, 41, 42, 57] {
            assert_eq!(kept[changing], 0, "byte {changing}");
        }
        for staying in [12, 13, 14, 16, 17, 21, 23, 26, 33, 34, 35, 38, 39] {
            assert_eq!(kept[staying], 0xff, "byte {staying}");
        }
        assert_eq!(kept[20], 0x3f, "no fragment");
    }
}
