//! Why the EAL did not start, told in one sentence from what it printed.
//!
//! The EAL's error numbers hardly tell causes apart (no hugepages are `EACCES`), so its log is read.
//! The texts are those of DPDK 22.11 to 24.11; one that is not known here is passed on.

use std::ffi::c_int;
use std::fs;

use dpdkgen_run::failure::Failure;

use super::errno;

/// A start that failed, and what matters of the machine that it failed on.
pub struct Attempt<'a> {
    args: &'a [String],
    /// What the EAL printed and logged.
    text: &'a str,
    /// Its error number.
    error: c_int,
    free_hugepages: u64,
    root: bool,
}

impl<'a> Attempt<'a> {
    pub fn of(args: &'a [String], text: &'a str, error: c_int) -> Self {
        Self {
            args,
            text,
            error,
            free_hugepages: free_hugepages(),
            root: is_root(),
        }
    }

    fn says(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    fn has_option(&self, option: &str) -> bool {
        self.args.iter().any(|arg| arg == option)
    }

    /// The rest of the first line that has `start` in it.
    fn after(&self, start: &str) -> Option<&'a str> {
        self.text
            .lines()
            .find_map(|line| line.split_once(start))
            .map(|(_, rest)| rest.trim())
    }
}

/// The sentence, and whether the request or the machine is at fault.
pub fn failure(attempt: &Attempt) -> Failure {
    bad_option(attempt)
        .or_else(|| bad_lcores(attempt))
        .or_else(|| bad_device(attempt))
        .or_else(|| no_memory(attempt))
        .unwrap_or_else(|| other(attempt))
}

fn bad_option(attempt: &Attempt) -> Option<Failure> {
    if attempt.has_option("--no-huge") && attempt.has_option("--in-memory") {
        return Some(Failure::request(
            "the EAL options --no-huge and --in-memory exclude each other: leave one out (with \
             --no-huge, --no-shconf lets several programs run side by side)",
        ));
    }
    let problem = if let Some(option) = attempt.after("unrecognized option ") {
        format!("{option} is not known; dpdkgen's own options go behind the `--`")
    } else if let Some(letter) = attempt.after("invalid option -- ") {
        format!(
            "-{} is not known; dpdkgen's own options go behind the `--`",
            letter.trim_matches('\'')
        )
    } else if let Some(letter) = attempt.after("option requires an argument -- ") {
        format!("-{} lacks its value", letter.trim_matches('\''))
    } else {
        let option = attempt
            .after(": option ")?
            .strip_suffix(" requires an argument")?;
        format!("{option} lacks its value")
    };
    Some(Failure::request(format!("the EAL option {problem}")))
}

fn bad_lcores(attempt: &Attempt) -> Option<Failure> {
    let there = attempt
        .after("specified cores are part of ")
        .map(str::to_owned);
    if there.is_none() && !attempt.says("core ") {
        return None;
    }
    let missing: Vec<&str> = attempt
        .text
        .lines()
        .filter_map(|line| {
            line.strip_suffix(" unavailable")?
                .rsplit_once("core ")
                .map(|(_, n)| n)
        })
        .collect();
    if missing.is_empty() {
        return None;
    }
    let there = there.unwrap_or_else(online_cpus);
    Some(Failure::request(format!(
        "the EAL options ask for lcore {}, but this machine has lcores {there}: choose among these \
         with `-l`",
        missing.join(", ")
    )))
}

fn bad_device(attempt: &Attempt) -> Option<Failure> {
    let device = attempt.after("Unable to parse device ")?;
    Some(Failure::request(format!(
        "no DPDK driver here takes the device {device}: check --vdev and -a before the `--`, and \
         that the driver's library is installed"
    )))
}

fn no_memory(attempt: &Attempt) -> Option<Failure> {
    const WITHOUT: &str = "or do without hugepages by `--no-huge -m 256 --no-pci` before the `--`";
    if attempt.says("Is another primary process running") {
        return Some(Failure::machine(
            "another DPDK program has taken the EAL's runtime files: give this one --in-memory (with \
             --no-huge: --no-shconf) or a --file-prefix of its own before the `--`",
        ));
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
    Some(Failure::machine(if attempt.has_option("--no-huge") {
        format!(
            "the EAL could not get its memory from the system ({reason}): ask for less with `-m`"
        )
    } else if attempt.free_hugepages == 0 {
        format!(
            "no hugepages are free: reserve some as root, `echo 1024 > /proc/sys/vm/nr_hugepages`, \
             {WITHOUT}"
        )
    } else if attempt.says("Not enough memory available") {
        format!(
            "too few hugepages are free ({reason}): reserve more as root, `echo 1024 > \
             /proc/sys/vm/nr_hugepages`, or ask for less with `-m`"
        )
    } else if attempt.root {
        format!(
            "the hugepages cannot be used ({reason}): add --in-memory before the `--`, or mount \
             them with `mount -t hugetlbfs nodev /dev/hugepages`, {WITHOUT}"
        )
    } else {
        format!(
            "the hugepages cannot be used, perhaps for want of permission ({reason}): add \
             --in-memory before the `--`, run as root, {WITHOUT}"
        )
    }))
}

fn other(attempt: &Attempt) -> Failure {
    let sentence = |advice: &str| format!("DPDK's EAL did not start: {}{advice}", cause(attempt));
    match attempt.error {
        libc::EACCES | libc::EPERM => Failure::machine(sentence(
            "; run as root, or grant this user what is missing",
        )),
        _ if attempt.says("Permission denied") => Failure::machine(sentence(
            "; run as root, or grant this user what is missing",
        )),
        libc::EINVAL | libc::ENODEV => {
            Failure::request(sentence("; check the EAL options before the `--`"))
        }
        _ => Failure::machine(sentence("; `-v` shows its whole log")),
    }
}

/// What went wrong in the EAL's words: the last thing that it said before it gave up, or that it
/// gave up.
fn cause(attempt: &Attempt) -> String {
    let mut before = None;
    for line in attempt.text.lines() {
        if let Some(fatal) = line.strip_prefix("EAL: FATAL: ") {
            return before.unwrap_or_else(|| clean(fatal));
        }
        if is_telling(line) {
            before = Some(clean(line));
        }
    }
    before.unwrap_or_else(|| errno::error_text(attempt.error))
}

/// The last two lines that tell something, since the last one often says only that there was an
/// error; none if there was none.
pub fn last_lines(text: &str) -> Option<String> {
    let mut lines: Vec<String> = text
        .lines()
        .rev()
        .filter(|line| is_telling(line))
        .take(2)
        .map(clean)
        .collect();
    lines.dedup();
    lines.reverse();
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// Whether a line says something that matters.
pub fn is_telling(line: &str) -> bool {
    const NOISE: &[&str] = &[
        // Of page sizes that nobody reserved, and of network cards that the kernel drives.
        "EAL: No free ",
        "eth_virtio_pci_init(): ",
        "EAL: Requested device ",
        // After the reason for which a probe failed.
        "EAL: Bus (",
        // Of every memif port with --no-shconf, of what secondary processes would need.
        "rte_pmd_memif_probe(): Failed to register mp action callback",
        // Of every program that does not use what the telemetry had in earlier versions.
        "TELEMETRY: ",
    ];
    !line.trim().is_empty() && !NOISE.iter().any(|start| line.starts_with(start))
}

fn clean(line: &str) -> String {
    let line = line.trim().trim_end_matches(['.', '!']);
    line.strip_prefix("EAL: ").unwrap_or(line).to_owned()
}

/// Hugepages that nobody has taken, of any size and node.
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

/// Whether the process has the rights of root.
pub fn is_root() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        status
            .lines()
            .any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
    })
}
