//! DPDK's memory: hugepages, and the addresses that devices get.

use super::super::finding::{Check, Finding, Step, Verdict};
use super::Subject;
use crate::machine::cgroup::hugepage_limit;
use crate::machine::root::{Root, status_field};

const SIZES: &str = "/sys/kernel/mm/hugepages";
const NODES: &str = "/sys/devices/system/node";

/// What is reserved unless the user has done so: enough for 16 queues of 1024 descriptors.
const WANTED_KIB: u64 = 2 << 20;

/// The least that is of use: a queue pair's buffers, and what the drivers take.
const LEAST_KIB: u64 = 256 << 10;

/// Hugepages of one size, in a folder of the kernel's.
struct Pages {
    kib: u64,
    free: u64,
    reserved: u64,
}

impl Pages {
    fn free_kib(&self) -> u64 {
        self.free.saturating_mul(self.kib)
    }
}

/// Says whether hugepages are free, on each node that a NIC is on.
pub fn hugepages(subject: &Subject) -> Finding {
    let root = subject.root;
    let all = pages(root, SIZES);
    let mend = || {
        let two_mib = all.iter().find(|pages| pages.kib == 2048);
        let kib = two_mib
            .or(all.first())
            .map_or(2048, |pages| pages.kib.max(1));
        let free = all.iter().map(Pages::free_kib).sum::<u64>();
        let reserved = all.iter().find(|pages| pages.kib == kib);
        let reserved = reserved.map_or(0, |pages| pages.reserved);
        let more = WANTED_KIB.saturating_sub(free).div_ceil(kib);
        Step::write(
            format!("{SIZES}/hugepages-{kib}kB/nr_hugepages"),
            (reserved + more).to_string(),
        )
    };
    let evidence = if all.is_empty() {
        format!("no hugepages at all ({SIZES})")
    } else {
        let sizes: Vec<String> = all.iter().map(told).collect();
        format!("{} ({SIZES}/*/free_hugepages)", sizes.join(", "))
    };
    let free: u64 = all.iter().map(Pages::free_kib).sum();
    if free < LEAST_KIB {
        // Software ports do without.
        let has_hardware = subject.nics().next().is_some() || subject.cards().next().is_some();
        let finding = if has_hardware {
            Finding::new(Check::Hugepages, Verdict::Failure, evidence)
                .so("DPDK does not start, or has no memory for packets")
        } else {
            Finding::new(Check::Hugepages, Verdict::Warning, evidence)
                .so("DPDK starts without them only, by `--no-huge -m 256` before the `--`")
        };
        return finding.mended_by([mend()]);
    }
    if let Some(limit) = hugepage_limit(root).filter(|limit| limit.bytes >> 10 < LEAST_KIB) {
        let (mib, file) = (limit.bytes >> 20, limit.file);
        let evidence = format!("{evidence}, of which a control group leaves {mib} MiB ({file})");
        return Finding::new(Check::Hugepages, Verdict::Failure, evidence)
            .so("DPDK does not start, or dies when it touches the first page beyond")
            .mended_by([Step::by_hand(format!("echo max > {file}"))]);
    }
    let nodes = subject
        .nics()
        .filter_map(|nic| nic.numa_node)
        .chain(subject.cards().filter_map(|card| card.numa_node));
    for node in nodes {
        let there = pages(root, &format!("{NODES}/node{node}/hugepages"));
        if there.is_empty() || there.iter().any(|pages| pages.free > 0) {
            continue;
        }
        let evidence = format!("{evidence}, none of it on node {node}, where the NIC is ({NODES})");
        return Finding::new(Check::Hugepages, Verdict::Warning, evidence)
            .so("packets cross between the nodes' memories")
            .mended_by([Step::write(
                format!("{NODES}/node{node}/hugepages/hugepages-2048kB/nr_hugepages"),
                (WANTED_KIB / 2048).to_string(),
            )]);
    }
    Finding::new(Check::Hugepages, Verdict::Ok, evidence)
}

fn pages(root: &Root, folder: &str) -> Vec<Pages> {
    let sizes = root.names(folder);
    let read = |name: &String| {
        let kib = name.strip_prefix("hugepages-")?.strip_suffix("kB")?;
        let number = |file: &str| root.number(&format!("{folder}/{name}/{file}")).unwrap_or(0);
        Some(Pages {
            kib: kib.parse().ok()?,
            free: number("free_hugepages"),
            reserved: number("nr_hugepages"),
        })
    };
    sizes.iter().filter_map(read).collect()
}

fn told(pages: &Pages) -> String {
    let Pages {
        kib,
        free,
        reserved,
    } = pages;
    match kib {
        1_048_576.. => format!("{free} of {reserved} free of {} GiB each", kib >> 20),
        _ => format!("{free} of {reserved} free of {} MiB each", kib >> 10),
    }
}

/// Says whether netvsc gets the physical addresses that it needs.
pub fn iova(subject: &Subject) -> Finding {
    if subject.nics().next().is_none() {
        return Finding::new(
            Check::Iova,
            Verdict::NotApplicable,
            "DPDK chooses rightly by itself but for netvsc",
        );
    }
    let root = subject.root;
    let Some(uid) = uid(root) else {
        let evidence = "no Uid in /proc/self/status";
        return Finding::new(Check::Iova, Verdict::NotApplicable, evidence);
    };
    if uid != 0 {
        let evidence = format!("effective user {uid} (/proc/self/status)");
        return Finding::new(Check::Iova, Verdict::Warning, evidence)
            .so("netvsc ports take root: to open /dev/uio*, and for physical addresses")
            .mended_by([Step::by_hand("sudo dpdkgen-rt ...")]);
    }
    let groups = root.names("/sys/kernel/iommu_groups");
    if !groups.is_empty() {
        let evidence = format!(
            "root, and {} IOMMU groups (/sys/kernel/iommu_groups)",
            groups.len()
        );
        return Finding::new(Check::Iova, Verdict::Warning, evidence)
            .so("DPDK would choose virtual addresses, which netvsc hands to the host as they are")
            .mended_by([Step::by_hand("dpdkgen-rt --iova-mode=pa -- ...")]);
    }
    let evidence = "root (/proc/self/status), no IOMMU (/sys/kernel/iommu_groups)";
    Finding::new(Check::Iova, Verdict::Ok, evidence)
}

/// Returns the effective user of the process that /proc/self is of.
pub(super) fn uid(root: &Root) -> Option<u32> {
    let status = root.text("/proc/self/status")?;
    let ids = status_field(&status, "Uid")?;
    ids.split_whitespace().nth(1)?.parse().ok()
}
