//! The plain reading of a received packet: byte by byte, in the order of the documented results.

use std::net::SocketAddr;

use dpdkgen_core::probe::{Age, Index};
use dpdkgen_core::rx::verify::{Expectation, Reject, Verified};
use dpdkgen_core::time::{Instant, Span};
use sim::truth::oracle::Mix;

use zerocopy::IntoBytes;

use super::LOW_48;
use crate::oracle::{self, UDP, u16_at};
use crate::places::{self, Link, Places};

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
    let Some(places) = udp_in_our_vlans(expectation, frame) else {
        return verdict(Err(Reject::Foreign), false);
    };
    let datagram = right_lengths(frame, places);
    let (source, destination) = places.addresses(frame);
    let from = SocketAddr::new(source, u16_at(frame, places.udp));
    let to = SocketAddr::new(destination, u16_at(frame, places.udp + 2));
    if expectation.is_through && !is_on_a_route(expectation, from, to) {
        return verdict(Err(Reject::Foreign), false);
    }
    if !expectation.is_through && !is_on_a_route(expectation, to, from) {
        let is_unturned = is_on_a_route(expectation, from, to)
            && is_header_intact(frame, places)
            && datagram.is_some_and(|datagram| has_our_tag(expectation, &datagram[UDP..]));
        let reject = if is_unturned {
            Reject::Unturned
        } else {
            Reject::Foreign
        };
        return verdict(Err(reject), false);
    }
    let Some(datagram) = datagram.filter(|_| is_header_intact(frame, places)) else {
        return verdict(Err(Reject::Corrupt), false);
    };
    let checksum = u16_at(datagram, 6);
    let is_right = oracle::udp_is_intact(source, destination, datagram);
    let partial = oracle::partial_checksum(source, destination, datagram.len() as u16);
    if !is_right && checksum != partial {
        return verdict(Err(Reject::Corrupt), false);
    }
    let sender = if expectation.is_through { from } else { to };
    let probe = payload(expectation, &datagram[UDP..], sender.port(), now);
    verdict(probe, !is_right)
}

/// Returns the places in a frame that is UDP over IP in the VLANs of the run.
fn udp_in_our_vlans(expectation: &Expectation<'_>, frame: &[u8]) -> Option<Places> {
    let tags = expectation.marks.tags.as_slice().iter();
    let tags: Vec<u16> = tags.map(|tag| u16_at(tag.as_bytes(), 0)).collect();
    let is_ours = Link::of(frame)?.vlans() == places::vlans(&tags);
    Places::of(frame).filter(|places| is_ours && places.has_udp(frame))
}

/// Returns whether probes of the run go from one of these addresses and ports to the other.
fn is_on_a_route(expectation: &Expectation<'_>, from: SocketAddr, to: SocketAddr) -> bool {
    from.port() >= expectation.first_source_port
        && from.port() <= expectation.last_source_port
        && expectation
            .routes
            .iter()
            .any(|route| route.source == from.ip() && route.destination == to)
}

/// Returns the datagram, if the frame holds all of it, it is no fragment, and IP and UDP agree on
/// its length; padding may follow.
fn right_lengths(frame: &[u8], places: Places) -> Option<&[u8]> {
    let (end, udp) = (places.end(frame), places.udp);
    let is_right = end <= frame.len()
        && end >= udp + UDP
        && !places.is_fragment(frame)
        && usize::from(u16_at(frame, udp + 4)) == end - udp;
    is_right.then(|| &frame[udp..end])
}

/// Returns whether the IP header has a right checksum, or none as in IPv6.
fn is_header_intact(frame: &[u8], places: Places) -> bool {
    places.is_v6 || oracle::ip_is_intact(&frame[places.ip..places.udp])
}

fn u64_at(payload: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(payload[at..at + 8].try_into().expect("8 bytes"))
}

/// Returns whether a payload has as much of the run's tag as it has room for.
fn has_our_tag(expectation: &Expectation<'_>, payload: &[u8]) -> bool {
    let tag = expectation.tag.get();
    payload.len() >= 16
        && u64_at(payload, 8) >> 48 == tag & 0xffff
        && (payload.len() < 24 || u64_at(payload, 16) >> 32 == tag >> 16)
}

/// Returns the probe in the payload, or the reason why it is none: of another run, or not as it was
/// sent.
fn payload(
    expectation: &Expectation<'_>,
    payload: &[u8],
    source_port: u16,
    now: Instant,
) -> Result<Probe, Reject> {
    if !has_our_tag(expectation, payload) {
        return Err(Reject::Foreign);
    }
    let is_long = payload.len() >= 24;
    let index = Index::new((u64_at(payload, 0) >> 48) as u16, u64_at(payload, 0));
    let filling = &payload[if is_long { 24 } else { 16 }..];
    let shares = expectation.payloads.sizes().shares().iter();
    let shares = shares.map(|share| (share.payload_len.into(), share.weight.into()));
    let (number, len) = Mix::new(&shares.collect::<Vec<_>>()).of(index.sequence());
    if payload.len() != len || filling != expectation.payloads.fillings(number).of(index).0 {
        return Err(Reject::Corrupt);
    }
    Ok(Probe {
        index,
        age: age(u64_at(payload, 8) & LOW_48, now),
        lag: is_long.then(|| Span::from_nanos(u64_at(payload, 16) & 0xffff_ffff)),
        port_offset: source_port - expectation.first_source_port,
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
