//! The machine's network cards: which are there, which must not be taken, which DPDK has.

use super::super::finding::{Check, Finding, Step, Verdict};
use super::{Subject, cpu, drivers};
use crate::machine::management::Carried;
use crate::machine::{CardKind, NETWORK_CLASS, Nic, Platform};

const DRIVERS: &str = "/sys/bus/vmbus/drivers";

const SOFTWARE: &str =
    "software ports work: --vdev before the `--`, such as net_memif0 and net_ring0";

/// Tells what the machine is.
pub fn platform(subject: &Subject) -> Finding {
    let kinds: Vec<_> = subject.machine.vf_kinds();
    let kinds: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
    let finding = |evidence: String| Finding::new(Check::Platform, Verdict::Ok, evidence);
    match &subject.machine.platform {
        Platform::Azure if kinds.is_empty() => {
            finding("Azure (/sys/class/dmi/id/chassis_asset_tag), no VF".to_owned())
        }
        Platform::Azure => finding(format!(
            "Azure (/sys/class/dmi/id/chassis_asset_tag), VFs of {}",
            kinds.join(" and ")
        )),
        Platform::HyperV => finding("Hyper-V, not Azure (/sys/class/dmi/id/sys_vendor)".to_owned()),
        Platform::Other(Some(name)) => finding(format!("{name} (/sys/class/dmi/id)")),
        Platform::Other(None) => finding("not Azure: no /sys/class/dmi/id".to_owned()),
    }
}

/// Tells which interfaces must not be taken.
pub fn management(subject: &Subject) -> Finding {
    let machine = subject.machine;
    let told = subject.told.nic.as_ref();
    let chosen = told.and_then(|name| machine.nics.iter().find(|nic| nic.is_called(name)));
    if let Some(nic) = chosen
        && !nic.carries.is_empty()
    {
        let carried = words(&nic.carries);
        return Finding::new(
            Check::Management,
            Verdict::Failure,
            format!("{} carries {carried} (/proc/net)", nic.name()),
        )
        .so("to take it would cut this machine off until it is started again from outside")
        .mended_by([Step::by_hand("choose another NIC by --nic")]);
    }
    if let (Some(name), None, true) = (told, chosen, machine.has_vmbus()) {
        let there: Vec<String> = machine.nics.iter().map(Nic::name).collect();
        let evidence = format!("no NIC is called {name}: there are {}", there.join(", "));
        return Finding::new(Check::Management, Verdict::Failure, evidence)
            .mended_by([Step::by_hand("choose one of these by --nic")]);
    }
    let carriers: Vec<String> = machine
        .interfaces
        .iter()
        .filter(|interface| !interface.carries.is_empty())
        .map(|interface| format!("{} ({})", interface.name, words(&interface.carries)))
        .collect();
    if carriers.is_empty() {
        return Finding::new(
            Check::Management,
            Verdict::Note,
            "no interface has a default route or an SSH connection (/proc/net)",
        )
        .so(
            "nobody can tell which NIC this machine is managed by: take care which one you choose",
        );
    }
    Finding::new(
        Check::Management,
        Verdict::Ok,
        format!("never to be taken: {} (/proc/net)", carriers.join(", ")),
    )
}

/// Says whether DPDK has a network card to drive.
pub fn binding(subject: &Subject) -> Finding {
    if subject.machine.has_vmbus() {
        return vmbus_binding(subject);
    }
    let is_bound =
        |driver: Option<&str>| matches!(driver, Some("vfio-pci" | "uio_pci_generic" | "igb_uio"));
    let (ready, free): (Vec<_>, Vec<_>) = subject.cards().partition(|card| {
        is_bound(card.driver.as_deref()) || (card.kind.shares() && card.driver.is_some())
    });
    if let [first, ..] = ready.as_slice() {
        let names: Vec<&str> = ready.iter().map(|card| card.address.as_str()).collect();
        let driver = first.driver.as_deref().unwrap_or("no driver");
        let evidence = format!("{} with {driver} (/sys/bus/pci/devices)", names.join(", "));
        return Finding::new(Check::Binding, Verdict::Ok, evidence);
    }
    if let [card, ..] = free.as_slice() {
        let driver = card.driver.as_deref().unwrap_or("no driver");
        let evidence = format!("{} with {driver} (/sys/bus/pci/devices)", card.address);
        let remedy = match card.kind.modules() {
            Some((module, _)) => drivers::loading(subject.root, module),
            None => vec![
                Step::Load("vfio-pci".to_owned()),
                Step::by_hand(format!("dpdk-devbind.py --bind=vfio-pci {}", card.address)),
            ],
        };
        return Finding::new(Check::Binding, Verdict::Warning, evidence)
            .so("DPDK sees no network card")
            .mended_by(remedy);
    }
    let evidence = "no network card besides the one that the machine is managed by \
                    (/sys/bus/pci/devices)";
    Finding::new(Check::Binding, Verdict::Note, evidence).so(SOFTWARE)
}

fn vmbus_binding(subject: &Subject) -> Finding {
    let unbound: Vec<&Nic> = subject.nics().filter(|nic| !nic.is_bound()).collect();
    let bound: Vec<&Nic> = subject.nics().filter(|nic| nic.is_bound()).collect();
    if let [nic, ..] = bound.as_slice() {
        let evidence = format!("{} with uio_hv_generic ({})", nic.name(), folder(nic));
        return Finding::new(Check::Binding, Verdict::Ok, evidence);
    }
    let Some(nic) = unbound.first() else {
        let evidence = "no NIC besides the one that the machine is managed by \
                        (/sys/bus/vmbus/devices)";
        if subject.machine.platform != Platform::Azure {
            return Finding::new(Check::Binding, Verdict::Note, evidence).so(SOFTWARE);
        }
        return Finding::new(Check::Binding, Verdict::Failure, evidence)
            .so("there is nothing to send on")
            .mended_by([Step::by_hand(
                "az network nic create -g GROUP -n NIC --vnet-name VNET --subnet SUBNET \
                 --accelerated-networking true; az vm nic add -g GROUP --vm-name VM --nics NIC \
                 (with the VM deallocated)",
            )]);
    };
    let driver = nic.driver.as_deref().unwrap_or("no driver");
    Finding::new(
        Check::Binding,
        Verdict::Failure,
        format!("{} with {driver} ({})", nic.name(), folder(nic)),
    )
    .so(
        "DPDK would see the bare VF at most: packets that come by the synthetic path are missed, \
         and a run ends when the host takes the VF away",
    )
    .mended_by(bind(subject, nic))
}

/// Returns the steps that hand a NIC to DPDK.
fn bind(subject: &Subject, nic: &Nic) -> Vec<Step> {
    let mut steps = drivers::loading(subject.root, "uio_hv_generic");
    steps.push(Step::write(
        format!("{DRIVERS}/uio_hv_generic/new_id"),
        NETWORK_CLASS,
    ));
    steps.extend(nic.interface.clone().map(Step::Down));
    if let (Some(vf), true) = (&nic.vf, has_to_be_down(nic)) {
        steps.push(Step::Down(vf.interface.clone()));
    }
    if let Some(driver) = &nic.driver {
        steps.push(Step::write(format!("{DRIVERS}/{driver}/unbind"), &nic.uuid));
    }
    steps.push(Step::write(
        format!("{DRIVERS}/uio_hv_generic/bind"),
        &nic.uuid,
    ));
    steps
}

fn has_to_be_down(nic: &Nic) -> bool {
    nic.vf.as_ref().is_some_and(|vf| vf.kind == CardKind::Mana)
}

/// Tells how many queues a NIC can have.
pub fn queues(subject: &Subject) -> Finding {
    let Some(nic) = subject.nics().find(|nic| nic.is_bound()) else {
        return Finding::new(
            Check::Queues,
            Verdict::NotApplicable,
            "told of a NIC on VMBus that is bound to uio_hv_generic",
        );
    };
    let evidence = format!(
        "{}: {} of {} open channels with a ring ({}/channels/*/ring)",
        nic.name(),
        nic.rings,
        nic.channels,
        folder(nic)
    );
    if nic.rings == 0 {
        return Finding::new(Check::Queues, Verdict::Warning, evidence)
            .so("there is one queue only: -r 1 -t 1")
            .mended_by([Step::by_hand(
                "install a newer kernel, whose uio_hv_generic has rings",
            )]);
    }
    if has_to_be_down(nic) {
        return Finding::new(Check::Queues, Verdict::Note, evidence)
            .so("MANA takes as many queues to send as to receive, and a power of two: -r 8 -t 8");
    }
    Finding::new(Check::Queues, Verdict::Ok, evidence).so("a run has the host open one a queue")
}

/// Tells which options the EAL is to be given on VMBus, so that it leaves the management NIC's VF
/// alone.
pub fn eal_options(subject: &Subject) -> Finding {
    let nic = subject
        .nics()
        .find(|nic| nic.vf.is_some() && nic.is_bound());
    let (Some(nic), true) = (nic, subject.machine.has_vmbus()) else {
        return Finding::new(
            Check::EalOptions,
            Verdict::NotApplicable,
            "told of a NIC on VMBus that is bound to uio_hv_generic and has a VF",
        );
    };
    let allowed = nic.vf.as_ref().map_or_else(String::new, |vf| {
        let mac = nic
            .mac
            .map_or_else(String::new, |mac| format!(",mac={mac}"));
        match vf.kind {
            CardKind::Mana => format!("{}{mac}", vf.address),
            _ => vf.address.clone(),
        }
    });
    let lcores = match cpu::allowed(subject.root) {
        Some((cpus, _)) if cpus.len() > 1 => format!(" -l {}-{}", cpus[0], cpus[cpus.len() - 1]),
        _ => String::new(),
    };
    let port = nic.mac.map_or_else(String::new, |mac| format!(" -p {mac}"));
    Finding::new(
        Check::EalOptions,
        Verdict::Note,
        format!("{} has the VF {allowed}", nic.name()),
    )
    .so(
        "with these options DPDK looks at no other VF, makes no failsafe port and has physical \
         addresses",
    )
    .mended_by([Step::by_hand(format!(
        "dpdkgen-rt{lcores} -a {allowed} --vdev=net_vdev_netvsc0,ignore=1 --iova-mode=pa -- \
         sendrecv{port} ..."
    ))])
}

fn folder(nic: &Nic) -> String {
    format!("/sys/bus/vmbus/devices/{}", nic.uuid)
}

fn words(carries: &[Carried]) -> String {
    let words: Vec<&str> = carries.iter().map(|carried| carried.words()).collect();
    words.join(" and ")
}
