//! UDP header (RFC 768).

use core::mem::offset_of;

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::checksum::Sum;

/// The 8 bytes in front of every UDP payload.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Udp {
    /// Source port.
    pub source: U16,
    /// Destination port.
    pub destination: U16,
    /// Bytes of header and payload.
    pub length: U16,
    /// Checksum as it lies on the wire; zeros say that the sender computed none.
    pub checksum: [u8; 2],
}

impl Udp {
    /// Bytes of the header.
    pub const LEN: usize = size_of::<Self>();
    /// Where the checksum lies, in bytes from the header's first.
    pub const CHECKSUM_AT: usize = offset_of!(Self, checksum);

    /// Swaps source and destination; the checksum stays right, since a sum has no order.
    pub const fn swap_ports(&mut self) {
        core::mem::swap(&mut self.source, &mut self.destination);
    }

    /// Returns both ports, the destination in the low 16 bits.
    #[must_use]
    #[inline]
    pub const fn ports(&self) -> u32 {
        let ([a, b], [c, d]) = (self.source.to_bytes(), self.destination.to_bytes());
        u32::from_be_bytes([a, b, c, d])
    }

    /// Returns the sum over these 8 bytes, the checksum among them.
    #[must_use]
    #[inline]
    pub fn sum(&self) -> Sum {
        Sum::of_u64(zerocopy::transmute!(*self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_in_its_place() {
        let mut bytes = [0xa5; 8];
        let header = Udp {
            source: U16::new(0x1234),
            destination: U16::new(0x5678),
            length: U16::new(0x0010),
            checksum: [0xab, 0xcd],
        };
        header.write_to(&mut bytes).unwrap();
        assert_eq!(bytes, [0x12, 0x34, 0x56, 0x78, 0x00, 0x10, 0xab, 0xcd]);
        let parsed = etherparse::UdpHeaderSlice::from_slice(&bytes).unwrap();
        assert_eq!(parsed.source_port(), 0x1234);
        assert_eq!(parsed.checksum(), 0xabcd);
    }
}
