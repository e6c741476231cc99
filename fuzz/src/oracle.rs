//! Checksums and lengths as etherparse and smoltcp have them; both have to agree.
//!
//! smoltcp's own `verify_checksum` finds everything right when it is built for fuzzing, so the
//! checksums that it computes are compared here instead.

use std::net::IpAddr;

use etherparse::checksum::Sum16BitWords;
use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice, UdpHeaderSlice};
use smoltcp::wire::{Ipv4Packet, Ipv6Packet, UdpPacket};

/// The length of an Ethernet header, in bytes.
pub const ETHERNET: usize = 14;
/// The length of an IPv4 header without options, in bytes.
pub const IPV4: usize = 20;
/// The length of an IPv6 header, in bytes.
pub const IPV6: usize = 40;
/// The length of a VLAN tag, in bytes.
pub const TAG: usize = 4;
/// The length of a UDP header, in bytes.
pub const UDP: usize = 8;

/// Returns the two bytes at `at`, which are in network order, as a number.
///
/// # Panics
///
/// If `bytes` ends before them.
#[must_use]
pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// Returns the four bytes at `at`.
///
/// # Panics
///
/// If `bytes` ends before them.
#[must_use]
pub fn four_at(bytes: &[u8], at: usize) -> [u8; 4] {
    bytes[at..at + 4].try_into().expect("four bytes")
}

/// Returns the checksum that belongs into `header`, an IPv4 header with its options.
///
/// # Panics
///
/// If it is shorter than one, or the oracles differ.
#[must_use]
pub fn ip_checksum(header: &[u8]) -> u16 {
    // Its header struct has no place for the reserved flag, so its sum is taken by itself.
    let sum = Sum16BitWords::new()
        .add_slice(&header[..10])
        .add_slice(&header[12..]);
    let theirs = sum.ones_complement().to_be();
    let mut packet = Ipv4Packet::new_unchecked(header.to_vec());
    packet.fill_checksum();
    assert_eq!(packet.checksum(), theirs, "etherparse and smoltcp differ");
    theirs
}

/// Returns whether the checksum in `header`, an IPv4 header with its options, is right.
#[must_use]
pub fn ip_is_intact(header: &[u8]) -> bool {
    let (has, wants) = (u16_at(header, 10), ip_checksum(header));
    // Zero has two forms in a ones' complement sum (RFC 1624, section 3).
    has == wants || (has == 0xffff && wants == 0)
}

/// Returns the checksum that belongs into `datagram`, a UDP header and the payload, of the length
/// that the header tells.
///
/// # Panics
///
/// If `datagram` is not of that length, the addresses are of different families, or the oracles
/// differ.
#[must_use]
pub fn udp_checksum(source: IpAddr, destination: IpAddr, datagram: &[u8]) -> u16 {
    let header = UdpHeaderSlice::from_slice(datagram)
        .expect("a UDP header")
        .to_header();
    let payload = &datagram[UDP..];
    let theirs = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            header.calc_checksum_ipv4_raw(source.octets(), destination.octets(), payload)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            header.calc_checksum_ipv6_raw(source.octets(), destination.octets(), payload)
        }
        _ => panic!("from {source} to {destination}"),
    };
    let theirs = theirs.expect("a length of 16 bits");
    let mut packet = UdpPacket::new_checked(datagram.to_vec()).expect("a length that fits");
    packet.fill_checksum(&source.into(), &destination.into());
    assert_eq!(packet.checksum(), theirs, "etherparse and smoltcp differ");
    theirs
}

/// Returns whether the checksum in `datagram` is right, or left out, which only IPv4 allows (RFC
/// 768; RFC 8200, section 8.1).
#[must_use]
pub fn udp_is_intact(source: IpAddr, destination: IpAddr, datagram: &[u8]) -> bool {
    match u16_at(datagram, 6) {
        0 => source.is_ipv4(),
        has => has == udp_checksum(source, destination, datagram),
    }
}

/// Returns the checksum that a sender writes which leaves it to its NIC: the pseudo-header's sum.
///
/// # Panics
///
/// If the addresses are of different families.
#[must_use]
pub fn partial_checksum(source: IpAddr, destination: IpAddr, udp_len: u16) -> u16 {
    let addresses = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => Sum16BitWords::new()
            .add_4bytes(source.octets())
            .add_4bytes(destination.octets()),
        (IpAddr::V6(source), IpAddr::V6(destination)) => Sum16BitWords::new()
            .add_16bytes(source.octets())
            .add_16bytes(destination.octets()),
        _ => panic!("from {source} to {destination}"),
    };
    let sum = addresses
        .add_2bytes([0, 17])
        .add_2bytes(udp_len.to_be_bytes());
    !sum.ones_complement().to_be()
}

/// Returns header, with options, and payload of an IPv4 packet, if both oracles find its lengths
/// right.
///
/// # Panics
///
/// If the oracles differ by more than their known differences.
#[must_use]
pub fn ipv4_packet(packet: &[u8]) -> Option<(&[u8], &[u8])> {
    let header = Ipv4HeaderSlice::from_slice(packet);
    let smoltcp = Ipv4Packet::new_checked(packet);
    let lengths_fit =
        |header_len: usize, total_len: usize| header_len <= total_len && total_len <= packet.len();
    let Ok(header) = header else {
        // smoltcp looks at lengths alone: at no version, and not at their least.
        if let Ok(theirs) = smoltcp {
            assert!(theirs.version() != 4 || usize::from(theirs.header_len()) < IPV4);
        }
        return None;
    };
    // etherparse's header says nothing of the packet's length.
    let (header_len, total_len) = (header.slice().len(), usize::from(header.total_len()));
    assert_eq!(smoltcp.is_ok(), lengths_fit(header_len, total_len));
    let theirs = smoltcp.ok()?;
    assert_eq!(usize::from(theirs.header_len()), header_len);
    Some((header.slice(), theirs.payload()))
}

/// Returns header and payload of an IPv6 packet, if both oracles find its lengths right.
///
/// # Panics
///
/// If the oracles differ by more than their known differences.
#[must_use]
pub fn ipv6_packet(packet: &[u8]) -> Option<(&[u8], &[u8])> {
    let smoltcp = Ipv6Packet::new_checked(packet);
    let Ok(header) = Ipv6HeaderSlice::from_slice(packet) else {
        // smoltcp looks at lengths alone.
        assert!(smoltcp.is_ok_and(|theirs| theirs.version() != 6) || packet.len() < IPV6);
        return None;
    };
    let end = IPV6 + usize::from(header.payload_length());
    assert_eq!(smoltcp.is_ok(), end <= packet.len());
    let theirs = smoltcp.ok()?;
    Some((header.slice(), theirs.payload()))
}
