//! vfio, by which DPDK drives network cards outside of Azure: the IOMMU, and memory that may be
//! locked.

use super::super::finding::{Check, Finding, Step, Verdict};
use super::{Subject, drivers, memory};
use crate::machine::Card;

const NO_IOMMU: &str = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode";

/// Says whether an IOMMU and vfio are there for the cards that DPDK drives through them.
pub fn iommu(subject: &Subject) -> Finding {
    let root = subject.root;
    let Some(card) = subject.cards().find(takes_vfio) else {
        return Finding::new(
            Check::Iommu,
            Verdict::NotApplicable,
            "no card here is driven through vfio",
        );
    };
    let groups = root.names("/sys/kernel/iommu_groups").len();
    let is_allowed = root.text(NO_IOMMU).as_deref() == Some("Y");
    if groups == 0 && !is_allowed {
        // A card that nobody has bound may be none to test with.
        let verdict = match card.driver.as_deref() {
            Some("vfio-pci") => Verdict::Failure,
            _ => Verdict::Warning,
        };
        let evidence = "no IOMMU group (/sys/kernel/iommu_groups)";
        return Finding::new(Check::Iommu, verdict, evidence)
        .so("vfio-pci takes no card")
        .mended_by([Step::by_hand(
            "switch on VT-d or AMD-Vi in the firmware, and give the kernel intel_iommu=on iommu=pt; \
             or do without protection: modprobe vfio enable_unsafe_noiommu_mode=1",
        )]);
    }
    if !drivers::is_loaded(root, "vfio-pci") && !root.has("/sys/bus/pci/drivers/vfio-pci") {
        return Finding::new(
            Check::Iommu,
            Verdict::Warning,
            format!("{groups} IOMMU groups, vfio-pci not loaded (/proc/modules)"),
        )
        .so("no card can be bound to vfio-pci")
        .mended_by([Step::Load("vfio-pci".to_owned())]);
    }
    if let (Some("vfio-pci"), Some(group)) = (card.driver.as_deref(), &card.iommu_group) {
        let file = format!("/dev/vfio/{group}");
        if !root.has(&file) && !root.has(&format!("/dev/vfio/noiommu-{group}")) {
            return Finding::new(Check::Iommu, Verdict::Failure, format!("no {file}"))
                .so(format!("{} cannot be opened", card.address))
                .mended_by([Step::by_hand(
                    "give the container the folder /dev/vfio, or bind the card anew",
                )]);
        }
    }
    let evidence = if groups == 0 {
        format!("no IOMMU, and vfio may do without ({NO_IOMMU})")
    } else {
        format!("{groups} IOMMU groups (/sys/kernel/iommu_groups), vfio-pci is there")
    };
    Finding::new(Check::Iommu, Verdict::Ok, evidence)
}

/// Says whether this user may lock the memory that vfio maps.
pub fn locked_memory(subject: &Subject) -> Finding {
    let root = subject.root;
    let limits = root.text("/proc/self/limits").unwrap_or_default();
    let limit = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max locked memory"))
        .and_then(|rest| rest.split_whitespace().next());
    let is_needed = subject.cards().any(|card| takes_vfio(&card));
    let (Some(limit), true) = (limit, is_needed) else {
        return Finding::new(
            Check::LockedMemory,
            Verdict::NotApplicable,
            "it matters for cards that are driven through vfio",
        );
    };
    let is_root = memory::uid(root) == Some(0);
    // All of the EAL's memory is mapped, which is all free hugepages at most.
    let is_enough = limit.parse().is_ok_and(|bytes: u64| bytes >= 2 << 30);
    if is_root || limit == "unlimited" || is_enough {
        let who = if is_root { "root" } else { "this user" };
        let evidence = format!("{who} may lock memory (/proc/self/limits: {limit})");
        return Finding::new(Check::LockedMemory, Verdict::Ok, evidence);
    }
    let evidence = format!("this user may lock {limit} bytes (/proc/self/limits)");
    Finding::new(Check::LockedMemory, Verdict::Warning, evidence)
        .so("vfio cannot map the EAL's memory for the card, and DPDK does not start")
        .mended_by([Step::by_hand(
            "sudo dpdkgen-rt ..., or a line `USER - memlock unlimited` in /etc/security/limits.d",
        )])
}

/// Returns whether DPDK drives a card through vfio.
fn takes_vfio(card: &&Card) -> bool {
    let is_uio = matches!(card.driver.as_deref(), Some("uio_pci_generic" | "igb_uio"));
    !card.kind.shares() && !is_uio
}
