//! Whatever bytes come.

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use proptest::prelude::*;

use super::*;

/// Returns what a neighbour asks a port: who has its addresses, and echoes.
fn questions() -> Vec<Vec<u8>> {
    let asker = Responder::new(ASKER, Tags::NONE, &[]);
    let mut questions = Vec::new();
    for (from, target) in [
        (IpAddr::V4(ASKER_V4), IpAddr::V4(PORT_V4)),
        (ASKER_V6.into(), PORT_V6.into()),
    ] {
        let mut room = vec![0; 100];
        let len = asker.solicit(from, target, &mut room).unwrap();
        room.truncate(len.0.into());
        questions.push(room);
    }
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    etherparse::PacketBuilder::ethernet2(ASKER.0, PORT.0)
        .ipv4(ASKER_V4.octets(), PORT_V4.octets(), 64)
        .icmpv4_echo_request(1, 2)
        .write(&mut v4, b"some data")
        .unwrap();
    etherparse::PacketBuilder::ethernet2(ASKER.0, PORT.0)
        .ipv6(ASKER_V6.octets(), PORT_V6.octets(), 64)
        .icmpv6_echo_request(1, 2)
        .write(&mut v6, b"some data")
        .unwrap();
    questions.extend([v4, v6]);
    questions
}

/// Checks an answer as etherparse reads it.
fn is_right(answer: &[u8]) {
    assert_eq!(answer[6..12], PORT.0);
    let packet = SlicedPacket::from_ethernet(answer).unwrap();
    match (packet.net.unwrap(), packet.transport) {
        (NetSlice::Arp(arp), None) => assert_eq!(arp.sender_hw_addr(), PORT.0),
        (NetSlice::Ipv4(ip), Some(TransportSlice::Icmpv4(icmp))) => {
            let header = ip.header().to_header();
            assert_eq!(header.header_checksum, header.calc_header_checksum());
            let theirs = icmp.icmp_type().calc_checksum(icmp.payload());
            assert_eq!(icmp.checksum(), theirs);
        }
        (NetSlice::Ipv6(ip), Some(TransportSlice::Icmpv6(icmp))) => {
            let header = ip.header();
            assert!(icmp.is_checksum_valid(header.source(), header.destination()));
        }
        (net, transport) => panic!("{net:?} {transport:?}"),
    }
}

#[test]
fn every_question_is_answered() {
    for question in questions() {
        is_right(&answer(&question).0);
    }
}

proptest! {
    #[test]
    fn no_bytes_are_a_danger(bytes: Vec<u8>, room in 0..120_usize) {
        let responder = Responder::new(PORT, Tags::NONE, &ADDRESSES);
        for ether_type in [[8, 0], [8, 6], [0x86, 0xdd], [0x81, 0]] {
            for to in [PORT.0, Mac::BROADCAST.0, [0x33, 0x33, 0, 0, 0, 1]] {
                let frame = [&to[..], &ASKER.0, &ether_type, &bytes].concat();
                let _ = responder.hear(&frame, &mut vec![0; room]);
            }
        }
        let _ = responder.hear(&bytes, &mut vec![0; room]);
    }

    #[test]
    fn a_changed_question_has_a_right_answer_or_none(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut: prop::sample::Index,
    ) {
        for mut question in questions() {
            for (at, value) in &changes {
                let at = at.index(question.len());
                question[at] = *value;
            }
            let cut = cut.index(question.len() + 30).min(question.len());
            for question in [&question[..], &question[..cut]] {
                let (heard, answer) = hear(question);
                if heard.answer().is_some() {
                    is_right(&answer);
                }
            }
        }
    }

    #[test]
    fn a_message_with_a_bit_flipped_is_not_answered(at: prop::sample::Index) {
        for question in questions() {
            // What a checksum covers: all of an IPv4 packet; the addresses and the message in IPv6.
            let covered = match question[12..14] {
                [8, 0] => 14,
                [0x86, 0xdd] => 14 + 8,
                _ => continue,
            };
            let bit = at.index((question.len() - covered) * 8);
            let mut changed = question.clone();
            changed[covered + bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(heard(&changed).answer(), None, "bit {}", bit);
            prop_assert_eq!(heard(&changed).learned(), None);
        }
    }
}
