//! DPDK's log, kept until somebody asks for it, then told line by line, and which of its lines say
//! something.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::c_char;
use std::io;
use std::os::fd::RawFd;
use std::slice;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::capture::CapturedOutput;
use super::repeats::Repeats;

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

    /// Returns its text's file once more; none if there is no descriptor for it.
    pub(super) fn output(&self) -> Option<CapturedOutput> {
        self.output.try_clone().ok()
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

/// The most lines that are handed on for a reason: of what failed first, others follow.
const MOST_LINES: usize = 16;

/// Returns the last lines that tell something; none if there was none.
fn last_lines(text: &str) -> Option<String> {
    let mut lines: Vec<String> = text
        .lines()
        .rev()
        .filter(|line| is_telling(line))
        .take(MOST_LINES)
        .map(clean)
        .collect();
    lines.dedup();
    lines.reverse();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Who is told the log.
struct Listener {
    tell: fn(&str),
    /// Whether without what every program logs.
    is_terse: bool,
}

static LISTENER: OnceLock<Listener> = OnceLock::new();

static REPEATS: Mutex<Repeats> = Mutex::new(Repeats::new());

/// Lets `tell` have each line that DPDK logs from now on, of telling ones only if `is_terse`, and of
/// those that repeat only some. The first one who asks for it has it.
pub(super) fn listen(tell: fn(&str), is_terse: bool) {
    LISTENER.get_or_init(|| Listener { tell, is_terse });
    // SAFETY: `hear` keeps to what it is given; DPDK allows the stream to be changed at any time,
    // and no worker runs while the main lcore is here, since launching returns only when all have
    // ended.
    if unsafe { dpdk_sys::dg_log_to(Some(hear)) } != 0 {
        // SAFETY: as above. Without memory for a stream the log is told as it is.
        unsafe { dpdk_sys::dg_log_to_stderr() };
    }
}

/// Hears what DPDK logs.
unsafe extern "C" fn hear(text: *const c_char, length: usize) {
    // SAFETY: the C library lends `length` bytes of its buffer for the call.
    let text = unsafe { slice::from_raw_parts(text.cast::<u8>(), length) };
    let text = String::from_utf8_lossy(text);
    if let Some(listener) = LISTENER.get() {
        let lines = text.lines();
        let is_wanted = |line: &&str| is_telling(line) && !is_told_as_event(line);
        for line in lines.filter(|line| !listener.is_terse || is_wanted(line)) {
            // Nothing panics while it is locked; and counts are whole at any time.
            let mut repeats = REPEATS.lock().unwrap_or_else(PoisonError::into_inner);
            let told = repeats.told(line);
            drop(repeats);
            if let Some(line) = told {
                (listener.tell)(&line);
            }
        }
    }
}

/// Returns whether a line says something that matters.
pub(super) fn is_telling(line: &str) -> bool {
    // From DPDK 24.11 on the driver's name stands before the function's.
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
    // Notices of netvsc's and memif's, which say that all goes as it should.
    const GOOD_NEWS: &[&str] = &[
        "found matching VF port ",
        "configuring VF port ",
        "Starting VF port ",
        "reinit NVS (had ",
        "fixup RNDIS aggpkt align: ",
        "Initialize MEMIF: ",
        "memif_connect(): Connected",
        " connected.",
    ];
    !line.trim().is_empty()
        && !NOISE.iter().any(|noise| line.contains(noise))
        && !GOOD_NEWS.iter().any(|news| line.contains(news))
}

/// Returns whether a line is of a peer that has left, which is told as an event.
fn is_told_as_event(line: &str) -> bool {
    // The second one comes with each look at a queue of a vhost port without a peer.
    const OF_PEERS: &[&str] = &["Disconnect received: ", "(device) (-1) device not found"];
    OF_PEERS.iter().any(|words| line.contains(words))
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
    fn the_last_words_are_lines_that_tell_something() {
        let memif = "rte_pmd_memif_probe(): Failed to register mp action callback: no";
        assert!(!is_telling(memif) && !is_telling(&format!("MEMIF: {memif}")));
        let noise = "TELEMETRY: No legacy callbacks\n\nhn_vf_attach(): found matching VF port 0\n";
        assert_eq!(last_lines(noise), None);
        let text = format!("EAL: first.\nEAL: second!\n{noise}EAL: third\n");
        assert_eq!(last_lines(&text).as_deref(), Some("first\nsecond\nthird"));
        assert_eq!(last_lines("EAL: same\nsame.\n").as_deref(), Some("same"));
        let long = last_lines(&"a\nb\n".repeat(100)).unwrap();
        assert_eq!(long.lines().count(), MOST_LINES);
    }

    #[test]
    fn what_dpdk_logs_is_told_by_lines() {
        use std::sync::Mutex;
        static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
        listen(|line| TOLD.lock().unwrap().push(line.to_owned()), true);
        // SAFETY: DPDK looks at the number first, and refuses it, with a line in its log.
        let error = unsafe { dpdk_sys::rte_eth_dev_start(u16::MAX - 1) };
        assert!(error < 0);
        let told = TOLD.lock().unwrap();
        assert!(
            told.iter().any(|line| line.contains("port_id=65534")),
            "{told:?}"
        );
    }
}
