//! An output that is written by a thread of its own.
//!
//! Promised: writing never waits. A reader that is slow, or does not read at all (a pager, a pipe that
//! nobody empties), holds up nothing but its own output; what it leaves unread beyond [`MOST_PENDING`]
//! bytes is dropped, and the output is then incomplete. An output that fails is told of once while the
//! run goes on, a removed file within a second or two.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::output::Output;
use crate::voice::Voice;

/// Bytes that wait to be written, at most: a quarter of an hour of rows of a millisecond each.
pub const MOST_PENDING: usize = 64 << 20;

/// How often the file is looked for under its name.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// An output, and the thread that writes it once there is something to write.
#[derive(Debug)]
pub struct Background(State);

#[derive(Debug)]
enum State {
    Idle(Output, Voice),
    Writing {
        chunks: Sender<Vec<u8>>,
        pending: Arc<AtomicUsize>,
        has_dropped: bool,
        thread: JoinHandle<Output>,
    },
    /// Only while one of the others becomes the other.
    Changing,
}

impl Background {
    /// Writes to `output` from now on, and says by `voice` if that fails. The thread begins with the
    /// first write, where the writer runs.
    #[must_use]
    pub const fn new(output: Output, voice: Voice) -> Self {
        Self(State::Idle(output, voice))
    }

    /// How many bytes wait to be written.
    #[must_use]
    pub fn pending(&self) -> usize {
        match &self.0 {
            State::Writing { pending, .. } => pending.load(Ordering::Relaxed),
            State::Idle(..) | State::Changing => 0,
        }
    }

    /// Waits until all has been written, and gives the output back.
    ///
    /// # Panics
    ///
    /// If the thread did.
    #[must_use]
    pub fn finish(self) -> Output {
        match self.0 {
            State::Idle(output, _) => output,
            State::Writing {
                chunks,
                has_dropped,
                thread,
                ..
            } => {
                drop(chunks);
                let mut output = thread.join().expect("a thread that only writes");
                if has_dropped {
                    output.fail("its reader was too slow");
                }
                output
            }
            State::Changing => unreachable!("a change ends where it began"),
        }
    }

    fn start(&mut self) -> io::Result<()> {
        let State::Idle(..) = self.0 else {
            return Ok(());
        };
        let State::Idle(output, voice) = std::mem::replace(&mut self.0, State::Changing) else {
            return Ok(());
        };
        let (chunks, received) = mpsc::channel();
        let pending = Arc::new(AtomicUsize::new(0));
        let taken = Arc::clone(&pending);
        let thread = thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || write_all(output, &voice, &received, &taken))?;
        self.0 = State::Writing {
            chunks,
            pending,
            has_dropped: false,
            thread,
        };
        Ok(())
    }
}

impl Write for Background {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.start()?;
        if let State::Writing {
            chunks,
            pending,
            has_dropped,
            ..
        } = &mut self.0
        {
            let ahead = pending.fetch_add(bytes.len(), Ordering::Relaxed);
            if *has_dropped || ahead > MOST_PENDING {
                *has_dropped = true;
            } else {
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

/// What the thread does; it says once if the output fails.
fn write_all(
    mut output: Output,
    voice: &Voice,
    chunks: &Receiver<Vec<u8>>,
    pending: &AtomicUsize,
) -> Output {
    let (mut has_told, mut checked) = (false, Instant::now());
    loop {
        match chunks.recv_timeout(CHECK_EVERY) {
            Ok(chunk) => {
                // An output never fails towards its writer; it remembers.
                let _ = output.write_all(&chunk);
                pending.fetch_sub(chunk.len(), Ordering::Relaxed);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return output,
        }
        if checked.elapsed() >= CHECK_EVERY {
            checked = Instant::now();
            output.check();
        }
        if let Some(failure) = output.failure()
            && !has_told
        {
            voice.say(format!("dpdkgen: {failure}; the run goes on"));
            has_told = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};

    use super::*;
    use crate::output::Target;
    use crate::voice::Stream;

    fn file() -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows");
        (dir, path)
    }

    #[test]
    fn what_is_written_arrives_in_order() {
        let (_dir, path) = file();
        let output = Output::open(&Target::File(path.clone()), "statistics").unwrap();
        let mut background = Background::new(output, Voice::new(Stream::Stderr));
        let mut expected = Vec::new();
        for number in 0..1000 {
            let line = format!("{number}\n");
            background.write_all(line.as_bytes()).unwrap();
            expected.extend(line.bytes());
        }
        assert_eq!(background.finish().failure(), None);
        assert_eq!(fs::read(path).unwrap(), expected);
    }

    #[test]
    fn a_reader_that_does_not_read_holds_nobody_up() {
        let (_dir, path) = file();
        let made = std::process::Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap();
        assert!(made.success());
        // Opened for both, so that opening waits for nobody.
        let reader = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        let output = Output::open(&Target::File(path), "statistics").unwrap();
        let mut background = Background::new(output, Voice::new(Stream::Stderr));
        let chunk = vec![b'x'; 1 << 20];
        let chunks = 2 + MOST_PENDING / chunk.len() + 1;
        for _ in 0..chunks {
            background.write_all(&chunk).unwrap();
        }
        assert!(matches!(
            background.0,
            State::Writing {
                has_dropped: true,
                ..
            }
        ));
        // The thread still waits for it; now it learns that nobody will ever read.
        drop(reader);
        assert!(background.finish().failure().is_some());
    }
}
