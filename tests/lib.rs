//! Support for the system tests: running programs under watch, network namespaces, DPDK's software
//! ports, and reading what a run left.
//!
//! Promised: nothing outlives its test, nothing is waited for without a limit, no packet leaves the
//! namespaces that a test made, and a test that lacks something is skipped and says so by name on
//! standard error.

mod support {
    pub mod bridge;
    pub mod capture;
    pub mod echo;
    pub mod http;
    pub mod machine;
    pub mod namespace;
    pub mod pair;
    pub mod path;
    pub mod ports;
    pub mod program;
    pub mod results;
    pub mod stand_in;
    pub mod sysroot;
}

pub use support::bridge::{self, Crossing, Way};
pub use support::capture::Capture;
pub use support::echo::EchoServer;
pub use support::http;
pub use support::machine::{self, Need, Turn, turn};
pub use support::namespace::{FAR, Link, NEAR, Offload, SWITCH, SWITCHED};
pub use support::pair::{Outcome, Pair};
pub use support::path::{self, Crossed, Path};
pub use support::ports::{self, Memif};
pub use support::program::{Ended, Program, run};
pub use support::results::{Rows, Summary, check_reflect, check_sendrecv};
pub use support::stand_in::Netvsc;
pub use support::sysroot;
