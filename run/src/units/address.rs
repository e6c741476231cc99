//! MAC addresses and ranges of ports.

use std::ops::RangeInclusive;

use dpdkgen_core::wire::Mac;

use super::BadValue;

/// Reads an Ethernet address: `12:34:56:78:9a:bc`, also with `-`.
///
/// # Errors
///
/// Returns an error if it is none.
pub fn mac(text: &str) -> Result<Mac, BadValue> {
    text.trim()
        .parse()
        .map_err(|_| BadValue::Wanted("a MAC address such as 12:34:56:78:9a:bc"))
}

/// Reads a range of ports: `10000-11000`, or `10000` alone.
///
/// # Errors
///
/// Returns an error if it is none, or if it ends before its start.
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
