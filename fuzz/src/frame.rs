//! Any bytes as a frame: `core`'s view of each header against those of etherparse and smoltcp.

mod ipv6;
mod vlan;

use std::net::IpAddr;

use dpdkgen_core::probe::layout::Family;
use dpdkgen_core::rx::verify::{ChecksumState, checksum_state};
use dpdkgen_core::wire::checksum::Sum;
use dpdkgen_core::wire::{Arp, EtherType, Ethernet, Ipv4, Mac, Prefix, Udp};
use etherparse::{ArpEthIpv4Packet, ArpPacketSlice, Ethernet2HeaderSlice};
use etherparse::{Ipv4HeaderSlice, UdpHeaderSlice};
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetFrame, IpCidr, Ipv4Packet, UdpPacket,
};
use zerocopy::{FromBytes, IntoBytes};

use crate::oracle::{self, ETHERNET, IPV4, UDP};

/// Checks `core`'s views of `data`, which is the frame.
///
/// # Panics
///
/// If a view differs from one of the oracles by more than their known differences.
pub fn run(data: &[u8]) {
    sums(data);
    let ours = Ethernet::ref_from_prefix(data).ok();
    let etherparse = Ethernet2HeaderSlice::from_slice(data).ok();
    let smoltcp = EthernetFrame::new_checked(data).ok();
    assert_eq!(
        [ours.is_some(), etherparse.is_some(), smoltcp.is_some()],
        [data.len() >= ETHERNET; 3]
    );
    let (Some((ours, packet)), Some(etherparse), Some(smoltcp)) = (ours, etherparse, smoltcp)
    else {
        return;
    };
    assert_eq!(ours.destination.0, etherparse.destination());
    assert_eq!(ours.destination.0, smoltcp.dst_addr().0);
    assert_eq!(ours.source.0, etherparse.source());
    assert_eq!(ours.source.0, smoltcp.src_addr().0);
    assert_eq!(ours.ether_type.0.get(), etherparse.ether_type().0);
    assert_eq!(ours.ether_type.0.get(), u16::from(smoltcp.ethertype()));
    let Some((ether_type, packet)) = vlan::tags(data, ours.ether_type, packet) else {
        return;
    };
    match ether_type {
        EtherType::IPV4 => ipv4(packet),
        EtherType::IPV6 => ipv6::packet(packet),
        EtherType::ARP => arp(packet),
        _ => {}
    }
}

/// Checks that the sum over `data` is that of etherparse, in one part or in two.
fn sums(data: &[u8]) {
    let theirs = etherparse::checksum::Sum16BitWords::new().add_slice(data);
    let whole = Sum::of(data);
    assert_eq!(whole.checksum(), theirs.ones_complement().to_ne_bytes());
    assert_eq!(
        whole.udp_checksum(),
        theirs.to_ones_complement_with_no_zero().to_ne_bytes()
    );
    // The first byte chooses where; parts begin at even offsets.
    let at = data.first().map_or(0, |byte| usize::from(byte & !1));
    if let Some((front, back)) = data.split_at_checked(at) {
        let parts = Sum::of(back).plus(Sum::of(front));
        assert_eq!(parts.fold(), whole.fold());
    }
}

fn ipv4(packet: &[u8]) {
    let Ok((ours, _)) = Ipv4::ref_from_prefix(packet) else {
        assert!(packet.len() < IPV4);
        assert!(Ipv4HeaderSlice::from_slice(packet).is_err());
        assert!(Ipv4Packet::new_checked(packet).is_err());
        return;
    };
    let header_len = ours.header_len();
    let is_whole = ours.version() == 4 && header_len >= IPV4 && packet.len() >= header_len;
    let header = Ipv4HeaderSlice::from_slice(packet);
    assert_eq!(header.is_ok(), is_whole, "{header:?}");
    let Ok(header) = header else { return };
    ipv4_fields(ours, header, packet);
    let is_intact = Sum::of(&packet[..header_len]).is_valid();
    assert_eq!(is_intact, oracle::ip_is_intact(header.slice()));
    if let Some((_, payload)) = oracle::ipv4_packet(packet)
        && ours.protocol == Ipv4::UDP
        && !ours.is_fragment()
    {
        let pseudo = |len| ours.pseudo_header(len);
        udp(
            ours.source().into(),
            ours.destination().into(),
            pseudo,
            payload,
        );
    }
    prefix(ours.source().into(), ours.destination().into());
}

fn ipv4_fields(ours: &Ipv4, etherparse: Ipv4HeaderSlice<'_>, packet: &[u8]) {
    let smoltcp = Ipv4Packet::new_unchecked(packet);
    let flags = etherparse.is_fragmenting_payload();
    assert_eq!(ours.header_len(), etherparse.slice().len());
    assert_eq!(ours.header_len(), usize::from(smoltcp.header_len()));
    let dscp_ecn = etherparse.dcp().value() << 2 | etherparse.ecn().value();
    assert_eq!(ours.dscp_ecn, dscp_ecn);
    assert_eq!(ours.dscp_ecn, smoltcp.dscp() << 2 | smoltcp.ecn());
    assert_eq!(ours.total_length.get(), etherparse.total_len());
    assert_eq!(ours.total_length.get(), smoltcp.total_len());
    assert_eq!(ours.identification.get(), etherparse.identification());
    assert_eq!(ours.identification.get(), smoltcp.ident());
    assert_eq!(ours.is_fragment(), flags);
    assert_eq!(
        ours.is_fragment(),
        smoltcp.more_frags() || smoltcp.frag_offset() != 0
    );
    assert_eq!(
        (ours.ttl, ours.ttl),
        (etherparse.ttl(), smoltcp.hop_limit())
    );
    assert_eq!(ours.protocol, etherparse.protocol().0);
    assert_eq!(ours.protocol, u8::from(smoltcp.next_header()));
    assert_eq!(ours.source(), etherparse.source_addr());
    assert_eq!(ours.source(), smoltcp.src_addr());
    assert_eq!(ours.destination(), etherparse.destination_addr());
    assert_eq!(ours.destination(), smoltcp.dst_addr());
}

/// Checks the view of a UDP header, and what is said of the checksum; `pseudo` is the sum of the
/// pseudo-header for a length.
fn udp(source: IpAddr, destination: IpAddr, pseudo: impl Fn(u16) -> Sum, datagram: &[u8]) {
    let etherparse = UdpHeaderSlice::from_slice(datagram);
    let Ok((ours, _)) = Udp::ref_from_prefix(datagram) else {
        assert!(datagram.len() < UDP && etherparse.is_err());
        return;
    };
    let etherparse = etherparse.expect("8 bytes");
    assert_eq!(ours.source.get(), etherparse.source_port());
    assert_eq!(ours.destination.get(), etherparse.destination_port());
    assert_eq!(ours.length.get(), etherparse.length());
    assert_eq!(u16::from_be_bytes(ours.checksum), etherparse.checksum());
    // smoltcp looks at the length too, the others' headers say nothing of it.
    let len = usize::from(ours.length.get());
    let smoltcp = UdpPacket::new_checked(datagram);
    assert_eq!(smoltcp.is_ok(), (UDP..=datagram.len()).contains(&len));
    let Ok(smoltcp) = smoltcp else { return };
    assert_eq!(ours.source.get(), smoltcp.src_port());
    assert_eq!(ours.destination.get(), smoltcp.dst_port());
    assert_eq!(ours.length.get(), smoltcp.len());
    assert_eq!(u16::from_be_bytes(ours.checksum), smoltcp.checksum());
    let partial = oracle::partial_checksum(source, destination, ours.length.get());
    let expected = if oracle::udp_is_intact(source, destination, &datagram[..len]) {
        ChecksumState::Good
    } else if smoltcp.checksum() == partial {
        ChecksumState::Partial
    } else {
        ChecksumState::Bad
    };
    let family = if source.is_ipv4() {
        Family::V4
    } else {
        Family::V6
    };
    let (pseudo, payload) = (pseudo(ours.length.get()), Sum::of(&datagram[UDP..len]));
    assert_eq!(checksum_state(family, pseudo, ours, payload), expected);
}

/// Checks whether one address is in networks of the other, of every length.
fn prefix(one: IpAddr, other: IpAddr) {
    let width = if one.is_ipv4() { 32 } else { 128 };
    for len in 0..=width {
        let theirs = IpCidr::new(other.into(), len).contains_addr(&one.into());
        let ours = Prefix::new(other, len).expect("a length that it has");
        assert_eq!(ours.contains(one), theirs, "{one} in {ours}");
    }
    assert_eq!(Prefix::new(other, width + 1), None);
}

fn arp(packet: &[u8]) {
    // Both of them go by the lengths in the packet; ours are fixed.
    let etherparse = ArpPacketSlice::from_slice(packet)
        .ok()
        .and_then(|slice| ArpEthIpv4Packet::try_from(slice.to_packet()).ok());
    let smoltcp = ArpPacket::new_checked(packet)
        .ok()
        .and_then(|packet| ArpRepr::parse(&packet).ok());
    assert_eq!(etherparse.is_some(), smoltcp.is_some());
    let Ok((ours, _)) = Arp::ref_from_prefix(packet) else {
        assert!(packet.len() < size_of::<Arp>() && etherparse.is_none());
        return;
    };
    let (Some(etherparse), Some(smoltcp)) = (etherparse, smoltcp) else {
        assert!(!ours.is_well_formed());
        return;
    };
    // They take any operation, `core` requests and replies alone.
    assert_eq!(
        ours.is_well_formed(),
        matches!(etherparse.operation.0, 1 | 2)
    );
    assert_eq!(ours.is_request(), etherparse.operation.0 == 1);
    let fields = (ours.sender_mac.0, ours.sender_ip().octets());
    assert_eq!(fields, (etherparse.sender_mac, etherparse.sender_ipv4));
    let fields = (ours.target_mac.0, ours.target_ip().octets());
    assert_eq!(fields, (etherparse.target_mac, etherparse.target_ipv4));
    let mut theirs = [0; size_of::<Arp>()];
    smoltcp.emit(&mut ArpPacket::new_unchecked(&mut theirs));
    assert_eq!(ours.as_bytes(), theirs);
    if ours.is_request() {
        answer(ours, smoltcp);
    }
}

fn answer(request: &Arp, smoltcp: ArpRepr) {
    let ArpRepr::EthernetIpv4 {
        source_hardware_addr,
        source_protocol_addr,
        target_protocol_addr,
        ..
    } = smoltcp
    else {
        return;
    };
    let mac = Mac([2, 0, 0, 0, 0, 1]);
    let mut theirs = [0; size_of::<Arp>()];
    ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Reply,
        source_hardware_addr: smoltcp::wire::EthernetAddress(mac.0),
        source_protocol_addr: target_protocol_addr,
        target_hardware_addr: source_hardware_addr,
        target_protocol_addr: source_protocol_addr,
    }
    .emit(&mut ArpPacket::new_unchecked(&mut theirs));
    assert_eq!(Arp::reply(request, mac).as_bytes(), theirs);
}
