//! DPDK's drivers and the libraries that they need, and the kernel's modules.

use super::super::finding::{Check, Finding, Step, Verdict};
use super::Subject;
use crate::machine::root::Root;
use crate::machine::{CardKind, Platform};

/// The folders that libraries lie in, those of one architecture below them.
const LIBRARIES: [&str; 4] = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib"];

/// Says whether the drivers for what is there can be loaded.
pub fn drivers(subject: &Subject) -> Finding {
    let Subject {
        root,
        machine,
        dpdk,
        ..
    } = subject;
    let folder = &dpdk.drivers;
    let there = root.names(folder);
    if there.is_empty() {
        return Finding::new(
            Check::Drivers,
            Verdict::Failure,
            format!("nothing is in {folder}"),
        )
        .so("DPDK has no drivers at all")
        .mended_by([Step::by_hand(
            "apt-get install librte-meta-net librte-meta-bus",
        )]);
    }
    let kinds: Vec<CardKind> = {
        let cards = machine.cards.iter().filter(|card| card.kind.shares());
        let mut kinds: Vec<CardKind> = cards.map(|card| card.kind).collect();
        kinds.dedup();
        kinds
    };
    let takes_netvsc = machine.platform == Platform::Azure || subject.nics().next().is_some();
    let wanted = wanted(takes_netvsc, &kinds);
    let has_driver = |name: &str| {
        let library = format!("librte_{name}.so");
        there.iter().any(|file| file.starts_with(&library))
    };
    let missing: Vec<&str> = wanted
        .into_iter()
        .filter(|name| !has_driver(name))
        .collect();
    if let [first, ..] = missing.as_slice() {
        let evidence = format!("{} not in {folder}", missing.join(", "));
        let finding = Finding::new(Check::Drivers, Verdict::Failure, evidence);
        let mana = "install Debian 13's DPDK, or build DPDK 24.11 with rdma-core 44 or newer";
        return if first.ends_with("mana") {
            finding
                .so("DPDK cannot drive the VF, and all takes the synthetic path")
                .mended_by([Step::by_hand(mana)])
        } else {
            finding
                .so("DPDK sees no port of that kind")
                .mended_by([Step::by_hand(
                    "apt-get install librte-meta-net librte-meta-bus",
                )])
        };
    }
    let missing: Vec<String> = kinds
        .iter()
        .flat_map(|kind| libraries(*kind))
        .filter(|name| !has_library(root, name))
        .collect();
    if !missing.is_empty() {
        let evidence = format!("{} in none of {}", missing.join(", "), LIBRARIES.join(", "));
        return Finding::new(Check::Drivers, Verdict::Failure, evidence)
            .so("the driver of the VF is there and does not load")
            .mended_by([Step::by_hand(
                "apt-get install ibverbs-providers libibverbs1",
            )]);
    }
    let evidence = format!("{}: what the cards here need is in {folder}", dpdk.version);
    Finding::new(Check::Drivers, Verdict::Ok, evidence)
}

/// Returns the drivers that are needed.
fn wanted(takes_netvsc: bool, kinds: &[CardKind]) -> Vec<&'static str> {
    let mut wanted = vec!["bus_pci"];
    if takes_netvsc {
        wanted.extend(["bus_vmbus", "net_netvsc"]);
    }
    for kind in kinds {
        wanted.extend(match kind {
            CardKind::Mlx4 => ["net_mlx4"].as_slice(),
            CardKind::Mlx5 => &["common_mlx5", "net_mlx5"],
            CardKind::Mana => &["net_mana"],
            CardKind::Virtio | CardKind::Other => &[],
        });
    }
    wanted
}

/// Returns the libraries that the driver of a kind of cards loads: verbs, the card's part of them,
/// and the plug-in by which the former finds the latter.
fn libraries(kind: CardKind) -> [String; 3] {
    let name = kind.name();
    [
        "libibverbs.so.1".to_owned(),
        format!("lib{name}.so.1"),
        format!("libibverbs/lib{name}-rdmav"),
    ]
}

/// Returns whether a library whose name begins like this is where libraries are.
fn has_library(root: &Root, name: &str) -> bool {
    let (below, name) = name.rsplit_once('/').unwrap_or(("", name));
    let has = |folder: &str| {
        let names = root.names(&format!("{folder}/{below}"));
        names.iter().any(|file| file.starts_with(name))
    };
    LIBRARIES.iter().any(|folder| {
        has(folder)
            || root
                .names(folder)
                .iter()
                .filter(|part| part.contains("-linux-gnu"))
                .any(|part| has(&format!("{folder}/{part}")))
    })
}

/// Returns the steps that load a module, and what to install if the kernel does not have it.
pub(super) fn loading(root: &Root, module: &str) -> Vec<Step> {
    if kernel_has(root, module) == Some(false) {
        let system = root.text("/etc/os-release").unwrap_or_default();
        let is = |id: &str| system.lines().any(|line| line == format!("ID={id}"));
        let install = if is("ubuntu") {
            "apt-get install linux-modules-extra-azure".to_owned()
        } else {
            format!("install a kernel that has the module {module} (Debian 13's has)")
        };
        return vec![Step::by_hand(install), Step::Load(module.to_owned())];
    }
    vec![Step::Load(module.to_owned())]
}

/// Returns whether the running kernel has a module, loaded, built in or on the disk; none if its
/// folder of modules is not there.
fn kernel_has(root: &Root, module: &str) -> Option<bool> {
    if is_loaded(root, module) {
        return Some(true);
    }
    let release = root.text("/proc/sys/kernel/osrelease")?;
    let folder = ["/lib/modules", "/usr/lib/modules"]
        .map(|modules| format!("{modules}/{release}"))
        .into_iter()
        .find(|folder| root.has(folder))?;
    let lists = ["modules.dep", "modules.builtin"].map(|list| format!("{folder}/{list}"));
    let names = [
        module.to_owned(),
        module.replace('_', "-"),
        module.replace('-', "_"),
    ];
    let is_in = |text: &str| {
        names
            .iter()
            .any(|name| text.contains(&format!("/{name}.ko")))
    };
    let mut texts = lists.iter().filter_map(|list| root.text(list));
    Some(texts.any(|text| is_in(&text)))
}

/// Returns whether a module is loaded, or built into the kernel and known by its parameters.
pub(in crate::doctor) fn is_loaded(root: &Root, module: &str) -> bool {
    let module = module.replace('-', "_");
    let loaded = root.text("/proc/modules").unwrap_or_default();
    let mut names = loaded
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    names.any(|name| name == module) || root.has(&format!("/sys/module/{module}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::root::tests::machine;

    #[test]
    fn a_module_is_loaded_on_the_disk_built_in_or_nowhere() {
        let (_folder, root) = machine(&[
            ("/proc/modules", "mlx5_ib 1 0 - Live 0x0\n"),
            ("/proc/sys/kernel/osrelease", "6.12-cloud\n"),
            (
                "/lib/modules/6.12-cloud/modules.dep",
                "kernel/drivers/vfio/pci/vfio-pci.ko.xz: a.ko\n",
            ),
            (
                "/lib/modules/6.12-cloud/modules.builtin",
                "kernel/drivers/uio/uio_hv_generic.ko\n",
            ),
        ]);
        for module in ["mlx5_ib", "vfio-pci", "vfio_pci", "uio_hv_generic"] {
            assert_eq!(kernel_has(&root, module), Some(true), "{module}");
        }
        assert_eq!(kernel_has(&root, "mana_ib"), Some(false));
        assert!(is_loaded(&root, "mlx5_ib") && !is_loaded(&root, "vfio-pci"));
        let (_folder, root) = machine(&[]);
        assert_eq!(kernel_has(&root, "mana_ib"), None);
    }

    #[test]
    fn a_library_is_found_in_the_folder_of_its_architecture_too() {
        let (_folder, root) = machine(&[
            ("/usr/lib/aarch64-linux-gnu/libmana.so.1.0.56.1", ""),
            ("/usr/lib64/libibverbs/libmlx5-rdmav57.so", ""),
        ]);
        assert!(has_library(&root, "libmana.so.1"));
        assert!(has_library(&root, "libibverbs/libmlx5-rdmav"));
        assert!(!has_library(&root, "libmlx5.so.1"));
    }
}
