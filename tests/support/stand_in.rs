//! A port that behaves as netvsc with a VF does (`tests/netvsc`), built when a test first wants it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use super::machine::{self, dpdkgen_rt};
use super::ports;
use super::program::run;
use super::sysroot::Sysroot;

/// The address that the netvsc port and its VF share: that of the NIC to test with of the machines
/// on Azure in `tests/sysroots`.
pub const MAC: &str = "7c:1e:52:25:5c:a6";
/// The time that compiling it may take.
const BUILD: Duration = Duration::from_secs(60);

/// A netvsc port over a `wire`, which is another device of the program's.
pub struct Netvsc {
    folder: TempDir,
    wire: String,
    vf: String,
    vf_options: String,
    options: String,
}

impl Netvsc {
    /// Makes one whose VF has the driver `vf` (`mlx5_pci`, `net_mana`); `vf_options` and `options`
    /// are further arguments of the two devices, such as `release=2411`.
    ///
    /// # Panics
    ///
    /// If there is no folder for its files.
    #[must_use]
    pub fn new(wire: &str, vf: &str, vf_options: &str, options: &str) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            wire: wire.to_owned(),
            vf: format!("{vf}0"),
            vf_options: vf_options.to_owned(),
            options: options.to_owned(),
        }
    }

    /// Returns the command of `dpdkgen-rt` on `lcores` with the port and `mib` of memory; spaces
    /// part its own `arguments`.
    #[must_use]
    pub fn dpdkgen(&self, lcores: &str, mib: u32, arguments: &str) -> Command {
        let name = self.wire.split(',').next().unwrap_or_default();
        let shared = format!("wire={name},mac={MAC}");
        let [log, host] = ["log", "host"].map(|file| self.file(file));
        let devices = [
            self.wire.clone(),
            format!("{},{shared},{}", self.vf, self.vf_options)
                .trim_end_matches(',')
                .to_owned(),
            format!(
                "net_netvsc0,{shared},log={},host={},{}",
                ports::text(&log),
                ports::text(&host),
                self.options
            )
            .trim_end_matches(',')
            .to_owned(),
        ];
        command(lcores, &devices, mib, arguments)
    }

    /// Returns the command of `dpdkgen-rt` with the VF alone, which DPDK drives without netvsc.
    #[must_use]
    pub fn with_bare_vf(&self, lcores: &str, mib: u32, arguments: &str) -> Command {
        let name = self.wire.split(',').next().unwrap_or_default();
        let host = self.file("host");
        let vf = format!(
            "{},wire={name},mac={MAC},host={},{}",
            self.vf,
            ports::text(&host),
            self.vf_options
        );
        let devices = [self.wire.clone(), vf.trim_end_matches(',').to_owned()];
        command(lcores, &devices, mib, arguments)
    }

    /// Returns `command` where sysfs is that of `machine`. Only root can run it.
    #[must_use]
    pub fn on(machine: &Sysroot, command: &Command) -> Command {
        let mut inside = Command::new("unshare");
        inside
            .args(["--mount", "sh", "-ec"])
            .arg(
                "mount --bind \"$0/sys/bus\" /sys/bus
                 mount --bind \"$0/sys/class/net\" /sys/class/net
                 exec \"$@\"",
            )
            .arg(machine.path())
            .arg(command.get_program())
            .args(command.get_args());
        inside
    }

    /// Has the host take the VF away, or give it back.
    ///
    /// # Panics
    ///
    /// If that cannot be written.
    pub fn set_vf(&self, is_there: bool) {
        let wanted = if is_there { "here\n" } else { "away\n" };
        // In one step, so that nobody reads half of it.
        fs::write(self.file("new"), wanted).expect("a file of ours");
        fs::rename(self.file("new"), self.file("host")).expect("a file of ours");
    }

    /// Returns what its drivers were asked for, line by line.
    #[must_use]
    pub fn asked_for(&self) -> Vec<String> {
        let log = fs::read_to_string(self.file("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// Returns a file of its own.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn command(lcores: &str, devices: &[String], mib: u32, arguments: &str) -> Command {
    let mut command = Command::new(dpdkgen_rt());
    command
        .args(ports::eal_with(lcores, devices, mib))
        .arg("-d")
        .arg(library())
        .arg("--")
        .args(arguments.split_whitespace());
    command
}

/// Returns where DPDK's headers for drivers are, if they are: `tests/netvsc/headers` gets them.
pub(super) fn headers() -> Option<PathBuf> {
    let named = std::env::var_os("DPDKGEN_DRIVER_HEADERS").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| machine::target().join("driver-headers"));
    folder
        .join("lib/ethdev/ethdev_driver.h")
        .is_file()
        .then_some(folder)
}

/// Returns whether only some may write to `folder` and those above: the EAL takes a driver from no
/// other (`verify_perms`).
pub(super) fn is_private(folder: &Path) -> bool {
    folder.ancestors().all(|folder| {
        let mode = fs::metadata(folder).map(|metadata| metadata.permissions().mode());
        mode.is_ok_and(|mode| mode & 0o002 == 0)
    })
}

/// Builds the library once, and returns its path. A test that calls this has asked for
/// `Need::DriverHeaders`.
fn library() -> &'static PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = machine::target().join("netvsc-stand-in");
        fs::create_dir_all(&folder).expect("a folder beside what cargo builds");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/netvsc/build");
        let mut build = Command::new(script);
        build.arg(headers().expect("the headers")).arg(&folder);
        let _ = run(build, BUILD).ok();
        folder.join("librte_net_stand_in.so")
    })
}
