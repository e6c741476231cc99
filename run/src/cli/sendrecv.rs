//! What `sendrecv` is asked for, out of its options: addresses, sizes and rate.

use std::net::{IpAddr, SocketAddr};

use dpdkgen_core::probe::layout::{Layout, Marks};
use dpdkgen_core::probe::sizes::Sizes;
use dpdkgen_core::tx::pacer::Rate;
use dpdkgen_core::wire::Tags;

use super::Program;
use super::args::{OutputArgs, PaceArgs, PortArgs, ProbeArgs, SendRecvArgs, SettleArgs};
use crate::failure::Failure;
use crate::request::{self, SendRecv, layout};

/// The UDP port that each of two ports sends to, unless a destination is given.
const THROUGH_PORT: u16 = 10_000;

/// UDP payload bytes unless a size is given.
const DEFAULT_PAYLOAD: u16 = 1_000;

/// Returns what is to be sent, with the ends of the program's own link where none are given.
pub fn sendrecv(program: &Program, args: &SendRecvArgs) -> Result<SendRecv, Failure> {
    let SendRecvArgs {
        probes,
        pace,
        settle,
        shared,
        bounds,
        latency: _,
    } = args;
    let send = unpaced(program, "sendrecv", probes, settle, &shared.ports)?;
    Ok(SendRecv {
        rate: rate(pace, &send, &shared.output)?,
        max_loss: bounds.max_loss,
        max_p99: bounds.max_p99,
        max_skipped: bounds.max_skipped,
        ..send
    })
}

/// Returns what `command` is to send, as fast as it goes.
pub fn unpaced(
    program: &Program,
    command: &str,
    probes: &ProbeArgs,
    settle: &SettleArgs,
    given_ports: &PortArgs,
) -> Result<SendRecv, Failure> {
    let see = format!("see `{} {command} --help`", program.name);
    let missing = |what: &str| Err(Failure::request(format!("{what}; {see}")));
    let ports = given_ports.port.len().max(1);
    let peer = program.peer.as_ref();
    let given = probes.src.first().copied();
    let given = given.or(probes.dest.first().map(SocketAddr::ip));
    let ends = peer.map(|peer| peer.ends(given.is_some_and(|address| address.is_ipv6())));
    let sources = or_default(&probes.src, ends.map(|(source, _)| source));
    if sources.is_empty() {
        return missing("--src is missing: give the IP address that the probes come from");
    }
    let mut dests = probes.dest.clone();
    if dests.is_empty() && probes.through && ports == 2 {
        dests = each_others(&sources);
    }
    let dests = or_default(&dests, ends.map(|(_, dest)| dest));
    if dests.is_empty() {
        return missing(if probes.through && ports == 2 {
            "--src was given once for 2 ports: give it once per --port, so that each sends to the \
             other's, or give --dest"
        } else {
            "--dest is missing: give the IP address and port that the probes go to"
        });
    }
    // Probes that are forwarded go to a port of the run itself, whose MAC is known once it is open.
    let default_mac = peer.map(|peer| peer.dest_mac).filter(|_| !probes.through);
    let dest_macs = or_default(&probes.dest_mac, default_mac);
    let has_neighbours = !program.more.refuses("dest-mac");
    // With --through something has to come back in any case, which is said later.
    if has_neighbours && given_ports.rxq == 0 && dest_macs.is_empty() && !probes.through {
        return Err(Failure::request(
            "--dest-mac is missing: with --rxq 0 no answer is heard that would tell it",
        ));
    }
    let is_known = !dest_macs.is_empty() || !probes.gateway.is_empty() || peer.is_some();
    if probes.through && ports > 2 && !is_known {
        return missing(
            "--dest-mac is missing: with more than two ports, give the MAC that each port's probes \
             go to",
        );
    }
    let marks = marks(probes)?;
    let layout = layout(&sources, marks.tags);
    let sizes = sizes(probes, layout)?;
    Ok(SendRecv {
        sources,
        dests,
        is_through: probes.through,
        is_oneway: probes.oneway,
        is_resolved: false,
        marks,
        gateways: probes.gateway.clone(),
        src_ports: probes.src_port_range.clone(),
        dest_macs,
        sizes,
        rate: None,
        warmup: settle.warmup,
        seed: probes.seed,
        run_tag: probes.run_tag,
        drain: settle.drain_ms,
        ends_drain_early: false,
        window: None,
        max_loss: None,
        max_p99: None,
        max_skipped: None,
    })
}

/// Returns where each of two ports sends to if it sends to the other; nothing unless there is an
/// address of each.
fn each_others(sources: &[IpAddr]) -> Vec<SocketAddr> {
    match sources {
        [first, second] => [second, first]
            .map(|address| SocketAddr::new(*address, THROUGH_PORT))
            .to_vec(),
        _ => Vec::new(),
    }
}

fn or_default<T: Clone>(given: &[T], default: Option<T>) -> Vec<T> {
    if given.is_empty() {
        default.into_iter().collect()
    } else {
        given.to_vec()
    }
}

fn marks(probes: &ProbeArgs) -> Result<Marks, Failure> {
    let tags = Tags::new(&probes.vlan).ok_or_else(|| {
        Failure::request(format!(
            "--vlan was given {} times: a frame has {} tags at most, the outer one first",
            probes.vlan.len(),
            Tags::MAX
        ))
    })?;
    Ok(Marks {
        tags,
        dscp: probes.dscp as u8,
        ttl: probes.ttl as u8,
    })
}

fn sizes(probes: &ProbeArgs, layout: Layout) -> Result<Sizes, Failure> {
    match (probes.packet_size, &probes.frame_size) {
        (Some(_), Some(_)) => Err(Failure::request(
            "--packet-size and --frame-size exclude each other: give the payload or the frame",
        )),
        (None, None) => Ok(Sizes::one(DEFAULT_PAYLOAD)),
        (Some(size), None) => {
            let subject = format!("--packet-size {size} is");
            request::payload(&subject, size, 0, layout).map(Sizes::one)
        }
        (None, Some(frames)) => request::of_frames(frames, layout),
    }
}

fn rate(pace: &PaceArgs, send: &SendRecv, output: &OutputArgs) -> Result<Option<Rate>, Failure> {
    match (pace.rate, pace.rate_limit) {
        (Some(_), 1..) => Err(Failure::request(
            "--rate and --rate-limit exclude each other: both say how fast to send",
        )),
        // Neither factor is 0 when the request has passed its checks.
        (None, packets) => Ok(Rate::new(packets, output.stats_interval_ms.as_nanos())),
        (Some(asked), 0) => asked
            .for_mix(send.frame_lens())
            .map(Some)
            .map_err(|reason| Failure::request(format!("the value of --rate {reason}"))),
    }
}
