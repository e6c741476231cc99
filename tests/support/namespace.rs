//! Network namespaces and wires between them, which are removed with their [`Link`].

use std::net::IpAddr;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::program::run;

/// The name of the namespace of the program under test, and of the interface in it.
pub const NEAR: &str = "near";
/// The name of the namespace of its peer, and of the interface in it.
pub const FAR: &str = "far";
/// The name of the namespace of the bridge between them, if there is one.
pub const MIDDLE: &str = "middle";
/// The bridge's interface towards [`NEAR`].
pub const TO_NEAR: &str = "to-near";
/// The bridge's interface towards [`FAR`].
pub const TO_FAR: &str = "to-far";
/// The name of the namespace of a switch on each side of a router, if there are any.
pub const SWITCH: &str = "switch";
/// The switch's interfaces towards [`NEAR`] and from there towards the router, and likewise towards
/// [`FAR`].
pub const SWITCHED: [[&str; 2]; 2] = [["trunk-near", "access-near"], ["trunk-far", "access-far"]];
/// The MAC of [`NEAR`].
pub const NEAR_MAC: &str = "02:00:00:00:0a:01";
/// The MAC of [`FAR`].
pub const FAR_MAC: &str = "02:00:00:00:0a:02";

/// A setting of the interfaces: checksums left to a network card that is not there, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offload {
    /// The kernel leaves checksums to the card: its packets have the pseudo-header's sum only.
    On,
    /// The kernel writes checksums.
    Off,
}

/// Two interfaces, each in a namespace of its own: a veth pair, or the outer ends of two that a
/// bridge joins.
///
/// It has to be declared before the programs that run in its namespaces, so that it is dropped
/// after them.
pub struct Link {
    id: String,
}

impl Link {
    /// Makes the namespaces and the interfaces, which are up and have no address. The kernels at
    /// both ends send IPv6 packets of their own now and then, as they do anywhere.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    #[must_use]
    pub fn new(offload: Offload) -> Self {
        Self::make(offload, "0")
    }

    /// Makes a link on which the kernels send no packet of their own, so that every packet can be
    /// counted.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    #[must_use]
    pub fn silent(offload: Offload) -> Self {
        Self::make(offload, "1")
    }

    /// Makes a silent link with a bridge between the ends, in a namespace of its own, where the
    /// kernel can make faults.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    #[must_use]
    pub fn bridged(offload: Offload) -> Self {
        let link = Self::named();
        let far = link.add_namespace(FAR, "1");
        link.wire(&far);
        link.set_up(NEAR, NEAR, offload);
        link.set_up(FAR, FAR, offload);
        link.bridge(offload);
        link
    }

    /// Makes a silent link whose ends are both in the namespace [`NEAR`], so that one program has
    /// them, over a namespace `MIDDLE` with `TO_NEAR` and `TO_FAR`, which are down and joined
    /// by nothing yet. Kernels write checksums.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    #[must_use]
    pub fn both_ends() -> Self {
        let link = Self::named();
        link.wire(&link.namespace(NEAR));
        for end in [NEAR, FAR] {
            link.set_up(NEAR, end, Offload::Off);
        }
        link
    }

    /// Makes the namespaces [`NEAR`] and `MIDDLE`, and the wires from there to [`NEAR`] and to
    /// [`FAR`], which is in the namespace `far`.
    fn wire(&self, far: &str) {
        let [near, middle] = [NEAR, MIDDLE].map(|place| self.add_namespace(place, "1"));
        for (end, mac, place, port) in [
            (NEAR, NEAR_MAC, near.as_str(), TO_NEAR),
            (FAR, FAR_MAC, far, TO_FAR),
        ] {
            veth(&format!("{end} address {mac}"), place, port, &middle);
        }
    }

    /// Joins the wires in `MIDDLE` by a bridge, which is up then.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    pub fn bridge(&self, offload: Offload) {
        let (link, middle) = (self, self.namespace(MIDDLE));
        // It would ask who listens to which multicast group.
        ip(&format!(
            "-n {middle} link add name bridge type bridge mcast_snooping 0"
        ));
        for port in [TO_NEAR, TO_FAR] {
            ip(&format!("-n {middle} link set {port} master bridge"));
            link.set_up(MIDDLE, port, offload);
        }
        ip(&format!("-n {middle} link set bridge up"));
        for port in [TO_NEAR, TO_FAR] {
            const FORWARDING: &str = "3";
            self.until_told(port, "brport/state", FORWARDING);
        }
    }

    /// Makes the kernel in `MIDDLE` a router between the networks `near` and `far`, in a VLAN if
    /// there is one: it has the first address of each (`10.77.1.1/24`), knows the MAC of the host
    /// beyond, and says nothing of its own.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    pub fn route(&self, near: [&str; 2], far: [&str; 2], vlan: Option<u16>) {
        let middle = self.namespace(MIDDLE);
        let commands = "echo 1 > /proc/sys/net/ipv4/ip_forward; cd /proc/sys/net/ipv6/conf; \
                        echo 0 > all/disable_ipv6; echo 0 > default/disable_ipv6; \
                        echo 1 > all/forwarding; \
                        nft 'add table inet silence'; \
                        nft 'add chain inet silence own { type filter hook output priority 0; \
                        policy drop; }'";
        let mut shell = Command::new("sh");
        shell.args(["-ec", commands]);
        let _ = run(self.inside(MIDDLE, &shell), SOON).ok();
        let sides = [(TO_NEAR, near, NEAR_MAC), (TO_FAR, far, FAR_MAC)];
        for (port, [address, host], mac) in sides {
            self.set_up(MIDDLE, port, Offload::Off);
            self.until_told(port, "operstate", "up");
            let device = vlan.map_or(port.to_owned(), |vlan| format!("{port}.{vlan}"));
            if let Some(vlan) = vlan {
                ip(&format!(
                    "-n {middle} link add link {port} name {device} type vlan id {vlan}"
                ));
                ip(&format!("-n {middle} link set {device} up"));
                self.until_told(&device, "operstate", "up");
            }
            ip(&format!(
                "-n {middle} address add {address} dev {device} nodad"
            ));
            ip(&format!(
                "-n {middle} neighbour replace {host} lladdr {mac} nud permanent dev {device}"
            ));
        }
    }

    /// Returns what the kernel tells in `file` of an interface of `MIDDLE`: its `address`.
    ///
    /// # Panics
    ///
    /// If there is no such interface.
    #[must_use]
    pub fn told_in_middle(&self, interface: &str, file: &str) -> String {
        let mut cat = Command::new("cat");
        cat.arg(format!("/sys/class/net/{interface}/{file}"));
        let told = run(self.inside(MIDDLE, &cat), SOON).ok().stdout;
        told.trim().to_owned()
    }

    /// Waits until the kernel tells `what` of an interface of `MIDDLE`: it notices up to a second
    /// later that a wire is connected, and drops what comes before.
    fn until_told(&self, interface: &str, file: &str, what: &str) {
        let deadline = Instant::now() + SOON;
        while self.told_in_middle(interface, file) != what {
            assert!(
                Instant::now() < deadline,
                "{file} of {interface} is not {what}"
            );
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Makes a link with a kernel's router between the ends, at 10.77.0.254 and fd77::ff towards the
    /// near one and at 10.78.0.254 and fd78::ff towards the far one, which asks anew for its
    /// neighbours every second or two.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    #[must_use]
    pub fn routed(offload: Offload) -> Self {
        let link = Self::named();
        let middle = link.add_namespace(MIDDLE, "0");
        for (end, mac, port) in [(NEAR, NEAR_MAC, TO_NEAR), (FAR, FAR_MAC, TO_FAR)] {
            let name = link.add_namespace(end, "1");
            veth(&format!("{end} address {mac}"), &name, port, &middle);
            link.set_up(end, end, offload);
        }
        link.make_router(offload);
        link
    }

    /// Makes such a link with the ports of a switch between each end and the router, which are up and
    /// joined by nothing yet.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    #[must_use]
    pub fn switched(offload: Offload) -> Self {
        let link = Self::named();
        let middle = link.add_namespace(MIDDLE, "0");
        let switch = link.add_namespace(SWITCH, "1");
        for ((end, mac, port), [trunk, access]) in
            [(NEAR, NEAR_MAC, TO_NEAR), (FAR, FAR_MAC, TO_FAR)]
                .into_iter()
                .zip(SWITCHED)
        {
            let name = link.add_namespace(end, "1");
            veth(&format!("{end} address {mac}"), &name, trunk, &switch);
            veth(access, &switch, port, &middle);
            link.set_up(end, end, offload);
            link.set_up(SWITCH, trunk, offload);
            link.set_up(SWITCH, access, offload);
        }
        link.make_router(offload);
        link
    }

    /// Makes the kernel in `MIDDLE` a router.
    fn make_router(&self, offload: Offload) {
        let middle = self.namespace(MIDDLE);
        for (port, network) in [(TO_NEAR, 77), (TO_FAR, 78)] {
            self.set_up(MIDDLE, port, offload);
            ip(&format!(
                "-n {middle} address add 10.{network}.0.254/24 dev {port}"
            ));
            ip(&format!(
                "-n {middle} address add fd{network}::ff/64 dev {port} nodad"
            ));
            for family in ["ipv4", "ipv6"] {
                let folder = format!("/proc/sys/net/{family}/neigh/{port}");
                let quickly = format!(
                    "echo 1000 > {folder}/base_reachable_time_ms; \
                     echo 1 > {folder}/delay_first_probe_time"
                );
                self.in_shell(MIDDLE, &quickly);
            }
        }
        self.in_shell(
            MIDDLE,
            "echo 1 > /proc/sys/net/ipv4/ip_forward; \
             echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
        );
    }

    fn in_shell(&self, place: &str, script: &str) {
        let mut shell = Command::new("sh");
        shell.args(["-ec", script]);
        let _ = run(self.inside(place, &shell), SOON).ok();
    }

    fn make(offload: Offload, without_ipv6: &str) -> Self {
        let link = Self::named();
        let [near, far] = [NEAR, FAR].map(|end| link.add_namespace(end, without_ipv6));
        let [one, other] =
            [(NEAR, NEAR_MAC), (FAR, FAR_MAC)].map(|(end, mac)| format!("{end} address {mac}"));
        veth(&one, &near, &other, &far);
        link.set_up(NEAR, NEAR, offload);
        link.set_up(FAR, FAR, offload);
        link
    }

    fn named() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        Self {
            id: format!("dpdkgen-{}-{number}", std::process::id()),
        }
    }

    /// Makes a namespace and returns its name.
    fn add_namespace(&self, place: &str, without_ipv6: &str) -> String {
        let name = self.namespace(place);
        // Left over from a process that had the same id and was killed.
        let _ = Command::new("ip").args(["netns", "delete", &name]).output();
        ip(&format!("netns add {name}"));
        let mut shell = Command::new("sh");
        let file = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
        shell.args(["-c", &format!("echo {without_ipv6} > {file}")]);
        // Fails where the kernel has no IPv6 at all.
        let _ = run(self.inside(place, &shell), SOON);
        name
    }

    fn set_up(&self, place: &str, interface: &str, offload: Offload) {
        let state = if offload == Offload::On { "on" } else { "off" };
        let mut ethtool = Command::new("ethtool");
        ethtool.args(["-K", interface, "tx", state, "rx", state]);
        let _ = run(self.inside(place, &ethtool), SOON).ok();
        ip(&format!(
            "-n {} link set {interface} up",
            self.namespace(place)
        ));
    }

    /// Gives the far end an address, and the near end one that only the far end's kernel knows of,
    /// since nobody there answers ARP.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    pub fn address_far(&self, far: &str, near: &str) {
        let name = self.namespace(FAR);
        ip(&format!("-n {name} address add {far}/24 dev {FAR}"));
        ip(&format!(
            "-n {name} neighbour add {near} lladdr {NEAR_MAC} dev {FAR}"
        ));
    }

    /// Gives the kernel at this end the address `own` and the neighbour `peer`, for programs over its
    /// sockets, and lets it send nothing but UDP: it asks for no neighbour, and tells of none.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    pub fn inhabit(&self, end: &str, own: IpAddr, peer: IpAddr, peer_mac: &str) {
        self.in_shell(
            end,
            "nft 'add table inet silence'; \
             nft 'add chain inet silence own { type filter hook output priority 0; }'; \
             nft 'add rule inet silence own meta l4proto != udp drop'",
        );
        let name = self.namespace(end);
        if own.is_ipv6() {
            let file = format!("/proc/sys/net/ipv6/conf/{end}/disable_ipv6");
            self.in_shell(end, &format!("echo 0 > {file}"));
            ip(&format!("-n {name} address add {own}/64 dev {end} nodad"));
        } else {
            ip(&format!("-n {name} address add {own}/24 dev {end}"));
        }
        ip(&format!(
            "-n {name} neighbour replace {peer} lladdr {peer_mac} nud permanent dev {end}"
        ));
    }

    /// Sets the interface at this end up or down.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    pub fn set_link(&self, end: &str, state: &str) {
        ip(&format!(
            "-n {} link set {end} {state}",
            self.namespace(end)
        ));
    }

    /// Gives the interface at this end an address, which its kernel answers for.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    pub fn address(&self, end: &str, address: &str) {
        let (address, flag) = address.split_once(' ').unwrap_or((address, ""));
        let name = self.namespace(end);
        ip(&format!("-n {name} address add {address} dev {end} {flag}"));
    }

    /// Gives the far end an IPv6 address, and the near end one that only the far end's kernel knows
    /// of.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    pub fn address_far_v6(&self, far: &str, near: &str) {
        let name = self.namespace(FAR);
        ip(&format!("-n {name} address add {far}/64 dev {FAR} nodad"));
        ip(&format!(
            "-n {name} neighbour add {near} lladdr {NEAR_MAC} dev {FAR}"
        ));
    }

    /// Gives the far end an interface for a VLAN with an IPv4 and an IPv6 address, behind the outer
    /// tag of another one if there is one, and the near end addresses that only the far end's kernel
    /// knows of.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    pub fn vlan_far(&self, outer: Option<u16>, vlan: u16, ends: [(&str, &str); 2]) {
        let name = self.namespace(FAR);
        let mut parent = FAR.to_owned();
        let tags = outer.map(|outer| (outer, "802.1ad"));
        for (tag, protocol) in tags.into_iter().chain([(vlan, "802.1Q")]) {
            let child = format!("vlan{tag}");
            ip(&format!(
                "-n {name} link add link {parent} name {child} type vlan protocol {protocol} id {tag}"
            ));
            ip(&format!("-n {name} link set {child} up"));
            parent = child;
        }
        for ((far, near), bits) in ends.into_iter().zip(["24", "64 nodad"]) {
            let (bits, flag) = bits.split_once(' ').unwrap_or((bits, ""));
            ip(&format!(
                "-n {name} address add {far}/{bits} dev {parent} {flag}"
            ));
            ip(&format!(
                "-n {name} neighbour add {near} lladdr {NEAR_MAC} dev {parent}"
            ));
        }
    }

    /// Gives the interfaces at both ends another MTU.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    pub fn set_mtu(&self, mtu: u16) {
        for end in [NEAR, FAR] {
            ip(&format!(
                "-n {} link set {end} mtu {mtu}",
                self.namespace(end)
            ));
        }
    }

    /// Returns `command` so that it runs in the namespace of this end, or of the bridge.
    #[must_use]
    pub fn inside(&self, place: &str, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.namespace(place)]);
        inside.arg(command.get_program()).args(command.get_args());
        inside
    }

    fn namespace(&self, place: &str) -> String {
        format!("{}-{place}", self.id)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for place in [NEAR, MIDDLE, SWITCH, FAR] {
            // The interfaces go with their namespaces; not every link has each of these.
            let _ = Command::new("ip")
                .args(["netns", "delete", &self.namespace(place)])
                .output();
        }
    }
}

const SOON: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Makes a veth pair of two interfaces, each in a namespace.
fn veth(one: &str, place: &str, other: &str, other_place: &str) {
    ip(&format!(
        "link add {one} netns {place} type veth peer name {other} netns {other_place}"
    ));
}

fn ip(arguments: &str) {
    let mut command = Command::new("ip");
    command.args(arguments.split_whitespace());
    let _ = run(command, SOON).ok();
}
