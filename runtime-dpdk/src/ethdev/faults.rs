//! Faults of DPDK's netvsc driver, by version: what a run does not ask of a DPDK that has them, and
//! what `doctor` tells.
//!
//! Read in DPDK's stable lines, where each repair is a commit.

/// A version: year, month, and the number of the stable release.
type Version = (u32, u32, u32);

/// A fault of DPDK's on Azure, and the versions that are free of it.
#[derive(Debug)]
pub struct Fault {
    /// What goes wrong, and with what.
    pub what: &'static str,
    /// Whether the program dies of it.
    pub is_grave: bool,
    /// The release of which on all are free of it.
    main: (u32, u32),
    /// The stable releases that got the repair.
    stable: &'static [Version],
}

/// Completions of a transmit queue without a receive queue of its number go nowhere.
pub const MORE_TX: Fault = Fault {
    what: "more transmit than receive queues crash it",
    is_grave: true,
    main: (24, 11),
    stable: &[(22, 11, 7), (23, 11, 3)],
};

/// `hn_dev_mtu_set` reads a queue that is not set up yet.
pub const MTU: Fault = Fault {
    what: "a change of the MTU crashes it",
    is_grave: true,
    main: (24, 7),
    // 22.11 has no way to change it.
    stable: &[(22, 11, 0), (23, 11, 2)],
};

/// What a run can meet. A second configuration of a port, which netvsc takes from 26.03 on, is not
/// among them: a run makes one.
const FAULTS: &[Fault] = &[
    MORE_TX,
    MTU,
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

impl Fault {
    /// Returns whether `version`, such as `DPDK 22.11.11`, has it; one that is not known has not.
    #[must_use]
    pub fn is_of(&self, version: &str) -> bool {
        parse(version).is_some_and(|version| self.is_in(version))
    }

    /// Names the releases that are free of it, each the first of its line.
    #[must_use]
    pub fn repaired_in(&self) -> String {
        let stable = self.stable.iter().filter(|(.., number)| *number > 0);
        let stable = stable.map(|(year, month, number)| format!("{year}.{month:02}.{number}"));
        let all: Vec<String> = stable.collect();
        let (year, month) = self.main;
        format!("{} or {year}.{month:02}", all.join(", "))
    }

    fn is_in(&self, version: Version) -> bool {
        let (year, month, number) = version;
        if (year, month) >= self.main {
            return false;
        }
        let mut repaired = self.stable.iter();
        !repaired.any(|&(y, m, least)| (y, m) == (year, month) && number >= least)
    }
}

/// Returns the faults of `version`, such as `DPDK 22.11.11`; none if that is no version.
#[must_use]
pub fn of(version: &str) -> Option<Vec<&'static Fault>> {
    let version = parse(version)?;
    Some(FAULTS.iter().filter(|fault| fault.is_in(version)).collect())
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
    fn the_releases_that_are_free_of_a_fault_are_named() {
        assert_eq!(MORE_TX.repaired_in(), "22.11.7, 23.11.3 or 24.11");
        assert_eq!(MTU.repaired_in(), "23.11.2 or 24.07");
        assert!(MORE_TX.is_of("DPDK 23.11.0") && !MORE_TX.is_of("DPDK 24.11.8"));
        assert!(!MORE_TX.is_of("something else") && of("something else").is_none());
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
