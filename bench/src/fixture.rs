//! The parts of a run that the hot paths need, in memory that is never freed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use dpdkgen_core::port::FrameLen;
use dpdkgen_core::probe::filling::{FillingMemory, Payloads, pool_len, sums_len};
use dpdkgen_core::probe::layout::{Addresses, Headers, Marks};
use dpdkgen_core::probe::sizes::{Share, Sizes};
use dpdkgen_core::probe::{Index, Tag};
use dpdkgen_core::reflect::{FrameReflector, Rules};
use dpdkgen_core::rx::verify::{Expectation, Route};
use dpdkgen_core::sequence::{Dimensions, SequenceWindow, WindowMemory};
use dpdkgen_core::stats::Recorder;
use dpdkgen_core::stats::intervals::{Cell, IntervalGrid, Ring, Writer};
use dpdkgen_core::time::{Instant, Span};
use dpdkgen_core::tx::template::{Patch, Template};
use dpdkgen_core::wire::{Mac, Tags, Tci};

use crate::PACKETS;

/// The number of source ports of the run.
pub const SOURCE_PORTS: u32 = 1001;
/// The lowest source port of the run.
pub const FIRST_SOURCE_PORT: u16 = 10_000;
/// The time at which everything is received: the last probe was sent some 80 microseconds before.
pub const RECEIVED: Instant = Instant::from_nanos(1_100_000);

const TAG: Tag = Tag::new(0x1234_5678_9abc);
const ADDRESSES: Addresses = Addresses {
    source_mac: Mac([2, 0, 0, 0, 0, 1]),
    destination_mac: Mac([2, 0, 0, 0, 0, 2]),
    source: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
    destination: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 10_000),
};

/// The headers of probes over IPv4.
#[must_use]
pub fn ipv4() -> Headers {
    ADDRESSES.into()
}

/// The headers of probes over IPv4 in a VLAN.
#[must_use]
pub fn tagged() -> Headers {
    let tags = Tags::new(&[Tci::new(100, 0)]).expect("one tag");
    Headers {
        marks: Marks {
            tags,
            ..Marks::default()
        },
        ..ipv4()
    }
}

/// The headers of probes over IPv6.
#[must_use]
pub fn ipv6() -> Headers {
    let address = |host| IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, host));
    Headers::from(Addresses {
        source: address(1),
        destination: SocketAddr::new(address(2), 10_000),
        ..ADDRESSES
    })
}

/// Two sizes in turn, of the shortest probes and of such with a byte more.
///
/// # Panics
///
/// Never: it is a mix.
#[must_use]
pub fn in_turn() -> Sizes {
    let share = |payload_len| Share {
        payload_len,
        weight: 1,
    };
    Sizes::mix(&[16, 17].map(share)).expect("a mix")
}

/// The sizes of an IMIX over IPv4: frames of 64, 570 and 1518 bytes, 7:4:1.
///
/// # Panics
///
/// Never: it is a mix.
#[must_use]
pub fn imix() -> Sizes {
    let share = |(payload_len, weight)| Share {
        payload_len,
        weight,
    };
    Sizes::mix(&[(18, 7), (524, 4), (1472, 1)].map(share)).expect("a mix")
}

/// Returns the fields of a probe's frame that differ from probe to probe, for probe `sequence`.
#[must_use]
pub fn patch(sequence: u64) -> Patch {
    Patch {
        index: Index::new(0, sequence),
        source_port: FIRST_SOURCE_PORT + (sequence % u64::from(SOURCE_PORTS)) as u16,
        time: Instant::from_nanos(1_000_000 + 20 * sequence),
        lag: Span::ZERO,
    }
}

/// Returns the rules of the reflector that the probes are sent to.
#[must_use]
pub const fn rules() -> Rules<'static> {
    Rules::of(ADDRESSES.destination_mac)
}

/// The parts of a run that the roles need.
pub struct Fixture {
    headers: Headers,
    payloads: Payloads<'static>,
    /// The record of the sequences sent and seen, of which [`PACKETS`] were sent.
    pub sequences: &'static SequenceWindow<'static>,
    ring: &'static Ring<'static>,
}

impl Fixture {
    /// Makes a run of probes with these sizes and so many receivers.
    ///
    /// # Panics
    ///
    /// If no probe has that length.
    #[must_use]
    pub fn new(sizes: &Sizes, receivers: u16) -> Self {
        Self::with_window(sizes, receivers, PACKETS)
    }

    /// Makes a run like [`Self::new`] whose record has a window of `window` sequences.
    ///
    /// # Panics
    ///
    /// If no probe has that length.
    #[must_use]
    pub fn with_window(sizes: &Sizes, receivers: u16, window: u64) -> Self {
        let memory = FillingMemory {
            pool: vec![0; pool_len(sizes)].leak(),
            sums: vec![0; sums_len(sizes)].leak(),
        };
        let dimensions = Dimensions {
            streams: 1,
            source_ports: SOURCE_PORTS,
            receivers,
            window,
        };
        fn made<T: Default>(count: usize) -> &'static [T] {
            Vec::leak((0..count).map(|_| T::default()).collect())
        }
        let window_memory = WindowMemory {
            seen: made(dimensions.seen_lines()),
            flows: made(dimensions.flow_words()),
            sent: made(dimensions.sent_lines()),
            highest: made(dimensions.highest_lines()),
        };
        let sequences =
            SequenceWindow::new(dimensions, window_memory).expect("memory of that size");
        sequences.set_sent(0, PACKETS);
        let grid = IntervalGrid {
            start: Instant::START,
            length: Span::from_millis(1),
            grace: Span::from_millis(1),
        };
        // Long enough for all that valgrind ever lets pass, as nobody closes intervals here.
        let cells: Vec<Cell> = (0..1 << 12).map(|_| Cell::default()).collect();
        Self {
            headers: ipv4(),
            payloads: Payloads::new(memory, 1, sizes.clone()).expect("memory of that size"),
            sequences: Box::leak(Box::new(sequences)),
            ring: Box::leak(Box::new(Ring::new(grid, cells.leak()))),
        }
    }

    /// Gives the run's probes other headers.
    #[must_use]
    pub fn with_headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }

    /// Returns the template of the sender's frames.
    ///
    /// # Panics
    ///
    /// If no probe has that length.
    #[must_use]
    pub fn template(&self) -> Template<'static> {
        Template::new(&self.headers, TAG, &self.payloads).expect("a probe's length")
    }

    /// Returns a recorder for a worker to count in; there may be one at a time.
    #[must_use]
    pub fn recorder(&self) -> Recorder<'static> {
        Recorder::new(Box::leak(Box::default()), Writer::new(self.ring))
    }

    /// Returns the packets that a receiver expects.
    #[must_use]
    pub fn expectation(&self) -> Expectation<'static> {
        Expectation {
            routes: [Route::of(&self.headers.addresses)].into_iter().collect(),
            marks: self.headers.marks,
            is_through: false,
            first_source_port: FIRST_SOURCE_PORT,
            last_source_port: FIRST_SOURCE_PORT + (SOURCE_PORTS - 1) as u16,
            payloads: self.payloads.clone(),
            tag: TAG,
        }
    }

    /// Returns the frames of [`PACKETS`] probes as they are sent.
    ///
    /// # Panics
    ///
    /// If they cannot be made.
    #[must_use]
    pub fn sent(&self) -> Vec<Vec<u8>> {
        let template = self.template();
        let frame = |sequence| {
            let mut frame = vec![0; 2048];
            let FrameLen(len) = template.write(&mut frame, &patch(sequence));
            frame.truncate(usize::from(len));
            frame
        };
        (0..PACKETS).map(frame).collect()
    }

    /// Returns the frames of [`PACKETS`] probes as a reflector sends them back.
    ///
    /// # Panics
    ///
    /// If they cannot be made.
    #[must_use]
    pub fn frames(&self) -> Vec<Vec<u8>> {
        let mut frames = self.sent();
        let mut reflector = FrameReflector::new(rules());
        for frame in &mut frames {
            reflector.reflect(frame).expect("a probe is reflected");
        }
        frames
    }
}
