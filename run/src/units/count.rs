//! Sizes, counts, ratios, and numbers of any 64 bits.

use std::num::NonZeroU32;

use super::BadValue;
use super::decimal::{multiplier, number};

/// Reads a number of bytes: `1000`, `64KiB`, `1.5k`.
///
/// # Errors
///
/// Returns an error if it is no size, not a whole number of bytes, or does not fit.
pub fn size(text: &str) -> Result<u64, BadValue> {
    let (value, unit) = number(text, "a size such as 1000 or 64KiB")?;
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let factor = multiplier(unit).ok_or(BadValue::Unit("B, kB, KiB, MB, MiB, GB or GiB"))?;
    value.times(factor)?.whole("bytes")
}

/// Reads a number of things: `3500`, `10M`.
///
/// # Errors
///
/// Returns an error if it is no number, not a whole one, or does not fit.
pub fn count(text: &str) -> Result<u64, BadValue> {
    let (value, unit) = number(text, "a count such as 3500 or 10M")?;
    let factor = multiplier(&unit).ok_or(BadValue::Unit("k, M, G, Ki, Mi or Gi"))?;
    value.times(factor)?.whole("ones")
}

/// Reads a count from `MIN` to `MAX`.
///
/// # Errors
///
/// Returns an error if it is no count, or outside of that.
pub fn within<const MIN: u16, const MAX: u16>(text: &str) -> Result<u16, BadValue> {
    let outside = BadValue::Outside(MIN, MAX);
    let value = u16::try_from(count(text)?).map_err(|_| outside.clone())?;
    if (MIN..=MAX).contains(&value) {
        Ok(value)
    } else {
        Err(outside)
    }
}

/// Reads the N of "one in N": a count of 1 or more.
///
/// # Errors
///
/// Returns an error if it is no such count, or does not fit.
pub fn one_in(text: &str) -> Result<NonZeroU32, BadValue> {
    let count = u32::try_from(count(text)?).map_err(|_| BadValue::TooLarge)?;
    NonZeroU32::new(count).ok_or(BadValue::Wanted("a count of 1 or more such as 1000"))
}

/// Reads any 64 bits, decimal or hexadecimal: `12345`, `0x3039`.
///
/// # Errors
///
/// Returns an error if it is no such number, or does not fit.
pub fn bits(text: &str) -> Result<u64, BadValue> {
    const WANTED: BadValue =
        BadValue::Wanted("a number of at most 64 bits such as 12345 or 0x3039");
    let text = text.trim();
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = hex.map_or((text, 10), |digits| (digits, 16));
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(WANTED);
    }
    u64::from_str_radix(digits, radix).map_err(|_| WANTED)
}

/// Reads a ratio from 0 to 1: `0.001`, `0.1%`.
///
/// # Errors
///
/// Returns an error if it is no ratio, or more than 1.
pub fn ratio(text: &str) -> Result<f64, BadValue> {
    const WANTED: BadValue = BadValue::Wanted("a ratio from 0 to 1 such as 0.001 or 0.1%");
    let (value, unit) = number(text, "a ratio from 0 to 1 such as 0.001 or 0.1%")?;
    let value = match unit.as_str() {
        "" => value,
        "%" => value.per(100)?,
        _ => return Err(WANTED),
    };
    if value.num > value.den {
        return Err(WANTED);
    }
    Ok(value.num as f64 / value.den as f64)
}
