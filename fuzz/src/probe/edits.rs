//! Changes to a frame on its way.

use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::oracle::{self, ETHERNET, IPV4, UDP, four_at, u16_at};

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
        let [low, high] = self.value.get().to_le_bytes();
        match self.what % 12 {
            0 | 1 => self.replace(frame, at, low),
            2 => frame.truncate(usize::from(self.at.get())),
            3 => frame.resize((frame.len() + usize::from(low)).min(MOST), high),
            4 => splice(frame, at, usize::from(self.value.get())),
            5 => set_ip_checksum(frame),
            6 => set_udp_checksum(frame, right_checksum),
            7 => set_udp_checksum(frame, |source, destination, datagram| {
                oracle::partial_checksum(source, destination, datagram.len() as u16)
            }),
            8 => set_udp_checksum(frame, |_, _, _| 0),
            9 => insert_option(frame, low),
            10 => self.resize_payload(frame, low),
            // The filling may still be right, and the payload's head and the ports say otherwise.
            _ => self.replace(frame, ETHERNET + IPV4 + at % 32, low),
        }
    }

    fn replace(&self, frame: &mut [u8], at: usize, with: u8) {
        if let Some(byte) = frame.get_mut(at) {
            *byte = if self.what.is_multiple_of(12) {
                with
            } else {
                *byte ^ with
            };
        }
    }

    /// Makes the payload `self.at` bytes long, and sets the lengths and checksums of both headers.
    fn resize_payload(&self, frame: &mut Vec<u8>, with: u8) {
        let Some(udp_at) = udp_at(frame) else { return };
        let end = (udp_at + UDP + usize::from(self.at.get())).min(MOST);
        frame.resize(end, with);
        set_u16(frame, 16, end - ETHERNET);
        set_u16(frame, udp_at + 4, end - udp_at);
        set_ip_checksum(frame);
        set_udp_checksum(frame, right_checksum);
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

/// Returns the offset of the UDP header, if there are an IPv4 and a UDP header.
fn udp_at(frame: &[u8]) -> Option<usize> {
    let packet = frame.get(ETHERNET..)?;
    let header = etherparse::Ipv4HeaderSlice::from_slice(packet).ok()?;
    let at = ETHERNET + header.slice().len();
    (frame.len() >= at + UDP).then_some(at)
}

fn set_ip_checksum(frame: &mut [u8]) {
    if let Some(udp_at) = udp_at(frame) {
        let checksum = oracle::ip_checksum(&frame[ETHERNET..udp_at]);
        set_u16(frame, 24, usize::from(checksum));
    }
}

fn right_checksum(source: [u8; 4], destination: [u8; 4], datagram: &[u8]) -> u16 {
    oracle::udp_checksum(source, destination, datagram)
}

/// Sets the UDP checksum to the one that `checksum` returns for source, destination and datagram.
fn set_udp_checksum(frame: &mut [u8], checksum: impl Fn([u8; 4], [u8; 4], &[u8]) -> u16) {
    let Some(udp_at) = udp_at(frame) else { return };
    let end = udp_at + usize::from(u16_at(frame, udp_at + 4));
    if let Some(datagram) = frame.get(udp_at..end)
        && datagram.len() >= UDP
    {
        let checksum = checksum(four_at(frame, 26), four_at(frame, 30), datagram);
        set_u16(frame, udp_at + 6, usize::from(checksum));
    }
}

/// Inserts a word of IP options, if there is room for one.
fn insert_option(frame: &mut Vec<u8>, with: u8) {
    if let Some(udp_at) = udp_at(frame)
        && frame[14] < 0x4f
        && frame.len() + 4 <= MOST
    {
        frame.splice(udp_at..udp_at, [with; 4]);
        frame[14] += 1;
        let total_len = u16_at(frame, 16).saturating_add(4);
        set_u16(frame, 16, usize::from(total_len));
        set_ip_checksum(frame);
    }
}
