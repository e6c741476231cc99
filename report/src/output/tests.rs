use super::*;

fn in_dir(name: &str) -> (tempfile::TempDir, Target) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    (dir, Target::File(path))
}

#[test]
fn names_of_the_standard_streams() {
    for name in STDOUT_NAMES {
        assert_eq!(Target::named(OsStr::new(name)), Target::Stdout);
    }
    for name in STDERR_NAMES {
        assert_eq!(Target::named(OsStr::new(name)), Target::Stderr);
    }
    for name in ["stdout", "./-", "/dev/fd/11", "/dev/fd/21"] {
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
        way: Way::Open(File::from(std::os::fd::OwnedFd::from(writer))),
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
