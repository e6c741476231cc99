//! Receiving: what waits in a queue's sockets, each of which knows from whom and to where.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::SystemTime;

use dpdkgen_core::port::{Capabilities, FrameLen};
use dpdkgen_core::probe::layout::Family;
use dpdkgen_core::probe::sizes::Sizes;
use dpdkgen_core::time::Span;

use super::ancillary::Told;
use super::headers::{self, Headers, Seen};
use super::ready::Ready;
use super::{idle, segments, take};
use crate::sockets::Sockets;
use crate::sys::batch::{Batch, Piece};

/// Bytes that are received of any datagram, so that one which is too long is seen to be.
const LEAST_ROOM: usize = 2048;

/// A socket that probes come back to.
pub struct Returning {
    /// Its number among the port's.
    pub socket: usize,
    /// The address that it is connected to.
    pub from: SocketAddr,
    /// The address that it is bound to.
    pub to: SocketAddr,
}

struct Source {
    socket: usize,
    from: SocketAddr,
    to: SocketAddr,
    /// The headers of an intact probe of each length.
    headers: Vec<Headers>,
}

/// The sockets of a receive queue.
pub struct Receiver {
    sockets: Arc<Sockets>,
    sources: Vec<Source>,
    ready: Ready,
    seen: Seen,
    /// The lengths that payloads of probes have.
    lens: Vec<usize>,
    headers_len: usize,
    /// Whether the kernel may give many probes as one.
    is_segmented: bool,
    /// Whether the kernel tells when each arrived.
    is_stamped: bool,
    batch: Batch,
    /// The number of slots that each socket filled, in order, of the burst that is looked at.
    filled: Vec<(usize, usize)>,
}

impl Receiver {
    /// Makes the receiver of up to `burst` probes at once of these `sizes`, whose headers say what is
    /// `seen`, from those of `sockets` that are `returning`.
    ///
    /// # Errors
    ///
    /// If the kernel cannot watch the sockets.
    pub fn new(
        sockets: Arc<Sockets>,
        returning: Vec<Returning>,
        seen: Seen,
        sizes: &Sizes,
        burst: u16,
        (is_segmented, is_stamped): (bool, bool),
    ) -> io::Result<Self> {
        let shares = sizes.shares().iter();
        let lens: Vec<_> = shares.map(|share| share.payload_len.into()).collect();
        let largest = usize::from(sizes.largest());
        let family = returning
            .first()
            .map_or(Family::V4, |first| Family::of(first.to.ip()));
        let sources: Vec<_> = returning
            .into_iter()
            .filter_map(|Returning { socket, from, to }| {
                let headers = lens.iter().map(|len| Headers::new(from, to, *len, seen));
                Some(Source {
                    socket,
                    from,
                    to,
                    headers: headers.collect::<Option<_>>()?,
                })
            })
            .collect();
        let fds = sources.iter();
        let fds = fds.map(|source| sockets.fds[source.socket].as_fd());
        Ok(Self {
            ready: Ready::new(fds)?,
            sockets,
            sources,
            seen,
            lens,
            headers_len: headers::len(family),
            is_segmented,
            is_stamped,
            batch: if is_segmented {
                Batch::new(burst.min(segments::MAX_SLOTS).into(), segments::ROOM, 0)
            } else {
                Batch::new(burst.into(), largest.max(LEAST_ROOM), 0)
            },
            filled: Vec::with_capacity(burst.into()),
        })
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_frame: FrameLen((self.headers_len + self.lens.iter().max().unwrap_or(&0)) as u16),
            rx_burst: (self.batch.len() * self.per_slot()) as u16,
            tx_burst: 0,
        }
    }

    #[inline]
    pub(super) fn receive(&mut self, mut each: impl FnMut(&[u8], Span)) -> u16 {
        if self.fill() == 0 {
            idle();
            return 0;
        }
        // By the clock of the kernel's stamps.
        let taken = self.is_stamped.then(SystemTime::now);
        let (mut first, mut received) = (0, 0);
        for &(number, count) in &self.filled {
            let source = &self.sources[number];
            for slot in first..first + count {
                let len = self.batch.received_len(slot);
                if self.is_segmented || self.is_stamped {
                    let told = Told::read(self.batch.control(slot));
                    let waited = waited(taken, &told);
                    // Headers lie where the probe before ended, which has been looked at.
                    for piece in segments::of(slot, len, &told) {
                        let frame = self.batch.frame(piece, self.headers_len);
                        show(source, self.seen, &self.lens, piece.len, frame);
                        each(frame, waited);
                        received += 1;
                    }
                } else {
                    let piece = Piece { slot, at: 0, len };
                    let frame = self.batch.frame(piece, self.headers_len);
                    show(source, self.seen, &self.lens, len, frame);
                    each(frame, Span::ZERO);
                    received += 1;
                }
            }
            first += count;
        }
        received
    }

    /// Returns the most probes in a slot.
    const fn per_slot(&self) -> usize {
        if self.is_segmented {
            segments::MAX_SEGMENTS
        } else {
            1
        }
    }

    /// Takes what waits into the slots, and returns how many datagrams it is.
    #[inline]
    fn fill(&mut self) -> usize {
        self.filled.clear();
        self.ready.look();
        let (mut filled, burst) = (0, self.batch.len());
        while filled < burst
            && let Some(number) = self.ready.take()
        {
            let socket = self.sources[number].socket;
            let has_others = self.sources.len() > 1;
            let received = take(&self.sockets, socket, &mut self.batch, filled, has_others);
            if received > 0 {
                self.filled.push((number, received));
                filled += received;
            }
        }
        filled
    }
}

/// Returns how long before it was `taken` a datagram had arrived.
fn waited(taken: Option<SystemTime>, told: &Told) -> Span {
    let arrived = told.arrived.map(|arrived| SystemTime::UNIX_EPOCH + arrived);
    let since = taken.zip(arrived);
    // Nothing if the clock was set meanwhile.
    let since = since.and_then(|(taken, arrived)| taken.duration_since(arrived).ok());
    since.map_or(
        Span::ZERO,
        |since| Span::from_nanos(since.as_nanos() as u64),
    )
}

/// Writes the headers of a datagram of `len` bytes to its frame.
#[inline(always)] // into the loop over a burst
fn show(source: &Source, seen: Seen, lens: &[usize], len: usize, frame: &mut [u8]) {
    match lens.iter().position(|of_probe| *of_probe == len) {
        Some(number) => source.headers[number].write(frame),
        None => show_other(source, seen, len, frame),
    }
}

/// Writes the headers of a datagram that is no probe's length.
#[cold]
fn show_other(source: &Source, seen: Seen, len: usize, frame: &mut [u8]) {
    if let Some(headers) = Headers::new(source.from, source.to, len, seen) {
        headers.write(frame);
    }
}
