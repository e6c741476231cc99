//! An allocator that counts, and a run whose rounds are counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;

use dpdkgen_core::phase::Phase;
use dpdkgen_core::port::Port;
use dpdkgen_core::probe::Tag;
use dpdkgen_core::probe::layout::Marks;
use dpdkgen_core::probe::sizes::Sizes;
use dpdkgen_core::time::{Clock, Span};
use dpdkgen_core::tx::pacer::Rate;
use dpdkgen_core::wire::Mac;
use dpdkgen_core::worker::{LcoreWorkers, Worker};
use dpdkgen_report::summary::{Origin, Summary};
use dpdkgen_run::assembly::{Context, Memory, OpenedPort, Placement, WorkerSpec, worker_specs};
use dpdkgen_run::request::{Mode, Request, SendRecv, Verbosity};
use dpdkgen_run::results::end::Executed;
use dpdkgen_run::results::totals::summarize;
use dpdkgen_run::runner::clock::Timebase;
use dpdkgen_run::runner::control::Control;

/// The system's allocator, counting for each thread.
pub struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // The thread may be at its end and have no locals any more.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call goes on to the system's allocator as it came; counting does not allocate,
// since the cell is const-initialised and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps to the contract of this same function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: as above, and all memory came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Returns how often this thread has asked the allocator for anything.
pub fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

/// Returns a request of probes that look the same from both ends, so that a port which gives back
/// what it was given plays the reflector.
pub fn request(rate: Option<Rate>) -> Request {
    let address = IpAddr::from([10, 0, 0, 1]);
    let sendrecv = SendRecv {
        sources: vec![address],
        dests: vec![SocketAddr::new(address, 10_000)],
        is_through: false,
        is_oneway: false,
        is_resolved: false,
        marks: Marks::default(),
        gateways: vec![],
        src_ports: 10_000..=10_000,
        dest_macs: vec![Mac([2, 0, 0, 0, 0, 1])],
        sizes: Sizes::one(200),
        rate,
        warmup: Span::ZERO,
        seed: 1,
        run_tag: Some(1),
        drain: Span::from_millis(5),
        ends_drain_early: false,
        window: None,
        max_loss: None,
        max_p99: None,
        max_skipped: None,
    };
    Request {
        mode: Mode::SendRecv(sendrecv),
        ports: Vec::new(),
        rxq: 1,
        txq: 1,
        rx_burst: 32,
        tx_burst: 32,
        rx_desc: 1024,
        tx_desc: 1024,
        mtu: None,
        stats_file: None,
        interval: Span::from_millis(1),
        grace: Span::from_millis(5),
        flush_every: Span::from_secs(1),
        duration: Some(Span::from_millis(100)),
        count: None,
        wait_link: Span::from_secs(1),
        json: None,
        hdr: None,
        pcap: None,
        pcap_sample: NonZeroU32::new(1_000).unwrap(),
        metrics: None,
        report: None,
        verbosity: Verbosity::Quiet,
        own: serde_json::Map::new(),
        origin: Origin::default(),
    }
}

/// Runs `request` on the queues that `queue` gives, and returns its summary and how often its
/// workers asked for memory.
pub fn run<P: Port>(request: &Request, mut queue: impl FnMut(WorkerSpec) -> P) -> (Summary, u64) {
    let name = "loop".to_owned();
    let port = OpenedPort {
        vf_driver: None,
        driver: name.clone(),
        name,
        mac: Mac([2, 0, 0, 0, 0, 1]),
        line_bps: None,
    };
    let placement = Placement {
        ports: vec![port],
        specs: worker_specs(request, 1),
        lcores: vec![0, 0],
    };
    let mut memory = Memory::new(request, &placement.specs).unwrap();
    let context = Context::new(request, &placement, Tag::new(1), &mut memory);
    let numbered = placement.specs.iter().enumerate();
    let mut workers: Vec<Worker<'_, P>> = numbered
        .map(|(number, spec)| context.worker(number, queue(*spec)))
        .collect();
    let timebase = Timebase::new();
    timebase.start();
    let mut clock = timebase.reader();
    let mut control = Control::new(&context);
    let mut crew = LcoreWorkers::new(&mut workers);
    context.phase.set(Phase::Running);
    let mut in_rounds = 0;
    let end = loop {
        let before = allocations();
        for _ in 0..100 {
            crew.poll_all(clock.now(), &mut clock, context.phase.get());
        }
        in_rounds += allocations() - before;
        if let Some(end) = control.poll(clock.now(), 0, &mut |_| {}) {
            break end;
        }
    };
    let executed = Executed {
        end,
        clock: timebase.describe(),
        device: Vec::new(),
        events: Vec::new(),
        lost_without_vf: None,
    };
    (summarize(&context, executed), in_rounds)
}
