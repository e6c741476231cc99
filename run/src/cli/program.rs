//! The programs that share the command line, and what each has that others have not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::ArgMatches;
use clap::parser::ValueSource;
use dpdkgen_core::wire::Mac;
use dpdkgen_report::summary::Origin;

use crate::failure::Failure;

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
    pub(super) fn origin(&self) -> Origin {
        Origin {
            program: Some(self.name.to_owned()),
            version: Some(self.version.to_owned()),
            ..Origin::default()
        }
    }
}

impl Peer {
    /// Returns the addresses that probes come from and go to.
    pub(super) fn ends(&self, is_ipv6: bool) -> (IpAddr, SocketAddr) {
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
    pub(super) fn refuses(&self, option: &str) -> bool {
        self.refused.iter().any(|(refused, _)| *refused == option)
    }

    /// Takes the refused options out of the help of `command`.
    pub(super) fn hide_refused(&self, command: clap::Command) -> clap::Command {
        command.mut_args(|arg| {
            let is_refused = arg.get_long().is_some_and(|name| self.refuses(name));
            arg.hide(is_refused)
        })
    }

    /// Checks that none of the refused options was given.
    pub(super) fn check_refused(&self, matches: &ArgMatches) -> Result<(), Failure> {
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
