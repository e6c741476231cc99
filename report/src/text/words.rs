//! Numbers in words, as a person reads them.
//!
//! Promised: nothing that is not 0 is shown as 0, and nothing short of all as 100 %.

/// Returns `41,200` for 41200.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns `1 packet`, `41,200 packets`.
pub fn packets(value: u64) -> String {
    format!(
        "{} packet{}",
        count(value),
        if value == 1 { "" } else { "s" }
    )
}

/// Returns `once`, `1,200 times`.
pub fn times(value: u64) -> String {
    match value {
        1 => "once".to_owned(),
        _ => format!("{} times", count(value)),
    }
}

/// Returns `3,500,000 packets/s`.
pub fn rate(pps: f64) -> String {
    let number = rate_number(pps);
    format!("{number} packet{}/s", if number == "1" { "" } else { "s" })
}

/// Returns `3,500,000`; rates below 100 have two significant digits or more.
pub fn rate_number(pps: f64) -> String {
    if pps < 100.0 {
        significant(pps, 2)
    } else {
        count(pps.round() as u64)
    }
}

/// Returns `imix, 353.8 bytes a frame on average`.
pub fn mix((name, mean_bytes): (&str, f64)) -> String {
    format!("{name}, {mean_bytes:.1} bytes a frame on average")
}

/// Returns `1.62 Gbit/s`.
pub fn bit_rate(bits_per_second: f64) -> String {
    const UNITS: [(f64, &str); 4] = [
        (1e9, "Gbit/s"),
        (1e6, "Mbit/s"),
        (1e3, "kbit/s"),
        (1.0, "bit/s"),
    ];
    in_units(bits_per_second, &UNITS)
}

/// Returns `812 ns`, `46.1 µs`, `1.32 ms`, `2.5 s`.
pub fn nanos(ns: u64) -> String {
    const UNITS: [(f64, &str); 4] = [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")];
    in_units(ns as f64, &UNITS)
}

/// Returns `60 s`, `12 min 30 s`, `3 h`.
pub fn seconds(seconds: f64) -> String {
    if seconds < 119.95 {
        return nanos((seconds * 1e9).round() as u64);
    }
    let whole = seconds.round() as u64;
    let parts = [
        (whole / 3600, "h"),
        (whole / 60 % 60, "min"),
        (whole % 60, "s"),
    ];
    let parts = parts.iter().filter(|(value, _)| *value > 0);
    parts
        .map(|(value, unit)| format!("{value} {unit}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Returns a moment of a run, in seconds since counting began, as it follows `from` or `to`: `3.2 s`,
/// `the start`, `the warm-up`.
pub fn moment(at_s: f64) -> String {
    if at_s < 0.0 {
        return "the warm-up".to_owned();
    }
    if at_s < 0.000_000_5 {
        return "the start".to_owned();
    }
    seconds(at_s)
}

/// Returns a moment as precisely as it takes to tell apart two that are `apart_s` from each other:
/// `3.207 s`, `2 min 50.1 s`.
pub fn moment_within(at_s: f64, apart_s: f64) -> String {
    if at_s < 0.000_000_5 {
        return moment(at_s);
    }
    let decimals = (1.0 - apart_s.max(1e-9).log10().floor()).clamp(0.0, 9.0) as usize;
    // Rounded first, so that no part of it is rounded up to 60.
    let scale = 10_f64.powi(decimals as i32);
    let rounded = (at_s * scale).round() / scale;
    if rounded < 119.95 {
        return format!("{} s", trimmed(rounded, decimals));
    }
    let minutes = (rounded / 60.0).floor();
    let rest = rounded - minutes * 60.0;
    let (hours, minutes) = (minutes as u64 / 60, minutes as u64 % 60);
    let mut parts = Vec::new();
    if hours > 0 {
        parts.push(format!("{hours} h"));
    }
    if minutes > 0 {
        parts.push(format!("{minutes} min"));
    }
    if rest * scale >= 0.5 {
        parts.push(format!("{} s", trimmed(rest, decimals)));
    }
    parts.join(" ")
}

/// Returns `at 3.2 s`, `at the start`, `in the warm-up`.
pub fn at(at_s: f64) -> String {
    let preposition = if at_s < 0.0 { "in" } else { "at" };
    format!("{preposition} {}", moment(at_s))
}

/// Returns `0.02 %` for 0.0002, with two significant digits or more.
pub fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    if percent > 99.99 && ratio < 1.0 {
        return "more than 99.99 %".to_owned();
    }
    if percent > 0.0 && percent < 0.0001 {
        return "less than 0.0001 %".to_owned();
    }
    let number = match percent {
        p if p >= 99.0 => trimmed(p, 2),
        p if p >= 1.0 => significant(p, 3),
        p => significant(p, 2),
    };
    format!("{number} %")
}

/// Returns `37 %` for 0.37: a share of time, which is not known more precisely.
pub fn share(ratio: f64) -> String {
    match ratio {
        r if r > 0.0 && r < 0.01 => "less than 1 %".to_owned(),
        r => format!("{:.0} %", r * 100.0),
    }
}

/// Returns `37 %`, `<1 %`: the same in a table.
pub fn short_share(ratio: f64) -> String {
    share(ratio).replace("less than ", "<")
}

/// Returns `a`, `a and b`, `a, b and c`.
pub fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// Returns `text` with a capital at its beginning.
pub fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_uppercase().collect::<String>() + chars.as_str()
    })
}

/// Returns three significant digits, in the largest unit that leaves at least 1 before the point.
fn in_units(value: f64, units: &[(f64, &str)]) -> String {
    // What rounds up to 1000 of a unit is shown as 1 of the next.
    let fits = |(size, _): &&(f64, &str)| value >= size * 0.9995;
    let (size, unit) = units.iter().find(fits).unwrap_or(&units[units.len() - 1]);
    format!("{} {unit}", significant(value / size, 3))
}

/// Returns at most so many significant digits, but never fewer than all before the point.
fn significant(value: f64, digits: i32) -> String {
    if value <= 0.0 {
        return "0".to_owned();
    }
    let decimals = (digits - 1 - value.log10().floor() as i32).max(0);
    trimmed(value, decimals as usize)
}

/// Returns so many decimals, without zeros at the end.
fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators() {
        let texts = [0, 7, 999, 1_000, 41_200, 210_000_000, u64::MAX].map(count);
        let expected = [
            "0",
            "7",
            "999",
            "1,000",
            "41,200",
            "210,000,000",
            "18,446,744,073,709,551,615",
        ];
        assert_eq!(texts, expected);
        assert_eq!(packets(1), "1 packet");
        assert_eq!(packets(2_000), "2,000 packets");
    }

    #[test]
    fn rates_keep_what_matters() {
        assert_eq!(rate(3_499_999.9), "3,500,000 packets/s");
        assert_eq!(rate(1.0), "1 packet/s");
        assert_eq!(rate(2.5), "2.5 packets/s");
        assert_eq!(rate(0.25), "0.25 packets/s");
        assert_eq!(bit_rate(1.624e9), "1.62 Gbit/s");
        assert_eq!(bit_rate(9.6e3), "9.6 kbit/s");
    }

    #[test]
    fn times_choose_their_unit() {
        let texts = [
            0,
            1,
            812,
            999,
            1_000,
            46_123,
            999_600,
            1_318_400,
            2_500_000_000,
        ]
        .map(nanos);
        let expected = [
            "0 ns", "1 ns", "812 ns", "999 ns", "1 µs", "46.1 µs", "1 ms", "1.32 ms", "2.5 s",
        ];
        assert_eq!(texts, expected);
        let texts = [0.5, 9.98, 60.0, 750.2, 10_800.0, 3_661.0].map(seconds);
        assert_eq!(
            texts,
            [
                "500 ms",
                "9.98 s",
                "60 s",
                "12 min 30 s",
                "3 h",
                "1 h 1 min 1 s"
            ]
        );
    }

    #[test]
    fn moments_have_a_name_where_a_time_says_nothing() {
        let texts = [-1.5, 0.0, 0.000_1, 7.7, 200.0].map(at);
        let expected = [
            "in the warm-up",
            "at the start",
            "at 100 µs",
            "at 7.7 s",
            "at 3 min 20 s",
        ];
        assert_eq!(texts, expected);
        assert_eq!(moment(0.0), "the start");
        let near = [
            (5.457, 0.002),
            (170.1, 0.3),
            (7_200.0, 0.05),
            (3_600.001, 0.001),
        ];
        let texts = near.map(|(at_s, apart_s)| moment_within(at_s, apart_s));
        assert_eq!(texts, ["5.457 s", "2 min 50.1 s", "2 h", "1 h 0.001 s"]);
        assert_eq!(moment_within(2.0, 2.1), "2 s");
        assert_eq!(moment_within(0.5, 0.1), "0.5 s");
    }

    #[test]
    fn shares_never_round_to_none_or_all() {
        let texts = [
            0.0,
            1e-9,
            0.000_199_9,
            0.0123,
            0.25,
            0.9997,
            0.999_999_9,
            1.0,
        ]
        .map(percent);
        let expected = [
            "0 %",
            "less than 0.0001 %",
            "0.02 %",
            "1.23 %",
            "25 %",
            "99.97 %",
            "more than 99.99 %",
            "100 %",
        ];
        assert_eq!(texts, expected);
        assert_eq!(
            [0.0, 0.004, 0.371, 1.0].map(share),
            ["0 %", "less than 1 %", "37 %", "100 %"]
        );
    }

    #[test]
    fn lists_read_aloud() {
        let words = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(
            [
                list(&[]),
                list(&words[..1]),
                list(&words[..2]),
                list(&words)
            ],
            ["", "a", "a and b", "a, b and c"]
        );
    }
}
