//! The verification of a received frame: what it is, from the frame alone, in the order in which
//! results exclude each other.

mod fast_path;
mod shapes;

use core::net::{IpAddr, SocketAddr};

use heapless::Vec;
use zerocopy::FromBytes;

use crate::probe::filling::Payloads;
use crate::probe::layout::{Addresses, Family, Marks};
use crate::probe::{Head, LONG_LEN, Tag, Tail};
use crate::time::Span;
use crate::wire::checksum::Sum;
use crate::wire::{EtherType, EthernetFrame, Ipv4, Ipv6, Udp};

pub use fast_path::Verifier;
pub(crate) use shapes::in_its_layout;
pub use shapes::{InLayout, LaidOut, Shapes};

/// The most ports that one run can use.
pub const MAX_PORTS: usize = 32;

/// Who sends to whom, of one port of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The address that the port sends from.
    pub source: IpAddr,
    /// The address and UDP port that it sends to, of the same family.
    pub destination: SocketAddr,
}

impl Route {
    /// Returns the route of these addresses.
    #[must_use]
    pub const fn of(addresses: &Addresses) -> Self {
        Self {
            source: addresses.source,
            destination: addresses.destination,
        }
    }
}

/// What a probe of this run looks like when it comes back.
#[derive(Clone, Debug)]
pub struct Expectation<'a> {
    /// The run's routes, all of one family.
    pub routes: Vec<Route, MAX_PORTS>,
    /// The tags, DSCP and TTL that probes are sent with.
    pub marks: Marks,
    /// Whether the path forwards: probes come back as they were sent rather than turned round.
    pub is_through: bool,
    /// The lowest of the run's source ports.
    pub first_source_port: u16,
    /// The highest of the run's source ports.
    pub last_source_port: u16,
    /// The payloads of the probes.
    pub payloads: Payloads<'a>,
    /// The run's tag.
    pub tag: Tag,
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
    /// Counted as foreign and as unturned: a probe of this run that comes back as it was sent,
    /// though the path is said to turn it round.
    Unturned,
    /// Counted as corrupt.
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

/// Says what the checksum in `udp` is, where `pseudo` is the sum of the pseudo-header, and `payload`
/// that of the payload.
#[must_use]
#[inline]
pub fn checksum_state(family: Family, pseudo: Sum, udp: &Udp, payload: Sum) -> ChecksumState {
    if udp.checksum == [0; 2] {
        // None was computed, which only IPv4 allows (RFC 768; RFC 8200, section 8.1).
        return match family {
            Family::V4 => ChecksumState::Good,
            Family::V6 => ChecksumState::Bad,
        };
    }
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
        let Some(datagram) = self.datagram(frame) else {
            return Reject::Foreign.into();
        };
        let (source, destination) = (datagram.source, datagram.destination);
        let (is_as_sent, is_returned) = (
            self.is_route(source, destination),
            self.is_route(destination, source),
        );
        if self.is_through {
            if !is_as_sent {
                return Reject::Foreign.into();
            }
        } else if !is_returned {
            return if is_as_sent && self.is_ours(&datagram) {
                Reject::Unturned.into()
            } else {
                Reject::Foreign.into()
            };
        }
        let Some(payload) = datagram.payload else {
            return Reject::Corrupt.into();
        };
        let expected = self.expected_filling(payload);
        // The sum of what is as expected is known; only what differs has to be added up.
        let (front, filling_sum) = expected.unwrap_or((payload, 0));
        let payload_sum = Sum::of(front).plus(Sum::of_u16(filling_sum));
        let udp = datagram.udp;
        let state = checksum_state(datagram.family, datagram.pseudo, udp, payload_sum);
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

    /// Returns the UDP datagram in `frame`, if it is one, in the run's VLAN.
    fn datagram<'f>(&self, frame: &'f [u8]) -> Option<Datagram<'f>> {
        let frame = EthernetFrame::parse(frame)?;
        if !frame.tags.are_same_vlans(&self.marks.tags) {
            return None;
        }
        match frame.ether_type {
            EtherType::IPV4 => Datagram::over_ipv4(frame.packet),
            EtherType::IPV6 => Datagram::over_ipv6(frame.packet),
            _ => None,
        }
    }

    /// Returns whether a port of the run sends from `source`, one of its source ports, to
    /// `destination`.
    fn is_route(&self, source: SocketAddr, destination: SocketAddr) -> bool {
        let ports = self.first_source_port..=self.last_source_port;
        ports.contains(&source.port())
            && self
                .routes
                .iter()
                .any(|route| route.source == source.ip() && route.destination == destination)
    }

    /// Returns whether a datagram has this run's tag.
    fn is_ours(&self, datagram: &Datagram<'_>) -> bool {
        datagram
            .payload
            .is_some_and(|payload| self.carries_our_tag(payload))
    }

    /// Returns the payload up to its filling, and the filling's sum, if length and filling are
    /// those of the probe that the payload's index names.
    #[inline]
    fn expected_filling<'f>(&self, payload: &'f [u8]) -> Option<(&'f [u8], u16)> {
        let (head, _) = Head::ref_from_prefix(payload).ok()?;
        let number = self.payloads.sizes().number_of(head.index());
        let share = self.payloads.sizes().shares()[number];
        if payload.len() != usize::from(share.payload_len) {
            return None;
        }
        let (expected, sum) = self.payloads.fillings(number).of(head.index());
        let (front, filling) = payload.split_at_checked(payload.len() - expected.len())?;
        (filling == expected).then_some((front, sum))
    }

    /// Returns the port that a probe of ours was sent from.
    const fn source_port(&self, udp: &Udp) -> u16 {
        if self.is_through {
            udp.source.get()
        } else {
            udp.destination.get()
        }
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
            port_offset: self.source_port(udp) - self.first_source_port,
        })
    }
}

/// A UDP datagram, whole or not.
struct Datagram<'f> {
    family: Family,
    source: SocketAddr,
    destination: SocketAddr,
    udp: &'f Udp,
    /// The sum of the pseudo-header.
    pseudo: Sum,
    /// Its payload; none if it is a fragment, or a length or the IP checksum is wrong.
    payload: Option<&'f [u8]>,
}

impl<'f> Datagram<'f> {
    fn over_ipv4(packet: &'f [u8]) -> Option<Self> {
        let (ip, _) = Ipv4::ref_from_prefix(packet).ok()?;
        let header_len = ip.header_len();
        if ip.version() != 4 || header_len < size_of::<Ipv4>() || ip.protocol != Ipv4::UDP {
            return None;
        }
        let (udp, _) = Udp::ref_from_prefix(packet.get(header_len..)?).ok()?;
        // Whatever follows the packet is padding to the least length of a frame.
        let whole = packet.get(..usize::from(ip.total_length.get()));
        let is_intact = |packet: &&[u8]| {
            let options = packet.get(size_of::<Ipv4>()..header_len);
            let sum = |options| ip.sum().plus(Sum::of(options));
            !ip.is_fragment() && options.is_some_and(|options| sum(options).is_valid())
        };
        Some(Self {
            family: Family::V4,
            source: SocketAddr::new(ip.source().into(), udp.source.get()),
            destination: SocketAddr::new(ip.destination().into(), udp.destination.get()),
            udp,
            pseudo: ip.pseudo_header(udp.length.get()),
            payload: whole
                .filter(is_intact)
                .and_then(|packet| payload(udp, packet.get(header_len..)?)),
        })
    }

    fn over_ipv6(packet: &'f [u8]) -> Option<Self> {
        let (ip, after) = Ipv6::ref_from_prefix(packet).ok()?;
        if ip.version() != 6 || ip.next_header != Ipv6::UDP {
            return None;
        }
        let (udp, _) = Udp::ref_from_prefix(after).ok()?;
        let whole = after.get(..usize::from(ip.payload_length.get()));
        Some(Self {
            family: Family::V6,
            source: SocketAddr::new(ip.source().into(), udp.source.get()),
            destination: SocketAddr::new(ip.destination().into(), udp.destination.get()),
            udp,
            pseudo: ip.pseudo_header(Ipv6::UDP, udp.length.get()),
            payload: whole.and_then(|datagram| payload(udp, datagram)),
        })
    }
}

/// Returns what follows `udp` in its `datagram`, if that is as long as it says.
fn payload<'f>(udp: &Udp, datagram: &'f [u8]) -> Option<&'f [u8]> {
    let is_whole = usize::from(udp.length.get()) == datagram.len();
    datagram.get(Udp::LEN..).filter(|_| is_whole)
}

#[cfg(test)]
mod tests;
