//! DPDK's environment abstraction layer (EAL): its start, its log, its end.
//!
//! Promised: whatever the EAL has to say, it says to us. None of it ever reaches standard output,
//! and standard error sees it only with `verbose` or once [`Eal::tell_log`] was called. A
//! start that fails has one reason, a [`StartError`].
#![allow(unsafe_code)]

pub mod affinity;
mod args;
mod capture;
mod diagnosis;
mod errno;
mod error;
mod exits;
pub(crate) mod interrupt;
pub mod lcore;
mod log;
pub mod placement;
pub(crate) mod privileges;
mod repeats;

use std::ffi::{CStr, CString, c_char, c_int};
use std::marker::PhantomData;

pub use self::args::{OPTIONS, default_args, device_args};
pub use self::errno::Errno;
pub use self::error::{LaunchError, StartError};
pub use self::exits::{abandon_start, tell_exits};

use self::args::{LOG_LEVELS, asks_for_help};
use self::diagnosis::{Attempt, diagnose};
use self::log::Log;

/// The running EAL. The thread that started it is its main lcore, so it stays with that thread.
pub struct Eal {
    log: Log,
    /// Whether the log is for people who did not ask for it.
    is_terse: bool,
    closer: Closer,
    main_lcore: PhantomData<*mut ()>,
}

/// Closes what has to be closed last of all, and returns whether the EAL has to stay as it is then.
///
/// Only the layer above knows of anything of the kind: [`crate::ethdev::CLOSER`].
#[derive(Clone, Copy)]
pub struct Closer(pub(crate) fn(&Eal) -> bool);

impl Eal {
    /// Starts the EAL with `args` as they are; `closer` is called when it ends. It logs warnings,
    /// unless `verbose` or a `--log-level` among `args` asks for more, and can be started once in a
    /// process.
    ///
    /// `-h` and `--help` print the EAL's usage and end the process, as in every DPDK program.
    ///
    /// # Errors
    ///
    /// If it does not start, or does not take all of `args` as its own.
    pub fn init(args: &[String], verbose: bool, closer: Closer) -> Result<Self, StartError> {
        let log = Log::new().map_err(|error| StartError::NoLog {
            reason: error.to_string(),
        })?;
        // SAFETY: the descriptor is open; the shim duplicates it.
        if unsafe { dpdk_sys::dg_log_to_fd(log.fd()) } != 0 {
            return Err(StartError::LogNotOpened);
        }
        let is_terse = !verbose && !args.iter().any(|arg| arg.starts_with("--log-level"));
        if is_terse {
            // SAFETY: sets an integer that the EAL itself does not change.
            unsafe { dpdk_sys::rte_log_set_global_level(dpdk_sys::DG_LOG_INFO) };
        }
        let levels: &[&str] = if is_terse { &LOG_LEVELS } else { &[] };
        let started = if asks_for_help(args) {
            start(levels, args)?
        } else {
            let begin = || log.during(|| start(levels, args));
            let redirected = exits::watched(args, log.output(), begin);
            redirected.map_err(|error| StartError::NotRedirected {
                reason: error.to_string(),
            })??
        };
        let text = log.text();
        if verbose {
            eprint!("{text}");
            log.take();
        }
        let leftover = match started {
            Started::No { error } => {
                return Err(diagnose(&Attempt::new(args, &text, error)));
            }
            Started::Yes { leftover } => leftover,
        };
        let eal = Self {
            log,
            is_terse,
            closer,
            main_lcore: PhantomData,
        };
        if let Some(argument) = leftover {
            return Err(StartError::Leftover { argument });
        }
        if verbose {
            eal.log_to_stderr();
        }
        Ok(eal)
    }

    /// Returns the lines that DPDK has logged since the start or the last call, until
    /// [`Self::tell_log`], without those that it logs in every program.
    #[must_use]
    pub fn take_log(&self) -> Vec<String> {
        self.log.take()
    }

    /// Returns how much has been logged by now, for [`Self::last_words`].
    pub(crate) fn log_mark(&self) -> u64 {
        self.log.mark()
    }

    /// Returns the last telling lines that were logged after `mark`, if there were any.
    pub(crate) fn last_words(&self, mark: u64) -> Option<String> {
        self.log.last_words(mark)
    }

    /// Forgets what was logged after `mark`, of an attempt that is made again.
    pub(crate) fn forget_log(&self, mark: u64) {
        self.log.forget(mark);
    }

    /// Lets `tell` have each line of DPDK's log from now on, without those that it logs in every
    /// program unless they were asked for: a run has begun, and nobody will ask for the log.
    ///
    /// The thread that logs calls it, which may be a worker.
    pub fn tell_log(&self, tell: fn(&str)) {
        log::listen(tell, self.is_terse);
    }

    /// Lets DPDK's log go to standard error from now on.
    fn log_to_stderr(&self) {
        // SAFETY: changes the stream that the log goes to; DPDK allows it at any time, and no
        // worker runs yet.
        unsafe { dpdk_sys::dg_log_to_stderr() };
    }
}

impl Drop for Eal {
    fn drop(&mut self) {
        if (self.closer.0)(self) {
            // What is left behind (hugepage and runtime files, unless --in-memory or --no-huge),
            // the next start of a DPDK program clears away, as after a crash.
            return;
        }
        // SAFETY: every `Device` and every launch borrows the `Eal`, so none is left. We are on the
        // thread that started it, which it cannot leave (it is not Send).
        unsafe { dpdk_sys::rte_eal_cleanup() };
    }
}

/// What became of a start.
enum Started {
    Yes {
        /// The first argument that is no option, at which the EAL does not look.
        leftover: Option<String>,
    },
    No {
        error: Errno,
    },
}

fn start(levels: &[&str], args: &[String]) -> Result<Started, StartError> {
    let mut argv: Vec<*mut c_char> = Vec::with_capacity(args.len() + levels.len() + 1);
    let args = args.iter().map(String::as_str);
    let args = levels.iter().copied().chain(args);
    for arg in std::iter::once("dpdkgen-rt").chain(args) {
        let arg = CString::new(arg).map_err(|_| StartError::ZeroByte {
            option: arg.to_owned(),
        })?;
        // The EAL may keep pointers into its arguments for as long as the process lives.
        argv.push(arg.into_raw());
    }
    let argc = c_int::try_from(argv.len()).map_err(|_| StartError::TooManyOptions)?;
    // SAFETY: `argv` holds `argc` NUL-terminated strings that are never freed. getopt may rearrange
    // the pointers to them, nothing more.
    let parsed = unsafe { dpdk_sys::rte_eal_init(argc, argv.as_mut_ptr()) };
    let Ok(parsed) = usize::try_from(parsed) else {
        return Ok(Started::No {
            error: Errno::last(),
        });
    };
    // getopt has moved what are no options to the end, behind what was parsed.
    let leftover = argv.get(parsed + 1).map(|&arg| {
        // SAFETY: one of the NUL-terminated strings made above, which are never freed.
        unsafe { CStr::from_ptr(arg) }
            .to_string_lossy()
            .into_owned()
    });
    Ok(Started::Yes { leftover })
}
