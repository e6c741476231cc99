//! The list of ports, for people and for programs.

use std::fmt::Write;

use crate::ethdev::info::{DescriptorLimits, PortInfo};

/// Writes the ports as indented text, one block each.
#[must_use]
pub fn render(ports: &[PortInfo]) -> String {
    let mut text = String::new();
    for port in ports {
        let lines = [
            ("MAC", port.mac.to_string()),
            ("driver", driver(port)),
            (
                "NUMA node",
                port.numa_node
                    .map_or_else(|| "none".to_owned(), |node| node.to_string()),
            ),
            ("link", link(port)),
            (
                "queues",
                format!(
                    "{} receive, {} transmit",
                    port.max_rx_queues, port.max_tx_queues
                ),
            ),
            (
                "descriptors",
                format!(
                    "receive {}, transmit {}",
                    descriptors(port.rx_descriptors),
                    descriptors(port.tx_descriptors)
                ),
            ),
            (
                "MTU",
                format!("{} (can be {} to {})", port.mtu, port.min_mtu, port.max_mtu),
            ),
            ("rx offloads", list(&port.rx_offloads)),
            ("tx offloads", list(&port.tx_offloads)),
            ("RSS", rss(port)),
        ];
        // Writing to a String does not fail.
        let _ = writeln!(text, "{} {}", port.index, port.name);
        for (name, value) in lines {
            let _ = writeln!(text, "  {name:<12} {value}");
        }
    }
    text
}

/// Returns the ports as a JSON array, one object each.
#[must_use]
pub fn to_json(ports: &[PortInfo]) -> serde_json::Value {
    serde_json::json!(ports)
}

fn driver(port: &PortInfo) -> String {
    match &port.vf_driver {
        Some(vf) => format!("{}, over a VF of {vf}", port.driver),
        None => port.driver.clone(),
    }
}

fn link(port: &PortInfo) -> String {
    match port.link {
        None => "not told before the port is started".to_owned(),
        Some(link) => {
            let state = if link.up { "up" } else { "down" };
            link.speed_mbps.map_or_else(
                || state.to_owned(),
                |speed| format!("{state}, {speed} Mbps"),
            )
        }
    }
}

fn descriptors(limits: DescriptorLimits) -> String {
    let multiple = if limits.align > 1 {
        format!(" by {}", limits.align)
    } else {
        String::new()
    };
    format!("{} to {}{multiple}", limits.min, limits.max)
}

fn rss(port: &PortInfo) -> String {
    match port.rss_table_size {
        0 => list(&port.rss_types),
        size => format!("{} (table of {size})", list(&port.rss_types)),
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ethdev::info::tests::port;

    #[test]
    fn text_and_json_name_what_was_found() {
        let ports = [port(0, "net_memif0", [2, 0, 0, 0, 0, 3], "net_memif")];
        let text = render(&ports);
        assert!(
            text.starts_with("0 net_memif0\n  MAC          02:00:00:00:00:03\n"),
            "{text}"
        );
        assert!(
            text.contains("  RSS          ipv4-udp (table of 128)\n"),
            "{text}"
        );

        let json = to_json(&ports);
        assert_eq!(json[0]["mac"], "02:00:00:00:00:03");
        assert_eq!(json[0]["numa_node"], serde_json::Value::Null);
        assert_eq!(json[0]["link"]["speed_mbps"], 10_000);
        assert_eq!(json[0]["rx_descriptors"]["max"], 4096);
    }
}
