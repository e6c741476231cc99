//! The IPv6 header, against etherparse and smoltcp.

use dpdkgen_core::wire::Ipv6;
use etherparse::{Ipv6HeaderSlice, ip_number};
use smoltcp::wire::Ipv6Packet;
use zerocopy::{FromBytes, IntoBytes};

use super::{prefix, udp};
use crate::oracle::{self, IPV6};

/// Checks the view of the IPv6 packet in `packet`.
pub fn packet(packet: &[u8]) {
    let header = Ipv6HeaderSlice::from_slice(packet);
    let Ok((ours, _)) = Ipv6::ref_from_prefix(packet) else {
        assert!(packet.len() < IPV6 && header.is_err());
        return;
    };
    assert_eq!(header.is_ok(), ours.version() == 6, "{header:?}");
    let Ok(header) = header else { return };
    fields(ours, &header, packet);
    written(ours, &header);
    if let Some((_, payload)) = oracle::ipv6_packet(packet)
        && ours.next_header == Ipv6::UDP
    {
        let pseudo = |len| ours.pseudo_header(Ipv6::UDP, len);
        let (source, destination) = (ours.source().into(), ours.destination().into());
        udp(source, destination, pseudo, payload);
    }
    prefix(ours.source().into(), ours.destination().into());
}

fn fields(ours: &Ipv6, etherparse: &Ipv6HeaderSlice<'_>, packet: &[u8]) {
    let smoltcp = Ipv6Packet::new_unchecked(packet);
    assert_eq!(ours.version(), smoltcp.version());
    assert_eq!(ours.payload_length.get(), etherparse.payload_length());
    assert_eq!(ours.payload_length.get(), smoltcp.payload_len());
    let next = etherparse.next_header();
    assert_eq!(ours.next_header, next.0);
    assert_eq!(ours.next_header, u8::from(smoltcp.next_header()));
    assert_eq!(
        (ours.hop_limit, ours.hop_limit),
        (etherparse.hop_limit(), smoltcp.hop_limit())
    );
    assert_eq!(ours.source(), etherparse.source_addr());
    assert_eq!(ours.source(), smoltcp.src_addr());
    assert_eq!(ours.destination(), etherparse.destination_addr());
    assert_eq!(ours.destination(), smoltcp.dst_addr());
    // Fragments are told apart from other extensions.
    let is_extension = next.is_ipv6_ext_header_value() && next != ip_number::IPV6_FRAG;
    assert_eq!(Ipv6::is_extension(ours.next_header), is_extension);
}

/// Checks that a header made of the same fields is the same, but for congestion notification and
/// flow label, which are left 0.
fn written(ours: &Ipv6, etherparse: &Ipv6HeaderSlice<'_>) {
    let theirs = etherparse::Ipv6Header {
        traffic_class: etherparse.traffic_class() & 0xfc,
        flow_label: etherparse::Ipv6FlowLabel::ZERO,
        ..etherparse.to_header()
    };
    let ours = Ipv6::new(
        ours.source(),
        ours.destination(),
        ours.next_header,
        ours.payload_length.get(),
        etherparse.dscp().value(),
        ours.hop_limit,
    );
    assert_eq!(ours.as_bytes(), theirs.to_bytes());
}
