//! The summary of a run: what its workers counted, added up.

use std::collections::BTreeMap;

use dpdkgen_core::stats::histogram::{BUCKETS, Histogram, quantile, range};
use dpdkgen_core::stats::{Counters, Moments, WorkerStats};
use dpdkgen_core::time::Instant;
use dpdkgen_core::wire::Mac;
use dpdkgen_report::summary::{
    Direction, Lag, Latency, Mode, Pacing, Queue, Role, Rx, SCHEMA, Stalls, StopReason, Summary,
    Tx, Worker,
};

use crate::assembly::{Context, OpenedPort, Placement, WorkerSpec};
use crate::request::{Mode as Asked, Request, SendRecv};
use crate::results::end::{Executed, Stop};

/// Sums up the run on `context`, which was carried out as `executed` tells.
#[must_use]
pub fn summarize(context: &Context<'_>, executed: Executed) -> Summary {
    let counters: Vec<Counters> = context
        .stats()
        .iter()
        .map(|stats| stats.try_snapshot().unwrap_or_default())
        .collect();
    let request = context.request();
    let mut total = Totals::default();
    for counters in &counters {
        total.0.merge(counters);
    }
    let Executed {
        end,
        clock,
        device,
        events,
        lost_without_vf,
    } = executed;
    let Placement {
        ports,
        specs,
        lcores,
    } = context.placement();
    let duration_s = match request.mode {
        Asked::SendRecv(_) => total.sending_s(),
        Asked::Reflect(_) => Some(end.stop.at.as_nanos() as f64 / 1e9),
    };
    let workers = specs.iter().zip(&counters).zip(lcores);
    let mut summary = Summary {
        schema: SCHEMA,
        mode: Mode::Reflect,
        stop_reason: end.stop.reason,
        stopped_at_s: Some(seconds_since(request, end.stop.at)),
        drained: None,
        origin: request.origin.clone(),
        duration_s,
        config: request.config(),
        clock,
        tx: Tx {
            packets: total.0.tx.packets,
            bytes: total.0.tx.bytes,
            pps: per_second(total.0.tx.packets, duration_s),
            refused: total.0.tx.refused,
            no_buffer: None,
        },
        rx: None,
        lost: None,
        lost_without_vf: None,
        loss_ratio: None,
        outages: None,
        latency_ns: None,
        latency_due_ns: None,
        pacing: None,
        queues: queues(specs, &counters, ports),
        workers: workers
            .map(|((spec, counters), lcore)| worker(*spec, *lcore, counters, ports, clock.hz))
            .collect(),
        device,
        events,
        sampled: None,
    };
    match &request.mode {
        Asked::Reflect(reflect) => {
            let mut rx = total.reflect_rx(duration_s);
            rx.answered = (!reflect.addresses.is_empty()).then_some(total.0.rx.answered);
            summary.rx = Some(rx);
        }
        Asked::SendRecv(sendrecv) => {
            summary.mode = Mode::SendRecv;
            summary.tx.no_buffer = Some(total.0.tx.no_buffer);
            summary.pacing = pacing(context, sendrecv, &total, end.stop);
            if request.rxq > 0 {
                summary.drained = Some(end.drained);
                total.receipts(context, duration_s, &mut summary);
                // Rows take what came late for lost.
                let lost = summary.lost.unwrap_or(0);
                summary.lost_without_vf = lost_without_vf.map(|without| without.min(lost));
                if let Some(rx) = &mut summary.rx {
                    rx.answered = Some(total.0.rx.answered);
                }
            }
        }
    }
    summary
}

/// The counters of all workers together.
#[derive(Default)]
struct Totals(Counters);

impl Totals {
    /// Returns the seconds from the first transmit to the last.
    fn sending_s(&self) -> Option<f64> {
        (self.0.tx.packets > 0).then(|| (self.0.tx.last_ns - self.0.tx.first_ns) as f64 / 1e9)
    }

    fn reflect_rx(&self, duration_s: Option<f64>) -> Rx {
        let occurred = self.0.ignored.each().filter(|(_, count)| *count > 0);
        let ignored: BTreeMap<_, _> = occurred
            .map(|(reason, count)| (reason.name.to_owned(), count))
            .collect();
        Rx {
            ignored: Some(ignored),
            ..self.rx(duration_s)
        }
    }

    fn rx(&self, duration_s: Option<f64>) -> Rx {
        Rx {
            packets: self.0.rx.packets,
            bytes: self.0.rx.bytes,
            pps: per_second(self.0.rx.packets, duration_s),
            probes: None,
            ignored: None,
            checksum_partial: self.0.rx.checksum_partial,
            answered: None,
            other_mac: (self.0.rx.other_mac != 0)
                .then(|| Mac::from_bits(self.0.rx.other_mac).to_string()),
        }
    }

    /// Fills in what `sendrecv` says of what it received.
    fn receipts(&self, context: &Context<'_>, duration_s: Option<f64>, summary: &mut Summary) {
        let probes = self.0.probes;
        summary.rx = Some(Rx {
            probes: Some(probes),
            ..self.rx(duration_s)
        });
        let lost = self.0.tx.packets.saturating_sub(probes.unique);
        summary.lost = Some(lost);
        summary.loss_ratio =
            (self.0.tx.packets > 0).then(|| lost as f64 / self.0.tx.packets as f64);
        summary.latency_ns = latency(&self.0.latency, context.stats(), |stats| &stats.latency);
        if context.knows_due_times() {
            summary.latency_due_ns = latency(&self.0.latency_due, context.stats(), |stats| {
                &stats.latency_due
            });
        }
    }
}

/// The latencies by length, in order: for each bucket that holds any, its middle in nanoseconds,
/// and how many it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distributions {
    /// Those from the time in the probe.
    pub latency: Vec<(u64, u64)>,
    /// Those from when the probe was due.
    pub latency_due: Vec<(u64, u64)>,
}

/// Returns what the histograms of the run on `context` hold.
#[must_use]
pub fn distributions(context: &Context<'_>) -> Distributions {
    let of = |which| {
        let counts = merged(context.stats(), which).into_iter().enumerate();
        let middle = |bucket| {
            let (lowest, highest) = range(bucket);
            u64::midpoint(lowest.as_nanos(), highest.as_nanos())
        };
        counts
            .filter(|(_, count)| *count > 0)
            .map(|(bucket, count)| (middle(bucket), count))
            .collect()
    };
    Distributions {
        latency: of(|stats| &stats.latency),
        latency_due: of(|stats| &stats.latency_due),
    }
}

fn per_second(packets: u64, duration_s: Option<f64>) -> Option<f64> {
    duration_s
        .filter(|seconds| *seconds > 0.0)
        .map(|seconds| packets as f64 / seconds)
}

/// Merges the histograms of all workers.
pub(crate) fn merged(stats: &[WorkerStats], which: fn(&WorkerStats) -> &Histogram) -> Vec<u64> {
    let mut merged = vec![0; BUCKETS];
    for stats in stats {
        for (total, count) in merged.iter_mut().zip(which(stats).counts()) {
            *total += count;
        }
    }
    merged
}

fn latency(
    moments: &Moments,
    stats: &[WorkerStats],
    which: fn(&WorkerStats) -> &Histogram,
) -> Option<Latency> {
    let (min, mean, max) = moments.summary()?;
    let counts = merged(stats, which);
    // A bucket's middle may lie beyond the extremes, which are exact.
    let at = |share| quantile(&counts, share).map_or(max, |value| value.as_nanos().clamp(min, max));
    Some(Latency {
        count: moments.count,
        min,
        mean,
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p99_9: at(0.999),
        p99_99: at(0.9999),
        max,
    })
}

fn pacing(
    context: &Context<'_>,
    sendrecv: &SendRecv,
    total: &Totals,
    stop: Stop,
) -> Option<Pacing> {
    let target_pps = sendrecv.rate?.pps();
    let due_s = due_s(context.request(), total, stop, target_pps);
    let max = total.0.tx.lag_max_ns;
    let lag_ns = (total.0.tx.packets > 0).then(|| {
        let counts = merged(context.stats(), |stats| &stats.lag);
        let at = |share| quantile(&counts, share).map_or(max, |value| value.as_nanos().min(max));
        Lag {
            p50: at(0.5),
            p99: at(0.99),
            max,
        }
    });
    Some(Pacing {
        target_pps,
        achieved_pps: per_second(total.0.tx.packets, Some(due_s).filter(|_| lag_ns.is_some())),
        skipped: total.0.tx.skipped,
        lag_ns,
    })
}

/// Returns the seconds from when counting begins to `at`.
fn seconds_since(request: &Request, at: Instant) -> f64 {
    at.saturating_since(request.start()).as_nanos() as f64 / 1e9
}

/// Returns the seconds in which packets were due at `target_pps`, be it that they were sent or not.
fn due_s(request: &Request, total: &Totals, stop: Stop, target_pps: f64) -> f64 {
    let until = |at: Instant| seconds_since(request, at);
    match (stop.reason, request.duration) {
        (StopReason::Duration, Some(duration)) => duration.as_nanos() as f64 / 1e9,
        // The next one would have been due an interval after the last.
        (StopReason::Count, _) => until(Instant::from_nanos(total.0.tx.last_ns)) + 1.0 / target_pps,
        _ => until(stop.at),
    }
}

fn queues(specs: &[WorkerSpec], counters: &[Counters], ports: &[OpenedPort]) -> Vec<Queue> {
    let of_worker = |(spec, counters): (&WorkerSpec, &Counters)| {
        let queue = |direction, packets| Queue {
            port: ports[spec.port].name.clone(),
            queue: spec.queue,
            direction,
            packets,
            full_bursts_max: Some(counters.poll.full_bursts_max),
            depth_max: None,
        };
        let tx = queue(Direction::Tx, counters.tx.packets);
        let rx = Queue {
            depth_max: (counters.poll.has_rx_depth > 0).then_some(counters.poll.depth_max),
            ..queue(Direction::Rx, counters.rx.packets)
        };
        match spec.role {
            Role::Tx => vec![tx],
            Role::Rx => vec![rx],
            // The bursts of a pair are those that it received.
            Role::Reflect => vec![
                rx,
                Queue {
                    full_bursts_max: None,
                    ..tx
                },
            ],
        }
    };
    specs.iter().zip(counters).flat_map(of_worker).collect()
}

fn worker(
    spec: WorkerSpec,
    lcore: u32,
    counters: &Counters,
    ports: &[OpenedPort],
    hz: Option<f64>,
) -> Worker {
    let poll = &counters.poll;
    let per_packet = |hz: f64| poll.busy_ns as f64 * hz / 1e9 / poll.packets as f64;
    Worker {
        lcore,
        role: spec.role,
        port: ports[spec.port].name.clone(),
        queue: spec.queue,
        polls: poll.polls,
        empty_polls: poll.empty,
        packets: match spec.role {
            Role::Tx => counters.tx.packets,
            Role::Rx | Role::Reflect => counters.rx.packets,
        },
        busy_ratio: (poll.elapsed_ns > 0).then(|| poll.busy_ns as f64 / poll.elapsed_ns as f64),
        cycles_per_packet: hz.filter(|_| poll.packets > 0).map(per_packet),
        stalls: Stalls {
            count: poll.stalls,
            total_ns: (poll.stalls > 0).then_some(poll.stalled_ns),
            longest_ns: (poll.stalls > 0).then_some(poll.longest_stall_ns),
        },
    }
}
