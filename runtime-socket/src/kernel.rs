//! The kernel's own counters, which are of all programs in this network namespace.

use std::fs;

/// The counters of UDP that tell of losses, by the kernel's names.
pub const NAMES: [&str; 6] = [
    "InErrors",
    "InCsumErrors",
    "RcvbufErrors",
    "SndbufErrors",
    "NoPorts",
    "MemErrors",
];

/// The values of [`NAMES`], in their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Udp([u64; NAMES.len()]);

impl Udp {
    /// Reads those of UDP over IPv4, over IPv6 or over both; what is not told is 0.
    #[must_use]
    pub fn read(over_ipv4: bool, over_ipv6: bool) -> Self {
        let text = |is_meant, path| match is_meant {
            true => fs::read_to_string(path).unwrap_or_default(),
            false => String::new(),
        };
        let ipv4 = snmp(&text(over_ipv4, "/proc/net/snmp"));
        let ipv6 = snmp6(&text(over_ipv6, "/proc/net/snmp6"));
        Self(std::array::from_fn(|at| ipv4.0[at] + ipv6.0[at]))
    }

    /// Takes the values of names; of those that are not told 0.
    fn of(told: &[(&str, &str)]) -> Self {
        Self(NAMES.map(|name| {
            let found = told.iter().find(|(told, _)| *told == name);
            let value = found.and_then(|(_, value)| value.trim().parse().ok());
            value.unwrap_or(0)
        }))
    }

    /// Returns names and values.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
        NAMES.into_iter().zip(self.0)
    }

    /// Returns how many datagrams had a wrong checksum.
    #[must_use]
    pub const fn checksum_errors(&self) -> u64 {
        self.0[1]
    }
}

/// Reads a line of names and a line of values, both beginning with `Udp:`.
fn snmp(text: &str) -> Udp {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Udp:"));
    let (names, values) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let told = names.split_whitespace().zip(values.split_whitespace());
    Udp::of(&told.collect::<Vec<_>>())
}

/// Reads lines of a name, which begins with `Udp6`, and its value.
fn snmp6(text: &str) -> Udp {
    let told = text
        .lines()
        .filter_map(|line| line.strip_prefix("Udp6")?.split_once(char::is_whitespace));
    Udp::of(&told.collect::<Vec<_>>())
}

/// Packets that an interface was given and did not send or receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface {
    /// Dropped on receipt.
    pub rx_dropped: u64,
    /// Not sent, for an error or dropped.
    pub tx_failed: u64,
}

impl Interface {
    /// Reads those of the interface of this name, if there is one.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        interface(&fs::read_to_string("/proc/net/dev").ok()?, name)
    }
}

fn interface(text: &str, name: &str) -> Option<Interface> {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let (_, values) = lines.find(|(of, _)| of.trim() == name)?;
    let values: Vec<u64> = values
        .split_whitespace()
        .map_while(|value| value.parse().ok())
        .collect();
    // Eight of receipt: bytes, packets, errors, dropped and others; then as many of sending.
    Some(Interface {
        rx_dropped: *values.get(3)?,
        tx_failed: values.get(10)? + values.get(11)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_their_names() {
        let text = "Tcp: RtoAlgorithm\nTcp: 1\n\
                    Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors \
                    InCsumErrors IgnoredMulti MemErrors\n\
                    Udp: 10 1 2 20 3 4 5 0 6\n\
                    UdpLite: InDatagrams\nUdpLite: 0\n";
        assert_eq!(snmp(text), Udp([2, 5, 3, 4, 1, 6]));
        let text = "Ip6InReceives 9\nUdp6InDatagrams   \t10\nUdp6NoPorts\t1\nUdp6InErrors\t2\n\
                    Udp6RcvbufErrors\t3\nUdp6SndbufErrors\t4\nUdp6InCsumErrors\t5\n\
                    UdpLite6InErrors\t7\n";
        assert_eq!(snmp6(text), Udp([2, 5, 3, 4, 1, 0]));
        assert_eq!((snmp(""), snmp6("")), (Udp::default(), Udp::default()));
        let text = "Inter-|   Receive\n face |bytes\n    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n\
                    eth0:1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
        let expected = Interface {
            rx_dropped: 4,
            tx_failed: 11 + 12,
        };
        assert_eq!(interface(text, "lo"), Some(expected));
        assert_eq!(interface(text, "eth1"), None);
    }
}
