//! The EAL's lcores, and running closures on them.
#![allow(unsafe_code)]

use std::any::Any;
use std::ffi::{c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::null_mut;
use std::thread;
use std::time::Duration;

use super::Eal;
use super::errno::Errno;
use super::error::LaunchError;

/// How often the main lcore looks whether the others have ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A thread of the EAL's, bound to its CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lcore {
    /// The EAL's number of it.
    pub id: u32,
    /// The NUMA node that it runs on.
    pub numa_node: u32,
}

/// Returns the EAL's lcores, the main one (the calling thread) first.
#[must_use]
pub fn all(_eal: &Eal) -> Vec<Lcore> {
    let lcore = |id| {
        // SAFETY: reads what the EAL, which runs, found out when it started.
        let numa_node = unsafe { dpdk_sys::rte_lcore_to_socket_id(id) };
        Lcore { id, numa_node }
    };
    // SAFETY: reads what the running EAL found out when it started.
    let mut lcores = vec![lcore(unsafe { dpdk_sys::rte_get_main_lcore() })];
    let mut id = c_uint::MAX; // one before the first
    loop {
        // SAFETY: reads what the running EAL found out; 1 leaves out the main lcore and 0 does not
        // wrap around.
        id = unsafe { dpdk_sys::rte_get_next_lcore(id, 1, 0) };
        if id >= dpdk_sys::DG_MAX_LCORES {
            return lcores;
        }
        lcores.push(lcore(id));
    }
}

/// Runs every closure on its lcore, the main lcore's in the calling thread, and returns when all
/// have ended, with their values in the same order.
///
/// A panic in one is resumed here once the others have ended, as with `std::thread::scope`, so what
/// the closures borrow need not outlive this call.
///
/// # Errors
///
/// If an lcore does not take its closure; those before it have run then.
///
/// # Panics
///
/// When an lcore is none of [`all`], or is named twice.
pub fn launch<F, T>(eal: &Eal, closures: Vec<(Lcore, F)>) -> Result<Vec<T>, LaunchError>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let lcores = all(eal);
    let mut jobs: Vec<Launch<F, T>> = Vec::with_capacity(closures.len());
    for (lcore, closure) in closures {
        assert!(lcores.contains(&lcore), "there is no lcore {}", lcore.id);
        assert!(
            jobs.iter().all(|job| job.lcore != lcore.id),
            "lcore {} is named twice",
            lcore.id
        );
        jobs.push(Launch {
            lcore: lcore.id,
            closure: Some(closure),
            outcome: None,
        });
    }
    let main = lcores[0].id;
    // From here on the jobs are reached by pointer only, so that no reference to one is made while
    // an lcore writes to it.
    let count = jobs.len();
    let base = jobs.as_mut_ptr();
    let mut running = Running {
        lcores: Vec::with_capacity(count),
    };
    let mut main_job = null_mut();
    for index in 0..count {
        // SAFETY: within the vector, which is neither moved nor changed in length until all lcores
        // have ended.
        let job = unsafe { base.add(index) };
        // SAFETY: no lcore has been given this job yet.
        let lcore = unsafe { (*job).lcore };
        if lcore == main {
            main_job = job;
            continue;
        }
        // SAFETY: `job` stays valid until the lcore has ended: `running` waits for it even when we
        // return or unwind. `F` and the `T` that it leaves may change threads (Send).
        let error =
            unsafe { dpdk_sys::rte_eal_remote_launch(Some(run_job::<F, T>), job.cast(), lcore) };
        Errno::check(error).map_err(|errno| LaunchError { lcore, errno })?;
        running.lcores.push(lcore);
    }
    if !main_job.is_null() {
        run_job::<F, T>(main_job.cast());
    }
    drop(running);
    Ok(jobs.into_iter().filter_map(Launch::value).collect())
}

/// A closure for an lcore, and what became of it.
struct Launch<F, T> {
    lcore: u32,
    closure: Option<F>,
    outcome: Option<Result<T, Box<dyn Any + Send>>>,
}

impl<F, T> Launch<F, T> {
    /// Returns what the closure returned, or resumes its panic.
    fn value(self) -> Option<T> {
        self.outcome
            .map(|outcome| outcome.unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

/// Runs on an lcore the closure of `argument`, a `Launch<F, T>` that is its alone.
extern "C" fn run_job<F: FnOnce() -> T, T>(argument: *mut c_void) -> c_int {
    // SAFETY: `launch` passes a job that lives until this lcore has ended, to this lcore only.
    let job = unsafe { &mut *argument.cast::<Launch<F, T>>() };
    if let Some(closure) = job.closure.take() {
        // A panic must not unwind into C. Whoever sees the closure's data afterwards sees the panic
        // first.
        job.outcome = Some(catch_unwind(AssertUnwindSafe(closure)));
    }
    0
}

/// The lcores that run a job; none does any more when this is gone.
struct Running {
    lcores: Vec<u32>,
}

impl Drop for Running {
    fn drop(&mut self) {
        for &lcore in &self.lcores {
            // `rte_eal_wait_lcore` spins, which would take a CPU from those who need it.
            // SAFETY: reads the state of an lcore that there is.
            while unsafe { dpdk_sys::rte_eal_get_lcore_state(lcore) } == dpdk_sys::RUNNING {
                thread::sleep(POLL_INTERVAL);
            }
            // SAFETY: waits for an lcore that was launched by the thread that is here.
            unsafe { dpdk_sys::rte_eal_wait_lcore(lcore) };
        }
    }
}
