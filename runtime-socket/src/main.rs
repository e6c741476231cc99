//! `dpdkgen-socket`: dpdkgen over the kernel's UDP sockets.

use std::cell::RefCell;
use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use clap::ArgMatches;
use dpdkgen_run::cli::{self, Command, Exit, draw, print};
use dpdkgen_run::failure::Failure;
use dpdkgen_run::request::{Mode, Request};
use dpdkgen_run::runner::course::Course;
use dpdkgen_run::runner::drive::Live;
use dpdkgen_run::runner::signals::StopSignals;
use dpdkgen_run::runner::threads::Threads;
use dpdkgen_run::runner::trial::EndedBeforeStart;
use dpdkgen_run::search::Searching;
use dpdkgen_socket::open::{self, Places};
use dpdkgen_socket::options::{Own, PROGRAM};
use dpdkgen_socket::runtime::SocketRuntime;

fn main() -> ExitCode {
    PROGRAM.exit(match cli::parse(&PROGRAM, std::env::args_os().skip(1)) {
        Err(Exit::Text(text)) => print(&text),
        Err(Exit::Failure(failure)) => Err(failure),
        Ok(Command::Run(request, matches)) => on_sockets(*request, &matches, Live::open),
        Ok(Command::Search(search, matches)) => {
            let open = |_: &Request, signals| Searching::open(&search, signals);
            on_sockets(search.base.clone(), &matches, open)
        }
        Ok(Command::Report(files)) => draw(&files),
        Ok(Command::Ports { .. } | Command::Own(..)) => unreachable!("not offered"),
    })
}

/// Carries out what `open` opens over sockets that meet `request`; returns the exit status.
fn on_sockets<C: Course>(
    mut request: Request,
    matches: &ArgMatches,
    open_course: impl FnOnce(&Request, StopSignals) -> Result<C, Failure>,
) -> Result<u8, Failure> {
    let signals = StopSignals::new()?;
    let own = Own::read(matches, matches!(request.mode, Mode::Reflect(_)))?;
    request.own = own.config();
    allow_many_sockets();
    let course = RefCell::new(open_course(&request, signals)?);
    let places = Places::find(&request)?;
    let waits = |what: &dyn fmt::Display, left: Duration| course.borrow_mut().wait(what, left);
    let limit = Duration::from_nanos(request.wait_link.as_nanos());
    let is_up = places.wait_links(limit, &waits)?;
    let mut course = course.into_inner();
    course.screen().waited();
    let mut opened = open::open(&request, &own, &places, is_up)?;
    for notice in opened.notices.drain(..) {
        course.screen().tell(&notice);
    }
    let mut runtime = SocketRuntime::new(opened);
    if is_up {
        course.drive(request, &mut Threads(&mut runtime))
    } else {
        course.drive(request, &mut EndedBeforeStart::on(&runtime))
    }
}

/// Raises the number of descriptors that may be open to what this user is allowed: each source port
/// takes one.
fn allow_many_sockets() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If not, opening the sockets says how many there may be.
    let _ = setrlimit(Resource::Nofile, limit);
}
