//! The request of a run, checked: everything else works from it and never from the command line.
//!
//! Promised: after [`Request::check`] the numbers keep to [`limits`] and fit together. What only
//! the machine can tell (whether a port is there, how many queues it has, its MTU) is not checked.

mod check;
mod config;
pub mod limits;
mod sizes;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use dpdkgen_core::probe::layout::{Family, Layout, Marks};
use dpdkgen_core::probe::sizes::Sizes;
use dpdkgen_core::rx::verify::Route;
use dpdkgen_core::time::{Instant, Span};
use dpdkgen_core::tx::pacer::Rate;
use dpdkgen_core::wire::{Mac, Prefix, Tags};
use dpdkgen_report::latency::LatencyKind;
use dpdkgen_report::output::Target;
use dpdkgen_report::summary::Origin;
use serde_json::{Map, Value};

pub(crate) use self::check::time_text;
pub(crate) use self::sizes::{mix_text, of_frames, payload};
use crate::units;

/// The settings of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The task of the run.
    pub mode: Mode,
    /// The ports to use; none given means the only one there is.
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
    /// The MTU that the ports are given; `None` leaves it to what they have and the payload needs.
    pub mtu: Option<u16>,
    /// The file of the CSV, or standard output.
    pub stats_file: Option<Target>,
    /// The length of a CSV row.
    pub interval: Span,
    /// The time from an interval's end to its closing.
    pub grace: Span,
    /// The time from one flush of closed rows to the file to the next.
    pub flush_every: Span,
    /// The time for which to send, or to reflect, once counting has begun.
    pub duration: Option<Span>,
    /// The number of packets to send, over all ports and queues.
    pub count: Option<u64>,
    /// The longest time to wait for the links to come up.
    pub wait_link: Span,
    /// The file of the JSON summary, or standard output.
    pub json: Option<Target>,
    /// The file of the log of histograms, or standard output.
    pub hdr: Option<Target>,
    /// The file of a sample of the frames, or standard output.
    pub pcap: Option<Target>,
    /// The N of the one frame in N that is in the sample, of those sent and of those received.
    pub pcap_sample: NonZeroU32,
    /// The address at which metrics are served.
    pub metrics: Option<SocketAddr>,
    /// The file of the page with the run's pictures, or standard output.
    pub report: Option<Target>,
    /// The amount of what is said.
    pub verbosity: Verbosity,
    /// The settings of the options that one program alone has, as they stand in the JSON summary.
    pub own: Map<String, Value>,
    /// The host and the programs, as they stand in the JSON summary.
    pub origin: Origin,
}

impl Request {
    /// Returns the name of the program, which what it says begins with.
    #[must_use]
    pub fn program(&self) -> &str {
        self.origin.program.as_deref().unwrap_or("dpdkgen")
    }

    /// Returns when counting begins: after the warm-up.
    #[must_use]
    pub fn start(&self) -> Instant {
        match &self.mode {
            Mode::SendRecv(sendrecv) => Instant::START + sendrecv.warmup,
            Mode::Reflect(_) => Instant::START,
        }
    }

    /// Returns the kind of latency that the run measures, if it measures any.
    #[must_use]
    pub const fn latency_kind(&self) -> LatencyKind {
        match &self.mode {
            Mode::SendRecv(sendrecv) => sendrecv.latency_kind(),
            Mode::Reflect(_) => LatencyKind::RoundTrip,
        }
    }

    /// Returns the outputs that carry data: the names of their options, and where they go.
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

/// The task of a run.
#[derive(Debug, Clone, PartialEq)]
// There is one of it a run, so its size is nobody's concern.
#[allow(clippy::large_enum_variant)]
pub enum Mode {
    /// Sends probes, receives them back and accounts for every one.
    SendRecv(SendRecv),
    /// Sends back what it receives.
    Reflect(Reflect),
}

/// The packets that are sent back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reflect {
    /// The addresses for which neighbours and echo requests are answered.
    pub addresses: Vec<IpAddr>,
    /// The networks whose packets are sent back; none for all.
    pub allowed: Vec<Prefix>,
    /// Sends back what is for the MAC address of another port too.
    pub is_promiscuous: bool,
}

impl Mode {
    /// Returns the name of its command.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SendRecv(_) => "sendrecv",
            Self::Reflect(_) => "reflect",
        }
    }
}

/// The probes to send, and the thresholds to hold the run against.
#[derive(Debug, Clone, PartialEq)]
pub struct SendRecv {
    /// The sender's addresses: one for all ports, or one per port in order.
    pub sources: Vec<IpAddr>,
    /// The addresses and ports that the probes go to, of the same family: one for all ports, or one
    /// per port in order.
    pub dests: Vec<SocketAddr>,
    /// Whether the path forwards: probes come back as they were sent, on any port of the run.
    pub is_through: bool,
    /// Whether only the first port sends.
    pub is_oneway: bool,
    /// The VLAN tags, the DSCP and the TTL of every probe.
    pub marks: Marks,
    /// The source ports, which are used in turn.
    pub src_ports: RangeInclusive<u16>,
    /// The addresses of the next hop, where that is not the destination itself: one for all ports, or
    /// one per port in order.
    pub gateways: Vec<IpAddr>,
    /// The MACs of the next hop: one for all ports, or one per port in order; none if not given:
    /// then they are resolved, or with a path that forwards and no gateway those of the next port of
    /// the run, and of the first after the last.
    pub dest_macs: Vec<Mac>,
    /// Whether these were resolved, and next hops that move are followed.
    pub is_resolved: bool,
    /// The sizes of the UDP payload: one, or a mix.
    pub sizes: Sizes,
    /// The rate over all ports and queues; `None` is as fast as it goes.
    pub rate: Option<Rate>,
    /// The time for which probes are sent before counting begins.
    pub warmup: Span,
    /// The seed of the payload's filling.
    pub seed: u64,
    /// The tag of the run, of at most 48 bits; `None` is a fresh one.
    pub run_tag: Option<u64>,
    /// The time to wait for what is in flight after the last packet was sent.
    pub drain: Span,
    /// Whether that wait ends as soon as nothing is missing, or nothing has come for long; what
    /// then comes twice is not counted.
    pub ends_drain_early: bool,
    /// The number of sequences back to which a duplicate must be found; `None` is what rate, grace
    /// and drain take.
    pub window: Option<u64>,
    /// The largest ratio of lost to sent packets that passes.
    pub max_loss: Option<f64>,
    /// The longest 99th percentile of the latency that passes.
    pub max_p99: Option<Span>,
    /// The share of what was due that may be skipped; see [`Self::most_skipped`].
    pub max_skipped: Option<f64>,
}

/// The way in which a user names a port.
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

/// The amount of what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verbosity {
    /// Only warnings are said.
    Quiet,
    /// The display and the summary are shown.
    #[default]
    Normal,
    /// More is said, and the log of the libraries is shown.
    Verbose,
}

impl SendRecv {
    /// Returns the share of what was due that may be skipped, if a threshold asks for any: a run that
    /// did not offer its load has kept none.
    #[must_use]
    pub fn most_skipped(&self) -> Option<f64> {
        let has_other = self.max_loss.is_some() || self.max_p99.is_some();
        let default = (has_other && self.rate.is_some()).then_some(0.01);
        self.max_skipped.or(default)
    }

    /// Returns the layout of the probes' headers.
    #[must_use]
    pub fn layout(&self) -> Layout {
        layout(&self.sources, self.marks.tags)
    }

    /// Returns the length in bytes of the largest frame without FCS.
    #[must_use]
    pub fn frame_len(&self) -> u16 {
        self.sizes.largest() + self.layout().payload() as u16
    }

    /// Returns the MTU that the largest probe needs.
    #[must_use]
    pub fn mtu_needed(&self) -> u16 {
        self.sizes.largest() + self.layout().of_mtu()
    }

    /// Returns whether the MACs of the next hops have to be asked for: they are neither given nor
    /// those of the run's own ports.
    #[must_use]
    pub const fn has_to_resolve(&self) -> bool {
        let is_own = self.is_through && self.gateways.is_empty();
        self.dest_macs.is_empty() && !is_own
    }

    /// Returns the address of the next hop of port `port`.
    ///
    /// # Panics
    ///
    /// Panics if there is no destination, which a checked request has.
    #[must_use]
    pub fn next_hop(&self, port: usize) -> IpAddr {
        if self.gateways.is_empty() {
            of_port(&self.dests, port).ip()
        } else {
            of_port(&self.gateways, port)
        }
    }

    /// Returns how many of `ports` ports send: the first ones.
    #[must_use]
    pub const fn sending_ports(&self, ports: usize) -> usize {
        if self.is_oneway { 1 } else { ports }
    }

    /// Returns the kind of latency that it measures.
    #[must_use]
    pub const fn latency_kind(&self) -> LatencyKind {
        LatencyKind::of(self.is_through)
    }

    /// Returns who sends to whom of each of `ports` ports that sends.
    ///
    /// # Panics
    ///
    /// Panics if there is no source or no destination, which a checked request has.
    #[must_use]
    pub fn routes(&self, ports: usize) -> Vec<Route> {
        let route = |port| Route {
            source: of_port(&self.sources, port),
            destination: of_port(&self.dests, port),
        };
        (0..self.sending_ports(ports)).map(route).collect()
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

/// Returns the layout of probes from these addresses with these tags.
#[must_use]
pub fn layout(sources: &[IpAddr], tags: Tags) -> Layout {
    let family = sources
        .first()
        .map_or(Family::V4, |source| Family::of(*source));
    Layout::new(family, tags.as_slice().len())
}

/// Returns the value for `port`, of those that were given once for all or once per port.
///
/// # Panics
///
/// Panics if none was given.
#[must_use]
pub fn of_port<T: Copy>(given: &[T], port: usize) -> T {
    given[port.min(given.len() - 1)]
}

#[cfg(test)]
pub(crate) mod tests;
