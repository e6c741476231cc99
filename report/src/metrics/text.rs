//! The metrics in the text format of Prometheus.

use std::fmt::{Display, Write};

use dpdkgen_core::stats::histogram::range;
use dpdkgen_core::stats::{Counters, ProbeCounters};

use crate::progress::{Progress, Step, WorkerProgress};
use crate::summary::{Mode, Role};
use crate::text::words;

/// The powers of 2, in nanoseconds, between which latencies have two buckets each: from 512 ns to
/// 17 s.
const DOUBLINGS: std::ops::Range<u32> = 9..34;

/// Returns the metrics at the end of `step`; gauges are of the step, all else of the run so far.
#[must_use]
pub fn render(step: &Step<'_>) -> String {
    let progress = step.now();
    let mut text = Text::default();
    sent(&mut text, progress);
    received(&mut text, progress);
    if let Some(closed) = progress.closed {
        let reordered = progress.sum(|c| c.probes.reordered);
        let late = progress.sum(|c| c.probes.late);
        text.counter(
            "reordered_packets",
            "Probes overtaken by a later one of their flow.",
        )
        .sample(&[], reordered);
        text.counter(
            "lost_packets",
            "Probes of closed intervals that had not come back when the interval was closed; those \
             that came later count as late.",
        )
        .sample(&[], closed.lost);
        text.counter(
            "late_packets",
            "Probes that came back after their interval had been closed with them as lost.",
        )
        .sample(&[], late);
    }
    latencies(&mut text, progress);
    workers(&mut text, step);
    missed(&mut text, progress);
    text.0
}

fn sent(text: &mut Text, progress: &Progress) {
    let mut senders = text.counter("tx_packets", "Packets that the device accepted.");
    for worker in senders_of(progress) {
        senders.sample(&queue(worker), worker.counters.tx.packets);
    }
    let mut senders = text.counter(
        "tx_refused",
        "Attempts to hand a packet over that the device did not take.",
    );
    for worker in senders_of(progress) {
        senders.sample(&queue(worker), worker.counters.tx.refused);
    }
}

fn senders_of(progress: &Progress) -> impl Iterator<Item = &WorkerProgress> {
    progress.workers.iter().filter(|w| w.role != Role::Rx)
}

fn received(text: &mut Text, progress: &Progress) {
    if !progress.receives() {
        return;
    }
    let mut receivers = text.counter("rx_packets", "Packets received, by what they were.");
    for worker in progress.workers.iter().filter(|w| w.role != Role::Tx) {
        for (result, count) in results(progress.mode, &worker.counters) {
            let [port, queue] = queue(worker);
            receivers.sample(&[port, queue, ("result", result.to_owned())], count);
        }
    }
}

/// Returns the packets received by result; each packet counts in one.
fn results(mode: Mode, counters: &Counters) -> Vec<(&'static str, u64)> {
    match mode {
        Mode::SendRecv => {
            let results = counters.probes.each().take(ProbeCounters::RESULTS);
            // A label's value names one packet, a counter many.
            let singular = |name| {
                if name == "duplicates" {
                    "duplicate"
                } else {
                    name
                }
            };
            results
                .map(|(counter, count)| (singular(counter.name), count))
                .collect()
        }
        Mode::Reflect => {
            let back = counters.tx.packets + counters.tx.refused;
            vec![
                ("accepted", back),
                ("ignored", counters.rx.packets.saturating_sub(back)),
            ]
        }
    }
}

fn latencies(text: &mut Text, progress: &Progress) {
    let Some(counts) = &progress.latency else {
        return;
    };
    let kind = progress.latency_kind;
    let mut family = text.family(
        &format!("{}_seconds", kind.metric()),
        "histogram",
        &format!(
            "{} from the time of sending.",
            words::capitalised(kind.plural())
        ),
    );
    let mut upper_edges = DOUBLINGS
        .flat_map(|doubling| [1 << doubling, 3 << (doubling - 1)])
        // Whole nanoseconds are counted, and an upper edge belongs to its bucket.
        .map(|edge: u64| edge - 1)
        .peekable();
    let (mut seen, mut total) = (0_u64, 0_u64);
    for (bucket, count) in counts.iter().enumerate() {
        while let Some(edge) = upper_edges.next_if(|edge| *edge < range(bucket).0.as_nanos()) {
            family.line("_bucket", &[("le", seconds(edge.into()))], seen);
        }
        seen += count;
        total += count;
    }
    family.line("_bucket", &[("le", "+Inf".to_owned())], total);
    family.line("_sum", &[], seconds(progress.moments().sum_ns()));
    family.line("_count", &[], total);
}

fn workers(text: &mut Text, step: &Step<'_>) {
    let workers = &step.now().workers;
    let mut busy = text.family(
        "worker_busy_ratio",
        "gauge",
        "Share of the lcore's time in polls of this worker that moved packets, lately.",
    );
    for (number, worker) in workers.iter().enumerate() {
        if let Some(share) = step.busy(number) {
            busy.sample(&labels(worker), share);
        }
    }
    let mut stalls = text.counter(
        "worker_stalls",
        "Polls that began more than 50 microseconds after the one before.",
    );
    for worker in workers {
        stalls.sample(&labels(worker), worker.counters.poll.stalls);
    }
}

fn missed(text: &mut Text, progress: &Progress) {
    let mut devices = text.counter(
        "device_missed",
        "Packets that arrived and found no descriptor or no buffer, whoever had sent them.",
    );
    for device in &progress.device {
        // Without descriptors and without buffers, as far as the driver tells.
        let told = [device.imissed, device.rx_nombuf];
        if told.iter().any(Option::is_some) {
            let missed: u64 = told.iter().flatten().sum();
            devices.sample(&[("port", device.port.clone())], missed);
        }
    }
}

type Label = (&'static str, String);

fn queue(worker: &WorkerProgress) -> [Label; 2] {
    [
        ("port", worker.port.clone()),
        ("queue", worker.queue.to_string()),
    ]
}

fn labels(worker: &WorkerProgress) -> [Label; 4] {
    let [port, queue] = queue(worker);
    [
        ("lcore", worker.lcore.to_string()),
        ("role", worker.role.name().to_owned()),
        port,
        queue,
    ]
}

/// Returns nanoseconds as seconds, as in `1.5` for 1,500,000,000 ns; the number is exact.
fn seconds(ns: u128) -> String {
    let text = format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[derive(Default)]
struct Text(String);

/// The samples of one name. A name that has none is not mentioned.
struct Family<'t> {
    text: &'t mut Text,
    name: String,
    heading: Option<String>,
}

impl Text {
    fn counter(&mut self, name: &str, help: &str) -> Family<'_> {
        self.family(&format!("{name}_total"), "counter", help)
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) -> Family<'_> {
        let name = format!("dpdkgen_{name}");
        let heading = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Family {
            text: self,
            name,
            heading: Some(heading),
        }
    }
}

impl Family<'_> {
    fn sample(&mut self, labels: &[Label], value: impl Display) {
        self.line("", labels, value);
    }

    fn line(&mut self, suffix: &str, labels: &[Label], value: impl Display) {
        let text = &mut self.text.0;
        text.extend(self.heading.take());
        let _ = write!(text, "{}{suffix}", self.name);
        for (number, (label, of)) in labels.iter().enumerate() {
            let open = if number == 0 { '{' } else { ',' };
            let _ = write!(text, "{open}{label}=\"{}\"", escaped(of));
        }
        if !labels.is_empty() {
            text.push('}');
        }
        let _ = writeln!(text, " {value}");
    }
}

fn escaped(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
