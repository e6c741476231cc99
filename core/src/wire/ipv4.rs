//! IPv4 header (RFC 791).

use core::mem::offset_of;
use core::net::Ipv4Addr;

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::checksum::Sum;

/// The first 20 bytes of every IPv4 header; options, if any, follow.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Ipv4 {
    version_ihl: u8,
    /// Differentiated services field (RFC 2474).
    pub dscp_ecn: u8,
    /// Bytes of header and payload.
    pub total_length: U16,
    /// Tells the fragments of one packet from those of another.
    pub identification: U16,
    flags_offset: U16,
    /// Time to live.
    pub ttl: u8,
    /// The protocol of the payload.
    pub protocol: u8,
    checksum: [u8; 2],
    source: [u8; 4],
    destination: [u8; 4],
}

impl Ipv4 {
    /// Protocol number of UDP.
    pub const UDP: u8 = 17;
    /// The offset of the TTL, in bytes from the header's first.
    pub const TTL_AT: usize = offset_of!(Self, ttl);
    /// The offset of the checksum.
    pub const CHECKSUM_AT: usize = offset_of!(Self, checksum);
    /// The offset of the addresses, source before destination.
    pub const ADDRESSES_AT: usize = offset_of!(Self, source);
    /// The bits that no router changes in a whole packet: version and length, total length, that it
    /// is no fragment, protocol, addresses.
    #[rustfmt::skip]
    pub(crate) const KEPT: [u8; size_of::<Self>()] = [
        0xff, 0, 0xff, 0xff, 0, 0, 0x3f, 0xff, 0, 0xff, 0, 0,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    ];
    const DONT_FRAGMENT: u16 = 0x4000;
    const MORE_FRAGMENTS_OR_OFFSET: u16 = 0x3fff;

    /// Returns a header without options for `payload_len` bytes of UDP, its checksum set.
    ///
    /// Atomic in the sense of RFC 6864: "don't fragment" is set and the identification is 0.
    #[must_use]
    pub fn udp(source: Ipv4Addr, destination: Ipv4Addr, payload_len: u16) -> Self {
        let mut header = Self {
            version_ihl: 0x45,
            dscp_ecn: 0,
            total_length: U16::new(size_of::<Self>() as u16 + payload_len),
            identification: U16::new(0),
            flags_offset: U16::new(Self::DONT_FRAGMENT),
            ttl: 64,
            protocol: Self::UDP,
            checksum: [0; 2],
            source: source.octets(),
            destination: destination.octets(),
        };
        header.set_checksum();
        header
    }

    /// Returns the header with another DSCP (the upper six bits of its field, RFC 2474) and TTL.
    #[must_use]
    pub fn marked(mut self, dscp: u8, ttl: u8) -> Self {
        self.dscp_ecn = dscp << 2;
        self.ttl = ttl;
        self.set_checksum();
        self
    }

    /// Computes the checksum of a header without options.
    pub fn set_checksum(&mut self) {
        self.checksum = [0; 2];
        self.checksum = Sum::of(self.as_bytes()).checksum();
    }

    /// Lowers a TTL above 0 by one; a checksum that was right stays right (RFC 1624, equation 3).
    pub const fn lower_ttl(&mut self) {
        let before = u16::from_ne_bytes([self.ttl, self.protocol]);
        self.ttl -= 1;
        let after = u16::from_ne_bytes([self.ttl, self.protocol]);
        self.checksum = Sum::of_u16(!u16::from_ne_bytes(self.checksum))
            .plus(Sum::of_u16(!before))
            .plus(Sum::of_u16(after))
            .checksum();
    }

    /// Returns the version field; 4, or it is not IPv4.
    #[must_use]
    pub const fn version(&self) -> u8 {
        self.version_ihl >> 4
    }

    /// Returns the bytes of the header with its options; below 20 is malformed.
    #[must_use]
    pub const fn header_len(&self) -> usize {
        (self.version_ihl & 0x0f) as usize * 4
    }

    /// Returns whether this is a part of a packet only (RFC 791: an offset, or more to come).
    #[must_use]
    pub fn is_fragment(&self) -> bool {
        self.flags_offset.get() & Self::MORE_FRAGMENTS_OR_OFFSET != 0
    }

    /// Returns the source address.
    #[must_use]
    pub const fn source(&self) -> Ipv4Addr {
        let [a, b, c, d] = self.source;
        Ipv4Addr::new(a, b, c, d)
    }

    /// Returns the destination address.
    #[must_use]
    pub const fn destination(&self) -> Ipv4Addr {
        let [a, b, c, d] = self.destination;
        Ipv4Addr::new(a, b, c, d)
    }

    /// Swaps source and destination; the checksum stays right, since a sum has no order.
    pub const fn swap_addresses(&mut self) {
        core::mem::swap(&mut self.source, &mut self.destination);
    }

    /// Returns the sum over these 20 bytes, the checksum among them.
    #[must_use]
    #[inline]
    pub fn sum(&self) -> Sum {
        let addresses = Sum::of_u32(u32::from_ne_bytes(self.source))
            .plus(Sum::of_u32(u32::from_ne_bytes(self.destination)));
        let rest: &[u8; size_of::<Self>()] = zerocopy::transmute_ref!(self);
        let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = *rest;
        addresses
            .plus(Sum::of_u64(u64::from_ne_bytes([a, b, c, d, e, f, g, h])))
            .plus(Sum::of_u32(u32::from_ne_bytes([i, j, k, l])))
    }

    /// Returns the pseudo-header's share of a UDP checksum (RFC 768) over `udp_len` bytes.
    #[must_use]
    #[inline]
    pub fn pseudo_header(&self, udp_len: u16) -> Sum {
        Sum::of_u32(u32::from_ne_bytes(self.source))
            .plus(Sum::of_u32(u32::from_ne_bytes(self.destination)))
            .plus(Sum::of_u16(u16::from_ne_bytes([0, self.protocol])))
            .plus(Sum::of_u16(udp_len.to_be()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_udp_header_is_what_etherparse_builds() {
        let header = Ipv4::udp(
            Ipv4Addr::new(10, 1, 2, 3),
            Ipv4Addr::new(192, 168, 200, 250),
            1008,
        );
        let parsed = etherparse::Ipv4HeaderSlice::from_slice(header.as_bytes()).unwrap();
        let mut theirs = etherparse::Ipv4Header::new(
            1008,
            64,
            etherparse::IpNumber::UDP,
            [10, 1, 2, 3],
            [192, 168, 200, 250],
        )
        .unwrap();
        theirs.dont_fragment = true;
        theirs.header_checksum = theirs.calc_header_checksum();
        assert_eq!(parsed.to_header(), theirs);
    }

    #[test]
    fn fragments_are_told_from_whole_packets() {
        let whole = Ipv4::udp(Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST, 8);
        assert!(!whole.is_fragment());
        for flags in [0x2000, 0x0001, 0x1fff, 0x2001] {
            assert!(
                Ipv4 {
                    flags_offset: U16::new(flags),
                    ..whole
                }
                .is_fragment()
            );
        }
    }

    #[test]
    fn swapping_keeps_the_checksum_right() {
        let mut header = Ipv4::udp(Ipv4Addr::new(1, 2, 3, 4), Ipv4Addr::new(5, 6, 7, 8), 100);
        header.swap_addresses();
        assert_eq!(header.source(), Ipv4Addr::new(5, 6, 7, 8));
        assert!(Sum::of(header.as_bytes()).is_valid());
    }
}
