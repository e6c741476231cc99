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
use super::idle;
use super::ready::Ready;
use crate::errors::Advice;
use crate::sockets::Sockets;
use crate::sys::batch::{Batch, NAME_LEN};

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
    batch: Batch,
    /// The bytes of the frames that are staged.
    lens: Vec<u64>,
}

impl Reflector {
    /// Makes the reflector of what comes to those of `sockets` that are `listening`, up to `burst`
    /// datagrams at once.
    ///
    /// # Errors
    ///
    /// If the kernel cannot watch the sockets.
    pub fn new(sockets: Arc<Sockets>, listening: Vec<Listening>, burst: u16) -> io::Result<Self> {
        let fds = listening.iter();
        let fds = fds.map(|listening| sockets.fds[listening.socket].as_fd());
        Ok(Self {
            ready: Ready::new(fds)?,
            sockets,
            listening,
            batch: Batch::new(burst.into(), ROOM),
            lens: Vec::with_capacity(burst.into()),
        })
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_frame: FrameLen((headers::len(Family::V4) + ROOM) as u16),
            rx_burst: self.batch.len() as u16,
            tx_burst: self.batch.len() as u16,
            is_one_flow: true,
        }
    }

    #[inline]
    pub(super) fn forward(&mut self, mut each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        let mut outcome = ForwardOutcome::default();
        self.ready.look();
        // Answers go out on the socket that was asked, so a burst is of one.
        while let Some(number) = self.ready.take() {
            let listening = self.listening[number];
            let socket = self.sockets.fds[listening.socket].as_fd();
            let received = match self.batch.receive(socket, 0, self.batch.len()) {
                Ok(received) => received,
                Err(error) => {
                    let is_empty = error.kind() == io::ErrorKind::WouldBlock;
                    if !is_empty || self.listening.len() > 1 {
                        self.sockets.errors.take_icmp(socket);
                    }
                    0
                }
            };
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
        self.lens.clear();
        let layout = Layout::new(Family::of(listening.at.ip()), 0);
        for slot in 0..received {
            let len = self.batch.received_len(slot);
            let from = peer(self.batch.name(slot));
            let told = Told::read(self.batch.control(slot));
            let to = told.to.unwrap_or(listening.at.ip());
            let frame = self.batch.frame(slot, layout.payload(), len);
            let to_here = SocketAddr::new(to, listening.at.port());
            let headers = Headers::new(from, to_here, len, told.seen);
            if let Some(headers) = headers {
                headers.write_unsummed(frame);
            }
            outcome.received_bytes += frame.len() as u64;
            if each(frame) == Verdict::Drop || headers.is_none() {
                continue;
            }
            self.lens.push(frame.len() as u64);
            let seen = Seen {
                ttl: frame[layout.ttl()],
                ..told.seen
            };
            let control = Telling::answer(to, seen);
            self.batch.stage(slot, 1, len, true, control.as_slice());
        }
        outcome.received += received as u16;
        self.send(listening.socket, outcome);
    }

    /// Sends what is staged; what the kernel does not take is refused.
    #[inline]
    fn send(&mut self, socket: usize, outcome: &mut ForwardOutcome) {
        let socket = self.sockets.fds[socket].as_fd();
        let (mut done, mut retries) = (0, 0);
        while done < self.lens.len() {
            match self.batch.send(socket, done) {
                Ok(taken) => {
                    let lens = &self.lens[done..done + taken];
                    outcome.sent += taken as u16;
                    outcome.sent_bytes += lens.iter().sum::<u64>();
                    done += taken;
                }
                Err(error) => {
                    let advice = self.sockets.errors.sending(socket, &error);
                    let waits = is_full(&error) || advice == Advice::Again;
                    retries += 1;
                    if !waits || retries > RETRIES {
                        // Of this peer alone, as far as can be known.
                        outcome.refused += 1;
                        done += 1;
                    }
                }
            }
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOBUFS))
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
