//! Closing interval cells and using them again.

use dpdkgen_core::stats::intervals::{Cell, Interval, IntervalGrid, Reader, Ring, Writer};
use dpdkgen_core::sync::modelled::{AtomicU64, Twin, spin_loop};
use dpdkgen_core::sync::{Edge, Relaxed};
use dpdkgen_core::time::{Instant, Span};
use loom::thread;

use crate::support::{Model, check, hold, share};

pub const MODELS: &[Model] = &[
    Model {
        name: "a cell is used again once it has been copied",
        preemptions: Some(2),
        run: handing_back,
        catches: &[
            Twin::Release(Edge::HandedBack),
            Twin::Acquire(Edge::HandedBack),
        ],
    },
    Model {
        name: "every count of a closed interval is read once, from a cell used for all of them",
        preemptions: Some(2),
        run: one_cell,
        catches: &[
            Twin::Release(Edge::Closed),
            Twin::Acquire(Edge::Closed),
            Twin::Release(Edge::Ended),
        ],
    },
    Model {
        name: "after a stall longer than the ring nothing is read twice",
        preemptions: Some(2),
        run: stall,
        catches: &[Twin::Release(Edge::Cleared), Twin::Acquire(Edge::Cleared)],
    },
];

#[test]
fn intervals() {
    check(MODELS);
}

const DIVISION: IntervalGrid = IntervalGrid {
    start: Instant::START,
    length: Span::from_millis(1),
    grace: Span::ZERO,
};

fn ring(cells: usize) -> &'static Ring<'static> {
    let cells: Vec<Cell> = (0..cells).map(|_| Cell::default()).collect();
    share(Ring::new(DIVISION, share(cells)))
}

fn middle_of(index: u64) -> Instant {
    DIVISION
        .end_of(index)
        .saturating_sub(Span::from_micros(500))
}

fn sent(packets: u64) -> Interval {
    Interval {
        tx_packets: packets,
        ..Interval::default()
    }
}

fn read(reader: &mut Reader<'_>) -> Interval {
    loop {
        if let Some(interval) = reader.read() {
            return interval;
        }
        spin_loop();
    }
}

fn one_cell() {
    let ring = ring(1);
    let writer = thread::spawn(|| {
        let mut writer = Writer::new(ring);
        for index in 0..3 {
            while !writer.open(middle_of(index)) {
                spin_loop();
            }
            writer.count(index, &sent(index));
            writer.count(index, &sent(1));
            writer.advance_watermark(middle_of(index));
        }
        writer.end();
    });
    let mut reader = Reader::new(ring);
    for index in 0..3 {
        hold(read(&mut reader) == sent(index + 1), "not what was counted");
    }
    hold(reader.read() == Some(sent(0)), "counted after the end");
    writer.join().unwrap();
}

/// loom does not let a load see what is stored later, so a cell cleared too early would not be
/// seen to be. What it sees is whether the copy comes before the clearing: then so does what the
/// reader noted before. (It is looked at once: after a yield loom shows no value a second time.)
fn handing_back() {
    let ring = ring(1);
    let noted = share(AtomicU64::new(0));
    let writer = thread::spawn(|| {
        let mut writer = Writer::new(ring);
        hold(writer.open(middle_of(0)), "no cell at the start");
        writer.count(0, &sent(7));
        while !writer.open(middle_of(1)) {
            spin_loop();
        }
        hold(noted.load(Relaxed) == 1, "cleared before it was copied");
        writer.end();
    });
    let mut reader = Reader::new(ring);
    noted.store(1, Relaxed);
    hold(read(&mut reader) == sent(7), "not what was counted");
    writer.join().unwrap();
}

fn stall() {
    let ring = ring(2);
    let writer = thread::spawn(|| {
        let mut writer = Writer::new(ring);
        hold(writer.open(middle_of(0)), "no cell at the start");
        writer.count(0, &sent(7));
        while !writer.open(middle_of(3)) {
            spin_loop();
        }
        writer.count(3, &sent(9));
        writer.end();
    });
    let mut reader = Reader::new(ring);
    for packets in [7, 0, 0, 9] {
        hold(read(&mut reader) == sent(packets), "not what was counted");
    }
    writer.join().unwrap();
}
