//! The load at which a bound should be, by what was lost of others.

use crate::goal::Goal;
use crate::loads::{Load, Measured};

/// Returns the load of which no more than the goal's loss ratio would be lost if what passed of `load`
/// were all that can; `None` if it is not loss that makes it bad.
pub fn passed(goal: &Goal, load: &Load) -> Option<f64> {
    let lost = longest(load)?.loss_ratio;
    let is_loss = lost > goal.loss_ratio;
    is_loss.then(|| load.pps as f64 * (1.0 - lost) / (1.0 - goal.loss_ratio))
}

/// Returns the load at which the loss ratio is that of the goal, on a line from `lower`, where a part
/// of what it may lose is lost already, to `upper`.
pub fn between(goal: &Goal, lower: &Load, upper: &Load) -> Option<f64> {
    let (least, most) = (longest(lower)?.loss_ratio, longest(upper)?.loss_ratio);
    let wanted = goal.loss_ratio;
    let tells = least > wanted / 10.0 && least <= wanted && most > wanted;
    let share = (wanted - least) / (most - least);
    let (from, to) = (lower.pps as f64, upper.pps as f64);
    tells.then_some(from + (to - from) * share)
}

/// Returns the load at which the loss ratio is that of the goal, on a line through `upper` and the load
/// `above` it, which lost more; `None` if that is too far away to tell.
pub fn beyond(goal: &Goal, upper: &Load, above: &Load) -> Option<f64> {
    let wanted = goal.loss_ratio;
    let (less, more) = (longest(upper)?.loss_ratio, longest(above)?.loss_ratio);
    let tells = 0.0 < wanted && wanted < less && less < more;
    let is_near = above.pps <= upper.pps.saturating_mul(2);
    let step = (above.pps - upper.pps) as f64 / (more - less);
    (tells && is_near).then_some(upper.pps as f64 - (less - wanted) * step)
}

/// Returns the longest trial of a load, of several the median one by its loss.
fn longest(load: &Load) -> Option<&Measured> {
    let longest = load.trials.iter().map(|trial| trial.duration).max()?;
    let mut trials: alloc::vec::Vec<_> = load
        .trials
        .iter()
        .filter(|trial| trial.duration == longest)
        .collect();
    trials.sort_by(|a, b| a.loss_ratio.total_cmp(&b.loss_ratio));
    trials.get(trials.len() / 2).copied()
}
