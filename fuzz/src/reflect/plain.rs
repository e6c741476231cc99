//! The plain reading of a frame that a reflector gets: whether it is answered, and with what, byte
//! by byte.

use std::net::IpAddr;

use dpdkgen_core::reflect::Ignored;
use dpdkgen_core::wire::Mac;
use etherparse::IpNumber;

use crate::oracle::{self, IPV4, IPV6, TAG, UDP, u16_at};
use crate::places::{Link, Places};

/// The limits of what a reflector answers.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Its own MAC address.
    pub own: [u8; 6],
    /// Whether it answers for any MAC address.
    pub is_promiscuous: bool,
    /// The networks that it answers: an address in each, and how many of its bits count. None for
    /// all.
    pub allowed: Vec<(IpAddr, u8)>,
    /// The bytes of the largest frame, without tags.
    pub max_frame: usize,
}

impl Limits {
    /// Returns the places of the parts of `frame`, or the reason why it is not answered.
    pub fn answered(&self, frame: &[u8]) -> Result<Places, Ignored> {
        let places = udp_places(frame)?;
        let (end, tags) = (
            places.end(frame),
            Link::of(frame).map_or(0, |link| link.tags.len()),
        );
        let is_oversized = frame.len() - TAG * tags > self.max_frame;
        if end > frame.len() && is_oversized {
            return Err(Ignored::Oversized);
        }
        if end > frame.len() || end < places.udp + UDP {
            return Err(Ignored::Malformed);
        }
        if is_oversized {
            return Err(Ignored::Oversized);
        }
        let (source, destination) = places.addresses(frame);
        let groups = [
            frame[0] & 1 == 1,
            frame[6] & 1 == 1,
            is_group(source),
            is_group(destination),
        ];
        if groups.contains(&true) {
            Err(Ignored::GroupAddress)
        } else if frame[6..12] == self.own {
            Err(Ignored::OwnMac)
        } else if frame[..6] != self.own && !self.is_promiscuous {
            let mac = frame[..6].try_into().expect("six bytes");
            Err(Ignored::OtherMac(Mac(mac)))
        } else if frame[places.ttl()] < 2 {
            Err(Ignored::Ttl)
        } else if !self.allows(source) {
            Err(Ignored::NotAllowed(source))
        } else {
            Ok(places)
        }
    }

    fn allows(&self, source: IpAddr) -> bool {
        let is_in = |&(address, len): &(IpAddr, u8)| {
            let (ours, theirs) = (bits(address), bits(source));
            ours.len() == theirs.len() && ours[..len.into()] == theirs[..len.into()]
        };
        self.allowed.is_empty() || self.allowed.iter().any(is_in)
    }
}

/// Returns the bits of an address, the first one first.
fn bits(address: IpAddr) -> Vec<bool> {
    let octets = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let bits = |octet: u8| (0..8).rev().map(move |bit| octet >> bit & 1 == 1);
    octets.into_iter().flat_map(bits).collect()
}

/// Returns whether an address is a multicast address (RFC 5771, section 3; RFC 4291, section 2.7)
/// or the limited broadcast address (RFC 919, section 7).
fn is_group(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let octets = address.octets();
            octets[0] & 0xf0 == 0xe0 || octets == [0xff; 4]
        }
        IpAddr::V6(address) => address.octets()[0] == 0xff,
    }
}

/// Returns the places in a frame, or the reason why it is no UDP packet.
fn udp_places(frame: &[u8]) -> Result<Places, Ignored> {
    let link = Link::of(frame).ok_or(Ignored::Malformed)?;
    if link.is_tag() {
        return Err(Ignored::Tags);
    }
    let (is_v6, least) = match link.ether_type {
        0x0800 => (false, IPV4),
        0x86dd => (true, IPV6),
        _ => return Err(Ignored::NotIp),
    };
    let ip = link.packet;
    if frame.len() < ip + least {
        return Err(Ignored::Malformed);
    }
    if frame[ip] >> 4 != if is_v6 { 6 } else { 4 } {
        return Err(Ignored::NotIp);
    }
    let header_len = if is_v6 {
        IPV6
    } else {
        usize::from(frame[ip] & 15) * 4
    };
    if header_len < least {
        return Err(Ignored::Malformed);
    }
    let udp = ip + header_len;
    let places = Places { is_v6, ip, udp };
    if places.is_fragment(frame) {
        return Err(Ignored::Fragment);
    }
    match IpNumber(frame[places.protocol()]) {
        IpNumber::UDP => Ok(places),
        next if is_v6 && next.is_ipv6_ext_header_value() => Err(Ignored::ExtensionHeader),
        _ => Err(Ignored::NotUdp),
    }
}

/// Returns the part of the datagram that its own length tells, if the IP packet has that much.
pub fn covered(frame: &[u8], places: Places) -> Option<&[u8]> {
    let datagram = &frame[places.udp..places.end(frame)];
    let covered = datagram.get(..usize::from(u16_at(datagram, 4)))?;
    (covered.len() >= UDP).then_some(covered)
}

/// Returns the right UDP checksum, if the field holds the pseudo-header's sum alone.
pub fn completed_checksum(frame: &[u8], places: Places) -> Option<u16> {
    let covered = covered(frame, places)?;
    let (source, destination) = places.addresses(frame);
    let partial = oracle::partial_checksum(source, destination, u16_at(covered, 4));
    let is_partial =
        u16_at(covered, 6) == partial && !oracle::udp_is_intact(source, destination, covered);
    is_partial.then(|| oracle::udp_checksum(source, destination, covered))
}

/// Returns `frame` with its UDP checksum completed, if the field holds the pseudo-header's sum.
pub fn with_checksum_completed(frame: &[u8], places: Places) -> Vec<u8> {
    let mut completed = frame.to_vec();
    if let Some(checksum) = completed_checksum(frame, places) {
        completed[places.udp + 6..places.udp + 8].copy_from_slice(&checksum.to_be_bytes());
    }
    completed
}

/// Returns `frame` as it is sent back.
pub fn turned_round(frame: &[u8], places: Places) -> Vec<u8> {
    let completed = with_checksum_completed(frame, places);
    places.swapped(&with_lower_ttl(&completed, places))
}

/// Returns `frame` with a TTL or hop limit that is one less, and the checksum, if the header has
/// one, updated (RFC 1624, equation 3).
pub fn with_lower_ttl(frame: &[u8], places: Places) -> Vec<u8> {
    let mut lowered = frame.to_vec();
    let ttl = places.ttl();
    lowered[ttl] -= 1;
    if places.is_v6 {
        return lowered;
    }
    // The TTL and the protocol are a word, in front of the checksum.
    let words = [
        !u16_at(frame, ttl + 2),
        !u16_at(frame, ttl),
        u16_at(&lowered, ttl),
    ];
    let sum: u32 = words.map(u32::from).iter().sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    lowered[ttl + 2..ttl + 4].copy_from_slice(&(!sum as u16).to_be_bytes());
    lowered
}
