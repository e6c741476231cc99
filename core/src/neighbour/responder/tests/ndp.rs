//! Neighbour discovery: RFC 4861.

use etherparse::icmpv6::NeighborAdvertisementHeader;
use etherparse::{Icmpv6Type, PacketBuilder};

use super::*;

const NOBODY_V6: Ipv6Addr = Ipv6Addr::UNSPECIFIED;
const LEARNED: Neighbour = Neighbour {
    ip: IpAddr::V6(ASKER_V6),
    mac: ASKER,
};
const CODE_AT: usize = 14 + 40 + 1;
const CHECKSUM_AT: usize = 14 + 40 + 2;

/// A message as etherparse builds it, right unless a test says otherwise.
#[derive(Clone)]
struct Message {
    macs: (Mac, Mac),
    source: Ipv6Addr,
    destination: Ipv6Addr,
    hop_limit: u8,
    /// Type, code, and the four bytes behind the checksum.
    icmp: (u8, u8, [u8; 4]),
    target: Ipv6Addr,
    options: Vec<u8>,
}

impl Message {
    fn frame(&self) -> Vec<u8> {
        let (icmp_type, code, flags) = self.icmp;
        let body = [&self.target.octets()[..], &self.options].concat();
        let mut frame = Vec::new();
        PacketBuilder::ethernet2(self.macs.0.0, self.macs.1.0)
            .ipv6(
                self.source.octets(),
                self.destination.octets(),
                self.hop_limit,
            )
            .icmpv6_raw(icmp_type, code, flags)
            .write(&mut frame, &body)
            .unwrap();
        frame
    }
}

fn option(option_type: u8, mac: Mac) -> Vec<u8> {
    [&[option_type, 1], &mac.0[..]].concat()
}

/// Returns the asker's question for the port's address.
fn solicitation() -> Message {
    let group = solicited_node(PORT_V6);
    Message {
        macs: (ASKER, multicast_mac(group)),
        source: ASKER_V6,
        destination: group,
        hop_limit: 255,
        icmp: (135, 0, [0; 4]),
        target: PORT_V6,
        options: option(1, ASKER),
    }
}

/// Returns the question whether the port's address is free (RFC 4862, section 5.4.2).
fn detection() -> Message {
    Message {
        source: NOBODY_V6,
        options: vec![],
        ..solicitation()
    }
}

/// Returns the asker's answer to a question of the port.
fn advertisement() -> Message {
    Message {
        macs: (ASKER, PORT),
        source: ASKER_V6,
        destination: PORT_V6,
        hop_limit: 255,
        icmp: (136, 0, [0x60, 0, 0, 0]),
        target: ASKER_V6,
        options: option(2, ASKER),
    }
}

/// Returns an advertisement of the port as etherparse builds it by itself.
fn advertised(to: (Mac, Ipv6Addr), solicited: bool) -> Vec<u8> {
    let header = NeighborAdvertisementHeader {
        router: false,
        solicited,
        r#override: true,
    };
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(PORT.0, to.0.0)
        .ipv6(PORT_V6.octets(), to.1.octets(), 255)
        .icmpv6(Icmpv6Type::NeighborAdvertisement(header))
        .write(
            &mut frame,
            &[&PORT_V6.octets()[..], &option(2, PORT)].concat(),
        )
        .unwrap();
    frame
}

fn answer_to_asker() -> Vec<u8> {
    advertised((ASKER, ASKER_V6), true)
}

fn to_all_nodes() -> Vec<u8> {
    let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    advertised((Mac([0x33, 0x33, 0, 0, 0, 1]), all_nodes), false)
}

#[test]
fn a_solicitation_is_answered_and_tells_who_asks() {
    let to_group = solicitation();
    let to_port = Message {
        macs: (ASKER, PORT),
        destination: PORT_V6,
        ..solicitation()
    };
    let to_all = Message {
        macs: (ASKER, multicast_mac(ALL_NODES)),
        destination: ALL_NODES,
        ..solicitation()
    };
    // The group in a frame to the port alone (RFC 6085).
    let group_to_port = Message {
        macs: (ASKER, PORT),
        ..solicitation()
    };
    for message in [to_group, to_port, to_all, group_to_port] {
        let frame = message.frame();
        assert_eq!(answer(&frame), (answer_to_asker(), Some(LEARNED)));
        is_answered_whole(&frame);
        is_answered_on_its_vlans(&frame);
        is_answered_from_station_to_station(&frame);
    }
}

#[test]
fn a_detection_of_duplicates_is_answered_to_all_nodes() {
    let frame = detection().frame();
    assert_eq!(answer(&frame), (to_all_nodes(), None));
    is_answered_whole(&frame);
    is_answered_on_its_vlans(&frame);
    is_answered_from_station_to_station(&frame);
    // With a nonce (RFC 7527).
    let message = Message {
        options: vec![14, 1, 1, 2, 3, 4, 5, 6],
        ..detection()
    };
    assert_eq!(answer(&message.frame()), (to_all_nodes(), None));
}

#[test]
fn a_solicitation_without_an_address_is_answered_to_its_frame_and_tells_nothing() {
    let message = Message {
        options: vec![],
        ..solicitation()
    };
    assert_eq!(answer(&message.frame()), (answer_to_asker(), None));
}

#[test]
fn the_answer_goes_to_the_address_that_the_option_names() {
    let message = Message {
        macs: (Mac([2, 0, 0, 0, 0, 9]), solicitation().macs.1),
        ..solicitation()
    };
    assert_eq!(answer(&message.frame()), (answer_to_asker(), Some(LEARNED)));
}

#[test]
fn who_claims_our_address_is_told_so_and_not_learned() {
    let message = Message {
        source: PORT_V6,
        ..solicitation()
    };
    let expected = advertised((ASKER, PORT_V6), true);
    assert_eq!(answer(&message.frame()), (expected, None));
    let message = Message {
        target: PORT_V6,
        ..advertisement()
    };
    assert_eq!(heard(&message.frame()), Heard::Other);
}

#[test]
fn a_solicitation_for_another_address_is_nothing_of_ours() {
    let other_target = Message {
        target: OTHER_V6,
        ..solicitation()
    };
    let other_group = Message {
        destination: solicited_node(OTHER_V6),
        macs: (ASKER, multicast_mac(solicited_node(OTHER_V6))),
        ..solicitation()
    };
    let other_node = Message {
        destination: OTHER_V6,
        macs: (ASKER, PORT),
        ..solicitation()
    };
    let one_node_to_many = Message {
        destination: PORT_V6,
        ..solicitation()
    };
    let group_to_all = Message {
        macs: (ASKER, Mac::BROADCAST),
        ..solicitation()
    };
    let reflected = Message {
        options: option(1, PORT),
        ..solicitation()
    };
    for message in [
        other_target,
        other_group,
        other_node,
        one_node_to_many,
        group_to_all,
        reflected,
    ] {
        assert_eq!(heard(&message.frame()), Heard::Other);
    }
    let without_ipv6 = [PORT_V4.into()];
    let responder = Responder::new(PORT, Tags::NONE, &without_ipv6);
    let heard = responder.hear(&solicitation().frame(), &mut [0; 100]);
    assert_eq!(heard, Heard::Other);
}

/// Checks the rules that solicitations and advertisements share (sections 7.1.1 and 7.1.2).
fn shared_rules_hold(message: &Message) {
    let (icmp_type, _, flags) = message.icmp;
    for hop_limit in [0, 1, 64, 254] {
        let message = Message {
            hop_limit,
            ..message.clone()
        };
        assert_eq!(heard(&message.frame()), Heard::Malformed, "{hop_limit}");
    }
    let wrong_code = Message {
        icmp: (icmp_type, 1, flags),
        ..message.clone()
    };
    let multicast_target = Message {
        target: ALL_NODES,
        ..message.clone()
    };
    let multicast_source = Message {
        source: ALL_NODES,
        ..message.clone()
    };
    let empty_option = Message {
        options: [&message.options[..], &[14, 0, 0, 0, 0, 0, 0, 0]].concat(),
        ..message.clone()
    };
    let long_option = Message {
        options: [&message.options[..], &[14, 2, 0, 0, 0, 0, 0, 0]].concat(),
        ..message.clone()
    };
    let half_option = Message {
        options: [&message.options[..], &[14]].concat(),
        ..message.clone()
    };
    for message in [
        wrong_code,
        multicast_target,
        multicast_source,
        empty_option,
        long_option,
        half_option,
    ] {
        assert_eq!(heard(&message.frame()), Heard::Malformed);
    }
    let frame = message.frame();
    let checksum = frame[CHECKSUM_AT];
    for (at, byte) in [(CHECKSUM_AT, checksum ^ 1), (CODE_AT, 1)] {
        assert_eq!(heard(&with(&frame, at, &[byte])), Heard::Malformed);
    }
    // The reserved bits and what no option is known for are no fault (section 4.3).
    let reserved = Message {
        icmp: (icmp_type, 0, [flags[0] | 0x1f, 1, 2, 3]),
        options: [&[200, 1, 0, 0, 0, 0, 0, 0], &message.options[..]].concat(),
        ..message.clone()
    };
    assert_eq!(hear(&reserved.frame()), hear(&frame));
    for len in 14 + 40..frame.len() {
        assert_eq!(heard(&frame[..len]), Heard::Malformed, "{len} bytes");
    }
}

/// Returns `message` in a frame whose packet ends within the target.
fn too_short(message: &Message) -> Vec<u8> {
    let mut frame = Vec::new();
    let (icmp_type, code, flags) = message.icmp;
    PacketBuilder::ethernet2(message.macs.0.0, message.macs.1.0)
        .ipv6(message.source.octets(), message.destination.octets(), 255)
        .icmpv6_raw(icmp_type, code, flags)
        .write(&mut frame, &message.target.octets()[..15])
        .unwrap();
    frame.extend([0; 30]);
    frame
}

#[test]
fn a_solicitation_is_checked_by_every_rule() {
    shared_rules_hold(&solicitation());
    shared_rules_hold(&detection());
    assert_eq!(heard(&too_short(&solicitation())), Heard::Malformed);
    // From nobody: to a solicited-node group alone, and without a link-layer address.
    let to_port = Message {
        macs: (ASKER, PORT),
        destination: PORT_V6,
        ..detection()
    };
    let to_all = Message {
        macs: (ASKER, multicast_mac(ALL_NODES)),
        destination: ALL_NODES,
        ..detection()
    };
    let with_address = Message {
        options: option(1, ASKER),
        ..detection()
    };
    let mut malformed = vec![to_port, to_all, with_address];
    for mac in [Mac::BROADCAST, NOBODY, multicast_mac(ALL_NODES)] {
        malformed.push(Message {
            options: option(1, mac),
            ..solicitation()
        });
    }
    malformed.push(Message {
        source: Ipv6Addr::LOCALHOST,
        ..solicitation()
    });
    for message in malformed {
        assert_eq!(heard(&message.frame()), Heard::Malformed);
    }
}

#[test]
fn an_advertisement_is_learned() {
    assert_eq!(heard(&advertisement().frame()), Heard::Learned(LEARNED));
    let unsolicited = Message {
        macs: (ASKER, multicast_mac(ALL_NODES)),
        destination: ALL_NODES,
        icmp: (136, 0, [0x20, 0, 0, 0]),
        ..advertisement()
    };
    assert_eq!(heard(&unsolicited.frame()), Heard::Learned(LEARNED));
    let of_a_router = Message {
        icmp: (136, 0, [0xe0, 0, 0, 0]),
        ..advertisement()
    };
    assert_eq!(heard(&of_a_router.frame()), Heard::Learned(LEARNED));
    let without_address = Message {
        options: vec![],
        ..advertisement()
    };
    assert_eq!(heard(&without_address.frame()), Heard::Other);
}

#[test]
fn an_advertisement_is_checked_by_every_rule() {
    shared_rules_hold(&advertisement());
    assert_eq!(heard(&too_short(&advertisement())), Heard::Malformed);
    let solicited_by_all = Message {
        macs: (ASKER, multicast_mac(ALL_NODES)),
        destination: ALL_NODES,
        ..advertisement()
    };
    let from_nobody = Message {
        source: NOBODY_V6,
        ..advertisement()
    };
    let of_nobody = Message {
        target: NOBODY_V6,
        ..advertisement()
    };
    let at_a_group = Message {
        options: option(2, Mac::BROADCAST),
        ..advertisement()
    };
    for message in [solicited_by_all, from_nobody, of_nobody, at_a_group] {
        assert_eq!(heard(&message.frame()), Heard::Malformed);
    }
}

#[test]
fn what_the_port_sends_of_itself_is_what_etherparse_builds() {
    let port = Responder::new(PORT, Tags::NONE, &ADDRESSES);
    let mut room = [0; 100];
    let len = port.announce(PORT_V6.into(), &mut room).unwrap();
    assert_eq!(room[..usize::from(len.0)], to_all_nodes());
    let len = port.solicit(PORT_V6.into(), OTHER_V6.into(), &mut room);
    let group = solicited_node(OTHER_V6);
    let expected = Message {
        macs: (PORT, multicast_mac(group)),
        source: PORT_V6,
        destination: group,
        target: OTHER_V6,
        options: option(1, PORT),
        ..solicitation()
    };
    assert_eq!(room[..usize::from(len.unwrap().0)], expected.frame());
    assert_eq!(port.announce(PORT_V6.into(), &mut room[..85]), None);
    assert_eq!(
        port.solicit(PORT_V6.into(), ASKER_V4.into(), &mut room),
        None
    );
}
