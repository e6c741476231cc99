//! The table of counters: each once, with its name, its meaning, and how those of two workers are
//! merged. Totals, JSON, page, display, metrics and the simulator's checks go by it.
//!
//! A new counter is a line in a group here, and where it is counted; whoever shows a group shows it
//! then. What is said of it in prose is said in `report::text`.

use zerocopy::{FromBytes, Immutable, IntoBytes, transmute};

use super::moments::Moments;

/// The description of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its name for people, as in "12 too old".
    pub label: &'static str,
    /// A sentence that says what it counts, and where that is defined.
    pub meaning: &'static str,
    /// The rule by which those of two workers are merged.
    pub merge: Merge,
}

/// The rule by which the counters of two workers are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// The sum of both.
    Sum,
    /// The lesser of both; a counter that was never touched is the greatest.
    Min,
    /// The greater of both.
    Max,
}

impl Merge {
    /// Returns the value of a counter that was never touched.
    const fn untouched(self) -> u64 {
        match self {
            Self::Min => u64::MAX,
            Self::Sum | Self::Max => 0,
        }
    }

    const fn of(self, one: u64, other: u64) -> u64 {
        match self {
            Self::Sum => one + other,
            Self::Min if other < one => other,
            Self::Max if other > one => other,
            Self::Min | Self::Max => one,
        }
    }
}

/// Defines a group of counters: a field each, and the table of them.
macro_rules! counters {
    ($(#[$about:meta])* $group:ident {
        $($(#[doc = $meaning:literal])+ $name:ident: $merge:ident, $label:literal;)*
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
        #[repr(C)]
        pub struct $group {
            $($(#[doc = $meaning])+ pub $name: u64,)*
        }

        impl $group {
            /// Every counter of the group, in the order of the fields.
            pub const TABLE: &'static [Counter] = &[$(Counter {
                name: stringify!($name),
                label: $label,
                meaning: concat!($($meaning),+).trim_ascii(),
                merge: Merge::$merge,
            }),*];

            /// Merges what another worker counted.
            pub const fn merge(&mut self, other: &Self) {
                $(self.$name = Merge::$merge.of(self.$name, other.$name);)*
            }

            /// Returns every counter with its value.
            pub fn each(&self) -> impl Iterator<Item = (&'static Counter, u64)> {
                let values: [u64; Self::TABLE.len()] = transmute!(*self);
                Self::TABLE.iter().zip(values)
            }

            /// Returns the counter called `name`, to be set.
            pub fn by_name(&mut self, name: &str) -> Option<&mut u64> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }
        }

        impl Default for $group {
            fn default() -> Self {
                Self { $($name: Merge::$merge.untouched(),)* }
            }
        }
    };
}

counters! {
    /// The counters of what was sent.
    TxCounters {
        /// Packets that the device accepted.
        packets: Sum, "packets";
        /// Their bytes, without FCS.
        bytes: Sum, "bytes";
        /// Hand-over attempts that the device did not take.
        refused: Sum, "refused";
        /// Packets for which there was no buffer.
        no_buffer: Sum, "without a buffer";
        /// Packets given up because they were too late (see [`crate::tx::pacer::CATCH_UP`]).
        skipped: Sum, "skipped";
        /// The time at which the first packet was sent, in nanoseconds since the run's start.
        first_ns: Min, "first";
        /// The time at which the last packet was sent, in nanoseconds since the run's start.
        last_ns: Max, "last";
        /// The most that a packet was sent after its due time.
        lag_max_ns: Max, "longest lag";
    }
}

counters! {
    /// The counters of what was received.
    RxCounters {
        /// All packets.
        packets: Sum, "packets";
        /// Their bytes, without FCS.
        bytes: Sum, "bytes";
        /// Packets with just the pseudo-header in their UDP checksum: the sender left the rest to a
        /// NIC (`CHECKSUM_PARTIAL`).
        checksum_partial: Sum, "checksum left to a NIC";
        /// Questions of neighbours that were answered (ARP, neighbour discovery, echo), and answers of
        /// the next hop's that were heard; they are not
        /// among the packets.
        answered: Sum, "answered";
        /// The MAC address, as a number, of the last frame that was for another port; 0 if there was
        /// none.
        other_mac: Max, "other MAC";
    }
}

counters! {
    /// The counters of the packets that `sendrecv` received, by what they were.
    ProbeCounters {
        /// Probes of this run seen for the first time.
        unique: Sum, "unique";
        /// Probes of this run seen before, on whichever queue (RFC 5560).
        duplicates: Sum, "duplicates";
        /// Probes of this run that are not as they were sent.
        corrupt: Sum, "corrupt";
        /// Packets that are not of this run.
        foreign: Sum, "foreign";
        /// Probes so old that nobody can say whether they are duplicates.
        too_old: Sum, "too old";
        /// Unique probes that a later one of their flow had overtaken (RFC 4737, section 3.3).
        reordered: Sum, "reordered";
        /// Unique probes that came more than the grace after the end of their interval.
        late: Sum, "late";
        /// Foreign packets that are probes of this run as they were sent, though the path is said to
        /// turn them round.
        unturned: Sum, "unturned";
    }
}

impl ProbeCounters {
    /// The number of counters, from the first on, that divide all received packets among them; the
    /// others count some of these.
    pub const RESULTS: usize = 5;
}

counters! {
    /// The counters of the packets that `reflect` received and did not send back, by reason.
    IgnoredCounters {
        /// Neither an IPv4 nor an IPv6 packet (ARP is among them).
        not_ip: Sum, "not ip";
        /// With more than two VLAN tags.
        tags: Sum, "tags";
        /// IP, but not UDP.
        not_udp: Sum, "not udp";
        /// A fragment of an IP packet.
        fragment: Sum, "fragment";
        /// IPv6 with an extension header.
        extension_header: Sum, "extension header";
        /// Too short for the headers that it announces.
        malformed: Sum, "malformed";
        /// Longer than the largest frame of the port.
        oversized: Sum, "oversized";
        /// To or from a multicast or broadcast address, MAC or IP.
        group_address: Sum, "group address";
        /// To another port's MAC address.
        other_mac: Sum, "other mac";
        /// From the port's own MAC address.
        own_mac: Sum, "own mac";
        /// With a TTL or hop limit of 0 or 1.
        ttl: Sum, "ttl";
        /// From an address outside of the networks that are allowed.
        not_allowed: Sum, "not allowed";
        /// Received in one burst with the last packet that `--count` allowed to send.
        past_count: Sum, "past count";
    }
}

impl IgnoredCounters {
    /// Returns all of them together.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.each().map(|(_, count)| count).sum()
    }
}

/// The counters of how a worker spends its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PollCounters {
    /// Polls; one of a reflector may take several bursts, if they are full.
    pub polls: u64,
    /// Polls that moved nothing.
    pub empty: u64,
    /// Packets that polls moved.
    pub packets: u64,
    /// Nanoseconds in polls that moved packets, without those in which the lcore was taken away.
    pub busy_ns: u64,
    /// Nanoseconds of the lcore over which all of this was counted: while the run was sending, and
    /// the lcore was there.
    pub elapsed_ns: u64,
    /// The time at which the worker last published, in nanoseconds since the run's start.
    pub last_ns: u64,
    /// Polls that began more than [`super::STALL`] after the one before.
    pub stalls: u64,
    /// Nanoseconds from one poll to the next in all of these together.
    pub stalled_ns: u64,
    /// The longest time from one poll to the next.
    pub longest_stall_ns: u64,
    /// The longest run of full bursts.
    pub full_bursts_max: u64,
    /// 1 if the device tells how many packets wait in the receive queue.
    pub has_rx_depth: u64,
    /// The most packets that were seen to wait there, at about one look a millisecond.
    pub depth_max: u64,
}

impl PollCounters {
    /// Adds what the same worker counted in a run before.
    pub fn add(&mut self, before: &Self) {
        self.polls += before.polls;
        self.empty += before.empty;
        self.packets += before.packets;
        self.busy_ns += before.busy_ns;
        self.elapsed_ns += before.elapsed_ns;
        self.stalls += before.stalls;
        self.stalled_ns += before.stalled_ns;
        self.longest_stall_ns = self.longest_stall_ns.max(before.longest_stall_ns);
        self.full_bursts_max = self.full_bursts_max.max(before.full_bursts_max);
        self.depth_max = self.depth_max.max(before.depth_max);
    }
}

/// Everything that one worker counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Counters {
    /// The counters of what was sent.
    pub tx: TxCounters,
    /// The counters of what was received.
    pub rx: RxCounters,
    /// The counters of received packets, by what they were.
    pub probes: ProbeCounters,
    /// The counters of packets that were not reflected, by reason.
    pub ignored: IgnoredCounters,
    /// The round trips from the time of sending.
    pub latency: Moments,
    /// The round trips from the time at which the packet was due.
    pub latency_due: Moments,
    /// The counters of how the worker spends its time.
    pub poll: PollCounters,
}

impl Counters {
    /// Merges what another worker counted of packets; how it spent its time stays its own.
    pub fn merge(&mut self, other: &Self) {
        self.tx.merge(&other.tx);
        self.rx.merge(&other.rx);
        self.probes.merge(&other.probes);
        self.ignored.merge(&other.ignored);
        self.latency.merge(&other.latency);
        self.latency_due.merge(&other.latency_due);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_two_workers_are_merged_each_by_its_rule() {
        let one = TxCounters {
            packets: 2,
            first_ns: 30,
            last_ns: 40,
            lag_max_ns: 7,
            ..TxCounters::default()
        };
        let other = TxCounters {
            packets: 3,
            first_ns: 10,
            last_ns: 20,
            lag_max_ns: 9,
            ..TxCounters::default()
        };
        let none = TxCounters::default();
        let merged = [[one, none, other], [other, one, none]].map(|workers| {
            let mut merged = TxCounters::default();
            workers.iter().for_each(|worker| merged.merge(worker));
            merged
        });
        let expected = TxCounters {
            packets: 5,
            first_ns: 10,
            last_ns: 40,
            lag_max_ns: 9,
            ..TxCounters::default()
        };
        assert_eq!(merged, [expected; 2]);
    }

    #[test]
    fn what_another_worker_counted_is_added_but_for_its_time() {
        let mut counters = Counters::default();
        counters.tx.bytes = 1;
        counters.rx.bytes = 2;
        counters.probes.late = 3;
        counters.ignored.ttl = 4;
        counters.latency.add(5, 50, 5, 15);
        counters.latency_due.add(6, 60, 6, 16);
        counters.poll.polls = 7;
        let mut merged = counters;
        merged.merge(&counters);
        let mut twice = counters;
        (twice.tx.bytes, twice.rx.bytes) = (2, 4);
        (twice.probes.late, twice.ignored.ttl) = (6, 8);
        twice.latency.add(5, 50, 5, 15);
        twice.latency_due.add(6, 60, 6, 16);
        assert_eq!(merged, twice);
    }

    #[test]
    fn a_group_is_told_by_its_table() {
        let mut probes = ProbeCounters::default();
        for (number, counter) in (1..).zip(ProbeCounters::TABLE) {
            *probes.by_name(counter.name).unwrap() = number;
            assert!(!counter.meaning.starts_with(' ') && counter.meaning.ends_with('.'));
        }
        assert_eq!((probes.unique, probes.duplicates, probes.late), (1, 2, 7));
        let told = probes.each().map(|(_, count)| count);
        assert!(told.eq(1..=8));
        assert_eq!(probes.by_name("lost"), None);
        let results = &ProbeCounters::TABLE[..ProbeCounters::RESULTS];
        assert_eq!(results.last().unwrap().name, "too_old");
    }
}
