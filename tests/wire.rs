//! The frames that `sendrecv` sends, captured by tcpdump where a kernel receives them and dissected
//! by tshark, which checks every checksum.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use dpdkgen_tests::machine::two_cpus;
use dpdkgen_tests::{Link, Need, Offload, Program, Summary, ports, run, turn};

const NEEDS: [Need; 4] = [
    Need::Namespaces,
    Need::Program("ethtool"),
    Need::Program("tcpdump"),
    Need::Program("tshark"),
];
const LIMIT: Duration = Duration::from_secs(30);
const COUNT: u32 = 2000;
const FIRST_PORT: u16 = 20_000;
const PORTS: u64 = 7;
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
struct Capture {
    summary: Summary,
    frames: Vec<Vec<String>>,
}

/// Runs `sendrecv`, to which nobody answers, and dissects what arrives at the other end.
fn capture(size: u16, queues: u16, options: &str) -> Capture {
    let link = Link::silent(Offload::Off);
    let folder = tempfile::tempdir().unwrap();
    let (pcap, json) = (
        folder.path().join("wire.pcap"),
        folder.path().join("run.json"),
    );

    let mut tcpdump = Command::new("tcpdump");
    // As root throughout, since the folder is root's alone.
    tcpdump.args([
        "-Z",
        "root",
        "-i",
        "far",
        "-B",
        "65536",
        "-U",
        "-w",
        ports::text(&pcap),
    ]);
    let mut tcpdump = Program::start(link.inside("far", &tcpdump));
    tcpdump.until("capture", LIMIT, |tcpdump| {
        tcpdump.stderr().contains("listening on")
    });

    let arguments = format!(
        "sendrecv --src 10.77.0.1 --dest 10.77.0.2:10000 --dest-mac 02:00:00:00:0a:02 \
         --src-port-range {FIRST_PORT}-{} --packet-size {size} --rate 4kpps --count {COUNT} \
         --drain-ms 100 -r {queues} -t {queues} --json {} {options}",
        u64::from(FIRST_PORT) + PORTS - 1,
        ports::text(&json)
    );
    let device = ports::af_packet("near", queues);
    let command = ports::dpdkgen(&two_cpus().0.to_string(), &[device], &arguments);
    let _ = run(link.inside("near", &command), LIMIT).ok();

    // A file header, and each frame with a header of its own.
    let whole = 24 + u64::from(COUNT) * u64::from(16 + 42 + size);
    tcpdump.until("frame of each probe", LIMIT, |_| {
        pcap.metadata().unwrap().len() >= whole
    });
    let captured = tcpdump.interrupt().ok();
    assert!(
        captured.stderr.contains("0 packets dropped by kernel"),
        "{captured:?}"
    );

    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-r", ports::text(&pcap)]);
    tshark.args([
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "udp.check_checksum:TRUE",
    ]);
    // No other protocol is looked for behind these ports.
    tshark.args(["-d", "udp.port==1-65535,data", "-T", "fields"]);
    for field in FIELDS {
        tshark.args(["-e", field]);
    }
    let dissected = run(tshark, LIMIT).ok();
    let frames = dissected
        .stdout
        .lines()
        .map(|line| line.split('\t').map(str::to_owned).collect());
    Capture {
        summary: Summary::read(&json),
        frames: frames.collect(),
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
fn check(capture: &Capture, size: u16, tag: u64) -> BTreeMap<u64, u64> {
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
    let Some(_turn) = turn("every_frame_is_right", &NEEDS) else {
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
    let Some(_turn) = turn("each_queue_is_a_stream", &NEEDS) else {
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
    let Some(_turn) = turn("the_filling_depends_on_seed_and_index_alone", &NEEDS) else {
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
