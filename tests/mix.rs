//! A mix of frame sizes on a wire: captured by tcpdump, counted and checked by tshark.

use std::collections::BTreeMap;
use std::time::Duration;

use dpdkgen_tests::machine::two_cpus;
use dpdkgen_tests::{
    Capture, FAR, Link, NEAR, Offload, Program, Rows, Summary, check_sendrecv, ports, run, turn,
};

const LIMIT: Duration = Duration::from_secs(30);
const FIELDS: [&str; 6] = [
    "frame.len",
    "eth.src",
    "ip.checksum.status",
    "udp.checksum.status",
    "_ws.malformed",
    "udp.payload",
];
/// tshark's word for a checksum that is right.
const GOOD: &str = "1";

/// A mix, and how often each frame without FCS is to be there.
struct Mix {
    option: &'static str,
    count: u32,
    frames: &'static [(u64, u64)],
    /// The bytes of a frame with FCS on average.
    mean: f64,
}

/// Runs `sendrecv` with the mix against a reflector, and checks every frame that was sent and that
/// came back, and all that the run tells of them.
fn check(mix: &Mix) {
    let link = Link::silent(Offload::Off);
    let (near_cpu, far_cpu) = two_cpus();
    let device = ports::af_packet(FAR, 1);
    let reflect = ports::dpdkgen(&far_cpu.to_string(), &[device], "reflect");
    let mut reflector = Program::start(link.inside(FAR, &reflect));
    reflector.until("reflector", LIMIT, |reflector| {
        reflector.stdout().contains("Reflecting on")
    });
    let folder = tempfile::tempdir().unwrap();
    let (json, csv) = (folder.path().join("s.json"), folder.path().join("s.csv"));
    let capture = Capture::start(&link, NEAR);
    let arguments = format!(
        "sendrecv --src 10.77.0.1 --dest 10.77.0.2:10000 --dest-mac 02:00:00:00:0a:02 --rate 2kpps \
         --frame-size {} --count {} --drain-ms 500 --json {} -s {}",
        mix.option,
        mix.count,
        ports::text(&json),
        ports::text(&csv)
    );
    // What bypasses the kernel's queues is not seen by tcpdump.
    let device = format!("{},qdisc_bypass=0", ports::af_packet(NEAR, 1));
    let sendrecv = ports::dpdkgen(&near_cpu.to_string(), &[device], &arguments);
    let told = run(link.inside(NEAR, &sendrecv), LIMIT).ok();
    let bytes: u64 = mix.frames.iter().map(|(len, count)| len * count).sum();
    let frames = capture.dissect(2 * mix.count, 2 * bytes, &FIELDS);
    let _ = reflector.interrupt().ok();

    let (probes, answers): (Vec<_>, Vec<_>) = frames
        .iter()
        .partition(|frame| frame[1] == "02:00:00:00:0a:01");
    for frames in [&probes, &answers] {
        let mut lens: BTreeMap<u64, u64> = BTreeMap::new();
        for frame in frames {
            assert_eq!(
                (frame[2].as_str(), frame[3].as_str()),
                (GOOD, GOOD),
                "{frame:?}"
            );
            assert_eq!(frame[4], "", "{frame:?}");
            *lens.entry(frame[0].parse().unwrap()).or_default() += 1;
        }
        let expected = mix.frames.iter().copied().collect();
        assert_eq!(lens, expected, "frames by their length");
    }
    // Nowhere are there many of one size in a row but of what is most of them.
    let lens = probes.iter().map(|frame| frame[0].as_str());
    let lens: Vec<_> = lens.collect();
    assert!(
        lens.windows(3)
            .all(|three| three.iter().any(|len| *len != three[0]))
    );
    for (probe, answer) in probes.iter().zip(&answers) {
        assert_eq!(probe[5], answer[5], "the payload comes back");
    }

    let summary = Summary::read(&json);
    check_sendrecv(&summary, &Rows::read(&csv));
    for counter in ["tx.packets", "rx.packets", "rx.unique"] {
        assert_eq!(
            summary.count(counter),
            u64::from(mix.count),
            "{counter}: {summary:?}"
        );
    }
    for counter in ["tx.bytes", "rx.bytes"] {
        assert_eq!(summary.count(counter), bytes, "{counter}: {summary:?}");
    }
    assert_eq!(summary.text("config.frame_mix"), mix.option);
    let (told_mean, mean) = (summary.number("config.mean_frame_bytes"), mix.mean);
    assert!((told_mean - mean).abs() < 1e-9, "{told_mean}");
    let said = format!(
        "packets of {}, {mean:.1} bytes a frame on average",
        mix.option
    );
    assert!(told.stdout.contains(&said), "{told:?}");
}

#[test]
fn a_mix_is_on_the_wire_as_its_weights_say_and_counted_to_the_byte() {
    let name = "a_mix_is_on_the_wire_as_its_weights_say_and_counted_to_the_byte";
    let Some(_turn) = turn(name, &Capture::NEEDS) else {
        return;
    };
    for mix in [
        Mix {
            option: "imix",
            count: 960,
            frames: &[(60, 560), (566, 320), (1514, 80)],
            mean: 4246.0 / 12.0,
        },
        // Odd lengths, and all with a lag; not whole cycles: two places of the last one.
        Mix {
            option: "71:1,333:2,1001:2",
            count: 502,
            frames: &[(67, 100), (329, 201), (997, 201)],
            mean: 547.8,
        },
    ] {
        check(&mix);
    }
}
