//! What a worker counts, and how another thread reads it without a lock.
//!
//! A worker counts in plain memory of its own and publishes a copy about once a millisecond; a
//! reader gets a copy that is whole, the latest or the one before.

pub mod histogram;
pub mod intervals;
pub mod moments;
pub mod recorder;

use zerocopy::{FromBytes, Immutable, IntoBytes, transmute};

use crate::stats::histogram::Histogram;
use crate::sync::seqlock::SeqLock;
use crate::time::Nanos;

pub use moments::Moments;
pub use recorder::Recorder;

/// Sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct TxCounters {
    /// Packets that the device accepted.
    pub packets: u64,
    /// Their bytes, without FCS.
    pub bytes: u64,
    /// Hand-over attempts that the device did not take.
    pub refused: u64,
    /// Packets for which there was no buffer.
    pub no_buffer: u64,
    /// Packets given up because they were too late (see [`crate::tx::pacer::CATCH_UP`]).
    pub skipped: u64,
    /// When the first packet was sent; meaningless while `packets` is 0.
    pub first_ns: u64,
    /// When the last packet was sent.
    pub last_ns: u64,
    /// The most that a packet was sent after its due time.
    pub lag_max_ns: u64,
}

/// Received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct RxCounters {
    /// All packets; for `sendrecv` the sum of the next five.
    pub packets: u64,
    /// Their bytes, without FCS.
    pub bytes: u64,
    /// Probes of this run seen for the first time.
    pub unique: u64,
    /// Probes of this run seen before (RFC 5560).
    pub duplicates: u64,
    /// Probes of this run that are not as they were sent.
    pub corrupt: u64,
    /// Whatever is not of this run.
    pub foreign: u64,
    /// Probes so old that nobody can say whether they are duplicates.
    pub too_old: u64,
    /// Unique probes that a later one of their flow had overtaken (RFC 4737).
    pub reordered: u64,
    /// Unique probes that came more than the grace after the end of their interval.
    pub late: u64,
    /// Packets with a checksum that their sender left to a NIC that was never there.
    pub checksum_partial: u64,
}

/// Received by `reflect` and not sent back, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct IgnoredCounters {
    /// Not an IPv4 packet (ARP and IPv6 are among them).
    pub not_ipv4: u64,
    /// IPv4, but not UDP.
    pub not_udp: u64,
    /// A fragment of an IPv4 packet.
    pub fragment: u64,
    /// Too short for the headers that it announces.
    pub malformed: u64,
    /// To or from a multicast or broadcast address, MAC or IP.
    pub group_address: u64,
    /// From the port's own MAC address.
    pub own_mac: u64,
    /// With a TTL of 0 or 1.
    pub ttl: u64,
    /// Received in one burst with the last packet that `--count` allowed to send.
    pub past_count: u64,
}

impl IgnoredCounters {
    /// All of them together.
    #[must_use]
    pub fn sum(&self) -> u64 {
        let each: [u64; size_of::<Self>() / 8] = transmute!(*self);
        each.iter().sum()
    }
}

/// How a worker spends its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PollCounters {
    /// Polls; one of a reflector may take several bursts, if they are full.
    pub polls: u64,
    /// Polls that moved nothing.
    pub empty: u64,
    /// Packets moved.
    pub packets: u64,
    /// Nanoseconds in polls that moved packets.
    pub busy_ns: u64,
    /// Nanoseconds of the lcore over which all of this was counted: while the run was sending.
    pub elapsed_ns: u64,
    /// When the worker last published.
    pub last_ns: u64,
    /// Polls that began more than [`STALL`] after the one before.
    pub stalls: u64,
    /// The longest time from one poll to the next.
    pub longest_stall_ns: u64,
    /// The longest run of full bursts.
    pub full_bursts_max: u64,
    /// 1 if the device tells how many packets wait in the receive queue.
    pub tells_depth: u64,
    /// The most packets that waited there, of about one look a millisecond.
    pub depth_max: u64,
}

/// Polls further apart than this are a stall.
pub const STALL: Nanos = Nanos(50_000);

/// Everything that one worker counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Counters {
    /// Sent.
    pub tx: TxCounters,
    /// Received.
    pub rx: RxCounters,
    /// Not reflected.
    pub ignored: IgnoredCounters,
    /// Round trip from the time of sending.
    pub latency: Moments,
    /// Round trip from the time the packet was due.
    pub latency_due: Moments,
    /// The worker itself.
    pub poll: PollCounters,
}

const WORDS: usize = size_of::<Counters>() / 8;

/// What a worker shows to others.
///
/// Aligned so that no two workers write to one cache line, nor to a pair that is fetched together.
#[repr(align(128))]
pub struct WorkerStats {
    published: SeqLock<WORDS>,
    /// Round trip from the time of sending.
    pub latency: Histogram,
    /// Round trip from the time the packet was due.
    pub latency_due: Histogram,
    /// How long after its due time each packet was sent.
    pub lag: Histogram,
}

impl Default for WorkerStats {
    fn default() -> Self {
        Self {
            published: SeqLock::new([0; WORDS]),
            latency: Histogram::default(),
            latency_due: Histogram::default(),
            lag: Histogram::default(),
        }
    }
}

impl WorkerStats {
    /// Shows `counters`; only ever called by one thread.
    pub fn publish(&self, counters: &Counters) {
        self.published.publish(transmute!(*counters));
    }

    /// What was published last, or `None` if the worker was just publishing: try again.
    #[must_use]
    pub fn try_snapshot(&self) -> Option<Counters> {
        let (_, words) = self.published.try_snapshot()?;
        Some(transmute!(words))
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::thread;

    use super::*;

    #[test]
    fn a_snapshot_is_whole() {
        let stats = Box::<WorkerStats>::default();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut counters = Counters::default();
                while !stop.load(Relaxed) {
                    counters.tx.packets += 1;
                    counters.poll.full_bursts_max = counters.tx.packets;
                    stats.publish(&counters);
                }
            });
            let mut last = 0;
            for _ in 0..10_000 {
                if let Some(seen) = stats.try_snapshot() {
                    assert_eq!(seen.tx.packets, seen.poll.full_bursts_max);
                    assert!(seen.tx.packets >= last, "went back");
                    last = seen.tx.packets;
                }
            }
            stop.store(true, Relaxed);
        });
    }
}
