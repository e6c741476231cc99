//! DPDK's environment abstraction layer (EAL): its start, its log, its end.
//!
//! Whatever the EAL has to say, it says to us: none of it ever reaches standard output, and standard
//! error sees it only with `verbose` or once [`Eal::log_to_stderr`] was called. A start that fails
//! is one sentence with the remedy.
#![allow(unsafe_code)]

pub mod affinity;
mod capture;
pub(crate) mod diagnosis;
pub(crate) mod errno;
pub mod lcores;

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int};
use std::marker::PhantomData;

use dpdkgen_run::failure::Failure;

use self::capture::Capture;
use self::diagnosis::Attempt;
use self::errno::last_error;

/// The running EAL. The thread that started it is its main lcore, so it stays with that thread.
pub struct Eal {
    log: Capture,
    log_taken: Cell<u64>,
    /// Called at the end, before the EAL is.
    closer: Cell<Option<Closer>>,
    main_lcore: PhantomData<*mut ()>,
}

/// Closes what has to be closed last of all, and returns whether the EAL has to stay as it is then.
pub(crate) type Closer = fn(&Eal) -> bool;

/// EAL options for a user who gave none: the CPUs that the process may use, as many as `workers`
/// need beside the main lcore, and nothing shared, so that several programs run side by side.
#[must_use]
pub fn default_args(workers: usize) -> Vec<String> {
    let cpus = affinity::saved().map(|set| set.cpus()).unwrap_or_default();
    let list: Vec<String> = cpus
        .into_iter()
        .filter(|&cpu| cpu < dpdk_sys::DG_MAX_LCORES as usize)
        .take(workers.saturating_add(1))
        .map(|cpu| cpu.to_string())
        .collect();
    let mut args = vec!["--in-memory".to_owned()];
    if !list.is_empty() {
        args.extend(["-l".to_owned(), list.join(",")]);
    }
    args
}

impl Eal {
    /// Starts the EAL with `args` as they are. It logs warnings, unless `verbose` or a
    /// `--log-level` among `args` asks for more, and can be started once in a process.
    ///
    /// `-h` and `--help` print the EAL's usage and end the process, as in every DPDK program.
    pub fn init(args: &[String], verbose: bool) -> Result<Self, Failure> {
        let log = Capture::new()
            .map_err(|e| Failure::machine(format!("no memory for DPDK's log can be had: {e}")))?;
        // SAFETY: the descriptor is open; the shim duplicates it.
        if unsafe { dpdk_sys::dg_log_to_fd(log.fd()) } != 0 {
            return Err(Failure::machine(
                "DPDK's log cannot be opened: too many open files",
            ));
        }
        if !verbose && !args.iter().any(|arg| arg.starts_with("--log-level")) {
            // SAFETY: sets an integer that the EAL itself changes only for `--log-level`.
            unsafe { dpdk_sys::rte_log_set_global_level(dpdk_sys::DG_LOG_WARNING) };
        }
        let started = if asks_for_help(args) {
            start(args)?
        } else {
            log.during(|| start(args)).map_err(|e| {
                Failure::machine(format!("standard output cannot be redirected: {e}"))
            })??
        };
        let text = log.text_from(0);
        if verbose {
            eprint!("{text}");
        }
        let leftover = match started {
            Started::No { error } => {
                return Err(diagnosis::failure(&Attempt::of(args, &text, error)));
            }
            Started::Yes { leftover } => leftover,
        };
        let eal = Self {
            log,
            log_taken: Cell::new(0),
            closer: Cell::new(None),
            main_lcore: PhantomData,
        };
        if let Some(argument) = leftover {
            return Err(Failure::request(format!(
                "the EAL options before `--` take no argument {argument:?}: remove it, or move it \
                 behind the `--`"
            )));
        }
        if verbose {
            eal.log_to_stderr();
        }
        Ok(eal)
    }

    /// The lines that DPDK has logged since the start or the last call, until
    /// [`Self::log_to_stderr`], without those that it logs in every program.
    #[must_use]
    pub fn take_log(&self) -> Vec<String> {
        let text = self.log.text_from(self.log_taken.replace(self.log.len()));
        let telling = text.lines().filter(|line| diagnosis::is_telling(line));
        telling.map(str::to_owned).collect()
    }

    /// Has `close` called at the end.
    pub(crate) fn at_end(&self, close: Closer) {
        self.closer.set(Some(close));
    }

    /// How much has been logged by now, for [`Self::last_words`].
    pub(crate) fn log_mark(&self) -> u64 {
        self.log.len()
    }

    /// The last telling lines that were logged after `mark`, in brackets and with a space in front,
    /// to be put into a sentence; empty if there were none.
    pub(crate) fn last_words(&self, mark: u64) -> String {
        let lines = diagnosis::last_lines(&self.log.text_from(mark));
        lines
            .map(|lines| format!(" (DPDK: {lines})"))
            .unwrap_or_default()
    }

    /// Forgets what was logged after `mark`, of an attempt that is made again.
    pub(crate) fn forget_log(&self, mark: u64) {
        self.log.forget_from(mark);
    }

    /// From now on DPDK's log goes to standard error: a run has begun, and nobody will ask for it.
    pub fn log_to_stderr(&self) {
        // SAFETY: changes the stream that the log goes to; DPDK allows it at any time, and no worker
        // runs while the main lcore is here, since launching returns only when all have ended.
        unsafe { dpdk_sys::dg_log_to_stderr() };
    }
}

impl Drop for Eal {
    fn drop(&mut self) {
        if self.closer.get().is_some_and(|close| close(self)) {
            // What is left behind (hugepage and runtime files, unless --in-memory or --no-huge), the
            // next start of a DPDK program clears away, as after a crash.
            return;
        }
        // SAFETY: every `Device` and every launch borrows the `Eal`, so none is left. We are on the
        // thread that started it, which it cannot leave (it is not Send).
        unsafe { dpdk_sys::rte_eal_cleanup() };
    }
}

enum Started {
    Yes {
        /// The first argument that is no option, at which the EAL does not look.
        leftover: Option<String>,
    },
    No {
        error: c_int,
    },
}

fn start(args: &[String]) -> Result<Started, Failure> {
    let mut argv: Vec<*mut c_char> = Vec::with_capacity(args.len() + 1);
    for arg in std::iter::once("dpdkgen-rt").chain(args.iter().map(String::as_str)) {
        let arg = CString::new(arg).map_err(|_| {
            Failure::request(format!("the EAL option {arg:?} has a zero byte in it"))
        })?;
        // The EAL may keep pointers into its arguments for as long as the process lives.
        argv.push(arg.into_raw());
    }
    let argc = c_int::try_from(argv.len()).map_err(|_| Failure::request("too many EAL options"))?;
    // SAFETY: `argv` holds `argc` NUL-terminated strings that are never freed. getopt may rearrange
    // the pointers to them, nothing more.
    let parsed = unsafe { dpdk_sys::rte_eal_init(argc, argv.as_mut_ptr()) };
    let Ok(parsed) = usize::try_from(parsed) else {
        return Ok(Started::No {
            error: last_error(),
        });
    };
    // getopt has moved what are no options to the end, behind what was parsed.
    let leftover = argv.get(parsed + 1).map(|&arg| {
        // SAFETY: one of the strings made above.
        unsafe { CStr::from_ptr(arg) }
            .to_string_lossy()
            .into_owned()
    });
    Ok(Started::Yes { leftover })
}

/// Whether the EAL will print something that was asked for, and exit.
fn asks_for_help(args: &[String]) -> bool {
    // getopt takes any unambiguous beginning of a long option.
    let help = |arg: &str| arg == "-h" || (arg.len() > 3 && "--help".starts_with(arg));
    args.iter()
        .any(|arg| help(arg) || arg == "--log-level=help")
        || args
            .windows(2)
            .any(|pair| pair[0] == "--log-level" && pair[1] == "help")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn help_is_recognised_as_getopt_does() {
        for line in [
            "-h",
            "--help",
            "--no-pci --hel",
            "--log-level=help",
            "--log-level help -l 0",
        ] {
            assert!(asks_for_help(&args(line)), "{line}");
        }
        for line in ["", "-l 0", "--huge-dir /x", "--h", "--log-level debug"] {
            assert!(!asks_for_help(&args(line)), "{line}");
        }
    }

    #[test]
    fn default_options_name_no_more_lcores_than_workers_and_main() {
        let args = default_args(0);
        assert_eq!(args[..2], ["--in-memory".to_owned(), "-l".to_owned()]);
        assert!(!args[2].contains(','), "{args:?}");
    }
}
