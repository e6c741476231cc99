//! Trials in real time: a thread for each lcore, and one that controls them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use dpdkgen_core::phase::Phase;
use dpdkgen_core::port::Port;
use dpdkgen_core::time::Clock;
use dpdkgen_core::worker::{self, Worker};
use dpdkgen_report::summary::{Device, StopReason, Summary};

use crate::assembly::{Context, OpenedPort, Placement};
use crate::failure::Failure;
use crate::outputs::sampling::Sampled;
use crate::outputs::sampling::late_clock::LateClock;
use crate::request::Mode;
use crate::results::device::DeviceTally;
use crate::results::end::{End, Executed};
use crate::results::events::{EventLog, PortState};
use crate::results::paths::PathLog;
use crate::runner::clock::Timebase;
use crate::runner::control::Control;
use crate::runner::trial::{Executor, Sink};

/// The time from one look of the control thread to the next.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// The time after which the control thread measures the clock and reads the devices' counters
/// again.
const MEASURE_INTERVAL: Duration = Duration::from_secs(1);

/// A runtime that carries trials on real threads: its ports are open, and their links are up.
pub trait Runtime {
    /// A queue, or a pair of them.
    type Port: Port + Send;
    /// The threads that jobs are run on.
    type Lcores: Lcores;

    /// Returns the ports, and who works where on them.
    fn placement(&self) -> Arc<Placement>;

    /// Lends the queue, or the pair, of each worker in the order of the placement, and the lcores.
    fn parts(&mut self) -> (&mut [Self::Port], &Self::Lcores);

    /// Returns what the control thread needs of the runtime.
    fn for_control(&self) -> impl ForControl + use<Self>;
}

/// Threads that jobs are run on.
pub trait Lcores {
    /// Runs each job on its lcore, and returns when all have ended.
    fn run(&self, jobs: Vec<(u32, Job<'_>)>);
}

/// The part of a runtime that the control thread needs.
pub trait ForControl: Send {
    /// Prepares the control thread, from which it is called first, so that it does not take a
    /// worker's CPU.
    fn settle(&self) {}

    /// Returns what the devices have counted so far, port by port.
    fn device(&self) -> Vec<Device>;

    /// Returns whether the ports can carry anything, port by port. Asked every few milliseconds.
    fn states(&mut self) -> Vec<PortState>;
}

/// The work of one lcore.
pub type Job<'s> = Box<dyn FnOnce() + Send + 's>;

/// Carries trials out on the ports and lcores of a runtime.
pub struct Threads<'r, R>(pub &'r mut R);

impl<R: Runtime> Executor for Threads<'_, R> {
    fn placement(&self) -> Arc<Placement> {
        self.0.placement()
    }

    fn execute(
        &mut self,
        context: &Context<'_>,
        sink: &mut impl Sink,
        summarize: impl FnOnce(Executed) -> Summary,
    ) -> Result<Summary, Failure> {
        let mut for_control = self.0.for_control();
        let timebase = Timebase::new();
        let first = for_control.device();
        let request = context.request();
        let mut paths = PathLog::new(request.start(), request.interval, &first);
        let mut events = EventLog::new(
            context.request().start(),
            context.placement().ports.len(),
            context.next_hops(),
        );
        events.see_vfs(
            dpdkgen_core::time::Instant::START,
            &context.placement().ports,
            &first,
        );
        let mut device = DeviceTally::new(first);
        let (queues, on) = self.0.parts();
        let taps = sink.taps(queues.len());
        let mut run = Run {
            context,
            timebase: &timebase,
            lcores: on,
            sink,
            for_control: &mut for_control,
            seen: Seen {
                device: &mut device,
                events: &mut events,
                paths: &mut paths,
            },
        };
        let end = match taps {
            None => run.go(queues.iter_mut().collect()),
            Some(taps) => {
                let sampled = queues.iter_mut().zip(taps);
                let sampled =
                    sampled.map(|(port, tap)| Sampled::new(port, tap, LateClock::new(&timebase)));
                run.go(sampled.collect())
            }
        }?;
        device.sample(for_control.device());
        Ok(summarize(Executed {
            end,
            clock: timebase.describe(),
            device: device.finish(),
            events: events.finish(),
            lost_without_vf: paths.and_then(|paths| paths.lost_without_vf()),
        }))
    }
}

/// A trial that is about to start.
struct Run<'r, 's, L, S, F> {
    context: &'r Context<'s>,
    timebase: &'r Timebase,
    lcores: &'r L,
    sink: &'r mut S,
    for_control: &'r mut F,
    seen: Seen<'r>,
}

/// What is seen of the ports by looking again and again.
struct Seen<'r> {
    device: &'r mut DeviceTally,
    events: &'r mut EventLog,
    /// In runs with a netvsc port.
    paths: &'r mut Option<PathLog>,
}

impl Seen<'_> {
    /// Takes what the devices have counted at `now`.
    fn sample(
        &mut self,
        now: dpdkgen_core::time::Instant,
        ports: &[OpenedPort],
        devices: Vec<Device>,
    ) {
        self.events.see_vfs(now, ports, &devices);
        if let Some(paths) = self.paths {
            paths.see(now, &devices);
        }
        self.device.sample(devices);
    }
}

impl<L: Lcores, S: Sink, F: ForControl> Run<'_, '_, L, S, F> {
    /// Runs the workers on their `queues`, one for each worker, to the end.
    fn go<P: Port + Send>(&mut self, queues: Vec<P>) -> Result<End, Failure> {
        let Self {
            context,
            timebase,
            lcores,
            ..
        } = *self;
        let on_lcores = by_lcore(context, queues);
        self.sink.tell(&announcement(context, &on_lcores));
        let (lcore_count, ready) = (on_lcores.len(), AtomicUsize::new(0));
        let ready = &ready;
        let (sink, for_control, seen) = (&mut *self.sink, &mut *self.for_control, &mut self.seen);
        thread::scope(|scope| {
            let control = thread::Builder::new()
                .name("control".to_owned())
                .spawn_scoped(scope, move || {
                    for_control.settle();
                    while ready.load(Ordering::Acquire) < lcore_count {
                        thread::sleep(Duration::from_micros(100));
                    }
                    timebase.start();
                    if seen.paths.is_some() {
                        sink.add_paths();
                    }
                    sink.begin(SystemTime::now());
                    context.phase.set(Phase::Running);
                    watch(context, timebase, sink, seen, for_control)
                });
            let control = control.map_err(|error| {
                Failure::machine(format!("no control thread could be made: {error}"))
            })?;
            let jobs = on_lcores.into_iter().map(|(lcore, mut workers)| {
                let job = move || {
                    workers.iter_mut().for_each(Worker::prime);
                    ready.fetch_add(1, Ordering::AcqRel);
                    context.phase.wait_for_start();
                    worker::run(&mut workers, &mut timebase.reader(), &context.phase);
                };
                (lcore, Box::new(job) as Job<'_>)
            });
            lcores.run(jobs.collect());
            control
                .join()
                .map_err(|_| Failure::machine("the control thread panicked"))
        })
    }
}

/// Makes the workers of each lcore, in the order in which the lcores are first named.
fn by_lcore<'s, P: Port>(
    context: &'s Context<'_>,
    queues: Vec<P>,
) -> Vec<(u32, Vec<Worker<'s, P>>)> {
    let mut on_lcores: Vec<(u32, Vec<_>)> = Vec::new();
    for (number, (port, lcore)) in queues
        .into_iter()
        .zip(&context.placement().lcores)
        .enumerate()
    {
        let worker = context.worker(number, port);
        match on_lcores.iter_mut().find(|(of, _)| of == lcore) {
            Some((_, workers)) => workers.push(worker),
            None => on_lcores.push((*lcore, vec![worker])),
        }
    }
    on_lcores
}

/// Says what is about to happen, and how to end it.
fn announcement<W>(context: &Context<'_>, on: &[(u32, Vec<W>)]) -> String {
    let listed = |items: Vec<String>| items.join(", ");
    let ports = context.placement().ports.iter();
    let does = match context.request().mode {
        Mode::SendRecv(_) => "Sending",
        Mode::Reflect(_) => "Reflecting",
    };
    format!(
        "{does} on {} with {} on {} {}; Ctrl-C ends the run.",
        listed(ports.map(|port| port.name.clone()).collect()),
        match on.iter().map(|(_, workers)| workers.len()).sum() {
            1 => "1 worker".to_owned(),
            workers => format!("{workers} workers"),
        },
        if on.len() == 1 { "lcore" } else { "lcores" },
        listed(on.iter().map(|(lcore, _)| lcore.to_string()).collect()),
    )
}

/// Does the control thread's work until the trial is over, and returns how it ended.
fn watch(
    context: &Context<'_>,
    timebase: &Timebase,
    sink: &mut impl Sink,
    seen: &mut Seen<'_>,
    for_control: &mut impl ForControl,
) -> End {
    let mut clock = timebase.reader();
    let mut control = Control::new(context);
    let mut measured = Instant::now();
    let ports = &context.placement().ports;
    loop {
        let now = clock.now();
        let states = for_control.states();
        seen.events.see_states(now, ports, &states);
        seen.events
            .see_handed_over(now, ports, &control.handed_over());
        if states.contains(&PortState::Removed) {
            control.stop(now, StopReason::Removed);
        }
        seen.events.see_next_hops(now, ports, context.next_hops());
        let requests = sink.stop_requests();
        let paths = &mut *seen.paths;
        let end = control.poll(now, requests, &mut |row| {
            let mut row = *row;
            if let Some(paths) = paths {
                paths.complete(&mut row);
            }
            sink.row(&row);
        });
        let progress = || control.progress(now, seen.device.so_far());
        if let Some(end) = end {
            sink.end(&progress);
            return end;
        }
        sink.tick(now, control.phase(now), &progress);
        if measured.elapsed() >= MEASURE_INTERVAL {
            measured = Instant::now();
            timebase.adjust();
            seen.sample(clock.now(), ports, for_control.device());
        }
        thread::sleep(LOOK_INTERVAL);
    }
}
