//! The link between sender and reflector, and what it does to packets.

mod damage;
pub mod frames;
pub mod port;

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::rc::Rc;

use dpdkgen_core::random::SplitMix64;
use dpdkgen_core::time::{Instant, Span};

use self::damage::{MAX_FOREIGN, MAX_PADDING};
use self::frames::{Frame, Frames, Origin, Slot};
use crate::chance::Chance;
use crate::conditions::{Conditions, GilbertElliott, LinkConditions};
use crate::truth::Truth;

/// One end of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where probes are made.
    Sender,
    /// Where they are sent back.
    Reflector,
}

/// Queues at one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queues {
    /// Ports.
    pub ports: u16,
    /// Receive queues of a port.
    pub rx: u16,
    /// Transmit queues of all ports.
    pub tx: u16,
    /// Packets that a receive queue holds.
    pub rx_desc: u16,
    /// Packets that a transmit queue holds.
    pub tx_desc: u16,
}

/// Packets on their way to one receive queue.
#[derive(Debug, Default)]
struct RxQueue {
    coming: Coming,
    /// Arrived, and not yet taken.
    waiting: VecDeque<Slot>,
    /// Arrived when the queue was full.
    missed: u64,
    /// Arrived when there was no buffer.
    no_buffer: u64,
}

/// When a packet arrives; the number keeps the order of those of one moment.
type Arrival = (Instant, u64, Slot);

/// Packets under way, by arrival.
#[derive(Debug, Default)]
struct Coming {
    /// Those that overtook nobody.
    in_order: VecDeque<Arrival>,
    overtaking: BinaryHeap<Reverse<Arrival>>,
}

impl Coming {
    fn add(&mut self, arrival: Arrival) {
        if self.in_order.back().is_none_or(|last| *last < arrival) {
            self.in_order.push_back(arrival);
        } else {
            self.overtaking.push(Reverse(arrival));
        }
    }

    /// The next one that has arrived by `now`.
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

/// One direction.
#[derive(Debug)]
struct Way {
    /// When the wire has carried all that it was given.
    wire_free: Instant,
    is_bad: bool,
    /// When the packets in each transmit queue will have left it.
    departures: Vec<VecDeque<Instant>>,
    /// Receive queues, port by port.
    to: Vec<RxQueue>,
    carried: u64,
    per_port: usize,
    rx_desc: u16,
    tx_desc: u16,
}

/// The link. Ends hold it together.
#[derive(Debug)]
pub struct Link<'a> {
    conditions: Conditions,
    /// Whether the bytes of a frame may change at all.
    damages: bool,
    chance: Chance,
    /// Of the hosts, so that the link does the same whatever they do.
    host_chance: Chance,
    to_reflector: Way,
    to_sender: Way,
    /// All frames on it.
    pub frames: Frames,
    /// What has become of every packet so far.
    pub truth: Truth<'a>,
}

/// A link that several ends hold.
pub type SharedLink<'a> = Rc<RefCell<Link<'a>>>;

impl Way {
    fn new(from: Queues, to: Queues) -> Self {
        Self {
            wire_free: Instant::START,
            is_bad: false,
            departures: vec![VecDeque::new(); from.tx.into()],
            to: (0..to.ports * to.rx).map(|_| RxQueue::default()).collect(),
            carried: 0,
            per_port: to.rx.into(),
            rx_desc: to.rx_desc,
            tx_desc: from.tx_desc,
        }
    }

    /// Returns when a packet that is handed over at `now` has left.
    fn departure(
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

    fn room(&mut self, queue: u16, now: Instant) -> u16 {
        let departures = &mut self.departures[usize::from(queue)];
        while departures.front().is_some_and(|left| *left <= now) {
            departures.pop_front();
        }
        self.tx_desc.saturating_sub(departures.len() as u16)
    }

    fn loses(&mut self, conditions: &LinkConditions, chance: &mut Chance) -> bool {
        if chance.happens(conditions.loss) {
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
        self.is_bad ^= chance.happens(change);
        chance.happens(if self.is_bad { bad_loss } else { good_loss })
    }

    /// Puts the frame in `slot`, which left at `departure`, where it will arrive.
    fn carry(
        &mut self,
        conditions: &LinkConditions,
        chance: &mut Chance,
        frames: &mut Frames,
        slot: Slot,
        departure: Instant,
    ) {
        let mut arrival = departure
            + conditions.delay
            + chance.up_to(conditions.jitter)
            + chance.tail(conditions.tail);
        if chance.happens(conditions.reordering) {
            arrival = arrival + conditions.held_back;
        }
        let queue = match self.to.len() {
            0 => {
                frames.free(slot);
                return;
            }
            1 => 0,
            queues if chance.happens(conditions.stray) => chance.below(queues as u64) as usize,
            _ => self.queue_of(&frames.get(slot).origin),
        };
        self.to[queue].coming.add((arrival, self.carried, slot));
        self.carried += 1;
    }

    /// The receive queue for a flow: as RSS does, by a hash over what tells it from others.
    fn queue_of(&self, origin: &Origin) -> usize {
        let flow = u64::from(origin.port) << 16 | u64::from(origin.port_offset);
        let hash = SplitMix64(flow).next() >> 32;
        let in_port = ((hash * self.per_port as u64) >> 32) as usize;
        // A way to a single port leads to that, whichever port a probe came from.
        (usize::from(origin.port) * self.per_port + in_port) % self.to.len()
    }
}

/// Does to the bytes of a frame what is to happen to them.
fn damage(frame: &mut Frame, conditions: &LinkConditions, chance: &mut Chance) {
    // First, as it is the sender's doing.
    if chance.happens(conditions.partial) {
        damage::leave_checksum(frame);
    }
    if chance.happens(conditions.corruption) {
        damage::corrupt(frame, chance);
    }
    if chance.happens(conditions.truncation) {
        damage::truncate(frame, chance);
    }
    if chance.happens(conditions.padding) {
        damage::pad(frame, chance);
    }
}

impl<'a> Link<'a> {
    /// A link between these ends, for frames of at most `frame_len` bytes.
    #[must_use]
    pub fn new(
        conditions: Conditions,
        frame_len: usize,
        sender: Queues,
        reflector: Queues,
        truth: Truth<'a>,
    ) -> SharedLink<'a> {
        let LinkConditions {
            partial,
            corruption,
            truncation,
            padding,
            ..
        } = conditions.link;
        Rc::new(RefCell::new(Self {
            conditions,
            damages: partial + corruption + truncation + padding > 0.0,
            chance: Chance::new(conditions.seed, 0),
            host_chance: Chance::new(conditions.seed, 1),
            to_reflector: Way::new(sender, reflector),
            to_sender: Way::new(reflector, sender),
            frames: Frames::new(frame_len.max(MAX_FOREIGN) + MAX_PADDING),
            truth,
        }))
    }

    fn from(&mut self, side: Side) -> &mut Way {
        match side {
            Side::Sender => &mut self.to_reflector,
            Side::Reflector => &mut self.to_sender,
        }
    }

    fn to(&mut self, side: Side) -> &mut Way {
        self.from(match side {
            Side::Sender => Side::Reflector,
            Side::Reflector => Side::Sender,
        })
    }

    /// For how many of `want` packets `side` has buffers.
    pub fn buffers(&mut self, want: u16) -> u16 {
        if self.host_chance.happens(self.conditions.hosts.no_buffer) {
            return self.host_chance.below(want.into()) as u16;
        }
        want
    }

    /// Returns how many of `offered` packets transmit queue `queue` of `side` takes at `now`.
    pub fn takes(&mut self, side: Side, queue: u16, now: Instant, offered: u16) -> u16 {
        let room = match self.conditions.link.bandwidth {
            Some(_) => self.from(side).room(queue, now).min(offered),
            None => offered,
        };
        if self.host_chance.happens(self.conditions.hosts.refusal) {
            return self.host_chance.below(u64::from(room) + 1) as u16;
        }
        room
    }

    /// Carries the frame in `slot`, which transmit queue `queue` of `side` took at `now`; what
    /// happens to it on the way is decided here.
    pub fn put(&mut self, side: Side, queue: u16, slot: Slot, now: Instant) {
        let Self {
            conditions,
            damages,
            chance,
            frames,
            to_reflector,
            to_sender,
            ..
        } = self;
        let conditions = &conditions.link;
        let way = match side {
            Side::Sender => to_reflector,
            Side::Reflector => to_sender,
        };
        let len = frames.get(slot).bytes().len();
        let departure = way.departure(queue, now, len, conditions.bandwidth);
        // A link holds only so much.
        if way.loses(conditions, chance) || frames.is_full() {
            frames.free(slot);
            return;
        }
        if *damages {
            damage(frames.get_mut(slot), conditions, chance);
        }
        if chance.happens(conditions.foreign) {
            let other = frames.copy(slot);
            damage::somebody_elses(frames.get_mut(other), chance);
            way.carry(conditions, chance, frames, other, departure);
        }
        if chance.happens(conditions.duplication) {
            let copy = frames.copy(slot);
            way.carry(conditions, chance, frames, copy, departure);
        }
        way.carry(conditions, chance, frames, slot, departure);
    }

    /// Moves what has arrived by `now` into receive queue `queue` of `side`; what finds no place
    /// there is missed.
    fn arrive(&mut self, side: Side, queue: u16, now: Instant) {
        let no_buffer = self.conditions.hosts.no_buffer;
        let way = match side {
            Side::Sender => &mut self.to_sender,
            Side::Reflector => &mut self.to_reflector,
        };
        let rx_desc = usize::from(way.rx_desc);
        let RxQueue {
            coming,
            waiting,
            missed,
            no_buffer: without_buffer,
        } = &mut way.to[usize::from(queue)];
        while let Some(slot) = coming.next(now) {
            if waiting.len() >= rx_desc {
                *missed += 1;
                self.frames.free(slot);
            } else if self.host_chance.happens(no_buffer) {
                *without_buffer += 1;
                self.frames.free(slot);
            } else {
                waiting.push_back(slot);
            }
        }
    }

    /// Takes at most `most` of what has arrived at receive queue `queue` of `side` into `burst`.
    pub fn take(&mut self, side: Side, queue: u16, now: Instant, most: u16, burst: &mut Vec<Slot>) {
        self.arrive(side, queue, now);
        let waiting = &mut self.to(side).to[usize::from(queue)].waiting;
        let count = waiting.len().min(most.into());
        burst.extend(waiting.drain(..count));
    }

    /// Returns how many packets wait in receive queue `queue` of `side`.
    #[must_use]
    pub fn depth(&self, side: Side, queue: u16) -> u32 {
        let way = match side {
            Side::Sender => &self.to_sender,
            Side::Reflector => &self.to_reflector,
        };
        way.to[usize::from(queue)].waiting.len() as u32
    }

    /// The reflector, which was gone, is back at `now`: what came to it meanwhile is lost.
    pub fn forget_what_reached_the_reflector(&mut self, now: Instant) {
        for queue in &mut self.to_reflector.to {
            while let Some(slot) = queue.coming.next(now) {
                self.frames.free(slot);
            }
            for slot in queue.waiting.drain(..) {
                self.frames.free(slot);
            }
        }
    }

    /// Returns what the sender's port `port` missed for want of descriptors and for want of
    /// buffers.
    #[must_use]
    pub fn missed(&self, port: usize) -> (u64, u64) {
        let per_port = self.to_sender.per_port;
        let queues = &self.to_sender.to[port * per_port..][..per_port];
        let missed = queues.iter().map(|queue| queue.missed).sum();
        (missed, queues.iter().map(|queue| queue.no_buffer).sum())
    }
}
