//! The memory of the `receiver` target's run, which a runtime would lend, and the form of its
//! probes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use dpdkgen_core::probe::Tag;
use dpdkgen_core::probe::filling::Payloads;
use dpdkgen_core::probe::layout::{Addresses, Headers};
use dpdkgen_core::rx::verify::{Expectation, Route};
use dpdkgen_core::sequence::{Dimensions, Line, SequenceWindow, WindowMemory, Word};
use dpdkgen_core::stats::WorkerStats;
use dpdkgen_core::stats::intervals::{Cell, IntervalGrid, Ring};
use dpdkgen_core::tx::template::Template;
use dpdkgen_core::wire::Mac;
use sim::truth::oracle::{Mix, Oracle};

use super::{CELLS, FIRST_PORT, Setup};
use crate::places::vlans;
use crate::probe::payloads;

const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const DESTINATION: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const DESTINATION_PORT: u16 = 10_000;
const TAG: Tag = Tag::new(0x1234_5678_9abc);

/// The memory that a runtime lends to a run.
pub struct RunMemory {
    seen: Vec<Line>,
    flows: Vec<Word>,
    sent: Vec<Line>,
    highest: Vec<Line>,
    cells: Vec<Vec<Cell>>,
    /// The histograms and counters of each receiver.
    pub stats: Vec<WorkerStats>,
    payloads: Payloads<'static>,
}

fn make<T: Default>(count: usize) -> Vec<T> {
    (0..count).map(|_| T::default()).collect()
}

impl RunMemory {
    /// Makes the memory of a run with this `setup`.
    pub fn new(setup: &Setup) -> Self {
        let dimensions = setup.dimensions();
        Self {
            seen: make(dimensions.seen_lines()),
            flows: make(dimensions.flow_words()),
            sent: make(dimensions.sent_lines()),
            highest: make(dimensions.highest_lines()),
            cells: (0..setup.receivers()).map(|_| make(CELLS)).collect(),
            stats: make(setup.receivers()),
            payloads: payloads(&setup.sizes()),
        }
    }

    /// Returns the record of the sequences sent and seen.
    pub fn sequences(&self, dimensions: Dimensions) -> SequenceWindow<'_> {
        let memory = WindowMemory {
            seen: &self.seen,
            flows: &self.flows,
            sent: &self.sent,
            highest: &self.highest,
        };
        SequenceWindow::new(dimensions, memory).expect("dimensions without a zero")
    }

    /// Returns every receiver's ring of intervals.
    pub fn rings(&self, grid: IntervalGrid) -> Vec<Ring<'_>> {
        let cells = self.cells.iter();
        cells.map(|cells| Ring::new(grid, cells)).collect()
    }

    /// Returns the packets that a receiver expects.
    pub fn expectation(&self, setup: &Setup) -> Expectation<'static> {
        let (source, destination) = addresses(setup);
        let route = Route {
            source,
            destination,
        };
        Expectation {
            routes: heapless::Vec::from_slice(&[route]).expect("one port"),
            marks: setup.shape.marks(),
            is_through: setup.shape.is_through(),
            first_source_port: FIRST_PORT,
            last_source_port: setup.last_port(),
            payloads: self.payloads.clone(),
            tag: TAG,
        }
    }

    /// Returns the oracle by which the simulator's record tells what a packet is that was turned
    /// round.
    pub fn oracle(&self, setup: &Setup) -> Oracle<'static> {
        let sizes = setup.sizes();
        let shares = sizes.shares().iter();
        let shares = shares.map(|share| (share.payload_len.into(), share.weight.into()));
        Oracle {
            routes: vec![addresses(setup)],
            is_through: false,
            vlans: vlans(&setup.shape.tags()),
            ports: (FIRST_PORT, setup.last_port()),
            payload_at: setup.shape.headers_len(),
            mix: Mix::new(&shares.collect::<Vec<_>>()),
            tag: TAG.get(),
            payloads: self.payloads.clone(),
        }
    }

    /// Returns the template of the frames that are sent.
    pub fn template(&self, setup: &Setup) -> Template<'static> {
        let (source, destination) = addresses(setup);
        let headers = Headers {
            addresses: Addresses {
                source_mac: Mac([2, 0, 0, 0, 0, 1]),
                destination_mac: Mac([2, 0, 0, 0, 0, 2]),
                source,
                destination,
            },
            marks: setup.shape.marks(),
        };
        Template::new(&headers, TAG, &self.payloads).expect("a payload that holds a probe")
    }
}

/// Returns the address that probes come from, and the address and UDP port that they go to.
fn addresses(setup: &Setup) -> (IpAddr, SocketAddr) {
    let destination = setup.shape.address(DESTINATION);
    (
        setup.shape.address(SOURCE),
        SocketAddr::new(destination, DESTINATION_PORT),
    )
}
