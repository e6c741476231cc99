//! The options of `doctor`, and the command carried out.

use std::fs::{self, File};
use std::io::{self, BufReader};
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
use super::imds::Imds;
use super::log;
use super::root::Root;
use crate::ethdev::info::{dpdk_version, driver_folder};

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
}

/// Returns the command, for clap.
#[must_use]
pub fn command() -> clap::Command {
    DoctorArgs::augment_args(clap::Command::new(NAME))
        .about("Tell what of this machine is in the way of a run, and what mends it")
        .override_usage("dpdkgen-rt [EAL options --] doctor [OPTIONS]")
        .after_help(
            "\
Nothing is changed, no port is touched and no network is asked. The gravest comes first; exit status 1
if something fails, 0 if there are warnings at most.

Examples:
  dpdkgen-rt doctor
  dpdkgen-rt doctor --nic eth1 --imds imds.json --src 10.0.1.4
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
    let diagnosis = examine(&root, linked, &told);
    print(&if args.json {
        format!("{:#}\n", serde_json::json!(diagnosis))
    } else {
        diagnosis.to_text()
    })?;
    Ok(diagnosis.fails().into())
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
