//! Echo: RFC 792, RFC 1122 (section 3.2.2.6) and RFC 4443 (section 4.2).

use etherparse::{IpHeaders, Ipv4Extensions, Ipv4Header, PacketBuilder};
use proptest::prelude::*;

use super::*;

const TTL_AT: usize = 14 + 8;
const SOURCE_AT: usize = 14 + 12;

fn v4_request(source: Ipv4Addr, destination: Ipv4Addr, data: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(ASKER.0, PORT.0)
        .ipv4(source.octets(), destination.octets(), 3)
        .icmpv4_echo_request(0x1234, 0x5678)
        .write(&mut frame, data)
        .unwrap();
    frame
}

fn v6_request(source: Ipv6Addr, destination: Ipv6Addr, data: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(ASKER.0, PORT.0)
        .ipv6(source.octets(), destination.octets(), 3)
        .icmpv6_echo_request(0x1234, 0x5678)
        .write(&mut frame, data)
        .unwrap();
    frame
}

/// Returns both requests of the asker, with `data`.
fn requests(data: &[u8]) -> [Vec<u8>; 2] {
    [
        v4_request(ASKER_V4, PORT_V4, data),
        v6_request(ASKER_V6, PORT_V6, data),
    ]
}

/// Returns both answers as etherparse builds them.
fn answers(data: &[u8]) -> [Vec<u8>; 2] {
    let mut header = Ipv4Header {
        source: PORT_V4.octets(),
        destination: ASKER_V4.octets(),
        time_to_live: 64,
        dont_fragment: true,
        ..Default::default()
    };
    header.header_checksum = header.calc_header_checksum();
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    PacketBuilder::ethernet2(PORT.0, ASKER.0)
        .ip(IpHeaders::Ipv4(header, Ipv4Extensions::default()))
        .icmpv4_echo_reply(0x1234, 0x5678)
        .write(&mut v4, data)
        .unwrap();
    PacketBuilder::ethernet2(PORT.0, ASKER.0)
        .ipv6(PORT_V6.octets(), ASKER_V6.octets(), 64)
        .icmpv6_echo_reply(0x1234, 0x5678)
        .write(&mut v6, data)
        .unwrap();
    [v4, v6]
}

/// Makes the checksum of an IPv4 header without options right again after a change.
fn sum_up(frame: &mut [u8]) {
    let (ip, _) = Ipv4::mut_from_prefix(&mut frame[14..]).unwrap();
    ip.set_checksum();
}

proptest! {
    #[test]
    fn a_request_comes_back_with_its_data(data in prop::collection::vec(any::<u8>(), 0..1400)) {
        for (request, expected) in requests(&data).iter().zip(answers(&data)) {
            prop_assert_eq!(answer(request), (expected, None));
        }
    }
}

#[test]
fn a_request_is_answered_if_it_fits_whatever_its_size() {
    for len in [0, 1, 2, 47, 56, 57] {
        for request in requests(&vec![0x5a; len]) {
            is_answered_whole(&request);
            is_answered_on_its_vlans(&request);
            is_answered_from_station_to_station(&request);
        }
    }
    let port = Responder::new(PORT, Tags::NONE, &ADDRESSES);
    let mut room = vec![0; 70_000];
    // The longest data of an answer whose frame still has a length of 16 bits.
    for (request, headers) in [42, 62].into_iter().enumerate() {
        for (len, is_answered) in [(0xffff - headers, true), (0xffff - headers + 1, false)] {
            let request = &requests(&vec![7; len])[request];
            let answer = port.hear(request, &mut room).answer();
            assert_eq!(answer, is_answered.then_some(FrameLen(0xffff)));
        }
    }
}

#[test]
fn a_request_to_a_group_or_another_is_nothing_of_ours() {
    let v4 = [
        Ipv4Addr::BROADCAST,
        Ipv4Addr::new(224, 0, 0, 1),
        OTHER_V4,
        Ipv4Addr::new(10, 0, 0, 255),
    ];
    for destination in v4 {
        let frame = v4_request(ASKER_V4, destination, &[]);
        assert_eq!(heard(&frame), Heard::Other, "{destination}");
        assert_eq!(heard(&with(&frame, 0, &[0xff; 6])), Heard::Other);
    }
    for destination in [ALL_NODES, solicited_node(PORT_V6), OTHER_V6] {
        let frame = v6_request(ASKER_V6, destination, &[]);
        assert_eq!(heard(&frame), Heard::Other, "{destination}");
        let group = multicast_mac(destination);
        assert_eq!(heard(&with(&frame, 0, &group.0)), Heard::Other);
    }
    // One host's address in a frame to many.
    for request in requests(&[]) {
        assert_eq!(heard(&with(&request, 0, &[0xff; 6])), Heard::Other);
    }
}

#[test]
fn a_request_from_a_group_or_nobody_is_malformed() {
    for source in [
        Ipv4Addr::BROADCAST,
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::LOCALHOST,
        Ipv4Addr::new(239, 1, 2, 3),
    ] {
        let frame = v4_request(source, PORT_V4, &[]);
        assert_eq!(heard(&frame), Heard::Malformed, "{source}");
    }
    for source in [ALL_NODES, Ipv6Addr::UNSPECIFIED, Ipv6Addr::LOCALHOST] {
        let frame = v6_request(source, PORT_V6, &[]);
        assert_eq!(heard(&frame), Heard::Malformed, "{source}");
    }
}

#[test]
fn a_request_from_ourselves_is_not_answered() {
    assert_eq!(heard(&v4_request(PORT_V4, PORT_V4, &[])), Heard::Other);
    assert_eq!(heard(&v6_request(PORT_V6, PORT_V6, &[])), Heard::Other);
}

#[test]
fn an_answer_is_not_answered() {
    for answer in answers(&[1, 2, 3]) {
        let port = Responder::new(ASKER, Tags::NONE, &[]);
        assert_eq!(port.hear(&answer, &mut [0; 100]), Heard::Other);
        let addresses = [ASKER_V4.into(), ASKER_V6.into()];
        let port = Responder::new(ASKER, Tags::NONE, &addresses);
        assert_eq!(port.hear(&answer, &mut [0; 100]), Heard::Other);
    }
}

#[test]
fn a_fragment_is_not_answered() {
    for flags in [0x2000_u16, 0x0001, 0x3fff] {
        let mut frame = with(
            &v4_request(ASKER_V4, PORT_V4, &[0; 16]),
            20,
            &flags.to_be_bytes(),
        );
        sum_up(&mut frame);
        assert_eq!(heard(&frame), Heard::Other);
    }
    let [_, v6] = requests(&[0; 16]);
    // Next header: a fragment; hop-by-hop options.
    for next_header in [44, 0] {
        assert_eq!(heard(&with(&v6, 20, &[next_header])), Heard::Other);
    }
}

#[test]
fn a_request_whose_lengths_are_wrong_is_malformed() {
    let [v4, v6] = requests(&[]);
    // Below the header's, within the echo's, beyond the frame.
    for total in [0_u16, 19, 20, 27, 29] {
        let mut frame = with(&v4, 16, &total.to_be_bytes());
        sum_up(&mut frame);
        assert_eq!(heard(&frame), Heard::Malformed, "{total}");
    }
    // A header shorter than one, and one longer than the packet.
    for first in [0x44, 0x4f] {
        assert_eq!(heard(&with(&v4, 14, &[first])), Heard::Malformed);
    }
    for len in [0_u16, 3, 7, 9, 0xffff] {
        let frame = with(&v6, 18, &len.to_be_bytes());
        assert_eq!(heard(&frame), Heard::Malformed, "{len}");
    }
    assert_eq!(heard(&with(&v4, 14, &[0x65])), Heard::Other);
    assert_eq!(heard(&with(&v6, 14, &[0x45])), Heard::Other);
}

#[test]
fn a_request_with_a_code_is_malformed() {
    for (icmp_at, request) in [34, 54].into_iter().zip(requests(&[])) {
        let checksum = u16::from_be_bytes([request[icmp_at + 2], request[icmp_at + 3]]);
        let frame = with(&request, icmp_at + 1, &[1]);
        // One more in a word is one less in the checksum.
        let frame = with(&frame, icmp_at + 2, &(checksum - 1).to_be_bytes());
        assert_eq!(heard(&frame), Heard::Malformed);
    }
}

#[test]
fn a_request_with_options_is_answered_without_them() {
    let header = Ipv4Header {
        source: ASKER_V4.octets(),
        destination: PORT_V4.octets(),
        time_to_live: 64,
        options: [1, 1, 1, 0].into(),
        ..Default::default()
    };
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(ASKER.0, PORT.0)
        .ip(IpHeaders::Ipv4(header, Ipv4Extensions::default()))
        .icmpv4_echo_request(0x1234, 0x5678)
        .write(&mut frame, b"data")
        .unwrap();
    let [expected, _] = answers(b"data");
    assert_eq!(answer(&frame), (expected, None));
}

#[test]
fn other_messages_are_nothing_of_ours() {
    let [v4, v6] = requests(&[0; 20]);
    // Unreachable; router advertisement; UDP.
    for icmp_type in [0, 3, 5, 11, 13, 17] {
        assert_eq!(heard(&with(&v4, 34, &[icmp_type])), Heard::Other);
    }
    for icmp_type in [1, 2, 129, 133, 134, 137] {
        assert_eq!(heard(&with(&v6, 54, &[icmp_type])), Heard::Other);
    }
    let mut udp = with(&v4, TTL_AT + 1, &[17]);
    sum_up(&mut udp);
    assert_eq!(heard(&udp), Heard::Other);
    assert_eq!(heard(&with(&udp, SOURCE_AT, &[0xff; 4])), Heard::Other);
}
