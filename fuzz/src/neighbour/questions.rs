//! What is asked of a port, as smoltcp writes it.

use std::net::{Ipv4Addr, Ipv6Addr};

use smoltcp::wire::{ArpOperation, Icmpv4Repr, Icmpv6Repr, NdiscNeighborFlags, NdiscRepr};

use super::plain::write::{self, Ends};
use super::{OWN, OWN_V4, OWN_V6};

/// The MAC address of who asks.
pub const ASKER: [u8; 6] = [2, 0, 0, 0, 0, 2];
const ASKER_V4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const ASKER_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// The group of the port's address (RFC 4291, section 2.7.1) and its MAC address.
const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xffb2, 0xc3d4);
const GROUP_MAC: [u8; 6] = [0x33, 0x33, 0xff, 0xb2, 0xc3, 0xd4];

/// Returns a question or an answer of each kind, and its name.
#[must_use]
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let mut all = arp();
    all.extend(ndp());
    all.extend(echo());
    all
}

fn arp() -> Vec<(&'static str, Vec<u8>)> {
    let asker = (ASKER, ASKER_V4);
    let request = |to, sender, target| {
        let nobody = ([0; 6], target);
        write::arp(&[], (ASKER, to), ArpOperation::Request, sender, nobody)
    };
    let reply = write::arp(&[], (ASKER, OWN), ArpOperation::Reply, asker, (OWN, OWN_V4));
    let nobody = (ASKER, Ipv4Addr::UNSPECIFIED);
    vec![
        ("arp-request", request([0xff; 6], asker, OWN_V4)),
        ("arp-unicast-request", request(OWN, asker, OWN_V4)),
        ("arp-probe", request([0xff; 6], nobody, OWN_V4)),
        ("arp-announcement", request([0xff; 6], asker, ASKER_V4)),
        ("arp-reply", reply),
    ]
}

fn ndp() -> Vec<(&'static str, Vec<u8>)> {
    let solicit = |ends: Ends<Ipv6Addr>, lladdr: Option<[u8; 6]>| {
        let repr = NdiscRepr::NeighborSolicit {
            target_addr: OWN_V6,
            lladdr: lladdr.map(write::hardware),
        };
        write::icmpv6(&[], &ends, 255, &Icmpv6Repr::Ndisc(repr))
    };
    let to_group = Ends {
        macs: (ASKER, GROUP_MAC),
        addresses: (ASKER_V6, GROUP),
    };
    let to_port = Ends {
        macs: (ASKER, OWN),
        addresses: (ASKER_V6, OWN_V6),
    };
    let from_nobody = Ends {
        addresses: (Ipv6Addr::UNSPECIFIED, GROUP),
        ..to_group
    };
    let to_all = Ends {
        macs: (ASKER, [0x33, 0x33, 0, 0, 0, 1]),
        addresses: (ASKER_V6, ALL_NODES),
    };
    let from_nobody_to_all = Ends {
        addresses: (Ipv6Addr::UNSPECIFIED, ALL_NODES),
        ..to_all
    };
    let advertise = |ends: Ends<Ipv6Addr>, flags| {
        let repr = NdiscRepr::NeighborAdvert {
            flags,
            target_addr: ASKER_V6,
            lladdr: Some(write::hardware(ASKER)),
        };
        write::icmpv6(&[], &ends, 255, &Icmpv6Repr::Ndisc(repr))
    };
    vec![
        ("ndp-solicitation", solicit(to_group, Some(ASKER))),
        ("ndp-unicast-solicitation", solicit(to_port, Some(ASKER))),
        ("ndp-bare-solicitation", solicit(to_port, None)),
        ("ndp-detection", solicit(from_nobody, None)),
        ("ndp-detection-of-all", solicit(from_nobody_to_all, None)),
        (
            "ndp-advertisement",
            advertise(to_port, NdiscNeighborFlags::SOLICITED),
        ),
        (
            "ndp-unsolicited",
            advertise(to_all, NdiscNeighborFlags::OVERRIDE),
        ),
    ]
}

fn echo() -> Vec<(&'static str, Vec<u8>)> {
    let data = b"Hello, world!";
    let macs = (ASKER, OWN);
    let (ident, seq_no) = (0x1234, 0x5678);
    let v4 = Icmpv4Repr::EchoRequest {
        ident,
        seq_no,
        data,
    };
    let v6 = Icmpv6Repr::EchoRequest {
        ident,
        seq_no,
        data,
    };
    let v4_ends = Ends {
        macs,
        addresses: (ASKER_V4, OWN_V4),
    };
    let v6_ends = Ends {
        macs,
        addresses: (ASKER_V6, OWN_V6),
    };
    vec![
        ("echo-ipv4", write::icmpv4(&[], &v4_ends, 64, &v4)),
        ("echo-ipv6", write::icmpv6(&[], &v6_ends, 64, &v6)),
    ]
}

/// Returns `frame` with the tags of `vlans`, the outer of two a service tag.
#[must_use]
pub fn tagged(frame: &[u8], vlans: &[u16]) -> Vec<u8> {
    let mut tagged = frame[..12].to_vec();
    for (at, vlan) in vlans.iter().enumerate() {
        let is_outer = at + 1 < vlans.len();
        tagged.extend(if is_outer { [0x88, 0xa8] } else { [0x81, 0] });
        tagged.extend(vlan.to_be_bytes());
    }
    tagged.extend(&frame[12..]);
    tagged
}
