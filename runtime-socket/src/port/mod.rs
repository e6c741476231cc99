//! A worker's sockets as a port: bursts of frames whose headers are the kernel's to build.
//!
//! Between start and stop nothing here allocates or locks, and a burst takes one system call, or one
//! for each socket that something waits in.

mod ancillary;
pub mod headers;
mod ready;
mod receiver;
mod reflector;
mod segments;
mod sender;

use dpdkgen_core::port::{Capabilities, ForwardOutcome, FrameLen, Port, TxOutcome, Verdict};
use dpdkgen_core::time::Span;

pub use self::receiver::{Receiver, Returning};
pub use self::reflector::{Listening, Reflector};
pub use self::sender::Sender;

/// Lets others have the CPU, if there are any: nothing waits, and who sends may be one of them.
#[inline]
fn idle() {
    std::thread::yield_now();
}

/// The sockets of one worker, by what it does with them.
pub enum SocketPort {
    /// Probes are sent.
    Sender(Sender),
    /// Probes are received.
    Receiver(Receiver),
    /// Datagrams are sent back.
    Reflector(Reflector),
}

impl Port for SocketPort {
    fn capabilities(&self) -> Capabilities {
        match self {
            Self::Sender(sender) => sender.capabilities(),
            Self::Receiver(receiver) => receiver.capabilities(),
            Self::Reflector(reflector) => reflector.capabilities(),
        }
    }

    #[inline]
    fn transmit(&mut self, want: u16, fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        match self {
            Self::Sender(sender) => sender.transmit(want, fill),
            _ => TxOutcome {
                no_buffer: want,
                ..TxOutcome::default()
            },
        }
    }

    #[inline]
    fn receive(&mut self, mut each: impl FnMut(&[u8])) -> u16 {
        self.receive_timed(|frame, _| each(frame))
    }

    #[inline]
    fn receive_timed(&mut self, each: impl FnMut(&[u8], Span)) -> u16 {
        match self {
            Self::Receiver(receiver) => receiver.receive(each),
            _ => 0,
        }
    }

    #[inline]
    fn forward(&mut self, each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        match self {
            Self::Reflector(reflector) => reflector.forward(each),
            _ => ForwardOutcome::default(),
        }
    }
}
