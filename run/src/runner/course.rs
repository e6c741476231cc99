//! What is carried out on open ports: one run, or the many trials of a search.

use std::fmt;
use std::time::Duration;

use dpdkgen_report::console::{Stream, say_last};
use dpdkgen_report::patience::Patience;

use super::signals::StopSignals;
use super::trial::Executor;
use crate::failure::Failure;
use crate::outputs::screen::Screen;
use crate::request::Request;

/// Shows what is waited for before a course begins, and for how long at most, and returns whether the
/// user wants to wait no longer.
pub type Waits<'w> = dyn Fn(&dyn fmt::Display, Duration) -> bool + 'w;

/// A run or a search, with its outputs and its user, from before the ports are open to its exit
/// status.
pub trait Course {
    /// Returns where its words go.
    fn screen(&mut self) -> &mut Screen;

    /// Returns the signals that end it.
    fn signals(&mut self) -> &mut StopSignals;

    /// Shows what is waited for before it begins, for so long at most, and returns whether the user
    /// wants to wait no longer.
    fn wait(&mut self, what: &dyn fmt::Display, left: Duration) -> bool {
        self.screen().wait(what, left);
        self.signals().requests() > 0
    }

    /// Carries it out by `request`, which opening the ports has completed, writes and shows what came
    /// of it, and returns the exit status.
    ///
    /// # Errors
    ///
    /// Returns a failure if it cannot begin.
    fn drive(self, request: Request, executor: &mut impl Executor) -> Result<u8, Failure>;
}

/// Says at the end of a course what went wrong and then which `misses` there were, each after the
/// program's name, and returns the exit status.
pub fn end(
    program: &str,
    mut sentences: Vec<String>,
    misses: Vec<String>,
    patience: &mut Patience<'_>,
) -> u8 {
    let status = match (sentences.is_empty(), misses.is_empty()) {
        (false, _) => 1,
        (true, false) => 3,
        (true, true) => 0,
    };
    sentences.extend(misses);
    if !sentences.is_empty() {
        let lines: Vec<_> = sentences
            .iter()
            .map(|sentence| format!("{program}: {sentence}"))
            .collect();
        // If nobody reads that, the exit status still tells.
        let _ = say_last(Stream::Stderr, "errors", &lines.join("\n"), patience);
    }
    status
}
