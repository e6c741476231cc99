//! Plain bisection: each load once, for the final trial duration, and halving.
//!
//! RFC 2544, section 26.1, asks for no more than that a search finds the rate; this is what most
//! generators do. It is the yardstick for the other method, and no more: one bad moment decides.

use core::time::Duration;

use crate::evidence::Verdict;
use crate::goal::Goal;
use crate::loads::Load;
use crate::search::{Bracket, Ceiling, Search, Trial};

/// Returns what the last long trial of `load` makes of it.
pub fn verdict(goal: &Goal, load: &Load) -> Option<Verdict> {
    let is_long = |trial: &&crate::loads::Measured| trial.duration >= goal.trial;
    let trial = load.trials.iter().rev().find(is_long)?;
    Some(if goal.is_kept_by(trial.loss_ratio, trial.p99_ns) {
        Verdict::Lower
    } else {
        Verdict::Upper
    })
}

/// Returns the next trial for goal number `goal`; `None` if it has its bounds.
pub fn next(search: &Search, goal: usize) -> Option<Trial> {
    let Bracket { lower, upper } = search.bracket(goal);
    let (lower, upper) = (lower.map(|end| end.0.pps), upper.map(|end| end.0.pps));
    let ceiling = search.ceiling();
    let min = search.limits.min;
    let beyond = match ceiling {
        Ceiling::Sender { beyond, .. } => Some(beyond),
        Ceiling::MaxRate(_) => None,
    };
    let pps = match (lower, upper.or(beyond)) {
        (None, None) => ceiling.greatest(),
        (Some(lower), None) if lower >= ceiling.greatest() => return None,
        (Some(_), None) => ceiling.greatest(),
        (Some(lower), Some(upper)) if search.is_narrow(goal, lower, upper) => return None,
        (Some(lower), Some(upper)) => lower + (upper - lower) / 2,
        (None, Some(upper)) if upper <= min => return None,
        (None, Some(upper)) if search.is_narrow(goal, min, upper) => min,
        (None, Some(upper)) => min + (upper - min) / 2,
    };
    Some(Trial {
        pps: pps.max(min),
        duration: search.goals[goal].trial,
        goal,
    })
}

/// Returns about how long the trials take that goal number `goal` still needs.
pub fn remaining(search: &Search, goal: usize) -> Duration {
    let Bracket { lower, upper } = search.bracket(goal);
    let from = lower.map_or(search.limits.min, |end| end.0.pps);
    let to = upper.map_or(search.ceiling().greatest(), |end| end.0.pps);
    let settings = &search.goals[goal];
    let wanted = (to as f64 * settings.width).max(1.0);
    let halvings = ((to.saturating_sub(from)) as f64 / wanted).max(1.0) as u64;
    settings.trial * (u64::BITS - halvings.leading_zeros()).max(1)
}
