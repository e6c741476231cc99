//! Opening what a request needs: interfaces, sockets, and a port for each worker.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::{self, available_parallelism};
use std::time::{Duration, Instant};

use dpdkgen_core::probe::layout::Family;
use dpdkgen_report::summary::{Role, SOCKET_DRIVER};
use dpdkgen_run::assembly::{OpenedPort, Placement, WorkerSpec, worker_specs};
use dpdkgen_run::failure::Failure;
use dpdkgen_run::request::{Mode, Request, SendRecv, of_port};
use dpdkgen_run::runner::course::Waits;

use crate::explain;
use crate::options::Own;
use crate::port::headers::{OWN_MAC, Seen};
use crate::port::{Listening, Receiver, Reflector, Returning, Sender, SocketPort};
use crate::runtime::PortCounters;
use crate::sockets::{self, OpenError, Room, Settings, Sockets};
use crate::sys::interface::{self, Interface};

/// The name of a port whose interface the routes decide.
const ANY_INTERFACE: &str = "any";

/// Bytes of payload that a reflector's buffers are made for: those of a usual MTU.
const REFLECTED_PAYLOAD: u16 = 1472;

/// What was opened.
pub struct Opened {
    /// The ports, and who works where on them.
    pub placement: Placement,
    /// One a worker, in their order.
    pub ports: Vec<SocketPort>,
    /// One a port.
    pub counters: Vec<PortCounters>,
    /// What the user should know.
    pub notices: Vec<String>,
}

/// A port of a request: an interface, or none in particular.
struct Place {
    /// The interface that was named.
    named: Option<String>,
    /// The interface that packets go through, as far as that is known.
    interface: Option<String>,
}

/// The interfaces that a request is about, found by name or by address.
pub struct Places(Vec<Place>);

impl Places {
    /// Finds them.
    ///
    /// # Errors
    ///
    /// If one is not there, or has not the address that probes come from.
    pub fn find(request: &Request) -> Result<Self, Failure> {
        let all = interface::all()
            .map_err(|error| Failure::machine(format!("no interface can be listed ({error})")))?;
        let ports = 0..request.ports.len().max(1);
        let places = ports.map(|port| {
            let named = request.ports.get(port).map(ToString::to_string);
            let source = match &request.mode {
                Mode::SendRecv(sendrecv) => Some(of_port(&sendrecv.sources, port)),
                Mode::Reflect(_) => None,
            };
            place(&all, named, source)
        });
        places.collect::<Result<_, _>>().map(Self)
    }

    /// Waits until all of them have a link; returns whether they do, or the user did not want to
    /// wait.
    ///
    /// # Errors
    ///
    /// If one has none in time.
    pub fn wait_links(&self, limit: Duration, waits: &Waits<'_>) -> Result<bool, Failure> {
        let from: SocketAddr = ([0, 0, 0, 0], 0).into();
        let socket = std::net::UdpSocket::bind(from)
            .map_err(|error| explain::open(&OpenError::Make(error), None, ""))?;
        let begin = Instant::now();
        for name in self.0.iter().filter_map(|place| place.interface.as_ref()) {
            while !interface::is_running(socket.as_fd(), name) {
                let left = limit.saturating_sub(begin.elapsed());
                if waits(&format_args!("the link of {name}"), left) {
                    return Ok(false);
                }
                if left.is_zero() {
                    return Err(explain::no_link(name, limit.as_secs_f64()));
                }
                thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(true)
    }
}

fn place(
    all: &[Interface],
    named: Option<String>,
    source: Option<IpAddr>,
) -> Result<Place, Failure> {
    let has = |one: &Interface| source.is_some() && one.address == source;
    if let Some(name) = &named {
        let mut of_name = all.iter().filter(|one| one.name == *name).peekable();
        if of_name.peek().is_none() {
            let mut names: Vec<_> = all.iter().map(|one| one.name.clone()).collect();
            names.sort_unstable();
            names.dedup();
            return Err(explain::no_interface(name, &names));
        }
        if let Some(source) = source
            && !of_name.any(has)
        {
            return Err(explain::not_on_interface(source, name));
        }
    }
    let of_source = || all.iter().find(|one| has(one)).map(|one| one.name.clone());
    Ok(Place {
        interface: named.clone().or_else(of_source),
        named,
    })
}

/// Opens what `request` needs at `places`; if these are not up, for nothing but to tell of a run that
/// did not begin.
///
/// # Errors
///
/// If the kernel does not do what is asked.
pub fn open(
    request: &Request,
    own: &Own,
    places: &Places,
    are_up: bool,
) -> Result<Opened, Failure> {
    let specs = worker_specs(request, places.0.len());
    let mut on_ports = Vec::new();
    let mut room = Vec::new();
    for (number, place) in places.0.iter().enumerate() {
        let (on_port, rooms) = match &request.mode {
            Mode::SendRecv(sendrecv) => {
                let (on_port, rooms) = probing(request, sendrecv, own, number, place)?;
                if are_up {
                    on_port.connect(sendrecv, place)?;
                }
                (on_port, rooms)
            }
            Mode::Reflect(_) => listening(request, own, place)?,
        };
        room.extend(rooms);
        on_ports.push(on_port);
    }
    let worker = |spec: &WorkerSpec| on_ports[spec.port].worker(request, own, *spec);
    let ports = specs.iter().map(worker).collect::<Result<_, _>>()?;
    let threads = available_parallelism()
        .map_or(1, usize::from)
        .min(specs.len());
    let mut notices = notices(request, &room);
    if threads < specs.len() {
        notices.push(explain::sharing(specs.len(), threads));
    }
    let names = places.0.iter().map(|place| place.interface.clone());
    Ok(Opened {
        placement: Placement {
            ports: names.clone().map(opened).collect(),
            lcores: (0..specs.len())
                .map(|worker| (worker % threads) as u32)
                .collect(),
            specs,
        },
        ports,
        counters: on_ports
            .iter()
            .zip(names)
            .map(|(on_port, interface)| on_port.counters(interface))
            .collect(),
        notices,
    })
}

fn opened(interface: Option<String>) -> OpenedPort {
    OpenedPort {
        name: interface.unwrap_or_else(|| ANY_INTERFACE.to_owned()),
        driver: SOCKET_DRIVER.to_owned(),
        vf_driver: None,
        mac: OWN_MAC,
        line_bps: None,
    }
}

/// The sockets of a port, and where each of them is.
struct OnPort {
    sockets: Arc<Sockets>,
    /// The address that each is bound to.
    at: Vec<SocketAddr>,
    /// The address that all are connected to, of those that probes are sent from.
    to: Option<SocketAddr>,
}

/// Opens the sockets that the probes of port `number` are sent from: one for each source port.
fn probing(
    request: &Request,
    sendrecv: &SendRecv,
    own: &Own,
    number: usize,
    place: &Place,
) -> Result<(OnPort, Vec<Room>), Failure> {
    let source_ports = sendrecv.source_ports();
    if u32::from(request.rxq) > source_ports {
        return Err(explain::too_few_sockets(request.rxq, source_ports));
    }
    let source = of_port(&sendrecv.sources, number);
    let to = of_port(&sendrecv.dests, number);
    let settings = settings(request, own, place, sendrecv.sizes.largest());
    let marks = sockets::marks(source, sendrecv.marks.dscp, sendrecv.marks.ttl);
    let failure = |error| explain::open(&error, settings.interface, "--src-port-range");
    let (mut sockets, mut at, mut rooms) = (Sockets::default(), Vec::new(), Vec::new());
    for port in sendrecv.src_ports.clone() {
        let from = SocketAddr::new(source, port);
        let socket = sockets::open(from, &settings, &marks).map_err(failure)?;
        rooms.push(give_room(&socket, &settings)?);
        sockets.fds.push(socket);
        at.push(from);
    }
    let on_port = OnPort {
        sockets: Arc::new(sockets),
        at,
        to: Some(to),
    };
    Ok((on_port, rooms))
}

/// Opens the sockets of a reflector's port: for each pair of queues one at each address.
fn listening(request: &Request, own: &Own, place: &Place) -> Result<(OnPort, Vec<Room>), Failure> {
    let settings = settings(request, own, place, REFLECTED_PAYLOAD);
    let failure = |error| explain::open(&error, settings.interface, "--listen");
    let addresses = free_addresses(own, &settings).map_err(failure)?;
    let (mut sockets, mut at, mut rooms) = (Sockets::default(), Vec::new(), Vec::new());
    for _ in 0..request.rxq {
        for address in &addresses {
            let options = sockets::listening(address.ip());
            let socket = sockets::open(*address, &settings, &options).map_err(failure)?;
            rooms.push(give_room(&socket, &settings)?);
            sockets.fds.push(socket);
            at.push(*address);
        }
    }
    let on_port = OnPort {
        sockets: Arc::new(sockets),
        at,
        to: None,
    };
    Ok((on_port, rooms))
}

/// Returns the addresses that a reflector is to listen at and that nobody has: the kernel would let
/// its sockets join those of another reflector, and part flows among both.
fn free_addresses(own: &Own, settings: &Settings<'_>) -> Result<Vec<SocketAddr>, OpenError> {
    let (mut addresses, mut absent) = (Vec::new(), None);
    for address in &own.listen {
        match sockets::open(*address, settings, &[]) {
            Ok(_) => addresses.push(*address),
            Err(error) if own.is_anywhere && is_family_absent(&error) => absent = Some(error),
            Err(error) => return Err(error),
        }
    }
    match absent {
        Some(error) if addresses.is_empty() => Err(error),
        _ => Ok(addresses),
    }
}

/// Returns whether the kernel has not this version of IP, or has it switched off.
fn is_family_absent(error: &OpenError) -> bool {
    match error {
        OpenError::Make(error) => error.raw_os_error() == Some(libc::EAFNOSUPPORT),
        OpenError::Bind(_, error) => error.raw_os_error() == Some(libc::EADDRNOTAVAIL),
        _ => false,
    }
}

fn settings<'s>(request: &Request, own: &Own, place: &'s Place, payload_len: u16) -> Settings<'s> {
    Settings {
        interface: place.named.as_deref(),
        rx_packets: request.rx_desc,
        tx_packets: request.tx_desc,
        payload_len,
        busy_poll: own.busy_poll,
        gso: own.gso,
        is_stamped: own.is_stamped == Some(true),
    }
}

fn give_room(socket: &impl AsFd, settings: &Settings<'_>) -> Result<Room, Failure> {
    sockets::give_room(socket.as_fd(), settings).map_err(|error| {
        explain::open(
            &OpenError::Option("SO_RCVBUF or SO_SNDBUF", error),
            None,
            "",
        )
    })
}

fn check_mtu(sendrecv: &SendRecv, sockets: &Sockets, to: SocketAddr) -> Result<(), Failure> {
    let needed = u32::from(sendrecv.mtu_needed());
    let Some(socket) = sockets.fds.first() else {
        return Ok(());
    };
    match sockets::path_mtu(socket.as_fd(), to.ip()) {
        Ok(mtu) if mtu < needed => Err(explain::mtu(sendrecv, needed, to, mtu)),
        _ => Ok(()),
    }
}

/// Says where the kernel gives less room than was asked for.
fn notices(request: &Request, rooms: &[Room]) -> Vec<String> {
    let payload_len = match &request.mode {
        Mode::SendRecv(sendrecv) => sendrecv.sizes.largest(),
        Mode::Reflect(_) => REFLECTED_PAYLOAD,
    };
    let each = sockets::truesize(payload_len);
    let directions = [
        (
            "receive",
            "--rx-desc",
            request.rx_desc,
            rooms.iter().map(|room| room.rx).min(),
        ),
        (
            "send",
            "--tx-desc",
            request.tx_desc,
            rooms.iter().map(|room| room.tx).min(),
        ),
    ];
    let small = directions
        .into_iter()
        .filter_map(|(direction, option, asked, given)| {
            let given = given.filter(|given| *given < u64::from(asked))?;
            // Doubled by the kernel.
            let bytes = (u64::from(asked) * each).div_ceil(2);
            Some(explain::small_buffer(
                direction, option, given, asked, bytes,
            ))
        });
    small.collect()
}

impl OnPort {
    /// Connects the sockets that probes are sent from.
    fn connect(&self, sendrecv: &SendRecv, place: &Place) -> Result<(), Failure> {
        let Some(to) = self.to else { return Ok(()) };
        for socket in &self.sockets.fds {
            sockets::connect(socket, to).map_err(|error| {
                explain::open(&error, place.named.as_deref(), "--src-port-range")
            })?;
        }
        check_mtu(sendrecv, &self.sockets, to)
    }

    /// Makes the port of a worker.
    fn worker(
        &self,
        request: &Request,
        own: &Own,
        spec: WorkerSpec,
    ) -> Result<SocketPort, Failure> {
        let sockets = Arc::clone(&self.sockets);
        let watched =
            |error| Failure::machine(format!("the kernel does not watch the sockets ({error})"));
        match (&request.mode, spec.role, self.to) {
            (Mode::SendRecv(sendrecv), Role::Tx, _) => Ok(SocketPort::Sender(Sender::new(
                sockets,
                *sendrecv.src_ports.start(),
                Family::of(sendrecv.sources[0]),
                sendrecv.sizes.largest(),
                request.tx_burst,
                own.gso,
            ))),
            (Mode::SendRecv(sendrecv), _, Some(from)) => {
                let returning = self.of_queue(spec.queue, request.rxq);
                let returning = returning.map(|(socket, to)| Returning { socket, from, to });
                // As a reflector beside us sends them back.
                let seen = Seen {
                    traffic_class: sendrecv.marks.dscp << 2,
                    ttl: sendrecv.marks.ttl.saturating_sub(1),
                };
                let returning = returning.collect();
                let is_stamped = own.is_stamped == Some(true);
                let receiver = Receiver::new(
                    sockets,
                    returning,
                    seen,
                    &sendrecv.sizes,
                    request.rx_burst,
                    (own.gso, is_stamped),
                );
                receiver.map(SocketPort::Receiver).map_err(watched)
            }
            _ => {
                let each = self.at.len() / usize::from(request.rxq);
                let first = usize::from(spec.queue) * each;
                let listening = (first..first + each).map(|socket| Listening {
                    socket,
                    at: self.at[socket],
                });
                let reflector =
                    Reflector::new(sockets, listening.collect(), request.rx_burst, own.gso);
                reflector.map(SocketPort::Reflector).map_err(watched)
            }
        }
    }

    /// Returns the sockets that a receive queue has of those that are dealt out to so many.
    fn of_queue(&self, queue: u16, queues: u16) -> impl Iterator<Item = (usize, SocketAddr)> {
        let all = self.at.iter().copied().enumerate();
        all.skip(queue.into()).step_by(queues.into())
    }

    fn counters(&self, interface: Option<String>) -> PortCounters {
        PortCounters::new(
            Arc::clone(&self.sockets),
            interface,
            self.at.iter().any(SocketAddr::is_ipv4),
            self.at.iter().any(SocketAddr::is_ipv6),
        )
    }
}
