//! Machines as files: a manifest in `tests/sysroots`, changed where a test wants another machine,
//! and unpacked into a folder.
//!
//! A line of a manifest is `FILE: CONTENT`, with `\n` and `\t` as in C, `LINK -> TARGET` or
//! `FOLDER/`; a line with `#` in front is for people.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A manifest.
#[derive(Clone, Debug)]
pub struct Manifest {
    lines: Vec<String>,
}

/// The folder that a manifest was unpacked into, gone when this is dropped.
#[derive(Debug)]
pub struct Sysroot {
    folder: TempDir,
}

impl Manifest {
    /// Reads the manifest of this name.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn read(name: &str) -> Self {
        let path = format!("{}/sysroots/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let lines = text.lines().filter(|line| line.starts_with('/'));
        Self {
            lines: lines.map(str::to_owned).collect(),
        }
    }

    /// Leaves out each line whose path has `part` in it.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn without(mut self, part: &str) -> Self {
        let before = self.lines.len();
        self.lines.retain(|line| !path(line).contains(part));
        assert!(self.lines.len() < before, "no path has {part} in it");
        self
    }

    /// Adds a line, in place of one with the same path.
    #[must_use]
    pub fn with(mut self, line: &str) -> Self {
        self.lines.retain(|other| path(other) != path(line));
        self.lines.push(line.to_owned());
        self
    }

    /// Replaces a text wherever it stands.
    ///
    /// # Panics
    ///
    /// If it stands nowhere.
    #[must_use]
    pub fn replace(mut self, from: &str, to: &str) -> Self {
        let before = self.lines.clone();
        for line in &mut self.lines {
            *line = line.replace(from, to);
        }
        assert_ne!(self.lines, before, "{from} stands nowhere");
        self
    }

    /// Makes the files, links and folders.
    ///
    /// # Panics
    ///
    /// If a line cannot be understood, or what it says cannot be made.
    #[must_use]
    pub fn unpack(&self) -> Sysroot {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for line in &self.lines {
            let place = folder.path().join(path(line).trim_start_matches('/'));
            let parent = place.parent().expect("a folder above it");
            fs::create_dir_all(parent).expect("a folder");
            let rest = &line[path(line).len()..];
            let made = match (rest.strip_prefix(" -> "), rest.strip_prefix(':')) {
                (Some(target), _) => symlink(target, place),
                (_, Some(text)) => {
                    let text = text.strip_prefix(' ').unwrap_or(text);
                    let text = text.replace("\\n", "\n").replace("\\t", "\t");
                    fs::write(place, text + "\n")
                }
                _ => fs::create_dir_all(place),
            };
            made.unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        Sysroot { folder }
    }
}

impl Sysroot {
    /// Returns the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns all files and their contents, in order; of a link its target.
    ///
    /// # Panics
    ///
    /// If one cannot be read.
    #[must_use]
    pub fn contents(&self) -> Vec<(PathBuf, String)> {
        let mut found = Vec::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let entry = entry.expect("an entry");
                let kind = entry.file_type().expect("a kind");
                let path = entry.path();
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_symlink() {
                    let target = fs::read_link(&path).expect("a target");
                    found.push((path, target.display().to_string()));
                } else {
                    let text = fs::read_to_string(&path).expect("a text");
                    found.push((path, text));
                }
            }
        }
        found.sort();
        found
    }
}

/// Returns the path that a line is about: `: ` and ` -> ` stand in none, colons of PCI do.
fn path(line: &str) -> &str {
    let end = [": ", " -> "]
        .iter()
        .filter_map(|mark| line.find(mark))
        .min();
    let whole = line.strip_suffix(':').unwrap_or(line);
    end.map_or(whole, |end| &line[..end])
}
