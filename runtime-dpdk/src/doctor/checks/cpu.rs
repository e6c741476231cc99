//! CPUs and the clock.

use super::super::finding::{Check, Finding, Step, Verdict};
use super::Subject;
use crate::machine::root::{Root, status_field};

/// Says whether a CPU is left for the EAL's interrupt thread, which sees a VF go and come back.
pub fn cpus(subject: &Subject) -> Finding {
    let Some((cpus, source)) = allowed(subject.root) else {
        let evidence =
            "neither /proc/self/status nor /sys/devices/system/cpu/online tells the CPUs";
        return Finding::new(Check::Cpus, Verdict::NotApplicable, evidence);
    };
    let count = cpus.len();
    if count < 2 {
        return Finding::new(
            Check::Cpus,
            Verdict::Warning,
            format!("{count} CPU ({source})"),
        )
        .so(
            "workers, the control thread and the EAL's interrupt thread share it, and stall \
                 each other",
        )
        .mended_by([Step::by_hand("choose a machine with 4 CPUs or more")]);
    }
    let lcores = subject.told.lcores.as_ref();
    if let Some(lcores) = lcores
        && cpus.iter().all(|cpu| lcores.contains(cpu))
    {
        let evidence = format!("-l takes all {count} CPUs ({source})");
        return Finding::new(Check::Cpus, Verdict::Warning, evidence)
            .so(
                "with a worker on each lcore none is left for the EAL's interrupt thread: when the \
                 VF goes or returns it takes half of a worker's CPU",
            )
            .mended_by([Step::by_hand(format!(
                "have a worker less than lcores, or leave one out: -l {}-{}",
                cpus[1],
                cpus[count - 1]
            ))]);
    }
    let evidence = format!("{count} CPUs ({source}): leave one of them without a worker");
    Finding::new(Check::Cpus, Verdict::Ok, evidence)
}

/// Returns the CPUs that may be used, and where that was read.
pub(super) fn allowed(root: &Root) -> Option<(Vec<usize>, &'static str)> {
    const STATUS: &str = "/proc/self/status";
    const ONLINE: &str = "/sys/devices/system/cpu/online";
    let status = root.text(STATUS).unwrap_or_default();
    let list = status_field(&status, "Cpus_allowed_list");
    if let Some(cpus) = list.and_then(list_of_cpus) {
        return Some((cpus, STATUS));
    }
    Some((list_of_cpus(&root.text(ONLINE)?)?, ONLINE))
}

/// Reads a list of CPUs such as `0-3,8`; none if it is none.
#[must_use]
pub fn list_of_cpus(list: &str) -> Option<Vec<usize>> {
    let mut cpus = Vec::new();
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        // More than any kernel has is no list of CPUs.
        if last > 8192 {
            return None;
        }
        cpus.extend(first..=last);
    }
    (!cpus.is_empty()).then_some(cpus)
}

/// Says what a reading of the clock costs.
pub fn clock(subject: &Subject) -> Finding {
    let root = subject.root;
    let info = root.text("/proc/cpuinfo").unwrap_or_default();
    let flags = info.lines().find(|line| line.starts_with("flags"));
    let source = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    let source = root.text(source).unwrap_or_else(|| "unknown".to_owned());
    let Some(flags) = flags else {
        let evidence = "/proc/cpuinfo has no flags: not an x86 CPU";
        return Finding::new(Check::Clock, Verdict::NotApplicable, evidence);
    };
    // The kernel sets both by the one bit of CPUID that says that the TSC is invariant.
    let has = |name: &str| flags.split_whitespace().any(|flag| flag == name);
    if has("constant_tsc") && has("nonstop_tsc") {
        let evidence =
            format!("the TSC is invariant (/proc/cpuinfo), the kernel's clock is {source}");
        return Finding::new(Check::Clock, Verdict::Ok, evidence);
    }
    let evidence = format!(
        "the TSC is not invariant (/proc/cpuinfo: no nonstop_tsc), the kernel's clock is {source}"
    );
    let is_fast = ["tsc", "hyperv_clocksource_tsc_page", "kvm-clock"].contains(&source.as_str());
    let finding = Finding::new(Check::Clock, Verdict::Warning, evidence);
    if is_fast {
        finding.so(
            "the time is asked of the kernel, some 25 ns a reading, once a burst each way: it matters \
             with small bursts only",
        )
    } else {
        finding
            .so("each reading of the time is a system call: rates and latencies suffer")
            .mended_by([Step::by_hand(
                "cat /sys/devices/system/clocksource/clocksource0/available_clocksource, and choose \
                 tsc or hyperv_clocksource_tsc_page if it is there",
            )])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus() {
        assert_eq!(list_of_cpus("0-2,5"), Some(vec![0, 1, 2, 5]));
        assert_eq!(list_of_cpus("7"), Some(vec![7]));
        for none in ["", "a", "1-", "(0-3)@0", "0-99999999999"] {
            assert_eq!(list_of_cpus(none), None, "{none}");
        }
    }
}
