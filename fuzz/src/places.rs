//! The places of a UDP packet's parts in its frame, by the standards' own offsets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::oracle::{ETHERNET, IPV4, IPV6, TAG, UDP, u16_at};

/// The most VLAN tags that are looked behind.
const MOST_TAGS: usize = 2;

/// The parts of a frame up to its packet (IEEE 802.3, clause 3.2.6; IEEE 802.1Q, clause 9).
#[derive(Debug, PartialEq, Eq)]
pub struct Link {
    /// The tags, the outer one first; the third is none of them.
    pub tags: Vec<u16>,
    /// The type of what follows.
    pub ether_type: u16,
    /// The offset of what follows.
    pub packet: usize,
}

impl Link {
    /// Returns the parts of a frame; `None` if it ends within its header, or a tag that this
    /// announces.
    #[must_use]
    pub fn of(frame: &[u8]) -> Option<Self> {
        if frame.len() < ETHERNET {
            return None;
        }
        let mut link = Self {
            tags: Vec::new(),
            ether_type: u16_at(frame, 12),
            packet: ETHERNET,
        };
        while link.is_tag() {
            let at = link.packet;
            if frame.len() < at + TAG {
                return None;
            }
            if link.tags.len() == MOST_TAGS {
                break;
            }
            link.tags.push(u16_at(frame, at));
            link.ether_type = u16_at(frame, at + 2);
            link.packet += TAG;
        }
        Some(link)
    }

    /// Returns whether what follows is a tag.
    #[must_use]
    pub const fn is_tag(&self) -> bool {
        matches!(self.ether_type, 0x8100 | 0x88a8)
    }

    /// Returns the VLANs of the frame.
    #[must_use]
    pub fn vlans(&self) -> Vec<u16> {
        vlans(&self.tags)
    }
}

/// Returns the VLANs that tags name; one that names none tells a priority only (IEEE 802.1Q, clause
/// 6.9).
#[must_use]
pub fn vlans(tags: &[u16]) -> Vec<u16> {
    let ids = tags.iter().map(|tag| tag & 0x0fff);
    ids.filter(|&id| id != 0).collect()
}

/// The places of an IP header, and of the UDP header that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Whether it is IPv6.
    pub is_v6: bool,
    /// The offset of the IP header.
    pub ip: usize,
    /// The offset of what follows it, behind IPv4 options.
    pub udp: usize,
}

impl Places {
    /// Returns the places in a frame, if the header of its IP packet is there, of the version that
    /// the EtherType tells, and with all of its options.
    #[must_use]
    pub fn of(frame: &[u8]) -> Option<Self> {
        let Link {
            ether_type,
            packet: ip,
            ..
        } = Link::of(frame)?;
        let first = *frame.get(ip)?;
        let (is_v6, header_len) = match (ether_type, first >> 4) {
            (0x0800, 4) => (false, usize::from(first & 15) * 4),
            (0x86dd, 6) => (true, IPV6),
            _ => return None,
        };
        let udp = ip + header_len;
        (header_len >= IPV4 && frame.len() >= udp).then_some(Self { is_v6, ip, udp })
    }

    /// Returns the offset of the TTL or hop limit.
    #[must_use]
    pub const fn ttl(self) -> usize {
        self.ip + if self.is_v6 { 7 } else { 8 }
    }

    /// Returns the offset of the protocol or next header.
    #[must_use]
    pub const fn protocol(self) -> usize {
        self.ip + if self.is_v6 { 6 } else { 9 }
    }

    /// Returns the offset of the addresses, source first, and the length of each.
    #[must_use]
    pub const fn addresses_at(self) -> (usize, usize) {
        if self.is_v6 {
            (self.ip + 8, 16)
        } else {
            (self.ip + 12, 4)
        }
    }

    /// Returns source and destination address.
    #[must_use]
    pub fn addresses(self, frame: &[u8]) -> (IpAddr, IpAddr) {
        let (at, len) = self.addresses_at();
        (
            address(&frame[at..at + len]),
            address(&frame[at + len..at + 2 * len]),
        )
    }

    /// Returns the offset of the length in the IP header, and where what it counts begins.
    #[must_use]
    pub const fn length(self) -> (usize, usize) {
        if self.is_v6 {
            (self.ip + 4, self.ip + IPV6)
        } else {
            (self.ip + 2, self.ip)
        }
    }

    /// Returns the offset of the packet's end, by the length in its IP header.
    #[must_use]
    pub fn end(self, frame: &[u8]) -> usize {
        let (at, from) = self.length();
        from + usize::from(u16_at(frame, at))
    }

    /// Returns whether it is a fragment (RFC 791, section 3.1; RFC 8200, section 4.5).
    #[must_use]
    pub fn is_fragment(self, frame: &[u8]) -> bool {
        if self.is_v6 {
            frame[self.protocol()] == 44
        } else {
            u16_at(frame, self.ip + 6) & 0x3fff != 0
        }
    }

    /// Returns whether the frame goes on for a UDP header, and the IP header says that it is one.
    #[must_use]
    pub fn has_udp(self, frame: &[u8]) -> bool {
        frame[self.protocol()] == 17 && frame.len() >= self.udp + UDP
    }

    /// Returns `frame` with the two MACs, IP addresses and UDP ports swapped.
    #[must_use]
    pub fn swapped(self, frame: &[u8]) -> Vec<u8> {
        let mut swapped = frame.to_vec();
        for (at, len) in [(0, 6), self.addresses_at(), (self.udp, 2)] {
            let (first, second) = (at..at + len, at + len..at + 2 * len);
            swapped[first.clone()].copy_from_slice(&frame[second.clone()]);
            swapped[second].copy_from_slice(&frame[first]);
        }
        swapped
    }
}

fn address(bytes: &[u8]) -> IpAddr {
    match <[u8; 4]>::try_from(bytes) {
        Ok(octets) => Ipv4Addr::from(octets).into(),
        Err(_) => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).expect("4 or 16 bytes")).into(),
    }
}
