//! The EAL's options: those for a user who gave none, and those that end the program.

use std::collections::BTreeSet;
use std::path::Path;

use super::affinity;
use crate::machine::busy::polled_cpus;
use crate::machine::root::Root;
use crate::machine::{Card, CardKind, Machine, Nic};

/// The EAL's options that are commonly given, but for those that dpdkgen has too.
pub const OPTIONS: [&str; 22] = [
    "-l",
    "-a",
    "-b",
    "-c",
    "-d",
    "-m",
    "-n",
    "--allow",
    "--block",
    "--file-prefix",
    "--huge-dir",
    "--in-memory",
    "--iova-mode",
    "--lcores",
    "--log-level",
    "--main-lcore",
    "--no-huge",
    "--no-pci",
    "--no-shconf",
    "--no-telemetry",
    "--socket-mem",
    "--vdev",
];

/// Returns EAL options for a user who gave none: of the CPUs that the process may use as many as
/// `workers` need beside the main lcore, those first that no other program polls on, and nothing
/// shared, so that several programs run side by side.
#[must_use]
pub fn default_args(workers: usize) -> Vec<String> {
    let cpus = affinity::saved().map(|set| set.cpus()).unwrap_or_default();
    let polled = polled_cpus(&Root::own(), std::process::id());
    let mut args = vec!["--in-memory".to_owned()];
    args.extend(lcore_args(&cpus, &polled, workers));
    args
}

/// Returns the options for `workers` on `cpus`, of which others poll on those in `polled`.
fn lcore_args(cpus: &[usize], polled: &BTreeSet<usize>, workers: usize) -> Vec<String> {
    const MAX_LCORES: usize = dpdk_sys::DG_MAX_LCORES as usize;
    let is_polled = |cpu: &usize| polled.contains(cpu);
    let mut best = cpus.to_vec();
    best.sort_by_key(is_polled);
    best.truncate(workers.saturating_add(1).min(MAX_LCORES));
    let Some(&last) = best.last() else {
        return Vec::new();
    };
    // Lcores have numbers of their own where those of CPUs are too large.
    let is_large = best.iter().any(|&cpu| cpu >= MAX_LCORES);
    let list: Vec<String> = best
        .iter()
        .enumerate()
        .map(|(at, cpu)| {
            if is_large {
                format!("{at}@{cpu}")
            } else {
                cpu.to_string()
            }
        })
        .collect();
    let option = if is_large { "--lcores" } else { "-l" };
    let mut args = vec![option.to_owned(), list.join(",")];
    if is_polled(&last) {
        // The main lcore sleeps as long as there are others for the workers.
        let main = if is_large { best.len() - 1 } else { last };
        args.extend(["--main-lcore".to_owned(), main.to_string()]);
    }
    args
}

/// Returns options for a machine with NICs on VMBus whose user names no devices in `args`; `drivers` is
/// the folder from which DPDK loads its drivers.
///
/// They leave out the VFs of NICs that the kernel has, keep failsafe ports from being made of such
/// NICs (`vdev_netvsc_scan_callback`), and have buffers at addresses that the host can use, since
/// the VMBus does not say that it needs them.
#[must_use]
pub fn device_args(args: &[String], machine: &Machine, drivers: &str) -> Vec<String> {
    const OWN: &[&str] = &["-a", "--allow", "-b", "--block", "--no-pci", "--vdev"];
    let names = |options: &[&str]| {
        let is_one = |arg: &String| options.iter().any(|option| arg.starts_with(option));
        args.iter().any(is_one)
    };
    if machine.nics.is_empty() || names(OWN) {
        return Vec::new();
    }
    let mut devices = Vec::new();
    for card in &machine.cards {
        if let Some(allowed) = allowed(card, &machine.nics) {
            devices.extend(["-a".to_owned(), allowed]);
        }
    }
    if devices.is_empty() {
        devices.push("--no-pci".to_owned());
    }
    if has_vdev_netvsc(drivers) {
        devices.push("--vdev=net_vdev_netvsc0,ignore=1".to_owned());
    }
    let is_bound = machine.nics.iter().any(Nic::is_bound);
    if is_bound && !names(&["--iova-mode", "--no-huge"]) {
        devices.push("--iova-mode=pa".to_owned());
    }
    devices
}

/// Returns how `card` is named to have the EAL probe it; none if it is the VF of NICs of the
/// kernel's alone. MANA is one card for the VFs of all NICs.
fn allowed(card: &Card, nics: &[Nic]) -> Option<String> {
    let is_its = |nic: &&Nic| nic.vf.as_ref().is_some_and(|vf| vf.address == card.address);
    if card.kind == CardKind::Mana {
        let bound = nics.iter().filter(|nic| nic.is_bound());
        let macs: Vec<String> = bound
            .filter_map(|nic| Some(format!(",mac={}", nic.mac?)))
            .collect();
        return (!macs.is_empty()).then(|| format!("{}{}", card.address, macs.concat()));
    }
    let is_kernels = nics.iter().filter(is_its).any(Nic::is_kernels);
    (!is_kernels).then(|| card.address.clone())
}

/// Returns whether `drivers` has the driver that makes failsafe ports of the kernel's NICs.
fn has_vdev_netvsc(drivers: &str) -> bool {
    let names = Path::new(drivers)
        .read_dir()
        .into_iter()
        .flatten()
        .flatten();
    let mut names = names.map(|entry| entry.file_name());
    names.any(|name| name.to_string_lossy().starts_with("librte_net_vdev_netvsc"))
}

/// The options for a log that tells what matters: warnings, of netvsc notices too, since it says no
/// louder that a VF is missing, and all that memif says, since it says no louder why its peer turned
/// it away.
///
/// Of two that match the EAL takes the last one for what is there already, and the first one for
/// drivers that it loads.
pub(super) const LOG_LEVELS: [&str; 5] = [
    "--log-level=pmd.net.netvsc.driver:notice",
    "--log-level=pmd.net.memif:info",
    "--log-level=*:warning",
    "--log-level=pmd.net.netvsc.driver:notice",
    "--log-level=pmd.net.memif:info",
];

/// Returns whether the EAL will print something that was asked for, and exit.
pub(super) fn asks_for_help(args: &[String]) -> bool {
    // getopt takes any unambiguous beginning of a long option.
    let help = |arg: &str| arg == "-h" || (arg.len() > 3 && "--help".starts_with(arg));
    args.iter()
        .any(|arg| help(arg) || arg == "--log-level=help")
        || args
            .windows(2)
            .any(|pair| pair[0] == "--log-level" && pair[1] == "help")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::root::tests::machine;

    const NETWORK: &str = "{f8615163-df3e-46c5-913f-f2d2f965ed0e}";

    /// Returns what a machine of these files is given for `line`, without the driver for failsafe.
    fn devices(files: &[(&str, &str)], line: &str) -> String {
        let (_folder, root) = machine(files);
        device_args(&args(line), &Machine::read(&root), "/nowhere").join(" ")
    }

    #[test]
    fn the_vf_of_a_nic_that_the_kernel_has_is_left_out() {
        const KERNELS: &str = "7c1e5225-55d2-7c1e-5225-55d27c1e5225";
        const BOUND: &str = "7c1e5225-5ca6-7c1e-5225-5ca67c1e5225";
        let (kernels, bound) = (
            format!("/sys/bus/vmbus/devices/{KERNELS}"),
            format!("/sys/bus/vmbus/devices/{BOUND}"),
        );
        let paths: Vec<String> = [
            format!("{kernels}/class_id"),
            format!("{kernels}/driver"),
            format!("{bound}/class_id"),
            format!("{bound}/driver"),
        ]
        .into();
        let vf = |address: &str, name: &str, mac: &'static str| {
            let device = format!("/sys/bus/pci/devices/{address}");
            [
                (format!("{device}/class"), "0x020000".to_owned()),
                (format!("{device}/vendor"), "0x15b3".to_owned()),
                (format!("{device}/device"), "0x1018".to_owned()),
                (format!("/sys/class/net/{name}/address"), mac.to_owned()),
                (
                    format!("/sys/class/net/{name}/device"),
                    format!("-> ../../../{address}"),
                ),
            ]
        };
        let drivers = ["-> ../../hv_netvsc", "-> ../../uio_hv_generic"];
        let nics = [
            (paths[0].as_str(), NETWORK),
            (paths[1].as_str(), drivers[0]),
            (paths[2].as_str(), NETWORK),
            (paths[3].as_str(), drivers[1]),
        ];
        let managed = vf("927a:00:02.0", "enP1s1", "7c:1e:52:25:55:d2");
        let test = vf("1a65:00:02.0", "enP2s1", "7c:1e:52:25:5c:a6");
        let of = |entries: &[&[(String, String)]]| -> Vec<(String, String)> { entries.concat() };
        let with = |vfs: &[(String, String)], nics: &[(&str, &str)], line: &str| {
            let mut files = nics.to_vec();
            files.extend(
                vfs.iter()
                    .map(|(path, text)| (path.as_str(), text.as_str())),
            );
            devices(&files, line)
        };
        let both = of(&[&managed, &test]);
        assert_eq!(
            with(&both, &nics, "-l 0-3"),
            "-a 1a65:00:02.0 --iova-mode=pa"
        );
        // Nothing to test with: none of the kernel's is probed all the same.
        assert_eq!(with(&of(&[&managed]), &nics[..2], ""), "--no-pci");
        for own in [
            "-a 927a:00:02.0",
            "--allow=x",
            "-b x",
            "--no-pci",
            "--vdev=net_null0",
        ] {
            assert_eq!(with(&both, &nics, own), "", "{own}");
        }
        assert_eq!(with(&both, &nics, "--no-huge"), "-a 1a65:00:02.0");
        // Elsewhere all is as the user says.
        assert_eq!(with(&both, &[], ""), "");
    }

    #[test]
    fn of_mana_which_is_one_device_for_all_nics_those_are_named_that_are_bound() {
        let nic = |mac: &str| format!("/sys/bus/vmbus/devices/f8615163-0001-1000-2000-{mac}");
        let (kernels, bound) = (nic("000d3a000001"), nic("000d3a000002"));
        let paths =
            [&kernels, &bound].map(|nic| [format!("{nic}/class_id"), format!("{nic}/driver")]);
        let mana = "/sys/bus/pci/devices/7870:00:00.0";
        let card = ["class", "vendor", "device"].map(|file| format!("{mana}/{file}"));
        let files = [
            (paths[0][0].as_str(), NETWORK),
            (paths[0][1].as_str(), "-> ../../hv_netvsc"),
            (paths[1][0].as_str(), NETWORK),
            (paths[1][1].as_str(), "-> ../../uio_hv_generic"),
            (card[0].as_str(), "0x020000"),
            (card[1].as_str(), "0x1414"),
            (card[2].as_str(), "0x00ba"),
        ];
        assert_eq!(
            devices(&files, ""),
            "-a 7870:00:00.0,mac=00:0d:3a:00:00:02 --iova-mode=pa"
        );
    }

    fn args(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn help_is_recognised_as_getopt_does() {
        for line in [
            "-h",
            "--help",
            "--no-pci --hel",
            "--log-level=help",
            "--log-level help -l 0",
        ] {
            assert!(asks_for_help(&args(line)), "{line}");
        }
        for line in ["", "-l 0", "--huge-dir /x", "--h", "--log-level debug"] {
            assert!(!asks_for_help(&args(line)), "{line}");
        }
    }

    #[test]
    fn default_options_name_no_more_lcores_than_workers_and_main() {
        let args = default_args(0);
        assert_eq!(args[..2], ["--in-memory".to_owned(), "-l".to_owned()]);
        assert!(!args[2].contains(','), "{args:?}");
    }

    fn lcores(cpus: &[usize], polled: &[usize], workers: usize) -> String {
        lcore_args(cpus, &polled.iter().copied().collect(), workers).join(" ")
    }

    #[test]
    fn cpus_that_nobody_polls_on_come_first() {
        assert_eq!(lcores(&[0, 1, 2, 3], &[], 2), "-l 0,1,2");
        assert_eq!(lcores(&[0, 1, 2, 3], &[1], 2), "-l 0,2,3");
        assert_eq!(lcores(&[0, 1], &[1], 1), "-l 0,1 --main-lcore 1");
        assert_eq!(lcores(&[0, 1], &[0], 1), "-l 1,0 --main-lcore 0");
        assert_eq!(lcores(&[0, 1], &[0, 1], 1), "-l 0,1 --main-lcore 1");
        assert_eq!(lcores(&[], &[], 1), "");
    }

    #[test]
    fn cpus_beyond_the_most_lcores_are_lcores_of_other_numbers() {
        assert_eq!(lcores(&[1, 200, 300], &[], 1), "--lcores 0@1,1@200");
        assert_eq!(
            lcores(&[200, 300], &[200], 1),
            "--lcores 0@300,1@200 --main-lcore 1"
        );
        let many: Vec<usize> = (0..1024).collect();
        let listed = lcores(&many, &[], 500);
        assert!(
            listed.starts_with("-l 0,1,") && listed.ends_with(",127"),
            "{listed}"
        );
    }
}
