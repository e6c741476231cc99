//! DPDK's error numbers.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int};

/// The error number that this thread's last call of DPDK left.
pub(crate) fn last_error() -> c_int {
    // SAFETY: reads a variable of this thread's.
    unsafe { dpdk_sys::dg_errno() }
}

/// The text of an error number that DPDK gave back, which may be negative.
pub(crate) fn error_text(error: c_int) -> String {
    // SAFETY: DPDK returns a NUL-terminated text of this thread's for any number.
    let text = unsafe { CStr::from_ptr(dpdk_sys::rte_strerror(error.saturating_abs())) };
    text.to_string_lossy().into_owned()
}
