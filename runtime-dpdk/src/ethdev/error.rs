//! Why a port cannot be used as asked. What the user can do about it is said in `cli::explain`.

use std::net::IpAddr;

use super::Direction;
use crate::eal::Errno;
pub use crate::mbuf::mempool::NoMemory;

/// A port cannot be used as asked.
///
/// A `port` is named by index and name, as [`PortInfo`](super::info::PortInfo) shows itself; `log`
/// is what DPDK logged last, if anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// DPDK tells nothing about the port with this index.
    Unknown {
        /// Its index.
        index: u16,
        /// DPDK's reason.
        errno: Errno,
    },
    /// The driver refused a step.
    Refused {
        /// The port.
        port: String,
        /// The step.
        step: Step,
        /// The driver's reason.
        errno: Errno,
        /// DPDK's last words.
        log: Option<String>,
    },
    /// The port has fewer queues.
    TooManyQueues {
        /// The port.
        port: String,
        /// In which direction.
        direction: Direction,
        /// How many were asked for.
        wanted: usize,
        /// How many it has at most.
        limit: u16,
    },
    /// The driver takes other numbers of queues.
    QueueCounts {
        /// The port.
        port: String,
        /// Its driver, or that of the VF behind it.
        driver: String,
        /// What that can have.
        can: &'static str,
    },
    /// This DPDK crashes with more transmit than receive queues.
    MoreTx {
        /// The port.
        port: String,
        /// The version of DPDK.
        version: String,
        /// The versions that can.
        needed: String,
    },
    /// The port carries no packet as large.
    MtuTooLarge {
        /// The port.
        port: String,
        /// The MTU that was asked for.
        wanted: u16,
        /// The MTU that it can have.
        carried: u16,
        /// Bytes of IP and UDP headers in either, if a payload needs it.
        headers: Option<u16>,
    },
    /// The port has no MTU as small.
    MtuTooSmall {
        /// The port.
        port: String,
        /// The MTU that was asked for.
        asked: u16,
        /// The smallest that it can have.
        least: u16,
    },
    /// The port is over an interface of the kernel's, whose MTU is another.
    MtuOfInterface {
        /// The port.
        port: String,
        /// The MTU that was asked for.
        asked: u16,
        /// The interface's.
        has: u16,
    },
    /// The driver refuses the MTU.
    MtuRefused {
        /// The port.
        port: String,
        /// The MTU that was asked for.
        wanted: u16,
        /// Its driver, or that of the VF behind it.
        driver: String,
        /// DPDK's last words.
        log: Option<String>,
    },
    /// This DPDK cannot change the MTU of such a port.
    MtuCannotBeChanged {
        /// The port.
        port: String,
        /// The MTU that was asked for.
        wanted: u16,
        /// The MTU that it has.
        has: u16,
        /// Bytes of IP and UDP headers in either, if a payload needs it.
        headers: Option<u16>,
        /// The version of DPDK.
        version: String,
        /// The versions that can.
        needed: String,
    },
    /// Nothing that is sent on the port can come back over a path that forwards.
    Discards {
        /// The port.
        port: String,
        /// Its driver.
        driver: String,
    },
    /// The link stayed down.
    LinkDown {
        /// The port.
        port: String,
        /// DPDK's last words.
        log: Option<String>,
    },
    /// Nobody told where the next hop is.
    Unresolved {
        /// The port.
        port: String,
        /// The address that was asked for.
        next_hop: IpAddr,
    },
    /// There is no memory for packet buffers.
    NoMemory(NoMemory),
}

impl From<NoMemory> for Error {
    fn from(error: NoMemory) -> Self {
        Self::NoMemory(error)
    }
}

/// What a port is brought through until it takes packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Numbers of queues, offloads and RSS are set.
    Configure,
    /// It gets this MTU.
    SetMtu(u16),
    /// The numbers of descriptors are adjusted to what it allows.
    AdjustDescriptors,
    /// The queue of this number is set up.
    SetUpQueue(Direction, u16),
    /// It is started.
    Start,
}
