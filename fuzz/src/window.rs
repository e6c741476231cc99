//! Sequences in any order, by several receivers, against a set that keeps every one.

use std::collections::{HashMap, HashSet};

use dpdkgen_core::probe::Index;
use dpdkgen_core::sequence::{Dimensions, Line, Novelty, SequenceWindow, WindowMemory, Word};
use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The settings of the run: the first bytes of the input.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Setup {
    /// The number of streams less one, taken modulo 4.
    pub streams: u8,
    /// The number of source ports less one, taken modulo 512.
    pub source_ports: U16,
    /// The number of receivers less one, taken modulo 4.
    pub receivers: u8,
    /// The window, taken modulo 8192; with the top bit it is 2^20 instead.
    pub window: U16,
    /// Chooses the first sequence: 0, or one close to the last.
    pub begin: u8,
}

/// The smallest window that a run has; with it sequences use all their 48 bits.
const LARGE_WINDOW: u64 = 1 << 20;
/// The sequence below which a ring of any size tells sequences apart.
const SMALL_END: u64 = 1 << 37;

/// A step of the run: seven bytes of the input.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Step {
    /// Chooses whether sequences are sent, or which one is received, and the choice of its port.
    pub what: u8,
    /// The stream, taken modulo one more than there are.
    pub stream: u8,
    /// The receiver, taken modulo their number.
    pub receiver: u8,
    /// The source port, if it is not the one that goes with the sequence.
    pub port: u8,
    /// The number of sequences that are sent, or the distance of the one that is received below a
    /// reference.
    pub distance: U16,
    /// The number of times that the distance is doubled, taken modulo 16.
    pub scale: u8,
}

/// The plainest record by the contract's definitions, which forgets nothing.
struct Naive {
    window: u64,
    /// For each stream, the sequence below which all were sent.
    sent: Vec<u64>,
    /// For each stream, the highest sequence received.
    highest: HashMap<u16, u64>,
    seen: HashSet<Index>,
    /// For each stream and source port, the highest sequence received for the first time.
    highest_of_flow: HashMap<(u16, u16), u64>,
}

impl Naive {
    fn insert(&mut self, index: Index, port: u16) -> Novelty {
        let (stream, sequence) = (index.stream(), index.sequence());
        let was_sent = self.sent.get(usize::from(stream));
        if was_sent.is_none_or(|sent| sequence >= *sent) {
            return Novelty::NeverSent;
        }
        let highest = self.highest.entry(stream).or_insert(sequence);
        if *highest > sequence && *highest - sequence > self.window {
            return Novelty::TooOld;
        }
        *highest = sequence.max(*highest);
        if !self.seen.insert(index) {
            return Novelty::Duplicate;
        }
        let flow = self
            .highest_of_flow
            .entry((stream, port))
            .or_insert(sequence);
        let reordered = sequence < *flow;
        *flow = sequence.max(*flow);
        Novelty::New { reordered }
    }
}

/// Checks the window: `data` is a [`Setup`], and then [`Step`]s.
///
/// # Panics
///
/// If an answer of the window is not that of the set.
pub fn run(data: &[u8]) {
    if let Ok((setup, rest)) = Setup::read_from_prefix(data) {
        with_window(setup.dimensions(), |sequences| {
            steps(sequences, &setup, rest);
        });
    }
}

impl Setup {
    fn is_large(&self) -> bool {
        self.window.get() & 0x8000 != 0
    }

    fn dimensions(&self) -> Dimensions {
        Dimensions {
            streams: u16::from(self.streams % 4) + 1,
            source_ports: u32::from(self.source_ports.get() % 512) + 1,
            receivers: u16::from(self.receivers % 4) + 1,
            window: if self.is_large() {
                LARGE_WINDOW
            } else {
                u64::from(self.window.get() % 8192)
            },
        }
    }

    /// Returns the sequence below which all are.
    fn end(&self) -> u64 {
        if self.is_large() {
            Index::SEQUENCES
        } else {
            SMALL_END
        }
    }

    fn begin(&self) -> u64 {
        if self.begin.is_multiple_of(2) {
            0
        } else {
            self.end() - 4 * LARGE_WINDOW
        }
    }
}

impl Step {
    fn distance(&self) -> u64 {
        u64::from(self.distance.get()) << (self.scale % 16)
    }

    /// Returns the sequence that is received, in a stream of which those below `sent` were sent.
    fn sequence(&self, sent: u64, highest: u64, window: u64) -> u64 {
        let distance = self.distance();
        match self.what % 4 {
            // Were it 0, it would be the first that was never sent.
            1 => sent.saturating_sub(distance),
            2 => highest.saturating_sub(distance),
            // Around the window's end.
            _ => (highest + (distance & 7)).saturating_sub(window + 3),
        }
    }

    fn port(&self, sequence: u64, source_ports: u32) -> u16 {
        let port = match self.what / 4 % 4 {
            // A frame may say that it came from another.
            0 => u64::from(self.port),
            _ => sequence,
        };
        (port % u64::from(source_ports)) as u16
    }
}

fn lines(count: usize) -> Vec<Line> {
    (0..count).map(|_| Line::default()).collect()
}

fn with_window(dimensions: Dimensions, test: impl FnOnce(&SequenceWindow<'_>)) {
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
    test(&SequenceWindow::new(dimensions, memory).expect("dimensions without a zero"));
}

fn steps(sequences: &SequenceWindow<'_>, setup: &Setup, mut input: &[u8]) {
    let dimensions = setup.dimensions();
    let mut naive = Naive {
        window: dimensions.window,
        sent: vec![setup.begin(); usize::from(dimensions.streams)],
        highest: HashMap::new(),
        seen: HashSet::new(),
        highest_of_flow: HashMap::new(),
    };
    for stream in 0..dimensions.streams {
        sequences.set_sent(stream, setup.begin());
    }
    let mut views: Vec<_> = (0..dimensions.receivers)
        .map(|receiver| sequences.cursor(receiver))
        .collect();
    while let Ok((step, rest)) = Step::read_from_prefix(input) {
        input = rest;
        // One more than there are, so that some are of no stream of the run.
        let stream = u16::from(step.stream) % (dimensions.streams + 1);
        let sent = naive.sent.get_mut(usize::from(stream));
        if let Some(sent) = sent
            && step.what % 4 == 0
        {
            *sent = (*sent + step.distance()).min(setup.end());
            sequences.set_sent(stream, *sent);
            continue;
        }
        let sent = naive.sent.get(usize::from(stream)).copied().unwrap_or(1);
        let highest = naive.highest.get(&stream).copied().unwrap_or(setup.begin());
        let sequence = step.sequence(sent, highest, dimensions.window);
        let index = Index::new(stream, sequence);
        let port = step.port(sequence, dimensions.source_ports);
        let receiver = usize::from(step.receiver) % views.len();
        let got = views[receiver].insert(index, port);
        assert_eq!(
            got,
            naive.insert(index, port),
            "{index:?} of {dimensions:?}"
        );
    }
}
