//! Neighbour solicitation and advertisement (RFC 4861, sections 4.3, 4.4 and 4.6.1), and the
//! multicast addresses that go with them (RFC 4291, section 2.7.1; RFC 2464, section 7).

use core::net::Ipv6Addr;

use zerocopy::byteorder::network_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::checksum::Sum;
use super::ethernet::Mac;
use super::icmp::Icmp;
use super::ipv6::Ipv6;

/// The hop limit of every message; another one says that a router forwarded it (RFC 4861, section
/// 11.2).
pub const HOP_LIMIT: u8 = 255;
/// The group of all nodes on the link (RFC 4291, section 2.7.1).
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// Returns the group that every node with `address` is in (RFC 4291, section 2.7.1).
#[must_use]
pub const fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    let low = u16::from_be_bytes([b, c]);
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | a as u16, low)
}

/// Returns the MAC address of a multicast group (RFC 2464, section 7).
#[must_use]
pub const fn multicast_mac(group: Ipv6Addr) -> Mac {
    let [.., a, b, c, d] = group.octets();
    Mac([0x33, 0x33, a, b, c, d])
}

/// The 24 bytes in front of the options of a solicitation or an advertisement.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct NeighbourMessage {
    /// Type, code and checksum.
    pub icmp: Icmp,
    /// The flags of an advertisement; reserved in a solicitation, and as the other bits.
    pub flags: U32,
    target: [u8; 16],
}

impl NeighbourMessage {
    /// Bytes in front of the options.
    pub const LEN: usize = size_of::<Self>();
    /// ICMPv6 type of a solicitation.
    pub const SOLICITATION: u8 = 135;
    /// ICMPv6 type of an advertisement.
    pub const ADVERTISEMENT: u8 = 136;
    /// The flag of an advertisement that answers a solicitation.
    pub const SOLICITED: u32 = 1 << 30;
    /// The flag of an advertisement that replaces what is known of its target.
    pub const OVERRIDE: u32 = 1 << 29;

    const fn new(icmp_type: u8, flags: u32, target: Ipv6Addr) -> Self {
        Self {
            icmp: Icmp::new(icmp_type),
            flags: U32::new(flags),
            target: target.octets(),
        }
    }

    /// Makes a solicitation, without a checksum: who has `target`?
    #[must_use]
    pub const fn solicitation(target: Ipv6Addr) -> Self {
        Self::new(Self::SOLICITATION, 0, target)
    }

    /// Makes an advertisement, without a checksum, of the sender's address `target`.
    #[must_use]
    pub const fn advertisement(target: Ipv6Addr, flags: u32) -> Self {
        Self::new(Self::ADVERTISEMENT, flags, target)
    }

    /// Returns the address that is asked for, or told of.
    #[must_use]
    pub const fn target(&self) -> Ipv6Addr {
        Ipv6Addr::from_bits(u128::from_be_bytes(self.target))
    }

    /// Computes the checksum of the message in the packet of `ip`, in front of `options`.
    pub fn set_checksum(&mut self, ip: &Ipv6, options: &[u8]) {
        self.icmp.checksum = [0; 2];
        let sum = ip
            .pseudo_header(Ipv6::ICMP, ip.payload_length.get())
            .plus(Sum::of(self.as_bytes()))
            .plus(Sum::of(options));
        self.icmp.checksum = sum.checksum();
    }
}

/// The option that tells a link-layer address, over Ethernet (RFC 2464, section 6).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct LinkLayerAddress {
    option_type: u8,
    length: u8,
    /// The address.
    pub mac: Mac,
}

impl LinkLayerAddress {
    /// Bytes of the option.
    pub const LEN: usize = size_of::<Self>();
    /// Option type of the sender's address.
    pub const SOURCE: u8 = 1;
    /// Option type of the target's address.
    pub const TARGET: u8 = 2;

    /// Makes the option of that type.
    #[must_use]
    pub const fn new(option_type: u8, mac: Mac) -> Self {
        Self {
            option_type,
            length: (Self::LEN / 8) as u8,
            mac,
        }
    }

    /// Returns the address in the first option of that type among `options`, if there is one.
    ///
    /// # Errors
    ///
    /// Returns that an option has no length, a wrong one, or more than there is.
    pub fn find(mut options: &[u8], option_type: u8) -> Result<Option<Mac>, MalformedOption> {
        let mut found = None;
        while let [this_type, length, ..] = *options {
            // In units of 8 bytes, of which the option has one at least (RFC 4861, section 4.6).
            let (option, rest) = options
                .split_at_checked(usize::from(length) * 8)
                .filter(|(option, _)| !option.is_empty())
                .ok_or(MalformedOption)?;
            if this_type == option_type {
                let option = Self::read_from_bytes(option).map_err(|_| MalformedOption)?;
                found = found.or(Some(option.mac));
            }
            options = rest;
        }
        if options.is_empty() {
            Ok(found)
        } else {
            Err(MalformedOption)
        }
    }
}

/// The error of options that are not as RFC 4861, section 4.6, says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedOption;

#[cfg(test)]
mod tests {
    use etherparse::icmpv6::{NdpOptionSlice, NeighborAdvertisementHeader};
    use etherparse::{Icmpv6Slice, Icmpv6Type};
    use proptest::prelude::*;

    use super::*;

    const ALICE: Ipv6Addr = Ipv6Addr::new(0xfd00, 1, 2, 3, 4, 5, 6, 7);
    const BOB: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0x12ab, 0xcdef);
    const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);

    #[test]
    fn groups_are_those_of_the_rfcs() {
        let group = solicited_node("4037::1:800:200e:8c6c".parse().unwrap());
        // The example of RFC 4291, section 2.7.1.
        assert_eq!(group, "ff02::1:ff0e:8c6c".parse::<Ipv6Addr>().unwrap());
        assert_eq!(solicited_node(group), group);
        assert_eq!(
            multicast_mac(group),
            Mac([0x33, 0x33, 0xff, 0x0e, 0x8c, 0x6c])
        );
        assert_eq!(multicast_mac(ALL_NODES), Mac([0x33, 0x33, 0, 0, 0, 1]));
    }

    /// Returns `message` with a link-layer option as it is sent, and what etherparse reads in it.
    fn sent(mut message: NeighbourMessage, option_type: u8) -> std::vec::Vec<u8> {
        let option = LinkLayerAddress::new(option_type, MAC);
        let ip = Ipv6::new(ALICE, BOB, Ipv6::ICMP, 32, 0, HOP_LIMIT);
        message.set_checksum(&ip, option.as_bytes());
        [message.as_bytes(), option.as_bytes()].concat()
    }

    #[test]
    fn etherparse_reads_the_same_solicitation() {
        let message = NeighbourMessage::solicitation(BOB);
        let bytes = sent(message, LinkLayerAddress::SOURCE);
        assert_eq!(bytes[..2], [135, 0]);
        assert_eq!(bytes[4..8], [0; 4]);
        assert_eq!(bytes[8..24], BOB.octets());
        assert_eq!(bytes[24..], [1, 1, 2, 0, 0, 0, 0, 1]);
        let parsed = Icmpv6Slice::from_slice(&bytes).unwrap();
        assert_eq!(parsed.icmp_type(), Icmpv6Type::NeighborSolicitation);
        assert!(parsed.is_checksum_valid(ALICE.octets(), BOB.octets()));
    }

    #[test]
    fn etherparse_reads_the_same_advertisement() {
        for (flags, solicited, r#override) in [
            (0, false, false),
            (NeighbourMessage::SOLICITED, true, false),
            (NeighbourMessage::OVERRIDE, false, true),
        ] {
            let message = NeighbourMessage::advertisement(BOB, flags);
            let bytes = sent(message, LinkLayerAddress::TARGET);
            let parsed = Icmpv6Slice::from_slice(&bytes).unwrap();
            let theirs = NeighborAdvertisementHeader {
                router: false,
                solicited,
                r#override,
            };
            assert_eq!(
                parsed.icmp_type(),
                Icmpv6Type::NeighborAdvertisement(theirs)
            );
            assert!(parsed.is_checksum_valid(ALICE.octets(), BOB.octets()));
        }
    }

    #[test]
    fn an_option_is_found_behind_others() {
        let nonce = [14, 1, 1, 2, 3, 4, 5, 6];
        let target = LinkLayerAddress::new(LinkLayerAddress::TARGET, MAC);
        let options = [&nonce[..], target.as_bytes()].concat();
        let find = |option_type| LinkLayerAddress::find(&options, option_type);
        assert_eq!(find(LinkLayerAddress::TARGET), Ok(Some(MAC)));
        assert_eq!(find(LinkLayerAddress::SOURCE), Ok(None));
    }

    #[test]
    fn an_option_of_wrong_length_spoils_all() {
        let good = [1, 1, 2, 0, 0, 0, 0, 1];
        for bad in [
            &[14, 0, 1, 2, 3, 4, 5, 6][..],
            &[14, 2, 1, 2, 3, 4, 5, 6],
            &[14],
            &[14, 1, 1],
        ] {
            let options = [&good, bad].concat();
            assert_eq!(
                LinkLayerAddress::find(&options, LinkLayerAddress::SOURCE),
                Err(MalformedOption)
            );
        }
        // A link-layer address of 14 bytes is none of Ethernet's.
        let long = [1, 2, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            LinkLayerAddress::find(&long, LinkLayerAddress::SOURCE),
            Err(MalformedOption)
        );
    }

    proptest! {
        #[test]
        fn etherparse_finds_the_same_in_any_options(
            options in prop::collection::vec((prop_oneof![Just(1), 14_u8..], 0_u8..4, 0..40_usize), 0..5),
            is_whole: bool,
        ) {
            let mut bytes = std::vec::Vec::new();
            for (option_type, length, cut) in options {
                let len = if is_whole { usize::from(length) * 8 } else { cut };
                let mut option = std::vec![option_type, length];
                option.resize(len, 0xa5);
                bytes.extend(option);
            }
            let found = LinkLayerAddress::find(&bytes, LinkLayerAddress::SOURCE);
            prop_assert_eq!(found.ok(), find_by_etherparse(&bytes));
        }
    }

    /// Returns `None` if an option is malformed.
    fn find_by_etherparse(options: &[u8]) -> Option<Option<Mac>> {
        let mut found = None;
        for option in etherparse::icmpv6::NdpOptionsIterator::from_slice(options) {
            match option {
                Ok(NdpOptionSlice::SourceLinkLayerAddress(address)) => {
                    let address: [u8; 6] = address.link_layer_address().try_into().ok()?;
                    found = found.or(Some(Mac(address)));
                }
                Ok(_) => {}
                Err(_) => return None,
            }
        }
        Some(found)
    }
}
