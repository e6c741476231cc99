//! The oracle: tells what a frame is by its bytes alone.
//!
//! It is written from the definitions, byte by byte, and shares nothing with the code that it is
//! held against but the filling, which nothing else defines.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use dpdkgen_core::probe::Index;
use dpdkgen_core::probe::filling::Payloads;

/// The oracle of a run: what it has to know of the run's probes to recognise them.
#[derive(Debug)]
pub struct Oracle<'a> {
    /// The address that probes of each port come from, and the address and UDP port that they go
    /// to.
    pub routes: Vec<(IpAddr, SocketAddr)>,
    /// Whether probes are expected as they were sent: the link forwards.
    pub is_through: bool,
    /// The VLANs of the probes, the outer one first.
    pub vlans: Vec<u16>,
    /// The first and the last source port.
    pub ports: (u16, u16),
    /// The offset of the UDP payload in a frame as it is sent.
    pub payload_at: usize,
    /// The lengths of UDP payloads.
    pub mix: Mix,
    /// The run's tag, of 48 bits.
    pub tag: u64,
    /// The fillings of the probes.
    pub payloads: Payloads<'a>,
}

/// The lengths of UDP payloads in bytes, and the order in which they follow one another.
#[derive(Debug)]
pub struct Mix {
    lens: Vec<usize>,
    /// Which of them each packet of a turn has.
    turn: Vec<usize>,
}

impl Mix {
    /// Makes the mix of these lengths and weights: each packet of a turn has the length that is
    /// furthest behind its share of the packets so far, with this one; of several the first.
    ///
    /// # Panics
    ///
    /// If there are no lengths.
    #[must_use]
    pub fn new(shares: &[(usize, u64)]) -> Self {
        let all: u64 = shares.iter().map(|(_, weight)| weight).sum();
        let mut turn = Vec::new();
        for packet in 1..=all {
            // In parts of a packet, of which there are as many as the weights add up to.
            let behind = |which: usize| {
                let had = turn.iter().filter(|had| **had == which).count() as u64;
                i128::from(packet * shares[which].1) - i128::from(had * all)
            };
            let mut all_behind = (0..shares.len()).map(|which| (which, behind(which)));
            let first = all_behind.next().expect("a length");
            let furthest = all_behind.fold(first, |furthest, other| {
                if other.1 > furthest.1 {
                    other
                } else {
                    furthest
                }
            });
            turn.push(furthest.0);
        }
        Self {
            lens: shares.iter().map(|(len, _)| *len).collect(),
            turn,
        }
    }

    /// Returns which of the lengths the probe of this sequence has, and the length.
    #[must_use]
    pub fn of(&self, sequence: u64) -> (usize, usize) {
        let which = self.turn[(sequence % self.turn.len() as u64) as usize];
        (which, self.lens[which])
    }
}

/// The kinds of frames that a receiver of probes tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Classification {
    /// A frame that is not of this run.
    Foreign,
    /// A frame of this run that is not as it was sent.
    Corrupt,
    /// A probe of this run, if it was ever sent.
    Probe(Claim),
}

/// The statements of a probe about itself, which may be false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The index of the probe: stream and sequence.
    pub index: Index,
    /// The time at which it was sent in nanoseconds, the low 48 bits.
    pub sent_ns: u64,
    /// The time from due to sent in nanoseconds; 0 if it does not say.
    pub lag_ns: u32,
    /// The number of its source port, counted from the first one.
    pub port_offset: u16,
}

/// The reasons for which a reflector does not send a frame back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreflected {
    /// It is neither IPv4 nor IPv6.
    NotIp,
    /// It has more than two tags.
    Tags,
    /// It is not UDP.
    NotUdp,
    /// It is a fragment.
    Fragment,
    /// It is IPv6 with an extension header.
    ExtensionHeader,
    /// It is shorter than its headers or its lengths say, or these contradict each other.
    Malformed,
    /// It is to or from a group (multicast or broadcast), by MAC or IP.
    GroupAddress,
    /// It is to another MAC than the reflector's.
    OtherMac,
    /// It is from the reflector's own MAC.
    OwnMac,
    /// Its TTL or hop limit is 0 or 1.
    Ttl,
}

/// Returns the 16 bits at `at` in network byte order, if the frame has them.
fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// Returns the IP address of version `version` at `at`, if the frame has one there.
fn address(bytes: &[u8], version: u8, at: usize) -> Option<IpAddr> {
    Some(if version == 4 {
        let octets: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        Ipv4Addr::from(octets).into()
    } else {
        let octets: [u8; 16] = bytes.get(at..at + 16)?.try_into().ok()?;
        Ipv6Addr::from(octets).into()
    })
}

/// The parts of a frame up to its IP header.
struct Link {
    /// The VLANs, without those that are 0, which tell a priority only.
    vlans: Vec<u16>,
    ether_type: u16,
    /// The offset of what follows the type.
    ip: usize,
}

/// Returns the parts of a frame, if it is long enough for its tags, of which two are taken off.
fn link(frame: &[u8]) -> Option<Link> {
    let is_tag = |at| Some([0x8100, 0x88a8].contains(&word(frame, at)?));
    let (mut vlans, mut at) = (Vec::new(), 12);
    for _ in 0..2 {
        if !is_tag(at)? {
            break;
        }
        let vlan = word(frame, at + 2)? & 0xfff;
        if vlan != 0 {
            vlans.push(vlan);
        }
        at += 4;
    }
    // A third tag is not taken off, but has to be there.
    let is_whole = !is_tag(at)? || frame.len() >= at + 6;
    is_whole.then_some(Link {
        vlans,
        ether_type: word(frame, at)?,
        ip: at + 2,
    })
}

/// Adds the ones' complement sum of `bytes` (RFC 1071, section 1) to `sum`.
fn checksum_of(sum: u32, bytes: &[u8]) -> u32 {
    let mut sum = sum;
    for pair in bytes.chunks(2) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u32::from(u16::from_be_bytes([pair[0], low]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum
}

/// The offsets of a datagram in its frame.
#[derive(Clone, Copy)]
struct Datagram {
    version: u8,
    ip: usize,
    udp: usize,
}

impl Datagram {
    /// Returns the offset of the addresses, and the length of each.
    fn addresses(self) -> (usize, usize) {
        if self.version == 4 {
            (self.ip + 12, 4)
        } else {
            (self.ip + 8, 16)
        }
    }

    /// Returns the offset of the end of the IP packet by the length that its header says.
    fn end(self, frame: &[u8]) -> Option<usize> {
        Some(if self.version == 4 {
            self.ip + usize::from(word(frame, self.ip + 2)?)
        } else {
            self.ip + 40 + usize::from(word(frame, self.ip + 4)?)
        })
    }

    /// Returns whether the UDP checksum of a datagram up to `end` is accepted (right, left out over
    /// IPv4, or left to a NIC), and whether it was left to a NIC.
    fn checksum(self, frame: &[u8], end: usize) -> (bool, bool) {
        let udp = self.udp;
        let [high, low] = [frame[udp + 6], frame[udp + 7]];
        if [high, low] == [0, 0] {
            return (self.version == 4, false);
        }
        let (at, len) = self.addresses();
        let mut pseudo = checksum_of(0, &frame[at..at + 2 * len]);
        pseudo = checksum_of(pseudo, &[0, 17]);
        pseudo = checksum_of(pseudo, &frame[udp + 4..udp + 6]);
        if checksum_of(pseudo, &frame[udp..end]) == 0xffff {
            return (true, false);
        }
        let is_partial = pseudo == u32::from(u16::from_be_bytes([high, low]));
        (is_partial, is_partial)
    }
}

impl Oracle<'_> {
    /// Returns what `frame` is, and whether its checksum was left to a NIC.
    #[must_use]
    pub fn classify(&self, frame: &[u8]) -> (Classification, bool) {
        let Some(datagram) = self.udp_on_our_addresses(frame) else {
            return (Classification::Foreign, false);
        };
        let corrupt = (Classification::Corrupt, false);
        let Datagram { version, ip, udp } = datagram;
        let end = datagram.end(frame).unwrap_or(0);
        let is_fragment = version == 4 && word(frame, ip + 6).unwrap_or(0) & 0x3fff != 0;
        if end > frame.len() || end < udp + 8 || is_fragment {
            return corrupt;
        }
        let says = usize::from(word(frame, udp + 4).unwrap_or(0));
        let is_ip_intact = version == 6 || checksum_of(0, &frame[ip..udp]) == 0xffff;
        if udp + says != end || !is_ip_intact {
            return corrupt;
        }
        let (is_right, is_partial) = datagram.checksum(frame, end);
        if !is_right {
            return corrupt;
        }
        (self.classify_payload(frame, udp, end), is_partial)
    }

    /// Returns the UDP datagram, if the frame is one in the run's VLANs, from an address and port
    /// that probes go to, and to an address and port that these come from; the other way round where
    /// the link forwards.
    fn udp_on_our_addresses(&self, frame: &[u8]) -> Option<Datagram> {
        let link = link(frame)?;
        let ip = link.ip;
        let first = *frame.get(ip)?;
        let (version, udp, protocol) = match link.ether_type {
            0x0800 if first & 15 >= 5 => (4, ip + usize::from(first & 15) * 4, ip + 9),
            0x86dd => (6, ip + 40, ip + 6),
            _ => return None,
        };
        let datagram = Datagram { version, ip, udp };
        let (at, len) = datagram.addresses();
        // The end that the probe was sent from, and the one that it was sent to.
        let (home, away) = if self.is_through {
            (at, at + len)
        } else {
            (at + len, at)
        };
        let away_port = if self.is_through { udp + 2 } else { udp };
        let to = SocketAddr::new(address(frame, version, away)?, word(frame, away_port)?);
        let from = address(frame, version, home)?;
        let ours = link.vlans == self.vlans
            && first >> 4 == version
            && *frame.get(protocol)? == 17
            && self.routes.contains(&(from, to))
            && (self.ports.0..=self.ports.1).contains(&self.source_port(frame, udp)?)
            && frame.len() >= udp + 8;
        ours.then_some(datagram)
    }

    /// Returns the UDP port that a probe was sent from.
    fn source_port(&self, frame: &[u8], udp: usize) -> Option<u16> {
        word(frame, if self.is_through { udp } else { udp + 2 })
    }

    /// Returns what a frame with an intact datagram is, by its payload.
    fn classify_payload(&self, frame: &[u8], udp: usize, end: usize) -> Classification {
        let payload = &frame[udp + 8..end];
        let number = |from: usize, len: usize| {
            let bytes = &payload[from..from + len];
            bytes
                .iter()
                .rev()
                .fold(0, |n, byte| n << 8 | u64::from(*byte))
        };
        if payload.len() < 16 {
            return Classification::Foreign;
        }
        let is_long = payload.len() >= 24;
        let tag = number(14, 2) | if is_long { number(20, 4) << 16 } else { 0 };
        let tag_bits = if is_long { 48 } else { 16 };
        if tag != self.tag & ((1 << tag_bits) - 1) {
            return Classification::Foreign;
        }
        let (size, len) = self.mix.of(number(0, 6));
        if payload.len() != len {
            return Classification::Corrupt;
        }
        let index = Index::new(number(6, 2) as u16, number(0, 6));
        let filling = &payload[if is_long { 24 } else { 16 }..];
        if filling != self.payloads.fillings(size).of(index).0 {
            return Classification::Corrupt;
        }
        Classification::Probe(Claim {
            index,
            sent_ns: number(8, 6),
            lag_ns: if is_long { number(16, 4) as u32 } else { 0 },
            port_offset: self.source_port(frame, udp).unwrap_or(0) - self.ports.0,
        })
    }
}

/// Returns whether a reflector with the MAC `own` sends `frame` back; `Ok(true)` if it also
/// completes a checksum that was left to a NIC.
///
/// # Errors
///
/// If it does not; the reason.
pub fn expected_reflection(frame: &[u8], own: [u8; 6]) -> Result<bool, Unreflected> {
    let short = Unreflected::Malformed;
    let Link { ether_type, ip, .. } = link(frame).ok_or(short)?;
    let (version, header_len) = match ether_type {
        0x0800 => (4, 20),
        0x86dd => (6, 40),
        0x8100 | 0x88a8 => return Err(Unreflected::Tags),
        _ => return Err(Unreflected::NotIp),
    };
    if frame.len() < ip + header_len {
        return Err(short);
    }
    if frame[ip] >> 4 != version {
        return Err(Unreflected::NotIp);
    }
    let (udp, protocol, ttl) = if version == 4 {
        (
            ip + usize::from(frame[ip] & 15) * 4,
            frame[ip + 9],
            frame[ip + 8],
        )
    } else {
        (ip + 40, frame[ip + 6], frame[ip + 7])
    };
    if udp < ip + header_len {
        return Err(short);
    }
    let is_fragment = if version == 4 {
        word(frame, ip + 6).ok_or(short)? & 0x3fff != 0
    } else {
        protocol == 44
    };
    if is_fragment {
        return Err(Unreflected::Fragment);
    }
    if protocol != 17 {
        let is_extension = [0, 43, 50, 51, 60, 135, 139, 140, 253, 254].contains(&protocol);
        return Err(if version == 6 && is_extension {
            Unreflected::ExtensionHeader
        } else {
            Unreflected::NotUdp
        });
    }
    let datagram = Datagram { version, ip, udp };
    let end = datagram.end(frame).ok_or(short)?;
    if end < udp + 8 || end > frame.len() {
        return Err(short);
    }
    let (at, len) = datagram.addresses();
    let is_group = |ip: &[u8]| match version {
        4 => (224..240).contains(&ip[0]) || ip == [255; 4],
        _ => ip[0] == 255,
    };
    if frame[0] & 1 == 1
        || frame[6] & 1 == 1
        || is_group(&frame[at..at + len])
        || is_group(&frame[at + len..at + 2 * len])
    {
        return Err(Unreflected::GroupAddress);
    }
    if frame[6..12] == own {
        return Err(Unreflected::OwnMac);
    }
    if frame[..6] != own {
        return Err(Unreflected::OtherMac);
    }
    if ttl < 2 {
        return Err(Unreflected::Ttl);
    }
    // The datagram may end before the packet does.
    let says = usize::from(word(frame, udp + 4).ok_or(short)?);
    if says < 8 || udp + says > end {
        return Ok(false);
    }
    Ok(datagram.checksum(frame, udp + says).1)
}
