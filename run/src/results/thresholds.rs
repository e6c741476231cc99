//! The thresholds that a run was to keep, and whether it did.

use dpdkgen_report::summary::Summary;
use dpdkgen_report::text::words::{nanos, percent};

use crate::request::{Mode, Request, SendRecv};

/// Returns what to say of a run that skipped more than it may: no other threshold is kept by a
/// load that was not offered.
fn skipped(sendrecv: &SendRecv, summary: &Summary) -> Option<String> {
    let most = sendrecv.most_skipped()?;
    let skipped = summary.pacing.as_ref()?.skipped;
    let due = summary.tx.packets + skipped;
    let share = skipped as f64 / due.max(1) as f64;
    (share > most).then(|| {
        let (share, most) = (percent(share), percent(most));
        let default = if sendrecv.max_skipped.is_none() {
            ", its default"
        } else {
            ""
        };
        format!(
            "{share} of what was due was skipped, more than --max-skipped {most}{default}: the load was \
             not offered"
        )
    })
}

/// Returns the thresholds that the run was to keep and did not, a sentence each.
#[must_use]
pub fn missed(request: &Request, summary: &Summary) -> Vec<String> {
    let Mode::SendRecv(sendrecv) = &request.mode else {
        return Vec::new();
    };
    let mut misses = Vec::new();
    let unique = summary
        .rx
        .as_ref()
        .and_then(|rx| rx.probes)
        .map(|probes| probes.unique);
    if summary.tx.packets > 0 && unique == Some(0) {
        misses.push("nothing came back".to_owned());
    }
    if let Some(most) = sendrecv.max_loss {
        match summary.loss_ratio {
            Some(loss) if loss > most => misses.push(format!(
                "{} was lost, more than --max-loss {}",
                percent(loss),
                percent(most)
            )),
            Some(_) => {}
            None => misses.push("nothing was sent, so --max-loss was not kept".to_owned()),
        }
    }
    if let Some(most) = sendrecv.max_p99 {
        match summary.latency_ns {
            Some(latency) if latency.p99 > most.as_nanos() => misses.push(format!(
                "the 99th percentile of the {} was {}, more than --max-p99 {}",
                summary.latency_kind().name(),
                nanos(latency.p99),
                nanos(most.as_nanos())
            )),
            Some(_) => {}
            // Which is said above.
            None => {}
        }
    }
    misses.extend(skipped(sendrecv, summary));
    misses
}
