//! The DPDK that the program is linked to, and which faults of its netvsc driver that version has.

use super::checks::Subject;
use super::finding::{Check, Finding, Step, Verdict};
use super::root::Root;

/// A DPDK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dpdk {
    /// Its version, as `DPDK 22.11.11`.
    pub version: String,
    /// The folder of its drivers.
    pub drivers: String,
}

/// A version: year, month, and the number of the stable release.
type Version = (u32, u32, u32);

/// A fault of DPDK's on Azure, and the versions that are free of it.
struct Fault {
    what: &'static str,
    /// Whether the program dies of it.
    is_grave: bool,
    /// The release of which on all are free of it.
    main: (u32, u32),
    /// The stable releases that got the repair.
    stable: &'static [Version],
}

/// What a run can meet. A second configuration of a port, which netvsc takes from 26.03 on, is not
/// among them: a run makes one.
const FAULTS: &[Fault] = &[
    Fault {
        what: "more transmit than receive queues crash it",
        is_grave: true,
        main: (24, 11),
        stable: &[(22, 11, 7), (23, 11, 3)],
    },
    Fault {
        what: "a change of the MTU crashes it",
        is_grave: true,
        main: (24, 7),
        // 22.11 has no way to change it.
        stable: &[(22, 11, 0), (23, 11, 2)],
    },
    Fault {
        what: "a VF that the host took away stays as a device",
        is_grave: false,
        main: (25, 11),
        stable: &[(22, 11, 8), (23, 11, 4), (24, 11, 2)],
    },
    Fault {
        what: "what the VF dropped for want of buffers is not counted",
        is_grave: false,
        main: (25, 11),
        stable: &[(22, 11, 9), (23, 11, 5), (24, 11, 3)],
    },
    Fault {
        what: "while a VF comes or goes workers and the interrupt thread are in each other's way",
        is_grave: false,
        main: (26, 3),
        stable: &[(23, 11, 7), (24, 11, 5), (25, 11, 1)],
    },
    Fault {
        what: "a MANA VF that is away for more than 10 s is not taken back",
        is_grave: false,
        main: (26, 7),
        stable: &[(24, 11, 6)],
    },
];

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

impl Fault {
    fn is_in(&self, version: Version) -> bool {
        let (year, month, number) = version;
        if (year, month) >= self.main {
            return false;
        }
        let mut repaired = self.stable.iter();
        !repaired.any(|&(y, m, least)| (y, m) == (year, month) && number >= least)
    }
}

/// Says which faults the DPDK has.
pub fn faults(subject: &Subject) -> Finding {
    let version = &subject.dpdk.version;
    if !subject.machine.has_vmbus() {
        return Finding::new(Check::Dpdk, Verdict::Ok, version.clone());
    }
    let Some(numbers) = parse(version) else {
        let evidence = format!("{version} is not a version that is known");
        return Finding::new(Check::Dpdk, Verdict::NotApplicable, evidence);
    };
    let faults: Vec<&Fault> = FAULTS.iter().filter(|fault| fault.is_in(numbers)).collect();
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

fn parse(version: &str) -> Option<Version> {
    let digits = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    let mut parts = digits.split(['.', '-', ' ']);
    let year = parts.next()?.parse().ok()?;
    let month = parts.next()?.parse().ok()?;
    let number = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    Some((year, month, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(version: &str) -> Vec<&'static str> {
        let version = parse(version).unwrap();
        let faults = FAULTS.iter().filter(|fault| fault.is_in(version));
        faults.map(|fault| fault.what).collect()
    }

    #[test]
    fn a_repair_counts_in_its_line_and_in_all_later_releases() {
        let crash = "more transmit than receive queues crash it";
        for with in [
            "DPDK 22.11.6",
            "DPDK 23.11.0",
            "DPDK 23.11.2",
            "DPDK 24.07.0",
        ] {
            assert!(found(with).contains(&crash), "{with}");
        }
        for free in [
            "DPDK 22.11.7",
            "DPDK 23.11.3",
            "DPDK 24.11.0",
            "DPDK 25.11.1-rc1",
        ] {
            assert!(!found(free).contains(&crash), "{free}");
        }
        let mtu = "a change of the MTU crashes it";
        assert!(found("23.11.1").contains(&mtu));
        assert!(!found("22.11.0").contains(&mtu) && !found("24.11.0").contains(&mtu));
    }

    #[test]
    fn the_newest_has_none_and_debians_have_no_grave_one() {
        assert_eq!(found("DPDK 26.07.0"), [""; 0]);
        for debian in ["DPDK 22.11.11", "DPDK 24.11.8", "DPDK 25.11.4"] {
            let version = parse(debian).unwrap();
            let mut faults = FAULTS.iter().filter(|fault| fault.is_in(version));
            assert!(!faults.any(|fault| fault.is_grave), "{debian}");
        }
        assert_eq!(found("DPDK 24.11.8"), [""; 0]);
    }
}
