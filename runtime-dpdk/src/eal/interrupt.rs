//! The EAL's interrupt thread, in which alarms run and some drivers do their work.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::mpsc;

/// How long until an alarm runs. What the thread had to do when it was set is done by then, or is
/// under way in it, so that the alarm runs only afterwards.
pub(crate) const ALARM_US: u64 = 100;

/// What an alarm calls.
pub(crate) type Callback = extern "C" fn(*mut c_void);

/// Schedules `callback` on the interrupt thread in [`ALARM_US`]. Returns whether the EAL accepted
/// it.
///
/// # Safety
///
/// `argument` is what `callback` expects, and stays so until that has run.
pub(crate) unsafe fn set_alarm(callback: Callback, argument: *mut c_void) -> bool {
    // SAFETY: the callback is a function, and the caller keeps its argument valid until it has run.
    unsafe { dpdk_sys::rte_eal_alarm_set(ALARM_US, Some(callback), argument) == 0 }
}

/// Cancels the alarms that would call `callback` with a null argument, and waits until one that
/// runs has ended.
pub(crate) fn cancel_alarm(callback: Callback) {
    // SAFETY: compares the function and the argument with those of the alarms that are set.
    unsafe { dpdk_sys::rte_eal_alarm_cancel(Some(callback), null_mut()) };
}

/// Runs `f` on the interrupt thread, and returns when it has ended.
pub(crate) fn run_on_thread(f: impl FnOnce() + Send) {
    struct Job<F> {
        f: Option<F>,
        done: mpsc::Sender<()>,
    }
    extern "C" fn run<F: FnOnce()>(argument: *mut c_void) {
        // SAFETY: the job of the call below, which waits for the message.
        let job = unsafe { &mut *argument.cast::<Job<F>>() };
        let done = job.done.clone();
        if let Some(f) = job.f.take() {
            f();
        }
        // The job may be gone from here on.
        let _ = done.send(());
    }
    fn callback<F: FnOnce()>(_: &F) -> Callback {
        run::<F>
    }
    let (done, ended) = mpsc::channel();
    let callback = callback(&f);
    let mut job = Job { f: Some(f), done };
    // SAFETY: `run` expects this job, which lives until its message has come.
    if unsafe { set_alarm(callback, (&raw mut job).cast()) } {
        // An error means that the sender is gone, which it cannot be before its message.
        let _ = ended.recv();
    } else if let Some(f) = job.f.take() {
        f();
    }
}
