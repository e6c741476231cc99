//! A trial: one load on ports that are open, from its first packet to its summary.
//!
//! Promised: ports stay open from one trial to the next, and each begins anew: sequences at 0,
//! counters at 0, a tag of its own, so that what is left on its way from an earlier trial is
//! foreign. An [`Executor`] moves the packets (threads on lcores, a simulation), and a [`Sink`]
//! watches.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{self, SystemTime};

use dpdkgen_core::probe::Tag;
use dpdkgen_core::time::Instant;
use dpdkgen_report::csv::Row;
use dpdkgen_report::progress::{Phase, Progress};
use dpdkgen_report::summary::{Device, StopReason, Summary};

use crate::assembly::{Context, Memory, Placement};
use crate::failure::Failure;
use crate::outputs::sampling::Tap;
use crate::request::{Mode, Request};
use crate::results::device::DeviceTally;
use crate::results::end::{End, Executed, Stop};
use crate::results::totals::summarize;
use crate::runner::clock::Timebase;
use crate::runner::threads::{ForControl, Runtime};

/// A watcher of a trial, which may end it.
pub trait Sink: Send {
    /// Takes a sentence for the person who watches, before anything begins.
    fn tell(&mut self, _line: &str) {}

    /// Returns a tap for each of so many workers to sample frames with, if that is wanted.
    fn taps(&mut self, _workers: usize) -> Option<Vec<Tap>> {
        None
    }

    /// Notes that rows will tell the paths of netvsc ports, before the trial begins.
    fn add_paths(&mut self) {}

    /// Notes that the trial begins, at `start` by the clock on the wall.
    fn begin(&mut self, _start: SystemTime) {}

    /// Takes the next interval, which is closed.
    fn row(&mut self, _row: &Row) {}

    /// Notes that it is `now`, in this phase, every few milliseconds; `progress` tells how far the
    /// trial is.
    fn tick(&mut self, _now: Instant, _phase: Phase, _progress: &dyn Fn() -> Progress) {}

    /// Notes that the trial is over; `progress` tells what it came to.
    fn end(&mut self, _progress: &dyn Fn() -> Progress) {}

    /// Takes what the summary does not tell: nothing on `context` changes any more.
    fn ended(&mut self, _context: &Context<'_>) {}

    /// Returns how often the user has asked to stop.
    fn stop_requests(&mut self) -> usize {
        0
    }
}

/// A watcher that looks at nothing and ends nothing.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Sink for Nobody {}

/// The executor of trials: open ports, and the time, real or virtual, that passes on them.
pub trait Executor {
    /// Returns the ports, and who works where on them.
    fn placement(&self) -> Arc<Placement>;

    /// Returns a tag that no other trial is likely to have.
    fn fresh_tag(&mut self) -> u64 {
        // The standard library seeds its hashers from the system's entropy.
        RandomState::new().hash_one(time::Instant::now()) % Tag::TAGS
    }

    /// Has the workers of `context` work until the trial is over, and returns what `summarize` makes of
    /// how that was.
    ///
    /// # Errors
    ///
    /// Returns a failure if it cannot begin.
    fn execute(
        &mut self,
        context: &Context<'_>,
        sink: &mut impl Sink,
        summarize: impl FnOnce(Executed) -> Summary,
    ) -> Result<Summary, Failure>;
}

/// Carries out `request`, whose ports are those of `executor`, and returns what came of it.
///
/// # Errors
///
/// Returns a failure if it cannot begin; then `sink` has not begun either.
pub fn trial<E: Executor>(
    executor: &mut E,
    request: &Request,
    sink: &mut impl Sink,
) -> Result<Summary, Failure> {
    let mut request = request.clone();
    let tag = match &mut request.mode {
        Mode::Reflect(_) => Tag::new(0),
        // The summary tells it.
        Mode::SendRecv(sendrecv) => {
            let fresh = || executor.fresh_tag();
            Tag::new(*sendrecv.run_tag.get_or_insert_with(fresh))
        }
    };
    let placement = executor.placement();
    let mut memory = Memory::new(&request, &placement.specs)?;
    let context = Context::new(&request, &placement, tag, &mut memory);
    let summary = executor.execute(&context, sink, |executed| summarize(&context, executed))?;
    sink.ended(&context);
    Ok(summary)
}

/// Ends every trial before it begins: the user did not want to wait for a link.
pub struct EndedBeforeStart {
    placement: Arc<Placement>,
    /// The counters of the devices, all 0.
    device: Vec<Device>,
}

impl EndedBeforeStart {
    /// Makes what ends trials on `runtime` before they begin.
    #[must_use]
    pub fn on(runtime: &impl Runtime) -> Self {
        Self {
            placement: runtime.placement(),
            device: DeviceTally::new(runtime.for_control().device()).finish(),
        }
    }
}

impl Executor for EndedBeforeStart {
    fn placement(&self) -> Arc<Placement> {
        Arc::clone(&self.placement)
    }

    fn execute(
        &mut self,
        _: &Context<'_>,
        _: &mut impl Sink,
        summarize: impl FnOnce(Executed) -> Summary,
    ) -> Result<Summary, Failure> {
        let stop = Stop {
            reason: StopReason::Signal,
            at: Instant::START,
        };
        Ok(summarize(Executed {
            end: End {
                stop,
                drained: false,
            },
            clock: Timebase::new().describe(),
            device: self.device.clone(),
            events: Vec::new(),
            lost_without_vf: None,
        }))
    }
}
