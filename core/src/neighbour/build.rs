//! The frames that a port sends of itself or in answer, put together from their headers.
//!
//! Each is written whole or not at all: `None` says that there is no room for it.

use core::net::{IpAddr, Ipv6Addr};

use zerocopy::IntoBytes;

use super::Responder;
use crate::port::FrameLen;
use crate::wire::ndp::{self, ALL_NODES, multicast_mac, solicited_node};
use crate::wire::{Arp, EtherType, Ethernet, EthernetFrame, Ipv6, LinkLayerAddress, Mac};
use crate::wire::{NeighbourMessage, Tags, Vlan};

impl Responder<'_> {
    /// Writes into `out` that `address` is at this port: an ARP announcement (RFC 5227, section 2.3)
    /// or an unsolicited advertisement to all nodes (RFC 4861, section 7.2.6).
    ///
    /// Returns `None`, and writes nothing, if `out` is too short.
    #[must_use]
    pub fn announce(&self, address: IpAddr, out: &mut [u8]) -> Option<FrameLen> {
        let link = Link::new(self.mac, self.tags);
        match address {
            IpAddr::V4(address) => {
                let arp = Arp::announcement((self.mac, address));
                link.write(Mac::BROADCAST, EtherType::ARP, &[arp.as_bytes()], out)
            }
            IpAddr::V6(address) => {
                let message = NeighbourMessage::advertisement(address, NeighbourMessage::OVERRIDE);
                let option = LinkLayerAddress::new(LinkLayerAddress::TARGET, self.mac);
                let envelope = Envelope {
                    mac: multicast_mac(ALL_NODES),
                    source: address,
                    destination: ALL_NODES,
                };
                link.write_ndp(&envelope, message, option, out)
            }
        }
    }

    /// Writes into `out` who has `target`, asked by `from`: an ARP request (RFC 826) or a multicast
    /// solicitation (RFC 4861, section 7.2.2).
    ///
    /// Returns `None`, and writes nothing, if `out` is too short, or the addresses are of different
    /// families.
    #[must_use]
    pub fn solicit(&self, from: IpAddr, target: IpAddr, out: &mut [u8]) -> Option<FrameLen> {
        let link = Link::new(self.mac, self.tags);
        match (from, target) {
            (IpAddr::V4(from), IpAddr::V4(target)) => {
                let arp = Arp::request((self.mac, from), target);
                link.write(Mac::BROADCAST, EtherType::ARP, &[arp.as_bytes()], out)
            }
            (IpAddr::V6(from), IpAddr::V6(target)) => {
                let group = solicited_node(target);
                let envelope = Envelope {
                    mac: multicast_mac(group),
                    source: from,
                    destination: group,
                };
                let message = NeighbourMessage::solicitation(target);
                let option = LinkLayerAddress::new(LinkLayerAddress::SOURCE, self.mac);
                link.write_ndp(&envelope, message, option, out)
            }
            _ => None,
        }
    }
}

/// The Ethernet header and the VLAN tags in front of a packet, from this port to anyone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    bytes: [u8; Self::MAX_LEN],
    len: usize,
}

/// To whom a message of neighbour discovery goes, and from which address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope {
    pub mac: Mac,
    pub source: Ipv6Addr,
    pub destination: Ipv6Addr,
}

impl Link {
    const MAX_LEN: usize = size_of::<Ethernet>() + Tags::MAX * Vlan::LEN;

    /// Makes that of frames from `source` with `tags`; the outer of two is a service tag.
    pub fn new(source: Mac, tags: Tags) -> Self {
        let mut link = Self {
            bytes: [0; Self::MAX_LEN],
            len: size_of::<Ethernet>(),
        };
        let tags = tags.as_slice();
        for (at, tag) in tags.iter().enumerate() {
            let has_inner = at + 1 < tags.len();
            link.put_type(if has_inner {
                EtherType::SERVICE_VLAN
            } else {
                EtherType::VLAN
            });
            link.put(link.len, tag.as_bytes());
            // Room for the type of what follows, which is put once that is known.
            link.len += Vlan::LEN;
        }
        link.from(source)
    }

    /// Makes that of answers from `source` to `frame`, which came as `asked`: with its tags as they
    /// are.
    pub fn answering(frame: &[u8], asked: &EthernetFrame<'_>, source: Mac) -> Self {
        let len = frame.len() - asked.packet.len();
        let mut bytes = [0; Self::MAX_LEN];
        bytes[..len].copy_from_slice(&frame[..len]);
        Self { bytes, len }.from(source)
    }

    fn from(mut self, source: Mac) -> Self {
        self.put(size_of::<Mac>(), source.as_bytes());
        self
    }

    /// Puts the type of what follows at the end.
    fn put_type(&mut self, ether_type: EtherType) {
        self.put(self.len - size_of::<EtherType>(), ether_type.as_bytes());
    }

    fn put(&mut self, at: usize, field: &[u8]) {
        self.bytes[at..at + field.len()].copy_from_slice(field);
    }

    /// Writes a frame to `destination` whose packet is `parts`, one behind the other.
    pub fn write(
        mut self,
        destination: Mac,
        ether_type: EtherType,
        parts: &[&[u8]],
        out: &mut [u8],
    ) -> Option<FrameLen> {
        self.put(0, destination.as_bytes());
        self.put_type(ether_type);
        let len = self.len + parts.iter().map(|part| part.len()).sum::<usize>();
        let frame_len = u16::try_from(len).ok()?;
        let (link, mut rest) = out.get_mut(..len)?.split_at_mut(self.len);
        link.copy_from_slice(&self.bytes[..self.len]);
        for part in parts {
            let (room, behind) = rest.split_at_mut(part.len());
            room.copy_from_slice(part);
            rest = behind;
        }
        Some(FrameLen(frame_len))
    }

    /// Writes a frame with `message` and `option`, summed up.
    pub fn write_ndp(
        self,
        envelope: &Envelope,
        mut message: NeighbourMessage,
        option: LinkLayerAddress,
        out: &mut [u8],
    ) -> Option<FrameLen> {
        const LEN: u16 = (NeighbourMessage::LEN + LinkLayerAddress::LEN) as u16;
        let Envelope {
            mac,
            source,
            destination,
        } = *envelope;
        let ip = Ipv6::new(source, destination, Ipv6::ICMP, LEN, 0, ndp::HOP_LIMIT);
        message.set_checksum(&ip, option.as_bytes());
        let parts = [ip.as_bytes(), message.as_bytes(), option.as_bytes()];
        self.write(mac, EtherType::IPV6, &parts, out)
    }
}
