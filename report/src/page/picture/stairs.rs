//! Lines of steps, and the areas between two of them, as paths.

use std::fmt::Write;

/// Adds to `path` a line of steps, one for each height, from `begin` to the places that `ends`
/// gives for each step.
pub fn stairs(
    path: &mut String,
    begin: usize,
    heights: impl Iterator<Item = i32>,
    ends: impl Fn(usize) -> f64,
) {
    let mut heights = heights.enumerate().peekable();
    let mut last = None;
    while let Some((column, height)) = heights.next() {
        match last {
            None => drop(write!(path, "M{begin} {height}")),
            Some(last) if last != height => drop(write!(path, "V{height}")),
            Some(_) => {}
        }
        last = Some(height);
        // Steps of one height are one.
        if heights.peek().is_none_or(|(_, next)| *next != height) {
            let _ = write!(path, "H{}", short(ends(column)));
        }
    }
}

/// Adds to `path` the area between the least and the most of each column.
pub fn surround(
    path: &mut String,
    begin: usize,
    run: &[[i32; 3]],
    ends: impl Fn(usize) -> f64 + Copy,
) {
    stairs(path, begin, run.iter().map(|heights| heights[2]), ends);
    let mut last = None;
    for (column, [height, ..]) in run.iter().enumerate().rev() {
        if last != Some(height) {
            if last.is_some() {
                let _ = write!(path, "H{}", short(ends(column)));
            }
            let _ = write!(path, "V{height}");
            last = Some(height);
        }
    }
    let _ = write!(path, "H{begin}z");
}

/// Returns whole numbers without a decimal, and others with two.
fn short(value: f64) -> String {
    if value.fract() == 0.0 {
        return format!("{value:.0}");
    }
    format!("{value:.2}")
}
