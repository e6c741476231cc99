//! The link's ends, as the workers see them.

use dpdkgen_core::port::{ForwardOutcome, FrameLen, Port, TxOutcome, Verdict};
use dpdkgen_core::probe::{Age, Head, Index, LONG_LEN, Tail};
use dpdkgen_core::wire::HEADERS_LEN;
use zerocopy::FromBytes;

use crate::link::{Origin, Packet, SharedLink, Side};

/// A queue, or a pair of them, at one end of the link.
pub struct SimPort {
    link: SharedLink,
    side: Side,
    queue: u16,
    /// Which stream this queue sends, and the next sequence in it.
    stream: u16,
    sequence: u64,
    source_ports: u64,
    rx_burst: u16,
    buffer: Vec<u8>,
}

impl SimPort {
    /// Queue `queue` of `side`, which sends `stream`.
    #[must_use]
    pub fn new(
        link: SharedLink,
        side: Side,
        queue: u16,
        stream: u16,
        source_ports: u64,
        rx_burst: u16,
    ) -> Self {
        Self {
            link,
            side,
            queue,
            stream,
            sequence: 0,
            source_ports,
            rx_burst,
            buffer: vec![0; 9100],
        }
    }

    fn burst(&self) -> Vec<Packet> {
        let mut link = self.link.borrow_mut();
        (0..self.rx_burst)
            .map_while(|_| link.take(self.side, self.queue))
            .collect()
    }
}

impl Port for SimPort {
    fn transmit(&mut self, want: u16, mut fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        let mut outcome = TxOutcome::default();
        for _ in 0..want {
            let FrameLen(len) = fill(&mut self.buffer);
            let frame = self.buffer[..usize::from(len)].to_vec();
            let mut link = self.link.borrow_mut();
            // A device takes the first so many of a burst.
            if outcome.refused > 0 || !link.has_room(self.side) {
                outcome.refused += 1;
                link.truth.refused += 1;
                continue;
            }
            // Lag and time are the sender's to say, so they are read here, before anything happens.
            let payload = &frame[HEADERS_LEN..];
            let (head, _) = Head::read_from_prefix(payload).expect("a probe");
            let sent = match head.age(link.now) {
                Age::Past(age) => link.now - age,
                Age::Ahead(ahead) => link.now + ahead,
            };
            let tail = payload.get(size_of::<Head>()..LONG_LEN);
            let lag = tail
                .and_then(|tail| Tail::read_from_bytes(tail).ok())
                .map(|tail| tail.lag());
            let origin = Origin {
                index: Index::new(self.stream, self.sequence),
                port_offset: (self.sequence % self.source_ports) as u16,
                sent,
                lag: lag.unwrap_or_default(),
            };
            link.truth.sent(origin);
            link.put(
                self.side,
                Packet {
                    frame,
                    origin,
                    is_corrupt: false,
                },
            );
            self.sequence += 1;
            outcome.accepted += 1;
        }
        outcome
    }

    fn receive(&mut self, mut each: impl FnMut(&[u8])) -> u16 {
        let burst = self.burst();
        for packet in &burst {
            let now = self.link.borrow().now;
            self.link.borrow_mut().truth.delivered(packet, now);
            each(&packet.frame);
        }
        burst.len() as u16
    }

    fn forward(&mut self, mut each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        let mut outcome = ForwardOutcome::default();
        for mut packet in self.burst() {
            outcome.received += 1;
            if each(&mut packet.frame) == Verdict::Drop {
                continue;
            }
            let mut link = self.link.borrow_mut();
            if link.has_room(self.side) {
                outcome.sent += 1;
                outcome.sent_bytes += packet.frame.len() as u64;
                link.put(self.side, packet);
            } else {
                outcome.refused += 1;
            }
        }
        outcome
    }
}
