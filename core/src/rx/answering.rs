//! A receiver that is found and can be pinged: it has its neighbours answered, and hears where the
//! next hop is.

use crate::neighbour::{Heard, NextHop, Responder};
use crate::port::FrameLen;
use crate::sync::mailbox::Mailbox;

/// The longest answer: an echo in a frame of a 9000-byte packet behind two tags.
pub const MAX_ANSWER: usize = 9024;

/// Where a receiver leaves an answer for the port's sender, which has the queue to send it on.
pub type AnswerBox = Mailbox<{ MAX_ANSWER / 8 }>;

/// The answering for a port's addresses, beside the receiving of probes.
pub(super) struct Answering<'a> {
    responder: Responder<'a>,
    answers: &'a AnswerBox,
    next_hop: Option<&'a NextHop>,
    room: [u8; MAX_ANSWER],
}

impl<'a> Answering<'a> {
    pub const fn new(
        responder: Responder<'a>,
        answers: &'a AnswerBox,
        next_hop: Option<&'a NextHop>,
    ) -> Self {
        Self {
            responder,
            answers,
            next_hop,
            room: [0; MAX_ANSWER],
        }
    }

    /// Returns whether `frame` is a neighbour's question whose answer is on its way, or tells where the
    /// next hop is. While an answer waits, others are not given: the neighbour will ask again.
    pub fn hears(&mut self, frame: &[u8]) -> bool {
        let heard = self.responder.hear(frame, &mut self.room);
        let news = self.next_hop.zip(heard.learned());
        let is_of_next_hop = news.is_some_and(|(next_hop, neighbour)| next_hop.learn(neighbour));
        match heard {
            Heard::Answered { answer, .. } => {
                let FrameLen(len) = answer;
                self.answers.post(&self.room[..usize::from(len)]) || is_of_next_hop
            }
            Heard::Learned(_) | Heard::Malformed | Heard::Other => is_of_next_hop,
        }
    }
}
