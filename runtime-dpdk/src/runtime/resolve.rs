//! The MAC addresses of the next hops, asked for before a run.

use std::thread;
use std::time::{self, Duration};

use dpdkgen_core::neighbour::{Resolver, Responder};
use dpdkgen_core::port::{FrameLen, Port};
use dpdkgen_core::time::Instant;
use dpdkgen_core::wire::Mac;
use dpdkgen_run::request::{SendRecv, of_port};
use dpdkgen_run::runner::course::Waits;

use crate::ethdev::device::Device;
use crate::ethdev::error::Error;
use crate::ethdev::queue::QueuePort;

/// How long nothing is looked at, where nothing comes.
const PAUSE: Duration = Duration::from_millis(1);
/// The longest frame that is answered meanwhile.
const MAX_ANSWER: usize = 9022;

/// Resolves the next hop of each of `devices` that sends, one after the other, and returns their MAC addresses
/// in order; none if `waits` ended that before. Meanwhile the ports answer their neighbours.
///
/// # Errors
///
/// If one is not answered within `timeout`.
pub fn resolve(
    devices: &mut [Device<'_>],
    sendrecv: &SendRecv,
    timeout: Duration,
    waits: &Waits<'_>,
) -> Result<Option<Vec<Mac>>, Error> {
    let begin = time::Instant::now();
    let mut macs = Vec::with_capacity(devices.len());
    let senders = sendrecv.sending_ports(devices.len());
    for (port, device) in devices.iter_mut().take(senders).enumerate() {
        let own = [of_port(&sendrecv.sources, port)];
        let next_hop = sendrecv.next_hop(port);
        let (mac, name) = (device.info().mac, device.info().to_string());
        let what = format!("an answer of {next_hop} on port {name}");
        let mut asker = Asker {
            responder: Responder::new(mac, sendrecv.marks.tags, &own),
            queues: device.queue_ports(),
            resolver: Resolver::new(next_hop),
            answer: vec![0; MAX_ANSWER],
        };
        while asker.resolver.mac().is_none() {
            let left = timeout.saturating_sub(begin.elapsed());
            if waits(&what, left) {
                return Ok(None);
            }
            if left.is_zero() {
                return Err(Error::Unresolved {
                    port: name,
                    next_hop,
                });
            }
            if !asker.poll(now(begin)) {
                thread::sleep(PAUSE);
            }
        }
        asker.announce();
        macs.extend(asker.resolver.mac());
    }
    Ok(Some(macs))
}

fn now(begin: time::Instant) -> Instant {
    Instant::from_nanos(u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

/// A port that asks for its next hop.
struct Asker<'d> {
    responder: Responder<'d>,
    queues: Vec<QueuePort<'d>>,
    resolver: Resolver,
    answer: Vec<u8>,
}

impl Asker<'_> {
    /// Asks if that is due, and hears what has come. Returns whether something had.
    fn poll(&mut self, now: Instant) -> bool {
        if let Some(ask) = self.resolver.poll(now) {
            let responder = self.responder;
            for &own in responder.addresses() {
                self.send(|room| responder.solicit(own, ask.target, room));
            }
        }
        let (mut heard_any, mut answers) = (false, Vec::new());
        for queue in self
            .queues
            .iter_mut()
            .filter(|queue| queue.rx_queue().is_some())
        {
            queue.receive(|frame| {
                heard_any = true;
                let heard = self.responder.hear(frame, &mut self.answer);
                if let Some(neighbour) = heard.learned() {
                    self.resolver.learn(neighbour.ip, neighbour.mac, now);
                }
                if let Some(FrameLen(len)) = heard.answer() {
                    answers.push(self.answer[..usize::from(len)].to_vec());
                }
            });
        }
        for answer in answers {
            self.send(|room| {
                room[..answer.len()].copy_from_slice(&answer);
                u16::try_from(answer.len()).ok().map(FrameLen)
            });
        }
        heard_any
    }

    /// Tells the network where the port is.
    fn announce(&mut self) {
        let responder = self.responder;
        for &own in responder.addresses() {
            self.send(|room| responder.announce(own, room));
        }
    }

    /// Sends a frame, if `write` writes one.
    fn send(&mut self, write: impl FnOnce(&mut [u8]) -> Option<FrameLen>) {
        let Some(FrameLen(len)) = write(&mut self.answer) else {
            return;
        };
        let frame = &self.answer[..usize::from(len)];
        let mut queues = self.queues.iter_mut();
        if let Some(queue) = queues.find(|queue| queue.tx_queue().is_some()) {
            queue.transmit(1, |room| {
                room[..frame.len()].copy_from_slice(frame);
                FrameLen(len)
            });
        }
    }
}
