//! SIGINT, SIGTERM and SIGHUP: counted, and asked for by the control thread.

use std::fs;
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::Failure;

/// The user's requests to stop, counted.
pub struct StopSignals {
    signals: Signals,
    requests: usize,
}

impl StopSignals {
    /// Counts SIGINT, SIGTERM and SIGHUP from now on; they no longer end the program. A SIGHUP that
    /// is ignored (`nohup`) stays so.
    ///
    /// # Errors
    ///
    /// Returns a failure if the system refuses.
    pub fn new() -> Result<Self, Failure> {
        Ok(Self {
            signals: handled().map_err(|error| not_handled(&error))?,
            requests: 0,
        })
    }

    /// Returns how many signals have come so far.
    pub fn requests(&mut self) -> usize {
        self.requests += self.signals.pending().count();
        self.requests
    }
}

/// The time that a start which was asked to end may still take.
const START_WITHIN: Duration = Duration::from_secs(1);

/// Runs `start`, which cannot be interrupted and may wait for others for ever: a second after the
/// user has asked to end, `abandon` ends the process. Nothing is lost, since nothing was measured
/// yet.
///
/// # Errors
///
/// Returns a failure if the system refuses to hand over signals, or has no thread.
pub fn while_starting<T>(
    start: impl FnOnce() -> T,
    abandon: impl FnOnce() + Send,
) -> Result<T, Failure> {
    let mut signals = handled().map_err(|error| not_handled(&error))?;
    let handle = signals.handle();
    let (started, is_started) = mpsc::channel::<()>();
    let watch = move || {
        let has_asked = signals.forever().next().is_some();
        let ended = is_started.recv_timeout(START_WITHIN);
        if has_asked && ended == Err(RecvTimeoutError::Timeout) {
            abandon();
        }
    };
    thread::scope(|scope| {
        let watched = thread::Builder::new().spawn_scoped(scope, watch);
        watched.map_err(|error| Failure::machine(format!("there is no thread: {error}")))?;
        let value = start();
        drop(started);
        handle.close();
        Ok(value)
    })
}

/// Hands over SIGINT, SIGTERM and, unless it is ignored, SIGHUP.
fn handled() -> io::Result<Signals> {
    let all = [SIGINT, SIGTERM, SIGHUP];
    let is_wanted = |signal: &&i32| **signal != SIGHUP || !is_ignored(SIGHUP);
    Signals::new(all.iter().filter(is_wanted))
}

fn not_handled(error: &io::Error) -> Failure {
    Failure::machine(format!("signals cannot be handled: {error}"))
}

/// Returns whether this process ignores `signal`, which safe code can ask only the kernel's own
/// account.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    is_in_mask(&status, signal)
}

fn is_in_mask(status: &str, signal: i32) -> bool {
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use signal_hook::consts::SIGKILL;

    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_kernels_account() {
        let status =
            "SigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000000\n";
        assert!(is_in_mask(status, SIGHUP));
        assert!(!is_in_mask(status, SIGINT));
        assert!(!is_in_mask(status, SIGTERM));
        assert!(!is_in_mask("", SIGHUP));
        // No process can, whoever started this one.
        assert!(!is_ignored(SIGKILL));
    }
}
