//! A path that forwards, from one `af_packet` port of a program to another: the kernel's bridge or
//! its router, whose nftables counts what comes and drops a random share.

use std::process::Command;
use std::time::Duration;

use super::bridge::counted;
use super::machine::{Need, two_cpus};
use super::namespace::{FAR, Link, MIDDLE, NEAR, Offload, TO_FAR, TO_NEAR};
use super::ports;
use super::program::{Ended, run};
use super::results::{Rows, Summary, check_sendrecv};

const LIMIT: Duration = Duration::from_secs(30);
/// The probes of a run, of both ports together.
pub const COUNT: u64 = 20_000;
/// The things that [`Path::cross`] needs.
pub const NEEDS: [Need; 2] = [Need::BridgeRules, Need::Program("ethtool")];

/// What the path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// A bridge: nothing of a packet changes.
    Bridge,
    /// A router: MACs and TTL change, and with them an IPv4 header's checksum.
    Router {
        /// Over IPv6, or over IPv4.
        is_ipv6: bool,
        /// The VLAN on both sides of it.
        vlan: Option<u16>,
        /// Whether the program asks for its MACs, rather than being given them.
        is_resolved: bool,
    },
}

/// A run over a path, and what the kernel counted.
#[derive(Debug)]
pub struct Crossed {
    /// The program's end.
    pub ended: Ended,
    /// Its totals.
    pub sent: Summary,
    /// Its rows.
    pub rows: Rows,
    /// Packets that the path was given, from the first port and from the second.
    pub forwarded: [u64; 2],
    /// Packets of these that it dropped.
    pub dropped: u64,
}

impl Path {
    /// Sends [`COUNT`] probes from both ports, or from the first, with `options`, and has the path
    /// drop so many of 10,000.
    ///
    /// # Panics
    ///
    /// If something fails, or the program's outputs contradict each other.
    #[must_use]
    pub fn cross(self, of_10_000: u16, options: &str) -> Crossed {
        let link = Link::both_ends();
        match self {
            Self::Bridge => link.bridge(Offload::Off),
            Self::Router { is_ipv6, vlan, .. } => {
                let ([near, far], [near_host, far_host]) = (networks(is_ipv6), hosts(is_ipv6));
                link.route([near, near_host], [far, far_host], vlan);
            }
        }
        let mut nft = Command::new("nft");
        nft.arg(self.ruleset(of_10_000));
        let _ = run(link.inside(MIDDLE, &nft), LIMIT).ok();
        let (ended, sent, rows) = self.run(&link, options);
        let mut nft = Command::new("nft");
        nft.args(["-j", "list", "counters"]);
        let listed = Summary::parse(&run(link.inside(MIDDLE, &nft), LIMIT).ok().stdout);
        Crossed {
            ended,
            sent,
            rows,
            forwarded: ["outward", "returned"].map(|name| counted(&listed, name)),
            dropped: counted(&listed, "dropped"),
        }
    }

    fn run(self, link: &Link, options: &str) -> (Ended, Summary, Rows) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (json, csv) = (folder.path().join("s.json"), folder.path().join("s.csv"));
        let addresses = match self {
            // Those of a run of two ports follow from the ports.
            Self::Bridge => String::new(),
            Self::Router {
                vlan,
                is_resolved,
                is_ipv6,
            } => {
                let vlan = vlan.map_or(String::new(), |vlan| format!("--vlan {vlan}"));
                let (option, values) = if is_resolved {
                    let address = |network: &str| network.split('/').next().map(str::to_owned);
                    let addresses = networks(is_ipv6).map(address);
                    (
                        "--gateway",
                        addresses.map(|address| address.expect("a network")),
                    )
                } else {
                    let mac = |port| link.told_in_middle(port, "address");
                    ("--dest-mac", [TO_NEAR, TO_FAR].map(mac))
                };
                let [near, far] = values;
                format!("{option} {near} {option} {far} {vlan}")
            }
        };
        let [near, far] = hosts(matches!(self, Self::Router { is_ipv6: true, .. }));
        let arguments = format!(
            "sendrecv -p net_af_packet0 --src {near} -p net_af_packet1 --src {far} {addresses} \
             --rate 20kpps --count {COUNT} --drain-ms 1000 {options}"
        );
        let (first, last) = two_cpus();
        let lcores = if first == last {
            first.to_string()
        } else {
            format!("{first},{last}")
        };
        let devices = ports::two_af_packets([NEAR, FAR]);
        let mut sendrecv = ports::dpdkgen(&lcores, &devices, &arguments);
        sendrecv.arg("--json").arg(&json).arg("-s").arg(&csv);
        let ended = run(link.inside(NEAR, &sendrecv), LIMIT);
        assert!(json.is_file(), "{ended:?}");
        let (summary, rows) = (Summary::read(&json), Rows::read(&csv));
        check_sendrecv(&summary, &rows);
        (ended, summary, rows)
    }

    /// Returns nftables' rules: each packet is counted before it may be dropped.
    fn ruleset(self, of_10_000: u16) -> String {
        let (family, in_vlan) = match self {
            Self::Bridge => ("bridge", String::new()),
            Self::Router { vlan, .. } => (
                "inet",
                vlan.map_or(String::new(), |vlan| format!(".{vlan}")),
            ),
        };
        format!(
            "table {family} path {{ counter outward {{}}; counter returned {{}}; \
             counter dropped {{}}; \
             chain count {{ type filter hook forward priority -1; \
             iifname \"{TO_NEAR}{in_vlan}\" counter name outward; \
             iifname \"{TO_FAR}{in_vlan}\" counter name returned; }}; \
             chain some {{ type filter hook forward priority 0; \
             numgen random mod 10000 < {of_10_000} counter name dropped drop; }}; }}"
        )
    }
}

/// Returns the addresses of the router, with their networks.
const fn networks(is_ipv6: bool) -> [&'static str; 2] {
    if is_ipv6 {
        ["fd77:1::1/64", "fd77:2::1/64"]
    } else {
        ["10.77.1.1/24", "10.77.2.1/24"]
    }
}

/// Returns the addresses of the two ports.
const fn hosts(is_ipv6: bool) -> [&'static str; 2] {
    if is_ipv6 {
        ["fd77:1::2", "fd77:2::2"]
    } else {
        ["10.77.1.2", "10.77.2.2"]
    }
}

impl Crossed {
    /// Checks that every probe that the path did not drop has come through, once and intact, and
    /// that nobody else's packet has.
    ///
    /// # Panics
    ///
    /// If one has not.
    pub fn assert_exact(&self) {
        let (sent, rows) = (&self.sent, &self.rows);
        assert_eq!(sent.count("tx.packets"), COUNT, "{sent:?}");
        assert_eq!(self.forwarded.iter().sum::<u64>(), COUNT, "to the path");
        assert_eq!(sent.count("lost"), self.dropped, "{sent:?}");
        assert_eq!(sent.count("rx.unique"), COUNT - self.dropped, "{sent:?}");
        for nothing in [
            "rx.duplicates",
            "rx.corrupt",
            "rx.foreign",
            "rx.unturned",
            "rx.too_old",
            "rx.reordered",
            "rx.checksum_partial",
        ] {
            assert_eq!(sent.count(nothing), 0, "{nothing} in {sent:?}");
        }
        assert_eq!(rows.sum("lost") - rows.sum("late"), self.dropped);
        let said = &self.ended.stdout;
        assert!(said.contains("One-way latency: median "), "{said}");
        assert!(!said.to_lowercase().contains("round trip"), "{said}");
    }
}
