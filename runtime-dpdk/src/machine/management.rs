//! Which interfaces the machine is managed by: those with a default route, and the one that the SSH
//! connection comes by. They are never to be taken.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::root::{Root, status_field};

/// How many processes up sshd is looked for: a shell, a script, sudo's two, with some to spare.
const DEEPEST: usize = 32;

/// What an interface carries that must not be cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// A default route.
    DefaultRoute,
    /// An SSH connection.
    Ssh,
}

impl Carried {
    /// Names it, for a sentence.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::DefaultRoute => "the default route",
            Self::Ssh => "an SSH connection",
        }
    }
}

/// Finds the interfaces that carry something, each with what it carries.
#[must_use]
pub fn carriers(root: &Root) -> Vec<(String, Carried)> {
    let routes = routes(root);
    let defaults = routes
        .iter()
        .filter(|route| route.is_default())
        .map(|route| route.interface.clone())
        .chain(ipv6_defaults(root));
    let mut found: Vec<(String, Carried)> = defaults
        .map(|interface| (interface, Carried::DefaultRoute))
        .collect();
    let interfaces = ssh_addresses(root)
        .into_iter()
        .filter_map(|address| interface_of(root, &routes, address));
    found.extend(interfaces.map(|interface| (interface, Carried::Ssh)));
    found.sort_by(|a, b| (&a.0, a.1 as u8).cmp(&(&b.0, b.1 as u8)));
    found.dedup();
    found
}

/// A line of /proc/net/route.
struct Route {
    interface: String,
    destination: u32,
    gateway: u32,
    flags: u32,
    mask: u32,
}

impl Route {
    /// Returns whether it leads everywhere, and refuses nothing (RTF_REJECT).
    fn is_default(&self) -> bool {
        self.destination == 0 && self.mask == 0 && self.flags & 0x200 == 0
    }
}

fn routes(root: &Root) -> Vec<Route> {
    let text = root.text("/proc/net/route").unwrap_or_default();
    // The kernel prints words in the order of its memory.
    let word = |field: &str| u32::from_str_radix(field, 16).ok().map(u32::from_be);
    text.lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            Some(Route {
                interface: (*fields.first()?).to_owned(),
                destination: word(fields.get(1)?)?,
                gateway: word(fields.get(2)?)?,
                flags: u32::from_str_radix(fields.get(3)?, 16).ok()?,
                mask: word(fields.get(7)?)?,
            })
        })
        .collect()
}

fn ipv6_defaults(root: &Root) -> Vec<String> {
    let text = root.text("/proc/net/ipv6_route").unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let flags = u32::from_str_radix(fields.get(8)?, 16).ok()?;
            let interface = *fields.get(9)?;
            let is_default = fields[1] == "00" && flags & 0x200 == 0 && interface != "lo";
            is_default.then(|| interface.to_owned())
        })
        .collect()
}

/// Finds the addresses of this machine at which SSH connections end: what sshd told this process
/// or one that it comes from, since sudo keeps that from it, and whatever is connected to port 22.
fn ssh_addresses(root: &Root) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = ssh_address(root, "self").into_iter().collect();
    let mut process = parent(root, "self");
    for _ in 0..DEEPEST {
        let Some(one) = process.filter(|one| one != "0") else {
            break;
        };
        addresses.extend(ssh_address(root, &one));
        process = parent(root, &one);
    }
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = root.text(table).unwrap_or_default();
        addresses.extend(text.lines().skip(1).filter_map(established_ssh));
    }
    addresses
}

/// Returns the local address of the connection that sshd told a process.
fn ssh_address(root: &Root, process: &str) -> Option<IpAddr> {
    let environment = root.text(&format!("/proc/{process}/environ"))?;
    let mut variables = environment.split('\0');
    let told = variables.find_map(|variable| variable.strip_prefix("SSH_CONNECTION="))?;
    told.split_whitespace().nth(2)?.parse().ok()
}

fn parent(root: &Root, process: &str) -> Option<String> {
    let status = root.text(&format!("/proc/{process}/status"))?;
    Some(status_field(&status, "PPid")?.to_owned())
}

/// Returns the local address of a line of /proc/net/tcp or tcp6, if it is an established connection
/// to port 22.
fn established_ssh(line: &str) -> Option<IpAddr> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (address, port) = fields.get(1)?.split_once(':')?;
    if port != "0016" || *fields.get(3)? != "01" || !address.is_ascii() {
        return None;
    }
    let word = |at: usize| {
        let digits = address.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::from_be)
    };
    if address.len() == 8 {
        return Some(Ipv4Addr::from_bits(word(0)?).into());
    }
    let words = [word(0)?, word(1)?, word(2)?, word(3)?];
    let bits = words
        .iter()
        .fold(0, |bits: u128, word| bits << 32 | u128::from(*word));
    Some(Ipv6Addr::from_bits(bits).to_canonical())
}

/// Returns the interface that has a local address: by the most specific connected network that it
/// is in, or as the kernel lists addresses of IPv6.
fn interface_of(root: &Root, routes: &[Route], address: IpAddr) -> Option<String> {
    match address.to_canonical() {
        IpAddr::V4(address) => routes
            .iter()
            .filter(|route| route.gateway == 0 && route.mask != 0)
            .filter(|route| address.to_bits() & route.mask == route.destination)
            .max_by_key(|route| route.mask)
            .map(|route| route.interface.clone()),
        IpAddr::V6(address) => {
            let wanted = format!("{:032x}", address.to_bits());
            let text = root.text("/proc/net/if_inet6")?;
            let line = text.lines().find(|line| line.starts_with(&wanted))?;
            line.split_whitespace().next_back().map(str::to_owned)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::machine;
    use super::*;

    const HEAD: &str = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n";
    const ETH0: &str = "eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\n";
    const ETH1: &str = "eth1\t0001000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\n";

    #[test]
    fn the_default_route_is_found_in_both_families() {
        let routes = format!("{HEAD}eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\n{ETH1}");
        let zeros = "0".repeat(32);
        let ipv6 = format!(
            "{zeros} 00 {zeros} 00 {zeros} ffffffff 1 0 00200200 lo\n\
             {zeros} 00 {zeros} 00 fe800000000000000000000000000001 400 1 0 00000003 eth2\n"
        );
        let (_folder, root) = machine(&[
            ("/proc/net/route", &routes),
            ("/proc/net/ipv6_route", &ipv6),
        ]);
        let expected = ["eth0", "eth2"].map(|name| (name.to_owned(), Carried::DefaultRoute));
        assert_eq!(carriers(&root), expected);
    }

    #[test]
    fn the_ssh_connection_is_found_with_and_without_its_variable() {
        let routes = format!("{HEAD}{ETH0}{ETH1}");
        let told = [
            ("/proc/net/route", routes.as_str()),
            (
                "/proc/self/environ",
                "A=b\0SSH_CONNECTION=192.0.2.7 50000 10.0.1.4 2222\0",
            ),
        ];
        let (_folder, root) = machine(&told);
        assert_eq!(carriers(&root), [("eth1".to_owned(), Carried::Ssh)]);

        // sudo clears the variable of what it starts.
        let above = [
            ("/proc/net/route", routes.as_str()),
            ("/proc/self/environ", "A=b\0"),
            ("/proc/self/status", "Name:\tx\nPPid:\t7\n"),
            ("/proc/7/status", "PPid:\t6\n"),
            ("/proc/6/environ", told[1].1),
            ("/proc/6/status", "PPid:\t6\n"),
        ];
        let (_folder, root) = machine(&above);
        assert_eq!(carriers(&root), [("eth1".to_owned(), Carried::Ssh)]);

        let tcp = "  sl  local_address rem_address   st\n\
                   0: 0400000A:0016 070200C0:C350 01 00000000\n\
                   1: 0401000A:0016 00000000:0000 0A 00000000\n";
        let (_folder, root) = machine(&[("/proc/net/route", &routes), ("/proc/net/tcp", tcp)]);
        assert_eq!(carriers(&root), [("eth0".to_owned(), Carried::Ssh)]);
    }

    #[test]
    fn a_connection_over_ipv6_is_found_by_the_address() {
        let tcp6 = "  sl  local_address                         remote_address\n\
                    0: 000000FD000000000000000004000000:0016 00:0 01 00000000\n";
        let addresses = "fd000000000000000000000000000004 02 40 00 80 eth3\n";
        let (_folder, root) =
            machine(&[("/proc/net/tcp6", tcp6), ("/proc/net/if_inet6", addresses)]);
        assert_eq!(carriers(&root), [("eth3".to_owned(), Carried::Ssh)]);
        let mapped = "  sl\n 0: 0000000000000000FFFF00000400000A:0016 00:0 01 0\n";
        let routes = format!("{HEAD}{ETH0}");
        let (_folder, root) = machine(&[("/proc/net/tcp6", mapped), ("/proc/net/route", &routes)]);
        assert_eq!(carriers(&root), [("eth0".to_owned(), Carried::Ssh)]);
    }

    #[test]
    fn a_machine_without_routes_has_none() {
        let (_folder, root) = machine(&[("/proc/net/route", HEAD)]);
        assert_eq!(carriers(&root), []);
    }
}
