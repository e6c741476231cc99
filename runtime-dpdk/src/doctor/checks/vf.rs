//! Azure's VFs: whether each NIC has one, and what the kernel needs so that DPDK can drive it.

use super::super::finding::{Check, Finding, Step, Verdict};
use super::{Subject, drivers};
use crate::machine::{Card, CardKind, Nic, Platform};

/// Says whether each NIC to test with has its VF.
pub fn pairing(subject: &Subject) -> Finding {
    let nics: Vec<&Nic> = subject.nics().collect();
    if nics.is_empty() {
        return none(Check::Vf, "there is no NIC on VMBus to test with");
    }
    let Some(nic) = nics.iter().find(|nic| nic.vf.is_none()) else {
        let pairs = nics.iter().filter_map(|nic| {
            let vf = nic.vf.as_ref()?;
            Some(format!("{}: {} ({})", nic.name(), vf.address, vf.interface))
        });
        let pairs: Vec<String> = pairs.collect();
        let evidence = format!("{} (/sys/class/net)", pairs.join(", "));
        return Finding::new(Check::Vf, Verdict::Ok, evidence);
    };
    if !without_driver(subject).is_empty() {
        return none(Check::Vf, "told when each VF has its driver");
    }
    let mac = nic
        .mac
        .map_or_else(String::new, |mac| format!(" and no interface with {mac}"));
    Finding::new(
        Check::Vf,
        Verdict::Failure,
        format!("{}: nothing below it{mac} (/sys/class/net)", nic.name()),
    )
    .so(
        "every packet takes the synthetic path through the host: below 2 Mpps, and all on one \
         receive queue",
    )
    .mended_by([Step::by_hand(match subject.machine.platform {
        Platform::Azure => {
            "az network nic update -g GROUP -n NIC --accelerated-networking true (then look again; \
             the VM's size has to allow it)"
        }
        _ => "enable SR-IOV of the NIC on the host",
    })])
}

/// Says whether each VF has its kernel driver, and that of MANA an interface that is down.
pub fn driver(subject: &Subject) -> Finding {
    let cards = vfs(subject);
    if cards.is_empty() {
        return none(Check::VfDriver, "there is no VF");
    }
    if let [card, ..] = without_driver(subject).as_slice() {
        let (driver, _) = card.kind.modules().unwrap_or_default();
        return Finding::new(
            Check::VfDriver,
            Verdict::Failure,
            format!(
                "{} ({}) has no driver (/sys/bus/pci/devices/{}/driver)",
                card.address, card.id, card.address
            ),
        )
        .so(
            "DPDK drives it beside the kernel's driver, and not without: all takes the synthetic \
             path",
        )
        .mended_by(drivers::loading(subject.root, driver));
    }
    // The kernel's netvsc takes the VF up with its NIC, so this can be told after the binding only.
    let up = subject
        .nics()
        .filter(|nic| nic.is_bound())
        .filter_map(|nic| nic.vf.as_ref())
        .find(|vf| vf.kind == CardKind::Mana && vf.is_up);
    if let Some(vf) = up {
        return Finding::new(
            Check::VfDriver,
            Verdict::Failure,
            format!(
                "{} of {} is up (/sys/class/net/{}/flags)",
                vf.interface, vf.address, vf.interface
            ),
        )
        .so("the port does not start (Failed to create qp queue index 0)")
        .mended_by([Step::Down(vf.interface.clone())]);
    }
    let drivers = cards.iter().filter_map(|card| {
        let driver = card.driver.as_ref()?;
        Some(format!("{} ({}) with {driver}", card.address, card.id))
    });
    let drivers: Vec<String> = drivers.collect();
    let evidence = format!("{} (/sys/bus/pci/devices)", drivers.join(", "));
    Finding::new(Check::VfDriver, Verdict::Ok, evidence)
}

/// Says whether the kernel offers verbs for each kind of VF or shared card that is there.
pub fn verbs(subject: &Subject) -> Finding {
    let Subject { root, machine, .. } = subject;
    let shared = |card: &&Card| card.kind.shares();
    let devices = root.names("/sys/class/infiniband");
    let cards: Vec<&Card> = machine.cards.iter().filter(shared).collect();
    if cards.is_empty() {
        return none(Check::Verbs, "no card here is driven through RDMA verbs");
    }
    let is_its = |name: &String, card: &Card| {
        root.link(&format!("/sys/class/infiniband/{name}/device"))
            .as_ref()
            == Some(&card.address)
    };
    let lacks = |card: &&&Card| !devices.iter().any(|name| is_its(name, card));
    if let Some(card) = cards.iter().find(lacks) {
        let module = card.kind.modules().map_or("", |(_, verbs)| verbs);
        return Finding::new(
            Check::Verbs,
            Verdict::Failure,
            format!("no /sys/class/infiniband/* is of {}", card.address),
        )
        .so("DPDK finds the card and cannot open it (no Verbs device matches PCI device)")
        .mended_by(drivers::loading(subject.root, module));
    }
    let users = root.names("/dev/infiniband");
    if !users.iter().any(|name| name.starts_with("uverbs")) {
        return Finding::new(
            Check::Verbs,
            Verdict::Failure,
            "no /dev/infiniband/uverbs*".to_owned(),
        )
        .so("DPDK cannot open any of the cards that it drives through verbs")
        .mended_by(drivers::loading(subject.root, "ib_uverbs"));
    }
    let evidence = format!(
        "{} (/sys/class/infiniband, /dev/infiniband)",
        devices.join(", ")
    );
    Finding::new(Check::Verbs, Verdict::Ok, evidence)
}

/// Returns the VFs there are.
fn vfs<'a>(subject: &Subject<'a>) -> Vec<&'a Card> {
    let cards = subject.machine.cards.iter();
    cards
        .filter(|card| card.kind.shares() && subject.machine.has_vmbus())
        .collect()
}

fn without_driver<'a>(subject: &Subject<'a>) -> Vec<&'a Card> {
    let vfs = vfs(subject).into_iter();
    vfs.filter(|card| card.driver.is_none()).collect()
}

fn none(check: Check, evidence: &str) -> Finding {
    Finding::new(check, Verdict::NotApplicable, evidence)
}
