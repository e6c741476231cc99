//! The headers of a run's probes: which there are, where they lie, and what of them stays as it is
//! on the way.
//!
//! Whoever writes, recognises, turns round or impairs a probe goes by this. There are six layouts,
//! of IPv4 and IPv6 with up to two VLAN tags, and each has its length, so that what is done per
//! packet is compiled for each of them and chosen once a burst.

use core::mem::offset_of;
use core::net::{IpAddr, SocketAddr};

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, IntoBytes};

use super::Head;
use crate::wire::checksum::Sum;
use crate::wire::{EtherType, Ethernet, Ipv4, Ipv6, Mac, Tags, Udp, Vlan};

/// The version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4 (RFC 791), without options.
    V4,
    /// IPv6 (RFC 8200), without extension headers.
    V6,
}

impl Family {
    /// Returns the family of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    const fn header_len(self) -> usize {
        match self {
            Self::V4 => size_of::<Ipv4>(),
            Self::V6 => size_of::<Ipv6>(),
        }
    }

    const fn ether_type(self) -> EtherType {
        match self {
            Self::V4 => EtherType::IPV4,
            Self::V6 => EtherType::IPV6,
        }
    }
}

/// The places of the headers of a probe in its frame, in bytes from the frame's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    family: Family,
    ip: usize,
}

impl Layout {
    /// Ethernet, IPv4, UDP.
    pub const IPV4: Self = Self::new(Family::V4, 0);

    /// Bytes of the longest front.
    pub(crate) const MAX_FRONT_LEN: usize = Self::new(Family::V6, Tags::MAX).front_len();

    /// Makes the layout with so many VLAN tags.
    #[must_use]
    pub const fn new(family: Family, tags: usize) -> Self {
        Self {
            family,
            ip: size_of::<Ethernet>() + tags * Vlan::LEN,
        }
    }

    /// Returns the version of IP.
    #[must_use]
    pub const fn family(self) -> Family {
        self.family
    }

    /// Returns where the type of the IP packet lies, behind all tags.
    #[must_use]
    pub const fn ether_type(self) -> usize {
        self.ip - size_of::<EtherType>()
    }

    /// Returns where the IP header begins: the length of the Ethernet header with its tags.
    #[must_use]
    pub const fn ip(self) -> usize {
        self.ip
    }

    /// Returns where the TTL or hop limit lies.
    #[must_use]
    pub const fn ttl(self) -> usize {
        self.ip
            + match self.family {
                Family::V4 => Ipv4::TTL_AT,
                Family::V6 => Ipv6::HOP_LIMIT_AT,
            }
    }

    /// Returns where the checksum of the IP header lies, if it has one.
    #[must_use]
    pub const fn ip_checksum(self) -> Option<usize> {
        match self.family {
            Family::V4 => Some(self.ip + Ipv4::CHECKSUM_AT),
            Family::V6 => None,
        }
    }

    /// Returns where the IP header says how long its packet, or over IPv6 its payload, is.
    #[must_use]
    pub const fn ip_length(self) -> usize {
        self.ip
            + match self.family {
                Family::V4 => offset_of!(Ipv4, total_length),
                Family::V6 => offset_of!(Ipv6, payload_length),
            }
    }

    /// Returns where the IP addresses begin, source before destination.
    #[must_use]
    pub const fn addresses(self) -> usize {
        self.ip
            + match self.family {
                Family::V4 => Ipv4::ADDRESSES_AT,
                Family::V6 => Ipv6::ADDRESSES_AT,
            }
    }

    /// Returns where the UDP header begins, source port before destination port.
    #[must_use]
    pub const fn udp(self) -> usize {
        self.ip + self.family.header_len()
    }

    /// Returns where the UDP length lies.
    #[must_use]
    pub const fn udp_length(self) -> usize {
        self.udp() + offset_of!(Udp, length)
    }

    /// Returns where the UDP checksum lies.
    #[must_use]
    pub const fn udp_checksum(self) -> usize {
        self.udp() + offset_of!(Udp, checksum)
    }

    /// Returns where the UDP payload begins: the length of all headers.
    #[must_use]
    pub const fn payload(self) -> usize {
        self.udp() + Udp::LEN
    }

    /// Returns how many bytes of the MTU the IP and UDP headers take.
    #[must_use]
    pub const fn of_mtu(self) -> u16 {
        (self.payload() - self.ip) as u16
    }

    /// Returns the bytes of everything in front of the filling in the shortest probe.
    pub(crate) const fn front_len(self) -> usize {
        self.payload() + size_of::<Head>()
    }
}

/// The headers of a stream's probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers {
    /// Who sends to whom.
    pub addresses: Addresses,
    /// The rest, which is the same in all probes of a run.
    pub marks: Marks,
}

impl From<Addresses> for Headers {
    fn from(addresses: Addresses) -> Self {
        Self {
            addresses,
            marks: Marks::default(),
        }
    }
}

/// The part of a run's headers that is no address: tags, DSCP and TTL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// VLAN tags.
    pub tags: Tags,
    /// Differentiated services code point, six bits (RFC 2474).
    pub dscp: u8,
    /// TTL or hop limit.
    pub ttl: u8,
}

impl Default for Marks {
    /// Returns no tags, best effort, and the TTL that hosts use (RFC 1700).
    fn default() -> Self {
        Self {
            tags: Tags::NONE,
            dscp: 0,
            ttl: 64,
        }
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
    pub source: IpAddr,
    /// IP address and UDP port of the receiver, of the same family.
    pub destination: SocketAddr,
}

/// Everything in front of the filling in the shortest probes, as far as it is the same in all of
/// them: zeros for source or destination port, UDP checksum and head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Front {
    pub layout: Layout,
    /// The share of the pseudo-header in the UDP checksum.
    pub pseudo: Sum,
    bytes: [u8; Layout::MAX_FRONT_LEN],
}

impl Front {
    /// Returns the front of probes of `udp_len` bytes of UDP as they are sent; `None` if the
    /// addresses are of different families.
    pub fn sent(headers: &Headers, udp_len: u16) -> Option<Self> {
        let Headers { addresses, marks } = *headers;
        let Marks { tags, dscp, ttl } = marks;
        let family = Family::of(addresses.source);
        let layout = Layout::new(family, tags.as_slice().len());
        let mut bytes = [0; Layout::MAX_FRONT_LEN];
        let mut rest = put(
            &mut bytes,
            &Ethernet {
                destination: addresses.destination_mac,
                source: addresses.source_mac,
                ether_type: family.ether_type(),
            },
        );
        for tag in tags.as_slice() {
            let ether_type = family.ether_type();
            rest = put(
                rest,
                &Vlan {
                    tci: *tag,
                    ether_type,
                },
            );
        }
        let (rest, pseudo) = match (addresses.source, addresses.destination) {
            (IpAddr::V4(source), SocketAddr::V4(destination)) => {
                let ip = Ipv4::udp(source, *destination.ip(), udp_len).marked(dscp, ttl);
                (put(rest, &ip), ip.pseudo_header(udp_len))
            }
            (IpAddr::V6(source), SocketAddr::V6(destination)) => {
                let ip = Ipv6::new(source, *destination.ip(), Ipv6::UDP, udp_len, dscp, ttl);
                (put(rest, &ip), ip.pseudo_header(Ipv6::UDP, udp_len))
            }
            _ => return None,
        };
        put(
            rest,
            &Udp {
                source: U16::new(0),
                destination: U16::new(addresses.destination.port()),
                length: U16::new(udp_len),
                checksum: [0; 2],
            },
        );
        announce(&mut bytes, tags.as_slice().len());
        Some(Self {
            layout,
            pseudo,
            bytes,
        })
    }

    /// Returns the front of the same probes as a reflector beside us sends them back; the MAC
    /// addresses are anybody's.
    pub fn returned(headers: &Headers, udp_len: u16) -> Option<Self> {
        let Addresses {
            source,
            destination,
            ..
        } = headers.addresses;
        let back = Headers {
            addresses: Addresses {
                source: destination.ip(),
                destination: SocketAddr::new(source, 0),
                ..headers.addresses
            },
            marks: Marks {
                ttl: headers.marks.ttl.saturating_sub(1),
                ..headers.marks
            },
        };
        let mut front = Self::sent(&back, udp_len)?;
        let at = front.layout.udp();
        front.bytes[at..at + 2].copy_from_slice(&destination.port().to_be_bytes());
        Some(front)
    }

    /// Returns the first bytes.
    pub fn first<const N: usize>(&self) -> [u8; N] {
        first(&self.bytes)
    }

    /// Returns the UDP header.
    pub fn udp(&self) -> Udp {
        let (udp, _) = Udp::read_from_prefix(&self.bytes[self.layout.udp()..])
            .expect("a front has a UDP header");
        udp
    }

    /// Returns a mask of the bits of the first bytes that stay as they are between a peer and us,
    /// whatever routers are on the way, and are the same in every probe.
    pub fn kept<const N: usize>(layout: Layout) -> [u8; N] {
        let mut mask = [0; Layout::MAX_FRONT_LEN];
        let (from, ip, udp) = (Ethernet::TYPE_AT, layout.ip(), layout.udp());
        // The EtherTypes, and of the tags the VLANs; a switch may change a priority.
        mask[from..ip].fill(0xff);
        for tci in (from + 2..ip).step_by(Vlan::LEN) {
            mask[tci] = 0x0f;
        }
        match layout.family() {
            Family::V4 => mask[ip..udp].copy_from_slice(&Ipv4::KEPT),
            Family::V6 => mask[ip..udp].copy_from_slice(&Ipv6::KEPT),
        }
        mask[udp..udp + 2].fill(0xff);
        mask[layout.udp_length()..][..2].fill(0xff);
        first(&mask)
    }
}

/// Returns the first bytes of a front.
fn first<const N: usize>(bytes: &[u8; Layout::MAX_FRONT_LEN]) -> [u8; N] {
    *bytes.first_chunk().expect("no front is longer")
}

/// Writes `header` and returns what is behind it.
fn put<'b>(bytes: &'b mut [u8], header: &(impl IntoBytes + zerocopy::Immutable)) -> &'b mut [u8] {
    let (place, rest) = bytes.split_at_mut(size_of_val(header));
    place.copy_from_slice(header.as_bytes());
    rest
}

/// Writes the EtherTypes in front of `tags` tags.
fn announce(bytes: &mut [u8], tags: usize) {
    let types: &[EtherType] = match tags {
        0 => &[],
        1 => &[EtherType::VLAN],
        _ => &[EtherType::SERVICE_VLAN, EtherType::VLAN],
    };
    for (number, ether_type) in types.iter().enumerate() {
        let at = Ethernet::TYPE_AT + number * Vlan::LEN;
        bytes[at..at + 2].copy_from_slice(ether_type.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn headers_lie_where_the_standards_have_them() {
        let layout = Layout::IPV4;
        assert_eq!((layout.ether_type(), layout.ip()), (12, 14));
        assert_eq!((layout.ttl(), layout.ip_checksum()), (22, Some(24)));
        assert_eq!(layout.ip_length(), 16);
        assert_eq!((layout.addresses(), layout.udp()), (26, 34));
        assert_eq!((layout.udp_length(), layout.udp_checksum()), (38, 40));
        assert_eq!((layout.payload(), layout.of_mtu()), (42, 28));
        assert_eq!(layout.front_len(), 58);
        let layout = Layout::new(Family::V6, 2);
        assert_eq!((layout.ether_type(), layout.ip()), (20, 22));
        assert_eq!((layout.ttl(), layout.ip_checksum()), (29, None));
        assert_eq!(layout.ip_length(), 26);
        assert_eq!((layout.addresses(), layout.udp()), (30, 62));
        assert_eq!((layout.payload(), layout.of_mtu()), (70, 48));
    }

    #[test]
    fn what_a_router_or_a_switch_may_change_is_not_kept() {
        let kept: [u8; 58] = Front::kept(Layout::IPV4);
        let staying: Vec<usize> = (0..58).filter(|&i| kept[i] != 0).collect();
        let expected = [
            12, 13, 14, 16, 17, 20, 21, 23, 26, 27, 28, 29, 30, 31, 32, 33,
        ];
        assert_eq!(staying[..16], expected);
        assert_eq!(staying[16..], [34, 35, 38, 39]);
        assert_eq!(kept[20], 0x3f, "no fragment");
        let kept: [u8; 86] = Front::kept(Layout::new(Family::V6, 2));
        assert_eq!(
            kept[12..22],
            [0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff]
        );
        assert_eq!(kept[22..30], [0xf0, 0, 0, 0, 0xff, 0xff, 0xff, 0]);
        assert!(kept[30..64].iter().all(|&byte| byte == 0xff));
        assert_eq!(kept[64..72], [0, 0, 0xff, 0xff, 0, 0, 0, 0]);
    }
}
