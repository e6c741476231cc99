//! The reflector: sends every unfragmented IPv4 UDP packet back to where it came from.

mod usual;

use zerocopy::FromBytes;

use crate::verify::is_partial;
use crate::wire::checksum::Sum;
use crate::wire::{EtherType, Ethernet, Ipv4, Udp};

pub use usual::reflect_usual;

/// Bytes of the least headers of a datagram.
const IP_UDP: usize = size_of::<Ipv4>() + Udp::LEN;

/// Why a frame is not sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// Not an IPv4 packet.
    NotIpv4,
    /// IPv4, but not UDP.
    NotUdp,
    /// A fragment of an IPv4 packet.
    Fragment,
    /// Too short for the headers that it announces.
    Malformed,
}

/// A frame that [`reflect`] turned round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reflected {
    /// Its sender had left the checksum to a NIC that was never there; now it is complete.
    pub checksum_partial: bool,
}

/// Swaps source and destination of MAC, IP and UDP header in `frame`.
///
/// Nothing else changes, and the checksums stay what they are, right or wrong, since a sum has no
/// order; only a checksum that covers just the pseudo-header is completed. On an error nothing has
/// changed at all.
#[inline]
pub fn reflect(frame: &mut [u8]) -> Result<Reflected, Ignored> {
    if reflect_usual(frame) {
        return Ok(Reflected {
            checksum_partial: false,
        });
    }
    reflect_any(frame)
}

fn swap(ethernet: &mut Ethernet, ip: &mut Ipv4, udp: &mut Udp) {
    core::mem::swap(&mut ethernet.source, &mut ethernet.destination);
    ip.swap_addresses();
    udp.swap_ports();
}

/// [`reflect`] for any frame.
#[cold]
#[inline(never)]
fn reflect_any(frame: &mut [u8]) -> Result<Reflected, Ignored> {
    let (ethernet, packet) = Ethernet::ref_from_prefix(frame).map_err(|_| Ignored::Malformed)?;
    if ethernet.ether_type != EtherType::IPV4 {
        return Err(Ignored::NotIpv4);
    }
    let (ip, after_ip) = Ipv4::ref_from_prefix(packet).map_err(|_| Ignored::Malformed)?;
    if ip.version() != 4 {
        return Err(Ignored::NotIpv4);
    }
    if ip.protocol != Ipv4::UDP {
        return Err(Ignored::NotUdp);
    }
    if ip.is_fragment() {
        return Err(Ignored::Fragment);
    }
    let options_len = ip
        .header_len()
        .checked_sub(size_of::<Ipv4>())
        .ok_or(Ignored::Malformed)?;
    let end = usize::from(ip.total_length.get());
    let has_udp = after_ip.len() >= options_len + Udp::LEN;
    if !has_udp || end > packet.len() || end < options_len + IP_UDP {
        return Err(Ignored::Malformed);
    }
    let (ethernet, packet) = Ethernet::mut_from_prefix(frame).map_err(|_| Ignored::Malformed)?;
    let (ip, after_ip) = Ipv4::mut_from_prefix(packet).map_err(|_| Ignored::Malformed)?;
    let (udp, rest) =
        Udp::mut_from_prefix(&mut after_ip[options_len..]).map_err(|_| Ignored::Malformed)?;
    swap(ethernet, ip, udp);
    let rest = &rest[..end - options_len - IP_UDP];
    Ok(Reflected {
        checksum_partial: complete_checksum(ip, udp, rest),
    })
}

/// Completes a checksum that is the sum of the pseudo-header, if it covers just that, and says
/// whether it did.
///
/// `rest` is what follows in the IP packet, of which the datagram may be a part only.
fn complete_checksum(ip: &Ipv4, udp: &mut Udp, rest: &[u8]) -> bool {
    let pseudo = ip.pseudo_header(udp.length.get());
    let payload_len = usize::from(udp.length.get()).checked_sub(Udp::LEN);
    let Some(payload) = payload_len.and_then(|len| rest.get(..len)) else {
        return false;
    };
    if udp.checksum == [0; 2] || !is_partial(pseudo, udp) {
        return false;
    }
    let covered = pseudo.plus(Sum::of(payload));
    if covered.plus(udp.sum()).is_complete() {
        return false;
    }
    udp.checksum = [0; 2];
    udp.checksum = covered.plus(udp.sum()).udp_checksum();
    true
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use etherparse::PacketBuilder;
    use proptest::prelude::*;

    use super::*;

    const MACS: ([u8; 6], [u8; 6]) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);

    fn udp_frame(payload: &[u8]) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2(MACS.0, MACS.1)
            .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .udp(1234, 5678);
        let mut frame = Vec::new();
        builder.write(&mut frame, payload).unwrap();
        frame
    }

    proptest! {
        #[test]
        fn only_what_is_swapped_differs(
            payload: Vec<u8>,
            checksum: [u8; 2],
            padding in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut frame = udp_frame(&payload);
            let intact = frame.clone();
            frame[40..42].copy_from_slice(&checksum);
            frame.extend(padding);
            let before = frame.clone();
            let reflected = reflect(&mut frame).unwrap();
            let mut expected = before.clone();
            expected[..6].copy_from_slice(&before[6..12]);
            expected[6..12].copy_from_slice(&before[..6]);
            expected[26..30].copy_from_slice(&before[30..34]);
            expected[30..34].copy_from_slice(&before[26..30]);
            expected[34..36].copy_from_slice(&before[36..38]);
            expected[36..38].copy_from_slice(&before[34..36]);
            if reflected.checksum_partial {
                expected[40..42].copy_from_slice(&intact[40..42]);
            }
            prop_assert_eq!(&frame, &expected);
            reflect(&mut frame).unwrap();
            expected = before;
            if reflected.checksum_partial {
                expected[40..42].copy_from_slice(&intact[40..42]);
            }
            prop_assert_eq!(frame, expected);
        }

        #[test]
        fn a_partial_checksum_is_completed(payload: Vec<u8>) {
            let intact = udp_frame(&payload);
            let mut frame = intact.clone();
            let pseudo = Ipv4::ref_from_prefix(&intact[14..]).unwrap().0;
            let udp_len = (8 + payload.len()) as u16;
            frame[40..42].copy_from_slice(&pseudo.pseudo_header(udp_len).fold().to_ne_bytes());
            let was_right_already = frame == intact;
            let reflected = reflect(&mut frame).unwrap();
            prop_assert_eq!(reflected.checksum_partial, !was_right_already);
            prop_assert_eq!(&frame[40..42], &intact[40..42]);
        }

        #[test]
        fn the_usual_frame_is_turned_round_as_any_other(
            payload: Vec<u8>,
            changes in prop::collection::vec((12_usize..46, any::<u8>()), 0..3),
            len in prop::option::of(0_usize..60),
        ) {
            let mut frame = udp_frame(&payload);
            for (at, byte) in changes {
                if let Some(old) = frame.get_mut(at) {
                    *old = byte;
                }
            }
            frame.resize(len.unwrap_or(frame.len()), 7);
            let mut other = frame.clone();
            prop_assert_eq!(reflect(&mut frame), reflect_any(&mut other));
            prop_assert_eq!(frame, other);
        }

        #[test]
        fn arbitrary_bytes_are_no_danger(mut bytes: Vec<u8>) {
            let before = bytes.clone();
            if reflect(&mut bytes).is_err() {
                prop_assert_eq!(bytes, before);
            }
        }
    }

    #[test]
    fn a_partial_checksum_covers_what_the_datagram_says_is_its_own() {
        let mut intact = udp_frame(b"Hello, world!");
        // The IP packet goes on for three bytes after the datagram.
        intact[16..18].copy_from_slice(&44_u16.to_be_bytes());
        intact.extend([7; 3]);
        let pseudo = |udp_len| {
            Ipv4::ref_from_prefix(&intact[14..])
                .unwrap()
                .0
                .pseudo_header(udp_len)
        };
        let mut frame = intact.clone();
        frame[40..42].copy_from_slice(&pseudo(21).fold().to_ne_bytes());
        let reflected = reflect(&mut frame).unwrap();
        assert!(reflected.checksum_partial);
        assert_eq!(frame[40..42], intact[40..42]);
        // There is nothing to complete where the length cannot be.
        for udp_len in [7_u16, 25] {
            frame[38..40].copy_from_slice(&udp_len.to_be_bytes());
            frame[40..42].copy_from_slice(&pseudo(udp_len).fold().to_ne_bytes());
            let checksum = [frame[40], frame[41]];
            assert!(!reflect(&mut frame).unwrap().checksum_partial);
            assert_eq!(frame[40..42], checksum);
        }
    }

    #[test]
    fn options_are_carried_along() {
        let builder = PacketBuilder::ethernet2(MACS.0, MACS.1)
            .ip(etherparse::IpHeaders::Ipv4(
                etherparse::Ipv4Header {
                    source: [10, 0, 0, 1],
                    destination: [10, 0, 0, 2],
                    time_to_live: 64,
                    options: [1, 1, 1, 0].into(),
                    ..Default::default()
                },
                etherparse::Ipv4Extensions::default(),
            ))
            .udp(1, 2);
        let mut frame = Vec::new();
        builder.write(&mut frame, &[7; 10]).unwrap();
        reflect(&mut frame).unwrap();
        assert_eq!(frame[34..38], [1, 1, 1, 0]);
        assert_eq!(frame[38..42], [0, 2, 0, 1]);
    }

    #[test]
    fn what_cannot_be_reflected_is_ignored_for_its_reason() {
        let change = |changes: &[(usize, u8)], len: usize| {
            let mut frame = udp_frame(&[0; 30]);
            for (at, value) in changes {
                frame[*at] = *value;
            }
            frame.truncate(len);
            reflect(&mut frame)
        };
        assert_eq!(change(&[(13, 6)], 100), Err(Ignored::NotIpv4));
        assert_eq!(change(&[(14, 0x65)], 100), Err(Ignored::NotIpv4));
        assert_eq!(change(&[(23, 6)], 100), Err(Ignored::NotUdp));
        assert_eq!(change(&[(20, 0x20)], 100), Err(Ignored::Fragment));
        assert_eq!(change(&[(21, 0x01)], 100), Err(Ignored::Fragment));
        assert_eq!(change(&[(14, 0x44)], 100), Err(Ignored::Malformed));
        assert_eq!(change(&[(14, 0x4f)], 70), Err(Ignored::Malformed));
        assert_eq!(change(&[(17, 27)], 100), Err(Ignored::Malformed));
        assert_eq!(change(&[], 71), Err(Ignored::Malformed));
        assert_eq!(change(&[], 13), Err(Ignored::Malformed));
        assert_eq!(change(&[], 33), Err(Ignored::Malformed));
    }
}
