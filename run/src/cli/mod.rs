//! The command line: the same for every runtime, read into a checked [`Request`].
//!
//! Promised: what is wrong with a command line is said in one sentence that names the option and
//! what to do, and an option is offered only if it works.

mod args;
mod errors;
mod exit;
mod help;
mod program;
mod report;
mod search;
mod sendrecv;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{ArgMatches, FromArgMatches};
use dpdkgen_report::page::file::Files;
use dpdkgen_report::summary::Origin;
use serde_json::Map;

pub use self::exit::print;
pub use self::help::UNITS_HELP;
pub use self::program::{More, Peer, Program};
pub use self::report::draw;

use self::args::{
    OutputArgs, PortArgs, PortsArgs, ReflectArgs, ReportArgs, SendRecvArgs, SharedArgs,
};
use self::help::command;
use self::search::SearchArgs;
use self::sendrecv::sendrecv;
use crate::failure::Failure;
use crate::request::{Mode, Reflect, Request, Verbosity};
use crate::search::SearchRequest;

/// The command that a program is asked to carry out.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// `sendrecv` or `reflect`, and what was matched, for the program's own options.
    Run(Box<Request>, ArgMatches),
    /// `search`, and what was matched likewise.
    Search(Box<SearchRequest>, ArgMatches),
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
                hdr: args.latency.hdr,
                ..request(Mode::SendRecv(send), args.shared)
            })
        }
        "search" => {
            program.more.check_refused(matches)?;
            let args = SearchArgs::from_arg_matches(matches).map_err(broken)?;
            let mut request = search::search(program, args)?;
            request.base.origin = program.origin();
            request.check()?;
            Ok(Command::Search(Box::new(request), matches.clone()))
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
    Request {
        duration: stop.duration,
        count: stop.count,
        ..without_end(mode, ports, output)
    }
}

/// Returns a request without an end.
fn without_end(mode: Mode, ports: PortArgs, output: OutputArgs) -> Request {
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
        duration: None,
        count: None,
        wait_link: ports.wait_link,
        json: output.json,
        hdr: None,
        pcap: output.pcap,
        pcap_sample: output.pcap_sample,
        metrics: output.metrics,
        report: output.report,
        verbosity: verbosity(output.quiet, output.verbose),
        own: Map::new(),
        origin: Origin::default(),
    }
}

const fn verbosity(is_quiet: bool, is_verbose: bool) -> Verbosity {
    match (is_quiet, is_verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
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
        return Exit::Text(help::help(program, named.copied()));
    }
    let help = named.map_or(String::new(), |name| format!(" {name}"));
    let sentence = misplaced(program, named.copied(), error)
        .unwrap_or_else(|| errors::sentence(error, program.commands));
    Exit::Failure(Failure::request(format!(
        "{sentence}; see `{}{help} --help`",
        program.name
    )))
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

#[cfg(test)]
mod tests;
