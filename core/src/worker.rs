//! The poll loop, the same in every runtime.
//!
//! A worker owns one queue, or a pair of them. The workers of one lcore form [`LcoreWorkers`] and are
//! polled in turn. Between start and stop nothing here takes a lock or allocates, and no two workers
//! write to a cache line that both use.

mod meter;

use self::meter::{PollMeter, TAKEN_AWAY};
use crate::phase::{Phase, PhaseCell};
use crate::port::Port;
use crate::reflect::Reflector;
use crate::rx::Receiver;
use crate::stats::Recorder;
use crate::time::{Clock, Instant, Span};
use crate::tx::Generator;

/// The time from one publication of a worker's counts to the next.
const PUBLISH_INTERVAL: Span = Span::from_millis(1);

/// The role of a worker.
#[expect(
    clippy::large_enum_variant,
    reason = "made once a worker, and there is no heap to box it"
)]
pub enum Role<'a> {
    /// Sends the probes of one stream.
    Transmit(Generator<'a>),
    /// Receives probes.
    Receive(Receiver<'a>),
    /// Sends back what it receives.
    Reflect(Reflector<'a>),
}

/// The outcome of a poll of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// It moved so many packets.
    Moved(u16),
    /// It has nothing more to do.
    Ended,
}

/// A queue, or a pair of them, and the role that works on it.
pub struct Worker<'a, P> {
    port: P,
    role: Role<'a>,
    /// The number of packets in a full received burst.
    rx_burst: u16,
    recorder: Recorder<'a>,
    meter: PollMeter,
    has_ended: bool,
}

impl<'a, P: Port> Worker<'a, P> {
    /// Makes a worker over `port`.
    ///
    /// # Panics
    ///
    /// Panics if it is to send frames that the port does not carry.
    #[must_use]
    pub fn new(port: P, role: Role<'a>, recorder: Recorder<'a>) -> Self {
        let capabilities = port.capabilities();
        if let Role::Transmit(generator) = &role {
            assert!(
                generator.untagged_frame_len() <= capabilities.max_frame,
                "a port that carries {:?} has no room for {:?}",
                capabilities.max_frame,
                generator.untagged_frame_len()
            );
        }
        Self {
            port,
            role,
            rx_burst: capabilities.rx_burst,
            recorder,
            meter: PollMeter::default(),
            has_ended: false,
        }
    }

    /// Polls a receiver's queue once, before the start, and forgets what came.
    ///
    /// Some devices (net_memif) lend their peer receive buffers only when they are polled, and what
    /// came back sooner would be lost.
    pub fn prime(&mut self) {
        if let Role::Receive(_) = self.role {
            self.port.receive(|_| {});
        }
    }

    /// Does what there is to do at `now`, and returns the time at which it was done. The poll
    /// itself counts if `is_counted`.
    #[inline]
    fn poll(
        &mut self,
        now: Instant,
        clock: &mut impl Clock,
        phase: Phase,
        is_counted: bool,
    ) -> Instant {
        let moved = if self.recorder.intervals.open(now) {
            self.work(now, clock, phase)
        } else {
            0
        };
        let after = clock.now();
        if is_counted {
            let poll = &mut self.recorder.counters.poll;
            self.meter.count(poll, now, after, moved);
        }
        after
    }

    #[inline]
    fn work(&mut self, now: Instant, clock: &mut impl Clock, phase: Phase) -> u16 {
        let Self {
            port,
            role,
            rx_burst,
            recorder,
            meter,
            ..
        } = self;
        let polled = match role {
            Role::Transmit(generator) => generator.poll(now, phase, port, recorder),
            Role::Receive(receiver) => receiver.poll(phase, *rx_burst, port, clock, recorder),
            Role::Reflect(reflector) => {
                reflector.poll(now, phase, meter.bursts(), *rx_burst, port, recorder)
            }
        };
        match polled {
            Polled::Moved(packets) => packets,
            Polled::Ended => {
                self.has_ended = true;
                0
            }
        }
    }

    /// Publishes what was counted; whatever is counted later happens at `now` or later.
    fn publish(&mut self, now: Instant, elapsed: Span) {
        let poll = &mut self.recorder.counters.poll;
        if let Some(depth) = self.port.rx_depth() {
            poll.has_rx_depth = 1;
            poll.depth_max = poll.depth_max.max(u64::from(depth));
        }
        poll.elapsed_ns = elapsed.as_nanos();
        if self.has_ended {
            self.recorder.end(now);
        } else {
            self.recorder.publish(now);
        }
    }
}

/// The workers of one lcore.
pub struct LcoreWorkers<'w, 'a, P> {
    workers: &'w mut [Worker<'a, P>],
    next_publish: Instant,
    /// Time spent in [`Phase::Running`] since counting began, without polls in which the lcore was taken
    /// away.
    elapsed: Span,
}

impl<'w, 'a, P: Port> LcoreWorkers<'w, 'a, P> {
    /// Makes an lcore of `workers`, to be polled in turn.
    #[must_use]
    pub const fn new(workers: &'w mut [Worker<'a, P>]) -> Self {
        Self {
            workers,
            next_publish: Instant::START,
            elapsed: Span::ZERO,
        }
    }

    /// Polls every worker once, from `begin` on, and returns when that was done; `None` when all of
    /// them have ended.
    #[inline]
    pub fn poll_all(
        &mut self,
        begin: Instant,
        clock: &mut impl Clock,
        phase: Phase,
    ) -> Option<Instant> {
        let mut now = begin;
        let mut has_ended = true;
        let starts = |worker: &Worker<'_, P>| worker.recorder.intervals.grid().start;
        let is_counted = phase == Phase::Running && self.workers.first().map(starts) <= Some(begin);
        for worker in self.workers.iter_mut().filter(|worker| !worker.has_ended) {
            let before = now;
            now = worker.poll(now, clock, phase, is_counted);
            has_ended &= worker.has_ended;
            let took = now.saturating_since(before);
            if is_counted && took < TAKEN_AWAY {
                self.elapsed = self.elapsed + took;
            }
        }
        if now >= self.next_publish || has_ended {
            self.next_publish = now + PUBLISH_INTERVAL;
            for worker in &mut *self.workers {
                worker.publish(now, self.elapsed);
            }
        }
        (!has_ended).then_some(now)
    }
}

/// Polls `workers` from now to the end of the run, as told by `phase`.
pub fn run<P: Port>(workers: &mut [Worker<'_, P>], clock: &mut impl Clock, phase: &PhaseCell) {
    let mut crew = LcoreWorkers::new(workers);
    let mut now = clock.now();
    // One reading of the clock ends a poll and begins the next.
    while let Some(done) = crew.poll_all(now, clock, phase.get()) {
        now = done;
    }
}

#[cfg(test)]
mod tests;
