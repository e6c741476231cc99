//! The memory of a run: allocated and touched before the start, so that nothing is allocated and no
//! page is missing between start and stop.

use dpdkgen_core::neighbour::NextHop;
use dpdkgen_core::probe::filling;
use dpdkgen_core::reflect::Budget;
use dpdkgen_core::rx::AnswerBox;
use dpdkgen_core::sequence::{Dimensions, Line, Word};
use dpdkgen_core::stats::WorkerStats;
use dpdkgen_core::stats::intervals::{Cell, IntervalGrid};
use dpdkgen_core::time::Span;
use dpdkgen_report::summary;

use super::placement::WorkerSpec;
use crate::failure::Failure;
use crate::request::{Mode, Request, SendRecv, of_port};

/// The longest time, and the most intervals, for which the control thread may be away before
/// workers wait.
const READER_PAUSE: Span = Span::from_secs(2);
const READER_PAUSE_INTERVALS: u64 = 1 << 18;

/// The most memory for what grows with the request: intervals, duplicate windows, flows.
const MAX_BYTES: u64 = 8 << 30;

/// The memory of a run.
pub struct Memory {
    pub(super) stats: Vec<WorkerStats>,
    pub(super) cells: Vec<Vec<Cell>>,
    pub(super) grid: IntervalGrid,
    pub(super) dimensions: Option<Dimensions>,
    pub(super) seen: Vec<Line>,
    pub(super) flows: Vec<Word>,
    pub(super) sent: Vec<Line>,
    pub(super) highest: Vec<Line>,
    pub(super) pool: Vec<u8>,
    pub(super) sums: Vec<u16>,
    pub(super) budget: Option<Budget>,
    /// One for each receiver of probes, in the order of the specs.
    pub(super) answers: Vec<AnswerBox>,
    /// One for each port that sends, if they are followed.
    pub(super) next_hops: Vec<NextHop>,
}

/// The amounts of memory that a run needs.
pub struct Needs {
    grid: IntervalGrid,
    /// The number of cells for the intervals of each worker.
    cells: usize,
    dimensions: Option<Dimensions>,
}

impl Memory {
    /// Returns what the workers of `specs` need.
    ///
    /// # Errors
    ///
    /// Returns a failure if that is more than there may be.
    pub fn check(request: &Request, specs: &[WorkerSpec]) -> Result<Needs, Failure> {
        let grid = grid(request);
        let pause = READER_PAUSE.min(grid.length.saturating_mul(READER_PAUSE_INTERVALS));
        let cells = grid.ring_len(pause);
        let dimensions = match &request.mode {
            Mode::SendRecv(sendrecv) => Some(dimensions(request, sendrecv, specs)),
            Mode::Reflect(_) => None,
        };
        check_size(specs.len(), cells, dimensions.as_ref())?;
        Ok(Needs {
            grid,
            cells,
            dimensions,
        })
    }

    /// Allocates and touches the memory for the workers of `specs`.
    ///
    /// # Errors
    ///
    /// Returns a failure if the request needs more than there may be.
    pub fn new(request: &Request, specs: &[WorkerSpec]) -> Result<Self, Failure> {
        let Needs {
            grid,
            cells,
            dimensions,
        } = Self::check(request, specs)?;
        let sizes = match &request.mode {
            Mode::SendRecv(sendrecv) => Some(&sendrecv.sizes),
            Mode::Reflect(_) => None,
        };
        let lines =
            |count: fn(&Dimensions) -> usize| dimensions.map_or_else(Vec::new, |d| make(count(&d)));
        let flows = dimensions.as_ref().map_or(0, Dimensions::flow_words);
        Ok(Self {
            stats: make(specs.len()),
            cells: specs.iter().map(|_| make(cells)).collect(),
            grid,
            dimensions,
            seen: lines(Dimensions::seen_lines),
            flows: make(flows),
            sent: lines(Dimensions::sent_lines),
            highest: lines(Dimensions::highest_lines),
            pool: vec![0; sizes.map_or(0, filling::pool_len)],
            sums: vec![0; sizes.map_or(0, filling::sums_len)],
            budget: match request.mode {
                Mode::Reflect(_) => request.count.map(Budget::new),
                Mode::SendRecv(_) => None,
            },
            answers: {
                let is_rx = |spec: &&WorkerSpec| spec.role == summary::Role::Rx;
                make(specs.iter().filter(is_rx).count())
            },
            next_hops: match &request.mode {
                Mode::SendRecv(sendrecv) if sendrecv.is_resolved => next_hops(sendrecv, specs),
                _ => Vec::new(),
            },
        })
    }
}

fn next_hops(sendrecv: &SendRecv, specs: &[WorkerSpec]) -> Vec<NextHop> {
    let ports = specs.iter().map(|spec| spec.port + 1).max().unwrap_or(0);
    let next_hop = |port| {
        let mac = of_port(&sendrecv.dest_macs, port);
        NextHop::new(sendrecv.next_hop(port), mac)
    };
    let ports = 0..sendrecv.sending_ports(ports);
    ports.map(next_hop).collect()
}

fn check_size(
    workers: usize,
    cells: usize,
    dimensions: Option<&Dimensions>,
) -> Result<(), Failure> {
    let cells = workers as u64 * cells as u64 * size_of::<Cell>() as u64;
    let seen = dimensions.map_or(0, |of| of.seen_lines() as u64 * size_of::<Line>() as u64);
    let flows = dimensions.map_or(0, |of| of.flow_words() as u64 * size_of::<Word>() as u64);
    let bytes = cells + seen + flows;
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    Err(Failure::request(format!(
        "accounting for this run takes {} GiB, and {} is the limit: {}",
        bytes.div_ceil(1 << 30),
        MAX_BYTES >> 30,
        if cells > bytes / 2 {
            "lengthen --stats-interval-ms, or use fewer queues"
        } else {
            "use fewer source ports or queues, or lower --rate, --drain-ms or \
             --stats-evict-threshold-secs"
        }
    )))
}

fn make<T: Default>(count: usize) -> Vec<T> {
    (0..count).map(|_| T::default()).collect()
}

fn grid(request: &Request) -> IntervalGrid {
    IntervalGrid {
        start: request.start(),
        length: request.interval,
        grace: request.grace,
    }
}

fn dimensions(request: &Request, sendrecv: &SendRecv, specs: &[WorkerSpec]) -> Dimensions {
    let count = |role| specs.iter().filter(|spec| spec.role == role).count() as u16;
    Dimensions {
        streams: count(summary::Role::Tx),
        source_ports: sendrecv.source_ports(),
        receivers: count(summary::Role::Rx),
        window: match request.rxq {
            0 => 0,
            _ => sendrecv.window(request.grace),
        },
    }
}
