//! The sentence on the outages of a run.

use super::words;
use crate::summary::{Outage, Outages};

/// The most outages that are told one by one.
const TOLD: usize = 6;

/// Returns `In 2 outages 41,000 packets were lost: from 2 s to 2.9 s and from 5 s to 5.9 s.`; `late`
/// packets came after their interval was closed, so that its row has them as lost.
pub fn sentence(outages: &Outages, late: u64) -> String {
    let count = match outages.count {
        1 => "one outage".to_owned(),
        count => format!("{} outages", words::count(count)),
    };
    let verb = if outages.lost == 1 { "was" } else { "were" };
    let what = if late == 0 {
        format!("{verb} lost")
    } else {
        format!("{verb} lost or late")
    };
    let each = outages.first.iter().take(TOLD).map(stretch);
    let mut each: Vec<_> = each.collect();
    let more = outages.count.saturating_sub(each.len() as u64);
    if more > 0 {
        each.push(format!("{} more", words::count(more)));
    }
    let lost = words::packets(outages.lost);
    format!("In {count} {lost} {what}: {}.", words::list(&each))
}

fn stretch(outage: &Outage) -> String {
    let length_s = outage.to_s - outage.from_s;
    let [from, to] = [outage.from_s, outage.to_s].map(|at_s| words::moment_within(at_s, length_s));
    format!("from {from} to {to}")
}
