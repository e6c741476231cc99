//! IP prefixes (RFC 4632; RFC 4291, section 2.3).

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

/// The addresses of a network: all that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    address: IpAddr,
    len: u8,
}

/// A text is no prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPrefix;

impl Prefix {
    /// Makes the prefix of the first `len` bits of `address`; `None` if it has fewer.
    #[must_use]
    pub const fn new(address: IpAddr, len: u8) -> Option<Self> {
        let most = match address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        if len <= most {
            Some(Self { address, len })
        } else {
            None
        }
    }

    /// Returns whether `address` is of this network.
    #[must_use]
    pub const fn contains(&self, address: IpAddr) -> bool {
        let (ours, theirs, width) = match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                (ours.to_bits() as u128, theirs.to_bits() as u128, 32)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => (ours.to_bits(), theirs.to_bits(), 128),
            _ => return false,
        };
        self.len == 0 || (ours ^ theirs) >> (width - self.len as u32) == 0
    }
}

impl FromStr for Prefix {
    type Err = NoPrefix;

    /// Reads `10.0.0.0/8`, or an address alone, which is a network of its own.
    fn from_str(text: &str) -> Result<Self, NoPrefix> {
        let (address, len) = match text.split_once('/') {
            None => (text, None),
            Some((address, len)) => (address, Some(len.parse().map_err(|_| NoPrefix)?)),
        };
        let address: IpAddr = address.parse().map_err(|_| NoPrefix)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        Self::new(address, len.unwrap_or(most)).ok_or(NoPrefix)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.len)
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn a_prefix_contains_what_begins_with_its_bits() {
        let contains = |prefix: &str, address: &str| {
            let prefix: Prefix = prefix.parse().unwrap();
            prefix.contains(address.parse().unwrap())
        };
        for (prefix, inside, outside) in [
            ("10.1.0.0/16", "10.1.255.255", "10.2.0.0"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.2"),
            ("128.0.0.0/1", "255.0.0.1", "127.255.255.255"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("fd00:1::/32", "fd00:1:ffff::1", "fd00:2::1"),
            ("::/0", "ffff::", "10.0.0.1"),
        ] {
            assert!(contains(prefix, inside), "{prefix} {inside}");
            assert!(!contains(prefix, outside), "{prefix} {outside}");
        }
    }

    #[test]
    fn what_is_no_prefix_is_refused() {
        for text in [
            "",
            "/8",
            "10.0.0.0/33",
            "10.0.0/8",
            "::/129",
            "10.0.0.0/-1",
            "10.0.0.0/8/8",
        ] {
            assert_eq!(text.parse::<Prefix>(), Err(NoPrefix), "{text}");
        }
        assert_eq!(
            "fd00::/8".parse::<Prefix>().unwrap().to_string(),
            "fd00::/8"
        );
    }
}
