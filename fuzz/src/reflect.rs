//! Any frame through the reflector: only the swapped fields and the TTL differ, valid checksums
//! stay valid, and a second reflector makes the original of it again, but for its TTL.

use dpdkgen_core::reflect::{FrameReflector, Ignored, Reflected};
use dpdkgen_core::wire::Mac;

use crate::build::udp_frame;
use crate::oracle::{self, ETHERNET, IPV4, UDP, four_at, u16_at};

/// The reflector's own address.
const OWN: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// Checks the reflector on a frame: if the first byte of `data` is even, the rest is the frame,
/// else a frame is built from the rest.
///
/// # Panics
///
/// If the reflector does anything else than it should.
pub fn run(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else {
        return;
    };
    if choice % 2 == 0 {
        let _ = check(rest);
    } else if let Some((headers, frame)) = udp_frame(rest) {
        match check(&frame) {
            Err(Ignored::NotIpv4 | Ignored::NotUdp | Ignored::Malformed) => {
                panic!("a UDP packet was ignored as something else")
            }
            result => assert_eq!(result == Err(Ignored::Fragment), !headers.is_whole()),
        }
    }
}

/// Checks the reflector on `before`: as its first frame, as a repeated one, and to and fro.
fn check(before: &[u8]) -> Result<(), Ignored> {
    let mut reflector = FrameReflector::new(Mac(OWN));
    let mut reflect = || {
        let mut frame = before.to_vec();
        (reflector.reflect(&mut frame), frame)
    };
    let (result, mut frame) = reflect();
    let datagram = match answered(before) {
        Ok(datagram) => datagram,
        Err(reason) => {
            assert_eq!(result, Err(reason));
            assert_eq!(frame, before, "ignored, and yet changed");
            return Err(reason);
        }
    };
    let udp_at = before.len() - datagram.len();
    let completed = completed_checksum(before, udp_at);
    let checksum_partial = completed.is_some();
    assert_eq!(result, Ok(Reflected { checksum_partial }));
    assert_eq!(reflect(), (result, frame.clone()), "the second of its kind");
    let mut original = before.to_vec();
    if let Some(checksum) = completed {
        original[udp_at + 6..udp_at + 8].copy_from_slice(&checksum.to_be_bytes());
    }
    let lowered = with_lower_ttl(&original);
    assert_eq!(frame, swapped(&lowered, udp_at));
    checksums_stay(before, &frame, udp_at);
    if before[TTL] > 2 && before[..6] != before[6..12] {
        let sender = Mac(before[6..12].try_into().expect("six bytes"));
        let again = FrameReflector::new(sender).reflect(&mut frame);
        assert_eq!(
            again,
            Ok(Reflected {
                checksum_partial: false
            })
        );
        assert_eq!(frame, with_lower_ttl(&lowered));
    }
    Ok(())
}

/// The offset of the TTL; the protocol and the header's checksum follow it.
const TTL: usize = ETHERNET + 8;

/// Returns `frame` with a TTL that is one less and the checksum updated (RFC 1624, equation 3).
fn with_lower_ttl(frame: &[u8]) -> Vec<u8> {
    let mut lowered = frame.to_vec();
    lowered[TTL] -= 1;
    let sum: u32 = [
        !u16_at(frame, TTL + 2),
        !u16_at(frame, TTL),
        u16_at(&lowered, TTL),
    ]
    .map(u32::from)
    .iter()
    .sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    lowered[TTL + 2..TTL + 4].copy_from_slice(&(!sum as u16).to_be_bytes());
    lowered
}

/// Returns the frame from its UDP header on, or the reason why it is not answered.
fn answered(frame: &[u8]) -> Result<&[u8], Ignored> {
    let datagram = datagram(frame)?;
    let (source, destination) = addresses(frame);
    let is_group = |ip: [u8; 4]| ip[0] & 0xf0 == 0xe0 || ip == [0xff; 4];
    let groups = [
        frame[0] & 1 == 1,
        frame[6] & 1 == 1,
        is_group(source),
        is_group(destination),
    ];
    if groups.contains(&true) {
        Err(Ignored::GroupAddress)
    } else if frame[6..12] == OWN {
        Err(Ignored::OwnMac)
    } else if frame[TTL] < 2 {
        Err(Ignored::Ttl)
    } else {
        Ok(datagram)
    }
}

/// Returns the frame from its UDP header on, or the reason why it is no UDP packet.
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

/// Returns the part of the datagram at `udp_at` that its own length tells, if the IP packet has
/// that much.
fn covered(frame: &[u8], udp_at: usize) -> Option<&[u8]> {
    let end = ETHERNET + usize::from(u16_at(frame, ETHERNET + 2));
    let datagram = &frame[udp_at..end];
    let covered = datagram.get(..usize::from(u16_at(datagram, 4)))?;
    (covered.len() >= UDP).then_some(covered)
}

fn addresses(frame: &[u8]) -> ([u8; 4], [u8; 4]) {
    (four_at(frame, ETHERNET + 12), four_at(frame, ETHERNET + 16))
}

/// Returns the right UDP checksum, if the field holds the pseudo-header's sum alone.
fn completed_checksum(frame: &[u8], udp_at: usize) -> Option<u16> {
    let covered = covered(frame, udp_at)?;
    let (source, destination) = addresses(frame);
    let partial = oracle::partial_checksum(source, destination, u16_at(covered, 4));
    let is_partial =
        u16_at(covered, 6) == partial && !oracle::udp_is_intact(source, destination, covered);
    is_partial.then(|| oracle::udp_checksum(source, destination, covered))
}

/// Returns `frame` with the two MACs, addresses and ports swapped.
fn swapped(frame: &[u8], udp_at: usize) -> Vec<u8> {
    let mut swapped = frame.to_vec();
    for (at, len) in [(0, 6), (ETHERNET + 12, 4), (udp_at, 2)] {
        let (first, second) = (at..at + len, at + len..at + 2 * len);
        swapped[first.clone()].copy_from_slice(&frame[second.clone()]);
        swapped[second].copy_from_slice(&frame[first]);
    }
    swapped
}

/// Checks that right checksums stay right, and wrong ones wrong unless they were to be completed.
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
