//! The verification of a received frame: what it is, from the frame alone, in the order in which
//! results exclude each other.

mod fast_path;

use core::net::{Ipv4Addr, SocketAddrV4};

use heapless::Vec;
use zerocopy::FromBytes;

use crate::probe::filling::Filling;
use crate::probe::{Head, LONG_LEN, Tag, Tail};
use crate::time::Span;
use crate::wire::checksum::Sum;
use crate::wire::{EtherType, Ethernet, Ipv4, Udp};

pub use fast_path::Verifier;

/// The most ports that one run can use.
pub const MAX_PORTS: usize = 32;

/// The fields by which a probe of this run is known when it comes back.
#[derive(Clone, Debug)]
pub struct Expectation<'a> {
    /// The addresses that the run's ports send from.
    pub sources: Vec<Ipv4Addr, MAX_PORTS>,
    /// The address and port that the probes were sent to.
    pub destination: SocketAddrV4,
    /// The lowest of the run's source ports.
    pub first_source_port: u16,
    /// The highest of the run's source ports.
    pub last_source_port: u16,
    /// Bytes of UDP payload of every probe.
    pub payload_len: u16,
    /// The run's tag.
    pub tag: Tag,
    /// The run's filling, made for `payload_len`.
    pub filling: Filling<'a>,
}

/// A probe of this run, as intact as can be told from the frame alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The head, which tells its index and when it was sent.
    pub head: Head,
    /// The time from when it was due to when it was sent, if it tells that.
    pub lag: Option<Span>,
    /// The distance of the source port that it was sent from above the first.
    pub port_offset: u16,
}

/// The reason for which a frame is no intact probe of this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// It is not of this run, and counts as foreign.
    Foreign,
    /// It is not as it was sent, and counts as corrupt.
    Corrupt,
}

/// The state of the checksum of a UDP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumState {
    /// The checksum is right, or was left out by the sender (RFC 768).
    Good,
    /// Only the pseudo-header is summed: the sender left the rest to a NIC that was never there.
    Partial,
    /// The checksum is wrong.
    Bad,
}

/// Returns the state of the checksum in `udp`, where `payload` is the sum of the payload.
#[must_use]
#[inline]
pub fn checksum_state(ip: &Ipv4, udp: &Udp, payload: Sum) -> ChecksumState {
    if udp.checksum == [0; 2] {
        return ChecksumState::Good;
    }
    let pseudo = ip.pseudo_header(udp.length.get());
    if pseudo.plus(udp.sum()).plus(payload).is_valid() {
        ChecksumState::Good
    } else if is_partial(pseudo, udp) {
        ChecksumState::Partial
    } else {
        ChecksumState::Bad
    }
}

/// Returns whether the checksum field holds the sum of the pseudo-header and nothing else.
#[must_use]
#[inline]
pub fn is_partial(pseudo: Sum, udp: &Udp) -> bool {
    udp.checksum == pseudo.fold().to_ne_bytes()
}

/// The findings of [`Expectation::verify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// A probe of this run, or why not.
    pub result: Result<Probe, Reject>,
    /// `true` if it came as `CHECKSUM_PARTIAL`.
    pub checksum_partial: bool,
}

impl From<Probe> for Verified {
    fn from(probe: Probe) -> Self {
        Self {
            result: Ok(probe),
            checksum_partial: false,
        }
    }
}

impl From<Reject> for Verified {
    fn from(reject: Reject) -> Self {
        Self {
            result: Err(reject),
            checksum_partial: false,
        }
    }
}

impl Expectation<'_> {
    /// Returns what `frame` is, which may be any, step by step in the order of the results.
    #[inline(never)]
    pub fn verify(&self, frame: &[u8]) -> Verified {
        let Some((ip, udp, packet)) = self.addressed_to_us(frame) else {
            return Reject::Foreign.into();
        };
        let Some(payload) = intact_payload(ip, udp, packet) else {
            return Reject::Corrupt.into();
        };
        let expected = self.expected_filling(payload);
        // The sum of what is as expected is known; only what differs has to be added up.
        let (front, filling_sum) = expected.unwrap_or((payload, 0));
        let payload_sum = Sum::of(front).plus(Sum::of_u16(filling_sum));
        let state = checksum_state(ip, udp, payload_sum);
        if state == ChecksumState::Bad {
            return Reject::Corrupt.into();
        }
        let result = if !self.carries_our_tag(payload) {
            Err(Reject::Foreign)
        } else if expected.is_none() {
            Err(Reject::Corrupt)
        } else {
            self.probe(udp, payload).ok_or(Reject::Corrupt)
        };
        Verified {
            result,
            checksum_partial: state == ChecksumState::Partial,
        }
    }

    /// Returns the headers and the IP packet, if it is IPv4 UDP on this run's addresses and ports.
    #[inline]
    fn addressed_to_us<'f>(&self, frame: &'f [u8]) -> Option<(&'f Ipv4, &'f Udp, &'f [u8])> {
        let (ethernet, packet) = Ethernet::ref_from_prefix(frame).ok()?;
        let (ip, _) = Ipv4::ref_from_prefix(packet).ok()?;
        if ethernet.ether_type != EtherType::IPV4
            || ip.version() != 4
            || ip.header_len() < size_of::<Ipv4>()
            || ip.protocol != Ipv4::UDP
            || ip.source() != *self.destination.ip()
            || !self.sources.contains(&ip.destination())
        {
            return None;
        }
        let (udp, _) = Udp::ref_from_prefix(packet.get(ip.header_len()..)?).ok()?;
        let ours = udp.source.get() == self.destination.port()
            && (self.first_source_port..=self.last_source_port).contains(&udp.destination.get());
        ours.then_some((ip, udp, packet))
    }

    /// Returns the payload up to its filling, and the filling's sum, if length and filling are
    /// those of the probe that the payload's index names.
    #[inline]
    fn expected_filling<'f>(&self, payload: &'f [u8]) -> Option<(&'f [u8], u16)> {
        if payload.len() != usize::from(self.payload_len) {
            return None;
        }
        let (head, _) = Head::ref_from_prefix(payload).ok()?;
        let (expected, sum) = self.filling.of(head.index());
        let (front, filling) = payload.split_at_checked(payload.len() - expected.len())?;
        (filling == expected).then_some((front, sum))
    }

    #[inline]
    fn carries_our_tag(&self, payload: &[u8]) -> bool {
        let Ok((head, after)) = Head::ref_from_prefix(payload) else {
            return false;
        };
        // A payload long enough for the whole tag is judged by the whole tag.
        head.tag_short() == self.tag.short()
            && Tail::ref_from_prefix(after)
                .map_or(true, |(tail, _)| tail.tag_rest() == self.tag.rest())
    }

    #[inline]
    fn probe(&self, udp: &Udp, payload: &[u8]) -> Option<Probe> {
        let (head, after) = Head::ref_from_prefix(payload).ok()?;
        let lag = if payload.len() >= LONG_LEN {
            Some(Tail::ref_from_prefix(after).ok()?.0.lag())
        } else {
            None
        };
        Some(Probe {
            head: *head,
            lag,
            port_offset: udp.destination.get() - self.first_source_port,
        })
    }
}

/// Returns the UDP payload, if the packet is whole and its lengths and IP checksum are right.
#[inline]
fn intact_payload<'f>(ip: &Ipv4, udp: &Udp, packet: &'f [u8]) -> Option<&'f [u8]> {
    let header_len = ip.header_len();
    // Whatever follows the packet is padding to the least length of a frame.
    let packet = packet.get(..usize::from(ip.total_length.get()))?;
    let options = packet.get(size_of::<Ipv4>()..header_len)?;
    let payload = packet.get(header_len + Udp::LEN..)?;
    let intact = !ip.is_fragment()
        && usize::from(udp.length.get()) == payload.len() + Udp::LEN
        && (ip.sum().plus(Sum::of(options))).is_valid();
    intact.then_some(payload)
}

#[cfg(test)]
mod tests;
