//! What `net_memif` needs (DPDK 22.11 to 24.11), whose peers come and go.
//!
//! It does its connecting and disconnecting in the EAL's interrupt thread, without regard to
//! others, and a process dies of a segmentation fault or a panic of the EAL's when
//!
//! - a peer leaves while a burst reads the rings, which are unmapped: so bursts are guarded
//!   ([`BurstGuard`]);
//! - a peer has brought fewer rings than the one before it: so a queue is left alone until a peer
//!   that is there gave it one ([`Rings`]);
//! - a peer leaves while the port is stopped: so it is stopped in that thread
//!   ([`interrupt::run_on_thread`]);
//! - the thread looks at its sources after the port was closed, since the listening socket's stays
//!   among them with its memory freed, even if the port was never started: so every such port is
//!   closed last of all, in that thread, which does nothing more from then on ([`close_last`]).
#![allow(unsafe_code)]

mod guard;
mod rings;

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

pub(super) use self::guard::BurstGuard;
pub(super) use self::rings::Rings;

use super::driver::Driver;
use super::info;
use crate::eal::Eal;
use crate::eal::interrupt::{self, ALARM_US};

/// Returns whether a port is a memif that connects to its peer, by what was given to the driver.
/// That is also what it is without being told.
pub(super) fn is_client(driver: Driver<'_>, arguments: &str) -> bool {
    let role = arguments
        .split(',')
        .find_map(|argument| argument.strip_prefix("role="));
    // The names of the roles before DPDK 20.11 are taken still.
    let waits = role.is_some_and(|role| role.contains("server") || role.contains("master"));
    driver.is_memif() && !waits
}

/// Closes all memif ports as the EAL ends, and keeps the interrupt thread from doing anything more
/// until the process does. Returns whether it did so: the EAL must not clean up then, since it
/// would wait for that thread.
pub(super) fn close_last(eal: &Eal) -> bool {
    let ports = info::indices_of(eal, |port| port.driver().is_memif());
    !ports.is_empty() && close_on_interrupt_thread(&ports)
}

/// Closes `ports` and holds the interrupt thread for good; returns whether the EAL let it.
fn close_on_interrupt_thread(ports: &[u16]) -> bool {
    struct Closing<'a> {
        ports: &'a [u16],
        done: AtomicBool,
    }
    extern "C" fn close_and_stay(argument: *mut c_void) {
        // SAFETY: of the call below, which waits until it is told that this is done with it.
        let closing = unsafe { &*argument.cast::<Closing<'_>>() };
        for &port in closing.ports {
            // SAFETY: its device, if it had one, was dropped, which has stopped it. An error
            // changes nothing.
            unsafe { dpdk_sys::rte_eth_dev_close(port) };
        }
        closing.done.store(true, Ordering::Release);
        loop {
            thread::park();
        }
    }
    let mut closing = Closing {
        ports,
        done: AtomicBool::new(false),
    };
    // SAFETY: `close_and_stay` expects this, which lives until it is done with it.
    if !unsafe { interrupt::set_alarm(close_and_stay, (&raw mut closing).cast()) } {
        return false;
    }
    while !closing.done.load(Ordering::Acquire) {
        thread::sleep(Duration::from_micros(ALARM_US));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memif_client_is_told_from_a_server() {
        let memif = Driver::new("net_memif", None);
        assert!(is_client(memif, "role=client,socket=/x"));
        assert!(is_client(memif, "socket=/server"));
        assert!(!is_client(memif, "socket=/x,role=server"));
        assert!(!is_client(Driver::new("net_ring", None), ""));
    }
}
