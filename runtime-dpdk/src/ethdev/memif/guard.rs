//! Bursts that the EAL's interrupt thread does not meet.
//!
//! While queues of a memif port are in use ([`BurstGuard`]), that thread is held in an alarm
//! callback of ours (alarms run in it). When it has something to do, it waits until no worker is
//! inside a burst, keeps them out, lets the thread go for a moment, and takes it back.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::fs;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::rings::Rings;
use crate::eal::interrupt;
use crate::ethdev::Direction;

/// How long before workers are held up again, should there always be something to do.
const INTERVAL: Duration = Duration::from_millis(5);
/// How often the interrupt thread looks whether it is needed no longer.
const POLL_MS: i32 = 20;

/// The guards of those who may be inside a burst.
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
    rings: Rings,
    /// Whether the peer has given the receive queue a ring.
    has_rx_ring: AtomicBool,
    /// Whether it has given the transmit queue one.
    has_tx_ring: AtomicBool,
}

impl Shared {
    /// Sees which queues have a ring, while the worker is kept out of bursts.
    fn look_for_rings(&self) {
        // SAFETY: a guard is taken while its port is started and left before that is stopped; the
        // worker, the only one that has these queues, is in no burst.
        let (rx, tx) = unsafe {
            (
                self.rings.are_there(Direction::Rx),
                self.rings.are_there(Direction::Tx),
            )
        };
        self.has_rx_ring.store(rx, Ordering::Relaxed);
        self.has_tx_ring.store(tx, Ordering::Relaxed);
    }
}

/// Guards a worker's bursts, as long as it has a queue of such a port.
pub struct BurstGuard(Arc<Shared>);

impl BurstGuard {
    /// Guards the bursts of the worker that has the queues of `rings`, whose port is started.
    pub fn take(rings: Rings) -> Self {
        let _change = lock(&MEMBERSHIP);
        let shared = Arc::new(Shared {
            is_inside: AtomicBool::new(false),
            rings,
            has_rx_ring: AtomicBool::new(false),
            has_tx_ring: AtomicBool::new(false),
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
            hold_soon();
        }
        Self(shared)
    }

    /// Runs `burst` while the interrupt thread is held, if the peer has given the queue a ring, and
    /// returns how many packets it moved.
    pub fn during(&self, direction: Direction, burst: impl FnOnce() -> u16) -> u16 {
        let is_inside = &self.0.is_inside;
        loop {
            // Sequentially consistent, as the reads in `quiesce` are: either we see that we are
            // kept out, or they see that we are inside.
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
            // One that runs sees RELEASED within POLL_MS.
            interrupt::cancel_alarm(hold);
        }
    }
}

/// Has the interrupt thread held from the next alarm on. Returns whether the EAL accepted it.
fn hold_soon() -> bool {
    // SAFETY: `hold` does not look at its argument.
    unsafe { interrupt::set_alarm(hold, null_mut()) }
}

/// Holds the interrupt thread that it runs in.
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
            if hold_soon() {
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

/// Finds the event queues (epoll) of this process, one of which is the interrupt thread's: that one
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

/// Locks what is whole even when a holder has panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
