//! Any frame through the reflector: only what is swapped differs, valid checksums stay valid, and
//! what is reflected twice is the original.

use dpdkgen_core::reflector::{Ignored, Reflected, reflect};

use crate::build::udp_frame;
use crate::oracle::{self, ETHERNET, IPV4, UDP, four_at, u16_at};

/// An even first byte of `data`: the rest is the frame. An odd one: a frame is built from the rest.
///
/// # Panics
///
/// If the reflector does anything else than what it should.
pub fn run(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else {
        return;
    };
    if choice % 2 == 0 {
        check(rest);
    } else if let Some((headers, frame)) = udp_frame(rest) {
        assert_eq!(check(&frame), headers.is_whole());
    }
}

/// Reflects `before` twice; `false` if it is to be ignored.
fn check(before: &[u8]) -> bool {
    let mut frame = before.to_vec();
    let result = reflect(&mut frame);
    let datagram = match datagram(before) {
        Ok(datagram) => datagram,
        Err(reason) => {
            assert_eq!(result, Err(reason));
            assert_eq!(frame, before, "ignored, and yet changed");
            return false;
        }
    };
    let udp_at = before.len() - datagram.len();
    let completed = completed_checksum(before, udp_at);
    let checksum_partial = completed.is_some();
    assert_eq!(result, Ok(Reflected { checksum_partial }));
    // What comes back the second time: the original, its checksum completed.
    let mut original = before.to_vec();
    if let Some(checksum) = completed {
        original[udp_at + 6..udp_at + 8].copy_from_slice(&checksum.to_be_bytes());
    }
    assert_eq!(frame, swapped(&original, udp_at));
    checksums_stay(before, &frame, udp_at);
    let again = reflect(&mut frame);
    assert_eq!(
        again,
        Ok(Reflected {
            checksum_partial: false
        })
    );
    assert_eq!(frame, original);
    true
}

/// From the UDP header to the frame's end, or why there is none.
fn datagram(frame: &[u8]) -> Result<&[u8], Ignored> {
    if frame.len() < ETHERNET {
        return Err(Ignored::Malformed);
    }
    if u16_at(frame, 12) != 0x0800 {
        return Err(Ignored::NotIpv4);
    }
    let packet = &frame[ETHERNET..];
    if packet.len() < IPV4 {
        return Err(Ignored::Malformed);
    }
    if packet[0] >> 4 != 4 {
        return Err(Ignored::NotIpv4);
    }
    if packet[9] != 17 {
        return Err(Ignored::NotUdp);
    }
    if u16_at(packet, 6) & 0x3fff != 0 {
        return Err(Ignored::Fragment);
    }
    let (header, payload) = oracle::ipv4_packet(packet).ok_or(Ignored::Malformed)?;
    if payload.len() < UDP {
        return Err(Ignored::Malformed);
    }
    Ok(&packet[header.len()..])
}

/// As much of the datagram at `udp_at` as its own length says, if the IP packet has that much.
fn covered(frame: &[u8], udp_at: usize) -> Option<&[u8]> {
    let end = ETHERNET + usize::from(u16_at(frame, ETHERNET + 2));
    let datagram = &frame[udp_at..end];
    let covered = datagram.get(..usize::from(u16_at(datagram, 4)))?;
    (covered.len() >= UDP).then_some(covered)
}

fn addresses(frame: &[u8]) -> ([u8; 4], [u8; 4]) {
    (four_at(frame, ETHERNET + 12), four_at(frame, ETHERNET + 16))
}

/// What belongs into the checksum field if it holds the pseudo-header's sum alone.
fn completed_checksum(frame: &[u8], udp_at: usize) -> Option<u16> {
    let covered = covered(frame, udp_at)?;
    let (source, destination) = addresses(frame);
    let partial = oracle::partial_checksum(source, destination, u16_at(covered, 4));
    let is_partial =
        u16_at(covered, 6) == partial && !oracle::udp_is_intact(source, destination, covered);
    is_partial.then(|| oracle::udp_checksum(source, destination, covered))
}

/// `frame` with the two MACs, addresses and ports swapped.
fn swapped(frame: &[u8], udp_at: usize) -> Vec<u8> {
    let mut swapped = frame.to_vec();
    for (at, len) in [(0, 6), (ETHERNET + 12, 4), (udp_at, 2)] {
        let (first, second) = (at..at + len, at + len..at + 2 * len);
        swapped[first.clone()].copy_from_slice(&frame[second.clone()]);
        swapped[second].copy_from_slice(&frame[first]);
    }
    swapped
}

/// Right stays right, and wrong wrong, unless the checksum was to be completed.
fn checksums_stay(before: &[u8], after: &[u8], udp_at: usize) {
    let ip = |frame: &[u8]| oracle::ip_is_intact(&frame[ETHERNET..udp_at]);
    assert_eq!(ip(after), ip(before));
    let udp = |frame: &[u8]| {
        let (source, destination) = addresses(frame);
        covered(frame, udp_at).map(|datagram| oracle::udp_is_intact(source, destination, datagram))
    };
    let completed = completed_checksum(before, udp_at).is_some();
    assert_eq!(udp(after), udp(before).map(|was| was || completed));
}
