//! A reflector that is found and can be pinged: it answers for its addresses, and announces them.

use core::mem;

use heapless::Vec;

use crate::neighbour::{Heard, Responder};
use crate::port::{ForwardOutcome, FrameLen, Port};
use crate::rx::MAX_ANSWER;
use crate::time::{Instant, Span};

/// How often each address is announced, and how long after another (RFC 5227, section 1.1).
const ANNOUNCEMENTS: u8 = 2;
const ANNOUNCE_INTERVAL: Span = Span::from_secs(2);
/// The most answers to one burst.
const MAX_ANSWERS: usize = 32;

/// The answering for a port's addresses, beside the reflecting.
pub(super) struct Answering<'a> {
    responder: Responder<'a>,
    room: [u8; MAX_ANSWER],
    announcements: u8,
    next_announcement: Instant,
    /// The answers to the burst so far, which lie one behind the other in the room.
    answers: Vec<FrameLen, MAX_ANSWERS>,
    filled: usize,
    /// Bytes of the questions.
    asked_bytes: u64,
}

impl<'a> Answering<'a> {
    pub fn new(responder: Responder<'a>) -> Self {
        Self {
            responder,
            room: [0; MAX_ANSWER],
            announcements: ANNOUNCEMENTS,
            next_announcement: Instant::START,
            answers: Vec::new(),
            filled: 0,
            asked_bytes: 0,
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

    /// Hears `frame`, and keeps the answer for [`Self::send`] if there is one and room for it; if not,
    /// the neighbour will ask again.
    pub fn hear(&mut self, frame: &[u8]) -> Heard {
        let room = &mut self.room[self.filled..];
        let heard = self.responder.hear(frame, room);
        if let Some(answer) = heard.answer() {
            if self.answers.push(answer).is_err() {
                return Heard::Other;
            }
            self.filled += usize::from(answer.0);
            self.asked_bytes += frame.len() as u64;
        }
        heard
    }

    /// Sends the answers to what was heard in a burst, and takes the questions out of its `outcome`:
    /// they are no packets to reflect. Returns how many they were.
    pub fn send<P: Port>(&mut self, outcome: &mut ForwardOutcome, port: &mut P) -> u64 {
        let count = self.answers.len() as u16;
        if count == 0 {
            return 0;
        }
        let (mut lens, mut rest) = (self.answers.iter(), &self.room[..]);
        port.transmit(count, |frame| {
            let len = lens.next().copied().unwrap_or_default();
            let (answer, after) = rest.split_at(len.0.into());
            frame[..answer.len()].copy_from_slice(answer);
            rest = after;
            len
        });
        outcome.received -= count;
        outcome.received_bytes -= mem::take(&mut self.asked_bytes);
        self.answers.clear();
        self.filled = 0;
        count.into()
    }
}

#[cfg(test)]
mod tests {
    use core::net::{IpAddr, Ipv6Addr};
    use std::vec::Vec;

    use etherparse::PacketBuilder;

    use super::*;
    use crate::testing::Sent;
    use crate::wire::Mac;
    use crate::wire::ndp::{multicast_mac, solicited_node};

    const OWN: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2);
    const ASKER: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
    const OWN_MAC: Mac = Mac([2, 0, 0, 0, 0, 2]);

    /// Returns the question from `source` where the port is, which does not say where the asker is:
    /// the shortest, and shorter than its answer.
    fn question(source: Ipv6Addr) -> Vec<u8> {
        let group = solicited_node(OWN);
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], multicast_mac(group).0)
            .ipv6(source.octets(), group.octets(), 255)
            .icmpv6_raw(135, 0, [0; 4])
            .write(&mut frame, &OWN.octets())
            .unwrap();
        frame
    }

    #[test]
    fn answers_that_are_longer_than_their_questions_are_sent_and_are_no_packets_reflected() {
        let own = [IpAddr::V6(OWN)];
        let mut answering = Answering::new(Responder::on_any_vlan(OWN_MAC, &own));
        let questions = [question(ASKER), question(Ipv6Addr::UNSPECIFIED)];
        for question in &questions {
            let heard = answering.hear(question);
            assert!(matches!(heard, Heard::Answered { .. }), "{heard:?}");
        }
        let bytes = questions.iter().map(Vec::len).sum::<usize>() as u64;
        let mut outcome = ForwardOutcome {
            received: 5,
            received_bytes: bytes + 300,
            sent: 3,
            sent_bytes: 300,
            refused: 0,
        };
        let mut port = Sent::default();
        assert_eq!(answering.send(&mut outcome, &mut port), 2);
        assert_eq!((outcome.received, outcome.received_bytes), (3, 300));
        assert_eq!((outcome.sent, outcome.sent_bytes), (3, 300));
        let [first, second] = &port.0[..] else {
            panic!("{:?}", port.0)
        };
        assert_eq!(first[..12], [&[2, 0, 0, 0, 0, 1], &OWN_MAC.0[..]].concat());
        assert_eq!(second[..6], [0x33, 0x33, 0, 0, 0, 1], "to all nodes");
        for (answer, question) in [first, second].into_iter().zip(&questions) {
            assert!(answer.len() > question.len());
            assert_eq!(answer[54], 136, "an advertisement");
        }
        assert_eq!(answering.send(&mut outcome, &mut port), 0, "only once");
    }

    #[test]
    fn what_has_no_room_is_not_answered() {
        let own = [IpAddr::V6(OWN)];
        let mut answering = Answering::new(Responder::on_any_vlan(OWN_MAC, &own));
        let answered = (0..=MAX_ANSWERS)
            .filter(|_| answering.hear(&question(ASKER)).answer().is_some())
            .count();
        assert_eq!(answered, MAX_ANSWERS);
        let mut outcome = ForwardOutcome {
            received: MAX_ANSWERS as u16,
            received_bytes: (MAX_ANSWERS * question(ASKER).len()) as u64,
            ..ForwardOutcome::default()
        };
        let mut port = Sent::default();
        let sent = answering.send(&mut outcome, &mut port);
        assert_eq!(sent, MAX_ANSWERS as u64);
        assert_eq!((outcome.received, outcome.received_bytes), (0, 0));
        assert_eq!(port.0.len(), MAX_ANSWERS);
    }
}
