//! ICMP's header and its echo, in IPv4 (RFC 792) and IPv6 (RFC 4443, sections 2.1, 4.1 and 4.2).
//!
//! Both versions lie the same on the wire. Their types differ, and IPv6 has its pseudo-header in the
//! checksum.

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::checksum::Sum;

/// The 4 bytes in front of every ICMP message.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Icmp {
    /// Type of the message.
    pub icmp_type: u8,
    /// Tells kinds of a type apart.
    pub code: u8,
    /// Checksum as it lies on the wire.
    pub checksum: [u8; 2],
}

impl Icmp {
    /// Bytes of the header.
    pub const LEN: usize = size_of::<Self>();
    /// Protocol number of ICMP in IPv4.
    pub const PROTOCOL: u8 = 1;
    /// Type of an echo's answer in IPv4.
    pub const ECHO_REPLY: u8 = 0;
    /// Type of an echo's request in IPv4.
    pub const ECHO: u8 = 8;
    /// Type of an echo's request in IPv6.
    pub const V6_ECHO_REQUEST: u8 = 128;
    /// Type of an echo's answer in IPv6.
    pub const V6_ECHO_REPLY: u8 = 129;

    /// Makes the header of a message whose checksum is yet to be set.
    #[must_use]
    pub const fn new(icmp_type: u8) -> Self {
        Self {
            icmp_type,
            code: 0,
            checksum: [0; 2],
        }
    }
}

/// The 8 bytes in front of an echo's data.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Echo {
    /// Type, code and checksum.
    pub icmp: Icmp,
    /// Tells the requests of one sender from those of another.
    pub identifier: U16,
    /// Tells the requests of a sender from each other.
    pub sequence: U16,
}

impl Echo {
    /// Bytes of the header.
    pub const LEN: usize = size_of::<Self>();

    /// Returns the answer to this request, of type `icmp_type` and with the same `data`; `pseudo` is
    /// the pseudo-header's share of the checksum, zero in IPv4.
    #[must_use]
    pub fn reply(&self, icmp_type: u8, pseudo: Sum, data: &[u8]) -> Self {
        let mut reply = Self {
            icmp: Icmp::new(icmp_type),
            ..*self
        };
        let sum = pseudo.plus(Sum::of(reply.as_bytes())).plus(Sum::of(data));
        reply.icmp.checksum = sum.checksum();
        reply
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv6Addr;

    use etherparse::{IcmpEchoHeader, Icmpv4Slice, Icmpv4Type, Icmpv6Slice, Icmpv6Type};
    use proptest::prelude::*;

    use super::*;
    use crate::wire::Ipv6;

    const REQUEST: Echo = Echo {
        icmp: Icmp {
            icmp_type: Icmp::ECHO,
            code: 0,
            checksum: [0xab, 0xcd],
        },
        identifier: U16::new(0x1234),
        sequence: U16::new(0x5678),
    };
    const THEIRS: IcmpEchoHeader = IcmpEchoHeader {
        id: 0x1234,
        seq: 0x5678,
    };

    #[test]
    fn every_byte_is_in_its_place() {
        let bytes = REQUEST.as_bytes();
        assert_eq!(bytes, [8, 0, 0xab, 0xcd, 0x12, 0x34, 0x56, 0x78]);
        let parsed = Icmpv4Slice::from_slice(bytes).unwrap();
        assert_eq!(parsed.icmp_type(), Icmpv4Type::EchoRequest(THEIRS));
        assert_eq!(parsed.checksum(), 0xabcd);
    }

    proptest! {
        #[test]
        fn an_answer_in_ipv4_is_what_etherparse_builds(data: std::vec::Vec<u8>) {
            let reply = REQUEST.reply(Icmp::ECHO_REPLY, Sum::ZERO, &data);
            let theirs = etherparse::Icmpv4Header::with_checksum(Icmpv4Type::EchoReply(THEIRS), &data);
            prop_assert_eq!(reply.as_bytes(), &theirs.to_bytes()[..]);
        }

        #[test]
        fn an_answer_in_ipv6_is_what_etherparse_builds(
            source: [u8; 16],
            destination: [u8; 16],
            data: std::vec::Vec<u8>,
        ) {
            let len = (Echo::LEN + data.len()) as u16;
            let [from, to] = [source, destination].map(Ipv6Addr::from_octets);
            let ip = Ipv6::new(from, to, Ipv6::ICMP, len, 0, 64);
            let pseudo = ip.pseudo_header(Ipv6::ICMP, len);
            let reply = REQUEST.reply(Icmp::V6_ECHO_REPLY, pseudo, &data);
            let theirs = etherparse::Icmpv6Header::with_checksum(
                Icmpv6Type::EchoReply(THEIRS), source, destination, &data,
            ).unwrap();
            prop_assert_eq!(reply.as_bytes(), &theirs.to_bytes()[..]);
            let message = [reply.as_bytes(), &data].concat();
            let parsed = Icmpv6Slice::from_slice(&message).unwrap();
            prop_assert!(parsed.is_checksum_valid(source, destination));
        }
    }
}
