use std::vec::Vec;

use proptest::prelude::*;

use super::*;

const DIVISION: IntervalGrid = IntervalGrid {
    start: Instant::from_nanos(1_000_000),
    length: Span::from_millis(1),
    grace: Span::from_millis(2),
};

fn cells(count: usize) -> Vec<Cell> {
    (0..count).map(|_| Cell::default()).collect()
}

fn sent(packets: u64) -> Interval {
    Interval {
        tx_packets: packets,
        ..Interval::default()
    }
}

#[test]
fn an_interval_closes_the_grace_after_its_end() {
    let cells = cells(8);
    let ring = Ring::new(DIVISION, &cells);
    let (mut writer, mut reader) = (Writer::new(&ring), Reader::new(&ring));
    assert!(writer.open(Instant::from_nanos(1_500_000)));
    writer.count(0, &sent(3));
    writer.advance_watermark(Instant::from_nanos(4_000_000));
    assert_eq!(
        reader.read(),
        None,
        "a receipt at the very end of the grace is in time"
    );
    writer.advance_watermark(Instant::from_nanos(4_000_001));
    assert_eq!(reader.read(), Some(sent(3)));
    assert_eq!(reader.read(), None);
}

#[test]
fn cells_are_used_again_and_come_back_empty() {
    let cells = cells(8);
    let ring = Ring::new(DIVISION, &cells);
    let (mut writer, mut reader) = (Writer::new(&ring), Reader::new(&ring));
    for index in 0..100 {
        let now = Instant::from_nanos(DIVISION.end_of(index).as_nanos() - 500_000);
        assert!(writer.open(now));
        writer.count(index, &sent(index + 1));
        writer.count(index, &sent(1));
        writer.advance_watermark(now);
        while let Some(interval) = reader.read() {
            assert_eq!(interval, sent(reader.position() + 1));
        }
    }
    assert!(reader.position() > 90);
    writer.end();
    for index in reader.position()..100 {
        assert_eq!(reader.read(), Some(sent(index + 2)));
    }
    for _ in 0..9 {
        assert_eq!(reader.read(), Some(sent(0)), "beyond what was opened");
    }
}

#[test]
fn a_reader_that_sleeps_makes_the_writer_wait() {
    let cells = cells(8);
    let ring = Ring::new(DIVISION, &cells);
    let (mut writer, mut reader) = (Writer::new(&ring), Reader::new(&ring));
    let late = Instant::from_nanos(9_500_000);
    assert!(writer.open(Instant::from_nanos(8_500_000)));
    writer.advance_watermark(Instant::from_nanos(8_500_000));
    assert!(!writer.open(late));
    assert!(reader.read().is_some());
    assert!(writer.open(late));
}

#[test]
fn a_stall_longer_than_the_ring_is_got_over() {
    let cells = cells(8);
    let ring = Ring::new(DIVISION, &cells);
    let (mut writer, mut reader) = (Writer::new(&ring), Reader::new(&ring));
    assert!(writer.open(Instant::from_nanos(1_500_000)));
    writer.count(0, &sent(7));
    writer.advance_watermark(Instant::from_nanos(1_500_000));
    let awake = Instant::from_nanos(100_500_000);
    assert!(!writer.open(awake));
    assert_eq!(reader.read(), Some(sent(7)));
    while let Some(interval) = reader.read() {
        assert_eq!(interval, sent(0));
    }
    assert!(writer.open(awake));
    writer.count(99, &sent(9));
    writer.end();
    let rest: Vec<_> = (reader.position()..=99)
        .map(|_| reader.read().unwrap())
        .collect();
    assert_eq!(
        rest.iter().map(|interval| interval.tx_packets).sum::<u64>(),
        9
    );
    assert_eq!(rest.last(), Some(&sent(9)));
}

#[test]
fn after_the_end_all_that_was_counted_is_read() {
    let cells = cells(8);
    let ring = Ring::new(DIVISION, &cells);
    let (mut writer, mut reader) = (Writer::new(&ring), Reader::new(&ring));
    assert!(writer.open(Instant::from_nanos(2_500_000)));
    writer.count(1, &sent(7));
    assert!(!ring.has_ended());
    writer.end();
    assert!(ring.has_ended());
    assert_eq!(reader.read(), Some(sent(0)));
    assert_eq!(reader.read(), Some(sent(7)));
    assert_eq!(reader.read(), Some(sent(0)), "beyond what was opened");
}

#[test]
fn a_stamp_just_ahead_of_the_clock_has_a_cell() {
    let cells = cells(8);
    let ring = Ring::new(DIVISION, &cells);
    let mut writer = Writer::new(&ring);
    assert!(writer.open(Instant::from_nanos(1_990_000)));
    writer.count(DIVISION.index_of(Instant::from_nanos(2_000_000)), &sent(1));
    assert_eq!(ring.opened.load(Relaxed), 2);
}

#[test]
fn the_ring_is_long_enough() {
    let grid = IntervalGrid {
        start: Instant::START,
        ..DIVISION
    };
    assert_eq!(grid.ring_len(Span::from_secs(1)), 1024);
    assert_eq!(
        IntervalGrid {
            length: Span::from_secs(1),
            ..grid
        }
        .ring_len(Span::ZERO),
        4
    );
}

#[test]
fn merging_adds_every_count() {
    let counts = |times: u64| Interval {
        tx_packets: times,
        on_time: 2 * times,
        latency_sum_ns: 3 * times,
        latency_min_ns: 100 - times,
        latency_max_ns: 100 + times,
        rx_packets: 5 * times,
        duplicates: 7 * times,
        reordered: 11 * times,
        corrupt: 13 * times,
        foreign: 17 * times,
        late: 19 * times,
    };
    for (one, other) in [(3, 4), (4, 3)] {
        let mut total = counts(one);
        total.merge(&counts(other));
        let expected = Interval {
            latency_min_ns: 96,
            latency_max_ns: 104,
            ..counts(7)
        };
        assert_eq!(total, expected);
    }
}

#[test]
fn merging_keeps_the_extremes_of_those_that_have_any() {
    let one = Interval {
        on_time: 2,
        latency_sum_ns: 30,
        latency_min_ns: 10,
        latency_max_ns: 20,
        ..sent(2)
    };
    let mut total = sent(5);
    total.merge(&one);
    total.merge(&sent(1));
    assert_eq!(
        total,
        Interval {
            tx_packets: 8,
            ..one
        }
    );
}

proptest! {
    #[test]
    fn no_writer_waits_for_a_reader_that_comes_by_in_time(
        length in 1_000_u64..50_000,
        grace in 0_u64..50_000,
        pause in 0_u64..200_000,
        steps in prop::collection::vec(prop_oneof![Just(1.0), 0.0..1.0], 50),
    ) {
        let grid = IntervalGrid {
            start: Instant::from_nanos(1_000_000),
            length: Span::from_nanos(length),
            grace: Span::from_nanos(grace),
        };
        let cells = cells(grid.ring_len(Span::from_nanos(pause)));
        let ring = Ring::new(grid, &cells);
        let (mut writer, mut reader) = (Writer::new(&ring), Reader::new(&ring));
        let mut now = grid.start;
        for share in steps {
            now = now + Span::from_nanos((share * pause as f64) as u64);
            prop_assert!(writer.open(now), "after {now:?}");
            writer.advance_watermark(now);
            while reader.read().is_some() {}
        }
    }

    #[test]
    fn a_cell_adds_what_an_interval_merges(parts: Vec<[u32; WORDS]>, with_latency: Vec<bool>) {
        let (cell, mut total) = (Cell::default(), Interval::default());
        for (i, words) in parts.iter().enumerate() {
            let mut part: Interval = transmute!(words.map(u64::from));
            if !with_latency.get(i).unwrap_or(&true) {
                (part.on_time, part.latency_sum_ns) = (0, 0);
            }
            cell.add(&part);
            total.merge(&part);
            prop_assert_eq!(cell.load(), total);
        }
    }
}
