//! The fuzz targets, on stable Rust, so that tests can replay their inputs.
//!
//! A target is a module here with a `run` that panics when something is wrong, its row in
//! [`TARGETS`], its program in `fuzz_targets/` and `Cargo.toml`, and its seeds in `corpus/`.
#![forbid(unsafe_code)]

use std::path::PathBuf;

pub mod build;
pub mod frame;
pub mod histogram;
pub mod neighbour;
pub mod oracle;
pub mod places;
pub mod probe;
pub mod receiver;
pub mod reflect;
pub mod shape;
pub mod window;

#[cfg(fuzzing)]
#[doc(hidden)]
pub use libfuzzer_sys;

/// A target's function of its input, which panics when something is wrong.
pub type Run = fn(&[u8]);

/// Every target by name.
pub const TARGETS: &[(&str, Run)] = &[
    ("frame", frame::run),
    ("histogram", histogram::run),
    ("neighbour", neighbour::run),
    ("probe", probe::run),
    ("receiver", receiver::run),
    ("reflect", reflect::run),
    ("window", window::run),
];

/// Makes the program of a target: for libFuzzer under `cargo fuzz`, otherwise one that replays the
/// files named on its command line.
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

/// Calls `run` with each of the files named on the command line.
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
