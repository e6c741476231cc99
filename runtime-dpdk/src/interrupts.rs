//! Keeps the EAL's interrupt thread from pulling the ground from under others.
//!
//! net_memif (DPDK 22.11 to 24.11) does its connecting and disconnecting in that thread, without
//! regard to others, and a process dies of a segmentation fault or a panic of the EAL's when
//!
//! - a peer leaves while a burst reads the rings, which are unmapped. So while queues of such a
//!   port are in use ([`Seat`]), the thread is held in an alarm callback of ours (alarms run in it).
//!   When it has something to do, it waits until no worker is inside a burst, keeps them out, lets
//!   the thread go for a moment, and takes it back;
//! - a peer leaves while the port is stopped. So it is stopped in that thread ([`in_thread`]);
//! - the thread looks at its sources after the port was closed, since the listening socket's stays
//!   among them with its memory freed, even if the port was never started. So every such port is
//!   closed last of all, in that thread, which does nothing more from then on ([`end`]).
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::fs;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// How long the interrupt thread is let go of. What it had to do then is done by then, or is under
/// way in it, so that it comes back only afterwards.
const LET_GO_US: u64 = 100;
/// How long before workers are held up again, should there always be something to do.
const INTERVAL: Duration = Duration::from_millis(5);
/// How often the interrupt thread looks whether it is needed no longer.
const LOOK_MS: i32 = 20;

/// Those who may be inside a burst.
static SEATS: Mutex<Vec<Arc<Inside>>> = Mutex::new(Vec::new());
/// Whether they are kept out.
static CLOSED: AtomicBool = AtomicBool::new(false);
/// Whether the interrupt thread is to be let go of for good.
static OVER: AtomicBool = AtomicBool::new(false);
/// Held while the first seat is taken or the last one left.
static CHANGE: Mutex<()> = Mutex::new(());

/// Whether ports of a driver need this.
pub fn needed(driver: &str) -> bool {
    driver == "net_memif"
}

/// Whether a worker is inside a burst, on cache lines that no other worker writes to.
#[derive(Default)]
#[repr(align(128))]
struct Inside(AtomicBool);

/// A worker's place, as long as it has a queue of such a port.
pub struct Seat {
    inside: Arc<Inside>,
}

impl Seat {
    pub fn take() -> Self {
        let _change = lock(&CHANGE);
        let inside = Arc::<Inside>::default();
        let first = {
            let mut seats = lock(&SEATS);
            seats.push(inside.clone());
            seats.len() == 1
        };
        if first {
            OVER.store(false, Ordering::SeqCst);
            CLOSED.store(false, Ordering::SeqCst);
            set_alarm(hold, null_mut());
        }
        Self { inside }
    }

    /// Runs a burst, while the interrupt thread is held.
    pub fn during<T>(&self, burst: impl FnOnce() -> T) -> T {
        loop {
            // Sequentially consistent, as the reads in `keep_out` are: either we see that it is
            // closed, or they see that we are inside.
            self.inside.0.store(true, Ordering::SeqCst);
            if !CLOSED.load(Ordering::SeqCst) {
                break;
            }
            self.inside.0.store(false, Ordering::Release);
            while CLOSED.load(Ordering::Relaxed) {
                thread::yield_now(); // The interrupt thread may wait for this CPU.
            }
        }
        let result = burst();
        self.inside.0.store(false, Ordering::Release);
        result
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let _change = lock(&CHANGE);
        let last = {
            let mut seats = lock(&SEATS);
            seats.retain(|seat| !Arc::ptr_eq(seat, &self.inside));
            seats.is_empty()
        };
        if last {
            OVER.store(true, Ordering::SeqCst);
            // SAFETY: waits until a callback that runs has ended; it sees OVER within LOOK_MS.
            unsafe { dpdk_sys::rte_eal_alarm_cancel(Some(hold), null_mut()) };
        }
    }
}

/// Runs `f` in the interrupt thread, and returns when it has ended.
pub fn in_thread(f: impl FnOnce() + Send) {
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
    fn callback<F: FnOnce()>(_: &F) -> extern "C" fn(*mut c_void) {
        run::<F>
    }
    let (done, ended) = mpsc::channel();
    let callback = callback(&f);
    let mut job = Job { f: Some(f), done };
    if set_alarm(callback, (&raw mut job).cast()) {
        // An error means that the sender is gone, which it cannot be before its message.
        let _ = ended.recv();
    } else if let Some(f) = job.f.take() {
        f();
    }
}

/// Closes `ports`, those of such a driver, and keeps the interrupt thread from doing anything more
/// until the process ends. Whether it did so: the EAL must not clean up then, since it would wait for
/// that thread.
pub fn end(ports: &[u16]) -> bool {
    struct Closing<'a> {
        ports: &'a [u16],
        done: AtomicBool,
    }
    extern "C" fn close_and_stay(argument: *mut c_void) {
        // SAFETY: of the call below, which waits until it is told that this is done with it.
        let closing = unsafe { &*argument.cast::<Closing<'_>>() };
        for &port in closing.ports {
            // SAFETY: its device, if it had one, was dropped, which has stopped it. An error changes
            // nothing.
            unsafe { dpdk_sys::rte_eth_dev_close(port) };
        }
        closing.done.store(true, Ordering::Release);
        loop {
            thread::park();
        }
    }
    let mut closing = Closing {
        ports,
        done: AtomicBool::new(false),
    };
    if ports.is_empty() || !set_alarm(close_and_stay, (&raw mut closing).cast()) {
        return false;
    }
    while !closing.done.load(Ordering::Acquire) {
        thread::sleep(Duration::from_micros(LET_GO_US));
    }
    true
}

/// What the interrupt thread is held in.
extern "C" fn hold(_: *mut c_void) {
    CLOSED.store(false, Ordering::SeqCst);
    thread::sleep(INTERVAL);
    let mut events = event_queues();
    while !OVER.load(Ordering::SeqCst) {
        // SAFETY: the array has as many entries as are said.
        let ready =
            unsafe { libc::poll(events.as_mut_ptr(), events.len() as libc::nfds_t, LOOK_MS) };
        if ready > 0 {
            keep_out();
            if set_alarm(hold, null_mut()) {
                return;
            }
            CLOSED.store(false, Ordering::SeqCst);
        }
    }
}

/// Keeps workers from bursts, and returns when none is in one.
fn keep_out() {
    CLOSED.store(true, Ordering::SeqCst);
    for seat in lock(&SEATS).iter() {
        while seat.0.load(Ordering::SeqCst) {
            thread::yield_now();
        }
    }
}

/// The event queues (epoll) of this process, one of which is the interrupt thread's. That one
/// becomes readable when there is something to do.
fn event_queues() -> Vec<libc::pollfd> {
    let entries = fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten();
    entries
        .filter(|entry| {
            fs::read_link(entry.path())
                .is_ok_and(|target| target.as_os_str() == "anon_inode:[eventpoll]")
        })
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .map(|fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        })
        .collect()
}

/// Has the interrupt thread call back in a moment; whether it will.
fn set_alarm(callback: extern "C" fn(*mut c_void), argument: *mut c_void) -> bool {
    // SAFETY: the callback is a function, and its argument is valid when it runs, as each caller
    // sees to.
    unsafe { dpdk_sys::rte_eal_alarm_set(LET_GO_US, Some(callback), argument) == 0 }
}

/// A lock whose data is whole even when a holder has panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
