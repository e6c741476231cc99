use std::collections::{HashMap, HashSet};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

fn lines(count: usize) -> Vec<Line> {
    (0..count).map(|_| Line::default()).collect()
}

fn with_window<T>(dimensions: Dimensions, test: impl FnOnce(&SequenceWindow<'_>) -> T) -> T {
    let seen = lines(dimensions.seen_lines());
    let flows: Vec<Word> = (0..dimensions.flow_words())
        .map(|_| Word::default())
        .collect();
    let sent = lines(dimensions.sent_lines());
    let highest = lines(dimensions.highest_lines());
    let memory = WindowMemory {
        seen: &seen,
        flows: &flows,
        sent: &sent,
        highest: &highest,
    };
    test(&SequenceWindow::new(dimensions, memory).unwrap())
}

const FIRST: Novelty = Novelty::New { reordered: false };
const SMALL: Dimensions = Dimensions {
    streams: 1,
    source_ports: 1,
    receivers: 1,
    window: 100,
};

#[test]
fn the_window_ends_where_it_says() {
    for receivers in [1, 2] {
        with_window(Dimensions { receivers, ..SMALL }, |sequences| {
            sequences.set_sent(0, 10_000);
            let mut view = sequences.cursor(0);
            let mut insert = |stream, sequence| view.insert(Index::new(stream, sequence), 0);
            assert_eq!(insert(0, 5000), FIRST);
            assert_eq!(insert(0, 4900), Novelty::New { reordered: true });
            assert_eq!(insert(0, 4900), Novelty::Duplicate);
            assert_eq!(insert(0, 4899), Novelty::TooOld);
            assert_eq!(insert(0, 10_000), Novelty::NeverSent);
            assert_eq!(insert(1, 0), Novelty::NeverSent);
        });
    }
}

#[test]
fn what_was_not_sent_is_not_believed_beside_what_was() {
    for receivers in [1, 2] {
        with_window(Dimensions { receivers, ..SMALL }, |sequences| {
            let mut view = sequences.cursor(0);
            let mut insert = |sequence| view.insert(Index::new(0, sequence), 0);
            sequences.set_sent(0, 10);
            assert_eq!(insert(5), FIRST);
            assert_eq!(insert(10), Novelty::NeverSent);
            sequences.set_sent(0, 11);
            assert_eq!(insert(10), FIRST);
            assert_eq!(insert(11), Novelty::NeverSent);
        });
    }
}

#[test]
fn a_duplicate_on_another_queue_is_one() {
    with_window(
        Dimensions {
            receivers: 3,
            source_ports: 7,
            ..SMALL
        },
        |sequences| {
            sequences.set_sent(0, 100);
            assert_eq!(sequences.cursor(0).insert(Index::new(0, 9), 2), FIRST);
            assert_eq!(
                sequences.cursor(2).insert(Index::new(0, 9), 2),
                Novelty::Duplicate
            );
        },
    );
}

/// Blocks have 32 sequences: number 32 begins with 1024.
#[test]
fn a_block_is_not_taken_for_the_one_whose_number_is_a_sequence_of_it() {
    for sequences_in_turn in [[1_025, 1], [1, 1_025]] {
        let large = Dimensions {
            window: 5_000,
            ..SMALL
        };
        with_window(large, |sequences| {
            sequences.set_sent(0, 10_000);
            let mut view = sequences.cursor(0);
            for sequence in sequences_in_turn {
                let novelty = view.insert(Index::new(0, sequence), 0);
                assert!(matches!(novelty, Novelty::New { .. }), "{sequence}");
            }
        });
        with_window(large, |sequences| {
            sequences.set_sent(0, 10_000);
            let mut view = sequences.cursor(0);
            for sequence in sequences_in_turn {
                let mut open_block = view.open_block(Index::new(0, sequence)).unwrap();
                let novelty = open_block.insert(Index::new(0, sequence), 0);
                assert!(matches!(novelty, Some(Novelty::New { .. })), "{sequence}");
                open_block.close();
            }
        });
    }
}

#[test]
fn what_was_forgotten_is_new_again() {
    let dimensions = Dimensions {
        streams: 2,
        source_ports: 3,
        ..SMALL
    };
    for receivers in [1, 2] {
        with_window(
            Dimensions {
                receivers,
                ..dimensions
            },
            |sequences| {
                assert_eq!(sequences.streams(), 2);
                sequences.set_sent(1, 10_000);
                for _ in 0..2 {
                    let mut view = sequences.cursor(receivers - 1);
                    for sequence in [7_000, 7_001, 8_000] {
                        assert_eq!(view.insert(Index::new(1, sequence), 1), FIRST);
                    }
                    assert_eq!(view.insert(Index::new(1, 7_000), 1), Novelty::TooOld);
                    sequences.clear();
                }
            },
        );
    }
}

/// A naive record that keeps everything.
#[derive(Default)]
struct Naive {
    seen: HashSet<Index>,
    highest: HashMap<u16, u64>,
    flows: HashMap<(u16, u16), u64>,
}

impl Naive {
    fn insert(&mut self, window: u64, index: Index, port: u16) -> Novelty {
        let highest = self.highest.entry(index.stream()).or_default();
        if index.sequence() + window < *highest {
            return Novelty::TooOld;
        }
        *highest = index.sequence().max(*highest);
        if !self.seen.insert(index) {
            return Novelty::Duplicate;
        }
        let flow = self.flows.entry((index.stream(), port)).or_default();
        let reordered = *flow > index.sequence();
        *flow = index.sequence().max(*flow);
        Novelty::New { reordered }
    }
}

proptest! {
    #[test]
    fn the_record_is_what_a_naive_one_says(
        // Up to three lines of the highest sequences of streams.
        streams in prop_oneof![3 => 1_u16..4, 1 => 30_u16..40],
        source_ports in 1_u32..50,
        receivers in 1_u16..4,
        window in prop_oneof![3 => 1_u64..5000, 1 => 1_u64..50],
        arrivals in prop::collection::vec((any::<u16>(), -6000_i64..100, any::<u16>()), 1..2000),
    ) {
        let dimensions = Dimensions { streams, source_ports, receivers, window };
        let mut naive = Naive::default();
        with_window(dimensions, |sequences| -> Result<(), TestCaseError> {
            let mut views: Vec<_> = (0..receivers).map(|receiver| sequences.cursor(receiver)).collect();
            let mut next = 0_i64;
            for (stream, step, receiver) in arrivals {
                next += 50;
                let sequence = (next + step).max(0) as u64;
                let index = Index::new(stream % streams, sequence);
                for stream in 0..streams {
                    sequences.set_sent(stream, next as u64 + 200);
                }
                let port = (sequence % u64::from(source_ports)) as u16;
                let got = views[usize::from(receiver % receivers)].insert(index, port);
                prop_assert_eq!(got, naive.insert(window, index, port), "{:?}", index);
            }
            Ok(())
        })?;
    }

    #[test]
    fn by_stretches_the_record_says_the_same(
        streams in 1_u16..3,
        window in 1_u64..200,
        steps in prop::collection::vec((any::<u16>(), -250_i64..40, any::<bool>()), 1..500),
    ) {
        let dimensions = Dimensions { streams, source_ports: 7, receivers: 1, window };
        let mut naive = Naive::default();
        with_window(dimensions, |sequences| -> Result<(), TestCaseError> {
            let mut view = sequences.cursor(0);
            let (mut next, mut sequence) = (0, 0);
            for steps in steps.chunks(40) {
                next += 40;
                (0..streams).for_each(|stream| sequences.set_sent(stream, next));
                // Mostly the neighbour follows, and some were never sent.
                let burst: Vec<_> = steps.iter().map(|(stream, step, is_next)| {
                    sequence = if *is_next {
                        sequence + 1
                    } else {
                        (next as i64 + step).max(0) as u64
                    };
                    Index::new(stream / 60_000 % streams, sequence)
                }).collect();
                let expected = burst.iter().map(|index| {
                    if index.sequence() >= next {
                        return Novelty::NeverSent;
                    }
                    naive.insert(window, *index, (index.sequence() % 7) as u16)
                });
                let mut got = Vec::new();
                while let Some(index) = burst.get(got.len()) {
                    let port = |index: &Index| (index.sequence() % 7) as u16;
                    let Some(mut open_block) = view.open_block(*index) else {
                        got.push(view.insert(*index, port(index)));
                        continue;
                    };
                    let seen = burst[got.len()..].iter();
                    let before = got.len();
                    got.extend(seen.map_while(|index| open_block.insert(*index, port(index))));
                    open_block.close();
                    prop_assert!(got.len() > before, "a open_block is never empty");
                }
                prop_assert_eq!(got, expected.collect::<Vec<_>>());
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_divisor_divides(number in 0_u64..1 << 48, shift in 0_u32..48, divisor in 1_u64..1 << 48) {
        let (number, divisor) = (number, (divisor >> shift).max(1));
        prop_assert_eq!(
            Divisor::new(divisor).divide(number),
            (number / divisor, number % divisor)
        );
    }
}
