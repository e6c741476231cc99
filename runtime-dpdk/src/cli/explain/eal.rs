//! Why the EAL did not start, and what a user can do about it.

use dpdkgen_run::failure::Failure;

use super::log::explained;
use crate::eal::{LaunchError, StartError};

const WITHOUT_HUGEPAGES: &str =
    "or do without hugepages by `--no-huge -m 256 --no-pci` before the `--`";

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::NoLog { reason } => {
                Self::machine(format!("no memory for DPDK's log can be had: {reason}"))
            }
            StartError::LogNotOpened => {
                Self::machine("DPDK's log cannot be opened: too many open files")
            }
            StartError::Abandoned => Self::machine(
                "stopped while DPDK started, which did not come to an end: does a device wait for \
                 its peer?",
            ),
            StartError::NotRedirected { reason } => {
                Self::machine(format!("standard output cannot be redirected: {reason}"))
            }
            StartError::ZeroByte { option } => {
                Self::request(format!("the EAL option {option:?} has a zero byte in it"))
            }
            StartError::TooManyOptions => Self::request("too many EAL options"),
            StartError::Leftover { argument } => Self::request(format!(
                "the EAL options before `--` take no argument {argument:?}: remove it, or move it \
                 behind the `--`"
            )),
            StartError::Exclusive => Self::request(
                "the EAL options --no-huge and --in-memory exclude each other: leave one out (with \
                 --no-huge, --no-shconf lets several programs run side by side)",
            ),
            StartError::UnknownOption { option } => Self::request(format!(
                "the EAL option {option} is not known; dpdkgen's own options go behind the `--`"
            )),
            StartError::MissingValue { option } => {
                Self::request(format!("the EAL option {option} lacks its value"))
            }
            StartError::NoSuchLcores { missing, there } => Self::request(format!(
                "the EAL options ask for lcore {}, but this machine has lcores {there}: choose \
                 among these with `-l`",
                missing.join(", ")
            )),
            StartError::NoSuchDevice { device } => Self::request(format!(
                "no DPDK driver here takes the device {device}: check --vdev and -a before the \
                 `--`, and that the driver's library is installed"
            )),
            StartError::RuntimeFilesTaken => Self::machine(
                "another DPDK program has taken the EAL's runtime files: give this one --in-memory \
                 (with --no-huge: --no-shconf) or a --file-prefix of its own before the `--`",
            ),
            StartError::NoMemory { reason } => Self::machine(format!(
                "the EAL could not get its memory from the system ({reason}): ask for less with \
                 `-m`"
            )),
            StartError::NoHugepages => Self::machine(format!(
                "no hugepages are free: reserve some as root, `echo 1024 > \
                 /proc/sys/vm/nr_hugepages`, {WITHOUT_HUGEPAGES}"
            )),
            StartError::TooFewHugepages { reason } => Self::machine(format!(
                "too few hugepages are free ({reason}): reserve more as root, `echo 1024 > \
                 /proc/sys/vm/nr_hugepages`, or ask for less with `-m`"
            )),
            StartError::HugepagesLimited { limit } => Self::machine(format!(
                "the control group of this process may have {} MiB of hugepages at most ({}), which \
                 is too little: raise that, or ask for less with `-m` before the `--`",
                limit.bytes >> 20,
                limit.file
            )),
            StartError::HugepagesUnusable { reason, is_root } => Self::machine(if is_root {
                format!(
                    "the hugepages cannot be used ({reason}): add --in-memory before the `--`, or \
                     mount them with `mount -t hugetlbfs nodev /dev/hugepages`, {WITHOUT_HUGEPAGES}"
                )
            } else {
                format!(
                    "the hugepages cannot be used, perhaps for want of permission ({reason}): add \
                     --in-memory before the `--`, run as root, {WITHOUT_HUGEPAGES}"
                )
            }),
            StartError::Forbidden { reason } => Self::machine(format!(
                "DPDK's EAL did not start: {}; run as root, or grant this user what is missing",
                explained(&reason)
            )),
            StartError::BadOptions { reason } => Self::request(format!(
                "DPDK's EAL did not start: {}; check the EAL options before the `--`",
                explained(&reason)
            )),
            StartError::Other { reason } => Self::machine(format!(
                "DPDK's EAL did not start: {}; `-v` shows its whole log",
                explained(&reason)
            )),
        }
    }
}

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Self {
        let LaunchError { lcore, errno } = error;
        Self::machine(format!("lcore {lcore} cannot be started: {errno}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expect(error: StartError, status: u8, sentence: &str) {
        let failure = Failure::from(error);
        assert_eq!(failure.to_string(), sentence);
        assert_eq!(failure.exit_status(), status);
    }

    #[test]
    fn what_is_wrong_with_the_options_is_the_requests_fault() {
        let option = "'--bogus'".to_owned();
        expect(
            StartError::UnknownOption { option },
            2,
            "the EAL option '--bogus' is not known; dpdkgen's own options go behind the `--`",
        );
        let (missing, there) = (vec!["7".to_owned(), "9".to_owned()], "0-1".to_owned());
        expect(
            StartError::NoSuchLcores { missing, there },
            2,
            "the EAL options ask for lcore 7, 9, but this machine has lcores 0-1: choose among \
             these with `-l`",
        );
    }

    #[test]
    fn what_the_machine_lacks_is_not() {
        expect(
            StartError::NoHugepages,
            1,
            "no hugepages are free: reserve some as root, `echo 1024 > /proc/sys/vm/nr_hugepages`, \
             or do without hugepages by `--no-huge -m 256 --no-pci` before the `--`",
        );
    }
}
