//! The simulator's own options: the conditions of its link and its hosts, and those of `swarm`.

mod dut;

use std::net::{Ipv4Addr, Ipv6Addr};

use clap::{ArgMatches, Args, FromArgMatches};
use dpdkgen_core::time::Span;
use dpdkgen_report::page::file::Files;
use dpdkgen_run::cli::{self, Command, Exit, More, Peer, Program};
use dpdkgen_run::failure::Failure;
use dpdkgen_run::request::{Mode, Request, limits};
use dpdkgen_run::search::SearchRequest;
use dpdkgen_run::units::{self, BadValue};

use self::dut::DutArgs;
use crate::conditions::{Conditions, GilbertElliott, HostConditions, LinkConditions};
use crate::link::port::REFLECTOR_MAC;
use crate::simulation::Scenario;

/// The simulator, as its command line presents it.
pub const PROGRAM: Program = Program {
    name: "dpdkgen-sim",
    version: env!("CARGO_PKG_VERSION"),
    about: "Sends probes over a simulated link in virtual time, and checks every number told",
    before_command: ("", ""),
    options_before: &[],
    commands: &["sendrecv", "search", "report", "swarm"],
    peer: Some(Peer {
        ipv4: (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)),
        ipv6: (
            Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2),
        ),
        port: 10_000,
        dest_mac: REFLECTOR_MAC,
    }),
    more: More {
        sendrecv: with_conditions,
        commands: || vec![swarm()],
        ..More::NONE
    },
};

fn with_conditions(sendrecv: clap::Command) -> clap::Command {
    ConditionArgs::augment_args(sendrecv)
        .mut_arg("src", |arg| {
            arg.help(
                "IP address that probes come from; once, or once per --port [default: 10.0.0.1]",
            )
        })
        .mut_arg("dest", |arg| {
            arg.help(
                "IP address and UDP port that probes go to; likewise [default: 10.0.0.2:10000]",
            )
        })
        .mut_arg("run_tag", |arg| {
            arg.help(
                "What tells this run's probes from others', up to 48 bits [default: by --sim-seed]",
            )
        })
        .mut_arg("port", |arg| {
            arg.help("Port by MAC, device name or index; repeatable [default: sim0]")
        })
        .after_help(
            "\
Values take units: 250ms, 1.5s, 64KiB, 10M (k is 1000, Ki is 1024), ratios 0.001 or 0.1%.
The run takes virtual time, as much as the options say, and ends as soon as it is computed. The same
options and the same --sim-seed give the same run. Every number told is held against what the link
did; should one be wrong, the run says so and ends with status 1.

With --through the link forwards: what a port sends arrives at the next one of the run, and what the
last sends, or the only one, at the first.

With --capacity a device under test stands behind the sender, and each probe passes it once. Up to that
rate it loses nothing, so what a measurement of it should find is known. Each trial finds it empty.

Examples:
  dpdkgen-sim sendrecv --rate 3.5Mpps --packet-size 16 --duration 60 --loss 0.1%
  dpdkgen-sim sendrecv --rate 100kpps --duration 10 --delay 50us..2ms --dup 1% --json -
  dpdkgen-sim sendrecv --rate 1.1Mpps --duration 10 --capacity 1Mpps --queue 128
  dpdkgen-sim sendrecv --through -p 0 --src 10.0.0.1 -p 1 --src 10.0.0.2 --rate 1Mpps --count 1M",
        )
}

fn swarm() -> clap::Command {
    SwarmArgs::augment_args(clap::Command::new("swarm"))
        .about("Make up runs at random and check every number of each")
        .override_usage("dpdkgen-sim swarm [OPTIONS]")
        .after_help(
            "\
Every run is made from the seed and its number. What is found wrong is made as small as possible, and
told with a command that runs it again; exit status 1.",
        )
}

/// The task that a command line asks for.
#[derive(Debug)]
pub enum Task {
    /// To simulate one run.
    Run(Box<Scenario>),
    /// To search, by trials on the link of a scenario.
    Search(Box<Scenario>, Box<SearchRequest>),
    /// To simulate runs made up at random.
    Swarm(SwarmArgs),
    /// To simulate nothing, and draw a finished run from its files.
    Report(Files),
}

/// Options of `swarm`.
#[derive(Debug, Clone, Copy, Args)]
pub struct SwarmArgs {
    /// Stop after this many probes
    #[arg(long, value_name = "N", default_value = "100M", value_parser = units::count)]
    pub packets: u64,
    /// Stop after this many runs
    #[arg(long, value_name = "N", value_parser = units::count)]
    pub runs: Option<u64>,
    /// What the runs are made from [default: fresh]
    #[arg(long, value_name = "N", value_parser = units::bits)]
    pub seed: Option<u64>,
}

/// Reads a command line without the program's name.
///
/// # Errors
///
/// If help was asked for, or this cannot be simulated.
pub fn parse<I>(args: I) -> Result<Task, Exit>
where
    I: IntoIterator,
    I::Item: Into<std::ffi::OsString>,
{
    match cli::parse(&PROGRAM, args)? {
        Command::Run(request, matches) => Ok(Task::Run(Box::new(scenario(*request, &matches)?))),
        Command::Search(search, matches) => {
            let scenario = scenario(search.base.clone(), &matches)?;
            Ok(Task::Search(Box::new(scenario), search))
        }
        Command::Report(files) => Ok(Task::Report(files)),
        Command::Own(_, matches) => swarm_task(&matches),
        Command::Ports { .. } => unreachable!("not offered"),
    }
}

/// Returns the scenario of `request` on the link that was asked for.
fn scenario(mut request: Request, matches: &ArgMatches) -> Result<Scenario, Exit> {
    let args = own(ConditionArgs::from_arg_matches(matches))?;
    let mut conditions = args.conditions()?;
    conditions.check(request.interval)?;
    if let Mode::SendRecv(sendrecv) = &mut request.mode {
        if sendrecv.is_through {
            args.check_through()?;
            conditions.hosts.reflector_queues = 0;
        }
        sendrecv.window = args.window;
        let tag = dpdkgen_core::random::SplitMix64(conditions.seed).next();
        sendrecv.run_tag.get_or_insert(tag & limits::MAX_RUN_TAG);
    }
    Ok(Scenario {
        request,
        conditions,
    })
}

fn swarm_task(matches: &ArgMatches) -> Result<Task, Exit> {
    own(SwarmArgs::from_arg_matches(matches)).map(Task::Swarm)
}

/// Returns what was read; what clap has matched it can also read.
fn own<T>(read: Result<T, clap::Error>) -> Result<T, Exit> {
    read.map_err(|error| Exit::Failure(Failure::request(error.to_string())))
}

#[derive(Debug, Args)]
struct ConditionArgs {
    #[command(flatten)]
    link: LinkArgs,
    #[command(flatten)]
    dut: DutArgs,
    #[command(flatten)]
    hosts: HostArgs,
    /// Sequences back in which duplicates are told apart [default: what rate, grace and drain take]
    #[arg(long, value_name = "N", value_parser = units::count, help_heading = "Simulated hosts")]
    window: Option<u64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Simulated link (each way)")]
struct LinkArgs {
    /// Time that a packet takes, or from..to: 50us, 50us..2ms
    #[arg(long, value_name = "US[..US]", default_value = "50us", value_parser = delay,
          allow_hyphen_values = true)]
    delay: (Span, Span),
    /// Scale of a heavy tail of that: half below 0.6 x, one in 1000 above 99 x
    #[arg(long, value_name = "US", default_value = "0", value_parser = microseconds,
          allow_hyphen_values = true)]
    delay_tail: Span,
    /// Capacity in bits of frames per second: 10G [default: no limit]
    #[arg(long, value_name = "BPS", value_parser = bandwidth, allow_hyphen_values = true)]
    bandwidth: Option<u64>,
    /// Share of packets lost: 0.001 or 0.1%
    #[arg(long, value_name = "RATIO", default_value = "0", value_parser = units::ratio,
          allow_hyphen_values = true)]
    loss: f64,
    /// Loss in bursts, as netem's gemodel: to bad, to good, loss while bad, loss while good
    #[arg(long, value_name = "P[:R[:BAD[:GOOD]]]", value_parser = gilbert_elliott,
          allow_hyphen_values = true)]
    gemodel: Option<GilbertElliott>,
    /// Share of packets that arrive twice
    #[arg(long, value_name = "RATIO", default_value = "0", value_parser = units::ratio,
          allow_hyphen_values = true)]
    dup: f64,
    /// Share of packets held back
    #[arg(long, value_name = "RATIO", default_value = "0", value_parser = units::ratio,
          allow_hyphen_values = true)]
    reorder: f64,
    /// How long they are held back
    #[arg(long, value_name = "US", default_value = "1ms", value_parser = microseconds,
          allow_hyphen_values = true)]
    reorder_by: Span,
    /// Share of packets of which a byte changes
    #[arg(long, value_name = "RATIO", default_value = "0", value_parser = units::ratio,
          allow_hyphen_values = true)]
    corrupt: f64,
    /// Share of packets cut off
    #[arg(long, value_name = "RATIO", default_value = "0", value_parser = units::ratio,
          allow_hyphen_values = true)]
    truncate: f64,
    /// Share of packets with padding added
    #[arg(long, value_name = "RATIO", default_value = "0", value_parser = units::ratio,
          allow_hyphen_values = true)]
    pad: f64,
    /// Share of packets whose UDP checksum is left to a NIC that is not there
    #[arg(long, value_name = "RATIO", default_value = "0", value_parser = units::ratio,
          allow_hyphen_values = true)]
    partial: f64,
    /// Packets of others, as a share of the packets
    #[arg(long, value_name = "RATIO", default_value = "0", value_parser = units::ratio,
          allow_hyphen_values = true)]
    foreign: f64,
    /// Share of packets that arrive on another queue than the rest of their flow
    #[arg(long, value_name = "RATIO", default_value = "0", value_parser = units::ratio,
          allow_hyphen_values = true)]
    stray: f64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Simulated hosts")]
struct HostArgs {
    /// Queue pairs of the reflector [default: 1]
    #[arg(long, value_name = "N", value_parser = units::within::<1, 256>)]
    reflector_queues: Option<u16>,
    /// Reflector dies about every so often, and is gone for so long: 1s:50ms
    #[arg(long, value_name = "S:S", value_parser = restart, allow_hyphen_values = true)]
    reflector_restart: Option<(Span, Span)>,
    /// Time from an empty poll to the next, at most; the shorter, the longer the run computes
    #[arg(long, value_name = "US", default_value = "8us", value_parser = microseconds,
          allow_hyphen_values = true)]
    poll: Span,
    /// Share of polls after which an lcore is taken away
    #[arg(long, value_name = "RATIO", default_value = "0", value_parser = units::ratio,
          allow_hyphen_values = true)]
    stall: f64,
    /// For how long at most
    #[arg(long, value_name = "US", default_value = "1ms", value_parser = microseconds,
          allow_hyphen_values = true)]
    stall_for: Span,
    /// Clocks of the lcores are ahead by up to this, and step forward
    #[arg(long, value_name = "US", default_value = "0", value_parser = microseconds,
          allow_hyphen_values = true)]
    clock_error: Span,
    /// Share of transmit bursts of which the device refuses some
    #[arg(long, value_name = "RATIO", default_value = "0", value_parser = units::ratio,
          allow_hyphen_values = true)]
    refuse: f64,
    /// Share of transmit bursts, and of received packets, for which buffers run out
    #[arg(long, value_name = "RATIO", default_value = "0", value_parser = units::ratio,
          allow_hyphen_values = true)]
    no_buffer: f64,
    /// Lcores at each end [default: one for every worker]
    #[arg(long, value_name = "N", value_parser = units::within::<1, 1024>)]
    lcores: Option<u16>,
    /// Of all that is left to chance
    #[arg(long, value_name = "N", default_value = "1", value_parser = units::bits)]
    sim_seed: u64,
}

impl ConditionArgs {
    /// Checks that nothing is asked of a reflector, of which there is none on a link that forwards.
    fn check_through(&self) -> Result<(), Failure> {
        let of_reflector = [
            ("--reflector-queues", self.hosts.reflector_queues.is_some()),
            (
                "--reflector-restart",
                self.hosts.reflector_restart.is_some(),
            ),
        ];
        match of_reflector.iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((option, _)) => Err(Failure::request(format!(
                "{option} is about a reflector, and with --through there is none: leave one out"
            ))),
        }
    }

    fn conditions(&self) -> Result<Conditions, Failure> {
        let (link, hosts) = (&self.link, &self.hosts);
        let (least, most) = link.delay;
        let (restart_every, restart_for) = hosts.reflector_restart.unwrap_or_default();
        Ok(Conditions {
            link: LinkConditions {
                delay: least,
                jitter: most.saturating_sub(least),
                tail: link.delay_tail,
                bandwidth: link.bandwidth,
                loss: link.loss,
                burst_loss: link.gemodel,
                duplication: link.dup,
                reordering: link.reorder,
                held_back: link.reorder_by,
                corruption: link.corrupt,
                truncation: link.truncate,
                padding: link.pad,
                partial: link.partial,
                foreign: link.foreign,
                stray: link.stray,
            },
            dut: self.dut.conditions()?,
            hosts: HostConditions {
                reflector_queues: hosts.reflector_queues.unwrap_or(1),
                poll: hosts.poll,
                stalls: hosts.stall,
                stall: hosts.stall_for,
                clock_error: hosts.clock_error,
                refusal: hosts.refuse,
                no_buffer: hosts.no_buffer,
                restart_every,
                restart_for,
                lcores: hosts.lcores.unwrap_or(0),
            },
            seed: hosts.sim_seed,
        })
    }
}

fn microseconds(text: &str) -> Result<Span, BadValue> {
    // A bare number is microseconds.
    if text.ends_with(|last: char| last.is_ascii_digit()) {
        return units::nanoseconds(&format!("{text}us"));
    }
    units::nanoseconds(text)
}

fn delay(text: &str) -> Result<(Span, Span), BadValue> {
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    let (least, most) = (microseconds(least)?, microseconds(most)?);
    if most < least {
        return Err(BadValue::UpsideDown);
    }
    Ok((least, most))
}

fn bandwidth(text: &str) -> Result<u64, BadValue> {
    let lower = text.to_lowercase();
    let bps = units::count(lower.strip_suffix("bps").unwrap_or(&lower))?;
    if bps == 0 {
        return Err(BadValue::Wanted(
            "a capacity such as 10G: nothing would ever pass",
        ));
    }
    Ok(bps)
}

fn gilbert_elliott(text: &str) -> Result<GilbertElliott, BadValue> {
    let parts: Vec<f64> = text
        .split(':')
        .map(units::ratio)
        .collect::<Result<_, _>>()?;
    let at = |number: usize, default: f64| parts.get(number).copied().unwrap_or(default);
    if parts.len() > 4 {
        return Err(BadValue::Wanted("P, P:R, P:R:BAD or P:R:BAD:GOOD"));
    }
    let to_bad = at(0, 0.0);
    Ok(GilbertElliott {
        to_bad,
        to_good: at(1, 1.0 - to_bad),
        bad_loss: at(2, 1.0),
        good_loss: at(3, 0.0),
    })
}

fn restart(text: &str) -> Result<(Span, Span), BadValue> {
    const WANTED: BadValue = BadValue::Wanted("EVERY:FOR such as 1s:50ms");
    let (every, gone) = text.split_once(':').ok_or(WANTED)?;
    Ok((units::seconds(every)?, units::seconds(gone)?))
}
