//! The reflector: sends every unfragmented IPv4 UDP packet back to where it came from.
//!
//! It does no harm on a network: what is addressed to a group or comes from its own port is never
//! answered, and the TTL falls by one, so that nothing goes to and fro for ever.

mod answering;
mod budget;
mod fast_path;
mod frame;
mod rules;

use crate::neighbour::{Heard, Responder};
use crate::phase::Phase;
use crate::port::{ForwardOutcome, Port, Verdict};
use crate::stats::intervals::Interval;
use crate::stats::{IgnoredCounters, Recorder};
use crate::time::Instant;
use crate::worker::Polled;

use self::answering::Answering;
use self::fast_path::in_its_layout;

pub use budget::Budget;
pub use frame::{FrameReflector, Reflected};
pub use rules::{Ignored, Rules};

/// The most bursts of one poll. A poll goes on while they are full, so that a look at the clock,
/// and all that is done once a poll, serves more packets where there are many.
pub const MAX_BURSTS: u32 = 4;

/// The reflecting role of one worker.
pub struct Reflector<'a> {
    frames: FrameReflector<'a>,
    /// The packets that all reflecting workers together may still send, if that is limited.
    budget: Option<&'a Budget>,
    /// The answers to neighbours, if the port has addresses.
    answering: Option<Answering<'a>>,
}

impl<'a> Reflector<'a> {
    /// Makes the reflector of a port that answers by `rules`, which sends no more than `budget`
    /// allows.
    #[must_use]
    pub fn new(rules: Rules<'a>, budget: Option<&'a Budget>) -> Self {
        Self {
            frames: FrameReflector::new(rules),
            budget,
            answering: None,
        }
    }

    /// Has it answer neighbours too, and announce its addresses.
    #[must_use]
    pub fn answering(mut self, responder: Responder<'a>) -> Self {
        self.answering = Some(Answering::new(responder));
        self
    }

    /// Sends back up to `bursts` bursts of at most `burst` packets at `now`, as long as they are
    /// full.
    #[inline]
    pub fn poll<P: Port>(
        &mut self,
        now: Instant,
        phase: Phase,
        bursts: u32,
        burst: u16,
        port: &mut P,
        recorder: &mut Recorder<'_>,
    ) -> Polled {
        if phase >= Phase::Draining {
            return Polled::Ended;
        }
        if let Some(answering) = &mut self.answering {
            answering.announce(now, port);
        }
        let mut moved = 0;
        for _ in 0..bursts {
            let received = match self.budget {
                None => self.forward::<_, false>(now, u64::MAX, port, recorder).0,
                Some(budget) => {
                    let claimed = budget.claim(u64::from(burst));
                    if claimed == 0 {
                        break;
                    }
                    let (received, sent) = self.forward::<_, true>(now, claimed, port, recorder);
                    budget.give_back(claimed - u64::from(sent));
                    received
                }
            };
            moved += received;
            let is_full = received == burst;
            recorder.count_burst(is_full);
            if !is_full {
                break;
            }
        }
        Polled::Moved(moved)
    }

    /// Receives a burst, sends back at most `allowed` packets of it, and returns how many were
    /// received and how many sent.
    fn forward<P: Port, const LIMITED: bool>(
        &mut self,
        now: Instant,
        allowed: u64,
        port: &mut P,
        recorder: &mut Recorder<'_>,
    ) -> (u16, u16) {
        let mut outcome = in_its_layout!(self.frames.known(), HEADERS, LANES => {
            self.forward_like::<P, LIMITED, HEADERS, LANES>(allowed, port, recorder)
        });
        let received = outcome.received;
        if let Some(answering) = &mut self.answering {
            recorder.counters.rx.answered += answering.send(&mut outcome, port);
        }
        if outcome.received > 0 {
            let rx = &mut recorder.counters.rx;
            rx.packets += u64::from(outcome.received);
            rx.bytes += outcome.received_bytes;
            let tx = &mut recorder.counters.tx;
            tx.packets += u64::from(outcome.sent);
            tx.bytes += outcome.sent_bytes;
            tx.refused += u64::from(outcome.refused);
            let interval = Interval {
                tx_packets: u64::from(outcome.sent),
                rx_packets: u64::from(outcome.received),
                ..Interval::default()
            };
            let index = recorder.intervals.index_of(now);
            recorder.intervals.count(index, &interval);
        }
        (received, outcome.sent)
    }

    /// Does so, where the last frame sent back has headers of `HEADERS` bytes.
    #[inline(never)] // so that the loop over a burst has the registers to itself
    fn forward_like<P: Port, const LIMITED: bool, const HEADERS: usize, const LANES: usize>(
        &mut self,
        allowed: u64,
        port: &mut P,
        recorder: &mut Recorder<'_>,
    ) -> ForwardOutcome {
        let mut left = allowed;
        port.forward(|frame| {
            let is_allowed = !LIMITED || left > 0;
            if is_allowed && self.frames.reflect_fast::<HEADERS, LANES>(frame) {
                left -= u64::from(LIMITED);
                return Verdict::Send;
            }
            match self.forward_slow(frame, is_allowed, recorder) {
                Forwarded::Reflected => {
                    left -= u64::from(LIMITED);
                    Verdict::Send
                }
                Forwarded::Answered | Forwarded::Ignored => Verdict::Drop,
            }
        })
    }

    /// Turns round a frame of any kind, and counts what is not simply sent back.
    #[cold]
    #[inline(never)]
    fn forward_slow(
        &mut self,
        frame: &mut [u8],
        is_allowed: bool,
        recorder: &mut Recorder<'_>,
    ) -> Forwarded {
        let counters = &mut recorder.counters;
        let mut reason = match self.frames.reflect_slow(frame) {
            Ok(reflected) if is_allowed => {
                counters.rx.checksum_partial += u64::from(reflected.checksum_partial);
                return Forwarded::Reflected;
            }
            Ok(_) => {
                counters.ignored.past_count += 1;
                return Forwarded::Ignored;
            }
            Err(reason) => reason,
        };
        if let Some(answering) = &mut self.answering
            && matches!(reason, Ignored::NotIp | Ignored::NotUdp)
        {
            match answering.hear(frame) {
                Heard::Answered { .. } => return Forwarded::Answered,
                Heard::Malformed => reason = Ignored::Malformed,
                Heard::Learned(_) | Heard::Other => {}
            }
        }
        if let Ignored::OtherMac(mac) = reason {
            counters.rx.other_mac = mac.to_bits();
        }
        *counters.ignored.of(reason) += 1;
        Forwarded::Ignored
    }
}

/// What was done with a frame that does not take the fast path.
enum Forwarded {
    /// It was turned round.
    Reflected,
    /// It was a neighbour's question, whose answer follows the burst.
    Answered,
    /// Nothing.
    Ignored,
}

impl IgnoredCounters {
    /// Returns the counter of `reason`.
    const fn of(&mut self, reason: Ignored) -> &mut u64 {
        match reason {
            Ignored::NotIp => &mut self.not_ip,
            Ignored::Tags => &mut self.tags,
            Ignored::NotUdp => &mut self.not_udp,
            Ignored::Fragment => &mut self.fragment,
            Ignored::ExtensionHeader => &mut self.extension_header,
            Ignored::Malformed => &mut self.malformed,
            Ignored::Oversized => &mut self.oversized,
            Ignored::GroupAddress => &mut self.group_address,
            Ignored::OtherMac(_) => &mut self.other_mac,
            Ignored::OwnMac => &mut self.own_mac,
            Ignored::Ttl => &mut self.ttl,
            Ignored::NotAllowed(_) => &mut self.not_allowed,
        }
    }
}

#[cfg(test)]
mod tests;
