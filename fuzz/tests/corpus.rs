//! Every checked-in input of every target, seeds and found cases.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use dpdkgen_fuzz::TARGETS;

fn fuzz(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Returns the files of a directory, sorted; none if it does not exist.
fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Returns the names of the files in a directory, without extensions.
fn names(directory: &str) -> BTreeSet<String> {
    let files = files(&fuzz(directory));
    let stem = |file: &PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
    files.iter().map(stem).collect()
}

#[test]
fn nothing_checked_in_finds_anything() {
    let mut failed = Vec::new();
    for (name, run) in TARGETS {
        let seeds = files(&fuzz(&format!("corpus/{name}")));
        assert!(
            !seeds.is_empty(),
            "{name} has no seeds in fuzz/corpus/{name}"
        );
        for file in seeds
            .into_iter()
            .chain(files(&fuzz(&format!("found/{name}"))))
        {
            let input = fs::read(&file).unwrap();
            if catch_unwind(|| run(&input)).is_err() {
                failed.push(file);
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn a_target_is_complete() {
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("fuzz_targets"), targets, "programs");
    assert_eq!(names("corpus"), targets, "seeds");
    assert!(names("found").is_subset(&targets), "found cases");
    let manifest = fs::read_to_string(fuzz("Cargo.toml")).unwrap();
    for target in targets {
        let program = format!("path = \"fuzz_targets/{target}.rs\"");
        assert!(manifest.contains(&program), "{target} in fuzz/Cargo.toml");
    }
}
