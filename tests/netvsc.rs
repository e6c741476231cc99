//! Runs over a port that behaves as netvsc with a VF does (`tests/netvsc`): what its drivers are
//! asked for, and what a run says of them.

use std::thread;
use std::time::{Duration, Instant};

use dpdkgen_tests::machine::{cpus, two_cpus};
use dpdkgen_tests::sysroot::Manifest;
use dpdkgen_tests::{
    Ended, Memif, Need, Netvsc, Program, Rows, Summary, check_reflect, check_sendrecv, ports, run,
    turn,
};

const LIMIT: Duration = Duration::from_secs(30);
/// A wire that gives back what is sent on each queue on the same queue.
const LOOP: &str = "net_ring0";
/// The options of a short run over it.
const THROUGH: &str = "sendrecv --src 10.0.0.1 --dest 10.0.0.2:10000 --dest-mac 02:00:00:00:00:02 \
                       --through --rate 10kpps --count 2000 --drain-ms 200";
const SENDRECV: &str = "sendrecv --src 10.0.0.1 --dest 10.0.0.2:10000 --dest-mac 02:00:00:00:00:02";
/// What 16 queues have to do with, in MiB: without hugepages a buffer takes a page of 4 KiB, so this
/// is less than 200 MB with them.
const MIB: u32 = 320;

fn ended(netvsc: &Netvsc, arguments: &str) -> Ended {
    run(
        netvsc.dpdkgen(&cpus()[0].to_string(), MIB, arguments),
        LIMIT,
    )
}

/// Returns what the drivers were asked for in lines that begin with `what`.
fn asked_for(netvsc: &Netvsc, what: &str) -> Vec<String> {
    let lines = netvsc.asked_for().into_iter();
    lines.filter(|line| line.starts_with(what)).collect()
}

/// Carries out a run that loops back, and returns its summary, checked.
fn looped(netvsc: &Netvsc, options: &str) -> (Ended, Summary) {
    let (json, csv) = (netvsc.file("s.json"), netvsc.file("s.csv"));
    let files = format!("--json {} -s {}", ports::text(&json), ports::text(&csv));
    let ended = ended(netvsc, &format!("{THROUGH} {options} {files}")).ok();
    let summary = Summary::read(&json);
    check_sendrecv(&summary, &Rows::read(&csv));
    (ended, summary)
}

#[test]
fn each_of_16_queues_has_the_descriptors_asked_for() {
    let needs = [Need::DriverHeaders];
    let Some(_turn) = turn("each_of_16_queues_has_the_descriptors", &needs) else {
        return;
    };
    let expected: Vec<_> = (0..16)
        .map(|queue| format!("vf rx_queue {queue} descriptors 1024: 0"))
        .collect();
    for vf in ["mlx5_pci", "net_mana"] {
        let netvsc = Netvsc::new(LOOP, vf, "", "");
        let (_, sent) = looped(&netvsc, "-r 16");
        assert_eq!(sent.count("lost"), 0, "{sent:?}");
        assert_eq!(asked_for(&netvsc, "vf rx_queue"), expected, "{vf}");

        let netvsc = Netvsc::new(LOOP, vf, "", "");
        let _ = ended(&netvsc, "reflect -r 16 -t 16 --duration 0.2").ok();
        assert_eq!(asked_for(&netvsc, "vf rx_queue"), expected, "{vf}");
        // mlx5 is told what to spread by as it is configured, MANA afterwards.
        let spread = ["vf spreads by ipv4 ipv4-udp ipv6"];
        let afterwards = if vf == "net_mana" { &spread[..] } else { &[] };
        assert_eq!(asked_for(&netvsc, "vf spreads"), afterwards);
    }
}

/// Before DPDK 26.03 the host refuses the channels of a second configuration.
#[test]
fn the_port_is_configured_once_and_its_mtu_is_not_raised_unasked() {
    let needs = [Need::DriverHeaders];
    let Some(_turn) = turn("the_port_is_configured_once", &needs) else {
        return;
    };
    for release in ["release=2211", "release=2411"] {
        for arguments in [
            "reflect -r 2 -t 2 --duration 0.2".to_owned(),
            format!("{THROUGH} -r 2 -t 2"),
        ] {
            let netvsc = Netvsc::new(LOOP, "mlx5_pci", "", release);
            let _ = ended(&netvsc, &arguments).ok();
            let [port, vf] = ["configure", "vf configure"].map(|what| asked_for(&netvsc, what));
            assert_eq!(port, ["configure rx 2 tx 2 mtu 1500"], "{arguments}");
            assert_eq!(vf, ["vf configure rx 2 tx 2 mtu 1500"], "{arguments}");
            assert!(asked_for(&netvsc, "mtu").is_empty(), "{arguments}");
        }
    }
}

#[test]
fn a_payload_that_needs_a_larger_mtu_has_it_or_is_refused() {
    let needs = [Need::DriverHeaders];
    let Some(_turn) = turn("a_payload_that_needs_a_larger_mtu", &needs) else {
        return;
    };
    let netvsc = Netvsc::new(LOOP, "mlx5_pci", "", "release=2411");
    let (_, sent) = looped(&netvsc, "-r 2 -t 2 --packet-size 3000");
    assert_eq!(sent.count("lost"), 0, "{sent:?}");
    // And put back, since the kernel's interface of the VF keeps it.
    assert_eq!(asked_for(&netvsc, "mtu"), ["mtu 3028: 0", "mtu 1500: 0"]);
    assert_eq!(asked_for(&netvsc, "configure").len(), 1);

    let netvsc = Netvsc::new(LOOP, "mlx5_pci", "", "release=2211");
    let refused = ended(&netvsc, &format!("{SENDRECV} --packet-size 3000")).with_status(2);
    let said = refused.stderr;
    assert!(
        said.contains("cannot change that of a netvsc port"),
        "{said}"
    );
    assert_eq!(asked_for(&netvsc, "configure").len(), 1);
}

#[test]
fn over_a_mana_vf_there_are_as_many_transmit_queues_or_a_refusal() {
    let needs = [Need::DriverHeaders];
    let Some(_turn) = turn("over_a_mana_vf_there_are_as_many", &needs) else {
        return;
    };
    let netvsc = Netvsc::new(LOOP, "net_mana", "", "");
    let (ended_well, sent) = looped(&netvsc, "-r 8 -t 1");
    assert_eq!(sent.count("lost"), 0, "{sent:?}");
    assert_eq!(
        asked_for(&netvsc, "vf configure"),
        ["vf configure rx 8 tx 8 mtu 1500"]
    );
    let said = ended_well.stdout;
    assert!(
        said.contains("8 transmit queues") && said.contains("net_mana"),
        "{said}"
    );

    let netvsc = Netvsc::new(LOOP, "net_mana", "", "");
    let said = ended(&netvsc, &format!("{SENDRECV} -r 15 -t 1"))
        .with_status(2)
        .stderr;
    assert!(
        said.contains("net_mana") && said.contains("-r and -t"),
        "{said}"
    );
    assert!(asked_for(&netvsc, "configure").is_empty());
}

#[test]
fn what_the_vf_misses_is_told_by_mlx5_and_not_by_mana() {
    let needs = [Need::DriverHeaders];
    let Some(_turn) = turn("what_the_vf_misses_is_told", &needs) else {
        return;
    };
    let netvsc = Netvsc::new(LOOP, "mlx5_pci", "miss_one_in=10", "");
    let (_, sent) = looped(&netvsc, "");
    let device = |key: &str| sent.get("device").and_then(|all| all[0].get(key).cloned());
    assert_eq!(sent.count("lost"), 200, "{sent:?}");
    assert_eq!(device("imissed"), Some(200.into()), "{sent:?}");

    let netvsc = Netvsc::new(LOOP, "net_mana", "miss_one_in=10", "");
    let (ended, sent) = looped(&netvsc, "");
    let device = |key: &str| sent.get("device").and_then(|all| all[0].get(key).cloned());
    assert_eq!(sent.count("lost"), 200, "{sent:?}");
    assert_eq!(device("imissed"), None, "{sent:?}");
    assert_eq!(device("vf_driver"), Some("net_mana".into()), "{sent:?}");
    let said = ended.stdout;
    assert!(said.contains("not told by the net_mana driver"), "{said}");
}

#[test]
fn an_mtu_that_is_asked_for_is_set_and_put_back_or_refused() {
    let needs = [Need::DriverHeaders];
    let Some(_turn) = turn("an_mtu_that_is_asked_for_is_set", &needs) else {
        return;
    };
    let reflect = |release: &str, mtu: u16| {
        let netvsc = Netvsc::new(LOOP, "mlx5_pci", "max_mtu=3900", release);
        let json = netvsc.file("r.json");
        let arguments = format!(
            "reflect -r 2 -t 2 --duration 0.2 --mtu {mtu} --json {}",
            ports::text(&json)
        );
        let ended = ended(&netvsc, &arguments);
        assert_eq!(asked_for(&netvsc, "configure").len(), 1);
        let told = json.is_file().then(|| Summary::read(&json));
        (ended, asked_for(&netvsc, "mtu"), told)
    };
    let (ended, asked, told) = reflect("release=2411", 3000);
    let _ = ended.ok();
    assert_eq!(asked, ["mtu 3000: 0", "mtu 1500: 0"]);
    assert_eq!(told.expect("totals").count("config.mtu"), 3000);

    let (ended, asked, _) = reflect("release=2411", 8000);
    let said = ended.with_status(2).stderr;
    assert!(
        said.contains("8000") && said.contains("mlx5_pci refuses it"),
        "{said}"
    );
    assert_eq!(asked, ["mtu 8000: -22"]);

    let (ended, asked, _) = reflect("release=2211", 3000);
    let said = ended.with_status(2).stderr;
    assert!(
        said.contains("cannot change that of a netvsc port"),
        "{said}"
    );
    assert!(said.contains("--mtu 3000"), "{said}");
    assert!(asked.is_empty());

    // It has that already.
    let (ended, asked, _) = reflect("release=2211", 1500);
    let _ = ended.ok();
    assert!(asked.is_empty());
}

const SECOND: Duration = Duration::from_secs(1);

/// A VF is attached by netvsc some time after the EAL has started.
#[test]
fn a_vf_that_the_machine_has_is_waited_for() {
    let needs = [Need::DriverHeaders, Need::Root, Need::Program("unshare")];
    let Some(_turn) = turn("a_vf_that_the_machine_has_is_waited_for", &needs) else {
        return;
    };
    // DPDK looks at all buses.
    let machine = Manifest::read("azure-mlx5")
        .with("/sys/bus/platform/devices/")
        .unpack();
    let start = |netvsc: &Netvsc| {
        let (json, csv) = (netvsc.file("s.json"), netvsc.file("s.csv"));
        let files = format!("--json {} -s {}", ports::text(&json), ports::text(&csv));
        let arguments = format!("{THROUGH} {files}");
        let command = netvsc.dpdkgen(&cpus()[0].to_string(), MIB, &arguments);
        netvsc.set_vf(false);
        Program::start(Netvsc::on(&machine, &command))
    };
    let rows = |netvsc: &Netvsc| {
        let rows = Rows::read(&netvsc.file("s.csv"));
        check_sendrecv(&Summary::read(&netvsc.file("s.json")), &rows);
        rows
    };
    let late = Netvsc::new(LOOP, "mlx5_pci", "", "");
    let program = start(&late);
    thread::sleep(SECOND);
    late.set_vf(true);
    assert_eq!(program.wait(LIMIT).ok().stderr, "");
    assert!(rows(&late).paths().iter().all(|path| *path == "vf"));
    let lines = late.asked_for();
    let [added, configured] = ["vf added", "configure"].map(|what| {
        let found = lines.iter().position(|line| line.starts_with(what));
        found.unwrap_or_else(|| panic!("no {what} in {lines:?}"))
    });
    assert!(added < configured, "{lines:?}");

    let never = Netvsc::new(LOOP, "mlx5_pci", "", "");
    let begin = Instant::now();
    let said = start(&never).wait(LIMIT).ok().stderr;
    assert!(begin.elapsed() > 3 * SECOND);
    for part in [
        "net_netvsc0",
        "1a65:00:02.0",
        "mlx5_pci",
        "1 Mpps",
        "one receive queue",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(rows(&never).paths().iter().all(|path| *path == "synthetic"));

    // No VF, nothing to wait for.
    let none = Netvsc::new(LOOP, "mlx5_pci", "", "");
    none.set_vf(false);
    let begin = Instant::now();
    let said = ended(&none, THROUGH).ok().stderr;
    assert!(begin.elapsed() < 3 * SECOND);
    assert!(
        said.contains("goes without a VF") && said.contains("1 Mpps"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// The VF of the NIC that the machine is managed by: with it an SSH connection would go.
#[test]
fn the_vf_of_a_nic_that_the_kernel_has_is_refused() {
    let needs = [Need::DriverHeaders, Need::Root, Need::Program("unshare")];
    let Some(_turn) = turn("the_vf_of_a_nic_that_the_kernel_has", &needs) else {
        return;
    };
    let managed = Netvsc::new(LOOP, "mlx5_pci", "mac=7c:1e:52:25:55:d2", "");
    // DPDK looks at all buses.
    let machine = Manifest::read("azure-mlx5")
        .with("/sys/bus/platform/devices/")
        .unpack();
    for port in ["-p mlx5_pci0", "-p 7c:1e:52:25:55:d2"] {
        let arguments = format!("reflect {port} --duration 1");
        let command = managed.with_bare_vf(&cpus()[0].to_string(), MIB, &arguments);
        let refused = run(Netvsc::on(&machine, &command), LIMIT).with_status(2);
        assert!(
            refused.stderr.contains("is the VF of eth0"),
            "{}",
            refused.stderr
        );
    }
}

/// Without netvsc there is no other path: the run ends, and what was measured is written.
#[test]
fn a_bare_vf_that_is_taken_away_ends_the_run_in_order() {
    let needs = [Need::DriverHeaders];
    let Some(_turn) = turn("a_bare_vf_that_is_taken_away", &needs) else {
        return;
    };
    // mlx5 says so when it is asked too.
    let send = format!("{SENDRECV} --through --rate 10kpps");
    for (vf, mode) in [
        ("mlx5_pci", send.as_str()),
        ("net_mana", send.as_str()),
        ("net_mana", "reflect"),
    ] {
        let bare = Netvsc::new(LOOP, vf, "", "");
        let (json, csv) = (bare.file("s.json"), bare.file("s.csv"));
        let arguments = format!(
            "{mode} -p {vf}0 --duration 20 --json {} -s {}",
            ports::text(&json),
            ports::text(&csv)
        );
        let cpu = cpus()[0].to_string();
        let mut program = Program::start(bare.with_bare_vf(&cpu, MIB, &arguments));
        program.until("start", LIMIT, |it| it.stdout().contains("Ctrl-C ends"));
        thread::sleep(2 * SECOND);
        bare.set_vf(false);
        let said = program.wait(Duration::from_secs(10)).with_status(1).stderr;
        assert!(
            said.contains(&format!("the device of port {vf}0 was taken away")),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
        let (summary, rows) = (Summary::read(&json), Rows::read(&csv));
        if mode == "reflect" {
            check_reflect(&summary, &rows);
        } else {
            check_sendrecv(&summary, &rows);
            assert!(summary.count("tx.packets") > 0, "{summary:?}");
        }
        assert_eq!(summary.get("stop_reason"), Some(&"removed".into()));
        let events = summary.get("events").and_then(|events| events.get(0));
        assert_eq!(events.map(|event| &event["what"]), Some(&"removed".into()));
    }
}

#[test]
fn a_vf_that_is_taken_away_and_given_back_is_told_with_what_it_cost() {
    let test = "a_vf_that_is_taken_away_and_given_back";
    let Some(_turn) = turn(test, &[Need::DriverHeaders]) else {
        return;
    };
    let memif = Memif::new(12);
    let (near_cpu, far_cpu) = two_cpus();
    let reflect = "reflect -r 2 -t 2";
    let reflector = Program::start(ports::dpdkgen(
        &far_cpu.to_string(),
        &[memif.server(0)],
        reflect,
    ));
    let netvsc = Netvsc::new(
        &memif.client(0),
        "mlx5_pci",
        "miss_one_in=100",
        "external=1",
    );
    let (json, csv) = (netvsc.file("s.json"), netvsc.file("s.csv"));
    let arguments = format!(
        "{SENDRECV} -r 2 -t 2 --rate 4kpps --duration 8 --json {} -s {}",
        ports::text(&json),
        ports::text(&csv)
    );
    let command = netvsc.dpdkgen(&near_cpu.to_string(), MIB, &arguments);
    let mut sender = Program::start(command);
    sender.until("sender", LIMIT, |sender| {
        sender.stdout().contains("Sending on")
    });
    thread::sleep(2 * SECOND);
    netvsc.set_vf(false);
    thread::sleep(3 * SECOND);
    netvsc.set_vf(true);
    let ended = sender.wait(LIMIT).ok();
    let _ = reflector.interrupt().ok();

    let (sent, rows) = (Summary::read(&json), Rows::read(&csv));
    check_sendrecv(&sent, &rows);
    let events = sent.get("events").and_then(|events| events.as_array());
    let happenings: Vec<_> = events.expect("events").iter().map(|e| &e["what"]).collect();
    assert_eq!(happenings, ["VF gone", "VF back"], "{sent:?}");
    let mut paths = rows.paths();
    paths.dedup();
    assert_eq!(paths, ["vf", "mixed", "synthetic", "mixed", "vf"]);

    let count = |name: &str| {
        let device = sent.get("device").and_then(|devices| devices.get(0));
        let found = device.and_then(|device| device.pointer(name)?.as_u64());
        found.unwrap_or_else(|| panic!("no {name} in {sent:?}"))
    };
    // Each packet went by one path or the other, but for those of a VF that nobody asked in time.
    let (synthetic, all) = (count("/synthetic_packets"), {
        sent.count("tx.packets") + sent.count("rx.packets")
    });
    let by_vf = count("/xstats/vf_rx_good_packets") + count("/xstats/vf_tx_good_packets");
    assert!(synthetic > all / 10 && by_vf > all / 10, "{sent:?}");
    assert!((all / 2..=all).contains(&(synthetic + by_vf)), "{sent:?}");
    // What the VF missed is in both sums, once.
    let missed = count("/imissed");
    assert_eq!(missed, count("/xstats/vf_rx_missed_errors"));
    assert!(missed > 0 && missed < sent.count("lost"), "{sent:?}");
    // And what it had when it went is lost, and counted nowhere else.
    assert!(sent.count("lost") > missed + 20, "{sent:?}");
    assert!(sent.count("lost_without_vf") > 20, "{sent:?}");
    let said = ended.stdout;
    for part in [
        "VF gone at ",
        "The VF of port net_netvsc0 was away for ",
        "took the slow path",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(ended.stderr, "");
    // In this order the drivers do it.
    let lines = netvsc.asked_for();
    let told = lines
        .iter()
        .filter(|line| line.starts_with("vf event") || *line == "vf removed");
    let expected = ["INTR_RMV", "DESTROY"].map(|event| format!("vf event {event}"));
    let expected = expected
        .into_iter()
        .chain(["vf removed", "vf event NEW"].map(str::to_owned));
    assert!(told.eq(&expected.collect::<Vec<_>>()), "{lines:?}");
}
