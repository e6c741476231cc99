//! Seeds of the target `neighbour`.

use dpdkgen_fuzz::neighbour::edits::Edit as Change;
use dpdkgen_fuzz::neighbour::{Setup as Question, questions};
use zerocopy::IntoBytes;

use super::Seeds;

/// Returns each question, plain and changed, behind tags, without room, and as bytes.
pub fn neighbour() -> Seeds {
    let setup = |question: usize, vlans| Question {
        question: question as u8,
        vlans,
        room: 1514.into(),
    };
    let change = |what: u8, at: u16, value: u8| Change {
        what,
        at: at.into(),
        value,
    };
    let (any, of_packet, cut, padded, tag, longer, lengths, sums) = (0, 1, 2, 3, 4, 5, 6, 7);
    let right = change(sums, 0, 0);
    let changes = [
        ("plain", vec![]),
        ("padded", vec![change(padded, 18, 0)]),
        ("cut", vec![change(cut, 41, 0)]),
        ("priority", vec![change(tag, 0xa000, 0)]),
        ("other-vlan", vec![change(tag, 7, 1)]),
        ("group-sender", vec![change(any, 6, 3)]),
        ("other-hop-limit", vec![change(of_packet, 7, 64), right]),
        ("other-type", vec![change(of_packet, 40, 129), right]),
        ("with-code", vec![change(of_packet, 41, 1), right]),
        ("multicast-source", vec![change(of_packet, 8, 0xff), right]),
        ("other-source", vec![change(of_packet, 15, 9), right]),
        (
            "another-option",
            vec![
                change(longer, 64, 1),
                change(of_packet, 64, 14),
                change(lengths, 0, 0),
                right,
            ],
        ),
        (
            "empty-option",
            vec![change(longer, 64, 0), change(lengths, 0, 0), right],
        ),
        ("own-sender", vec![change(of_packet, 13, 1)]),
        ("own-address", vec![change(of_packet, 71, 1), right]),
        ("wrong-checksum", vec![change(of_packet, 42, 0x5a)]),
    ];
    let mut seeds = Seeds::new();
    for (question, (name, frame)) in questions::all().iter().enumerate() {
        let is_changed =
            ["arp-request", "ndp-solicitation", "echo-ipv4", "echo-ipv6"].contains(name);
        let of_each = if is_changed { changes.len() } else { 1 };
        for (how, changes) in &changes[..of_each] {
            let input = [setup(question, 0).as_bytes(), changes.as_bytes()].concat();
            seeds.push((format!("{name}-{how}"), input));
        }
        if is_changed {
            for vlans in [1, 2] {
                let input = setup(question, vlans).as_bytes().to_vec();
                seeds.push((format!("{name}-{vlans}-vlans"), input));
            }
            let no_room = Question {
                room: 41.into(),
                ..setup(question, 0)
            };
            seeds.push((format!("{name}-no-room"), no_room.as_bytes().to_vec()));
            let raw = [setup(0xff, 0).as_bytes(), frame].concat();
            seeds.push((format!("{name}-raw"), raw));
        }
    }
    seeds
}
