use core::mem;
use core::net::{IpAddr, Ipv4Addr};
use std::vec::Vec;

use etherparse::{ArpEthIpv4Packet, ArpOperation, PacketBuilder};
use zerocopy::FromBytes;

use super::*;
use crate::port::{Capabilities, FrameLen, TxOutcome};
use crate::stats::intervals::IntervalGrid;
use crate::stats::{RxCounters, TxCounters};
use crate::testing::Bench;
use crate::time::Span;
use crate::wire::{Ipv4, Mac};

const PEER: [u8; 6] = [2, 0, 0, 0, 0, 1];
const OWN: [u8; 6] = [2, 0, 0, 0, 0, 2];
const BURST: u16 = 8;

/// A port whose device takes so many of the frames that go back in a burst, and keeps what is sent.
struct Wire {
    arriving: Vec<Vec<u8>>,
    takes: usize,
    sent: Vec<Vec<u8>>,
}

impl Port for Wire {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_frame: FrameLen(1514),
            rx_burst: BURST,
            tx_burst: BURST,
        }
    }

    fn transmit(&mut self, want: u16, mut fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        for _ in 0..want {
            let mut frame = [0; 1514];
            let FrameLen(len) = fill(&mut frame);
            self.sent.push(frame[..usize::from(len)].to_vec());
        }
        TxOutcome {
            accepted: want,
            ..TxOutcome::default()
        }
    }

    fn receive(&mut self, _: impl FnMut(&[u8])) -> u16 {
        0
    }

    fn forward(&mut self, mut each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        let bytes = |frames: &[Vec<u8>]| frames.iter().map(Vec::len).sum::<usize>() as u64;
        let mut burst = mem::take(&mut self.arriving);
        let (received, received_bytes) = (burst.len() as u16, bytes(&burst));
        burst.retain_mut(|frame| each(frame) == Verdict::Send);
        let refused = burst.len().saturating_sub(self.takes);
        burst.truncate(self.takes);
        let outcome = ForwardOutcome {
            received,
            received_bytes,
            sent: burst.len() as u16,
            sent_bytes: bytes(&burst),
            refused: refused as u16,
        };
        self.sent.extend(burst);
        outcome
    }
}

struct End<'a> {
    bench: Bench,
    reflector: Reflector<'a>,
    wire: Wire,
}

impl<'a> End<'a> {
    fn new(budget: Option<&'a Budget>) -> Self {
        Self {
            bench: Bench::new(IntervalGrid {
                start: Instant::START,
                length: Span::from_micros(10),
                grace: Span::ZERO,
            }),
            reflector: Reflector::new(Rules::of(Mac(OWN)), budget),
            wire: Wire {
                arriving: Vec::new(),
                takes: usize::MAX,
                sent: Vec::new(),
            },
        }
    }

    /// Polls at `now`, when a burst of `frames` is there.
    fn take(&mut self, frames: &[&[u8]], now: u64) -> Polled {
        let now = Instant::from_nanos(now);
        assert!(self.bench.recorder.intervals.open(now));
        self.wire.arriving = frames.iter().map(|frame| frame.to_vec()).collect();
        let recorder = &mut self.bench.recorder;
        self.reflector
            .poll(now, Phase::Running, 1, BURST, &mut self.wire, recorder)
    }

    fn counts(&self) -> (RxCounters, TxCounters, IgnoredCounters) {
        let counters = &self.bench.recorder.counters;
        (counters.rx, counters.tx, counters.ignored)
    }
}

/// Returns a datagram of `payload` for the port.
fn datagram(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(PEER, OWN)
        .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .udp(1234, 5678)
        .write(&mut frame, payload)
        .unwrap();
    frame
}

/// Returns it with its checksum left to a NIC.
fn partial(payload: &[u8]) -> Vec<u8> {
    let mut frame = datagram(payload);
    let (ip, _) = Ipv4::ref_from_prefix(&frame[14..]).unwrap();
    let pseudo = ip.pseudo_header(8 + payload.len() as u16).fold();
    frame[40..42].copy_from_slice(&pseudo.to_ne_bytes());
    frame
}

/// Returns a question of the peer's for `target`.
fn question(target: [u8; 4]) -> Vec<u8> {
    let arp = ArpEthIpv4Packet {
        operation: ArpOperation::REQUEST,
        sender_mac: PEER,
        sender_ipv4: [10, 0, 0, 1],
        target_mac: [0; 6],
        target_ipv4: target,
    };
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(PEER, [0xff; 6])
        .arp(arp.into())
        .write(&mut frame)
        .unwrap();
    frame
}

#[test]
fn what_comes_is_counted_whole_and_in_its_interval() {
    let mut end = End::new(None);
    let (short, long) = (datagram(&[7; 10]), datagram(&[7; 50]));
    let to_another = {
        let mut frame = short.clone();
        frame[5] = 9;
        frame
    };
    assert_eq!(
        end.take(&[&short, &long, &to_another], 5_000),
        Polled::Moved(3)
    );
    assert_eq!(end.take(&[], 9_000), Polled::Moved(0));
    end.wire.takes = 1;
    let partial = partial(&[1; 20]);
    assert_eq!(
        end.take(&[&partial, &short, &partial, &to_another], 15_000),
        Polled::Moved(4)
    );
    let (rx, tx, ignored) = end.counts();
    let expected = RxCounters {
        packets: 7,
        bytes: (52 + 92 + 52) + (62 + 52 + 62 + 52),
        checksum_partial: 2,
        other_mac: 0x0200_0000_0009,
        ..RxCounters::default()
    };
    assert_eq!(rx, expected);
    assert_eq!((tx.packets, tx.bytes, tx.refused), (2 + 1, 52 + 92 + 62, 2));
    assert_eq!((ignored.other_mac, ignored.sum()), (2, 2));
    let intervals = end.bench.intervals::<2>();
    let counts = intervals.map(|interval| (interval.rx_packets, interval.tx_packets));
    assert_eq!(counts, [(3, 2), (4, 1)]);
}

#[test]
fn a_count_ends_within_a_burst_whatever_its_frames_are_like() {
    // Each frame is of another layout than the one before, or like it.
    let (one, tagged) = (datagram(&[]), {
        let mut frame = datagram(&[]);
        frame.splice(12..12, [0x81, 0, 0, 5]);
        frame
    });
    let own = {
        let mut frame = one.clone();
        frame[6..12].copy_from_slice(&OWN);
        frame
    };
    for burst in [
        [&one, &tagged, &one, &tagged, &one, &own],
        [&one, &one, &tagged, &one, &one, &own],
        [&one; 6],
    ] {
        let budget = Budget::new(3);
        assert_eq!(budget.left(), 3);
        let mut end = End::new(Some(&budget));
        let burst = burst.map(Vec::as_slice);
        assert_eq!(end.take(&burst, 1_000), Polled::Moved(6));
        assert_eq!((end.wire.sent.len(), budget.left()), (3, 0));
        let (_, tx, ignored) = end.counts();
        let own = u64::from(burst[5] != one);
        assert_eq!((tx.packets, ignored.past_count), (3, 3 - own));
        assert_eq!(ignored.own_mac, own);
        assert_eq!(
            end.take(&burst, 2_000),
            Polled::Moved(0),
            "nothing more is taken"
        );
    }
}

#[test]
fn neighbours_are_answered_and_each_address_is_announced_twice() {
    let own = [IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2))];
    let mut end = End::new(None);
    end.reflector = end
        .reflector
        .answering(Responder::on_any_vlan(Mac(OWN), &own));
    let (asked, other) = (question([10, 0, 0, 2]), question([10, 0, 0, 3]));
    let malformed = {
        let mut frame = asked.clone();
        frame[14] = 9;
        frame
    };
    let datagram = datagram(&[]);
    end.take(&[&asked, &datagram, &asked], 0);
    end.take(&[&other, &malformed, &asked], 1_000);
    let (rx, tx, ignored) = end.counts();
    assert_eq!((rx.packets, rx.bytes, rx.answered), (3, 42 * 3, 3));
    assert_eq!((tx.packets, tx.bytes), (1, 42));
    assert_eq!(
        (ignored.not_ip, ignored.malformed, ignored.sum()),
        (1, 1, 2)
    );
    let is_answer = |frame: &&Vec<u8>| frame[..14] == [&PEER[..], &OWN, &[8, 6]].concat();
    assert_eq!(end.wire.sent.iter().filter(is_answer).count(), 3);
    let announced = |end: &End<'_>| {
        let frames = end.wire.sent.iter();
        frames.filter(|frame| frame[..6] == [0xff; 6]).count()
    };
    assert_eq!(announced(&end), 1);
    for (at, so_far) in [(1_999_999_999, 1), (2_000_000_000, 2), (9_000_000_000, 2)] {
        let recorder = &mut end.bench.recorder;
        let now = Instant::from_nanos(at);
        end.reflector
            .poll(now, Phase::Running, 1, BURST, &mut end.wire, recorder);
        assert_eq!(announced(&end), so_far, "after {at} ns");
    }
}

#[test]
fn from_the_drain_on_nothing_is_sent_back() {
    let mut end = End::new(None);
    for phase in [Phase::Draining, Phase::Stopping] {
        end.wire.arriving = [datagram(&[])].into();
        let recorder = &mut end.bench.recorder;
        let polled = end
            .reflector
            .poll(Instant::START, phase, 1, BURST, &mut end.wire, recorder);
        assert_eq!(polled, Polled::Ended);
    }
    assert!(end.wire.sent.is_empty());
}
