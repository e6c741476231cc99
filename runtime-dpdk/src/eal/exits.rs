//! Starts that the EAL ends by ending the process: from DPDK 25.11 on it does so for an option that it
//! does not know (`rte_argparse_parse`), while what it says about that leads to our log.
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, Once, PoisonError};

use super::capture::text_of;
use super::diagnosis::{Attempt, diagnose};
use super::errno::Errno;
use super::error::StartError;

/// Says why, and returns the exit status.
pub type Tell = fn(StartError) -> u8;

/// A start that is under way.
struct Pending {
    args: Vec<String>,
    /// Where what is said goes meanwhile.
    log: RawFd,
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

/// Runs `start`, which may not return; `log` is the descriptor that standard error is about to lead
/// to.
pub(super) fn watched<T>(args: &[String], log: RawFd, start: impl FnOnce() -> T) -> T {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: `at_exit` takes nothing and keeps to its statics. Without memory for it the
        // process ends as the EAL ends it.
        unsafe { libc::atexit(at_exit) };
    });
    let tell = *TELL.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: standard error is open for as long as the process lives, or duplicating it fails.
    let stderr = unsafe { BorrowedFd::borrow_raw(libc::STDERR_FILENO) }.try_clone_to_owned();
    let pending = tell.zip(stderr.ok()).map(|(tell, stderr)| Pending {
        args: args.to_vec(),
        log,
        stderr,
        tell,
    });
    set(pending);
    let value = start();
    set(None);
    value
}

fn set(pending: Option<Pending>) {
    *PENDING.lock().unwrap_or_else(PoisonError::into_inner) = pending;
}

extern "C" fn at_exit() {
    let pending = PENDING
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let Some(pending) = pending else {
        return;
    };
    // SAFETY: both are open; standard error leads where it led.
    unsafe { libc::dup2(pending.stderr.as_raw_fd(), libc::STDERR_FILENO) };
    let text = text_of(pending.log);
    let error = diagnose(&Attempt::new(&pending.args, &text, Errno::of(libc::EINVAL)));
    let status = (pending.tell)(error);
    // SAFETY: ends the process, which is ending. Nothing of ours waits to be written.
    unsafe { libc::_exit(status.into()) }
}
