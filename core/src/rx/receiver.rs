//! The receiving role: says of every frame what it is, and counts it.

use crate::neighbour::{NextHop, Responder};
use crate::phase::Phase;
use crate::port::Port;
use crate::rx::answering::{AnswerBox, Answering};
use crate::rx::arrivals::Arrivals;
use crate::rx::verify::{Expectation, Verifier, in_its_layout};
use crate::sequence::SequenceWindow;
use crate::stats::Recorder;
use crate::time::{Clock, Instant, Span};
use crate::worker::Polled;

/// The receiver of one queue.
///
/// Its counts are added up over a burst; [`Self::flush`] passes them on to the worker's counters,
/// and to the interval of receipt or of sending.
pub struct Receiver<'a> {
    verifier: Verifier<'a>,
    arrivals: Arrivals<'a>,
}

impl<'a> Receiver<'a> {
    /// Makes receiver `number` of a run, which expects probes as in `expectation`.
    #[must_use]
    pub fn new(
        number: u16,
        expectation: Expectation<'a>,
        sequences: &'a SequenceWindow<'a>,
        is_paced: bool,
    ) -> Self {
        Self {
            arrivals: Arrivals::new(
                number,
                sequences,
                is_paced && expectation.payloads.sizes().have_lag(),
            ),
            verifier: Verifier::new(expectation),
        }
    }

    /// Has neighbours of the port answered, by way of `answers`, and hears where `next_hop` is.
    #[must_use]
    pub fn answering(
        mut self,
        responder: Responder<'a>,
        answers: &'a AnswerBox,
        next_hop: Option<&'a NextHop>,
    ) -> Self {
        self.arrivals.answering = Some(Answering::new(responder, answers, next_hop));
        self
    }

    /// Receives a burst of at most `burst` frames, and counts them at the time that `clock` tells
    /// once the burst is there.
    #[inline]
    pub fn poll<P: Port>(
        &mut self,
        phase: Phase,
        burst: u16,
        port: &mut P,
        clock: &mut impl Clock,
        recorder: &mut Recorder<'_>,
    ) -> Polled {
        if phase == Phase::Stopping {
            return Polled::Ended;
        }
        let Self { verifier, arrivals } = self;
        let received = in_its_layout!(verifier, shapes => arrivals
            .receive_burst(verifier, shapes, port, clock, recorder));
        recorder.count_burst(received == burst);
        Polled::Moved(received)
    }

    /// Takes `frame`, received at `now` like all of its burst, at whose end [`Self::flush`]
    /// follows.
    #[inline(always)] // into the loop over a burst
    pub fn receive(&mut self, frame: &[u8], now: Instant, recorder: &mut Recorder<'_>) {
        let Self { verifier, arrivals } = self;
        in_its_layout!(verifier, shapes => arrivals
            .receive(verifier, shapes, (frame, Span::ZERO), now, recorder));
    }

    /// Counts the burst that was received at `now`.
    #[inline]
    pub fn flush(&mut self, now: Instant, recorder: &mut Recorder<'_>) {
        self.arrivals.flush(now, recorder);
    }
}

#[cfg(test)]
mod tests;
