//! The command `report`, the same in every program.

use std::io::{self, Write};

use dpdkgen_report::output::Target;
use dpdkgen_report::page::file::{DrawError, Files, draw};

use crate::failure::Failure;

/// Draws a finished run, says where the page is, and returns the exit status.
///
/// # Errors
///
/// A file cannot be read, is not what a run writes or not of this run, or the page cannot be written.
pub fn redraw(files: &Files) -> Result<u8, Failure> {
    let bytes = draw(files).map_err(|error| match error {
        DrawError::Machine(sentence) => Failure::machine(sentence),
        DrawError::Request(sentence) => Failure::request(sentence),
    })?;
    if let Target::File(path) = &files.page {
        let kilobytes = bytes.div_ceil(1000);
        // Whoever watches may have gone; the page is there.
        let _ = writeln!(io::stdout(), "Wrote {} ({kilobytes} kB).", path.display());
    }
    Ok(0)
}
