//! The options as clap reads them; their documentation is the help text.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgAction, Args};
use dpdkgen_core::time::Span;
use dpdkgen_core::wire::{Mac, Prefix, Tci};
use dpdkgen_report::output::Target;

use crate::request::{PortSelector, limits};
use crate::units::{self, BadValue, FrameSize, RateSpec};

/// Options of `sendrecv`.
#[derive(Debug, Args)]
pub struct SendRecvArgs {
    #[command(flatten)]
    pub probes: ProbeArgs,
    #[command(flatten)]
    pub pace: PaceArgs,
    #[command(flatten)]
    pub settle: SettleArgs,
    #[command(flatten)]
    pub bounds: BoundArgs,
    #[command(flatten)]
    pub shared: SharedArgs,
    #[command(flatten)]
    pub latency: LatencyArgs,
}

/// Options of `reflect`.
#[derive(Debug, Args)]
pub struct ReflectArgs {
    #[command(flatten)]
    pub answer: AnswerArgs,
    #[command(flatten)]
    pub shared: SharedArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Who is answered")]
pub struct AnswerArgs {
    /// Answer ARP, neighbour discovery and ping for this address; repeatable
    #[arg(long, value_name = "ADDR", value_parser = units::ip)]
    pub ip: Vec<IpAddr>,
    /// Answer only senders in this network: 10.0.0.0/8, fd00::/8; repeatable [default: everyone]
    #[arg(long, value_name = "PREFIX", value_parser = units::prefix)]
    pub allow: Vec<Prefix>,
    /// Answer what is for another port's MAC too
    #[arg(long, action = ArgAction::SetTrue)]
    pub promiscuous: bool,
}

/// Options of `ports`.
#[derive(Debug, Args)]
pub struct PortsArgs {
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Options of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The rows that a run wrote by --stats-file, or the JSON of a search; - is standard input
    #[arg(value_name = "CSV", value_parser = path())]
    pub csv: PathBuf,
    /// The totals that it wrote by --json
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub json: Option<PathBuf>,
    /// The totals that the reflector wrote: tells which part of the way lost the packets
    #[arg(long, value_name = "REFLECT.json", value_parser = path())]
    pub peer: Option<PathBuf>,
    /// Where the page goes; - is standard output [default: the CSV's name with .html]
    #[arg(short, long, value_name = "FILE.html", value_parser = target())]
    pub output: Option<Target>,
}

/// What every run has.
#[derive(Debug, Args)]
pub struct SharedArgs {
    #[command(flatten)]
    pub ports: PortArgs,
    #[command(flatten)]
    pub stop: StopArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Probes")]
pub struct ProbeArgs {
    /// IP address that probes come from; once, or once per --port (required)
    #[arg(long, value_name = "IP", value_parser = units::ip)]
    pub src: Vec<IpAddr>,
    /// IP address and UDP port that probes go to; once, or once per --port (required)
    #[arg(long, value_name = "IP:PORT", value_parser = units::socket)]
    pub dest: Vec<SocketAddr>,
    /// Next hop, if not --dest itself; once, or once per --port
    #[arg(long, value_name = "IP", value_parser = units::ip)]
    pub gateway: Vec<IpAddr>,
    /// MAC of the reflector or the next hop; once, or once per --port [default: resolved]
    #[arg(long, value_name = "MAC", value_parser = units::mac)]
    pub dest_mac: Vec<Mac>,
    /// The path forwards, and probes come back as they were sent, on another port or the same
    #[arg(long, action = ArgAction::SetTrue)]
    pub through: bool,
    /// With --through and two ports or more: only the first one sends
    #[arg(long, action = ArgAction::SetTrue)]
    pub oneway: bool,
    /// Source ports, used in turn
    #[arg(long, value_name = "A-B", default_value = "10000-11000", value_parser = units::port_range)]
    pub src_port_range: RangeInclusive<u16>,
    /// UDP payload, 16 to 8972 (IPv6: 8952) [default: 1000]
    #[arg(long, value_name = "BYTES", value_parser = units::size)]
    pub packet_size: Option<u64>,
    /// Or the frame with tags and FCS, from 62; imix, simple-imix, SIZE:WEIGHT,...
    #[arg(long, value_name = "BYTES", value_parser = units::frame_size)]
    pub frame_size: Option<FrameSize>,
    /// VLAN of the probes, and their priority; twice: the outer tag (802.1ad) first
    #[arg(long, value_name = "ID[.PCP]", value_parser = units::vlan)]
    pub vlan: Vec<Tci>,
    /// Differentiated services code point of the probes, 0 to 63
    #[arg(long, value_name = "N", default_value = "0", value_parser = units::within::<0, 63>)]
    pub dscp: u16,
    /// TTL or hop limit of the probes
    #[arg(long, value_name = "N", default_value = "64", value_parser = units::within::<1, 255>)]
    pub ttl: u16,
    /// Seed of the payload's filling
    #[arg(long, value_name = "N", default_value = "4107683144946382073", value_parser = units::bits)]
    pub seed: u64,
    /// What tells this run's probes from others', up to 48 bits [default: fresh]
    #[arg(long, value_name = "N", value_parser = units::bits)]
    pub run_tag: Option<u64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub struct PaceArgs {
    /// All queues together: 3.5Mpps, 10Gbps (frames), 10Gbpsl1 (line) [default: no limit]
    #[arg(long, value_name = "PPS", value_parser = units::rate)]
    pub rate: Option<RateSpec>,
    /// The same as packets per stats interval, evenly spaced; 0: no limit
    #[arg(short = 'R', long, value_name = "N", default_value = "0", value_parser = units::count)]
    pub rate_limit: u64,
}

/// What comes before and after that which counts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub struct SettleArgs {
    /// Send for this long before counting begins
    #[arg(long, value_name = "S", default_value = "0", value_parser = units::seconds)]
    pub warmup: Span,
    /// Wait this long for what is in flight after the last packet
    #[arg(long, value_name = "MS", default_value = "1000", value_parser = units::milliseconds)]
    pub drain_ms: Span,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Pass or fail (exit status 3)")]
pub struct BoundArgs {
    /// Fail if more is lost: 0.001 or 0.1%
    #[arg(long, value_name = "RATIO", value_parser = units::ratio)]
    pub max_loss: Option<f64>,
    /// Fail if the 99th percentile of latency is longer: 5ms
    #[arg(long, value_name = "NS", value_parser = units::nanoseconds)]
    pub max_p99: Option<Span>,
    /// Fail if more of what --rate made due was skipped [default: 1% beside one of the others]
    #[arg(long, value_name = "RATIO", value_parser = units::ratio)]
    pub max_skipped: Option<f64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Ports and queues")]
pub struct PortArgs {
    /// Port by MAC, device name or index; repeatable [default: the only one]
    #[arg(short, long, visible_alias = "ports", value_name = "SEL", value_parser = port)]
    pub port: Vec<PortSelector>,
    /// Receive queues per port
    #[arg(short, long, value_name = "N", default_value = "1",
          value_parser = units::within::<0, { limits::MAX_QUEUES }>)]
    pub rxq: u16,
    /// Transmit queues per port
    #[arg(short, long, value_name = "N", default_value = "1",
          value_parser = units::within::<0, { limits::MAX_QUEUES }>)]
    pub txq: u16,
    /// Largest burst in packets, up to 512
    #[arg(long, value_name = "N", default_value = "32",
          value_parser = units::within::<1, { limits::MAX_BURST }>)]
    pub burst_size: u16,
    /// Largest burst received [default: --burst-size]
    #[arg(long, value_name = "N", value_parser = units::within::<1, { limits::MAX_BURST }>)]
    pub rx_burst: Option<u16>,
    /// Largest burst sent [default: --burst-size]
    #[arg(long, value_name = "N", value_parser = units::within::<1, { limits::MAX_BURST }>)]
    pub tx_burst: Option<u16>,
    /// Receive descriptors per queue, fitted to the device
    #[arg(long, value_name = "N", default_value = "1024",
          value_parser = units::within::<1, { limits::MAX_DESC }>)]
    pub rx_desc: u16,
    /// Transmit descriptors per queue, fitted to the device
    #[arg(long, value_name = "N", default_value = "1024",
          value_parser = units::within::<1, { limits::MAX_DESC }>)]
    pub tx_desc: u16,
    /// Largest IP packet of the ports [default: their own, or what the payload needs]
    #[arg(long, value_name = "BYTES",
          value_parser = units::within::<{ limits::MIN_MTU }, { limits::MAX_MTU }>)]
    pub mtu: Option<u16>,
    /// Wait this long for the links to come up
    #[arg(long, value_name = "S", default_value = "10", value_parser = units::seconds)]
    pub wait_link: Span,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Stop (Ctrl-C does too)")]
pub struct StopArgs {
    /// Stop after this long
    #[arg(long, value_name = "S", value_parser = units::seconds)]
    pub duration: Option<Span>,
    /// Stop after sending this many packets, over all ports and queues
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub count: Option<u64>,
}

/// The output of what measures latency.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct LatencyArgs {
    /// Write an HdrHistogram log of latencies to this file; - is standard output
    #[arg(long, value_name = "FILE", value_parser = target())]
    pub hdr: Option<Target>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Write a CSV row per interval to this file; - is standard output
    #[arg(short, long, value_name = "FILE", value_parser = target())]
    pub stats_file: Option<Target>,
    /// Length of the interval
    #[arg(short = 'i', long, value_name = "MS", default_value = "100",
          value_parser = units::milliseconds)]
    pub stats_interval_ms: Span,
    /// Close an interval this long after its end
    #[arg(long, value_name = "S", default_value = "1", value_parser = units::seconds)]
    pub stats_evict_threshold_secs: Span,
    /// Flush closed rows to the file this often
    #[arg(long, value_name = "S", default_value = "1", value_parser = units::seconds)]
    pub stats_evict_interval_secs: Span,
    /// Write the results to this file as JSON; - is standard output
    #[arg(long, value_name = "FILE", value_parser = target())]
    pub json: Option<Target>,
    /// Draw them as an HTML page into this file at the end; - is standard output
    #[arg(long, value_name = "FILE.html", value_parser = target())]
    pub report: Option<Target>,
    /// Write a sample of all frames to this pcap file; - is standard output
    #[arg(long, value_name = "FILE", value_parser = target())]
    pub pcap: Option<Target>,
    /// One frame in so many is in the sample; 1: all of them
    #[arg(long, value_name = "N", default_value = "1000", requires = "pcap", value_parser = units::one_in)]
    pub pcap_sample: NonZeroU32,
    /// Serve Prometheus metrics at /metrics; a port alone is on loopback
    #[arg(long, value_name = "ADDR:PORT", value_parser = listener)]
    pub metrics: Option<SocketAddr>,
    /// Warnings only
    #[arg(short, long, action = ArgAction::SetTrue, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more
    #[arg(short, long, action = ArgAction::SetTrue)]
    pub verbose: bool,
}

// clap wants a result.
#[allow(clippy::unnecessary_wraps)]
fn port(text: &str) -> Result<PortSelector, BadValue> {
    if text.contains(',') {
        return Err(BadValue::Several);
    }
    Ok(PortSelector::parse(text))
}

pub fn target() -> impl TypedValueParser<Value = Target> {
    OsStringValueParser::new().try_map(|name| {
        if name.is_empty() {
            Err(BadValue::Wanted("a file"))
        } else {
            Ok(Target::named(&name))
        }
    })
}

fn listener(text: &str) -> Result<SocketAddr, BadValue> {
    let port = text.strip_prefix(':').unwrap_or(text).parse();
    port.map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .or_else(|_| text.parse())
        .map_err(|_| BadValue::Wanted("an address and port such as 127.0.0.1:9464, or a port"))
}

fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|name| {
        if name.is_empty() {
            Err(BadValue::Wanted("a file"))
        } else {
            Ok(PathBuf::from(name))
        }
    })
}
