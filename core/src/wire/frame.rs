//! A frame taken apart as far as its packet.

use zerocopy::FromBytes;

use super::ethernet::{EtherType, Ethernet};
use super::vlan::{Tags, Vlan};

/// An Ethernet frame with its VLAN tags.
#[derive(Clone, Copy, Debug)]
pub struct EthernetFrame<'f> {
    /// Its header; the EtherType in it may be that of a tag.
    pub ethernet: &'f Ethernet,
    /// Its tags.
    pub tags: Tags,
    /// The type of the packet; that of a tag if there are more than [`Tags::MAX`].
    pub ether_type: EtherType,
    /// Everything behind the tags.
    pub packet: &'f [u8],
}

impl<'f> EthernetFrame<'f> {
    /// Takes `frame` apart; `None` if it ends within its header or a tag.
    #[must_use]
    pub fn parse(frame: &'f [u8]) -> Option<Self> {
        let (ethernet, mut packet) = Ethernet::ref_from_prefix(frame).ok()?;
        let (mut tags, mut ether_type) = (Tags::NONE, ethernet.ether_type);
        while ether_type == EtherType::VLAN || ether_type == EtherType::SERVICE_VLAN {
            let (vlan, rest) = Vlan::ref_from_prefix(packet).ok()?;
            let Some(more) = tags.with(vlan.tci) else {
                break;
            };
            (tags, ether_type, packet) = (more, vlan.ether_type, rest);
        }
        Some(Self {
            ethernet,
            tags,
            ether_type,
            packet,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::wire::Tci;

    #[test]
    fn tags_are_taken_off_one_by_one_and_the_third_is_left() {
        let tagged = |tags: usize| {
            let mut frame = Vec::from([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
            for id in 0..tags as u8 {
                frame.extend([0x81, 0, 0x20, 10 + id]);
            }
            frame.extend([0x86, 0xdd, 0x60]);
            frame
        };
        for tags in 0..=2 {
            let frame = tagged(tags);
            let parsed = EthernetFrame::parse(&frame).unwrap();
            let expected: Vec<Tci> = (0..tags as u16).map(|id| Tci::new(10 + id, 1)).collect();
            assert_eq!(parsed.tags.as_slice(), expected);
            assert_eq!(
                (parsed.ether_type, parsed.packet),
                (EtherType::IPV6, &[0x60][..])
            );
        }
        let frame = tagged(3);
        let parsed = EthernetFrame::parse(&frame).unwrap();
        assert_eq!(parsed.ether_type, EtherType::VLAN);
        let frame = tagged(1);
        for len in 0..18 {
            assert!(EthernetFrame::parse(&frame[..len]).is_none(), "{len} bytes");
        }
    }
}
