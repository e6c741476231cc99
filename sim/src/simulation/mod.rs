//! A sender, a link and reflectors, from the start of a run to its end in virtual time.

mod actor;
mod endpoints;
mod scheduler;

use std::rc::Rc;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use dpdkgen_core::phase::Phase;
use dpdkgen_core::probe::Tag;
use dpdkgen_core::random::SplitMix64;
use dpdkgen_core::time::{Instant, Span};
use dpdkgen_report::summary::{self, Summary};
use dpdkgen_run::assembly::{Context, Memory, Placement, worker_specs};
use dpdkgen_run::failure::Failure;
use dpdkgen_run::request::{Mode, Reflect, Request, SendRecv};
use dpdkgen_run::results::end::{End, Executed};
use dpdkgen_run::runner::control::Control;
use dpdkgen_run::runner::trial::{Executor, Sink, trial};

use self::actor::Actor;
use self::scheduler::Scheduler;
use crate::conditions::Conditions;
use crate::link::{Link, SharedLink, Side};
use crate::rng::Rng;
use crate::truth::Truth;
use crate::truth::audit;
use crate::truth::polls::Polls;

/// The time between two looks of a control thread.
const LOOK_EVERY: Span = Span::from_millis(1);

/// A run over a simulated link.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The request to the sender, a `sendrecv`.
    pub request: Request,
    /// The conditions of link and hosts.
    pub conditions: Conditions,
}

/// A run that is over.
#[derive(Debug)]
pub struct Finished {
    /// The summary that it told.
    pub summary: Summary,
    /// The number of the probes sent that the device under test dropped.
    pub dropped: u64,
    /// The sentences about what is not true in the summary or in a row; none if all is true.
    pub disagreements: Vec<String>,
}

impl Scenario {
    /// Checks that the ports that the request names exist.
    ///
    /// # Errors
    ///
    /// If a port is named that there is not.
    pub fn check(&self) -> Result<(), Failure> {
        endpoints::open_ports(&self.request).map(|_| ())
    }

    /// Runs it, and compares what it tells with what is true.
    ///
    /// # Errors
    ///
    /// If the request cannot be met.
    pub fn run(&self, sink: &mut impl Sink) -> Result<Finished, Failure> {
        let mut simulation = Simulation::new(self)?;
        let summary = trial(&mut simulation, &self.request, sink)?;
        Ok(Finished {
            summary,
            dropped: simulation.dropped,
            disagreements: simulation.disagreements,
        })
    }
}

/// A simulated link, on which trials are carried out in virtual time, each on an empty one.
pub struct Simulation {
    conditions: Conditions,
    placement: Arc<Placement>,
    tags: SplitMix64,
    /// The seed of the next trial; that of the conditions is the first one's.
    seed: u64,
    /// The number of the probes sent in the last trial that the device under test dropped.
    pub dropped: u64,
    /// The sentences about what the trials so far told that is not true.
    pub disagreements: Vec<String>,
}

impl Simulation {
    /// Opens the ports that `scenario` asks for.
    ///
    /// # Errors
    ///
    /// If a port is named that there is not.
    pub fn new(scenario: &Scenario) -> Result<Self, Failure> {
        let conditions = scenario.conditions;
        let mut ports = endpoints::open_ports(&scenario.request)?;
        // The link carries bits of frames, and no preambles.
        ports
            .iter_mut()
            .for_each(|port| port.line_bps = conditions.link.bandwidth);
        let specs = worker_specs(&scenario.request, ports.len());
        Ok(Self {
            conditions,
            placement: Arc::new(Placement {
                lcores: endpoints::lcores(specs.len(), &conditions.hosts),
                ports,
                specs,
            }),
            tags: SplitMix64(conditions.seed),
            seed: conditions.seed,
            dropped: 0,
            disagreements: Vec::new(),
        })
    }
}

impl Executor for Simulation {
    fn placement(&self) -> Arc<Placement> {
        Arc::clone(&self.placement)
    }

    fn fresh_tag(&mut self) -> u64 {
        self.tags.next() % Tag::TAGS
    }

    fn execute(
        &mut self,
        context: &Context<'_>,
        sink: &mut impl Sink,
        summarize: impl FnOnce(Executed) -> Summary,
    ) -> Result<Summary, Failure> {
        let request = context.request();
        let Mode::SendRecv(sendrecv) = &request.mode else {
            return Err(Failure::request("only a sendrecv can be simulated"));
        };
        let simulated = SimulatedTrial {
            request,
            conditions: Conditions {
                seed: self.seed,
                ..self.conditions
            },
        };
        self.seed = SplitMix64(self.seed).next();
        if !sendrecv.is_through {
            let reflector = simulated.reflector();
            // Before anything begins that empties files.
            Memory::check(&reflector, &worker_specs(&reflector, 1))?;
        }
        let mut pool = endpoints::Pool::new(sendrecv);
        let tag = Tag::new(sendrecv.run_tag.unwrap_or(0));
        let truth = endpoints::truth(context, sendrecv, tag, &mut pool);
        let Placement { ports, specs, .. } = context.placement();
        let link = simulated.link(ports.len(), sendrecv, truth);

        let taps = sink.taps(specs.len());
        // Virtual time has no date: the same run gives the same files.
        sink.begin(UNIX_EPOCH);
        let mut on_lcores = endpoints::workers(context, Side::Sender, &link, taps);
        let mut senders = simulated.actors(&mut on_lcores, Instant::START);
        let end = if sendrecv.is_through {
            simulated.run_through(context, &mut senders, &link, sink)
        } else {
            simulated.run(context, &mut senders, &link, sink)?
        };
        let polls: Vec<Polls> = senders.into_iter().map(Actor::finish).collect();
        drop(on_lcores);

        let link = Rc::into_inner(link)
            .expect("all ends are gone")
            .into_inner();
        let mut summary = summarize(Executed {
            end,
            clock: summary::Clock {
                source: summary::ClockSource::Virtual,
                hz: None,
                error_ppm: None,
            },
            device: endpoints::devices(&link, ports),
            events: Vec::new(),
            lost_without_vf: None,
        });
        let conditions = self.conditions.config();
        summary.config.insert("simulation".to_owned(), conditions);
        let mut truth = link.truth;
        audit::summary(&mut truth, &summary, request);
        audit::histograms(&mut truth, context);
        audit::workers(&mut truth, &summary, &polls);
        self.dropped = truth.dropped;
        self.disagreements.extend_from_slice(truth.disagreements());
        Ok(summary)
    }
}

/// One trial: a sender, the link, and reflectors one after the other.
struct SimulatedTrial<'r> {
    /// The request to the sender, a `sendrecv`.
    request: &'r Request,
    conditions: Conditions,
}

impl SimulatedTrial<'_> {
    /// Makes the link between the sender, which has so many ports, and the reflector, or from the
    /// sender to itself.
    fn link<'a>(&self, ports: usize, sendrecv: &SendRecv, truth: Truth<'a>) -> SharedLink<'a> {
        let sender = endpoints::queues(self.request, ports as u16);
        let reflector = (!sendrecv.is_through).then(|| endpoints::queues(&self.reflector(), 1));
        let frame_len = sendrecv.frame_len().into();
        let layout = sendrecv.layout();
        Link::new(
            self.conditions,
            (layout, frame_len),
            sender,
            reflector,
            truth,
        )
    }

    /// Returns the request to the reflector.
    fn reflector(&self) -> Request {
        Request {
            mode: Mode::Reflect(Reflect::default()),
            ports: Vec::new(),
            rxq: self.conditions.hosts.reflector_queues,
            txq: self.conditions.hosts.reflector_queues,
            duration: None,
            count: None,
            ..self.request.clone()
        }
    }

    /// Makes the lcores of one side, whose run starts at `birth`.
    fn actors<'w, 's, 'l>(
        &self,
        on_lcores: &'w mut [endpoints::Workers<'s, 'l>],
        birth: Instant,
    ) -> Vec<Actor<'w, 's, 'l>> {
        let numbered = on_lcores.iter_mut().enumerate();
        numbered
            .map(|(number, workers)| {
                let rng = Rng::new(self.conditions.seed ^ birth.as_nanos(), 2 + number as u64);
                Actor::new(workers, birth, self.conditions.hosts, rng)
            })
            .collect()
    }

    /// Runs the sender to its end, on a link that forwards.
    fn run_through(
        &self,
        context: &Context<'_>,
        senders: &mut [Actor<'_, '_, '_>],
        link: &SharedLink<'_>,
        sink: &mut impl Sink,
    ) -> End {
        let mut scheduler = Scheduler::new(context, link, LOOK_EVERY, Instant::START);
        context.phase.set(Phase::Running);
        let end = scheduler.run(Instant::MAX, senders, sink);
        end.expect("a control thread looks for ever until the run is over")
    }

    /// Runs the sender to its end, while reflectors start and die.
    ///
    /// # Errors
    ///
    /// If there is no memory for a reflector.
    fn run(
        &self,
        context: &Context<'_>,
        senders: &mut [Actor<'_, '_, '_>],
        link: &SharedLink<'_>,
        sink: &mut impl Sink,
    ) -> Result<End, Failure> {
        let mut scheduler = Scheduler::new(context, link, LOOK_EVERY, Instant::START);
        let mut rng = Rng::new(self.conditions.seed, u64::MAX);
        let hosts = &self.conditions.hosts;
        context.phase.set(Phase::Running);
        let mut birth = Instant::START;
        loop {
            // Around the time asked for: from half of it to half as much again.
            let death = match hosts.restart_every {
                Span::ZERO => Instant::MAX,
                every => birth + Span::from_nanos(every.as_nanos() / 2) + rng.up_to(every),
            };
            let end = self.run_reflector(birth, death, senders, &mut scheduler, link, sink)?;
            if let Some(end) = end {
                return Ok(end);
            }
            birth = death + hosts.restart_for;
            if let Some(end) = scheduler.run(birth, senders, sink) {
                return Ok(end);
            }
            link.borrow_mut().drop_at_reflector(birth);
        }
    }

    /// Runs a reflector from its birth to its death; `Some` if the sender's run was over sooner.
    ///
    /// # Errors
    ///
    /// If there is no memory for it.
    fn run_reflector(
        &self,
        birth: Instant,
        death: Instant,
        senders: &mut [Actor<'_, '_, '_>],
        scheduler: &mut Scheduler<'_, '_, '_>,
        link: &SharedLink<'_>,
        sink: &mut impl Sink,
    ) -> Result<Option<End>, Failure> {
        let request = self.reflector();
        let specs = worker_specs(&request, 1);
        let placement = Placement {
            ports: vec![endpoints::reflector_port()],
            lcores: endpoints::lcores(specs.len(), &self.conditions.hosts),
            specs,
        };
        let mut memory = Memory::new(&request, &placement.specs)?;
        let context = Context::new(&request, &placement, Tag::new(0), &mut memory);
        let mut on_lcores = endpoints::workers(&context, Side::Reflector, link, None);
        let mut actors = self.actors(&mut on_lcores, birth);
        context.phase.set(Phase::Running);
        let mut control = Control::new(&context);
        // The reflector's own clock.
        let since_birth = |now: Instant| Instant::START + now.saturating_since(birth);
        let (mut rows, mut last_look) = (audit::RowSums::default(), birth);
        let over = scheduler.run_with_reflector(death, senders, &mut actors, sink, |now| {
            last_look = now;
            control.poll(since_birth(now), 0, &mut |row| rows.add(row));
        });
        // What it counted last is told too.
        context.phase.set(Phase::Stopping);
        for actor in &mut actors {
            actor.step(Phase::Stopping);
        }
        control.poll(since_birth(last_look), 1, &mut |row| rows.add(row));
        audit::reflector(&mut link.borrow_mut().truth, &context, rows);
        Ok(over)
    }
}
