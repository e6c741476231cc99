//! The oracle: tells what a frame is by its bytes alone.
//!
//! It is written from the definitions, byte by byte, and shares nothing with the code that it is
//! held against but the filling, which nothing else defines.

use std::net::{Ipv4Addr, SocketAddrV4};

use dpdkgen_core::probe::Index;
use dpdkgen_core::probe::filling::Filling;

/// The oracle of a run: what it has to know of the run's probes to recognise them.
#[derive(Debug)]
pub struct Oracle<'a> {
    /// The addresses that probes come from.
    pub sources: Vec<Ipv4Addr>,
    /// The address and UDP port that they go to.
    pub dest: SocketAddrV4,
    /// The first and the last source port.
    pub ports: (u16, u16),
    /// The length of the UDP payload in bytes.
    pub payload_len: usize,
    /// The run's tag, of 48 bits.
    pub tag: u64,
    /// The filling of every probe.
    pub filling: Filling<'a>,
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
    /// It is not IPv4.
    NotIpv4,
    /// It is not UDP.
    NotUdp,
    /// It is a fragment.
    Fragment,
    /// It is shorter than its headers or its lengths say, or these contradict each other.
    Malformed,
    /// It is to or from a group (multicast or broadcast), by MAC or IP.
    GroupAddress,
    /// It is from the reflector's own MAC.
    OwnMac,
    /// Its TTL is 0 or 1.
    Ttl,
}

/// Returns the 16 bits at `at` in network byte order, if the frame has them.
fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// Returns the IPv4 address at `at`, if the frame has one there.
fn address(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    let bytes: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(bytes.into())
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

/// Returns whether the UDP checksum is accepted (right, left out, or left to a NIC), and whether it
/// was left to a NIC. `ip` and `udp` are the offsets of the headers, `end` is that of the datagram's
/// end.
fn udp_checksum(frame: &[u8], ip: usize, udp: usize, end: usize) -> (bool, bool) {
    let [high, low] = [frame[udp + 6], frame[udp + 7]];
    if [high, low] == [0, 0] {
        return (true, false);
    }
    let mut pseudo = checksum_of(0, &frame[ip + 12..ip + 20]);
    pseudo = checksum_of(pseudo, &[0, frame[ip + 9]]);
    pseudo = checksum_of(pseudo, &frame[udp + 4..udp + 6]);
    if checksum_of(pseudo, &frame[udp..end]) == 0xffff {
        return (true, false);
    }
    let is_partial = pseudo == u32::from(u16::from_be_bytes([high, low]));
    (is_partial, is_partial)
}

impl Oracle<'_> {
    /// Returns what `frame` is, and whether its checksum was left to a NIC.
    #[must_use]
    pub fn classify(&self, frame: &[u8]) -> (Classification, bool) {
        let Some(udp) = self.udp_on_our_addresses(frame) else {
            return (Classification::Foreign, false);
        };
        let corrupt = (Classification::Corrupt, false);
        let total = usize::from(word(frame, 16).unwrap_or(0));
        let end = 14 + total;
        let is_fragment = word(frame, 20).unwrap_or(0) & 0x3fff != 0;
        if end > frame.len() || end < udp + 8 || is_fragment {
            return corrupt;
        }
        let says = usize::from(word(frame, udp + 4).unwrap_or(0));
        if udp + says != end || checksum_of(0, &frame[14..udp]) != 0xffff {
            return corrupt;
        }
        let (is_right, is_partial) = udp_checksum(frame, 14, udp, end);
        if !is_right {
            return corrupt;
        }
        (self.classify_payload(frame, udp, end), is_partial)
    }

    /// Returns the offset of the UDP header, if the frame is IPv4 UDP from the address and port
    /// that probes go to, and to an address and port that they come from.
    fn udp_on_our_addresses(&self, frame: &[u8]) -> Option<usize> {
        let first = *frame.get(14)?;
        let udp = 14 + usize::from(first & 15) * 4;
        let ours = word(frame, 12)? == 0x0800
            && first >> 4 == 4
            && first & 15 >= 5
            && *frame.get(23)? == 17
            && address(frame, 26)? == *self.dest.ip()
            && self.sources.contains(&address(frame, 30)?)
            && word(frame, udp)? == self.dest.port()
            && (self.ports.0..=self.ports.1).contains(&word(frame, udp + 2)?)
            && frame.len() >= udp + 8;
        ours.then_some(udp)
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
        if payload.len() != self.payload_len {
            return Classification::Corrupt;
        }
        let index = Index::new(number(6, 2) as u16, number(0, 6));
        let filling = &payload[if is_long { 24 } else { 16 }..];
        if filling != self.filling.of(index).0 {
            return Classification::Corrupt;
        }
        Classification::Probe(Claim {
            index,
            sent_ns: number(8, 6),
            lag_ns: if is_long { number(16, 4) as u32 } else { 0 },
            port_offset: word(frame, udp + 2).unwrap_or(0) - self.ports.0,
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
    if word(frame, 12).ok_or(short)? != 0x0800 {
        return Err(Unreflected::NotIpv4);
    }
    if frame.len() < 34 {
        return Err(short);
    }
    if frame[14] >> 4 != 4 {
        return Err(Unreflected::NotIpv4);
    }
    if frame[23] != 17 {
        return Err(Unreflected::NotUdp);
    }
    if word(frame, 20).ok_or(short)? & 0x3fff != 0 {
        return Err(Unreflected::Fragment);
    }
    let udp = 14 + usize::from(frame[14] & 15) * 4;
    let end = 14 + usize::from(word(frame, 16).ok_or(short)?);
    if udp < 34 || frame.len() < udp + 8 || end < udp + 8 || end > frame.len() {
        return Err(short);
    }
    let is_group = |ip: &[u8]| (224..240).contains(&ip[0]) || ip == [255; 4];
    if frame[0] & 1 == 1
        || frame[6] & 1 == 1
        || is_group(&frame[26..30])
        || is_group(&frame[30..34])
    {
        return Err(Unreflected::GroupAddress);
    }
    if frame[6..12] == own {
        return Err(Unreflected::OwnMac);
    }
    if frame[22] < 2 {
        return Err(Unreflected::Ttl);
    }
    // The datagram may end before the packet does.
    let says = usize::from(word(frame, udp + 4).ok_or(short)?);
    if says < 8 || udp + says > end {
        return Ok(false);
    }
    Ok(udp_checksum(frame, 14, udp, udp + says).1)
}
