//! What Azure's instance metadata service tells of a machine's network, from a file: the doctor
//! asks no network.

use std::net::IpAddr;

use dpdkgen_core::wire::Mac;
use serde_json::Value;

/// Where the service answers, from within a machine.
pub const ADDRESS: &str = "http://169.254.169.254/metadata/instance/network?api-version=2021-02-01";

/// The addresses of a machine's NICs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imds {
    nics: Vec<(Mac, Vec<IpAddr>)>,
}

impl Imds {
    /// Reads the service's answer about the network, or about the whole instance; none if it is
    /// neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let answer: Value = serde_json::from_str(text).ok()?;
        let network = answer.get("network").unwrap_or(&answer);
        let nics = network.get("interface")?.as_array()?;
        Some(Self {
            nics: nics.iter().filter_map(nic).collect(),
        })
    }

    /// Returns the addresses of the NIC that has this MAC address.
    pub fn addresses(&self, mac: Mac) -> impl Iterator<Item = IpAddr> {
        let nics = self.nics.iter().filter(move |nic| nic.0 == mac);
        nics.flat_map(|nic| &nic.1).copied()
    }
}

fn nic(nic: &Value) -> Option<(Mac, Vec<IpAddr>)> {
    let digits = nic.get("macAddress")?.as_str()?;
    let mac = (digits.len() == 12).then(|| u64::from_str_radix(digits, 16).ok())??;
    let addresses = ["ipv4", "ipv6"]
        .iter()
        .filter_map(|family| nic.get(family)?.get("ipAddress")?.as_array())
        .flatten()
        .filter_map(|address| address.get("privateIpAddress")?.as_str()?.parse().ok());
    Some((Mac::from_bits(mac), addresses.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nics_addresses_are_found_by_its_mac() {
        let network = r#"{"interface":[
            {"ipv4":{"ipAddress":[{"privateIpAddress":"10.0.0.4","publicIpAddress":""}]},
             "macAddress":"7C1E522555D2"},
            {"ipv4":{"ipAddress":[{"privateIpAddress":"10.0.1.4"},{"privateIpAddress":"10.0.1.5"}],
                     "subnet":[{"address":"10.0.1.0","prefix":"24"}]},
             "ipv6":{"ipAddress":[{"privateIpAddress":"fd00::4"}]},
             "macAddress":"7C1E52255CA6"}]}"#;
        let mac: Mac = "7c:1e:52:25:5c:a6".parse().unwrap();
        for answer in [network.to_owned(), format!(r#"{{"network":{network}}}"#)] {
            let imds = Imds::parse(&answer).unwrap();
            let told: Vec<String> = imds.addresses(mac).map(|a| a.to_string()).collect();
            assert_eq!(told, ["10.0.1.4", "10.0.1.5", "fd00::4"]);
            assert_eq!(imds.addresses(Mac([0; 6])).count(), 0);
        }
        for wrong in ["", "[]", r#"{"compute":{}}"#] {
            assert_eq!(Imds::parse(wrong), None, "{wrong}");
        }
    }
}
