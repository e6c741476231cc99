//! The things that a test needs of the machine, and taking turns on it.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::stand_in;

/// Something that a test cannot do without.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// Network namespaces, for which a test has to be root.
    Namespaces,
    /// Network namespaces with a bridge, and nftables' rules on what it forwards and what its ports
    /// receive.
    BridgeRules,
    /// Network namespaces with interfaces of VLANs.
    Vlans,
    /// Network namespaces with interfaces whose queue the kernel limits.
    Qdiscs,
    /// Root, to change over to another user.
    Root,
    /// A program of this name.
    Program(&'static str),
    /// A module of the system's Python.
    PythonModule(&'static str),
    /// DPDK's headers for drivers, a C compiler, and a place for what it makes of them.
    DriverHeaders,
}

/// A test's turn: no other test of this process runs while it lasts, since programs that poll take
/// whole CPUs, of which there may be two.
pub struct Turn {
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

/// Waits for `test`'s turn; returns none, and says so, if the machine lacks something.
#[must_use]
pub fn turn(test: &str, needs: &[Need]) -> Option<Turn> {
    let missing: Vec<String> = needs.iter().filter_map(|need| need.missing()).collect();
    if !missing.is_empty() {
        tell(&format!("skipped {test}: {}", missing.join(", ")));
        return None;
    }
    // A test that failed has left nothing behind that the next one could trip over.
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    Some(Turn { _alone: alone })
}

/// Writes a note that is to be read even if the tests pass: on standard error, past the test
/// harness that keeps what `eprintln!` prints, and into the file that `DPDKGEN_TEST_NOTES` names.
pub fn tell(note: &str) {
    // Nothing depends on it.
    let _ = writeln!(std::io::stderr(), "{note}");
    if let Some(path) = std::env::var_os("DPDKGEN_TEST_NOTES") {
        let notes = File::options().append(true).create(true).open(path);
        let _ = notes.and_then(|mut file| writeln!(file, "{note}"));
    }
}

impl Need {
    fn missing(self) -> Option<String> {
        match self {
            Self::Namespaces if succeeds(Command::new("unshare").args(["--net", "true"])) => None,
            Self::Namespaces => Some("needs root, to make network namespaces".to_owned()),
            Self::BridgeRules => Self::Namespaces
                .missing()
                .or_else(|| Self::Program("nft").missing())
                .or_else(|| {
                    let mut rules = Command::new("unshare");
                    rules.args(["--net", "sh", "-ec", BRIDGE_RULES]);
                    (!succeeds(&mut rules)).then(|| {
                        "needs a kernel with bridges and nftables' rules on them".to_owned()
                    })
                }),
            Self::Vlans => Self::Namespaces.missing().or_else(|| {
                let mut vlan = Command::new("unshare");
                vlan.args(["--net", "ip", "link", "add", "link", "lo", "name", "vlan1"]);
                vlan.args(["type", "vlan", "id", "1"]);
                (!succeeds(&mut vlan)).then(|| "needs a kernel with VLAN interfaces".to_owned())
            }),
            Self::Qdiscs => Self::Namespaces.missing().or_else(|| {
                let mut qdisc = Command::new("unshare");
                qdisc.args(["--net", "tc", "qdisc", "add", "dev", "lo", "root", "tbf"]);
                qdisc.args(["rate", "1mbit", "burst", "4k", "limit", "6000"]);
                (!succeeds(&mut qdisc)).then(|| "needs tc, and a kernel with tbf".to_owned())
            }),
            Self::Root => (!is_root()).then(|| "needs root".to_owned()),
            Self::Program(name) => find(name).is_none().then(|| format!("needs {name}")),
            Self::DriverHeaders if stand_in::headers().is_none() => {
                Some("needs DPDK's headers for drivers: `scripts/setup --tests`".to_owned())
            }
            Self::DriverHeaders if !stand_in::is_private(&target()) => {
                let why = "needs a target folder that not everybody may write to, nor to one above";
                Some(why.to_owned())
            }
            Self::DriverHeaders => Self::Program("cc").missing(),
            Self::PythonModule(name) => {
                let import = format!("import {name}");
                let found = succeeds(Command::new(PYTHON).args(["-c", &import]));
                (!found).then(|| format!("needs Python's {name}"))
            }
        }
    }
}

/// Commands that make a bridge, and one rule of each kind that the tests use.
const BRIDGE_RULES: &str = "\
    ip link add name bridge type bridge
    nft 'table bridge t { chain c { type filter hook forward priority 0; \
         numgen random mod 2 0 vlan id 1 vlan type ip6 @nh,48,8 17 @nh,384,16 set 0 drop; }; }; \
         table netdev t { chain c { type filter hook ingress device lo priority 0; dup to lo; }; }'";

/// The system's Python, which has the modules that the system's packages bring.
pub const PYTHON: &str = "/usr/bin/python3";

fn succeeds(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Returns whether this process has root's rights.
#[must_use]
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

/// Returns the path of a program, which may be in the system's folders that are only on root's
/// path.
#[must_use]
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Returns the path of `dpdkgen-rt`: the one that `DPDKGEN_RT` names, else the one built for
/// release, else for debugging.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn dpdkgen_rt() -> PathBuf {
    built("dpdkgen-rt", "dpdkgen-rt", "DPDKGEN_RT")
}

/// Returns the path of `dpdkgen-socket` likewise, which `DPDKGEN_SOCKET` may name.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn dpdkgen_socket() -> PathBuf {
    built("dpdkgen-socket", "dpdkgen-socket", "DPDKGEN_SOCKET")
}

/// Returns the path of `dpdkgen-sim` likewise, which `DPDKGEN_SIM` may name.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn dpdkgen_sim() -> PathBuf {
    built("dpdkgen-sim", "sim", "DPDKGEN_SIM")
}

fn built(program: &str, package: &str, variable: &str) -> PathBuf {
    if let Some(named) = std::env::var_os(variable) {
        let path = PathBuf::from(named);
        assert!(
            path.is_file(),
            "{variable} names {}, which is no file",
            path.display()
        );
        return path;
    }
    let target = target();
    let places = ["release", "debug"].map(|profile| target.join(profile).join(program));
    let found = places.into_iter().find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "{program} is not built: run `cargo build --release -p {package}`, or name one by \
             {variable}"
        )
    })
}

/// Returns the folder that cargo builds into, where a test may leave files to be looked at.
///
/// # Panics
///
/// If a running program has no path.
#[must_use]
pub fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a running program has a path");
    // target/PROFILE/deps/TEST
    test.ancestors().nth(3).expect("cargo's folders").to_owned()
}

/// Returns the CPUs that this process may use.
///
/// # Panics
///
/// If the kernel does not tell.
#[must_use]
pub fn cpus() -> Vec<usize> {
    let status = fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let number = |text: &str| text.parse::<usize>().expect("a CPU's number");
    let ranges = line.expect("the kernel tells the CPUs").trim().split(',');
    ranges
        .flat_map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            number(first)..=number(last)
        })
        .collect()
}

/// Returns a CPU for each of two programs that poll: the same if there is only one.
///
/// # Panics
///
/// If the kernel does not tell the CPUs.
#[must_use]
pub fn two_cpus() -> (usize, usize) {
    let cpus = cpus();
    (cpus[0], cpus[cpus.len() - 1])
}
