use std::collections::VecDeque;

use super::*;

/// A port that takes at most so many of a burst, and receives what was put there.
struct Queue {
    takes: u16,
    waiting: VecDeque<Vec<u8>>,
}

impl Port for Queue {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_frame: FrameLen(64),
            rx_burst: 8,
            tx_burst: 8,
        }
    }

    fn transmit(&mut self, want: u16, mut fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        for _ in 0..want {
            fill(&mut [0; 100]);
        }
        let accepted = want.min(self.takes);
        TxOutcome {
            accepted,
            refused: want - accepted,
            no_buffer: 0,
        }
    }

    fn receive(&mut self, mut each: impl FnMut(&[u8])) -> u16 {
        let count = self.waiting.len() as u16;
        self.waiting.drain(..).for_each(|frame| each(&frame));
        count
    }

    fn forward(&mut self, mut each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        let received = self.waiting.len() as u16;
        let wanted = self.waiting.iter_mut().map(|frame| each(frame));
        let wanted = wanted.filter(|verdict| *verdict == Verdict::Send).count() as u16;
        self.waiting.clear();
        let sent = wanted.min(self.takes);
        ForwardOutcome {
            received,
            received_bytes: 0,
            sent,
            sent_bytes: 0,
            refused: wanted - sent,
        }
    }
}

/// A clock whose readings are a microsecond apart.
struct Steps(u64);

impl Stamp for Steps {
    fn stamp(&mut self) -> Option<Instant> {
        self.0 += 1_000;
        Some(Instant::from_nanos(self.0))
    }
}

fn sampled(one_in: u32, slots: usize, takes: u16) -> (Sampled<Queue, Steps>, Reservoir) {
    let (tap, reservoir) = with_slots(one_in, 8, slots);
    let port = Queue {
        takes,
        waiting: VecDeque::new(),
    };
    (Sampled::new(port, tap, Steps(0)), reservoir)
}

/// Sends frames of 10 bytes whose first says which one it is.
fn send(port: &mut Sampled<Queue, Steps>, frames: std::ops::Range<u8>) -> TxOutcome {
    let want = frames.len() as u16;
    let mut numbers = frames;
    port.transmit(want, |room| {
        room[0] = numbers.next().unwrap();
        FrameLen(10)
    })
}

/// Returns which frames were sampled; the memory is given back.
fn fetch(reservoir: &mut Reservoir) -> Vec<u8> {
    std::iter::from_fn(|| {
        let sample = reservoir.fetch()?;
        let first = sample.bytes()[0];
        reservoir.give_back(sample);
        Some(first)
    })
    .collect()
}

#[test]
fn one_frame_in_so_many_beginning_with_the_first() {
    let (mut port, mut reservoir) = sampled(4, 16, 32);
    send(&mut port, 0..10);
    assert_eq!(fetch(&mut reservoir), [0, 4, 8]);
    port.port.waiting = (10..20).map(|number| vec![number; 20]).collect();
    let mut seen = 0;
    assert_eq!(port.receive(|_| seen += 1), 10);
    assert_eq!((seen, fetch(&mut reservoir)), (10, vec![12, 16]));
    assert_eq!(reservoir.skipped(), 0);
}

#[test]
fn a_long_frame_is_cut_and_tells_its_length() {
    let (mut port, mut reservoir) = sampled(1, 16, 32);
    send(&mut port, 7..8);
    let sample = reservoir.fetch().unwrap();
    assert_eq!(
        (sample.len, sample.bytes()),
        (10, [7, 0, 0, 0, 0, 0, 0, 0].as_slice())
    );
    assert_eq!(sample.at, Instant::from_nanos(1_000));
}

#[test]
fn what_the_device_does_not_take_was_not_sent() {
    let (mut port, mut reservoir) = sampled(1, 4, 2);
    for _ in 0..100 {
        assert_eq!(send(&mut port, 0..4).refused, 2);
        assert_eq!(fetch(&mut reservoir), [0, 1]);
    }
    assert_eq!(
        reservoir.skipped(),
        0,
        "the memory of refused frames is used again"
    );
}

#[test]
fn what_finds_no_memory_is_skipped_and_counted() {
    let (mut port, mut reservoir) = sampled(1, 4, 32);
    send(&mut port, 0..10);
    assert_eq!(
        (fetch(&mut reservoir), reservoir.skipped()),
        (vec![0, 1, 2, 3], 6)
    );
    send(&mut port, 10..12);
    assert_eq!(
        (fetch(&mut reservoir), reservoir.skipped()),
        (vec![10, 11], 6)
    );
}

#[test]
fn a_reflector_samples_what_came_and_what_went() {
    let (mut port, mut reservoir) = sampled(2, 16, 1);
    port.port.waiting = (0..6).map(|number| vec![number; 4]).collect();
    let outcome = port.forward(|frame| {
        frame[0] += 100;
        if frame[1] == 2 {
            Verdict::Drop
        } else {
            Verdict::Send
        }
    });
    assert_eq!((outcome.sent, outcome.refused), (1, 4));
    // 0 came and went, 2 was dropped, 4 was refused.
    let mut found = fetch(&mut reservoir);
    found.sort_unstable();
    assert_eq!(found, [0, 2, 4, 100]);
}

#[test]
fn a_closed_tap_and_a_clock_that_stands_take_nothing() {
    let port = || Queue {
        takes: 32,
        waiting: VecDeque::new(),
    };
    let mut closed = Sampled::new(port(), Tap::closed(), Steps(0));
    send(&mut closed, 0..100);
    assert_eq!(closed.clock.0, 0);

    struct Standing;
    impl Stamp for Standing {
        fn stamp(&mut self) -> Option<Instant> {
            None
        }
    }
    let (tap, mut reservoir) = with_slots(1, 8, 4);
    let mut early = Sampled::new(port(), tap, Standing);
    early.transmit(3, |_| FrameLen(10));
    assert!(reservoir.fetch().is_none());
    assert_eq!(reservoir.skipped(), 0);
}
