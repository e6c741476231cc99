//! The thresholds that a run was to keep, and whether it did.

use dpdkgen_report::summary::Summary;

use crate::request::{Mode, Request};

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
                "{} % was lost, more than --max-loss {} %",
                loss * 100.0,
                most * 100.0
            )),
            Some(_) => {}
            None => misses.push("nothing was sent, so --max-loss was not kept".to_owned()),
        }
    }
    if let Some(most) = sendrecv.max_p99 {
        match summary.latency_ns {
            Some(latency) if latency.p99 > most.as_nanos() => misses.push(format!(
                "the 99th percentile of the {} was {} ns, more than --max-p99 {} ns",
                summary.latency_kind().name(),
                latency.p99,
                most.as_nanos()
            )),
            Some(_) => {}
            // Which is said above.
            None => {}
        }
    }
    misses
}
