//! What a received frame is: decided by looking at the frame alone, in the order in which results
//! exclude each other.

use core::net::{Ipv4Addr, SocketAddrV4};

use heapless::Vec;
use zerocopy::{FromBytes, IntoBytes};

use crate::filling::Filling;
use crate::probe::{Age, Head, Index, LONG_LEN, Tag, Tail};
use crate::time::Nanos;
use crate::wire::checksum::Sum;
use crate::wire::{EtherType, Ethernet, Ipv4, Udp};

/// Ports that one run can use.
pub const MAX_PORTS: usize = 32;

/// What a probe of this run looks like when it comes back.
#[derive(Clone, Debug)]
pub struct Expectation<'a> {
    /// The addresses that the run's ports send from.
    pub sources: Vec<Ipv4Addr, MAX_PORTS>,
    /// Where the probes were sent.
    pub destination: SocketAddrV4,
    /// The lowest of the run's source ports.
    pub first_source_port: u16,
    /// The highest of the run's source ports.
    pub last_source_port: u16,
    /// Bytes of UDP payload of every probe.
    pub payload_len: u16,
    /// The run's tag.
    pub tag: Tag,
    /// The run's filling, made for `payload_len`.
    pub filling: Filling<'a>,
}

/// A probe of this run, as intact as can be told from the frame alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Which one it says it is.
    pub index: Index,
    /// When it was sent, as seen from the time of receipt.
    pub age: Age,
    /// How long after its due time it was sent, if it says so.
    pub lag: Option<Nanos>,
    /// How far the source port that it was sent from is above the first.
    pub port_offset: u16,
}

/// Why a frame is no probe of this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// Counted as foreign.
    Foreign,
    /// Counted as corrupt.
    Corrupt,
}

/// What the checksum of a UDP packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumState {
    /// Right, or left out by the sender (RFC 768).
    Good,
    /// Only the pseudo-header is summed: the sender left the rest to a NIC that was never there.
    Partial,
    /// Wrong.
    Bad,
}

/// Says what the checksum in `udp` is, where `rest` is the sum of the payload.
#[must_use]
#[inline]
pub fn checksum_state(ip: &Ipv4, udp: &Udp, payload: Sum) -> ChecksumState {
    if udp.checksum == [0; 2] {
        return ChecksumState::Good;
    }
    let pseudo = ip.pseudo_header(udp.length.get());
    if pseudo
        .plus(Sum::of(udp.as_bytes()))
        .plus(payload)
        .is_complete()
    {
        ChecksumState::Good
    } else if is_partial(pseudo, udp) {
        ChecksumState::Partial
    } else {
        ChecksumState::Bad
    }
}

/// Whether the checksum field holds the sum of the pseudo-header and nothing else.
#[must_use]
#[inline]
pub fn is_partial(pseudo: Sum, udp: &Udp) -> bool {
    udp.checksum == pseudo.fold().to_ne_bytes()
}

/// What [`Expectation::verify`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// A probe of this run, or why not.
    pub result: Result<Probe, Reject>,
    /// Whether the sender left the checksum to a NIC that was never there.
    pub checksum_partial: bool,
}

impl From<Reject> for Verified {
    fn from(reject: Reject) -> Self {
        Self {
            result: Err(reject),
            checksum_partial: false,
        }
    }
}

impl Expectation<'_> {
    /// Says what `frame`, received at `now`, is.
    #[inline]
    pub fn verify(&self, frame: &[u8], now: Nanos) -> Verified {
        let Some((ip, udp, packet)) = self.addressed_to_us(frame) else {
            return Reject::Foreign.into();
        };
        let Some(payload) = intact_payload(ip, udp, packet) else {
            return Reject::Corrupt.into();
        };
        let expected = self.expected_filling(payload);
        // The sum of what is as expected is known; only what differs has to be added up.
        let (front, filling_sum) = match expected {
            Some((front, sum)) => (front, sum),
            None => (payload, Sum::ZERO),
        };
        let state = checksum_state(ip, udp, Sum::of(front).plus(filling_sum));
        if state == ChecksumState::Bad {
            return Reject::Corrupt.into();
        }
        let result = if !self.carries_our_tag(payload) {
            Err(Reject::Foreign)
        } else if expected.is_none() {
            Err(Reject::Corrupt)
        } else {
            self.probe(udp, payload, now).ok_or(Reject::Corrupt)
        };
        Verified {
            result,
            checksum_partial: state == ChecksumState::Partial,
        }
    }

    /// The headers and the IP packet, if it is IPv4 UDP on this run's addresses and ports.
    #[inline]
    fn addressed_to_us<'f>(&self, frame: &'f [u8]) -> Option<(&'f Ipv4, &'f Udp, &'f [u8])> {
        let (ethernet, packet) = Ethernet::ref_from_prefix(frame).ok()?;
        let (ip, _) = Ipv4::ref_from_prefix(packet).ok()?;
        if ethernet.ether_type != EtherType::IPV4
            || ip.version() != 4
            || ip.header_len() < size_of::<Ipv4>()
            || ip.protocol != Ipv4::UDP
            || ip.source() != *self.destination.ip()
            || !self.sources.contains(&ip.destination())
        {
            return None;
        }
        let (udp, _) = Udp::ref_from_prefix(packet.get(ip.header_len()..)?).ok()?;
        let ours = udp.source.get() == self.destination.port()
            && (self.first_source_port..=self.last_source_port).contains(&udp.destination.get());
        ours.then_some((ip, udp, packet))
    }

    /// Splits the payload in front of its filling and gives the filling's sum, if length and
    /// filling are those of the probe that the payload's index names.
    #[inline]
    fn expected_filling<'f>(&self, payload: &'f [u8]) -> Option<(&'f [u8], Sum)> {
        if payload.len() != usize::from(self.payload_len) {
            return None;
        }
        let (head, _) = Head::ref_from_prefix(payload).ok()?;
        let (expected, sum) = self.filling.of(head.index());
        let (front, filling) = payload.split_at_checked(payload.len() - expected.len())?;
        (filling == expected).then_some((front, sum))
    }

    #[inline]
    fn carries_our_tag(&self, payload: &[u8]) -> bool {
        let Ok((head, after)) = Head::ref_from_prefix(payload) else {
            return false;
        };
        // A payload long enough for the whole tag is judged by the whole tag.
        head.tag_short() == self.tag.short()
            && Tail::ref_from_prefix(after)
                .map_or(true, |(tail, _)| tail.tag_rest() == self.tag.rest())
    }

    #[inline]
    fn probe(&self, udp: &Udp, payload: &[u8], now: Nanos) -> Option<Probe> {
        let (head, after) = Head::ref_from_prefix(payload).ok()?;
        let lag = if payload.len() >= LONG_LEN {
            Some(Tail::ref_from_prefix(after).ok()?.0.lag())
        } else {
            None
        };
        Some(Probe {
            index: head.index(),
            age: head.age(now),
            lag,
            port_offset: udp.destination.get() - self.first_source_port,
        })
    }
}

/// The UDP payload, if the packet is whole and its lengths and IP checksum are right.
#[inline]
fn intact_payload<'f>(ip: &Ipv4, udp: &Udp, packet: &'f [u8]) -> Option<&'f [u8]> {
    let header_len = ip.header_len();
    // Whatever follows the packet is padding to the least length of a frame.
    let packet = packet.get(..usize::from(ip.total_length.get()))?;
    let header = packet.get(..header_len)?;
    let payload = packet.get(header_len + Udp::LEN..)?;
    let intact = !ip.is_fragment()
        && usize::from(udp.length.get()) == payload.len() + Udp::LEN
        && Sum::of(header).is_complete();
    intact.then_some(payload)
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;
    use crate::filling::{FillingMemory, SUMS_LEN, pool_len};
    use crate::reflector::reflect;
    use crate::template::{Addresses, Patch, Template, filling_len};
    use crate::wire::{HEADERS_LEN, Mac};

    const SEED: u64 = 11;
    const TAG: Tag = Tag::new(0x1234_5678_9abc);
    const ADDRESSES: Addresses = Addresses {
        source_mac: Mac([2, 0, 0, 0, 0, 1]),
        destination_mac: Mac([2, 0, 0, 0, 0, 2]),
        source: Ipv4Addr::new(10, 0, 0, 1),
        destination: SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 10_000),
    };
    const PATCH: Patch = Patch {
        index: Index::new(3, 77),
        source_port: 20_005,
        time: Nanos(5000),
        lag: Nanos(7),
    };

    /// Runs `test` with what is expected of probes with `payload_len` bytes, and one that came back.
    fn with_probe(payload_len: u16, test: impl Fn(&Expectation<'_>, vec::Vec<u8>)) {
        let len = filling_len(payload_len);
        let mut pool = vec![0; pool_len(len)];
        let mut sums = [0; SUMS_LEN];
        let memory = FillingMemory {
            pool: &mut pool,
            sums: &mut sums,
        };
        let filling = Filling::new(memory, SEED, len).unwrap();
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
        let mut frame = vec![0; HEADERS_LEN + usize::from(payload_len)];
        template.write(&mut frame, &PATCH);
        reflect(&mut frame).unwrap();
        test(&expectation, frame);
    }

    fn verdict(expectation: &Expectation<'_>, frame: &[u8]) -> Result<Probe, Reject> {
        expectation.verify(frame, Nanos(6000)).result
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
            with_probe(payload_len, |expectation, mut frame| {
                let probe = Probe {
                    index: PATCH.index,
                    age: Age::Past(Nanos(1000)),
                    lag: (payload_len >= 24).then_some(PATCH.lag),
                    port_offset: 5,
                };
                let verified = expectation.verify(&frame, Nanos(6000));
                assert_eq!(
                    verified,
                    Verified {
                        result: Ok(probe),
                        checksum_partial: false
                    }
                );
                frame.extend([0xa5; 9]);
                assert_eq!(
                    verdict(expectation, &frame),
                    Ok(probe),
                    "padding is no harm"
                );
            });
        }
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        for payload_len in LENGTHS {
            with_probe(payload_len, |expectation, frame| {
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
                    assert_eq!(verdict(expectation, &frame), Err(reject), "byte {at}");
                }
            });
        }
    }

    #[test]
    fn another_tag_is_foreign_and_an_own_tag_with_wrong_filling_corrupt() {
        for payload_len in LENGTHS {
            with_probe(payload_len, |expectation, frame| {
                let change = |at: usize| {
                    let mut frame = frame.clone();
                    frame[HEADERS_LEN + at] ^= 1;
                    sum_up(&mut frame);
                    verdict(expectation, &frame)
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
        with_probe(100, |expectation, mut frame| {
            let (_, packet) = Ethernet::mut_from_prefix(&mut frame).unwrap();
            let (ip, rest) = Ipv4::mut_from_prefix(packet).unwrap();
            let (udp, _) = Udp::mut_from_prefix(rest).unwrap();
            udp.checksum = ip.pseudo_header(udp.length.get()).fold().to_ne_bytes();
            let verified = expectation.verify(&frame, Nanos(6000));
            assert!(verified.checksum_partial && verified.result.is_ok());
            frame[80] ^= 1;
            let verified = expectation.verify(&frame, Nanos(6000));
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
        with_probe(100, |expectation, mut frame| {
            frame[40..42].fill(0);
            assert!(verdict(expectation, &frame).is_ok());
        });
    }

    #[test]
    fn a_frame_cut_short_is_never_a_probe() {
        with_probe(64, |expectation, frame| {
            for len in 0..frame.len() {
                let reject = if len < HEADERS_LEN {
                    Reject::Foreign
                } else {
                    Reject::Corrupt
                };
                assert_eq!(
                    verdict(expectation, &frame[..len]),
                    Err(reject),
                    "{len} bytes"
                );
            }
        });
    }

    #[test]
    fn a_shorter_probe_of_our_tag_is_corrupt_and_one_without_room_for_a_tag_foreign() {
        for (payload_len, reject) in [(99, Reject::Corrupt), (15, Reject::Foreign)] {
            with_probe(100, |expectation, mut frame| {
                frame.truncate(HEADERS_LEN + payload_len);
                let ip = Ipv4::udp(
                    *ADDRESSES.destination.ip(),
                    ADDRESSES.source,
                    (Udp::LEN + payload_len) as u16,
                );
                ip.write_to(&mut frame[14..34]).unwrap();
                frame[38..40].copy_from_slice(&((Udp::LEN + payload_len) as u16).to_be_bytes());
                sum_up(&mut frame);
                assert_eq!(verdict(expectation, &frame), Err(reject));
            });
        }
    }

    #[test]
    fn one_of_several_addresses_is_ours_too() {
        with_probe(64, |expectation, frame| {
            let mut expectation = expectation.clone();
            expectation.sources =
                Vec::from_slice(&[Ipv4Addr::new(9, 9, 9, 9), ADDRESSES.source]).unwrap();
            assert!(verdict(&expectation, &frame).is_ok());
            expectation.sources.truncate(1);
            assert_eq!(verdict(&expectation, &frame), Err(Reject::Foreign));
        });
    }
}
