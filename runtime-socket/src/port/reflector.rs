//! Reflecting: what came to a queue's sockets goes back to where it came from, from the address that
//! it was sent to, with the TTL that the reflector has lowered.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;

use dpdkgen_core::port::{Capabilities, ForwardOutcome, FrameLen, Verdict};
use dpdkgen_core::probe::layout::{Family, Layout};

use super::ancillary::{Telling, Told};
use super::headers::{self, Headers, Seen};
use super::ready::Ready;
use super::{idle, segments, take};
use crate::errors::Advice;
use crate::sockets::Sockets;
use crate::sys::batch::{Batch, HEADROOM, NAME_LEN, Piece};

/// How often what the kernel does not take at once is tried again before it is given up.
const RETRIES: u32 = 64;

/// Bytes of the largest datagram that is sent back: of an IP packet of 9000 bytes.
const ROOM: usize = dpdkgen_core::tx::template::max_payload_len(Layout::IPV4);

/// A socket that listens.
#[derive(Debug, Clone, Copy)]
pub struct Listening {
    /// Its number among the port's.
    pub socket: usize,
    /// The address that it is bound to, which may be that of no host in particular.
    pub at: SocketAddr,
}

/// The sockets of a pair of queues.
pub struct Reflector {
    sockets: Arc<Sockets>,
    listening: Vec<Listening>,
    ready: Ready,
    /// The most datagrams in a slot: more than one if the kernel may give many as one.
    per_slot: usize,
    batch: Batch,
    /// What each message has that is staged.
    staged: Vec<Staged>,
}

/// What a message has that is to be sent.
#[derive(Debug, Clone, Copy, Default)]
struct Staged {
    packets: u16,
    /// Bytes of the frames.
    bytes: u64,
}

impl Reflector {
    /// Makes the reflector of what comes to those of `sockets` that are `listening`, up to `burst`
    /// datagrams at once; if they are `segmented`, the kernel gives and takes many as one.
    ///
    /// # Errors
    ///
    /// If the kernel cannot watch the sockets.
    pub fn new(
        sockets: Arc<Sockets>,
        listening: Vec<Listening>,
        burst: u16,
        segmented: bool,
    ) -> io::Result<Self> {
        let (slots, room, per_slot) = if segmented {
            let slots = burst.min(segments::MAX_SLOTS);
            (slots, segments::ROOM, segments::MAX_SEGMENTS)
        } else {
            (burst, ROOM, 1)
        };
        let pieces = usize::from(slots) * per_slot;
        let fds = listening.iter();
        let fds = fds.map(|listening| sockets.fds[listening.socket].as_fd());
        Ok(Self {
            ready: Ready::new(fds)?,
            sockets,
            listening,
            per_slot,
            batch: Batch::new(slots.into(), room, pieces),
            staged: Vec::with_capacity(pieces),
        })
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        let burst = (self.batch.len() * self.per_slot) as u16;
        Capabilities {
            max_frame: FrameLen((headers::len(Family::V4) + ROOM) as u16),
            rx_burst: burst,
            tx_burst: burst,
        }
    }

    #[inline]
    pub(super) fn forward(&mut self, mut each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        let mut outcome = ForwardOutcome::default();
        self.ready.look();
        // Answers go out on the socket that was asked, so a burst is of one.
        while let Some(number) = self.ready.take() {
            let listening = self.listening[number];
            let has_others = self.listening.len() > 1;
            let socket = listening.socket;
            let received = take(&self.sockets, socket, &mut self.batch, 0, has_others);
            if received > 0 {
                self.answer(listening, received, &mut each, &mut outcome);
                return outcome;
            }
        }
        idle();
        outcome
    }

    /// Shows `each` what was received at `listening`, and sends back what is to be.
    #[inline]
    fn answer(
        &mut self,
        listening: Listening,
        received: usize,
        each: &mut impl FnMut(&mut [u8]) -> Verdict,
        outcome: &mut ForwardOutcome,
    ) {
        self.batch.unstage();
        self.staged.clear();
        for slot in 0..received {
            self.answer_slot(listening, slot, each, outcome);
        }
        self.send(listening.socket, outcome);
    }

    /// Shows `each` the datagrams in a slot, and stages those that are to be sent back: neighbours as
    /// one message.
    #[inline]
    fn answer_slot(
        &mut self,
        listening: Listening,
        slot: usize,
        each: &mut impl FnMut(&mut [u8]) -> Verdict,
        outcome: &mut ForwardOutcome,
    ) {
        let layout = Layout::new(Family::of(listening.at.ip()), 0);
        let from = peer(self.batch.name(slot));
        let told = Told::read(self.batch.control(slot));
        let to = told.to.unwrap_or(listening.at.ip());
        let to_here = SocketAddr::new(to, listening.at.port());
        let mut run = Run::of(slot);
        for piece in segments::of(slot, self.batch.received_len(slot), &told) {
            let headers = Headers::new(from, to_here, piece.len, told.seen);
            let frame = self.batch.frame(piece, layout.payload());
            // What is in front may be the datagram before, which is still to be sent.
            let mut before = [0; HEADROOM];
            let before = &mut before[..layout.payload()];
            before.copy_from_slice(&frame[..layout.payload()]);
            if let Some(headers) = headers {
                headers.write_unsummed(frame);
            }
            let verdict = each(frame);
            let ttl = frame[layout.ttl()];
            let bytes = frame.len() as u64;
            frame[..layout.payload()].copy_from_slice(before);
            outcome.received += 1;
            outcome.received_bytes += bytes;
            if verdict == Verdict::Send && headers.is_some() {
                run.add(piece, bytes, ttl);
            } else {
                self.stage(&mut run, to, &told);
            }
        }
        self.stage(&mut run, to, &told);
    }

    /// Has a run of datagrams sent from `from`, and begins another.
    #[inline]
    fn stage(&mut self, run: &mut Run, from: IpAddr, told: &Told) {
        let next = Run::of(run.piece.slot);
        let Run { piece, staged, ttl } = std::mem::replace(run, next);
        if staged.packets == 0 {
            return;
        }
        let seen = Seen { ttl, ..told.seen };
        let mut control = Telling::answer(from, seen);
        if let (Some(each), 2..) = (told.segment, staged.packets) {
            control = control.segmented(each as u16);
        }
        self.staged.push(staged);
        let pieces = std::iter::once(piece);
        self.batch
            .stage(pieces, Some(piece.slot), control.as_slice());
    }

    /// Sends what is staged; what the kernel does not take is refused.
    #[inline]
    fn send(&mut self, socket: usize, outcome: &mut ForwardOutcome) {
        let socket = self.sockets.fds[socket].as_fd();
        let (mut done, mut retries) = (0, 0);
        while done < self.staged.len() {
            match self.batch.send(socket, done) {
                Ok(taken) => {
                    for staged in &self.staged[done..done + taken] {
                        outcome.sent += staged.packets;
                        outcome.sent_bytes += staged.bytes;
                    }
                    done += taken;
                }
                Err(error) => {
                    let advice = self.sockets.errors.sending(socket, &error);
                    retries += 1;
                    if advice == Advice::Later || retries > RETRIES {
                        // Of this peer alone, as far as can be known.
                        outcome.refused += self.staged[done].packets;
                        done += 1;
                    }
                }
            }
        }
    }
}

/// Neighbouring datagrams of a slot that are to be sent back.
struct Run {
    piece: Piece,
    staged: Staged,
    ttl: u8,
}

impl Run {
    /// Returns none of those in a slot.
    fn of(slot: usize) -> Self {
        Self {
            piece: Piece {
                slot,
                at: 0,
                len: 0,
            },
            staged: Staged::default(),
            ttl: 0,
        }
    }

    #[inline]
    fn add(&mut self, piece: Piece, bytes: u64, ttl: u8) {
        if self.staged.packets == 0 {
            self.piece.at = piece.at;
            self.ttl = ttl;
        }
        self.piece.len += piece.len;
        self.staged.packets += 1;
        self.staged.bytes += bytes;
    }
}

/// Reads the address of a peer as the kernel has it.
fn peer(name: &[u8; NAME_LEN]) -> SocketAddr {
    let [f0, f1, p0, p1, rest @ ..] = name;
    let family = i32::from(u16::from_ne_bytes([*f0, *f1]));
    let port = u16::from_be_bytes([*p0, *p1]);
    let ip: IpAddr = if family == libc::AF_INET6 {
        // Behind the flow's label.
        let octets: [u8; 16] = *rest[4..].first_chunk().expect("sixteen bytes");
        Ipv6Addr::from(octets).into()
    } else {
        let octets: [u8; 4] = *rest.first_chunk().expect("four bytes");
        Ipv4Addr::from(octets).into()
    };
    SocketAddr::new(ip, port)
}
