//! The CPUs that other programs poll on, which a program without EAL options leaves alone if there
//! are others.

use std::collections::BTreeSet;

use super::root::{Root, status_field};

/// Returns the CPUs that a running thread of another process is bound to, with no other to go to.
///
/// Lcores of DPDK's are such, and little else that users run.
#[must_use]
pub fn polled_cpus(root: &Root, own: u32) -> BTreeSet<usize> {
    let own = own.to_string();
    let is_process = |name: &String| name.bytes().all(|byte| byte.is_ascii_digit());
    let others = root.names("/proc").into_iter().filter(is_process);
    let mut polled = BTreeSet::new();
    for process in others.filter(|process| *process != own) {
        // Threads of the kernel have none.
        let command = root.text(&format!("/proc/{process}/cmdline"));
        if command.is_none_or(|command| command.is_empty()) {
            continue;
        }
        let tasks = format!("/proc/{process}/task");
        for thread in root.names(&tasks) {
            let status = root.text(&format!("{tasks}/{thread}/status"));
            polled.extend(status.and_then(|status| bound_to(&status)));
        }
    }
    polled
}

/// Returns the one CPU that a running thread may run on, by its `status`.
fn bound_to(status: &str) -> Option<usize> {
    let is_running = status_field(status, "State").is_some_and(|state| state.starts_with('R'));
    let cpus = status_field(status, "Cpus_allowed_list").filter(|_| is_running)?;
    cpus.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_runs_and_has_one_cpu_polls_on_it() {
        let status = |state: &str, cpus: &str| {
            format!("Name:\tx\nState:\t{state}\nCpus_allowed:\tff\nCpus_allowed_list:\t{cpus}\n")
        };
        assert_eq!(bound_to(&status("R (running)", "3")), Some(3));
        assert_eq!(bound_to(&status("S (sleeping)", "3")), None);
        assert_eq!(bound_to(&status("R (running)", "0-3")), None);
        assert_eq!(bound_to(&status("R (running)", "1,3")), None);
        assert_eq!(bound_to(""), None);
    }
}
