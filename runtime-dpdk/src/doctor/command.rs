//! The options of `doctor`, and the command carried out.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, FromArgMatches};
use dpdkgen_run::cli::print;
use dpdkgen_run::failure::Failure;
use dpdkgen_run::units;

use super::checks::Told;
use super::checks::list_of_cpus;
use super::dpdk::Dpdk;
use super::examine;
use super::finding::Step;
use super::imds::Imds;
use super::log;
use super::repair::{self, Stopped};
use crate::ethdev::info::{dpdk_version, driver_folder};
use crate::machine::root::Root;

/// The command's name.
pub const NAME: &str = "doctor";

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print one JSON object instead of lines
    #[arg(long)]
    pub json: bool,
    /// Look at the machine whose /sys, /proc, /etc, /usr/lib and /dev lie below DIR
    #[arg(long, value_name = "DIR")]
    pub sysroot: Option<PathBuf>,
    /// The NIC to test with, on VMBus [default: any that the machine is not managed by]
    #[arg(long, value_name = "IFACE|UUID|MAC")]
    pub nic: Option<String>,
    /// What Azure's metadata service told of the network: for --src, no network is asked
    #[arg(long, value_name = "FILE")]
    pub imds: Option<PathBuf>,
    /// Explain a log of DPDK's instead, this program's or another's; - is standard input
    #[arg(long, value_name = "FILE", exclusive = true)]
    pub log: Option<PathBuf>,
    /// The address that probes will come from
    #[arg(long, value_name = "IP", value_parser = units::ip)]
    pub src: Option<IpAddr>,
    /// Mend what can be mended, after it was shown and you agreed; binds a NIC only with --nic
    #[arg(long, conflicts_with_all = ["json", "undo"])]
    pub fix: bool,
    /// Do not ask before
    #[arg(long, requires = "fix")]
    pub yes: bool,
    /// Take back what --fix did since the machine was started
    #[arg(long, conflicts_with = "json")]
    pub undo: bool,
}

/// Returns the command, for clap.
#[must_use]
pub fn command() -> clap::Command {
    DoctorArgs::augment_args(clap::Command::new(NAME))
        .about("Tell what of this machine is in the way of a run, and what mends it")
        .override_usage("dpdkgen-rt [EAL options --] doctor [OPTIONS]")
        .after_help(
            "\
Nothing is changed (but by --fix), no port is touched and no network is asked. The gravest comes first;
exit status 1 if something fails or a log has something that is known, 0 if there are warnings at most.

Examples:
  dpdkgen-rt doctor
  dpdkgen-rt doctor --nic eth1 --imds imds.json --src 10.0.1.4
  dpdkgen-rt doctor --fix --nic eth1
  dpdkgen-rt doctor --log testpmd.log",
        )
}

/// Carries it out, and returns the exit status.
///
/// # Errors
///
/// If a file that was named cannot be read.
pub fn run(eal_args: Option<&[String]>, matches: &ArgMatches) -> Result<u8, Failure> {
    let args = DoctorArgs::from_arg_matches(matches)
        .map_err(|error| Failure::request(error.to_string()))?;
    if let Some(file) = &args.log {
        return explain_log(file);
    }
    let root = root(args.sysroot.as_deref())?;
    let told = Told {
        nic: args.nic,
        src: args.src,
        imds: args.imds.as_deref().map(imds).transpose()?,
        lcores: eal_args.and_then(lcores),
    };
    let linked = Dpdk {
        version: dpdk_version(),
        drivers: driver_folder(),
    };
    if args.undo {
        let undone = repair::undo(&root).map_err(|stopped| failure(&stopped))?;
        return say_done("Undone", &undone);
    }
    let mut diagnosis = examine(&root, linked.clone(), &told);
    if args.fix {
        let steps = std::mem::take(&mut diagnosis.fix);
        if steps.is_empty() {
            print("Nothing here can be mended without you.\n")?;
        } else if args.yes || is_agreed(&steps)? {
            let done = repair::mend(&root, &steps).map_err(|stopped| failure(&stopped))?;
            say_done("Done", &done)?;
            diagnosis = examine(&root, linked, &told);
        }
    }
    print(&if args.json {
        format!("{:#}\n", serde_json::json!(diagnosis))
    } else {
        diagnosis.to_text()
    })?;
    Ok(diagnosis.fails().into())
}

/// Shows the steps, and returns whether the user wants them taken.
fn is_agreed(steps: &[Step]) -> Result<bool, Failure> {
    let commands: Vec<String> = steps.iter().map(|step| format!("  {step}\n")).collect();
    let question = format!("This would be done:\n{}Do it? [y/N] ", commands.concat());
    print(&question)?;
    io::stdout()
        .flush()
        .map_err(|error| Failure::machine(format!("standard output cannot be written: {error}")))?;
    let mut answer = String::new();
    let read = io::stdin().lock().take(16).read_line(&mut answer);
    let is_yes = read.is_ok() && ["y", "yes"].contains(&answer.trim());
    if !is_yes {
        print("Nothing was done.\n")?;
    }
    Ok(is_yes)
}

fn say_done(what: &str, commands: &[String]) -> Result<u8, Failure> {
    if commands.is_empty() {
        return print(&format!("{what}: nothing.\n"));
    }
    let lines: Vec<String> = commands.iter().map(|line| format!("  {line}\n")).collect();
    print(&format!("{what}:\n{}", lines.concat()))
}

fn failure(stopped: &Stopped) -> Failure {
    let Stopped { command, reason } = stopped;
    Failure::machine(format!(
        "`{command}` failed: {reason}; run as root, or see what is in the way: what was done \
         before it `dpdkgen-rt doctor --undo` takes back"
    ))
}

/// Explains a log, and returns exit status 1 if something in it is known.
fn explain_log(file: &Path) -> Result<u8, Failure> {
    let cannot = |error: io::Error| {
        Failure::request(format!("--log {} cannot be read: {error}", file.display()))
    };
    let (told, is_known) = if file == Path::new("-") {
        log::explain(io::stdin().lock())
    } else {
        File::open(file).and_then(|file| log::explain(BufReader::new(file)))
    }
    .map_err(cannot)?;
    print(&told)?;
    Ok(is_known.into())
}

fn root(sysroot: Option<&Path>) -> Result<Root, Failure> {
    match sysroot {
        None => Ok(Root::own()),
        Some(folder) if folder.is_dir() => Ok(Root::of(folder)),
        Some(folder) => Err(Failure::request(format!(
            "--sysroot {} is no folder: give one with sys, proc, etc, usr/lib and dev in it",
            folder.display()
        ))),
    }
}

fn imds(path: &Path) -> Result<Imds, Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::request(format!("--imds {} cannot be read: {error}", path.display()))
    })?;
    Imds::parse(&text).ok_or_else(|| {
        Failure::request(format!(
            "--imds {} is not what the metadata service tells of the network: save the answer of \
             {} with the header `Metadata: true`",
            path.display(),
            super::imds::ADDRESS
        ))
    })
}

/// Returns the CPUs of `-l` among options of the EAL.
fn lcores(args: &[String]) -> Option<Vec<usize>> {
    let at = args.iter().position(|arg| arg.starts_with("-l"))?;
    let list = args[at].strip_prefix("-l").filter(|list| !list.is_empty());
    list_of_cpus(list.or(args.get(at + 1).map(String::as_str))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_lcores_stands_beside_or_behind_its_option() {
        let cpus = |line: &str| {
            let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            lcores(&args)
        };
        assert_eq!(cpus("-l 0-1"), Some(vec![0, 1]));
        assert_eq!(cpus("--no-huge -l3"), Some(vec![3]));
        assert_eq!(cpus("--no-huge -m 256"), None);
        assert_eq!(cpus("-l"), None);
    }
}
