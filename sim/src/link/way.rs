//! One direction of the link: its wire, the packets under way and the receive queues at its end.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use dpdkgen_core::random::SplitMix64;
use dpdkgen_core::time::{Instant, Span};

use super::Queues;
use super::frames::{Frames, Origin, Slot};
use crate::conditions::{GilbertElliott, LinkConditions};
use crate::rng::Rng;

/// One direction of the link.
#[derive(Debug)]
pub struct Way {
    /// The time at which the wire has carried all that it was given.
    wire_free: Instant,
    /// Set while the link is in the bad state of [`GilbertElliott`].
    is_bad: bool,
    /// The times at which the packets in each transmit queue leave it.
    departures: Vec<VecDeque<Instant>>,
    /// The receive queues, port by port.
    rx_queues: Vec<RxQueue>,
    /// The distance from the port that sends a packet to the one that it arrives at.
    port_step: usize,
    /// The number of packets put on the way to a receive queue.
    carried: u64,
    /// The number of receive queues of a port.
    per_port: usize,
    /// The number of packets that a receive queue holds.
    rx_desc: u16,
    /// The number of packets that a transmit queue holds.
    tx_desc: u16,
}

/// A receive queue, and the packets on their way to it.
#[derive(Debug, Default)]
struct RxQueue {
    coming: Coming,
    /// Packets that have arrived and not been taken yet.
    waiting: VecDeque<Slot>,
    /// The number of packets that arrived when the queue was full.
    missed: u64,
    /// The number of packets that arrived when there was no buffer.
    no_buffer: u64,
}

/// The time at which a packet arrives, its number (which keeps the order of packets of one time)
/// and its slot.
type Arrival = (Instant, u64, Slot);

/// Packets under way to one queue, in the order of their arrival.
#[derive(Debug, Default)]
struct Coming {
    /// Packets that arrive after all that were added before them.
    in_order: VecDeque<Arrival>,
    /// Packets that overtake others.
    overtaking: BinaryHeap<Reverse<Arrival>>,
}

impl Way {
    /// Makes an empty way from the transmit queues of `from` to the receive queues of `to`, where
    /// packets arrive at the port `port_step` after that which sent them.
    pub fn new(from: Queues, to: Queues, port_step: usize) -> Self {
        Self {
            wire_free: Instant::START,
            is_bad: false,
            departures: vec![VecDeque::new(); from.tx.into()],
            rx_queues: (0..to.ports * to.rx).map(|_| RxQueue::default()).collect(),
            port_step,
            carried: 0,
            per_port: to.rx.into(),
            rx_desc: to.rx_desc,
            tx_desc: from.tx_desc,
        }
    }

    /// Hands a packet of `len` bytes to transmit queue `queue` at `now`, and returns the time at
    /// which it has left.
    pub fn departure(
        &mut self,
        queue: u16,
        now: Instant,
        len: usize,
        bandwidth: Option<u64>,
    ) -> Instant {
        let Some(bandwidth) = bandwidth else {
            return now;
        };
        let bits = (len + 4).max(64) as u64 * 8;
        let span = (u128::from(bits) * 1_000_000_000).div_ceil(u128::from(bandwidth));
        self.wire_free = self.wire_free.max(now) + Span::from_nanos(span as u64);
        self.departures[usize::from(queue)].push_back(self.wire_free);
        self.wire_free
    }

    /// Returns the number of packets for which transmit queue `queue` has room at `now`.
    pub fn room(&mut self, queue: u16, now: Instant) -> u16 {
        let departures = &mut self.departures[usize::from(queue)];
        while departures.front().is_some_and(|left| *left <= now) {
            departures.pop_front();
        }
        self.tx_desc.saturating_sub(departures.len() as u16)
    }

    /// Draws whether the next packet is lost.
    pub fn loses(&mut self, conditions: &LinkConditions, rng: &mut Rng) -> bool {
        if rng.happens(conditions.loss) {
            return true;
        }
        let Some(GilbertElliott {
            to_bad,
            to_good,
            bad_loss,
            good_loss,
        }) = conditions.burst_loss
        else {
            return false;
        };
        let change = if self.is_bad { to_good } else { to_bad };
        self.is_bad ^= rng.happens(change);
        rng.happens(if self.is_bad { bad_loss } else { good_loss })
    }

    /// Draws the delay and the receive queue of the frame in `slot`, which left at `departure`, and
    /// puts it on its way there.
    pub fn carry(
        &mut self,
        conditions: &LinkConditions,
        rng: &mut Rng,
        frames: &mut Frames,
        slot: Slot,
        departure: Instant,
    ) {
        let mut arrival =
            departure + conditions.delay + rng.up_to(conditions.jitter) + rng.tail(conditions.tail);
        if rng.happens(conditions.reordering) {
            arrival = arrival + conditions.held_back;
        }
        let queue = match self.rx_queues.len() {
            0 => {
                frames.free(slot);
                return;
            }
            1 => 0,
            queues if rng.happens(conditions.stray) => rng.below(queues as u64) as usize,
            _ => self.queue_of(&frames.get(slot).origin),
        };
        self.rx_queues[queue]
            .coming
            .add((arrival, self.carried, slot));
        self.carried += 1;
    }

    /// Returns the receive queue of a flow: by a hash over what tells it from other flows, as with
    /// RSS.
    fn queue_of(&self, origin: &Origin) -> usize {
        let flow = u64::from(origin.port) << 16 | u64::from(origin.port_offset);
        let hash = SplitMix64(flow).next() >> 32;
        let in_port = ((hash * self.per_port as u64) >> 32) as usize;
        // After the last port comes the first, so a way to a single port leads to that.
        let port = usize::from(origin.port) + self.port_step;
        (port * self.per_port + in_port) % self.rx_queues.len()
    }

    /// Moves the packets that have arrived by `now` into receive queue `queue`; counts and drops
    /// those for which it has no room, or no buffer (the share `no_buffer`).
    pub fn arrive(
        &mut self,
        queue: u16,
        now: Instant,
        no_buffer: f64,
        frames: &mut Frames,
        host_rng: &mut Rng,
    ) {
        let rx_desc = usize::from(self.rx_desc);
        let RxQueue {
            coming,
            waiting,
            missed,
            no_buffer: without_buffer,
        } = &mut self.rx_queues[usize::from(queue)];
        while let Some(slot) = coming.next(now) {
            if waiting.len() >= rx_desc {
                *missed += 1;
                frames.free(slot);
            } else if host_rng.happens(no_buffer) {
                *without_buffer += 1;
                frames.free(slot);
            } else {
                waiting.push_back(slot);
            }
        }
    }

    /// Moves at most `most` of the packets that wait in receive queue `queue` into `burst`.
    pub fn take(&mut self, queue: u16, most: u16, burst: &mut Vec<Slot>) {
        let waiting = &mut self.rx_queues[usize::from(queue)].waiting;
        let count = waiting.len().min(most.into());
        burst.extend(waiting.drain(..count));
    }

    /// Drops what has arrived by `now` and was not taken.
    pub fn drop_arrived(&mut self, now: Instant, frames: &mut Frames) {
        for queue in &mut self.rx_queues {
            while let Some(slot) = queue.coming.next(now) {
                frames.free(slot);
            }
            for slot in queue.waiting.drain(..) {
                frames.free(slot);
            }
        }
    }

    /// Returns the number of packets that wait in receive queue `queue`.
    pub fn depth(&self, queue: u16) -> u32 {
        self.rx_queues[usize::from(queue)].waiting.len() as u32
    }

    /// Returns the numbers of packets that port `port` missed, for want of descriptors and for want
    /// of buffers.
    pub fn missed(&self, port: usize) -> (u64, u64) {
        let queues = &self.rx_queues[port * self.per_port..][..self.per_port];
        let missed = queues.iter().map(|queue| queue.missed).sum();
        (missed, queues.iter().map(|queue| queue.no_buffer).sum())
    }
}

impl Coming {
    fn add(&mut self, arrival: Arrival) {
        if self.in_order.back().is_none_or(|last| *last < arrival) {
            self.in_order.push_back(arrival);
        } else {
            self.overtaking.push(Reverse(arrival));
        }
    }

    /// Takes out the first packet, if it has arrived by `now`.
    fn next(&mut self, now: Instant) -> Option<Slot> {
        let is_due = |arrival: &&Arrival| arrival.0 <= now;
        let in_order = self.in_order.front().filter(is_due);
        let overtaking = self.overtaking.peek().map(|next| &next.0).filter(is_due);
        let next = match (in_order, overtaking) {
            (Some(in_order), Some(overtaking)) if overtaking < in_order => self.overtaking.pop()?.0,
            (None, Some(_)) => self.overtaking.pop()?.0,
            (Some(_), _) => self.in_order.pop_front()?,
            (None, None) => return None,
        };
        Some(next.2)
    }
}
