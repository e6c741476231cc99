//! The sending role: makes the probes of one stream and sends them when they are due.

use crate::phase::Phase;
use crate::port::{FrameLen, Port, TxOutcome};
use crate::probe::Index;
use crate::sequence::SequenceWindow;
use crate::stats::Recorder;
use crate::stats::intervals::{Interval, IntervalBounds};
use crate::time::{Instant, Span};
use crate::tx::neighbours::{Attending, Neighbours};
use crate::tx::pacer::{CATCH_UP, Pacer, Rate};
use crate::tx::template::{Fronts, Template, in_its_layout};
use crate::worker::Polled;

/// The plan of what one stream sends.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The stream's number.
    pub stream: u16,
    /// The number of streams that share rate and count.
    pub streams: u16,
    /// The rate of all streams together; `None` is as fast as it goes.
    pub rate: Option<Rate>,
    /// The time at which counting begins; what is sent before it, to warm up, is not counted.
    pub start: Instant,
    /// The time for which to send from `start` on.
    pub duration: Option<Span>,
    /// The number of packets that all streams together send from `start` on.
    pub count: Option<u64>,
    /// The most packets handed over at once.
    pub burst: u16,
    /// The lowest source port.
    pub first_source_port: u16,
    /// The number of source ports, each of which has its turn for a packet; for a burst on a port whose
    /// bursts are of one flow.
    pub source_ports: u32,
}

impl Plan {
    /// Returns the stream's share of the count.
    fn share_of_count(&self) -> Option<u64> {
        let rest = |count: u64| count.saturating_sub(u64::from(self.stream));
        self.count
            .map(|count| rest(count).div_ceil(u64::from(self.streams)))
    }

    fn pacer(&self, start: Instant) -> Option<Pacer> {
        self.rate
            .map(|rate| Pacer::new(rate, start, self.stream, self.streams))
    }
}

/// The sender of one stream.
pub struct Generator<'a> {
    plan: Plan,
    template: Template<'a>,
    sequences: &'a SequenceWindow<'a>,
    next: Cursor,
    pacer: Option<Pacer>,
    /// The packets of the stream's count that are still to be sent; `u64::MAX` without a count.
    left: u64,
    /// The time from which on nothing that falls due is sent.
    end: Instant,
    is_warm: bool,
    interval: IntervalBounds,
    neighbours: Attending<'a>,
}

/// The next packet of a stream.
#[derive(Clone, Copy)]
struct Cursor {
    sequence: u64,
    port_offset: u32,
}

impl<'a> Generator<'a> {
    /// Makes a sender of the frames of `template`.
    #[must_use]
    pub fn new(plan: Plan, template: Template<'a>, sequences: &'a SequenceWindow<'a>) -> Self {
        Self {
            next: Cursor {
                sequence: 0,
                port_offset: 0,
            },
            pacer: plan.pacer(Instant::START),
            left: plan.share_of_count().unwrap_or(u64::MAX),
            end: plan
                .duration
                .map_or(Instant::MAX, |duration| plan.start + duration),
            is_warm: false,
            interval: IntervalBounds::NONE,
            neighbours: Attending::new(Neighbours::default()),
            plan,
            template,
            sequences,
        }
    }

    /// Has it attend to the port's neighbours.
    #[must_use]
    pub fn attending(mut self, neighbours: Neighbours<'a>) -> Self {
        self.neighbours = Attending::new(neighbours);
        self
    }

    /// Returns the length of the longest frame that it sends, without VLAN tags.
    #[must_use]
    pub fn untagged_frame_len(&self) -> FrameLen {
        self.template.untagged_frame_len()
    }

    /// Sends what is due at `now`, but nothing that falls due once `phase` is past running.
    #[inline]
    pub fn poll<P: Port>(
        &mut self,
        now: Instant,
        phase: Phase,
        port: &mut P,
        recorder: &mut Recorder<'_>,
    ) -> Polled {
        if self.neighbours.is_needed(now) {
            self.neighbours.attend(now, port, &mut self.template);
        }
        if phase >= Phase::Draining {
            self.end = self.end.min(now);
        }
        if !self.is_warm {
            if now >= self.plan.start {
                self.is_warm = true;
                self.pacer = self.plan.pacer(self.plan.start);
            } else if now >= self.end {
                return Polled::Ended;
            }
        }
        let due = match self.due(now, recorder) {
            None => return Polled::Ended,
            Some(0) => return Polled::Moved(0),
            Some(due) => due,
        };
        if !self.interval.holds(now) {
            self.interval = recorder.intervals.grid().bounds_of(now);
        }
        // A template may write a time one nanosecond later; it stays in the interval.
        let now = now.min(self.interval.end.saturating_sub(Span::from_nanos(2)));
        let outcome = self.transmit(now, due, port);
        if self.is_warm {
            let tx = &mut recorder.counters.tx;
            tx.refused += u64::from(outcome.refused);
            tx.no_buffer += u64::from(outcome.no_buffer);
        }
        self.take::<P>(now, outcome.accepted, recorder);
        recorder.count_burst(outcome.accepted == self.plan.burst);
        Polled::Moved(outcome.accepted)
    }

    /// Returns how many packets are due, at most a burst; `None` if no more will be.
    #[inline]
    fn due(&mut self, now: Instant, recorder: &mut Recorder<'_>) -> Option<u16> {
        let most = self.left.min(u64::from(self.plan.burst)) as u16;
        if most == 0 {
            return None;
        }
        let Some(pacer) = &mut self.pacer else {
            return (now < self.end).then_some(most);
        };
        // What would be due after the warm-up is paced anew.
        let end = if self.is_warm { self.end } else { Instant::MAX };
        let mut skipped = pacer.skip_late(now, end);
        let mut due = Some(pacer.due_by(now.min(end.saturating_sub(Span::from_nanos(1))), most));
        if pacer.due() >= end {
            due = None;
        } else if now > end + CATCH_UP {
            skipped += pacer.count_before(end);
            due = None;
        }
        if self.is_warm {
            recorder.counters.tx.skipped += skipped;
        }
        due
    }

    #[inline]
    fn transmit<P: Port>(&self, now: Instant, due: u16, port: &mut P) -> TxOutcome {
        if self.template.is_mix() {
            return self.transmit_mix(now, due, port);
        }
        in_its_layout!(self.template, fronts => self
            .transmit_with::<P, _, false>(fronts, now, due, port))
    }

    #[inline(never)] // for the sake of those that send one size
    fn transmit_mix<P: Port>(&self, now: Instant, due: u16, port: &mut P) -> TxOutcome {
        in_its_layout!(self.template, fronts => self
            .transmit_with::<P, _, true>(fronts, now, due, port))
    }

    #[inline(never)] // so that the loop over a burst has the registers to itself
    fn transmit_with<P: Port, const FIXED: usize, const IS_MIX: bool>(
        &self,
        fronts: &Fronts<'a, FIXED>,
        now: Instant,
        due: u16,
        port: &mut P,
    ) -> TxOutcome {
        let Plan {
            stream,
            first_source_port,
            source_ports,
            ..
        } = self.plan;
        let Cursor {
            sequence,
            port_offset,
        } = self.next;
        // The reflector may be faster than the return from the device.
        self.sequences.set_sent(stream, sequence + u64::from(due));
        let mut burst = self
            .template
            .burst::<_, IS_MIX>(fronts, Index::new(stream, sequence), now);
        let mut next = u32::from(first_source_port) + port_offset;
        // A burst of one flow has a range of one port.
        let (first, end) = if P::IS_ONE_FLOW {
            (next, next + 1)
        } else {
            let first = u32::from(first_source_port);
            (first, first + source_ports)
        };
        let mut next_port = || {
            let source_port = next as u16;
            next += 1;
            if next == end {
                next = first;
            }
            source_port
        };
        let outcome = match self.pacer {
            // Nowhere to tell a lag.
            _ if !IS_MIX && self.template.is_minimal() => {
                port.transmit(due, |frame| burst.write_minimal(frame, next_port()))
            }
            None => port.transmit(due, |frame| burst.write(frame, next_port(), Span::ZERO)),
            Some(mut pacer) => port.transmit(due, |frame| {
                let lag = now.saturating_since(pacer.due());
                pacer.advance();
                burst.write(frame, next_port(), lag)
            }),
        };
        if outcome.accepted < due {
            self.sequences
                .set_sent(stream, sequence + u64::from(outcome.accepted));
        }
        outcome
    }

    /// Advances by `accepted` packets, which take their sequences, and counts them.
    #[inline]
    fn take<P: Port>(&mut self, now: Instant, accepted: u16, recorder: &mut Recorder<'_>) {
        let counters = &mut recorder.counters;
        let turns = if P::IS_ONE_FLOW {
            accepted.min(1)
        } else {
            accepted
        };
        self.next.advance(accepted, turns, self.plan.source_ports);
        for _ in 0..accepted {
            let Some(pacer) = &mut self.pacer else { break };
            if self.is_warm {
                let lag = now.saturating_since(pacer.due());
                recorder.stats.lag.record(lag);
                counters.tx.lag_max_ns = counters.tx.lag_max_ns.max(lag.as_nanos());
            }
            pacer.advance();
        }
        if accepted == 0 || !self.is_warm {
            return;
        }
        let packets = u64::from(accepted);
        if self.left != u64::MAX {
            self.left -= packets;
        }
        let tx = &mut counters.tx;
        if tx.packets == 0 {
            tx.first_ns = now.as_nanos();
        }
        tx.last_ns = now.as_nanos();
        tx.packets += packets;
        let first = self.next.sequence - packets;
        tx.bytes += self.template.bytes(first, packets);
        recorder.intervals.count(
            self.interval.index,
            &Interval {
                tx_packets: packets,
                ..Interval::default()
            },
        );
    }
}

impl Cursor {
    #[inline]
    fn advance(&mut self, packets: u16, turns: u16, source_ports: u32) {
        self.sequence += u64::from(packets);
        self.port_offset += u32::from(turns);
        // Seldom more than one turn, so mostly no division.
        if self.port_offset >= source_ports {
            self.port_offset %= source_ports;
        }
    }
}

#[cfg(test)]
mod tests;
