//! The sockets of a port, opened: bound, connected, and with the buffers that the kernel gives.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::errors::Errors;
use crate::sys::option::{self, Name};

/// What a socket is used for, which decides some of its options.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'s> {
    /// The interface that all goes through, if it was named.
    pub interface: Option<&'s str>,
    /// Packets that are to have room in its receive buffer.
    pub rx_packets: u16,
    /// Packets that are to have room in its send buffer.
    pub tx_packets: u16,
    /// Bytes of payload that these are taken to have.
    pub payload_len: u16,
    /// Microseconds for which the kernel polls the device, if it is to.
    pub busy_poll: Option<u16>,
    /// Whether the kernel may give many datagrams as one.
    pub gso: bool,
    /// Whether the kernel tells when each datagram arrived.
    pub is_stamped: bool,
}

/// The sockets of a port.
#[derive(Debug, Default)]
pub struct Sockets {
    /// The sockets.
    pub fds: Vec<OwnedFd>,
    /// The errors that they met.
    pub errors: Errors,
}

/// A step of opening a socket that the kernel refused.
#[derive(Debug)]
pub enum OpenError {
    /// No socket could be made.
    Make(io::Error),
    /// It could not be bound to its interface.
    Interface(io::Error),
    /// It could not be bound to this address.
    Bind(SocketAddr, io::Error),
    /// It could not be connected to this address.
    Connect(SocketAddr, io::Error),
    /// This option could not be set.
    Option(&'static str, io::Error),
}

/// Packets that have room in a socket's buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// In the receive buffer.
    pub rx: u64,
    /// In the send buffer.
    pub tx: u64,
}

/// Opens a socket that is bound to `from`.
///
/// # Errors
///
/// The step that the kernel refused.
pub fn open(
    from: SocketAddr,
    settings: &Settings<'_>,
    options: &[(&'static str, Name, i32)],
) -> Result<OwnedFd, OpenError> {
    let family = if from.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::DGRAM, flags, None);
    let socket = socket.map_err(|error| OpenError::Make(error.into()))?;
    if let Some(interface) = settings.interface {
        let name = (libc::SOL_SOCKET, libc::SO_BINDTODEVICE);
        option::set_text(socket.as_fd(), name, interface).map_err(OpenError::Interface)?;
    }
    for (name, number, value) in options.iter().copied().chain(common(from.ip(), settings)) {
        let done = option::set(socket.as_fd(), number, value);
        done.map_err(|error| OpenError::Option(name, error))?;
    }
    let bound = rustix::net::bind(&socket, &from);
    bound.map_err(|error| OpenError::Bind(from, error.into()))?;
    Ok(socket)
}

/// Connects a socket, which from then on sends to and hears from `to` alone.
///
/// # Errors
///
/// If there is no way to it.
pub fn connect(socket: &OwnedFd, to: SocketAddr) -> Result<(), OpenError> {
    rustix::net::connect(socket, &to).map_err(|error| OpenError::Connect(to, error.into()))
}

/// Returns the options that all sockets have.
fn common(
    from: IpAddr,
    settings: &Settings<'_>,
) -> impl Iterator<Item = (&'static str, Name, i32)> + use<> {
    // No fragments, whatever was learnt of the path; and all errors are told, so that what the kernel
    // drops at once is not taken to be sent.
    let own = if from.is_ipv4() {
        let level = libc::IPPROTO_IP;
        [
            (
                "IP_MTU_DISCOVER",
                (level, libc::IP_MTU_DISCOVER),
                libc::IP_PMTUDISC_PROBE,
            ),
            ("IP_RECVERR", (level, libc::IP_RECVERR), 1),
        ]
    } else {
        let level = libc::IPPROTO_IPV6;
        let (discover, probe) = (libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_PROBE);
        [
            ("IPV6_MTU_DISCOVER", (level, discover), probe),
            ("IPV6_RECVERR", (level, libc::IPV6_RECVERR), 1),
        ]
    };
    let v6_only =
        from.is_ipv6()
            .then_some(("IPV6_V6ONLY", (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY), 1));
    let busy_poll = settings.busy_poll.map(|micros| {
        let name = (libc::SOL_SOCKET, libc::SO_BUSY_POLL);
        ("SO_BUSY_POLL", name, i32::from(micros))
    });
    let gro = settings
        .gso
        .then_some(("UDP_GRO", (libc::SOL_UDP, libc::UDP_GRO), 1));
    let stamps = settings.is_stamped.then_some((
        "SO_TIMESTAMPNS",
        (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS),
        1,
    ));
    let kernels = busy_poll.into_iter().chain(gro).chain(stamps);
    own.into_iter().chain(v6_only).chain(kernels)
}

/// Returns the options that give a datagram its DSCP and TTL.
#[must_use]
pub fn marks(from: IpAddr, dscp: u8, ttl: u8) -> [(&'static str, Name, i32); 2] {
    let (class, ttl) = (i32::from(dscp) << 2, i32::from(ttl));
    if from.is_ipv4() {
        [
            ("IP_TOS", (libc::IPPROTO_IP, libc::IP_TOS), class),
            ("IP_TTL", (libc::IPPROTO_IP, libc::IP_TTL), ttl),
        ]
    } else {
        let hops = libc::IPV6_UNICAST_HOPS;
        [
            (
                "IPV6_TCLASS",
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
                class,
            ),
            ("IPV6_UNICAST_HOPS", (libc::IPPROTO_IPV6, hops), ttl),
        ]
    }
}

/// Returns the options by which a socket is told of each datagram where it was sent to and what its
/// header said, and shares its address with others.
#[must_use]
pub fn listening(at: IpAddr) -> [(&'static str, Name, i32); 4] {
    let reuse = (libc::SOL_SOCKET, libc::SO_REUSEPORT);
    if at.is_ipv4() {
        let level = libc::IPPROTO_IP;
        [
            ("SO_REUSEPORT", reuse, 1),
            ("IP_PKTINFO", (level, libc::IP_PKTINFO), 1),
            ("IP_RECVTTL", (level, libc::IP_RECVTTL), 1),
            ("IP_RECVTOS", (level, libc::IP_RECVTOS), 1),
        ]
    } else {
        let level = libc::IPPROTO_IPV6;
        [
            ("SO_REUSEPORT", reuse, 1),
            ("IPV6_RECVPKTINFO", (level, libc::IPV6_RECVPKTINFO), 1),
            ("IPV6_RECVHOPLIMIT", (level, libc::IPV6_RECVHOPLIMIT), 1),
            ("IPV6_RECVTCLASS", (level, libc::IPV6_RECVTCLASS), 1),
        ]
    }
}

/// Gives a socket buffers for the packets that are to have room, or as large ones as the kernel
/// allows, and returns for how many that is.
///
/// # Errors
///
/// If an option cannot be set or read.
pub fn give_room(socket: BorrowedFd<'_>, settings: &Settings<'_>) -> io::Result<Room> {
    let each = truesize(settings.payload_len);
    let room = |packets: u16, forced, allowed, read| {
        let bytes = u64::from(packets) * each;
        // The kernel doubles what is asked, for its own needs.
        let half = i32::try_from(bytes.div_ceil(2)).unwrap_or(i32::MAX / 2);
        // Root is given what it asks for.
        if option::set(socket, (libc::SOL_SOCKET, forced), half).is_err() {
            option::set(socket, (libc::SOL_SOCKET, allowed), half)?;
        }
        let [given] = option::get(socket, (libc::SOL_SOCKET, read))?;
        io::Result::Ok(u64::try_from(given).unwrap_or(0) / each)
    };
    use libc::{SO_RCVBUF, SO_RCVBUFFORCE, SO_SNDBUF, SO_SNDBUFFORCE};
    Ok(Room {
        rx: room(settings.rx_packets, SO_RCVBUFFORCE, SO_RCVBUF, SO_RCVBUF)?,
        tx: room(settings.tx_packets, SO_SNDBUFFORCE, SO_SNDBUF, SO_SNDBUF)?,
    })
}

/// Returns the bytes that a packet takes of a buffer, which is more than it has: the kernel counts
/// what it has allocated for it (`SKB_TRUESIZE`), in powers of two.
#[must_use]
pub fn truesize(payload_len: u16) -> u64 {
    const HEADERS: u64 = 128;
    const SHARED_INFO: u64 = 320;
    const SK_BUFF: u64 = 256;
    (u64::from(payload_len) + HEADERS + SHARED_INFO).next_power_of_two() + SK_BUFF
}

/// Returns the MTU of the path that a connected socket sends on.
///
/// # Errors
///
/// If the kernel does not know it.
pub fn path_mtu(socket: BorrowedFd<'_>, to: IpAddr) -> io::Result<u32> {
    let name = if to.is_ipv4() {
        (libc::IPPROTO_IP, libc::IP_MTU)
    } else {
        (libc::IPPROTO_IPV6, libc::IPV6_MTU)
    };
    let [mtu] = option::get(socket, name)?;
    Ok(mtu.unsigned_abs())
}

/// Returns how many packets came for a socket and were dropped: its buffer was full, or their
/// checksum wrong (`sk_drops`, which `SO_RXQ_OVFL` tells too, but with the next packet only).
#[must_use]
pub fn drops(socket: BorrowedFd<'_>) -> u64 {
    const SO_MEMINFO: i32 = 55;
    const SK_MEMINFO_DROPS: usize = 8;
    let meminfo = option::get::<9>(socket, (libc::SOL_SOCKET, SO_MEMINFO));
    // A counter of 32 bits.
    meminfo.map_or(0, |info| u64::from(info[SK_MEMINFO_DROPS].cast_unsigned()))
}
