//! The link between sender and reflector, and what it does to packets.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use dpdkgen_core::filling::SplitMix64;
use dpdkgen_core::probe::Index;
use dpdkgen_core::time::Nanos;
use dpdkgen_core::wire::HEADERS_LEN;

use crate::truth::Truth;

/// What the link does to packets, each way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faults {
    /// Share of packets that vanish.
    pub loss: f64,
    /// Share of packets that arrive twice.
    pub duplication: f64,
    /// Share of packets of which a byte of the payload changes.
    pub corruption: f64,
    /// The least time that a packet takes.
    pub delay: Nanos,
    /// The most time that it takes more; packets overtake each other.
    pub jitter: Nanos,
    /// How many packets a queue holds before it refuses more.
    pub queue_len: usize,
}

/// One end of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where probes are made.
    Sender,
    /// Where they are sent back.
    Reflector,
}

/// A packet on the link: its bytes, and what only the link knows of it.
#[derive(Debug, Clone)]
pub struct Packet {
    /// The frame as the receiver sees it.
    pub frame: Vec<u8>,
    /// What it was when it was sent.
    pub origin: Origin,
    /// Whether its payload was changed on the way.
    pub is_corrupt: bool,
}

/// What a packet was when it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Which probe.
    pub index: Index,
    /// From which UDP port, counted from the first.
    pub port_offset: u16,
    /// When.
    pub sent: Nanos,
    /// How long after it was due, if that is known.
    pub lag: Nanos,
}

/// Packets under way to one queue, by arrival; the number keeps apart those of one moment.
type Queue = BTreeMap<(Nanos, u64), Packet>;

/// The link. Ends hold it together.
pub struct Link {
    faults: Faults,
    random: SplitMix64,
    to_sender: Vec<Queue>,
    to_reflector: Vec<Queue>,
    put: u64,
    /// Virtual time.
    pub now: Nanos,
    /// What has become of every packet so far.
    pub truth: Truth,
}

/// A link that several ends hold.
pub type SharedLink = Rc<RefCell<Link>>;

impl Link {
    /// A link with so many receive queues at each end.
    #[must_use]
    pub fn new(faults: Faults, seed: u64, queues: (u16, u16), truth: Truth) -> SharedLink {
        let make = |count| (0..count).map(|_| Queue::new()).collect();
        Rc::new(RefCell::new(Self {
            faults,
            random: SplitMix64(seed),
            to_sender: make(queues.0),
            to_reflector: make(queues.1),
            put: 0,
            now: Nanos(0),
            truth,
        }))
    }

    /// Whether the link takes another packet from `side`.
    #[must_use]
    pub fn has_room(&self, side: Side) -> bool {
        let queues = match side {
            Side::Sender => &self.to_reflector,
            Side::Reflector => &self.to_sender,
        };
        queues
            .iter()
            .all(|queue| queue.len() < self.faults.queue_len)
    }

    /// Takes a packet from `side`; what happens to it is decided here.
    pub fn put(&mut self, side: Side, mut packet: Packet) {
        if self.chance(self.faults.loss) {
            return;
        }
        // Once: two changes can make up for each other, and then no checksum tells.
        if !packet.is_corrupt && self.chance(self.faults.corruption) {
            let payload = &mut packet.frame[HEADERS_LEN..];
            let at = (self.random.next() % payload.len() as u64) as usize;
            payload[at] ^= 1 + (self.random.next() % 255) as u8;
            packet.is_corrupt = true;
        }
        if self.chance(self.faults.duplication) {
            self.carry(side, packet.clone());
        }
        self.carry(side, packet);
    }

    /// The next packet that has arrived at `queue` of `side`.
    pub fn take(&mut self, side: Side, queue: u16) -> Option<Packet> {
        let queues = match side {
            Side::Sender => &mut self.to_sender,
            Side::Reflector => &mut self.to_reflector,
        };
        let first = queues[usize::from(queue)].first_entry()?;
        (first.key().0 <= self.now).then(|| first.remove())
    }

    fn carry(&mut self, side: Side, packet: Packet) {
        let jitter = match self.faults.jitter.0 {
            0 => 0,
            jitter => self.random.next() % jitter,
        };
        let arrival = self.now + self.faults.delay + Nanos(jitter);
        let queues = match side {
            Side::Sender => &mut self.to_reflector,
            Side::Reflector => &mut self.to_sender,
        };
        // As RSS does: by a hash over the ports, so a flow stays on a queue.
        let hash = SplitMix64(u64::from(packet.origin.port_offset)).next();
        let queue = (hash % queues.len() as u64) as usize;
        queues[queue].insert((arrival, self.put), packet);
        self.put += 1;
    }

    fn chance(&mut self, share: f64) -> bool {
        // 53 bits: as exact as a share is.
        ((self.random.next() >> 11) as f64) < share * (1_u64 << 53) as f64
    }
}
