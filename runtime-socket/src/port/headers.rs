//! The headers in front of a datagram, of which the kernel shows a socket the values and not the
//! bytes.
//!
//! Everything above a port goes by frames, so what was received gets headers with the values that the
//! kernel tells, and of what is sent those that the generator wrote are left out. The kernel has
//! verified the checksums of what it delivers, so those here are right. There is no MAC address, and a
//! receiver of probes does not ask for TTL and traffic class: they are as a reflector beside us has
//! them.

use std::net::{IpAddr, SocketAddr};

use dpdkgen_core::probe::layout::{Family, Layout};
use dpdkgen_core::wire::checksum::Sum;
use dpdkgen_core::wire::{EtherType, Ethernet, Ipv4, Ipv6, Mac, Udp};
use zerocopy::IntoBytes;
use zerocopy::byteorder::network_endian::U16;

use crate::sys::batch::HEADROOM;

/// The MAC address of every port of sockets, which only tells it from its peers'.
pub const OWN_MAC: Mac = Mac([2, 0, 0, 0, 0, 0]);

const _: () = assert!(len(Family::V6) <= HEADROOM);

/// Returns the bytes of the headers of this family.
#[must_use]
pub const fn len(family: Family) -> usize {
    Layout::new(family, 0).payload()
}

/// What an IP header says beside the addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The DSCP and ECN: the traffic class of IPv6.
    pub traffic_class: u8,
    /// The TTL or hop limit.
    pub ttl: u8,
}

/// Headers, without a UDP checksum.
#[derive(Debug, Clone, Copy)]
pub struct Headers {
    bytes: [u8; HEADROOM],
    len: usize,
    /// The sum over what of them the UDP checksum covers.
    sum: Sum,
}

impl Headers {
    /// Makes the headers of a datagram of `payload_len` bytes; addresses of two families make none.
    #[must_use]
    pub fn new(from: SocketAddr, to: SocketAddr, payload_len: usize, seen: Seen) -> Option<Self> {
        let family = Family::of(from.ip());
        let udp_len = u16::try_from(Udp::LEN + payload_len).ok()?;
        let mut headers = Self {
            bytes: [0; HEADROOM],
            len: len(family),
            sum: Sum::ZERO,
        };
        let ethernet = Ethernet {
            destination: OWN_MAC,
            source: Mac::default(),
            ether_type: match family {
                Family::V4 => EtherType::IPV4,
                Family::V6 => EtherType::IPV6,
            },
        };
        headers.put(0, &ethernet);
        let layout = Layout::new(family, 0);
        let pseudo = match (from.ip(), to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let mut ip = Ipv4::udp(from, to, udp_len);
                (ip.dscp_ecn, ip.ttl) = (seen.traffic_class, seen.ttl);
                ip.set_checksum();
                headers.put(layout.ip(), &ip);
                ip.pseudo_header(udp_len)
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                let dscp = seen.traffic_class >> 2;
                let ip = Ipv6::new(from, to, Ipv6::UDP, udp_len, dscp, seen.ttl);
                headers.put(layout.ip(), &ip);
                ip.pseudo_header(Ipv6::UDP, udp_len)
            }
            _ => return None,
        };
        let udp = Udp {
            source: U16::new(from.port()),
            destination: U16::new(to.port()),
            length: U16::new(udp_len),
            checksum: [0; 2],
        };
        headers.put(layout.udp(), &udp);
        headers.sum = pseudo.plus(udp.sum());
        Some(headers)
    }

    fn put(&mut self, at: usize, header: &(impl IntoBytes + zerocopy::Immutable)) {
        self.bytes[at..at + size_of_val(header)].copy_from_slice(header.as_bytes());
    }

    /// Writes them to the start of `frame`, with the checksum of the payload that follows.
    #[inline]
    pub fn write(&self, frame: &mut [u8]) {
        let (place, payload) = frame.split_at_mut(self.len);
        place.copy_from_slice(&self.bytes[..self.len]);
        let checksum = self.sum.plus(Sum::of(payload)).udp_checksum();
        place[self.len - 2..].copy_from_slice(&checksum);
    }

    /// Writes them to the start of `frame`, with no checksum: a reflector asks for none.
    #[inline]
    pub fn write_unsummed(&self, frame: &mut [u8]) {
        frame[..self.len].copy_from_slice(&self.bytes[..self.len]);
    }
}

#[cfg(test)]
mod tests {
    use dpdkgen_core::reflect::{FrameReflector, Rules};

    use super::*;

    const SEEN: Seen = Seen {
        traffic_class: 46 << 2,
        ttl: 9,
    };

    fn ends(is_ipv6: bool) -> [SocketAddr; 2] {
        let text = match is_ipv6 {
            false => ["10.0.0.1:20000", "10.0.0.2:7"],
            true => ["[fd00::1]:20000", "[fd00::2]:7"],
        };
        text.map(|end| end.parse().unwrap())
    }

    #[test]
    fn headers_are_as_a_wire_would_have_them() {
        for is_ipv6 in [false, true] {
            let [from, to] = ends(is_ipv6);
            let payload = [7; 101];
            let headers = Headers::new(from, to, payload.len(), SEEN).unwrap();
            let mut frame = [&[0; HEADROOM][..headers.len], &payload].concat();
            headers.write(&mut frame);
            let parsed = etherparse::PacketHeaders::from_ethernet_slice(&frame).unwrap();
            let udp = parsed.transport.clone().unwrap().udp().unwrap();
            assert_eq!((udp.source_port, udp.destination_port), (20_000, 7));
            assert_eq!(usize::from(udp.length), 8 + payload.len());
            let checksum = match parsed.net.unwrap() {
                etherparse::NetHeaders::Ipv4(ip, _) => {
                    assert_eq!((ip.time_to_live, ip.dscp.value()), (9, 46));
                    assert_eq!(ip.header_checksum, ip.calc_header_checksum());
                    udp.calc_checksum_ipv4(&ip, &payload)
                }
                etherparse::NetHeaders::Ipv6(ip, _) => {
                    assert_eq!((ip.hop_limit, ip.traffic_class), (9, 46 << 2));
                    udp.calc_checksum_ipv6(&ip, &payload)
                }
                other => panic!("{other:?}"),
            };
            assert_eq!(udp.checksum, checksum.unwrap());
        }
    }

    #[test]
    fn a_reflector_answers_what_has_no_checksum() {
        for is_ipv6 in [false, true] {
            let [from, to] = ends(is_ipv6);
            let headers = Headers::new(from, to, 16, SEEN).unwrap();
            let mut frame = vec![0; headers.len + 16];
            headers.write_unsummed(&mut frame);
            let mut reflector = FrameReflector::new(Rules::of(OWN_MAC));
            // Once by the rules, and then as the last one.
            for _ in 0..2 {
                let mut frame = frame.clone();
                assert!(!reflector.reflect(&mut frame).unwrap().checksum_partial);
            }
        }
    }

    #[test]
    fn addresses_of_two_families_have_none() {
        let ([from, _], [_, to]) = (ends(false), ends(true));
        assert!(Headers::new(from, to, 16, SEEN).is_none());
    }
}
