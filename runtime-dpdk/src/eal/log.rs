//! DPDK's log, kept until somebody asks for it, and which of its lines say something.

use std::cell::Cell;
use std::io;
use std::os::fd::RawFd;

use super::capture::CapturedOutput;

/// What DPDK has logged and printed.
pub(super) struct Log {
    output: CapturedOutput,
    /// Where the next [`Self::take`] begins.
    taken: Cell<u64>,
}

impl Log {
    /// Makes an empty log.
    ///
    /// # Errors
    ///
    /// If the kernel has no memory or descriptor for it.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            output: CapturedOutput::new()?,
            taken: Cell::new(0),
        })
    }

    /// Returns the descriptor that DPDK logs to.
    pub(super) fn fd(&self) -> RawFd {
        self.output.fd()
    }

    /// Runs `f`, and keeps what it prints on standard error.
    ///
    /// # Errors
    ///
    /// If the standard streams cannot be redirected.
    pub(super) fn during<T>(&self, f: impl FnOnce() -> T) -> io::Result<T> {
        self.output.during(f)
    }

    /// Returns the whole text.
    pub(super) fn text(&self) -> String {
        self.output.text_from(0)
    }

    /// Returns the telling lines since the start or the last call.
    pub(super) fn take(&self) -> Vec<String> {
        let text = self.output.text_from(self.taken.replace(self.mark()));
        let telling = text.lines().filter(|line| is_telling(line));
        telling.map(str::to_owned).collect()
    }

    /// Returns how much has been logged by now.
    pub(super) fn mark(&self) -> u64 {
        self.output.len()
    }

    /// Returns the last telling lines that were logged after `mark`.
    pub(super) fn last_words(&self, mark: u64) -> Option<String> {
        last_lines(&self.output.text_from(mark))
    }

    /// Forgets what was logged after `mark`.
    pub(super) fn forget(&self, mark: u64) {
        self.output.forget_from(mark);
    }
}

/// Returns the last two lines that tell something, since the last one often says only that there
/// was an error; none if there was none.
fn last_lines(text: &str) -> Option<String> {
    let mut lines: Vec<String> = text
        .lines()
        .rev()
        .filter(|line| is_telling(line))
        .take(2)
        .map(clean)
        .collect();
    lines.dedup();
    lines.reverse();
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// Returns whether a line says something that matters.
pub(super) fn is_telling(line: &str) -> bool {
    const NOISE: &[&str] = &[
        // Of page sizes that nobody reserved, and of network cards that the kernel drives.
        "EAL: No free ",
        "eth_virtio_pci_init(): ",
        "EAL: Requested device ",
        // After the reason for which a probe failed.
        "EAL: Bus (",
        // Of every memif port with --no-shconf, of what secondary processes would need.
        "rte_pmd_memif_probe(): Failed to register mp action callback",
        // Of every program that does not use what the telemetry had in earlier versions.
        "TELEMETRY: ",
    ];
    !line.trim().is_empty() && !NOISE.iter().any(|start| line.starts_with(start))
}

/// Returns a line without what every line of the EAL has.
pub(super) fn clean(line: &str) -> String {
    let line = line.trim().trim_end_matches(['.', '!']);
    line.strip_prefix("EAL: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_are_two_different_lines_that_tell_something() {
        let noise = "TELEMETRY: No legacy callbacks\n\n";
        assert_eq!(last_lines(noise), None);
        let text = format!("EAL: first.\nEAL: second!\n{noise}EAL: third\n");
        assert_eq!(last_lines(&text).as_deref(), Some("second; third"));
        assert_eq!(last_lines("EAL: same\nsame.\n").as_deref(), Some("same"));
    }
}
