use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use dpdkgen_core::probe::layout::Marks;
use dpdkgen_core::probe::sizes::Sizes;
use dpdkgen_core::time::Span;
use dpdkgen_core::tx::pacer::Rate;
use dpdkgen_core::wire::Mac;
use dpdkgen_report::output::Target;

use super::*;
use crate::request::{PortSelector, SendRecv, limits};

const RT: Program = Program {
    name: "dpdkgen-rt",
    version: "1.2.3",
    about: "Sends and reflects packets through DPDK ports",
    before_command: ("[EAL options --] ", "-l 0-15 -- "),
    options_before: &["-l", "--no-pci"],
    commands: &["sendrecv", "reflect", "ports", "report"],
    peer: None,
    more: More::NONE,
};

const SOCKET: Program = Program {
    name: "dpdkgen-socket",
    before_command: ("", ""),
    options_before: &[],
    commands: &["sendrecv", "reflect"],
    ..RT
};

/// The arguments that every `sendrecv` needs.
const NEEDED: &str = "sendrecv --src 10.0.0.4 --dest 10.0.0.5:7 --dest-mac 02:00:00:00:00:01";

fn parsed(line: &str) -> Result<Command, Exit> {
    parse(&RT, line.split_whitespace())
}

fn run(line: &str) -> Request {
    match parsed(line) {
        Ok(Command::Run(request, _)) => *request,
        other => panic!("{line}: {other:?}"),
    }
}

fn send(line: &str) -> SendRecv {
    match run(line).mode {
        Mode::SendRecv(send) => send,
        Mode::Reflect(_) => panic!("{line}: reflect"),
    }
}

fn sentence(program: &Program, line: &str) -> String {
    match parse(program, line.split_whitespace()) {
        Err(Exit::Failure(failure)) => {
            assert_eq!(failure.exit_status(), 2, "{line}");
            let sentence = failure.to_string();
            assert!(
                !sentence.contains('\n') && !sentence.contains("error:"),
                "{sentence}"
            );
            sentence
        }
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn what_a_program_cannot_do_is_refused_with_its_reason_and_not_offered() {
    let program = Program {
        more: More {
            refused: &[("dest-mac", "is the kernel's to find out: leave it out")],
            ..More::NONE
        },
        ..SOCKET
    };
    let line = "sendrecv --src 10.0.0.4 --dest 10.0.0.5:7 --dest-mac 02:00:00:00:00:01";
    assert_eq!(
        sentence(&program, line),
        "--dest-mac is the kernel's to find out: leave it out"
    );
    let Err(Exit::Text(help)) = parse(&program, ["sendrecv", "--help"]) else {
        panic!("no help")
    };
    assert!(!help.contains("--dest-mac MAC") && !help.contains("--dest-mac <MAC>"));
    // Who has no MAC to give needs none to send only.
    let line = "sendrecv -r 0 --src 10.0.0.4 --dest 10.0.0.5:7";
    assert!(parse(&program, line.split_whitespace()).is_ok());
    assert!(sentence(&SOCKET, line).starts_with("--dest-mac is missing: with --rxq 0"));
}

#[test]
fn the_articles_sendrecv() {
    let request = run(
        "sendrecv -p 00:0d:3a:01:02:03 -r 15 -t 1 -s /dev/stdout --src 10.0.0.4 \
         --src-port-range 10000-30000 --dest 10.0.0.5:10000 --dest-mac 12:34:56:78:9a:bc \
         --stats-evict-interval-secs 120 --stats-evict-threshold-secs 1 --stats-interval-ms 1 \
         --packet-size 16 -R 3500 --burst-size 32",
    );
    let send = SendRecv {
        sources: vec![[10, 0, 0, 4].into()],
        dests: vec![SocketAddr::from(([10, 0, 0, 5], 10_000))],
        is_through: false,
        is_oneway: false,
        is_resolved: false,
        marks: Marks::default(),
        gateways: vec![],
        src_ports: 10_000..=30_000,
        dest_macs: vec![Mac([0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc])],
        sizes: Sizes::one(16),
        rate: Rate::new(3_500, 1_000_000),
        warmup: Span::ZERO,
        seed: 4_107_683_144_946_382_073,
        run_tag: None,
        drain: Span::from_secs(1),
        ends_drain_early: false,
        window: None,
        max_loss: None,
        max_p99: None,
        max_skipped: None,
    };
    let expected = Request {
        mode: Mode::SendRecv(send),
        ports: vec![PortSelector::Mac(Mac([0, 0x0d, 0x3a, 1, 2, 3]))],
        rxq: 15,
        txq: 1,
        rx_burst: 32,
        tx_burst: 32,
        rx_desc: 1_024,
        tx_desc: 1_024,
        mtu: None,
        stats_file: Some(Target::Stdout),
        interval: Span::from_millis(1),
        grace: Span::from_secs(1),
        flush_every: Span::from_secs(120),
        duration: None,
        count: None,
        wait_link: Span::from_secs(10),
        json: None,
        hdr: None,
        pcap: None,
        pcap_sample: NonZeroU32::new(1_000).unwrap(),
        metrics: None,
        report: None,
        verbosity: Verbosity::Normal,
        own: Map::new(),
        origin: Origin {
            program: Some("dpdkgen-rt".to_owned()),
            version: Some("1.2.3".to_owned()),
            ..Origin::default()
        },
    };
    assert_eq!(request, expected);
}

#[test]
fn the_articles_reflect() {
    let request = run(
        "reflect -p 00:0d:3a:01:02:04 -r 16 -t 16 -s /dev/stdout --stats-evict-interval-secs 5 \
         --stats-evict-threshold-secs 1 --stats-interval-ms 1000 --burst-size 128",
    );
    assert_eq!(request.mode, Mode::Reflect(Reflect::default()));
    assert_eq!(
        (request.rxq, request.txq, request.rx_burst, request.tx_burst),
        (16, 16, 128, 128)
    );
    assert_eq!(
        (request.interval, request.flush_every),
        (Span::from_secs(1), Span::from_secs(5))
    );
}

#[test]
fn defaults() {
    let request = run("reflect");
    assert_eq!(
        (request.rxq, request.txq, request.rx_burst, request.rx_desc),
        (1, 1, 32, 1_024)
    );
    assert_eq!(
        (request.interval, request.grace),
        (Span::from_millis(100), Span::from_secs(1))
    );
    assert_eq!(
        (request.flush_every, request.wait_link),
        (Span::from_secs(1), Span::from_secs(10))
    );
    assert_eq!(
        (request.ports, request.stats_file, request.json),
        (vec![], None, None)
    );
    let send = send(NEEDED);
    assert_eq!(
        (send.sizes.largest(), send.rate, send.src_ports),
        (1_000, None, 10_000..=11_000)
    );
}

#[test]
fn options_have_their_aliases_and_units() {
    let request = run(&format!(
        "{NEEDED} --ports 0 -p net_memif0 --port 02:00:00:00:00:09 -i 50us --duration 2min \
         --count 10M --burst-size 64 --rx-burst 8 --rx-desc 4Ki --json out.json -v --wait-link 500ms"
    ));
    let ports = ["0", "net_memif0", "02:00:00:00:00:09"].map(PortSelector::parse);
    assert_eq!(request.ports, ports);
    assert_eq!(
        (request.interval, request.duration),
        (Span::from_micros(50), Some(Span::from_secs(120)))
    );
    assert_eq!(
        (request.rx_burst, request.tx_burst, request.rx_desc),
        (8, 64, 4_096)
    );
    assert_eq!(
        (request.count, request.wait_link),
        (Some(10_000_000), Span::from_millis(500))
    );
    assert_eq!(request.json, Some(Target::File(PathBuf::from("out.json"))));
    assert_eq!(request.verbosity, Verbosity::Verbose);

    let sent = |options: &str| send(&format!("{NEEDED} {options}"));
    assert_eq!(sent("--frame-size 64").sizes, Sizes::one(18));
    assert_eq!(sent("--frame-size 64:3").sizes, Sizes::one(18));
    let shares = |options: &str| {
        let sizes = sent(options).sizes;
        let shares = sizes.shares().iter();
        shares
            .map(|share| (share.payload_len, share.weight))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        shares("--frame-size imix"),
        [(18, 28), (524, 16), (1472, 4)]
    );
    let mix = sent("--frame-size simple-imix --rate 33968bps");
    assert_eq!(mix.rate, Rate::new(3, 250_000_000), "of the mean frame");
    assert_eq!(
        sent("--frame-size 64 --rate 10Gbpsl1").rate,
        Rate::new(5, 336)
    );
    assert_eq!(
        sent("--packet-size 1KiB --rate 3.5Mpps -R 0").rate,
        Rate::new(7, 2_000)
    );
    assert_eq!(sent("-R 100").rate, Rate::new(100, 100_000_000));
    assert_eq!(
        sent("--max-loss 0.1% --max-p99 5ms").max_p99,
        Some(Span::from_millis(5))
    );
    assert_eq!(
        sent("--run-tag 0xffffffffffff").run_tag,
        Some(limits::MAX_RUN_TAG)
    );
    let twice = send(&format!(
        "{NEEDED} -p 0 -p 1 --src 10.0.0.6 --dest-mac 02:00:00:00:00:02"
    ));
    assert_eq!((twice.sources.len(), twice.dest_macs.len()), (2, 2));
}

#[test]
fn ports() {
    assert_eq!(parsed("ports"), Ok(Command::Ports { json: false }));
    assert_eq!(parsed("ports --json"), Ok(Command::Ports { json: true }));
    assert_eq!(
        sentence(&SOCKET, "ports"),
        "there is no command 'ports': the commands are sendrecv, reflect; see `dpdkgen-socket \
         --help`"
    );
}

#[test]
fn without_a_mac_the_next_hop_is_resolved() {
    assert!(send("sendrecv --src 10.0.0.4 --dest 10.0.0.5:7").has_to_resolve());
    assert!(!send(NEEDED).has_to_resolve());
}

#[test]
fn through_a_path_between_two_ports_addresses_follow_from_the_ports() {
    let line = "sendrecv --through -p 0 --src 10.0.0.1 -p 1 --src 10.0.0.2";
    let dests = ["10.0.0.2:10000", "10.0.0.1:10000"].map(|dest| dest.parse().unwrap());
    let sent = send(line);
    assert_eq!(
        (&sent.dests[..], &sent.dest_macs[..]),
        (&dests[..], &[][..])
    );
    assert!(sent.is_through && !sent.is_oneway);
    assert_eq!(sent.routes(2).len(), 2);
    let sent = send(&format!("{line} --oneway --dest-mac 02:00:00:00:00:09"));
    assert!(sent.is_oneway && sent.dest_macs.len() == 1);
    assert_eq!(sent.routes(2).len(), 1);
    let v6 = send("sendrecv --through -p 0 -p 1 --src fd00::1 --src fd00::2");
    assert_eq!(v6.dests[0], "[fd00::2]:10000".parse().unwrap());
    let given = send(&format!("{line} --dest 10.0.0.9:7"));
    assert_eq!(given.dests, ["10.0.0.9:7".parse().unwrap()]);
    let one = send("sendrecv --through --src 10.0.0.1 --dest 10.0.0.2:7");
    assert_eq!(one.dest_macs, []);
}

#[test]
fn what_a_path_that_forwards_cannot_do_without_is_named() {
    let two = "sendrecv --through -p 0 -p 1 --src 10.0.0.1";
    for (line, expected) in [
        (
            two,
            "--src was given once for 2 ports: give it once per --port",
        ),
        ("sendrecv --through --src 10.0.0.1", "--dest is missing"),
        (
            "sendrecv --through -p 0 -p 1 -p 2 --src 10.0.0.1",
            "--dest is missing",
        ),
        (
            "sendrecv --through -p 0 -p 1 -p 2 --src 10.0.0.1 --dest 10.0.0.2:7",
            "--dest-mac is missing: with more than two ports",
        ),
        (
            "sendrecv -p 0 -p 1 --src 10.0.0.1 --src 10.0.0.2",
            "--dest is missing",
        ),
    ] {
        let said = sentence(&RT, line);
        assert!(said.starts_with(expected), "{line}: {said}");
    }
    for (options, expected) in [
        ("--through -r 0", "--through is about what comes back"),
        (
            "-p 0 -p 1 --oneway",
            "--oneway sends from one port to another",
        ),
        (
            "--through --oneway",
            "--oneway sends from the first port to others",
        ),
    ] {
        let said = sentence(&RT, &format!("{NEEDED} {options}"));
        assert!(said.starts_with(expected), "{options}: {said}");
    }
}

#[test]
fn what_clap_finds_is_one_sentence() {
    let see = "; see `dpdkgen-rt sendrecv --help`";
    for (options, expected) in [
        ("--duration", "--duration needs a value"),
        (
            "--duration 5x",
            "--duration 5x has none of the units ns, us, ms, s, min or h",
        ),
        (
            "--duration -5",
            "--duration -5 is not a time such as 250ms or 1.5s",
        ),
        ("--duration 1 --duration 2", "--duration was given twice"),
        ("--burst-size 513", "--burst-size 513 is not from 1 to 512"),
        ("-r 2k", "--rxq 2k is not from 0 to 1024"),
        ("--rate 0", "--rate 0 is not more than 0"),
        (
            "--src-port-range 9-2",
            "--src-port-range 9-2 is upside down: the end of a range comes last",
        ),
        (
            "--src 1.2.3",
            "--src 1.2.3 is not an IP address such as 10.0.0.4 or fd00::4",
        ),
        (
            "--max-loss 2",
            "--max-loss 2 is not a ratio from 0 to 1 such as 0.001 or 0.1%",
        ),
        (
            "--dest-mac 1:2",
            "--dest-mac 1:2 is not a MAC address such as 12:34:56:78:9a:bc",
        ),
        ("--quiet=3", "--quiet takes no value, and '3' was given"),
        ("-q -v", "--quiet and --verbose exclude each other"),
        (
            "--duratoin 5",
            "there is no option '--duratoin', perhaps --duration was meant",
        ),
        ("-x", "there is no option '-x'"),
        ("more", "'more' is an argument too many"),
        (
            "-p 0,1",
            "--port 0,1 names several: give the option once for each",
        ),
        (
            "--rate 1,000,000",
            "--rate 1,000,000 has , or _ in it: write 1000000 or 1M, and 1.5 with a point",
        ),
        (
            "--count 1_000",
            "--count 1_000 has , or _ in it: write 1000000 or 1M, and 1.5 with a point",
        ),
        ("--pcap-sample 5", "--pcap is missing"),
        ("--json", "--json needs a value"),
        ("--json=", "--json needs a value"),
    ] {
        assert_eq!(
            sentence(&RT, &format!("{NEEDED} {options}")),
            format!("{expected}{see}")
        );
    }
}

#[test]
fn commands_that_are_not_there() {
    let commands = "the commands are sendrecv, reflect, ports, report; see `dpdkgen-rt --help`";
    assert_eq!(
        sentence(&RT, "fly"),
        format!("there is no command 'fly': {commands}")
    );
    assert_eq!(
        sentence(&RT, ""),
        format!("no command was given: {commands}")
    );
    assert_eq!(
        sentence(&RT, "reflect --src 10.0.0.1"),
        "--src is an option of sendrecv, and reflect has none; see `dpdkgen-rt reflect --help`"
    );
}

#[test]
fn help_is_a_word_too() {
    let help = |line: &str| match parse(&RT, line.split_whitespace()) {
        Err(Exit::Text(text)) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(help("help"), help("--help"));
    assert_eq!(help("help reflect"), help("reflect --help"));
}

#[test]
fn options_of_the_eal_are_told_where_they_go() {
    let told = "is an EAL option: those go before the command, with a `--` between, as in \
                `dpdkgen-rt -l 0-15 --";
    for (line, option, command) in [
        ("-l 0-1 reflect", "-l", "reflect"),
        ("--no-pci reflect", "--no-pci", "reflect"),
        ("-l 0", "-l", "sendrecv"),
    ] {
        let said = sentence(&RT, line);
        let expected = format!("{option} {told} {command}`");
        assert!(said.starts_with(&expected), "{said}");
    }
    let said = sentence(&SOCKET, "-l 0-1 reflect");
    assert!(said.contains("there is no option '-l'"), "{said}");
}

#[test]
fn an_option_that_does_not_work_yet_is_not_offered() {
    for command in ["doctor", "search"] {
        assert!(sentence(&RT, command).starts_with("there is no command"));
    }
}

#[test]
fn options_that_do_not_go_together() {
    for (options, expected) in [
        (
            "--packet-size 16 --frame-size 64",
            "--packet-size and --frame-size exclude each other",
        ),
        (
            "--packet-size 15",
            "--packet-size 15 is not from 16 to 8972 bytes",
        ),
        (
            "--packet-size 8973",
            "--packet-size 8973 is not from 16 to 8972 bytes",
        ),
        (
            "--packet-size 1M",
            "--packet-size 1000000 is not from 16 to 8972 bytes",
        ),
        (
            "--frame-size 61",
            "--frame-size 61 is not from 62 to 9018 bytes",
        ),
        (
            "--frame-size 9019",
            "--frame-size 9019 is not from 62 to 9018 bytes",
        ),
        (
            "--packet-size imix",
            "--packet-size imix is not a size such as 1000 or 64KiB",
        ),
        (
            "--packet-size 16 --frame-size imix",
            "--packet-size and --frame-size exclude each other",
        ),
        (
            "--frame-size 61:1,64:1",
            "--frame-size has 61, which is not from 62 to 9018 bytes",
        ),
        (
            "--frame-size 64:1,9019:1",
            "--frame-size has 9019, which is not from 62 to 9018 bytes",
        ),
        (
            "--frame-size imix --vlan 7",
            "--frame-size has 64, which is not from 66 to 9022 bytes",
        ),
        (
            "--frame-size 64:1,128:2,64:3",
            "--frame-size names 64 twice",
        ),
        (
            "--frame-size 64:1,128:0",
            "--frame-size gives 128 a weight of 0",
        ),
        (
            "--frame-size 64:60,128:5",
            "--frame-size has weights of 65 together, and 64 is the most",
        ),
        (
            "--frame-size 64:18446744073709551615,128:1",
            "--frame-size has weights of 18446744073709551615 together",
        ),
        (
            "--frame-size 64:1,65:1,66:1,67:1,68:1,69:1,70:1,71:1,72:1",
            "--frame-size names 9 sizes, and 8 is the most",
        ),
        (
            "--frame-size 64:1,,65:1",
            "--frame-size 64:1,,65:1 has an empty part",
        ),
        (
            "--frame-size 64:1,65",
            "--frame-size 64:1,65 has the part 65, which is no size with its weight",
        ),
        (
            "--frame-size imix --mtu 1499",
            "the largest frame, of 1518 bytes, needs an MTU of 1500, and --mtu is 1499: raise it, \
             or send less with --frame-size",
        ),
        ("--mtu 67", "--mtu 67 is not from 68 to 65000"),
        ("--mtu big", "--mtu"),
        (
            "--rate 1Mpps -R 1",
            "--rate and --rate-limit exclude each other",
        ),
        (
            "--rate 0.000000000001",
            "the value of --rate has too many digits",
        ),
        ("-R 5 -i 0", "--stats-interval-ms must be more than 0"),
    ] {
        let text = sentence(&RT, &format!("{NEEDED} {options}"));
        assert!(text.starts_with(expected), "{text}");
    }
    for (line, expected) in [
        (
            "sendrecv --dest 10.0.0.5:7",
            "--src is missing: give the IP address",
        ),
        (
            "sendrecv --src 10.0.0.4",
            "--dest is missing: give the IP address and port",
        ),
    ] {
        assert!(sentence(&RT, line).starts_with(expected));
    }
}

fn text(line: &str) -> String {
    match parsed(line) {
        Err(Exit::Text(text)) => text,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn help_says_what_there_is() {
    assert_eq!(text("--version"), "dpdkgen-rt 1.2.3\n");
    let top = text("--help");
    for part in [
        "Usage: dpdkgen-rt [EAL options --] COMMAND [OPTIONS]",
        "sendrecv",
        "ports",
        "Exit status: 0 done; 1 ",
    ] {
        assert!(top.contains(part), "{top}");
    }
    let help = text("sendrecv --help");
    for part in [
        "Usage: dpdkgen-rt [EAL options --] sendrecv --src IP --dest IP:PORT [OPTIONS]",
        "Send probes, receive them back and account for every one\n",
        "Probes:\n",
        "Pace:\n",
        "Ports and queues:\n",
        "Output:\n",
        "[alias: --ports]",
        "[default: 32]",
        "dpdkgen-rt -l 0-15 -- sendrecv -p 00:0d:3a:01:02:03 -r 16 -t 16 -s /dev/stdout",
    ] {
        assert!(help.contains(part), "{part}: {help}");
    }
    for line in [&top, &help].into_iter().flat_map(|help| help.lines()) {
        assert!(line.len() <= 120, "{line}");
    }
    let reflect = text("reflect -h");
    assert!(
        !reflect.contains("Probes") && reflect.contains("-l 0-15 -- reflect"),
        "{reflect}"
    );
}

#[test]
fn the_examples_of_the_help_work() {
    for command in ["sendrecv", "reflect"] {
        let help = text(&format!("{command} --help")).replace("\\\n", " ");
        let examples: Vec<_> = help
            .lines()
            .filter_map(|line| line.trim().split_once(" -- "))
            .collect();
        let examples: Vec<_> = examples
            .iter()
            .filter(|(before, _)| before.starts_with("dpdkgen-rt -l"))
            .collect();
        assert!(!examples.is_empty());
        for (_, example) in examples {
            run(example);
        }
    }
}

#[test]
fn where_metrics_are_served() {
    let metrics = |text: &str| run(&format!("{NEEDED} --metrics {text}")).metrics;
    let address = |text: &str| Some(text.parse().unwrap());
    for loopback in ["9464", ":9464", "127.0.0.1:9464"] {
        assert_eq!(metrics(loopback), address("127.0.0.1:9464"), "{loopback}");
    }
    assert_eq!(metrics("[::]:80"), address("[::]:80"));
    for wrong in ["somewhere", "127.0.0.1", "65536", "127.0.0.1:x"] {
        let said = sentence(&RT, &format!("{NEEDED} --metrics {wrong}"));
        assert!(
            said.contains("--metrics") && said.contains("127.0.0.1:9464"),
            "{said}"
        );
    }
}

fn files(line: &str) -> Files {
    match parsed(line) {
        Ok(Command::Report(files)) => files,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn how_many_frames_are_sampled() {
    let sample = |text: &str| run(&format!("{NEEDED} --pcap f --pcap-sample {text}")).pcap_sample;
    assert_eq!((sample("1").get(), sample("1M").get()), (1, 1_000_000));
    for wrong in ["0", "5G", "often"] {
        let said = sentence(&RT, &format!("{NEEDED} --pcap f --pcap-sample {wrong}"));
        assert!(said.contains("--pcap-sample"), "{said}");
    }
}

#[test]
fn a_page_is_named_after_its_rows() {
    let page = |line: &str| files(line).page;
    let file = |name: &str| Target::File(PathBuf::from(name));
    assert_eq!(page("report run.csv"), file("run.html"));
    assert_eq!(page("report out/run"), file("out/run.html"));
    assert_eq!(page("report run.csv -o -"), Target::Stdout);
    assert_eq!(page("report - -o a.html"), file("a.html"));
    let all = files("report run.csv --json run.json --peer there.json --output a.html");
    let expected = Files {
        csv: "run.csv".into(),
        json: Some("run.json".into()),
        peer: Some("there.json".into()),
        page: file("a.html"),
    };
    assert_eq!(all, expected);
}

#[test]
fn a_page_needs_rows_and_a_place_of_its_own() {
    for (line, says) in [
        ("report", "CSV is missing; see `dpdkgen-rt report --help`"),
        ("report -", "name it with -o"),
        ("report run.html", "written over run.html"),
        (
            "report a.csv --json b.json -o b.json",
            "written over b.json",
        ),
        ("report a.csv b.csv", "'b.csv' is an argument too many"),
    ] {
        let sentence = sentence(&RT, line);
        assert!(sentence.contains(says), "{line}: {sentence}");
    }
}

#[test]
fn every_output_has_its_own_place() {
    for (options, says) in [
        (
            "-s - --report -",
            "--stats-file and --report both go to standard output",
        ),
        (
            "--json /dev/stdout --report -",
            "--json and --report both go to standard output",
        ),
        ("--json a --report a", "--json and --report both go to a"),
    ] {
        let sentence = sentence(&RT, &format!("{NEEDED} {options}"));
        assert!(sentence.contains(says), "{options}: {sentence}");
    }
    let all = run(&format!(
        "{NEEDED} -s /dev/null --json /dev/null --report /dev/null"
    ));
    assert_eq!(all.report, Some(Target::File(PathBuf::from("/dev/null"))));
}

#[test]
fn a_reflector_has_no_latencies_to_log() {
    let said = sentence(&RT, "reflect --hdr log");
    assert!(
        said.starts_with("--hdr is an option of sendrecv, and reflect has none"),
        "{said}"
    );
    assert!(run(&format!("{NEEDED} --hdr log")).hdr.is_some());
}
