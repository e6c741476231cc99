//! A reflector that is found and can be pinged: it answers for its addresses, and announces them.

use core::mem;

use crate::neighbour::{Heard, Responder};
use crate::port::{ForwardOutcome, FrameLen, Port};
use crate::rx::MAX_ANSWER;
use crate::time::{Instant, Span};

/// How often each address is announced, and how long after another (RFC 5227, section 1.1).
const ANNOUNCEMENTS: u8 = 2;
const ANNOUNCE_INTERVAL: Span = Span::from_secs(2);

/// The answering for a port's addresses, beside the reflecting.
pub(super) struct Answering<'a> {
    responder: Responder<'a>,
    room: [u8; MAX_ANSWER],
    announcements: u8,
    next_announcement: Instant,
    /// The answers of the burst so far, and their bytes.
    packets: u16,
    bytes: u64,
}

impl<'a> Answering<'a> {
    pub fn new(responder: Responder<'a>) -> Self {
        Self {
            responder,
            room: [0; MAX_ANSWER],
            announcements: ANNOUNCEMENTS,
            next_announcement: Instant::START,
            packets: 0,
            bytes: 0,
        }
    }

    /// Announces the addresses, if that is due at `now`.
    pub fn announce<P: Port>(&mut self, now: Instant, port: &mut P) {
        if self.announcements == 0 || now < self.next_announcement {
            return;
        }
        self.announcements -= 1;
        self.next_announcement = now + ANNOUNCE_INTERVAL;
        for &address in self.responder.addresses() {
            let Some(FrameLen(len)) = self.responder.announce(address, &mut self.room) else {
                continue;
            };
            let announcement = &self.room[..usize::from(len)];
            port.transmit(1, |frame| {
                frame[..announcement.len()].copy_from_slice(announcement);
                FrameLen(len)
            });
        }
    }

    /// Takes the answers of the burst out of its `outcome`, in which they were received and sent like
    /// probes, and returns how many they were. What the device refused is taken for probes.
    pub fn take_out_of(&mut self, outcome: &mut ForwardOutcome) -> u64 {
        let (packets, bytes) = (mem::take(&mut self.packets), mem::take(&mut self.bytes));
        let sent = packets.min(outcome.sent);
        outcome.received -= packets;
        outcome.received_bytes -= bytes;
        outcome.sent -= sent;
        outcome.sent_bytes = outcome.sent_bytes.saturating_sub(bytes);
        outcome.refused -= packets - sent;
        packets.into()
    }

    /// Hears `frame`, and puts the answer in its place if there is one. One that is longer than the
    /// question is not given.
    pub fn hear(&mut self, frame: &mut [u8]) -> Heard {
        let room = frame.len().min(MAX_ANSWER);
        let heard = self.responder.hear(frame, &mut self.room[..room]);
        if let Some(FrameLen(len)) = heard.answer() {
            let len = usize::from(len);
            frame[..len].copy_from_slice(&self.room[..len]);
            self.packets += 1;
            self.bytes += frame.len() as u64;
        }
        heard
    }
}
