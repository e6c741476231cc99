//! UDP frames from structured input, valid except where the input asks for something else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::oracle::{self, IPV4, UDP};

/// The fields of a frame except its payload, as they lie in the input.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Headers {
    /// MAC addresses, destination first.
    pub macs: [u8; 12],
    /// The number of words of IP options, taken modulo 11.
    pub option_words: u8,
    /// The byte that options and padding are filled with (1 is the option "no operation").
    pub option: u8,
    /// Differentiated services and congestion notification.
    pub dscp_ecn: u8,
    /// IP identification.
    pub identification: U16,
    /// Chooses IP flags and fragment offset by its two low bits: 0, "don't fragment" (twice), or
    /// `flags_offset`.
    pub flags_choice: u8,
    /// IP flags and fragment offset, if they are chosen.
    pub flags_offset: U16,
    /// Time to live.
    pub ttl: u8,
    /// The source IP address, or the end of it.
    pub source: [u8; 4],
    /// The destination IP address, or the end of it.
    pub destination: [u8; 4],
    /// UDP ports, source first.
    pub ports: [U16; 2],
    /// Chooses a [`Checksum`].
    pub checksum_choice: u8,
    /// The UDP checksum for [`Checksum::Any`], and where none can be right.
    pub checksum: U16,
    /// Chooses the UDP length by its two low bits: the right one (twice), one that is less, or
    /// `length`.
    pub length_choice: u8,
    /// The UDP length, or by how much it is less.
    pub length: U16,
    /// The number of bytes after the IP packet, taken modulo 64.
    pub padding: u8,
    /// Whether it is IPv6, if it is odd.
    pub family: u8,
    /// The begin of both IPv6 addresses, source first.
    pub begins: [[u8; 12]; 2],
    /// The number of 8 bytes of extension header in front of the datagram, taken modulo 4, if it is
    /// IPv6.
    pub extension_words: u8,
    /// The type of the extension header.
    pub extension: u8,
    /// The flow label's low 16 bits.
    pub flow: U16,
    /// The number of VLAN tags, taken modulo 4: up to one too many.
    pub tag_count: u8,
    /// Chooses the type in front of each tag by its bits, the outer one by the lowest: customer
    /// tag, or service tag.
    pub tag_types: u8,
    /// The tags, the outer one first.
    pub tags: [U16; 3],
}

/// A kind of value in the UDP checksum field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// The right checksum.
    Right,
    /// Zero, which says that there is none (RFC 768).
    None,
    /// The pseudo-header's sum alone, as a sender leaves it that has its NIC compute the rest.
    Partial,
    /// The right checksum, with a payload for which it is the pseudo-header's sum too.
    RightAndPartial,
    /// An arbitrary value, [`Headers::checksum`].
    Any,
}

impl Checksum {
    const ALL: [Self; 5] = [
        Self::Right,
        Self::None,
        Self::Partial,
        Self::RightAndPartial,
        Self::Any,
    ];
}

impl Headers {
    /// Returns whether it is IPv6.
    #[must_use]
    pub const fn is_v6(&self) -> bool {
        self.family % 2 == 1
    }

    /// Returns the tags, the outer one first.
    #[must_use]
    pub fn tags(&self) -> &[U16] {
        &self.tags[..usize::from(self.tag_count % 4)]
    }

    /// Returns the type of the extension header, if there is one.
    #[must_use]
    pub fn extension(&self) -> Option<u8> {
        (self.is_v6() && !self.extension_words.is_multiple_of(4)).then_some(self.extension)
    }

    /// Returns whether it is a fragment, or has the header of one.
    #[must_use]
    pub fn is_fragment(&self) -> bool {
        if self.is_v6() {
            self.extension() == Some(44)
        } else {
            self.flags() & 0x3fff != 0
        }
    }

    /// Returns source and destination address.
    #[must_use]
    pub fn addresses(&self) -> (IpAddr, IpAddr) {
        let address = |begin: [u8; 12], end: [u8; 4]| -> IpAddr {
            if self.is_v6() {
                let octets: [u8; 16] = [&begin[..], &end].concat().try_into().expect("16 bytes");
                Ipv6Addr::from(octets).into()
            } else {
                Ipv4Addr::from(end).into()
            }
        };
        let [source, destination] = self.begins;
        (
            address(source, self.source),
            address(destination, self.destination),
        )
    }

    fn flags(&self) -> u16 {
        match self.flags_choice & 3 {
            0 => 0,
            1 | 2 => 0x4000,
            _ => self.flags_offset.get(),
        }
    }

    fn udp_len(&self, payload_len: usize) -> u16 {
        let whole = (UDP + payload_len) as u16;
        match self.length_choice & 3 {
            0 | 1 => whole,
            2 => whole - self.length.get() % (payload_len as u16 + 1),
            _ => self.length.get(),
        }
    }

    /// Returns the frame with `payload`; all is right in it, except perhaps its UDP length and
    /// checksum.
    #[must_use]
    pub fn frame(&self, payload: &[u8]) -> Vec<u8> {
        let udp_len = self.udp_len(payload.len());
        let mut frame = self.link_header();
        if self.is_v6() {
            frame.extend(self.ipv6_header(UDP + payload.len()));
        } else {
            frame.extend(self.ipv4_header(UDP + payload.len()));
        }
        let udp_at = frame.len();
        frame.extend(self.ports[0].get().to_be_bytes());
        frame.extend(self.ports[1].get().to_be_bytes());
        frame.extend(udp_len.to_be_bytes());
        frame.extend([0; 2]);
        frame.extend(payload);
        self.set_checksum(&mut frame[udp_at..], udp_len);
        frame.extend(vec![self.option; usize::from(self.padding % 64)]);
        frame
    }

    /// Returns MACs, tags, and the type of the packet.
    fn link_header(&self) -> Vec<u8> {
        let mut header = Vec::from(self.macs);
        for (number, tag) in self.tags().iter().enumerate() {
            let is_service = self.tag_types >> number & 1 == 1;
            header.extend(if is_service { [0x88, 0xa8] } else { [0x81, 0] });
            header.extend(tag.get().to_be_bytes());
        }
        header.extend(if self.is_v6() { [0x86, 0xdd] } else { [8, 0] });
        header
    }

    fn ipv4_header(&self, payload_len: usize) -> Vec<u8> {
        let options = vec![self.option; usize::from(self.option_words % 11) * 4];
        let header_len = IPV4 + options.len();
        let mut header = vec![0x40 | (header_len / 4) as u8, self.dscp_ecn];
        header.extend(((header_len + payload_len) as u16).to_be_bytes());
        header.extend(self.identification.get().to_be_bytes());
        header.extend(self.flags().to_be_bytes());
        header.extend([self.ttl, 17, 0, 0]);
        header.extend(self.source);
        header.extend(self.destination);
        header.extend(options);
        let checksum = oracle::ip_checksum(&header);
        header[10..12].copy_from_slice(&checksum.to_be_bytes());
        header
    }

    /// Returns the IPv6 header and the extension header, which is that of a fragment (RFC 8200,
    /// section 4.5) if it is to be one, and otherwise has padding behind type and length.
    fn ipv6_header(&self, payload_len: usize) -> Vec<u8> {
        let mut extension = Vec::new();
        if let Some(kind) = self.extension() {
            let words = self.extension_words % 4;
            extension = vec![self.option; usize::from(words) * 8];
            extension[..2].copy_from_slice(&[17, words - 1]);
            if kind == 44 {
                extension[1] = 0;
                extension[2..4].copy_from_slice(&self.flags().to_be_bytes());
            }
        }
        let mut header = vec![0x60 | self.dscp_ecn >> 4, self.dscp_ecn << 4];
        header.extend(self.flow.get().to_be_bytes());
        header.extend(((extension.len() + payload_len) as u16).to_be_bytes());
        header.extend([self.extension().unwrap_or(17), self.ttl]);
        header.extend(self.begins[0]);
        header.extend(self.source);
        header.extend(self.begins[1]);
        header.extend(self.destination);
        header.extend(extension);
        header
    }

    fn set_checksum(&self, datagram: &mut [u8], udp_len: u16) {
        let len = usize::from(udp_len);
        let covered = datagram
            .get(..len)
            .filter(|covered| covered.len() >= UDP)
            .map(Vec::from);
        let (source, destination) = self.addresses();
        let partial = oracle::partial_checksum(source, destination, udp_len);
        let kind = Checksum::ALL[usize::from(self.checksum_choice) % Checksum::ALL.len()];
        let checksum = match (kind, covered) {
            (Checksum::None, _) => 0,
            (Checksum::Partial, _) => partial,
            (Checksum::Any, _) => self.checksum.get(),
            // No checksum is right for a length that is not.
            (_, None) => self.checksum.get(),
            (Checksum::Right, Some(covered)) => oracle::udp_checksum(source, destination, &covered),
            (Checksum::RightAndPartial, Some(mut covered)) => {
                balance(&mut covered, source, destination, partial);
                datagram[..len].copy_from_slice(&covered);
                oracle::udp_checksum(source, destination, &covered)
            }
        };
        datagram[6..8].copy_from_slice(&checksum.to_be_bytes());
    }
}

/// Changes the first word of the payload, if there is one, so that `wanted` is the right checksum.
fn balance(datagram: &mut [u8], source: IpAddr, destination: IpAddr, wanted: u16) {
    if let Some(word) = datagram.get_mut(UDP..UDP + 2) {
        word.fill(0);
        let without = oracle::udp_checksum(source, destination, datagram);
        let sum = u32::from(without) + u32::from(!wanted);
        let word = (sum + (sum >> 16)) as u16;
        datagram[UDP..UDP + 2].copy_from_slice(&word.to_be_bytes());
    }
}

/// Returns the frame that `input` asks for: it begins with [`Headers`], and the rest is payload.
/// `None` if it is too short.
#[must_use]
pub fn udp_frame(input: &[u8]) -> Option<(Headers, Vec<u8>)> {
    let (headers, payload) = Headers::read_from_prefix(input).ok()?;
    // What fits into a packet, whatever its options or extension headers.
    let most = usize::from(u16::MAX) - 60 - UDP;
    let frame = headers.frame(&payload[..payload.len().min(most)]);
    Some((headers, frame))
}
