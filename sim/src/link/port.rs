//! The link's ends as ports, which workers poll, and the lcores whose time passes in them.

use std::cell::Cell;
use std::rc::Rc;

use dpdkgen_core::port::{Capabilities, ForwardOutcome, FrameLen, Port, TxOutcome, Verdict};
use dpdkgen_core::time::{Clock, Instant, Span};
use dpdkgen_core::wire::Mac;
use dpdkgen_run::outputs::sampling::Stamp;

use crate::link::frames::Slot;
use crate::link::{SharedLink, Side};
use crate::truth::oracle::expected_reflection;

/// The MAC address of the reflector's port.
pub const REFLECTOR_MAC: Mac = Mac([2, 0, 0, 0, 2, 0]);

/// The time that a burst takes, whatever it moves.
const BURST_COST: Span = Span::from_nanos(30);
/// The time that each packet of a burst adds.
const PACKET_COST: Span = Span::from_nanos(20);

/// The time and the clock of one lcore, and what its poll has done so far.
#[derive(Debug, Default)]
pub struct Lcore {
    /// The true time.
    pub time: Cell<Instant>,
    /// The true time at which its run started, from which its clock counts.
    pub birth: Cell<Instant>,
    /// The time by which its clock is ahead.
    pub ahead: Cell<Span>,
    /// The last reading of its clock.
    pub reading: Cell<Instant>,
    /// The number of packets moved in this round of polls.
    pub moved: Cell<u64>,
    /// The time that passes before the clock is read after the next poll that moves nothing.
    pub pause: Cell<Span>,
    /// The time that passes before the clock is read after the next poll, whatever that moves.
    pub stall: Cell<Span>,
    /// Set while a port receives: reading the clock then does not end a poll.
    is_in_port: Cell<bool>,
}

/// The handle of an lcore, which its workers and their ports share.
#[derive(Debug, Clone, Default)]
pub struct SharedLcore(pub Rc<Lcore>);

impl Lcore {
    /// Lets `time` pass.
    pub fn spend(&self, time: Span) {
        self.time.set(self.time.get() + time);
    }

    /// Lets the time of a burst of so many packets pass, and counts them.
    fn spend_on(&self, packets: u16) {
        self.spend(BURST_COST + PACKET_COST.saturating_mul(packets.into()));
        self.moved.set(self.moved.get() + u64::from(packets));
    }

    /// Reads the clock, which takes no time.
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
    /// Returns the true time; asking for it takes none.
    fn stamp(&mut self) -> Option<Instant> {
        Some(self.0.time.get())
    }
}

/// The queue, or pair of queues, that a [`SimPort`] is.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The end of the link.
    pub side: Side,
    /// The number of the device's port at that end.
    pub port: u16,
    /// The receive queue, counted over all ports of the side; `None` for a sender.
    pub rx: Option<u16>,
    /// The transmit queue, counted in the same way, which is the number of its stream; unused if it
    /// only receives.
    pub tx: u16,
    /// The most packets received at once.
    pub rx_burst: u16,
}

/// A queue, or a pair of them, at one end of the link.
pub struct SimPort<'a> {
    link: SharedLink<'a>,
    lcore: SharedLcore,
    place: Place,
    /// The frames received last.
    burst: Vec<Slot>,
    /// The frames of a burst that are to be sent back.
    wanted: Vec<Slot>,
    /// The slot for frames that the device will not take.
    refused: Slot,
}

impl<'a> SimPort<'a> {
    /// Makes the queue at `place`, polled by `lcore`.
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

    /// Takes what has arrived into `burst`.
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
            // The receiver reads the clock at the first frame.
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
            // A probe as it was sent is answered, unless it was not to go any further.
            let goes_on = frame
                .bytes()
                .get(link.layout.ttl())
                .is_some_and(|&ttl| ttl > 1);
            let expected = if frame.is_intact && goes_on {
                Ok(false)
            } else {
                expected_reflection(frame.bytes(), REFLECTOR_MAC.0)
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
