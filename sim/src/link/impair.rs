//! Impairments of a frame's bytes: a byte changed, a cut, padding, a checksum left to a NIC, or a
//! packet of somebody else's in the place of the probe.

use dpdkgen_core::probe::MIN_LEN;
use dpdkgen_core::probe::layout::{Family, Layout};

use crate::conditions::LinkConditions;
use crate::link::frames::Frame;
use crate::rng::Rng;

/// UDP's protocol number: RFC 768.
const UDP: u32 = 17;
/// TCP's protocol number: RFC 9293, section 3.1.
const TCP: u8 = 6;
/// The number of IPv6's fragment header: RFC 8200, section 4.5.
const IPV6_FRAGMENT: u8 = 44;

/// The most bytes that padding adds.
pub const MAX_PADDING: usize = 18;

/// The upper limit, in bytes, of the frames that [`make_foreign`] makes out of nothing.
pub const MAX_FOREIGN: usize = 100;

/// Impairs the bytes of a frame with the headers `layout`, each way with the probability that
/// `conditions` give it.
pub fn impair(frame: &mut Frame, layout: Layout, conditions: &LinkConditions, rng: &mut Rng) {
    // First, as it is the sender's doing.
    if rng.happens(conditions.partial) {
        leave_checksum(frame, layout);
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
fn leave_checksum(frame: &mut Frame, layout: Layout) {
    let bytes = frame.bytes_mut();
    if bytes.len() >= layout.payload() {
        let sum = pseudo_header(bytes, layout) % 0xffff;
        put(bytes, layout.udp_checksum(), sum as u16);
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

/// Makes the frame, which has the headers `layout`, into somebody else's packet, or into one that
/// only looks like a probe of this run.
pub fn make_foreign(frame: &mut Frame, layout: Layout, rng: &mut Rng) {
    frame.is_intact = false;
    // A frame that was cut off already has no fields to rely on.
    let is_whole = frame.bytes().len() >= layout.payload() + MIN_LEN;
    match rng.below(if is_whole { 8 } else { 2 }) {
        0 => anything(frame, rng),
        1 => other_protocol(frame, layout, rng),
        2 => frame.bytes_mut()[protocol(layout)] = TCP,
        3 => other_run(frame, layout, rng),
        4 => fragment(frame.bytes_mut(), layout),
        5 => {
            let port = rng.bits() as u16;
            put(frame.bytes_mut(), layout.udp() + 2, port);
        }
        6 => {
            let address = rng.bits() as u32;
            let source = layout.addresses()..layout.addresses() + 4;
            frame.bytes_mut()[source].copy_from_slice(&address.to_be_bytes());
            complete_ip(frame.bytes_mut(), layout);
        }
        _ => other_vlan(frame.bytes_mut(), layout, rng),
    }
}

/// Returns where the number of what follows the IP header lies.
const fn protocol(layout: Layout) -> usize {
    match layout.family() {
        Family::V4 => layout.ttl() + 1,
        Family::V6 => layout.ttl() - 1,
    }
}

/// Makes the packet into a first fragment, or into one that says so.
fn fragment(frame: &mut [u8], layout: Layout) {
    match layout.family() {
        Family::V4 => {
            frame[layout.ip() + 6] = 0x20;
            complete_ip(frame, layout);
        }
        Family::V6 => frame[protocol(layout)] = IPV6_FRAGMENT,
    }
}

/// Changes the outermost tag, if there is one, to another VLAN or to another priority; otherwise
/// the IP version.
fn other_vlan(frame: &mut [u8], layout: Layout, rng: &mut Rng) {
    let is_tagged = layout.ip() > Layout::IPV4.ip();
    let at = if is_tagged { 14 } else { layout.ip() };
    frame[at + usize::from(is_tagged && rng.happens(0.5))] ^= 0x20;
}

/// Replaces the frame by random bytes.
fn anything(frame: &mut Frame, rng: &mut Rng) {
    let len = rng.below(MAX_FOREIGN as u64) as usize;
    for byte in &mut frame.room()[..len] {
        *byte = rng.bits() as u8;
    }
    frame.set_len(len);
}

/// Replaces the frame by one of 60 bytes with the EtherType of ARP or of the other IP, and zeros.
fn other_protocol(frame: &mut Frame, layout: Layout, rng: &mut Rng) {
    frame.room()[..60].fill(0);
    let other = match layout.family() {
        Family::V4 => 0x86dd,
        Family::V6 => 0x0800,
    };
    let ether_type = if rng.happens(0.5) { 0x0806_u16 } else { other };
    put(frame.room(), layout.ether_type(), ether_type);
    frame.set_len(60);
}

/// Changes the tag, and makes the checksum right for it.
fn other_run(frame: &mut Frame, layout: Layout, rng: &mut Rng) {
    let bytes = frame.bytes_mut();
    // The short tag, which is there in every probe.
    let at = layout.payload() + MIN_LEN - 2 + rng.below(2) as usize;
    bytes[at] ^= 1 + rng.below(255) as u8;
    complete_udp(bytes, layout);
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

/// Returns the sum over the pseudo-header (RFC 768; RFC 8200, section 8.1): addresses, protocol and
/// length.
fn pseudo_header(frame: &[u8], layout: Layout) -> u32 {
    let length = layout.udp_length()..layout.udp_checksum();
    sum(&frame[layout.addresses()..layout.udp()]) + UDP + sum(&frame[length])
}

/// Writes the right checksum of the IP header, if it has one.
fn complete_ip(frame: &mut [u8], layout: Layout) {
    if let Some(at) = layout.ip_checksum() {
        put(frame, at, 0);
        let checksum = !(sum(&frame[layout.ip()..layout.udp()]) as u16);
        put(frame, at, checksum);
    }
}

/// Writes the right UDP checksum, if the frame is not cut off.
fn complete_udp(frame: &mut [u8], layout: Layout) {
    let length = layout.udp_length();
    let len = u16::from_be_bytes([frame[length], frame[length + 1]]);
    let end = layout.udp() + usize::from(len);
    if end > frame.len() || end < layout.payload() {
        return;
    }
    put(frame, layout.udp_checksum(), 0);
    let total = (pseudo_header(frame, layout) + sum(&frame[layout.udp()..end])) % 0xffff;
    put(frame, layout.udp_checksum(), !(total as u16));
}

/// Writes `word` at `at`, in network byte order.
fn put(frame: &mut [u8], at: usize, word: u16) {
    frame[at..at + 2].copy_from_slice(&word.to_be_bytes());
}
