//! Choosing ports: by MAC, device name or index.

use dpdkgen_run::request::PortSelector;

use crate::eal::Eal;
use crate::eal::privileges::is_root;
use crate::ethdev::error::Error;
use crate::ethdev::info::{self, PortInfo};
use crate::machine::Nic;

/// No ports are chosen. What a user can do about it is said in `cli::explain`.
///
/// A `port` is named by index and name; `there` lists all ports with their MACs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectError {
    /// A port cannot be looked at.
    Port(Error),
    /// There is none.
    NoPort {
        /// DPDK's last words.
        log: Option<String>,
        /// Whether the process has the rights of root.
        is_root: bool,
    },
    /// None was named, and there are several.
    NotChosen {
        /// All ports.
        there: String,
    },
    /// Two selectors name the same.
    ChosenTwice {
        /// The port.
        port: String,
        /// The second of them.
        selector: String,
    },
    /// It is a VF that the kernel drives.
    KernelsVf {
        /// The port.
        port: String,
        /// The kernel's interface.
        interface: String,
    },
    /// A selector names none.
    NotThere {
        /// The selector.
        selector: String,
        /// All ports.
        there: String,
    },
    /// A selector names several.
    Several {
        /// The selector.
        selector: String,
        /// All ports.
        there: String,
    },
}

impl From<Error> for SelectError {
    fn from(error: Error) -> Self {
        Self::Port(error)
    }
}

/// Returns the ports that the selectors name, in their order; without any, the only port there is.
/// None may be the VF of one of the machine's `nics` that the kernel has.
///
/// # Errors
///
/// If a selector does not name one port that may be taken, or there is not exactly one without any.
pub fn select(
    eal: &Eal,
    nics: &[Nic],
    selectors: &[PortSelector],
) -> Result<Vec<PortInfo>, SelectError> {
    let ports = info::list(eal)?;
    if ports.is_empty() {
        return Err(none(eal));
    }
    let chosen = choose(&ports, selectors, nics)?;
    Ok(chosen.into_iter().cloned().collect())
}

/// Returns why there is no port, as far as DPDK told.
#[must_use]
pub fn none(eal: &Eal) -> SelectError {
    SelectError::NoPort {
        log: eal.last_words(0),
        is_root: is_root(),
    }
}

/// Chooses of `ports`, none of which may be the VF of one of `nics` that the kernel has.
fn choose<'a>(
    ports: &'a [PortInfo],
    selectors: &[PortSelector],
    nics: &[Nic],
) -> Result<Vec<&'a PortInfo>, SelectError> {
    if selectors.is_empty() {
        let free: Vec<_> = ports
            .iter()
            .filter(|port| owner(port, nics).is_none() && !is_of_netvsc(port, ports))
            .collect();
        return match (free.as_slice(), ports) {
            ([only], _) => Ok(vec![only]),
            ([], [first, ..]) => Err(owned(first, nics)),
            _ => Err(SelectError::NotChosen {
                there: names(ports),
            }),
        };
    }
    let mut chosen: Vec<&PortInfo> = Vec::new();
    for selector in selectors {
        let port = find(ports, selector)?;
        if chosen.iter().any(|other| other.index == port.index) {
            return Err(SelectError::ChosenTwice {
                port: port.to_string(),
                selector: selector.to_string(),
            });
        }
        if owner(port, nics).is_some() {
            return Err(owned(port, nics));
        }
        chosen.push(port);
    }
    Ok(chosen)
}

/// Returns whether `port` is the VF of one of `ports`, which has not attached it yet.
fn is_of_netvsc(port: &PortInfo, ports: &[PortInfo]) -> bool {
    let has_it = |other: &PortInfo| other.driver().is_netvsc() && other.mac == port.mac;
    port.driver().may_be_vf() && ports.iter().any(has_it)
}

/// Finds the NIC of the kernel's whose VF `port` is.
fn owner<'k>(port: &PortInfo, nics: &'k [Nic]) -> Option<&'k Nic> {
    let has_it = |nic: &&Nic| nic.is_kernels() && nic.mac == Some(port.mac);
    nics.iter()
        .find(|nic| port.driver().may_be_vf() && has_it(nic))
}

fn owned(port: &PortInfo, nics: &[Nic]) -> SelectError {
    SelectError::KernelsVf {
        port: port.to_string(),
        interface: owner(port, nics).map_or_else(String::new, Nic::name),
    }
}

/// Finds the port that `selector` means.
fn find<'a>(ports: &'a [PortInfo], selector: &PortSelector) -> Result<&'a PortInfo, SelectError> {
    let is_meant = |port: &&PortInfo| match selector {
        PortSelector::Mac(mac) => port.mac == *mac,
        PortSelector::Index(index) => port.index == *index,
        PortSelector::Name(name) => same_device(&port.name, name),
    };
    let matching: Vec<&PortInfo> = ports.iter().filter(is_meant).collect();
    // A VF that netvsc does not own (yet) has the same address.
    let netvsc = matching.iter().find(|port| port.driver().is_netvsc());
    match (matching.as_slice(), netvsc) {
        ([port], _) | (_, Some(port)) => Ok(port),
        ([], _) => Err(SelectError::NotThere {
            selector: selector.to_string(),
            there: names(ports),
        }),
        _ => Err(SelectError::Several {
            selector: selector.to_string(),
            there: names(ports),
        }),
    }
}

/// Returns whether a name means a device: PCI addresses go without the domain 0000 too, software
/// ports without the `net_` in front.
fn same_device(name: &str, selector: &str) -> bool {
    let short = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.strip_prefix("0000:")
            .or_else(|| text.strip_prefix("net_"))
            .unwrap_or(&text)
            .to_owned()
    };
    short(name) == short(selector)
}

/// Lists all ports with their MACs.
fn names(ports: &[PortInfo]) -> String {
    let names: Vec<String> = ports
        .iter()
        .map(|port| format!("{port}, MAC {}", port.mac))
        .collect();
    names.join("; ")
}

#[cfg(test)]
mod tests {
    use dpdkgen_run::failure::Failure;

    use super::*;
    use crate::ethdev::info::tests::port;

    fn ports() -> Vec<PortInfo> {
        vec![
            port(0, "0000:08:00.0", [2, 0, 0, 0, 0, 1], "mlx5_pci"),
            port(
                3,
                "7ced8dd2-1a43-7ced-8dd2-1a437ced8dd2",
                [2, 0, 0, 0, 0, 0xab],
                "net_netvsc",
            ),
            port(4, "net_memif0", [2, 0, 0, 0, 0, 3], "net_memif"),
        ]
    }

    fn chosen(selectors: &[&str]) -> Result<Vec<u16>, Failure> {
        let selectors: Vec<_> = selectors.iter().map(|s| PortSelector::parse(s)).collect();
        let ports = ports();
        let chosen = choose(&ports, &selectors, &[]).map_err(Failure::from)?;
        Ok(chosen.iter().map(|port| port.index).collect())
    }

    #[test]
    fn a_port_is_chosen_by_index_name_or_mac() {
        assert_eq!(chosen(&["3"]), Ok(vec![3]));
        assert_eq!(chosen(&["02:00:00:00:00:AB"]), Ok(vec![3]));
        assert_eq!(chosen(&["02-00-00-00-00-03"]), Ok(vec![4]));
        assert_eq!(
            chosen(&["7CED8DD2-1a43-7ced-8dd2-1a437ced8dd2"]),
            Ok(vec![3])
        );
        for name in ["0000:08:00.0", "08:00.0"] {
            assert_eq!(chosen(&[name]), Ok(vec![0]), "{name}");
        }
        for name in ["net_memif0", "memif0"] {
            assert_eq!(chosen(&[name]), Ok(vec![4]), "{name}");
        }
        assert_eq!(chosen(&["memif0", "0"]), Ok(vec![4, 0]));
    }

    #[test]
    fn a_port_that_is_not_there_names_those_that_are() {
        let error = chosen(&["02:00:00:00:00:ff"]).unwrap_err();
        assert_eq!(error.exit_status(), 2);
        let text = error.to_string();
        for part in [
            "02:00:00:00:00:ff",
            "0 (0000:08:00.0)",
            "02:00:00:00:00:ab",
            "4 (net_memif0)",
        ] {
            assert!(text.contains(part), "{text}");
        }
        for selector in [
            "1",
            "99999",
            "",
            "02:00:00:00:00",
            "02:00:00:00:00:01:02",
            "+2:0:0:0:0:1",
        ] {
            assert_eq!(
                chosen(&[selector]).unwrap_err().exit_status(),
                2,
                "{selector}"
            );
        }
    }

    #[test]
    fn without_a_choice_there_has_to_be_one_port() {
        assert!(
            chosen(&[])
                .unwrap_err()
                .to_string()
                .contains("4 (net_memif0)")
        );
        let one = &ports()[..1];
        assert_eq!(choose(one, &[], &[]).unwrap(), [&one[0]]);
    }

    #[test]
    fn a_port_is_not_chosen_twice() {
        let error = chosen(&["memif0", "4"]).unwrap_err();
        assert!(error.to_string().contains("twice"), "{error}");
    }

    #[test]
    fn a_mac_means_the_netvsc_port_and_not_its_vf() {
        let mut ports = ports();
        ports[0].mac = ports[1].mac;
        let chosen = choose(&ports, &[PortSelector::parse("02:00:00:00:00:ab")], &[]).unwrap();
        assert_eq!(chosen[0].driver, "net_netvsc");
        // Nor is it one of two to choose from.
        assert_eq!(choose(&ports[..2], &[], &[]).unwrap(), [&ports[1]]);
        ports[1].driver = "net_other".to_owned();
        assert!(choose(&ports, &[PortSelector::parse("02:00:00:00:00:ab")], &[]).is_err());
    }

    #[test]
    fn a_vf_that_the_kernel_drives_is_never_taken() {
        let mut ports = ports();
        let nic = |driver: &str| Nic {
            uuid: "7c1e5225-55d2-7c1e-5225-55d27c1e5225".to_owned(),
            interface: Some("eth0".to_owned()),
            mac: Some(ports[0].mac),
            driver: Some(driver.to_owned()),
            vf: None,
            channels: 1,
            rings: 1,
            numa_node: None,
            carries: Vec::new(),
            addresses: Vec::new(),
        };
        let kernel = [nic("hv_netvsc")];
        // Once it is bound to DPDK's driver, so is the VF.
        assert!(
            choose(
                &ports,
                &[PortSelector::parse("0")],
                &[nic("uio_hv_generic")]
            )
            .is_ok()
        );
        for selector in ["0", "0000:08:00.0", "02:00:00:00:00:01"] {
            let error = choose(&ports, &[PortSelector::parse(selector)], &kernel);
            let error = Failure::from(error.unwrap_err());
            assert_eq!(error.exit_status(), 2);
            assert!(error.to_string().contains("the VF of eth0"), "{error}");
        }
        // On a fresh machine it is the only port there is.
        let error = Failure::from(choose(&ports[..1], &[], &kernel).unwrap_err());
        assert!(error.to_string().contains("SSH"), "{error}");
        // Beside it there is one to take.
        assert_eq!(choose(&ports[..2], &[], &kernel).unwrap(), [&ports[1]]);
        // A software port over the same interface leaves it to the kernel.
        ports[0].driver = "net_af_packet".to_owned();
        assert!(choose(&ports[..1], &[], &kernel).is_ok());
    }
}
