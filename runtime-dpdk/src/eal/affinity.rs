//! The CPUs that a thread may run on.
//!
//! `rte_eal_init` binds the calling thread to the main lcore, and every thread made afterwards
//! inherits that. A thread that is no worker takes back what was saved before the EAL started.
#![allow(unsafe_code)]

use std::{io, mem};

/// A set of CPUs, as the kernel keeps it for a thread.
#[derive(Clone, Copy)]
pub struct CpuSet(libc::cpu_set_t);

/// Returns the CPUs that the calling thread may run on; before the EAL starts, those of the
/// process.
///
/// # Errors
///
/// If the kernel does not tell, as for more CPUs than the set has room for.
pub fn saved() -> io::Result<CpuSet> {
    // SAFETY: cpu_set_t is a plain array of integers, for which all zeros is a value.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: 0 is the calling thread; the kernel writes at most the size given, that of `set`.
    let result = unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) };
    if result == 0 {
        Ok(CpuSet(set))
    } else {
        Err(io::Error::last_os_error())
    }
}

impl CpuSet {
    /// Lets the calling thread run on these CPUs.
    ///
    /// # Errors
    ///
    /// If the process may not use any of them.
    pub fn restore(&self) -> io::Result<()> {
        // SAFETY: 0 is the calling thread; the kernel only reads the set, of the size given.
        let result = unsafe { libc::sched_setaffinity(0, size_of_val(&self.0), &raw const self.0) };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// Returns the numbers of the CPUs in the set, ascending.
    #[must_use]
    pub fn cpus(&self) -> Vec<usize> {
        let limit = size_of_val(&self.0) * 8;
        // SAFETY: CPU_ISSET reads bit `cpu` of the set, which has `limit` bits.
        (0..limit)
            .filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &self.0) })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_set_names_cpus_and_can_be_restored() {
        let set = saved().unwrap();
        assert!(!set.cpus().is_empty());
        set.restore().unwrap();
        assert_eq!(saved().unwrap().cpus(), set.cpus());
    }
}
