//! Ethernet II (IEEE 802.3, clause 3.2.6: the length/type field as a type).

use core::error::Error;
use core::fmt;
use core::mem::offset_of;
use core::str::FromStr;

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A MAC address.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(transparent)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// ff:ff:ff:ff:ff:ff.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Returns it as a number of 48 bits.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }

    /// Makes one of the low 48 bits of a number.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        let [_, _, a, b, c, d, e, f] = bits.to_be_bytes();
        Self([a, b, c, d, e, f])
    }

    /// Returns whether it names a group of stations, as broadcast and multicast addresses do (IEEE
    /// 802, the I/G bit).
    #[must_use]
    pub const fn is_group(&self) -> bool {
        self.0[0] & 1 == 1
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// The error of a text that is no MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseMacError;

impl fmt::Display for ParseMacError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a MAC address such as 12:34:56:78:9a:bc")
    }
}

impl Error for ParseMacError {}

impl FromStr for Mac {
    type Err = ParseMacError;

    /// Reads six octets of two hexadecimal digits each, all separated by `:` or all by `-`.
    fn from_str(text: &str) -> Result<Self, ParseMacError> {
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut octets = text.split(separator);
        let mut mac = [0; 6];
        for octet in &mut mac {
            let digits = octets.next().ok_or(ParseMacError)?;
            // `from_str_radix` takes a sign too.
            if digits.len() != 2 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(ParseMacError);
            }
            *octet = u8::from_str_radix(digits, 16).map_err(|_| ParseMacError)?;
        }
        match octets.next() {
            Some(_) => Err(ParseMacError),
            None => Ok(Self(mac)),
        }
    }
}

/// The type of what an Ethernet frame carries.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(transparent)]
pub struct EtherType(pub U16);

impl EtherType {
    /// IPv4 (RFC 894).
    pub const IPV4: Self = Self(U16::new(0x0800));
    /// ARP (RFC 826).
    pub const ARP: Self = Self(U16::new(0x0806));
    /// IPv6 (RFC 2464).
    pub const IPV6: Self = Self(U16::new(0x86dd));
    /// A customer VLAN tag (IEEE 802.1Q, clause 9.5).
    pub const VLAN: Self = Self(U16::new(0x8100));
    /// A service VLAN tag, the outer of two (IEEE 802.1ad).
    pub const SERVICE_VLAN: Self = Self(U16::new(0x88a8));
}

/// The 14 bytes in front of every frame.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Ethernet {
    /// The MAC of the receiver.
    pub destination: Mac,
    /// The MAC of the sender.
    pub source: Mac,
    /// The type of what follows.
    pub ether_type: EtherType,
}

impl Ethernet {
    /// Where the type lies, in bytes from the frame's first.
    pub const TYPE_AT: usize = offset_of!(Self, ether_type);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_in_its_place() {
        let mut bytes = [0xa5; 14];
        let header = Ethernet {
            destination: Mac([1, 2, 3, 4, 5, 6]),
            source: Mac([7, 8, 9, 10, 11, 12]),
            ether_type: EtherType::ARP,
        };
        header.write_to(&mut bytes).unwrap();
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x08, 0x06]);
        assert_eq!(Ethernet::read_from_bytes(&bytes).unwrap(), header);
    }

    #[test]
    fn a_mac_is_shown_as_people_write_it() {
        let shown = std::format!("{}", Mac([0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc]));
        assert_eq!(shown, "12:34:56:78:9a:bc");
    }

    #[test]
    fn a_mac_is_read_as_people_write_it_and_as_it_is_shown() {
        let mac = Mac([0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc]);
        for text in [
            "12:34:56:78:9a:bc",
            "12:34:56:78:9A:BC",
            "12-34-56-78-9a-bc",
        ] {
            assert_eq!(text.parse(), Ok(mac), "{text}");
        }
        for text in [
            "",
            "12:34:56:78:9a",
            "12:34:56:78:9a:bc:de",
            "12:34-56:78:9a:bc",
            "1:2:3:4:5:6",
            "12:34:56:78:9a:g0",
            "+1:34:56:78:9a:bc",
            " 12:34:56:78:9a:bc",
        ] {
            assert_eq!(text.parse::<Mac>(), Err(ParseMacError), "{text}");
        }
        let complaint = std::format!("{ParseMacError}");
        let example = complaint.rsplit(' ').next().unwrap();
        assert_eq!(example.parse(), Ok(mac), "{complaint}");
    }
}
