//! What the kernel says of its interfaces.
//!
//! They are asked by index and not read from sysfs, which may be that of another network namespace.
#![allow(unsafe_code)]

use std::mem;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;

/// Returns the MTU of the interface with this index; none if there is no such interface.
pub(super) fn mtu(index: u32) -> Option<u16> {
    // SAFETY: the request is filled by one for the MTU.
    let answer = ask(index, libc::SIOCGIFMTU, |answer| unsafe { answer.ifru_mtu })?;
    // Loopback has 65536.
    Some(u16::try_from(answer).unwrap_or(u16::MAX))
}

/// Returns whether the interface with this index is up and has a carrier; none if there is no such
/// interface.
pub(super) fn has_link(index: u32) -> Option<bool> {
    // SAFETY: the request is filled by one for the flags.
    let flags = ask(index, libc::SIOCGIFFLAGS, |answer| unsafe {
        answer.ifru_flags
    })?;
    let wanted = libc::IFF_UP | libc::IFF_RUNNING;
    Some(libc::c_int::from(flags) & wanted == wanted)
}

/// Asks the kernel one of its questions, of those whose answer is in `ifr_ifru`, and returns what
/// `read` takes from there; none if there is no such interface.
fn ask<T>(
    index: u32,
    question: libc::c_ulong,
    read: impl FnOnce(&libc::__c_anonymous_ifr_ifru) -> T,
) -> Option<T> {
    // Any socket will do: the request is not for its own protocol.
    let socket = UnixDatagram::unbound().ok()?;
    // SAFETY: an `ifreq` is plain data, for which zeros are valid.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    // SAFETY: the name has room for IF_NAMESIZE bytes, which is all that is written.
    if unsafe { libc::if_indextoname(index, request.ifr_name.as_mut_ptr()) }.is_null() {
        return None;
    }
    // SAFETY: the descriptor is open; the kernel reads the name and writes the answer, both within
    // the struct.
    if unsafe { libc::ioctl(socket.as_raw_fd(), question, &raw mut request) } != 0 {
        return None;
    }
    Some(read(&request.ifr_ifru))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_there_and_interface_0_is_not() {
        assert!(mtu(1).is_some_and(|mtu| mtu >= 1280));
        assert!(has_link(1).is_some());
        assert_eq!((mtu(0), has_link(0)), (None, None));
    }
}
