use std::vec;

use proptest::prelude::*;
use zerocopy::FromBytes;

use super::*;
use crate::probe::Age;
use crate::probe::sizes::{MAX_SIZES, Share};
use crate::testing::{ADDRESSES, every_layout, layout, with_payloads};

fn written(headers: &Headers, sizes: &Sizes, seed: u64, tag: u64, patch: &Patch) -> vec::Vec<u8> {
    let mut frame = vec![0xa5; 9100];
    let FrameLen(len) = with_payloads(seed, sizes, |payloads| {
        let template = Template::new(headers, Tag::new(tag), payloads);
        template.unwrap().write(&mut frame, patch)
    });
    assert!(
        frame[usize::from(len)..].iter().all(|byte| *byte == 0xa5),
        "wrote too far"
    );
    frame.truncate(usize::from(len));
    frame
}

prop_compose! {
    /// Draws one size, or a mix of several.
    fn any_sizes()(
        shares in prop::collection::btree_map(16_u16..=8952, 1_u16..=8, 1..=MAX_SIZES),
    ) -> Sizes {
        let share = |(payload_len, weight)| Share { payload_len, weight };
        Sizes::mix(&shares.into_iter().map(share).collect::<vec::Vec<_>>()).unwrap()
    }
}

proptest! {
    #[test]
    fn etherparse_finds_every_frame_well_formed(
        headers in prop::sample::select(every_layout()),
        sizes in any_sizes(),
        seed: u64,
        tag: u64,
        index: u64,
        source_port: u16,
        time: u64,
        lag: u64,
    ) {
        let index = Index::new((index >> 48) as u16, index);
        let patch = Patch { index, source_port, time: Instant::from_nanos(time), lag: Span::from_nanos(lag) };
        let frame = written(&headers, &sizes, seed, tag, &patch);
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
        prop_assert_eq!(udp.payload().len(), usize::from(sizes.payload_len(index)));
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
        with_payloads(1, &Sizes::one(16), |payloads| {
            let template = Template::new(&ADDRESSES.into(), Tag::new(tag), payloads).unwrap();
            prop_assert!(template.is_minimal());
            let first = Index::new(stream, sequence);
            let LaidOut::Ipv4(fronts) = template.fronts() else {
                panic!("no IPv4")
            };
            let of = || template.burst::<_, false>(fronts, first, Instant::from_nanos(time));
            let (mut bare, mut any) = (of(), of());
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

proptest! {
    #[test]
    fn a_burst_of_a_mix_is_what_is_written_one_by_one(
        sizes in any_sizes(),
        sequence in 0..Index::SEQUENCES - 1000,
        time in 0..1_u64 << 60,
    ) {
        prop_assume!(sizes.is_mix());
        with_payloads(1, &sizes, |payloads| {
            let template = Template::new(&ADDRESSES.into(), Tag::new(7), payloads).unwrap();
            let LaidOut::Ipv4(fronts) = template.fronts() else {
                panic!("no IPv4")
            };
            let time = Instant::from_nanos(time);
            let mut burst = template.burst::<_, true>(fronts, Index::new(3, sequence), time);
            let mut bytes = 0;
            for number in 0..100 {
                let index = Index::new(3, sequence + number);
                let (source_port, lag) = (number as u16, Span::from_nanos(number));
                let (mut one, mut other) = (vec![0xa5; 9100], vec![0xa5; 9100]);
                let FrameLen(len) = burst.write(&mut one, source_port, lag);
                prop_assert_eq!(usize::from(len), 42 + usize::from(sizes.payload_len(index)));
                bytes += u64::from(len);
                template.write(&mut other, &Patch { index, source_port, time, lag });
                prop_assert_eq!(one, other);
            }
            prop_assert_eq!(template.bytes(sequence, 100), bytes);
            Ok(())
        })?;
    }
}

#[test]
fn no_checksum_looks_as_if_it_were_left_to_a_nic() {
    with_payloads(1, &Sizes::one(16), |payloads| {
        let template = Template::new(&ADDRESSES.into(), Tag::new(1), payloads).unwrap();
        let LaidOut::Ipv4(fronts) = template.fronts() else {
            panic!("no IPv4")
        };
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
            assert_ne!(frame[40..42], fronts.of[0].partial);
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
        with_payloads(1, &Sizes::one(100), |payloads| {
            let template = Template::new(&headers, Tag::new(1), payloads).unwrap();
            let layout = layout(&headers);
            let tags = headers.marks.tags.as_slice().len();
            let len = layout.payload() + 100;
            assert_eq!(usize::from(template.max_frame_len().0), len);
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
    let frame = written(&ADDRESSES.into(), &Sizes::one(16), 1, 1, &patch);
    let (head, _) = Head::ref_from_prefix(&frame[Layout::IPV4.payload()..]).unwrap();
    assert_eq!(head.index(), patch.index);
}

#[test]
fn a_payload_that_holds_no_probe_is_refused() {
    let mix = |lens: [u16; 2]| {
        Sizes::mix(&lens.map(|payload_len| Share {
            payload_len,
            weight: 1,
        }))
    };
    for sizes in [
        Some(Sizes::one(15)),
        Some(Sizes::one(8973)),
        mix([16, 15]),
        mix([8973, 16]),
    ] {
        with_payloads(0, &sizes.unwrap(), |payloads| {
            assert!(Template::new(&ADDRESSES.into(), Tag::new(0), payloads).is_none());
        });
    }
}
