use std::vec;

use proptest::prelude::*;
use zerocopy::IntoBytes;

use super::*;
use crate::probe::Index;
use crate::probe::filling::filling_len;
use crate::probe::layout::{Headers, Layout};
use crate::probe::sizes::{Share, Sizes};
use crate::reflect::{FrameReflector, Rules};
use crate::testing::{ADDRESSES, ADDRESSES_V6, every_layout, layout, with_payloads};
use crate::time::Instant;
use crate::tx::template::{Patch, Template};

const SEED: u64 = 11;
const TAG: Tag = Tag::new(0x1234_5678_9abc);
const PATCH: Patch = Patch {
    index: Index::new(3, 77),
    source_port: 20_005,
    time: Instant::from_nanos(5000),
    lag: Span::from_nanos(7),
};

/// Runs `test` with what is expected of probes over IPv4 with `payload_len` bytes, and one that came
/// back.
fn with_probe(payload_len: u16, test: impl Fn(&Verifier<'_>, vec::Vec<u8>)) {
    with_probe_of(&ADDRESSES.into(), false, payload_len, test);
}

/// Runs `test` with what is expected of probes with these headers, and one that came back, or
/// through: where all have the same size, and where it is the first or the second of a mix.
fn with_probe_of(
    headers: &Headers,
    is_through: bool,
    payload_len: u16,
    test: impl Fn(&Verifier<'_>, vec::Vec<u8>),
) {
    let other = if payload_len == 40 { 41 } else { 40 };
    for sizes in [
        Sizes::one(payload_len),
        mix(&[(payload_len, 3), (other, 1)]),
        mix(&[(other, 1), (payload_len, 2)]),
    ] {
        assert_eq!(sizes.payload_len(PATCH.index), payload_len);
        with_probe_of_sizes(headers, is_through, &sizes, &test);
    }
}

fn mix(shares: &[(u16, u16)]) -> Sizes {
    let share = |&(payload_len, weight)| Share {
        payload_len,
        weight,
    };
    Sizes::mix(&shares.iter().map(share).collect::<vec::Vec<_>>()).unwrap()
}

fn with_probe_of_sizes(
    headers: &Headers,
    is_through: bool,
    sizes: &Sizes,
    test: impl Fn(&Verifier<'_>, vec::Vec<u8>),
) {
    with_payloads(SEED, sizes, |payloads| {
        let expectation = Expectation {
            routes: Vec::from_slice(&[Route::of(&headers.addresses)]).unwrap(),
            marks: headers.marks,
            is_through,
            first_source_port: 20_000,
            last_source_port: 20_010,
            payloads: payloads.clone(),
            tag: TAG,
        };
        let template = Template::new(headers, TAG, payloads).unwrap();
        let payload_len = sizes.payload_len(PATCH.index);
        let mut frame = vec![0; layout(headers).payload() + usize::from(payload_len)];
        template.write(&mut frame, &PATCH);
        if !is_through {
            FrameReflector::new(Rules::of(ADDRESSES.destination_mac))
                .reflect(&mut frame)
                .unwrap();
        }
        test(&Verifier::new(expectation), frame);
    });
}

fn verdict(verifier: &Verifier<'_>, frame: &[u8]) -> Result<Probe, Reject> {
    verifier.verify(frame).result
}

/// Makes the UDP checksum right again after a change.
fn sum_up(frame: &mut [u8]) {
    let (ip, rest) = Ipv4::mut_from_prefix(&mut frame[14..]).unwrap();
    let (udp, payload) = Udp::mut_from_prefix(rest).unwrap();
    udp.checksum = [0; 2];
    let sum = ip
        .pseudo_header(udp.length.get())
        .plus(Sum::of(udp.as_bytes()));
    udp.checksum = sum.plus(Sum::of(payload)).udp_checksum();
}

/// Returns the probe that was sent.
fn probe(payload_len: u16) -> Probe {
    Probe {
        head: Head::new(PATCH.index, TAG, PATCH.time),
        lag: (payload_len >= 24).then_some(PATCH.lag),
        port_offset: 5,
    }
}

const LENGTHS: [u16; 8] = [16, 17, 18, 23, 24, 25, 1000, 8972];

#[test]
fn a_probe_that_comes_back_is_known_again() {
    for payload_len in LENGTHS {
        with_probe(payload_len, |verifier, mut frame| {
            let probe = probe(payload_len);
            let verified = verifier.verify(&frame);
            assert_eq!(
                verified,
                Verified {
                    result: Ok(probe),
                    checksum_partial: false
                }
            );
            frame.extend([0xa5; 9]);
            assert_eq!(verdict(verifier, &frame), Ok(probe), "padding is no harm");
        });
    }
}

#[test]
fn a_probe_is_known_again_in_every_layout_and_either_way() {
    for headers in every_layout() {
        for is_through in [false, true] {
            for payload_len in [16, 24, 100] {
                with_probe_of(&headers, is_through, payload_len, |verifier, frame| {
                    let expected = Ok(probe(payload_len));
                    assert_eq!(verdict(verifier, &frame), expected, "{headers:?}");
                    let fast =
                        in_its_layout!(verifier, shapes => verifier.fast_path(shapes, &frame));
                    assert_eq!(fast, expected.ok(), "the fast path: {headers:?}");
                    let slow = verifier.expectation().verify(&frame);
                    assert_eq!(slow.result, expected, "step by step: {headers:?}");
                });
            }
        }
    }
}

#[test]
fn headers_that_a_router_changed_take_the_second_path() {
    for headers in every_layout() {
        with_probe_of(&headers, false, 24, |verifier, mut frame| {
            let layout = layout(&headers);
            let is_second = |frame: &[u8]| {
                in_its_layout!(verifier, shapes => {
                    assert_eq!(verifier.fast_path(shapes, frame), None);
                    verifier.changed_headers(shapes, frame)
                })
            };
            frame[layout.ttl()] -= 1;
            if let Some(at) = layout.ip_checksum() {
                assert_eq!(is_second(&frame), None, "wrong checksum");
                frame[at] += 1;
            }
            assert_eq!(is_second(&frame), Some(probe(24)));
            // Not to another address.
            frame[layout.addresses()] ^= 1;
            assert_eq!(is_second(&frame), None);
        });
    }
}

#[test]
fn changes_in_two_places_do_not_make_up_for_each_other() {
    for headers in every_layout() {
        with_probe_of(&headers, false, 16, |verifier, frame| {
            for one in 12..frame.len() {
                for other in one + 1..frame.len() {
                    let mut frame = frame.clone();
                    frame[one] ^= 1;
                    frame[other] ^= 1;
                    let expected = verifier.expectation().verify(&frame);
                    assert_eq!(verifier.verify(&frame), expected, "{one} and {other}");
                }
            }
        });
    }
}

#[test]
fn a_burst_is_verified_frame_by_frame() {
    with_probe(24, |verifier, frame| {
        let mut foreign = frame.clone();
        foreign[30] ^= 1;
        let frames = [&frame[..], &foreign, &frame[..50]];
        let mut verified = vec::Vec::new();
        verifier.verify_burst(frames, |of| verified.push(of));
        assert_eq!(verified, frames.map(|frame| verifier.verify(frame)));
    });
}

#[test]
fn the_runs_source_ports_are_all_that_are_ours() {
    with_probe(24, |verifier, mut frame| {
        for (port, offset) in [
            (20_000, Some(0)),
            (20_010, Some(10)),
            (20_011, None),
            (19_999, None),
        ] {
            frame[36..38].copy_from_slice(&u16::to_be_bytes(port));
            sum_up(&mut frame);
            let expected = offset.map(|port_offset| Probe {
                port_offset,
                ..probe(24)
            });
            assert_eq!(verdict(verifier, &frame), expected.ok_or(Reject::Foreign));
            let fast = in_its_layout!(verifier, shapes => verifier.fast_path(shapes, &frame));
            assert_eq!(fast, expected);
        }
    });
}

/// A reflector that does not turn probes round, or a path that does though it should not.
#[test]
fn a_probe_that_comes_the_other_way_is_foreign_and_told() {
    for headers in every_layout() {
        with_probe_of(&headers, true, 24, |verifier, frame| {
            let mut expectation = verifier.expectation().clone();
            expectation.is_through = false;
            let verifier = Verifier::new(expectation);
            assert_eq!(verdict(&verifier, &frame), Err(Reject::Unturned));
            // Of another run: merely foreign.
            let mut other = frame.clone();
            other[layout(&headers).payload() + 15] ^= 1;
            assert_eq!(verdict(&verifier, &other), Err(Reject::Foreign));
        });
        with_probe_of(&headers, false, 24, |verifier, frame| {
            let mut expectation = verifier.expectation().clone();
            expectation.is_through = true;
            assert_eq!(
                verdict(&Verifier::new(expectation), &frame),
                Err(Reject::Foreign)
            );
        });
    }
}

#[test]
fn the_vlan_is_the_runs_own_and_a_priority_is_anybodys() {
    for headers in every_layout() {
        with_probe_of(&headers, false, 24, |verifier, frame| {
            let tags = headers.marks.tags.as_slice().len();
            // A priority tag more names no VLAN.
            let mut prioritised = frame[..12].to_vec();
            prioritised.extend([0x81, 0, 0xa0, 0]);
            prioritised.extend(&frame[12..]);
            let expected = if tags < 2 {
                Ok(probe(24))
            } else {
                Err(Reject::Foreign)
            };
            assert_eq!(verdict(verifier, &prioritised), expected, "{headers:?}");
            for tag in 0..tags {
                let at = 14 + 4 * tag;
                let mut changed = frame.clone();
                changed[at] ^= 0xe0;
                assert_eq!(verdict(verifier, &changed), Ok(probe(24)), "priority");
                changed[at + 1] ^= 1;
                assert_eq!(verdict(verifier, &changed), Err(Reject::Foreign), "VLAN");
                let mut untagged = frame.clone();
                untagged.drain(12 + 4 * tag..16 + 4 * tag);
                assert_eq!(
                    verdict(verifier, &untagged),
                    Err(Reject::Foreign),
                    "tag off"
                );
            }
        });
    }
}

#[test]
fn over_ipv6_a_checksum_of_zero_is_wrong() {
    let headers = Headers::from(ADDRESSES_V6);
    with_probe_of(&headers, false, 100, |verifier, mut frame| {
        let checksum = layout(&headers).udp_checksum();
        frame[checksum..][..2].fill(0);
        assert_eq!(verdict(verifier, &frame), Err(Reject::Corrupt));
    });
}

#[test]
fn over_ipv6_routers_and_flow_labels_change_nothing() {
    let headers = Headers::from(ADDRESSES_V6);
    with_probe_of(&headers, false, 100, |verifier, mut frame| {
        frame[14..18].copy_from_slice(&[0x6b, 0x81, 0x23, 0x45]);
        frame[21] = 3;
        assert_eq!(verdict(verifier, &frame), Ok(probe(100)));
        // Not another one's, nor another protocol.
        for at in [14, 20, 25, 41] {
            let mut changed = frame.clone();
            changed[at] ^= 0x11;
            assert_eq!(
                verdict(verifier, &changed),
                Err(Reject::Foreign),
                "byte {at}"
            );
        }
        frame[19] ^= 1;
        assert_eq!(verdict(verifier, &frame), Err(Reject::Corrupt), "length");
    });
}

#[test]
fn any_changed_byte_is_noticed() {
    for payload_len in LENGTHS {
        with_probe(payload_len, |verifier, frame| {
            for at in 12..frame.len() {
                let mut frame = frame.clone();
                frame[at] ^= 0x10;
                // EtherType, version, protocol, addresses, ports (a changed port may still be
                // one of ours): not a probe of ours, whatever is in it.
                let address = matches!(at, 12..=13 | 23 | 26..=37);
                // Version or header length: no IPv4, or ports elsewhere.
                let reject = if at == 14 || address {
                    Reject::Foreign
                } else {
                    Reject::Corrupt
                };
                // The checksum field may by chance become 0 (none) or the partial sum, and the
                // probe is then as good as any.
                assert_eq!(verdict(verifier, &frame), Err(reject), "byte {at}");
            }
        });
    }
}

#[test]
fn another_tag_is_foreign_and_an_own_tag_with_wrong_filling_corrupt() {
    for payload_len in LENGTHS {
        with_probe(payload_len, |verifier, frame| {
            let change = |at: usize| {
                let mut frame = frame.clone();
                frame[Layout::IPV4.payload() + at] ^= 1;
                sum_up(&mut frame);
                verdict(verifier, &frame)
            };
            assert_eq!(change(15), Err(Reject::Foreign), "short tag");
            if payload_len >= 24 {
                assert_eq!(change(20), Err(Reject::Foreign), "rest of the tag");
            }
            if filling_len(payload_len) > 0 {
                assert_eq!(change(usize::from(payload_len) - 1), Err(Reject::Corrupt));
            }
        });
    }
}

#[test]
fn a_checksum_left_to_a_nic_is_accepted_and_told() {
    with_probe(100, |verifier, mut frame| {
        let (ip, rest) = Ipv4::mut_from_prefix(&mut frame[14..]).unwrap();
        let (udp, _) = Udp::mut_from_prefix(rest).unwrap();
        udp.checksum = ip.pseudo_header(udp.length.get()).fold().to_ne_bytes();
        let verified = verifier.verify(&frame);
        assert!(verified.checksum_partial && verified.result.is_ok());
        frame[80] ^= 1;
        let verified = verifier.verify(&frame);
        assert!(verified.checksum_partial);
        assert_eq!(
            verified.result,
            Err(Reject::Corrupt),
            "the filling still has to be right"
        );
    });
}

#[test]
fn a_checksum_of_zero_is_none() {
    with_probe(100, |verifier, mut frame| {
        frame[40..42].fill(0);
        assert!(verdict(verifier, &frame).is_ok());
    });
}

#[test]
fn a_frame_cut_short_is_never_a_probe() {
    with_probe(64, |verifier, frame| {
        for len in 0..frame.len() {
            let reject = if len < Layout::IPV4.payload() {
                Reject::Foreign
            } else {
                Reject::Corrupt
            };
            assert_eq!(verdict(verifier, &frame[..len]), Err(reject), "{len} bytes");
        }
    });
}

#[test]
fn a_shorter_probe_of_our_tag_is_corrupt_and_one_without_room_for_a_tag_foreign() {
    for (payload_len, reject) in [(99, Reject::Corrupt), (15, Reject::Foreign)] {
        with_probe(100, |verifier, mut frame| {
            frame.truncate(Layout::IPV4.payload() + payload_len);
            let ip = Ipv4::udp(
                [10, 0, 0, 2].into(),
                [10, 0, 0, 1].into(),
                (Udp::LEN + payload_len) as u16,
            );
            ip.write_to(&mut frame[14..34]).unwrap();
            frame[38..40].copy_from_slice(&((Udp::LEN + payload_len) as u16).to_be_bytes());
            sum_up(&mut frame);
            assert_eq!(verdict(verifier, &frame), Err(reject));
        });
    }
}

/// Well-formed in all else: with the filling of its index and right checksums.
#[test]
fn a_probe_of_another_size_than_its_index_has_is_corrupt() {
    let sizes = mix(&[(16, 3), (18, 2), (100, 2), (1000, 1)]);
    with_probe_of_sizes(&ADDRESSES.into(), false, &sizes, |verifier, frame| {
        let payloads = verifier.expectation().payloads.clone();
        let mut judged = [0; 2];
        for (number, share) in sizes.shares().iter().enumerate() {
            for sequence in 0..8 {
                let len = usize::from(share.payload_len);
                let index = Index::new(0, sequence);
                let head = Head::new(index, TAG, PATCH.time);
                let mut payload = head.as_bytes().to_vec();
                if len >= LONG_LEN {
                    payload.extend(Tail::new(TAG, PATCH.lag).as_bytes());
                }
                payload.extend(payloads.fillings(number).of(index).0);
                let mut frame = frame[..Layout::IPV4.payload()].to_vec();
                let ip = Ipv4::udp(
                    [10, 0, 0, 2].into(),
                    [10, 0, 0, 1].into(),
                    (Udp::LEN + len) as u16,
                );
                ip.write_to(&mut frame[14..34]).unwrap();
                frame[38..40].copy_from_slice(&((Udp::LEN + len) as u16).to_be_bytes());
                frame.extend(payload);
                sum_up(&mut frame);
                let is_its_own = sizes.payload_len(index) == share.payload_len;
                let verified = verifier.verify(&frame);
                assert_eq!(verified, verifier.expectation().verify(&frame));
                if is_its_own {
                    assert!(verified.result.is_ok(), "{sequence}, {len} bytes");
                } else {
                    assert_eq!(
                        verified.result,
                        Err(Reject::Corrupt),
                        "{sequence}, {len} bytes"
                    );
                }
                judged[usize::from(is_its_own)] += 1;
            }
        }
        assert_eq!(judged, [24, 8]);
    });
}

#[test]
fn one_of_several_addresses_is_ours_too() {
    with_probe(64, |verifier, frame| {
        let mut expectation = verifier.expectation().clone();
        let other = Route {
            source: [9, 9, 9, 9].into(),
            ..Route::of(&ADDRESSES)
        };
        expectation.routes.insert(0, other).unwrap();
        assert!(verdict(&Verifier::new(expectation.clone()), &frame).is_ok());
        expectation.routes.truncate(1);
        assert_eq!(
            verdict(&Verifier::new(expectation), &frame),
            Err(Reject::Foreign)
        );
    });
}

/// Makes the IP checksum right again after a change.
fn sum_up_ip(frame: &mut [u8]) {
    frame[24..26].fill(0);
    let checksum = Sum::of(&frame[14..34]).checksum();
    frame[24..26].copy_from_slice(&checksum);
}

#[test]
fn routers_and_marking_change_nothing() {
    with_probe(64, |verifier, mut frame| {
        let sent = verifier.verify(&frame);
        assert!(sent.result.is_ok());
        frame[15] = 0xb8; // DSCP
        frame[18..20].copy_from_slice(&[1, 2]); // identification
        frame[20] = 0; // may be fragmented
        frame[22] = 3; // TTL
        let wrong = verifier.verify(&frame).result;
        assert_eq!(wrong, Err(Reject::Corrupt), "wrong checksum");
        sum_up_ip(&mut frame);
        assert_eq!(verifier.verify(&frame), sent);
    });
}

#[test]
fn behind_a_router_too_each_length_is_looked_at() {
    with_probe(64, |verifier, mut frame| {
        frame.extend([0; 4]);
        frame[22] = 3; // TTL
        sum_up_ip(&mut frame);
        assert_eq!(verdict(verifier, &frame), Ok(probe(64)));
        for (at, length) in [(17, 92), (39, 72)] {
            assert_eq!(frame[at], length);
            let mut changed = frame.clone();
            changed[at] += 1;
            sum_up_ip(&mut changed);
            assert_eq!(verdict(verifier, &changed), Err(Reject::Corrupt), "{at}");
        }
    });
}

#[test]
fn options_of_ip_change_nothing_if_they_are_whole() {
    with_probe(64, |verifier, frame| {
        let with_options = |words: u8| {
            let mut frame = frame.clone();
            frame[14] += words;
            frame[17] += 4 * words;
            for _ in 0..4 * words {
                frame.insert(34, 1);
            }
            sum_up_options(&mut frame);
            frame
        };
        for words in [1, 10] {
            let frame = with_options(words);
            assert_eq!(verdict(verifier, &frame), Ok(probe(64)), "{words} words");
            let mut changed = frame.clone();
            changed[35] = 0;
            assert_eq!(verdict(verifier, &changed), Err(Reject::Corrupt));
        }
        let mut short = frame.clone();
        short[14] = 0x44;
        sum_up_options(&mut short);
        assert_eq!(verdict(verifier, &short), Err(Reject::Foreign));
    });
}

/// Makes the checksum of an IP header with its options right again after a change.
fn sum_up_options(frame: &mut [u8]) {
    frame[24..26].fill(0);
    let end = 14 + 4 * usize::from(frame[14] & 0xf);
    let checksum = Sum::of(&frame[14..end]).checksum();
    frame[24..26].copy_from_slice(&checksum);
}

proptest! {
    #[test]
    fn the_fast_path_judges_as_the_steps_do(
        headers in prop::sample::select(every_layout()),
        is_through: bool,
        expected_through in prop::bool::weighted(0.1),
        payload_len in prop::sample::select(&LENGTHS[..7]),
        is_second_route: bool,
        changes in prop::collection::vec((0_usize..90, any::<u8>()), 0..4),
        sums: (bool, bool),
        len in prop::option::of(0_usize..200),
    ) {
        with_probe_of(&headers, is_through, payload_len, |verifier, mut frame| {
            for (at, byte) in &changes {
                let at = at % frame.len();
                frame[at] = *byte;
            }
            if layout(&headers) == Layout::IPV4 {
                if sums.0 {
                    sum_up_ip(&mut frame);
                }
                if sums.1 {
                    sum_up(&mut frame);
                }
            }
            if let Some(len) = len {
                frame.resize(len.max(42), 0);
            }
            let mut expectation = verifier.expectation().clone();
            expectation.is_through ^= expected_through;
            if is_second_route {
                let mut other = expectation.routes[0];
                other.destination.set_port(9);
                expectation.routes.insert(0, other).unwrap();
            }
            let verifier = Verifier::new(expectation);
            assert_eq!(verifier.verify(&frame), verifier.expectation().verify(&frame));
        });
    }
}
