//! The data outputs of a run: files and standard output.
//!
//! Promised: an output is opened before the run, so that one which cannot be written stops it
//! there; what an earlier run left is emptied only when this one begins, and one that never begins
//! leaves all as it was. After that nothing that happens to an output disturbs the run: the first
//! error is remembered, later writes are dropped, and [`Output::failure`] says what is incomplete
//! and why.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Names of this program's standard output.
const STDOUT_NAMES: [&str; 4] = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// The place that an output goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A file, or whatever else has a path (a pipe, a device).
    File(PathBuf),
}

impl Target {
    /// Returns the target that a user named: `-` and the device names of standard output mean that.
    #[must_use]
    pub fn named(name: &OsStr) -> Self {
        if STDOUT_NAMES.iter().any(|stdout| name == *stdout) {
            Self::Stdout
        } else {
            Self::File(PathBuf::from(name))
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
    file: File,
    what: &'static str,
    name: String,
    /// The path that it was opened at, until it begins; `None` for standard output.
    fresh: Option<Fresh>,
    /// Set for a file that had a name when it was opened, and can lose it. (One handed in through
    /// `/dev/fd` may have none.)
    has_name: bool,
    failure: Option<String>,
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
    /// sentences.
    ///
    /// Opening a named pipe waits for its reader.
    ///
    /// # Errors
    ///
    /// If it cannot be written; the error is a sentence that names it and the system's reason.
    pub fn open(target: &Target, what: &'static str) -> Result<Self, OpenError> {
        let (name, opened) = match target {
            Target::Stdout => ("standard output".to_owned(), duplicate_stdout()),
            Target::File(path) => (path.display().to_string(), open_file(path)),
        };
        match opened {
            Ok((file, fresh, has_name)) => Ok(Self {
                file,
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
            && let Err(cause) = self.file.set_len(0)
        {
            self.fail(&cause.to_string());
        }
    }

    /// Returns whether it is a file on a disk, which no reader holds up.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.file.metadata().is_ok_and(|file| file.is_file())
    }

    /// Returns its name and, in brackets, what it holds, as sentences call it.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} ({})", self.name, self.what)
    }

    /// Checks that a file still has a name; one that was removed makes the output incomplete.
    pub fn check(&mut self) {
        let is_gone = || self.file.metadata().is_ok_and(|file| file.nlink() == 0);
        if self.failure.is_none() && self.has_name && is_gone() {
            self.fail("the file was removed during the run");
        }
    }

    /// Ends the output; a file that was removed meanwhile is noticed here at the latest. Afterwards
    /// [`Output::failure`] tells the first failure, if there was one.
    pub fn finish(&mut self) {
        if self.failure.is_some() {
            return;
        }
        if let Err(cause) = self.file.flush() {
            self.fail(&cause.to_string());
        } else {
            self.check();
        }
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
            let opened = self.file.metadata();
            opened.is_ok_and(|file| (file.dev(), file.ino()) == (there.dev(), there.ino()))
        };
        if fs::symlink_metadata(path).is_ok_and(|there| is_it(&there)) {
            let _ = fs::remove_file(path);
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begin();
        if self.failure.is_some() || bytes.is_empty() {
            return Ok(bytes.len());
        }
        match self.file.write(bytes) {
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

/// A file, the path that it was opened at, and whether it has a name.
type Opened = (File, Option<Fresh>, bool);

/// Returns a handle of our own: the standard library's would buffer lines and flush them at times
/// of its choice.
fn duplicate_stdout() -> io::Result<Opened> {
    let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    Ok((file, None, false))
}

fn open_file(path: &Path) -> io::Result<Opened> {
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
    Ok((file, Some(Fresh { path, is_new }), has_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_dir(name: &str) -> (tempfile::TempDir, Target) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        (dir, Target::File(path))
    }

    #[test]
    fn names_of_standard_output() {
        for name in STDOUT_NAMES {
            assert_eq!(Target::named(OsStr::new(name)), Target::Stdout);
        }
        for name in ["stdout", "./-", "/dev/stderr", "/dev/fd/11"] {
            assert_eq!(
                Target::named(OsStr::new(name)),
                Target::File(PathBuf::from(name))
            );
        }
    }

    #[test]
    fn what_is_written_is_there() {
        let (dir, target) = in_dir("a.csv");
        fs::write(dir.path().join("a.csv"), "older and longer").unwrap();
        let mut output = Output::open(&target, "statistics").unwrap();
        output.write_all(b"a,b\n").unwrap();
        output.finish();
        assert_eq!(output.failure(), None);
        assert_eq!(fs::read(dir.path().join("a.csv")).unwrap(), b"a,b\n");
    }

    #[test]
    fn what_was_there_stays_until_a_run_begins() {
        let (dir, target) = in_dir("a.csv");
        let path = dir.path().join("a.csv");
        fs::write(&path, "of an earlier run").unwrap();
        drop(Output::open(&target, "statistics").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"of an earlier run");
        let mut output = Output::open(&target, "statistics").unwrap();
        output.begin();
        assert_eq!(fs::read(&path).unwrap(), b"");
        drop(output);
        assert!(path.exists());
    }

    #[test]
    fn a_file_made_for_a_run_that_never_begins_goes_again() {
        let (dir, target) = in_dir("a.csv");
        let path = dir.path().join("a.csv");
        let output = Output::open(&target, "statistics").unwrap();
        assert!(path.exists());
        drop(output);
        assert!(!path.exists());
        // Unless it is another's by then.
        let output = Output::open(&target, "statistics").unwrap();
        let theirs = dir.path().join("theirs");
        fs::write(&theirs, "theirs").unwrap();
        fs::rename(&theirs, &path).unwrap();
        drop(output);
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
    }

    #[test]
    fn a_path_that_cannot_be_written_is_named() {
        let target = Target::File(PathBuf::from("/nowhere/at/all.csv"));
        let error = Output::open(&target, "statistics").unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot write the statistics to /nowhere/at/all.csv: No such file or directory \
             (os error 2); name a place that can be written"
        );
    }

    #[test]
    fn a_full_disk_is_said_once_and_disturbs_nobody() {
        let target = Target::File(PathBuf::from("/dev/full"));
        let mut output = Output::open(&target, "statistics").unwrap();
        output.write_all(b"row\n").unwrap();
        output.write_all(b"row\n").unwrap();
        output.finish();
        assert_eq!(
            output.failure(),
            Some("/dev/full (statistics) is incomplete: No space left on device (os error 28)")
        );
    }

    #[test]
    fn a_removed_file_is_noticed_at_the_end() {
        let (dir, target) = in_dir("gone.csv");
        let mut output = Output::open(&target, "statistics").unwrap();
        output.write_all(b"row\n").unwrap();
        fs::remove_file(dir.path().join("gone.csv")).unwrap();
        assert_eq!(output.failure(), None);
        output.finish();
        assert!(
            output
                .failure()
                .unwrap()
                .ends_with("the file was removed during the run")
        );
    }

    #[test]
    fn a_reader_that_leaves_is_a_failure_like_any_other() {
        let (reader, writer) = io::pipe().unwrap();
        let mut output = Output {
            file: File::from(std::os::fd::OwnedFd::from(writer)),
            what: "statistics",
            name: "standard output".to_owned(),
            fresh: None,
            has_name: false,
            failure: None,
        };
        output.write_all(b"row\n").unwrap();
        drop(reader);
        output.write_all(b"row\n").unwrap();
        assert!(output.failure().unwrap().contains("Broken pipe"));
    }
}
