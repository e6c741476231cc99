//! The rules of the RFCs written down a second time, by byte offsets; sums by etherparse, answers by
//! smoltcp.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::checksum::Sum16BitWords;
use etherparse::{ArpEthIpv4Packet, ArpPacketSlice};
use smoltcp::wire::{ArpOperation, Icmpv4Repr, Icmpv6Repr, NdiscNeighborFlags, NdiscRepr};

use super::{OWN, OWN_V4, OWN_V6};
use crate::oracle::{self, IPV4, four_at, u16_at};

pub mod write;

use write::Ends;

type Octets = [u8; 6];

const IPV6: usize = 40;
const BROADCAST: Octets = [0xff; 6];
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: Octets = [0x33, 0x33, 0, 0, 0, 1];

/// What a frame is to the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plain {
    /// Nothing of the port's business.
    Other,
    /// Against a rule of its RFC.
    Malformed,
    /// A question, news, or both.
    Heard {
        /// The answer, if there is one to be sent.
        answer: Option<Vec<u8>>,
        /// Which address is where.
        learned: Option<(IpAddr, Octets)>,
    },
}

/// The link's part of a frame.
struct Link<'f> {
    to: Octets,
    from: Octets,
    /// The tags with the types in front of them.
    tags: &'f [u8],
}

/// Returns where the packet of `frame` begins, behind up to two tags; `None` if it ends before.
#[must_use]
pub fn packet_at(frame: &[u8]) -> Option<usize> {
    let mut at = 12;
    while at < 20 && is_tag(frame.get(at..at + 2)?) {
        at += 4;
    }
    (frame.len() >= at + 2).then_some(at + 2)
}

fn is_tag(ether_type: &[u8]) -> bool {
    matches!(ether_type, [0x81, 0] | [0x88, 0xa8])
}

/// Says what `frame` is to the port on `vlans`.
#[must_use]
pub fn judge(frame: &[u8], vlans: &[u16]) -> Plain {
    let Some(at) = packet_at(frame) else {
        return Plain::Other;
    };
    let link = Link {
        to: six_at(frame, 0),
        from: six_at(frame, 6),
        tags: &frame[12..at - 2],
    };
    let named: Vec<u16> = link
        .tags
        .chunks(4)
        .map(|tag| u16_at(tag, 2) & 0xfff)
        .filter(|&vlan| vlan != 0)
        .collect();
    let is_heard = link.to == OWN || link.to[0] & 1 == 1;
    if !is_heard || link.from == OWN || named != vlans {
        return Plain::Other;
    }
    let packet = &frame[at..];
    match frame[at - 2..at] {
        [8, 6] => arp(&link, packet),
        [8, 0] => ipv4(&link, packet),
        [0x86, 0xdd] => ipv6(&link, packet),
        _ => Plain::Other,
    }
}

fn arp(link: &Link<'_>, packet: &[u8]) -> Plain {
    if link.to != OWN && link.to != BROADCAST {
        return Plain::Other;
    }
    let arp = ArpPacketSlice::from_slice(packet)
        .ok()
        .and_then(|slice| ArpEthIpv4Packet::try_from(slice.to_packet()).ok());
    let Some(arp) = arp.filter(|arp| matches!(arp.operation.0, 1 | 2)) else {
        return Plain::Malformed;
    };
    let (sender, target) = (arp.sender_ipv4_addr(), arp.target_ipv4_addr());
    let is_right = is_station(link.from)
        && is_station(arp.sender_mac)
        && (sender.is_unspecified() || is_host(sender.into()));
    if !is_right {
        return Plain::Malformed;
    }
    if arp.sender_mac == OWN || (target != OWN_V4 && target != sender) {
        return Plain::Other;
    }
    let answer = (arp.operation.0 == 1 && target == OWN_V4).then(|| {
        let asker = (arp.sender_mac, sender);
        let macs = (OWN, arp.sender_mac);
        write::arp(link.tags, macs, ArpOperation::Reply, (OWN, OWN_V4), asker)
    });
    heard(answer, Some((sender.into(), arp.sender_mac)))
}

fn ipv4(link: &Link<'_>, packet: &[u8]) -> Plain {
    if packet.len() < IPV4
        || packet[0] >> 4 != 4
        || packet[9] != 1
        || u16_at(packet, 6) & 0x3fff != 0
        || link.to != OWN
        || four_at(packet, 16) != OWN_V4.octets()
    {
        return Plain::Other;
    }
    let Some((header, message)) = oracle::ipv4_packet(packet) else {
        return Plain::Malformed;
    };
    if message.len() < 8 || !oracle::ip_is_intact(header) {
        return Plain::Malformed;
    }
    let source = Ipv4Addr::from(four_at(packet, 12));
    if message[0] != 8 {
        return Plain::Other;
    }
    let is_intact = Sum16BitWords::new().add_slice(message).ones_complement() == 0;
    if !is_intact || message[1] != 0 || !is_station(link.from) || !is_host(source.into()) {
        return Plain::Malformed;
    }
    if source == OWN_V4 {
        return Plain::Other;
    }
    let reply = Icmpv4Repr::EchoReply {
        ident: u16_at(message, 4),
        seq_no: u16_at(message, 6),
        data: &message[8..],
    };
    let ends = Ends {
        macs: (OWN, link.from),
        addresses: (OWN_V4, source),
    };
    heard(Some(write::icmpv4(link.tags, &ends, 64, &reply)), None)
}

/// An ICMPv6 message and what its packet says.
struct Message<'f> {
    source: Ipv6Addr,
    destination: Ipv6Addr,
    hop_limit: u8,
    bytes: &'f [u8],
}

fn ipv6(link: &Link<'_>, packet: &[u8]) -> Plain {
    if packet.len() < IPV6 || packet[0] >> 4 != 6 || packet[6] != 58 {
        return Plain::Other;
    }
    let (source, destination) = (sixteen_at(packet, 8), sixteen_at(packet, 24));
    let group_mac = match destination {
        ALL_NODES => Some(ALL_NODES_MAC),
        _ if destination == group(OWN_V6) => Some([0x33, 0x33, 0xff, 0xb2, 0xc3, 0xd4]),
        _ => None,
    };
    let is_to_us = (destination == OWN_V6 || group_mac.is_some()) && link.to == OWN;
    if !is_to_us && group_mac != Some(link.to) {
        return Plain::Other;
    }
    let len = usize::from(u16_at(packet, 4));
    let Some(bytes) = packet[IPV6..].get(..len).filter(|bytes| bytes.len() >= 4) else {
        return Plain::Malformed;
    };
    let message = Message {
        source,
        destination,
        hop_limit: packet[7],
        bytes,
    };
    match bytes[0] {
        128 => echo(link, &message),
        135 | 136 => ndp(link, &message),
        _ => Plain::Other,
    }
}

fn echo(link: &Link<'_>, message: &Message<'_>) -> Plain {
    let Message { source, bytes, .. } = *message;
    if message.destination != OWN_V6 {
        return Plain::Other;
    }
    let is_right = bytes.len() >= 8
        && bytes[1] == 0
        && message.is_intact()
        && is_station(link.from)
        && is_host(source.into());
    if !is_right {
        return Plain::Malformed;
    }
    if source == OWN_V6 {
        return Plain::Other;
    }
    let reply = Icmpv6Repr::EchoReply {
        ident: u16_at(bytes, 4),
        seq_no: u16_at(bytes, 6),
        data: &bytes[8..],
    };
    let ends = Ends {
        macs: (OWN, link.from),
        addresses: (OWN_V6, source),
    };
    heard(Some(write::icmpv6(link.tags, &ends, 64, &reply)), None)
}

fn ndp(link: &Link<'_>, message: &Message<'_>) -> Plain {
    let bytes = message.bytes;
    let is_right = bytes.len() >= 24
        && bytes[1] == 0
        && bytes[8] != 0xff
        && message.hop_limit == 255
        && message.is_intact()
        && is_station(link.from);
    if !is_right {
        return Plain::Malformed;
    }
    // The source's address in a solicitation, the target's in an advertisement.
    let wanted = bytes[0] - 134;
    let mac = match option(&bytes[24..], wanted) {
        Ok(mac) if mac.is_none_or(is_station) => mac,
        _ => return Plain::Malformed,
    };
    if bytes[0] == 135 {
        solicitation(link, message, mac)
    } else {
        advertisement(message, mac)
    }
}

fn solicitation(link: &Link<'_>, message: &Message<'_>, mac: Option<Octets>) -> Plain {
    let Message {
        source,
        destination,
        ..
    } = *message;
    let is_right = if source.is_unspecified() {
        destination == group(OWN_V6) && mac.is_none()
    } else {
        is_host(source.into())
    };
    if !is_right {
        return Plain::Malformed;
    }
    if sixteen_at(message.bytes, 8) != OWN_V6 || mac == Some(OWN) {
        return Plain::Other;
    }
    let (ends, flags) = if source.is_unspecified() {
        let ends = Ends {
            macs: (OWN, ALL_NODES_MAC),
            addresses: (OWN_V6, ALL_NODES),
        };
        (ends, NdiscNeighborFlags::OVERRIDE)
    } else {
        let ends = Ends {
            macs: (OWN, mac.unwrap_or(link.from)),
            addresses: (OWN_V6, source),
        };
        let flags = NdiscNeighborFlags::SOLICITED | NdiscNeighborFlags::OVERRIDE;
        (ends, flags)
    };
    let advertisement = NdiscRepr::NeighborAdvert {
        flags,
        target_addr: OWN_V6,
        lladdr: Some(write::hardware(OWN)),
    };
    let advertisement = Icmpv6Repr::Ndisc(advertisement);
    let answer = write::icmpv6(link.tags, &ends, 255, &advertisement);
    heard(Some(answer), mac.map(|mac| (source.into(), mac)))
}

fn advertisement(message: &Message<'_>, mac: Option<Octets>) -> Plain {
    let target = sixteen_at(message.bytes, 8);
    let is_solicited = message.bytes[4] & 0x40 != 0;
    if !is_host(message.source.into())
        || !is_host(target.into())
        || (is_solicited && message.destination != OWN_V6)
    {
        return Plain::Malformed;
    }
    heard(None, mac.map(|mac| (target.into(), mac)))
}

impl Message<'_> {
    fn is_intact(&self) -> bool {
        let sum = Sum16BitWords::new()
            .add_16bytes(self.source.octets())
            .add_16bytes(self.destination.octets())
            .add_4bytes((self.bytes.len() as u32).to_be_bytes())
            .add_2bytes([0, 58])
            .add_slice(self.bytes);
        sum.ones_complement() == 0
    }
}

/// Returns the link-layer address in the first option of that type.
fn option(options: &[u8], option_type: u8) -> Result<Option<Octets>, ()> {
    let mut found = vec![];
    let mut at = 0;
    while at < options.len() {
        let len = 8 * usize::from(*options.get(at + 1).ok_or(())?);
        if len == 0 || at + len > options.len() {
            return Err(());
        }
        if options[at] == option_type {
            if len != 8 {
                return Err(());
            }
            found.push(six_at(options, at + 2));
        }
        at += len;
    }
    Ok(found.first().copied())
}

fn heard(answer: Option<Vec<u8>>, learned: Option<(IpAddr, Octets)>) -> Plain {
    let learned =
        learned.filter(|&(ip, mac)| is_host(ip) && ip != OWN_V4 && ip != OWN_V6 && mac != OWN);
    Plain::Heard { answer, learned }
}

fn is_station(mac: Octets) -> bool {
    mac[0] & 1 == 0 && mac != [0; 6]
}

fn is_host(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let first = ip.octets()[0];
            first != 127 && first & 0xf0 != 0xe0 && ip.to_bits() != 0 && ip.to_bits() != u32::MAX
        }
        IpAddr::V6(ip) => ip.octets()[0] != 0xff && ip.to_bits() > 1,
    }
}

/// Returns the solicited-node group of an address.
fn group(address: Ipv6Addr) -> Ipv6Addr {
    let prefix: Ipv6Addr = "ff02::1:ff00:0".parse().expect("an address");
    Ipv6Addr::from_bits(prefix.to_bits() | address.to_bits() & 0xff_ffff)
}

fn six_at(bytes: &[u8], at: usize) -> Octets {
    bytes[at..at + 6].try_into().expect("six bytes")
}

fn sixteen_at(bytes: &[u8], at: usize) -> Ipv6Addr {
    let octets: [u8; 16] = bytes[at..at + 16].try_into().expect("sixteen bytes");
    octets.into()
}
