use core::net::Ipv4Addr;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::wire::Tci;

mod any;
mod arp;
mod echo;
mod ndp;

const PORT: Mac = Mac([2, 0, 0, 0, 0, 1]);
const ASKER: Mac = Mac([2, 0, 0, 0, 0, 2]);
const NOBODY: Mac = Mac([0; 6]);
const PORT_V4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const ASKER_V4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const OTHER_V4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);
const PORT_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0xa1b2, 0xc3d4);
const ASKER_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
const OTHER_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 3);
const ADDRESSES: [IpAddr; 2] = [IpAddr::V4(PORT_V4), IpAddr::V6(PORT_V6)];

/// Returns what `frame` is to the port on the VLANs of `tags`, and the answer.
fn hear_on(tags: &[Tci], frame: &[u8]) -> (Heard, Vec<u8>) {
    let responder = Responder::new(PORT, Tags::new(tags).unwrap(), &ADDRESSES);
    let mut room = vec![0xa5; 1522];
    let heard = responder.hear(frame, &mut room);
    let len = heard.answer().map_or(0, |len| usize::from(len.0));
    assert!(
        room[len..].iter().all(|&byte| byte == 0xa5),
        "written beyond the answer"
    );
    room.truncate(len);
    (heard, room)
}

fn hear(frame: &[u8]) -> (Heard, Vec<u8>) {
    hear_on(&[], frame)
}

/// Returns the answer to `frame`, and what was learned.
fn answer(frame: &[u8]) -> (Vec<u8>, Option<Neighbour>) {
    match hear(frame) {
        (Heard::Answered { learned, .. }, answer) => (answer, learned),
        (heard, _) => panic!("{heard:?}"),
    }
}

fn heard(frame: &[u8]) -> Heard {
    hear(frame).0
}

/// Returns `frame` with tags, each of type and control information, in front of what it carries.
fn tagged(frame: &[u8], tags: &[(u16, u16)]) -> Vec<u8> {
    let mut tagged = frame[..12].to_vec();
    for (tag_type, control) in tags {
        tagged.extend(tag_type.to_be_bytes());
        tagged.extend(control.to_be_bytes());
    }
    tagged.extend(&frame[12..]);
    tagged
}

/// Returns `frame` with the bytes at `at` replaced.
fn with(frame: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut changed = frame.to_vec();
    changed[at..at + bytes.len()].copy_from_slice(bytes);
    changed
}

/// Checks that `request` is answered on the port's VLANs alone, and with the tags that it has.
fn is_answered_on_its_vlans(request: &[u8]) {
    let (untagged, learned) = answer(request);
    let (five, six) = (Tci::new(5, 0), Tci::new(6, 0));
    for (port, tags) in [
        (&[][..], &[(0x8100, 0xa000)][..]),
        (&[five], &[(0x8100, 5)]),
        (&[five], &[(0x8100, 0xf005)]),
        (&[five], &[(0x8100, 0x6000), (0x8100, 5)]),
        (&[five, six], &[(0x88a8, 5), (0x8100, 0x2006)]),
        (&[five, six], &[(0x8100, 5), (0x8100, 6)]),
    ] {
        let (heard, answer) = hear_on(port, &tagged(request, tags));
        assert_eq!(answer, tagged(&untagged, tags), "{tags:x?}");
        assert_eq!(heard.learned(), learned);
    }
    for (port, tags) in [
        (&[][..], &[(0x8100, 5)][..]),
        (&[five], &[]),
        (&[five], &[(0x8100, 6)]),
        (&[five], &[(0x8100, 5), (0x8100, 6)]),
        (&[five, six], &[(0x8100, 6), (0x8100, 5)]),
        (&[], &[(0x8100, 0), (0x8100, 0), (0x8100, 0)]),
    ] {
        let heard = hear_on(port, &tagged(request, tags)).0;
        assert_eq!(heard, Heard::Other, "{tags:x?}");
    }
}

/// Checks that `request` is answered by the port that it is sent to alone, and to one station alone.
fn is_answered_from_station_to_station(request: &[u8]) {
    assert_eq!(heard(&with(request, 0, &ASKER.0)), Heard::Other);
    assert_eq!(heard(&with(request, 6, &PORT.0)), Heard::Other);
    let group = Mac([3, 0, 0, 0, 0, 2]);
    for from in [group, Mac::BROADCAST, NOBODY] {
        assert_eq!(
            heard(&with(request, 6, &from.0)),
            Heard::Malformed,
            "{from}"
        );
    }
}

/// Checks that `request` is answered by what fits and by nothing else, padded or not.
fn is_answered_whole(request: &[u8]) {
    let (whole, learned) = answer(request);
    let mut padded = request.to_vec();
    padded.extend([0x5a; 30]);
    assert_eq!(answer(&padded).0, whole);
    let responder = Responder::new(PORT, Tags::NONE, &ADDRESSES);
    for len in 0..=whole.len() {
        let mut room = vec![0xa5; len];
        let heard = responder.hear(request, &mut room);
        if len == whole.len() {
            assert_eq!(room, whole);
        } else {
            assert_eq!(heard, Heard::new(None, learned));
            assert_eq!(room, vec![0xa5; len]);
        }
    }
    for len in 0..request.len() {
        assert_eq!(heard(&request[..len]).answer(), None, "cut to {len} bytes");
    }
}
