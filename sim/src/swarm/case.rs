//! One random run, described by its command line.

mod dut;

use std::fmt::Display;

use proptest::prelude::*;

use self::dut::{Dut, dut};
use crate::options::PROGRAM;

/// The options of one random run, in groups that are drawn together.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    traffic: Traffic,
    accounting: Accounting,
    delays: Delays,
    faults: Faults,
    hosts: Hosts,
    seed: u64,
    dut: Option<Dut>,
}

#[derive(Debug, Clone, PartialEq)]
struct Traffic {
    pps: Option<u64>,
    size: Size,
    source_ports: u16,
    ports: u16,
    through: Option<Through>,
    queues: (u16, u16),
    bursts: (u16, u16),
    descriptors: (u16, u16),
    millis: u64,
    count: Option<u64>,
    warmup_ns: u64,
    headers: Headers,
}

/// The sizes of probes.
#[derive(Debug, Clone, PartialEq)]
enum Size {
    /// Bytes of payload of all of them.
    One(u16),
    /// Bytes of payload, beyond the least of a probe, and weights.
    Mix(Vec<(u16, u16)>),
}

impl Size {
    /// Returns the mean bytes of payload.
    fn mean_payload(&self) -> u64 {
        match self {
            Self::One(payload_len) => u64::from(*payload_len),
            Self::Mix(mix) => {
                let (mut bytes, mut packets) = (0, 0);
                for (beyond, weight) in mix {
                    bytes += u64::from(*weight) * (16 + u64::from(*beyond));
                    packets += u64::from(*weight);
                }
                bytes / packets.max(1)
            }
        }
    }
}

/// A link that forwards.
#[derive(Debug, Clone, PartialEq)]
struct Through {
    is_oneway: bool,
    /// Each of two ports has an address of its own, and sends to the other's.
    is_crossed: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Headers {
    is_ipv6: bool,
    /// VLAN and priority of each tag.
    tags: Vec<(u16, u8)>,
    dscp: u8,
    ttl: u8,
}

#[derive(Debug, Clone, PartialEq)]
struct Accounting {
    interval_ns: u64,
    grace_ns: u64,
    drain_ns: u64,
    window: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
struct Delays {
    least_ns: u64,
    jitter_ns: u64,
    tail_ns: u64,
    reorder: f64,
    reorder_by_ns: u64,
    bandwidth: Option<u64>,
}

/// The shares of packets that something happens to.
#[derive(Debug, Clone, PartialEq)]
struct Faults {
    loss: f64,
    bursts: Option<(f64, f64, f64)>,
    dup: f64,
    corrupt: f64,
    truncate: f64,
    pad: f64,
    partial: f64,
    foreign: f64,
    stray: f64,
}

#[derive(Debug, Clone, PartialEq)]
struct Hosts {
    reflector_queues: u16,
    restart_ns: Option<(u64, u64)>,
    poll_ns: u64,
    stall: f64,
    stall_for_ns: u64,
    clock_error_ns: u64,
    refuse: f64,
    no_buffer: f64,
    lcores: Option<u16>,
}

/// Draws a share: in three of five cases 0, else up to 0.01 or up to `most`.
fn share(most: f64) -> impl Strategy<Value = f64> {
    prop_oneof![3 => Just(0.0), 1 => 0.0..0.01, 1 => 0.0..most]
}

prop_compose! {
    fn traffic()(
        pps in prop_oneof![
            4 => (1_000_u64..5_000_000).prop_map(Some),
            4 => (1_000_u64..50_000).prop_map(Some),
            1 => Just(None),
        ],
        size in size(),
        source_ports in prop_oneof![Just(1_u16), 1_u16..2000],
        ports in prop_oneof![3 => Just(1_u16), 1 => 1_u16..4],
        through in prop::option::weighted(0.3, through()),
        queues in (prop_oneof![8 => 1_u16..5, 1 => Just(0_u16)], 1_u16..5),
        bursts in (1_u16..64, 1_u16..64),
        descriptors in (32_u16..2000, 32_u16..2000),
        millis in 1_u64..8,
        count in prop::option::weighted(0.3, 1_u64..3000),
        warmup_ns in prop_oneof![Just(0_u64), 0_u64..2_000_000],
        headers in headers(),
    ) -> Traffic {
        // Without a rate there are some packets a nanosecond.
        let millis = if pps.is_none() { 1 } else { millis };
        Traffic {
            pps, size, source_ports, ports, through, queues, bursts, descriptors, millis, count,
            warmup_ns, headers,
        }
    }
}

/// Draws one size, or, in one of three cases, a mix of up to eight: of small ones that may differ by
/// a byte, or of any.
fn size() -> impl Strategy<Value = Size> {
    let lens = |most: u16| {
        let mix = prop::collection::btree_map(0..=most, 1_u16..=8, 1..=8);
        mix.prop_map(|mix| mix.into_iter().collect::<Vec<_>>())
    };
    let mix = prop_oneof![lens(20), lens(2000), lens(8952 - 16)];
    prop_oneof![
        1 => (16_u16..80).prop_map(Size::One),
        1 => (16_u16..=8952).prop_map(Size::One),
        1 => mix.prop_shuffle().prop_map(Size::Mix),
    ]
}

prop_compose! {
    fn through()(is_oneway: bool, is_crossed: bool) -> Through {
        Through { is_oneway, is_crossed }
    }
}

prop_compose! {
    fn headers()(
        is_ipv6: bool,
        tags in prop_oneof![
            2 => Just(vec![]),
            1 => prop::collection::vec((0_u16..=4094, 0_u8..8), 1..=2),
        ],
        dscp in prop_oneof![Just(0_u8), 0_u8..64],
        ttl in prop_oneof![4 => Just(64_u8), 1 => 1_u8..=255],
    ) -> Headers {
        Headers { is_ipv6, tags, dscp, ttl }
    }
}

prop_compose! {
    fn accounting()(
        interval_ns in prop_oneof![8 => 1_000_000_u64..4_000_000, 1 => 1_000_u64..1_000_000],
        grace_ns in 0_u64..6_000_000,
        drain_ns in 0_u64..8_000_000,
        window in prop::option::weighted(0.4, 1_u64..2000),
    ) -> Accounting {
        Accounting { interval_ns, grace_ns, drain_ns, window }
    }
}

prop_compose! {
    fn delays()(
        least_ns in 0_u64..2_000_000,
        jitter_ns in prop_oneof![Just(0), 1_u64..6_000_000],
        tail_ns in prop_oneof![3 => Just(0), 1 => 1_u64..100_000],
        reorder in share(0.2),
        reorder_by_ns in 0_u64..3_000_000,
        bandwidth in prop::option::weighted(0.2, 100_000_000_u64..100_000_000_000),
    ) -> Delays {
        Delays { least_ns, jitter_ns, tail_ns, reorder, reorder_by_ns, bandwidth }
    }
}

prop_compose! {
    fn faults()(
        loss in share(0.3),
        bursts in prop::option::weighted(0.2, (0.0..0.1, 0.01..1.0, 0.0..=1.0)),
        dup in share(0.3),
        corrupt in share(0.3),
        truncate in share(0.1),
        pad in share(1.0),
        partial in share(1.0),
        foreign in share(0.3),
        stray in share(1.0),
    ) -> Faults {
        Faults { loss, bursts, dup, corrupt, truncate, pad, partial, foreign, stray }
    }
}

prop_compose! {
    fn hosts()(
        reflector_queues in 1_u16..4,
        restart_ns in prop::option::weighted(0.2, (500_000_u64..5_000_000, 1_u64..500_000)),
        poll_ns in 100_u64..5_000,
        stall in share(0.02),
        stall_for_ns in 0_u64..3_000_000,
        clock_error_ns in prop_oneof![2 => Just(0), 1 => 1_u64..10_000, 1 => 1_u64..30_000],
        refuse in share(0.5),
        no_buffer in share(0.2),
        lcores in prop::option::weighted(0.3, 1_u16..4),
    ) -> Hosts {
        Hosts {
            reflector_queues, restart_ns, poll_ns, stall, stall_for_ns, clock_error_ns, refuse,
            no_buffer, lcores,
        }
    }
}

prop_compose! {
    /// Draws any run.
    pub fn any_case()(
        traffic in traffic(),
        accounting in accounting(),
        delays in delays(),
        faults in faults(),
        hosts in hosts(),
        seed in any::<u64>().no_shrink(),
        dut in prop::option::weighted(0.2, dut()),
    ) -> Case {
        Case { traffic, accounting, delays, faults, hosts, seed, dut }
    }
}

/// The words of a command line.
struct Words(Vec<String>);

impl Words {
    fn flag(&mut self, name: &str) {
        self.0.push(format!("--{name}"));
    }

    fn option(&mut self, name: &str, value: impl Display) {
        self.0.push(format!("--{name}={value}"));
    }

    fn ns(&mut self, name: &str, ns: u64) {
        self.option(name, format_args!("{ns}ns"));
    }

    fn share(&mut self, name: &str, share: f64) {
        if share > 0.0 {
            self.option(name, format_args!("{share:.6}"));
        }
    }

    fn given(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.option(name, value);
        }
    }
}

impl Case {
    /// Returns the command line that describes it, without the program's name.
    #[must_use]
    pub fn args(&self) -> Vec<String> {
        let mut words = Words(vec!["sendrecv".to_owned(), "--quiet".to_owned()]);
        self.traffic.add_to(&mut words);
        self.accounting.add_to(&mut words);
        self.delays.add_to(&mut words);
        self.faults.add_to(&mut words);
        self.hosts
            .add_to(self.traffic.through().is_none(), &mut words);
        if let Some(dut) = &self.dut {
            dut.add_to(&self.traffic, &mut words);
        }
        words.option("sim-seed", self.seed);
        words.0
    }

    /// Returns the command that runs it.
    #[must_use]
    pub fn command(&self) -> String {
        format!("{} {}", PROGRAM.name, self.args().join(" "))
    }
}

impl Headers {
    /// Returns the bytes of a frame around its payload, FCS included.
    fn len(&self) -> u16 {
        14 + 4 * self.tags.len() as u16 + if self.is_ipv6 { 40 } else { 20 } + 8 + 4
    }

    fn add_to(&self, is_crossed: bool, words: &mut Words) {
        if is_crossed {
            let net = if self.is_ipv6 { "fd00::" } else { "10.0.0." };
            words.option("src", format_args!("{net}1"));
            words.option("src", format_args!("{net}2"));
        } else if self.is_ipv6 {
            words.option("src", "fd00::1");
            words.option("dest", "[fd00::2]:10000");
        }
        for (id, priority) in &self.tags {
            words.option("vlan", format_args!("{id}.{priority}"));
        }
        words.option("dscp", self.dscp);
        words.option("ttl", self.ttl);
    }
}

impl Traffic {
    /// Returns what is asked of a link that forwards, if it does: a run that only sends has no use for
    /// one.
    fn through(&self) -> Option<&Through> {
        self.through.as_ref().filter(|_| self.queues.0 > 0)
    }

    fn add_to(&self, words: &mut Words) {
        let through = self.through();
        let is_crossed = through.is_some_and(|through| through.is_crossed && self.ports == 2);
        self.headers.add_to(is_crossed, words);
        if let Some(through) = through {
            words.flag("through");
            if through.is_oneway && self.ports > 1 {
                words.flag("oneway");
            }
        }
        words.given("rate", self.pps.map(|pps| format!("{pps}pps")));
        match &self.size {
            Size::One(payload_len) => words.option("packet-size", payload_len),
            Size::Mix(mix) => {
                let least = self.headers.len() + 16;
                let part = |(len, weight): &(u16, u16)| format!("{}:{weight}", len + least);
                let parts: Vec<_> = mix.iter().map(part).collect();
                words.option("frame-size", parts.join(","));
            }
        }
        let last = 20_000 + self.source_ports - 1;
        words.option("src-port-range", format_args!("20000-{last}"));
        for port in (0..self.ports).filter(|_| self.ports > 1) {
            words.option("port", format_args!("sim{port}"));
        }
        words.option("rxq", self.queues.0);
        words.option("txq", self.queues.1);
        words.option("rx-burst", self.bursts.0);
        words.option("tx-burst", self.bursts.1);
        words.option("rx-desc", self.descriptors.0);
        words.option("tx-desc", self.descriptors.1);
        words.option("duration", format_args!("{}ms", self.millis));
        words.given("count", self.count);
        words.ns("warmup", self.warmup_ns);
    }
}

impl Accounting {
    fn add_to(&self, words: &mut Words) {
        words.ns("stats-interval-ms", self.interval_ns);
        words.ns("stats-evict-threshold-secs", self.grace_ns);
        words.ns("drain-ms", self.drain_ns);
        words.given("window", self.window);
    }
}

impl Delays {
    fn add_to(&self, words: &mut Words) {
        let most = self.least_ns + self.jitter_ns;
        words.option("delay", format_args!("{}ns..{most}ns", self.least_ns));
        words.ns("delay-tail", self.tail_ns);
        words.share("reorder", self.reorder);
        words.ns("reorder-by", self.reorder_by_ns);
        words.given("bandwidth", self.bandwidth);
    }
}

impl Faults {
    fn add_to(&self, words: &mut Words) {
        words.share("loss", self.loss);
        let bursts = self
            .bursts
            .map(|(bad, good, loss)| format!("{bad:.6}:{good:.6}:{loss:.6}"));
        words.given("gemodel", bursts);
        words.share("dup", self.dup);
        words.share("corrupt", self.corrupt);
        words.share("truncate", self.truncate);
        words.share("pad", self.pad);
        words.share("partial", self.partial);
        words.share("foreign", self.foreign);
        words.share("stray", self.stray);
    }
}

impl Hosts {
    fn add_to(&self, has_reflector: bool, words: &mut Words) {
        if has_reflector {
            words.option("reflector-queues", self.reflector_queues);
            let restart = self
                .restart_ns
                .map(|(every, gone)| format!("{every}ns:{}ns", gone.min(every - 1)));
            words.given("reflector-restart", restart);
        }
        words.ns("poll", self.poll_ns);
        words.share("stall", self.stall);
        words.ns("stall-for", self.stall_for_ns);
        words.ns("clock-error", self.clock_error_ns);
        words.share("refuse", self.refuse);
        words.share("no-buffer", self.no_buffer);
        words.given("lcores", self.lcores);
    }
}
