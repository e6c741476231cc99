//! What was found for each frame size and goal, over all searches.

use crate::page::picture::Pen;
use crate::search::{FrameSize, LimitedBy, SearchReport, gbit_on_the_line};

/// The styles by which goals are told apart in a picture; of more goals the first few are drawn.
pub const PENS: [Pen; 3] = [Pen::First, Pen::Second, Pen::Third];

/// What was found for a frame size and a goal.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<'s> {
    /// The frame size.
    pub size: &'s FrameSize,
    /// The bytes of a frame; the mean of a mix.
    pub frame_bytes: f64,
    /// The goal.
    pub goal: &'s str,
    /// The lower bound; of repeated searches the median.
    pub lower_pps: Option<f64>,
    /// The least and the greatest lower bound of repeated searches.
    pub range: Option<[f64; 2]>,
    /// What keeps the load from being higher, as far as that is known; of repeated searches all there
    /// is.
    pub limits: Vec<LimitedBy>,
    /// `true` if nothing is left to find.
    pub is_complete: bool,
}

impl Found<'_> {
    /// Returns the Gbit/s of the lower bound on the line.
    pub fn gbit(&self) -> Option<f64> {
        let pps = self.lower_pps?;
        Some(gbit_on_the_line(pps, self.frame_bytes))
    }
}

/// Returns what was found, in the order of the results.
pub fn found(search: &SearchReport) -> Vec<Found<'_>> {
    let mut all: Vec<Found<'_>> = Vec::new();
    for result in &search.results {
        let same =
            |found: &&mut Found<'_>| *found.size == result.frame_size && found.goal == result.goal;
        let known = result.limit.filter(|_| result.complete);
        if let Some(found) = all.iter_mut().find(same) {
            found.lower_pps = found.lower_pps.or(result.lower_pps);
            found.is_complete &= result.complete;
            found.limits.extend(known);
            continue;
        }
        all.push(Found {
            size: &result.frame_size,
            frame_bytes: result.frame_bytes,
            goal: &result.goal,
            lower_pps: result.lower_pps,
            range: None,
            limits: known.into_iter().collect(),
            is_complete: result.complete,
        });
    }
    for spread in &search.spread {
        let same =
            |found: &&mut Found<'_>| *found.size == spread.frame_size && found.goal == spread.goal;
        if let Some(found) = all.iter_mut().find(same) {
            // A search without a lower bound counts as 0.
            found.lower_pps = Some(spread.median_pps).filter(|pps| *pps > 0.0);
            found.range = Some([spread.min_pps, spread.max_pps]);
        }
    }
    all
}

/// Returns each of `all` once, in order of its first.
pub fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for one in all {
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    seen
}
