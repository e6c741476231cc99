use std::vec;

use proptest::prelude::*;

use super::*;
use crate::probe::Age;
use crate::testing::{ADDRESSES, every_layout, layout, with_filling};

fn written(
    headers: &Headers,
    payload_len: u16,
    seed: u64,
    tag: u64,
    patch: &Patch,
) -> vec::Vec<u8> {
    let mut frame = vec![0xa5; 9100];
    let FrameLen(len) = with_filling(seed, filling_len(payload_len), |filling| {
        let template = Template::new(headers, Tag::new(tag), payload_len, filling);
        template.unwrap().write(&mut frame, patch)
    });
    assert!(
        frame[usize::from(len)..].iter().all(|byte| *byte == 0xa5),
        "wrote too far"
    );
    frame.truncate(usize::from(len));
    frame
}

proptest! {
    #[test]
    fn etherparse_finds_every_frame_well_formed(
        headers in prop::sample::select(every_layout()),
        payload_len in 16_u16..=8952,
        seed: u64,
        tag: u64,
        index: u64,
        source_port: u16,
        time: u64,
        lag: u64,
    ) {
        let index = Index::new((index >> 48) as u16, index);
        let patch = Patch { index, source_port, time: Instant::from_nanos(time), lag: Span::from_nanos(lag) };
        let frame = written(&headers, payload_len, seed, tag, &patch);
        let parsed = etherparse::SlicedPacket::from_ethernet(&frame).unwrap();
        let ids: vec::Vec<u16> = parsed.vlan_ids().iter().map(|id| id.value()).collect();
        let tags = headers.marks.tags;
        prop_assert_eq!(ids, tags.as_slice().iter().map(|tag| tag.id()).collect::<vec::Vec<_>>());
        let Some(etherparse::TransportSlice::Udp(udp)) = parsed.transport else {
            panic!("no UDP")
        };
        let packet_len = frame.len() - layout(&headers).ip();
        let theirs = match parsed.net {
            Some(etherparse::NetSlice::Ipv4(ip)) => {
                let header = ip.header().to_header();
                prop_assert_eq!(header.header_checksum, header.calc_header_checksum());
                prop_assert_eq!(usize::from(header.total_len), packet_len);
                prop_assert_eq!((header.dscp.value(), header.time_to_live), (10, 64));
                udp.to_header().calc_checksum_ipv4(&header, udp.payload())
            }
            Some(etherparse::NetSlice::Ipv6(ip)) => {
                let header = ip.header().to_header();
                prop_assert_eq!(usize::from(header.payload_length), packet_len - 40);
                prop_assert_eq!((header.traffic_class, header.hop_limit), (10 << 2, 64));
                prop_assert_eq!(header.flow_label, etherparse::Ipv6FlowLabel::ZERO);
                udp.to_header().calc_checksum_ipv6(&header, udp.payload())
            }
            other => panic!("no IP: {other:?}"),
        };
        prop_assert_eq!(udp.checksum(), theirs.unwrap());
        prop_assert_eq!(udp.source_port(), source_port);
        prop_assert_eq!(udp.payload().len(), usize::from(payload_len));
    }
}

proptest! {
    #[test]
    fn a_bare_probe_is_written_as_any(
        tag: u64,
        stream: u16,
        sequence in 0..Index::SEQUENCES - 1000,
        source_port: u16,
        time in 0..1_u64 << 60,
    ) {
        with_filling(1, 0, |filling| {
            let template = Template::new(&ADDRESSES.into(), Tag::new(tag), 16, filling).unwrap();
            prop_assert!(template.is_minimal());
            let first = Index::new(stream, sequence);
            let LaidOut::Ipv4(front) = template.front() else {
                panic!("no IPv4")
            };
            let mut bare = template.burst(front, first, Instant::from_nanos(time));
            let mut any = template.burst(front, first, Instant::from_nanos(time));
            for i in 0..1000 {
                let source_port = source_port.wrapping_add(i * 13);
                let (mut one, mut other, mut alone) = ([0xa5; 64], [0xa5; 64], [0xa5; 64]);
                let len = bare.write_minimal(&mut one, source_port);
                prop_assert_eq!(len, any.write(&mut other, source_port, Span::ZERO));
                prop_assert_eq!(one, other);
                let patch = Patch {
                    index: Index::new(stream, sequence + u64::from(i)),
                    source_port,
                    time: Instant::from_nanos(time),
                    lag: Span::ZERO,
                };
                template.write(&mut alone, &patch);
                prop_assert_eq!(one, alone);
            }
            Ok(())
        })?;
    }
}

#[test]
fn no_checksum_looks_as_if_it_were_left_to_a_nic() {
    with_filling(1, filling_len(16), |filling| {
        let template = Template::new(&ADDRESSES.into(), Tag::new(1), 16, filling).unwrap();
        let mut frame = [0; 58];
        let mut postponed = 0;
        // Every sum comes up several times.
        for sequence in 0..300_000 {
            let patch = Patch {
                index: Index::new(0, sequence),
                source_port: 10_000,
                time: Instant::from_nanos(1000),
                lag: Span::ZERO,
            };
            template.write(&mut frame, &patch);
            assert_ne!(frame[40..42], template.partial);
            let (head, _) = Head::ref_from_prefix(&frame[Layout::IPV4.payload()..]).unwrap();
            let Age::Past(age) = head.age(Instant::from_nanos(2000)) else {
                panic!("from the future");
            };
            match age.as_nanos() {
                1000 => {}
                999 => postponed += 1,
                age => panic!("{age}"),
            }
        }
        assert!((1..100).contains(&postponed), "{postponed}");
    });
}

#[test]
fn vlan_tags_are_no_part_of_what_a_port_carries() {
    for headers in every_layout() {
        with_filling(1, filling_len(100), |filling| {
            let template = Template::new(&headers, Tag::new(1), 100, filling).unwrap();
            let layout = layout(&headers);
            let tags = headers.marks.tags.as_slice().len();
            let len = layout.payload() + 100;
            assert_eq!(usize::from(template.frame_len().0), len);
            let untagged = usize::from(template.untagged_frame_len().0);
            assert_eq!(untagged, len - 4 * tags);
        });
    }
}

#[test]
fn the_last_probe_of_all_is_written() {
    let patch = Patch {
        index: Index::new(u16::MAX, Index::SEQUENCES - 1),
        source_port: 1,
        time: Instant::from_nanos(1),
        lag: Span::ZERO,
    };
    let frame = written(&ADDRESSES.into(), 16, 1, 1, &patch);
    let (head, _) = Head::ref_from_prefix(&frame[Layout::IPV4.payload()..]).unwrap();
    assert_eq!(head.index(), patch.index);
}

#[test]
fn a_payload_that_holds_no_probe_is_refused() {
    with_filling(0, 0, |filling| {
        assert!(Template::new(&ADDRESSES.into(), Tag::new(0), 15, filling).is_none());
        assert!(Template::new(&ADDRESSES.into(), Tag::new(0), 8973, filling).is_none());
    });
}
