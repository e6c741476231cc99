//! A small HTTP server for one text, on one thread.
//!
//! Promised: it takes few descriptors and little memory whatever comes from outside; no client
//! stays for longer than some ten seconds; once there are as many clients as there may be, the
//! oldest makes room for the next; and while no connection can be accepted (no descriptor is left)
//! it waits until one can, and goes on.

mod answer;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use self::answer::answer;

/// The most connections at a time.
pub const MOST_CONNECTIONS: usize = 16;

/// The time within which a client has to ask, and again to take the answer.
const LIMIT: Duration = Duration::from_secs(5);

/// The time within which a client that has its answer has to close the connection. It is waited
/// for, since one that still sends when the connection is closed might lose the answer.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// The time that a client has at least before it has to make room: one that means to ask has asked
/// by then.
const STAY: Duration = Duration::from_millis(200);

/// The time for which no connection is accepted after one could not be.
const PAUSE: Duration = Duration::from_millis(100);

/// The most time between two looks whether the thread is to end, and which clients are over their
/// time.
const LOOK_EVERY: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// A server and its thread.
#[derive(Debug)]
pub struct Server {
    is_over: Arc<AtomicBool>,
    trouble: Arc<Mutex<Option<String>>>,
    thread: JoinHandle<Option<io::Error>>,
}

impl Server {
    /// Starts a thread that answers clients of `listener` with the text that is in `told` at the
    /// time.
    ///
    /// # Errors
    ///
    /// If the thread cannot be made, or the system refuses to have `listener` not block.
    pub fn start(listener: TcpListener, told: Arc<Mutex<String>>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let is_over = Arc::new(AtomicBool::new(false));
        let mut desk = Desk {
            listener,
            told,
            connections: Vec::new(),
            trouble: None,
        };
        let (seen, trouble) = (Arc::clone(&is_over), Arc::default());
        let told = Arc::clone(&trouble);
        let thread = thread::Builder::new().name("metrics".to_owned());
        let thread = thread.spawn(move || {
            let mut since = Instant::now();
            while !seen.load(Ordering::Relaxed) {
                desk.look();
                if desk.trouble.is_none() {
                    since = Instant::now();
                }
                // Those who only take descriptors have been sent away by then.
                let lasts = since.elapsed() >= LIMIT;
                let trouble = desk.trouble.as_ref().filter(|_| lasts);
                *lock(&told) = trouble.map(|(cause, _)| cause.to_string());
            }
            desk.trouble.map(|(cause, _)| cause)
        })?;
        Ok(Self {
            is_over,
            trouble,
            thread,
        })
    }

    /// Returns the error that has kept it from accepting clients for five seconds, if one has.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        lock(&self.trouble).clone()
    }

    /// Ends the server. Returns the error that kept it from accepting clients by the end, if one
    /// did.
    #[must_use]
    pub fn finish(self) -> Option<io::Error> {
        self.is_over.store(true, Ordering::Relaxed);
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Some(io::Error::other("its thread panicked")))
    }
}

/// Locks what threads share; whoever panicked has left nothing half done there.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The state of the server's thread.
struct Desk {
    listener: TcpListener,
    told: Arc<Mutex<String>>,
    /// The clients, the oldest first.
    connections: Vec<Connection>,
    /// The error of the last connection that could not be accepted, and its time; `None` once one
    /// could be.
    trouble: Option<(io::Error, Instant)>,
}

impl Desk {
    /// Waits until a client has something to do or [`LOOK_EVERY`] is over, and serves those that
    /// have.
    fn look(&mut self) {
        let takes_more = self.takes_more();
        let mut polled: Vec<PollFd<'_>> = Vec::with_capacity(1 + self.connections.len());
        polled.extend(self.connections.iter().map(Connection::polled));
        if takes_more {
            polled.push(PollFd::new(&self.listener, PollFlags::IN));
        }
        if poll(&mut polled, Some(&LOOK_EVERY)).is_err() {
            // Without memory or by a signal; what is ready is ready next time.
            thread::sleep(Duration::from_millis(1));
            return;
        }
        let mut is_ready = polled.iter().map(|fd| !fd.revents().is_empty());
        let ready: Vec<bool> = is_ready.by_ref().take(self.connections.len()).collect();
        let has_caller = is_ready.next().unwrap_or(false);
        let mut ready = ready.into_iter();
        let told = &self.told;
        self.connections
            .retain_mut(|connection| connection.stays(ready.next() == Some(true), told));
        // Once there was trouble, only trying tells that it is over.
        if has_caller || self.trouble.is_some() {
            self.welcome();
        }
    }

    /// Returns whether a connection may be accepted: there is room, or a client that has to make
    /// some.
    fn takes_more(&self) -> bool {
        let is_pausing = |(_, since): &(_, Instant)| since.elapsed() < PAUSE;
        !self.trouble.as_ref().is_some_and(is_pausing)
            && (self.connections.len() < MOST_CONNECTIONS || self.has_idler())
    }

    /// Returns whether the oldest client has been there for long enough to make room.
    fn has_idler(&self) -> bool {
        let oldest = self.connections.first();
        oldest.is_some_and(|oldest| oldest.since.elapsed() >= STAY)
    }

    /// Accepts the clients that wait.
    fn welcome(&mut self) {
        while self.takes_more() {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    self.trouble = None;
                    if self.connections.len() >= MOST_CONNECTIONS {
                        self.connections.remove(0);
                    }
                    self.connections.extend(Connection::new(stream));
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => {
                        self.trouble = None;
                        return;
                    }
                    ErrorKind::Interrupted | ErrorKind::ConnectionAborted => {}
                    // As a rule no descriptor is left, and an idler has one.
                    _ if self.has_idler() => {
                        self.connections.remove(0);
                    }
                    _ => self.trouble = Some((error, Instant::now())),
                },
            }
        }
    }
}

/// The connection of a client.
struct Connection {
    stream: TcpStream,
    since: Instant,
    until: Instant,
    stage: Stage,
}

enum Stage {
    /// The client asks; so much of its request has come.
    Asking(Vec<u8>),
    /// The client takes this answer, of which so many bytes have been sent.
    Answering(Vec<u8>, usize),
    /// The answer has been sent; the client is to close the connection.
    Leaving,
}

impl Connection {
    fn new(stream: TcpStream) -> Option<Self> {
        stream.set_nonblocking(true).ok()?;
        let now = Instant::now();
        Some(Self {
            stream,
            since: now,
            until: now + LIMIT,
            stage: Stage::Asking(Vec::new()),
        })
    }

    fn polled(&self) -> PollFd<'_> {
        let flags = match self.stage {
            Stage::Answering(..) => PollFlags::OUT,
            Stage::Asking(_) | Stage::Leaving => PollFlags::IN,
        };
        PollFd::new(&self.stream, flags)
    }

    /// Goes on with it if it `is_ready`, and returns whether it stays.
    fn stays(&mut self, is_ready: bool, told: &Mutex<String>) -> bool {
        if !is_ready {
            return Instant::now() < self.until;
        }
        match self.go_on(told) {
            Ok(stays) => stays,
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }

    /// Reads once or writes once, so that no client keeps the others waiting, and returns whether
    /// it stays.
    fn go_on(&mut self, told: &Mutex<String>) -> io::Result<bool> {
        let mut bytes = [0; 4096];
        match &mut self.stage {
            Stage::Asking(asked) => {
                let len = self.stream.read(&mut bytes)?;
                asked.extend_from_slice(&bytes[..len]);
                let text = || lock(told).clone();
                if let Some(answer) = answer(asked, text) {
                    self.until = Instant::now() + LIMIT;
                    self.stage = Stage::Answering(answer, 0);
                }
                Ok(len > 0)
            }
            Stage::Answering(answer, sent) => {
                *sent += self.stream.write(&answer[*sent..])?;
                if *sent == answer.len() {
                    self.stream.shutdown(Shutdown::Write)?;
                    self.until = Instant::now() + LEAVE_WITHIN;
                    self.stage = Stage::Leaving;
                }
                Ok(true)
            }
            Stage::Leaving => {
                let is_there = self.stream.read(&mut bytes)? > 0;
                Ok(is_there && Instant::now() < self.until)
            }
        }
    }
}

#[cfg(test)]
mod tests;
