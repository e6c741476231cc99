//! Ancillary data of datagrams (RFC 3542, section 20.2): what the kernel tells of one that came, and
//! what it is told of one that is to be sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use libc::c_int;

use super::headers::Seen;
use crate::sys::batch::CONTROL_LEN;

/// Bytes of the header of each piece of data, and what all is aligned to.
const HEADER_LEN: usize = size_of::<libc::cmsghdr>();
const ALIGN: usize = align_of::<usize>();

/// What the kernel told of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The address that it was sent to.
    pub to: Option<IpAddr>,
    /// What its IP header said.
    pub seen: Seen,
    /// Bytes of each datagram but the last, if the kernel has joined several.
    pub segment: Option<usize>,
    /// The time at which it arrived, since the Unix epoch, if that was asked for.
    pub arrived: Option<Duration>,
}

/// The pieces of ancillary data: level, name and value.
fn pieces(mut control: &[u8]) -> impl Iterator<Item = (c_int, c_int, &[u8])> {
    std::iter::from_fn(move || {
        let (len, rest) = control.split_first_chunk()?;
        let (level, rest) = rest.split_first_chunk()?;
        let (name, _) = rest.split_first_chunk()?;
        let len = usize::from_ne_bytes(*len);
        let value = control.get(HEADER_LEN..len)?;
        control = control.get(len.next_multiple_of(ALIGN)..).unwrap_or(&[]);
        Some((
            c_int::from_ne_bytes(*level),
            c_int::from_ne_bytes(*name),
            value,
        ))
    })
}

impl Told {
    /// Reads what the kernel told.
    #[must_use]
    pub fn read(control: &[u8]) -> Self {
        let mut told = Self {
            to: None,
            seen: Seen {
                traffic_class: 0,
                ttl: 0,
            },
            segment: None,
            arrived: None,
        };
        // Numbers are a byte or a word, which has it where it is least.
        let number = |value: &[u8]| match value.first_chunk() {
            Some(word) => c_int::from_ne_bytes(*word) as u8,
            None => value.first().copied().unwrap_or(0),
        };
        for (level, name, value) in pieces(control) {
            match (level, name) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    // Interface, the address to answer from, the address in the header.
                    let to = value.get(8..12).and_then(|to| to.first_chunk::<4>());
                    told.to = to.map(|to| Ipv4Addr::from(*to).into());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let to = value.first_chunk::<16>();
                    told.to = to.map(|to| Ipv6Addr::from(*to).into());
                }
                (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                    told.seen.ttl = number(value);
                }
                (libc::IPPROTO_IP, libc::IP_TOS) | (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
                    told.seen.traffic_class = number(value);
                }
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    let len = value.first_chunk().map(|len| c_int::from_ne_bytes(*len));
                    told.segment = len.and_then(|len| usize::try_from(len).ok());
                }
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => told.arrived = time(value),
                _ => {}
            }
        }
        told
    }
}

/// Reads a time of seconds and nanoseconds.
fn time(value: &[u8]) -> Option<Duration> {
    let (seconds, rest) = value.split_first_chunk()?;
    let seconds = u64::try_from(i64::from_ne_bytes(*seconds)).ok()?;
    let nanos = u32::try_from(i64::from_ne_bytes(*rest.first_chunk()?)).ok()?;
    (nanos < 1_000_000_000).then(|| Duration::new(seconds, nanos))
}

/// Ancillary data of a datagram that is to be sent.
#[derive(Debug)]
pub struct Telling {
    bytes: [u8; CONTROL_LEN],
    len: usize,
}

impl Telling {
    /// Tells nothing.
    #[must_use]
    pub const fn nothing() -> Self {
        Self {
            bytes: [0; CONTROL_LEN],
            len: 0,
        }
    }

    /// Tells the address that an answer is sent from, and what its IP header is to say.
    #[must_use]
    pub fn answer(from: IpAddr, seen: Seen) -> Self {
        let mut telling = Self::nothing();
        let (ttl, class) = (c_int::from(seen.ttl), c_int::from(seen.traffic_class));
        match from {
            IpAddr::V4(from) => {
                // Any interface; the address in the header is not asked for.
                let mut info = [0; 12];
                info[4..8].copy_from_slice(&from.octets());
                telling.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
                telling.push(libc::IPPROTO_IP, libc::IP_TTL, &ttl.to_ne_bytes());
                telling.push(libc::IPPROTO_IP, libc::IP_TOS, &class.to_ne_bytes());
            }
            IpAddr::V6(from) => {
                let mut info = [0; 20];
                info[..16].copy_from_slice(&from.octets());
                telling.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
                telling.push(libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, &ttl.to_ne_bytes());
                telling.push(libc::IPPROTO_IPV6, libc::IPV6_TCLASS, &class.to_ne_bytes());
            }
        }
        telling
    }

    /// Has the kernel part what is sent into datagrams of `len` bytes, and a last one of the rest.
    #[must_use]
    pub fn segmented(mut self, len: u16) -> Self {
        self.push(libc::SOL_UDP, libc::UDP_SEGMENT, &len.to_ne_bytes());
        self
    }

    fn push(&mut self, level: c_int, name: c_int, value: &[u8]) {
        let len = HEADER_LEN + value.len();
        let piece = &mut self.bytes[self.len..][..len];
        piece[..8].copy_from_slice(&len.to_ne_bytes());
        piece[8..12].copy_from_slice(&level.to_ne_bytes());
        piece[12..16].copy_from_slice(&name.to_ne_bytes());
        piece[16..].copy_from_slice(value);
        self.len += len.next_multiple_of(ALIGN);
    }

    /// Returns it as the kernel takes it.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_understood() {
        for from in ["10.0.0.1", "fd00::1"] {
            let from: IpAddr = from.parse().unwrap();
            let seen = Seen {
                traffic_class: 184,
                ttl: 63,
            };
            let telling = Telling::answer(from, seen);
            let told = Told::read(telling.as_slice());
            assert_eq!(told.seen, seen);
            if from.is_ipv6() {
                assert_eq!(told.to, Some(from));
            }
        }
    }

    #[test]
    fn a_time_is_read() {
        let mut telling = Telling::nothing();
        let value = [7_i64.to_ne_bytes(), 999_999_999_i64.to_ne_bytes()].concat();
        telling.push(libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS, &value);
        let told = Told::read(telling.as_slice());
        assert_eq!(told.arrived, Some(Duration::new(7, 999_999_999)));
        assert_eq!(time(&[0xff; 16]), None);
    }

    #[test]
    fn what_was_cut_is_no_harm() {
        let telling = Telling::answer(
            "fd00::1".parse().unwrap(),
            Seen {
                traffic_class: 1,
                ttl: 2,
            },
        );
        for len in 0..telling.as_slice().len() {
            let _ = Told::read(&telling.as_slice()[..len]);
        }
        let _ = Told::read(&[0xff; 64]);
        let _ = Told::read(&[0; 64]);
    }
}
