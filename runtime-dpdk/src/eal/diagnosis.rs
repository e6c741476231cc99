//! Why the EAL did not start, read from what it printed.
//!
//! The EAL's error numbers hardly tell causes apart (no hugepages are `EACCES`), so its log is
//! read. The texts are those of DPDK 22.11 to 25.11; one that is not known here is passed on.

use std::fs;

use super::errno::Errno;
use super::error::StartError;
use super::log::{clean, is_telling};
use super::privileges::is_root;
use crate::machine::cgroup::{HugepageLimit, hugepage_limit};
use crate::machine::root::Root;

/// A start that failed, and what matters of the machine that it failed on.
pub(super) struct Attempt<'a> {
    args: &'a [String],
    /// What the EAL printed and logged.
    text: &'a str,
    error: Errno,
    free_hugepages: u64,
    hugepage_limit: Option<HugepageLimit>,
    is_root: bool,
}

impl<'a> Attempt<'a> {
    /// Describes a start with `args` that printed `text` and left `error`, on this machine.
    pub(super) fn new(args: &'a [String], text: &'a str, error: Errno) -> Self {
        Self {
            args,
            text,
            error,
            free_hugepages: free_hugepages(),
            hugepage_limit: hugepage_limit(&Root::own()),
            is_root: is_root(),
        }
    }

    fn says(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    fn has_option(&self, option: &str) -> bool {
        self.args.iter().any(|arg| arg == option)
    }

    /// Returns the rest of the first line that has `start` in it.
    fn after(&self, start: &str) -> Option<&'a str> {
        self.text
            .lines()
            .find_map(|line| line.split_once(start))
            .map(|(_, rest)| rest.trim())
    }
}

/// Tells why it failed.
pub(super) fn diagnose(attempt: &Attempt) -> StartError {
    bad_option(attempt)
        .or_else(|| bad_lcores(attempt))
        .or_else(|| bad_device(attempt))
        .or_else(|| no_memory(attempt))
        .unwrap_or_else(|| other(attempt))
}

fn bad_option(attempt: &Attempt) -> Option<StartError> {
    // getopt shows `'--long'` in quotes, and letters without their `-`.
    let short = |letter: &str| format!("-{}", letter.trim_matches('\''));
    if attempt.has_option("--no-huge") && attempt.has_option("--in-memory") {
        return Some(StartError::Exclusive);
    }
    if let Some(option) = attempt.after("unrecognized option ") {
        let option = option.to_owned();
        return Some(StartError::UnknownOption { option });
    }
    if let Some(letter) = attempt.after("invalid option -- ") {
        let option = short(letter);
        return Some(StartError::UnknownOption { option });
    }
    // From 25.11 on it is rte_argparse that reads them.
    if let Some(option) = argparse(attempt, "unknown argument ", "!") {
        return Some(StartError::UnknownOption { option });
    }
    if let Some(option) = argparse(attempt, "ARGPARSE: argument ", " doesn't have value!") {
        return Some(StartError::MissingValue { option });
    }
    let option = if let Some(letter) = attempt.after("option requires an argument -- ") {
        short(letter)
    } else {
        let option = attempt.after(": option ")?;
        option.strip_suffix(" requires an argument")?.to_owned()
    };
    Some(StartError::MissingValue { option })
}

/// Returns the option between `start` and `end` of a line, quoted as getopt does.
fn argparse(attempt: &Attempt, start: &str, end: &str) -> Option<String> {
    let option = attempt.after(start)?.strip_suffix(end)?;
    let is_long = option.starts_with("--");
    Some(if is_long {
        format!("'{option}'")
    } else {
        option.to_owned()
    })
}

fn bad_lcores(attempt: &Attempt) -> Option<StartError> {
    let there = attempt
        .after("specified cores are part of ")
        .map(str::to_owned);
    if there.is_none() && !attempt.says("core ") {
        return None;
    }
    let missing: Vec<String> = attempt
        .text
        .lines()
        .filter_map(|line| {
            line.strip_suffix(" unavailable")?
                .rsplit_once("core ")
                .map(|(_, number)| number.to_owned())
        })
        .collect();
    if missing.is_empty() {
        return None;
    }
    let there = there.unwrap_or_else(online_cpus);
    Some(StartError::NoSuchLcores { missing, there })
}

fn bad_device(attempt: &Attempt) -> Option<StartError> {
    let device = attempt.after("Unable to parse device ")?.to_owned();
    Some(StartError::NoSuchDevice { device })
}

fn no_memory(attempt: &Attempt) -> Option<StartError> {
    if attempt.says("Is another primary process running") {
        return Some(StartError::RuntimeFilesTaken);
    }
    let memory = [
        "Cannot get hugepage information",
        "Cannot init memory",
        "Cannot init memzone",
    ];
    if !memory.iter().any(|text| attempt.says(text)) {
        return None;
    }
    let reason = cause(attempt);
    Some(if attempt.has_option("--no-huge") {
        StartError::NoMemory { reason }
    } else if attempt.free_hugepages == 0 {
        StartError::NoHugepages
    } else if let Some(limit) = attempt.hugepage_limit.clone() {
        StartError::HugepagesLimited { limit }
    } else if attempt.says("Not enough memory available") {
        StartError::TooFewHugepages { reason }
    } else {
        let is_root = attempt.is_root;
        StartError::HugepagesUnusable { reason, is_root }
    })
}

fn other(attempt: &Attempt) -> StartError {
    let reason = cause(attempt);
    match attempt.error.number() {
        libc::EACCES | libc::EPERM => StartError::Forbidden { reason },
        _ if attempt.says("Permission denied") => StartError::Forbidden { reason },
        libc::EINVAL | libc::ENODEV => StartError::BadOptions { reason },
        _ => StartError::Other { reason },
    }
}

/// Returns what went wrong in the EAL's words, with the remedy that it names, if it does.
fn cause(attempt: &Attempt) -> String {
    let reason = reason(attempt);
    let names_remedy = |line: &&str| line.to_ascii_lowercase().contains("please ");
    let remedy = attempt.text.lines().find(names_remedy).map(clean);
    match remedy.filter(|remedy| *remedy != reason) {
        Some(remedy) => format!("{reason}; {remedy}"),
        None => reason,
    }
}

/// Returns the last thing that the EAL said before it gave up, or that it gave up.
fn reason(attempt: &Attempt) -> String {
    let mut telling = Vec::new();
    for line in attempt.text.lines() {
        if let Some(fatal) = line.strip_prefix("EAL: FATAL: ") {
            return telling.pop().unwrap_or_else(|| clean(fatal));
        }
        if is_telling(line) {
            telling.push(clean(line));
        }
    }
    // Up to 23.11 it says FATAL; later that it gives up is the last of the lines
    // (rte_eal_init_alert).
    let gave_up = telling.pop();
    telling
        .pop()
        .or(gave_up)
        .unwrap_or_else(|| attempt.error.to_string())
}

/// Counts the hugepages that nobody has taken, of any size and node.
fn free_hugepages() -> u64 {
    let Ok(sizes) = fs::read_dir("/sys/kernel/mm/hugepages") else {
        return 0;
    };
    sizes
        .flatten()
        .filter_map(|size| fs::read_to_string(size.path().join("free_hugepages")).ok())
        .filter_map(|text| text.trim().parse::<u64>().ok())
        .sum()
}

fn online_cpus() -> String {
    fs::read_to_string("/sys/devices/system/cpu/online")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt<'a>(args: &'a [String], text: &'a str, error: i32) -> Attempt<'a> {
        Attempt {
            args,
            text,
            error: Errno::of(error),
            free_hugepages: 0,
            hugepage_limit: None,
            is_root: false,
        }
    }

    #[test]
    fn what_getopt_says_names_the_option() {
        let told = |text| diagnose(&attempt(&[], text, libc::EINVAL));
        let unknown = |option: &str| StartError::UnknownOption {
            option: option.to_owned(),
        };
        let missing = |option: &str| StartError::MissingValue {
            option: option.to_owned(),
        };
        assert_eq!(
            told("x: unrecognized option '--bogus'\nmore"),
            unknown("'--bogus'")
        );
        assert_eq!(told("x: invalid option -- 'Z'"), unknown("-Z"));
        assert_eq!(told("x: option requires an argument -- 'l'"), missing("-l"));
        assert_eq!(
            told("x: option '--vdev' requires an argument"),
            missing("'--vdev'")
        );
    }

    #[test]
    fn what_argparse_says_names_the_option() {
        let told = |text| diagnose(&attempt(&[], text, libc::EINVAL));
        let option = "'--bogus'".to_owned();
        let unknown = StartError::UnknownOption { option };
        assert_eq!(told("ARGPARSE: unknown argument --bogus!"), unknown);
        let option = "-l".to_owned();
        let missing = StartError::MissingValue { option };
        assert_eq!(told("ARGPARSE: argument -l doesn't have value!"), missing);
    }

    #[test]
    fn that_it_gave_up_is_not_why() {
        let reason = "invalid core list syntax".to_owned();
        let text = "EAL: invalid core list syntax\nEAL: Invalid 'command line' arguments.\n";
        let start = attempt(&[], text, libc::EINVAL);
        assert_eq!(diagnose(&start), StartError::BadOptions { reason });
        let reason = "Invalid 'command line' arguments".to_owned();
        let start = attempt(&[], "EAL: Invalid 'command line' arguments.", libc::EINVAL);
        assert_eq!(diagnose(&start), StartError::BadOptions { reason });
    }

    #[test]
    fn a_remedy_of_its_own_is_kept() {
        let text = "EAL: lcore 130 >= RTE_MAX_LCORE (128)\n\
                    EAL: to use high physical core ids, please use --lcores, e.g. --lcores 0@130\n\
                    EAL: invalid core list syntax\n\
                    EAL: FATAL: Invalid 'command line' arguments.\n";
        let reason = "invalid core list syntax; to use high physical core ids, please use \
                      --lcores, e.g. --lcores 0@130"
            .to_owned();
        let start = attempt(&[], text, libc::EINVAL);
        assert_eq!(diagnose(&start), StartError::BadOptions { reason });
    }

    #[test]
    fn a_control_groups_limit_is_named() {
        let text = "EAL: Not enough memory available!\nEAL: FATAL: Cannot init memory";
        let mut start = attempt(&[], text, libc::ENOMEM);
        let limit = HugepageLimit {
            bytes: 64 << 20,
            file: "/sys/fs/cgroup/x/hugetlb.2MB.max".to_owned(),
        };
        (start.free_hugepages, start.hugepage_limit) = (1, Some(limit.clone()));
        assert_eq!(diagnose(&start), StartError::HugepagesLimited { limit });
    }

    #[test]
    fn memory_is_told_by_what_there_is_of_it() {
        let text = "EAL: Not enough memory available!\nEAL: FATAL: Cannot init memory";
        let mut start = attempt(&[], text, libc::ENOMEM);
        assert_eq!(diagnose(&start), StartError::NoHugepages);
        start.free_hugepages = 1;
        let reason = "Not enough memory available".to_owned();
        let too_few = StartError::TooFewHugepages {
            reason: reason.clone(),
        };
        assert_eq!(diagnose(&start), too_few);
        let args = ["--no-huge".to_owned()];
        start.args = &args;
        assert_eq!(diagnose(&start), StartError::NoMemory { reason });
    }

    #[test]
    fn what_is_not_known_is_passed_on() {
        let reason = "Something new".to_owned();
        let start = attempt(&[], "EAL: Something new.\nEAL: FATAL: No", libc::EBUSY);
        assert_eq!(diagnose(&start), StartError::Other { reason });
    }
}
