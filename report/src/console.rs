//! The console of a run: a thread of its own writes the live display, and sentences on standard
//! error.
//!
//! Promised: showing or saying something never waits, whatever the terminal or the reader of a pipe
//! does. A display that comes faster than it can be shown is replaced by the next one; at most
//! [`MOST_SENTENCES`] sentences wait, and further ones are dropped. No mode of the terminal is
//! changed, so there is none to restore. The end of a run waits for what is still to be written as
//! long as [`Patience`] lasts.
//!
//! A table is redrawn in place, and the cursor waits on the empty line above it. There it stays at
//! the beginning of the table when the terminal is resized and lines are wrapped anew, and whatever
//! other programs write meanwhile stays readable above the table.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::background::PIECE;
use crate::output::incomplete;
use crate::patience::{Patience, Writer};

/// The most sentences that wait to be written; further ones are dropped.
pub const MOST_SENTENCES: usize = 64;

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

/// A state of the display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Lines that replace those shown before.
    Table(Vec<String>),
    /// A line below those shown before.
    Line(String),
}

/// A terminal's size in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    columns: usize,
    rows: usize,
}

impl Stream {
    /// Returns whether it is a terminal that can be drawn on.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        let is_terminal = match self {
            Self::Stdout => io::stdout().is_terminal(),
            Self::Stderr => io::stderr().is_terminal(),
        };
        is_terminal && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
    }

    /// Writes `text` without a thread, as far as its reader takes it within two seconds: for what
    /// is said before a run has begun, or when no thread can be made.
    pub fn write_soon(self, text: &str) {
        let until = Instant::now() + READER_WITHIN;
        self.write_pieces(text, || {
            let left = until.saturating_duration_since(Instant::now());
            Timespec::try_from(left).is_ok_and(|left| self.takes_more(Some(&left)))
        });
    }

    /// Writes all of `text`, however long that takes, and calls `has_written` before each piece. An
    /// error is ignored: a reader that has gone does not end the run.
    fn write(self, text: &str, has_written: impl Fn()) {
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

    /// Returns its name in sentences.
    const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "standard output",
            Self::Stderr => "standard error",
        }
    }

    fn size(self) -> Size {
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

/// A handle to the console; its copies share one thread and one display.
#[derive(Debug, Clone)]
pub struct Console(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    stream: Stream,
    wanted: Mutex<Wanted>,
    changed: Condvar,
    /// The number of pieces handed to a stream, by which [`Patience`] sees progress.
    written: AtomicUsize,
}

/// The frame and the sentences that are still to be written.
#[derive(Debug, Default)]
struct Wanted {
    frame: Option<Frame>,
    sentences: Vec<String>,
    is_over: bool,
    thread: Option<JoinHandle<()>>,
}

impl Console {
    /// Makes a console that shows its display on `stream`. Its thread is made by the first
    /// [`show`](Self::show) or [`say`](Self::say), and so runs on the CPUs of the thread that calls
    /// it.
    #[must_use]
    pub fn new(stream: Stream) -> Self {
        Self(Arc::new(Shared {
            stream,
            wanted: Mutex::default(),
            changed: Condvar::new(),
            written: AtomicUsize::new(0),
        }))
    }

    /// Shows `frame` as soon as possible, unless there is a newer one by then.
    pub fn show(&self, frame: Frame) {
        self.want(|wanted| wanted.frame = Some(frame));
    }

    /// Writes a sentence on standard error, unless too many wait already.
    pub fn say(&self, sentence: String) {
        self.want(|wanted| {
            if wanted.sentences.len() < MOST_SENTENCES {
                wanted.sentences.push(sentence);
            }
        });
    }

    fn want(&self, what: impl FnOnce(&mut Wanted)) {
        let mut wanted = self.0.lock();
        if wanted.is_over {
            return;
        }
        what(&mut wanted);
        if wanted.thread.is_none() {
            let shared = Arc::clone(&self.0);
            let thread = thread::Builder::new().name("display".to_owned());
            // Without a thread nothing is shown, and the run goes on.
            wanted.thread = thread.spawn(move || write_all(&shared)).ok();
        }
        self.0.changed.notify_one();
    }

    /// Has the thread write what is left, take the table away and end, without waiting for that.
    /// Frames and sentences that come later are dropped.
    pub fn end(&self) {
        self.0.lock().is_over = true;
        self.0.changed.notify_one();
    }
}

impl Writer for Console {
    fn is_done(&self) -> bool {
        let wanted = self.0.lock();
        wanted.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn progress(&self) -> usize {
        self.0.written.load(Ordering::Relaxed)
    }

    fn has_reader(&self) -> bool {
        true
    }
}

/// Writes `line` on `stream` at the end of a run, and waits for that as long as `patience` lasts.
/// Returns a sentence that calls it `what` and says that it is incomplete, if it is.
pub fn say_last(
    stream: Stream,
    what: &str,
    line: &str,
    patience: &mut Patience<'_>,
) -> Option<String> {
    let console = Console::new(stream);
    console.show(Frame::Line(line.to_owned()));
    console.end();
    if console.0.lock().thread.is_none() {
        stream.write_soon(&format!("{line}\n"));
    }
    patience.wait(&[&console]);
    (!console.is_done()).then(|| {
        let label = format!("{} ({what})", stream.name());
        incomplete(&label, "its reader does not read")
    })
}

impl Shared {
    /// Locks what is still to be written; a thread that panicked has left nothing half done there.
    fn lock(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a frame or sentences to write, and takes them; `None` at the end.
    fn next(&self) -> Option<(Option<Frame>, Vec<String>)> {
        let mut wanted = self.lock();
        loop {
            let (frame, sentences) = (wanted.frame.take(), std::mem::take(&mut wanted.sentences));
            if frame.is_some() || !sentences.is_empty() {
                return Some((frame, sentences));
            }
            if wanted.is_over {
                return None;
            }
            wanted = self
                .changed
                .wait(wanted)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Writes frames and sentences until the console is ended: the work of its thread.
fn write_all(shared: &Shared) {
    let write = |stream: Stream, text: &str| {
        stream.write(text, || {
            shared.written.fetch_add(1, Ordering::Relaxed);
        });
    };
    let stream = shared.stream;
    let erase = |table: &[String]| {
        if !table.is_empty() {
            write(stream, "\r\x1b[J");
        }
    };
    let mut table = Vec::new();
    while let Some((frame, sentences)) = shared.next() {
        if !sentences.is_empty() {
            erase(&table);
            for sentence in sentences {
                write(Stream::Stderr, &format!("{sentence}\n"));
            }
        }
        match frame {
            Some(Frame::Table(lines)) => table = lines,
            Some(Frame::Line(line)) => write(stream, &format!("{line}\n")),
            None => {}
        }
        if !table.is_empty() {
            write(stream, &drawing(&table, stream.size()));
        }
    }
    erase(&table);
}

/// Returns what draws `table` below the line of the cursor and leaves the cursor there: every line
/// is cut to the terminal's width, since one that wraps would be two, and written over what stood
/// there before, since erasing it first would flicker.
fn drawing(table: &[String], size: Size) -> String {
    let shown = &table[..table.len().min(size.rows.saturating_sub(2))];
    let mut drawing = String::from("\r\x1b[K");
    for line in shown {
        drawing += "\n";
        // A terminal may wrap, or not, after its last column.
        drawing.extend(line.chars().take(size.columns - 1));
        drawing += "\x1b[K";
    }
    drawing += "\x1b[J\r";
    if !shown.is_empty() {
        let _ = write!(drawing, "\x1b[{}A", shown.len());
    }
    drawing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn a_table_is_drawn_over_the_one_before() {
        let size = Size {
            columns: 80,
            rows: 24,
        };
        assert_eq!(
            drawing(&table(&["sent 1", "lost 0"]), size),
            "\r\x1b[K\nsent 1\x1b[K\nlost 0\x1b[K\x1b[J\r\x1b[2A"
        );
    }

    #[test]
    fn a_small_terminal_cuts_lines_and_leaves_lines_out() {
        let drawn = |columns, rows| drawing(&table(&["µs 123", "b", "c"]), Size { columns, rows });
        assert_eq!(drawn(4, 4), "\r\x1b[K\nµs \x1b[K\nb\x1b[K\x1b[J\r\x1b[2A");
        for (columns, rows) in [(1, 1), (1, 3), (9, 2)] {
            let drawn = drawn(columns, rows);
            assert!(drawn.matches('\n').count() < rows, "{drawn:?}");
        }
    }

    #[test]
    fn a_newer_frame_replaces_one_that_was_not_shown() {
        let console = Console::new(Stream::Stderr);
        {
            let mut wanted = console.0.lock();
            // As if its thread were held up.
            wanted.thread = Some(thread::spawn(|| {}));
        }
        for number in 0..1000 {
            console.show(Frame::Line(number.to_string()));
            console.say(format!("sentence {number}"));
        }
        let (frame, sentences) = console.0.next().unwrap();
        assert_eq!(frame, Some(Frame::Line("999".to_owned())));
        assert_eq!(sentences.len(), MOST_SENTENCES);
        console.end();
        assert_eq!(console.0.next(), None);
    }

    #[test]
    fn what_was_said_last_is_said() {
        let console = Console::new(Stream::Stderr);
        console.say("a sentence of a test".to_owned());
        console.end();
        Patience::new(&mut || 0).wait(&[&console]);
        console.say("too late".to_owned());
        assert!(console.0.lock().sentences.is_empty());
    }
}
