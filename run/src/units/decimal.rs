//! Exact decimals: the number at the start of a value, and the factors of its prefixes.

use super::BadValue;

/// The most digits a number may have: enough for any value here, and 128 bits hold it.
const MAX_DIGITS: usize = 24;

/// A fraction in lowest terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fraction {
    pub num: u128,
    pub den: u128,
}

impl Fraction {
    fn new(num: u128, den: u128) -> Self {
        let divisor = gcd(num, den);
        Self {
            num: num / divisor,
            den: den / divisor,
        }
    }

    /// Returns `factor` times this.
    pub fn times(self, factor: u128) -> Result<Self, BadValue> {
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

    /// Returns this, divided by `divisor`, which is not 0.
    pub fn per(self, divisor: u128) -> Result<Self, BadValue> {
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

    /// Returns this as a whole number; `unit` names what is counted, for the error.
    pub fn whole(self, unit: &'static str) -> Result<u64, BadValue> {
        if self.den != 1 {
            return Err(BadValue::NotWhole(unit));
        }
        u64::try_from(self.num).map_err(|_| BadValue::TooLarge)
    }
}

/// Returns the greatest common divisor of two numbers, of which at least one is not 0.
pub const fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Splits `10.5 Mpps` into the number and `mpps`, `1e9` into a thousand million and nothing;
/// `wanted` completes the sentence "is not ..." if there is no number.
pub fn number(text: &str, wanted: &'static str) -> Result<(Fraction, String), BadValue> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let parted = unit.strip_prefix([',', '_']);
    if end > 0 && parted.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        return Err(BadValue::Separators);
    }
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

/// Splits `e9 pps` into a thousand million and ` pps`; the factor is 1 where there is no exponent.
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

/// Returns the factor of a prefix in lower case, such as `k` or `mi`.
pub fn multiplier(prefix: &str) -> Option<u128> {
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
