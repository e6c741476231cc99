//! IPv6 header (RFC 8200, section 3).

use core::mem::offset_of;
use core::net::Ipv6Addr;

use zerocopy::byteorder::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::checksum::Sum;

/// The 40 bytes of every IPv6 header; extension headers, if any, follow.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Ipv6 {
    version_class_flow: U32,
    /// Bytes behind this header.
    pub payload_length: U16,
    /// The type of what follows: an extension header, or the payload.
    pub next_header: u8,
    /// Hop limit, which each router lowers by one.
    pub hop_limit: u8,
    source: [u8; 16],
    destination: [u8; 16],
}

impl Ipv6 {
    /// Next header of UDP.
    pub const UDP: u8 = 17;
    /// Next header of ICMPv6 (RFC 4443).
    pub const ICMP: u8 = 58;
    /// Next header of a fragment (RFC 8200, section 4.5).
    pub const FRAGMENT: u8 = 44;
    /// Where the hop limit lies, in bytes from the header's first.
    pub const HOP_LIMIT_AT: usize = offset_of!(Self, hop_limit);
    /// Where the addresses begin, source before destination.
    pub const ADDRESSES_AT: usize = offset_of!(Self, source);
    /// The bits that neither router nor reflector changes: version, payload length, next header,
    /// addresses. The flow label is the sender's to choose, and a kernel that answers chooses one.
    pub(crate) const KEPT: [u8; size_of::<Self>()] = {
        let mut kept = [0xff; size_of::<Self>()];
        kept[0] = 0xf0;
        kept[1] = 0;
        kept[2] = 0;
        kept[3] = 0;
        kept[Self::HOP_LIMIT_AT] = 0;
        kept
    };

    /// Makes a header of flow label 0 for `payload_len` bytes of `next_header`; the upper six bits
    /// of the traffic class are `dscp` (RFC 2474).
    #[must_use]
    pub const fn new(
        source: Ipv6Addr,
        destination: Ipv6Addr,
        next_header: u8,
        payload_len: u16,
        dscp: u8,
        hop_limit: u8,
    ) -> Self {
        Self {
            version_class_flow: U32::new(6 << 28 | (dscp as u32) << 22),
            payload_length: U16::new(payload_len),
            next_header,
            hop_limit,
            source: source.octets(),
            destination: destination.octets(),
        }
    }

    /// Returns the version field; 6, or it is not IPv6.
    #[must_use]
    pub const fn version(&self) -> u8 {
        (self.version_class_flow.get() >> 28) as u8
    }

    /// Returns the source address.
    #[must_use]
    pub fn source(&self) -> Ipv6Addr {
        self.source.into()
    }

    /// Returns the destination address.
    #[must_use]
    pub fn destination(&self) -> Ipv6Addr {
        self.destination.into()
    }

    /// Swaps source and destination.
    pub const fn swap_addresses(&mut self) {
        core::mem::swap(&mut self.source, &mut self.destination);
    }

    /// Returns whether `next_header` is one of the extension headers (RFC 8200, section 4; RFC
    /// 7045, section 4), fragments left out.
    #[must_use]
    pub const fn is_extension(next_header: u8) -> bool {
        // Hop-by-hop, routing, ESP, AH, destination options, mobility, HIP, shim6, experiments.
        matches!(
            next_header,
            0 | 43 | 50 | 51 | 60 | 135 | 139 | 140 | 253 | 254
        )
    }

    /// Returns the pseudo-header's share of a checksum over `len` bytes of `protocol` (RFC 8200,
    /// section 8.1).
    #[must_use]
    #[inline]
    pub fn pseudo_header(&self, protocol: u8, len: u16) -> Sum {
        Sum::of(&self.source)
            .plus(Sum::of(&self.destination))
            .plus(Sum::of_u16(u16::from_ne_bytes([0, protocol])))
            .plus(Sum::of_u16(len.to_be()))
    }
}

#[cfg(test)]
mod tests {
    use zerocopy::IntoBytes;

    use super::*;

    const HEADER: Ipv6 = Ipv6::new(
        Ipv6Addr::new(0xfd00, 1, 2, 3, 4, 5, 6, 7),
        Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2),
        Ipv6::UDP,
        1008,
        46,
        64,
    );

    #[test]
    fn a_header_is_what_etherparse_builds() {
        let parsed = etherparse::Ipv6HeaderSlice::from_slice(HEADER.as_bytes()).unwrap();
        let theirs = etherparse::Ipv6Header {
            traffic_class: 46 << 2,
            flow_label: etherparse::Ipv6FlowLabel::ZERO,
            payload_length: 1008,
            next_header: etherparse::IpNumber::UDP,
            hop_limit: 64,
            source: HEADER.source().octets(),
            destination: HEADER.destination().octets(),
        };
        assert_eq!(parsed.to_header(), theirs);
        assert_eq!(HEADER.version(), 6);
    }

    #[test]
    fn what_a_router_may_change_is_not_kept() {
        let kept: std::vec::Vec<usize> = (0..40).filter(|&i| Ipv6::KEPT[i] != 0).collect();
        let expected: std::vec::Vec<usize> = [0, 4, 5, 6].into_iter().chain(8..40).collect();
        assert_eq!(kept, expected);
        assert_eq!(Ipv6::KEPT[0], 0xf0);
    }

    #[test]
    fn swapping_keeps_the_pseudo_header() {
        let mut header = HEADER;
        header.swap_addresses();
        assert_eq!(header.source(), HEADER.destination());
        let sum = |header: &Ipv6| header.pseudo_header(Ipv6::UDP, 1008).fold();
        assert_eq!(sum(&header), sum(&HEADER));
    }
}
