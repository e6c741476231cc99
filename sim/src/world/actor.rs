//! Whoever acts in a simulated world, each in its turn: lcores and the control thread.

use dpdkgen_core::phase::Phase;
use dpdkgen_core::time::{Clock, Nanos};
use dpdkgen_core::worker::LcoreWorkers;
use dpdkgen_run::assembly::{Context, OpenedPort};
use dpdkgen_run::runner::control::{Control, End, Scene};
use dpdkgen_run::runner::trial::Sink;

use super::ends::{self, Queue, Workers};
use crate::audit;
use crate::chance::Chance;
use crate::conditions::HostConditions;
use crate::link::SharedLink;
use crate::port::SharedLcore;

/// Share of polls after which an lcore's clock steps forward, if it may.
const CLOCK_STEPS: f64 = 0.001;

/// Polls further apart are a stall.
const STALL: Nanos = Nanos(50_000);

/// How an lcore of one worker really spent its time while the run was sending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Polls {
    /// How many workers it has.
    pub workers: usize,
    /// Polls.
    pub polls: u64,
    /// Polls that moved nothing.
    pub empty: u64,
    /// Time in the others.
    pub busy: Nanos,
    /// Time in all.
    pub elapsed: Nanos,
    /// Polls too far apart.
    pub stalls: u64,
    /// The farthest.
    pub longest: Nanos,
    last: Option<Nanos>,
}

/// One lcore: its workers, and its time.
pub struct Actor<'w, 's, 'l> {
    workers: LcoreWorkers<'w, 's, Queue<'l>>,
    lcore: SharedLcore,
    /// What its clock said last, when a round begins.
    begin: Nanos,
    /// When counting begins.
    start: Nanos,
    has_ended: bool,
    hosts: HostConditions,
    chance: Chance,
    polls: Polls,
}

impl<'w, 's, 'l> Actor<'w, 's, 'l> {
    /// Makes the lcore of these workers, whose run starts at `birth`.
    #[must_use]
    pub fn new(
        on_lcore: &'w mut Workers<'s, 'l>,
        birth: Nanos,
        hosts: HostConditions,
        mut chance: Chance,
    ) -> Self {
        let mut lcore = on_lcore.lcore.clone();
        lcore.0.time.set(birth);
        lcore.0.birth.set(birth);
        lcore.0.ahead.set(chance.up_to(hosts.clock_error));
        let polls = Polls {
            workers: on_lcore.workers.len(),
            ..Polls::default()
        };
        Self {
            workers: LcoreWorkers::new(&mut on_lcore.workers),
            begin: lcore.now(),
            start: on_lcore.start,
            lcore,
            has_ended: false,
            hosts,
            chance,
            polls,
        }
    }

    /// Its own time; `None` if it has nothing more to do.
    fn time(&self) -> Option<Nanos> {
        (!self.has_ended).then(|| self.lcore.0.time.get())
    }

    /// Lets it poll its workers once.
    pub fn step(&mut self, phase: Phase) {
        if self.has_ended {
            return;
        }
        let pause = Nanos(1) + self.chance.up_to(self.hosts.poll - Nanos(1));
        let lcore = &*self.lcore.0;
        lcore.pause.set(pause);
        if self.chance.happens(self.hosts.stalls) {
            let stall = self.chance.up_to(self.hosts.stall);
            // Between two polls, or between a poll's reading of the clock and its work.
            if self.chance.happens(0.5) {
                lcore.stall.set(stall);
            } else {
                lcore.spend(stall);
            }
        }
        if self.hosts.clock_error > Nanos(0) && self.chance.happens(CLOCK_STEPS) {
            let ahead = lcore.ahead.get();
            let step = self.chance.up_to(self.hosts.clock_error - ahead);
            lcore.ahead.set(ahead + step);
        }
        lcore.moved.set(0);
        let round = self.workers.poll_all(self.begin, &mut self.lcore, phase);
        let lcore = &*self.lcore.0;
        let done = lcore.reading.get();
        if phase == Phase::Running && self.begin >= self.start {
            self.polls.count(self.begin, done, lcore.moved.get());
        }
        self.begin = done;
        self.has_ended = round.is_none();
    }

    /// How it spent its time.
    #[must_use]
    pub fn finish(self) -> Polls {
        self.polls
    }
}

impl Polls {
    fn count(&mut self, begin: Nanos, done: Nanos, moved: u64) {
        self.polls += 1;
        self.elapsed = self.elapsed + (done - begin);
        if moved == 0 {
            self.empty += 1;
        } else {
            self.busy = self.busy + (done - begin);
        }
        if let Some(last) = self.last
            && begin - last > STALL
        {
            self.stalls += 1;
            self.longest = self.longest.max(begin - last);
        }
        self.last = Some(begin);
    }
}

/// What the control thread of the sender sees beside its workers.
#[derive(Clone, Copy)]
pub struct Seen<'k, 'l> {
    /// Its ports.
    pub ports: &'k [OpenedPort],
    /// The lcore of each of its workers.
    pub lcores: &'k [u32],
    /// The link.
    pub link: &'k SharedLink<'l>,
}

/// The control thread of the sender, and the order in which all act.
pub struct LookOut<'k, 's, 'l> {
    context: &'k Context<'s>,
    control: Control<'k, 's>,
    seen: Seen<'k, 'l>,
    every: Nanos,
    next: Nanos,
    rows: u64,
}

impl<'k, 's, 'l> LookOut<'k, 's, 'l> {
    /// Looks `every` so often from `first` on.
    #[must_use]
    pub fn new(context: &'k Context<'s>, seen: Seen<'k, 'l>, every: Nanos, first: Nanos) -> Self {
        Self {
            context,
            control: Control::new(context),
            seen,
            every,
            next: first,
            rows: 0,
        }
    }

    /// Lets the senders act until `until`; `Some` if the run is over sooner.
    pub fn go(
        &mut self,
        until: Nanos,
        senders: &mut [Actor<'_, '_, '_>],
        sink: &mut impl Sink,
    ) -> Option<End> {
        self.go_with(until, senders, &mut [], sink, |_| {})
    }

    /// The same with a reflector, whose own control thread is called every time.
    pub fn go_with(
        &mut self,
        until: Nanos,
        senders: &mut [Actor<'_, '_, '_>],
        echoes: &mut [Actor<'_, '_, '_>],
        sink: &mut impl Sink,
        mut echo_looks: impl FnMut(Nanos),
    ) -> Option<End> {
        loop {
            let sender = earliest(senders);
            let echo = earliest(echoes);
            let (now, number) = sender.unwrap_or((Nanos::MAX, 0));
            let (echo_now, echo_number) = echo.unwrap_or((Nanos::MAX, 0));
            let first = now.min(echo_now).min(self.next);
            if first >= until {
                return None;
            }
            if first == self.next {
                self.next = self.next + self.every;
                echo_looks(first);
                if let Some(end) = self.look(first, sink) {
                    return Some(end);
                }
            } else if now <= echo_now {
                senders[number].step(self.context.phase.get());
            } else {
                echoes[echo_number].step(Phase::Running);
            }
        }
    }

    fn look(&mut self, now: Nanos, sink: &mut impl Sink) -> Option<End> {
        let Self {
            control,
            seen,
            rows,
            ..
        } = self;
        let requests = sink.stop_requests();
        let end = control.poll(now, requests, &mut |row| {
            audit::row(&mut seen.link.borrow_mut().truth, *rows, row);
            *rows += 1;
            sink.row(row);
        });
        let progress = || {
            let device = ends::devices(&seen.link.borrow(), seen.ports);
            let scene = Scene {
                ports: seen.ports,
                lcores: seen.lcores,
                device: &device,
            };
            control.progress(now, &scene)
        };
        if end.is_some() {
            sink.end(&progress);
        } else {
            sink.tick(now, &progress);
        }
        end
    }
}

/// Whose turn it is, and when.
fn earliest(actors: &[Actor<'_, '_, '_>]) -> Option<(Nanos, usize)> {
    let times = actors.iter().enumerate();
    times
        .filter_map(|(number, actor)| Some((actor.time()?, number)))
        .min()
}
