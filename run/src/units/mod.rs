//! Values as users write them, with units.
//!
//! Promised: numbers are read as exact decimals, never through a float; what does not come out
//! whole, or does not fit, is an error that says so, never rounded. Letters count in either case.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use dpdkgen_core::time::Span;
use dpdkgen_core::tx::pacer::Rate;

/// The most digits a number may have: enough for any value here, and 128 bits hold it.
const MAX_DIGITS: usize = 24;

/// Bytes of an Ethernet frame that the line adds to it: preamble 8, gap 12.
const LINE_OVERHEAD: u64 = 20;

/// Bytes of the check sequence at the end of a frame.
const FCS: u64 = 4;

/// The smallest Ethernet frame, FCS included; shorter ones are padded to it.
const MIN_FRAME: u64 = 64;

/// Why a value was not understood, as the end of a sentence that begins with the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadValue {
    /// It does not look like what is wanted here; said with an example of that.
    Wanted(&'static str),
    /// The number is fine but not its unit; said with the units that there are.
    Unit(&'static str),
    /// It is finer than the unit that it is counted in.
    NotWhole(&'static str),
    /// It does not fit.
    TooLarge,
    /// It is not from the first to the second.
    Outside(u16, u16),
    /// It has more digits than can be kept exactly.
    TooPrecise,
    /// The end of a range lies before its start.
    UpsideDown,
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wanted(what) => write!(f, "is not {what}"),
            Self::Unit(units) => write!(f, "has none of the units {units}"),
            Self::NotWhole(unit) => write!(f, "is not a whole number of {unit}"),
            Self::TooLarge => f.write_str("is too large"),
            Self::Outside(min, max) => write!(f, "is not from {min} to {max}"),
            Self::TooPrecise => f.write_str("has too many digits"),
            Self::UpsideDown => f.write_str("is upside down: the end of a range comes last"),
        }
    }
}

impl std::error::Error for BadValue {}

/// A fraction in lowest terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fraction {
    num: u128,
    den: u128,
}

impl Fraction {
    fn new(num: u128, den: u128) -> Self {
        let divisor = gcd(num, den);
        Self {
            num: num / divisor,
            den: den / divisor,
        }
    }

    fn times(self, factor: u128) -> Result<Self, BadValue> {
        let shared = gcd(self.den, factor);
        let num = self
            .num
            .checked_mul(factor / shared)
            .ok_or(BadValue::TooLarge)?;
        Ok(Self {
            num,
            den: self.den / shared,
        })
    }

    fn per(self, divisor: u128) -> Result<Self, BadValue> {
        let shared = gcd(self.num, divisor);
        let den = self
            .den
            .checked_mul(divisor / shared)
            .ok_or(BadValue::TooPrecise)?;
        Ok(Self {
            num: self.num / shared,
            den,
        })
    }

    fn whole(self, unit: &'static str) -> Result<u64, BadValue> {
        if self.den != 1 {
            return Err(BadValue::NotWhole(unit));
        }
        u64::try_from(self.num).map_err(|_| BadValue::TooLarge)
    }
}

/// The greatest common divisor, of which one at least is not 0.
const fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Splits `10.5 Mpps` into the number and `mpps`, `1e9` into a thousand million and nothing;
/// `wanted` is what to say if there is no number.
fn number(text: &str, wanted: &'static str) -> Result<(Fraction, String), BadValue> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    if decimals.contains('.') || whole.len() + decimals.len() == 0 {
        return Err(BadValue::Wanted(wanted));
    }
    let decimals = decimals.trim_end_matches('0');
    let whole = whole.trim_start_matches('0');
    if whole.len() > MAX_DIGITS {
        return Err(BadValue::TooLarge);
    }
    if whole.len() + decimals.len() > MAX_DIGITS {
        return Err(BadValue::TooPrecise);
    }
    let digits = whole.bytes().chain(decimals.bytes());
    let num = digits.fold(0, |sum: u128, digit| sum * 10 + u128::from(digit - b'0'));
    let den = 10_u128.pow(decimals.len() as u32);
    let unit = unit.to_lowercase();
    let (power, unit) = exponent(&unit)?;
    Ok((
        Fraction::new(num, den).times(power)?,
        unit.trim_start().to_owned(),
    ))
}

/// Splits `e9 pps` into a thousand million and ` pps`, and gives 1 where there is no exponent.
fn exponent(unit: &str) -> Result<(u128, &str), BadValue> {
    let Some(after) = unit.strip_prefix('e') else {
        return Ok((1, unit));
    };
    let end = after
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(after.len());
    let (digits, rest) = after.split_at(end);
    if digits.is_empty() {
        return Ok((1, unit));
    }
    let power = digits.parse().ok().and_then(|by| 10_u128.checked_pow(by));
    Ok((power.ok_or(BadValue::TooLarge)?, rest))
}

/// Returns what a prefix in lower case multiplies by.
fn multiplier(prefix: &str) -> Option<u128> {
    Some(match prefix {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        "t" => 1_000_000_000_000,
        "ki" => 1 << 10,
        "mi" => 1 << 20,
        "gi" => 1 << 30,
        "ti" => 1 << 40,
        _ => return None,
    })
}

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

/// A time; a bare number is nanoseconds.
///
/// # Errors
///
/// It is no time, or not a whole number of nanoseconds, or more than 64 bits of them.
pub fn nanoseconds(text: &str) -> Result<Span, BadValue> {
    duration(text, 1)
}

/// A time; a bare number is milliseconds.
///
/// # Errors
///
/// As [`nanoseconds`].
pub fn milliseconds(text: &str) -> Result<Span, BadValue> {
    duration(text, 1_000_000)
}

/// A time; a bare number is seconds.
///
/// # Errors
///
/// As [`nanoseconds`].
pub fn seconds(text: &str) -> Result<Span, BadValue> {
    duration(text, 1_000_000_000)
}

/// A number of bytes: `1000`, `64KiB`, `1.5k`.
///
/// # Errors
///
/// It is no size, or not a whole number of bytes, or does not fit.
pub fn size(text: &str) -> Result<u64, BadValue> {
    let (value, unit) = number(text, "a size such as 1000 or 64KiB")?;
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let factor = multiplier(unit).ok_or(BadValue::Unit("B, kB, KiB, MB, MiB, GB or GiB"))?;
    value.times(factor)?.whole("bytes")
}

/// A number of things: `3500`, `10M`.
///
/// # Errors
///
/// It is no number, or not a whole one, or does not fit.
pub fn count(text: &str) -> Result<u64, BadValue> {
    let (value, unit) = number(text, "a count such as 3500 or 10M")?;
    let factor = multiplier(&unit).ok_or(BadValue::Unit("k, M, G, Ki, Mi or Gi"))?;
    value.times(factor)?.whole("ones")
}

/// A count from `MIN` to `MAX`.
///
/// # Errors
///
/// It is no count, or outside.
pub fn within<const MIN: u16, const MAX: u16>(text: &str) -> Result<u16, BadValue> {
    let outside = BadValue::Outside(MIN, MAX);
    let value = u16::try_from(count(text)?).map_err(|_| outside.clone())?;
    if (MIN..=MAX).contains(&value) {
        Ok(value)
    } else {
        Err(outside)
    }
}

/// One in so many: a count of 1 or more.
///
/// # Errors
///
/// It is no such count, or does not fit.
pub fn one_in(text: &str) -> Result<NonZeroU32, BadValue> {
    let count = u32::try_from(count(text)?).map_err(|_| BadValue::TooLarge)?;
    NonZeroU32::new(count).ok_or(BadValue::Wanted("a count of 1 or more such as 1000"))
}

/// Any 64 bits, decimal or hexadecimal: `12345`, `0x3039`.
///
/// # Errors
///
/// It is no such number, or does not fit.
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

/// A ratio from 0 to 1: `0.001`, `0.1%`.
///
/// # Errors
///
/// It is no ratio, or more than 1.
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

/// What a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RateUnit {
    /// Packets.
    Packets,
    /// Bits of frames, FCS and padding included.
    FrameBits,
    /// Bits on the line: the same with preamble and gap.
    LineBits,
}

/// A rate as asked for, before it is known how long the frames are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateSpec {
    per_second: Fraction,
    unit: RateUnit,
}

impl RateSpec {
    /// The rate at which frames of `frame_len` bytes (without FCS) make this.
    ///
    /// # Errors
    ///
    /// It has more digits, or is larger, than the pacer can keep exactly; or it is 0.
    pub fn for_frames(self, frame_len: u16) -> Result<Rate, BadValue> {
        let frame = (u64::from(frame_len) + FCS).max(MIN_FRAME);
        let bits = match self.unit {
            RateUnit::Packets => 1,
            RateUnit::FrameBits => frame * 8,
            RateUnit::LineBits => (frame + LINE_OVERHEAD) * 8,
        };
        let per_ns = self.per_second.per(u128::from(bits))?.per(1_000_000_000)?;
        let packets = u64::try_from(per_ns.num).map_err(|_| BadValue::TooLarge)?;
        let span_ns = u64::try_from(per_ns.den).map_err(|_| BadValue::TooPrecise)?;
        Rate::new(packets, span_ns).ok_or(BadValue::Wanted("more than 0"))
    }
}

/// A rate: `3.5Mpps`, `10Gbps` (frames), `10Gbpsl1` (on the line); a bare number is packets per
/// second.
///
/// # Errors
///
/// It is no rate, or 0.
pub fn rate(text: &str) -> Result<RateSpec, BadValue> {
    let (value, unit) = number(text, "a rate such as 3.5Mpps, 10Gbps or 10Gbpsl1")?;
    let (prefix, unit) = [
        ("bpsl1", RateUnit::LineBits),
        ("bps", RateUnit::FrameBits),
        ("pps", RateUnit::Packets),
        ("", RateUnit::Packets),
    ]
    .iter()
    .find_map(|(name, kind)| Some((unit.strip_suffix(name)?, *kind)))
    .ok_or(BadValue::Unit("pps, bps or bpsl1"))?;
    let factor = multiplier(prefix).ok_or(BadValue::Unit(
        "pps, bps or bpsl1, with k, M or G before it",
    ))?;
    if value.num == 0 {
        return Err(BadValue::Wanted("more than 0"));
    }
    Ok(RateSpec {
        per_second: value.times(factor)?,
        unit,
    })
}

/// An Ethernet address: `12:34:56:78:9a:bc`, also with `-`.
///
/// # Errors
///
/// It is none.
pub fn mac(text: &str) -> Result<[u8; 6], BadValue> {
    const WANTED: BadValue = BadValue::Wanted("a MAC address such as 12:34:56:78:9a:bc");
    let separator = if text.contains('-') { '-' } else { ':' };
    let mut octets = text.trim().split(separator).map(|octet| {
        let hex = octet.len() == 2 && octet.bytes().all(|digit| digit.is_ascii_hexdigit());
        if hex {
            u8::from_str_radix(octet, 16).map_err(|_| WANTED)
        } else {
            Err(WANTED)
        }
    });
    let mut mac = [0; 6];
    for octet in &mut mac {
        *octet = octets.next().ok_or(WANTED)??;
    }
    if octets.next().is_some() {
        Err(WANTED)
    } else {
        Ok(mac)
    }
}

/// A range of ports: `10000-11000`, or `10000` alone.
///
/// # Errors
///
/// It is none, or upside down.
pub fn port_range(text: &str) -> Result<RangeInclusive<u16>, BadValue> {
    const WANTED: BadValue = BadValue::Wanted("a range of ports such as 10000-11000");
    let port = |text: &str| -> Result<u16, BadValue> {
        let digits = text.trim();
        let plain = digits.bytes().all(|digit| digit.is_ascii_digit());
        if plain {
            digits.parse().map_err(|_| WANTED)
        } else {
            Err(WANTED)
        }
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (port(first)?, port(last)?);
    if last < first {
        Err(BadValue::UpsideDown)
    } else {
        Ok(first..=last)
    }
}

#[cfg(test)]
mod tests;
