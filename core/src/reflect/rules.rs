//! The rules of a reflector: which frames it answers, so that it does no harm on a network.

use core::net::IpAddr;

use zerocopy::FromBytes;

use crate::port::FrameLen;
use crate::probe::layout::{Family, Layout};
use crate::wire::{EtherType, Ethernet, EthernetFrame, Ipv4, Ipv6, Mac, Prefix, Udp};

/// The reason for which a frame is not sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// Neither an IPv4 nor an IPv6 packet.
    NotIp,
    /// It has more VLAN tags than two.
    Tags,
    /// IP, but not UDP.
    NotUdp,
    /// A fragment of an IP packet.
    Fragment,
    /// IPv6 with an extension header.
    ExtensionHeader,
    /// Too short for the headers that it announces.
    Malformed,
    /// It has come cut, or cannot be sent, since it is longer than the port's largest frame.
    Oversized,
    /// To or from a group: a multicast or broadcast address, MAC or IP.
    GroupAddress,
    /// To the MAC address of another port.
    OtherMac(Mac),
    /// From the port's own MAC address: its host sent it, or it came back.
    OwnMac,
    /// A TTL or hop limit of 0 or 1, which ends here (RFC 1812, section 5.3.1; RFC 8200, section 3).
    Ttl,
    /// From an address that is not allowed.
    NotAllowed(IpAddr),
}

/// The rules by which a port answers.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The port's own MAC address.
    pub own: Mac,
    /// Whether frames to any other MAC address of one station are answered too.
    pub is_promiscuous: bool,
    /// The networks whose packets are answered; none for all.
    pub allowed: &'a [Prefix],
    /// The bytes of the largest frame that the port carries, without VLAN tags and FCS.
    pub max_frame: FrameLen,
}

impl Rules<'static> {
    /// Answers every frame to `own`, whatever its length.
    #[must_use]
    pub const fn of(own: Mac) -> Self {
        Self {
            own,
            is_promiscuous: false,
            allowed: &[],
            max_frame: FrameLen(u16::MAX),
        }
    }
}

/// A UDP datagram that is sent back.
pub(super) struct Datagram {
    pub layout: Layout,
    /// Bytes of IPv4 options between the layout's headers.
    pub options_len: usize,
    /// Bytes of the frame up to the end of the IP packet.
    pub end: usize,
}

/// What an IP header says of its packet.
struct Packet {
    family: Family,
    source: IpAddr,
    destination: IpAddr,
    ttl: u8,
    /// Bytes of header and options.
    header_len: usize,
    /// Bytes of the whole packet.
    len: usize,
    is_fragment: bool,
    protocol: u8,
}

impl Rules<'_> {
    /// Says whether `frame` is sent back, and where its headers lie, or why it is not.
    pub(super) fn judge(&self, frame: &[u8]) -> Result<Datagram, Ignored> {
        let link = EthernetFrame::parse(frame).ok_or(Ignored::Malformed)?;
        let ip = match link.ether_type {
            EtherType::IPV4 => Packet::ipv4(link.packet)?,
            EtherType::IPV6 => Packet::ipv6(link.packet)?,
            EtherType::VLAN | EtherType::SERVICE_VLAN => return Err(Ignored::Tags),
            _ => return Err(Ignored::NotIp),
        };
        if ip.is_fragment {
            return Err(Ignored::Fragment);
        }
        if ip.protocol != Ipv4::UDP {
            let is_extension = ip.family == Family::V6 && Ipv6::is_extension(ip.protocol);
            return Err(if is_extension {
                Ignored::ExtensionHeader
            } else {
                Ignored::NotUdp
            });
        }
        let layout = Layout::new(ip.family, link.tags.as_slice().len());
        let untagged_len = frame.len() - (layout.ip() - Layout::IPV4.ip());
        let is_oversized = untagged_len > usize::from(self.max_frame.0);
        let datagram = link
            .packet
            .get(..ip.len)
            .and_then(|packet| packet.get(ip.header_len..));
        if datagram.is_none_or(|datagram| datagram.len() < Udp::LEN) {
            return Err(if is_oversized && ip.len > link.packet.len() {
                Ignored::Oversized
            } else {
                Ignored::Malformed
            });
        }
        if is_oversized {
            return Err(Ignored::Oversized);
        }
        let Ethernet {
            destination,
            source,
            ..
        } = *link.ethernet;
        if destination.is_group()
            || source.is_group()
            || is_group(ip.source)
            || is_group(ip.destination)
        {
            return Err(Ignored::GroupAddress);
        }
        if source == self.own {
            return Err(Ignored::OwnMac);
        }
        if destination != self.own && !self.is_promiscuous {
            return Err(Ignored::OtherMac(destination));
        }
        if ip.ttl <= 1 {
            return Err(Ignored::Ttl);
        }
        let is_allowed = |prefix: &Prefix| prefix.contains(ip.source);
        if !self.allowed.is_empty() && !self.allowed.iter().any(is_allowed) {
            return Err(Ignored::NotAllowed(ip.source));
        }
        Ok(Datagram {
            layout,
            options_len: layout.ip() + ip.header_len - layout.udp(),
            end: layout.ip() + ip.len,
        })
    }
}

impl Packet {
    fn ipv4(packet: &[u8]) -> Result<Self, Ignored> {
        let (ip, _) = Ipv4::ref_from_prefix(packet).map_err(|_| Ignored::Malformed)?;
        if ip.version() != 4 {
            return Err(Ignored::NotIp);
        }
        if ip.header_len() < size_of::<Ipv4>() {
            return Err(Ignored::Malformed);
        }
        Ok(Self {
            family: Family::V4,
            source: ip.source().into(),
            destination: ip.destination().into(),
            ttl: ip.ttl,
            header_len: ip.header_len(),
            len: ip.total_length.get().into(),
            is_fragment: ip.is_fragment(),
            protocol: ip.protocol,
        })
    }

    fn ipv6(packet: &[u8]) -> Result<Self, Ignored> {
        let (ip, _) = Ipv6::ref_from_prefix(packet).map_err(|_| Ignored::Malformed)?;
        if ip.version() != 6 {
            return Err(Ignored::NotIp);
        }
        Ok(Self {
            family: Family::V6,
            source: ip.source().into(),
            destination: ip.destination().into(),
            ttl: ip.hop_limit,
            header_len: size_of::<Ipv6>(),
            len: size_of::<Ipv6>() + usize::from(ip.payload_length.get()),
            is_fragment: ip.next_header == Ipv6::FRAGMENT,
            protocol: ip.next_header,
        })
    }
}

/// Returns whether an address names a group of hosts.
const fn is_group(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_multicast() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_multicast(),
    }
}
