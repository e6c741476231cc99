//! The errors that the kernel answers during a run, counted by their names.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::net::RecvFlags;

/// The errors that sending meets, and the names that their counters have.
const SENDING: [(i32, &str); 10] = [
    (libc::EAGAIN, "send_EAGAIN"),
    (libc::ENOBUFS, "send_ENOBUFS"),
    (libc::ENETDOWN, "send_ENETDOWN"),
    (libc::ENETUNREACH, "send_ENETUNREACH"),
    (libc::EHOSTUNREACH, "send_EHOSTUNREACH"),
    (libc::ECONNREFUSED, "send_ECONNREFUSED"),
    (libc::EMSGSIZE, "send_EMSGSIZE"),
    (libc::EPERM, "send_EPERM"),
    (libc::EINVAL, "send_EINVAL"),
    (libc::EIO, "send_EIO"),
];

/// The errors of a port.
#[derive(Debug, Default)]
pub struct Errors {
    sending: [AtomicU64; SENDING.len()],
    other: AtomicU64,
    icmp: AtomicU64,
}

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Send the same again: the error was about something else, or is over.
    Again,
    /// Wait until a queue of the kernel's has room.
    Full,
    /// Let it be for now.
    Later,
}

impl Errors {
    /// Counts the error that sending on `socket` met.
    ///
    /// An ICMP error about an earlier datagram is answered to whatever is called next, which then is
    /// not done: it has to be done again.
    #[cold]
    pub fn sending(&self, socket: BorrowedFd<'_>, error: &io::Error) -> Advice {
        if error.kind() == io::ErrorKind::Interrupted {
            return Advice::Again;
        }
        let number = error.raw_os_error();
        let known = SENDING.iter().position(|(known, _)| Some(*known) == number);
        let is_full = matches!(number, Some(libc::EAGAIN | libc::ENOBUFS));
        if !is_full && self.take_icmp(socket) > 0 {
            return Advice::Again;
        }
        let counter = known.map_or(&self.other, |at| &self.sending[at]);
        counter.fetch_add(1, Ordering::Relaxed);
        if is_full { Advice::Full } else { Advice::Later }
    }

    /// Counts the ICMP errors that wait in `socket`, and returns how many they were.
    #[cold]
    pub fn take_icmp(&self, socket: BorrowedFd<'_>) -> u64 {
        let mut taken = 0;
        let flags = RecvFlags::ERRQUEUE | RecvFlags::DONTWAIT;
        while rustix::net::recv(socket, &mut [0; 1], flags).is_ok() {
            taken += 1;
        }
        self.icmp.fetch_add(taken, Ordering::Relaxed);
        taken
    }

    /// Returns the counters by name.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let sending = SENDING.iter().zip(&self.sending);
        sending
            .map(|((_, name), counter)| (*name, counter))
            .chain([("send_other", &self.other), ("icmp_errors", &self.icmp)])
            .map(|(name, counter)| (name, counter.load(Ordering::Relaxed)))
    }
}
