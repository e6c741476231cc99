//! The words and the exit code of a program outside a run.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use dpdkgen_report::console::Stream;

use super::Program;
use crate::failure::Failure;

impl Program {
    /// Says `sentence` on standard error, if its reader takes it within two seconds.
    pub fn complain(&self, sentence: &dyn Display) {
        Stream::Stderr.write_soon(&format!("{}: {sentence}\n", self.name));
    }

    /// Makes the exit code of what was `done`, and says why if it was not.
    pub fn exit(&self, done: Result<u8, Failure>) -> ExitCode {
        ExitCode::from(self.status(done))
    }

    /// Returns the exit status of what was done, and says why if it failed.
    #[must_use]
    pub fn status(&self, done: Result<u8, Failure>) -> u8 {
        done.unwrap_or_else(|failure| {
            self.complain(&failure);
            failure.exit_status()
        })
    }
}

/// Prints what a user asked to read, such as the help, and returns exit status 0.
///
/// # Errors
///
/// Returns a failure if standard output cannot be written.
pub fn print(text: &str) -> Result<u8, Failure> {
    let written = io::stdout().write_all(text.as_bytes());
    written
        .map_err(|error| Failure::machine(format!("standard output cannot be written: {error}")))?;
    Ok(0)
}
