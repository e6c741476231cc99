//! The time that each piece of work takes: `cargo bench -p dpdkgen-bench`.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;

use divan::Bencher;
use divan::counter::ItemsCount;
use dpdkgen_bench::fixture::{Fixture, SOURCE_PORTS};
use dpdkgen_bench::{PACKETS, WORKS};
use dpdkgen_core::probe::Index;
use dpdkgen_core::probe::sizes::Sizes;

fn main() {
    divan::main();
}

#[divan::bench(args = WORKS.iter().map(|(name, _)| *name))]
fn packets(bencher: Bencher<'_, '_>, name: &str) {
    let (_, make) = WORKS
        .iter()
        .find(|(of, _)| *of == name)
        .expect("a name of the list");
    let work = make();
    bencher.counter(ItemsCount::new(PACKETS)).bench_local(work);
}

/// A way in which two workers that receive record the sequences they have seen.
#[derive(Clone, Copy, Debug)]
enum Records {
    /// Each has a record of its own, so that neither knows what the other has seen.
    Private,
    /// Both share a record, and a flow's probes all come to one of them, as with RSS.
    SharedByFlow,
    /// Both share a record, and each flow's probes come to both in turn.
    SharedAcrossFlows,
}

impl Records {
    /// Returns the sequences of `worker` in one round.
    fn sequences(self, worker: u16, round: u64) -> impl Iterator<Item = u64> {
        let all = round * 2 * PACKETS..(round + 1) * 2 * PACKETS;
        let is_mine = move |sequence: &u64| match self {
            Self::SharedByFlow => port_offset(*sequence) % 2 == worker,
            Self::Private | Self::SharedAcrossFlows => sequence % 2 == u64::from(worker),
        };
        all.filter(is_mine)
    }
}

fn port_offset(sequence: u64) -> u16 {
    (sequence % u64::from(SOURCE_PORTS)) as u16
}

#[divan::bench(args = [Records::Private, Records::SharedByFlow, Records::SharedAcrossFlows])]
fn two_workers(bencher: Bencher<'_, '_>, records: Records) {
    const ROUNDS: u64 = 1000;
    let receivers = match records {
        Records::Private => 1,
        Records::SharedByFlow | Records::SharedAcrossFlows => 2,
    };
    bencher
        .counter(ItemsCount::new(ROUNDS * PACKETS))
        .with_inputs(|| {
            // However far one of them falls behind.
            let window = 2 * ROUNDS * PACKETS;
            let shared = Fixture::with_window(&Sizes::one(16), receivers, window);
            let other = Fixture::with_window(&Sizes::one(16), receivers, window);
            for fixture in [&shared, &other] {
                fixture.sequences.set_sent(0, u64::MAX >> 16);
            }
            match records {
                Records::Private => [shared.sequences.cursor(0), other.sequences.cursor(0)],
                Records::SharedByFlow | Records::SharedAcrossFlows => {
                    [shared.sequences.cursor(0), shared.sequences.cursor(1)]
                }
            }
        })
        .bench_local_values(|views| {
            let started = Barrier::new(2);
            thread::scope(|scope| {
                for (worker, mut view) in (0..).zip(views) {
                    let started = &started;
                    scope.spawn(move || {
                        started.wait();
                        for round in 0..ROUNDS {
                            for sequence in records.sequences(worker, round) {
                                let index = black_box(Index::new(0, sequence));
                                black_box(view.insert(index, port_offset(sequence)));
                            }
                        }
                    });
                }
            });
        });
}
