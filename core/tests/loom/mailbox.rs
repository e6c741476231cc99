//! Messages from one thread to another.

use dpdkgen_core::sync::Edge;
use dpdkgen_core::sync::mailbox::Mailbox;
use dpdkgen_core::sync::modelled::Twin;
use loom::thread;

use crate::support::{Model, check, hold, share};

pub const MODELS: &[Model] = &[Model {
    name: "a message is taken whole, and none is written over one that is being read",
    preemptions: None,
    run: messages,
    // The way back keeps loads before stores, which loom never swaps.
    catches: &[Twin::Release(Edge::Posted), Twin::Acquire(Edge::Posted)],
}];

#[test]
fn mailboxes() {
    check(MODELS);
}

fn messages() {
    let mailbox = share(Mailbox::<2>::default());
    // The writer is the thread that goes first: loom looks for what a load could see among the
    // stores that it has met, and there would be none.
    let reader = thread::spawn(|| {
        let (mut room, mut last, mut taken) = ([0; 16], 0, 0);
        for _ in 0..2 {
            if let Some(message) = mailbox.take(&mut room) {
                hold(message.iter().all(|byte| *byte == message[0]), "torn");
                hold(message[0] > last, "taken again");
                last = message[0];
                taken += 1;
            }
        }
        taken
    });
    let first = mailbox.post(&[1; 16]);
    hold(first, "there was no room at the start");
    let posted = 1 + u32::from(mailbox.post(&[2; 16]));
    let taken = reader.join().unwrap();
    let left = u32::from(mailbox.take(&mut [0; 16]).is_some());
    hold(
        taken + left == posted,
        "one is lost, or there is one too many",
    );
}
