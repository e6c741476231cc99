//! The data outputs of a run: files and standard output.
//!
//! Promised: an output is opened before the run, so that one which cannot be written stops it
//! there; what an earlier run left is emptied only when this one begins, and one that never begins
//! leaves all as it was. After that nothing that happens to an output disturbs the run: the first
//! error is remembered, later writes are dropped, and [`Output::failure`] says what is incomplete
//! and why.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;

use crate::console::Stream;
use crate::place::Place;

/// Names of this program's standard output.
const STDOUT_NAMES: [&str; 4] = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// Names of its standard error.
const STDERR_NAMES: [&str; 3] = ["/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"];

/// Folders whose files are descriptors that this program was handed.
const DESCRIPTORS: [&str; 2] = ["/dev/fd", "/proc/self/fd"];

/// The time from one look for the reader of a named pipe to the next.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The place that an output goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, or whatever else has a path (a pipe, a device).
    File(PathBuf),
}

impl Target {
    /// Returns the target that a user named: `-` and the device names of standard output mean that,
    /// and those of standard error that.
    #[must_use]
    pub fn named(name: &OsStr) -> Self {
        if STDOUT_NAMES.iter().any(|stdout| name == *stdout) {
            Self::Stdout
        } else if STDERR_NAMES.iter().any(|stderr| name == *stderr) {
            Self::Stderr
        } else {
            Self::File(PathBuf::from(name))
        }
    }

    /// Returns the place that it is, whatever it is called; `None` where outputs share one and lose
    /// nothing by it, as in `/dev/null`.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Stdout => Stream::Stdout.place(),
            Self::Stderr => Stream::Stderr.place(),
            Self::File(path) => Place::of_path(path),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::Stderr => f.write_str("standard error"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// The error of an output that could not be opened: one sentence.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the {what} to {name}: {cause}; name a place that can be written")]
pub struct OpenError {
    what: &'static str,
    name: String,
    cause: io::Error,
}

/// An open output. Writing to it always succeeds as far as the writer can see.
#[derive(Debug)]
pub struct Output {
    way: Way,
    what: &'static str,
    name: String,
    /// The path that it was opened at, until it begins; `None` for what is not emptied.
    fresh: Option<Fresh>,
    /// Set for a file that had a name when it was opened, and can lose it. (One handed in through
    /// `/dev/fd` may have none.)
    has_name: bool,
    failure: Option<String>,
}

/// The way to what is written.
#[derive(Debug)]
enum Way {
    Open(File),
    /// To a named pipe at this path, which nobody reads yet.
    Unread(PathBuf),
}

/// A path that nothing has been written to yet.
#[derive(Debug)]
struct Fresh {
    path: PathBuf,
    /// Set if the file was made by opening it.
    is_new: bool,
}

impl Output {
    /// Opens `target`, leaves what is there as it is, and calls it `what` ("statistics") in
    /// sentences. A named pipe that nobody reads is opened later.
    ///
    /// # Errors
    ///
    /// If it cannot be written; the error is a sentence that names it and the system's reason.
    pub fn open(target: &Target, what: &'static str) -> Result<Self, OpenError> {
        let name = target.to_string();
        match open_way(target) {
            Ok((way, fresh, has_name)) => Ok(Self {
                way,
                what,
                name,
                fresh,
                has_name,
                failure: None,
            }),
            Err(cause) => Err(OpenError { what, name, cause }),
        }
    }

    /// Begins the output, unless that has been done: empties it if it is a file.
    pub fn begin(&mut self) {
        if self.fresh.take().is_some()
            && self.is_file()
            && let Way::Open(file) = &self.way
            && let Err(cause) = file.set_len(0)
        {
            self.fail(&cause.to_string());
        }
    }

    /// Returns whether it is a file on a disk, which no reader holds up.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.metadata().is_some_and(|file| file.is_file())
    }

    fn metadata(&self) -> Option<fs::Metadata> {
        match &self.way {
            Way::Open(file) => file.metadata().ok(),
            Way::Unread(_) => None,
        }
    }

    /// Returns whether it is a named pipe that nobody has opened to read, until now.
    pub fn is_unread(&mut self) -> bool {
        let Way::Unread(path) = &self.way else {
            return false;
        };
        match open_pipe(path) {
            Ok(way) => self.way = way,
            Err(cause) if self.failure.is_none() => self.fail(&cause.to_string()),
            Err(_) => {}
        }
        self.failure.is_none() && matches!(self.way, Way::Unread(_))
    }

    /// Returns its name and, in brackets, what it holds, as sentences call it.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} ({})", self.name, self.what)
    }

    /// Checks that a file still has a name; one that was removed makes the output incomplete.
    pub fn check(&mut self) {
        let is_gone = || self.metadata().is_some_and(|file| file.nlink() == 0);
        if self.failure.is_none() && self.has_name && is_gone() {
            self.fail("the file was removed during the run");
        }
    }

    /// Ends the output; a file that was removed meanwhile is noticed here at the latest. Afterwards
    /// [`Output::failure`] tells the first failure, if there was one.
    pub fn finish(&mut self) {
        self.check();
    }

    /// Returns a sentence that says why the output is incomplete; `None` while it is not.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Makes the output count as incomplete because of `cause`.
    pub(crate) fn fail(&mut self, cause: &str) {
        self.failure = Some(incomplete(&self.label(), cause));
    }
}

/// Returns the sentence that says that an output with this label is incomplete.
#[must_use]
pub fn incomplete(label: &str, cause: &str) -> String {
    format!("{label} is incomplete: {cause}")
}

impl Drop for Output {
    /// Removes a file that was made for a run which never began.
    fn drop(&mut self) {
        let Some(Fresh { path, is_new: true }) = &self.fresh else {
            return;
        };
        let is_it = |there: &fs::Metadata| {
            let opened = self.metadata();
            opened.is_some_and(|file| (file.dev(), file.ino()) == (there.dev(), there.ino()))
        };
        if fs::symlink_metadata(path).is_ok_and(|there| is_it(&there)) {
            let _ = fs::remove_file(path);
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begin();
        while self.is_unread() {
            thread::sleep(LOOK_EVERY);
        }
        let Way::Open(file) = &mut self.way else {
            return Ok(bytes.len());
        };
        if self.failure.is_some() || bytes.is_empty() {
            return Ok(bytes.len());
        }
        match file.write(bytes) {
            Ok(0) => self.fail("nothing more can be written"),
            Ok(written) => return Ok(written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => self.fail(&error.to_string()),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The way to an output, the path that it was opened at, and whether it has a name.
type Opened = (Way, Option<Fresh>, bool);

fn open_way(target: &Target) -> io::Result<Opened> {
    let path = match target {
        Target::Stdout => return duplicate(io::stdout()),
        Target::Stderr => return duplicate(io::stderr()),
        Target::File(path) => path,
    };
    if let place @ Some(_) = target.place() {
        // By another name. Opened again, it would be written from its beginning, over what goes
        // there by the stream.
        if place == Target::Stdout.place() {
            return duplicate(io::stdout());
        }
        if place == Target::Stderr.place() {
            return duplicate(io::stderr());
        }
    }
    match fs::metadata(path) {
        Ok(there) if there.file_type().is_fifo() => Ok((open_pipe(path)?, None, true)),
        _ => open_file(path),
    }
}

/// Returns a handle of our own: the standard library's would buffer lines and flush them at times
/// of its choice.
fn duplicate(stream: impl AsFd) -> io::Result<Opened> {
    let file = File::from(stream.as_fd().try_clone_to_owned()?);
    Ok((Way::Open(file), None, false))
}

/// Opens a named pipe if somebody reads it, without waiting for that.
fn open_pipe(path: &Path) -> io::Result<Way> {
    let mut options = OpenOptions::new();
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    match options.write(true).custom_flags(flags).open(path) {
        Ok(file) => {
            fcntl_setfl(&file, OFlags::empty())?;
            Ok(Way::Open(file))
        }
        Err(error) if Errno::from_io_error(&error) == Some(Errno::NXIO) => {
            Ok(Way::Unread(path.to_owned()))
        }
        Err(error) => Err(error),
    }
}

fn open_file(path: &Path) -> io::Result<Opened> {
    let is_handed_in = DESCRIPTORS
        .iter()
        .any(|folder| path.parent() == Some(Path::new(folder)));
    if is_handed_in {
        let file = OpenOptions::new().append(true).open(path)?;
        return Ok((Way::Open(file), None, false));
    }
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    let is_new = opened.is_ok();
    let file = match opened {
        // A link to nowhere is there too, and its file is made.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path),
        opened => opened,
    }?;
    let has_name = file.metadata()?.nlink() > 0;
    let path = path.to_owned();
    Ok((Way::Open(file), Some(Fresh { path, is_new }), has_name))
}

#[cfg(test)]
mod tests;
