//! Times: `250ms`, `1.5s`.

use dpdkgen_core::time::Span;

use super::BadValue;
use super::decimal::number;

/// Reads a time, of which a bare number counts `bare_ns` nanoseconds each.
fn duration(text: &str, bare_ns: u128) -> Result<Span, BadValue> {
    let (value, unit) = number(text, "a time such as 250ms or 1.5s")?;
    let ns = match unit.as_str() {
        "" => bare_ns,
        "ns" => 1,
        // The micro sign and the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(BadValue::Unit("ns, us, ms, s, min or h")),
    };
    value.times(ns)?.whole("nanoseconds").map(Span::from_nanos)
}

/// Reads a time; a bare number is nanoseconds.
///
/// # Errors
///
/// Returns an error if it is no time, not a whole number of nanoseconds, or more than 64 bits of
/// them.
pub fn nanoseconds(text: &str) -> Result<Span, BadValue> {
    duration(text, 1)
}

/// Reads a time; a bare number is milliseconds.
///
/// # Errors
///
/// Returns an error in the cases of [`nanoseconds`].
pub fn milliseconds(text: &str) -> Result<Span, BadValue> {
    duration(text, 1_000_000)
}

/// Reads a time; a bare number is seconds.
///
/// # Errors
///
/// Returns an error in the cases of [`nanoseconds`].
pub fn seconds(text: &str) -> Result<Span, BadValue> {
    duration(text, 1_000_000_000)
}
