//! The reflection of one frame: whether it is answered, and how.

use zerocopy::FromBytes;

use super::fast_path::Known;
use crate::rx::verify::is_partial;
use crate::wire::checksum::Sum;
use crate::wire::{EtherType, Ethernet, Ipv4, Mac, Udp};

/// The length in bytes of the shortest IPv4 and UDP headers.
const IP_UDP: usize = size_of::<Ipv4>() + Udp::LEN;

/// The reason for which a frame is not sent back.
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
    /// To or from a group: a multicast or broadcast address, MAC or IP.
    GroupAddress,
    /// From the port's own MAC address: its host sent it, or it came back.
    OwnMac,
    /// A TTL of 0 or 1, which ends here (RFC 1812, section 5.3.1).
    Ttl,
}

/// A frame that was turned round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reflected {
    /// `true` if it came as `CHECKSUM_PARTIAL` (its sender left the rest of the sum to a NIC); now
    /// it is complete.
    pub checksum_partial: bool,
}

/// The reflector of single frames: turns each round, or says why not.
pub struct FrameReflector {
    own: Mac,
    /// Headers of the last frame that was sent back and had no IP options.
    known: Known,
}

impl FrameReflector {
    /// Makes the reflector for a port whose address is `own`.
    #[must_use]
    pub fn new(own: Mac) -> Self {
        Self {
            own,
            known: Known::nothing(),
        }
    }

    /// Turns `frame` round: swaps source and destination of MAC, IP and UDP header, and lowers the
    /// TTL by one.
    ///
    /// Nothing else changes, and the checksums stay as right or as wrong as they are, since a sum
    /// has no order and that of the IP header is updated (RFC 1624); only a UDP checksum that
    /// covers just the pseudo-header is completed.
    ///
    /// # Errors
    ///
    /// Returns why it is not to be sent back; then nothing in it has changed.
    #[inline]
    pub fn reflect(&mut self, frame: &mut [u8]) -> Result<Reflected, Ignored> {
        if self.reflect_fast(frame) {
            return Ok(Reflected {
                checksum_partial: false,
            });
        }
        self.reflect_slow(frame)
    }

    /// Turns `frame` round if it is like the last one, as nearly every one is; otherwise leaves it
    /// as it is and returns `false`.
    #[inline(always)] // into the loop over a burst
    pub fn reflect_fast(&self, frame: &mut [u8]) -> bool {
        self.known.turn_round(frame)
    }

    /// Turns any `frame` round, and knows others like it from then on.
    ///
    /// # Errors
    ///
    /// Returns why it is not to be sent back; then nothing in it has changed.
    #[cold]
    #[inline(never)]
    pub fn reflect_slow(&mut self, frame: &mut [u8]) -> Result<Reflected, Ignored> {
        let options_len = judge(frame, self.own)?;
        let headers = *frame.first_chunk().ok_or(Ignored::Malformed)?;
        let (ethernet, packet) =
            Ethernet::mut_from_prefix(frame).map_err(|_| Ignored::Malformed)?;
        let (ip, after_ip) = Ipv4::mut_from_prefix(packet).map_err(|_| Ignored::Malformed)?;
        let (udp, rest) =
            Udp::mut_from_prefix(&mut after_ip[options_len..]).map_err(|_| Ignored::Malformed)?;
        let partial = ip.pseudo_header(udp.length.get()).fold().to_ne_bytes();
        core::mem::swap(&mut ethernet.source, &mut ethernet.destination);
        ip.swap_addresses();
        ip.lower_ttl();
        udp.swap_ports();
        let rest_len = usize::from(ip.total_length.get()) - options_len - IP_UDP;
        let checksum_partial = complete_checksum(ip, udp, &rest[..rest_len]);
        if options_len == 0 {
            let sent = frame.first_chunk().ok_or(Ignored::Malformed)?;
            self.known = Known::of(&headers, sent, partial);
        }
        Ok(Reflected { checksum_partial })
    }
}

/// Returns how many bytes of IP options `frame` has, if a port whose address is `own` sends it
/// back, or else why it does not.
fn judge(frame: &[u8], own: Mac) -> Result<usize, Ignored> {
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
    let has_group = [ethernet.destination, ethernet.source]
        .iter()
        .any(Mac::is_group)
        || [ip.destination(), ip.source()]
            .iter()
            .any(|address| address.is_multicast() || address.is_broadcast());
    if has_group {
        return Err(Ignored::GroupAddress);
    }
    if ethernet.source == own {
        return Err(Ignored::OwnMac);
    }
    if ip.ttl <= 1 {
        return Err(Ignored::Ttl);
    }
    Ok(options_len)
}

/// Completes a UDP checksum that covers just the pseudo-header, and returns whether it was one.
///
/// `rest` is what follows the UDP header in the IP packet; the datagram may end before it does.
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
    if covered.plus(udp.sum()).is_valid() {
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
    use zerocopy::IntoBytes;

    use super::*;

    const MACS: ([u8; 6], [u8; 6]) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);

    fn reflector() -> FrameReflector {
        FrameReflector::new(Mac(MACS.1))
    }

    fn reflect(frame: &mut [u8]) -> Result<Reflected, Ignored> {
        reflector().reflect(frame)
    }

    fn udp_frame(payload: &[u8]) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2(MACS.0, MACS.1)
            .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .udp(1234, 5678);
        let mut frame = Vec::new();
        builder.write(&mut frame, payload).unwrap();
        frame
    }

    /// `before` as it is to come back: swapped, and its TTL lowered with the checksum updated (RFC
    /// 1624, equation 3), number by number.
    fn turned_round(before: &[u8]) -> Vec<u8> {
        let mut frame = before.to_vec();
        for (at, len) in [(0, 6), (26, 4), (34, 2)] {
            frame[at..at + len].copy_from_slice(&before[at + len..at + 2 * len]);
            frame[at + len..at + 2 * len].copy_from_slice(&before[at..at + len]);
        }
        frame[22] -= 1;
        let word = |bytes: &[u8], at| u32::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
        let complement = |bytes: &[u8], at| 0xffff - word(bytes, at);
        let mut sum = complement(before, 24) + complement(before, 22) + word(&frame, 22);
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        frame[24..26].copy_from_slice(&(!(sum as u16)).to_be_bytes());
        frame
    }

    proptest! {
        #[test]
        fn only_what_is_swapped_and_the_ttl_differ(
            payload: Vec<u8>,
            checksum: [u8; 2],
            ip_checksum in prop::option::of(any::<u8>()),
            ttl in 2_u8..,
            padding in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut frame = udp_frame(&payload);
            let intact = frame.clone();
            frame[40..42].copy_from_slice(&checksum);
            frame[22] = ttl;
            if let Some(low) = ip_checksum {
                // Near where a carry goes round.
                frame[24..26].copy_from_slice(&[low, 0xff]);
            }
            frame.extend(padding);
            let before = frame.clone();
            let mut reflector = reflector();
            for _ in 0..2 {
                frame.clone_from(&before);
                let reflected = reflector.reflect(&mut frame).unwrap();
                let mut expected = turned_round(&before);
                if reflected.checksum_partial {
                    expected[40..42].copy_from_slice(&intact[40..42]);
                }
                prop_assert_eq!(&frame, &expected);
            }
        }

        #[test]
        fn an_intact_header_stays_intact(ttl in 2_u8.., id: u16) {
            let mut header = Ipv4::udp([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), 8);
            header.identification.set(id);
            header.ttl = ttl;
            header.set_checksum();
            let mut frame = udp_frame(&[]);
            frame[14..34].copy_from_slice(header.as_bytes());
            let mut reflector = reflector();
            for _ in 0..2 {
                let mut frame = frame.clone();
                reflector.reflect(&mut frame).unwrap();
                let mut expected = header;
                expected.swap_addresses();
                expected.ttl -= 1;
                expected.set_checksum();
                prop_assert_eq!(&frame[14..34], expected.as_bytes());
            }
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
        fn a_frame_like_the_last_one_is_turned_round_as_if_it_were_the_first(
            payload: Vec<u8>,
            changes in prop::collection::vec((0_usize..46, any::<u8>()), 0..3),
            len in prop::option::of(0_usize..60),
        ) {
            let mut reflector = reflector();
            let mut frame = udp_frame(&payload);
            reflector.reflect(&mut frame.clone()).unwrap();
            for (at, byte) in changes {
                if let Some(old) = frame.get_mut(at) {
                    *old = byte;
                }
            }
            frame.resize(len.unwrap_or(frame.len()), 7);
            let mut other = frame.clone();
            prop_assert_eq!(reflector.reflect(&mut frame), reflect(&mut other));
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
        let mut complete = frame.clone();
        assert!(reflect(&mut complete).unwrap().checksum_partial);
        assert_eq!(complete[40..42], intact[40..42]);
        // There is nothing to complete where the length cannot be.
        for udp_len in [7_u16, 25] {
            frame[38..40].copy_from_slice(&udp_len.to_be_bytes());
            frame[40..42].copy_from_slice(&pseudo(udp_len).fold().to_ne_bytes());
            let mut reflected = frame.clone();
            assert!(!reflect(&mut reflected).unwrap().checksum_partial);
            assert_eq!(reflected[40..42], frame[40..42]);
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
    #[test]
    fn what_would_do_harm_is_not_answered() {
        let change = |at: usize, new: &[u8]| {
            let mut frame = udp_frame(&[0; 30]);
            frame[at..at + new.len()].copy_from_slice(new);
            let before = frame.clone();
            // Known headers make no difference.
            let mut reflector = reflector();
            reflector.reflect(&mut udp_frame(&[0; 30])).unwrap();
            let result = reflector.reflect(&mut frame);
            assert_eq!(result, reflect(&mut before.clone()));
            assert_eq!(result.is_err(), frame == before);
            result.err()
        };
        for (at, group) in [
            (0, &[0xff; 6][..]),               // broadcast
            (0, &[0x01, 0, 0x5e, 0, 0, 0xfb]), // multicast
            (6, &[0x03, 0, 0, 0, 0, 1]),       // a group as source
            (26, &[224, 0, 0, 1]),
            (30, &[239, 255, 255, 250]),
            (26, &[255; 4]),
            (30, &[255; 4]),
        ] {
            assert_eq!(change(at, group), Some(Ignored::GroupAddress), "{group:?}");
        }
        assert_eq!(change(6, &MACS.1), Some(Ignored::OwnMac));
        assert_eq!(change(22, &[0]), Some(Ignored::Ttl));
        assert_eq!(change(22, &[1]), Some(Ignored::Ttl));
        assert_eq!(change(22, &[2]), None);
        assert_eq!(change(30, &[223, 255, 255, 255]), None);
    }
}
