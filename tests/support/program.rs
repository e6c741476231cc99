//! Programs run under watch: killed when their test ends, and waited for with a limit.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The time between two looks at something that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A program that was started and has not been waited for yet.
pub struct Program {
    child: Child,
    line: String,
    stdout: File,
    stderr: File,
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The command line.
    pub line: String,
    /// The status that it ended with.
    pub status: ExitStatus,
    /// All of standard output.
    pub stdout: String,
    /// All of standard error.
    pub stderr: String,
}

impl Program {
    /// Starts a program, with nothing on its standard input.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn start(command: Command) -> Self {
        Self::start_with(command, Stdio::null())
    }

    /// Starts a program whose standard input stays open and silent.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn start_with_open_input(command: Command) -> Self {
        Self::start_with(command, Stdio::piped())
    }

    fn start_with(mut command: Command, stdin: Stdio) -> Self {
        let line = format!("{command:?}");
        let files = [(); 2].map(|()| tempfile::tempfile().expect("a temporary file"));
        let [out, err] = files
            .each_ref()
            .map(|file| Stdio::from(file.try_clone().expect("a second descriptor")));
        let spawned = command.stdin(stdin).stdout(out).stderr(err).spawn();
        let child = spawned.unwrap_or_else(|error| panic!("{line} does not start: {error}"));
        let [stdout, stderr] = files;
        Self {
            child,
            line,
            stdout,
            stderr,
        }
    }

    /// Returns the id of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns its standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        text_of(&self.stdout)
    }

    /// Returns its standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        text_of(&self.stderr)
    }

    /// Waits until `condition` holds; a failure calls it `what`.
    ///
    /// # Panics
    ///
    /// If it does not within `limit`, or the program ends before.
    pub fn until(&mut self, what: &str, limit: Duration, mut condition: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + limit;
        while !condition(self) {
            let why = match self.child.try_wait() {
                Ok(Some(status)) => format!("it ended with {status}"),
                _ if Instant::now() >= deadline => format!("{limit:?} were not enough"),
                _ => {
                    thread::sleep(LOOK_EVERY);
                    continue;
                }
            };
            // What it did last counts even if it has ended since.
            assert!(condition(self), "no {what}: {why}\n{}", self.words());
        }
    }

    /// Writes `text` to its standard input, which was left open.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    pub fn type_in(&mut self, text: &str) {
        let mut stdin = self.child.stdin.as_ref().expect("an open standard input");
        stdin.write_all(text.as_bytes()).expect("a reader");
    }

    /// Sends it a signal, by the signal's name.
    ///
    /// # Panics
    ///
    /// If it is no longer there.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("sh")
            .args(["-c", "kill -s $0 $1", name, &pid])
            .status();
        let sent = status.is_ok_and(|status| status.success());
        assert!(sent, "SIG{name} could not be sent\n{}", self.words());
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// If it does not end within `limit`.
    #[must_use]
    pub fn wait(mut self, limit: Duration) -> Ended {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return Ended {
                    line: self.line.clone(),
                    status,
                    stdout: self.stdout(),
                    stderr: self.stderr(),
                };
            }
            let in_time = Instant::now() < deadline;
            assert!(in_time, "still there after {limit:?}\n{}", self.words());
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Interrupts it, and waits for its end.
    ///
    /// # Panics
    ///
    /// If it does not end soon.
    #[must_use]
    pub fn interrupt(self) -> Ended {
        self.signal("INT");
        self.wait(Duration::from_secs(10))
    }

    fn words(&self) -> String {
        words(&self.line, &self.stdout(), &self.stderr())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It fails for a program that has ended, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Checks that it ended with exit status 0, and returns it.
    ///
    /// # Panics
    ///
    /// If it did not.
    #[must_use]
    pub fn ok(self) -> Self {
        self.with_status(0)
    }

    /// Checks that it ended with this exit status, and returns it.
    ///
    /// # Panics
    ///
    /// If it ended with another one, or by a signal.
    #[must_use]
    pub fn with_status(self, status: i32) -> Self {
        let signal = self
            .status
            .signal()
            .map_or(String::new(), |s| format!(" (signal {s})"));
        assert!(
            self.status.code() == Some(status),
            "{}{signal} where exit status {status} was due\n{}",
            self.status,
            words(&self.line, &self.stdout, &self.stderr)
        );
        self
    }
}

/// Runs a program to its end, which must come within `limit`.
///
/// # Panics
///
/// If it does not, or the program cannot be started.
#[must_use]
pub fn run(command: Command, limit: Duration) -> Ended {
    Program::start(command).wait(limit)
}

/// Returns the text in `file`. It is read at an offset, which does not move the place at which the
/// program goes on writing.
fn text_of(file: &File) -> String {
    let len = file.metadata().map_or(0, |metadata| metadata.len());
    let mut bytes = vec![0; usize::try_from(len).expect("a text that fits in memory")];
    file.read_exact_at(&mut bytes, 0)
        .expect("a file that was written");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn words(line: &str, stdout: &str, stderr: &str) -> String {
    format!("{line}\nstandard output:\n{stdout}\nstandard error:\n{stderr}")
}
