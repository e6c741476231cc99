//! The lines of the table that say how busy each lcore is.

use super::table::entry;
use crate::progress::{Step, WorkerProgress};
use crate::summary::Role;
use crate::text::words;

/// Returns the busy shares of a role's workers, as in `Busy rx     lcore 2:  31 %  lcore 3:  28 %`:
/// `each`, in as many lines as it takes, or from the least to the most.
pub fn busy(step: &Step<'_>, role: Role, columns: usize, each: bool) -> Vec<String> {
    let workers = step.now().workers.iter().enumerate();
    let workers: Vec<_> = workers.filter(|(_, worker)| worker.role == role).collect();
    let shares: Vec<_> = workers
        .iter()
        .map(|(number, _)| step.busy(*number))
        .collect();
    let name = match role {
        Role::Tx => "Busy tx",
        Role::Rx => "Busy rx",
        Role::Reflect => "Busy",
    };
    if workers.is_empty() {
        return Vec::new();
    }
    if !each && workers.len() > 1 {
        let known = shares.iter().flatten().copied();
        let (least, most) = known.fold((1.0_f64, 0.0_f64), |(least, most), share| {
            (least.min(share), most.max(share))
        });
        let range = format!(
            "{} workers: {} to {}",
            shares.len(),
            words::short_share(least.min(most)),
            words::short_share(most)
        );
        return entry(name, &[range], columns);
    }
    let named = names(
        &workers
            .iter()
            .map(|(_, worker)| *worker)
            .collect::<Vec<_>>(),
    );
    let told: Vec<_> = named
        .iter()
        .zip(shares)
        .map(|(name, share)| {
            let share = share.map_or("-".to_owned(), words::short_share);
            format!("{name}: {share:>5}")
        })
        .collect();
    let longest = told.iter().map(|told| told.chars().count()).max();
    let longest = longest.unwrap_or(0);
    let mut padded: Vec<_> = told
        .iter()
        .map(|told| format!("{told:>longest$} "))
        .collect();
    if let Some(last) = padded.last_mut() {
        last.pop();
    }
    entry(name, &padded, columns)
        .into_iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// Returns names that tell `workers` of one role apart: by their lcores, and where these have several
/// by port and queue as far as these differ.
fn names(workers: &[&WorkerProgress]) -> Vec<String> {
    let differ = |of: &dyn Fn(&WorkerProgress) -> String| {
        let mut seen: Vec<_> = workers.iter().map(|worker| of(worker)).collect();
        seen.sort_unstable();
        seen.dedup();
        seen.len()
    };
    let is_shared = differ(&|worker| worker.lcore.to_string()) < workers.len();
    let by_port = is_shared && differ(&|worker| worker.port.clone()) > 1;
    let by_queue = is_shared && differ(&|worker| worker.queue.to_string()) > 1;
    let name = |worker: &&WorkerProgress| {
        let mut name = format!("lcore {}", worker.lcore);
        if by_port {
            name += &format!(", {}", worker.port);
        }
        if by_queue {
            name += &format!(", queue {}", worker.queue);
        }
        name
    };
    workers.iter().map(name).collect()
}
