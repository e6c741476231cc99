//! The link between sender and reflector: it takes packets at one end, draws what happens to each,
//! and delivers them at the other.

pub mod dut;
pub mod frames;
mod impair;
pub mod port;
mod way;

use std::cell::RefCell;
use std::rc::Rc;

use dpdkgen_core::probe::layout::Layout;
use dpdkgen_core::time::Instant;

use self::dut::Dut;
use self::frames::{Frames, Slot};
use self::impair::{MAX_FOREIGN, MAX_PADDING};
use self::way::Way;
use crate::conditions::{Conditions, LinkConditions};
use crate::rng::Rng;
use crate::truth::Truth;

/// One end of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The end that makes the probes.
    Sender,
    /// The end that sends them back.
    Reflector,
}

/// The queues at one end of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queues {
    /// The number of ports.
    pub ports: u16,
    /// The number of receive queues of each port.
    pub rx: u16,
    /// The number of transmit queues of all ports together.
    pub tx: u16,
    /// The number of packets that a receive queue holds.
    pub rx_desc: u16,
    /// The number of packets that a transmit queue holds.
    pub tx_desc: u16,
}

/// The link, with the frames on it and the truth about them.
#[derive(Debug)]
pub struct Link<'a> {
    conditions: Conditions,
    /// Set if the conditions change bytes of any frame.
    impairs_bytes: bool,
    layout: Layout,
    rng: Rng,
    /// The hosts' own generator, so that the link does the same whatever they do.
    host_rng: Rng,
    /// The way to the reflector, which nothing takes where the link forwards.
    to_reflector: Way,
    to_sender: Way,
    /// The device under test, which what the sender sends passes first.
    dut: Option<Dut>,
    /// Set if the link forwards what the sender sends to the sender's ports.
    is_through: bool,
    /// The frames on the link.
    pub frames: Frames,
    /// The record of what has become of every packet so far.
    pub truth: Truth<'a>,
}

/// A link that the ports at both ends share.
pub type SharedLink<'a> = Rc<RefCell<Link<'a>>>;

impl<'a> Link<'a> {
    /// Makes a link between these ends, for probes with headers of the given layout in frames of at
    /// most so many bytes. Without a reflector it forwards: what a port of the sender sends arrives
    /// at its next one, and from the last at the first.
    #[must_use]
    pub fn new(
        conditions: Conditions,
        (layout, frame_len): (Layout, usize),
        sender: Queues,
        reflector: Option<Queues>,
        truth: Truth<'a>,
    ) -> SharedLink<'a> {
        // It makes several generators of its own.
        let dut_seed = Rng::new(conditions.seed, u64::MAX - 1).bits();
        let LinkConditions {
            partial,
            corruption,
            truncation,
            padding,
            ..
        } = conditions.link;
        Rc::new(RefCell::new(Self {
            conditions,
            layout,
            impairs_bytes: partial + corruption + truncation + padding > 0.0,
            rng: Rng::new(conditions.seed, 0),
            host_rng: Rng::new(conditions.seed, 1),
            to_reflector: Way::new(sender, reflector.unwrap_or(sender), 0),
            to_sender: match reflector {
                Some(reflector) => Way::new(reflector, sender, 0),
                None => Way::new(sender, sender, 1),
            },
            dut: conditions.dut.map(|dut| Dut::new(&dut, dut_seed)),
            is_through: reflector.is_none(),
            frames: Frames::new(frame_len.max(MAX_FOREIGN) + MAX_PADDING),
            truth,
        }))
    }

    /// Draws for how many of `want` packets a host has buffers.
    pub fn buffers(&mut self, want: u16) -> u16 {
        if self.host_rng.happens(self.conditions.hosts.no_buffer) {
            return self.host_rng.below(want.into()) as u16;
        }
        want
    }

    /// Draws how many of `offered` packets transmit queue `queue` of `side` takes at `now`.
    pub fn takes(&mut self, side: Side, queue: u16, now: Instant, offered: u16) -> u16 {
        let room = match self.conditions.link.bandwidth {
            Some(_) => self.way_from(side).room(queue, now).min(offered),
            None => offered,
        };
        if self.host_rng.happens(self.conditions.hosts.refusal) {
            return self.host_rng.below(u64::from(room) + 1) as u16;
        }
        room
    }

    fn way_from(&mut self, side: Side) -> &mut Way {
        match side {
            Side::Sender if !self.is_through => &mut self.to_reflector,
            _ => &mut self.to_sender,
        }
    }

    /// Draws what happens to the frame in `slot`, which transmit queue `queue` of `side` took at
    /// `now`, and puts it on its way, with its copies, unless it is lost.
    pub fn put(&mut self, side: Side, queue: u16, slot: Slot, now: Instant) {
        let Self {
            conditions,
            impairs_bytes,
            layout,
            rng,
            frames,
            to_reflector,
            to_sender,
            dut,
            is_through,
            truth,
            ..
        } = self;
        let conditions = &conditions.link;
        let way = match side {
            Side::Sender if !*is_through => to_reflector,
            _ => to_sender,
        };
        let len = frames.get(slot).bytes().len();
        let mut departure = way.departure(queue, now, len, conditions.bandwidth);
        if let (Side::Sender, Some(dut)) = (side, dut) {
            let Some(forwarded) = dut.forward(departure, len) else {
                truth.dropped(frames.get(slot));
                frames.free(slot);
                return;
            };
            departure = forwarded;
        }
        // A link holds only so much.
        if way.loses(conditions, rng) || frames.is_full() {
            frames.free(slot);
            return;
        }
        if *impairs_bytes {
            impair::impair(frames.get_mut(slot), *layout, conditions, rng);
        }
        if rng.happens(conditions.foreign) {
            let other = frames.copy(slot);
            impair::make_foreign(frames.get_mut(other), *layout, rng);
            way.carry(conditions, rng, frames, other, departure);
        }
        if rng.happens(conditions.duplication) {
            let copy = frames.copy(slot);
            way.carry(conditions, rng, frames, copy, departure);
        }
        way.carry(conditions, rng, frames, slot, departure);
    }

    /// Takes at most `most` of what has arrived at receive queue `queue` of `side` by `now`, into
    /// `burst`.
    pub fn take(&mut self, side: Side, queue: u16, now: Instant, most: u16, burst: &mut Vec<Slot>) {
        let no_buffer = self.conditions.hosts.no_buffer;
        let way = match side {
            Side::Sender => &mut self.to_sender,
            Side::Reflector => &mut self.to_reflector,
        };
        way.arrive(queue, now, no_buffer, &mut self.frames, &mut self.host_rng);
        way.take(queue, most, burst);
    }

    /// Returns the number of packets that wait in receive queue `queue` of `side`.
    #[must_use]
    pub fn depth(&self, side: Side, queue: u16) -> u32 {
        let way = match side {
            Side::Sender => &self.to_sender,
            Side::Reflector => &self.to_reflector,
        };
        way.depth(queue)
    }

    /// Drops what reached the reflector by `now`, while it was gone.
    pub fn drop_at_reflector(&mut self, now: Instant) {
        self.to_reflector.drop_arrived(now, &mut self.frames);
    }

    /// Returns the numbers of packets that the sender's port `port` missed, for want of descriptors
    /// and for want of buffers.
    #[must_use]
    pub fn missed(&self, port: usize) -> (u64, u64) {
        self.to_sender.missed(port)
    }
}
