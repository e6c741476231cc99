use std::vec::Vec;

use etherparse::PacketBuilder;
use proptest::prelude::*;
use zerocopy::IntoBytes;

use super::*;
use crate::port::FrameLen;
use crate::wire::Mac;

const MACS: ([u8; 6], [u8; 6]) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);

fn reflector() -> FrameReflector<'static> {
    FrameReflector::new(Rules::of(Mac(MACS.1)))
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

/// A datagram over IPv6, behind `tags` tags.
fn udp_frame_v6(tags: usize, payload: &[u8]) -> Vec<u8> {
    let (from, to) = (
        [0xfd; 16],
        [0xfe, 0x80, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7],
    );
    let builder = PacketBuilder::ethernet2(MACS.0, MACS.1)
        .ipv6(from, to, 64)
        .udp(1234, 5678);
    let mut frame = Vec::new();
    builder.write(&mut frame, payload).unwrap();
    tagged(frame, tags)
}

/// `frame` behind `tags` tags more.
fn tagged(mut frame: Vec<u8>, tags: usize) -> Vec<u8> {
    for id in 0..tags as u8 {
        frame.splice(12..12, [0x81, 0, 0x60, 40 + id]);
    }
    frame
}

/// `before` as it is to come back, whatever its layout, made by parts of the frame: swapped,
/// and its hop limit lowered, for IPv6; without tags and with them put back, for IPv4.
fn turned_round_in(tags: usize, is_v6: bool, before: &[u8]) -> Vec<u8> {
    let (link, packet) = before.split_at(12 + 4 * tags);
    let untagged = [&link[..12], packet].concat();
    let mut frame = if is_v6 {
        let mut frame = untagged.clone();
        for (at, len) in [(0, 6), (22, 16), (54, 2)] {
            frame[at..at + len].copy_from_slice(&untagged[at + len..at + 2 * len]);
            frame[at + len..at + 2 * len].copy_from_slice(&untagged[at..at + len]);
        }
        frame[21] -= 1;
        frame
    } else {
        turned_round(&untagged)
    };
    frame.splice(12..12, link[12..].iter().copied());
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
    fn in_every_layout_only_what_is_swapped_and_the_ttl_differ(
        tags in 0_usize..=2,
        is_v6: bool,
        payload: Vec<u8>,
        ports: [u8; 4],
        other_tags in 0_usize..=2,
    ) {
        let make = |tags| if is_v6 {
            udp_frame_v6(tags, &payload)
        } else {
            tagged(udp_frame(&payload), tags)
        };
        let mut reflector = reflector();
        // The second is like the first but for what may differ; one of another layout between
        // them, and after them, changes nothing.
        for (tags, ports) in [(tags, [0; 4]), (tags, ports), (other_tags, ports), (tags, ports)] {
            let mut frame = make(tags);
            let udp = frame.len() - payload.len() - 8;
            frame[udp..udp + 4].copy_from_slice(&ports);
            let before = frame.clone();
            let reflected = reflector.reflect(&mut frame).unwrap();
            if !reflected.checksum_partial {
                prop_assert_eq!(frame, turned_round_in(tags, is_v6, &before));
            }
        }
    }

    #[test]
    fn a_partial_checksum_is_completed_over_ipv6(tags in 0_usize..=2, payload: Vec<u8>) {
        let intact = udp_frame_v6(tags, &payload);
        let mut frame = intact.clone();
        let udp_len = (8 + payload.len()) as u16;
        let (ip, _) = Ipv6::ref_from_prefix(&intact[14 + 4 * tags..]).unwrap();
        let at = 60 + 4 * tags;
        let pseudo = ip.pseudo_header(Ipv6::UDP, udp_len).fold();
        frame[at..at + 2].copy_from_slice(&pseudo.to_ne_bytes());
        let was_right_already = frame == intact;
        let reflected = reflect(&mut frame).unwrap();
        prop_assert_eq!(reflected.checksum_partial, !was_right_already);
        prop_assert_eq!(&frame[at..at + 2], &intact[at..at + 2]);
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
        tags in 0_usize..=2,
        is_v6: bool,
        payload: Vec<u8>,
        changes in prop::collection::vec((0_usize..76, any::<u8>()), 0..3),
        len in prop::option::of(0_usize..90),
    ) {
        let mut reflector = reflector();
        let mut frame = if is_v6 {
            udp_frame_v6(tags, &payload)
        } else {
            tagged(udp_frame(&payload), tags)
        };
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
    fn frames_that_alternate_are_each_turned_round_as_if_they_were_the_first(
        frames in prop::collection::vec(
            (0_usize..=2, any::<bool>(), 0_usize..4, prop::option::weighted(0.3, (0_usize..76, any::<u8>())), any::<bool>()),
            1..40,
        ),
    ) {
        let mut reflector = reflector();
        for (tags, is_v6, len, change, is_partial) in frames {
            let payload = [7; 90][..30 * len].to_vec();
            let mut frame = if is_v6 {
                udp_frame_v6(tags, &payload)
            } else {
                tagged(udp_frame(&payload), tags)
            };
            if let Some((at, byte)) = change
                && let Some(old) = frame.get_mut(at)
            {
                *old = byte;
            }
            if is_partial && !is_v6 && tags == 0 && change.is_none() {
                let udp_len = u16::from_be_bytes([frame[38], frame[39]]);
                let (ip, _) = Ipv4::ref_from_prefix(&frame[14..]).unwrap();
                let partial = ip.pseudo_header(udp_len).fold().to_ne_bytes();
                frame[40..42].copy_from_slice(&partial);
            }
            let mut other = frame.clone();
            prop_assert_eq!(reflector.reflect(&mut frame), reflect(&mut other));
            prop_assert_eq!(frame, other);
        }
    }

    #[test]
    fn arbitrary_bytes_are_no_danger(mut bytes: Vec<u8>) {
        let before = bytes.clone();
        if reflect(&mut bytes).is_err() {
            prop_assert_eq!(bytes, before);
        }
    }
}

/// Whether `frame`, which is turned round then, is like the last one to `reflector`.
fn is_known(reflector: &FrameReflector<'_>, frame: &mut [u8]) -> bool {
    in_its_layout!(reflector.known(), HEADERS, LANES => {
        reflector.reflect_fast::<HEADERS, LANES>(frame)
    })
}

#[test]
fn in_every_layout_a_frame_like_the_last_one_takes_the_fast_path() {
    for (tags, is_v6) in [0, 1, 2]
        .into_iter()
        .flat_map(|tags| [(tags, false), (tags, true)])
    {
        let frame = if is_v6 {
            udp_frame_v6(tags, &[7; 30])
        } else {
            tagged(udp_frame(&[7; 30]), tags)
        };
        let udp = frame.len() - 38;
        let mut reflector = reflector();
        assert!(!is_known(&reflector, &mut frame.clone()), "none was seen");
        reflector.reflect(&mut frame.clone()).unwrap();
        let mut other = frame.clone();
        // Ports, UDP checksum and payload may differ, and padding follow.
        for at in (udp..udp + 4).chain(udp + 6..frame.len()) {
            other[at] ^= 0x55;
        }
        for mut frame in [frame.clone(), other.clone(), [&other[..], &[1; 9]].concat()] {
            let before = frame.clone();
            assert!(
                is_known(&reflector, &mut frame),
                "{tags} tags, IPv6: {is_v6}"
            );
            let (packet, padding) = before.split_at(udp + 38);
            let turned = turned_round_in(tags, is_v6, packet);
            assert_eq!(frame, [&turned[..], padding].concat());
        }
        // All else has to be as it was, and the frame whole.
        for at in (0..udp).chain([udp + 4, udp + 5]) {
            let mut frame = other.clone();
            frame[at] ^= 1;
            let before = frame.clone();
            assert!(!is_known(&reflector, &mut frame), "byte {at}");
            assert_eq!(frame, before, "byte {at}");
        }
        for (one, two) in (0..udp).flat_map(|one| (one + 1..udp).map(move |two| (one, two))) {
            let mut frame = other.clone();
            frame[one] ^= 1;
            frame[two] ^= 1;
            assert!(!is_known(&reflector, &mut frame), "bytes {one} and {two}");
        }
        assert!(!is_known(&reflector, &mut other[..udp + 37]));
        // Nor one whose checksum has to be completed.
        let ip = &frame[14 + 4 * tags..];
        let pseudo = if is_v6 {
            let (ip, _) = Ipv6::ref_from_prefix(ip).unwrap();
            ip.pseudo_header(Ipv6::UDP, 38)
        } else {
            Ipv4::ref_from_prefix(ip).unwrap().0.pseudo_header(38)
        };
        other[udp + 6..udp + 8].copy_from_slice(&pseudo.fold().to_ne_bytes());
        assert!(!is_known(&reflector, &mut other));
        assert!(reflector.reflect(&mut other).unwrap().checksum_partial);
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
    assert_eq!(change(&[(13, 6)], 100), Err(Ignored::NotIp));
    assert_eq!(change(&[(14, 0x65)], 100), Err(Ignored::NotIp));
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
fn over_ipv6_what_cannot_be_reflected_is_ignored_for_its_reason() {
    let change = |changes: &[(usize, u8)], len: usize| {
        let mut frame = udp_frame_v6(0, &[0; 30]);
        for (at, value) in changes {
            frame[*at] = *value;
        }
        frame.truncate(len);
        reflect(&mut frame)
    };
    assert_eq!(change(&[(14, 0x45)], 200), Err(Ignored::NotIp));
    assert_eq!(change(&[(20, 58)], 200), Err(Ignored::NotUdp));
    assert_eq!(change(&[(20, 44)], 200), Err(Ignored::Fragment));
    for extension in [0, 43, 60, 135] {
        assert_eq!(
            change(&[(20, extension)], 200),
            Err(Ignored::ExtensionHeader)
        );
    }
    assert_eq!(
        change(&[(19, 7)], 200),
        Err(Ignored::Malformed),
        "no room for UDP"
    );
    assert_eq!(change(&[], 91), Err(Ignored::Malformed), "cut");
    assert_eq!(
        change(&[], 53),
        Err(Ignored::Malformed),
        "cut in the header"
    );
    assert_eq!(change(&[(38, 0xff)], 200), Err(Ignored::GroupAddress));
    assert_eq!(change(&[(21, 1)], 200), Err(Ignored::Ttl));
}

#[test]
fn a_third_tag_is_too_many() {
    assert!(reflect(&mut tagged(udp_frame(&[]), 2)).is_ok());
    assert_eq!(reflect(&mut tagged(udp_frame(&[]), 3)), Err(Ignored::Tags));
}

#[test]
fn others_frames_are_left_alone_unless_it_is_promiscuous() {
    let other = Mac([2, 0, 0, 0, 0, 9]);
    let mut frame = udp_frame(&[0; 30]);
    frame[..6].copy_from_slice(&other.0);
    assert_eq!(reflect(&mut frame), Err(Ignored::OtherMac(other)));
    let promiscuous = Rules {
        is_promiscuous: true,
        ..Rules::of(Mac(MACS.1))
    };
    assert!(FrameReflector::new(promiscuous).reflect(&mut frame).is_ok());
    // Its own last answer does not make it known.
    let mut reflector = reflector();
    reflector.reflect(&mut udp_frame(&[0; 30])).unwrap();
    let mut frame = udp_frame(&[0; 30]);
    frame[5] ^= 1;
    assert!(matches!(
        reflector.reflect(&mut frame),
        Err(Ignored::OtherMac(_))
    ));
}

#[test]
fn only_allowed_networks_are_answered() {
    let allowed = ["10.0.0.0/31", "fd00::/8"].map(|prefix| prefix.parse().unwrap());
    let mut reflector = FrameReflector::new(Rules {
        allowed: &allowed,
        ..Rules::of(Mac(MACS.1))
    });
    assert!(reflector.reflect(&mut udp_frame(&[])).is_ok());
    assert!(reflector.reflect(&mut udp_frame_v6(0, &[])).is_ok());
    let mut frame = udp_frame(&[]);
    frame[29] = 2;
    let not_allowed = Ignored::NotAllowed([10, 0, 0, 2].into());
    assert_eq!(reflector.reflect(&mut frame), Err(not_allowed));
}

#[test]
fn what_the_port_cannot_carry_is_told_as_that() {
    let rules = Rules {
        max_frame: FrameLen(142),
        ..Rules::of(Mac(MACS.1))
    };
    let reflect = |frame: &mut [u8]| FrameReflector::new(rules).reflect(frame);
    assert!(reflect(&mut udp_frame(&[0; 100])).is_ok());
    assert!(
        reflect(&mut tagged(udp_frame(&[0; 100]), 2)).is_ok(),
        "tags are no part"
    );
    assert_eq!(reflect(&mut udp_frame(&[0; 101])), Err(Ignored::Oversized));
    // A super-frame of the kernel's that came cut.
    let mut cut = udp_frame(&[0; 3000]);
    cut.truncate(200);
    assert_eq!(reflect(&mut cut), Err(Ignored::Oversized));
    cut.truncate(142);
    assert_eq!(reflect(&mut cut), Err(Ignored::Malformed));
    // Whole, too long, and without room for a UDP header.
    let tiny = Rules {
        max_frame: FrameLen(40),
        ..rules
    };
    let mut frame = udp_frame(&[]);
    frame[17] = 27;
    frame.truncate(41);
    let reflected = FrameReflector::new(tiny).reflect(&mut frame);
    assert_eq!(reflected, Err(Ignored::Malformed));
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
