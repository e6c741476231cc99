//! What is asked of a run, checked: everything else works from this and never from the command
//! line.
//!
//! Promised: after [`Request::check`] the numbers keep to [`limits`] and fit together. What only
//! the machine can tell (whether a port is there, how many queues it has, its MTU) is not checked.

mod check;
mod config;
pub mod limits;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use dpdkgen_core::time::{Instant, Span};
use dpdkgen_core::tx::pacer::Rate;
use dpdkgen_core::wire::Mac;
use dpdkgen_report::output::Target;

use crate::units;

/// What is asked of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What to do.
    pub mode: Mode,
    /// On which ports; none given means the only one there is.
    pub ports: Vec<PortSelector>,
    /// Receive queues per port.
    pub rxq: u16,
    /// Transmit queues per port.
    pub txq: u16,
    /// The largest burst received.
    pub rx_burst: u16,
    /// The largest burst sent.
    pub tx_burst: u16,
    /// Descriptors per receive queue, before the device's limits.
    pub rx_desc: u16,
    /// Descriptors per transmit queue, before the device's limits.
    pub tx_desc: u16,
    /// Where the CSV goes.
    pub stats_file: Option<Target>,
    /// The length of a CSV row.
    pub interval: Span,
    /// How long after its end an interval is closed.
    pub grace: Span,
    /// How often closed rows are flushed to the file.
    pub flush_every: Span,
    /// Stop sending after this time.
    pub duration: Option<Span>,
    /// Stop sending after this many packets, over all ports and queues.
    pub count: Option<u64>,
    /// How long to wait for the links to come up.
    pub wait_link: Span,
    /// Where the JSON summary goes.
    pub json: Option<Target>,
    /// Where the log of histograms goes.
    pub hdr: Option<Target>,
    /// Where a sample of the frames goes.
    pub pcap: Option<Target>,
    /// One frame in so many is in the sample, of those sent and of those received.
    pub pcap_sample: NonZeroU32,
    /// Where metrics are served.
    pub metrics: Option<SocketAddr>,
    /// Where the page with the run's pictures goes.
    pub report: Option<Target>,
    /// How much to say.
    pub verbosity: Verbosity,
}

impl Request {
    /// Returns when counting begins: after the warm-up.
    #[must_use]
    pub fn start(&self) -> Instant {
        match &self.mode {
            Mode::SendRecv(sendrecv) => Instant::START + sendrecv.warmup,
            Mode::Reflect => Instant::START,
        }
    }

    /// The outputs that carry data, by the names of their options, and where they go.
    #[must_use]
    pub fn data_outputs(&self) -> Vec<(&'static str, &Target)> {
        let all = [
            ("--stats-file", &self.stats_file),
            ("--json", &self.json),
            ("--hdr", &self.hdr),
            ("--pcap", &self.pcap),
            ("--report", &self.report),
        ];
        let asked_for = all.into_iter();
        asked_for
            .filter_map(|(name, target)| Some((name, target.as_ref()?)))
            .collect()
    }
}

/// What a run does.
#[derive(Debug, Clone, PartialEq)]
pub enum Mode {
    /// Sends probes, receives them back and accounts for every one.
    SendRecv(SendRecv),
    /// Sends back what it receives.
    Reflect,
}

impl Mode {
    /// The name of its command.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SendRecv(_) => "sendrecv",
            Self::Reflect => "reflect",
        }
    }
}

/// Which probes to send, and what to hold the run against.
#[derive(Debug, Clone, PartialEq)]
pub struct SendRecv {
    /// The sender's address: one for all ports, or one per port in order.
    pub sources: Vec<Ipv4Addr>,
    /// Where the probes go.
    pub dest: SocketAddrV4,
    /// Source ports, used in turn.
    pub src_ports: RangeInclusive<u16>,
    /// The next hop: one for all ports, or one per port in order; none if not given.
    pub dest_macs: Vec<Mac>,
    /// UDP payload bytes.
    pub payload_len: u16,
    /// Over all ports and queues; `None` is as fast as it goes.
    pub rate: Option<Rate>,
    /// Sent for so long before counting begins.
    pub warmup: Span,
    /// Of the payload's filling.
    pub seed: u64,
    /// At most 48 bits; `None` is a fresh one.
    pub run_tag: Option<u64>,
    /// How long to wait for what is in flight.
    pub drain: Span,
    /// How many sequences back a duplicate must be found; `None` is what rate, grace and drain
    /// take.
    pub window: Option<u64>,
    /// The largest ratio of lost to sent packets that passes.
    pub max_loss: Option<f64>,
    /// The longest 99th percentile of the round trip that passes.
    pub max_p99: Option<Span>,
}

/// How a user names a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortSelector {
    /// By its MAC.
    Mac(Mac),
    /// By its index.
    Index(u16),
    /// By its device name (PCI, VMBus, vdev).
    Name(String),
}

impl PortSelector {
    /// Reads `text`: what looks like a MAC is one, a number is an index, and all else a name.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if let Ok(mac) = units::mac(text) {
            return Self::Mac(mac);
        }
        match text.parse() {
            Ok(index) if text.bytes().all(|c| c.is_ascii_digit()) => Self::Index(index),
            _ => Self::Name(text.to_owned()),
        }
    }
}

impl fmt::Display for PortSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac(mac) => mac.fmt(f),
            Self::Index(index) => index.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// How much to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verbosity {
    /// Warnings only.
    Quiet,
    /// The display and the summary.
    #[default]
    Normal,
    /// More, the log of the libraries too.
    Verbose,
}

impl SendRecv {
    /// Bytes of a frame without FCS.
    #[must_use]
    pub const fn frame_len(&self) -> u16 {
        self.payload_len + limits::HEADERS
    }

    /// Returns how many source ports are used in turn.
    #[must_use]
    pub fn source_ports(&self) -> u32 {
        u32::from(self.src_ports.end() - self.src_ports.start()) + 1
    }

    /// Returns how many sequences back a duplicate must be found: what can be in flight or still
    /// open.
    #[must_use]
    pub fn window(&self, grace: Span) -> u64 {
        let of_rate = || {
            self.rate.map_or(limits::WINDOW_WITHOUT_RATE, |rate| {
                rate.packets_in(grace + self.drain).max(limits::MIN_WINDOW)
            })
        };
        self.window.unwrap_or_else(of_rate)
    }
}

#[cfg(test)]
mod tests;
