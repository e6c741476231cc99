//! Compares what a run tells with the truth; each difference is a disagreement.

use dpdkgen_core::stats::WorkerStats;
use dpdkgen_core::stats::histogram::Histogram;
use dpdkgen_core::time::Span;
use dpdkgen_report::csv::Row;
use dpdkgen_report::summary::{Direction, Latency, Role, StopReason, Summary};
use dpdkgen_run::assembly::Context;
use dpdkgen_run::request::{Mode, Request};

use crate::truth::polls::Polls;
use crate::truth::{Distribution, Truth};

/// Notes a disagreement about `what` if `told` differs from the true `is`.
fn equal<T: Copy + PartialEq + std::fmt::Debug>(truth: &mut Truth<'_>, what: &str, told: T, is: T) {
    if told != is {
        truth.disagree(|| format!("{what}: told {told:?}, true {is:?}"));
    }
}

/// Compares row `number`, which has just been closed.
pub fn row(truth: &mut Truth<'_>, number: u64, row: &Row) {
    let is = truth.next_interval();
    let what = |name: &str| format!("row {number}, {name}");
    equal(truth, &what("tx_packets"), row.tx_packets, is.tx_packets);
    if let Some(received) = row.rx_packets {
        equal(truth, &what("rx_packets"), received, is.rx_packets);
    }
    let Some(told) = &row.probes else { return };
    // A probe whose time was changed unseen may seem to be sent where none was.
    let lost = is.tx_packets.saturating_sub(is.on_time);
    let numbers = [
        ("lost", told.lost, lost),
        ("late", told.late, is.late),
        ("duplicates", told.duplicates, is.duplicates),
        ("reordered", told.reordered, is.reordered),
        ("corrupt", told.corrupt, is.corrupt),
        ("foreign", told.foreign, is.foreign),
        ("latencies", told.latency.count, is.on_time),
        ("sum of latencies", told.latency.sum_ns, is.latency_sum_ns),
        ("least latency", told.latency.min_ns, is.latency_min_ns),
        ("greatest latency", told.latency.max_ns, is.latency_max_ns),
    ];
    for (name, told, is) in numbers {
        equal(truth, &what(name), told, is);
    }
}

/// Compares the summary of a run that is over, and of which all rows have been closed.
pub fn summary(truth: &mut Truth<'_>, summary: &Summary, request: &Request) {
    let left = truth.intervals_left();
    equal(truth, "intervals without a row", 0, left);
    let (tx, told) = (truth.tx, &summary.tx);
    equal(truth, "tx.packets", told.packets, tx.packets);
    equal(truth, "tx.bytes", told.bytes, tx.bytes);
    equal(truth, "tx.refused", told.refused, tx.refused);
    equal(truth, "tx.no_buffer", told.no_buffer, Some(tx.no_buffer));
    queues(truth, summary);
    received(truth, summary);
    pacing(truth, summary, request);
}

fn received(truth: &mut Truth<'_>, summary: &Summary) {
    let Some((told, probes)) = summary.rx.as_ref().and_then(|rx| Some((rx, rx.probes?))) else {
        return;
    };
    let (rx, sent) = (truth.rx, truth.tx.packets);
    equal(truth, "rx.packets", told.packets, rx.packets);
    equal(truth, "rx.bytes", told.bytes, rx.bytes);
    let partial = told.checksum_partial;
    equal(truth, "rx.checksum_partial", partial, rx.checksum_partial);
    let is = truth.probes;
    for ((counter, told), (_, is)) in probes.each().zip(is.each()) {
        equal(truth, &format!("rx.{}", counter.name), told, is);
    }
    // The time of a probe of the warm-up may have been changed unseen, and then it counts.
    let lost = sent.saturating_sub(is.unique);
    equal(truth, "lost", summary.lost, Some(lost));
    let are_lost = lost >= truth.dropped;
    equal(truth, "packets that were dropped are lost", are_lost, true);
    let ratio = (sent > 0).then(|| lost as f64 / sent as f64);
    equal(truth, "loss_ratio", summary.loss_ratio, ratio);
    let wrong = [
        wrong_latency(summary.latency_ns, &truth.latency),
        summary
            .latency_due_ns
            .and_then(|told| wrong_latency(Some(told), &truth.latency_due)),
    ];
    for sentence in wrong.into_iter().flatten() {
        truth.disagree(|| sentence);
    }
}

fn wrong_latency(told: Option<Latency>, is: &Distribution) -> Option<String> {
    let Some(told) = told else {
        return (is.count > 0).then(|| format!("latency: not told, true {} times", is.count));
    };
    let right = (told.count, told.min, told.max) == (is.count, is.min, is.max)
        && (told.mean - is.mean()).abs() <= is.mean() * 1e-12;
    let shares = [
        (told.p50, 0.5),
        (told.p90, 0.9),
        (told.p99, 0.99),
        (told.p99_9, 0.999),
        (told.p99_99, 0.9999),
    ];
    let within = |(told, share): &(u64, f64)| {
        let (first, last) = is.at(*share);
        (first..=last).contains(told)
    };
    (!right || !shares.iter().all(within)).then(|| {
        format!(
            "latency: told {told:?}, true {} times from {} to {}, mean {}, percentiles {:?}",
            is.count,
            is.min,
            is.max,
            is.mean(),
            shares.map(|(_, share)| is.at(share))
        )
    })
}

fn queues(truth: &mut Truth<'_>, summary: &Summary) {
    let of = |direction| {
        let queues = summary.queues.iter();
        queues
            .filter(move |queue| queue.direction == direction)
            .map(|queue| queue.packets)
            .collect::<Vec<_>>()
    };
    let sent: Vec<u64> = truth.streams().iter().map(|of| of.packets).collect();
    let received = truth.by_receiver.clone();
    let (told_tx, told_rx) = (of(Direction::Tx), of(Direction::Rx));
    equal(truth, "packets of tx queues", &told_tx[..], &sent[..]);
    equal(truth, "packets of rx queues", &told_rx[..], &received[..]);
}

/// Compares the greatest lag, and checks that sent and skipped together are what the rate makes due
/// in the time, to the packet: one is due at the first whole nanosecond that is not too early.
fn pacing(truth: &mut Truth<'_>, summary: &Summary, request: &Request) {
    let (Mode::SendRecv(sendrecv), Some(told)) = (&request.mode, &summary.pacing) else {
        return;
    };
    // Shorter probes carry no lag.
    if sendrecv.sizes.smallest() >= 24 && truth.lag.count > 0 {
        let told = told.lag_ns.map_or(0, |lag| lag.max);
        if truth.lag.max < u64::from(u32::MAX) {
            let most = truth.lag.max;
            equal(truth, "pacing.lag_ns.max", told, most);
        }
    }
    let (Some(rate), Some(duration)) = (sendrecv.rate, request.duration) else {
        return;
    };
    if summary.stop_reason == StopReason::Signal {
        return;
    }
    let due = u128::from(duration.as_nanos() - 1) * u128::from(rate.packets())
        / u128::from(rate.span().as_nanos());
    let sent = u128::from(summary.tx.packets + told.skipped);
    match request.count {
        None => equal(truth, "sent and skipped", sent, due + 1),
        // Streams that have sent their share skip nothing more.
        Some(count) => {
            let kept = sent <= due + 1 && summary.tx.packets <= count;
            equal(truth, "no more sent and skipped than due", kept, true);
        }
    }
}

/// Compares the histograms of all workers together, bucket by bucket.
pub fn histograms(truth: &mut Truth<'_>, context: &Context<'_>) {
    let merged = |which: fn(&WorkerStats) -> &Histogram| {
        let mut merged = Distribution::default().counts().to_vec();
        for stats in context.stats() {
            for (total, count) in merged.iter_mut().zip(which(stats).counts()) {
                *total += count;
            }
        }
        merged
    };
    let wrong = |told: &[u64], is: &Distribution| {
        let differs = told
            .iter()
            .zip(is.counts())
            .position(|(told, is)| told != is);
        differs.map(|bucket| (bucket, told[bucket], is.counts()[bucket]))
    };
    let latency = wrong(&merged(|stats| &stats.latency), &truth.latency);
    equal(truth, "bucket of the latencies", latency, None);
    if context.knows_due_times() {
        let due = wrong(&merged(|stats| &stats.latency_due), &truth.latency_due);
        equal(truth, "bucket of the latencies from due", due, None);
        if truth.lag.max < u64::from(u32::MAX) {
            let lag = wrong(&merged(|stats| &stats.lag), &truth.lag);
            equal(truth, "bucket of the lags", lag, None);
        }
    }
}

/// Compares the polls, stalls and busy shares of the workers that have an lcore for themselves.
pub fn workers(truth: &mut Truth<'_>, summary: &Summary, lcores: &[Polls]) {
    for worker in &summary.workers {
        let Some(is) = lcores.get(worker.lcore as usize) else {
            truth.disagree(|| format!("there is no lcore {}", worker.lcore));
            continue;
        };
        if is.workers > 1 {
            continue;
        }
        let what = |name: &str| format!("worker on lcore {}, {name}", worker.lcore);
        equal(truth, &what("polls"), worker.polls, is.polls);
        equal(truth, &what("empty_polls"), worker.empty_polls, is.empty);
        equal(truth, &what("stalls"), worker.stalls.count, is.stalls);
        let longest = (is.stalls > 0).then_some(is.longest.as_nanos());
        equal(
            truth,
            &what("longest stall"),
            worker.stalls.longest_ns,
            longest,
        );
        let stalled = (is.stalls > 0).then_some(is.stalled.as_nanos());
        let told = worker.stalls.total_ns;
        equal(truth, &what("time in stalls"), told, stalled);
        let busy = (is.elapsed > Span::ZERO)
            .then(|| is.busy.as_nanos() as f64 / is.elapsed.as_nanos() as f64);
        equal(truth, &what("busy_ratio"), worker.busy_ratio, busy);
    }
}

/// The sums over the rows of a reflector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowSums {
    received: u64,
    sent: u64,
}

impl RowSums {
    /// Adds a row.
    pub fn add(&mut self, row: &Row) {
        self.received += row.rx_packets.unwrap_or(0);
        self.sent += row.tx_packets;
    }
}

/// Adds what a reflector that has ended tells to what those before it told, and compares the sum.
pub fn reflector(truth: &mut Truth<'_>, context: &Context<'_>, rows: RowSums) {
    let before = truth.reflector_told;
    let mut told = truth.reflector_told;
    for (stats, spec) in context.stats().iter().zip(context.specs()) {
        let counters = stats.try_snapshot().unwrap_or_default();
        debug_assert_eq!(spec.role, Role::Reflect);
        told.packets += counters.rx.packets;
        told.bytes += counters.rx.bytes;
        told.sent += counters.tx.packets;
        told.refused += counters.tx.refused;
        told.ignored.merge(&counters.ignored);
        told.checksum_partial += counters.rx.checksum_partial;
    }
    truth.reflector_told = told;
    let counted = RowSums {
        received: told.packets - before.packets,
        sent: told.sent - before.sent,
    };
    equal(truth, "sums of the reflector's rows", rows, counted);
    let is = truth.reflector;
    equal(truth, "reflector", told, is);
    let parts = told.sent + told.refused + told.ignored.sum();
    equal(
        truth,
        "parts of what the reflector received",
        parts,
        told.packets,
    );
}
