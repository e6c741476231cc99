//! A sender, a link and a reflector, from start to end in virtual time.

mod actor;
mod ends;

use std::rc::Rc;

use dpdkgen_core::phase::Phase;
use dpdkgen_core::probe::Tag;
use dpdkgen_core::time::Nanos;
use dpdkgen_report::csv::Row;
use dpdkgen_report::progress::Progress;
use dpdkgen_report::summary::{self, Summary};
use dpdkgen_run::control::{self, Control};
use dpdkgen_run::failure::Failure;
use dpdkgen_run::request::{Mode, Request};
use dpdkgen_run::sampling::Tap;
use dpdkgen_run::stage::{Memory, Stage, posts};
use dpdkgen_run::totals::{Circumstances, summarize};

pub use self::actor::Polls;
use self::actor::{Actor, LookOut, Seen};
use crate::audit;
use crate::chance::Chance;
use crate::conditions::Conditions;
use crate::link::{Link, SharedLink, Side};

/// How often a control thread looks.
const LOOK_EVERY: Nanos = Nanos::MILLISECOND;

/// A run over a simulated link.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What the sender is asked for; a `sendrecv`.
    pub request: Request,
    /// What the world is like.
    pub conditions: Conditions,
}

/// Whoever watches a run.
pub trait Watcher {
    /// An interval was closed.
    fn row(&mut self, _: &Row) {}
    /// The run begins; what so many workers sample frames with, if that is wanted.
    fn begin(&mut self, _workers: usize) -> Option<Vec<Tap>> {
        None
    }
    /// Time passes; the run is so far.
    fn tick(&mut self, _: Nanos, _progress: &dyn Fn() -> Progress) {}
    /// The run is over, and came to this.
    fn end(&mut self, _progress: &dyn Fn() -> Progress) {}
    /// The run on this stage has ended, and nothing in it changes any more.
    fn ended(&mut self, _: &Stage<'_>) {}
    /// How often the user has asked to stop.
    fn stop_requests(&mut self) -> usize {
        0
    }
}

/// Nobody watches.
pub struct Nobody;

impl Watcher for Nobody {}

/// What came of a run.
#[derive(Debug)]
pub struct Finished {
    /// What it says.
    pub summary: Summary,
    /// In what that, or a row, is not true.
    pub disagreements: Vec<String>,
}

impl Scenario {
    /// Checks what can be checked before anything happens.
    ///
    /// # Errors
    ///
    /// If a port is named that there is not.
    pub fn check(&self) -> Result<(), Failure> {
        ends::open_ports(&self.request).map(|_| ())
    }

    /// Lets it happen, and compares what is told with what is true.
    ///
    /// # Errors
    ///
    /// If the request cannot be met.
    ///
    /// # Panics
    ///
    /// If it is not a `sendrecv`.
    pub fn run(&self, watcher: &mut impl Watcher) -> Result<Finished, Failure> {
        let Mode::SendRecv(sendrecv) = &self.request.mode else {
            panic!("only a sendrecv can be simulated")
        };
        let ports = ends::open_ports(&self.request)?;
        let reflector = self.reflector();
        // Before anything begins that empties files.
        Memory::check(&reflector, &posts(&reflector, 1))?;
        let posts = posts(&self.request, ports.len());
        let mut memory = Memory::new(&self.request, &posts)?;
        let tag = Tag::new(sendrecv.run_tag.unwrap_or(self.conditions.seed));
        let stage = Stage::new(&self.request, &posts, tag, &mut memory);
        let mut pool = ends::Pool::new(sendrecv);
        let link = self.link(ports.len(), ends::truth(&stage, sendrecv, tag, &mut pool));

        let lcores = ends::lcores(posts.len(), &self.conditions.hosts);
        let taps = watcher.begin(posts.len());
        let mut crews = ends::crews(&stage, Side::Sender, &link, (&ports, &lcores), taps);
        let mut senders = self.actors(&mut crews, Nanos(0));
        let seen = Seen {
            ports: &ports,
            lcores: &lcores,
            link: &link,
        };
        let end = self.live(&stage, &mut senders, seen, watcher)?;
        let polls: Vec<Polls> = senders.into_iter().map(Actor::finish).collect();
        drop(crews);

        let link = Rc::into_inner(link)
            .expect("all ends are gone")
            .into_inner();
        let circumstances = Circumstances {
            end,
            clock: summary::Clock {
                source: summary::ClockSource::Virtual,
                hz: None,
                error_ppm: None,
            },
            ports: &ports,
            lcores: &lcores,
            device: ends::devices(&link, &ports),
        };
        let mut summary = summarize(&stage, circumstances);
        let conditions = self.conditions.config();
        summary.config.insert("simulation".to_owned(), conditions);
        watcher.ended(&stage);
        let mut truth = link.truth;
        audit::summary(&mut truth, &summary, &self.request);
        audit::histograms(&mut truth, &stage);
        audit::workers(&mut truth, &summary, &polls);
        Ok(Finished {
            summary,
            disagreements: truth.disagreements().to_vec(),
        })
    }

    fn link<'a>(&self, ports: usize, truth: crate::truth::Truth<'a>) -> SharedLink<'a> {
        let sender = ends::queues(&self.request, ports as u16);
        let reflector = ends::queues(&self.reflector(), 1);
        let Mode::SendRecv(sendrecv) = &self.request.mode else {
            unreachable!("checked by the caller")
        };
        let frame_len = sendrecv.frame_len().into();
        Link::new(self.conditions, frame_len, sender, reflector, truth)
    }

    /// What the reflector is asked for.
    fn reflector(&self) -> Request {
        Request {
            mode: Mode::Reflect,
            ports: Vec::new(),
            rxq: self.conditions.hosts.reflector_queues,
            txq: self.conditions.hosts.reflector_queues,
            duration: None,
            count: None,
            ..self.request.clone()
        }
    }

    fn actors<'w, 's, 'l>(
        &self,
        crews: &'w mut [ends::Workers<'s, 'l>],
        birth: Nanos,
    ) -> Vec<Actor<'w, 's, 'l>> {
        let numbered = crews.iter_mut().enumerate();
        numbered
            .map(|(number, crew)| {
                let chance = Chance::new(self.conditions.seed ^ birth.0, 2 + number as u64);
                Actor::new(crew, birth, self.conditions.hosts, chance)
            })
            .collect()
    }

    /// Gives every lcore its rounds, and the control threads theirs, until the run is over.
    fn live(
        &self,
        stage: &Stage<'_>,
        senders: &mut [Actor<'_, '_, '_>],
        seen: Seen<'_, '_>,
        watcher: &mut impl Watcher,
    ) -> Result<control::End, Failure> {
        let link = seen.link;
        let mut look_out = LookOut::new(stage, seen, LOOK_EVERY, Nanos(0));
        let mut chance = Chance::new(self.conditions.seed, u64::MAX);
        let hosts = &self.conditions.hosts;
        stage.phase.set(Phase::Running);
        let mut birth = Nanos(0);
        loop {
            // Around the time asked for: from half of it to half as much again.
            let death = match hosts.restart_every {
                Nanos(0) => Nanos::MAX,
                every => birth + Nanos(every.0 / 2) + chance.up_to(every),
            };
            let alive = self.reflect(birth, death, senders, &mut look_out, link, watcher)?;
            if let Some(end) = alive {
                return Ok(end);
            }
            birth = death + hosts.restart_for;
            if let Some(end) = look_out.go(birth, senders, watcher) {
                return Ok(end);
            }
            link.borrow_mut().forget_what_reached_the_reflector(birth);
        }
    }

    /// A reflector from its birth to its death; `Some` if the run was over sooner.
    fn reflect(
        &self,
        birth: Nanos,
        death: Nanos,
        senders: &mut [Actor<'_, '_, '_>],
        look_out: &mut LookOut<'_, '_, '_>,
        link: &SharedLink<'_>,
        watcher: &mut impl Watcher,
    ) -> Result<Option<control::End>, Failure> {
        let request = self.reflector();
        let posts = posts(&request, 1);
        let mut memory = Memory::new(&request, &posts)?;
        let stage = Stage::new(&request, &posts, Tag::new(0), &mut memory);
        let ports = [ends::reflector_port()];
        let lcores = ends::lcores(posts.len(), &self.conditions.hosts);
        let mut crews = ends::crews(&stage, Side::Reflector, link, (&ports, &lcores), None);
        let mut actors = self.actors(&mut crews, birth);
        stage.phase.set(Phase::Running);
        let mut control = Control::new(&stage);
        let (mut rows, mut last_look) = (audit::RowSums::default(), birth);
        let over = look_out.go_with(death, senders, &mut actors, watcher, |now| {
            last_look = now;
            control.poll(now - birth, 0, &mut |row| rows.add(row));
        });
        // It counts to its end.
        stage.phase.set(Phase::Stopping);
        for actor in &mut actors {
            actor.step(Phase::Stopping);
        }
        control.poll(last_look - birth, 1, &mut |row| rows.add(row));
        audit::reflector(&mut link.borrow_mut().truth, &stage, rows);
        Ok(over)
    }
}
