//! A port's way up and down: started, linked, stopped.
#![allow(unsafe_code)]

use std::thread;
use std::time::{Duration, Instant};

use dpdkgen_run::runner::course::Waits;

use super::Device;
use crate::eal::interrupt;
use crate::ethdev::error::{Error, Step};

impl Device<'_> {
    /// Starts the port: from now on it takes and gives packets once its link is up.
    ///
    /// # Errors
    ///
    /// If its driver refuses; but a memif client waits for its server in [`Self::wait_link`].
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
            // In the thread that peers connect in, so that none does meanwhile.
            let mut error = 0;
            interrupt::run_on_thread(|| error = start());
            error
        } else {
            start()
        };
        self.check(error, Step::Start)?;
        self.started.set(true);
        if self.is_neighbour {
            // SAFETY: the port is configured and started.
            unsafe { dpdk_sys::rte_eth_allmulticast_enable(index) };
        }
        if self.is_promiscuous {
            // A driver without a function for it receives everything anyway.
            // SAFETY: the port is configured and started.
            unsafe { dpdk_sys::rte_eth_promiscuous_enable(index) };
        }
        Ok(())
    }

    /// Returns whether its peers come and go.
    pub(super) fn is_memif(&self) -> bool {
        self.info.driver().is_memif()
    }

    /// Waits until the link is up. Returns whether it is: not if `waits` ended that before.
    ///
    /// # Errors
    ///
    /// If it still is down after `timeout`.
    pub fn wait_link(&self, timeout: Duration, waits: &Waits<'_>) -> Result<bool, Error> {
        const POLL_INTERVAL: Duration = Duration::from_millis(5);
        const RESTART_AFTER: Duration = Duration::from_secs(1);
        let called = Instant::now();
        let mut begin = called;
        let what = if self.is_memif() { "peer" } else { "link" };
        let what = format!("the {what} of port {}", self.info);
        let mark = self.eal.log_mark();
        let mut said = None;
        loop {
            if !self.started.get() && self.try_start().is_ok() {
                begin = Instant::now();
            }
            // A driver that does not tell has nothing to wait for.
            if self.started.get() && self.link_source.is_up() {
                return Ok(true);
            }
            let left = timeout.saturating_sub(called.elapsed());
            if waits(&what, left) {
                return Ok(false);
            }
            said = self.eal.last_words(mark).or(said);
            if left.is_zero() {
                return Err(Error::LinkDown {
                    port: self.info.to_string(),
                    log: said,
                });
            }
            self.eal.forget_log(mark);
            thread::sleep(POLL_INTERVAL);
            // A memif client that its server turned away (it is there before it is started) does
            // not try again by itself.
            if self.memif_client && begin.elapsed() >= RESTART_AFTER {
                self.stop();
                begin = Instant::now();
            }
        }
    }

    /// Stops the port, of whose queues no worker has one, since those borrow the device.
    pub(super) fn stop(&self) {
        let index = self.info.index;
        let stop = move || {
            // SAFETY: no worker has one of its queues, since those borrow the device; a port that
            // is not started stays as it is.
            unsafe { dpdk_sys::rte_eth_dev_stop(index) };
        };
        match (self.started.replace(false), self.is_memif()) {
            (false, _) => {}
            (true, true) => interrupt::run_on_thread(stop),
            (true, false) => stop(),
        }
    }
}
