//! The two endpoints of a simulated link: their ports, queues, lcores and workers.

use std::net::IpAddr;

use dpdkgen_core::probe::Tag;
use dpdkgen_core::probe::filling::{FillingMemory, Payloads, pool_len, sums_len};
use dpdkgen_core::time::Instant;
use dpdkgen_core::wire::Mac;
use dpdkgen_core::worker::Worker;
use dpdkgen_report::summary::{Device, Role};
use dpdkgen_run::assembly::{Context, OpenedPort};
use dpdkgen_run::failure::Failure;
use dpdkgen_run::outputs::sampling::{Sampled, Tap};
use dpdkgen_run::request::{PortSelector, Request, SendRecv, of_port};

use crate::conditions::HostConditions;
use crate::link::port::{Place, REFLECTOR_MAC, SharedLcore, SimPort};
use crate::link::{Link, Queues, SharedLink, Side};
use crate::truth::oracle::{Mix, Oracle};
use crate::truth::{Schedule, Stream, Truth};

/// The number of ports that the sender has.
const PORTS: u16 = 8;

const DRIVER: &str = "sim";

/// The workers of one lcore.
pub struct Workers<'s, 'l> {
    /// The lcore.
    pub lcore: SharedLcore,
    /// The time at which counting begins, by the lcore's clock.
    pub start: Instant,
    /// The workers, in the order in which they are polled.
    pub workers: Vec<Worker<'s, Queue<'l>>>,
}

/// The queue that a worker polls, with a sample of its frames (which may be none).
pub type Queue<'l> = Sampled<SimPort<'l>, SharedLcore>;

/// Returns the sender's ports that `request` names; the first one if it names none.
///
/// # Errors
///
/// If a port is named that there is not.
pub fn open_ports(request: &Request) -> Result<Vec<OpenedPort>, Failure> {
    let all: Vec<OpenedPort> = (0..PORTS)
        .map(|number| OpenedPort {
            name: format!("sim{number}"),
            driver: DRIVER.to_owned(),
            vf_driver: None,
            mac: Mac([2, 0, 0, 0, 1, number as u8]),
            line_bps: None,
        })
        .collect();
    if request.ports.is_empty() {
        return Ok(all.into_iter().take(1).collect());
    }
    let find = |selector: &PortSelector| {
        let is_meant = |(number, port): &(usize, &OpenedPort)| match selector {
            PortSelector::Mac(mac) => port.mac == *mac,
            PortSelector::Index(index) => *number == usize::from(*index),
            PortSelector::Name(name) => port.name == *name,
        };
        let found = all.iter().enumerate().find(is_meant);
        found.map(|(_, port)| port.clone()).ok_or_else(|| {
            Failure::request(format!(
                "there is no port {selector}: the simulator has sim0 to sim{}",
                PORTS - 1
            ))
        })
    };
    request.ports.iter().map(find).collect()
}

/// Returns the reflector's only port.
pub fn reflector_port() -> OpenedPort {
    OpenedPort {
        name: "sim0".to_owned(),
        driver: DRIVER.to_owned(),
        vf_driver: None,
        mac: REFLECTOR_MAC,
        line_bps: None,
    }
}

/// Returns the queues of `ports` ports as `request` asks for them.
pub const fn queues(request: &Request, ports: u16) -> Queues {
    Queues {
        ports,
        rx: request.rxq,
        tx: ports * request.txq,
        rx_desc: request.rx_desc,
        tx_desc: request.tx_desc,
    }
}

/// Returns the number of the lcore of each worker: workers are dealt out in turn to as many lcores as
/// `hosts` allow.
pub fn lcores(workers: usize, hosts: &HostConditions) -> Vec<u32> {
    let lcores = match hosts.lcores {
        0 => workers,
        lcores => usize::from(lcores).min(workers),
    };
    (0..workers)
        .map(|worker| (worker % lcores) as u32)
        .collect()
}

/// Makes the workers of `context`, with a sample of the frames each if there are taps.
pub fn workers<'s, 'l>(
    context: &'s Context<'_>,
    side: Side,
    link: &SharedLink<'l>,
    taps: Option<Vec<Tap>>,
) -> Vec<Workers<'s, 'l>> {
    let mut taps = taps.unwrap_or_default().into_iter();
    let start = context.rings()[0].grid().start;
    let lcores = &context.placement().lcores;
    let count = lcores.iter().max().map_or(0, |most| *most as usize + 1);
    let mut on_lcores: Vec<Workers<'s, 'l>> = (0..count)
        .map(|_| Workers {
            lcore: SharedLcore::default(),
            start,
            workers: Vec::new(),
        })
        .collect();
    let request = context.request();
    for (number, (spec, lcore)) in context.specs().iter().zip(lcores).enumerate() {
        let on_lcore = &mut on_lcores[*lcore as usize];
        let port = spec.port as u16;
        let place = Place {
            side,
            port,
            rx: (spec.role != Role::Tx).then_some(port * request.rxq + spec.queue),
            tx: port * request.txq + spec.queue,
            rx_burst: request.rx_burst,
        };
        let port = SimPort::new(link.clone(), on_lcore.lcore.clone(), place);
        let tap = taps.next().unwrap_or_else(Tap::closed);
        let queue = Sampled::new(port, tap, on_lcore.lcore.clone());
        on_lcore.workers.push(context.worker(number, queue));
    }
    on_lcores
}

/// The truth's own memory for fillings, apart from the run's.
pub struct Pool {
    pool: Vec<u8>,
    sums: Vec<u16>,
}

impl Pool {
    /// Makes memory for the probes of `sendrecv`.
    pub fn new(sendrecv: &SendRecv) -> Self {
        Self {
            pool: vec![0; pool_len(&sendrecv.sizes)],
            sums: vec![0; sums_len(&sendrecv.sizes)],
        }
    }
}

/// Makes the truth about a run on `context`, in which nothing has happened yet.
pub fn truth<'p>(
    context: &Context<'_>,
    sendrecv: &SendRecv,
    tag: Tag,
    pool: &'p mut Pool,
) -> Truth<'p> {
    let memory = FillingMemory {
        pool: &mut pool.pool,
        sums: &mut pool.sums,
    };
    let is_ipv6 = sendrecv.sources.iter().any(IpAddr::is_ipv6);
    let vlans = sendrecv.marks.tags.as_slice().iter().map(|tag| tag.id());
    let shares = sendrecv.sizes.shares().iter();
    let shares = shares.map(|share| (share.payload_len.into(), share.weight.into()));
    let oracle = Oracle {
        routes: (0..context.placement().ports.len())
            .filter(|port| {
                let mut specs = context.specs().iter();
                specs.any(|spec| spec.port == *port && spec.role == Role::Tx)
            })
            .map(|port| {
                (
                    of_port(&sendrecv.sources, port),
                    of_port(&sendrecv.dests, port),
                )
            })
            .collect(),
        is_through: sendrecv.is_through,
        payload_at: 14 + 4 * vlans.len() + if is_ipv6 { 40 } else { 20 } + 8,
        vlans: vlans.filter(|&vlan| vlan != 0).collect(),
        ports: (*sendrecv.src_ports.start(), *sendrecv.src_ports.end()),
        mix: Mix::new(&shares.collect::<Vec<_>>()),
        tag: tag.get(),
        payloads: Payloads::new(memory, sendrecv.seed, sendrecv.sizes.clone())
            .expect("memory of the right size"),
    };
    let count = |role| {
        context
            .specs()
            .iter()
            .filter(|spec| spec.role == role)
            .count()
    };
    let streams = count(Role::Tx) as u16;
    let stream = |stream| {
        let schedule = sendrecv.rate.map(|rate| Schedule {
            packets: rate.packets(),
            span_ns: rate.span().as_nanos(),
            stream,
            streams,
        });
        Stream::new(sendrecv.source_ports(), schedule)
    };
    Truth::new(
        oracle,
        context.rings()[0].grid(),
        sendrecv.window(context.request().grace),
        (0..streams).map(stream).collect(),
        count(Role::Rx),
    )
}

/// Returns the counters of the sender's devices.
pub fn devices(link: &Link<'_>, ports: &[OpenedPort]) -> Vec<Device> {
    let numbered = ports.iter().enumerate();
    numbered
        .map(|(number, port)| {
            let (missed, no_buffer) = link.missed(number);
            Device {
                port: port.name.clone(),
                driver: port.driver.clone(),
                mac: Some(port.mac.to_string()),
                vf_driver: None,
                imissed: Some(missed),
                ierrors: Some(0),
                rx_nombuf: Some(no_buffer),
                oerrors: Some(0),
                synthetic_packets: None,
                xstats: std::collections::BTreeMap::new(),
            }
        })
        .collect()
}
