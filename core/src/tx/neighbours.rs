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

#[cfg(test)]
mod tests {
    use core::net::{IpAddr, Ipv4Addr};
    use std::boxed::Box;
    use std::vec::Vec;

    use super::*;
    use crate::neighbour::Neighbour;
    use crate::probe::Index;
    use crate::stats::intervals::IntervalGrid;
    use crate::testing::{ADDRESSES, Bench, Sent};
    use crate::tx::template::Patch;
    use crate::wire::Tags;

    const NEXT_HOP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
    const HERE: Mac = ADDRESSES.destination_mac;
    const THERE: Mac = Mac([2, 0, 0, 0, 0, 9]);
    const GRID: IntervalGrid = IntervalGrid {
        start: Instant::START,
        length: Span::from_secs(1),
        grace: Span::ZERO,
    };

    /// Attends at `now` if there is something to do, and returns what is sent for it.
    fn attend(
        attending: &mut Attending<'_>,
        now: u64,
        template: &mut Template<'_>,
    ) -> Vec<Vec<u8>> {
        let (now, mut port) = (Instant::START + Span::from_millis(now), Sent::default());
        if attending.is_needed(now) {
            attending.attend(now, &mut port, template);
        }
        port.0
    }

    #[test]
    fn answers_of_every_receiver_are_passed_on_once_and_whole() {
        let boxes = [(); 3].map(|()| Box::<AnswerBox>::default());
        let boxes = boxes.map(|one| *one);
        let mut template = Bench::new(GRID).template();
        let mut attending = Attending::new(Neighbours {
            answers: &boxes,
            ..Neighbours::default()
        });
        assert!(attend(&mut attending, 0, &mut template).is_empty());
        boxes[0].post(&[7; 60]);
        boxes[2].post(&[8; 1514]);
        let sent = attend(&mut attending, 1, &mut template);
        assert_eq!(sent, [&[7; 60][..], &[8; 1514]]);
        boxes[1].post(&[9; 2000]);
        let sent = attend(&mut attending, 2, &mut template);
        assert_eq!(sent, [[9; 1514]], "what the port carries");
        assert!(attend(&mut attending, 3, &mut template).is_empty());
    }

    #[test]
    fn a_next_hop_that_moves_is_followed() {
        let next_hop = NextHop::new(NEXT_HOP, HERE);
        let mut template = Bench::new(GRID).template();
        let mut attending = Attending::new(Neighbours {
            next_hop: Some(&next_hop),
            ..Neighbours::default()
        });
        let destination = |template: &Template<'_>| {
            let patch = Patch {
                index: Index::new(0, 0),
                source_port: 1,
                time: Instant::START,
                lag: Span::ZERO,
            };
            let mut frame = [0; 100];
            template.write(&mut frame, &patch);
            let (mac, _) = frame.split_first_chunk().unwrap();
            Mac(*mac)
        };
        assert!(!attending.is_needed(Instant::MAX.saturating_sub(Span::from_nanos(1))));
        for mac in [THERE, HERE] {
            next_hop.learn(Neighbour { ip: NEXT_HOP, mac });
            assert!(attending.is_needed(Instant::START));
            assert!(attend(&mut attending, 0, &mut template).is_empty());
            assert_eq!(destination(&template), mac);
            assert!(!attending.is_needed(Instant::START), "known by now");
        }
    }

    #[test]
    fn a_next_hop_is_asked_for_each_thirty_seconds_from_each_address() {
        let next_hop = NextHop::new(NEXT_HOP, HERE);
        let own = [1, 3].map(|last| IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)));
        let mut template = Bench::new(GRID).template();
        let mut attending = Attending::new(Neighbours {
            next_hop: Some(&next_hop),
            asker: Some(Responder::new(ADDRESSES.source_mac, Tags::NONE, &own)),
            ..Neighbours::default()
        });
        let mut asked = |now| {
            let sent = attend(&mut attending, now, &mut template);
            // The addresses of an ARP request: who asks, and for whom.
            let ends = |frame: Vec<u8>| (frame[31], frame[41]);
            sent.into_iter().map(ends).collect::<Vec<_>>()
        };
        for idle in [0, 29_999] {
            assert_eq!(asked(idle), []);
        }
        assert_eq!(asked(30_000), [(1, 2), (3, 2)]);
        assert_eq!(asked(59_999), []);
        assert_eq!(asked(61_000), [(1, 2), (3, 2)]);
        assert_eq!(asked(90_999), []);
        assert_eq!(asked(91_000), [(1, 2), (3, 2)]);
    }

    #[test]
    fn without_a_next_hop_or_an_asker_nobody_asks() {
        let next_hop = NextHop::new(NEXT_HOP, HERE);
        let own = [IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1))];
        let asker = Responder::new(ADDRESSES.source_mac, Tags::NONE, &own);
        for (next_hop, asker) in [(Some(&next_hop), None), (None, Some(asker))] {
            let attending = Attending::new(Neighbours {
                next_hop,
                asker,
                ..Neighbours::default()
            });
            assert!(!attending.is_needed(Instant::START + Span::from_secs(1_000)));
        }
    }
}
