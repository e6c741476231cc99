//! The context of a run: what its workers share, and the workers themselves, put together from it.

use std::net::IpAddr;

use dpdkgen_core::neighbour::{NextHop, Responder};
use dpdkgen_core::phase::PhaseCell;
use dpdkgen_core::port::{FrameLen, Port};
use dpdkgen_core::probe::Tag;
use dpdkgen_core::probe::filling::{FillingMemory, Payloads};
use dpdkgen_core::probe::layout::{Addresses, Headers};
use dpdkgen_core::reflect::{Budget, Reflector, Rules};
use dpdkgen_core::rx::AnswerBox;
use dpdkgen_core::rx::receiver::Receiver;
use dpdkgen_core::rx::verify::Expectation;
use dpdkgen_core::sequence::{SequenceWindow, WindowMemory};
use dpdkgen_core::stats::intervals::{Ring, Writer};
use dpdkgen_core::stats::{Recorder, WorkerStats};
use dpdkgen_core::tx::Neighbours;
use dpdkgen_core::tx::generator::{self, Generator};
use dpdkgen_core::tx::template::Template;
use dpdkgen_core::wire::Mac;
use dpdkgen_core::worker::{Role, Worker};
use dpdkgen_report::summary;

use super::memory::Memory;
use super::placement::{OpenedPort, Placement, WorkerSpec};
use crate::request::{Mode, Request, SendRecv, of_port};

/// The things that the workers of a run share.
pub struct Context<'a> {
    request: &'a Request,
    placement: &'a Placement,
    stats: &'a [WorkerStats],
    rings: Vec<Ring<'a>>,
    probes: Option<Probes<'a>>,
    budget: Option<&'a Budget>,
    answers: &'a [AnswerBox],
    next_hops: &'a [NextHop],
    /// Tells the workers where the run stands.
    pub phase: PhaseCell,
}

struct Probes<'a> {
    sendrecv: &'a SendRecv,
    sequences: SequenceWindow<'a>,
    payloads: Payloads<'a>,
    tag: Tag,
}

impl<'a> Context<'a> {
    /// Makes the context in `memory`, which was made for the same request and placement. `tag` marks
    /// the run's probes.
    ///
    /// # Panics
    ///
    /// Panics if the memory was made for another request or placement.
    #[must_use]
    pub fn new(
        request: &'a Request,
        placement: &'a Placement,
        tag: Tag,
        memory: &'a mut Memory,
    ) -> Self {
        let Memory {
            stats,
            cells,
            grid,
            dimensions,
            ..
        } = memory;
        let (seen, flows) = (&memory.seen, &memory.flows);
        let lines = WindowMemory {
            seen,
            flows,
            sent: &memory.sent,
            highest: &memory.highest,
        };
        let fill = FillingMemory {
            pool: &mut memory.pool,
            sums: &mut memory.sums,
        };
        let probes = match (&request.mode, dimensions) {
            (Mode::SendRecv(sendrecv), Some(dimensions)) => {
                let payloads = Payloads::new(fill, sendrecv.seed, sendrecv.sizes.clone());
                let sequences = SequenceWindow::new(*dimensions, lines);
                let parts = payloads.zip(sequences);
                let (payloads, sequences) = parts.expect("the memory was made for this request");
                Some(Probes {
                    sendrecv,
                    sequences,
                    payloads,
                    tag,
                })
            }
            _ => None,
        };
        Self {
            request,
            placement,
            stats,
            rings: cells.iter().map(|cells| Ring::new(*grid, cells)).collect(),
            probes,
            budget: memory.budget.as_ref(),
            answers: &memory.answers,
            next_hops: &memory.next_hops,
            phase: PhaseCell::default(),
        }
    }

    /// Makes worker `number`, which works on `port`.
    ///
    /// # Panics
    ///
    /// Panics if there is no such worker, or if it sends probes that do not fit in a packet.
    #[must_use]
    pub fn worker<P: Port>(&self, number: usize, port: P) -> Worker<'_, P> {
        let spec = self.specs()[number];
        let mac = self.placement.ports[spec.port].mac;
        let role = match (spec.role, &self.probes) {
            (summary::Role::Tx, Some(probes)) => {
                let stream = self.number_in_role(number);
                let plan = probes.plan(self.request, stream);
                let template = probes.template(spec.port, &self.placement.ports);
                let generator = Generator::new(plan, template, &probes.sequences);
                Role::Transmit(generator.attending(self.neighbours(number, probes)))
            }
            (summary::Role::Rx, Some(probes)) => {
                let number = self.number_in_role(number);
                let receiver = Receiver::new(
                    number,
                    probes.expectation(self.placement.ports.len()),
                    &probes.sequences,
                    probes.sendrecv.rate.is_some(),
                );
                let responder = probes.responder(spec.port, mac);
                let answers = &self.answers[usize::from(number)];
                let next_hop = self.next_hops.get(spec.port);
                Role::Receive(receiver.answering(responder, answers, next_hop))
            }
            _ => {
                let rules = self.rules(mac, port.capabilities().max_frame);
                let reflector = Reflector::new(rules, self.budget);
                Role::Reflect(match self.own_addresses() {
                    [] => reflector,
                    own => reflector.answering(Responder::on_any_vlan(mac, own)),
                })
            }
        };
        let intervals = Writer::new(&self.rings[number]);
        let recorder = Recorder::new(&self.stats[number], intervals);
        Worker::new(port, role, recorder)
    }

    /// Returns the neighbours of the port of sender `number`: the first sender of a port answers and
    /// asks, and all of them follow the next hop.
    fn neighbours(&self, number: usize, probes: &Probes<'a>) -> Neighbours<'a> {
        let specs = self.specs();
        let port = specs[number].port;
        let next_hop = self.next_hops.get(port);
        let of = |role, of_port: &dyn Fn(usize) -> bool| {
            let is_meant = |spec: &&WorkerSpec| spec.role == role && of_port(spec.port);
            specs.iter().filter(is_meant).count()
        };
        let senders_before = of(summary::Role::Tx, &|other| other < port);
        if usize::from(self.number_in_role(number)) != senders_before {
            return Neighbours {
                next_hop,
                ..Neighbours::default()
            };
        }
        let first = of(summary::Role::Rx, &|other| other < port);
        let receivers = of(summary::Role::Rx, &|other| other == port);
        let mac = self.placement.ports[port].mac;
        Neighbours {
            answers: &self.answers[first..][..receivers],
            next_hop,
            asker: Some(probes.responder(port, mac)),
        }
    }

    /// Returns the addresses for which a reflector answers its neighbours.
    fn own_addresses(&self) -> &'a [IpAddr] {
        match &self.request.mode {
            Mode::Reflect(reflect) => &reflect.addresses,
            Mode::SendRecv(_) => &[],
        }
    }

    /// Returns the rules by which a reflector on a port with this address answers.
    fn rules(&self, own: Mac, max_frame: FrameLen) -> Rules<'a> {
        let (allowed, is_promiscuous) = match &self.request.mode {
            Mode::Reflect(reflect) => (&reflect.allowed[..], reflect.is_promiscuous),
            Mode::SendRecv(_) => (&[][..], false),
        };
        Rules {
            own,
            is_promiscuous,
            allowed,
            max_frame,
        }
    }

    /// Counts the workers of the same role that come before this one.
    fn number_in_role(&self, number: usize) -> u16 {
        let role = self.specs()[number].role;
        self.specs()[..number]
            .iter()
            .filter(|spec| spec.role == role)
            .count() as u16
    }

    /// Returns what is asked for.
    #[must_use]
    pub const fn request(&self) -> &'a Request {
        self.request
    }

    /// Returns the ports, and who works where on them.
    #[must_use]
    pub const fn placement(&self) -> &'a Placement {
        self.placement
    }

    /// Returns the workers' specs, port by port.
    #[must_use]
    pub fn specs(&self) -> &'a [WorkerSpec] {
        &self.placement.specs
    }

    /// Returns whether some worker has the role `role`.
    #[must_use]
    pub fn has(&self, role: summary::Role) -> bool {
        self.specs().iter().any(|spec| spec.role == role)
    }

    /// Returns the counts that each worker shows, in the order of the specs.
    #[must_use]
    pub const fn stats(&self) -> &'a [WorkerStats] {
        self.stats
    }

    /// Returns the next hops that are followed, port by port.
    #[must_use]
    pub const fn next_hops(&self) -> &'a [NextHop] {
        self.next_hops
    }

    /// Returns the interval rings, in the order of the specs.
    #[must_use]
    pub fn rings(&self) -> &[Ring<'a>] {
        &self.rings
    }

    /// Returns whether the probes carry the time at which they were due.
    #[must_use]
    pub fn knows_due_times(&self) -> bool {
        self.probes.as_ref().is_some_and(|probes| {
            probes.sendrecv.rate.is_some() && probes.sendrecv.sizes.have_lag()
        })
    }
}

impl<'a> Probes<'a> {
    /// Returns what answers the neighbours of port `port`, whose address is `mac`.
    fn responder(&self, port: usize, mac: Mac) -> Responder<'a> {
        let sources = &self.sendrecv.sources;
        let own = port.min(sources.len() - 1);
        Responder::new(mac, self.sendrecv.marks.tags, &sources[own..=own])
    }

    fn plan(&self, request: &Request, stream: u16) -> generator::Plan {
        generator::Plan {
            stream,
            streams: self.sequences.streams(),
            rate: self.sendrecv.rate,
            start: request.start(),
            duration: request.duration,
            count: request.count,
            burst: request.tx_burst,
            first_source_port: *self.sendrecv.src_ports.start(),
            source_ports: self.sendrecv.source_ports(),
        }
    }

    fn template(&self, port: usize, ports: &[OpenedPort]) -> Template<'a> {
        let addresses = Addresses {
            source_mac: ports[port].mac,
            destination_mac: destination_mac(self.sendrecv, port, ports),
            source: of_port(&self.sendrecv.sources, port),
            destination: of_port(&self.sendrecv.dests, port),
        };
        let headers = Headers {
            addresses,
            marks: self.sendrecv.marks,
        };
        Template::new(&headers, self.tag, &self.payloads).expect("a validated payload length")
    }

    fn expectation(&self, ports: usize) -> Expectation<'a> {
        Expectation {
            routes: self.sendrecv.routes(ports).into_iter().collect(),
            marks: self.sendrecv.marks,
            is_through: self.sendrecv.is_through,
            first_source_port: *self.sendrecv.src_ports.start(),
            last_source_port: *self.sendrecv.src_ports.end(),
            payloads: self.payloads.clone(),
            tag: self.tag,
        }
    }
}

/// Returns the MAC that probes from `port` go to: if none was given for a path that forwards, that
/// of the next port, which with one port is its own. None at all is given where the kernel finds
/// the next hop: its frames have nobody's.
fn destination_mac(sendrecv: &SendRecv, port: usize, ports: &[OpenedPort]) -> Mac {
    if sendrecv.is_through && sendrecv.dest_macs.is_empty() {
        ports[(port + 1) % ports.len()].mac
    } else if sendrecv.dest_macs.is_empty() {
        Mac::default()
    } else {
        of_port(&sendrecv.dest_macs, port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::tests::probes;

    #[test]
    fn through_a_path_probes_go_to_the_next_port_unless_a_mac_is_given() {
        let port = |number| OpenedPort {
            name: format!("{number}"),
            driver: String::new(),
            vf_driver: None,
            mac: Mac([2, 0, 0, 0, 0, number]),
            line_bps: None,
        };
        let ports = [port(1), port(2)];
        let through = SendRecv {
            is_through: true,
            dest_macs: Vec::new(),
            ..probes()
        };
        let to = |number, ports| destination_mac(&through, number, ports);
        assert_eq!(to(0, &ports), ports[1].mac);
        assert_eq!(to(1, &ports), ports[0].mac);
        assert_eq!(to(0, &ports[..1]), ports[0].mac);
        let routers = [Mac([2, 0, 0, 0, 1, 1]), Mac([2, 0, 0, 0, 1, 2])];
        let given = SendRecv {
            dest_macs: routers.to_vec(),
            ..through.clone()
        };
        for number in [0, 1] {
            assert_eq!(destination_mac(&given, number, &ports), routers[number]);
        }
    }
}
