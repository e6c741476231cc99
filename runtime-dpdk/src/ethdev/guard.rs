//! Keeps the EAL's interrupt thread from pulling the ground from under others.
//!
//! net_memif (DPDK 22.11 to 24.11) does its connecting and disconnecting in that thread, without
//! regard to others, and a process dies of a segmentation fault or a panic of the EAL's when
//!
//! - a peer leaves while a burst reads the rings, which are unmapped. So while queues of such a
//!   port are in use ([`BurstGuard`]), the thread is held in an alarm callback of ours (alarms run in it).
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

use crate::ethdev::info;
use crate::ethdev::memif::{Direction, Queues};

/// How long the interrupt thread is let go of. What it had to do then is done by then, or is under
/// way in it, so that it comes back only afterwards.
const RELEASE_US: u64 = 100;
/// How long before workers are held up again, should there always be something to do.
const INTERVAL: Duration = Duration::from_millis(5);
/// How often the interrupt thread looks whether it is needed no longer.
const POLL_MS: i32 = 20;

/// Those who may be inside a burst.
static GUARDS: Mutex<Vec<Arc<Shared>>> = Mutex::new(Vec::new());
/// Whether they are kept out.
static QUIESCED: AtomicBool = AtomicBool::new(false);
/// Whether the interrupt thread is to be let go of for good.
static RELEASED: AtomicBool = AtomicBool::new(false);
/// Held while the first guard is taken or the last one left.
static MEMBERSHIP: Mutex<()> = Mutex::new(());

/// What a worker shares with the interrupt thread, on cache lines that no other worker writes to.
#[repr(align(128))]
struct Shared {
    /// Whether the worker is inside a burst.
    is_inside: AtomicBool,
    queues: Queues,
    /// Whether the peer has given the receive queue a ring.
    has_rx_ring: AtomicBool,
    /// Whether it has given the transmit queue one.
    has_tx_ring: AtomicBool,
    /// Whether there was a peer when that was last looked at.
    was_up: AtomicBool,
}

impl Shared {
    /// Sees which queues have a ring; while the worker is kept out of bursts.
    fn look_for_rings(&self) {
        let is_up = info::link(self.queues.port).is_some_and(|link| link.up);
        // While a peer is connecting, some rings are there already and must not be forgotten.
        let has_left = self.was_up.swap(is_up, Ordering::Relaxed) && !is_up;
        // SAFETY: a guard is taken while its port is started and left before that is stopped; the
        // worker, the only one that has these queues, is in no burst.
        let (rx, tx) = unsafe {
            if has_left {
                self.queues.forget_rings();
            }
            let has_ring = |direction| is_up && self.queues.have_rings(direction);
            (has_ring(Direction::Rx), has_ring(Direction::Tx))
        };
        self.has_rx_ring.store(rx, Ordering::Relaxed);
        self.has_tx_ring.store(tx, Ordering::Relaxed);
    }
}

/// A worker's place, as long as it has a queue of such a port.
pub struct BurstGuard(Arc<Shared>);

impl BurstGuard {
    /// Takes the place of the worker that has `queues`, whose port is started.
    pub fn take(queues: Queues) -> Self {
        let _change = lock(&MEMBERSHIP);
        let shared = Arc::new(Shared {
            is_inside: AtomicBool::new(false),
            queues,
            has_rx_ring: AtomicBool::new(false),
            has_tx_ring: AtomicBool::new(false),
            was_up: AtomicBool::new(false),
        });
        shared.look_for_rings();
        let first = {
            let mut guards = lock(&GUARDS);
            guards.push(shared.clone());
            guards.len() == 1
        };
        if first {
            RELEASED.store(false, Ordering::SeqCst);
            QUIESCED.store(false, Ordering::SeqCst);
            set_alarm(hold, null_mut());
        }
        Self(shared)
    }

    /// Runs a burst, while the interrupt thread is held, if the peer has given the queue a ring.
    pub fn during(&self, direction: Direction, burst: impl FnOnce() -> u16) -> u16 {
        let is_inside = &self.0.is_inside;
        loop {
            // Sequentially consistent, as the reads in `quiesce` are: either we see that it is
            // closed, or they see that we are inside.
            is_inside.store(true, Ordering::SeqCst);
            if !QUIESCED.load(Ordering::SeqCst) {
                break;
            }
            is_inside.store(false, Ordering::Release);
            while QUIESCED.load(Ordering::Relaxed) {
                thread::yield_now(); // The interrupt thread may wait for this CPU.
            }
        }
        // Changes only while nobody is inside.
        let has_ring = match direction {
            Direction::Rx => &self.0.has_rx_ring,
            Direction::Tx => &self.0.has_tx_ring,
        };
        let moved = if has_ring.load(Ordering::Relaxed) {
            burst()
        } else {
            0
        };
        is_inside.store(false, Ordering::Release);
        moved
    }
}

impl Drop for BurstGuard {
    fn drop(&mut self) {
        let _change = lock(&MEMBERSHIP);
        let last = {
            let mut guards = lock(&GUARDS);
            guards.retain(|guard| !Arc::ptr_eq(guard, &self.0));
            guards.is_empty()
        };
        if last {
            RELEASED.store(true, Ordering::SeqCst);
            // SAFETY: waits until a callback that runs has ended; it sees RELEASED within POLL_MS.
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
        thread::sleep(Duration::from_micros(RELEASE_US));
    }
    true
}

/// What the interrupt thread is held in.
extern "C" fn hold(_: *mut c_void) {
    // What it has done meanwhile may have been a peer's coming or going.
    for guard in lock(&GUARDS).iter() {
        guard.look_for_rings();
    }
    QUIESCED.store(false, Ordering::SeqCst);
    thread::sleep(INTERVAL);
    let mut events = event_queues();
    while !RELEASED.load(Ordering::SeqCst) {
        // SAFETY: the array has as many entries as are said.
        let ready =
            unsafe { libc::poll(events.as_mut_ptr(), events.len() as libc::nfds_t, POLL_MS) };
        if ready > 0 {
            quiesce();
            if set_alarm(hold, null_mut()) {
                return;
            }
            QUIESCED.store(false, Ordering::SeqCst);
        }
    }
}

/// Keeps workers from bursts, and returns when none is in one.
fn quiesce() {
    QUIESCED.store(true, Ordering::SeqCst);
    for guard in lock(&GUARDS).iter() {
        while guard.is_inside.load(Ordering::SeqCst) {
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
    unsafe { dpdk_sys::rte_eal_alarm_set(RELEASE_US, Some(callback), argument) == 0 }
}

/// A lock whose data is whole even when a holder has panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
