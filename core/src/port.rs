//! The one trait that a runtime implements: a queue pair that moves bursts of frames.
//!
//! Buffers never leave the port. The generator, receiver and reflector see a frame only as a slice,
//! for as long as the closure that they pass in runs.
//!
//! A port that receives what it sent, a frame at a time:
//!
//! ```
//! use dpdkgen_core::port::{Capabilities, ForwardOutcome, FrameLen, Port, TxOutcome, Verdict};
//!
//! #[derive(Default)]
//! struct Loopback(Option<Vec<u8>>);
//!
//! impl Port for Loopback {
//!     fn capabilities(&self) -> Capabilities {
//!         Capabilities {
//!             max_frame: FrameLen(1514),
//!             rx_burst: 1,
//!             tx_burst: 1,
//!         }
//!     }
//!
//!     fn transmit(&mut self, want: u16, mut fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
//!         if want == 0 || self.0.is_some() {
//!             return TxOutcome { no_buffer: want, ..TxOutcome::default() };
//!         }
//!         let mut frame = vec![0; 1514];
//!         let FrameLen(len) = fill(&mut frame);
//!         frame.truncate(len.into());
//!         self.0 = Some(frame);
//!         TxOutcome { accepted: 1, refused: 0, no_buffer: want - 1 }
//!     }
//!
//!     fn receive(&mut self, mut each: impl FnMut(&[u8])) -> u16 {
//!         let frame = self.0.take();
//!         frame.iter().for_each(|frame| each(frame));
//!         frame.is_some().into()
//!     }
//!
//!     fn forward(&mut self, mut each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
//!         let Some(mut frame) = self.0.take() else {
//!             return ForwardOutcome::default();
//!         };
//!         let mut outcome = ForwardOutcome { received: 1, ..ForwardOutcome::default() };
//!         outcome.received_bytes = frame.len() as u64;
//!         if each(&mut frame) == Verdict::Send {
//!             (outcome.sent, outcome.sent_bytes) = (1, frame.len() as u64);
//!             self.0 = Some(frame);
//!         }
//!         outcome
//!     }
//! }
//!
//! let mut port = Loopback::default();
//! let hello = |room: &mut [u8]| {
//!     room[..5].copy_from_slice(b"hello");
//!     FrameLen(5)
//! };
//! assert_eq!(port.transmit(1, hello).accepted, 1);
//! assert_eq!(port.receive(|frame| assert_eq!(frame, b"hello")), 1);
//! ```

use crate::time::Span;

/// Bytes of an Ethernet frame without FCS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameLen(pub u16);

/// The outcome of one [`Port::transmit`].
///
/// `accepted + refused + no_buffer` is the number of frames that it was asked to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxOutcome {
    /// Frames that the device took: the first of those that were filled.
    pub accepted: u16,
    /// Frames that were filled, but not taken by the device.
    pub refused: u16,
    /// Frames that were not filled, for want of a buffer.
    pub no_buffer: u16,
}

/// The decision of the reflector on a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send it back as it now is.
    Send,
    /// Free it.
    Drop,
}

/// The outcome of one [`Port::forward`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForwardOutcome {
    /// Frames received, each of which was shown to the reflector.
    pub received: u16,
    /// Bytes of the frames received, without FCS.
    pub received_bytes: u64,
    /// Frames sent back.
    pub sent: u16,
    /// Bytes of the frames sent back, without FCS.
    pub sent_bytes: u64,
    /// Frames that the reflector wanted sent and the device did not take; they are gone.
    pub refused: u16,
}

/// The capabilities of a port, which are the same as long as it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The largest frame that it sends, without VLAN tags and FCS.
    pub max_frame: FrameLen,
    /// The most frames of one [`Port::receive`] or [`Port::forward`]; 0 without a receive queue.
    pub rx_burst: u16,
    /// The most frames of one [`Port::transmit`]; 0 without a transmit queue.
    pub tx_burst: u16,
}

/// A transmit queue, a receive queue or a pair of both, owned by one worker.
pub trait Port {
    /// Whether the frames of one [`Self::transmit`] have to be of one flow.
    const IS_ONE_FLOW: bool = false;

    /// Returns what the port can do.
    fn capabilities(&self) -> Capabilities;

    /// Takes `want` buffers, calls `fill` once for each in order, and hands the burst to the
    /// device.
    ///
    /// `fill` writes a frame to the start of the slice (which is as long as the largest frame that
    /// the port carries, and holds arbitrary bytes) and returns its length.
    fn transmit(&mut self, want: u16, fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome;

    /// Takes a burst of received frames from the device, calls `each` once for each in order, and
    /// returns how many they were. All of the burst has been taken before the first call, so a
    /// clock read in it is not earlier than the receipt of any.
    fn receive(&mut self, each: impl FnMut(&[u8])) -> u16;

    /// Receives as [`Self::receive`] does, and tells of each frame how long before it was taken it had
    /// arrived, where the port knows that.
    fn receive_timed(&mut self, mut each: impl FnMut(&[u8], Span)) -> u16 {
        self.receive(|frame| each(frame, Span::ZERO))
    }

    /// Takes a burst of received frames, calls `each` once for each in order, and sends those that
    /// it says to send.
    fn forward(&mut self, each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome;

    /// Returns how many packets wait in the receive queue, where the device tells it truly.
    fn rx_depth(&self) -> Option<u32> {
        None
    }
}

/// A port that is lent.
impl<P: Port> Port for &mut P {
    const IS_ONE_FLOW: bool = P::IS_ONE_FLOW;

    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }

    #[inline]
    fn transmit(&mut self, want: u16, fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        (**self).transmit(want, fill)
    }

    #[inline]
    fn receive(&mut self, each: impl FnMut(&[u8])) -> u16 {
        (**self).receive(each)
    }

    #[inline]
    fn receive_timed(&mut self, each: impl FnMut(&[u8], Span)) -> u16 {
        (**self).receive_timed(each)
    }

    #[inline]
    fn forward(&mut self, each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        (**self).forward(each)
    }

    fn rx_depth(&self) -> Option<u32> {
        (**self).rx_depth()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A port each of whose methods deals with another number of frames.
    struct Queue;

    impl Port for Queue {
        const IS_ONE_FLOW: bool = true;

        fn capabilities(&self) -> Capabilities {
            Capabilities {
                max_frame: FrameLen(9),
                rx_burst: 8,
                tx_burst: 7,
            }
        }

        fn transmit(
            &mut self,
            want: u16,
            mut fill: impl FnMut(&mut [u8]) -> FrameLen,
        ) -> TxOutcome {
            let FrameLen(accepted) = fill(&mut [0; 9]);
            TxOutcome {
                accepted,
                refused: want,
                no_buffer: 5,
            }
        }

        fn receive(&mut self, mut each: impl FnMut(&[u8])) -> u16 {
            each(&[4; 4]);
            4
        }

        fn forward(&mut self, mut each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
            let is_sent = each(&mut [3; 3]) == Verdict::Send;
            ForwardOutcome {
                received: 3,
                sent: u16::from(is_sent),
                ..ForwardOutcome::default()
            }
        }
    }

    /// A queue whose device tells when frames arrived and how many wait.
    struct Telling;

    impl Port for Telling {
        fn capabilities(&self) -> Capabilities {
            Queue.capabilities()
        }

        fn transmit(&mut self, want: u16, fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
            Queue.transmit(want, fill)
        }

        fn receive(&mut self, each: impl FnMut(&[u8])) -> u16 {
            Queue.receive(each)
        }

        fn receive_timed(&mut self, mut each: impl FnMut(&[u8], Span)) -> u16 {
            each(&[2; 2], Span::from_nanos(6));
            2
        }

        fn forward(&mut self, each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
            Queue.forward(each)
        }

        fn rx_depth(&self) -> Option<u32> {
            Some(12)
        }
    }

    /// Returns all that `port` does and tells.
    fn everything<P: Port>(
        mut port: P,
    ) -> (bool, Capabilities, TxOutcome, ForwardOutcome, [u64; 6]) {
        let outcome = port.transmit(11, |room| FrameLen(room.len() as u16));
        let (mut len, mut timed_len, mut waited) = (0, 0, Span::MAX);
        let received = port.receive(|frame| len = frame.len() as u64);
        let timed = port.receive_timed(|frame, before| {
            (timed_len, waited) = (frame.len() as u64, before);
        });
        let forwarded = port.forward(|frame| {
            assert_eq!(frame, [3; 3]);
            Verdict::Send
        });
        let depth = port.rx_depth().map_or(u64::MAX, u64::from);
        let told = [
            received.into(),
            len,
            timed.into(),
            timed_len,
            waited.as_nanos(),
            depth,
        ];
        (
            P::IS_ONE_FLOW,
            port.capabilities(),
            outcome,
            forwarded,
            told,
        )
    }

    #[test]
    fn a_port_that_is_lent_does_what_it_does() {
        assert_eq!(everything(&mut Queue), everything(Queue));
        assert_eq!(everything(&mut Telling), everything(Telling));
    }

    #[test]
    fn a_device_that_knows_no_times_and_no_depth_tells_none() {
        let (_, _, _, _, told) = everything(Queue);
        assert_eq!(told, [4, 4, 4, 4, 0, u64::MAX]);
    }
}
