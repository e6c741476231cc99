//! Errors as sentences, with what a user can do about them.

use std::io;
use std::net::{IpAddr, SocketAddr};

use dpdkgen_run::failure::Failure;
use dpdkgen_run::request::SendRecv;

use crate::sockets::OpenError;

/// Says why a socket could not be opened; `ports_option` is the option that its UDP port comes from.
#[must_use]
pub fn open(error: &OpenError, interface: Option<&str>, ports_option: &str) -> Failure {
    let interface = interface.unwrap_or("");
    match error {
        OpenError::Make(error) => make(error),
        OpenError::Interface(error) => Failure::machine(format!(
            "the sockets cannot be bound to --port {interface} ({error}): leave it out, or run as root"
        )),
        OpenError::Bind(address, error) => bind(*address, error, ports_option),
        OpenError::Connect(to, error) => Failure::machine(format!(
            "there is no way to {to} ({error}): see `ip route get {}`",
            to.ip()
        )),
        OpenError::Option(name, error) => {
            Failure::machine(format!("the kernel refuses {name} of a socket ({error})"))
        }
    }
}

fn make(error: &io::Error) -> Failure {
    Failure::machine(match error.raw_os_error() {
        Some(libc::EMFILE) => format!(
            "no more sockets can be opened ({error}): narrow --src-port-range, each of whose ports \
             takes one, or raise the limit (`ulimit -n`)"
        ),
        Some(libc::EAFNOSUPPORT) => {
            format!("the kernel has not this version of IP ({error}): use the other one")
        }
        _ => format!("no socket could be made ({error})"),
    })
}

fn bind(address: SocketAddr, error: &io::Error, ports_option: &str) -> Failure {
    match error.raw_os_error() {
        Some(libc::EADDRINUSE) => Failure::machine(format!(
            "UDP port {} of {} is taken by another program: choose others with {ports_option}, or end \
             it (`ss -ulnp` names it)",
            address.port(),
            address.ip()
        )),
        Some(libc::EADDRNOTAVAIL) => Failure::request(format!(
            "{} is no address of this host: `ip address` lists those that are",
            address.ip()
        )),
        Some(libc::EACCES) => Failure::machine(format!(
            "UDP port {} is not allowed to this user ({error}): use ports from 1024 on with \
             {ports_option}, or run as root",
            address.port()
        )),
        _ => Failure::machine(format!("no socket could be bound to {address} ({error})")),
    }
}

/// Says that there is no interface of a name that was given.
#[must_use]
pub fn no_interface(name: &str, there_are: &[String]) -> Failure {
    Failure::request(format!(
        "there is no interface {name}: --port takes one of {}",
        there_are.join(", ")
    ))
}

/// Says that an interface did not come up in time.
#[must_use]
pub fn no_link(name: &str, seconds: f64) -> Failure {
    Failure::machine(format!(
        "interface {name} has no link after {seconds} s: bring it up (`ip link set {name} up`), or \
         wait longer with --wait-link"
    ))
}

/// Says that the interface does not have the address that probes come from.
#[must_use]
pub fn not_on_interface(address: IpAddr, name: &str) -> Failure {
    Failure::request(format!(
        "--src {address} is no address of --port {name}: `ip address show dev {name}` lists those \
         that are"
    ))
}

/// Says that the probes are larger than the path.
#[must_use]
pub fn mtu(sendrecv: &SendRecv, needed: u32, to: SocketAddr, mtu: u32) -> Failure {
    let (what, option) = (sendrecv.largest_payload(), sendrecv.size_option());
    Failure::request(format!(
        "{what} needs an MTU of {needed}, and that of the path to {to} is {mtu}: send less with \
         {option}, or raise the interface's"
    ))
}

/// Says that there are more receive queues than sockets to be received from.
#[must_use]
pub fn too_few_sockets(rxq: u16, source_ports: u32) -> Failure {
    Failure::request(format!(
        "--rxq {rxq} needs as many sockets, and there is one for each of {source_ports} source \
         ports: widen --src-port-range, or ask for fewer queues"
    ))
}

/// Says that buffers are smaller than was asked for.
#[must_use]
pub fn small_buffer(direction: &str, option: &str, given: u64, asked: u16, bytes: u64) -> String {
    let limit = if direction == "receive" {
        "rmem_max"
    } else {
        "wmem_max"
    };
    format!(
        "The kernel gives each socket a {direction} buffer for {given} packets of the {asked} of \
         {option}: run as root, or `sysctl -w net.core.{limit}={bytes}`."
    )
}

/// Says that workers share threads.
#[must_use]
pub fn sharing(workers: usize, threads: usize) -> String {
    format!("{workers} workers share {threads} CPUs, since there are no more.")
}
