//! Where the numbers point at a cause, what to do about it: at most a line for each.

use super::{is_held, words};
use crate::summary::{Direction, Mode, Queue, Role, Summary};

/// From this busy share on a core is what limits a run.
const FULL: f64 = 0.9;

/// From this share of refused attempts on the device is.
const REFUSED: f64 = 0.01;

/// A queue with so many times its fair share of the packets is uneven.
const UNEVEN: f64 = 1.5;

/// With fewer packets a queue nothing can be said of how they spread.
const FEW_PACKETS: u64 = 1_000;

/// Polls further apart are stalls; a packet that leaves so late had to wait for more than a burst.
const LATE_NS: u64 = 50_000;

/// Returns all of them, the most telling first.
pub fn lines(summary: &Summary) -> Vec<String> {
    [limit(summary), lag(summary), uneven(summary)]
        .into_iter()
        .flatten()
        .collect()
}

/// Returns what keeps a sender from sending more.
fn limit(summary: &Summary) -> Option<String> {
    let tx = &summary.tx;
    let is_held = summary.pacing.as_ref().is_some_and(is_held);
    if summary.mode != Mode::SendRecv || tx.packets == 0 || is_held {
        return None;
    }
    let attempts = tx.packets + tx.refused;
    let share = tx.refused as f64 / attempts.max(1) as f64;
    if share >= REFUSED {
        return Some(format!(
            "The device is the limit: it refused {} of what was handed to it; raise --tx-desc or \
             --txq, or lower --rate.",
            words::percent(share)
        ));
    }
    let is_full = |role, share: Option<f64>| role == Role::Tx && share.is_some_and(|s| s >= FULL);
    let mut workers = summary.workers.iter();
    let has_rate = summary.pacing.is_some();
    (has_rate && workers.any(|w| is_full(w.role, w.busy_ratio))).then(|| {
        "The tx core is the limit: give it more queues and cores (--txq), or larger bursts \
         (--tx-burst)."
            .to_owned()
    })
}

/// Packets that left late make the round trip look better than it was.
fn lag(summary: &Summary) -> Option<String> {
    let lag = summary.pacing.as_ref()?.lag_ns?;
    (lag.p99 > LATE_NS).then(|| {
        let advice = if summary.latency_due_ns.is_some() {
            "the round trip from when each was due has that in it"
        } else {
            "probes of 24 bytes or more (--packet-size) tell the round trip from when each was due"
        };
        format!(
            "1 % of the packets left more than {} late: {advice}.",
            words::nanos(lag.p99)
        )
    })
}

/// Receive queues of one port between which packets were not spread evenly.
fn uneven(summary: &Summary) -> Option<String> {
    let rx: Vec<&Queue> = summary
        .queues
        .iter()
        .filter(|queue| queue.direction == Direction::Rx)
        .collect();
    let busiest = rx.iter().max_by_key(|queue| queue.packets)?;
    let of_port: Vec<_> = rx.iter().filter(|q| q.port == busiest.port).collect();
    let total: u64 = of_port.iter().map(|queue| queue.packets).sum();
    let fair = total as f64 / of_port.len() as f64;
    if (busiest.packets as f64) < fair * UNEVEN || fair < FEW_PACKETS as f64 {
        return None;
    }
    let idle = of_port.iter().filter(|queue| queue.packets == 0).count();
    let idle = match idle {
        0 => String::new(),
        1 => ", and one got none".to_owned(),
        idle => format!(", and {idle} got none"),
    };
    Some(format!(
        "Receive queues are uneven: queue {} of {} got {} of the packets for {} queues{idle}; use \
         more source ports (--src-port-range), and see whether the NIC spreads UDP by ports.",
        busiest.queue,
        busiest.port,
        words::share(busiest.packets as f64 / total as f64),
        of_port.len()
    ))
}
