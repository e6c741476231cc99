//! What a port hears that is not a probe: who asks for it, who tells where they are, who pings it.
//!
//! Answered is what is asked of one of the port's addresses, on its VLANs, by one station, in a
//! message without a fault; nothing that was itself an answer is, so two ports never keep each other
//! busy.

use core::net::{IpAddr, Ipv6Addr};

use zerocopy::{FromBytes, IntoBytes};

use super::build::{Envelope, Link};
use super::{Neighbour, is_host, is_station};
use crate::port::FrameLen;
use crate::wire::checksum::Sum;
use crate::wire::ndp::{self, ALL_NODES, multicast_mac, solicited_node};
use crate::wire::{Arp, Echo, EtherType, EthernetFrame, Icmp, Ipv4, Ipv6, LinkLayerAddress, Mac};
use crate::wire::{NeighbourMessage, Tags};

#[cfg(test)]
mod tests;

/// The TTL and hop limit of an echo's answer (RFC 1700).
const TTL: u8 = 64;

/// What a frame was to the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Neither a question to the port nor news of a neighbour, or a question whose answer has no
    /// room.
    Other,
    /// To the port, and not as its RFC says: lengths, checksum, hop limit, options, addresses.
    Malformed,
    /// An address resolution that is not to be answered.
    Learned(Neighbour),
    /// A question; the answer is written.
    Answered {
        /// Bytes of the answer.
        answer: FrameLen,
        /// Where the asker is, if the question tells that.
        learned: Option<Neighbour>,
    },
}

impl Heard {
    /// Returns the bytes of the answer, if there is one.
    #[must_use]
    pub const fn answer(&self) -> Option<FrameLen> {
        match *self {
            Self::Answered { answer, .. } => Some(answer),
            _ => None,
        }
    }

    /// Returns the address resolution, if there is one.
    #[must_use]
    pub const fn learned(&self) -> Option<Neighbour> {
        match *self {
            Self::Learned(neighbour) => Some(neighbour),
            Self::Answered { learned, .. } => learned,
            _ => None,
        }
    }

    fn new(answer: Option<FrameLen>, learned: Option<Neighbour>) -> Self {
        match (answer, learned) {
            (Some(answer), learned) => Self::Answered { answer, learned },
            (None, Some(learned)) => Self::Learned(learned),
            (None, None) => Self::Other,
        }
    }
}

/// Answers for a port.
#[derive(Clone, Copy, Debug)]
pub struct Responder<'a> {
    pub(super) mac: Mac,
    pub(super) tags: Tags,
    is_on_any_vlan: bool,
    addresses: &'a [IpAddr],
}

/// A frame to the port, or to a group, of one station on its VLANs.
struct Asked<'f> {
    frame: EthernetFrame<'f>,
    link: Link,
}

/// An ICMPv6 message in its packet, the checksum right.
struct Message<'f> {
    ip: &'f Ipv6,
    icmp: &'f Icmp,
    bytes: &'f [u8],
}

impl<'a> Responder<'a> {
    /// Makes one for the port at `mac` on the VLANs of `tags`, to which `addresses` belong.
    #[must_use]
    pub const fn new(mac: Mac, tags: Tags, addresses: &'a [IpAddr]) -> Self {
        Self {
            mac,
            tags,
            is_on_any_vlan: false,
            addresses,
        }
    }

    /// Makes one that answers on whatever VLANs it is asked, with the tags of the question; it
    /// announces itself without tags.
    #[must_use]
    pub const fn on_any_vlan(mac: Mac, addresses: &'a [IpAddr]) -> Self {
        Self {
            is_on_any_vlan: true,
            ..Self::new(mac, Tags::NONE, addresses)
        }
    }

    /// Returns its addresses.
    #[must_use]
    pub const fn addresses(&self) -> &'a [IpAddr] {
        self.addresses
    }

    /// Says what `frame` was, and writes the answer into `answer` if there is one.
    #[must_use]
    pub fn hear(&self, frame: &[u8], answer: &mut [u8]) -> Heard {
        self.judge(frame, answer).unwrap_or_else(|heard| heard)
    }

    /// Does the same; what ends the judgement early is the error.
    fn judge(&self, frame: &[u8], out: &mut [u8]) -> Result<Heard, Heard> {
        let parsed = EthernetFrame::parse(frame).ok_or(Heard::Other)?;
        let (to, from) = (parsed.ethernet.destination, parsed.ethernet.source);
        let is_heard = to == self.mac || to.is_group();
        let is_on_vlan = self.is_on_any_vlan || parsed.tags.are_same_vlans(&self.tags);
        if !is_heard || from == self.mac || !is_on_vlan {
            return Err(Heard::Other);
        }
        let asked = Asked {
            frame: parsed,
            link: Link::answering(frame, &parsed, self.mac),
        };
        match parsed.ether_type {
            EtherType::ARP => self.arp(&asked, out),
            EtherType::IPV4 => self.ipv4(&asked, out),
            EtherType::IPV6 => self.ipv6(&asked, out),
            _ => Err(Heard::Other),
        }
    }

    /// Hears an ARP packet (RFC 826, "Packet Reception"; RFC 5227).
    fn arp(&self, asked: &Asked<'_>, out: &mut [u8]) -> Result<Heard, Heard> {
        let to = asked.frame.ethernet.destination;
        if to != self.mac && to != Mac::BROADCAST {
            return Err(Heard::Other);
        }
        let packet = asked.frame.packet;
        let (arp, _) = Arp::ref_from_prefix(packet).map_err(|_| Heard::Malformed)?;
        let sender = IpAddr::V4(arp.sender_ip());
        let is_probe = sender.is_unspecified();
        if !arp.is_well_formed()
            || !is_station(asked.frame.ethernet.source)
            || !is_station(arp.sender_mac)
            || !(is_probe || is_host(sender))
        {
            return Err(Heard::Malformed);
        }
        let target = IpAddr::V4(arp.target_ip());
        let is_to_us = self.addresses.contains(&target);
        let is_announcement = sender == target;
        if arp.sender_mac == self.mac || !(is_to_us || is_announcement) {
            return Err(Heard::Other);
        }
        let answer = if is_to_us && arp.is_request() {
            let reply = Arp::reply(arp, self.mac);
            let parts = [reply.as_bytes()];
            asked
                .link
                .write(arp.sender_mac, EtherType::ARP, &parts, out)
        } else {
            None
        };
        Ok(Heard::new(answer, self.neighbour(sender, arp.sender_mac)))
    }

    /// Hears an IPv4 packet, of which echo requests are answered (RFC 1122, section 3.2.2.6).
    fn ipv4(&self, asked: &Asked<'_>, out: &mut [u8]) -> Result<Heard, Heard> {
        let packet = asked.frame.packet;
        let (ip, _) = Ipv4::ref_from_prefix(packet).map_err(|_| Heard::Other)?;
        if ip.version() != 4
            || ip.protocol != Icmp::PROTOCOL
            || ip.is_fragment()
            || !self.is_own(asked, ip.destination().into())
        {
            return Err(Heard::Other);
        }
        let header_len = ip.header_len();
        let (header, message) = packet
            .get(..ip.total_length.get().into())
            .and_then(|packet| packet.split_at_checked(header_len))
            .filter(|(header, _)| header.len() >= size_of::<Ipv4>())
            .ok_or(Heard::Malformed)?;
        let (echo, data) = Echo::ref_from_prefix(message).map_err(|_| Heard::Malformed)?;
        if !Sum::of(header).is_valid() {
            return Err(Heard::Malformed);
        }
        if echo.icmp.icmp_type != Icmp::ECHO {
            return Err(Heard::Other);
        }
        self.check_echo(asked, ip.source().into(), echo, Sum::of(message))?;
        let reply = echo.reply(Icmp::ECHO_REPLY, Sum::ZERO, data);
        let mut ip = Ipv4::udp(ip.destination(), ip.source(), message.len() as u16);
        (ip.protocol, ip.ttl) = (Icmp::PROTOCOL, TTL);
        ip.set_checksum();
        let parts = [ip.as_bytes(), reply.as_bytes(), data];
        let mac = asked.frame.ethernet.source;
        let answer = asked.link.write(mac, EtherType::IPV4, &parts, out);
        Ok(Heard::new(answer, None))
    }

    /// Hears an IPv6 packet, of which neighbour discovery and echo requests matter.
    fn ipv6(&self, asked: &Asked<'_>, out: &mut [u8]) -> Result<Heard, Heard> {
        let (ip, rest) = Ipv6::ref_from_prefix(asked.frame.packet).map_err(|_| Heard::Other)?;
        let destination = ip.destination();
        if ip.version() != 6
            || ip.next_header != Ipv6::ICMP
            || !(self.is_own(asked, destination.into()) || self.is_in_group(asked, destination))
        {
            return Err(Heard::Other);
        }
        let bytes = rest
            .get(..ip.payload_length.get().into())
            .ok_or(Heard::Malformed)?;
        let (icmp, _) = Icmp::ref_from_prefix(bytes).map_err(|_| Heard::Malformed)?;
        let message = Message { ip, icmp, bytes };
        match icmp.icmp_type {
            NeighbourMessage::SOLICITATION => self.solicitation(asked, &message, out),
            NeighbourMessage::ADVERTISEMENT => self.advertisement(asked, &message),
            Icmp::V6_ECHO_REQUEST => self.echo(asked, &message, out),
            _ => Err(Heard::Other),
        }
    }

    /// Hears a solicitation (RFC 4861, sections 7.1.1, 7.2.3 and 7.2.4).
    fn solicitation(
        &self,
        asked: &Asked<'_>,
        message: &Message<'_>,
        out: &mut [u8],
    ) -> Result<Heard, Heard> {
        let (solicitation, options) = message.neighbour(asked)?;
        let mac = LinkLayerAddress::find(options, LinkLayerAddress::SOURCE)
            .map_err(|_| Heard::Malformed)?;
        let (source, destination) = (message.ip.source(), message.ip.destination());
        let is_detection = source.is_unspecified();
        let is_source_right = if is_detection {
            // A solicited-node group is its own.
            mac.is_none() && destination == solicited_node(destination)
        } else {
            is_host(source.into()) && mac.is_none_or(is_station)
        };
        if !is_source_right {
            return Err(Heard::Malformed);
        }
        let target = solicitation.target();
        if !self.addresses.contains(&target.into()) || mac == Some(self.mac) {
            return Err(Heard::Other);
        }
        let (envelope, flags) = if is_detection {
            let all_nodes = Envelope {
                mac: multicast_mac(ALL_NODES),
                source: target,
                destination: ALL_NODES,
            };
            (all_nodes, NeighbourMessage::OVERRIDE)
        } else {
            let asker = Envelope {
                mac: mac.unwrap_or(asked.frame.ethernet.source),
                source: target,
                destination: source,
            };
            let flags = NeighbourMessage::SOLICITED | NeighbourMessage::OVERRIDE;
            (asker, flags)
        };
        let advertisement = NeighbourMessage::advertisement(target, flags);
        let option = LinkLayerAddress::new(LinkLayerAddress::TARGET, self.mac);
        let answer = asked.link.write_ndp(&envelope, advertisement, option, out);
        let learned = mac.and_then(|mac| self.neighbour(source.into(), mac));
        Ok(Heard::new(answer, learned))
    }

    /// Hears an advertisement (RFC 4861, section 7.1.2).
    fn advertisement(&self, asked: &Asked<'_>, message: &Message<'_>) -> Result<Heard, Heard> {
        let (advertisement, options) = message.neighbour(asked)?;
        let mac = LinkLayerAddress::find(options, LinkLayerAddress::TARGET)
            .map_err(|_| Heard::Malformed)?;
        let is_solicited = advertisement.flags.get() & NeighbourMessage::SOLICITED != 0;
        if !is_host(message.ip.source().into())
            || !is_host(advertisement.target().into())
            || (is_solicited && message.ip.destination().is_multicast())
            || !mac.is_none_or(is_station)
        {
            return Err(Heard::Malformed);
        }
        let learned = mac.and_then(|mac| self.neighbour(IpAddr::V6(advertisement.target()), mac));
        Ok(Heard::new(None, learned))
    }

    /// Hears an echo request in IPv6 (RFC 4443, section 4.2).
    fn echo(
        &self,
        asked: &Asked<'_>,
        message: &Message<'_>,
        out: &mut [u8],
    ) -> Result<Heard, Heard> {
        let Message { ip, bytes, .. } = *message;
        if ip.destination().is_multicast() {
            return Err(Heard::Other);
        }
        let (echo, data) = Echo::ref_from_prefix(bytes).map_err(|_| Heard::Malformed)?;
        self.check_echo(asked, ip.source().into(), echo, message.sum())?;
        let len = ip.payload_length.get();
        let ip = Ipv6::new(ip.destination(), ip.source(), Ipv6::ICMP, len, 0, TTL);
        let reply = echo.reply(Icmp::V6_ECHO_REPLY, ip.pseudo_header(Ipv6::ICMP, len), data);
        let parts = [ip.as_bytes(), reply.as_bytes(), data];
        let mac = asked.frame.ethernet.source;
        let answer = asked.link.write(mac, EtherType::IPV6, &parts, out);
        Ok(Heard::new(answer, None))
    }

    /// Checks an echo request from `source`, whose message has that `sum`.
    fn check_echo(
        &self,
        asked: &Asked<'_>,
        source: IpAddr,
        echo: &Echo,
        sum: Sum,
    ) -> Result<(), Heard> {
        if !sum.is_valid()
            || echo.icmp.code != 0
            || !is_station(asked.frame.ethernet.source)
            || !is_host(source)
        {
            Err(Heard::Malformed)
        } else if self.addresses.contains(&source) {
            Err(Heard::Other)
        } else {
            Ok(())
        }
    }

    /// Returns whether a packet to `destination` came to the port alone.
    fn is_own(&self, asked: &Asked<'_>, destination: IpAddr) -> bool {
        asked.frame.ethernet.destination == self.mac && self.addresses.contains(&destination)
    }

    /// Returns whether a packet came to a group that the port is in (RFC 4291, section 2.8).
    fn is_in_group(&self, asked: &Asked<'_>, group: Ipv6Addr) -> bool {
        let is_of_group = |address: &IpAddr| match address {
            IpAddr::V4(_) => false,
            IpAddr::V6(address) => group == ALL_NODES || group == solicited_node(*address),
        };
        let mac = asked.frame.ethernet.destination;
        // Some may send it to the port's own MAC address (RFC 6085).
        (mac == self.mac || mac == multicast_mac(group)) && self.addresses.iter().any(is_of_group)
    }

    /// Returns the resolution of `ip`, if that is another's.
    fn neighbour(&self, ip: IpAddr, mac: Mac) -> Option<Neighbour> {
        let is_others = is_host(ip) && mac != self.mac && !self.addresses.contains(&ip);
        is_others.then_some(Neighbour { ip, mac })
    }
}

impl<'f> Message<'f> {
    fn sum(&self) -> Sum {
        let len = self.ip.payload_length.get();
        self.ip
            .pseudo_header(Ipv6::ICMP, len)
            .plus(Sum::of(self.bytes))
    }

    /// Returns the message of neighbour discovery and its options, checked as solicitations and
    /// advertisements have in common (RFC 4861, sections 7.1.1 and 7.1.2).
    fn neighbour(&self, asked: &Asked<'_>) -> Result<(&'f NeighbourMessage, &'f [u8]), Heard> {
        let (message, options) =
            NeighbourMessage::ref_from_prefix(self.bytes).map_err(|_| Heard::Malformed)?;
        let is_right = self.ip.hop_limit == ndp::HOP_LIMIT
            && self.icmp.code == 0
            && self.sum().is_valid()
            && !message.target().is_multicast()
            && is_station(asked.frame.ethernet.source);
        if is_right {
            Ok((message, options))
        } else {
            Err(Heard::Malformed)
        }
    }
}
