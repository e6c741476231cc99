//! ARP: RFC 826 and RFC 5227.

use etherparse::{ArpEthIpv4Packet, ArpOperation, PacketBuilder};

use super::*;

const BROADCAST: Mac = Mac::BROADCAST;

/// Returns a frame of `sender` to `target` as etherparse builds it.
fn frame(
    (from, to): (Mac, Mac),
    operation: ArpOperation,
    sender: (Mac, Ipv4Addr),
    target: (Mac, Ipv4Addr),
) -> Vec<u8> {
    let arp = ArpEthIpv4Packet {
        operation,
        sender_mac: sender.0.0,
        sender_ipv4: sender.1.octets(),
        target_mac: target.0.0,
        target_ipv4: target.1.octets(),
    };
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(from.0, to.0)
        .arp(arp.into())
        .write(&mut frame)
        .unwrap();
    frame
}

fn request(to: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let request = ArpOperation::REQUEST;
    frame((ASKER, to), request, (ASKER, sender), (NOBODY, target))
}

fn reply(to: Mac, sender: (Mac, Ipv4Addr), target: (Mac, Ipv4Addr)) -> Vec<u8> {
    frame((ASKER, to), ArpOperation::REPLY, sender, target)
}

/// Returns the port's answer to a request of `asker` as etherparse builds it.
fn answer_to(asker: Ipv4Addr) -> Vec<u8> {
    let reply = ArpOperation::REPLY;
    frame((PORT, ASKER), reply, (PORT, PORT_V4), (ASKER, asker))
}

const LEARNED: Neighbour = Neighbour {
    ip: IpAddr::V4(ASKER_V4),
    mac: ASKER,
};

#[test]
fn a_request_is_answered_and_tells_who_asks() {
    for to in [BROADCAST, PORT] {
        let request = request(to, ASKER_V4, PORT_V4);
        assert_eq!(answer(&request), (answer_to(ASKER_V4), Some(LEARNED)));
        is_answered_whole(&request);
        is_answered_on_its_vlans(&request);
        is_answered_from_station_to_station(&request);
    }
}

#[test]
fn a_port_on_any_vlan_answers_on_that_of_the_question() {
    let request = request(BROADCAST, ASKER_V4, PORT_V4);
    let port = Responder::on_any_vlan(PORT, &ADDRESSES);
    for tags in [
        &[][..],
        &[(0x8100, 5)],
        &[(0x8100, 0x2006)],
        &[(0x88a8, 5), (0x8100, 6)],
    ] {
        let mut room = vec![0; 100];
        let heard = port.hear(&tagged(&request, tags), &mut room);
        room.truncate(usize::from(heard.answer().unwrap().0));
        assert_eq!(room, tagged(&answer_to(ASKER_V4), tags));
    }
}

#[test]
fn a_probe_is_answered_and_tells_nothing() {
    let nobody = Ipv4Addr::UNSPECIFIED;
    let request = request(BROADCAST, nobody, PORT_V4);
    assert_eq!(answer(&request), (answer_to(nobody), None));
}

#[test]
fn the_answer_goes_to_the_sender_that_the_packet_names() {
    let proxy = Mac([2, 0, 0, 0, 0, 9]);
    let request = with(&request(BROADCAST, ASKER_V4, PORT_V4), 6, &proxy.0);
    assert_eq!(answer(&request), (answer_to(ASKER_V4), Some(LEARNED)));
}

#[test]
fn who_claims_our_address_is_told_so_and_not_learned() {
    let request = request(BROADCAST, PORT_V4, PORT_V4);
    assert_eq!(answer(&request), (answer_to(PORT_V4), None));
    let (own, other) = ((ASKER, PORT_V4), (PORT, PORT_V4));
    assert_eq!(heard(&reply(PORT, own, other)), Heard::Other);
}

#[test]
fn a_request_for_another_address_is_nothing_of_ours() {
    for target in [OTHER_V4, Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST] {
        assert_eq!(
            heard(&request(BROADCAST, ASKER_V4, target)),
            Heard::Other,
            "{target}"
        );
    }
    let request = request(BROADCAST, ASKER_V4, PORT_V4);
    // Neither broadcast nor to the port.
    let group = [0x01, 0, 0x5e, 0, 0, 1];
    assert_eq!(heard(&with(&request, 0, &group)), Heard::Other);
    // A reflected one: from the port itself.
    assert_eq!(heard(&with(&request, 22, &PORT.0)), Heard::Other);
}

#[test]
fn a_reply_to_us_is_learned() {
    let (asker, port) = ((ASKER, ASKER_V4), (PORT, PORT_V4));
    assert_eq!(heard(&reply(PORT, asker, port)), Heard::Learned(LEARNED));
    assert_eq!(heard(&reply(PORT, asker, port)).learned(), Some(LEARNED));
    let other = (PORT, OTHER_V4);
    assert_eq!(heard(&reply(PORT, asker, other)), Heard::Other);
}

#[test]
fn an_announcement_is_learned() {
    let asker = (ASKER, ASKER_V4);
    let announcement = request(BROADCAST, ASKER_V4, ASKER_V4);
    assert_eq!(heard(&announcement), Heard::Learned(LEARNED));
    let announcement = reply(BROADCAST, asker, asker);
    assert_eq!(heard(&announcement), Heard::Learned(LEARNED));
}

#[test]
fn no_address_is_at_no_address() {
    let nobody = (ASKER, Ipv4Addr::UNSPECIFIED);
    assert_eq!(heard(&reply(PORT, nobody, (PORT, PORT_V4))), Heard::Other);
    assert_eq!(heard(&reply(BROADCAST, nobody, nobody)), Heard::Other);
}

#[test]
fn a_sender_that_is_no_station_is_malformed() {
    for ip in [
        Ipv4Addr::BROADCAST,
        Ipv4Addr::LOCALHOST,
        Ipv4Addr::new(224, 0, 0, 1),
    ] {
        let request = request(BROADCAST, ip, PORT_V4);
        assert_eq!(heard(&request), Heard::Malformed, "{ip}");
    }
    for mac in [BROADCAST, NOBODY, Mac([0x01, 0, 0x5e, 0, 0, 1])] {
        let request = with(&request(BROADCAST, ASKER_V4, PORT_V4), 22, &mac.0);
        assert_eq!(heard(&request), Heard::Malformed, "{mac}");
    }
}

#[test]
fn what_is_no_arp_for_ipv4_over_ethernet_is_malformed() {
    let request = request(BROADCAST, ASKER_V4, PORT_V4);
    // Hardware, protocol, their lengths, operation.
    for (at, value) in [(15, 6), (16, 9), (18, 8), (19, 16), (21, 3)] {
        assert_eq!(
            heard(&with(&request, at, &[value])),
            Heard::Malformed,
            "byte {at}"
        );
    }
    assert_eq!(heard(&request[..41]), Heard::Malformed);
}

#[test]
fn what_the_port_sends_of_itself_is_what_etherparse_builds() {
    let mut room = [0; 100];
    let port = Responder::new(PORT, Tags::NONE, &ADDRESSES);
    let sent = |len: Option<FrameLen>, room: &[u8]| room[..usize::from(len.unwrap().0)].to_vec();
    let request = |target| {
        let request = ArpOperation::REQUEST;
        frame(
            (PORT, BROADCAST),
            request,
            (PORT, PORT_V4),
            (NOBODY, target),
        )
    };
    let len = port.announce(PORT_V4.into(), &mut room);
    assert_eq!(sent(len, &room), request(PORT_V4));
    let len = port.solicit(PORT_V4.into(), ASKER_V4.into(), &mut room);
    assert_eq!(sent(len, &room), request(ASKER_V4));
    let tags = [Tci::new(5, 3), Tci::new(6, 0)];
    let port = Responder::new(PORT, Tags::new(&tags).unwrap(), &ADDRESSES);
    let len = port.announce(PORT_V4.into(), &mut room);
    let expected = tagged(&request(PORT_V4), &[(0x88a8, 0x6005), (0x8100, 6)]);
    assert_eq!(sent(len, &room), expected);
    let port = Responder::new(PORT, Tags::new(&tags[..1]).unwrap(), &ADDRESSES);
    let len = port.solicit(PORT_V4.into(), ASKER_V4.into(), &mut room);
    let expected = tagged(&request(ASKER_V4), &[(0x8100, 0x6005)]);
    assert_eq!(sent(len, &room), expected);
    assert_eq!(port.announce(PORT_V4.into(), &mut room[..45]), None);
    assert_eq!(
        port.solicit(PORT_V4.into(), ASKER_V6.into(), &mut room),
        None
    );
}
