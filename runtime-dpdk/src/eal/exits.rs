//! Starts that do not come to an end: those that the EAL ends by ending the process, as from DPDK
//! 25.11 on for an option that it does not know (`rte_argparse_parse`), and those that are abandoned.
//! What is said meanwhile leads to our log.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Mutex, Once, PoisonError};

use super::capture::CapturedOutput;
use super::diagnosis::{Attempt, diagnose};
use super::errno::Errno;
use super::error::StartError;

/// Says why, and returns the exit status.
pub type Tell = fn(StartError) -> u8;

/// A start that is under way.
struct Pending {
    args: Vec<String>,
    /// Where what is said goes meanwhile.
    log: CapturedOutput,
    /// Where standard error led before.
    stderr: OwnedFd,
    tell: Tell,
}

static TELL: Mutex<Option<Tell>> = Mutex::new(None);
static PENDING: Mutex<Option<Pending>> = Mutex::new(None);

/// Has `tell` be told why the EAL ends the process in the midst of its start, and choose the exit
/// status. Without it the process ends without a word, with the EAL's status.
pub fn tell_exits(tell: Tell) {
    *TELL.lock().unwrap_or_else(PoisonError::into_inner) = Some(tell);
}

/// Runs `start`, which may not return, while standard error leads to `log`.
pub(super) fn watched<T>(
    args: &[String],
    log: Option<CapturedOutput>,
    start: impl FnOnce() -> T,
) -> T {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: `at_exit` takes nothing and keeps to its statics. Without memory for it the
        // process ends as the EAL ends it.
        unsafe { libc::atexit(at_exit) };
    });
    let tell = *TELL.lock().unwrap_or_else(PoisonError::into_inner);
    let stderr = io::stderr().as_fd().try_clone_to_owned().ok();
    let pending = || {
        Some(Pending {
            args: args.to_vec(),
            log: log?,
            stderr: stderr?,
            tell: tell?,
        })
    };
    set(pending());
    let value = start();
    set(None);
    value
}

fn set(pending: Option<Pending>) {
    *PENDING.lock().unwrap_or_else(PoisonError::into_inner) = pending;
}

/// Ends the process if a start is under way, which nothing can interrupt; or else does nothing.
pub fn abandon_start() {
    end(|_| StartError::Abandoned);
}

extern "C" fn at_exit() {
    end(|pending| {
        let text = pending.log.text_from(0);
        diagnose(&Attempt::new(&pending.args, &text, Errno::of(libc::EINVAL)))
    });
}

/// Ends the process if a start is under way, and says why.
fn end(why: impl FnOnce(&Pending) -> StartError) {
    let pending = PENDING
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let Some(pending) = pending else {
        return;
    };
    // SAFETY: both are open; standard error leads where it led.
    unsafe { libc::dup2(pending.stderr.as_raw_fd(), libc::STDERR_FILENO) };
    let status = (pending.tell)(why(&pending));
    // SAFETY: ends the process without a look at what the start has left. Nothing of ours waits to
    // be written.
    unsafe { libc::_exit(status.into()) }
}
