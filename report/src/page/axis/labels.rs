//! The texts beside marks: round numbers in few characters.

use crate::text::words;

/// Returns `250 ms`, `40 s`, `5 min`, `1 h 30`: minutes and hours if steps are a minute or more.
#[must_use]
pub fn clock(ns: f64, step_ns: f64) -> String {
    if step_ns < 60e9 {
        return match ns {
            0.0 => "0 s".to_owned(),
            _ => words::nanos(ns.round() as u64),
        };
    }
    let minutes = (ns / 60e9).round() as u64;
    match (minutes / 60, minutes % 60) {
        (0, 0) => "0".to_owned(),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes}"),
    }
}

/// Returns a share as it stands beside a mark, which is round: `0.00002 %` in full.
#[must_use]
pub fn short_percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    let decimals = (2.0 - percent.max(1e-12).log10().floor()).max(0.0) as usize;
    let text = format!("{percent:.decimals$}");
    if !text.contains('.') {
        return format!("{text} %");
    }
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Returns a count in as few characters as an axis has room for, as in `3.5 M`.
#[must_use]
pub fn short_count(value: f64) -> String {
    in_unit(value, |_| 2)
}

/// Returns a count with as many decimals as tell it from one that is `step` more, as in `1.195 M`.
#[must_use]
pub fn near_count(value: f64, step: f64) -> String {
    // Steps have one digit, or two if they are 2.5.
    in_unit(value, |size| {
        (1.0 - (step / size).log10().floor()).max(0.0) as usize
    })
}

/// Returns a count in its largest unit, with the decimals that `decimals` tells of a unit but without
/// zeros at their end.
fn in_unit(value: f64, decimals: impl Fn(f64) -> usize) -> String {
    // By what two digits round to, so that nothing is `1000 k`.
    let (size, unit) = match value {
        v if v >= 999.995e6 => (1e9, " G"),
        v if v >= 999.995e3 => (1e6, " M"),
        v if v >= 999.995 => (1e3, " k"),
        _ => (1.0, ""),
    };
    let decimals = decimals(size);
    let text = format!("{:.decimals$}", value / size);
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    format!("{text}{unit}")
}
