//! Any frame to a port that answers for its addresses: what is answered, by which bytes, and what is
//! learned, against a plain reading; and the asker makes of the answer what it should.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dpdkgen_core::neighbour::{Heard, Neighbour, Responder};
use dpdkgen_core::port::FrameLen;
use dpdkgen_core::wire::{EthernetFrame, Mac, Tags, Tci};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub mod edits;
pub mod plain;
pub mod questions;

use plain::Plain;

/// The port's MAC address.
pub const OWN: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// The port's IPv4 address.
pub const OWN_V4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// The port's IPv6 address.
pub const OWN_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0xa1b2, 0xc3d4);
/// The VLANs of the port, the outer one first; it is on so many of them as the input asks for.
pub const VLANS: [u16; 2] = [5, 6];

/// The beginning of an input; [`edits::Edit`]s or the frame follow.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Setup {
    /// Chooses one of the [`questions`], or that the rest is the frame.
    pub question: u8,
    /// The number of the port's VLANs, taken modulo 3.
    pub vlans: u8,
    /// The bytes that there are for an answer, taken modulo 1600.
    pub room: U16,
}

/// Checks the port on the frame that `data` asks for.
///
/// # Panics
///
/// If the port does anything else than it should.
pub fn run(data: &[u8]) {
    let Ok((setup, rest)) = Setup::ref_from_prefix(data) else {
        return;
    };
    let vlans = &VLANS[..usize::from(setup.vlans % 3)];
    let frame = match questions::all().into_iter().nth(setup.question.into()) {
        Some((_, question)) => edits::edited(questions::tagged(&question, vlans), rest),
        None => rest.to_vec(),
    };
    check(&frame, vlans, usize::from(setup.room.get() % 1600));
}

fn check(frame: &[u8], vlans: &[u16], room: usize) {
    let tags: Vec<Tci> = vlans.iter().map(|&vlan| Tci::new(vlan, 0)).collect();
    let tags = Tags::new(&tags).expect("two at most");
    let addresses = [OWN_V4.into(), OWN_V6.into()];
    let port = Responder::new(Mac(OWN), tags, &addresses);
    let mut answer = vec![0xa5; room];
    let heard = port.hear(frame, &mut answer);
    let len = heard.answer().map_or(0, |len| usize::from(len.0));
    assert!(answer[len..].iter().all(|&byte| byte == 0xa5));
    answer.truncate(len);

    let (expected, expected_answer) = match plain::judge(frame, vlans) {
        Plain::Other => (Heard::Other, vec![]),
        Plain::Malformed => (Heard::Malformed, vec![]),
        Plain::Heard { answer, learned } => {
            let answer = answer.filter(|answer| answer.len() <= room);
            let len = answer.as_ref().map(|answer| FrameLen(answer.len() as u16));
            let learned = learned.map(|(ip, mac)| Neighbour { ip, mac: Mac(mac) });
            let heard = match (len, learned) {
                (Some(answer), learned) => Heard::Answered { answer, learned },
                (None, Some(learned)) => Heard::Learned(learned),
                (None, None) => Heard::Other,
            };
            (heard, answer.unwrap_or_default())
        }
    };
    assert_eq!(heard, expected);
    assert_eq!(answer, expected_answer);
    if !answer.is_empty() {
        is_well_formed(&answer);
        is_understood(frame, &answer, tags);
    }
}

/// Checks that etherparse reads `answer`, from the port to one station or to all nodes, and finds
/// its checksums right.
fn is_well_formed(answer: &[u8]) {
    assert_eq!(answer[6..12], OWN);
    assert!(answer[0] & 1 == 0 || answer[..6] == [0x33, 0x33, 0, 0, 0, 1]);
    let packet = SlicedPacket::from_ethernet(answer).expect("an answer that etherparse reads");
    match (packet.net, packet.transport) {
        (Some(NetSlice::Arp(_)), None) => {}
        (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Icmpv4(icmp))) => {
            let header = ip.header().to_header();
            assert_eq!(header.header_checksum, header.calc_header_checksum());
            let checksum = icmp.icmp_type().calc_checksum(icmp.payload());
            assert_eq!(icmp.checksum(), checksum);
        }
        (Some(NetSlice::Ipv6(ip)), Some(TransportSlice::Icmpv6(icmp))) => {
            let header = ip.header();
            assert!(icmp.is_checksum_valid(header.source(), header.destination()));
        }
        (net, transport) => panic!("{net:?} {transport:?}"),
    }
}

/// Checks that who asked learns nothing from `answer` but where the port is, and answers nothing.
fn is_understood(frame: &[u8], answer: &[u8], tags: Tags) {
    let to = Mac(answer[..6].try_into().expect("six bytes"));
    let asker = if to.is_group() {
        EthernetFrame::parse(frame)
            .expect("it was read")
            .ethernet
            .source
    } else {
        to
    };
    let packet = SlicedPacket::from_ethernet(answer).expect("it was read");
    let address: IpAddr = match packet.net.expect("it was read") {
        NetSlice::Arp(arp) => {
            let target: [u8; 4] = arp.target_protocol_addr().try_into().expect("IPv4");
            target.into()
        }
        NetSlice::Ipv4(ip) => ip.header().destination_addr().into(),
        NetSlice::Ipv6(ip) => ip.header().destination_addr().into(),
    };
    let addresses = [address];
    let heard = Responder::new(asker, tags, &addresses).hear(answer, &mut [0; 1600]);
    match heard {
        Heard::Other => {}
        Heard::Learned(Neighbour { ip, mac }) => {
            assert!(ip == OWN_V4 || ip == OWN_V6);
            assert_eq!(mac.0, OWN);
        }
        heard => panic!("the answer is {heard:?}"),
    }
}
