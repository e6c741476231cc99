//! Axes: the places of values, and the marks on some of them.
//!
//! Promised: marks are round numbers and few, and everything between the bounds asked for has its
//! place.

use crate::text::words;

/// The characters of a mark's text above which it is long.
const LONG: usize = 8;

/// A marked place on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The place, from 0 at the axis' beginning to 1 at its end.
    pub at: f64,
    /// The text beside the mark.
    pub label: String,
    /// How much room there has to be for the text.
    pub weight: Weight,
}

/// The room that a mark's text needs, by which it is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It is there in any room.
    Major,
    /// It is left out where there is little room.
    Middle,
    /// It is left out before those are.
    Minor,
}

impl Weight {
    /// Returns the weight of every other mark of an axis.
    const fn alternating(number: usize) -> Self {
        if number % 2 == 1 {
            Self::Minor
        } else {
            Self::Major
        }
    }
}

/// A scale, and its marks.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    scale: Scale,
    /// The marks, in order.
    pub marks: Vec<Mark>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Scale {
    Linear {
        from: f64,
        to: f64,
    },
    /// The bounds are logarithms of base 10.
    Logarithmic {
        from: f64,
        to: f64,
    },
}

impl Axis {
    /// Makes an axis from 0 to `most`, or to the next mark above it.
    #[must_use]
    pub fn from_zero(most: f64, label: impl Fn(f64) -> String) -> Self {
        let most = if most > 0.0 { most } else { 1.0 };
        let step = round_up(most / 5.0);
        let steps = (most / step - 1e-9).ceil().max(1.0);
        let to = steps * step;
        let marks = (0..=steps as u32).map(|number| Mark {
            at: f64::from(number) / steps,
            label: label(f64::from(number) * step),
            weight: Weight::Major,
        });
        Self {
            scale: Scale::Linear { from: 0.0, to },
            marks: marks.collect(),
        }
    }

    /// Makes an axis of times in nanoseconds: logarithmic if the most is eight times the least or
    /// more, else from 0.
    #[must_use]
    pub fn of_latency(least_ns: f64, most_ns: f64) -> Self {
        let label = |ns: f64| words::nanos(ns.round() as u64);
        let least = least_ns.max(1.0);
        if most_ns < 8.0 * least {
            return Self::from_zero(most_ns, label);
        }
        Self::logarithmic(least, most_ns, label)
    }

    fn logarithmic(least: f64, most: f64, label: impl Fn(f64) -> String) -> Self {
        let (first, last) = (least.log10().floor() as i32, most.log10().ceil() as i32);
        // With few decades, something between them is marked too.
        let digits: &[f64] = if last - first <= 2 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let candidates = (first..=last)
            .flat_map(|decade| digits.iter().map(move |digit| digit * 10_f64.powi(decade)));
        let candidates: Vec<f64> = candidates.collect();
        let from = candidates
            .iter()
            .rfind(|value| **value <= least * 1.000_001);
        let to = candidates.iter().find(|value| **value >= most * 0.999_999);
        let (from, to) = (*from.unwrap_or(&least), *to.unwrap_or(&most));
        let scale = Scale::Logarithmic {
            from: from.log10(),
            to: to.log10(),
        };
        let between = candidates
            .iter()
            .filter(|value| (from..=to).contains(value));
        let marks = between.enumerate().map(|(number, value)| Mark {
            at: scale.place(*value),
            label: label(*value),
            weight: Weight::alternating(number),
        });
        let marks: Vec<_> = marks.collect();
        Self { scale, marks }
    }

    /// Makes an axis of a run's time, in nanoseconds since it began.
    #[must_use]
    pub fn of_time(from_ns: f64, to_ns: f64) -> Self {
        const STEPS_S: [f64; 12] = [
            1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0,
        ];
        let (from, to) = (from_ns, to_ns.max(from_ns + 1.0));
        let ideal_s = (to - from) / 8e9;
        let step_s = match ideal_s {
            short if short < 1.0 => round_up(short),
            long if long > 7_200.0 => (long / 3_600.0 / 6.0).ceil() * 6.0 * 3_600.0,
            other => *STEPS_S
                .iter()
                .find(|step| **step >= other)
                .unwrap_or(&7_200.0),
        };
        let scale = Scale::Linear { from, to };
        let step = step_s * 1e9;
        let numbers = (from / step - 1e-9).ceil() as u64..=(to / step + 1e-9).floor() as u64;
        let marks = numbers.enumerate().map(|(place, number)| Mark {
            at: scale.place(number as f64 * step),
            label: clock(number as f64 * step, step),
            weight: Weight::alternating(place),
        });
        Self {
            scale,
            marks: marks.collect(),
        }
    }

    /// Makes an axis of shares of packets: 50, 90, 99, 99.9 % and so on, each nine as wide as the
    /// one before, up to all but one packet of `count`.
    #[must_use]
    pub fn of_nines(count: u64) -> Self {
        let nines = (count.max(10) as f64).log10();
        let scale = Scale::Linear {
            from: 0.0,
            to: nines,
        };
        // Two have room beside the half wherever there is any.
        let most = nines.floor() as usize;
        let far = most.div_ceil(2).next_multiple_of(2).max(2);
        let half = (0.5, "50 %".to_owned(), Weight::Major);
        let whole = (1..=most).map(|number| {
            let label = match number {
                1 => "90 %".to_owned(),
                2 => "99 %".to_owned(),
                more => format!("99.{} %", "9".repeat(more - 2)),
            };
            let weight = match number {
                far_off if far_off % far == 0 => Weight::Major,
                even if even % 2 == 0 => Weight::Middle,
                _ => Weight::Minor,
            };
            (1.0 - 0.1_f64.powi(number as i32), label, weight)
        });
        let marks = std::iter::once(half)
            .chain(whole)
            .map(|(share, label, weight)| Mark {
                at: scale.place(nines_of(share)),
                label,
                weight,
            });
        Self {
            scale,
            marks: marks.collect(),
        }
    }

    /// Returns the place of `value`, from 0 to 1; a value beyond the axis has its place at the end.
    #[must_use]
    pub fn place(&self, value: f64) -> f64 {
        self.scale.place(value)
    }

    /// Returns whether the text of any mark is long.
    #[must_use]
    pub fn has_long_labels(&self) -> bool {
        self.longest_label() > LONG
    }

    /// Returns the most characters of a mark's text.
    #[must_use]
    pub fn longest_label(&self) -> usize {
        let lengths = self.marks.iter().map(|mark| mark.label.chars().count());
        lengths.max().unwrap_or(0)
    }

    /// Returns whether equal distances on it are equal ratios.
    #[must_use]
    pub const fn is_logarithmic(&self) -> bool {
        matches!(self.scale, Scale::Logarithmic { .. })
    }
}

impl Mark {
    /// Returns whether its text, set about its place, would leave the picture's card.
    #[must_use]
    pub fn is_at_the_edge(&self) -> bool {
        self.at > 0.9 && self.label.chars().count() > LONG
    }
}

impl Scale {
    fn place(self, value: f64) -> f64 {
        let (from, to, value) = match self {
            Self::Linear { from, to } => (from, to, value),
            Self::Logarithmic { from, to } => (from, to, value.max(f64::MIN_POSITIVE).log10()),
        };
        ((value - from) / (to - from)).clamp(0.0, 1.0)
    }
}

/// Returns the number of nines of a share: 1 for 90 %, 2 for 99 %.
#[must_use]
pub fn nines_of(share: f64) -> f64 {
    -(1.0 - share).max(1e-19).log10()
}

/// Returns the least number not below `value` that is 1, 2, 2.5 or 5 times a power of 10.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let digits = [1.0, 2.0, 2.5, 5.0, 10.0];
    let fitting = digits
        .iter()
        .find(|digit| *digit * power >= value * 0.999_999);
    fitting.unwrap_or(&10.0) * power
}

/// Returns `250 ms`, `40 s`, `5 min`, `1 h 30`: minutes and hours if steps are a minute or more.
fn clock(ns: f64, step_ns: f64) -> String {
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
    // By what two digits round to, so that nothing is `1000 k`.
    let (size, unit) = match value {
        v if v >= 999.995e6 => (1e9, " G"),
        v if v >= 999.995e3 => (1e6, " M"),
        v if v >= 999.995 => (1e3, " k"),
        _ => (1.0, ""),
    };
    let text = format!("{:.2}", value / size);
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.marks.iter().map(|mark| mark.label.as_str()).collect()
    }

    #[test]
    fn a_count_that_rounds_to_a_unit_has_that_unit() {
        assert_eq!(short_count(999.0), "999");
        assert_eq!(short_count(999_994.0), "999.99 k");
        // What 10^6 may be by another library of mathematics.
        assert_eq!(short_count(999_999.999_999_9), "1 M");
        assert_eq!(short_count(999_999_999.0), "1 G");
    }

    #[test]
    fn marks_are_round() {
        let rates = Axis::from_zero(3_512_000.0, short_count);
        assert_eq!(labels(&rates), ["0", "1 M", "2 M", "3 M", "4 M"]);
        let loss = Axis::from_zero(0.013, short_percent);
        assert_eq!(labels(&loss), ["0 %", "0.5 %", "1 %", "1.5 %"]);
        let hardly = Axis::from_zero(4.1e-8, short_percent);
        assert_eq!(
            labels(&hardly),
            [
                "0 %",
                "0.000001 %",
                "0.000002 %",
                "0.000003 %",
                "0.000004 %",
                "0.000005 %"
            ]
        );
        let nothing = Axis::from_zero(0.0, short_percent);
        assert_eq!(labels(&nothing).last(), Some(&"100 %"));
    }

    #[test]
    fn latencies_far_apart_are_logarithmic() {
        let far = Axis::of_latency(1_340.0, 20_800_000.0);
        assert!(far.is_logarithmic());
        assert_eq!(
            labels(&far),
            ["1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms"]
        );
        let near = Axis::of_latency(3_000.0, 60_000.0);
        assert_eq!(
            labels(&near),
            ["2 µs", "5 µs", "10 µs", "20 µs", "50 µs", "100 µs"]
        );
        assert!(!Axis::of_latency(100_000.0, 140_000.0).is_logarithmic());
        assert_eq!(labels(&Axis::of_latency(0.0, 0.0)).first(), Some(&"0 ns"));
    }

    #[test]
    fn times_are_told_as_clocks_do() {
        let at = |seconds: f64| Axis::of_time(0.0, seconds * 1e9);
        assert_eq!(labels(&at(0.05))[1], "10 ms");
        assert_eq!(labels(&at(10.0))[..3], ["0 s", "2 s", "4 s"]);
        assert_eq!(labels(&at(60.0))[1], "10 s");
        assert_eq!(labels(&at(600.0))[1], "2 min");
        let hours = at(10_800.0);
        assert_eq!(labels(&hours)[..3], ["0", "30 min", "1 h"]);
        assert_eq!(labels(&hours).last(), Some(&"3 h"));
        assert_eq!(labels(&at(200_000.0))[1], "12 h");
    }

    #[test]
    fn nines_go_as_far_as_there_are_packets() {
        let axis = Axis::of_nines(1_000);
        assert_eq!(labels(&axis), ["50 %", "90 %", "99 %", "99.9 %"]);
        // None of those that stand where there is room is beside one that stands anywhere.
        for count in 2..12 {
            let axis = Axis::of_nines(10_u64.pow(count));
            let seen = axis.marks.iter().map(|mark| mark.weight != Weight::Minor);
            let seen: Vec<_> = seen.skip(1).collect();
            assert!(
                !seen.windows(2).any(|pair| pair == [true, true]),
                "{axis:?}"
            );
            let anywhere = axis
                .marks
                .iter()
                .filter(|mark| mark.weight == Weight::Major);
            assert!((2..=3).contains(&anywhere.count()), "{axis:?}");
        }
        assert!((axis.place(nines_of(0.999)) - 1.0).abs() < 1e-9);
        assert_eq!(axis.place(nines_of(1.0)), 1.0);
    }

    proptest! {
        #[test]
        fn everything_has_its_place(least in 0.0_f64..1e15, factor in 1.0_f64..1e6) {
            let most = least * factor;
            for axis in [Axis::of_latency(least, most), Axis::from_zero(most, short_count),
                Axis::of_time(least, most)] {
                prop_assert!((1..=22).contains(&axis.marks.len()), "{:?}", axis);
                let [low, high] = [axis.place(least), axis.place(most)];
                prop_assert!((0.0..=1.0).contains(&low) && low <= high && high <= 1.0);
                let ordered = axis.marks.windows(2).all(|pair| pair[0].at < pair[1].at);
                prop_assert!(ordered, "{:?}", axis);
            }
        }
    }
}
