//! What a link does to the bytes of a frame.

use dpdkgen_core::probe::MIN_LEN;
use dpdkgen_core::probe::layout::Layout;

use crate::chance::Chance;
use crate::link::frames::Frame;

/// Where the headers of the probes on the link lie.
const LAYOUT: Layout = Layout::IPV4;

/// UDP's protocol number: RFC 768.
const UDP: u32 = 17;
/// TCP's protocol number: RFC 9293, section 3.1.
const TCP: u8 = 6;

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
    if bytes.len() >= LAYOUT.payload() {
        let sum = pseudo_header(bytes) % 0xffff;
        put(bytes, LAYOUT.udp_checksum(), sum as u16);
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
    let is_whole = frame.bytes().len() >= LAYOUT.payload() + MIN_LEN;
    match chance.below(if is_whole { 7 } else { 2 }) {
        0 => anything(frame, chance),
        1 => other_protocol(frame, chance),
        2 => frame.bytes_mut()[LAYOUT.ttl() + 1] = TCP,
        3 => other_run(frame, chance),
        4 => {
            // A first fragment.
            frame.bytes_mut()[LAYOUT.ip() + 6] = 0x20;
            complete_ip(frame.bytes_mut());
        }
        5 => {
            let port = chance.bits() as u16;
            put(frame.bytes_mut(), LAYOUT.udp() + 2, port);
        }
        _ => {
            let address = chance.bits() as u32;
            let source = LAYOUT.addresses()..LAYOUT.addresses() + 4;
            frame.bytes_mut()[source].copy_from_slice(&address.to_be_bytes());
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
    put(frame.room(), LAYOUT.ether_type(), ether_type);
    frame.set_len(60);
}

/// A probe like this one with another tag, and a right checksum.
fn other_run(frame: &mut Frame, chance: &mut Chance) {
    let bytes = frame.bytes_mut();
    // The short tag, which is there in every probe.
    let at = LAYOUT.payload() + MIN_LEN - 2 + chance.below(2) as usize;
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

/// The sum over the addresses, the protocol and the length of UDP: RFC 768.
fn pseudo_header(frame: &[u8]) -> u32 {
    let length = LAYOUT.udp_length()..LAYOUT.udp_checksum();
    sum(&frame[LAYOUT.addresses()..LAYOUT.udp()]) + UDP + sum(&frame[length])
}

fn complete_ip(frame: &mut [u8]) {
    put(frame, LAYOUT.ip_checksum(), 0);
    let checksum = !(sum(&frame[LAYOUT.ip()..LAYOUT.udp()]) as u16);
    put(frame, LAYOUT.ip_checksum(), checksum);
}

fn complete_udp(frame: &mut [u8]) {
    let total_length = [frame[LAYOUT.ip() + 2], frame[LAYOUT.ip() + 3]];
    let end = LAYOUT.ip() + usize::from(u16::from_be_bytes(total_length));
    if end > frame.len() || end < LAYOUT.payload() {
        return;
    }
    put(frame, LAYOUT.udp_checksum(), 0);
    let total = (pseudo_header(frame) + sum(&frame[LAYOUT.udp()..end])) % 0xffff;
    put(frame, LAYOUT.udp_checksum(), !(total as u16));
}

/// Writes `word` at `at`, in network byte order.
fn put(frame: &mut [u8], at: usize, word: u16) {
    frame[at..at + 2].copy_from_slice(&word.to_be_bytes());
}
