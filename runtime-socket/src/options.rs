//! The command line: what of everybody's options a program over sockets has not, and its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::{ArgMatches, Args, FromArgMatches, ValueEnum};
use dpdkgen_run::cli::{More, Program, UNITS_HELP};
use dpdkgen_run::failure::Failure;
use dpdkgen_run::units::{self, BadValue};
use serde_json::{Map, Value, json};

/// The UDP port that is listened at unless another is asked for: the one that probes go to.
const DEFAULT_PORT: u16 = 10_000;

/// The program, as its command line presents it.
pub const PROGRAM: Program = Program {
    name: "dpdkgen-socket",
    version: env!("CARGO_PKG_VERSION"),
    about: "Sends, reflects and accounts for UDP probes over the kernel's sockets",
    before_command: ("", ""),
    options_before: &[],
    commands: &["sendrecv", "search", "reflect", "report"],
    peer: None,
    more: More {
        sendrecv: with_sendrecv,
        reflect: with_reflect,
        refused: REFUSED,
        ..More::NONE
    },
};

const REFUSED: &[(&str, &str)] = &[
    (
        "dest-mac",
        "is not for sockets: the kernel finds the next hop by its own ARP or neighbour discovery, so \
         leave it out",
    ),
    (
        "gateway",
        "is not for sockets: the kernel's routes say where packets go, so add a route \
         (`ip route add`) and leave it out",
    ),
    (
        "vlan",
        "is not for sockets: the kernel tags what goes through the interface of a VLAN, so name that \
         by --port",
    ),
    (
        "through",
        "is not for sockets: the kernel delivers only what is for its own host, so use dpdkgen-rt, or \
         a reflector",
    ),
    (
        "oneway",
        "is not for sockets: it belongs to --through, for which dpdkgen-rt is needed",
    ),
    (
        "mtu",
        "is not for sockets: the MTU is the interface's (`ip link set IF mtu N`), so leave it out",
    ),
    (
        "promiscuous",
        "is not for sockets: the kernel delivers only what is for its own host, so leave it out",
    ),
    (
        "ip",
        "is not for sockets: the kernel answers for its own addresses, so give the one to reflect at \
         by --listen",
    ),
];

fn with_sendrecv(command: clap::Command) -> clap::Command {
    let command = StampArgs::augment_args(command);
    SocketArgs::augment_args(command)
        .mut_arg("port", interface_help)
        .mut_arg("rx_desc", rx_desc_help)
        .mut_arg("tx_desc", |arg| {
            arg.help("Packets that each socket's send buffer has room for, if the kernel allows it")
        })
        .mut_arg("src_port_range", |arg| {
            arg.help("Source ports, a socket each, in turn a burst long")
        })
        .after_help(format!(
            "{UNITS_HELP}
Every worker polls: `taskset -c 0,1 dpdkgen-socket ...` says on which CPUs.

Examples:
  dpdkgen-socket sendrecv --src 10.0.0.4 --dest 10.0.0.5:10000 --rate 100kpps --duration 10
  dpdkgen-socket sendrecv --src 10.0.0.4 --dest 10.0.0.5:10000 --packet-size 16 -s /dev/stdout \\
    --duration 60 --json run.json --max-loss 0.1%
On one host, with `dpdkgen-socket reflect`:
  dpdkgen-socket sendrecv --src 127.0.0.1 --dest 127.0.0.1:10000 --src-port-range 20000-20063"
        ))
}

fn with_reflect(command: clap::Command) -> clap::Command {
    let command = ListenArgs::augment_args(command);
    SocketArgs::augment_args(command)
        .mut_arg("port", interface_help)
        .mut_arg("rx_desc", rx_desc_help)
        .after_help(format!(
            "{UNITS_HELP}
There have to be as many receive as transmit queues; the kernel spreads senders over them.

Example:
  dpdkgen-socket reflect --listen 10.0.0.5:10000 -r 2 -t 2 --burst-size 64"
        ))
}

fn interface_help(arg: clap::Arg) -> clap::Arg {
    arg.help("Interface that all goes through, by name; repeatable [default: as the routes say]")
}

fn rx_desc_help(arg: clap::Arg) -> clap::Arg {
    arg.help("Packets that each socket's receive buffer has room for, if the kernel allows it")
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Sockets")]
struct SocketArgs {
    /// Microseconds for which the kernel polls the device when nothing waits (SO_BUSY_POLL)
    #[arg(long, value_name = "US", value_parser = units::within::<1, { u16::MAX }>)]
    busy_poll: Option<u16>,
    /// Pass many probes through the kernel as one (UDP GSO and GRO): faster, and each waits for all
    #[arg(long)]
    gso: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Sockets")]
struct StampArgs {
    /// Who tells when a probe arrived: the program when it takes it, or the kernel when it came
    #[arg(long, value_name = "WHO", default_value = "user")]
    timestamps: Timestamps,
}

/// Who tells when a probe arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Timestamps {
    User,
    Kernel,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Sockets")]
struct ListenArgs {
    /// UDP port to reflect at, of one address or of all; repeatable [default: 10000]
    #[arg(long, value_name = "[IP:]PORT", value_parser = listen)]
    listen: Vec<Listen>,
}

/// Where a reflector listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listen {
    /// At this address.
    At(SocketAddr),
    /// At this port of every address.
    Anywhere(u16),
}

impl Listen {
    fn addresses(self) -> Vec<SocketAddr> {
        match self {
            Self::At(address) => vec![address],
            Self::Anywhere(port) => {
                let any: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
                any.map(|any| SocketAddr::new(any, port)).to_vec()
            }
        }
    }
}

fn listen(text: &str) -> Result<Listen, BadValue> {
    let port = text.strip_prefix(':').unwrap_or(text).parse();
    let listen = port
        .map(Listen::Anywhere)
        .or_else(|_| text.parse().map(Listen::At));
    match listen {
        Ok(listen) if !listen.addresses().iter().any(|at| at.port() == 0) => Ok(listen),
        _ => Err(BadValue::Wanted(
            "a port, or an address and a port such as 10.0.0.5:10000",
        )),
    }
}

/// What is asked for by the options that only this program has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// Where a reflector listens.
    pub listen: Vec<SocketAddr>,
    /// Whether all addresses of both families are listened at for want of a choice, so that a family
    /// that is not there is no failure.
    pub is_anywhere: bool,
    /// Microseconds for which the kernel polls the device.
    pub busy_poll: Option<u16>,
    /// Whether many datagrams pass through the kernel as one.
    pub gso: bool,
    /// Whether the kernel tells when each probe arrived; `None` if none is received.
    pub is_stamped: Option<bool>,
}

impl Own {
    /// Reads what was matched for `sendrecv` or `reflect`.
    ///
    /// # Errors
    ///
    /// None that a user can cause: what clap has matched it can also read.
    pub fn read(matches: &ArgMatches, is_reflect: bool) -> Result<Self, Failure> {
        let broken = |error: clap::Error| Failure::request(error.to_string());
        let SocketArgs { busy_poll, gso } =
            SocketArgs::from_arg_matches(matches).map_err(broken)?;
        let (mut listen, mut is_stamped) = (Vec::new(), None);
        if is_reflect {
            let args = ListenArgs::from_arg_matches(matches).map_err(broken)?;
            listen = args.listen;
            if listen.is_empty() {
                listen.push(Listen::Anywhere(DEFAULT_PORT));
            }
        } else {
            let args = StampArgs::from_arg_matches(matches).map_err(broken)?;
            is_stamped = Some(args.timestamps == Timestamps::Kernel);
        }
        let is_anywhere = listen.iter().all(|at| matches!(at, Listen::Anywhere(_)));
        Ok(Self {
            listen: listen.into_iter().flat_map(Listen::addresses).collect(),
            is_anywhere,
            busy_poll,
            gso,
            is_stamped,
        })
    }

    /// Returns the settings as they stand in the JSON summary.
    #[must_use]
    pub fn config(&self) -> Map<String, Value> {
        let mut config = Map::new();
        config.insert("gso".to_owned(), json!(self.gso));
        if let Some(is_stamped) = self.is_stamped {
            let who = if is_stamped { "kernel" } else { "user" };
            config.insert("timestamps".to_owned(), json!(who));
        }
        if !self.listen.is_empty() {
            config.insert("listen".to_owned(), json!(self.listen));
        }
        if let Some(micros) = self.busy_poll {
            config.insert("busy_poll_ns".to_owned(), json!(u32::from(micros) * 1_000));
        }
        config
    }
}
