//! An lcore of a simulated world, which acts in its turn.

use dpdkgen_core::phase::Phase;
use dpdkgen_core::time::{Clock, Instant, Span};
use dpdkgen_core::worker::LcoreWorkers;

use super::endpoints::{Queue, Workers};
use crate::conditions::HostConditions;
use crate::link::port::SharedLcore;
use crate::rng::Rng;
use crate::truth::polls::Polls;

/// Share of polls after which an lcore's clock steps forward, if it may.
const CLOCK_STEPS: f64 = 0.001;

/// One lcore: its workers, and its time.
pub struct Actor<'w, 's, 'l> {
    workers: LcoreWorkers<'w, 's, Queue<'l>>,
    lcore: SharedLcore,
    /// What its clock said last, when a round begins.
    begin: Instant,
    /// When counting begins.
    start: Instant,
    has_ended: bool,
    hosts: HostConditions,
    rng: Rng,
    polls: Polls,
}

impl<'w, 's, 'l> Actor<'w, 's, 'l> {
    /// Makes the lcore of these workers, whose run starts at `birth`.
    #[must_use]
    pub fn new(
        on_lcore: &'w mut Workers<'s, 'l>,
        birth: Instant,
        hosts: HostConditions,
        mut rng: Rng,
    ) -> Self {
        let mut lcore = on_lcore.lcore.clone();
        lcore.0.time.set(birth);
        lcore.0.birth.set(birth);
        lcore.0.ahead.set(rng.up_to(hosts.clock_error));
        let polls = Polls::of(on_lcore.workers.len());
        Self {
            workers: LcoreWorkers::new(&mut on_lcore.workers),
            begin: lcore.now(),
            start: on_lcore.start,
            lcore,
            has_ended: false,
            hosts,
            rng,
            polls,
        }
    }

    /// Returns its own time; `None` if it has nothing more to do.
    pub fn time(&self) -> Option<Instant> {
        (!self.has_ended).then(|| self.lcore.0.time.get())
    }

    /// Lets it poll its workers once.
    pub fn step(&mut self, phase: Phase) {
        if self.has_ended {
            return;
        }
        let pause = Span::from_nanos(1)
            + self
                .rng
                .up_to(self.hosts.poll.saturating_sub(Span::from_nanos(1)));
        let lcore = &*self.lcore.0;
        lcore.pause.set(pause);
        if self.rng.happens(self.hosts.stalls) {
            let stall = self.rng.up_to(self.hosts.stall);
            // Between two polls, or between a poll's reading of the clock and its work.
            if self.rng.happens(0.5) {
                lcore.stall.set(stall);
            } else {
                lcore.spend(stall);
            }
        }
        if self.hosts.clock_error > Span::ZERO && self.rng.happens(CLOCK_STEPS) {
            let ahead = lcore.ahead.get();
            let step = self.rng.up_to(self.hosts.clock_error.saturating_sub(ahead));
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

    /// Returns how it spent its time.
    #[must_use]
    pub fn finish(self) -> Polls {
        self.polls
    }
}
