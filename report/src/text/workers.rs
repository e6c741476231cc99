//! The lines about the workers: how busy they were, and whether they were disturbed.

use std::collections::{BTreeMap, BTreeSet};

use super::{is_held, words};
use crate::summary::{Mode, Role, SOCKET_DRIVER, Summary, Worker};

/// The busy share from which on there is no room worth a number.
const FULL: f64 = 0.9;

/// The busy share below which the room is too far from the rate of the run to be extrapolated.
const IDLE: f64 = 0.05;

/// The share of the time from which on stalls are worth advice.
const MUCH_STALLED: f64 = 0.001;

/// The time that no system call takes for a burst.
const CALL_NS: u64 = 1_000_000;

/// Drivers that hand each burst to the kernel in a system call, which takes longer than a stall
/// may.
const BY_SYSTEM_CALL: [&str; 4] = ["net_af_packet", "net_af_xdp", "net_tap", SOCKET_DRIVER];

/// Returns the line on stalls: how many there were, and the longest with its lcore; nothing if
/// there was none.
pub fn stalls(summary: &Summary) -> Option<String> {
    let workers = &summary.workers;
    let count: u64 = workers.iter().map(|w| w.stalls.count).sum();
    if count == 0 {
        return None;
    }
    let worst = workers.iter().max_by_key(|w| w.stalls.longest_ns)?;
    let times = words::times(count);
    let longest = worst.stalls.longest_ns.map_or(String::new(), |ns| {
        let (ns, role) = (words::nanos(ns), worst.role.name());
        format!(", at worst for {ns} on lcore {} ({role})", worst.lcore)
    });
    let cause = cause(summary, worst);
    Some(format!("Polling stalled {times}{longest}{cause}."))
}

/// Returns what is to be said of the cause of a worker's stalls.
fn cause(summary: &Summary, worker: &Worker) -> String {
    let device = summary.device.iter().find(|d| d.port == worker.port);
    let driver = device.map_or("", |device| device.driver.as_str());
    let by_call = BY_SYSTEM_CALL.contains(&driver);
    if by_call && worker.stalls.longest_ns.is_some_and(|ns| ns < CALL_NS) {
        return format!(": {driver} sends each burst by a system call, which takes that long");
    }
    // A stall that long is no call, and a few short ones are worth no advice.
    let total_s = worker.stalls.total_ns.unwrap_or(0) as f64 / 1e9;
    let share = total_s / summary.duration_s.unwrap_or(f64::INFINITY);
    if share < MUCH_STALLED {
        let most = words::percent(MUCH_STALLED);
        return format!(", together less than {most} of the time");
    }
    let share = words::percent(share.min(1.0));
    let isolated = "something else runs on that core, which isolating it prevents";
    if by_call {
        return format!(
            ", together {share} of the time: {isolated}, and {driver} sends each burst by a system call"
        );
    }
    format!(", together {share} of the time: {isolated}")
}

/// Returns the line on busy shares, and on the higher rates that they leave room for.
pub fn busy(summary: &Summary) -> Option<String> {
    let cores = Cores::of(&summary.workers)?;
    let groups: Vec<_> = cores
        .by_role
        .iter()
        .map(|(roles, shares)| group(roles, shares))
        .collect();
    // Without a rate of its own a sender is as busy as it can be, which says nothing about room; and
    // what was not managed at this rate will not be at a higher one.
    let (has_rate, managed) = match (&summary.pacing, summary.mode) {
        (Some(pacing), _) => (true, is_held(pacing)),
        (None, Mode::Reflect) => (true, summary.tx.refused == 0),
        (None, Mode::SendRecv) => (false, false),
    };
    let room = match cores.busiest {
        share if has_rate && share >= FULL => ": hardly any room above this rate".to_owned(),
        share if managed && share >= IDLE => {
            format!(": room for about {:.1} times this rate", 1.0 / share)
        }
        _ => String::new(),
    };
    Some(format!("{}{room}.", words::capitalised(&groups.join(", "))))
}

/// The busy shares of the lcores: workers that share one add up.
struct Cores {
    by_role: BTreeMap<BTreeSet<Role>, Vec<f64>>,
    busiest: f64,
}

impl Cores {
    fn of(workers: &[Worker]) -> Option<Self> {
        let mut cores: BTreeMap<u32, (BTreeSet<Role>, f64)> = BTreeMap::new();
        for worker in workers {
            let core = cores.entry(worker.lcore).or_default();
            core.0.insert(worker.role);
            core.1 += worker.busy_ratio?;
        }
        let mut by_role: BTreeMap<BTreeSet<Role>, Vec<f64>> = BTreeMap::new();
        let mut busiest: f64 = 0.0;
        for (roles, share) in cores.into_values() {
            by_role.entry(roles).or_default().push(share);
            busiest = busiest.max(share);
        }
        (!by_role.is_empty()).then_some(Self { by_role, busiest })
    }
}

/// Returns `the tx core is 37 % busy`, `15 rx cores are 20 to 31 % busy`.
fn group(roles: &BTreeSet<Role>, shares: &[f64]) -> String {
    let role = roles
        .iter()
        .map(|role| role.name())
        .collect::<Vec<_>>()
        .join(" and ");
    if let [share] = shares {
        return format!("the {role} core is {} busy", words::share(*share));
    }
    let least = words::share(shares.iter().copied().fold(f64::INFINITY, f64::min));
    let most = words::share(shares.iter().copied().fold(0.0, f64::max));
    let range = if least == most {
        most
    } else {
        format!("{least} to {most}")
    };
    format!("{} {role} cores are {range} busy", shares.len())
}
