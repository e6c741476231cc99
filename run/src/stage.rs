//! What a run's workers share, and the memory for it: allocated and touched before the start, so
//! that nothing is allocated and no page is missing between start and stop.

use dpdkgen_core::phase::PhaseCell;
use dpdkgen_core::port::Port;
use dpdkgen_core::probe::filling::{self, Filling, FillingMemory};
use dpdkgen_core::probe::layout::Addresses;
use dpdkgen_core::probe::{LONG_LEN, Tag};
use dpdkgen_core::reflect::Budget;
use dpdkgen_core::reflect::Reflector;
use dpdkgen_core::rx::receiver::Receiver;
use dpdkgen_core::rx::verify::Expectation;
use dpdkgen_core::sequence::{Dimensions, Line, SequenceWindow, WindowMemory, Word};
use dpdkgen_core::stats::intervals::{Cell, IntervalGrid, Ring, Writer};
use dpdkgen_core::stats::{Recorder, WorkerStats};
use dpdkgen_core::time::Nanos;
use dpdkgen_core::tx::generator::{self, Generator};
use dpdkgen_core::tx::template::{Template, filling_len};
use dpdkgen_core::wire::Mac;
use dpdkgen_core::worker::{Role, Worker};
use dpdkgen_report::summary;

use crate::failure::Failure;
use crate::request::{Mode, Request, SendRecv};

/// The control thread may be away for this long, or for so many intervals, before workers wait.
const READER_PAUSE: Nanos = Nanos(2_000_000_000);
const READER_PAUSE_INTERVALS: u64 = 1 << 18;

/// The most memory for what grows with the request: intervals, duplicate windows, flows.
const MAX_BYTES: u64 = 8 << 30;

/// A port as the runtime opened it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedPort {
    /// Its name in every output.
    pub name: String,
    /// Its driver.
    pub driver: String,
    /// The driver of the VF that a netvsc port drives.
    pub vf_driver: Option<String>,
    /// Its MAC address.
    pub mac: Mac,
}

/// Who does what in a run: one worker a queue, or a pair of them in `reflect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Post {
    /// What the worker does.
    pub role: summary::Role,
    /// Which of the run's ports it works on.
    pub port: usize,
    /// Which queue of that port.
    pub queue: u16,
}

/// The posts of a run over `ports` ports, port by port.
#[must_use]
pub fn posts(request: &Request, ports: usize) -> Vec<Post> {
    let on_port = |port| {
        let post = move |role, queue| Post { role, port, queue };
        let (tx, rx) = match request.mode {
            Mode::Reflect => (0, 0),
            Mode::SendRecv(_) => (request.txq, request.rxq),
        };
        let pairs = if tx == 0 { request.rxq } else { 0 };
        (0..tx)
            .map(move |queue| post(summary::Role::Tx, queue))
            .chain((0..rx).map(move |queue| post(summary::Role::Rx, queue)))
            .chain((0..pairs).map(move |queue| post(summary::Role::Reflect, queue)))
    };
    (0..ports).flat_map(on_port).collect()
}

/// The ports that are open, and who works where on them: made once, for any number of trials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The ports.
    pub ports: Vec<OpenedPort>,
    /// Who does what.
    pub posts: Vec<Post>,
    /// The lcore of each of these; several may share one.
    pub lcores: Vec<u32>,
}

/// The memory of a run.
pub struct Memory {
    stats: Vec<WorkerStats>,
    cells: Vec<Vec<Cell>>,
    grid: IntervalGrid,
    dimensions: Option<Dimensions>,
    seen: Vec<Line>,
    flows: Vec<Word>,
    sent: Vec<Line>,
    highest: Vec<Line>,
    pool: Vec<u8>,
    sums: Vec<u16>,
    budget: Option<Budget>,
}

/// How much memory a run needs.
pub struct Needs {
    grid: IntervalGrid,
    /// For the intervals of each worker.
    cells: usize,
    dimensions: Option<Dimensions>,
}

impl Memory {
    /// What the workers at `posts` need.
    ///
    /// # Errors
    ///
    /// If that is more than there may be.
    pub fn check(request: &Request, posts: &[Post]) -> Result<Needs, Failure> {
        let grid = grid(request);
        let pause = READER_PAUSE
            .0
            .min(READER_PAUSE_INTERVALS.saturating_mul(grid.length.0));
        let cells = grid.ring_len(Nanos(pause));
        let dimensions = match &request.mode {
            Mode::SendRecv(sendrecv) => Some(dimensions(request, sendrecv, posts)),
            Mode::Reflect => None,
        };
        check_size(posts.len(), cells, dimensions.as_ref())?;
        Ok(Needs {
            grid,
            cells,
            dimensions,
        })
    }

    /// Memory for the workers at `posts`.
    ///
    /// # Errors
    ///
    /// If the request needs more than there may be.
    pub fn new(request: &Request, posts: &[Post]) -> Result<Self, Failure> {
        let Needs {
            grid,
            cells,
            dimensions,
        } = Self::check(request, posts)?;
        let filling_len = match &request.mode {
            Mode::SendRecv(sendrecv) => Some(filling_len(sendrecv.payload_len)),
            Mode::Reflect => None,
        };
        let lines =
            |count: fn(&Dimensions) -> usize| dimensions.map_or_else(Vec::new, |d| make(count(&d)));
        let flows = dimensions.as_ref().map_or(0, Dimensions::flow_words);
        Ok(Self {
            stats: make(posts.len()),
            cells: posts.iter().map(|_| make(cells)).collect(),
            grid,
            dimensions,
            seen: lines(Dimensions::seen_lines),
            flows: make(flows),
            sent: lines(Dimensions::sent_lines),
            highest: lines(Dimensions::highest_lines),
            pool: vec![0; filling_len.map_or(0, filling::pool_len)],
            sums: vec![0; filling_len.map_or(0, |_| filling::SUMS_LEN)],
            budget: match request.mode {
                Mode::Reflect => request.count.map(Budget::new),
                Mode::SendRecv(_) => None,
            },
        })
    }
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
    let start = match &request.mode {
        Mode::SendRecv(sendrecv) => sendrecv.warmup,
        Mode::Reflect => Nanos(0),
    };
    IntervalGrid {
        start,
        length: request.interval,
        grace: request.grace,
    }
}

fn dimensions(request: &Request, sendrecv: &SendRecv, posts: &[Post]) -> Dimensions {
    let count = |role| posts.iter().filter(|post| post.role == role).count() as u16;
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

/// What the workers of a run share.
pub struct Stage<'a> {
    request: &'a Request,
    posts: &'a [Post],
    stats: &'a [WorkerStats],
    rings: Vec<Ring<'a>>,
    probes: Option<Probes<'a>>,
    budget: Option<&'a Budget>,
    /// Tells the workers where the run stands.
    pub phase: PhaseCell,
}

struct Probes<'a> {
    sendrecv: &'a SendRecv,
    sequences: SequenceWindow<'a>,
    filling: Filling<'a>,
    tag: Tag,
}

impl<'a> Stage<'a> {
    /// Sets the stage in `memory`, which was made for the same request and posts. `tag` marks the
    /// run's probes.
    ///
    /// # Panics
    ///
    /// If it was made for others.
    #[must_use]
    pub fn new(request: &'a Request, posts: &'a [Post], tag: Tag, memory: &'a mut Memory) -> Self {
        let Memory {
            stats,
            cells,
            grid,
            dimensions,
            ..
        } = memory;
        let (seen, flows) = (&memory.seen, &memory.flows);
        let lines = WindowMemory {
            seen,
            flows,
            sent: &memory.sent,
            highest: &memory.highest,
        };
        let fill = FillingMemory {
            pool: &mut memory.pool,
            sums: &mut memory.sums,
        };
        let probes = match (&request.mode, dimensions) {
            (Mode::SendRecv(sendrecv), Some(dimensions)) => {
                let len = filling_len(sendrecv.payload_len);
                let filling = Filling::new(fill, sendrecv.seed, len);
                let sequences = SequenceWindow::new(*dimensions, lines);
                let parts = filling.zip(sequences);
                let (filling, sequences) = parts.expect("the memory was made for this request");
                Some(Probes {
                    sendrecv,
                    sequences,
                    filling,
                    tag,
                })
            }
            _ => None,
        };
        Self {
            request,
            posts,
            stats,
            rings: cells.iter().map(|cells| Ring::new(*grid, cells)).collect(),
            probes,
            budget: memory.budget.as_ref(),
            phase: PhaseCell::default(),
        }
    }

    /// The worker at the post `number`, which works on `port`, one of the run's `ports`.
    ///
    /// # Panics
    ///
    /// If there is no such post, or it sends probes that do not fit in a packet.
    #[must_use]
    pub fn worker<P: Port>(&self, number: usize, port: P, ports: &[OpenedPort]) -> Worker<'_, P> {
        let post = self.posts[number];
        let role = match (post.role, &self.probes) {
            (summary::Role::Tx, Some(probes)) => {
                let plan = probes.plan(self.request, self.number_in_role(number));
                let source_mac = ports[post.port].mac;
                let template = probes.template(post.port, source_mac);
                Role::Transmit(Generator::new(plan, template, &probes.sequences))
            }
            (summary::Role::Rx, Some(probes)) => Role::Receive(Receiver::new(
                self.number_in_role(number),
                probes.expectation(),
                &probes.sequences,
                probes.sendrecv.rate.is_some(),
            )),
            _ => Role::Reflect(Reflector::new(ports[post.port].mac, self.budget)),
        };
        let intervals = Writer::new(&self.rings[number]);
        let recorder = Recorder::new(&self.stats[number], intervals);
        Worker::new(port, role, recorder)
    }

    /// How many posts of the same role come before this one.
    fn number_in_role(&self, number: usize) -> u16 {
        let role = self.posts[number].role;
        self.posts[..number]
            .iter()
            .filter(|post| post.role == role)
            .count() as u16
    }

    /// What is asked for.
    #[must_use]
    pub const fn request(&self) -> &'a Request {
        self.request
    }

    /// Who does what.
    #[must_use]
    pub const fn posts(&self) -> &'a [Post] {
        self.posts
    }

    /// What each worker shows, in the order of the posts.
    #[must_use]
    pub const fn stats(&self) -> &'a [WorkerStats] {
        self.stats
    }

    /// The interval rings, in the order of the posts.
    #[must_use]
    pub fn rings(&self) -> &[Ring<'a>] {
        &self.rings
    }

    /// Whether the probes carry the time at which they were due.
    #[must_use]
    pub fn knows_due_times(&self) -> bool {
        self.probes.as_ref().is_some_and(|probes| {
            probes.sendrecv.rate.is_some() && usize::from(probes.sendrecv.payload_len) >= LONG_LEN
        })
    }
}

impl<'a> Probes<'a> {
    fn plan(&self, request: &Request, stream: u16) -> generator::Plan {
        generator::Plan {
            stream,
            streams: self.sequences.streams(),
            rate: self.sendrecv.rate,
            warmup: self.sendrecv.warmup,
            duration: request.duration,
            count: request.count,
            burst: request.tx_burst,
            first_source_port: *self.sendrecv.src_ports.start(),
            source_ports: self.sendrecv.source_ports(),
        }
    }

    fn template(&self, port: usize, source_mac: Mac) -> Template<'a> {
        let addresses = Addresses {
            source_mac,
            destination_mac: Mac(of_port(&self.sendrecv.dest_macs, port)),
            source: of_port(&self.sendrecv.sources, port),
            destination: self.sendrecv.dest,
        };
        Template::new(
            &addresses,
            self.tag,
            self.sendrecv.payload_len,
            self.filling,
        )
        .expect("a validated payload length")
    }

    fn expectation(&self) -> Expectation<'a> {
        Expectation {
            sources: self.sendrecv.sources.iter().copied().collect(),
            destination: self.sendrecv.dest,
            first_source_port: *self.sendrecv.src_ports.start(),
            last_source_port: *self.sendrecv.src_ports.end(),
            payload_len: self.sendrecv.payload_len,
            tag: self.tag,
            filling: self.filling,
        }
    }
}

/// Of what was given once or once per port, that of `port`.
fn of_port<T: Copy>(given: &[T], port: usize) -> T {
    given[port.min(given.len() - 1)]
}
