//! The MTU of the kernel's interfaces.
//!
//! It is asked by the interface's index and not read from sysfs, which may be that of another
//! network namespace.
#![allow(unsafe_code)]

use std::mem;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;

/// Returns the MTU of the interface with this index; none if there is no such interface.
pub(super) fn of_interface(index: u32) -> Option<u16> {
    // Any socket will do: the request is not for its own protocol.
    let socket = UnixDatagram::unbound().ok()?;
    // SAFETY: an `ifreq` is plain data, for which zeros are valid.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    // SAFETY: the name has room for IF_NAMESIZE bytes, which is all that is written.
    if unsafe { libc::if_indextoname(index, request.ifr_name.as_mut_ptr()) }.is_null() {
        return None;
    }
    // SAFETY: the descriptor is open; the kernel reads the name and writes the MTU, both within the
    // struct.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFMTU, &raw mut request) } != 0 {
        return None;
    }
    // SAFETY: the kernel has filled this member of the union.
    let mtu = unsafe { request.ifr_ifru.ifru_mtu };
    // Loopback has 65536.
    Some(u16::try_from(mtu).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_has_an_mtu_and_interface_0_is_none() {
        assert!(of_interface(1).is_some_and(|mtu| mtu >= 1280));
        assert_eq!(of_interface(0), None);
    }
}
