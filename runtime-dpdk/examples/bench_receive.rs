//! Receives the same probes over and over, as new ones each time: what `scripts/bench` measures
//! receiving and verifying by.
//!
//! ```text
//! bench_receive write FILE PAYLOAD_BYTES COUNT
//! bench_receive EAL_OPTIONS -- PAYLOAD_BYTES COUNT SECONDS
//! ```
//!
//! The first form writes a pcap file of probes as a reflector sends them back, for `net_pcap` with
//! `infinite_rx=1`; the second one receives them and prints packets per second. The worker is that of
//! every run. What differs: the tag is fixed, the record of what was seen is cleared after each pass
//! through the file, and the clock is read as always but stands still for the probes, so that every
//! packet goes the whole way of a unique probe: window, reordering, histogram, interval.

use std::hint::black_box;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use dpdkgen_core::filling::{Filling, FillingMemory, SUMS_LEN, pool_len};
use dpdkgen_core::intervals::{Cell, Division, Ring, Writer};
use dpdkgen_core::ledger::{Dimensions, Ledger, Line, Memory};
use dpdkgen_core::port::{ForwardOutcome, FrameLen, Port, TxOutcome, Verdict};
use dpdkgen_core::probe::{Index, Tag};
use dpdkgen_core::receiver::Receiver;
use dpdkgen_core::reflector::reflect;
use dpdkgen_core::stats::WorkerStats;
use dpdkgen_core::template::{Addresses, Patch, Template, filling_len};
use dpdkgen_core::time::{Clock, Nanos};
use dpdkgen_core::verify::Expectation;
use dpdkgen_core::wire::Mac;
use dpdkgen_core::worker::{Crew, Phase, Role, Worker};
use dpdkgen_rt::device::{self, Device, DeviceConfig};
use dpdkgen_rt::eal::Eal;
use dpdkgen_rt::{lcores, select};
use dpdkgen_run::clock::{TickClock, Timebase};

const BURST: u16 = 32;
const SOURCE_PORTS: u32 = 1001;
const FIRST_SOURCE_PORT: u16 = 10_000;
const TAG: Tag = Tag::new(0x1234_5678_9abc);
/// The first probe's time; the others follow at 50 Mpps.
const SENT: Nanos = Nanos(1_000_000);
const SPACING_NS: u64 = 20;
const RECEIVED: Nanos = Nanos(1_100_000);
const ADDRESSES: Addresses = Addresses {
    source_mac: Mac([2, 0, 0, 0, 0, 1]),
    destination_mac: Mac([2, 0, 0, 0, 0, 2]),
    source: Ipv4Addr::new(10, 0, 0, 1),
    destination: SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 10_000),
};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    if let ["write", file, payload_len, count] = words[..] {
        return write(file, payload_len.parse()?, count.parse()?);
    }
    let at = words.iter().position(|word| *word == "--");
    let (eal, own) = args.split_at(at.ok_or("usage: see the head of this file")?);
    let [_, payload_len, count, seconds] = own else {
        return Err("usage: see the head of this file".into());
    };
    let eal = Eal::init(eal, false).map_err(|failure| failure.to_string())?;
    let duration = Duration::from_secs_f64(seconds.parse()?);
    receive(&eal, payload_len.parse()?, count.parse()?, duration)
}

/// The run's filling, in memory that is never given back.
fn filling(payload_len: u16) -> Filling<'static> {
    let len = filling_len(payload_len);
    let memory = FillingMemory {
        pool: vec![0; pool_len(len)].leak(),
        sums: vec![0; SUMS_LEN].leak(),
    };
    Filling::new(memory, 1, len).expect("memory of that size")
}

/// Writes `count` reflected probes as a pcap file with nanoseconds (little-endian).
fn write(file: &str, payload_len: u16, count: u64) -> Outcome<()> {
    let template = Template::new(&ADDRESSES, TAG, payload_len, filling(payload_len))
        .ok_or("no probe has that payload")?;
    let mut out = io::BufWriter::new(std::fs::File::create(file)?);
    for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        out.write_all(&word.to_le_bytes())?;
    }
    let mut frame = vec![0; 9100];
    for sequence in 0..count {
        let patch = Patch {
            index: Index::new(0, sequence),
            source_port: FIRST_SOURCE_PORT + (sequence % u64::from(SOURCE_PORTS)) as u16,
            time: SENT + Nanos(SPACING_NS * sequence),
            lag: Nanos(0),
        };
        let FrameLen(len) = template.write(&mut frame, &patch);
        let frame = &mut frame[..usize::from(len)];
        reflect(frame).map_err(|ignored| format!("{ignored:?}"))?;
        for word in [0, 0, u32::from(len), u32::from(len)] {
            out.write_all(&word.to_le_bytes())?;
        }
        out.write_all(frame)?;
    }
    Ok(out.flush()?)
}

/// A port through which the same `count` probes come again and again.
struct Again<'a, P> {
    port: P,
    ledger: &'a Ledger<'a>,
    count: u64,
    left: u64,
    total: u64,
}

impl<P: Port> Port for Again<'_, P> {
    fn transmit(&mut self, want: u16, fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        self.port.transmit(want, fill)
    }

    fn receive(&mut self, each: impl FnMut(&[u8])) -> u16 {
        let received = self.port.receive(each);
        self.total += u64::from(received);
        // `count` is a multiple of a burst, and net_pcap gives whole bursts.
        self.left -= u64::from(received);
        if self.left == 0 {
            self.left = self.count;
            self.ledger.clear();
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
    fn now(&mut self) -> Nanos {
        black_box(self.0.now());
        RECEIVED
    }
}

fn receive(eal: &Eal, payload_len: u16, count: u64, duration: Duration) -> Outcome<()> {
    if count == 0 || !count.is_multiple_of(u64::from(BURST)) {
        return Err(format!("the number of probes has to be a multiple of {BURST}").into());
    }
    let lcore = *lcores::all(eal).get(1).ok_or("two lcores are needed")?;
    let config = DeviceConfig {
        role: device::Role::SendReceive,
        rx_nodes: vec![lcore.numa_node],
        tx_nodes: vec![],
        rx_descriptors: 1024,
        tx_descriptors: 1024,
        rx_burst: BURST,
        tx_burst: BURST,
        mtu_wanted: 1500,
    };
    let failed = |failure: dpdkgen_run::failure::Failure| failure.to_string();
    let ports = select::select(eal, &[]).map_err(failed)?;
    let mut device = Device::configure(eal, &ports[0], &config).map_err(failed)?;
    device.start().map_err(failed)?;
    let port = device.queue_ports().remove(0);

    let dimensions = Dimensions {
        streams: 1,
        source_ports: SOURCE_PORTS,
        receivers: 1,
        window: count,
    };
    let lines = |count: usize| -> Vec<Line> { (0..count).map(|_| Line::default()).collect() };
    let (seen, flows) = (
        lines(dimensions.seen_lines()),
        lines(dimensions.flow_lines()),
    );
    let (sent, highest) = (
        lines(dimensions.sent_lines()),
        lines(dimensions.highest_lines()),
    );
    let memory = Memory {
        seen: &seen,
        flows: &flows,
        sent: &sent,
        highest: &highest,
    };
    let ledger = Ledger::new(dimensions, memory).ok_or("the ledger does not fit")?;
    ledger.set_sent(0, count);
    let expectation = Expectation {
        sources: [ADDRESSES.source].into_iter().collect(),
        destination: ADDRESSES.destination,
        first_source_port: FIRST_SOURCE_PORT,
        last_source_port: FIRST_SOURCE_PORT + (SOURCE_PORTS - 1) as u16,
        payload_len,
        tag: TAG,
        filling: filling(payload_len),
    };
    let division = Division {
        start: Nanos(0),
        length: Nanos::MILLISECOND,
        grace: Nanos::SECOND,
    };
    let cells: Vec<Cell> = (0..division.ring_len(Nanos::SECOND))
        .map(|_| Cell::default())
        .collect();
    let (ring, stats) = (Ring::new(division, &cells), Box::<WorkerStats>::default());
    let again = Again {
        port,
        ledger: &ledger,
        count,
        left: count,
        total: 0,
    };
    let role = Role::Receive(Receiver::new(0, expectation, &ledger, true));
    let mut workers = [Worker::new(again, role, BURST, Writer::new(&ring), &stats)];
    let timebase = Timebase::new();
    timebase.start();
    let work = || {
        let mut clock = Still(timebase.reader());
        let mut crew = Crew::new(&mut workers);
        let begin = Instant::now();
        while begin.elapsed() < duration {
            for _ in 0..1000 {
                crew.round(RECEIVED, &mut clock, Phase::Running);
            }
        }
        let elapsed = begin.elapsed();
        // Publishes what was counted.
        crew.round(RECEIVED, &mut clock, Phase::Stopping);
        elapsed
    };
    let elapsed = lcores::launch(eal, vec![(lcore, work)]).map_err(failed)?[0];
    let rx = stats.try_snapshot().ok_or("nothing was published")?.rx;
    if rx.unique == 0 || rx.unique != rx.packets {
        return Err(format!("not every packet was unique: {rx:?}").into());
    }
    println!("{:.0}", rx.unique as f64 / elapsed.as_secs_f64());
    Ok(())
}
