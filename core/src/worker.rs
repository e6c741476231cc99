//! The poll loop, the same in every runtime.
//!
//! A worker owns one queue, or a pair of them. The workers of one lcore form a [`Crew`] and are
//! polled in turn. Between start and stop nothing here takes a lock or allocates, and no two workers
//! write to a cache line that both use.

use crate::budget::Budget;
use crate::generator::{Generator, Sent};
use crate::intervals::{Interval, Writer};
use crate::port::{Port, Verdict};
use crate::receiver::Receiver;
use crate::reflector::{Ignored, Reflector};
use crate::stats::{Counters, STALL, WorkerStats};
use crate::sync::{AtomicU64, Edge, acquire, release, spin_loop};
use crate::time::{Clock, Nanos};

/// How often a worker publishes what it counted.
const PUBLISH_EVERY: Nanos = Nanos::MILLISECOND;

/// Most bursts that a reflector takes in one poll: it goes on while they are full, so that a look at
/// the clock, and all that is done once a poll, serves more packets where there are many.
const BURSTS: u32 = 4;

/// When polls begin further apart, a reflector takes one burst in each, lest several make a stall.
const APART: Nanos = Nanos(STALL.0 / BURSTS as u64);

/// Where a run stands; it only ever goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The clock has not been started.
    Waiting,
    /// Sending and receiving.
    Running,
    /// Nothing more is sent; what is in flight is received.
    Draining,
    /// Nothing more is done.
    Stopping,
}

/// The phase of a run: written by the control thread, read by the workers.
#[repr(align(128))]
pub struct Command(AtomicU64);

impl Default for Command {
    fn default() -> Self {
        Self(AtomicU64::new(Phase::Waiting as u64))
    }
}

impl Command {
    /// Goes on to `phase`.
    pub fn set(&self, phase: Phase) {
        self.0.store(phase as u64, release(Edge::Phase));
    }

    /// Spins until the run starts.
    pub fn wait_for_start(&self) {
        while self.phase() == Phase::Waiting {
            spin_loop();
        }
    }

    /// Where the run stands.
    #[must_use]
    #[inline]
    pub fn phase(&self) -> Phase {
        const RUNNING: u64 = Phase::Running as u64;
        const WAITING: u64 = Phase::Waiting as u64;
        const DRAINING: u64 = Phase::Draining as u64;
        match self.0.load(acquire(Edge::Phase)) {
            WAITING => Phase::Waiting,
            RUNNING => Phase::Running,
            DRAINING => Phase::Draining,
            _ => Phase::Stopping,
        }
    }
}

/// What a worker does.
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
    Reflect {
        /// Turns frames round.
        reflector: Reflector,
        /// How many packets all reflecting workers together may still send, if that is limited.
        budget: Option<&'a Budget>,
    },
}

/// A queue, or a pair of them, and what is done with it.
pub struct Worker<'a, P> {
    port: P,
    role: Role<'a>,
    /// Most packets that the port receives at once.
    rx_burst: u16,
    writer: Writer<'a>,
    stats: &'a WorkerStats,
    counters: Counters,
    last_poll: Option<Nanos>,
    /// Most bursts of the next poll, of a reflector.
    bursts: u32,
    full_bursts: u64,
    has_ended: bool,
}

impl<'a, P: Port> Worker<'a, P> {
    /// A worker over `port`, which receives at most `rx_burst` packets at once.
    #[must_use]
    pub fn new(
        port: P,
        role: Role<'a>,
        rx_burst: u16,
        writer: Writer<'a>,
        stats: &'a WorkerStats,
    ) -> Self {
        Self {
            port,
            role,
            rx_burst,
            writer,
            stats,
            counters: Counters::default(),
            last_poll: None,
            bursts: 1,
            full_bursts: 0,
            has_ended: false,
        }
    }

    /// Polls a receiver's queue once and forgets what came before the start; to be called before it.
    ///
    /// Some devices (net_memif) lend their peer receive buffers only when they are polled, and what
    /// came back sooner would be lost.
    pub fn prime(&mut self) {
        if let Role::Receive(_) = self.role {
            self.port.receive(|_| {});
        }
    }

    /// Does what there is to do at `now`, and returns the time at which it was done. The poll itself
    /// counts if `is_counted`.
    #[inline]
    fn poll(
        &mut self,
        now: Nanos,
        clock: &mut impl Clock,
        phase: Phase,
        is_counted: bool,
    ) -> Nanos {
        let moved = if self.writer.open(now) {
            self.work(now, clock, phase)
        } else {
            0
        };
        let after = clock.now();
        if is_counted {
            self.count_poll(now, after, moved);
        }
        after
    }

    #[inline]
    fn work(&mut self, now: Nanos, clock: &mut impl Clock, phase: Phase) -> u16 {
        let Self {
            port,
            role,
            rx_burst,
            writer,
            stats,
            counters,
            bursts,
            full_bursts,
            ..
        } = self;
        let mut count_burst = |counters: &mut Counters, is_full| {
            *full_bursts = if is_full { *full_bursts + 1 } else { 0 };
            let most = &mut counters.poll.full_bursts_max;
            *most = (*most).max(*full_bursts);
        };
        match role {
            Role::Transmit(generator) => {
                if phase >= Phase::Draining {
                    generator.stop(now);
                }
                let accepted = match generator.poll(now, port, stats, counters, writer) {
                    Sent::Burst(accepted) => accepted,
                    Sent::Idle => 0,
                    Sent::Ended => {
                        self.has_ended = true;
                        return 0;
                    }
                };
                count_burst(counters, accepted == generator.burst());
                accepted
            }
            Role::Receive(receiver) => {
                if phase == Phase::Stopping {
                    self.has_ended = true;
                    return 0;
                }
                let received = receive(port, receiver, clock, stats, counters, writer);
                count_burst(counters, received == *rx_burst);
                received
            }
            Role::Reflect { reflector, budget } => {
                if phase >= Phase::Draining {
                    self.has_ended = true;
                    return 0;
                }
                let mut moved = 0;
                for _ in 0..*bursts {
                    let received = match budget {
                        None => {
                            forward::<_, false>(now, port, reflector, u64::MAX, counters, writer).0
                        }
                        Some(budget) => {
                            let claimed = budget.claim(u64::from(*rx_burst));
                            if claimed == 0 {
                                break;
                            }
                            let (received, sent) =
                                forward::<_, true>(now, port, reflector, claimed, counters, writer);
                            budget.give_back(claimed - u64::from(sent));
                            received
                        }
                    };
                    moved += received;
                    let is_full = received == *rx_burst;
                    count_burst(counters, is_full);
                    if !is_full {
                        break;
                    }
                }
                moved
            }
        }
    }

    #[inline]
    fn count_poll(&mut self, now: Nanos, after: Nanos, moved: u16) {
        let poll = &mut self.counters.poll;
        poll.polls += 1;
        if moved == 0 {
            poll.empty += 1;
        } else {
            poll.packets += u64::from(moved);
            poll.busy_ns += (after - now).0;
        }
        if let Some(last) = self.last_poll {
            let pause = now - last;
            self.bursts = if pause > APART { 1 } else { BURSTS };
            if pause > STALL {
                poll.stalls += 1;
                poll.longest_stall_ns = poll.longest_stall_ns.max(pause.0);
            }
        }
        self.last_poll = Some(now);
    }

    /// Shows what was counted; whatever is counted later happens at `now` or later.
    fn publish(&mut self, now: Nanos, elapsed: Nanos) {
        if let Some(depth) = self.port.rx_depth() {
            let poll = &mut self.counters.poll;
            poll.tells_depth = 1;
            poll.depth_max = poll.depth_max.max(u64::from(depth));
        }
        self.counters.poll.elapsed_ns = elapsed.0;
        self.counters.poll.last_ns = now.0;
        self.stats.publish(&self.counters);
        if self.has_ended {
            self.writer.end();
        } else {
            self.writer.pass(now);
        }
    }
}

#[inline(never)] // so that the loop over a burst has the registers to itself
fn receive<P: Port>(
    port: &mut P,
    receiver: &mut Receiver<'_>,
    clock: &mut impl Clock,
    stats: &WorkerStats,
    counters: &mut Counters,
    writer: &mut Writer<'_>,
) -> u16 {
    let mut receipt = None;
    let received = port.receive(|frame| {
        let now = *receipt.get_or_insert_with(|| {
            let now = clock.now();
            // Opened already but for a stall just here; what was received has to be counted.
            while !writer.open(now) {
                spin_loop();
            }
            now
        });
        receiver.receive(frame, now, stats, counters, writer);
    });
    if let Some(now) = receipt {
        receiver.flush(now, stats, counters, writer);
    }
    received
}

/// Sends back at most `allowed` of a burst, or as many as came; returns how many were received and
/// how many sent.
#[inline(never)] // as above
fn forward<P: Port, const LIMITED: bool>(
    now: Nanos,
    port: &mut P,
    reflector: &mut Reflector,
    allowed: u64,
    counters: &mut Counters,
    writer: &mut Writer<'_>,
) -> (u16, u16) {
    let mut left = allowed;
    let outcome = port.forward(|frame| {
        let is_allowed = !LIMITED || left > 0;
        let verdict = if is_allowed && reflector.reflect_known(frame) {
            Verdict::Send
        } else {
            forward_other(frame, reflector, is_allowed, counters)
        };
        if LIMITED && verdict == Verdict::Send {
            left -= 1;
        }
        verdict
    });
    if outcome.received > 0 {
        let rx = &mut counters.rx;
        rx.packets += u64::from(outcome.received);
        rx.bytes += outcome.received_bytes;
        let tx = &mut counters.tx;
        tx.packets += u64::from(outcome.sent);
        tx.bytes += outcome.sent_bytes;
        tx.refused += u64::from(outcome.refused);
        let interval = Interval {
            tx_packets: u64::from(outcome.sent),
            rx_packets: u64::from(outcome.received),
            ..Interval::default()
        };
        let index = writer.index_of(now);
        writer.count(index, &interval);
    }
    (outcome.received, outcome.sent)
}

/// Turns round a frame of any kind, and counts what is not simply sent back.
#[cold]
#[inline(never)]
fn forward_other(
    frame: &mut [u8],
    reflector: &mut Reflector,
    is_allowed: bool,
    counters: &mut Counters,
) -> Verdict {
    let ignored = &mut counters.ignored;
    let reason = match reflector.reflect_other(frame) {
        Ok(reflected) if is_allowed => {
            counters.rx.checksum_partial += u64::from(reflected.checksum_partial);
            return Verdict::Send;
        }
        Ok(_) => &mut ignored.past_count,
        Err(Ignored::NotIpv4) => &mut ignored.not_ipv4,
        Err(Ignored::NotUdp) => &mut ignored.not_udp,
        Err(Ignored::Fragment) => &mut ignored.fragment,
        Err(Ignored::Malformed) => &mut ignored.malformed,
        Err(Ignored::GroupAddress) => &mut ignored.group_address,
        Err(Ignored::OwnMac) => &mut ignored.own_mac,
        Err(Ignored::Ttl) => &mut ignored.ttl,
    };
    *reason += 1;
    Verdict::Drop
}

/// The workers of one lcore.
pub struct Crew<'w, 'a, P> {
    workers: &'w mut [Worker<'a, P>],
    next_publish: Nanos,
    /// Time spent in [`Phase::Running`] since counting began.
    elapsed: Nanos,
}

impl<'w, 'a, P: Port> Crew<'w, 'a, P> {
    /// `workers`, to be polled in turn.
    #[must_use]
    pub const fn new(workers: &'w mut [Worker<'a, P>]) -> Self {
        Self {
            workers,
            next_publish: Nanos(0),
            elapsed: Nanos(0),
        }
    }

    /// Polls every worker once, from `begin` on, and returns when that was done; `None` when all of
    /// them have ended.
    #[inline]
    pub fn round(&mut self, begin: Nanos, clock: &mut impl Clock, phase: Phase) -> Option<Nanos> {
        let mut now = begin;
        let mut has_ended = true;
        let starts = |worker: &Worker<'_, P>| worker.writer.division().start;
        let is_counted = phase == Phase::Running && self.workers.first().map(starts) <= Some(begin);
        for worker in self.workers.iter_mut().filter(|worker| !worker.has_ended) {
            now = worker.poll(now, clock, phase, is_counted);
            has_ended &= worker.has_ended;
        }
        if is_counted {
            self.elapsed = self.elapsed + (now - begin);
        }
        if now >= self.next_publish || has_ended {
            self.next_publish = now + PUBLISH_EVERY;
            for worker in &mut *self.workers {
                worker.publish(now, self.elapsed);
            }
        }
        (!has_ended).then_some(now)
    }
}

/// Polls `workers` from now to the end of the run, as told by `command`.
pub fn run<P: Port>(workers: &mut [Worker<'_, P>], clock: &mut impl Clock, command: &Command) {
    let mut crew = Crew::new(workers);
    let mut now = clock.now();
    // One reading of the clock ends a poll and begins the next.
    while let Some(done) = crew.round(now, clock, command.phase()) {
        now = done;
    }
}

#[cfg(test)]
mod tests;
