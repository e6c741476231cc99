//! A small HTTP server for one text, on one thread.
//!
//! Promised: it takes few descriptors and little memory whatever comes from outside; nobody stays for
//! longer than a few seconds; who does not ask makes room for who comes next; and if no more
//! connections can be taken (no descriptor is left) it waits until they can, and goes on.

mod answer;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use self::answer::answer;

/// Connections at a time.
pub const MOST_CONNECTIONS: usize = 16;

/// How long a client may take to ask, and again to take the answer.
const LIMIT: Duration = Duration::from_secs(5);

/// How long a client that has its answer is waited for. One that is sent away while it still sends
/// might lose the answer.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// How long a client is there at least before it has to make room: one that means to ask has asked.
const STAY: Duration = Duration::from_millis(200);

/// How long nothing is tried after a connection could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

/// How often the thread looks whether it is to end, and who has been there for too long.
const LOOK_EVERY: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// A thread that answers.
#[derive(Debug)]
pub struct Server {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Option<io::Error>>,
}

impl Server {
    /// Answers those who come to `listener` with what `told` is at the time.
    ///
    /// # Errors
    ///
    /// If there cannot be such a thread.
    pub fn start(listener: TcpListener, told: Arc<Mutex<String>>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let is_over = Arc::new(AtomicBool::new(false));
        let mut desk = Desk {
            listener,
            told,
            connections: Vec::new(),
            trouble: None,
        };
        let seen = Arc::clone(&is_over);
        let thread = thread::Builder::new().name("metrics".to_owned());
        let thread = thread.spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                desk.look();
            }
            desk.trouble.map(|(cause, _)| cause)
        })?;
        Ok(Self { is_over, thread })
    }

    /// Answers nobody any more; why it could not by the end, if so.
    #[must_use]
    pub fn finish(self) -> Option<io::Error> {
        self.is_over.store(true, Ordering::Relaxed);
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Some(io::Error::other("its thread panicked")))
    }
}

/// What the thread has.
struct Desk {
    listener: TcpListener,
    told: Arc<Mutex<String>>,
    /// The oldest first.
    connections: Vec<Connection>,
    /// Why no connection could be taken, and since when; not if one could be since.
    trouble: Option<(io::Error, Instant)>,
}

impl Desk {
    /// Waits until there is something to do, and does it.
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

    /// Returns whether there is room, or somebody who has to make some.
    fn takes_more(&self) -> bool {
        let is_pausing = |(_, since): &(_, Instant)| since.elapsed() < PAUSE;
        !self.trouble.as_ref().is_some_and(is_pausing)
            && (self.connections.len() < MOST_CONNECTIONS || self.has_idler())
    }

    /// Returns whether the oldest has been there for long enough.
    fn has_idler(&self) -> bool {
        let oldest = self.connections.first();
        oldest.is_some_and(|oldest| oldest.since.elapsed() >= STAY)
    }

    /// Takes whoever waits.
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

/// One client.
struct Connection {
    stream: TcpStream,
    since: Instant,
    until: Instant,
    stage: Stage,
}

enum Stage {
    /// So much has been asked.
    Asking(Vec<u8>),
    /// The answer, and how much of it has been sent.
    Answering(Vec<u8>, usize),
    /// All is said.
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

    /// Goes on with it if it `is_ready`; whether it is still there afterwards.
    fn stays(&mut self, is_ready: bool, told: &Mutex<String>) -> bool {
        if !is_ready {
            return Instant::now() < self.until;
        }
        match self.go_on(told) {
            Ok(stays) => stays,
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }

    /// Reads once, or writes once, so that nobody keeps the others waiting.
    fn go_on(&mut self, told: &Mutex<String>) -> io::Result<bool> {
        let mut bytes = [0; 4096];
        match &mut self.stage {
            Stage::Asking(asked) => {
                let len = self.stream.read(&mut bytes)?;
                asked.extend_from_slice(&bytes[..len]);
                let text = || told.lock().unwrap_or_else(PoisonError::into_inner).clone();
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
