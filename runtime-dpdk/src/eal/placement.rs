//! Which lcore runs which worker.

use std::collections::BTreeSet;

use super::Eal;
use super::lcore::{self, Lcore};

/// The lcore of each worker, in the workers' order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerLcores(Vec<Lcore>);

/// Workers that have to take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// How many workers there are.
    pub workers: usize,
    /// How many lcores run them, which are fewer.
    pub lcores: usize,
}

impl WorkerLcores {
    /// Spreads `workers` over the EAL's lcores.
    #[must_use]
    pub fn assign(eal: &Eal, workers: usize) -> Self {
        Self(spread(workers, &lcore::all(eal)))
    }

    /// Returns the lcores, one a worker.
    #[must_use]
    pub fn as_slice(&self) -> &[Lcore] {
        &self.0
    }

    /// Returns how lcores are shared, if they are.
    #[must_use]
    pub fn sharing(&self) -> Option<Sharing> {
        let (workers, lcores) = (self.0.len(), self.used());
        (lcores < workers).then_some(Sharing { workers, lcores })
    }

    /// Returns whether workers run on as many lcores as there are `cpus`, so that no CPU is left to
    /// the EAL's interrupt thread.
    #[must_use]
    pub fn take_all(&self, cpus: usize) -> bool {
        self.used() >= cpus
    }

    /// Returns how many lcores run workers.
    fn used(&self) -> usize {
        let ids: BTreeSet<u32> = self.0.iter().map(|lcore| lcore.id).collect();
        ids.len()
    }
}

/// Spreads `workers` over `lcores`, of which the first is the main one, and returns the lcore of
/// each.
///
/// As long as there is an lcore for each beside the main one, each gets its own and the main one
/// stays free. Otherwise the main one takes workers too, and lcores are shared as evenly as it
/// goes.
fn spread(workers: usize, lcores: &[Lcore]) -> Vec<Lcore> {
    let takers = if workers < lcores.len() {
        &lcores[1..]
    } else {
        lcores
    };
    takers.iter().copied().cycle().take(workers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lcores(count: u32) -> Vec<Lcore> {
        (0..count).map(|id| Lcore { id, numa_node: 0 }).collect()
    }

    fn spread(workers: usize, count: u32) -> Vec<u32> {
        let spread = super::spread(workers, &lcores(count));
        spread.iter().map(|lcore| lcore.id).collect()
    }

    #[test]
    fn the_main_lcore_stays_free_while_there_are_others() {
        assert_eq!(spread(1, 2), [1]);
        assert_eq!(spread(2, 4), [1, 2]);
        assert_eq!(spread(3, 4), [1, 2, 3]);
    }

    #[test]
    fn the_main_lcore_takes_a_worker_when_there_is_one_for_each() {
        assert_eq!(spread(2, 2), [0, 1]);
        assert_eq!(spread(1, 1), [0]);
    }

    #[test]
    fn too_few_lcores_are_shared_evenly() {
        assert_eq!(spread(3, 2), [0, 1, 0]);
        assert_eq!(spread(4, 1), [0; 4]);
    }

    #[test]
    fn nothing_to_run_or_nowhere_to_run_it() {
        assert!(spread(0, 2).is_empty());
        assert!(spread(3, 0).is_empty());
    }

    #[test]
    fn every_worker_has_an_lcore_and_sharing_is_told() {
        for workers in 1..20 {
            for count in 1..10 {
                let all = WorkerLcores(super::spread(workers, &lcores(count)));
                assert_eq!(all.as_slice().len(), workers);
                let lcores = count as usize;
                let expected = (workers > lcores).then_some(Sharing { workers, lcores });
                assert_eq!(all.sharing(), expected);
                assert_eq!(all.take_all(8), workers >= 8 && lcores >= 8);
            }
        }
    }
}
