//! Frames as smoltcp writes them.

use std::net::{Ipv4Addr, Ipv6Addr};

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{ArpOperation, ArpPacket, ArpRepr, EthernetAddress, IpProtocol};
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr, RawHardwareAddress};
use smoltcp::wire::{Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr};

type Octets = [u8; 6];

/// Both ends of a packet, the sender first.
#[derive(Clone, Copy, Debug)]
pub struct Ends<A> {
    /// Their MAC addresses.
    pub macs: (Octets, Octets),
    /// Their IP addresses.
    pub addresses: (A, A),
}

/// Returns a frame with `tags`, each behind its type, and `packet`.
fn frame(tags: &[u8], (from, to): (Octets, Octets), ether_type: u16, packet: &[u8]) -> Vec<u8> {
    [&to, &from, tags, &ether_type.to_be_bytes(), packet].concat()
}

/// Returns a MAC address as it is an option.
#[must_use]
pub fn hardware(mac: Octets) -> RawHardwareAddress {
    EthernetAddress(mac).into()
}

/// Returns an ARP packet of `sender` to `target`.
#[must_use]
pub fn arp(
    tags: &[u8],
    macs: (Octets, Octets),
    operation: ArpOperation,
    sender: (Octets, Ipv4Addr),
    target: (Octets, Ipv4Addr),
) -> Vec<u8> {
    let mut packet = [0; 28];
    ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: EthernetAddress(sender.0),
        source_protocol_addr: sender.1,
        target_hardware_addr: EthernetAddress(target.0),
        target_protocol_addr: target.1,
    }
    .emit(&mut ArpPacket::new_unchecked(&mut packet));
    frame(tags, macs, 0x0806, &packet)
}

/// Returns an ICMP message in IPv4.
#[must_use]
pub fn icmpv4(
    tags: &[u8],
    ends: &Ends<Ipv4Addr>,
    hop_limit: u8,
    message: &Icmpv4Repr<'_>,
) -> Vec<u8> {
    let checksums = ChecksumCapabilities::default();
    let ip = Ipv4Repr {
        src_addr: ends.addresses.0,
        dst_addr: ends.addresses.1,
        next_header: IpProtocol::Icmp,
        payload_len: message.buffer_len(),
        hop_limit,
    };
    let mut packet = vec![0; ip.buffer_len() + message.buffer_len()];
    let (header, body) = packet.split_at_mut(ip.buffer_len());
    message.emit(&mut Icmpv4Packet::new_unchecked(body), &checksums);
    ip.emit(&mut Ipv4Packet::new_unchecked(header), &checksums);
    frame(tags, ends.macs, 0x0800, &packet)
}

/// Returns an ICMP message in IPv6.
#[must_use]
pub fn icmpv6(
    tags: &[u8],
    ends: &Ends<Ipv6Addr>,
    hop_limit: u8,
    message: &Icmpv6Repr<'_>,
) -> Vec<u8> {
    let (source, destination) = ends.addresses;
    let ip = Ipv6Repr {
        src_addr: source,
        dst_addr: destination,
        next_header: IpProtocol::Icmpv6,
        payload_len: message.buffer_len(),
        hop_limit,
    };
    let mut packet = vec![0; ip.buffer_len() + message.buffer_len()];
    let (header, body) = packet.split_at_mut(ip.buffer_len());
    let mut body = Icmpv6Packet::new_unchecked(body);
    message.emit(
        &source,
        &destination,
        &mut body,
        &ChecksumCapabilities::default(),
    );
    ip.emit(&mut Ipv6Packet::new_unchecked(header));
    frame(tags, ends.macs, 0x86dd, &packet)
}
