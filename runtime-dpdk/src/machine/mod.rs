//! What the machine has: its platform, the kernel's interfaces, the network cards on PCI, and
//! Azure's NICs on VMBus, each with its VF.

pub mod busy;
pub mod cgroup;
pub mod management;
pub mod root;

use std::net::IpAddr;

use dpdkgen_core::wire::Mac;
use serde::{Serialize, Serializer};

use self::management::{Carried, carriers};
use self::root::Root;

/// The class of network devices on VMBus, as the kernel writes it.
pub const NETWORK_CLASS: &str = "f8615163-df3e-46c5-913f-f2d2f965ed0e";

/// The asset tag of every virtual machine on Azure.
const AZURE_TAG: &str = "7783-7084-3265-9085-8269-3286-77";

/// A machine as far as a packet generator is concerned.
#[derive(Clone, Debug)]
pub struct Machine {
    /// What it runs on.
    pub platform: Platform,
    /// The kernel's network interfaces.
    pub interfaces: Vec<Interface>,
    /// The network cards on PCI.
    pub cards: Vec<Card>,
    /// Azure's network interface cards, on VMBus.
    pub nics: Vec<Nic>,
}

/// What a machine runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Azure.
    Azure,
    /// Hyper-V elsewhere.
    HyperV,
    /// Anything else, as its firmware calls it, if it does.
    Other(Option<String>),
}

/// A network interface of the kernel's.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its MAC address.
    pub mac: Option<Mac>,
    /// Whether it is up.
    pub is_up: bool,
    /// The device below it, by its address on its bus.
    pub device: Option<String>,
    /// The interfaces below it, such as a NIC's VF.
    pub lowers: Vec<String>,
    /// What it carries that must not be cut off.
    pub carries: Vec<Carried>,
}

/// A network card on PCI.
#[derive(Clone, Debug)]
pub struct Card {
    /// Its PCI address.
    pub address: String,
    /// Its kind.
    pub kind: CardKind,
    /// Vendor and device, as `15b3:1018`.
    pub id: String,
    /// The kernel's driver of it.
    pub driver: Option<String>,
    /// Its NUMA node.
    pub numa_node: Option<u64>,
    /// The group of its IOMMU.
    pub iommu_group: Option<String>,
    /// What it carries that must not be cut off.
    pub carries: Vec<Carried>,
}

/// A kind of network card, as far as DPDK's way to it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardKind {
    /// Mellanox ConnectX-3.
    Mlx4,
    /// Mellanox ConnectX-4 or newer.
    Mlx5,
    /// Microsoft's Azure network adapter.
    Mana,
    /// A virtio device.
    Virtio,
    /// Any other.
    Other,
}

/// A network interface card of Azure's.
#[derive(Clone, Debug, Serialize)]
pub struct Nic {
    /// Its address on VMBus.
    pub uuid: String,
    /// The kernel's interface, unless another driver has taken it.
    pub interface: Option<String>,
    /// Its MAC address.
    #[serde(serialize_with = "shown")]
    pub mac: Option<Mac>,
    /// Its addresses, where Azure's metadata service was heard.
    pub addresses: Vec<IpAddr>,
    /// The kernel's driver of it.
    pub driver: Option<String>,
    /// Its VF.
    pub vf: Option<Vf>,
    /// How many channels it has.
    pub channels: usize,
    /// How many of its channels have a ring that DPDK can map.
    pub rings: usize,
    /// Its NUMA node.
    pub numa_node: Option<u64>,
    /// What it carries that must not be cut off.
    #[serde(serialize_with = "words")]
    pub carries: Vec<Carried>,
}

/// The VF of a NIC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Vf {
    /// Its PCI address.
    pub address: String,
    /// Its interface.
    pub interface: String,
    /// The kernel's driver of it.
    pub driver: Option<String>,
    /// Its kind.
    #[serde(skip)]
    pub kind: CardKind,
    /// Whether its interface is up.
    pub is_up: bool,
}

impl Machine {
    /// Reads what there is, and what of it must not be cut off.
    #[must_use]
    pub fn read(root: &Root) -> Self {
        Self::with(root, &carriers(root))
    }

    /// Reads what there is. What must not be cut off is not looked for: that takes the tables of all
    /// connections, and no run asks for it.
    #[must_use]
    pub fn devices(root: &Root) -> Self {
        Self::with(root, &[])
    }

    fn with(root: &Root, carriers: &[(String, Carried)]) -> Self {
        let names = root.names("/sys/class/net");
        let mut interfaces: Vec<Interface> = names
            .iter()
            .map(|name| Interface::read(root, name, carriers))
            .collect();
        hand_down(&mut interfaces);
        let cards = root.names("/sys/bus/pci/devices");
        let cards: Vec<Card> = cards
            .iter()
            .filter_map(|address| Card::read(root, address, &interfaces))
            .collect();
        let nics = root.names("/sys/bus/vmbus/devices");
        let nics = nics
            .iter()
            .filter_map(|uuid| Nic::read(root, uuid, &interfaces, &cards))
            .collect();
        Self {
            platform: Platform::read(root),
            interfaces,
            cards,
            nics,
        }
    }

    /// Returns whether its NICs are on VMBus, as on Azure.
    #[must_use]
    pub fn has_vmbus(&self) -> bool {
        matches!(self.platform, Platform::Azure | Platform::HyperV) || !self.nics.is_empty()
    }

    /// Finds the VF with the address `mac`, whoever has its NIC.
    #[must_use]
    pub fn vf_of(&self, mac: Mac) -> Option<Vf> {
        vf(None, Some(mac), &self.interfaces, &self.cards)
    }

    /// Finds the kinds of VFs that there are, paired or not.
    #[must_use]
    pub fn vf_kinds(&self) -> Vec<CardKind> {
        let kinds = [CardKind::Mlx4, CardKind::Mlx5, CardKind::Mana];
        let is_there = |kind: &CardKind| self.cards.iter().any(|card| card.kind == *kind);
        kinds.into_iter().filter(is_there).collect()
    }
}

/// An interface whose VF, or whose bond's or bridge's part, is below another carries what that
/// carries.
fn hand_down(interfaces: &mut [Interface]) {
    // As deep as interfaces are stacked: a VLAN over a bond over a NIC over its VF.
    for _ in 0..4 {
        let above: Vec<(String, Vec<Carried>)> = interfaces
            .iter()
            .flat_map(|upper| {
                let lowers = upper.lowers.iter();
                lowers.map(|lower| (lower.clone(), upper.carries.clone()))
            })
            .collect();
        for (name, carries) in above {
            let lower = interfaces.iter_mut().find(|lower| lower.name == name);
            if let Some(lower) = lower {
                let new = carries.iter().filter(|&it| !lower.carries.contains(it));
                let new: Vec<Carried> = new.copied().collect();
                lower.carries.extend(new);
            }
        }
    }
}

impl Platform {
    fn read(root: &Root) -> Self {
        let dmi = |name: &str| root.text(&format!("/sys/class/dmi/id/{name}"));
        if dmi("chassis_asset_tag").as_deref() == Some(AZURE_TAG) {
            return Self::Azure;
        }
        let vendor = dmi("sys_vendor");
        let product = dmi("product_name");
        match (vendor.as_deref(), product.as_deref()) {
            (Some("Microsoft Corporation"), Some("Virtual Machine")) => Self::HyperV,
            (Some(vendor), Some(product)) => Self::Other(Some(format!("{vendor} {product}"))),
            _ => Self::Other(vendor.or(product)),
        }
    }
}

impl Interface {
    fn read(root: &Root, name: &str, carriers: &[(String, Carried)]) -> Self {
        let folder = format!("/sys/class/net/{name}");
        let flags = root.text(&format!("{folder}/flags")).unwrap_or_default();
        let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).unwrap_or(0);
        let mac = root.text(&format!("{folder}/address"));
        let lowers = root.names(&folder);
        let lowers = lowers.iter().filter_map(|name| name.strip_prefix("lower_"));
        let carries = carriers.iter().filter(|(carrier, _)| carrier == name);
        Self {
            name: name.to_owned(),
            mac: mac.and_then(|mac| mac.parse().ok()),
            is_up: flags & 1 != 0,
            device: root.link(&format!("{folder}/device")),
            lowers: lowers.map(str::to_owned).collect(),
            carries: carries.map(|(_, carried)| *carried).collect(),
        }
    }
}

impl Card {
    fn read(root: &Root, address: &str, interfaces: &[Interface]) -> Option<Self> {
        let folder = format!("/sys/bus/pci/devices/{address}");
        let hex = |name: &str| {
            let text = root.text(&format!("{folder}/{name}"))?;
            Some(text.trim_start_matches("0x").to_owned())
        };
        // Ethernet and InfiniBand controllers.
        let class = hex("class")?;
        if !class.starts_with("0200") && !class.starts_with("0207") {
            return None;
        }
        let (vendor, device) = (hex("vendor")?, hex("device")?);
        // The interfaces of a virtio card are one level lower.
        let virtio = root.names(&folder);
        let virtio: Vec<&String> = virtio
            .iter()
            .filter(|name| name.starts_with("virtio"))
            .collect();
        let is_its = |interface: &&Interface| {
            let device = interface.device.as_ref();
            device.is_some_and(|device| device == address || virtio.contains(&device))
        };
        let mut carries: Vec<Carried> = Vec::new();
        for interface in interfaces.iter().filter(is_its) {
            carries.extend(&interface.carries);
        }
        carries.dedup();
        Some(Self {
            address: address.to_owned(),
            kind: CardKind::of(&vendor, &device),
            id: format!("{vendor}:{device}"),
            driver: root.link(&format!("{folder}/driver")),
            numa_node: root.number(&format!("{folder}/numa_node")),
            iommu_group: root.link(&format!("{folder}/iommu_group")),
            carries,
        })
    }
}

impl CardKind {
    fn of(vendor: &str, device: &str) -> Self {
        match (vendor, device) {
            ("15b3", "1003" | "1004" | "1007") => Self::Mlx4,
            ("15b3", _) => Self::Mlx5,
            ("1414", "00ba") => Self::Mana,
            ("1af4", _) => Self::Virtio,
            _ => Self::Other,
        }
    }

    /// Returns whether DPDK drives it beside the kernel's driver, which stays.
    #[must_use]
    pub const fn shares(self) -> bool {
        matches!(self, Self::Mlx4 | Self::Mlx5 | Self::Mana)
    }

    /// Names it by DPDK's driver: `mlx5` of `librte_net_mlx5.so`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mlx4 => "mlx4",
            Self::Mlx5 => "mlx5",
            Self::Mana => "mana",
            Self::Virtio => "virtio",
            Self::Other => "other",
        }
    }

    /// Returns the kernel's modules that it takes: its driver, and what offers its verbs.
    #[must_use]
    pub const fn modules(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Mlx4 => Some(("mlx4_en", "mlx4_ib")),
            Self::Mlx5 => Some(("mlx5_core", "mlx5_ib")),
            Self::Mana => Some(("mana", "mana_ib")),
            Self::Virtio | Self::Other => None,
        }
    }
}

impl Nic {
    fn read(root: &Root, uuid: &str, interfaces: &[Interface], cards: &[Card]) -> Option<Self> {
        let folder = format!("/sys/bus/vmbus/devices/{uuid}");
        let class = root.text(&format!("{folder}/class_id"))?;
        if class.trim_matches(['{', '}']) != NETWORK_CLASS {
            return None;
        }
        let is_its = |interface: &&Interface| interface.device.as_deref() == Some(uuid);
        let interface = interfaces.iter().find(is_its);
        let mac = interface.and_then(|its| its.mac).or_else(|| mac_of(uuid));
        let channels = root.names(&format!("{folder}/channels"));
        let has_ring = |id: &&String| root.has(&format!("{folder}/channels/{id}/ring"));
        Some(Self {
            uuid: uuid.to_owned(),
            interface: interface.map(|interface| interface.name.clone()),
            mac,
            addresses: Vec::new(),
            driver: root.link(&format!("{folder}/driver")),
            vf: vf(interface, mac, interfaces, cards),
            rings: channels.iter().filter(has_ring).count(),
            channels: channels.len(),
            numa_node: root.number(&format!("{folder}/numa_node")),
            carries: interface.map_or_else(Vec::new, |its| its.carries.clone()),
        })
    }

    /// Returns whether DPDK has it.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.driver.as_deref() == Some("uio_hv_generic")
    }

    /// Returns whether the kernel has it, and with it its VF: what DPDK takes of that VF's packets
    /// is cut off from the kernel, and an SSH connection with it.
    #[must_use]
    pub fn is_kernels(&self) -> bool {
        self.driver.as_deref() == Some("hv_netvsc")
    }

    /// Names it for people: by the kernel's interface, or else by its MAC address.
    #[must_use]
    pub fn name(&self) -> String {
        match (&self.interface, self.mac) {
            (Some(interface), _) => interface.clone(),
            (None, Some(mac)) => mac.to_string(),
            (None, None) => self.uuid.clone(),
        }
    }

    /// Returns whether `name`, an interface, a UUID or a MAC address, means it.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.uuid.eq_ignore_ascii_case(name)
            || self.interface.as_deref() == Some(name)
            || name.parse().is_ok_and(|mac: Mac| self.mac == Some(mac))
    }
}

/// Finds a NIC's VF: below its interface, or by its MAC address once DPDK has taken that.
fn vf(
    interface: Option<&Interface>,
    mac: Option<Mac>,
    interfaces: &[Interface],
    cards: &[Card],
) -> Option<Vf> {
    let card = |of: &Interface| {
        let device = of.device.as_ref()?;
        let card = cards.iter().find(|card| card.address == *device)?;
        card.kind.shares().then_some(card)
    };
    let is_below = |candidate: &&Interface| match interface {
        Some(upper) if !upper.lowers.is_empty() => upper.lowers.contains(&candidate.name),
        _ => mac.is_some() && candidate.mac == mac,
    };
    interfaces
        .iter()
        .filter(is_below)
        .find_map(|lower| Some((lower, card(lower)?)))
        .map(|(lower, card)| Vf {
            address: card.address.clone(),
            interface: lower.name.clone(),
            driver: card.driver.clone(),
            kind: card.kind,
            is_up: lower.is_up,
        })
}

/// Returns the MAC address that is in the address of a NIC on VMBus: of ConnectX's
/// `aabbccdd-eeff-aabb-ccdd-eeffaabbccdd`, of MANA's `f8615163-0001-1000-2000-aabbccddeeff`.
fn mac_of(uuid: &str) -> Option<Mac> {
    let digits = uuid.replace('-', "");
    let bits = |part: Option<&str>| u64::from_str_radix(part?, 16).ok();
    if digits.len() != 32 {
        return None;
    }
    if digits.starts_with("f8615163000110002000") {
        return bits(digits.get(20..)).map(Mac::from_bits);
    }
    let mac = digits.get(..12)?;
    let repeats = digits.get(12..24) == Some(mac) && digits.get(24..) == digits.get(..8);
    repeats.then(|| bits(Some(mac)).map(Mac::from_bits))?
}

fn shown<S: Serializer>(mac: &Option<Mac>, serializer: S) -> Result<S::Ok, S::Error> {
    match mac {
        Some(mac) => serializer.collect_str(mac),
        None => serializer.serialize_none(),
    }
}

fn words<S: Serializer>(carries: &[Carried], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(carries.iter().map(|carried| carried.words()))
}

#[cfg(test)]
mod tests {
    use self::root::tests::machine;
    use super::*;

    #[test]
    fn a_nics_address_on_vmbus_tells_its_mac() {
        let mac = |uuid| mac_of(uuid).map(|mac| mac.to_string());
        assert_eq!(
            mac("7c1e5225-5ca6-7c1e-5225-5ca67c1e5225").as_deref(),
            Some("7c:1e:52:25:5c:a6")
        );
        assert_eq!(
            mac("f8615163-0001-1000-2000-000d3a8b1c2d").as_deref(),
            Some("00:0d:3a:8b:1c:2d")
        );
        for other in ["7c1e5225-5ca6-7c1e-5225-5ca67c1e5226", "", "é"] {
            assert_eq!(mac(other), None, "{other}");
        }
    }

    #[test]
    fn the_platform_is_told_by_the_asset_tag_and_not_by_the_vendor() {
        let vendor = ("/sys/class/dmi/id/sys_vendor", "Microsoft Corporation\n");
        let product = ("/sys/class/dmi/id/product_name", "Virtual Machine\n");
        let tag = ("/sys/class/dmi/id/chassis_asset_tag", AZURE_TAG);
        let (_folder, root) = machine(&[vendor, product]);
        assert_eq!(Platform::read(&root), Platform::HyperV);
        let (_folder, root) = machine(&[vendor, product, tag]);
        assert_eq!(Platform::read(&root), Platform::Azure);
        let surface = ("/sys/class/dmi/id/product_name", "Surface Laptop 5\n");
        let (_folder, root) = machine(&[vendor, surface]);
        let expected = Some("Microsoft Corporation Surface Laptop 5".to_owned());
        assert_eq!(Platform::read(&root), Platform::Other(expected));
        let (_folder, root) = machine(&[]);
        assert_eq!(Platform::read(&root), Platform::Other(None));
    }

    #[test]
    fn what_is_below_the_default_route_carries_it_too() {
        let route = "Iface\neth0.5\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\n";
        let (_folder, root) = machine(&[
            ("/proc/net/route", route),
            ("/sys/class/net/eth0.5/lower_eth0", "-> ../eth0"),
            ("/sys/class/net/eth0/lower_enP1s1", "-> ../enP1s1"),
            (
                "/sys/class/net/enP1s1/device",
                "-> ../../../bus/pci/devices/1a65:00:02.0",
            ),
            ("/sys/bus/pci/devices/1a65:00:02.0/class", "0x020000"),
            ("/sys/bus/pci/devices/1a65:00:02.0/vendor", "0x15b3"),
            ("/sys/bus/pci/devices/1a65:00:02.0/device", "0x1018"),
        ]);
        let machine = Machine::read(&root);
        assert_eq!(machine.cards[0].carries, [Carried::DefaultRoute]);
        assert_eq!(machine.cards[0].kind, CardKind::Mlx5);
    }
}
