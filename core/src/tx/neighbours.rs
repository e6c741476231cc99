//! What a sender does for its port beside sending probes: it passes on answers to neighbours, asks
//! for the next hop again, and follows it.

use crate::neighbour::{NextHop, Responder};
use crate::port::{FrameLen, Port};
use crate::rx::{AnswerBox, MAX_ANSWER};
use crate::time::{Instant, Span};
use crate::tx::template::Template;
use crate::wire::Mac;

/// From one question for the next hop to the next (RFC 4861, section 10: REACHABLE_TIME).
const ASK_EVERY: Span = Span::from_secs(30);

/// The neighbours of a sender's port.
#[derive(Clone, Copy, Default)]
pub struct Neighbours<'a> {
    /// Where the port's receivers leave their answers: of one sender a port, none of the others.
    pub answers: &'a [AnswerBox],
    /// The next hop, if it is to be followed.
    pub next_hop: Option<&'a NextHop>,
    /// Who asks where it is: of one sender a port.
    pub asker: Option<Responder<'a>>,
}

/// What is done for the neighbours, and when.
pub(super) struct Attending<'a> {
    of: Neighbours<'a>,
    /// Where the template sends to, while a next hop is followed.
    destination: Mac,
    next_ask: Instant,
}

impl<'a> Attending<'a> {
    pub fn new(of: Neighbours<'a>) -> Self {
        let is_asked = of.asker.is_some() && of.next_hop.is_some();
        Self {
            destination: of.next_hop.map_or(Mac::BROADCAST, NextHop::mac),
            next_ask: if is_asked {
                Instant::START + ASK_EVERY
            } else {
                Instant::MAX
            },
            of,
        }
    }

    /// Returns whether there is something to do at `now`.
    #[inline]
    pub fn is_needed(&self, now: Instant) -> bool {
        let has_moved = |next_hop: &NextHop| next_hop.mac() != self.destination;
        self.of.answers.iter().any(AnswerBox::is_full)
            || self.of.next_hop.is_some_and(has_moved)
            || now >= self.next_ask
    }

    /// Does it by way of `port`, for the sender of the frames of `template`.
    #[cold]
    #[inline(never)]
    pub fn attend<P: Port>(&mut self, now: Instant, port: &mut P, template: &mut Template<'_>) {
        let mut room = [0; MAX_ANSWER];
        for answers in self.of.answers {
            if let Some(answer) = answers.take(&mut room) {
                send(port, answer);
            }
        }
        let Some(next_hop) = self.of.next_hop else {
            return;
        };
        self.destination = next_hop.mac();
        template.set_destination(self.destination);
        if now >= self.next_ask
            && let Some(asker) = self.of.asker
        {
            self.next_ask = now + ASK_EVERY;
            for &own in asker.addresses() {
                if let Some(FrameLen(len)) = asker.solicit(own, next_hop.ip(), &mut room) {
                    send(port, &room[..usize::from(len)]);
                }
            }
        }
    }
}

fn send<P: Port>(port: &mut P, frame: &[u8]) {
    port.transmit(1, |room| {
        // One that is longer than what the port carries could not have been asked.
        let len = frame.len().min(room.len());
        room[..len].copy_from_slice(&frame[..len]);
        FrameLen(len as u16)
    });
}
