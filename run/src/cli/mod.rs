//! The command line: the same for every runtime, read into a checked [`Request`].
//!
//! Promised: what is wrong with a command line is said in one sentence that names the option and
//! what to do, and an option is offered only if it works.

mod args;
mod errors;
mod exit;
mod report;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, FromArgMatches};
use dpdkgen_core::probe::layout::{Layout, Marks};
use dpdkgen_core::tx::pacer::Rate;
use dpdkgen_core::wire::{Mac, Tags};
use dpdkgen_report::page::file::Files;
use dpdkgen_report::summary::Origin;
use serde_json::Map;

pub use self::exit::print;
pub use self::report::draw;

use self::args::{
    OutputArgs, PaceArgs, PortsArgs, ProbeArgs, ReflectArgs, ReportArgs, SendRecvArgs, SharedArgs,
};
use crate::failure::Failure;
use crate::request::{Mode, Reflect, Request, SendRecv, Verbosity, layout, limits};

/// The UDP port that each of two ports sends to, unless a destination is given.
const THROUGH_PORT: u16 = 10_000;

/// UDP payload bytes unless a size is given.
const DEFAULT_PAYLOAD: u16 = 1_000;

/// A program that offers these commands.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Its name, as users type it.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its description, in one line.
    pub about: &'static str,
    /// The arguments that it takes before the command, and an example of them, each with a space at
    /// its end: `[EAL options --] ` and `-l 0-15 -- `. Empty if it takes none.
    pub before_command: (&'static str, &'static str),
    /// The options among these, which users forget to part from the command.
    pub options_before: &'static [&'static str],
    /// Its commands: of `sendrecv`, `reflect`, `ports` and `report` those that it has, and its own.
    pub commands: &'static [&'static str],
    /// The two ends of its link, if the user need not name them.
    pub peer: Option<Peer>,
    /// The options and commands that it has beyond the others.
    pub more: More,
}

/// The two ends of a link that needs no addresses from its user.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// The addresses that probes come from and go to over IPv4.
    pub ipv4: (Ipv4Addr, Ipv4Addr),
    /// The addresses that probes come from and go to over IPv6.
    pub ipv6: (Ipv6Addr, Ipv6Addr),
    /// The UDP port that probes go to.
    pub port: u16,
    /// The MAC that probes go to.
    pub dest_mac: Mac,
}

/// The options and commands that one program has and others have not.
#[derive(Debug, Clone, Copy)]
pub struct More {
    /// Adds options to `sendrecv`.
    pub sendrecv: fn(clap::Command) -> clap::Command,
    /// Adds options to `reflect`.
    pub reflect: fn(clap::Command) -> clap::Command,
    /// The options that it refuses, and why: what follows `--option` in the sentence.
    pub refused: &'static [(&'static str, &'static str)],
    /// Commands of its own.
    pub commands: fn() -> Vec<clap::Command>,
}

impl Program {
    /// Returns what it knows of where a run comes from.
    fn origin(&self) -> Origin {
        Origin {
            program: Some(self.name.to_owned()),
            version: Some(self.version.to_owned()),
            ..Origin::default()
        }
    }
}

impl Peer {
    /// Returns the addresses that probes come from and go to.
    fn ends(&self, is_ipv6: bool) -> (IpAddr, SocketAddr) {
        let (src, dest): (IpAddr, IpAddr) = if is_ipv6 {
            (self.ipv6.0.into(), self.ipv6.1.into())
        } else {
            (self.ipv4.0.into(), self.ipv4.1.into())
        };
        (src, SocketAddr::new(dest, self.port))
    }
}

impl More {
    /// No options and no commands.
    pub const NONE: Self = Self {
        sendrecv: |command| command,
        reflect: |command| command,
        refused: &[],
        commands: Vec::new,
    };

    /// Returns whether the option of this name is refused.
    fn refuses(&self, option: &str) -> bool {
        self.refused.iter().any(|(refused, _)| *refused == option)
    }

    /// Takes the refused options out of the help of `command`.
    fn hide_refused(&self, command: clap::Command) -> clap::Command {
        command.mut_args(|arg| {
            let is_refused = arg.get_long().is_some_and(|name| self.refuses(name));
            arg.hide(is_refused)
        })
    }

    /// Checks that none of the refused options was given.
    fn check_refused(&self, matches: &ArgMatches) -> Result<(), Failure> {
        for (option, why) in self.refused {
            // By the name of its field, as clap's derive has it.
            let id = option.replace('-', "_");
            let is_there = matches.try_contains_id(&id).unwrap_or(false);
            if is_there && matches.value_source(&id) == Some(ValueSource::CommandLine) {
                return Err(Failure::request(format!("--{option} {why}")));
            }
        }
        Ok(())
    }
}

/// The command that a program is asked to carry out.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// `sendrecv` or `reflect`, and what was matched, for the program's own options.
    Run(Box<Request>, ArgMatches),
    /// `ports`: list them.
    Ports {
        /// `true` if they are to be listed as JSON.
        json: bool,
    },
    /// `report`: draw a finished run.
    Report(Files),
    /// A command of the program's own, by name.
    Own(String, ArgMatches),
}

/// The reason for which a program ends before it does anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// Help or version: print it on standard output, exit status 0.
    Text(String),
    /// The command line was wrong: the sentence goes to standard error.
    Failure(Failure),
}

impl From<Failure> for Exit {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// Reads a command line: `args` without the program's name and without what goes before the
/// command.
///
/// # Errors
///
/// Returns the reason to end, if help was asked for or the request cannot be met.
///
/// # Panics
///
/// Panics if clap finds no command where it requires one.
pub fn parse<I>(program: &Program, args: I) -> Result<Command, Exit>
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let matches = command(program)
        .try_get_matches_from(&args)
        .map_err(|error| exit(program, &args, &error))?;
    let (name, matches) = matches.subcommand().expect("clap requires a command");
    let run = |mut request: Request| {
        request.origin = program.origin();
        request.check()?;
        Ok(Command::Run(Box::new(request), matches.clone()))
    };
    let broken = |error: clap::Error| exit(program, &args, &error);
    match name {
        "ports" => {
            let ports = PortsArgs::from_arg_matches(matches).map_err(broken)?;
            Ok(Command::Ports { json: ports.json })
        }
        "report" => {
            let report = ReportArgs::from_arg_matches(matches).map_err(broken)?;
            Ok(Command::Report(report::files(report)?))
        }
        "reflect" => {
            program.more.check_refused(matches)?;
            let reflect = ReflectArgs::from_arg_matches(matches).map_err(broken)?;
            let ReflectArgs { answer, shared } = reflect;
            let reflect = Reflect {
                addresses: answer.ip,
                allowed: answer.allow,
                is_promiscuous: answer.promiscuous,
            };
            run(request(Mode::Reflect(reflect), shared))
        }
        "sendrecv" => {
            program.more.check_refused(matches)?;
            let args = SendRecvArgs::from_arg_matches(matches).map_err(broken)?;
            let send = sendrecv(program, &args)?;
            run(Request {
                hdr: args.hdr,
                ..request(Mode::SendRecv(send), args.shared)
            })
        }
        own => Ok(Command::Own(own.to_owned(), matches.clone())),
    }
}

fn request(mode: Mode, args: SharedArgs) -> Request {
    let SharedArgs {
        ports,
        stop,
        output,
    } = args;
    let verbosity = verbosity(&output);
    Request {
        mode,
        ports: ports.port,
        rxq: ports.rxq,
        txq: ports.txq,
        rx_burst: ports.rx_burst.unwrap_or(ports.burst_size),
        tx_burst: ports.tx_burst.unwrap_or(ports.burst_size),
        rx_desc: ports.rx_desc,
        tx_desc: ports.tx_desc,
        mtu: ports.mtu,
        stats_file: output.stats_file,
        interval: output.stats_interval_ms,
        grace: output.stats_evict_threshold_secs,
        flush_every: output.stats_evict_interval_secs,
        duration: stop.duration,
        count: stop.count,
        wait_link: ports.wait_link,
        json: output.json,
        hdr: None,
        pcap: output.pcap,
        pcap_sample: output.pcap_sample,
        metrics: output.metrics,
        report: output.report,
        verbosity,
        own: Map::new(),
        origin: Origin::default(),
    }
}

const fn verbosity(output: &OutputArgs) -> Verbosity {
    match (output.quiet, output.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    }
}

fn sendrecv(program: &Program, args: &SendRecvArgs) -> Result<SendRecv, Failure> {
    let SendRecvArgs {
        probes,
        pace,
        shared,
        bounds,
        hdr: _,
    } = args;
    let see = format!("see `{} sendrecv --help`", program.name);
    let missing = |what: &str| Err(Failure::request(format!("{what}; {see}")));
    let ports = shared.ports.port.len().max(1);
    let peer = program.peer.as_ref();
    let given = probes.src.first().copied();
    let given = given.or(probes.dest.first().map(SocketAddr::ip));
    let ends = peer.map(|peer| peer.ends(given.is_some_and(|address| address.is_ipv6())));
    let sources = or_default(&probes.src, ends.map(|(source, _)| source));
    if sources.is_empty() {
        return missing("--src is missing: give the IP address that the probes come from");
    }
    let mut dests = probes.dest.clone();
    if dests.is_empty() && probes.through && ports == 2 {
        dests = each_others(&sources);
    }
    let dests = or_default(&dests, ends.map(|(_, dest)| dest));
    if dests.is_empty() {
        return missing(if probes.through && ports == 2 {
            "--src was given once for 2 ports: give it once per --port, so that each sends to the \
             other's, or give --dest"
        } else {
            "--dest is missing: give the IP address and port that the probes go to"
        });
    }
    // Probes that are forwarded go to a port of the run itself, whose MAC is known once it is open.
    let default_mac = peer.map(|peer| peer.dest_mac).filter(|_| !probes.through);
    let dest_macs = or_default(&probes.dest_mac, default_mac);
    let has_neighbours = !program.more.refuses("dest-mac");
    // With --through something has to come back in any case, which is said later.
    if has_neighbours && shared.ports.rxq == 0 && dest_macs.is_empty() && !probes.through {
        return Err(Failure::request(
            "--dest-mac is missing: with --rxq 0 no answer is heard that would tell it",
        ));
    }
    let is_known = !dest_macs.is_empty() || !probes.gateway.is_empty() || peer.is_some();
    if probes.through && ports > 2 && !is_known {
        return missing(
            "--dest-mac is missing: with more than two ports, give the MAC that each port's probes \
             go to",
        );
    }
    let marks = marks(probes)?;
    let layout = layout(&sources, marks.tags);
    let payload_len = payload_len(probes, layout)?;
    Ok(SendRecv {
        sources,
        dests,
        is_through: probes.through,
        is_oneway: probes.oneway,
        is_resolved: false,
        marks,
        gateways: probes.gateway.clone(),
        src_ports: probes.src_port_range.clone(),
        dest_macs,
        payload_len,
        rate: rate(pace, payload_len + layout.payload() as u16, &shared.output)?,
        warmup: pace.warmup,
        seed: probes.seed,
        run_tag: probes.run_tag,
        drain: pace.drain_ms,
        window: None,
        max_loss: bounds.max_loss,
        max_p99: bounds.max_p99,
        max_skipped: bounds.max_skipped,
    })
}

/// Returns where each of two ports sends to if it sends to the other; nothing unless there is an
/// address of each.
fn each_others(sources: &[IpAddr]) -> Vec<SocketAddr> {
    match sources {
        [first, second] => [second, first]
            .map(|address| SocketAddr::new(*address, THROUGH_PORT))
            .to_vec(),
        _ => Vec::new(),
    }
}

fn or_default<T: Clone>(given: &[T], default: Option<T>) -> Vec<T> {
    if given.is_empty() {
        default.into_iter().collect()
    } else {
        given.to_vec()
    }
}

fn marks(probes: &ProbeArgs) -> Result<Marks, Failure> {
    let tags = Tags::new(&probes.vlan).ok_or_else(|| {
        Failure::request(format!(
            "--vlan was given {} times: a frame has {} tags at most, the outer one first",
            probes.vlan.len(),
            Tags::MAX
        ))
    })?;
    Ok(Marks {
        tags,
        dscp: probes.dscp as u8,
        ttl: probes.ttl as u8,
    })
}

fn payload_len(probes: &ProbeArgs, layout: Layout) -> Result<u16, Failure> {
    let max_payload = limits::max_payload(layout);
    let (option, asked, around) = match (probes.packet_size, probes.frame_size) {
        (Some(_), Some(_)) => {
            return Err(Failure::request(
                "--packet-size and --frame-size exclude each other: give the payload or the frame",
            ));
        }
        (None, None) => return Ok(DEFAULT_PAYLOAD),
        (Some(payload), None) => ("--packet-size", payload, 0),
        (None, Some(frame)) => ("--frame-size", frame, limits::around_payload(layout)),
    };
    let (min, max) = (limits::MIN_PAYLOAD + around, max_payload + around);
    match u16::try_from(asked) {
        Ok(size) if (min..=max).contains(&size) => Ok(size - around),
        _ => Err(Failure::request(format!(
            "{option} {asked} is not from {min} to {max} bytes: a probe has {} bytes of payload at \
             least, a jumbo frame {} at most",
            limits::MIN_PAYLOAD,
            max_payload
        ))),
    }
}

fn rate(pace: &PaceArgs, frame_len: u16, output: &OutputArgs) -> Result<Option<Rate>, Failure> {
    match (pace.rate, pace.rate_limit) {
        (Some(_), 1..) => Err(Failure::request(
            "--rate and --rate-limit exclude each other: both say how fast to send",
        )),
        // Neither factor is 0 when the request has passed its checks.
        (None, packets) => Ok(Rate::new(packets, output.stats_interval_ms.as_nanos())),
        (Some(asked), 0) => asked
            .for_frames(frame_len)
            .map(Some)
            .map_err(|reason| Failure::request(format!("the value of --rate {reason}"))),
    }
}

/// Returns what clap's error means to the user.
fn exit(program: &Program, args: &[OsString], error: &clap::Error) -> Exit {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        return Exit::Text(error.render().to_string());
    }
    let named = args
        .iter()
        .find_map(|arg| program.commands.iter().find(|name| arg == *name));
    if args.first().is_some_and(|first| first == "help") {
        return help(program, named.copied());
    }
    let help = named.map_or(String::new(), |name| format!(" {name}"));
    let sentence = misplaced(program, named.copied(), error)
        .unwrap_or_else(|| errors::sentence(error, program.commands));
    Exit::Failure(Failure::request(format!(
        "{sentence}; see `{}{help} --help`",
        program.name
    )))
}

/// Returns the help on the command `named`, or on the program.
fn help(program: &Program, named: Option<&str>) -> Exit {
    let mut command = command(program);
    command.build();
    let of = match named.and_then(|name| command.find_subcommand_mut(name)) {
        Some(found) => found.render_help(),
        None => command.render_help(),
    };
    Exit::Text(of.to_string())
}

/// Returns where an option belongs that the command `named` has not, if anywhere.
fn misplaced(program: &Program, named: Option<&str>, error: &clap::Error) -> Option<String> {
    let option = errors::unknown_option(error)?;
    let (_, example) = program.before_command;
    if program.options_before.contains(&option.as_str()) {
        let command = named.unwrap_or("sendrecv");
        return Some(format!(
            "{option} is an EAL option: those go before the command, with a `--` between, as in `{} \
             {example}{command}`",
            program.name
        ));
    }
    let long = option.strip_prefix("--")?;
    let whole = command(program);
    let has_it = |command: &&clap::Command| {
        let mut arguments = command.get_arguments();
        arguments.any(|argument| argument.get_long() == Some(long) && !argument.is_hide_set())
    };
    let other = whole.get_subcommands().find(has_it)?.get_name();
    let named = named.filter(|named| *named != other)?;
    Some(format!(
        "{option} is an option of {other}, and {named} has none"
    ))
}

/// Returns the whole command line, for clap.
fn command(program: &Program) -> clap::Command {
    let Program {
        name,
        before_command: (before, example),
        ..
    } = program;
    let mut command = clap::Command::new(*name)
        .version(program.version)
        .about(program.about)
        .no_binary_name(true)
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .override_usage(format!("{name} {before}COMMAND [OPTIONS]"))
        .after_help(format!(
            "See `{name} COMMAND --help` for the options of a command.\n\n{EXIT_HELP}"
        ));
    let sub = |command: &'static str| clap::Command::new(command).allow_negative_numbers(true);
    let addresses = match program.peer {
        Some(_) => "",
        None => " --src IP --dest IP:PORT",
    };
    let has = |command| program.commands.contains(&command);
    if has("sendrecv") {
        let sendrecv = SendRecvArgs::augment_args(sub("sendrecv"))
            .about("Send probes, receive them back and account for every one")
            .override_usage(format!("{name} {before}sendrecv{addresses} [OPTIONS]"))
            .after_help(sendrecv_help(name, example));
        let sendrecv = (program.more.sendrecv)(sendrecv);
        command = command.subcommand(program.more.hide_refused(sendrecv));
    }
    if has("reflect") {
        let reflect = ReflectArgs::augment_args(sub("reflect"))
            .about("Send every UDP packet that is for the port back where it came from")
            .override_usage(format!("{name} {before}reflect [OPTIONS]"))
            .after_help(reflect_help(name, example));
        let reflect = (program.more.reflect)(reflect);
        command = command.subcommand(program.more.hide_refused(reflect));
    }
    if has("ports") {
        let ports = PortsArgs::augment_args(sub("ports"))
            .about("List the ports: index, name, MAC, driver, link, limits")
            .override_usage(format!("{name} {before}ports [OPTIONS]"));
        command = command.subcommand(ports);
    }
    if has("report") {
        command = command.subcommand(report::command(name, before));
    }
    command.subcommands((program.more.commands)())
}

/// The text below the options of every run.
pub const UNITS_HELP: &str = "\
Values take units: 250ms, 1.5s, 64KiB, 10M (k is 1000, Ki is 1024); a bare number is in the unit
that stands with its option (S is seconds).";

/// What the exit statuses mean.
const EXIT_HELP: &str = "\
Exit status: 0 done; 1 the machine or a device failed, or an output is incomplete; 2 the request
cannot be met; 3 it ran, and a threshold was missed or nothing came back.";

fn sendrecv_help(name: &str, example: &str) -> String {
    format!(
        "{UNITS_HELP}

Examples:
  {name} {example}sendrecv -p 00:0d:3a:01:02:03 -r 16 -t 16 -s /dev/stdout \\
    --src 10.0.0.4 --src-port-range 10000-30000 --dest 10.0.0.5:10000 \\
    --stats-interval-ms 1 --packet-size 16 -R 3500
  {name} {example}sendrecv --src 10.0.0.4 --dest 10.0.0.5:10000 --rate 10Gbpsl1 \\
    --duration 60 --json run.json --max-loss 0.1%

Through a device under test, or a cable (latency is one-way then):
  {name} {example}sendrecv --through -p 0 --src 10.0.0.1 -p 1 --src 10.0.0.2 \\
    --rate 1Mpps --duration 60
With --through and two ports --dest may be left out: each sends to the other's --src, UDP port 10000.
--dest-mac may be left out with --through and one port or two: probes go to the MAC of the other port,
or of the only one; or to --gateway, if that is given."
    )
}

fn reflect_help(name: &str, example: &str) -> String {
    format!(
        "{UNITS_HELP}
There have to be as many receive as transmit queues.

Example:
  {name} {example}reflect -p 00:0d:3a:01:02:04 -r 16 -t 16 -s /dev/stdout \\
    --stats-interval-ms 1000 --burst-size 128"
    )
}

#[cfg(test)]
mod tests;
