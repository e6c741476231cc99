//! Advice on the causes that the numbers point at: at most a line for each.

use serde_json::Value;

use super::{events, is_held, words};
use crate::summary::{Direction, Mode, Queue, Role, Summary};

/// The busy share from which on a core is what limits a run.
const FULL: f64 = 0.9;

/// The share of refused attempts from which on the device is what limits a run.
const REFUSED: f64 = 0.01;

/// The multiple of its fair share of the packets from which on a queue is uneven.
const UNEVEN: f64 = 1.5;

/// Drivers of software ports whose receive queues are the other side's transmit queues.
const WITHOUT_RSS: [&str; 3] = ["net_memif", "net_ring", "net_vhost"];

/// The mean packets of a queue below which nothing can be said of how packets spread.
const FEW_PACKETS: u64 = 1_000;

/// The lag in nanoseconds above which a packet waited for more than a burst: polls further apart
/// are stalls.
const LATE_NS: u64 = 50_000;

/// Returns the lines, the most telling first.
pub fn lines(summary: &Summary) -> Vec<String> {
    [
        limit(summary),
        drain(summary),
        lag(summary),
        uneven(summary),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Returns a line on the drain, if probes were lost and others came back so late that it may have ended
/// before these did.
fn drain(summary: &Summary) -> Option<String> {
    let drain_ns = summary.config.get("drain_ns").and_then(Value::as_u64)?;
    let longest = summary.latency_ns.as_ref()?.max;
    let may_be = summary.lost.is_some_and(|lost| lost > 0) && longest / 4 >= drain_ns / 5;
    may_be.then(|| {
        format!(
            "Probes took up to {} to arrive, and the drain waited for {} after the last was sent: \
             what comes later counts as lost; raise --drain-ms.",
            words::nanos(longest),
            words::nanos(drain_ns)
        )
    })
}

/// Returns a line on what keeps the sender from sending more, if the numbers tell.
pub fn limit(summary: &Summary) -> Option<String> {
    let tx = &summary.tx;
    let is_held = summary.pacing.as_ref().is_some_and(is_held);
    // What an outage kept from being sent says nothing of what limits the sender.
    let has_outage = events::has_outage(summary);
    if summary.mode != Mode::SendRecv || tx.packets == 0 || is_held || has_outage {
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

/// Returns a line if packets left late, which makes the latency look better than it was.
fn lag(summary: &Summary) -> Option<String> {
    let lag = summary.pacing.as_ref()?.lag_ns?;
    (lag.p99 > LATE_NS).then(|| {
        let kind = summary.latency_kind().name();
        let payload = summary.config.get("payload_bytes").and_then(Value::as_u64);
        let is_short = payload < Some(24) && summary.frame_mix().is_none();
        let advice = if summary.latency_due_ns.is_some() {
            format!(": the {kind} from when each was due has that in it")
        } else if summary.frame_mix().is_some() && summary.latency_ns.is_some() {
            format!(
                ": a mix of which all have 24 bytes of payload or more (--frame-size) tells the {kind} \
                 from when each was due"
            )
        } else if is_short {
            format!(
                ": probes of 24 bytes or more (--packet-size) tell the {kind} from when each was due"
            )
        } else {
            String::new()
        };
        format!(
            "1 % of the packets left more than {} late{advice}.",
            words::nanos(lag.p99)
        )
    })
}

/// Returns a line if a port's packets were not spread evenly over its receive queues.
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
    let driver = summary.device.iter().find(|d| d.port == busiest.port);
    let is_software = driver.is_some_and(|d| WITHOUT_RSS.contains(&d.driver.as_str()));
    let advice = if is_software {
        "this device spreads nothing: a queue gets what the other side sends on it"
    } else {
        "use more source ports (--src-port-range), and see whether the NIC spreads UDP by ports"
    };
    Some(format!(
        "Receive queues are uneven: queue {} of {} got {} of the packets for {} queues{idle}; {advice}.",
        busiest.queue,
        busiest.port,
        words::share(busiest.packets as f64 / total as f64),
        of_port.len()
    ))
}
