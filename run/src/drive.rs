//! A run from its start to its exit status, on threads and in real time.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use dpdkgen_core::phase::Phase;
use dpdkgen_core::port::Port;
use dpdkgen_core::probe::Tag;
use dpdkgen_core::time::{Clock, Nanos};
use dpdkgen_core::worker::{self, Worker};
use dpdkgen_report::patience::Patience;
use dpdkgen_report::summary::{Device, StopReason, Summary};
use dpdkgen_report::voice::{Stream, say_last};

use crate::clock::{LateClock, Timebase};
use crate::control::{Control, End, Scene, Stop};
use crate::device::DeviceTally;
use crate::failure::Failure;
use crate::outputs::Outputs;
use crate::request::{Mode, Request};
use crate::sampling::Sampled;
use crate::signals::StopSignals;
use crate::stage::{Memory, OpenedPort, Post, Stage, posts};
use crate::totals::{Circumstances, summarize};

/// How often the control thread looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How often it measures the clock and reads the devices' counters.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// What carries a run on real threads: its ports have been opened and their links are up.
pub trait Runtime {
    /// A queue, or a pair of them.
    type Port: Port + Send;

    /// The run's ports.
    fn ports(&self) -> &[OpenedPort];

    /// The lcore for each of the workers at `posts`; several may share one.
    fn lcores(&self, posts: &[Post]) -> Vec<u32>;

    /// The queue, or the pair, of each of the workers at `posts`; asked for once.
    fn queues(&mut self, posts: &[Post]) -> Vec<Self::Port>;

    /// What the control thread needs of the runtime.
    fn for_control(&self) -> impl ForControl + use<Self>;

    /// Runs each job on its lcore, and returns when all have ended.
    fn run_on_lcores(&self, jobs: Vec<(u32, Job<'_>)>);
}

/// What the control thread needs of a runtime.
pub trait ForControl: Send + Sync {
    /// Called first, so that the control thread does not take a worker's CPU.
    fn settle(&self) {}

    /// What the devices have counted so far, port by port.
    fn device(&self) -> Vec<Device>;
}

/// The work of one lcore.
pub type Job<'s> = Box<dyn FnOnce() + Send + 's>;

/// Runs `request` on `runtime` until it ends or is ended, and returns the exit status.
///
/// # Errors
///
/// If the run cannot be started.
pub fn drive<R: Runtime>(
    mut request: Request,
    runtime: &mut R,
    mut signals: StopSignals,
    mut outputs: Outputs,
) -> Result<u8, Failure> {
    let tag = tag(&mut request);
    let posts = posts(&request, runtime.ports().len());
    let lcores = runtime.lcores(&posts);
    let mut memory = Memory::new(&request, &posts)?;
    let stage = Stage::new(&request, &posts, tag, &mut memory);
    let timebase = Timebase::new();
    let for_control = runtime.for_control();
    let mut device = DeviceTally::new(for_control.device());
    let queues = runtime.queues(stage.posts());
    let mut run = Run {
        stage: &stage,
        timebase: &timebase,
        runtime: &*runtime,
        lcores: &lcores,
        outputs: &mut outputs,
        signals: &mut signals,
        device: &mut device,
    };
    let end = match run.outputs.taps(posts.len()) {
        None => run.go(queues),
        Some(taps) => {
            let sampled = queues.into_iter().zip(taps);
            let sampled =
                sampled.map(|(port, tap)| Sampled::new(port, tap, LateClock::new(&timebase)));
            run.go(sampled.collect())
        }
    }?;

    device.sample(for_control.device());
    let circumstances = Circumstances {
        end,
        clock: timebase.describe(),
        ports: runtime.ports(),
        lcores: &lcores,
        device: device.finish(),
    };
    let summary = summarize(&stage, circumstances);
    outputs.ended(&stage);
    Ok(conclude(&request, &summary, outputs, &mut signals))
}

/// Writes and shows a run that was ended before it could start, and returns the exit status.
///
/// # Errors
///
/// If the run could not have been started.
pub fn end_before_start<R: Runtime>(
    mut request: Request,
    runtime: &mut R,
    mut signals: StopSignals,
    outputs: Outputs,
) -> Result<u8, Failure> {
    let tag = tag(&mut request);
    let posts = posts(&request, runtime.ports().len());
    let mut memory = Memory::new(&request, &posts)?;
    let stage = Stage::new(&request, &posts, tag, &mut memory);
    let stop = Stop {
        reason: StopReason::Signal,
        at: Nanos(0),
    };
    let circumstances = Circumstances {
        end: End {
            stop,
            drained: false,
        },
        clock: Timebase::new().describe(),
        ports: runtime.ports(),
        lcores: &runtime.lcores(&posts),
        device: DeviceTally::new(runtime.for_control().device()).finish(),
    };
    Ok(conclude(
        &request,
        &summarize(&stage, circumstances),
        outputs,
        &mut signals,
    ))
}

/// The run's tag, a fresh one if none was asked for; the request then tells it.
fn tag(request: &mut Request) -> Tag {
    let Mode::SendRecv(sendrecv) = &mut request.mode else {
        return Tag::new(0);
    };
    // The standard library seeds its hashers from the system's entropy.
    let fresh = || RandomState::new().hash_one(Instant::now()) % Tag::TAGS;
    Tag::new(*sendrecv.run_tag.get_or_insert_with(fresh))
}

/// A run that is about to start.
struct Run<'r, 's, R> {
    stage: &'r Stage<'s>,
    timebase: &'r Timebase,
    runtime: &'r R,
    lcores: &'r [u32],
    outputs: &'r mut Outputs,
    signals: &'r mut StopSignals,
    device: &'r mut DeviceTally,
}

impl<R: Runtime> Run<'_, '_, R> {
    /// Runs the workers on their `ports`, one for each post, to the end.
    fn go<P: Port + Send>(&mut self, ports: Vec<P>) -> Result<End, Failure> {
        let Self {
            stage,
            timebase,
            runtime,
            lcores,
            ..
        } = *self;
        let crews = crews(stage, ports, runtime.ports(), lcores);
        let announcement = announcement(stage.request(), runtime.ports(), &crews);
        self.outputs.tell(&announcement);
        let (crew_count, ready) = (crews.len(), AtomicUsize::new(0));
        let (ready, for_control) = (&ready, &runtime.for_control());
        let ports = runtime.ports();
        let (outputs, device) = (&mut *self.outputs, &mut *self.device);
        let signals = &mut *self.signals;
        thread::scope(|scope| {
            let control = thread::Builder::new()
                .name("control".to_owned())
                .spawn_scoped(scope, move || {
                    for_control.settle();
                    while ready.load(Ordering::Acquire) < crew_count {
                        thread::sleep(Duration::from_micros(100));
                    }
                    timebase.start();
                    outputs.begin(SystemTime::now());
                    stage.phase.set(Phase::Running);
                    let mut sight = Sight {
                        ports,
                        lcores,
                        device,
                        for_control,
                    };
                    watch(stage, timebase, signals, outputs, &mut sight)
                });
            let control = control.map_err(|error| {
                Failure::machine(format!("no control thread could be made: {error}"))
            })?;
            let jobs = crews.into_iter().map(|(lcore, mut crew)| {
                let job = move || {
                    crew.iter_mut().for_each(Worker::prime);
                    ready.fetch_add(1, Ordering::AcqRel);
                    stage.phase.wait_for_start();
                    worker::run(&mut crew, &mut timebase.reader(), &stage.phase);
                };
                (lcore, Box::new(job) as Job<'_>)
            });
            runtime.run_on_lcores(jobs.collect());
            control
                .join()
                .map_err(|_| Failure::machine("the control thread panicked"))
        })
    }
}

/// The workers of each lcore, in the order in which the lcores are first named.
fn crews<'s, P: Port>(
    stage: &'s Stage<'_>,
    queues: Vec<P>,
    ports: &[OpenedPort],
    lcores: &[u32],
) -> Vec<(u32, Vec<Worker<'s, P>>)> {
    let mut crews: Vec<(u32, Vec<_>)> = Vec::new();
    for (number, (port, lcore)) in queues.into_iter().zip(lcores).enumerate() {
        let worker = stage.worker(number, port, ports);
        match crews.iter_mut().find(|(of, _)| of == lcore) {
            Some((_, crew)) => crew.push(worker),
            None => crews.push((*lcore, vec![worker])),
        }
    }
    crews
}

/// What is about to happen, and how to end it.
fn announcement<W>(request: &Request, ports: &[OpenedPort], crews: &[(u32, Vec<W>)]) -> String {
    let listed = |items: Vec<String>| items.join(", ");
    let does = match request.mode {
        Mode::SendRecv(_) => "Sending",
        Mode::Reflect => "Reflecting",
    };
    format!(
        "{does} on {} with {} on {} {}; Ctrl-C ends the run.",
        listed(ports.iter().map(|port| port.name.clone()).collect()),
        match crews.iter().map(|(_, crew)| crew.len()).sum() {
            1 => "1 worker".to_owned(),
            workers => format!("{workers} workers"),
        },
        if crews.len() == 1 { "lcore" } else { "lcores" },
        listed(crews.iter().map(|(lcore, _)| lcore.to_string()).collect()),
    )
}

/// What the control thread sees beside the workers.
struct Sight<'r, F> {
    ports: &'r [OpenedPort],
    lcores: &'r [u32],
    device: &'r mut DeviceTally,
    for_control: &'r F,
}

/// The control thread's loop.
fn watch(
    stage: &Stage<'_>,
    timebase: &Timebase,
    signals: &mut StopSignals,
    outputs: &mut Outputs,
    sight: &mut Sight<'_, impl ForControl>,
) -> End {
    let mut clock = timebase.reader();
    let mut control = Control::new(stage);
    let mut measured = Instant::now();
    loop {
        let now = clock.now();
        let end = control.poll(now, signals.requests(), &mut |row| outputs.row(row));
        let scene = Scene {
            ports: sight.ports,
            lcores: sight.lcores,
            device: sight.device.so_far(),
        };
        let progress = || control.progress(now, &scene);
        if let Some(end) = end {
            outputs.end(progress);
            return end;
        }
        outputs.tick(now, progress);
        if measured.elapsed() >= MEASURE_EVERY {
            measured = Instant::now();
            timebase.adjust();
            sight.device.sample(sight.for_control.device());
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Writes and shows the end of the run, as long as the user has not asked too often to end it, and says
/// what its exit status is.
#[must_use]
pub fn conclude(
    request: &Request,
    summary: &Summary,
    outputs: Outputs,
    signals: &mut StopSignals,
) -> u8 {
    let mut requests = || signals.requests();
    let mut patience = Patience::new(&mut requests);
    let mut sentences = outputs.finish(summary, &mut patience);
    let is_whole = sentences.is_empty();
    let misses = missed_thresholds(request, summary);
    let keeps_thresholds = misses.is_empty();
    sentences.extend(misses);
    if !sentences.is_empty() {
        let lines: Vec<_> = sentences.iter().map(|s| format!("dpdkgen: {s}")).collect();
        // If nobody reads that, the exit status still tells.
        let _ = say_last(Stream::Stderr, "errors", &lines.join("\n"), &mut patience);
    }
    match (is_whole, keeps_thresholds) {
        (false, _) => 1,
        (true, false) => 3,
        (true, true) => 0,
    }
}

/// The thresholds that the run was to keep and did not, a sentence each.
fn missed_thresholds(request: &Request, summary: &Summary) -> Vec<String> {
    let Mode::SendRecv(sendrecv) = &request.mode else {
        return Vec::new();
    };
    let mut misses = Vec::new();
    if let Some(most) = sendrecv.max_loss {
        match summary.loss_ratio {
            Some(loss) if loss > most => misses.push(format!(
                "{} % was lost, more than --max-loss {} %",
                loss * 100.0,
                most * 100.0
            )),
            Some(_) => {}
            None => misses.push("nothing was sent, so --max-loss was not kept".to_owned()),
        }
    }
    if let Some(most) = sendrecv.max_p99 {
        match summary.latency_ns {
            Some(latency) if latency.p99 > most.0 => misses.push(format!(
                "the 99th percentile of the round trip was {} ns, more than --max-p99 {} ns",
                latency.p99, most.0
            )),
            Some(_) => {}
            None => misses.push("nothing came back, so --max-p99 was not kept".to_owned()),
        }
    }
    misses
}
