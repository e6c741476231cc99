//! Options of sockets, by their numbers.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{c_int, c_void, socklen_t};

/// An option of a socket: its level and its name.
pub type Name = (c_int, c_int);

/// Sets an option whose value is a number.
///
/// # Errors
///
/// As `setsockopt` has it.
pub fn set(socket: BorrowedFd<'_>, (level, name): Name, value: c_int) -> io::Result<()> {
    let len = size_of::<c_int>() as socklen_t;
    // SAFETY: the kernel reads `len` bytes at that address, which are the value.
    let done = unsafe {
        let value = (&raw const value).cast::<c_void>();
        libc::setsockopt(socket.as_raw_fd(), level, name, value, len)
    };
    result(done)
}

/// Sets an option whose value is a text.
///
/// # Errors
///
/// As `setsockopt` has it.
pub fn set_text(socket: BorrowedFd<'_>, (level, name): Name, value: &str) -> io::Result<()> {
    let len = value.len() as socklen_t;
    // SAFETY: the kernel reads `len` bytes at that address, which are the text's.
    let done = unsafe {
        let value = value.as_ptr().cast::<c_void>();
        libc::setsockopt(socket.as_raw_fd(), level, name, value, len)
    };
    result(done)
}

/// Returns the numbers of an option that has up to `N`; those that the kernel does not have are 0.
///
/// # Errors
///
/// As `getsockopt` has it.
pub fn get<const N: usize>(socket: BorrowedFd<'_>, (level, name): Name) -> io::Result<[c_int; N]> {
    let mut values = [0; N];
    let mut len = size_of_val(&values) as socklen_t;
    // SAFETY: the kernel writes at most `len` bytes at that address, which are the array's; any are
    // valid numbers.
    let done = unsafe {
        let values = values.as_mut_ptr().cast::<c_void>();
        libc::getsockopt(socket.as_raw_fd(), level, name, values, &raw mut len)
    };
    result(done).map(|()| values)
}

fn result(done: c_int) -> io::Result<()> {
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
