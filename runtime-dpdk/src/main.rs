//! `dpdkgen-rt`: dpdkgen over DPDK ports.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use dpdkgen_report::console::Stream;
use dpdkgen_rt::cli::{explain, render, select, to_json};
use dpdkgen_rt::doctor;
use dpdkgen_rt::eal::placement::WorkerLcores;
use dpdkgen_rt::eal::{self, Eal, StartError, affinity};
use dpdkgen_rt::ethdev::{self, info, vf};
use dpdkgen_rt::machine::Machine;
use dpdkgen_rt::machine::root::Root;
use dpdkgen_rt::runtime::{self, DpdkRuntime};
use dpdkgen_run::assembly::worker_specs;
use dpdkgen_run::cli::{self, Command, Exit, More, Program, draw, print};
use dpdkgen_run::failure::Failure;
use dpdkgen_run::request::{Mode, Request, Verbosity};
use dpdkgen_run::runner::course::Course;
use dpdkgen_run::runner::drive::Live;
use dpdkgen_run::runner::signals::{StopSignals, while_starting};
use dpdkgen_run::runner::threads::Threads;
use dpdkgen_run::runner::trial::EndedBeforeStart;
use dpdkgen_run::search::Searching;

const PROGRAM: Program = Program {
    name: "dpdkgen-rt",
    version: env!("CARGO_PKG_VERSION"),
    about: "Sends, reflects and accounts for UDP probes over DPDK ports",
    before_command: ("[EAL options --] ", "-l 0-15 -- "),
    options_before: &eal::OPTIONS,
    commands: &[
        "sendrecv",
        "search",
        "reflect",
        "ports",
        "report",
        doctor::command::NAME,
    ],
    peer: None,
    more: More {
        commands: || vec![doctor::command::command()],
        ..More::NONE
    },
};

fn main() -> ExitCode {
    let (eal_args, args) = split(std::env::args_os().skip(1).collect());
    PROGRAM.exit(match cli::parse(&PROGRAM, args) {
        Err(Exit::Text(text)) => print(&text),
        Err(Exit::Failure(failure)) => Err(failure),
        Ok(Command::Ports { json }) => list_ports(eal_args.as_deref(), json),
        Ok(Command::Report(files)) => draw(&files),
        Ok(Command::Run(request, _)) => on_ports(eal_args.as_deref(), &request, Live::open),
        Ok(Command::Search(search, _)) => {
            let open = |_: &Request, signals| Searching::open(&search, signals);
            on_ports(eal_args.as_deref(), &search.base, open)
        }
        Ok(Command::Own(_, matches)) => doctor::command::run(eal_args.as_deref(), &matches),
    })
}

/// Splits the arguments: all before a `--` are the EAL's, as in every DPDK program.
fn split(args: Vec<OsString>) -> (Option<Vec<String>>, Vec<OsString>) {
    let Some(at) = args.iter().position(|arg| arg == "--") else {
        return (None, args);
    };
    let own = args[at + 1..].to_vec();
    let eal = args[..at]
        .iter()
        .map(|arg| arg.to_string_lossy().into_owned());
    (Some(eal.collect()), own)
}

/// Starts the EAL with the options that the user gave, or else with those for `workers`, and with
/// devices of the `machine`'s where none are named; returns what it was started with too.
fn start_eal(
    args: Option<&[String]>,
    machine: &Machine,
    workers: usize,
    verbose: bool,
) -> Result<(Eal, Vec<String>), StartError> {
    let mut args = args.map_or_else(|| eal::default_args(workers), <[String]>::to_vec);
    eal::tell_exits(|error| PROGRAM.status(Err(error.into())));
    args.extend(eal::device_args(&args, machine, &info::driver_folder()));
    let eal = Eal::init(&args, verbose, ethdev::CLOSER)?;
    Ok((eal, args))
}

fn list_ports(eal_args: Option<&[String]>, json: bool) -> Result<u8, Failure> {
    let machine = Machine::devices(&Root::own());
    let (eal, _) = start_eal(eal_args, &machine, 0, false)?;
    let ports = info::list(&eal)?;
    if json {
        print(&format!("{:#}\n", to_json(&ports)))
    } else if ports.is_empty() {
        // A list of none is no failure, and yet somebody looks for a port.
        PROGRAM.complain(&Failure::from(select::none(&eal)));
        Ok(0)
    } else {
        print(&render(&ports))
    }
}

/// Carries out what `open_course` opens over the ports that `request` names; returns the exit status.
fn on_ports<C: Course>(
    eal_args: Option<&[String]>,
    request: &Request,
    open_course: impl FnOnce(&Request, StopSignals) -> Result<C, Failure>,
) -> Result<u8, Failure> {
    let signals = StopSignals::new()?;
    let cpus = affinity::saved().ok();
    let workers = worker_specs(request, request.ports.len().max(1)).len();
    let machine = Machine::devices(&Root::own());
    let is_verbose = request.verbosity == Verbosity::Verbose;
    let start = || start_eal(eal_args, &machine, workers, is_verbose);
    let (eal, eal_args) = while_starting(start, eal::abandon_start)??;

    let mut ports = select::select(&eal, &machine.nics, &request.ports)?;
    let course = RefCell::new(open_course(request, signals)?);
    let waits = |what: &dyn fmt::Display, left: Duration| course.borrow_mut().wait(what, left);
    let limit = vf::ATTACHED_WITHIN;
    let missing = vf::wait(&eal, &mut ports, &machine, limit, &waits)?;
    course.borrow_mut().screen().waited();
    for missing in missing {
        Stream::Stderr.write_soon(&format!("{}\n", explain::missing_vf(&missing)));
    }
    if let Mode::SendRecv(sendrecv) = &request.mode {
        for warning in explain::own_destinations(sendrecv, &ports) {
            Stream::Stderr.write_soon(&format!("{warning}\n"));
        }
    }
    let specs = worker_specs(request, ports.len());
    let lcores = WorkerLcores::assign(&eal, specs.len());
    let mut devices = runtime::open(&eal, &ports, request, &specs, &lcores)?;
    let timeout = Duration::from_nanos(request.wait_link.as_nanos());
    let mut is_up = runtime::wait_links(&devices, timeout, &waits)?;
    let mut request = request.clone();
    request.origin.dpdk_version = Some(info::dpdk_version());
    request.origin.eal_args = Some(eal_args);
    if let Mode::SendRecv(sendrecv) = &mut request.mode
        && is_up
        && sendrecv.has_to_resolve()
    {
        match runtime::resolve(&mut devices, sendrecv, timeout, &waits)? {
            Some(macs) => (sendrecv.dest_macs, sendrecv.is_resolved) = (macs, true),
            None => is_up = false,
        }
    }
    let mut course = course.into_inner();
    course.screen().waited();

    explain::tell_log_of_start(&eal.take_log());
    eal.tell_log(explain::tell_log);
    if let Some(sharing) = lcores.sharing() {
        course.screen().tell(&explain::sharing(sharing));
    }
    let all_taken = cpus.is_some_and(|cpus| lcores.take_all(cpus.cpus().len()));
    for device in &devices {
        if all_taken && device.info().driver().is_netvsc() {
            course.screen().tell(&explain::no_cpu_left(device.info()));
        }
        if let Some((has, used)) = device.idle_queues() {
            course
                .screen()
                .tell(&explain::idle_queues(device.info(), has, used));
        }
    }
    let mut runtime = DpdkRuntime::new(&eal, &mut devices, specs, &lcores, cpus);
    if is_up {
        course.drive(request, &mut Threads(&mut runtime))
    } else {
        course.drive(request, &mut EndedBeforeStart::on(&runtime))
    }
}
