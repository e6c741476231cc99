//! The control thread's work: watches the workers, ends the run, and closes the intervals.
//!
//! It owns no thread and no clock: a runtime calls [`Control::poll`] every few milliseconds, and a
//! simulation whenever it likes.

mod progress;

use std::collections::VecDeque;

use dpdkgen_core::phase::Phase;
use dpdkgen_core::stats::Counters;
use dpdkgen_core::stats::intervals::{Interval, IntervalGrid, Reader};
use dpdkgen_core::time::{Instant, Span};
use dpdkgen_report::csv::{Row, RowLatency, RowProbes};
use dpdkgen_report::progress::Closed;
use dpdkgen_report::summary::{Role, StopReason};

use crate::assembly::Context;
use crate::request::Mode;
use crate::results::end::{End, Stop};
use crate::results::events::HandedOver;

/// The control of one run.
pub struct Control<'s, 'a> {
    context: &'s Context<'a>,
    readers: Vec<Reader<'s>>,
    /// Intervals that not all workers have closed, from `first_open` on.
    open: VecDeque<Interval>,
    first_open: u64,
    /// The sums over the rows that were handed out.
    closed: Closed,
    stop: Option<Stop>,
    /// Whether the user has asked for the end.
    is_asked_for: bool,
    /// The time until which packets in flight are waited for.
    drain_until: Option<Instant>,
    drained: bool,
    /// The number of packets received so far, and the time since which it has been the same.
    received: (u64, Instant),
}

/// The least time without a packet after which a drain that may end early ends.
const QUIET: Span = Span::from_millis(250);

impl<'s, 'a: 's> Control<'s, 'a> {
    /// Makes the control of the run on `context`.
    #[must_use]
    pub fn new(context: &'s Context<'a>) -> Self {
        Self {
            context,
            readers: context.rings().iter().map(Reader::new).collect(),
            open: VecDeque::new(),
            first_open: 0,
            closed: Closed::default(),
            stop: None,
            is_asked_for: false,
            drain_until: None,
            drained: false,
            received: (0, Instant::START),
        }
    }

    /// Does what there is to do at `now`, when the user has asked `stop_requests` times to stop, and
    /// hands the intervals that are now closed to `rows`, in order; `Some` when the run is over and
    /// all of them have been handed out.
    pub fn poll(
        &mut self,
        now: Instant,
        stop_requests: usize,
        rows: &mut impl FnMut(&Row),
    ) -> Option<End> {
        self.is_asked_for |= stop_requests > 0;
        match self.stop {
            None => self.watch(now, stop_requests),
            Some(_) => self.drain(now, stop_requests),
        }
        let ended = self.stop.filter(|_| self.all_ended(|_| true));
        let rows_to_hand_out = match ended {
            None => self.grid().index_of(now) + 1,
            Some(_) => self.rows_in_all(),
        };
        self.collect(rows_to_hand_out, rows);
        ended.map(|stop| End {
            stop,
            drained: self.drained,
        })
    }

    /// Ends the sending if there is a reason for it.
    fn watch(&mut self, now: Instant, stop_requests: usize) {
        if let Some(reason) = self.reason_to_stop(now, stop_requests) {
            self.stop(now, reason);
            self.drain(now, stop_requests);
        }
    }

    /// Ends the sending, or the reflecting, at `now` unless that has ended already.
    pub fn stop(&mut self, now: Instant, reason: StopReason) {
        if self.stop.is_some() {
            return;
        }
        self.stop = Some(Stop { reason, at: now });
        let is_sendrecv = matches!(self.context.request().mode, Mode::SendRecv(_));
        let phase = if is_sendrecv {
            Phase::Draining
        } else {
            Phase::Stopping
        };
        self.context.phase.set(phase);
    }

    fn reason_to_stop(&self, now: Instant, stop_requests: usize) -> Option<StopReason> {
        let request = self.context.request();
        if stop_requests > 0 {
            return Some(StopReason::Signal);
        }
        match request.mode {
            Mode::SendRecv(_) if self.all_ended(|role| role == Role::Tx) => {
                let is_count = request.count.is_some_and(|count| self.sent() >= count);
                Some(if is_count {
                    StopReason::Count
                } else {
                    StopReason::Duration
                })
            }
            Mode::SendRecv(_) => None,
            Mode::Reflect(_)
                if request
                    .duration
                    .is_some_and(|duration| now.since_start() >= duration) =>
            {
                Some(StopReason::Duration)
            }
            Mode::Reflect(_) => request
                .count
                .filter(|count| self.sent() >= *count)
                .map(|_| StopReason::Count),
        }
    }

    /// Waits for what is in flight, once nothing more is sent.
    fn drain(&mut self, now: Instant, stop_requests: usize) {
        let Mode::SendRecv(sendrecv) = &self.context.request().mode else {
            return;
        };
        if !self.all_ended(|role| role == Role::Tx) {
            return;
        }
        let until = self.drain_until.unwrap_or_else(|| {
            let last_sent = self.snapshots().map(|counters| counters.tx.last_ns).max();
            Instant::from_nanos(last_sent.unwrap_or(0)) + sendrecv.drain
        });
        self.drain_until = Some(until);
        self.drained |= now >= until || sendrecv.ends_drain_early && self.is_quiet(now);
        let receives = self.context.has(Role::Rx);
        if self.drained || !receives || stop_requests > 1 {
            self.context.phase.set(Phase::Stopping);
        }
    }

    /// Returns whether nothing is missing, or nothing has come for so long that nothing will: ten times
    /// the longest latency so far.
    fn is_quiet(&mut self, now: Instant) -> bool {
        let mut all = Counters::default();
        self.snapshots().for_each(|counters| all.merge(&counters));
        if self.received.0 != all.rx.packets {
            self.received = (all.rx.packets, now);
        }
        let longest = Span::from_nanos(all.latency.max_ns.saturating_mul(10));
        let since = now.saturating_since(self.received.1.max(Instant::from_nanos(all.tx.last_ns)));
        all.probes.unique >= all.tx.packets || since >= QUIET.max(longest)
    }

    fn all_ended(&self, of: impl Fn(Role) -> bool) -> bool {
        let specs = self.context.specs().iter().zip(self.context.rings());
        specs
            .filter(|(spec, _)| of(spec.role))
            .all(|(_, ring)| ring.has_ended())
    }

    fn sent(&self) -> u64 {
        self.snapshots().map(|counters| counters.tx.packets).sum()
    }

    /// Returns what the device of each port has taken so far, and refused.
    #[must_use]
    pub fn handed_over(&self) -> Vec<HandedOver> {
        let ports = self.context.placement().ports.len();
        let mut sums = vec![HandedOver::default(); ports];
        for (spec, counters) in self.context.specs().iter().zip(self.snapshots()) {
            let sum = &mut sums[spec.port];
            sum.taken += counters.tx.packets;
            sum.refused += counters.tx.refused;
        }
        sums
    }

    /// Returns what each worker published last.
    fn snapshots(&self) -> impl Iterator<Item = Counters> {
        self.context.stats().iter().map(|stats| {
            loop {
                if let Some(counters) = stats.try_snapshot() {
                    return counters;
                }
                std::hint::spin_loop();
            }
        })
    }

    fn grid(&self) -> IntervalGrid {
        self.context.rings()[0].grid()
    }

    /// Returns how many rows a run has that is over: up to the time at which the last worker ended.
    fn rows_in_all(&self) -> u64 {
        let grid = self.grid();
        let end = self
            .snapshots()
            .map(|counters| counters.poll.last_ns)
            .max()
            .unwrap_or(0);
        let counted = Instant::from_nanos(end).saturating_since(grid.start);
        counted.as_nanos().div_ceil(grid.length.as_nanos())
    }

    /// Hands out, in order, the rows below `limit` that all workers have closed.
    fn collect(&mut self, limit: u64, rows: &mut impl FnMut(&Row)) {
        for reader in &mut self.readers {
            while reader.position() < limit {
                let at = (reader.position() - self.first_open) as usize;
                let Some(interval) = reader.read() else { break };
                if at == self.open.len() {
                    self.open.push_back(Interval::default());
                }
                self.open[at].merge(&interval);
            }
        }
        let closed = self.readers.iter().map(Reader::position).min().unwrap_or(0);
        while self.first_open < closed {
            let Some(interval) = self.open.pop_front() else {
                break;
            };
            let row = self.row(self.first_open, &interval);
            self.closed.sent += row.tx_packets;
            self.closed.lost += row.probes.map_or(0, |probes| probes.lost);
            rows(&row);
            self.first_open += 1;
        }
    }

    fn row(&self, index: u64, interval: &Interval) -> Row {
        let is_sendrecv = matches!(self.context.request().mode, Mode::SendRecv(_));
        let receives = self.context.has(Role::Rx) || self.context.has(Role::Reflect);
        Row {
            start_ns: index * self.grid().length.as_nanos(),
            tx_packets: interval.tx_packets,
            rx_packets: receives.then_some(interval.rx_packets),
            probes: (is_sendrecv && receives).then(|| RowProbes {
                lost: interval.tx_packets.saturating_sub(interval.on_time),
                latency: RowLatency {
                    count: interval.on_time,
                    sum_ns: interval.latency_sum_ns,
                    min_ns: interval.latency_min_ns,
                    max_ns: interval.latency_max_ns,
                },
                late: interval.late,
                duplicates: interval.duplicates,
                reordered: interval.reordered,
                corrupt: interval.corrupt,
                foreign: interval.foreign,
            }),
            path: None,
        }
    }
}
