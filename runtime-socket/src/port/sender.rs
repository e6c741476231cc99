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
    /// Bytes of payload of the largest probe.
    room: u16,
    /// Whether the kernel takes many probes as one.
    is_segmented: bool,
    batch: Batch,
    /// Bytes of payload of each probe of the burst.
    lens: Vec<usize>,
    /// The probes in each message of the burst and those before it.
    ends: Vec<u16>,
}

impl Sender {
    /// Makes the sender of probes with up to `room` bytes of payload, up to `burst` at once, from
    /// `sockets`: one for each source port from `first_source_port` on. If they are segmented, the
    /// kernel is given many as one.
    #[must_use]
    pub fn new(
        sockets: Arc<Sockets>,
        first_source_port: u16,
        family: Family,
        room: u16,
        burst: u16,
        is_segmented: bool,
    ) -> Self {
        let slots = usize::from(burst);
        Self {
            sockets,
            first_source_port,
            family,
            room,
            is_segmented,
            batch: Batch::new(slots, room.into(), slots),
            lens: Vec::with_capacity(slots),
            ends: Vec::with_capacity(slots),
        }
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        let headers = headers::len(self.family) as u16;
        Capabilities {
            max_frame: FrameLen(headers + self.room),
            rx_burst: 0,
            tx_burst: self.batch.len() as u16,
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
        self.lens.clear();
        for slot in 0..usize::from(built) {
            let len = self.room.into();
            let frame = self.batch.frame(Piece { slot, at: 0, len }, headers);
            let FrameLen(filled) = fill(frame);
            if slot == 0 {
                source_port = port_of(frame, self.family);
            }
            let payload_len = usize::from(filled).saturating_sub(headers);
            self.lens.push(payload_len);
        }
        self.stage();
        let messages = self.hand_over(source_port);
        self.batch.unstage();
        let accepted = messages.checked_sub(1).map_or(0, |last| self.ends[last]);
        TxOutcome {
            accepted,
            refused: built - accepted,
            no_buffer: want - built,
        }
    }

    /// Has the probes of the burst sent, as few messages as may be: what is joined has one length.
    #[inline]
    fn stage(&mut self) {
        self.ends.clear();
        let mut first = 0;
        while let Some(&len) = self.lens.get(first) {
            let most = if self.is_segmented {
                segments::per_message(len)
            } else {
                1
            };
            let following = self.lens[first..].iter().take(most);
            let joined = following.take_while(|other| **other == len).count();
            let end = first + joined;
            let pieces = (first..end).map(|slot| Piece { slot, at: 0, len });
            if joined == 1 {
                self.batch.stage(pieces, None, &[]);
            } else {
                let segmented = Telling::nothing().segmented(len as u16);
                self.batch.stage(pieces, None, segmented.as_slice());
            }
            self.ends.push(end as u16);
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
                        self.is_segmented = false;
                    }
                    let advice = self.sockets.errors.sending(socket.as_fd(), &error);
                    retries += 1;
                    if advice != Advice::Again || retries > RETRIES {
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
