//! The fixtures of tests: addresses, fillings, and a run of one stream in memory that is never
//! freed.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use crate::port::{Capabilities, ForwardOutcome, FrameLen, Port, TxOutcome, Verdict};
use crate::probe::Tag;
use crate::probe::filling::{FillingMemory, Payloads, pool_len, sums_len};
use crate::probe::layout::{Addresses, Family, Headers, Layout, Marks};
use crate::probe::sizes::Sizes;
use crate::rx::verify::{Expectation, Route};
use crate::sequence::{Dimensions, Line, SequenceWindow, WindowMemory};
use crate::stats::Recorder;
use crate::stats::intervals::{Cell, Interval, IntervalGrid, Reader, Ring, Writer};
use crate::tx::template::Template;
use crate::wire::{Mac, Tags, Tci};

/// The addresses of the two ends of a stream.
pub const ADDRESSES: Addresses = Addresses {
    source_mac: Mac([2, 0, 0, 0, 0, 1]),
    destination_mac: Mac([2, 0, 0, 0, 0, 2]),
    source: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
    destination: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 10_000),
};

/// The same over IPv6.
pub const ADDRESSES_V6: Addresses = Addresses {
    source: IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0xa00, 1)),
    destination: SocketAddr::new(
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0xb00, 2)),
        10_000,
    ),
    ..ADDRESSES
};

/// Returns headers of each layout.
pub fn every_layout() -> Vec<Headers> {
    let tags = [Tci::new(100, 3), Tci::new(7, 0)];
    let families = [ADDRESSES, ADDRESSES_V6].into_iter();
    families
        .flat_map(|addresses| {
            (0..=Tags::MAX).map(move |count| Headers {
                addresses,
                marks: Marks {
                    tags: Tags::new(&tags[..count]).unwrap(),
                    dscp: 10,
                    ..Marks::default()
                },
            })
        })
        .collect()
}

/// Returns the layout of these headers.
pub fn layout(headers: &Headers) -> Layout {
    let family = Family::of(headers.addresses.source);
    Layout::new(family, headers.marks.tags.as_slice().len())
}

/// Runs `test` with payloads of these sizes from `seed`.
pub fn with_payloads<T>(seed: u64, sizes: &Sizes, test: impl FnOnce(&Payloads<'_>) -> T) -> T {
    let (mut pool, mut sums) = (vec![0; pool_len(sizes)], vec![0; sums_len(sizes)]);
    let memory = FillingMemory {
        pool: &mut pool,
        sums: &mut sums,
    };
    test(&Payloads::new(memory, seed, sizes.clone()).unwrap())
}

pub const PAYLOAD_LEN: u16 = 24;
pub const FIRST_PORT: u16 = 20_000;
pub const SOURCE_PORTS: u32 = 3;
pub const WINDOW: u64 = 100;
const TAG: Tag = Tag::new(77);

/// The parts of a run with which a worker works.
pub struct Bench {
    pub sequences: &'static SequenceWindow<'static>,
    pub ring: &'static Ring<'static>,
    pub recorder: Recorder<'static>,
    payloads: Payloads<'static>,
}

fn leaked<T: Default>(count: usize) -> &'static [T] {
    (0..count).map(|_| T::default()).collect::<Vec<_>>().leak()
}

impl Bench {
    pub fn new(grid: IntervalGrid) -> Self {
        Self::with_sizes(grid, Sizes::one(PAYLOAD_LEN))
    }

    pub fn with_sizes(grid: IntervalGrid, sizes: Sizes) -> Self {
        let memory = FillingMemory {
            pool: vec![0; pool_len(&sizes)].leak(),
            sums: vec![0; sums_len(&sizes)].leak(),
        };
        let dimensions = Dimensions {
            streams: 2,
            source_ports: SOURCE_PORTS,
            receivers: 1,
            window: WINDOW,
        };
        let lines = WindowMemory {
            seen: leaked::<Line>(dimensions.seen_lines()),
            flows: leaked(dimensions.flow_words()),
            sent: leaked(dimensions.sent_lines()),
            highest: leaked(dimensions.highest_lines()),
        };
        let ring = Box::leak(Box::new(Ring::new(grid, leaked::<Cell>(1024))));
        Self {
            sequences: Box::leak(Box::new(SequenceWindow::new(dimensions, lines).unwrap())),
            recorder: Recorder::new(Box::leak(Box::default()), Writer::new(ring)),
            ring,
            payloads: Payloads::new(memory, 1, sizes).unwrap(),
        }
    }

    pub fn template(&self) -> Template<'static> {
        Template::new(&ADDRESSES.into(), TAG, &self.payloads).unwrap()
    }

    pub fn expectation(&self) -> Expectation<'static> {
        Expectation {
            routes: heapless::Vec::from_slice(&[Route::of(&ADDRESSES)]).unwrap(),
            marks: Marks::default(),
            is_through: false,
            first_source_port: FIRST_PORT,
            last_source_port: FIRST_PORT + SOURCE_PORTS as u16 - 1,
            payloads: self.payloads.clone(),
            tag: TAG,
        }
    }

    /// Returns the first intervals of the run, which ends with this.
    pub fn intervals<const COUNT: usize>(&mut self) -> [Interval; COUNT] {
        self.recorder.intervals.end();
        let mut reader = Reader::new(self.ring);
        core::array::from_fn(|_| reader.read().unwrap())
    }
}

/// A port that keeps what is sent.
#[derive(Default)]
pub struct Sent(pub Vec<Vec<u8>>);

impl Port for Sent {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_frame: FrameLen(1514),
            rx_burst: 0,
            tx_burst: 64,
        }
    }

    fn transmit(&mut self, want: u16, mut fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        for _ in 0..want {
            let mut frame = [0; 1514];
            let FrameLen(len) = fill(&mut frame);
            self.0.push(frame[..usize::from(len)].to_vec());
        }
        TxOutcome {
            accepted: want,
            ..TxOutcome::default()
        }
    }

    fn receive(&mut self, _: impl FnMut(&[u8])) -> u16 {
        0
    }

    fn forward(&mut self, _: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        ForwardOutcome::default()
    }
}
