//! The choice of the next load: where the trials so far suggest that a bound is.
//!
//! A goal has a bracket: the highest load that looks good below the least that looks bad. While it
//! is open at an end, or wider than the goal allows, a load that is new is tried, shortly. Once it
//! is narrow, its two ends are tried for the final trial duration, in turn, until both are decided; if
//! one turns out to be the other, the bracket moves. So no time is spent on a load before there is
//! reason to believe that it is a bound.
//!
//! A new load is chosen by what the upper end let pass: a path that carries so much under overload
//! should carry that much; and by a line through two loads that lost differently. Where that tells
//! nothing, since little was lost, steps away from what is known double, and half a bracket is never
//! exceeded. The ends are kept away from where the bound should be, since trials there tell least. Once
//! a load that looked good in a short trial was bad in a long one, short trials are not believed any
//! more.

use core::time::Duration;

use crate::estimates;
use crate::evidence::{Evidence, Verdict};
use crate::goal::Goal;
use crate::loads::{Load, Measured};
use crate::search::{Bracket, Ceiling, Search, Trial};

/// The ends of a bracket, in packets per second.
pub type Ends = (Option<u64>, Option<u64>);

/// How the bracket of a goal has moved since one of its ends was last decided.
#[derive(Debug, Clone, Copy, Default)]
pub struct Walk {
    /// How often its upper end went down.
    downward: u32,
    /// How often its lower end went up.
    upward: u32,
    /// Whether the last new load left more than half of it.
    is_slow: bool,
    /// How often a load that looked good turned out bad, or the other way round.
    turns: u32,
}

impl Walk {
    /// Notes that a trial for this goal made a bracket of `after` out of `before`.
    pub fn step(&mut self, before: Ends, after: Ends) {
        let fell = |ends: (Option<u64>, Option<u64>)| match ends {
            (Some(before), Some(after)) => after < before,
            (before, after) => before.is_none() && after.is_some(),
        };
        if fell((before.1, after.1)) {
            self.downward += 1;
        }
        if after.0 > before.0 {
            self.upward += 1;
        }
        let is_turned = |from: Option<u64>, to: Option<u64>| to.is_some() && to == from;
        if is_turned(before.0, after.1) || is_turned(before.1, after.0) {
            self.turns += 1;
        }
        self.is_slow = match (before, after) {
            ((Some(from), Some(to)), (Some(new_from), Some(new_to))) => {
                new_to.saturating_sub(new_from) > (to - from) / 2
            }
            _ => false,
        };
    }

    /// Notes that a lower bound, or an upper one, was decided.
    pub fn decide(&mut self, is_upper: bool) {
        if is_upper {
            self.upward = 0;
        } else {
            self.downward = 0;
        }
    }
}

/// The widest step outwards, in doublings of the goal's width.
const MOST_DOUBLINGS: u32 = 16;

/// Returns the next trial for goal number `goal`; `None` if it has its bounds.
pub fn next(search: &Search, goal: usize) -> Option<Trial> {
    let Bracket { lower, upper } = search.bracket(goal);
    let ceiling = search.ceiling();
    let pps = match (lower, upper) {
        (None, None) => Some(first(search, ceiling)),
        (Some((lower, verdict)), None) => above(search, goal, (lower.pps, verdict), ceiling),
        (None, Some((upper, _))) => below(search, goal, upper),
        (Some((lower, _)), Some((upper, _))) => between(search, goal, lower, upper),
    };
    let settings = &search.goals[goal];
    match pps {
        Some(pps) => Some(Trial {
            pps,
            duration: if are_shorts_misleading(search, goal) {
                settings.trial
            } else {
                settings.first_trial()
            },
            goal,
        }),
        None => undecided(settings, lower, upper).map(|pps| Trial {
            pps,
            duration: settings.trial,
            goal,
        }),
    }
}

/// Returns whether a long trial was bad where a short one was good, or a load has turned out to be other
/// than it looked.
fn are_shorts_misleading(search: &Search, goal: usize) -> bool {
    let is_contradicted = |load: &Load| {
        let evidence = Evidence::of(&search.goals[goal], &load.trials);
        evidence.good_short > 0.0 && evidence.bad_long > 0.0
    };
    search.walks[goal].turns > 0 || search.loads.iter().any(is_contradicted)
}

/// Returns the first load: the greatest, since what passes of it tells most.
fn first(search: &Search, ceiling: Ceiling) -> u64 {
    within(
        search,
        suggested(search, ceiling).unwrap_or(ceiling.greatest()),
    )
}

/// Returns the load that a sender which fell short suggests: what it reached, and less the more often it
/// has fallen short since, for it may not be the load that keeps it from sending.
fn suggested(search: &Search, ceiling: Ceiling) -> Option<u64> {
    let Ceiling::Sender { beyond, reached } = ceiling else {
        return None;
    };
    let failures = search.loads.iter().filter(|load| load.is_beyond_sender());
    let failures = failures.count() as u32;
    let width = search
        .goals
        .first()
        .map_or(0.0, |goal| widened(goal, failures));
    let less = if failures > 1 { 1.0 - width } else { 1.0 };
    let next = (reached.min(beyond - 1) as f64 * less) as u64;
    Some(next.max(search.limits.min))
}

fn within(search: &Search, pps: u64) -> u64 {
    pps.clamp(
        search.limits.min,
        search.ceiling().greatest().max(search.limits.min),
    )
}

/// Returns the load to try above `lower`, beyond which nothing is known; `None` if nothing is to be
/// tried there.
fn above(
    search: &Search,
    goal: usize,
    (lower, verdict): (u64, Verdict),
    ceiling: Ceiling,
) -> Option<u64> {
    let greatest = ceiling.greatest();
    if lower >= greatest {
        return None;
    }
    if let Ceiling::Sender { beyond, .. } = ceiling
        && search.is_narrow(goal, lower, beyond)
    {
        return None;
    }
    if let Ceiling::Sender { reached, .. } = ceiling
        && reached < lower
        && !verdict.is_decided()
    {
        // A sender that reached less than that further up may not offer even that any more.
        return Some(lower);
    }
    let step = widened(
        &search.goals[goal],
        search.walks[goal].upward.saturating_sub(1),
    );
    let far = (lower as f64 / (1.0 - step)) as u64;
    let next = match ceiling {
        // What is known is that the sender fails further up.
        Ceiling::Sender { beyond, .. } => far.min(middle(lower, beyond)),
        Ceiling::MaxRate(_) => far,
    };
    let hint = suggested(search, ceiling).filter(|pps| *pps > lower);
    Some(hint.unwrap_or(next).clamp(lower + 1, greatest))
}

/// Returns the load to try below `upper`, below which nothing is known to be good.
fn below(search: &Search, goal: usize, upper: &Load) -> Option<u64> {
    let min = search.limits.min;
    if upper.pps <= min {
        return None;
    }
    let settings = &search.goals[goal];
    let stepped = downward(search, goal, upper);
    let below = |at: f64| at * (1.0 - settings.width / 2.0);
    let mut above = search.loads.iter().filter(|load| load.pps > upper.pps);
    let line = above
        .next()
        .and_then(|above| estimates::beyond(settings, upper, above));
    let next = match (line, estimates::passed(settings, upper)) {
        // Where it misleads again and again, the step that doubles gets away from there.
        (Some(at), _) if !search.walks[goal].downward.is_multiple_of(4) => below(at),
        (_, Some(passed)) => below(passed).min(stepped),
        (_, None) => stepped,
    };
    Some((next as u64).clamp(min, upper.pps - 1))
}

/// Returns the load a step below `upper`, in packets per second.
fn downward(search: &Search, goal: usize, upper: &Load) -> f64 {
    let doublings = search.walks[goal].downward.saturating_sub(1);
    upper.pps as f64 * (1.0 - widened(&search.goals[goal], doublings))
}

/// Returns the load to try between `lower` and `upper`; `None` if they are near enough.
fn between(search: &Search, goal: usize, lower: &Load, upper: &Load) -> Option<u64> {
    let (from, to) = (lower.pps, upper.pps);
    if search.is_narrow(goal, from, to) {
        return None;
    }
    if is_weak(search, goal, lower) {
        return Some(from);
    }
    let settings = &search.goals[goal];
    let half = middle(from, to);
    let slope = estimates::between(settings, lower, upper);
    if let Some(last) = slope.and_then(|at| last(settings, (from, to), at)) {
        return Some(last.clamp(from + 1, to - 1));
    }
    let at = estimates::passed(settings, upper).map(|at| slope.map_or(at, |slope| at.min(slope)));
    let next = match at.and_then(|at| guess(settings, (from, to), at)) {
        Some(guess) if !search.walks[goal].is_slow => guess,
        Some(_) => half,
        None => half.max(downward(search, goal, upper) as u64),
    };
    Some(next.clamp(from + 1, to - 1))
}

/// Returns the load that leaves a narrow bracket whatever it turns out to be, and of those the furthest
/// from `at`, where trials would tell least; `None` if the bracket is too wide for that.
fn last(goal: &Goal, (from, to): (u64, u64), at: f64) -> Option<u64> {
    let (least, most) = (
        to as f64 * (1.0 - goal.width),
        from as f64 / (1.0 - goal.width),
    );
    let furthest = if at - least > most - at { least } else { most };
    (least <= most).then_some(furthest as u64)
}

/// Returns whether `lower` needs more support before something is looked for above it: the more, the
/// more often loads have turned out to be other than they looked.
fn is_weak(search: &Search, goal: usize, lower: &Load) -> bool {
    let settings = &search.goals[goal];
    let turns = f64::from(search.walks[goal].turns.min(TURNS));
    let evidence = Evidence::of(settings, &lower.trials);
    let verdict = evidence.verdict(settings);
    let wanted = settings.sum.as_secs_f64() * (1.0 - settings.exceed) * turns / f64::from(TURNS);
    verdict.is_some_and(|verdict| !verdict.is_decided()) && evidence.good_long < wanted
}

/// The number of turns after which nothing but decided bounds counts.
const TURNS: u32 = 12;

/// Returns the load to try in a wide bracket where the bound should be `at`; `None` if that is near its
/// upper end.
fn guess(goal: &Goal, (from, to): (u64, u64), at: f64) -> Option<u64> {
    let (from, to) = (from as f64, to as f64);
    let (good, bad) = (at * (1.0 - goal.width / 2.0), from / (1.0 - goal.width));
    // As near as this to what is good already, what is next has to be bad.
    let next = if good <= from * (1.0 + goal.width / 4.0) {
        bad
    } else {
        good
    };
    (next < to * (1.0 - goal.width)).then_some(next as u64)
}

/// Returns the load in the middle of two, by their ratio.
fn middle(from: u64, to: u64) -> u64 {
    (u128::from(from) * u128::from(to)).isqrt() as u64
}

/// Returns the width of the goal, doubled so often, as a share.
fn widened(goal: &Goal, doublings: u32) -> f64 {
    let factor = f64::from(1_u32 << doublings.min(MOST_DOUBLINGS));
    (goal.width * factor).min(0.5)
}

/// Returns the end of a narrow bracket to try: the one that was tried less.
fn undecided(
    goal: &Goal,
    lower: Option<(&Load, Verdict)>,
    upper: Option<(&Load, Verdict)>,
) -> Option<u64> {
    let ends = [lower, upper].into_iter().flatten();
    let open = ends.filter(|(_, verdict)| !verdict.is_decided());
    let long = |load: &Load| {
        let is_long = |trial: &&Measured| trial.duration >= goal.trial;
        load.trials.iter().filter(is_long).count()
    };
    open.min_by_key(|(load, _)| long(load))
        .map(|(load, _)| load.pps)
}

/// Returns about how long the trials take that goal number `goal` still needs.
pub fn remaining(search: &Search, goal: usize) -> Duration {
    let settings = &search.goals[goal];
    let Bracket { lower, upper } = search.bracket(goal);
    let sum = settings.sum.as_secs_f64();
    let missing = |end: Option<(&Load, Verdict)>, whole: f64| {
        end.map_or(whole, |(load, verdict)| {
            Evidence::of(settings, &load.trials).missing(settings, verdict)
        })
    };
    let ends =
        missing(lower, sum * (1.0 - settings.exceed)) + missing(upper, sum * settings.exceed);
    let is_narrow = match (lower, upper) {
        (Some((lower, _)), Some((upper, _))) => search.is_narrow(goal, lower.pps, upper.pps),
        _ => false,
    };
    let first = settings.first_trial().as_secs_f64();
    // On the way to a narrow bracket some four new loads are tried.
    Duration::from_secs_f64(ends + if is_narrow { 0.0 } else { 4.0 * first })
}
