//! The link's ends as the workers see them, and the lcores whose time passes there.

use std::cell::Cell;
use std::rc::Rc;

use dpdkgen_core::port::{Capabilities, ForwardOutcome, FrameLen, Port, TxOutcome, Verdict};
use dpdkgen_core::time::{Clock, Instant, Span};
use dpdkgen_run::outputs::sampling::Stamp;

use crate::link::frames::Slot;
use crate::link::{SharedLink, Side};
use crate::truth::oracle::expected_reflection;

/// The address of the reflector's port.
pub const REFLECTOR_MAC: [u8; 6] = [2, 0, 0, 0, 2, 0];

/// What a burst costs.
const BURST_COST: Span = Span::from_nanos(30);
/// What every packet of it costs more.
const PACKET_COST: Span = Span::from_nanos(20);

/// The time of one lcore, and what it has just done.
#[derive(Debug, Default)]
pub struct Lcore {
    /// True time.
    pub time: Cell<Instant>,
    /// When its run started, from when its clock counts.
    pub birth: Cell<Instant>,
    /// By how much its clock is ahead.
    pub ahead: Cell<Span>,
    /// What its clock said last.
    pub reading: Cell<Instant>,
    /// Packets moved since somebody looked.
    pub moved: Cell<u64>,
    /// What passes before the clock is next read between two polls, if nothing was moved.
    pub pause: Cell<Span>,
    /// What passes there in any case.
    pub stall: Cell<Span>,
    /// Whether a port is at work, in which the clock may be read too.
    is_in_port: Cell<bool>,
}

/// An lcore that its workers and their ports share.
#[derive(Debug, Clone, Default)]
pub struct SharedLcore(pub Rc<Lcore>);

impl Lcore {
    /// Time passes.
    pub fn spend(&self, time: Span) {
        self.time.set(self.time.get() + time);
    }

    fn spend_on(&self, packets: u16) {
        self.spend(BURST_COST + PACKET_COST.saturating_mul(packets.into()));
        self.moved.set(self.moved.get() + u64::from(packets));
    }

    fn read(&self) -> Instant {
        let age = self.time.get().saturating_since(self.birth.get());
        self.reading.set(Instant::START + age + self.ahead.get());
        self.reading.get()
    }
}

impl Clock for SharedLcore {
    fn now(&mut self) -> Instant {
        let lcore = &*self.0;
        if !lcore.is_in_port.get() {
            lcore.spend(lcore.stall.take());
            if lcore.moved.get() == 0 {
                lcore.spend(lcore.pause.take());
            }
        }
        lcore.read()
    }
}

impl Stamp for SharedLcore {
    /// The true time; asking for it takes none.
    fn stamp(&mut self) -> Option<Instant> {
        Some(self.0.time.get())
    }
}

/// Which queue, or pair of them, a port is.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// At which end.
    pub side: Side,
    /// On which port.
    pub port: u16,
    /// Its receive queue, counted over all ports of its side, if it has one.
    pub rx: Option<u16>,
    /// Its transmit queue, counted so too: the stream it sends. Of no use without one.
    pub tx: u16,
    /// Most packets received at once.
    pub rx_burst: u16,
}

/// A queue, or a pair of them, at one end of the link.
pub struct SimPort<'a> {
    link: SharedLink<'a>,
    lcore: SharedLcore,
    place: Place,
    burst: Vec<Slot>,
    wanted: Vec<Slot>,
    /// Where frames are written that the device will not take.
    refused: Slot,
}

impl<'a> SimPort<'a> {
    /// The queue at `place`, polled by `lcore`.
    #[must_use]
    pub fn new(link: SharedLink<'a>, lcore: SharedLcore, place: Place) -> Self {
        let refused = link.borrow_mut().frames.make();
        Self {
            link,
            lcore,
            place,
            burst: Vec::new(),
            wanted: Vec::new(),
            refused,
        }
    }

    fn take_burst(&mut self) {
        let Place {
            side, rx, rx_burst, ..
        } = self.place;
        let now = self.lcore.0.time.get();
        self.burst.clear();
        let mut link = self.link.borrow_mut();
        if let Some(rx) = rx {
            link.take(side, rx, now, rx_burst, &mut self.burst);
        }
    }
}

impl Port for SimPort<'_> {
    fn capabilities(&self) -> Capabilities {
        let Place { rx, rx_burst, .. } = self.place;
        let mut link = self.link.borrow_mut();
        Capabilities {
            max_frame: FrameLen(link.frames.get_mut(self.refused).room().len() as u16),
            rx_burst: rx.map_or(0, |_| rx_burst),
            tx_burst: u16::MAX,
        }
    }

    fn transmit(&mut self, want: u16, mut fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        let Place { side, port, tx, .. } = self.place;
        let lcore = &self.lcore.0;
        let link = &mut *self.link.borrow_mut();
        let (now, reading) = (lcore.time.get(), lcore.reading.get());
        let built = link.buffers(want);
        let taken = link.takes(side, tx, now, built);
        for number in 0..built {
            if number >= taken {
                fill(link.frames.get_mut(self.refused).room());
                continue;
            }
            let slot = link.frames.make();
            let frame = link.frames.get_mut(slot);
            let FrameLen(len) = fill(frame.room());
            frame.set_len(len.into());
            frame.origin = link.truth.sent(tx, port, frame.bytes(), reading);
            frame.is_intact = true;
            link.put(side, tx, slot, now);
        }
        let outcome = TxOutcome {
            accepted: taken,
            refused: built - taken,
            no_buffer: want - built,
        };
        if link.truth.counts(reading) {
            link.truth.tx.refused += u64::from(outcome.refused);
            link.truth.tx.no_buffer += u64::from(outcome.no_buffer);
        }
        lcore.spend_on(taken);
        outcome
    }

    fn receive(&mut self, mut each: impl FnMut(&[u8])) -> u16 {
        self.take_burst();
        self.lcore.0.is_in_port.set(true);
        let receiver = usize::from(self.place.rx.unwrap_or(0));
        for slot in &self.burst {
            // The one who takes the frame reads the clock.
            each(self.link.borrow().frames.get(*slot).bytes());
            let link = &mut *self.link.borrow_mut();
            let reading = self.lcore.0.reading.get();
            link.truth
                .delivered(receiver, link.frames.get(*slot), reading);
            link.frames.free(*slot);
        }
        self.lcore.0.is_in_port.set(false);
        let received = self.burst.len() as u16;
        self.lcore.0.spend_on(received);
        received
    }

    fn forward(&mut self, mut each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        self.take_burst();
        let link = &mut *self.link.borrow_mut();
        let now = self.lcore.0.time.get();
        let mut received_bytes = 0;
        for slot in &self.burst {
            let frame = link.frames.get_mut(*slot);
            received_bytes += frame.bytes().len() as u64;
            let expected = if frame.is_intact {
                Ok(false)
            } else {
                expected_reflection(frame.bytes(), REFLECTOR_MAC)
            };
            link.truth.reflector.received(expected, frame.bytes().len());
            if each(frame.bytes_mut()) == Verdict::Send {
                self.wanted.push(*slot);
            } else {
                link.frames.free(*slot);
            }
        }
        let Place { side, tx, .. } = self.place;
        let offered = self.wanted.len() as u16;
        let taken = link.takes(side, tx, now, offered);
        let mut outcome = ForwardOutcome {
            received: self.burst.len() as u16,
            received_bytes,
            sent: taken,
            sent_bytes: 0,
            refused: offered - taken,
        };
        for (number, slot) in self.wanted.drain(..).enumerate() {
            if number < taken.into() {
                outcome.sent_bytes += link.frames.get(slot).bytes().len() as u64;
                link.put(side, tx, slot, now);
            } else {
                link.frames.free(slot);
            }
        }
        link.truth.reflector.sent += u64::from(outcome.sent);
        link.truth.reflector.refused += u64::from(outcome.refused);
        self.lcore.0.spend_on(outcome.received);
        outcome
    }

    fn rx_depth(&self) -> Option<u32> {
        let Place { side, rx, .. } = self.place;
        rx.map(|rx| self.link.borrow().depth(side, rx))
    }
}
