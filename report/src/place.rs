//! The places that data and words go to, told apart by what is there and not by what it is called.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{major, makedev, minor};

/// Major and minor number of `/dev/tty`, another name of whichever terminal controls the process.
const CONTROLLING: (u32, u32) = (5, 0);

/// The major number of `/dev/null` and its like, in which any number of outputs go their own ways.
const MEMORY: u32 = 1;

/// The most links that are followed to a file that is not there yet; the kernel follows as many.
const MOST_LINKS: usize = 40;

/// A place that something is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file, a pipe or a socket: its device and inode.
    File(u64, u64),
    /// A terminal, or another device that shows what it gets: its number.
    Device(u64),
    /// A file that is not there yet: device and inode of its folder, and its name.
    Missing(u64, u64, OsString),
}

impl Place {
    /// Returns the place that `path` leads to; `None` if nothing can be written there, or in
    /// `/dev/null` and its like, which any number of outputs share.
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            if let Ok(metadata) = fs::metadata(&path) {
                return Self::of(&metadata);
            }
            let folder = match path.parent() {
                Some(folder) if folder != Path::new("") => folder.to_owned(),
                _ => PathBuf::from("."),
            };
            let Ok(target) = fs::read_link(&path) else {
                let folder = fs::metadata(folder).ok()?;
                let name = path.file_name()?.to_owned();
                return Some(Self::Missing(folder.dev(), folder.ino(), name));
            };
            path = folder.join(target);
        }
        None
    }

    /// Returns the place that an open descriptor leads to, as [`Self::of_path`] does.
    pub fn of_descriptor(descriptor: impl AsFd) -> Option<Self> {
        let duplicate: io::Result<OwnedFd> = descriptor.as_fd().try_clone_to_owned();
        Self::of(&fs::File::from(duplicate.ok()?).metadata().ok()?)
    }

    fn of(there: &Metadata) -> Option<Self> {
        if !there.file_type().is_char_device() {
            return Some(Self::File(there.dev(), there.ino()));
        }
        let number = (major(there.rdev()), minor(there.rdev()));
        if number == CONTROLLING {
            return controlling_terminal().map(Self::Device);
        }
        (number.0 != MEMORY).then_some(Self::Device(there.rdev()))
    }
}

/// Returns the number of the terminal that controls this process, by the kernel's account of it
/// (`tty_nr` in proc_pid_stat(5)); `None` without one.
fn controlling_terminal() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in brackets may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let packed: i32 = fields.split_whitespace().nth(4)?.parse().ok()?;
    let packed = packed.cast_unsigned();
    let (major, minor) = (packed >> 8 & 0xfff, packed & 0xff | packed >> 12 & 0xf_ff00);
    (packed != 0).then(|| makedev(major, minor))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn one_file_is_one_place_by_any_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("sub")).unwrap();
        fs::write(at("a"), "").unwrap();
        fs::hard_link(at("a"), at("hard")).unwrap();
        symlink("a", at("soft")).unwrap();
        let file = fs::File::open(at("a")).unwrap();
        let place = Place::of_path(&at("a"));
        assert!(place.is_some());
        for other in ["sub/../a", "./a", "hard", "soft"] {
            assert_eq!(Place::of_path(&at(other)), place, "{other}");
        }
        assert_eq!(Place::of_descriptor(&file), place);
        assert_ne!(Place::of_path(&at("sub")), place);
    }

    #[test]
    fn a_file_that_is_not_there_yet_has_a_place_too() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("sub")).unwrap();
        symlink("new", at("soft")).unwrap();
        symlink("../soft", at("sub/far")).unwrap();
        symlink("loop", at("loop")).unwrap();
        let place = Place::of_path(&at("new"));
        assert!(matches!(place, Some(Place::Missing(..))));
        for other in ["sub/../new", "soft", "sub/far"] {
            assert_eq!(Place::of_path(&at(other)), place, "{other}");
        }
        assert_ne!(Place::of_path(&at("newer")), place);
        for nowhere in ["loop", "none/new", ".."] {
            assert!(!matches!(
                Place::of_path(&at(nowhere)),
                Some(Place::Missing(..))
            ));
        }
    }

    #[test]
    fn what_swallows_everything_is_no_place() {
        for path in ["/dev/null", "/dev/full", "/dev/zero"] {
            assert_eq!(Place::of_path(Path::new(path)), None, "{path}");
        }
    }
}
