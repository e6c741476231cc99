use std::vec;

use proptest::prelude::*;
use zerocopy::IntoBytes;

use super::*;
use crate::probe::Index;
use crate::probe::layout::Layout;
use crate::reflect::FrameReflector;
use crate::testing::{ADDRESSES, with_filling};
use crate::time::Instant;
use crate::tx::template::{Patch, Template, filling_len};

const SEED: u64 = 11;
const TAG: Tag = Tag::new(0x1234_5678_9abc);
const PATCH: Patch = Patch {
    index: Index::new(3, 77),
    source_port: 20_005,
    time: Instant::from_nanos(5000),
    lag: Span::from_nanos(7),
};

/// Runs `test` with what is expected of probes with `payload_len` bytes, and one that came back.
fn with_probe(payload_len: u16, test: impl Fn(&Verifier<'_>, vec::Vec<u8>)) {
    with_filling(SEED, filling_len(payload_len), |filling| {
        let expectation = Expectation {
            sources: Vec::from_slice(&[ADDRESSES.source]).unwrap(),
            destination: ADDRESSES.destination,
            first_source_port: 20_000,
            last_source_port: 20_010,
            payload_len,
            tag: TAG,
            filling,
        };
        let template = Template::new(&ADDRESSES, TAG, payload_len, filling).unwrap();
        let mut frame = vec![0; Layout::IPV4.payload() + usize::from(payload_len)];
        template.write(&mut frame, &PATCH);
        FrameReflector::new(ADDRESSES.destination_mac)
            .reflect(&mut frame)
            .unwrap();
        test(&Verifier::new(expectation), frame);
    });
}

fn verdict(verifier: &Verifier<'_>, frame: &[u8]) -> Result<Probe, Reject> {
    verifier.verify(frame).result
}

/// Makes the UDP checksum right again after a change.
fn sum_up(frame: &mut [u8]) {
    let (_, packet) = Ethernet::mut_from_prefix(frame).unwrap();
    let (ip, rest) = Ipv4::mut_from_prefix(packet).unwrap();
    let (udp, payload) = Udp::mut_from_prefix(rest).unwrap();
    udp.checksum = [0; 2];
    let sum = ip
        .pseudo_header(udp.length.get())
        .plus(Sum::of(udp.as_bytes()));
    udp.checksum = sum.plus(Sum::of(payload)).udp_checksum();
}

const LENGTHS: [u16; 8] = [16, 17, 18, 23, 24, 25, 1000, 8972];

#[test]
fn a_probe_that_comes_back_is_known_again() {
    for payload_len in LENGTHS {
        with_probe(payload_len, |verifier, mut frame| {
            let probe = Probe {
                head: Head::new(PATCH.index, TAG, PATCH.time),
                lag: (payload_len >= 24).then_some(PATCH.lag),
                port_offset: 5,
            };
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
        let (_, packet) = Ethernet::mut_from_prefix(&mut frame).unwrap();
        let (ip, rest) = Ipv4::mut_from_prefix(packet).unwrap();
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
                *ADDRESSES.destination.ip(),
                ADDRESSES.source,
                (Udp::LEN + payload_len) as u16,
            );
            ip.write_to(&mut frame[14..34]).unwrap();
            frame[38..40].copy_from_slice(&((Udp::LEN + payload_len) as u16).to_be_bytes());
            sum_up(&mut frame);
            assert_eq!(verdict(verifier, &frame), Err(reject));
        });
    }
}

#[test]
fn one_of_several_addresses_is_ours_too() {
    with_probe(64, |verifier, frame| {
        let mut expectation = verifier.expectation().clone();
        expectation.sources =
            Vec::from_slice(&[Ipv4Addr::new(9, 9, 9, 9), ADDRESSES.source]).unwrap();
        assert!(verdict(&Verifier::new(expectation.clone()), &frame).is_ok());
        expectation.sources.truncate(1);
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

proptest! {
    #[test]
    fn the_usual_shape_is_judged_as_any_other(
        payload_len in prop::sample::select(&LENGTHS[..7]),
        changes in prop::collection::vec((0_usize..90, any::<u8>()), 0..4),
        sums: (bool, bool),
        len in prop::option::of(0_usize..200),
    ) {
        with_probe(payload_len, |verifier, mut frame| {
            for (at, byte) in &changes {
                let at = at % frame.len();
                frame[at] = *byte;
            }
            if sums.0 {
                sum_up_ip(&mut frame);
            }
            if sums.1 {
                sum_up(&mut frame);
            }
            if let Some(len) = len {
                frame.resize(len.max(42), 0);
            }
            assert_eq!(verifier.verify(&frame), verifier.expectation().verify(&frame));
        });
    }
}
