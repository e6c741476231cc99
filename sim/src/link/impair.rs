//! Impairments of a frame's bytes: a byte changed, a cut, padding, a checksum left to a NIC, or a
//! packet of somebody else's in the place of the probe.

use dpdkgen_core::probe::MIN_LEN;
use dpdkgen_core::probe::layout::Layout;

use crate::conditions::LinkConditions;
use crate::link::frames::Frame;
use crate::rng::Rng;

/// The headers of the probes on the link.
const LAYOUT: Layout = Layout::IPV4;

/// UDP's protocol number: RFC 768.
const UDP: u32 = 17;
/// TCP's protocol number: RFC 9293, section 3.1.
const TCP: u8 = 6;

/// The most bytes that padding adds.
pub const MAX_PADDING: usize = 18;

/// The upper limit, in bytes, of the frames that [`make_foreign`] makes out of nothing.
pub const MAX_FOREIGN: usize = 100;

/// Impairs the bytes of a frame, each way with the probability that `conditions` give it.
pub fn impair(frame: &mut Frame, conditions: &LinkConditions, rng: &mut Rng) {
    // First, as it is the sender's doing.
    if rng.happens(conditions.partial) {
        leave_checksum(frame);
    }
    if rng.happens(conditions.corruption) {
        corrupt(frame, rng);
    }
    if rng.happens(conditions.truncation) {
        truncate(frame, rng);
    }
    if rng.happens(conditions.padding) {
        pad(frame, rng);
    }
}

/// Changes one byte, anywhere in the frame.
fn corrupt(frame: &mut Frame, rng: &mut Rng) {
    let bytes = frame.bytes_mut();
    if let Some(end) = bytes.len().checked_sub(1) {
        bytes[rng.below(end as u64 + 1) as usize] ^= 1 + rng.below(255) as u8;
    }
    frame.is_intact = false;
}

/// Cuts the frame off, anywhere.
fn truncate(frame: &mut Frame, rng: &mut Rng) {
    let len = frame.bytes().len();
    frame.set_len(rng.below(len as u64) as usize);
    frame.is_intact = false;
}

/// Replaces the UDP checksum by what a kernel writes if it leaves the rest to a NIC: the sum over
/// the pseudo-header alone.
fn leave_checksum(frame: &mut Frame) {
    let bytes = frame.bytes_mut();
    if bytes.len() >= LAYOUT.payload() {
        let sum = pseudo_header(bytes) % 0xffff;
        put(bytes, LAYOUT.udp_checksum(), sum as u16);
    }
    frame.is_intact = false;
}

/// Adds bytes after the packet.
fn pad(frame: &mut Frame, rng: &mut Rng) {
    let len = frame.bytes().len();
    let more = 1 + rng.below(MAX_PADDING as u64) as usize;
    let end = (len + more).min(frame.room().len());
    frame.room()[len..end].fill(rng.bits() as u8);
    frame.set_len(end);
}

/// Makes the frame into somebody else's packet, or into one that only looks like a probe of this
/// run.
pub fn make_foreign(frame: &mut Frame, rng: &mut Rng) {
    frame.is_intact = false;
    // A frame that was cut off already has no fields to rely on.
    let is_whole = frame.bytes().len() >= LAYOUT.payload() + MIN_LEN;
    match rng.below(if is_whole { 7 } else { 2 }) {
        0 => anything(frame, rng),
        1 => other_protocol(frame, rng),
        2 => frame.bytes_mut()[LAYOUT.ttl() + 1] = TCP,
        3 => other_run(frame, rng),
        4 => {
            // A first fragment.
            frame.bytes_mut()[LAYOUT.ip() + 6] = 0x20;
            complete_ip(frame.bytes_mut());
        }
        5 => {
            let port = rng.bits() as u16;
            put(frame.bytes_mut(), LAYOUT.udp() + 2, port);
        }
        _ => {
            let address = rng.bits() as u32;
            let source = LAYOUT.addresses()..LAYOUT.addresses() + 4;
            frame.bytes_mut()[source].copy_from_slice(&address.to_be_bytes());
            complete_ip(frame.bytes_mut());
        }
    }
}

/// Replaces the frame by random bytes.
fn anything(frame: &mut Frame, rng: &mut Rng) {
    let len = rng.below(MAX_FOREIGN as u64) as usize;
    for byte in &mut frame.room()[..len] {
        *byte = rng.bits() as u8;
    }
    frame.set_len(len);
}

/// Replaces the frame by one of 60 bytes with the EtherType of ARP or IPv6, and zeros.
fn other_protocol(frame: &mut Frame, rng: &mut Rng) {
    frame.room()[..60].fill(0);
    let ether_type = if rng.happens(0.5) { 0x0806_u16 } else { 0x86dd };
    put(frame.room(), LAYOUT.ether_type(), ether_type);
    frame.set_len(60);
}

/// Changes the tag, and makes the checksum right for it.
fn other_run(frame: &mut Frame, rng: &mut Rng) {
    let bytes = frame.bytes_mut();
    // The short tag, which is there in every probe.
    let at = LAYOUT.payload() + MIN_LEN - 2 + rng.below(2) as usize;
    bytes[at] ^= 1 + rng.below(255) as u8;
    complete_udp(bytes);
}

/// Returns the sum of the 16-bit words of `bytes` (RFC 1071), modulo 0xffff.
fn sum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks(2).map(|pair| {
        let low = pair.get(1).copied().unwrap_or(0);
        u64::from(u16::from_be_bytes([pair[0], low]))
    });
    let sum: u64 = words.sum();
    (sum % 0xffff) as u32
}

/// Returns the sum over the pseudo-header (RFC 768): addresses, protocol and length.
fn pseudo_header(frame: &[u8]) -> u32 {
    let length = LAYOUT.udp_length()..LAYOUT.udp_checksum();
    sum(&frame[LAYOUT.addresses()..LAYOUT.udp()]) + UDP + sum(&frame[length])
}

/// Writes the right checksum of the IP header.
fn complete_ip(frame: &mut [u8]) {
    put(frame, LAYOUT.ip_checksum(), 0);
    let checksum = !(sum(&frame[LAYOUT.ip()..LAYOUT.udp()]) as u16);
    put(frame, LAYOUT.ip_checksum(), checksum);
}

/// Writes the right UDP checksum, if the frame is not cut off.
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
