//! Publishing and snapshotting.

use dpdkgen_core::sync::Edge;
use dpdkgen_core::sync::modelled::Twin;
use dpdkgen_core::sync::seqlock::SeqLock;
use loom::thread;

use crate::support::{Model, check, hold, share};

pub const MODELS: &[Model] = &[Model {
    name: "a snapshot is whole and never goes back",
    preemptions: None,
    run: snapshots,
    catches: &[
        Twin::Release(Edge::Published),
        Twin::Acquire(Edge::Published),
        Twin::Release(Edge::Overwriting),
        Twin::Acquire(Edge::Overwriting),
    ],
}];

#[test]
fn published() {
    check(MODELS);
}

fn snapshots() {
    let published = share(SeqLock::new([0, 0]));
    let writer = thread::spawn(|| {
        published.publish([1, 1]);
        published.publish([2, 2]);
    });
    let mut last = 0;
    for _ in 0..2 {
        if let Some((version, words)) = published.try_snapshot() {
            hold(words[0] == words[1], "torn");
            hold(words[0] == version / 2, "of another version");
            hold(version >= last, "went back");
            last = version;
        }
    }
    writer.join().unwrap();
    hold(
        published.try_snapshot() == Some((4, [2, 2])),
        "not the last",
    );
}
