//! Changes to a frame on its way.

use std::net::IpAddr;

use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::oracle::{self, ETHERNET, TAG, UDP, u16_at};
use crate::places::{Link, Places};

/// One change to a frame: five bytes of the input.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Edit {
    /// Chooses the kind of change; the order is that in [`Self::apply`].
    pub what: u8,
    /// The offset of the change in the frame, or the new length of frame or payload.
    pub at: U16,
    /// The value that is written, or the number of bytes that are added.
    pub value: U16,
}

/// The most bytes that an edit makes a frame have.
const MOST: usize = 9216;

impl Edit {
    /// Makes the change to `frame`.
    pub fn apply(&self, frame: &mut Vec<u8>) {
        let at = usize::from(self.at.get()).min(frame.len().saturating_sub(1));
        let value = self.value.get();
        let [low, high] = value.to_le_bytes();
        match self.what % 16 {
            0 => replace(frame, at, |_| low),
            1 => replace(frame, at, |byte| byte ^ low),
            2 => frame.truncate(usize::from(self.at.get())),
            3 => frame.resize((frame.len() + usize::from(low)).min(MOST), high),
            4 => splice(frame, at, usize::from(value)),
            5 => set_ip_checksum(frame),
            6 => set_udp_checksum(frame, oracle::udp_checksum),
            7 => set_udp_checksum(frame, |source, destination, datagram| {
                oracle::partial_checksum(source, destination, datagram.len() as u16)
            }),
            8 => set_udp_checksum(frame, |_, _, _| 0),
            9 => insert_option(frame, low),
            10 => resize_payload(frame, usize::from(self.at.get()), low),
            // The filling may still be right, and the payload's head and the ports say otherwise.
            11 => {
                if let Some(Places { udp, .. }) = Places::of(frame) {
                    replace(frame, udp + at % 32, |byte| byte ^ low);
                }
            }
            12 => insert_tag(frame, at, value),
            13 => remove_tag(frame),
            14 => forward(frame, low, high),
            _ => turn_round(frame),
        }
    }
}

fn replace(frame: &mut [u8], at: usize, with: impl Fn(u8) -> u8) {
    if let Some(byte) = frame.get_mut(at) {
        *byte = with(*byte);
    }
}

/// Copies up to 15 bytes from `at` to `to`.
fn splice(frame: &mut [u8], at: usize, to: usize) {
    let to = to.min(frame.len());
    let len = (at ^ to) % 16;
    let len = len
        .min(frame.len() - at.min(frame.len()))
        .min(frame.len() - to);
    frame.copy_within(at..at + len, to);
}

fn set_u16(frame: &mut [u8], at: usize, value: usize) {
    frame[at..at + 2].copy_from_slice(&(value as u16).to_be_bytes());
}

/// Returns the places in a frame, if an IP header and room for a UDP header are there.
fn udp_places(frame: &[u8]) -> Option<Places> {
    Places::of(frame).filter(|places| frame.len() >= places.udp + UDP)
}

/// Makes the payload `len` bytes long, and sets the lengths and checksums of both headers.
fn resize_payload(frame: &mut Vec<u8>, len: usize, with: u8) {
    let Some(places) = udp_places(frame) else {
        return;
    };
    let end = (places.udp + UDP + len).min(MOST);
    frame.resize(end, with);
    let (at, from) = places.length();
    set_u16(frame, at, end - from);
    set_u16(frame, places.udp + 4, end - places.udp);
    set_ip_checksum(frame);
    set_udp_checksum(frame, oracle::udp_checksum);
}

/// Sets the right checksum of the IP header, if it has one.
fn set_ip_checksum(frame: &mut [u8]) {
    if let Some(Places {
        is_v6: false,
        ip,
        udp,
    }) = Places::of(frame)
    {
        let checksum = oracle::ip_checksum(&frame[ip..udp]);
        set_u16(frame, ip + 10, usize::from(checksum));
    }
}

/// Sets the UDP checksum to the one that `checksum` returns for source, destination and datagram.
pub fn set_udp_checksum(frame: &mut [u8], checksum: impl Fn(IpAddr, IpAddr, &[u8]) -> u16) {
    let Some(places) = udp_places(frame) else {
        return;
    };
    let end = places.udp + usize::from(u16_at(frame, places.udp + 4));
    if let Some(datagram) = frame.get(places.udp..end)
        && datagram.len() >= UDP
    {
        let (source, destination) = places.addresses(frame);
        let checksum = checksum(source, destination, datagram);
        set_u16(frame, places.udp + 6, usize::from(checksum));
    }
}

/// Inserts a word of IPv4 options, or an extension header of 8 bytes (RFC 8200, section 4.6), if
/// there is room for it.
fn insert_option(frame: &mut Vec<u8>, with: u8) {
    let Some(places) = udp_places(frame) else {
        return;
    };
    let Places { is_v6, ip, udp } = places;
    let (at, _) = places.length();
    let len = usize::from(u16_at(frame, at));
    if frame.len() + 8 > MOST || len + 8 > usize::from(u16::MAX) {
        return;
    }
    if is_v6 {
        let next = std::mem::replace(&mut frame[places.protocol()], 60);
        frame.splice(udp..udp, [next, 0, with, with, with, with, with, with]);
        set_u16(frame, at, len + 8);
    } else if frame[ip] < 0x4f {
        frame.splice(udp..udp, [with; 4]);
        frame[ip] += 1;
        set_u16(frame, at, len + 4);
        set_ip_checksum(frame);
    }
}

/// Puts a tag in front of all others, if there is room for it; `at` chooses its type.
fn insert_tag(frame: &mut Vec<u8>, at: usize, tag: u16) {
    if frame.len() >= ETHERNET && frame.len() + TAG <= MOST {
        let [high, low] = tag.to_be_bytes();
        let ether_type = if at.is_multiple_of(2) {
            [0x81, 0]
        } else {
            [0x88, 0xa8]
        };
        frame.splice(12..12, [ether_type[0], ether_type[1], high, low]);
    }
}

/// Removes the tag in front of all others, if there is one.
fn remove_tag(frame: &mut Vec<u8>) {
    if Link::of(frame).is_some_and(|link| !link.tags.is_empty()) {
        frame.drain(12..12 + TAG);
    }
}

/// Sets TTL and differentiated services, as routers on the way do, and the checksum of the header.
fn forward(frame: &mut [u8], ttl: u8, dscp_ecn: u8) {
    let Some(places) = Places::of(frame) else {
        return;
    };
    frame[places.ttl()] = ttl;
    if places.is_v6 {
        frame[places.ip] = 0x60 | dscp_ecn >> 4;
        frame[places.ip + 1] = frame[places.ip + 1] & 0x0f | dscp_ecn << 4;
    } else {
        frame[places.ip + 1] = dscp_ecn;
        set_ip_checksum(frame);
    }
}

/// Swaps all addresses, which keeps the checksums right.
fn turn_round(frame: &mut [u8]) {
    if let Some(places) = udp_places(frame) {
        frame.copy_from_slice(&places.swapped(frame));
    }
}
