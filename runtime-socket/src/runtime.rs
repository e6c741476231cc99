//! Sockets and threads as trials want them.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use dpdkgen_report::summary::{Device, SOCKET_DRIVER};
use dpdkgen_run::assembly::Placement;
use dpdkgen_run::results::events::PortState;
use dpdkgen_run::runner::threads::{ForControl, Job, Lcores, Runtime};

use crate::errors::Errors;
use crate::kernel::{Interface, Udp};
use crate::open::Opened;
use crate::port::SocketPort;
use crate::sockets::{self, Sockets};
use crate::sys::interface;

/// Open sockets, and a thread for each worker, or for several if there are not as many CPUs.
pub struct SocketRuntime {
    placement: Arc<Placement>,
    ports: Vec<SocketPort>,
    counters: Arc<[PortCounters]>,
}

impl SocketRuntime {
    /// Makes the runtime of what was opened.
    #[must_use]
    pub fn new(opened: Opened) -> Self {
        Self {
            placement: Arc::new(opened.placement),
            ports: opened.ports,
            counters: opened.counters.into(),
        }
    }
}

impl Runtime for SocketRuntime {
    type Port = SocketPort;
    type Lcores = Threads;

    fn placement(&self) -> Arc<Placement> {
        Arc::clone(&self.placement)
    }

    fn parts(&mut self) -> (&mut [SocketPort], &Threads) {
        (&mut self.ports, &Threads)
    }

    fn for_control(&self) -> impl ForControl + use<> {
        Control {
            placement: Arc::clone(&self.placement),
            counters: Arc::clone(&self.counters),
        }
    }
}

/// Threads that the kernel places.
pub struct Threads;

impl Lcores for Threads {
    fn run(&self, jobs: Vec<(u32, Job<'_>)>) {
        thread::scope(|scope| {
            for (number, job) in jobs {
                let thread = thread::Builder::new().name(format!("worker-{number}"));
                thread
                    .spawn_scoped(scope, job)
                    .expect("a thread for each CPU at most");
            }
        });
    }
}

/// The counters of one port.
pub struct PortCounters {
    sockets: Arc<Sockets>,
    /// The interface that packets go through, as far as that is known.
    interface: Option<String>,
    is_ipv4: bool,
    is_ipv6: bool,
    /// Wrong checksums that the kernel had counted when the port was opened.
    checksum_errors_before: u64,
    /// The most packets that were told to be missed: what is subtracted from them is of other programs
    /// too, and a counter does not fall.
    missed: AtomicU64,
}

impl PortCounters {
    /// Makes those of a port over IPv4, IPv6 or both.
    #[must_use]
    pub fn new(
        sockets: Arc<Sockets>,
        interface: Option<String>,
        is_ipv4: bool,
        is_ipv6: bool,
    ) -> Self {
        Self {
            sockets,
            interface,
            is_ipv4,
            is_ipv6,
            checksum_errors_before: Udp::read(is_ipv4, is_ipv6).checksum_errors(),
            missed: AtomicU64::new(0),
        }
    }

    /// Reads them for the port called `name`.
    fn read(&self, name: &str) -> Device {
        let udp = Udp::read(self.is_ipv4, self.is_ipv6);
        let fds = self.sockets.fds.iter();
        let drops = fds
            .map(|socket| sockets::drops(socket.as_fd()))
            .sum::<u64>();
        // A socket counts among its drops what had a wrong checksum, which is told as that.
        let checksum_errors = udp.checksum_errors();
        let damaged = checksum_errors.saturating_sub(self.checksum_errors_before);
        let missed = drops.saturating_sub(damaged);
        let before = self.missed.fetch_max(missed, Ordering::Relaxed);
        let interface = self.interface.as_deref().and_then(Interface::read);
        let of_interface = interface.map(|of| ("rx_dropped", of.rx_dropped));
        let named = udp.each().chain(self.errors().each()).chain(of_interface);
        Device {
            port: name.to_owned(),
            driver: SOCKET_DRIVER.to_owned(),
            mac: None,
            vf_driver: None,
            imissed: Some(missed.max(before)),
            ierrors: Some(checksum_errors),
            rx_nombuf: None,
            oerrors: interface.map(|of| of.tx_failed),
            synthetic_packets: None,
            xstats: named
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }

    fn errors(&self) -> &Errors {
        &self.sockets.errors
    }

    fn state(&self) -> PortState {
        let (Some(name), Some(socket)) = (&self.interface, self.sockets.fds.first()) else {
            return PortState::Up;
        };
        if interface::is_running(socket.as_fd(), name) {
            PortState::Up
        } else {
            PortState::LinkDown
        }
    }
}

/// What the control thread has of the ports.
struct Control {
    placement: Arc<Placement>,
    counters: Arc<[PortCounters]>,
}

impl ForControl for Control {
    fn device(&self) -> Vec<Device> {
        let ports = self.placement.ports.iter().zip(&*self.counters);
        ports
            .map(|(port, counters)| counters.read(&port.name))
            .collect()
    }

    fn states(&mut self) -> Vec<PortState> {
        self.counters.iter().map(PortCounters::state).collect()
    }
}
