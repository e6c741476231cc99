//! A place for what C code prints, so that it stays off the user's terminal and out of the data on
//! standard output.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;

/// An unnamed file in memory that collects text.
pub(super) struct CapturedOutput {
    file: File,
}

impl CapturedOutput {
    /// Makes an empty one.
    ///
    /// # Errors
    ///
    /// If the kernel has no memory or descriptor for it.
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: the name is a NUL-terminated literal, and the flag asks for nothing else.
        let fd = unsafe { libc::memfd_create(c"dpdk-log".as_ptr(), libc::MFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given us this descriptor, and nobody else has it.
        let file = unsafe { File::from_raw_fd(fd) };
        Ok(Self { file })
    }

    /// Returns the same file once more.
    ///
    /// # Errors
    ///
    /// If there is no descriptor for it.
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        self.file.try_clone().map(|file| Self { file })
    }

    /// Returns the descriptor that collects what is written to it.
    pub(super) fn fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// Returns how many bytes were collected.
    pub(super) fn len(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Forgets what was collected from byte `start` on.
    pub(super) fn forget_from(&self, start: u64) {
        // Memory does not fail to be cut; were it to, there is only more to show.
        let _ = self.file.set_len(start.min(self.len()));
    }

    /// Returns what was collected from byte `start` on, invalid UTF-8 replaced.
    pub(super) fn text_from(&self, start: u64) -> String {
        let size = self.len().saturating_sub(start);
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        // Memory does not fail to be read; were it to, there is only less to show.
        let _ = self.file.read_exact_at(&mut bytes, start);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Runs `f` while standard error leads here, and standard output nowhere.
    ///
    /// # Errors
    ///
    /// If the streams cannot be redirected; `f` is not run then.
    pub(super) fn during<T>(&self, f: impl FnOnce() -> T) -> io::Result<T> {
        let nowhere = File::options().write(true).open("/dev/null")?;
        let stdout = Redirected::to(nowhere.as_raw_fd(), libc::STDOUT_FILENO)?;
        let stderr = Redirected::to(self.fd(), libc::STDERR_FILENO)?;
        let value = f();
        drop((stdout, stderr));
        Ok(value)
    }
}

/// A descriptor that leads elsewhere until this is dropped.
struct Redirected {
    fd: RawFd,
    original: OwnedFd,
}

impl Redirected {
    fn to(target: RawFd, fd: RawFd) -> io::Result<Self> {
        flush_c_streams();
        // SAFETY: duplicating touches no memory; a bad descriptor gives an error.
        let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
        if copy < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given us this descriptor, and nobody else has it.
        let original = unsafe { OwnedFd::from_raw_fd(copy) };
        // SAFETY: `fd` is standard output or standard error, which nobody here owns as a value that
        // would be invalidated: it stays open and only leads to another file.
        if unsafe { libc::dup2(target, fd) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { fd, original })
    }
}

impl Drop for Redirected {
    fn drop(&mut self) {
        // What C has buffered for its `stdout` belongs where the descriptor leads now.
        flush_c_streams();
        // SAFETY: the descriptor stays open and leads to its original file again. It can fail only
        // for a bad descriptor, which neither of these is.
        unsafe { libc::dup2(self.original.as_raw_fd(), self.fd) };
    }
}

fn flush_c_streams() {
    // SAFETY: a null stream means all of C's output streams, and flushing locks each.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_to_the_descriptor_can_be_read_from_anywhere_on() {
        use std::io::Write;
        let mut capture = CapturedOutput::new().unwrap();
        capture.file.write_all(b"one\ntwo\n").unwrap();
        assert_eq!(capture.text_from(0), "one\ntwo\n");
        assert_eq!(capture.text_from(4), "two\n");
        assert_eq!(capture.text_from(100), "");
        capture.forget_from(4);
        assert_eq!(capture.text_from(0), "one\n");
    }
}
