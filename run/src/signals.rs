//! SIGINT and SIGTERM: counted, and asked for by the control thread.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::Failure;

/// How often the user has asked to stop.
pub struct StopSignals {
    signals: Signals,
    requests: usize,
}

impl StopSignals {
    /// From now on SIGINT and SIGTERM no longer end the program.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn new() -> Result<Self, Failure> {
        let signals = Signals::new([SIGINT, SIGTERM])
            .map_err(|error| Failure::machine(format!("signals cannot be handled: {error}")))?;
        Ok(Self {
            signals,
            requests: 0,
        })
    }

    /// How many signals have come so far.
    pub fn requests(&mut self) -> usize {
        self.requests += self.signals.pending().count();
        self.requests
    }
}
