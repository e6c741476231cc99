//! What a link does to the bytes of a frame.

use crate::chance::Chance;
use crate::frames::Frame;

/// Bytes that padding adds at most.
pub const MAX_PADDING: usize = 18;

/// The longest frame that [`somebody_elses`] makes out of nothing.
pub const MAX_FOREIGN: usize = 100;

/// Changes one byte, anywhere.
pub fn corrupt(frame: &mut Frame, chance: &mut Chance) {
    let bytes = frame.bytes_mut();
    if let Some(end) = bytes.len().checked_sub(1) {
        bytes[chance.below(end as u64 + 1) as usize] ^= 1 + chance.below(255) as u8;
    }
    frame.is_intact = false;
}

/// Cuts the frame off, somewhere.
pub fn truncate(frame: &mut Frame, chance: &mut Chance) {
    let len = frame.bytes().len();
    frame.set_len(chance.below(len as u64) as usize);
    frame.is_intact = false;
}

/// Writes the checksum that a kernel leaves to a NIC: the sum over the pseudo-header alone.
pub fn leave_checksum(frame: &mut Frame) {
    let bytes = frame.bytes_mut();
    if bytes.len() >= 42 {
        let sum = (sum(&bytes[26..34]) + 17 + sum(&bytes[38..40])) % 0xffff;
        bytes[40..42].copy_from_slice(&(sum as u16).to_be_bytes());
    }
    frame.is_intact = false;
}

/// Adds bytes after the packet.
pub fn pad(frame: &mut Frame, chance: &mut Chance) {
    let len = frame.bytes().len();
    let more = 1 + chance.below(MAX_PADDING as u64) as usize;
    let end = (len + more).min(frame.room().len());
    frame.room()[len..end].fill(chance.bits() as u8);
    frame.set_len(end);
}

/// Makes a probe into a packet of somebody else's, or into one that only looks like a probe.
pub fn somebody_elses(frame: &mut Frame, chance: &mut Chance) {
    frame.is_intact = false;
    // A frame that was damaged already has no fields to rely on.
    let is_whole = frame.bytes().len() >= 58;
    match chance.below(if is_whole { 7 } else { 2 }) {
        0 => anything(frame, chance),
        1 => other_protocol(frame, chance),
        2 => frame.bytes_mut()[23] = 6,
        3 => other_run(frame, chance),
        4 => {
            // A first fragment.
            frame.bytes_mut()[20] = 0x20;
            complete_ip(frame.bytes_mut());
        }
        5 => {
            let port = chance.bits() as u16;
            frame.bytes_mut()[36..38].copy_from_slice(&port.to_be_bytes());
        }
        _ => {
            let address = chance.bits() as u32;
            frame.bytes_mut()[26..30].copy_from_slice(&address.to_be_bytes());
            complete_ip(frame.bytes_mut());
        }
    }
}

fn anything(frame: &mut Frame, chance: &mut Chance) {
    let len = chance.below(MAX_FOREIGN as u64) as usize;
    for byte in &mut frame.room()[..len] {
        *byte = chance.bits() as u8;
    }
    frame.set_len(len);
}

/// ARP or IPv6, as far as anyone here looks.
fn other_protocol(frame: &mut Frame, chance: &mut Chance) {
    frame.room()[..60].fill(0);
    let ether_type = if chance.happens(0.5) {
        0x0806_u16
    } else {
        0x86dd
    };
    frame.room()[12..14].copy_from_slice(&ether_type.to_be_bytes());
    frame.set_len(60);
}

/// A probe like this one with another tag, and a right checksum.
fn other_run(frame: &mut Frame, chance: &mut Chance) {
    let bytes = frame.bytes_mut();
    // The short tag, which is there in every probe.
    let at = 56 + chance.below(2) as usize;
    bytes[at] ^= 1 + chance.below(255) as u8;
    complete_udp(bytes);
}

/// The sum of the 16-bit words of `bytes`, folded.
fn sum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks(2).map(|pair| {
        let low = pair.get(1).copied().unwrap_or(0);
        u64::from(u16::from_be_bytes([pair[0], low]))
    });
    let sum: u64 = words.sum();
    (sum % 0xffff) as u32
}

fn complete_ip(frame: &mut [u8]) {
    frame[24..26].fill(0);
    let checksum = !(sum(&frame[14..34]) as u16);
    frame[24..26].copy_from_slice(&checksum.to_be_bytes());
}

fn complete_udp(frame: &mut [u8]) {
    let end = 14 + usize::from(u16::from_be_bytes([frame[16], frame[17]]));
    if end > frame.len() || end < 42 {
        return;
    }
    frame[40..42].fill(0);
    let pseudo = sum(&frame[26..34]) + 17 + sum(&frame[38..40]);
    let total = (pseudo + sum(&frame[34..end])) % 0xffff;
    let checksum = !(total as u16);
    frame[40..42].copy_from_slice(&checksum.to_be_bytes());
}
