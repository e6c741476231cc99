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

mod drawing;
mod stream;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use self::drawing::{ERASURE, drawing};
pub use self::stream::{Size, Stream};
use crate::output::incomplete;
use crate::patience::{Patience, Reader, Writer};

/// The most sentences that wait to be written; further ones are dropped.
pub const MOST_SENTENCES: usize = 64;

/// A state of the display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Lines that replace those shown before; none take these away.
    Table(Vec<String>),
    /// A line below those shown before, or several.
    Line(String),
}

/// A handle to the console; its copies share one thread and one display.
#[derive(Debug, Clone)]
pub struct Console(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    stream: Stream,
    /// The program's name, which every sentence begins with.
    program: String,
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
    /// Makes the console of `program` that shows its display on `stream`. Its thread is made by the first
    /// [`show`](Self::show) or [`say`](Self::say), and so runs on the CPUs of the thread that calls
    /// it.
    #[must_use]
    pub fn new(stream: Stream, program: &str) -> Self {
        Self(Arc::new(Shared {
            stream,
            program: program.to_owned(),
            wanted: Mutex::default(),
            changed: Condvar::new(),
            written: AtomicUsize::new(0),
        }))
    }

    /// Shows `frame` as soon as possible, unless there is a newer one by then.
    pub fn show(&self, frame: Frame) {
        self.want(|wanted| wanted.frame = Some(frame));
    }

    /// Writes a sentence on standard error, after the program's name, unless too many wait already.
    pub fn say(&self, sentence: &str) {
        self.want(|wanted| {
            if wanted.sentences.len() < MOST_SENTENCES {
                wanted
                    .sentences
                    .push(format!("{}: {sentence}", self.0.program));
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

    fn reader(&self) -> Reader {
        Reader::There
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
    let console = Console::new(stream, "");
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
            write(stream, ERASURE);
        }
    };
    let mut table: Vec<String> = Vec::new();
    while let Some((frame, sentences)) = shared.next() {
        if !sentences.is_empty() {
            erase(&table);
            for sentence in sentences {
                let sentence = format!("{sentence}\n");
                write(Stream::Stderr, &Stream::Stderr.fitted(&sentence));
            }
        }
        match frame {
            Some(Frame::Table(lines)) => {
                if lines.is_empty() {
                    erase(&table);
                }
                table = lines;
            }
            Some(Frame::Line(line)) => write(stream, &stream.fitted(&format!("{line}\n"))),
            None => {}
        }
        if !table.is_empty() {
            write(stream, &drawing(&table, stream.size()));
        }
    }
    erase(&table);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_frame_replaces_one_that_was_not_shown() {
        let console = Console::new(Stream::Stderr, "test");
        {
            let mut wanted = console.0.lock();
            // As if its thread were held up.
            wanted.thread = Some(thread::spawn(|| {}));
        }
        for number in 0..1000 {
            console.show(Frame::Line(number.to_string()));
            console.say(&format!("sentence {number}"));
        }
        let (frame, sentences) = console.0.next().unwrap();
        assert_eq!(frame, Some(Frame::Line("999".to_owned())));
        assert_eq!(sentences.len(), MOST_SENTENCES);
        console.end();
        assert_eq!(console.0.next(), None);
    }

    #[test]
    fn what_was_said_last_is_said() {
        let console = Console::new(Stream::Stderr, "test");
        console.say("a sentence");
        console.end();
        Patience::new(&mut || 0).wait(&[&console]);
        console.say("too late");
        assert!(console.0.lock().sentences.is_empty());
    }
}
