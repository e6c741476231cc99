//! What happens to a question on its way.

use etherparse::checksum::Sum16BitWords;
use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::plain::packet_at;
use crate::oracle::{ETHERNET, IPV4, ip_checksum, u16_at};

/// A change of a frame.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Edit {
    /// Chooses the change, taken modulo 8.
    pub what: u8,
    /// Where it is, from the frame's first byte (or from the packet's, in every second kind).
    pub at: U16,
    /// What is written there.
    pub value: u8,
}

/// The most edits of a frame.
const MAX: usize = 30;

/// Returns `frame` with the edits that `input` is.
#[must_use]
pub fn edited(mut frame: Vec<u8>, input: &[u8]) -> Vec<u8> {
    let (edits, _) = <[Edit]>::ref_from_prefix_with_elems(input, input.len() / size_of::<Edit>())
        .expect("as many as there are");
    for edit in edits.iter().take(MAX) {
        edit.apply(&mut frame);
    }
    frame
}

impl Edit {
    fn apply(&self, frame: &mut Vec<u8>) {
        let at = usize::from(self.at.get());
        let packet_at = packet_at(frame).unwrap_or(ETHERNET);
        match self.what % 8 {
            0 => set(frame, at, self.value),
            1 => set(frame, packet_at + at, self.value),
            2 => frame.truncate(at),
            3 => frame.extend(vec![self.value; at % 64]),
            4 => {
                let tag = [[0x81, 0], [0x88, 0xa8]][usize::from(self.value % 2)];
                let tag = [tag, self.at.get().to_be_bytes()].concat();
                if frame.len() >= 12 {
                    frame.splice(12..12, tag);
                }
            }
            5 => {
                // Longer by words of a byte, behind the packet's headers or at its end.
                let words = vec![self.value; 8];
                let at = (packet_at + at).min(frame.len());
                frame.splice(at..at, words);
            }
            6 => set_lengths(frame, packet_at),
            _ => sum_up(frame, packet_at),
        }
    }
}

fn set(frame: &mut [u8], at: usize, value: u8) {
    if let Some(byte) = frame.get_mut(at) {
        *byte = value;
    }
}

/// Makes the length in the IP header that of all that follows.
fn set_lengths(frame: &mut [u8], at: usize) {
    if !is_ip(frame, at) {
        return;
    }
    let len = (frame.len() - at) as u16;
    match frame[at] >> 4 {
        4 => frame[at + 2..at + 4].copy_from_slice(&len.to_be_bytes()),
        6 if len >= 40 => frame[at + 4..at + 6].copy_from_slice(&(len - 40).to_be_bytes()),
        _ => {}
    }
}

/// Makes the checksums of the IPv4 header and of the ICMP message right, where there are any.
fn sum_up(frame: &mut [u8], at: usize) {
    if !is_ip(frame, at) {
        return;
    }
    let packet = &mut frame[at..];
    let (message, sum) = match packet[0] >> 4 {
        4 => {
            let header_len = usize::from(packet[0] & 15) * 4;
            let total_len = usize::from(u16_at(packet, 2));
            if header_len < IPV4 || total_len > packet.len() || header_len > total_len {
                return;
            }
            let checksum = ip_checksum(&packet[..header_len]);
            packet[10..12].copy_from_slice(&checksum.to_be_bytes());
            (header_len..total_len, Sum16BitWords::new())
        }
        6 if packet.len() >= 40 => {
            let len = u16_at(packet, 4);
            let sum = Sum16BitWords::new()
                .add_slice(&packet[8..40])
                .add_2bytes([0, packet[6]])
                .add_2bytes(len.to_be_bytes());
            (40..40 + usize::from(len), sum)
        }
        _ => return,
    };
    if let Some(message) = packet.get_mut(message).filter(|message| message.len() >= 4) {
        message[2..4].fill(0);
        let checksum = sum.add_slice(message).ones_complement();
        message[2..4].copy_from_slice(&checksum.to_ne_bytes());
    }
}

fn is_ip(frame: &[u8], at: usize) -> bool {
    frame.len() >= at + IPV4 && matches!(frame[at - 2..at], [8, 0] | [0x86, 0xdd])
}
