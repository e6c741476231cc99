//! Which of a queue's sockets something waits in.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

/// The most sockets of one look.
const MAX_READY: usize = 64;

/// The sockets of a queue that have something to be received, each once a look; one alone is simply
/// asked.
pub struct Ready {
    epoll: Option<OwnedFd>,
    /// The numbers of those of the last look that were not taken yet.
    numbers: Vec<usize>,
}

impl Ready {
    /// Watches `sockets`, whose numbers are those of their places.
    ///
    /// # Errors
    ///
    /// If the kernel does not.
    pub fn new<'s>(sockets: impl ExactSizeIterator<Item = BorrowedFd<'s>>) -> io::Result<Self> {
        let numbers = Vec::with_capacity(MAX_READY);
        if sockets.len() == 1 {
            return Ok(Self {
                epoll: None,
                numbers,
            });
        }
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        for (number, socket) in sockets.enumerate() {
            let data = EventData::new_u64(number as u64);
            epoll::add(&epoll, socket, data, EventFlags::IN)?;
        }
        Ok(Self {
            epoll: Some(epoll),
            numbers,
        })
    }

    /// Looks anew if all of the last look were taken.
    #[inline]
    pub fn look(&mut self) {
        if !self.numbers.is_empty() {
            return;
        }
        let Some(epoll) = &self.epoll else {
            self.numbers.push(0);
            return;
        };
        let mut events = [MaybeUninit::<Event>::uninit(); MAX_READY];
        let at_once = Timespec::default();
        // Interrupted, there is another look soon.
        if let Ok((events, _)) = epoll::wait(epoll.as_fd(), &mut events, Some(&at_once)) {
            let numbers = events.iter().map(|event| event.data.u64() as usize);
            self.numbers.extend(numbers);
        }
    }

    /// Takes a socket that may have something.
    #[inline]
    pub fn take(&mut self) -> Option<usize> {
        self.numbers.pop()
    }
}
