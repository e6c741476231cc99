//! The EAL's options: those for a user who gave none, and those that end the program.

use super::affinity;

/// Returns EAL options for a user who gave none: the CPUs that the process may use, as many as
/// `workers` need beside the main lcore, and nothing shared, so that several programs run side by
/// side.
#[must_use]
pub fn default_args(workers: usize) -> Vec<String> {
    let cpus = affinity::saved().map(|set| set.cpus()).unwrap_or_default();
    let list: Vec<String> = cpus
        .into_iter()
        .filter(|&cpu| cpu < dpdk_sys::DG_MAX_LCORES as usize)
        .take(workers.saturating_add(1))
        .map(|cpu| cpu.to_string())
        .collect();
    let mut args = vec!["--in-memory".to_owned()];
    if !list.is_empty() {
        args.extend(["-l".to_owned(), list.join(",")]);
    }
    args
}

/// The options for a log that tells what matters: warnings, and of netvsc notices too, since it says
/// no louder that a VF is missing.
///
/// Of two that match the EAL takes the last one for what is there already, and the first one for
/// drivers that it loads.
pub(super) const LOG_LEVELS: [&str; 3] = [
    "--log-level=pmd.net.netvsc.driver:notice",
    "--log-level=*:warning",
    "--log-level=pmd.net.netvsc.driver:notice",
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
}
