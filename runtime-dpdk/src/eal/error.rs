//! Why the EAL cannot be used. What the user can do about it is said in `cli::explain`.

use super::errno::Errno;
use crate::machine::cgroup::HugepageLimit;

/// The EAL did not start. A `reason` is the system's or the EAL's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartError {
    /// There is no memory for DPDK's log.
    NoLog {
        /// The system's reason.
        reason: String,
    },
    /// DPDK cannot open the log that was made for it.
    LogNotOpened,
    /// What the EAL prints cannot be kept off standard output.
    NotRedirected {
        /// The system's reason.
        reason: String,
    },
    /// The user asked to end before the start had come to an end.
    Abandoned,
    /// An option cannot be handed to C.
    ZeroByte {
        /// The option.
        option: String,
    },
    /// There are more options than C can count.
    TooManyOptions,
    /// An argument that is no option stands among the options.
    Leftover {
        /// The argument.
        argument: String,
    },
    /// Hugepages without files, and no hugepages, were both asked for.
    Exclusive,
    /// An option is none of the EAL's.
    UnknownOption {
        /// The option, as getopt shows it.
        option: String,
    },
    /// An option lacks its value.
    MissingValue {
        /// The option, as getopt shows it.
        option: String,
    },
    /// The options ask for lcores that are not there.
    NoSuchLcores {
        /// Their numbers.
        missing: Vec<String>,
        /// Those that are there, as the EAL or the kernel lists them.
        there: String,
    },
    /// No driver takes a device.
    NoSuchDevice {
        /// The device, as the options have it.
        device: String,
    },
    /// Another program has taken the EAL's runtime files.
    RuntimeFilesTaken,
    /// The system does not give the memory that was asked for, which is not that of hugepages.
    NoMemory {
        /// The EAL's reason.
        reason: String,
    },
    /// No hugepages are free.
    NoHugepages,
    /// Fewer hugepages are free than were asked for.
    TooFewHugepages {
        /// The EAL's reason.
        reason: String,
    },
    /// A control group allows too few hugepages.
    HugepagesLimited {
        /// How many it allows, and where it says so.
        limit: HugepageLimit,
    },
    /// The hugepages that are free cannot be used.
    HugepagesUnusable {
        /// The EAL's reason.
        reason: String,
        /// Whether the process has the rights of root.
        is_root: bool,
    },
    /// A permission is missing.
    Forbidden {
        /// The EAL's reason.
        reason: String,
    },
    /// The options are wrong in another way.
    BadOptions {
        /// The EAL's reason.
        reason: String,
    },
    /// Anything else.
    Other {
        /// The EAL's reason.
        reason: String,
    },
}

/// An lcore did not take its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaunchError {
    /// Its number.
    pub lcore: u32,
    /// DPDK's reason.
    pub errno: Errno,
}
