//! The kernel's interfaces and their addresses.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::null_mut;

/// An interface, and one of its addresses if it has any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The name.
    pub name: String,
    /// The address.
    pub address: Option<IpAddr>,
}

/// Returns all interfaces, once for each of their addresses and once more.
///
/// # Errors
///
/// As `getifaddrs` has it.
pub fn all() -> io::Result<Vec<Interface>> {
    let mut list = null_mut();
    // SAFETY: it writes an address there, or fails.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut interfaces = Vec::new();
    let mut next = list;
    // SAFETY: an entry of the list, which is not freed yet, or null at its end.
    while let Some(entry) = unsafe { next.as_ref() } {
        // SAFETY: an entry's name is a C string.
        let name = unsafe { CStr::from_ptr(entry.ifa_name) };
        interfaces.push(Interface {
            name: name.to_string_lossy().into_owned(),
            // SAFETY: an entry's address is null or of the kind that its family says.
            address: unsafe { address(entry.ifa_addr) },
        });
        next = entry.ifa_next;
    }
    // SAFETY: the list that was made above, of which nothing is used any more.
    unsafe { libc::freeifaddrs(list) };
    Ok(interfaces)
}

/// Returns the IP address in a socket's address.
///
/// # Safety
///
/// It is null, or of the kind that its family says.
unsafe fn address(address: *const libc::sockaddr) -> Option<IpAddr> {
    if address.is_null() {
        return None;
    }
    // SAFETY: the caller says that it is one.
    match i32::from(unsafe { (*address).sa_family }) {
        libc::AF_INET => {
            // SAFETY: of the kind that its family says.
            let address = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
            let octets = address.sin_addr.s_addr.to_ne_bytes();
            Some(Ipv4Addr::from(octets).into())
        }
        libc::AF_INET6 => {
            // SAFETY: of the kind that its family says.
            let address = unsafe { address.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some(Ipv6Addr::from(address.sin6_addr.s6_addr).into())
        }
        _ => None,
    }
}

/// Returns whether the interface of this name is up and has a carrier; an interface that is not
/// there is not.
#[must_use]
pub fn is_running(socket: BorrowedFd<'_>, name: &str) -> bool {
    // SAFETY: a struct of numbers and addresses, for all of which zeros are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // One shorter than its place, so that it ends with a zero.
    let places = request.ifr_name.len() - 1;
    for (place, byte) in request.ifr_name[..places].iter_mut().zip(name.bytes()) {
        *place = libc::c_char::from_ne_bytes([byte]);
    }
    // SAFETY: the kernel reads the name, and writes the flags beside it.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request) };
    // SAFETY: what the kernel has written.
    let flags = i32::from(unsafe { request.ifr_ifru.ifru_flags });
    let running = libc::IFF_UP | libc::IFF_RUNNING;
    done == 0 && flags & running == running
}
