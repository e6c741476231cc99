use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use zerocopy::FromBytes;

use super::*;
use crate::port::{Capabilities, ForwardOutcome, FrameLen, TxOutcome, Verdict};
use crate::probe::Index;
use crate::probe::sizes::{Share, Sizes};
use crate::reflect::{FrameReflector, Rules};
use crate::rx::arrivals::ARRIVALS;
use crate::stats::Counters;
use crate::stats::histogram::{Histogram, bucket};
use crate::stats::intervals::Interval;
use crate::stats::intervals::IntervalGrid;
use crate::testing::{ADDRESSES, Bench, FIRST_PORT, SOURCE_PORTS, WINDOW};
use crate::time::Span;
use crate::tx::template::Patch;
use crate::wire::{Ipv4, Mac, Tags};

mod naive;

/// Counting begins at 1 µs; an interval is 10 µs, the grace 2 µs.
const DIVISION: IntervalGrid = IntervalGrid {
    start: Instant::from_nanos(1_000),
    length: Span::from_micros(10),
    grace: Span::from_micros(2),
};

/// The time from when a probe was due to when it was sent.
const LAG: Span = Span::from_nanos(30);

struct End {
    bench: Bench,
    receiver: Receiver<'static>,
}

impl End {
    fn new() -> Self {
        Self::of(Bench::new(DIVISION))
    }

    fn of(bench: Bench) -> Self {
        let receiver = Receiver::new(0, bench.expectation(), bench.sequences, true);
        bench.sequences.set_sent(0, 1_000);
        Self { bench, receiver }
    }

    /// Returns the probe as it comes back.
    fn frame(&self, sequence: u64, time: u64) -> Vec<u8> {
        let mut frame = vec![0; 2000];
        let patch = Patch {
            index: Index::new(0, sequence),
            source_port: FIRST_PORT + (sequence % u64::from(SOURCE_PORTS)) as u16,
            time: Instant::from_nanos(time),
            lag: LAG,
        };
        let FrameLen(len) = self.bench.template().write(&mut frame, &patch);
        frame.truncate(len.into());
        FrameReflector::new(Rules::of(Mac([2, 0, 0, 0, 0, 2])))
            .reflect(&mut frame)
            .unwrap();
        frame
    }

    /// Receives a burst of these frames at `now`.
    fn take(&mut self, frames: &[Vec<u8>], now: u64) {
        let now = Instant::from_nanos(now);
        assert!(self.bench.recorder.intervals.open(now));
        let recorder = &mut self.bench.recorder;
        for frame in frames {
            self.receiver.receive(frame, now, recorder);
        }
        self.receiver.flush(now, recorder);
    }

    fn probes(&mut self, probes: &[(u64, u64)], now: u64) {
        let frames: Vec<_> = probes
            .iter()
            .map(|(sequence, time)| self.frame(*sequence, *time))
            .collect();
        self.take(&frames, now);
    }
}

#[test]
fn probes_of_a_mix_are_counted_by_their_own_lengths() {
    let share = |(payload_len, weight)| Share {
        payload_len,
        weight,
    };
    for smallest in [16, 24] {
        let sizes = Sizes::mix(&[(smallest, 2), (524, 1)].map(share)).unwrap();
        let mut end = End::of(Bench::with_sizes(DIVISION, sizes));
        end.probes(&[(0, 2_000), (1, 2_000), (2, 2_000), (1, 2_000)], 3_000);
        let mut changed = end.frame(4, 2_000);
        *changed.last_mut().unwrap() ^= 1;
        end.take(&[changed], 3_000);
        let Counters {
            rx,
            probes,
            latency,
            latency_due,
            ..
        } = end.bench.recorder.counters;
        let (unique, duplicates, corrupt) = (probes.unique, probes.duplicates, probes.corrupt);
        assert_eq!((unique, duplicates, corrupt), (3, 1, 1));
        assert_eq!(rx.bytes, 5 * 42 + 2 * u64::from(smallest) + 3 * 524);
        assert_eq!(latency.summary(), Some((1_000, 1_000.0, 1_000)));
        let due = (smallest == 24).then_some((1_030, 1_030.0, 1_030));
        assert_eq!(latency_due.summary(), due, "of all of them or of none");
    }
}

#[test]
fn unique_probes_are_timed_from_their_sending_and_from_when_they_were_due() {
    let mut end = End::new();
    end.probes(&[(0, 2_000), (1, 3_000)], 4_500);
    let counters = end.bench.recorder.counters;
    assert_eq!((counters.rx.packets, counters.probes.unique), (2, 2));
    assert_eq!(counters.rx.bytes, 2 * 66);
    assert_eq!(counters.latency.summary(), Some((1_500, 2_000.0, 2_500)));
    assert_eq!(
        counters.latency_due.summary(),
        Some((1_530, 2_030.0, 2_530))
    );
    let buckets = |histogram: &Histogram| {
        let counts = histogram.counts().enumerate();
        counts.filter(|(_, count)| *count > 0).collect::<Vec<_>>()
    };
    let of = |times: [u64; 2]| times.map(|time| (bucket(Span::from_nanos(time)), 1));
    assert_eq!(
        buckets(&end.bench.recorder.stats.latency),
        of([1_500, 2_500])
    );
    assert_eq!(
        buckets(&end.bench.recorder.stats.latency_due),
        of([1_530, 2_530])
    );
    let expected = Interval {
        on_time: 2,
        latency_sum_ns: 4_000,
        latency_min_ns: 1_500,
        latency_max_ns: 2_500,
        rx_packets: 2,
        ..Interval::default()
    };
    assert_eq!(end.bench.intervals(), [expected, Interval::default()]);
}

#[test]
fn without_a_rate_nothing_is_due() {
    let mut end = End::new();
    end.receiver = Receiver::new(0, end.bench.expectation(), end.bench.sequences, false);
    end.probes(&[(0, 2_000)], 4_500);
    assert_eq!(end.bench.recorder.counters.latency.count, 1);
    assert_eq!(end.bench.recorder.counters.latency_due.count, 0);
}

#[test]
fn each_kind_is_counted_once_in_the_interval_of_its_receipt() {
    let mut end = End::new();
    let [mut corrupt, mut foreign] = [end.frame(5, 5_000), end.frame(6, 5_000)];
    corrupt[60] ^= 1;
    foreign[37] ^= 0x40;
    let frames = [
        end.frame(7, 5_000),
        end.frame(4, 5_000),
        end.frame(4, 5_000),
        corrupt,
        foreign,
        // Of which there is none.
        end.frame(1_000, 5_000),
    ];
    end.take(&frames, 12_000);
    let (rx, probes) = (
        end.bench.recorder.counters.rx,
        end.bench.recorder.counters.probes,
    );
    assert_eq!((rx.packets, probes.unique, probes.duplicates), (6, 2, 1));
    assert_eq!((probes.corrupt, probes.foreign, probes.too_old), (2, 1, 0));
    assert_eq!(
        (probes.reordered, probes.late, rx.checksum_partial),
        (1, 0, 0)
    );
    let [sent_in, received_in] = end.bench.intervals();
    assert_eq!((sent_in.on_time, sent_in.rx_packets), (2, 0));
    let expected = Interval {
        rx_packets: 6,
        duplicates: 1,
        reordered: 1,
        corrupt: 2,
        foreign: 1,
        ..Interval::default()
    };
    assert_eq!(received_in, expected);
}

#[test]
fn what_is_more_than_the_window_behind_is_too_old() {
    let mut end = End::new();
    end.probes(&[(500, 5_000)], 6_000);
    end.probes(&[(500 - WINDOW, 5_000), (499 - WINDOW, 5_000)], 6_000);
    let (rx, probes) = (
        end.bench.recorder.counters.rx,
        end.bench.recorder.counters.probes,
    );
    assert_eq!((rx.packets, probes.unique, probes.too_old), (3, 2, 1));
    let [interval] = end.bench.intervals();
    assert_eq!((interval.rx_packets, interval.on_time), (3, 2));
}

#[test]
fn what_is_too_old_is_so_in_whichever_interval_it_was_sent() {
    let mut end = End::new();
    end.probes(&[(500, 12_000)], 12_500);
    end.probes(&[(0, 12_000), (1, 5_000), (2, 5_000)], 12_500);
    let counters = end.bench.recorder.counters;
    assert_eq!((counters.probes.unique, counters.probes.too_old), (1, 3));
    assert_eq!((counters.rx.packets, counters.latency.count), (4, 1));
}

#[test]
fn late_is_what_comes_after_the_grace() {
    let mut end = End::new();
    // Sent in the interval that ends at 11 µs, which is closed after 13 µs.
    end.probes(&[(0, 10_999)], 13_000);
    assert_eq!(end.bench.recorder.counters.probes.late, 0);
    end.probes(&[(1, 10_999), (2, 11_000)], 13_001);
    let probes = end.bench.recorder.counters.probes;
    assert_eq!((probes.unique, probes.late), (3, 1));
    let [first, second] = end.bench.intervals();
    assert_eq!((first.on_time, second.on_time, second.late), (1, 1, 1));
    assert_eq!(second.rx_packets, 3);
}

#[test]
fn a_burst_may_come_from_several_intervals() {
    let mut end = End::new();
    end.probes(&[(0, 2_000), (3, 12_000), (6, 2_000), (9, 12_000)], 12_500);
    let [first, second] = end.bench.intervals();
    assert_eq!((first.on_time, first.latency_sum_ns), (2, 21_000));
    assert_eq!((second.on_time, second.latency_sum_ns), (2, 1_000));
}

#[test]
fn what_is_sent_at_the_end_of_an_interval_is_of_the_next() {
    let mut end = End::new();
    end.probes(&[(0, 10_000)], 10_500);
    end.probes(&[(1, 10_999), (2, 11_000)], 11_000);
    end.probes(&[(3, 10_999), (4, 11_000)], 11_001);
    let [first, second] = end.bench.intervals();
    assert_eq!((first.on_time, second.on_time), (3, 2));
    assert_eq!((first.rx_packets, second.rx_packets), (1, 4));
}

#[test]
fn clocks_may_differ_by_ten_microseconds() {
    let mut end = End::new();
    end.probes(&[(0, 15_000)], 5_000);
    assert_eq!(end.bench.recorder.counters.probes.unique, 1);
    end.probes(&[(1, 15_001)], 5_000);
    let probes = end.bench.recorder.counters.probes;
    assert_eq!((probes.unique, probes.corrupt), (1, 1));
    assert_eq!(
        end.bench.recorder.counters.latency.summary(),
        Some((0, 0.0, 0))
    );
    let [first, second] = end.bench.intervals();
    assert_eq!((first.rx_packets, second.on_time), (2, 1));
}

#[test]
fn a_clock_that_is_ahead_moves_no_others_probe_to_its_interval() {
    let mut end = End::new();
    end.probes(&[(0, 11_500)], 10_900);
    end.probes(&[(1, 10_900)], 10_900);
    let [first, second] = end.bench.intervals();
    assert_eq!((first.on_time, second.on_time), (1, 1));
}

#[test]
fn the_warm_up_counts_for_nothing() {
    let mut end = End::new();
    end.probes(&[(0, 100)], 999);
    end.probes(&[(1, 999), (1_000, 500), (2, 1_000)], 1_000);
    let (rx, probes) = (
        end.bench.recorder.counters.rx,
        end.bench.recorder.counters.probes,
    );
    // What was never sent was not sent then either.
    assert_eq!((rx.packets, probes.unique, probes.corrupt), (2, 1, 1));
    assert_eq!(end.bench.recorder.counters.latency.count, 1);
    end.probes(&[(2, 1_000)], 1_500);
    assert_eq!(end.bench.recorder.counters.probes.duplicates, 1);
}

#[test]
fn a_checksum_left_to_a_nic_is_accepted_and_counted() {
    let mut end = End::new();
    let mut frame = end.frame(0, 2_000);
    let ip = Ipv4::read_from_bytes(&frame[14..34]).unwrap();
    let sum = ip.pseudo_header(32).fold();
    frame[40..42].copy_from_slice(&sum.to_ne_bytes());
    end.take(&[frame], 3_000);
    let (rx, probes) = (
        end.bench.recorder.counters.rx,
        end.bench.recorder.counters.probes,
    );
    assert_eq!((probes.unique, rx.checksum_partial), (1, 1));
}

#[test]
fn a_checksum_left_to_a_nic_is_told_wherever_in_a_burst() {
    for at in [0, ARRIVALS - 1, ARRIVALS, ARRIVALS + 1] {
        let mut end = End::new();
        let frames = (0..ARRIVALS as u64 + 2).map(|sequence| end.frame(sequence, 2_000));
        let mut frames: Vec<_> = frames.collect();
        let pseudo = Ipv4::ref_from_prefix(&frames[at][14..]).unwrap().0;
        let sum = pseudo.pseudo_header(8 + 24).fold();
        frames[at][40..42].copy_from_slice(&sum.to_ne_bytes());
        end.take(&frames, 4_500);
        assert_eq!(
            end.bench.recorder.counters.probes.unique,
            frames.len() as u64
        );
        assert_eq!(end.bench.recorder.counters.rx.checksum_partial, 1, "{at}");
    }
}

/// A port whose frames arrived so many nanoseconds before they are taken.
struct Waiting(Vec<(Vec<u8>, u64)>);

impl Port for Waiting {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_frame: FrameLen(1514),
            rx_burst: 32,
            tx_burst: 0,
        }
    }

    fn transmit(&mut self, want: u16, _: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        TxOutcome {
            no_buffer: want,
            ..TxOutcome::default()
        }
    }

    fn receive(&mut self, mut each: impl FnMut(&[u8])) -> u16 {
        self.receive_timed(|frame, _| each(frame))
    }

    fn receive_timed(&mut self, mut each: impl FnMut(&[u8], Span)) -> u16 {
        let frames = self.0.iter();
        frames
            .map(|(frame, waited)| each(frame, Span::from_nanos(*waited)))
            .count() as u16
    }

    fn forward(&mut self, _: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        ForwardOutcome::default()
    }
}

/// A clock that stands.
struct Standing(Instant);

impl Clock for Standing {
    fn now(&mut self) -> Instant {
        self.0
    }
}

#[test]
fn what_a_probe_waited_after_it_had_arrived_is_no_latency_and_moves_it_to_no_other_interval() {
    let mut end = End::new();
    let frames = [(0, 500), (1, 0), (2, 5_000), (3, 700)];
    let frames = frames.map(|(sequence, waited)| (end.frame(sequence, 2_000), waited));
    let now = Instant::from_nanos(6_000);
    // A burst of which a probe waited is counted step by step.
    for burst in [&frames[..1], &frames[1..3], &frames[3..]] {
        assert!(end.bench.recorder.intervals.open(now));
        let (mut port, mut clock) = (Waiting(burst.to_vec()), Standing(now));
        let recorder = &mut end.bench.recorder;
        end.receiver
            .poll(Phase::Running, 32, &mut port, &mut clock, recorder);
    }
    let [cell] = end.bench.intervals::<1>();
    assert_eq!(
        (cell.on_time, cell.latency_sum_ns),
        (4, 3_500 + 4_000 + 3_300)
    );
    assert_eq!((cell.latency_min_ns, cell.latency_max_ns), (0, 4_000));
    let due = end.bench.recorder.counters.latency_due;
    assert_eq!(due, {
        let mut expected = crate::stats::Moments::default();
        expected.add(4, 3_530 + 4_030 + 30 + 3_330, 30, 4_030);
        expected
    });
}

/// Returns an ARP packet of `sender` to all: a request for `target`, or an announcement of its own.
fn arp(sender: (Mac, [u8; 4]), target: [u8; 4]) -> Vec<u8> {
    let arp = etherparse::ArpEthIpv4Packet {
        operation: etherparse::ArpOperation::REQUEST,
        sender_mac: sender.0.0,
        sender_ipv4: sender.1,
        target_mac: [0; 6],
        target_ipv4: target,
    };
    let mut frame = Vec::new();
    etherparse::PacketBuilder::ethernet2(sender.0.0, [0xff; 6])
        .arp(arp.into())
        .write(&mut frame)
        .unwrap();
    frame
}

#[test]
fn what_neighbours_ask_and_tell_is_answered_or_followed_and_is_no_packet() {
    let own = [10, 0, 0, 1];
    let [there, other] = [2, 9].map(|last| Mac([2, 0, 0, 0, 1, last]));
    let (there_ip, other_ip) = ([10, 0, 0, 2], [10, 0, 0, 9]);
    let addresses = [own.into()];
    let answers = Box::<AnswerBox>::default();
    let next_hop = NextHop::new(there_ip.into(), Mac([2; 6]));
    let mut end = End::new();
    let mac = ADDRESSES.source_mac;
    let responder = Responder::new(mac, Tags::NONE, &addresses);
    let mut receiver = Receiver::new(0, end.bench.expectation(), end.bench.sequences, true)
        .answering(responder, &answers, Some(&next_hop));
    let mut take = |frame: &[u8]| {
        let now = Instant::from_nanos(5_000);
        assert!(end.bench.recorder.intervals.open(now));
        let recorder = &mut end.bench.recorder;
        receiver.receive(frame, now, recorder);
        receiver.flush(now, recorder);
        let counters = &recorder.counters;
        (counters.rx.answered, counters.rx.packets)
    };
    let mut room = [0; 100];
    // A question, whose answer waits; while it does, others are packets like any.
    assert_eq!(take(&arp((other, other_ip), own)), (1, 0));
    assert_eq!(take(&arp((other, other_ip), own)), (1, 1));
    let answer = answers.take(&mut room).unwrap();
    assert_eq!(answer[..14], [&other.0[..], &mac.0, &[8, 6]].concat());
    assert_eq!(answer[28..32], own);
    assert_eq!(take(&arp((other, other_ip), own)), (2, 1));
    // The next hop's question is heard even so, and tells where it is.
    assert_eq!(take(&arp((there, there_ip), own)), (3, 1));
    assert_eq!(next_hop.mac(), there);
    // So does what it tells of itself; what others do is nothing of ours.
    let moved = Mac([2, 0, 0, 0, 1, 5]);
    assert_eq!(take(&arp((moved, there_ip), there_ip)), (4, 1));
    assert_eq!(next_hop.mac(), moved);
    assert_eq!(take(&arp((other, other_ip), other_ip)), (4, 2));
    assert_eq!(end.bench.recorder.counters.probes.foreign, 2);
}
