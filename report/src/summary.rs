//! The totals of a run: these structs are the JSON summary, key for key.
//!
//! Promised: what does not apply, or what a driver does not tell, is absent (`None`), never 0;
//! reading back what was written gives the same summary. Bytes are frames without FCS, and every
//! `pps` divides by [`Summary::duration_s`].

mod event;
mod origin;
mod outage;
mod probes;

use std::collections::BTreeMap;

use dpdkgen_core::stats::ProbeCounters;
use serde::{Deserialize, Serialize};

pub use self::event::{Event, Happening};
pub use self::origin::{Origin, host_name, rfc3339};
pub use self::outage::{Outage, OutageFinder, Outages};
use crate::latency::LatencyKind;

/// The version of the JSON that this module writes.
pub const SCHEMA: u32 = 1;

/// The totals of a finished run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The version of the JSON, which is [`SCHEMA`] where this module wrote it.
    pub schema: u32,
    /// The run's mode.
    pub mode: Mode,
    /// The reason why sending (or reflecting) ended.
    pub stop_reason: StopReason,
    /// The seconds from when counting began to when sending (or reflecting) ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_at_s: Option<f64>,
    /// `true` if the drain was waited out, `false` if it was cut short; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drained: Option<bool>,
    /// When, where and by what it was made.
    #[serde(flatten)]
    pub origin: Origin,
    /// Seconds from first to last transmit (`reflect`: from start to stop); absent if nothing was
    /// sent. The drain is not in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
    /// The settings in effect, by name.
    pub config: serde_json::Map<String, serde_json::Value>,
    /// The clock that times were read from.
    pub clock: Clock,
    /// Totals of sending.
    pub tx: Tx,
    /// Totals of receiving; absent if receiving was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rx: Option<Rx>,
    /// Packets sent and not received; an upper bound if any received were too old to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// Of these, packets sent in intervals in which not all went by the VF of a netvsc port; absent
    /// where all did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_without_vf: Option<u64>,
    /// The share of the packets sent that `lost` is, 0 to 1; absent if none was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_ratio: Option<f64>,
    /// The outages in the rows; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outages: Option<Outages>,
    /// Latencies from the time written into the probe; absent if nothing came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ns: Option<Latency>,
    /// Latencies from the time when the probe was due; absent where probes do not carry it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_due_ns: Option<Latency>,
    /// The rate asked for against the rate reached; absent without a rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pacing: Option<Pacing>,
    /// Every queue, with its packets.
    pub queues: Vec<Queue>,
    /// Every worker, with its polls.
    pub workers: Vec<Worker>,
    /// Every port, with its device's counters.
    pub device: Vec<Device>,
    /// What happened to the ports, in order of time.
    #[serde(default)]
    pub events: Vec<Event>,
    /// The sample of the frames; absent if none was asked for.
    #[serde(rename = "pcap", skip_serializing_if = "Option::is_none")]
    pub sampled: Option<Sampled>,
}

/// A sample of the frames that were sent and received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampled {
    /// Frames that were written.
    pub frames: u64,
    /// Frames that were due and not written, since there was no memory for them just then or the
    /// file had reached its limit.
    pub skipped: u64,
    /// The part of them that came after the file had reached its limit.
    #[serde(default)]
    pub beyond_limit: u64,
}

/// The mode of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The run sent probes and received them back.
    SendRecv,
    /// The run sent back the packets that it received.
    Reflect,
}

/// The reason why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StopReason {
    /// The duration asked for was over.
    Duration,
    /// The count asked for was reached.
    Count,
    /// SIGINT, SIGTERM or SIGHUP came.
    Signal,
    /// The device of a port was taken away.
    Removed,
}

/// The clock that times were read from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    /// The source of time.
    pub source: ClockSource,
    /// Ticks per second of a source that counts ticks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hz: Option<f64>,
    /// The error of the source's scale in parts per million, measured against `CLOCK_MONOTONIC`
    /// over the run; positive if the source ran fast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_ppm: Option<f64>,
}

/// A source of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockSource {
    /// The CPU's invariant time stamp counter.
    Tsc,
    /// The operating system's monotonic clock.
    ClockMonotonic,
    /// A simulation's own time.
    Virtual,
}

/// Totals of sending.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tx {
    /// Packets that the device accepted.
    pub packets: u64,
    /// Bytes of these packets.
    pub bytes: u64,
    /// Packets per second; absent if all were sent at one instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pps: Option<f64>,
    /// Attempts to hand a packet over that the device did not take (`reflect`: packets
    /// dropped since the device did not take them).
    pub refused: u64,
    /// Packets not built for want of a buffer; absent in `reflect`, which builds none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_buffer: Option<u64>,
}

/// Totals of receiving.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rx {
    /// All packets received.
    pub packets: u64,
    /// Bytes of these packets.
    pub bytes: u64,
    /// Packets per second; absent if the run has no duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pps: Option<f64>,
    /// Counters of what the packets were (`sendrecv`).
    #[serde(flatten, with = "probes")]
    pub probes: Option<ProbeCounters>,
    /// Packets not sent back, by reason (`reflect`); reasons that did not occur are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<BTreeMap<String, u64>>,
    /// Packets accepted although they came as `CHECKSUM_PARTIAL`.
    pub checksum_partial: u64,
    /// Questions of neighbours that were answered (ARP, neighbour discovery, echo), and answers of
    /// the next hop's that were heard; beside the packets, and absent where the
    /// port has no address to answer for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answered: Option<u64>,
    /// The MAC address that one of the packets for other ports had (`reflect`); absent if there was
    /// none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub other_mac: Option<String>,
}

/// A distribution of latencies in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// The number of latencies measured.
    pub count: u64,
    /// The shortest, exact.
    pub min: u64,
    /// The mean, exact.
    pub mean: f64,
    /// The median, exact to within 1 % as all percentiles are.
    pub p50: u64,
    /// The time that 90 % do not exceed.
    pub p90: u64,
    /// The time that 99 % do not exceed.
    pub p99: u64,
    /// The time that 99.9 % do not exceed.
    pub p99_9: u64,
    /// The time that 99.99 % do not exceed.
    pub p99_99: u64,
    /// The longest, exact.
    pub max: u64,
}

/// The rate asked for against the rate reached.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pacing {
    /// Packets per second asked for.
    pub target_pps: f64,
    /// Packets per second accepted by the device; absent if the run has no duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub achieved_pps: Option<f64>,
    /// Packets that were due and never sent, because catching up would have made a burst.
    pub skipped: u64,
    /// Lags, from when packets were due to when they were handed over; absent if nothing was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_ns: Option<Lag>,
}

/// A distribution of lags in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// The median lag.
    pub p50: u64,
    /// The time that 99 % do not exceed.
    pub p99: u64,
    /// The longest lag.
    pub max: u64,
}

/// One queue of one port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// The port's name.
    pub port: String,
    /// The queue's number.
    pub queue: u16,
    /// The direction of its packets.
    pub direction: Direction,
    /// Packets received or accepted for sending.
    pub packets: u64,
    /// The most full bursts in a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_bursts_max: Option<u64>,
    /// The greatest depth seen, in packets, where the device tells it truly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth_max: Option<u64>,
}

/// The direction of a queue's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The queue receives.
    Rx,
    /// The queue transmits.
    Tx,
}

/// One worker: a queue (`reflect`: a pair) and the logical core that polls it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// The logical core, possibly shared with other workers.
    pub lcore: u32,
    /// The worker's role.
    pub role: Role,
    /// The port's name.
    pub port: String,
    /// The queue's number.
    pub queue: u16,
    /// The number of its polls.
    pub polls: u64,
    /// Polls that moved nothing.
    pub empty_polls: u64,
    /// Packets moved.
    pub packets: u64,
    /// The share of the lcore's time in polls of this worker that moved packets, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy_ratio: Option<f64>,
    /// CPU cycles per packet in those polls; absent if none was moved or cycles are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycles_per_packet: Option<f64>,
    /// Polls that began too late.
    pub stalls: Stalls,
}

/// The role of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sends probes.
    Tx,
    /// Receives probes.
    Rx,
    /// Sends back what it receives.
    Reflect,
}

impl Role {
    /// Returns its name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tx => "tx",
            Self::Rx => "rx",
            Self::Reflect => "reflect",
        }
    }
}

/// Stalls of a worker: polls that began more than 50 microseconds after the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stalls {
    /// The number of stalls.
    pub count: u64,
    /// Nanoseconds in all of them together; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_ns: Option<u64>,
    /// The longest stall, in nanoseconds; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_ns: Option<u64>,
}

/// A device's counters over the run, as its driver tells them; those that it does not tell are
/// absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The port's name.
    pub port: String,
    /// The driver's name.
    pub driver: String,
    /// The port's MAC address; absent where it is the kernel's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// The driver of the VF that a netvsc port drives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vf_driver: Option<String>,
    /// Packets that arrived and found no free receive descriptor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imissed: Option<u64>,
    /// Packets that arrived damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ierrors: Option<u64>,
    /// Failed attempts to allocate a receive buffer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rx_nombuf: Option<u64>,
    /// Packets that were accepted and not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oerrors: Option<u64>,
    /// Packets that took the synthetic path of a netvsc port, sent and received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synthetic_packets: Option<u64>,
    /// Extended statistics by the driver's own names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub xstats: BTreeMap<String, u64>,
}

/// The driver's name where the port is sockets of the kernel's.
pub const SOCKET_DRIVER: &str = "socket";

impl Device {
    /// Adds what was counted before, as far as both are told.
    pub fn add(&mut self, before: &Self) {
        for (counter, before) in [
            (&mut self.imissed, before.imissed),
            (&mut self.ierrors, before.ierrors),
            (&mut self.rx_nombuf, before.rx_nombuf),
            (&mut self.oerrors, before.oerrors),
            (&mut self.synthetic_packets, before.synthetic_packets),
        ] {
            if let Some(counter) = counter {
                *counter += before.unwrap_or(0);
            }
        }
        for (name, before) in &before.xstats {
            *self.xstats.entry(name.clone()).or_default() += before;
        }
    }

    /// Returns whether the port is sockets of the kernel's.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        self.driver == SOCKET_DRIVER
    }

    /// Returns whether the port has a VF, if it is a netvsc port and its statistics were read.
    #[must_use]
    pub fn has_vf(&self) -> Option<bool> {
        self.synthetic_packets.map(|_| !self.xstats.is_empty())
    }
}

impl Summary {
    /// Returns the event from which on each port could carry nothing until sending ended, of those
    /// for which that is so.
    #[must_use]
    pub fn outages_to_the_end(&self) -> Vec<&Event> {
        // Whoever ends both sides at once ends no run early.
        const AT_ONCE_S: f64 = 0.1;
        let Some(stopped_at_s) = self.stopped_at_s else {
            return Vec::new();
        };
        let mut last: Vec<&Event> = Vec::new();
        let lasting = self.events.iter().filter(|event| event.what.is_of_link());
        let counts = |event: &&Event| {
            event.what == Happening::Removed || event.at_s < stopped_at_s - AT_ONCE_S
        };
        for event in lasting.filter(counts) {
            last.retain(|before| before.port != event.port);
            last.push(event);
        }
        last.retain(|event| event.what.is_outage());
        last
    }

    /// Returns whether the run's path forwarded (`--through`).
    #[must_use]
    pub fn is_through(&self) -> bool {
        let through = self.config.get("through");
        through.and_then(serde_json::Value::as_bool) == Some(true)
    }

    /// Returns the kind of latency that it tells.
    #[must_use]
    pub fn latency_kind(&self) -> LatencyKind {
        LatencyKind::of(self.is_through())
    }

    /// Returns the mix of sizes that its frames had, as it was asked for, and their mean in bytes, tags
    /// and FCS included.
    #[must_use]
    pub fn frame_mix(&self) -> Option<(&str, f64)> {
        let mix = self.config.get("frame_mix")?.as_str()?;
        Some((mix, self.config.get("mean_frame_bytes")?.as_f64()?))
    }

    /// Returns whether all of its ports are sockets of the kernel's.
    #[must_use]
    pub fn is_over_sockets(&self) -> bool {
        !self.device.is_empty() && self.device.iter().all(Device::is_socket)
    }

    /// Returns the JSON object, indented, with a newline at its end.
    ///
    /// # Errors
    ///
    /// None that a caller can cause: names are strings, and a number that is not finite is written
    /// as `null`.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        Ok(json)
    }

    /// Reads a summary back.
    ///
    /// # Errors
    ///
    /// If the text is no JSON, or not such an object; the error names the line.
    pub fn from_json(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }
}
