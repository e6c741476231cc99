//! An output that is written by a thread of its own.
//!
//! Promised: writing never waits. A reader that is slow, or does not read at all (a pager, a pipe
//! that nobody empties), holds up nothing but its own output; what it leaves unread beyond
//! [`MOST_PENDING`] bytes is dropped, and the output is then incomplete. The failure of an output
//! is reported once while the run goes on, that its file was removed within a second or two. The
//! end of a run waits for it as long as [`Patience`](crate::patience::Patience) lasts; a thread
//! that still waits for its reader then is left behind.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::console::Console;
use crate::output::{LOOK_EVERY, Output, incomplete};
use crate::patience::{Reader, Writer};

/// The most bytes that wait to be written: a quarter of an hour of rows of a millisecond each.
pub const MOST_PENDING: usize = 64 << 20;

/// The time between two checks that the output's file still has a name.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The most bytes written at once: as many as a pipe takes once its reader has taken as many.
pub(crate) const PIECE: usize = 4096;

/// An output, and the thread that writes it once there is something to write.
#[derive(Debug)]
pub struct Background {
    label: String,
    is_file: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Idle(Output, Console),
    Writing(Thread),
    /// No thread could be made, for this reason.
    Failed(String),
}

#[derive(Debug)]
struct Thread {
    /// Set while nobody has opened the named pipe that it writes to.
    is_unread: Arc<AtomicBool>,
    /// Set once all is handed over.
    is_closed: Arc<AtomicBool>,
    /// The way to the thread; `None` once all is handed over.
    chunks: Option<Sender<Vec<u8>>>,
    pending: Arc<AtomicUsize>,
    has_dropped: bool,
    handle: JoinHandle<Output>,
}

impl Background {
    /// Makes a writer to `output`, whose first failure is said on `console`.
    #[must_use]
    pub fn new(output: Output, console: Console) -> Self {
        Self {
            label: output.label(),
            is_file: output.is_file(),
            state: State::Idle(output, console),
        }
    }

    /// Begins the output, unless it has begun: makes its thread, which runs on the CPUs of the
    /// thread that calls this. The first write does so too.
    pub fn begin(&mut self) {
        if !matches!(self.state, State::Idle(..)) {
            return;
        }
        let nothing = State::Failed(String::new());
        if let State::Idle(output, console) = std::mem::replace(&mut self.state, nothing) {
            self.state = match Thread::start(output, console) {
                Ok(thread) => State::Writing(thread),
                Err(cause) => State::Failed(cause.to_string()),
            };
        }
    }

    /// Returns the number of bytes that wait to be written.
    #[must_use]
    pub fn pending(&self) -> usize {
        match &self.state {
            State::Writing(thread) => thread.pending.load(Ordering::Relaxed),
            State::Idle(..) | State::Failed(_) => 0,
        }
    }

    /// Ends the output after what was written so far; further writes are dropped.
    pub fn close(&mut self) {
        if let State::Writing(thread) = &mut self.state {
            thread.is_closed.store(true, Ordering::Relaxed);
            thread.chunks = None;
        }
    }

    /// Returns a sentence that says why the output is incomplete; `None` if all is written. It does
    /// not wait: bytes that are not written by now are given up.
    #[must_use]
    pub fn finish(self) -> Option<String> {
        let (is_done, reader) = (self.is_done(), self.reader());
        match self.state {
            State::Idle(..) => None,
            State::Failed(cause) => Some(incomplete(&self.label, &cause)),
            State::Writing(_) if !is_done => {
                let cause = match reader {
                    Reader::Disk => "it could not be written in time",
                    Reader::There => "its reader does not read",
                    Reader::Missing => "nobody reads it",
                };
                Some(incomplete(&self.label, cause))
            }
            State::Writing(thread) => match thread.handle.join() {
                Ok(_) if thread.has_dropped => {
                    Some(incomplete(&self.label, "its reader was too slow"))
                }
                Ok(output) => output.failure().map(str::to_owned),
                Err(_) => Some(incomplete(&self.label, "its thread panicked")),
            },
        }
    }
}

impl Thread {
    fn start(mut output: Output, console: Console) -> io::Result<Self> {
        let (chunks, received) = mpsc::channel();
        let pending = Arc::new(AtomicUsize::new(0));
        let taken = Arc::clone(&pending);
        let is_unread = Arc::new(AtomicBool::new(output.is_unread()));
        let unread = Arc::clone(&is_unread);
        let is_closed = Arc::new(AtomicBool::new(false));
        let closed = Arc::clone(&is_closed);
        let handle = thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || {
                await_reader(&mut output, &console, &closed);
                unread.store(false, Ordering::Relaxed);
                write_all(output, &console, &received, &taken)
            })?;
        Ok(Self {
            is_unread,
            is_closed,
            chunks: Some(chunks),
            pending,
            has_dropped: false,
            handle,
        })
    }
}

impl Writer for Background {
    fn is_done(&self) -> bool {
        match &self.state {
            State::Writing(thread) => thread.handle.is_finished(),
            State::Idle(..) | State::Failed(_) => true,
        }
    }

    fn progress(&self) -> usize {
        self.pending()
    }

    fn reader(&self) -> Reader {
        match &self.state {
            _ if self.is_file => Reader::Disk,
            State::Writing(thread) if thread.is_unread.load(Ordering::Relaxed) => Reader::Missing,
            _ => Reader::There,
        }
    }

    fn label(&self) -> Option<&str> {
        Some(&self.label)
    }
}

impl Write for Background {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begin();
        if let State::Writing(thread) = &mut self.state
            && let Some(chunks) = &thread.chunks
        {
            let ahead = thread.pending.load(Ordering::Relaxed);
            if thread.has_dropped || ahead > MOST_PENDING {
                thread.has_dropped = true;
            } else {
                thread.pending.fetch_add(bytes.len(), Ordering::Relaxed);
                // The thread takes chunks until the sender is gone.
                let _ = chunks.send(bytes.to_vec());
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits until somebody opens the named pipe that `output` may be, and says once, while the run goes
/// on, that it waits.
fn await_reader(output: &mut Output, console: &Console, is_closed: &AtomicBool) {
    let (begin, mut has_told) = (Instant::now(), false);
    while output.is_unread() {
        if !has_told && begin.elapsed() >= CHECK_EVERY && !is_closed.load(Ordering::Relaxed) {
            has_told = true;
            let label = output.label();
            console.say(&format!("{label} has no reader yet; the run goes on"));
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Writes `chunks` to `output` until no more come, and says once if that fails: the work of the
/// thread.
fn write_all(
    mut output: Output,
    console: &Console,
    chunks: &Receiver<Vec<u8>>,
    pending: &AtomicUsize,
) -> Output {
    output.begin();
    let (mut has_told, mut checked) = (false, Instant::now());
    loop {
        match chunks.recv_timeout(CHECK_EVERY) {
            Ok(chunk) => {
                for piece in pieces(&chunk) {
                    // An output never fails towards its writer; it remembers.
                    let _ = output.write_all(piece);
                    pending.fetch_sub(piece.len(), Ordering::Relaxed);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                output.finish();
                return output;
            }
        }
        if checked.elapsed() >= CHECK_EVERY {
            checked = Instant::now();
            output.check();
        }
        if let Some(failure) = output.failure()
            && !has_told
        {
            console.say(&format!("{failure}; the run goes on"));
            has_told = true;
        }
    }
}

/// Returns `chunk` in pieces of at most [`PIECE`] bytes, which end with lines where there are any: on
/// a terminal others write between two of them.
fn pieces(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = chunk;
    std::iter::from_fn(move || {
        let most = &rest[..rest.len().min(PIECE)];
        let line_end = most.iter().rposition(|byte| *byte == b'\n');
        let len = match line_end {
            Some(end) if most.len() < rest.len() => end + 1,
            _ => most.len(),
        };
        let (piece, others) = rest.split_at(len);
        rest = others;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};

    use super::*;
    use crate::console::Stream;
    use crate::output::Target;
    use crate::patience::Patience;

    fn file() -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows");
        (dir, path)
    }

    /// Returns its failure, once it was waited for by a user who has asked so often to end.
    fn finished(mut background: Background, requests: usize) -> Option<String> {
        background.close();
        Patience::new(&mut || requests).wait(&[&background]);
        background.finish()
    }

    fn pipe() -> (tempfile::TempDir, std::path::PathBuf) {
        let (dir, path) = file();
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        (dir, path)
    }

    /// Returns an output into a pipe, and its reader, which does not read.
    fn unread() -> (tempfile::TempDir, fs::File, Background) {
        let (dir, path) = pipe();
        // Opened for both, so that opening waits for nobody.
        let reader = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        let output = Output::open(&Target::File(path), "statistics").unwrap();
        let background = Background::new(output, Console::new(Stream::Stderr, "test"));
        (dir, reader, background)
    }

    #[test]
    fn pieces_end_with_lines() {
        let rows = b"time,tx_packets\n".repeat(1000);
        let cut: Vec<_> = pieces(&rows).collect();
        assert_eq!(cut.concat(), rows);
        assert!(cut.iter().all(|piece| piece.ends_with(b"\n")));
        assert!(cut.iter().all(|piece| piece.len() <= PIECE));
        let one = vec![0; 3 * PIECE + 1];
        assert_eq!(pieces(&one).count(), 4);
        assert_eq!(pieces(b"").count(), 0);
    }

    #[test]
    fn what_is_written_arrives_in_order() {
        let (_dir, path) = file();
        let output = Output::open(&Target::File(path.clone()), "statistics").unwrap();
        let mut background = Background::new(output, Console::new(Stream::Stderr, "test"));
        let mut expected = Vec::new();
        for number in 0..1000 {
            let line = format!("{number}\n");
            background.write_all(line.as_bytes()).unwrap();
            expected.extend(line.bytes());
        }
        assert_eq!(finished(background, 0), None);
        assert_eq!(fs::read(path).unwrap(), expected);
    }

    #[test]
    fn a_file_is_emptied_when_it_begins_and_not_before() {
        let (_dir, path) = file();
        fs::write(&path, "of an earlier run").unwrap();
        let open = || {
            let output = Output::open(&Target::File(path.clone()), "summary").unwrap();
            Background::new(output, Console::new(Stream::Stderr, "test"))
        };
        assert_eq!(finished(open(), 0), None);
        assert_eq!(fs::read(&path).unwrap(), b"of an earlier run");
        let mut background = open();
        background.begin();
        assert_eq!(finished(background, 0), None);
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn a_reader_that_does_not_read_holds_nobody_up() {
        let (_dir, reader, mut background) = unread();
        let chunk = vec![b'x'; 1 << 20];
        let chunks = 2 + MOST_PENDING / chunk.len() + 1;
        for _ in 0..chunks {
            background.write_all(&chunk).unwrap();
        }
        // The thread still waits for it; now it learns that nobody will ever read.
        drop(reader);
        let failure = finished(background, 0).unwrap();
        assert!(failure.ends_with("its reader was too slow"), "{failure}");
    }

    #[test]
    fn a_pipe_gets_all_once_somebody_reads_it() {
        let open = || {
            let (dir, path) = pipe();
            let output = Output::open(&Target::File(path.clone()), "statistics").unwrap();
            let mut background = Background::new(output, Console::new(Stream::Stderr, "test"));
            background.write_all(b"row\n").unwrap();
            (dir, path, background)
        };
        let (_dir, _, background) = open();
        let failure = finished(background, 1).unwrap();
        assert!(
            failure.ends_with("rows (statistics) is incomplete: nobody reads it"),
            "{failure}"
        );
        let (_dir, path, background) = open();
        let read = thread::spawn(move || fs::read(path).unwrap());
        assert_eq!(finished(background, 0), None);
        assert_eq!(read.join().unwrap(), b"row\n");
    }

    #[test]
    fn a_reader_that_does_not_read_is_given_up_when_the_user_asks_twice() {
        let (_dir, _reader, mut background) = unread();
        background.write_all(&vec![b'x'; 1 << 20]).unwrap();
        let failure = finished(background, 2).unwrap();
        assert!(
            failure.ends_with("rows (statistics) is incomplete: its reader does not read"),
            "{failure}"
        );
    }
}
