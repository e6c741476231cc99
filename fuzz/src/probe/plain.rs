//! The plain reading of a received packet: byte by byte, in the order of the documented results.

use dpdkgen_core::probe::{Age, Index};
use dpdkgen_core::rx::verify::{Expectation, Reject, Verified};
use dpdkgen_core::time::{Instant, Span};

use super::LOW_48;
use crate::oracle::{self, ETHERNET, IPV4, UDP, four_at, u16_at};

/// The verdict on a packet received at one time, as in [`Verified`].
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    pub result: Result<Probe, Reject>,
    pub checksum_partial: bool,
}

/// The fields of a probe.
#[derive(Debug, PartialEq, Eq)]
pub struct Probe {
    pub index: Index,
    pub age: Age,
    pub lag: Option<Span>,
    pub port_offset: u16,
}

impl Verdict {
    pub fn of(verified: &Verified, now: Instant) -> Self {
        Self {
            result: verified.result.map(|probe| Probe {
                index: probe.head.index(),
                age: probe.head.age(now),
                lag: probe.lag,
                port_offset: probe.port_offset,
            }),
            checksum_partial: verified.checksum_partial,
        }
    }
}

/// Returns the verdict that a verifier with this expectation should reach.
pub fn verify(expectation: &Expectation<'_>, frame: &[u8], now: Instant) -> Verdict {
    let verdict = |result, checksum_partial| Verdict {
        result,
        checksum_partial,
    };
    let Some(udp_at) = addressed_to_us(expectation, frame) else {
        return verdict(Err(Reject::Foreign), false);
    };
    let Some(datagram) = right_lengths(frame, udp_at) else {
        return verdict(Err(Reject::Corrupt), false);
    };
    let (source, destination) = (four_at(frame, 26), four_at(frame, 30));
    let checksum = u16_at(datagram, 6);
    let is_right = oracle::udp_is_intact(source, destination, datagram);
    let partial = oracle::partial_checksum(source, destination, datagram.len() as u16);
    if !oracle::ip_is_intact(&frame[ETHERNET..udp_at]) || !is_right && checksum != partial {
        return verdict(Err(Reject::Corrupt), false);
    }
    verdict(payload(expectation, datagram, now), !is_right)
}

/// Returns the offset of the UDP header, if this is IPv4 UDP on the run's addresses and ports.
fn addressed_to_us(expectation: &Expectation<'_>, frame: &[u8]) -> Option<usize> {
    if frame.len() < ETHERNET + IPV4 {
        return None;
    }
    let header_len = usize::from(frame[14] & 15) * 4;
    let udp_at = ETHERNET + header_len;
    let is_ours = u16_at(frame, 12) == 0x0800
        && frame[14] >> 4 == 4
        && header_len >= IPV4
        && frame[23] == 17
        && frame.len() >= udp_at + UDP
        && four_at(frame, 26) == expectation.destination.ip().octets()
        && expectation
            .sources
            .iter()
            .any(|source| source.octets() == four_at(frame, 30))
        && u16_at(frame, udp_at) == expectation.destination.port()
        && u16_at(frame, udp_at + 2) >= expectation.first_source_port
        && u16_at(frame, udp_at + 2) <= expectation.last_source_port;
    is_ours.then_some(udp_at)
}

/// Returns the datagram, if the frame holds all of it, it is no fragment, and IP and UDP agree on
/// its length; padding may follow.
fn right_lengths(frame: &[u8], udp_at: usize) -> Option<&[u8]> {
    let end = ETHERNET + usize::from(u16_at(frame, 16));
    let is_fragment = u16_at(frame, 20) & 0x3fff != 0;
    let is_right = end <= frame.len()
        && end >= udp_at + UDP
        && !is_fragment
        && usize::from(u16_at(frame, udp_at + 4)) == end - udp_at;
    is_right.then(|| &frame[udp_at..end])
}

/// Returns the probe in the datagram, or the reason why it is none: of another run, or not as it
/// was sent.
fn payload(expectation: &Expectation<'_>, datagram: &[u8], now: Instant) -> Result<Probe, Reject> {
    let payload = &datagram[UDP..];
    // Too short for any tag.
    if payload.len() < 16 {
        return Err(Reject::Foreign);
    }
    let u64_at = |at: usize| u64::from_le_bytes(payload[at..at + 8].try_into().expect("8 bytes"));
    let is_long = payload.len() >= 24;
    let tag = expectation.tag.get();
    if u64_at(8) >> 48 != tag & 0xffff || is_long && u64_at(16) >> 32 != tag >> 16 {
        return Err(Reject::Foreign);
    }
    let index = Index::new((u64_at(0) >> 48) as u16, u64_at(0));
    let filling = &payload[if is_long { 24 } else { 16 }..];
    if payload.len() != usize::from(expectation.payload_len)
        || filling != expectation.filling.of(index).0
    {
        return Err(Reject::Corrupt);
    }
    Ok(Probe {
        index,
        age: age(u64_at(8) & LOW_48, now),
        lag: is_long.then(|| Span::from_nanos(u64_at(16) & 0xffff_ffff)),
        port_offset: u16_at(datagram, 2) - expectation.first_source_port,
    })
}

/// Returns the age at `now` of a time of which the low 48 bits are known: of the times with these
/// bits, that nearest to `now`.
pub fn age(low_48: u64, now: Instant) -> Age {
    const WRAP: i128 = 1 << 48;
    let (now, low_48) = (i128::from(now.as_nanos()), i128::from(low_48));
    // The last such time before `now`; negative if that was before the start.
    let past = low_48 + (now - low_48).div_euclid(WRAP) * WRAP;
    let behind = now - past;
    if past >= 0 && behind < WRAP / 2 {
        Age::Past(Span::from_nanos(behind as u64))
    } else {
        Age::Ahead(Span::from_nanos((past + WRAP - now) as u64))
    }
}
