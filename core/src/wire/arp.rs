//! ARP for IPv4 over Ethernet (RFC 826).

use core::net::Ipv4Addr;

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::ethernet::{EtherType, Mac};

/// The 28 bytes of an ARP packet for IPv4 over Ethernet.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Arp {
    hardware: U16,
    protocol: EtherType,
    hardware_len: u8,
    protocol_len: u8,
    operation: U16,
    /// MAC of the sender.
    pub sender_mac: Mac,
    sender_ip: [u8; 4],
    /// MAC of the target, zeros in a request.
    pub target_mac: Mac,
    target_ip: [u8; 4],
}

impl Arp {
    const ETHERNET: U16 = U16::new(1);
    const REQUEST: U16 = U16::new(1);
    const REPLY: U16 = U16::new(2);

    const fn new(
        operation: U16,
        sender: (Mac, Ipv4Addr),
        target_mac: Mac,
        target_ip: Ipv4Addr,
    ) -> Self {
        Self {
            hardware: Self::ETHERNET,
            protocol: EtherType::IPV4,
            hardware_len: 6,
            protocol_len: 4,
            operation,
            sender_mac: sender.0,
            sender_ip: sender.1.octets(),
            target_mac,
            target_ip: target_ip.octets(),
        }
    }

    /// Makes a request: who has `target`? Tell `sender`.
    #[must_use]
    pub const fn request(sender: (Mac, Ipv4Addr), target: Ipv4Addr) -> Self {
        Self::new(Self::REQUEST, sender, Mac([0; 6]), target)
    }

    /// Makes an announcement: `sender` is where it says (RFC 5227, section 2.3).
    #[must_use]
    pub const fn announcement(sender: (Mac, Ipv4Addr)) -> Self {
        Self::request(sender, sender.1)
    }

    /// Returns the answer to `request`: its target address is at `mac`.
    #[must_use]
    pub const fn reply(request: &Self, mac: Mac) -> Self {
        Self::new(
            Self::REPLY,
            (mac, request.target_ip()),
            request.sender_mac,
            request.sender_ip(),
        )
    }

    /// Returns whether this speaks of IPv4 over Ethernet with the lengths that go with it.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        self.hardware == Self::ETHERNET
            && self.protocol == EtherType::IPV4
            && self.hardware_len == 6
            && self.protocol_len == 4
            && (self.is_request() || self.operation == Self::REPLY)
    }

    /// Returns whether it is a request rather than a reply.
    #[must_use]
    pub fn is_request(&self) -> bool {
        self.operation == Self::REQUEST
    }

    /// Returns the IP address of the sender.
    #[must_use]
    pub const fn sender_ip(&self) -> Ipv4Addr {
        let [a, b, c, d] = self.sender_ip;
        Ipv4Addr::new(a, b, c, d)
    }

    /// Returns the IP address of the target.
    #[must_use]
    pub const fn target_ip(&self) -> Ipv4Addr {
        let [a, b, c, d] = self.target_ip;
        Ipv4Addr::new(a, b, c, d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: (Mac, Ipv4Addr) = (Mac([2, 0, 0, 0, 0, 1]), Ipv4Addr::new(10, 0, 0, 1));
    const BOB: (Mac, Ipv4Addr) = (Mac([2, 0, 0, 0, 0, 2]), Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn a_request_is_what_rfc_826_says() {
        let mut bytes = [0xa5; 28];
        Arp::request(ALICE, BOB.1).write_to(&mut bytes).unwrap();
        assert_eq!(
            bytes,
            [
                0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0,
                2
            ]
        );
    }

    #[test]
    fn an_announcement_asks_for_its_own_sender() {
        let announcement = Arp::announcement(ALICE);
        assert!(announcement.is_well_formed() && announcement.is_request());
        assert_eq!((announcement.sender_mac, announcement.sender_ip()), ALICE);
        assert_eq!(announcement.target_ip(), ALICE.1);
    }

    #[test]
    fn a_reply_turns_the_request_round() {
        let request = Arp::request(ALICE, BOB.1);
        let reply = Arp::reply(&request, BOB.0);
        assert!(reply.is_well_formed() && !reply.is_request());
        assert_eq!((reply.sender_mac, reply.sender_ip()), BOB);
        assert_eq!((reply.target_mac, reply.target_ip()), ALICE);
    }

    #[test]
    fn etherparse_reads_the_same() {
        let mut bytes = [0xa5; 28];
        Arp::request(ALICE, BOB.1).write_to(&mut bytes).unwrap();
        let parsed = etherparse::ArpPacketSlice::from_slice(&bytes).unwrap();
        assert_eq!(parsed.operation(), etherparse::ArpOperation::REQUEST);
        assert_eq!(parsed.sender_hw_addr(), ALICE.0.0);
        assert_eq!(parsed.target_protocol_addr(), BOB.1.octets());
    }

    #[test]
    fn other_hardware_is_not_well_formed() {
        let mut bytes = [0; 28];
        Arp::request(ALICE, BOB.1).write_to(&mut bytes).unwrap();
        for (at, value) in [(1, 6), (2, 9), (4, 8), (5, 16), (7, 3)] {
            let mut changed = bytes;
            changed[at] = value;
            assert!(
                !Arp::read_from_bytes(&changed).unwrap().is_well_formed(),
                "byte {at}"
            );
        }
    }
}
