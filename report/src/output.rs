//! Where the data of a run goes: files and standard output.
//!
//! Promised: an output is opened before the run, so that one which cannot be written stops it
//! there. After that nothing that happens to an output disturbs the run: the first error is
//! remembered, later writes are dropped, and [`Output::failure`] says what is incomplete and why.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Names of this program's standard output.
const STDOUT_NAMES: [&str; 4] = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// Where an output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A file, or whatever else has a path (a pipe, a device).
    File(PathBuf),
}

impl Target {
    /// The target that a user named: `-` and the device names of standard output mean that.
    #[must_use]
    pub fn named(name: &OsStr) -> Self {
        if STDOUT_NAMES.iter().any(|stdout| name == *stdout) {
            Self::Stdout
        } else {
            Self::File(PathBuf::from(name))
        }
    }
}

/// An output could not be opened: one sentence.
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
    /// A file that has a name now and can lose it. (One handed in through `/dev/fd` may have none.)
    has_name: bool,
    failure: Option<String>,
}

impl Output {
    /// Opens `target`, empties it if it is a file, and calls it `what` ("statistics") in sentences.
    ///
    /// Opening a named pipe waits for its reader.
    ///
    /// # Errors
    ///
    /// It cannot be written; the error is a sentence that names it and the system's reason.
    pub fn open(target: &Target, what: &'static str) -> Result<Self, OpenError> {
        let (name, file) = match target {
            Target::Stdout => ("standard output".to_owned(), duplicate_stdout()),
            Target::File(path) => (path.display().to_string(), create(path)),
        };
        match file {
            Ok((file, has_name)) => Ok(Self {
                file,
                what,
                name,
                has_name,
                failure: None,
            }),
            Err(cause) => Err(OpenError { what, name, cause }),
        }
    }

    /// Sees whether a file is still there under some name.
    pub fn check(&mut self) {
        let is_gone = || self.file.metadata().is_ok_and(|file| file.nlink() == 0);
        if self.failure.is_none() && self.has_name && is_gone() {
            self.fail("the file was removed during the run");
        }
    }

    /// Ends the output: a file that was removed meanwhile is noticed here at the latest. The first
    /// failure, if any, is what [`Output::failure`] says afterwards.
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

    /// What is incomplete and why, in one sentence; `None` while all is well.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Makes the output count as incomplete, for `cause`.
    pub(crate) fn fail(&mut self, cause: &str) {
        self.failure = Some(format!(
            "{} ({}) is incomplete: {cause}",
            self.name, self.what
        ));
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
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

/// Our own handle: the standard library's would buffer lines and flush them behind our back.
fn duplicate_stdout() -> io::Result<(File, bool)> {
    Ok((
        File::from(io::stdout().as_fd().try_clone_to_owned()?),
        false,
    ))
}

fn create(path: &Path) -> io::Result<(File, bool)> {
    let file = File::create(path)?;
    let has_name = file.metadata()?.nlink() > 0;
    Ok((file, has_name))
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
        std::fs::write(dir.path().join("a.csv"), "older and longer").unwrap();
        let mut output = Output::open(&target, "statistics").unwrap();
        output.write_all(b"a,b\n").unwrap();
        output.finish();
        assert_eq!(output.failure(), None);
        assert_eq!(std::fs::read(dir.path().join("a.csv")).unwrap(), b"a,b\n");
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
        std::fs::remove_file(dir.path().join("gone.csv")).unwrap();
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
            has_name: false,
            failure: None,
        };
        output.write_all(b"row\n").unwrap();
        drop(reader);
        output.write_all(b"row\n").unwrap();
        assert!(output.failure().unwrap().contains("Broken pipe"));
    }
}
