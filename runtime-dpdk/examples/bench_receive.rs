//! Receives the same probes over and over, as new ones each time: what `scripts/bench` measures
//! receiving and verifying by.
//!
//! ```text
//! bench_receive write FILE HEADERS PAYLOAD_BYTES
//! bench_receive EAL_OPTIONS -- HEADERS PAYLOAD_BYTES SECONDS
//! ```
//!
//! HEADERS are `ipv4`, `ipv6` or `tagged`, which is IPv4 in a VLAN.
//! The first form writes a pcap file of probes as a reflector sends them back, for `net_pcap` with
//! `infinite_rx=1`; the second one receives them and prints packets per second. The worker is that
//! of every run. What differs: the tag is fixed, the record of what was seen is cleared after each
//! pass through the file, and the clock is read as always but stands still for the probes, so that
//! every packet goes the whole way of a unique probe: window, reordering, histogram, interval.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::{self, Duration};

use dpdkgen_bench::PACKETS;
use dpdkgen_bench::fixture::{Fixture, RECEIVED, ipv4, ipv6, tagged};
use dpdkgen_core::phase::Phase;
use dpdkgen_core::port::{Capabilities, ForwardOutcome, FrameLen, Port, TxOutcome, Verdict};
use dpdkgen_core::probe::sizes::Sizes;
use dpdkgen_core::rx::receiver::Receiver;
use dpdkgen_core::sequence::SequenceWindow;
use dpdkgen_core::time::{Clock, Instant};
use dpdkgen_core::worker::{LcoreWorkers, Role, Worker};
use dpdkgen_rt::cli::select;
use dpdkgen_rt::eal::Eal;
use dpdkgen_rt::eal::lcore;
use dpdkgen_rt::ethdev;
use dpdkgen_rt::ethdev::device::{Device, DeviceConfig, PortUse};
use dpdkgen_run::failure::Failure;
use dpdkgen_run::runner::clock::{TickClock, Timebase};

/// [`PACKETS`] is a multiple of it, and net_pcap gives whole bursts.
const BURST: u16 = 32;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    if let ["write", file, headers, payload_len] = words[..] {
        return write(file, &fixture(headers, payload_len)?);
    }
    let at = words.iter().position(|word| *word == "--");
    let (eal, own) = args.split_at(at.ok_or("usage: see the head of this file")?);
    let [_, headers, payload_len, seconds] = own else {
        return Err("usage: see the head of this file".into());
    };
    let eal = Eal::init(eal, false, ethdev::CLOSER).map_err(failed)?;
    let duration = Duration::from_secs_f64(seconds.parse()?);
    receive(&eal, &fixture(headers, payload_len)?, duration)
}

fn fixture(headers: &str, payload_len: &str) -> Outcome<Fixture> {
    let headers = match headers {
        "ipv4" => ipv4(),
        "ipv6" => ipv6(),
        "tagged" => tagged(),
        _ => return Err(format!("{headers} are no headers: see the head of this file").into()),
    };
    Ok(Fixture::new(&Sizes::one(payload_len.parse()?), 1).with_headers(headers))
}

fn failed(error: impl Into<Failure>) -> String {
    error.into().to_string()
}

/// Writes reflected probes as a pcap file with nanoseconds (little-endian).
fn write(file: &str, fixture: &Fixture) -> Outcome<()> {
    let mut out = io::BufWriter::new(std::fs::File::create(file)?);
    for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        out.write_all(&word.to_le_bytes())?;
    }
    for frame in fixture.frames() {
        let len = frame.len() as u32;
        for word in [0, 0, len, len] {
            out.write_all(&word.to_le_bytes())?;
        }
        out.write_all(&frame)?;
    }
    Ok(out.flush()?)
}

/// A port through which the same probes come again and again.
struct Again<'a, P> {
    port: P,
    sequences: &'a SequenceWindow<'a>,
    left: u64,
}

impl<P: Port> Port for Again<'_, P> {
    const IS_ONE_FLOW: bool = P::IS_ONE_FLOW;

    fn capabilities(&self) -> Capabilities {
        self.port.capabilities()
    }

    fn transmit(&mut self, want: u16, fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        self.port.transmit(want, fill)
    }

    fn receive(&mut self, each: impl FnMut(&[u8])) -> u16 {
        let received = self.port.receive(each);
        self.left -= u64::from(received);
        if self.left == 0 {
            self.left = PACKETS;
            self.sequences.clear();
        }
        received
    }

    fn forward(&mut self, each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        self.port.forward(each)
    }
}

/// A clock that is read like any other, and stands still.
struct Still<'a>(TickClock<'a>);

impl Clock for Still<'_> {
    #[inline]
    fn now(&mut self) -> Instant {
        black_box(self.0.now());
        black_box(RECEIVED)
    }
}

fn receive(eal: &Eal, fixture: &Fixture, duration: Duration) -> Outcome<()> {
    let lcore = *lcore::all(eal).get(1).ok_or("two lcores are needed")?;
    let config = DeviceConfig {
        port_use: PortUse::SendReceive,
        rx_nodes: vec![lcore.numa_node],
        tx_nodes: vec![],
        rx_descriptors: 1024,
        tx_descriptors: 1024,
        rx_burst: BURST,
        tx_burst: BURST,
        mtu_needed: 1500,
        mtu_asked: None,
        headers: 28,
        is_neighbour: false,
        is_promiscuous: false,
    };
    let ports = select::select(eal, &[], &[]).map_err(failed)?;
    let mut device = Device::configure(eal, &ports[0], &config).map_err(failed)?;
    device.start().map_err(failed)?;
    let port = device.queue_ports().remove(0);

    let recorder = fixture.recorder();
    let stats = recorder.stats;
    let again = Again {
        port,
        sequences: fixture.sequences,
        left: PACKETS,
    };
    let role = Role::Receive(Receiver::new(
        0,
        fixture.expectation(),
        fixture.sequences,
        true,
    ));
    let mut workers = [Worker::new(again, role, recorder)];
    let timebase = Timebase::new();
    timebase.start();
    let work = || {
        let mut clock = Still(timebase.reader());
        let mut on_lcore = LcoreWorkers::new(&mut workers);
        let begin = time::Instant::now();
        while begin.elapsed() < duration {
            for _ in 0..1000 {
                on_lcore.poll_all(RECEIVED, &mut clock, Phase::Running);
            }
        }
        let elapsed = begin.elapsed();
        // Publishes what was counted.
        on_lcore.poll_all(RECEIVED, &mut clock, Phase::Stopping);
        elapsed
    };
    let elapsed = lcore::launch(eal, vec![(lcore, work)]).map_err(failed)?[0];
    let counters = stats.try_snapshot().ok_or("nothing was published")?;
    let (rx, probes) = (counters.rx, counters.probes);
    if probes.unique == 0 || probes.unique != rx.packets {
        return Err(format!("not every packet was unique: {rx:?}, {probes:?}").into());
    }
    println!("{:.0}", probes.unique as f64 / elapsed.as_secs_f64());
    Ok(())
}
