//! Workers on lcores: which lcore takes which workers, and running them there.
#![allow(unsafe_code)]

use std::any::Any;
use std::ffi::{c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::null_mut;
use std::thread;
use std::time::Duration;

use dpdkgen_run::failure::Failure;

use crate::eal::Eal;
use crate::eal::errno::error_text;

/// How often the main lcore looks whether the others have ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A thread of the EAL's, bound to its CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lcore {
    /// The EAL's number of it.
    pub id: u32,
    /// The NUMA node that it runs on.
    pub numa_node: u32,
}

/// An lcore and the workers that it runs, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Where they run.
    pub lcore: Lcore,
    /// At least one.
    pub workers: Vec<usize>,
}

/// The EAL's lcores, the main one (the calling thread) first.
#[must_use]
pub fn all(_eal: &Eal) -> Vec<Lcore> {
    let lcore = |id| {
        // SAFETY: reads what the EAL, which runs, found out when it started.
        let numa_node = unsafe { dpdk_sys::rte_lcore_to_socket_id(id) };
        Lcore { id, numa_node }
    };
    // SAFETY: as above.
    let mut lcores = vec![lcore(unsafe { dpdk_sys::rte_get_main_lcore() })];
    let mut id = c_uint::MAX; // one before the first
    loop {
        // SAFETY: as above; 1 leaves out the main lcore and 0 does not wrap around.
        id = unsafe { dpdk_sys::rte_get_next_lcore(id, 1, 0) };
        if id >= dpdk_sys::DG_MAX_LCORES {
            return lcores;
        }
        lcores.push(lcore(id));
    }
}

/// Spreads `workers` over `lcores`, of which the first is the main one.
///
/// As long as there is an lcore for each beside the main one, each gets its own and the main one
/// stays free. Otherwise the main one takes workers too, and lcores are shared as evenly as it goes.
#[must_use]
pub fn assign(workers: usize, lcores: &[Lcore]) -> Vec<Assignment> {
    let takers = if workers < lcores.len() {
        &lcores[1..]
    } else {
        lcores
    };
    let mut assignments: Vec<Assignment> = takers
        .iter()
        .take(workers)
        .map(|&lcore| Assignment {
            lcore,
            workers: Vec::new(),
        })
        .collect();
    let count = assignments.len();
    for worker in 0..if count == 0 { 0 } else { workers } {
        assignments[worker % count].workers.push(worker);
    }
    assignments
}

/// Runs every closure on its lcore, the main lcore's in the calling thread, and returns when all
/// have ended, with their values in the same order.
///
/// A panic in one is resumed here once the others have ended, as with `std::thread::scope`, so what
/// the closures borrow need not outlive this call.
///
/// # Panics
///
/// When an lcore is none of [`all`], or is named twice.
pub fn launch<F, T>(eal: &Eal, closures: Vec<(Lcore, F)>) -> Result<Vec<T>, Failure>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let lcores = all(eal);
    let mut jobs: Vec<Job<F, T>> = Vec::with_capacity(closures.len());
    for (lcore, closure) in closures {
        assert!(lcores.contains(&lcore), "there is no lcore {}", lcore.id);
        assert!(
            jobs.iter().all(|job| job.lcore != lcore.id),
            "lcore {} is named twice",
            lcore.id
        );
        jobs.push(Job {
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
        if error != 0 {
            return Err(Failure::machine(format!(
                "lcore {lcore} cannot be started: {}",
                error_text(error)
            )));
        }
        running.lcores.push(lcore);
    }
    if !main_job.is_null() {
        run_job::<F, T>(main_job.cast());
    }
    drop(running);
    Ok(jobs.into_iter().filter_map(Job::value).collect())
}

struct Job<F, T> {
    lcore: u32,
    closure: Option<F>,
    outcome: Option<Result<T, Box<dyn Any + Send>>>,
}

impl<F, T> Job<F, T> {
    /// What the closure returned; its panic goes on.
    fn value(self) -> Option<T> {
        self.outcome
            .map(|outcome| outcome.unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

/// What an lcore runs: `argument` is a `Job<F, T>` that is its alone.
extern "C" fn run_job<F: FnOnce() -> T, T>(argument: *mut c_void) -> c_int {
    // SAFETY: `launch` passes a job that lives until this lcore has ended, to this lcore only.
    let job = unsafe { &mut *argument.cast::<Job<F, T>>() };
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
                thread::sleep(LOOK_EVERY);
            }
            // SAFETY: waits for an lcore that was launched by the thread that is here.
            unsafe { dpdk_sys::rte_eal_wait_lcore(lcore) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lcores(count: u32) -> Vec<Lcore> {
        (0..count).map(|id| Lcore { id, numa_node: 0 }).collect()
    }

    fn spread(workers: usize, count: u32) -> Vec<(u32, Vec<usize>)> {
        let assignments = assign(workers, &lcores(count));
        assignments
            .into_iter()
            .map(|a| (a.lcore.id, a.workers))
            .collect()
    }

    #[test]
    fn the_main_lcore_stays_free_while_there_are_others() {
        assert_eq!(spread(1, 2), [(1, vec![0])]);
        assert_eq!(spread(2, 4), [(1, vec![0]), (2, vec![1])]);
        assert_eq!(spread(3, 4), [(1, vec![0]), (2, vec![1]), (3, vec![2])]);
    }

    #[test]
    fn the_main_lcore_takes_a_worker_when_there_is_one_for_each() {
        assert_eq!(spread(2, 2), [(0, vec![0]), (1, vec![1])]);
        assert_eq!(spread(1, 1), [(0, vec![0])]);
    }

    #[test]
    fn too_few_lcores_are_shared_evenly() {
        assert_eq!(spread(3, 2), [(0, vec![0, 2]), (1, vec![1])]);
        assert_eq!(spread(4, 1), [(0, vec![0, 1, 2, 3])]);
    }

    #[test]
    fn nothing_to_run_or_nowhere_to_run_it() {
        assert_eq!(spread(0, 2), []);
        assert_eq!(spread(3, 0), []);
    }

    #[test]
    fn every_worker_is_assigned_once() {
        for workers in 0..20 {
            for count in 1..10 {
                let mut seen: Vec<usize> = assign(workers, &lcores(count))
                    .into_iter()
                    .flat_map(|a| a.workers)
                    .collect();
                seen.sort_unstable();
                assert_eq!(seen, (0..workers).collect::<Vec<_>>());
            }
        }
    }
}
