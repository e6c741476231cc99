//! Axes: the places of values, and the marks on some of them.
//!
//! Promised: marks are round numbers and few, and everything between the bounds asked for has its
//! place.

mod labels;

use self::labels::clock;
pub use self::labels::{near_count, short_count, short_percent};
use crate::text::words;

/// The characters of a mark's text above which it is long.
const LONG: usize = 8;

/// The characters of all names together for which a narrow picture has room.
const NAMES: usize = 36;

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
    /// The same above a zero of its own.
    LogarithmicAboveZero {
        from: f64,
        to: f64,
    },
}

/// The least share that a logarithmic axis goes down to: one packet of a year at a hundred million a
/// second is more.
const LEAST_SHARE: f64 = 1e-16;

/// The share of an axis that a zero of its own takes.
const ZERO: f64 = 0.15;

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

    /// Makes an axis from `least` to `most` whose marks are at round numbers between them; the label
    /// of a mark is told the distance of two.
    #[must_use]
    pub fn between(least: f64, most: f64, label: impl Fn(f64, f64) -> String) -> Self {
        let to = if most > least { most } else { least + 1.0 };
        let step = round_up((to - least) / 5.0);
        let scale = Scale::Linear { from: least, to };
        let numbers =
            (least / step - 1e-9).ceil().max(0.0) as u64..=(to / step + 1e-9).floor() as u64;
        let marks = numbers.enumerate().map(|(place, number)| Mark {
            at: scale.place(number as f64 * step),
            label: label(number as f64 * step, step),
            weight: Weight::alternating(place),
        });
        Self {
            scale,
            marks: marks.collect(),
        }
    }

    /// Makes an axis of things that have nothing between them, number `n` at the place of the value
    /// `n`.
    #[must_use]
    pub fn of_names(names: &[String]) -> Self {
        let scale = Scale::Linear {
            from: -0.5,
            to: names.len() as f64 - 0.5,
        };
        let characters: usize = names.iter().map(|name| name.chars().count() + 1).sum();
        let has_room = characters <= NAMES;
        let marks = names.iter().enumerate().map(|(place, name)| Mark {
            at: scale.place(place as f64),
            label: name.clone(),
            weight: match has_room {
                true => Weight::Major,
                false => Weight::alternating(place),
            },
        });
        Self {
            scale,
            marks: marks.collect(),
        }
    }

    /// Makes an axis of times in nanoseconds: logarithmic if the most is eight times the least or
    /// more, else from 0.
    #[must_use]
    pub fn of_latency(least_ns: f64, most_ns: f64) -> Self {
        let label = |ns: f64| words::nanos(ns.round() as u64);
        Self::of_amounts(least_ns, most_ns, label)
    }

    /// Makes an axis of what is more than 0: logarithmic if the most is eight times the least or more,
    /// else from 0.
    #[must_use]
    pub fn of_amounts(least: f64, most: f64, label: impl Fn(f64) -> String) -> Self {
        let least = least.max(1.0);
        if most < 8.0 * least {
            return Self::from_zero(most, label);
        }
        Self::logarithmic(least, most, label)
    }

    /// Makes an axis of shares that may be 0: `least` is the least of those that are not. If the most
    /// is eight times that or more it is logarithmic above a zero of its own, else from 0.
    #[must_use]
    pub fn of_shares(least: f64, most: f64) -> Self {
        if most < 8.0 * least || least <= 0.0 {
            return Self::from_zero(most, short_percent);
        }
        let above = Self::logarithmic(least.max(LEAST_SHARE), most, short_percent);
        let Scale::Logarithmic { from, to } = above.scale else {
            return above;
        };
        let zero = Mark {
            at: 0.0,
            label: short_percent(0.0),
            weight: Weight::Major,
        };
        let marks = above.marks.into_iter().map(|mark| Mark {
            at: ZERO + (1.0 - ZERO) * mark.at,
            ..mark
        });
        Self {
            scale: Scale::LogarithmicAboveZero { from, to },
            marks: std::iter::once(zero).chain(marks).collect(),
        }
    }

    fn logarithmic(least: f64, most: f64, label: impl Fn(f64) -> String) -> Self {
        let (first, last) = (least.log10().floor() as i32, most.log10().ceil() as i32);
        // Over few decades, something between them is marked too.
        let digits: &[f64] = if most <= 100.0 * least {
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
        let count = count.max(10);
        let scale = Scale::Linear {
            from: 0.0,
            to: (count as f64).log10(),
        };
        // Two have room beside the half wherever there is any.
        let most = count.ilog10() as usize;
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
        matches!(
            self.scale,
            Scale::Logarithmic { .. } | Scale::LogarithmicAboveZero { .. }
        )
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
        let logarithm = value.max(f64::MIN_POSITIVE).log10();
        let place = match self {
            Self::Linear { from, to } => (value - from) / (to - from),
            Self::LogarithmicAboveZero { .. } if value <= 0.0 => 0.0,
            Self::LogarithmicAboveZero { from, to } => {
                ZERO + (1.0 - ZERO) * (logarithm - from) / (to - from)
            }
            Self::Logarithmic { from, to } => (logarithm - from) / (to - from),
        };
        place.clamp(0.0, 1.0)
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

#[cfg(test)]
mod tests;
