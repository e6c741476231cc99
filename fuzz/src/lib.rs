//! What the fuzz targets do with their input, on stable Rust, so that tests can replay it.
//!
//! A target is a module here with a `run` that panics when something is wrong, its row in
//! [`TARGETS`], its program in `fuzz_targets/` and `Cargo.toml`, and its seeds in `corpus/`.
#![forbid(unsafe_code)]

use std::path::PathBuf;

pub mod build;
pub mod frame;
pub mod histogram;
pub mod oracle;
pub mod probe;
pub mod receiver;
pub mod reflect;
pub mod window;

#[cfg(fuzzing)]
#[doc(hidden)]
pub use libfuzzer_sys;

/// What a target does with its input: panics when something is wrong.
pub type Run = fn(&[u8]);

/// Every target by name.
pub const TARGETS: &[(&str, Run)] = &[
    ("frame", frame::run),
    ("histogram", histogram::run),
    ("probe", probe::run),
    ("receiver", receiver::run),
    ("reflect", reflect::run),
    ("window", window::run),
];

/// The program of a target: under `cargo fuzz` what libFuzzer calls, otherwise one that replays the
/// files that it is given.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        #[cfg(fuzzing)]
        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::$name::run(data));

        #[cfg(not(fuzzing))]
        fn main() {
            $crate::replay($crate::$name::run);
        }
    };
}

/// Runs the files given on the command line.
///
/// # Panics
///
/// If one cannot be read, or something is wrong.
pub fn replay(run: Run) {
    for file in std::env::args_os().skip(1).map(PathBuf::from) {
        println!("{}", file.display());
        let input = std::fs::read(&file);
        run(&input.unwrap_or_else(|error| panic!("{}: {error}", file.display())));
    }
}
