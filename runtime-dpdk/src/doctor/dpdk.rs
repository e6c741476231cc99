//! The DPDK that the program is linked to, and which faults of its netvsc driver that version has.

use super::checks::Subject;
use super::finding::{Check, Finding, Step, Verdict};
use crate::ethdev::faults;
use crate::machine::root::Root;

/// A DPDK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dpdk {
    /// Its version, as `DPDK 22.11.11`.
    pub version: String,
    /// The folder of its drivers.
    pub drivers: String,
}

impl Dpdk {
    /// Returns the one that `root` has: of this machine the linked one; of another what its files
    /// tell, and where they do not, the linked one.
    #[must_use]
    pub fn of(root: &Root, linked: Self) -> Self {
        if root.is_own() {
            return linked;
        }
        let places = [
            "/usr/lib",
            "/usr/lib64",
            "/usr/local/lib",
            "/usr/local/lib64",
        ];
        let mut folders: Vec<String> = Vec::new();
        for place in places {
            let parts = root.names(place);
            let parts = parts.iter().filter(|part| part.contains("-linux-gnu"));
            folders.push(place.to_owned());
            folders.extend(parts.map(|part| format!("{place}/{part}")));
        }
        let drivers = folders.iter().find_map(|folder| {
            let names = root.names(&format!("{folder}/dpdk"));
            let newest = names.iter().rfind(|name| name.starts_with("pmds-"))?;
            Some(format!("{folder}/dpdk/{newest}"))
        });
        let version = folders.iter().find_map(|folder| {
            let text = root.text(&format!("{folder}/pkgconfig/libdpdk.pc"))?;
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("Version:"))?;
            Some(format!("DPDK {}", line.trim()))
        });
        Self {
            version: version.unwrap_or(linked.version),
            drivers: drivers.unwrap_or(linked.drivers),
        }
    }
}

/// Says which faults the DPDK has.
pub fn faults(subject: &Subject) -> Finding {
    let version = &subject.dpdk.version;
    if !subject.machine.has_vmbus() {
        return Finding::new(Check::Dpdk, Verdict::Ok, version.clone());
    }
    let Some(faults) = faults::of(version) else {
        let evidence = format!("{version} is not a version that is known");
        return Finding::new(Check::Dpdk, Verdict::NotApplicable, evidence);
    };
    if faults.is_empty() {
        let evidence = format!("{version} has none of netvsc's known faults");
        return Finding::new(Check::Dpdk, Verdict::Ok, evidence);
    }
    let is_grave = faults.iter().any(|fault| fault.is_grave);
    let verdict = if is_grave {
        Verdict::Warning
    } else {
        Verdict::Note
    };
    let what: Vec<&str> = faults.iter().map(|fault| fault.what).collect();
    Finding::new(Check::Dpdk, verdict, version.clone())
        .so(format!("of its netvsc: {}", what.join("; ")))
        .mended_by([Step::by_hand(
            "build against the newest DPDK of a stable line (24.11.6 has the most repairs), such as \
             Debian 13's",
        )])
}
