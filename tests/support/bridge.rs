//! A sender and a reflector on a wire whose bridge does something to a share of the packets, done
//! and counted by the kernel's nftables.

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::machine::{Need, two_cpus};
use super::namespace::{FAR, FAR_MAC, Link, MIDDLE, NEAR, Offload, TO_FAR, TO_NEAR};
use super::pair::Outcome;
use super::ports;
use super::program::{Program, run};
use super::results::{Rows, Summary, check_reflect, check_sendrecv};

const LIMIT: Duration = Duration::from_secs(30);
/// The probes of a run.
pub const COUNT: u64 = 20_000;
/// The addresses of the sender and of the reflector.
const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 77, 0, 1), Ipv4Addr::new(10, 77, 0, 2)];
const UDP_HEADER: u16 = 8;

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
}

/// A treatment of the UDP checksum of a packet whose payload is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// The checksum stays, and is wrong from there on.
    Kept,
    /// The checksum becomes 0, as if the sender had left it out.
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

/// Sends [`COUNT`] probes of `size` bytes over a bridge that makes these faults, or none, to a
/// reflector and back.
///
/// # Panics
///
/// If something fails, or the outputs of a program contradict each other.
#[must_use]
pub fn cross(size: u16, faults: Option<Faults>) -> Crossing {
    let link = Link::bridged(Offload::Off);
    let mut nft = Command::new("nft");
    nft.arg(ruleset(size, faults));
    let _ = run(link.inside(MIDDLE, &nft), LIMIT).ok();
    let outcome = run_pair(&link, size);
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
                Fault::Changed { .. } => packets,
            },
            _ => packets,
        }
    }
}

fn run_pair(link: &Link, size: u16) -> Outcome {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| folder.path().join(name);
    let (sender_cpu, reflector_cpu) = two_cpus();

    let device = ports::af_packet_with_long_rings(FAR);
    let mut reflect = ports::dpdkgen(&reflector_cpu.to_string(), &[device], "reflect");
    reflect.arg("--json").arg(file("r.json"));
    reflect.arg("-s").arg(file("r.csv"));
    let mut reflector = Program::start(link.inside(FAR, &reflect));
    reflector.until("reflector", LIMIT, |reflector| {
        reflector.stdout().contains("Reflecting on")
    });

    let [source, destination] = ADDRESSES;
    let arguments = format!(
        "sendrecv --src {source} --dest {destination}:10000 --dest-mac {FAR_MAC} \
         --packet-size {size} --rate 20kpps --count {COUNT} --drain-ms 1000"
    );
    let device = ports::af_packet_with_long_rings(NEAR);
    let mut sendrecv = ports::dpdkgen(&sender_cpu.to_string(), &[device], &arguments);
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

/// Returns nftables' rules for the bridge. Every packet is counted before a fault happens to it, so
/// that nobody else's packet is taken for one of the run's, nor one that the machine lost for one
/// that a rule dropped.
fn ruleset(size: u16, faults: Option<Faults>) -> String {
    let faults = faults.map_or(String::new(), |faults| table(size, faults));
    format!(
        "table bridge wire {{ counter outward {{}}; counter returned {{}}; chain count {{ \
         type filter hook forward priority -1; \
         iifname {TO_NEAR} counter name outward; iifname {TO_FAR} counter name returned; }}; }}; \
         {faults}"
    )
}

/// Returns the table with the rule that makes the faults and counts them.
fn table(size: u16, faults: Faults) -> String {
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
            let field = format!("@th,{},16", (UDP_HEADER + from) * 8);
            // What has this value already would not be changed.
            let condition = format!("{field} != 0xbeef");
            (
                forward,
                condition,
                format!("{}{field} set 0xbeef", checksum.statement(size)),
            )
        }
    };
    format!(
        "table {family} faults {{ counter faulty {{}}; chain some {{ type filter hook {hook} \
         ip protocol udp numgen random mod 10000 < {} {condition} counter name faulty {statement}; \
         }}; }}",
        faults.of_10_000
    )
}

impl Checksum {
    /// Returns the statement that sets the checksum, if it is to be set. By itself nftables
    /// corrects the checksum for a field that is given by name, and not for one given by its
    /// offset.
    fn statement(self, size: u16) -> String {
        let value = match self {
            Self::Kept => return String::new(),
            Self::LeftOut => 0,
            Self::Partial => pseudo_header_sum(UDP_HEADER + size),
        };
        format!("@th,48,16 set {value:#x} ")
    }
}

/// Returns the sum over the pseudo-header (RFC 768).
fn pseudo_header_sum(udp_len: u16) -> u32 {
    let addresses = ADDRESSES.map(Ipv4Addr::to_bits);
    let words = addresses.map(|address| (address >> 16) + (address & 0xffff));
    let sum = words[0] + words[1] + 17 + u32::from(udp_len);
    (sum & 0xffff) + (sum >> 16)
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
