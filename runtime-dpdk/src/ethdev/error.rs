//! Why a port cannot be used as asked. What the user can do about it is said in `cli::errors`.

/// A port cannot be used as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// DPDK tells nothing about the port with this index.
    Unknown {
        /// Its index.
        index: u16,
        /// DPDK's reason.
        reason: String,
    },
    /// The driver refused a step.
    Refused {
        /// Index and name.
        port: String,
        /// The step: "configured", "given receive queue 3".
        step: String,
        /// DPDK's reason.
        reason: String,
        /// DPDK's last words, in brackets, or nothing.
        log: String,
    },
    /// The port has fewer queues.
    TooManyQueues {
        /// Index and name.
        port: String,
        /// In which direction.
        direction: QueueDirection,
        /// How many were asked for.
        wanted: usize,
        /// How many it has at most.
        limit: u16,
    },
    /// The driver takes other numbers of queues.
    QueueCounts {
        /// Index and name.
        port: String,
        /// Its driver, or that of the VF behind it.
        driver: String,
        /// What that can have.
        can: &'static str,
    },
    /// The port carries no packet as large.
    MtuTooLarge {
        /// Index and name.
        port: String,
        /// The MTU that was asked for.
        wanted: u16,
        /// The MTU that it can have.
        carried: u16,
    },
    /// This DPDK cannot change the MTU of such a port.
    MtuCannotBeRaised {
        /// Index and name.
        port: String,
        /// The MTU that was asked for.
        wanted: u16,
        /// The MTU that it has.
        has: u16,
        /// The version of DPDK.
        version: String,
        /// The versions that can.
        needed: &'static str,
    },
    /// The link stayed down.
    LinkDown {
        /// Index and name.
        port: String,
        /// DPDK's last words, in brackets, or nothing.
        log: String,
    },
    /// There is no memory for packet buffers.
    NoMemory {
        /// How many.
        buffers: u32,
        /// What they take, rounded up.
        mib: u64,
        /// The NUMA node.
        node: u32,
        /// DPDK's reason.
        reason: String,
    },
}

/// Which way the packets of a queue go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueDirection {
    /// They are received.
    Receive,
    /// They are sent.
    Transmit,
}
