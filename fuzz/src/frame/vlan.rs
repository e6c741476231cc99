//! VLAN tags, against etherparse; smoltcp knows none.

use dpdkgen_core::wire::{EtherType, EthernetFrame, Vlan};
use etherparse::SingleVlanHeaderSlice;
use zerocopy::FromBytes;

use crate::oracle::TAG;

/// Checks the views of the tags of `frame`, which has `packet` behind its Ethernet header, and
/// returns the type and the bytes of what follows the tags; `None` if a tag is cut off.
pub fn tags<'f>(
    frame: &'f [u8],
    mut ether_type: EtherType,
    mut packet: &'f [u8],
) -> Option<(EtherType, &'f [u8])> {
    let ours = EthernetFrame::parse(frame);
    let mut tags = Vec::new();
    while [0x8100, 0x88a8].contains(&ether_type.0.get()) {
        let Some((vlan, theirs)) = tag(packet) else {
            assert!(ours.is_none());
            return None;
        };
        if tags.len() == 2 {
            break;
        }
        tags.push((
            theirs.vlan_identifier().value(),
            theirs.priority_code_point().value(),
        ));
        (ether_type, packet) = (vlan.ether_type, &packet[TAG..]);
    }
    let ours = ours.expect("no header is cut off");
    let our_tags = ours.tags.as_slice().iter();
    let our_tags: Vec<_> = our_tags.map(|tag| (tag.id(), tag.priority())).collect();
    assert_eq!(our_tags, tags);
    assert_eq!((ours.ether_type, ours.packet), (ether_type, packet));
    Some((ether_type, packet))
}

/// Returns both views of the tag in front of `rest`, if it is whole.
fn tag(rest: &[u8]) -> Option<(&Vlan, SingleVlanHeaderSlice<'_>)> {
    let ours = Vlan::ref_from_prefix(rest).ok();
    let theirs = SingleVlanHeaderSlice::from_slice(rest).ok();
    assert_eq!([ours.is_some(), theirs.is_some()], [rest.len() >= TAG; 2]);
    let ((ours, _), theirs) = (ours?, theirs?);
    assert_eq!(ours.tci.id(), theirs.vlan_identifier().value());
    assert_eq!(ours.tci.priority(), theirs.priority_code_point().value());
    assert_eq!(ours.ether_type.0.get(), theirs.ether_type().0);
    Some((ours, theirs))
}
