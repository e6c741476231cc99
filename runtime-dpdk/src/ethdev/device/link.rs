//! A port's way up and down: started, linked, stopped.
#![allow(unsafe_code)]

use std::thread;
use std::time::{Duration, Instant};

use super::Device;
use crate::ethdev::driver::Driver;
use crate::ethdev::error::Error;
use crate::ethdev::memif::Queues;
use crate::ethdev::{guard, info as ports};

impl Device<'_> {
    /// Starts the port: from now on it takes and gives packets once its link is up.
    pub fn start(&mut self) -> Result<(), Error> {
        let started = self.try_start();
        // A memif client starts only when its server is there, which `wait_link` waits for.
        if self.memif_client { Ok(()) } else { started }
    }

    fn try_start(&self) -> Result<(), Error> {
        let index = self.info.index;
        let start = || {
            // SAFETY: the port is configured, and no worker has one of its queues: those borrow
            // `self` mutably, so neither `start` nor `wait_link` can be called meanwhile.
            unsafe { dpdk_sys::rte_eth_dev_start(index) }
        };
        let error = if self.is_memif() {
            // In the thread that peers connect in, so that none gives rings which are forgotten.
            let queues = Queues {
                port: index,
                rx: 0..self.queues.rx,
                tx: 0..self.queues.tx,
            };
            let mut error = 0;
            guard::in_thread(|| {
                error = start();
                if error == 0 {
                    // SAFETY: started just now, and no worker has one of its queues.
                    unsafe { queues.forget_rings() };
                }
            });
            error
        } else {
            start()
        };
        self.check(error, "started")?;
        self.started.set(true);
        Ok(())
    }

    pub(super) fn is_memif(&self) -> bool {
        self.info.driver().is_memif()
    }

    /// Waits until the link is up, and fails when it still is down after `timeout`. Whether it is
    /// up is the answer: `false` when `interrupted` said so before.
    pub fn wait_link(
        &self,
        timeout: Duration,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<bool, Error> {
        const INTERVAL: Duration = Duration::from_millis(5);
        const ANEW: Duration = Duration::from_secs(1);
        let deadline = Instant::now().checked_add(timeout);
        let mut begin = Instant::now();
        loop {
            let mark = self.eal.log_mark();
            if !self.started.get() && self.try_start().is_ok() {
                begin = Instant::now();
            }
            // A driver that does not tell has nothing to wait for.
            if self.started.get() && ports::link(self.info.index).is_none_or(|link| link.up) {
                return Ok(true);
            }
            if interrupted() {
                return Ok(false);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(Error::LinkDown {
                    port: self.info.to_string(),
                    log: self.eal.last_words(mark),
                });
            }
            self.eal.forget_log(mark);
            thread::sleep(INTERVAL);
            // A memif client that its server turned away (it is there before it is started) does
            // not try again by itself.
            if self.memif_client && begin.elapsed() >= ANEW {
                self.stop();
                begin = Instant::now();
            }
        }
    }

    /// Stops the port, of whose queues no worker has one, since those borrow the device.
    pub(super) fn stop(&self) {
        let index = self.info.index;
        let stop = move || {
            // SAFETY: as above; one that is not started stays as it is.
            unsafe { dpdk_sys::rte_eth_dev_stop(index) };
        };
        match (self.started.replace(false), self.is_memif()) {
            (false, _) => {}
            (true, true) => guard::in_thread(stop),
            (true, false) => stop(),
        }
    }
}

/// Whether a port is a memif that connects to its peer, by what was given to the driver. That is
/// also what it is without being told.
pub(super) fn is_memif_client(driver: Driver<'_>, arguments: &str) -> bool {
    let role = arguments
        .split(',')
        .find_map(|argument| argument.strip_prefix("role="));
    // The names of the roles before DPDK 20.11 are taken still.
    let waits = role.is_some_and(|role| role.contains("server") || role.contains("master"));
    driver.is_memif() && !waits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memif_client_is_told_from_a_server() {
        let memif = Driver::new("net_memif", None);
        assert!(is_memif_client(memif, "role=client,socket=/x"));
        assert!(is_memif_client(memif, "socket=/server"));
        assert!(!is_memif_client(memif, "socket=/x,role=server"));
        assert!(!is_memif_client(Driver::new("net_ring", None), ""));
    }
}
