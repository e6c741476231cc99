//! What is said while a run goes on, by a thread of its own: the live display, and sentences on
//! standard error.
//!
//! Promised: saying something never waits, whatever the terminal or the reader of a pipe does. A
//! display that comes faster than it can be shown is replaced by the next one; of sentences at most
//! [`MOST_SENTENCES`] wait. No mode of the terminal is changed, so there is none to restore.
//!
//! A table is redrawn in place, and the cursor waits on the empty line above it: there it stays at
//! the beginning of the table when the terminal is resized and lines are wrapped anew, and whatever
//! else is written there meanwhile stays readable above the table.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// Sentences that wait to be written, at most.
pub const MOST_SENTENCES: usize = 64;

/// A terminal that does not tell its size.
const USUAL_SIZE: Size = Size {
    columns: 80,
    rows: 24,
};

/// Where a display goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error, while standard output carries data.
    Stderr,
}

/// What is to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// These lines instead of those shown before.
    Table(Vec<String>),
    /// This line below those shown before.
    Line(String),
}

/// A terminal's size in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    columns: usize,
    rows: usize,
}

impl Stream {
    /// Whether a person watches there on a terminal that can be drawn on.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        let is_terminal = match self {
            Self::Stdout => io::stdout().is_terminal(),
            Self::Stderr => io::stderr().is_terminal(),
        };
        is_terminal && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
    }

    /// Writes all of `text` at once. Whoever watched may have gone; the run goes on.
    pub fn write(self, text: &str) {
        let _ = match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                let written = stdout.write_all(text.as_bytes());
                written.and_then(|()| stdout.flush())
            }
            Self::Stderr => io::stderr().write_all(text.as_bytes()),
        };
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

/// Speaks for whoever has a copy of it.
#[derive(Debug, Clone)]
pub struct Voice(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    stream: Stream,
    wanted: Mutex<Wanted>,
    changed: Condvar,
}

/// What is still to be said.
#[derive(Debug, Default)]
struct Wanted {
    frame: Option<Frame>,
    sentences: Vec<String>,
    is_over: bool,
    thread: Option<JoinHandle<()>>,
}

impl Voice {
    /// A voice that shows its display on `stream`. Its thread begins with the first word, and runs
    /// where that was said.
    #[must_use]
    pub fn new(stream: Stream) -> Self {
        Self(Arc::new(Shared {
            stream,
            wanted: Mutex::default(),
            changed: Condvar::new(),
        }))
    }

    /// Shows `frame` as soon as possible, unless there is a newer one by then.
    pub fn show(&self, frame: Frame) {
        self.want(|wanted| wanted.frame = Some(frame));
    }

    /// Says a sentence on standard error.
    pub fn say(&self, sentence: String) {
        self.want(|wanted| {
            if wanted.sentences.len() < MOST_SENTENCES {
                wanted.sentences.push(sentence);
            }
        });
    }

    fn want(&self, what: impl FnOnce(&mut Wanted)) {
        let mut wanted = self.0.lock();
        what(&mut wanted);
        if wanted.thread.is_none() && !wanted.is_over {
            let shared = Arc::clone(&self.0);
            let thread = thread::Builder::new().name("display".to_owned());
            // Without a thread nothing is shown, and the run goes on.
            wanted.thread = thread.spawn(move || speak(&shared)).ok();
        }
        self.0.changed.notify_one();
    }

    /// Says what is left, takes the table away, and falls silent.
    pub fn finish(&self) {
        let thread = {
            let mut wanted = self.0.lock();
            wanted.is_over = true;
            wanted.thread.take()
        };
        self.0.changed.notify_one();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// A thread that panicked has left nothing half done here.
    fn lock(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to say, and takes it; `None` at the end.
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

/// What the thread does.
fn speak(shared: &Shared) {
    let stream = shared.stream;
    let mut table = Vec::new();
    while let Some((frame, sentences)) = shared.next() {
        if !sentences.is_empty() {
            erase(stream, &table);
            for sentence in sentences {
                Stream::Stderr.write(&format!("{sentence}\n"));
            }
        }
        match frame {
            Some(Frame::Table(lines)) => table = lines,
            Some(Frame::Line(line)) => stream.write(&format!("{line}\n")),
            None => {}
        }
        if !table.is_empty() {
            stream.write(&drawing(&table, stream.size()));
        }
    }
    erase(stream, &table);
}

fn erase(stream: Stream, table: &[String]) {
    if !table.is_empty() {
        stream.write("\r\x1b[J");
    }
}

/// What draws `table` below the line of the cursor and leaves the cursor there: every line is cut to
/// the terminal's width, since one that wraps would be two, and written over what stood there before,
/// since erasing it first would flicker.
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
        let voice = Voice::new(Stream::Stderr);
        {
            let mut wanted = voice.0.lock();
            // As if its thread were held up.
            wanted.is_over = true;
        }
        for number in 0..1000 {
            voice.show(Frame::Line(number.to_string()));
            voice.say(format!("sentence {number}"));
        }
        let (frame, sentences) = voice.0.next().unwrap();
        assert_eq!(frame, Some(Frame::Line("999".to_owned())));
        assert_eq!(sentences.len(), MOST_SENTENCES);
        assert_eq!(voice.0.next(), None);
    }

    #[test]
    fn what_was_said_last_is_said() {
        let voice = Voice::new(Stream::Stderr);
        voice.say("a sentence of a test".to_owned());
        voice.finish();
        assert!(voice.0.lock().sentences.is_empty());
        voice.say("too late".to_owned());
    }
}
