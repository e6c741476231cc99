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

use std::io;
use std::os::fd::AsFd;

use dpdkgen_core::port::{Capabilities, ForwardOutcome, FrameLen, Port, TxOutcome, Verdict};
use dpdkgen_core::time::Span;

pub use self::receiver::{Receiver, Returning};
pub use self::reflector::{Listening, Reflector};
pub use self::sender::Sender;

use crate::sockets::Sockets;
use crate::sys::batch::Batch;

/// Lets others have the CPU, if there are any: nothing waits, and who sends may be one of them.
#[inline]
fn idle() {
    std::thread::yield_now();
}

/// Receives what waits in a worker's `socket` into the slots from `first` on, and returns how many
/// datagrams it is. If the worker has `others`, an empty one was ready for something else.
#[inline]
fn take(
    sockets: &Sockets,
    socket: usize,
    batch: &mut Batch,
    first: usize,
    has_others: bool,
) -> usize {
    let socket = sockets.fds[socket].as_fd();
    let most = batch.len() - first;
    batch.receive(socket, first, most).unwrap_or_else(|error| {
        // It may be that of an ICMP message, or hide one.
        let is_empty = error.kind() == io::ErrorKind::WouldBlock;
        if !is_empty || has_others {
            sockets.errors.take_icmp(socket);
        }
        0
    })
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
    // Each socket has a source port, and a burst is one system call on one socket.
    const IS_ONE_FLOW: bool = true;

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
