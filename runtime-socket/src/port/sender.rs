//! Sending: a burst from one source port, of which the kernel gets the payloads.

use std::os::fd::AsFd;
use std::sync::Arc;

use dpdkgen_core::port::{Capabilities, FrameLen, TxOutcome};
use dpdkgen_core::probe::layout::{Family, Layout};

use super::ancillary::Telling;
use super::{headers, segments};
use crate::errors::Advice;
use crate::sockets::Sockets;
use crate::sys::batch::{Batch, Piece};

/// How often in a burst an error is taken to be about something else.
const RETRIES: u32 = 64;

/// The sockets that a stream is sent from, which the streams of a port share.
pub struct Sender {
    sockets: Arc<Sockets>,
    first_source_port: u16,
    family: Family,
    payload_len: u16,
    /// The most probes that the kernel takes as one.
    per_message: usize,
    batch: Batch,
}

impl Sender {
    /// Makes the sender of probes with `payload_len` bytes of payload, up to `burst` at once, from
    /// `sockets`: one for each source port from `first_source_port` on. If they are `segmented`, the
    /// kernel is given many as one.
    #[must_use]
    pub fn new(
        sockets: Arc<Sockets>,
        first_source_port: u16,
        family: Family,
        payload_len: u16,
        burst: u16,
        segmented: bool,
    ) -> Self {
        let slots = usize::from(burst);
        Self {
            sockets,
            first_source_port,
            family,
            payload_len,
            per_message: match segmented {
                true => segments::per_message(payload_len.into()),
                false => 1,
            },
            batch: Batch::new(slots, payload_len.into(), slots),
        }
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        let headers = headers::len(self.family) as u16;
        Capabilities {
            max_frame: FrameLen(headers + self.payload_len),
            rx_burst: 0,
            tx_burst: self.batch.len() as u16,
            is_one_flow: true,
        }
    }

    #[inline]
    pub(super) fn transmit(
        &mut self,
        want: u16,
        mut fill: impl FnMut(&mut [u8]) -> FrameLen,
    ) -> TxOutcome {
        let headers = headers::len(self.family);
        let built = want.min(self.batch.len() as u16);
        let mut source_port = self.first_source_port;
        for slot in 0..usize::from(built) {
            let frame = self.batch.frame(self.probe(slot), headers);
            let len = fill(frame);
            debug_assert_eq!(usize::from(len.0), frame.len(), "probes are of one length");
            if slot == 0 {
                source_port = port_of(frame, self.family);
            }
        }
        self.stage(built.into());
        let each = self.per_message;
        let messages = self.hand_over(source_port);
        self.batch.unstage();
        let accepted = (messages * each).min(built.into()) as u16;
        TxOutcome {
            accepted,
            refused: built - accepted,
            no_buffer: want - built,
        }
    }

    /// Returns the probe in a slot.
    fn probe(&self, slot: usize) -> Piece {
        Piece {
            slot,
            at: 0,
            len: self.payload_len.into(),
        }
    }

    /// Has so many probes sent, as few messages as may be.
    #[inline]
    fn stage(&mut self, built: usize) {
        let segmented = Telling::nothing().segmented(self.payload_len);
        let mut first = 0;
        while first < built {
            let end = built.min(first + self.per_message);
            let len = self.payload_len.into();
            let pieces = (first..end).map(|slot| Piece { slot, at: 0, len });
            let control = match end - first {
                1 => &[],
                _ => segmented.as_slice(),
            };
            self.batch.stage(pieces, None, control);
            first = end;
        }
    }

    /// Sends what is staged from `source_port`, and returns how many messages the kernel took.
    #[inline]
    fn hand_over(&mut self, source_port: u16) -> usize {
        let number = usize::from(source_port.wrapping_sub(self.first_source_port));
        let Some(socket) = self.sockets.fds.get(number) else {
            return 0;
        };
        let (mut sent, mut retries) = (0, 0);
        while sent < self.batch.staged_len() {
            match self.batch.send(socket.as_fd(), sent) {
                Ok(0) => break,
                Ok(taken) => sent += taken,
                Err(error) => {
                    // Where the way has no such offload, the kernel takes none joined.
                    if error.raw_os_error() == Some(libc::EIO) {
                        self.per_message = 1;
                    }
                    let advice = self.sockets.errors.sending(socket.as_fd(), &error);
                    retries += 1;
                    if advice == Advice::Later || retries > RETRIES {
                        break;
                    }
                }
            }
        }
        sent
    }
}

/// Returns the source port that a frame was written with.
fn port_of(frame: &[u8], family: Family) -> u16 {
    let port = frame.get(Layout::new(family, 0).udp()..);
    let port = port.and_then(|port| port.first_chunk());
    u16::from_be_bytes(*port.unwrap_or(&[0; 2]))
}
