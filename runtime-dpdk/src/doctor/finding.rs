//! What a check found: a verdict, what it rests on, what follows, and what mends it.

use std::fmt;

use serde::{Serialize, Serializer};

/// A check; its name is what a signature of DPDK's log refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// What kind of machine it is.
    Platform,
    /// Which interface the machine is managed by: never to be taken.
    Management,
    /// Whether a network card is there that DPDK drives.
    Binding,
    /// Whether each of Azure's NICs has its VF.
    Vf,
    /// Whether a VF has the kernel driver that it needs, in the state that it has to be in.
    VfDriver,
    /// Whether the kernel offers RDMA verbs for the VF, through which DPDK drives it.
    Verbs,
    /// Whether DPDK's drivers and their libraries are there.
    Drivers,
    /// How many queues a NIC has.
    Queues,
    /// Whether a CPU is left for the EAL's interrupt thread.
    Cpus,
    /// Whether hugepages are free.
    Hugepages,
    /// Whether DPDK gets physical addresses where it needs them.
    Iova,
    /// Whether an IOMMU and vfio are there.
    Iommu,
    /// How much memory may be locked.
    LockedMemory,
    /// What a reading of the clock costs.
    Clock,
    /// Which of the known faults this DPDK has.
    Dpdk,
    /// Whether the source address is one that Azure lets out.
    SourceAddress,
    /// With which options of the EAL the program is to be started.
    EalOptions,
}

impl Check {
    /// Returns its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Management => "management",
            Self::Binding => "binding",
            Self::Vf => "vf",
            Self::VfDriver => "vf-driver",
            Self::Verbs => "verbs",
            Self::Drivers => "drivers",
            Self::Queues => "queues",
            Self::Cpus => "cpus",
            Self::Hugepages => "hugepages",
            Self::Iova => "iova",
            Self::Iommu => "iommu",
            Self::LockedMemory => "locked-memory",
            Self::Clock => "clock",
            Self::Dpdk => "dpdk",
            Self::SourceAddress => "source-address",
            Self::EalOptions => "eal-options",
        }
    }
}

/// A verdict, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A run fails, or measures something else than it seems to.
    Failure,
    /// A run is slower or less exact than it could be.
    Warning,
    /// Something that is good to know.
    Note,
    /// All is well.
    Ok,
    /// The question does not arise here, or cannot be answered.
    NotApplicable,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check.
    pub check: Check,
    /// Its verdict.
    pub verdict: Verdict,
    /// What was read, and where.
    pub evidence: String,
    /// What follows from it.
    pub consequence: Option<String>,
    /// What mends it, in this order.
    pub remedy: Vec<Step>,
}

impl Finding {
    /// Makes a finding of what was read.
    #[must_use]
    pub fn new(check: Check, verdict: Verdict, evidence: impl Into<String>) -> Self {
        Self {
            check,
            verdict,
            evidence: evidence.into(),
            consequence: None,
            remedy: Vec::new(),
        }
    }

    /// Adds what follows.
    #[must_use]
    pub fn so(mut self, consequence: impl Into<String>) -> Self {
        self.consequence = Some(consequence.into());
        self
    }

    /// Adds what mends it.
    #[must_use]
    pub fn mended_by(mut self, remedy: impl IntoIterator<Item = Step>) -> Self {
        self.remedy.extend(remedy);
        self
    }
}

/// A step of a remedy, shown as the command that takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Writes a text into a file of the kernel's.
    Write {
        /// The file.
        path: String,
        /// The text.
        text: String,
    },
    /// Loads a module of the kernel's.
    Load(String),
    /// Takes an interface of the kernel's down.
    Down(String),
    /// Something that only a person can decide or do.
    ByHand(String),
}

impl Step {
    /// Makes the step that writes `text` to `path`.
    #[must_use]
    pub fn write(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Write {
            path: path.into(),
            text: text.into(),
        }
    }

    /// Makes the step that is left to the user.
    #[must_use]
    pub fn by_hand(command: impl Into<String>) -> Self {
        Self::ByHand(command.into())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { path, text } => write!(f, "echo {text} > {path}"),
            Self::Load(module) => write!(f, "modprobe {module}"),
            Self::Down(interface) => write!(f, "ip link set {interface} down"),
            Self::ByHand(command) => f.write_str(command),
        }
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_json() {
        for check in [Check::VfDriver, Check::LockedMemory, Check::EalOptions] {
            assert_eq!(serde_json::json!(check), check.name());
        }
        assert_eq!(serde_json::json!(Verdict::NotApplicable), "not-applicable");
    }

    #[test]
    fn a_step_is_shown_as_its_command() {
        let step = Step::write("/proc/sys/vm/nr_hugepages", "1024");
        assert_eq!(step.to_string(), "echo 1024 > /proc/sys/vm/nr_hugepages");
    }
}
