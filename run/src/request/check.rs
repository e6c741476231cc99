//! The checks that a request keeps to the limits and fits together.

use std::net::IpAddr;

use dpdkgen_core::time::Span;
use dpdkgen_core::wire::Mac;
use dpdkgen_report::output::Target;
use dpdkgen_report::place::Place;

use super::{Mode, Reflect, Request, SendRecv, limits};
use crate::failure::Failure;

impl Request {
    /// Checks all that can be checked before the EAL has started or a socket is open.
    ///
    /// # Errors
    ///
    /// Returns a sentence that names the options which do not fit, and what would.
    pub fn check(&self) -> Result<(), Failure> {
        self.check_ports()?;
        self.check_times()?;
        self.check_outputs()?;
        match &self.mode {
            Mode::Reflect(reflect) => self.check_reflect(reflect),
            Mode::SendRecv(send) => self.check_sendrecv(send),
        }
    }

    /// Returns how many ports are meant: one if none is named.
    fn port_count(&self) -> usize {
        self.ports.len().max(1)
    }

    fn check_ports(&self) -> Result<(), Failure> {
        ensure(self.ports.len() <= limits::MAX_PORTS, || {
            format!(
                "{} ports were given with --port, and {} is the limit: name fewer",
                self.ports.len(),
                limits::MAX_PORTS
            )
        })?;
        for (i, port) in self.ports.iter().enumerate() {
            ensure(!self.ports[..i].contains(port), || {
                format!("--port {port} was given twice: name each port once")
            })?;
        }
        for (option, queues) in [("--rxq", self.rxq), ("--txq", self.txq)] {
            let all = self.port_count() as u64 * u64::from(queues);
            ensure(all <= limits::MAX_STREAMS, || {
                format!(
                    "{option} {queues} on {} ports makes {all} queues, and {} is the limit: ask \
                     for fewer",
                    self.port_count(),
                    limits::MAX_STREAMS
                )
            })?;
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), Failure> {
        for (option, time) in [
            ("--stats-interval-ms", Some(self.interval)),
            ("--stats-evict-interval-secs", Some(self.flush_every)),
            ("--duration", self.duration),
        ] {
            ensure(time != Some(Span::ZERO), || {
                format!("{option} must be more than 0")
            })?;
        }
        ensure(self.interval >= limits::MIN_INTERVAL, || {
            format!(
                "--stats-interval-ms {} is too short: {} is the shortest",
                time_text(self.interval),
                time_text(limits::MIN_INTERVAL)
            )
        })?;
        ensure(self.count != Some(0), || {
            "--count must be more than 0".to_owned()
        })?;
        for (option, time) in [
            ("--stats-interval-ms", self.interval),
            ("--stats-evict-interval-secs", self.flush_every),
            ("--stats-evict-threshold-secs", self.grace),
            ("--wait-link", self.wait_link),
        ] {
            check_wait(option, time)?;
        }
        let open = self.grace.as_nanos().div_ceil(self.interval.as_nanos());
        ensure(open <= limits::MAX_OPEN_INTERVALS, || {
            format!(
                "--stats-evict-threshold-secs {} keeps {open} intervals of {} open, and {} is the \
                 limit: shorten it or lengthen --stats-interval-ms",
                time_text(self.grace),
                time_text(self.interval),
                limits::MAX_OPEN_INTERVALS
            )
        })
    }

    /// Checks that each output has a place of its own, whatever that is called.
    fn check_outputs(&self) -> Result<(), Failure> {
        let outputs = self.data_outputs();
        let outputs: Vec<_> = outputs
            .into_iter()
            .map(|(name, target)| (name, target, target.place()))
            .collect();
        for (number, (later, target, place)) in outputs.iter().enumerate() {
            let same = |(_, other, at): &&(&str, &Target, Option<Place>)| {
                place.is_some() && at == place || is_stream(target) && other == target
            };
            let Some((earlier, other, _)) = outputs[..number].iter().find(same) else {
                continue;
            };
            let both = if other == target {
                format!("{earlier} and {later} both go to {target}")
            } else {
                format!("{earlier} {other} and {later} {target} are one place by two names")
            };
            return Err(Failure::request(if is_stream(target) || is_stream(other) {
                format!("{both}, which takes one of them: send the other to a file")
            } else {
                format!("{both}: give each its own file")
            }));
        }
        Ok(())
    }

    fn check_reflect(&self, reflect: &Reflect) -> Result<(), Failure> {
        for address in &reflect.addresses {
            ensure(is_host(*address), || {
                format!("--ip {address} is no address of a host: nobody asks for it")
            })?;
        }
        let (rxq, txq) = (self.rxq, self.txq);
        ensure(rxq == txq, || {
            format!(
                "reflect needs as many receive as transmit queues, and --rxq is {rxq} while --txq \
                 is {txq}: give both the same number"
            )
        })?;
        ensure(rxq > 0, || {
            "reflect needs a queue: --rxq and --txq must be 1 or more".to_owned()
        })
    }

    fn check_sendrecv(&self, send: &SendRecv) -> Result<(), Failure> {
        ensure(self.txq > 0, || {
            "sendrecv needs a queue to send on: --txq must be 1 or more".to_owned()
        })?;
        check_wait("--warmup", send.warmup)?;
        check_wait("--drain-ms", send.drain)?;
        self.check_through(send)?;
        self.check_addresses(send)?;
        ensure(
            send.run_tag.is_none_or(|tag| tag <= limits::MAX_RUN_TAG),
            || {
                format!(
                    "--run-tag has 48 bits: {} is the largest",
                    limits::MAX_RUN_TAG
                )
            },
        )?;
        ensure(
            self.rxq > 0 || (send.max_loss.is_none() && send.max_p99.is_none()),
            || {
                "--max-loss and --max-p99 need what comes back, and --rxq 0 only sends: leave one out"
                .to_owned()
            },
        )?;
        ensure(send.rate.is_some() || send.max_skipped.is_none(), || {
            "--max-skipped is a share of what is due, and without --rate nothing is: give a rate, or \
             leave it out"
                .to_owned()
        })?;
        let ports = u64::from(send.source_ports());
        let flows = send.sending_ports(self.port_count()) as u64 * u64::from(self.txq) * ports;
        ensure(flows <= limits::MAX_FLOWS, || {
            format!(
                "{ports} source ports on every transmit queue make {flows} flows, and {} is the \
                 limit: narrow --src-port-range",
                limits::MAX_FLOWS
            )
        })?;
        let needed = send.mtu_needed();
        ensure(self.mtu.is_none_or(|mtu| mtu >= needed), || {
            let (what, option) = (send.largest_payload(), send.size_option());
            format!(
                "{what} needs an MTU of {needed}, and --mtu is {}: raise it, or send less with \
                 {option}",
                self.mtu.unwrap_or(0)
            )
        })?;
        let window = send.window(self.grace);
        ensure(self.rxq == 0 || window <= limits::MAX_WINDOW, || {
            format!(
                "at this --rate {window} packets are sent within --stats-evict-threshold-secs and \
                 --drain-ms, and {} is the most among which duplicates are found: lower one of \
                 the three",
                limits::MAX_WINDOW
            )
        })
    }

    fn check_through(&self, send: &SendRecv) -> Result<(), Failure> {
        ensure(self.rxq > 0 || !send.is_through, || {
            "--through is about what comes back, and --rxq 0 only sends: leave one out".to_owned()
        })?;
        ensure(send.is_through || !send.is_oneway, || {
            "--oneway sends from one port to another, which takes a path that forwards: give \
             --through too, or leave it out"
                .to_owned()
        })?;
        ensure(!send.is_oneway || self.port_count() > 1, || {
            "--oneway sends from the first port to others, and there is one: name two or more with \
             --port, or leave it out"
                .to_owned()
        })
    }

    fn check_addresses(&self, send: &SendRecv) -> Result<(), Failure> {
        ensure(!send.sources.is_empty(), || {
            "--src is missing: give the IP address that the probes come from".to_owned()
        })?;
        for (option, given) in [
            ("--src", send.sources.len()),
            ("--dest", send.dests.len()),
            ("--gateway", send.gateways.len()),
            ("--dest-mac", send.dest_macs.len()),
        ] {
            let ports = self.port_count();
            ensure(given <= 1 || given == ports, || {
                format!(
                    "{option} was given {given} times for {ports} port{}: give it once, or once \
                     per --port in the same order",
                    if ports == 1 { "" } else { "s" }
                )
            })?;
        }
        for source in &send.sources {
            ensure(is_host(*source), || {
                format!("--src {source} is no address of a host: nobody can reply to it")
            })?;
        }
        for dest in &send.dests {
            ensure(is_host(dest.ip()), || {
                format!("--dest {dest} is no address of a host: nobody will reply")
            })?;
            ensure(dest.port() != 0, || {
                format!("--dest {dest} names port 0, on which nobody listens: use 1 to 65535")
            })?;
        }
        for gateway in &send.gateways {
            ensure(is_host(*gateway), || {
                format!("--gateway {gateway} is no address of a host: nobody is there")
            })?;
        }
        check_family(send)?;
        for mac in &send.dest_macs {
            let why = if mac.is_group() {
                "a group address, which no probe is for"
            } else {
                "no address: a port's has a digit other than 0"
            };
            ensure(!mac.is_group() && *mac != Mac::default(), || {
                format!("--dest-mac {mac} is {why}: give the MAC of the reflector or the next hop")
            })?;
        }
        ensure(*send.src_ports.start() != 0, || {
            "--src-port-range begins at port 0, to which nobody can reply: use 1 to 65535"
                .to_owned()
        })
    }
}

/// Checks that all addresses of a run are of one family.
fn check_family(send: &SendRecv) -> Result<(), Failure> {
    let Some(first) = send.sources.first() else {
        return Ok(());
    };
    let others = send.sources.iter().map(|source| ("--src", *source));
    let dests = send.dests.iter().map(|dest| ("--dest", dest.ip()));
    let gateways = send.gateways.iter().map(|gateway| ("--gateway", *gateway));
    let mixed = others
        .chain(dests)
        .chain(gateways)
        .find(|(_, address)| address.is_ipv4() != first.is_ipv4());
    match mixed {
        None => Ok(()),
        Some((option, address)) => Err(Failure::request(format!(
            "--src {first} and {option} {address} are not of one family: a run is over IPv4 or \
             over IPv6"
        ))),
    }
}

fn is_host(address: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || is_broadcast)
}

fn ensure(good: bool, sentence: impl FnOnce() -> String) -> Result<(), Failure> {
    if good {
        Ok(())
    } else {
        Err(Failure::request(sentence()))
    }
}

const fn is_stream(target: &Target) -> bool {
    matches!(target, Target::Stdout | Target::Stderr)
}

fn check_wait(option: &str, time: Span) -> Result<(), Failure> {
    ensure(time <= limits::MAX_WAIT, || {
        format!(
            "{option} {} is longer than the limit of {}",
            time_text(time),
            time_text(limits::MAX_WAIT)
        )
    })
}

/// Returns a time in the largest unit that leaves it whole.
pub fn time_text(time: Span) -> String {
    let units = [
        ("h", 3_600_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
    ];
    let whole = units
        .iter()
        .find(|(_, ns)| time.as_nanos().is_multiple_of(*ns));
    whole.map_or_else(
        || format!("{}ns", time.as_nanos()),
        |(unit, ns)| format!("{}{unit}", time.as_nanos() / ns),
    )
}
