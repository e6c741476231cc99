//! An lcore of a simulated run, which acts when the scheduler lets it.

use dpdkgen_core::phase::Phase;
use dpdkgen_core::time::{Clock, Instant, Span};
use dpdkgen_core::worker::LcoreWorkers;

use super::endpoints::{Queue, Workers};
use crate::conditions::HostConditions;
use crate::link::port::SharedLcore;
use crate::rng::Rng;
use crate::truth::polls::Polls;

/// The share of rounds before which an lcore's clock steps forward, if clocks differ.
const CLOCK_STEPS: f64 = 0.001;

/// One lcore: its workers and its time.
pub struct Actor<'w, 's, 'l> {
    workers: LcoreWorkers<'w, 's, Queue<'l>>,
    lcore: SharedLcore,
    /// The reading of its clock at which its next round begins.
    begin: Instant,
    /// The time at which counting begins, by its clock.
    start: Instant,
    has_ended: bool,
    hosts: HostConditions,
    rng: Rng,
    polls: Polls,
}

impl<'w, 's, 'l> Actor<'w, 's, 'l> {
    /// Makes the lcore that polls the workers `on_lcore` and starts at `birth` (true time).
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

    /// Returns the true time that it has come to; `None` if it has nothing more to do.
    pub fn time(&self) -> Option<Instant> {
        (!self.has_ended).then(|| self.lcore.0.time.get())
    }

    /// Polls each of its workers once.
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

    /// Returns the record of its polls.
    #[must_use]
    pub fn finish(self) -> Polls {
        self.polls
    }
}
