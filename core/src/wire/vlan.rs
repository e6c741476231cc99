//! VLAN tags (IEEE 802.1Q, clause 9).
//!
//! The EtherType in front of a tag says that there is one, and that in it what follows:
//! [`EtherType::VLAN`] for the only or the inner tag, [`EtherType::SERVICE_VLAN`] for the outer of
//! two.

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::ethernet::EtherType;

/// The tag control information: priority, drop eligibility and VLAN.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(transparent)]
pub struct Tci(U16);

impl Tci {
    /// The largest VLAN identifier that a frame may carry; 4095 is reserved (clause 9.6).
    pub const MAX_ID: u16 = 4094;
    /// The largest priority code point.
    pub const MAX_PRIORITY: u8 = 7;

    /// Makes one of the low 12 bits of `id` and the low 3 of `priority`.
    #[must_use]
    pub const fn new(id: u16, priority: u8) -> Self {
        Self(U16::new((priority as u16) << 13 | id & 0x0fff))
    }

    /// Makes one of the 16 bits that a driver keeps beside a packet.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(U16::new(bits))
    }

    /// Returns the VLAN identifier; 0 says that the tag has a priority only.
    #[must_use]
    pub const fn id(self) -> u16 {
        self.0.get() & 0x0fff
    }

    /// Returns the priority code point.
    #[must_use]
    pub const fn priority(self) -> u8 {
        (self.0.get() >> 13) as u8
    }
}

/// What stands behind the EtherType that announces a tag.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Vlan {
    /// Priority and VLAN.
    pub tci: Tci,
    /// The type of what follows: another tag, or the packet.
    pub ether_type: EtherType,
}

impl Vlan {
    /// Bytes that a tag adds to a frame.
    pub const LEN: usize = size_of::<Self>();
}

/// The VLAN tags of a frame, the outer one first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tags {
    count: u8,
    tags: [Tci; Self::MAX],
}

impl Tags {
    /// The most tags of a frame.
    pub const MAX: usize = 2;
    /// No tag.
    pub const NONE: Self = Self {
        count: 0,
        tags: [Tci::new(0, 0); Self::MAX],
    };

    /// Makes the tags of a frame; `None` if there are more than [`Self::MAX`].
    #[must_use]
    pub fn new(tags: &[Tci]) -> Option<Self> {
        let mut all = Self::NONE;
        for &tag in tags {
            all = all.with(tag)?;
        }
        Some(all)
    }

    /// Returns these with an inner tag more; `None` if there are [`Self::MAX`] already.
    #[must_use]
    pub fn with(mut self, inner: Tci) -> Option<Self> {
        *self.tags.get_mut(usize::from(self.count))? = inner;
        self.count += 1;
        Some(self)
    }

    /// Returns them, the outer one first.
    #[must_use]
    pub fn as_slice(&self) -> &[Tci] {
        &self.tags[..usize::from(self.count)]
    }

    /// Returns whether both name the same VLANs; a tag that names none tells a priority only (IEEE
    /// 802.1Q, clause 6.9).
    #[must_use]
    pub fn are_same_vlans(&self, other: &Self) -> bool {
        let vlans = |tags: &Self| {
            let mut vlans = [0; Self::MAX];
            let named = tags.as_slice().iter().map(|tag| tag.id());
            for (vlan, id) in vlans.iter_mut().zip(named.filter(|&id| id != 0)) {
                *vlan = id;
            }
            vlans
        };
        vlans(self) == vlans(other)
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn a_tag_is_what_etherparse_reads() {
        let tag = Vlan {
            tci: Tci::new(4094, 5),
            ether_type: EtherType::IPV6,
        };
        let parsed = etherparse::SingleVlanHeader::from_bytes(zerocopy::transmute!(tag));
        assert_eq!(parsed.vlan_id.value(), 4094);
        assert_eq!(parsed.pcp.value(), 5);
        assert!(!parsed.drop_eligible_indicator);
        assert_eq!(parsed.ether_type, etherparse::EtherType::IPV6);
        assert_eq!((tag.tci.id(), tag.tci.priority()), (4094, 5));
    }

    #[test]
    fn the_bits_beside_a_packet_make_the_same_tag() {
        assert_eq!(Tci::from_bits(0xaffe), Tci::new(0x0ffe, 5));
        assert_eq!(Tci::from_bits(0x2064), Tci::new(100, 1));
    }

    #[test]
    fn a_priority_tag_names_no_vlan() {
        let tags = |ids: &[(u16, u8)]| {
            let tags: Vec<Tci> = ids.iter().map(|&(id, p)| Tci::new(id, p)).collect();
            Tags::new(&tags).unwrap()
        };
        assert!(tags(&[(0, 5)]).are_same_vlans(&Tags::NONE));
        assert!(tags(&[(0, 5), (7, 0)]).are_same_vlans(&tags(&[(7, 3)])));
        assert!(!tags(&[(7, 0)]).are_same_vlans(&Tags::NONE));
        assert!(!tags(&[(7, 0), (8, 0)]).are_same_vlans(&tags(&[(8, 0), (7, 0)])));
        assert_eq!(Tags::new(&[Tci::new(1, 0); 3]), None);
    }
}
