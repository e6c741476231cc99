//! Addresses: MAC, IP, VLANs, and ranges of ports.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use dpdkgen_core::wire::{Mac, Prefix, Tci};

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

/// Reads an IP address: `10.0.0.4`, `fd00::4`.
///
/// # Errors
///
/// Returns an error if it is none.
pub fn ip(text: &str) -> Result<IpAddr, BadValue> {
    text.trim()
        .parse()
        .map_err(|_| BadValue::Wanted("an IP address such as 10.0.0.4 or fd00::4"))
}

/// Reads an IP address and a port: `10.0.0.5:10000`, `[fd00::5]:10000`.
///
/// # Errors
///
/// Returns an error if it is none.
pub fn socket(text: &str) -> Result<SocketAddr, BadValue> {
    text.trim().parse().map_err(|_| {
        BadValue::Wanted("an IP address and port such as 10.0.0.5:10000 or [fd00::5]:10000")
    })
}

/// Reads a network: `10.0.0.0/8`, `fd00::/8`, or one address.
///
/// # Errors
///
/// Returns an error if it is none.
pub fn prefix(text: &str) -> Result<Prefix, BadValue> {
    text.trim()
        .parse()
        .map_err(|_| BadValue::Wanted("a network such as 10.0.0.0/8 or fd00::/8"))
}

/// Reads a VLAN and a priority: `100`, `100.5`; VLAN 0 is a priority alone.
///
/// # Errors
///
/// Returns an error if it is none, or the VLAN is above 4094 or the priority above 7.
pub fn vlan(text: &str) -> Result<Tci, BadValue> {
    const WANTED: BadValue = BadValue::Wanted(
        "a VLAN from 0 to 4094, with a priority from 0 to 7 behind a point: 100.5",
    );
    let number = |text: &str, most: u16| {
        let is_plain = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
        let number = text.parse().ok().filter(|&number: &u16| number <= most);
        number.filter(|_| is_plain).ok_or(WANTED)
    };
    let (id, priority) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let priority = number(priority, Tci::MAX_PRIORITY.into())?;
    Ok(Tci::new(number(id, Tci::MAX_ID)?, priority as u8))
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
