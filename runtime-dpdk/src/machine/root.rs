//! The machine as files: everything that the doctor asks of it is read below one folder.
//!
//! Promised: nothing is written, nothing but regular files is opened, and of each no more than
//! [`LONGEST`] bytes are read.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The most bytes that are read of a file.
pub const LONGEST: u64 = 4 << 20;

/// The folder below which /sys, /proc, /etc, /usr/lib and /dev lie.
#[derive(Clone, Debug)]
pub struct Root {
    folder: PathBuf,
    is_own: bool,
}

impl Root {
    /// Returns this machine's.
    #[must_use]
    pub fn own() -> Self {
        Self {
            folder: PathBuf::from("/"),
            is_own: true,
        }
    }

    /// Returns that of another machine, whose files lie below `folder`.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            is_own: false,
        }
    }

    /// Returns whether it is this machine's, on which commands mean something.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// Returns where `path`, which is absolute, really lies.
    #[must_use]
    pub fn place(&self, path: &str) -> PathBuf {
        self.folder.join(path.trim_start_matches('/'))
    }

    /// Reads a file, without the white space at its ends.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        let place = self.place(path);
        if !fs::metadata(&place).ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        let file = File::open(place).ok()?;
        let _ = file.take(LONGEST).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// Reads a file that holds a number.
    #[must_use]
    pub fn number(&self, path: &str) -> Option<u64> {
        self.text(path)?.parse().ok()
    }

    /// Lists the names in a folder, in order; none if it is not there.
    #[must_use]
    pub fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.place(path)).into_iter().flatten();
        let mut names: Vec<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Returns the last part of what a symbolic link leads to: of a device's `driver` its name.
    #[must_use]
    pub fn link(&self, path: &str) -> Option<String> {
        let target = fs::read_link(self.place(path)).ok()?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }

    /// Returns whether something is there.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.place(path).exists()
    }
}

/// Finds the value of the field `name`, such as `Uid`, in a `status` of /proc's (proc_pid_status(5)).
#[must_use]
pub fn status_field<'s>(status: &'s str, name: &str) -> Option<&'s str> {
    let mut fields = status.lines().filter_map(|line| line.split_once(':'));
    fields
        .find(|(field, _)| *field == name)
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    /// Makes a machine of files with their contents, and of links (`path -> target`).
    pub(crate) fn machine(entries: &[(&str, &str)]) -> (TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in entries {
            let place = folder.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            match content.strip_prefix("-> ") {
                Some(target) => symlink(target, place).unwrap(),
                None => fs::write(place, content).unwrap(),
            }
        }
        let root = Root::of(folder.path());
        (folder, root)
    }

    #[test]
    fn what_is_there_is_read_and_what_is_not_is_none() {
        let (_folder, root) = machine(&[
            ("/sys/class/net/eth0/mtu", "1500\n"),
            ("/sys/class/net/eth0/driver", "-> ../../drivers/hv_netvsc"),
        ]);
        assert_eq!(root.text("/sys/class/net/eth0/mtu").unwrap(), "1500");
        assert_eq!(root.number("/sys/class/net/eth0/mtu"), Some(1500));
        assert_eq!(
            root.link("/sys/class/net/eth0/driver").unwrap(),
            "hv_netvsc"
        );
        assert_eq!(root.names("/sys/class/net/eth0"), ["driver", "mtu"]);
        assert_eq!(root.text("/sys/class/net"), None);
        assert_eq!(root.names("/nowhere"), Vec::<String>::new());
        assert!(root.has("/sys/class/net") && !root.has("/nowhere"));
    }
}
