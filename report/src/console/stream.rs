//! Standard output and standard error, written past the standard library.

use std::borrow::Cow;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::drawing::{ERASURE, drawing};
use crate::background::PIECE;
use crate::place::Place;
use crate::text::wrap::wrap;

/// The time within which a reader takes a text of [`Stream::write_soon`], or does not get it.
const READER_WITHIN: Duration = Duration::from_secs(2);

/// The size taken for a terminal that does not tell its own.
const USUAL_SIZE: Size = Size {
    columns: 80,
    rows: 24,
};

/// A standard stream that the display or a text goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error, which takes the display while standard output carries data.
    Stderr,
}

/// A terminal's size in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Characters of a line.
    pub columns: usize,
    /// Lines.
    pub rows: usize,
}

impl Stream {
    /// Returns whether it is a terminal that can be drawn on.
    #[must_use]
    pub fn can_be_drawn_on(self) -> bool {
        self.is_terminal() && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
    }

    fn is_terminal(self) -> bool {
        match self {
            Self::Stdout => io::stdout().is_terminal(),
            Self::Stderr => io::stderr().is_terminal(),
        }
    }

    /// Returns the place that it leads to; `None` if nobody sees what is written there.
    #[must_use]
    pub fn place(self) -> Option<Place> {
        match self {
            Self::Stdout => Place::of_descriptor(io::stdout()),
            Self::Stderr => Place::of_descriptor(io::stderr()),
        }
    }

    /// Writes sentences without a thread, as far as their reader takes them within two seconds: for
    /// what is said before a run has begun, or when no thread can be made.
    pub fn write_soon(self, text: &str) {
        let until = Instant::now() + READER_WITHIN;
        self.write_pieces(&self.fitted(text), || {
            let left = until.saturating_duration_since(Instant::now());
            Timespec::try_from(left).is_ok_and(|left| self.takes_more(Some(&left)))
        });
    }

    /// Draws `table` without a thread, if the terminal takes something just now.
    pub(crate) fn draw_now(self, table: &[String]) {
        self.write_now(&drawing(table, self.size()));
    }

    /// Takes away what [`Self::draw_now`] has drawn.
    pub(crate) fn erase_now(self) {
        self.write_now(ERASURE);
    }

    fn write_now(self, text: &str) {
        self.write_pieces(text, || self.takes_more(Some(&Timespec::default())));
    }

    /// Writes all of `text`, however long that takes, and calls `has_written` before each piece. An
    /// error is ignored: a reader that has gone does not end the run.
    pub(super) fn write(self, text: &str, has_written: impl Fn()) {
        self.write_pieces(text, || {
            has_written();
            true
        });
    }

    /// Writes `text` piece by piece as long as `goes_on` says so. It goes past the standard
    /// library, whose locks would be held for as long as the reader takes nothing.
    fn write_pieces(self, text: &str, goes_on: impl Fn() -> bool) {
        let mut rest = text.as_bytes();
        while !rest.is_empty() && goes_on() {
            let piece = &rest[..rest.len().min(PIECE)];
            let written = match self {
                Self::Stdout => rustix::io::write(io::stdout(), piece),
                Self::Stderr => rustix::io::write(io::stderr(), piece),
            };
            match written {
                Ok(len) => rest = &rest[len..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.takes_more(None) => {}
                Err(_) => return,
            }
        }
    }

    /// Returns whether a write within `limit` would not wait, since it is taken or fails.
    fn takes_more(self, limit: Option<&Timespec>) -> bool {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let fd = match self {
            Self::Stdout => stdout.as_fd(),
            Self::Stderr => stderr.as_fd(),
        };
        let polled = poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::OUT)], limit);
        polled.is_ok_and(|ready| ready > 0)
    }

    /// Returns sentences with their lines broken between words where a terminal's end.
    pub(super) fn fitted(self, text: &str) -> Cow<'_, str> {
        if self.is_terminal() {
            wrap(text, self.size().columns, 0).into()
        } else {
            text.into()
        }
    }

    /// Returns its name in sentences.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "standard output",
            Self::Stderr => "standard error",
        }
    }

    /// Returns its size, or the usual one if it does not tell.
    #[must_use]
    pub fn size(self) -> Size {
        let told = match self {
            Self::Stdout => rustix::termios::tcgetwinsize(io::stdout()),
            Self::Stderr => rustix::termios::tcgetwinsize(io::stderr()),
        };
        match told {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size {
                columns: size.ws_col.into(),
                rows: size.ws_row.into(),
            },
            _ => USUAL_SIZE,
        }
    }
}
