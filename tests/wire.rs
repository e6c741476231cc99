//! The frames that `sendrecv` sends and those that `reflect` answers with, captured by tcpdump where a
//! kernel sees them and dissected by tshark, which checks every checksum.

use std::collections::BTreeMap;
use std::time::Duration;

use dpdkgen_tests::machine::two_cpus;
use dpdkgen_tests::{Capture, FAR, Link, NEAR, Offload, Program, Summary, Way, ports, run, turn};

const LIMIT: Duration = Duration::from_secs(30);
const COUNT: u32 = 2000;
const FIRST_PORT: u16 = 20_000;
const PORTS: u64 = 7;
/// The probes of a run that is answered.
const FEW: u32 = 500;
/// The MACs of the two ends.
const MACS: [&str; 2] = ["02:00:00:00:0a:01", "02:00:00:00:0a:02"];
/// The fields that tshark tells of each frame.
const FIELDS: [&str; 14] = [
    "frame.len",
    "eth.dst",
    "eth.src",
    "ip.src",
    "ip.dst",
    "ip.len",
    "ip.ttl",
    "ip.checksum.status",
    "udp.srcport",
    "udp.dstport",
    "udp.length",
    "udp.checksum.status",
    "udp.payload",
    "_ws.malformed",
];
/// tshark's word for a checksum that is right.
const GOOD: &str = "1";

/// A run's summary, and the fields of each frame that it sent.
struct Captured {
    summary: Summary,
    frames: Vec<Vec<String>>,
}

/// Runs `sendrecv`, to which nobody answers, and dissects what arrives at the other end.
fn capture(size: u16, queues: u16, options: &str) -> Captured {
    let link = Link::silent(Offload::Off);
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("run.json");
    let capture = Capture::start(&link, FAR);
    let arguments = format!(
        "sendrecv --src 10.77.0.1 --dest 10.77.0.2:10000 --dest-mac 02:00:00:00:0a:02 \
         --src-port-range {FIRST_PORT}-{} --packet-size {size} --rate 4kpps --count {COUNT} \
         --drain-ms 100 -r {queues} -t {queues} --json {} {options}",
        u64::from(FIRST_PORT) + PORTS - 1,
        ports::text(&json)
    );
    let device = ports::af_packet(NEAR, queues);
    let command = ports::dpdkgen(&two_cpus().0.to_string(), &[device], &arguments);
    // Nothing comes back.
    let _ = run(link.inside(NEAR, &command), LIMIT).with_status(3);
    Captured {
        frames: capture.dissect(COUNT, u64::from(COUNT) * u64::from(size + 42), &FIELDS),
        summary: Summary::read(&json),
    }
}

/// The fields of a probe's head and tail, which are little-endian.
struct Probe {
    stream: u64,
    sequence: u64,
    tag_low: u64,
    time: u64,
    tag_rest: Option<u64>,
}

impl Probe {
    fn parse(payload: &[u8]) -> Self {
        let word = |at: usize, len: usize| {
            let bytes = payload[at..at + len].iter().rev();
            bytes.fold(0, |word, &byte| word << 8 | u64::from(byte))
        };
        Self {
            sequence: word(0, 6),
            stream: word(6, 2),
            time: word(8, 6),
            tag_low: word(14, 2),
            tag_rest: (payload.len() >= 24).then(|| word(20, 4)),
        }
    }
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|digit| *digit != ':').collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16);
    digits
        .chunks(2)
        .map(|pair| byte(pair).expect("hexadecimal digits"))
        .collect()
}

/// Checks every frame of a capture with `tag`, and returns how many came from each stream.
fn check(capture: &Captured, size: u16, tag: u64) -> BTreeMap<u64, u64> {
    let sent = capture.summary.count("tx.packets");
    assert_eq!(sent, u64::from(COUNT));
    assert_eq!(capture.frames.len() as u64, sent, "frames on the wire");
    let mut next: BTreeMap<u64, u64> = BTreeMap::new();
    let mut times: BTreeMap<u64, u64> = BTreeMap::new();
    for frame in &capture.frames {
        assert_eq!(frame.len(), FIELDS.len(), "{frame:?}");
        let field = |name: &str| {
            let index = FIELDS.iter().position(|field| *field == name);
            frame[index.expect("a field that was asked for")].as_str()
        };
        let number = |name: &str| field(name).parse::<u64>().expect("a number");
        assert_eq!(number("frame.len"), u64::from(size) + 42);
        assert_eq!(field("eth.dst"), "02:00:00:00:0a:02");
        assert_eq!(field("eth.src"), "02:00:00:00:0a:01");
        assert_eq!(
            (field("ip.src"), field("ip.dst")),
            ("10.77.0.1", "10.77.0.2")
        );
        assert_eq!(number("ip.len"), u64::from(size) + 28);
        assert!(number("ip.ttl") > 1, "{frame:?}");
        assert_eq!(field("ip.checksum.status"), GOOD, "{frame:?}");
        assert_eq!(number("udp.dstport"), 10_000);
        assert_eq!(number("udp.length"), u64::from(size) + 8);
        assert_eq!(field("udp.checksum.status"), GOOD, "{frame:?}");
        assert_eq!(field("_ws.malformed"), "", "{frame:?}");

        let payload = bytes_of(field("udp.payload"));
        assert_eq!(payload.len(), usize::from(size));
        let probe = Probe::parse(&payload);
        let due = next.entry(probe.stream).or_default();
        assert_eq!(
            probe.sequence, *due,
            "stream {} has a gap or is out of order",
            probe.stream
        );
        *due += 1;
        let port = u64::from(FIRST_PORT) + probe.sequence % PORTS;
        assert_eq!(number("udp.srcport"), port, "sequence {}", probe.sequence);
        let before = times.insert(probe.stream, probe.time).unwrap_or(0);
        assert!(
            before <= probe.time,
            "time runs backwards at {}",
            probe.sequence
        );
        assert_eq!(probe.tag_low, tag & 0xffff);
        assert_eq!(probe.tag_rest.unwrap_or(tag >> 16), tag >> 16);
    }
    next
}

#[test]
fn every_frame_is_right() {
    let Some(_turn) = turn("every_frame_is_right", &Capture::NEEDS) else {
        return;
    };
    for size in [16, 17, 24, 1001, 1472] {
        let tag = 0x8bad_f00d_1234 + u64::from(size);
        let capture = capture(size, 1, &format!("--run-tag {tag}"));
        let streams = check(&capture, size, tag);
        assert_eq!(
            streams,
            BTreeMap::from([(0, u64::from(COUNT))]),
            "size {size}"
        );
    }
}

#[test]
fn each_queue_is_a_stream() {
    let Some(_turn) = turn("each_queue_is_a_stream", &Capture::NEEDS) else {
        return;
    };
    let capture = capture(64, 2, "--run-tag 0x123456789abc");
    let streams = check(&capture, 64, 0x1234_5678_9abc);
    assert_eq!(streams.keys().copied().collect::<Vec<_>>(), [0, 1]);
    assert_eq!(streams.values().sum::<u64>(), u64::from(COUNT));
    for (_, queue, packets) in capture.summary.queues("tx") {
        assert_eq!(streams[&queue], packets, "stream and queue {queue}");
    }
}

#[test]
fn the_filling_depends_on_seed_and_index_alone() {
    let Some(_turn) = turn(
        "the_filling_depends_on_seed_and_index_alone",
        &Capture::NEEDS,
    ) else {
        return;
    };
    let fillings = |options: &str| {
        let captured = capture(100, 1, options);
        let payload = FIELDS
            .iter()
            .position(|field| *field == "udp.payload")
            .unwrap();
        let fillings = captured
            .frames
            .iter()
            .map(|frame| bytes_of(&frame[payload])[24..].to_vec());
        fillings.collect::<Vec<_>>()
    };
    let first = fillings("--seed 1 --run-tag 1");
    assert_eq!(
        fillings("--seed 1 --run-tag 2"),
        first,
        "the same in another run"
    );
    let other = fillings("--seed 2 --run-tag 1");
    let alike = first.iter().zip(&other).filter(|(a, b)| a == b).count();
    assert_eq!(alike, 0, "another seed, another filling");
    let alike = first.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert_eq!(alike, 0, "another index, another filling");
}

/// The headers of a run's probes.
#[derive(Clone, Copy, Debug)]
struct Layout {
    is_ipv6: bool,
    /// The VLAN and the priority of each tag, the outer one first.
    tags: &'static [(u16, u8)],
    size: u16,
}

impl Layout {
    const TTL: u8 = 9;
    const DSCP: u8 = 46;

    fn addresses(self) -> [&'static str; 2] {
        if self.is_ipv6 {
            ["fd77::1", "fd77::2"]
        } else {
            ["10.77.0.1", "10.77.0.2"]
        }
    }

    fn frame_len(self) -> u16 {
        let tags = self.tags.iter().map(|_| 4).sum::<u16>();
        14 + tags + if self.is_ipv6 { 40 } else { 20 } + 8 + self.size
    }

    fn options(self) -> String {
        let [source, destination] = self.addresses();
        let destination = if self.is_ipv6 {
            format!("[{destination}]")
        } else {
            destination.to_owned()
        };
        let tags = self.tags.iter();
        let tags: String = tags
            .map(|(id, pcp)| format!("--vlan {id}.{pcp} "))
            .collect();
        format!(
            "--src {source} --dest {destination}:10000 {tags} --dscp {} --ttl {} --packet-size {}",
            Self::DSCP,
            Self::TTL,
            self.size
        )
    }

    /// Returns tshark's fields of the probe `number` on its way out or back, and their values.
    fn fields(self, way: Way, number: usize) -> Vec<(&'static str, String)> {
        let is_back = way == Way::Return;
        let swapped = |[near, far]: [String; 2]| if is_back { [far, near] } else { [near, far] };
        let [source_mac, destination_mac] = swapped(MACS.map(str::to_owned));
        let [source, destination] = swapped(self.addresses().map(str::to_owned));
        let port = usize::from(FIRST_PORT) + number % PORTS as usize;
        let [source_port, destination_port] = swapped([port.to_string(), "10000".to_owned()]);
        let of = |has_it: bool, value: &str| {
            if has_it {
                value.to_owned()
            } else {
                String::new()
            }
        };
        let (of_ipv4, of_ipv6) = (
            |value: &str| of(!self.is_ipv6, value),
            |value: &str| of(self.is_ipv6, value),
        );
        let ttl = (Self::TTL - u8::from(is_back)).to_string();
        let dscp = Self::DSCP.to_string();
        let ip_type = if self.is_ipv6 { "0x86dd" } else { "0x0800" };
        // IEEE 802.1Q: an outer tag is a service tag.
        let first_type = [ip_type, "0x8100", "0x88a8"][self.tags.len()];
        let (outer, inner) = match *self.tags {
            [] => (None, None),
            [tag] => (None, Some(tag)),
            [outer, inner, ..] => (Some(outer), Some(inner)),
        };
        let id = |tag: Option<(u16, u8)>| tag.map_or(String::new(), |(id, _)| id.to_string());
        let pcp = |tag: Option<(u16, u8)>| tag.map_or(String::new(), |(_, pcp)| pcp.to_string());
        vec![
            ("frame.len", self.frame_len().to_string()),
            ("eth.dst", destination_mac),
            ("eth.src", source_mac),
            ("eth.type", first_type.to_owned()),
            ("ieee8021ad.id", id(outer)),
            ("ieee8021ad.priority", pcp(outer)),
            ("vlan.id", id(inner)),
            ("vlan.priority", pcp(inner)),
            ("vlan.etype", of(inner.is_some(), ip_type)),
            ("ip.src", of_ipv4(&source)),
            ("ip.dst", of_ipv4(&destination)),
            ("ip.ttl", of_ipv4(&ttl)),
            ("ip.dsfield.dscp", of_ipv4(&dscp)),
            ("ip.checksum.status", of_ipv4(GOOD)),
            ("ipv6.src", of_ipv6(&source)),
            ("ipv6.dst", of_ipv6(&destination)),
            ("ipv6.hlim", of_ipv6(&ttl)),
            ("ipv6.tclass.dscp", of_ipv6(&dscp)),
            ("ipv6.plen", of_ipv6(&(self.size + 8).to_string())),
            ("udp.srcport", source_port),
            ("udp.dstport", destination_port),
            ("udp.length", (self.size + 8).to_string()),
            ("udp.checksum.status", GOOD.to_owned()),
            ("_ws.expert", String::new()),
        ]
    }
}

/// Runs `sendrecv` and a reflector, and returns the fields of the probes and of the answers, each with
/// its payload.
fn there_and_back(layout: Layout) -> [Vec<Vec<String>>; 2] {
    let link = Link::silent(Offload::Off);
    let (near_cpu, far_cpu) = two_cpus();
    // An outer tag that came over af_packet would go back as one of 802.1Q, whatever it was.
    let device = format!("net_af_xdp0,iface={FAR}");
    let reflect = ports::dpdkgen(&far_cpu.to_string(), &[device], "reflect");
    let mut reflector = Program::start(link.inside(FAR, &reflect));
    reflector.until("reflector", LIMIT, |reflector| {
        reflector.stdout().contains("Reflecting on")
    });
    let capture = Capture::start(&link, NEAR);
    let arguments = format!(
        "sendrecv {} --dest-mac {} --src-port-range {FIRST_PORT}-{} --rate 2kpps --count {FEW} \
         --drain-ms 500",
        layout.options(),
        MACS[1],
        u64::from(FIRST_PORT) + PORTS - 1
    );
    // What bypasses the kernel's queues is not seen by tcpdump.
    let device = format!("{},qdisc_bypass=0", ports::af_packet(NEAR, 1));
    let sendrecv = ports::dpdkgen(&near_cpu.to_string(), &[device], &arguments);
    let _ = run(link.inside(NEAR, &sendrecv), LIMIT).ok();
    let fields = layout.fields(Way::Outward, 0).into_iter();
    let mut fields: Vec<_> = fields.map(|(field, _)| field).collect();
    let source = fields.iter().position(|field| *field == "eth.src");
    let source = source.expect("a field that is asked for");
    fields.push("udp.payload");
    let bytes = u64::from(2 * FEW) * u64::from(layout.frame_len());
    let frames = capture.dissect(2 * FEW, bytes, &fields);
    let _ = reflector.interrupt().ok();
    let (probes, answers) = frames
        .into_iter()
        .partition(|frame| frame[source] == MACS[0]);
    [probes, answers]
}

#[test]
fn probes_and_answers_are_right_whatever_their_headers() {
    let name = "probes_and_answers_are_right_whatever_their_headers";
    let Some(_turn) = turn(name, &Capture::NEEDS) else {
        return;
    };
    for (is_ipv6, tags, size) in [
        (true, &[][..], 16),
        (true, &[], 1452),
        (false, &[(20, 3)], 16),
        (true, &[(20, 3)], 101),
        (false, &[(20, 3), (7, 1)], 1001),
        (true, &[(4094, 7), (1, 0)], 17),
    ] {
        let layout = Layout {
            is_ipv6,
            tags,
            size,
        };
        let [probes, answers] = there_and_back(layout);
        for (way, frames) in [(Way::Outward, &probes), (Way::Return, &answers)] {
            assert_eq!(frames.len(), FEW as usize, "{way:?}, {layout:?}");
            for (number, frame) in frames.iter().enumerate() {
                for ((field, due), told) in layout.fields(way, number).into_iter().zip(frame) {
                    assert_eq!(told, &due, "{field}, {way:?}, {layout:?}: {frame:?}");
                }
            }
        }
        for (probe, answer) in probes.iter().zip(&answers) {
            let payload = probe.last().expect("a payload");
            assert_eq!(bytes_of(payload).len(), usize::from(size));
            assert_eq!(answer.last(), Some(payload), "{layout:?}");
        }
    }
}
