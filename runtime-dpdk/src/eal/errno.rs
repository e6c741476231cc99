//! DPDK's error numbers.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int};
use std::fmt;

/// An error number, without the sign that most of DPDK's functions give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(c_int);

impl Errno {
    /// What many drivers return whatever the reason was: a plain -1.
    pub const UNSPECIFIC: Self = Self(1);

    /// Returns the error that this thread's last call of DPDK left.
    pub(crate) fn last() -> Self {
        // SAFETY: reads a variable of this thread's.
        Self::of(unsafe { dpdk_sys::dg_errno() })
    }

    /// Returns the error of a number, which may be negative.
    pub(crate) const fn of(number: c_int) -> Self {
        Self(number.saturating_abs())
    }

    /// Returns the number, positive as libc has it.
    pub(crate) const fn number(self) -> c_int {
        self.0
    }

    /// Turns what a function of DPDK's returned into a result.
    ///
    /// # Errors
    ///
    /// If it is not 0.
    pub(crate) const fn check(returned: c_int) -> Result<(), Self> {
        if returned == 0 {
            Ok(())
        } else {
            Err(Self::of(returned))
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: DPDK returns a NUL-terminated text of this thread's for any number.
        let text = unsafe { CStr::from_ptr(dpdk_sys::rte_strerror(self.0)) };
        f.write_str(&text.to_string_lossy())
    }
}
