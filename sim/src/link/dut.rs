//! A device under test whose capacity is known: it serves packets one after the other, holds a few
//! that wait, and drops what finds it full.
//!
//! It stands on the way to the reflector, behind the sender's wire and before all that the link does
//! to packets, so that its load is what the sender sent. Each trial finds it empty, as after a long
//! time without packets.

use std::collections::VecDeque;

use dpdkgen_core::time::{Instant, Span};
use dpdkgen_run::units::{RateSpec, RateUnit};

use crate::conditions::{DutConditions, SecondCapacity};
use crate::rng::Rng;

/// The time without packets after which a device has forgotten all flows.
const FORGETS_AFTER: Span = Span::from_secs(1);

/// The time over which utilisation is measured.
const WINDOW: Span = Span::from_millis(1);

/// The bits behind the point of times in fractions of a nanosecond: a capacity comes out exact to
/// the packet only if no packet's time is rounded to whole ones.
const FRACTION_BITS: u32 = 32;

/// The device under test.
///
/// **Capacity and queue.** A packet takes 1/C, or its bits over C; the next is served when it is
/// done, and up to N wait meanwhile. At a steady rate r up to C nothing is lost, if the queue takes
/// what the sender hands over at once (what came due since its last poll). Above it the queue is full
/// after N / (r - C), and each packet then takes (N + 1) / C; in a time t that is longer,
/// (r - C) t - (N + 1) packets are lost, to the packet: the share 1 - C / r in the long run. So the
/// highest rate at which a trial of length t loses nothing is C + (N + 1) / t.
///
/// **Warm-up.** For a time that begins with the first packet, and again with each that comes after a
/// second without any, it has a share of its capacity: it takes flows that it does not know.
///
/// **Load loss.** Each packet that comes is lost with the probability SHARE x u^2. The utilisation u
/// is the part of the last whole millisecond (counted from the start of the trial) that serving what
/// came in it takes, at most 1. At a steady rate r up to C that is SHARE x (r / C)^2 from the second
/// millisecond on; above it all that is lost is the larger of SHARE and 1 - C / r.
///
/// **Second capacity.** Time is cut into periods from the start of the trial. In each the device has
/// its second capacity C2 with the probability SHARE, drawn by itself and whatever the load. At a
/// rate above both, C is their mean weighted by SHARE; at one between C2 and C the probability that
/// nothing is lost in n periods, each longer than the queue takes to fill, is (1 - SHARE)^n.
#[derive(Debug)]
pub struct Dut {
    /// The number of packets that it holds beside the one in service.
    queue: usize,
    /// The times at which the packets that it holds leave it, in order.
    held: VecDeque<Instant>,
    /// The time at which it has served all of them, in fractions of a nanosecond.
    free: u128,
    /// The latest time at which a packet came; `None` before the first.
    arrived: Option<Instant>,
    speeds: Speeds,
    load: Load,
    rng: Rng,
}

impl Dut {
    /// Makes a device that has served nothing yet; `seed` determines all that is left to chance.
    #[must_use]
    pub fn new(conditions: &DutConditions, seed: u64) -> Self {
        Self {
            queue: conditions.queue as usize,
            held: VecDeque::new(),
            free: 0,
            arrived: None,
            speeds: Speeds::new(conditions, seed),
            load: Load::new(conditions.load_loss),
            rng: Rng::new(seed, u64::MAX),
        }
    }

    /// Takes a packet of `len` bytes that comes at `now`, and returns the time at which it leaves;
    /// `None` if it is dropped. One that is told after a later one, as by an lcore that was taken
    /// away, is served after that.
    pub fn forward(&mut self, now: Instant, len: usize) -> Option<Instant> {
        if self.arrived.is_none_or(|last| now >= last + FORGETS_AFTER) {
            self.speeds.begin_warmup(now);
        }
        self.arrived = self.arrived.max(Some(now));
        while self.held.front().is_some_and(|left| *left <= now) {
            self.held.pop_front();
        }
        let begin = self.free.max(u128::from(now.as_nanos()) << FRACTION_BITS);
        let service = self.speeds.service(whole(begin), len);
        if self.load.loses(now, service, &mut self.rng) || self.held.len() > self.queue {
            return None;
        }
        self.free = begin + u128::from(service);
        let departure = whole(self.free + (1 << FRACTION_BITS) - 1);
        self.held.push_back(departure);
        Some(departure)
    }
}

/// Returns a time in fractions of a nanosecond without its fraction.
const fn whole(time: u128) -> Instant {
    Instant::from_nanos((time >> FRACTION_BITS) as u64)
}

/// How fast packets are served, which changes with time.
#[derive(Debug)]
struct Speeds {
    first: Speed,
    second: Option<(Speed, SecondCapacity)>,
    /// What a packet's time is multiplied by during the warm-up, and how long that lasts.
    warmup: (f64, Span),
    /// The time at which the warm-up is over.
    warm_from: Instant,
    /// Set in a period in which it has its second capacity.
    is_second: bool,
    /// The end of the period.
    period_end: Instant,
    seed: u64,
}

/// The time of one packet, or of one bit, in fractions of a nanosecond.
#[derive(Debug, Clone, Copy)]
struct Speed {
    unit: RateUnit,
    time: f64,
}

impl From<RateSpec> for Speed {
    fn from(capacity: RateSpec) -> Self {
        Self {
            unit: capacity.unit(),
            time: 1e9 * (1_u64 << FRACTION_BITS) as f64 / capacity.per_second(),
        }
    }
}

impl Speeds {
    fn new(conditions: &DutConditions, seed: u64) -> Self {
        let second = conditions.second;
        let warmup = conditions.warmup;
        Self {
            first: conditions.capacity.into(),
            second: second.map(|second| (second.capacity.into(), second)),
            warmup: warmup.map_or((1.0, Span::ZERO), |of| (1.0 / of.share, of.time)),
            warm_from: Instant::START,
            is_second: false,
            period_end: Instant::START,
            seed,
        }
    }

    fn begin_warmup(&mut self, now: Instant) {
        self.warm_from = now + self.warmup.1;
    }

    /// Returns the time that a packet of `len` bytes takes whose service begins at `begin`, in
    /// fractions of a nanosecond.
    fn service(&mut self, begin: Instant, len: usize) -> u64 {
        let Speed { unit, time } = match self.second {
            None => self.first,
            Some((speed, second)) => {
                self.enter_period(begin, &second);
                if self.is_second { speed } else { self.first }
            }
        };
        let time = unit.of_frame(len as u16) as f64 * time;
        let slower = if begin < self.warm_from {
            self.warmup.0
        } else {
            1.0
        };
        (time * slower).round() as u64
    }

    /// Draws what the period of `begin` is, if that is not the present one.
    fn enter_period(&mut self, begin: Instant, second: &SecondCapacity) {
        if begin < self.period_end {
            return;
        }
        let number = begin.as_nanos() / second.period.as_nanos();
        self.period_end = Instant::START + second.period.saturating_mul(number + 1);
        // By its number, so that it is the same however many packets come.
        self.is_second = Rng::new(self.seed, number).happens(second.share);
    }
}

/// The loss that grows with utilisation.
#[derive(Debug)]
struct Load {
    /// The share of packets lost at full utilisation.
    share: f64,
    /// The end of the window.
    end: Instant,
    /// The time that it takes to serve what has come in it, in fractions of a nanosecond.
    work: u64,
    /// The probability of loss in it.
    probability: f64,
}

impl Load {
    const fn new(share: f64) -> Self {
        Self {
            share,
            end: Instant::from_nanos(WINDOW.as_nanos()),
            work: 0,
            probability: 0.0,
        }
    }

    /// Draws whether a packet is lost that comes at `now` and takes `service` to be served.
    fn loses(&mut self, now: Instant, service: u64, rng: &mut Rng) -> bool {
        if self.share == 0.0 {
            return false;
        }
        if now >= self.end {
            self.begin_window(now);
        }
        self.work = self.work.saturating_add(service);
        rng.happens(self.probability)
    }

    /// Begins the window of `now`, in which the probability is by the one before it.
    fn begin_window(&mut self, now: Instant) {
        let is_next = now < self.end + WINDOW;
        let window = (WINDOW.as_nanos() << FRACTION_BITS) as f64;
        let utilisation = if is_next {
            (self.work as f64 / window).min(1.0)
        } else {
            0.0
        };
        self.probability = self.share * utilisation * utilisation;
        let number = now.as_nanos() / WINDOW.as_nanos();
        self.end = Instant::START + WINDOW.saturating_mul(number + 1);
        self.work = 0;
    }
}

#[cfg(test)]
mod tests;
