//! The commands and options for clap, and the help on them.

use clap::Args;

use super::args::{PortsArgs, ReflectArgs, SendRecvArgs};
use super::search::SearchArgs;
use super::{Program, report};

/// Returns the whole command line, for clap.
pub(super) fn command(program: &Program) -> clap::Command {
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
    if has("search") {
        let search = (program.more.sendrecv)(SearchArgs::augment_args(sub("search")))
            .about("Find the highest rates at which the path keeps to goals of loss and latency")
            .override_usage(format!("{name} {before}search{addresses} [OPTIONS]"))
            // Which is refused, since each trial has a tag of its own.
            .mut_arg("run_tag", |arg| arg.hide(true))
            .after_help(search_help(name, example));
        command = command.subcommand(program.more.hide_refused(search));
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

/// Lists the exit statuses.
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

fn search_help(name: &str, example: &str) -> String {
    format!(
        "{UNITS_HELP}

Trials on open ports, by MLRsearch: a load is a lower bound if it keeps to a goal in enough trials,
an upper bound if it does not, and the search ends when they are near enough. A trial in which the
sender did not offer its load says nothing of the path. Ctrl-C ends with the bounds found so far.

Examples:
  {name} {example}search --src 10.0.0.4 --dest 10.0.0.5:10000 --trial 1 --trials 5
  {name} {example}search --src 10.0.0.4 --dest 10.0.0.5:10000 --frame-sizes rfc2544 \\
    --goal 0 --goal 0.1%,p99=200us --max-rate 10Gbpsl1 --json search.json --report search.html"
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

/// Returns the help on the command `named`, or on the program.
pub(super) fn help(program: &Program, named: Option<&str>) -> String {
    let mut command = command(program);
    command.build();
    let of = match named.and_then(|name| command.find_subcommand_mut(name)) {
        Some(found) => found.render_help(),
        None => command.render_help(),
    };
    of.to_string()
}
