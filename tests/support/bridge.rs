//! A sender and a reflector on a wire whose bridge does something to a share of the packets, done
//! and counted by the kernel's nftables.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::machine::{Need, two_cpus};
use super::namespace::{FAR, FAR_MAC, Link, MIDDLE, NEAR, NEAR_MAC, Offload, TO_FAR, TO_NEAR};
use super::pair::Outcome;
use super::ports;
use super::program::{Program, run};
use super::results::{Rows, Summary, check_reflect, check_sendrecv};

const LIMIT: Duration = Duration::from_secs(30);
/// The probes of a run.
pub const COUNT: u64 = 20_000;
const UDP_HEADER: u16 = 8;
const UDP_PROTOCOL: u32 = 17;

/// The headers that probes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers {
    /// Whether they go over IPv6, or over IPv4.
    pub is_ipv6: bool,
    /// The VLAN of their tag, if they have one.
    pub vlan: Option<u16>,
}

/// A direction that packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the sender to the reflector.
    Outward,
    /// Back to the sender.
    Return,
}

/// A fault that happens to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The packet goes no further.
    Dropped,
    /// A copy goes before it.
    Doubled,
    /// Two bytes of its payload get another value.
    Changed {
        /// The offset of the two bytes in the payload.
        from: u16,
        /// The treatment of its UDP checksum.
        checksum: Checksum,
    },
    /// Its UDP checksum becomes 0, and nothing else changes.
    Unchecked,
}

/// A treatment of the UDP checksum of a packet whose payload is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// The checksum stays, and is wrong from there on.
    Kept,
    /// The checksum becomes 0, as if the sender had left it out, which over IPv6 it must not.
    LeftOut,
    /// The checksum becomes the pseudo-header's sum, as if the sender had left the rest to its
    /// network card.
    Partial,
}

/// A fault that happens to a share of the packets in one direction.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// The fault.
    pub fault: Fault,
    /// The direction of the packets that it happens to.
    pub way: Way,
    /// The number of packets in 10,000 that it happens to, drawn at random.
    pub of_10_000: u16,
}

/// A run over the bridge, and what the bridge counted.
#[derive(Debug)]
pub struct Crossing {
    /// The faults that the bridge made; `None` if it made none.
    pub faults: Option<Faults>,
    /// The outputs of the sender and the reflector.
    pub outcome: Outcome,
    /// Packets that the fault happened to.
    pub faulty: u64,
    /// Frames of any kind that came to the bridge from the sender's side, copies not counted.
    pub outward: u64,
    /// Frames of any kind that came to the bridge from the reflector's side, copies not counted.
    pub returned: u64,
}

/// The things that [`cross`] needs.
pub const NEEDS: [Need; 2] = [Need::BridgeRules, Need::Program("ethtool")];

/// The program at an end of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `dpdkgen-rt` on an `af_packet` port.
    AfPacket,
    /// `dpdkgen-socket`.
    Sockets,
}

/// Sends [`COUNT`] probes with these `headers` and `size` bytes over a bridge that makes these faults,
/// or none, to a reflector and back.
///
/// # Panics
///
/// If something fails, or the outputs of a program contradict each other.
#[must_use]
pub fn cross(headers: Headers, size: u16, faults: Option<Faults>) -> Crossing {
    cross_between([End::AfPacket; 2], headers, size, faults)
}

/// Does so with these programs, the sender first.
///
/// # Panics
///
/// If something fails, or the outputs of a program contradict each other.
#[must_use]
pub fn cross_between(
    ends: [End; 2],
    headers: Headers,
    size: u16,
    faults: Option<Faults>,
) -> Crossing {
    let link = Link::bridged(Offload::Off);
    let [near, far] = headers.addresses();
    for (end, place, own, (peer, mac)) in [
        (ends[0], NEAR, near, (far, FAR_MAC)),
        (ends[1], FAR, far, (near, NEAR_MAC)),
    ] {
        if end == End::Sockets {
            link.inhabit(place, own, peer, mac);
        }
    }
    let mut nft = Command::new("nft");
    nft.arg(ruleset(headers, size, faults));
    let _ = run(link.inside(MIDDLE, &nft), LIMIT).ok();
    let outcome = run_pair(&link, ends, headers, size);
    let mut nft = Command::new("nft");
    nft.args(["-j", "list", "counters"]);
    let listed = Summary::parse(&run(link.inside(MIDDLE, &nft), LIMIT).ok().stdout);
    Crossing {
        faults,
        outcome,
        faulty: faults.map_or(0, |_| counted(&listed, "faulty")),
        outward: counted(&listed, "outward"),
        returned: counted(&listed, "returned"),
    }
}

impl Crossing {
    /// Checks that nothing but the bridge's rules changed the number of packets: nobody else sent
    /// one, and the machine lost none.
    ///
    /// # Panics
    ///
    /// If something did.
    pub fn assert_nothing_else_happened(&self) {
        let Outcome {
            sent, reflected, ..
        } = &self.outcome;
        assert_eq!(sent.count("tx.packets"), COUNT, "{self:?}");
        assert_eq!(self.outward, COUNT, "from the sender to the bridge");
        let arrived = self.across(Way::Outward, self.outward);
        let from_bridge = "from the bridge to the reflector";
        assert_eq!(reflected.count("rx.packets"), arrived, "{from_bridge}");
        assert_eq!(reflected.ignored(), 0, "{reflected:?}");
        assert_eq!(reflected.count("tx.refused"), 0, "{reflected:?}");
        let to_bridge = "from the reflector to the bridge";
        assert_eq!(self.returned, reflected.count("tx.packets"), "{to_bridge}");
        let back = self.across(Way::Return, self.returned);
        assert_eq!(
            sent.count("rx.packets"),
            back,
            "from the bridge to the sender"
        );
        for nothing in [
            "rx.foreign",
            "rx.too_old",
            "rx.reordered",
            "rx.checksum_partial",
        ] {
            assert_eq!(sent.count(nothing), 0, "{nothing} in {sent:?}");
        }
    }

    /// Returns the number of packets that leave the bridge if so many come to it on this `way`.
    fn across(&self, way: Way, packets: u64) -> u64 {
        match self.faults {
            Some(faults) if faults.way == way => match faults.fault {
                Fault::Dropped => packets - self.faulty,
                Fault::Doubled => packets + self.faulty,
                Fault::Changed { .. } | Fault::Unchecked => packets,
            },
            _ => packets,
        }
    }
}

fn run_pair(link: &Link, ends: [End; 2], headers: Headers, size: u16) -> Outcome {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| folder.path().join(name);
    let (sender_cpu, reflector_cpu) = two_cpus();

    let mut reflect = ends[1].command(reflector_cpu, FAR, "reflect");
    reflect.arg("--json").arg(file("r.json"));
    reflect.arg("-s").arg(file("r.csv"));
    let mut reflector = Program::start(link.inside(FAR, &reflect));
    reflector.until("reflector", LIMIT, |reflector| {
        reflector.stdout().contains("Reflecting on")
    });

    let arguments = format!(
        "sendrecv {} {} --packet-size {size} --rate 20kpps --count {COUNT} --drain-ms 1000",
        headers.options(),
        match ends[0] {
            End::AfPacket => format!("--dest-mac {FAR_MAC}"),
            End::Sockets => String::new(),
        }
    );
    let mut sendrecv = ends[0].command(sender_cpu, NEAR, &arguments);
    sendrecv.arg("--json").arg(file("s.json"));
    sendrecv.arg("-s").arg(file("s.csv"));
    let _ = run(link.inside(NEAR, &sendrecv), LIMIT).ok();
    let _ = reflector.interrupt().ok();

    let outcome = Outcome {
        sent: Summary::read(&file("s.json")),
        rows: Rows::read(&file("s.csv")),
        reflected: Summary::read(&file("r.json")),
    };
    check_sendrecv(&outcome.sent, &outcome.rows);
    check_reflect(&outcome.reflected, &Rows::read(&file("r.csv")));
    outcome
}

impl End {
    /// Returns the program's command on a CPU, with queues for the packets of 0.8 s.
    fn command(self, cpu: usize, interface: &str, arguments: &str) -> Command {
        match self {
            Self::AfPacket => {
                let device = ports::af_packet_with_long_rings(interface);
                ports::dpdkgen(&cpu.to_string(), &[device], arguments)
            }
            Self::Sockets => ports::sockets(cpu, &format!("{arguments} --rx-desc 16384")),
        }
    }
}

/// Returns nftables' rules for the bridge. Every packet is counted before a fault happens to it, so
/// that nobody else's packet is taken for one of the run's, nor one that the machine lost for one
/// that a rule dropped.
fn ruleset(headers: Headers, size: u16, faults: Option<Faults>) -> String {
    let faults = faults.map_or(String::new(), |faults| table(headers, size, faults));
    format!(
        "table bridge wire {{ counter outward {{}}; counter returned {{}}; chain count {{ \
         type filter hook forward priority -1; \
         iifname {TO_NEAR} counter name outward; iifname {TO_FAR} counter name returned; }}; }}; \
         {faults}"
    )
}

/// Returns the table with the rule that makes the faults and counts them.
fn table(headers: Headers, size: u16, faults: Faults) -> String {
    let (from, to) = match faults.way {
        Way::Outward => (TO_NEAR, TO_FAR),
        Way::Return => (TO_FAR, TO_NEAR),
    };
    let forward = ("bridge", format!("forward priority 0; iifname {from}"));
    let ((family, hook), condition, statement) = match faults.fault {
        Fault::Dropped => (forward, String::new(), "drop".to_owned()),
        // A copy made where packets leave an interface would come by the rule again.
        Fault::Doubled => (
            ("netdev", format!("ingress device {from} priority 0;")),
            String::new(),
            format!("dup to {to}"),
        ),
        Fault::Changed { from, checksum } => {
            let field = headers.udp_word(UDP_HEADER + from);
            // What has this value already would not be changed.
            let condition = format!("{field} != 0xbeef");
            (
                forward,
                condition,
                format!("{}{field} set 0xbeef", checksum.statement(headers, size)),
            )
        }
        Fault::Unchecked => (
            forward,
            String::new(),
            Checksum::LeftOut.statement(headers, size),
        ),
    };
    format!(
        "table {family} faults {{ counter faulty {{}}; chain some {{ type filter hook {hook} \
         {} numgen random mod 10000 < {} {condition} counter name faulty {statement}; }}; }}",
        headers.match_expression(),
        faults.of_10_000
    )
}

impl Headers {
    /// The headers of IPv4 without a tag.
    pub const IPV4: Self = Self {
        is_ipv6: false,
        vlan: None,
    };
    /// The headers of IPv6 without a tag.
    pub const IPV6: Self = Self {
        is_ipv6: true,
        vlan: None,
    };

    /// Returns these headers behind the tag of a VLAN.
    #[must_use]
    pub const fn tagged(self, vlan: u16) -> Self {
        Self {
            vlan: Some(vlan),
            ..self
        }
    }

    /// Returns the addresses of the sender and of the reflector.
    fn addresses(self) -> [IpAddr; 2] {
        if self.is_ipv6 {
            [1, 2].map(|host| IpAddr::V6(Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, host)))
        } else {
            [1, 2].map(|host| IpAddr::V4(Ipv4Addr::new(10, 77, 0, host)))
        }
    }

    /// Returns the options of `sendrecv` that make probes have them.
    fn options(self) -> String {
        let [source, destination] = self.addresses();
        let destination = SocketAddr::new(destination, 10_000);
        let vlan = self
            .vlan
            .map_or(String::new(), |vlan| format!("--vlan {vlan}"));
        format!("--src {source} --dest {destination} {vlan}")
    }

    /// Returns nftables' expression that only packets with them match.
    fn match_expression(self) -> String {
        let (family, protocol_at) = if self.is_ipv6 { ("ip6", 6) } else { ("ip", 9) };
        let carrier = self.vlan.map_or("ether type".to_owned(), |vlan| {
            format!("vlan id {vlan} vlan type")
        });
        format!(
            "{carrier} {family} @nh,{},8 {UDP_PROTOCOL}",
            8 * protocol_at
        )
    }

    /// Returns nftables' expression for the two bytes at an offset of the UDP header.
    // By where IP's header is: the kernel does not find what follows that of IPv6 in a packet behind a
    // tag, whose bytes it leaves in af_packet's ring.
    fn udp_word(self, at: u16) -> String {
        let ip_header = if self.is_ipv6 { 40 } else { 20 };
        format!("@nh,{},16", 8 * (ip_header + at))
    }

    /// Returns the sum over the pseudo-header (RFC 768, RFC 8200 section 8.1).
    fn pseudo_header_sum(self, udp_len: u16) -> u32 {
        let octets: Vec<u8> = self.addresses().into_iter().flat_map(octets).collect();
        let words = octets
            .chunks(2)
            .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
        let sum = words.sum::<u32>() + UDP_PROTOCOL + u32::from(udp_len);
        (sum & 0xffff) + (sum >> 16)
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}

impl Checksum {
    /// Returns the statement that sets the checksum, if it is to be set. By itself nftables
    /// corrects the checksum for a field that is given by name, and not for one given by its
    /// offset.
    fn statement(self, headers: Headers, size: u16) -> String {
        let value = match self {
            Self::Kept => return String::new(),
            Self::LeftOut => 0,
            Self::Partial => headers.pseudo_header_sum(UDP_HEADER + size),
        };
        format!("{} set {value:#x} ", headers.udp_word(6))
    }
}

/// Returns the packets of a counter, of those that nftables listed as JSON.
pub(super) fn counted(counters: &Summary, name: &str) -> u64 {
    let listed = counters.get("nftables").and_then(Value::as_array);
    let mut counters = listed
        .expect("counters")
        .iter()
        .map(|entry| &entry["counter"]);
    let found = counters.find(|counter| counter["name"] == name);
    let packets = found.and_then(|counter| counter["packets"].as_u64());
    packets.unwrap_or_else(|| panic!("no counter {name}"))
}
