//! `doctor` on machines that nobody here has: each check has a machine on which it passes and one
//! on which it fails, and says what mends it.

use std::process::Command;
use std::time::Duration;

use dpdkgen_tests::machine::{cpus, dpdkgen_rt};
use dpdkgen_tests::sysroot::{Manifest, Sysroot};
use dpdkgen_tests::{Ended, Link, NEAR, Need, Offload, Program, run, turn};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(30);
/// The NICs to test with of the manifests, as parts of paths.
const MLX5_NIC: &str = "7c1e5225-5ca6-7c1e-5225-5ca67c1e5225";
const MLX5_VF: &str = "1a65:00:02.0";
const MANA_NIC: &str = "f8615163-0001-1000-2000-000d3a8b1c3e";

const IMDS: &str = r#"{"interface":[{"ipv4":{"ipAddress":[{"privateIpAddress":"10.0.0.4"}]},
    "macAddress":"7C1E522555D2"},{"ipv4":{"ipAddress":[{"privateIpAddress":"10.0.1.4"}]},
    "macAddress":"7C1E52255CA6"}]}"#;

fn doctor(manifest: &Manifest, options: &str) -> Ended {
    let sysroot = manifest.unpack();
    let before = sysroot.contents();
    let mut command = Command::new(dpdkgen_rt());
    command.args(["doctor", "--sysroot"]).arg(sysroot.path());
    command.args(options.split_whitespace());
    let ended = run(command, LIMIT);
    assert_eq!(sysroot.contents(), before, "looking changed something");
    assert_eq!(ended.stderr, "", "{ended:?}");
    ended
}

/// Returns the finding of a check on a machine, and checks that the exit status is what the
/// findings say.
fn finding(manifest: &Manifest, options: &str, check: &str) -> Value {
    let ended = doctor(manifest, &format!("--json {options}"));
    let diagnosis: Value = serde_json::from_str(&ended.stdout).expect("one JSON object");
    let findings = diagnosis["findings"].as_array().expect("findings");
    let fails = findings.iter().any(|one| one["verdict"] == "failure");
    assert_eq!(ended.status.code(), Some(fails.into()), "{diagnosis:#}");
    let found = findings.iter().find(|one| one["check"] == check);
    found
        .unwrap_or_else(|| panic!("no {check} in {diagnosis:#}"))
        .clone()
}

/// Checks the verdict of a check on a machine, and that its remedies have these words in them.
#[track_caller]
fn expect(manifest: &Manifest, options: &str, check: &str, verdict: &str, mended_by: &[&str]) {
    let found = finding(manifest, options, check);
    assert_eq!(found["verdict"], verdict, "{found:#}");
    let remedy = found["remedy"].to_string();
    for word in mended_by {
        assert!(remedy.contains(word), "{word} is not in {found:#}");
    }
    let is_mended = verdict == "failure";
    assert!(!is_mended || found["remedy"][0].is_string(), "{found:#}");
    assert!(
        !is_mended || check == "management" || found["consequence"].is_string(),
        "{found:#}"
    );
}

#[test]
fn machines_on_which_all_is_well_pass() {
    let Some(_turn) = turn("machines_on_which_all_is_well_pass", &[]) else {
        return;
    };
    for name in ["azure-mlx5", "azure-mana", "bare-metal"] {
        let ended = doctor(&Manifest::read(name), "").ok();
        assert!(
            ended.stdout.contains("0 failures, 0 warnings"),
            "{name}: {}",
            ended.stdout
        );
    }
    // A laptop has no port for DPDK, which is no failure: software ports work.
    let ended = doctor(&Manifest::read("laptop"), "").ok();
    assert!(ended.stdout.contains("--no-huge"), "{}", ended.stdout);
}

#[test]
fn a_fresh_machine_on_azure_is_told_all_that_it_lacks() {
    let Some(_turn) = turn("a_fresh_machine_on_azure_is_told_all_that_it_lacks", &[]) else {
        return;
    };
    let fresh = Manifest::read("azure-mlx5-fresh");
    let ended = doctor(&fresh, "").with_status(1);
    let text = &ended.stdout;
    for line in [
        "modprobe uio_hv_generic",
        "echo f8615163-df3e-46c5-913f-f2d2f965ed0e > /sys/bus/vmbus/drivers/uio_hv_generic/new_id",
        "ip link set eth1 down",
        "echo 7c1e5225-5ca6-7c1e-5225-5ca67c1e5225 > /sys/bus/vmbus/drivers/hv_netvsc/unbind",
        "echo 7c1e5225-5ca6-7c1e-5225-5ca67c1e5225 > /sys/bus/vmbus/drivers/uio_hv_generic/bind",
        "echo 1024 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages",
    ] {
        assert!(
            text.contains(&format!("do: {line}\n")),
            "{line} is not in {text}"
        );
    }
    // The gravest come first.
    let marks: Vec<&str> = text.lines().filter_map(|line| line.get(..4)).collect();
    let last_failure = marks.iter().rposition(|mark| *mark == "FAIL");
    let first_other = marks
        .iter()
        .position(|mark| ["warn", "ok  "].contains(mark));
    assert!(last_failure < first_other, "{text}");
    expect(&fresh, "", "clock", "warning", &[]);
    expect(&fresh, "", "vf", "ok", &[]);
}

#[test]
fn what_the_machine_is_managed_by_is_never_to_be_taken() {
    let Some(_turn) = turn("what_the_machine_is_managed_by_is_never_to_be_taken", &[]) else {
        return;
    };
    let mlx5 = Manifest::read("azure-mlx5");
    for name in [
        "eth0",
        "7c:1e:52:25:55:d2",
        "7c1e5225-55d2-7c1e-5225-55d27c1e5225",
    ] {
        let nic = format!("--nic {name}");
        expect(&mlx5, &nic, "management", "failure", &["--nic"]);
        expect(
            &mlx5,
            &nic,
            "binding",
            "failure",
            &["az network nic create"],
        );
    }
    expect(&mlx5, "--nic eth7", "management", "failure", &["--nic"]);
    expect(&mlx5, "--nic 7c:1e:52:25:5c:a6", "management", "ok", &[]);
    // By the SSH connection alone.
    let no_default = mlx5.clone().replace(
        "\\neth0\\t00000000\\t0100000A",
        "\\neth0\\t00000063\\t0100000A",
    );
    expect(
        &no_default,
        "--nic eth0",
        "management",
        "failure",
        &["--nic"],
    );
    let nothing = no_default.without("/proc/net/tcp");
    expect(&nothing, "", "management", "note", &[]);
}

#[test]
fn what_azures_vf_needs() {
    let Some(_turn) = turn("what_azures_vf_needs", &[]) else {
        return;
    };
    let (mlx5, mana) = (Manifest::read("azure-mlx5"), Manifest::read("azure-mana"));
    for check in ["vf", "vf-driver", "verbs", "drivers", "binding"] {
        expect(&mlx5, "", check, "ok", &[]);
        expect(&mana, "", check, "ok", &[]);
    }
    // The VF of the NIC to test with is missing.
    let missing = mlx5
        .clone()
        .without(MLX5_VF)
        .without("enP6757s2")
        .without("mlx5_1");
    expect(
        &missing,
        "",
        "vf",
        "failure",
        &["--accelerated-networking true"],
    );
    expect(&missing, "", "vf-driver", "ok", &[]);
    // It is there, and its driver is not.
    let idle = mlx5
        .clone()
        .without("1a65:00:02.0/driver")
        .without("enP6757s2");
    expect(&idle, "", "vf-driver", "failure", &["modprobe mlx5_core"]);
    expect(&idle, "", "vf", "not-applicable", &[]);
    // No verbs, and a kernel that has none.
    let no_verbs = mlx5.clone().without("mlx5_1");
    expect(&no_verbs, "", "verbs", "failure", &["modprobe mlx5_ib"]);
    let no_users = mlx5.clone().without("/dev/infiniband");
    expect(&no_users, "", "verbs", "failure", &["modprobe ib_uverbs"]);
    let other_kernel = no_verbs
        .replace("mlx5_ib 1 0 - Live 0x0\\n", "")
        .replace("mlx5_ib.ko.zst", "x.ko.zst");
    let install = "linux-modules-extra-azure";
    expect(
        &other_kernel,
        "",
        "verbs",
        "failure",
        &[install, "modprobe mlx5_ib"],
    );
    // MANA's interface has to be down.
    let up = mana.clone().replace("flags: 0x1002", "flags: 0x1003");
    expect(
        &up,
        "",
        "vf-driver",
        "failure",
        &["ip link set enP30832s1d1 down"],
    );
    let mlx5_up = mlx5
        .clone()
        .replace("enP6757s2/flags: 0x1003", "enP6757s2/flags: 0x1002");
    expect(&mlx5_up, "", "vf-driver", "ok", &[]);
    // Drivers of DPDK's, and what they load.
    let no_mana = mana.clone().without("librte_net_mana");
    expect(&no_mana, "", "drivers", "failure", &["24.11"]);
    let no_netvsc = mlx5.clone().without("librte_net_netvsc");
    expect(&no_netvsc, "", "drivers", "failure", &["librte-meta-net"]);
    let no_library = mlx5.clone().without("libmlx5-rdmav");
    expect(
        &no_library,
        "",
        "drivers",
        "failure",
        &["ibverbs-providers"],
    );
    let nothing = mlx5.without("/dpdk/pmds");
    expect(&nothing, "", "drivers", "failure", &["apt-get install"]);
}

#[test]
fn what_binds_a_nic_to_dpdk() {
    let Some(_turn) = turn("what_binds_a_nic_to_dpdk", &[]) else {
        return;
    };
    let (mlx5, mana) = (Manifest::read("azure-mlx5"), Manifest::read("azure-mana"));
    let kernels = |manifest: Manifest, nic: &str| {
        manifest.replace(
            &format!("{nic}/driver -> ../../drivers/uio_hv_generic"),
            &format!("{nic}/driver -> ../../drivers/hv_netvsc"),
        )
    };
    let unbind = format!("echo {MLX5_NIC} > /sys/bus/vmbus/drivers/hv_netvsc/unbind");
    expect(
        &kernels(mlx5.clone(), MLX5_NIC),
        "",
        "binding",
        "failure",
        &[&unbind],
    );
    let down = "ip link set enP30832s1d1 down";
    expect(
        &kernels(mana.clone(), MANA_NIC),
        "",
        "binding",
        "failure",
        &[down],
    );
    let other_kernel = kernels(mlx5.clone(), MLX5_NIC)
        .replace("uio_hv_generic 16384 0 - Live 0x0\\n", "")
        .replace("uio_hv_generic.ko", "x.ko");
    let install = "linux-modules-extra-azure";
    expect(
        &other_kernel,
        "",
        "binding",
        "failure",
        &[install, "modprobe uio_hv_generic"],
    );
    let one = mlx5.clone().without(MLX5_NIC);
    expect(&one, "", "binding", "failure", &["az network nic create"]);
    // Rings, and what MANA wants.
    expect(&mlx5, "", "queues", "ok", &[]);
    expect(
        &mlx5.clone().without("15/ring").with(&format!(
            "/sys/bus/vmbus/devices/{MLX5_NIC}/channels/15/cpu: 0"
        )),
        "",
        "queues",
        "warning",
        &["kernel"],
    );
    expect(&mana, "", "queues", "note", &[]);
    // The EAL is told of the VF alone.
    expect(
        &mlx5,
        "",
        "eal-options",
        "note",
        &["-a 1a65:00:02.0 ", "-p 7c:1e:52:25:5c:a6"],
    );
    expect(
        &mana,
        "",
        "eal-options",
        "note",
        &["-a 7870:00:00.0,mac=00:0d:3a:8b:1c:3e "],
    );
    // Elsewhere.
    let metal = Manifest::read("bare-metal");
    expect(&metal, "", "binding", "ok", &[]);
    let free = metal
        .clone()
        .with("/sys/bus/pci/devices/0000:03:00.1/driver -> ../../drivers/i40e");
    expect(
        &free,
        "",
        "binding",
        "warning",
        &["dpdk-devbind.py --bind=vfio-pci 0000:03:00.1"],
    );
    let shared = metal
        .clone()
        .replace(
            "devices/0000:03:00.1/vendor: 0x8086",
            "devices/0000:03:00.1/vendor: 0x15b3",
        )
        .without("03:00.1/driver");
    expect(&shared, "", "binding", "warning", &["modprobe mlx5_core"]);
    expect(&metal.without("03:00.1"), "", "binding", "note", &[]);
    // A host's WSL has one NIC on VMBus, and no Azure around it.
    let elsewhere = mlx5.without(MLX5_NIC).without("/sys/class/dmi");
    expect(&elsewhere, "", "binding", "note", &[]);
    expect(&elsewhere, "", "iova", "not-applicable", &[]);
}

#[test]
fn what_vfio_needs() {
    let Some(_turn) = turn("what_vfio_needs", &[]) else {
        return;
    };
    let metal = Manifest::read("bare-metal");
    expect(&metal, "", "iommu", "ok", &[]);
    expect(&metal, "", "locked-memory", "ok", &[]);
    let off = metal.clone().without("iommu_groups").without("iommu_group");
    expect(&off, "", "iommu", "failure", &["intel_iommu=on"]);
    let unbound = off
        .clone()
        .with("/sys/bus/pci/devices/0000:03:00.1/driver -> ../../drivers/virtio-pci");
    expect(&unbound, "", "iommu", "warning", &["intel_iommu=on"]);
    let without = off.with("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode: Y");
    expect(&without, "", "iommu", "ok", &[]);
    let unloaded = metal
        .clone()
        .without("drivers/vfio-pci")
        .without("/proc/modules")
        .with("/sys/bus/pci/devices/0000:03:00.1/driver -> ../../drivers/i40e");
    expect(&unloaded, "", "iommu", "warning", &["modprobe vfio-pci"]);
    expect(
        &metal.clone().without("/dev/vfio"),
        "",
        "iommu",
        "failure",
        &["/dev/vfio"],
    );
    let limited = metal.replace(
        "unlimited            unlimited",
        "8388608              8388608",
    );
    expect(&limited, "", "locked-memory", "warning", &["memlock"]);
    let root = limited.replace("Uid:\\t1000\\t1000", "Uid:\\t0\\t0");
    expect(&root, "", "locked-memory", "ok", &[]);
}

#[test]
fn memory_cpus_clock_and_version() {
    let Some(_turn) = turn("memory_cpus_clock_and_version", &[]) else {
        return;
    };
    let (mlx5, metal) = (Manifest::read("azure-mlx5"), Manifest::read("bare-metal"));
    let free = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages: 0";
    // Those that are taken stay.
    let more = "echo 2048 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
    expect(&mlx5, "", "hugepages", "ok", &[]);
    expect(
        &mlx5.clone().with(free),
        "",
        "hugepages",
        "failure",
        &[more],
    );
    let node = "/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/free_hugepages: 0";
    expect(&metal, "", "hugepages", "ok", &[]);
    expect(
        &metal.clone().with(node),
        "",
        "hugepages",
        "warning",
        &["/node1/"],
    );
    expect(
        &Manifest::read("laptop"),
        "",
        "hugepages",
        "warning",
        &["nr_hugepages"],
    );

    expect(&mlx5, "", "iova", "ok", &[]);
    let user = mlx5.clone().replace("Uid:\\t0\\t0", "Uid:\\t1000\\t1000");
    expect(&user, "", "iova", "warning", &["sudo"]);
    let groups = mlx5.clone().with("/sys/kernel/iommu_groups/0/");
    expect(&groups, "", "iova", "warning", &["--iova-mode=pa"]);
    expect(&metal, "", "iova", "not-applicable", &[]);

    expect(&mlx5, "", "cpus", "ok", &[]);
    let one = mlx5
        .clone()
        .replace("Cpus_allowed_list:\\t0-7", "Cpus_allowed_list:\\t3");
    expect(&one, "", "cpus", "warning", &["CPUs"]);

    expect(&mlx5, "", "clock", "ok", &[]);
    let drifting = mlx5.clone().replace(" nonstop_tsc", "");
    expect(&drifting, "", "clock", "warning", &[]);
    let slow = drifting.replace("hyperv_clocksource_tsc_page", "acpi_pm");
    expect(&slow, "", "clock", "warning", &["available_clocksource"]);

    expect(&mlx5, "", "dpdk", "ok", &[]);
    let old = mlx5.clone().replace("Version: 24.11.8", "Version: 23.11.0");
    expect(&old, "", "dpdk", "warning", &["stable"]);
    let debian = mlx5.replace("Version: 24.11.8", "Version: 22.11.11");
    expect(&debian, "", "dpdk", "note", &["stable"]);
    expect(&metal, "", "dpdk", "ok", &[]);
}

#[test]
fn all_lcores_leave_none_to_the_interrupt_thread() {
    let Some(_turn) = turn("all_lcores_leave_none_to_the_interrupt_thread", &[]) else {
        return;
    };
    let sysroot = Manifest::read("azure-mlx5").unpack();
    for (list, says) in [("0-7", "-l 1-7"), ("1-7", "8 CPUs")] {
        let mut command = Command::new(dpdkgen_rt());
        command
            .args(["-l", list, "--", "doctor", "--sysroot"])
            .arg(sysroot.path());
        let ended = run(command, LIMIT).ok();
        let line = format!("-l {list} does not say {says}: {}", ended.stdout);
        assert!(ended.stdout.contains(says), "{line}");
    }
}

#[test]
fn the_source_address_is_held_against_what_the_metadata_service_told() {
    let name = "the_source_address_is_held_against_what_the_metadata_service_told";
    let Some(_turn) = turn(name, &[]) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("imds.json");
    std::fs::write(&file, IMDS).expect("a file");
    let imds = format!("--imds {}", file.display());
    let mlx5 = Manifest::read("azure-mlx5");
    let check = "source-address";
    expect(&mlx5, "", check, "not-applicable", &["curl"]);
    expect(&mlx5, &imds, check, "note", &[]);
    expect(&mlx5, &format!("{imds} --src 10.0.1.4"), check, "ok", &[]);
    // That of the NIC that the machine is managed by is another's.
    for src in ["10.0.0.4", "192.0.2.1"] {
        expect(
            &mlx5,
            &format!("{imds} --src {src}"),
            check,
            "failure",
            &["--ip-forwarding"],
        );
    }
    expect(
        &Manifest::read("laptop"),
        &imds,
        check,
        "not-applicable",
        &[],
    );
}

/// Runs `doctor` on a machine that it may change, with an answer to its question.
fn mend(sysroot: &Sysroot, options: &str, answer: &str) -> Ended {
    let mut command = Command::new(dpdkgen_rt());
    command.args(["doctor", "--sysroot"]).arg(sysroot.path());
    command.args(options.split_whitespace());
    let mut program = Program::start_with_open_input(command);
    program.type_in(answer);
    program.wait(LIMIT)
}

#[test]
fn what_is_mended_was_shown_and_agreed_to_and_can_be_undone() {
    let name = "what_is_mended_was_shown_and_agreed_to_and_can_be_undone";
    let Some(_turn) = turn(name, &[]) else {
        return;
    };
    let sysroot = Manifest::read("azure-mlx5-fresh").unpack();
    let before = sysroot.contents();
    let read = |path: &str| {
        let text = std::fs::read_to_string(sysroot.path().join(path));
        text.unwrap_or_default().trim().to_owned()
    };
    let drivers = "sys/bus/vmbus/drivers";
    let pages = "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";

    // Not agreed to.
    for answer in ["n\n", "\n", "yeah\n"] {
        let ended = mend(&sysroot, "--fix --nic eth1", answer).with_status(1);
        assert!(
            ended.stdout.contains("Nothing was done"),
            "{}",
            ended.stdout
        );
        assert_eq!(sysroot.contents(), before);
    }
    // Not named, or not to be taken: no NIC is bound.
    for options in ["--fix --yes", "--fix --yes --nic eth0"] {
        let _ = mend(&sysroot, options, "").with_status(1);
        assert_eq!(read(&format!("{drivers}/uio_hv_generic/bind")), "");
        assert_eq!(read(pages), "1024");
        let _ = mend(&sysroot, "--undo", "").ok();
        assert_eq!(read(pages), "0");
    }
    let ended = mend(&sysroot, "--fix --nic eth1", "y\n");
    for command in [
        "modprobe uio_hv_generic (not done)",
        "ip link set eth1 down (not done)",
    ] {
        assert!(ended.stdout.contains(command), "{}", ended.stdout);
    }
    for file in ["uio_hv_generic/bind", "hv_netvsc/unbind"] {
        assert_eq!(read(&format!("{drivers}/{file}")), MLX5_NIC);
    }
    assert_eq!(read(pages), "1024");
    let undone = mend(&sysroot, "--undo", "").ok();
    let bind = format!("echo {MLX5_NIC} > /sys/bus/vmbus/drivers/hv_netvsc/bind");
    assert!(undone.stdout.contains(&bind), "{}", undone.stdout);
    assert_eq!(read(&format!("{drivers}/hv_netvsc/bind")), MLX5_NIC);
    assert_eq!(read(&format!("{drivers}/uio_hv_generic/unbind")), MLX5_NIC);
    assert_eq!(read(pages), "0");
    let again = mend(&sysroot, "--undo", "").ok();
    assert!(again.stdout.contains("nothing"), "{}", again.stdout);
}

#[test]
fn what_dpdk_logs_in_a_run_is_explained_once() {
    let Some(_turn) = turn("what_dpdk_logs_in_a_run_is_explained_once", &[]) else {
        return;
    };
    let mut command = Command::new(dpdkgen_rt());
    let eal = format!(
        "-l {} --no-pci --no-huge -m 256 --no-shconf --vdev=net_vdev_netvsc0,iface=nosuch0 \
         --vdev=net_vdev_netvsc1,iface=nosuch1 --vdev=net_ring0 -- sendrecv --quiet --through \
         -p net_ring0 --src 10.0.0.1 --dest 10.0.0.2:10000 --count 10 --drain-ms 10",
        cpus()[0]
    );
    command.args(eal.split_whitespace());
    let ended = run(command, LIMIT).ok();
    let said = &ended.stderr;
    let lines = said
        .matches("Cannot find the specified netvsc device")
        .count();
    assert_eq!(lines, 2, "{said}");
    assert_eq!(said.matches("ignore=1").count(), 1, "{said}");
    assert!(said.contains("dpdkgen-rt: DPDK: "), "{said}");
    assert!(said.contains("; that is, "), "{said}");
}

#[test]
fn a_log_is_explained() {
    let Some(_turn) = turn("a_log_is_explained", &[]) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("testpmd.log");
    let explain = |log: &str| {
        std::fs::write(&file, log).expect("a file");
        let mut command = Command::new(dpdkgen_rt());
        command.args(["doctor", "--log"]).arg(&file);
        run(command, LIMIT)
    };
    let known = explain(
        "EAL: Selected IOVA mode 'PA'\nhn_vf_attach(): Couldn't find port for VF\n\
         mana_start_tx_queues(): Failed to create qp queue index 0\n",
    )
    .with_status(1);
    for word in ["net_mana", "ip link set enP... down", "vf-driver"] {
        assert!(known.stdout.contains(word), "{}", known.stdout);
    }
    let unknown = explain("EAL: Selected IOVA mode 'PA'\n").ok();
    assert!(
        unknown.stdout.contains("source-address"),
        "{}",
        unknown.stdout
    );
}

#[test]
fn this_machine_is_examined_without_a_start_of_the_eal() {
    let needs = [Need::Namespaces];
    let Some(_turn) = turn(
        "this_machine_is_examined_without_a_start_of_the_eal",
        &needs,
    ) else {
        return;
    };
    // In a namespace without a route, where the answer must not be that there is one.
    let link = Link::new(Offload::Off);
    let mut command = Command::new(dpdkgen_rt());
    command.args(["doctor", "--json"]);
    let ended = run(link.inside(NEAR, &command), LIMIT);
    let diagnosis: Value = serde_json::from_str(&ended.stdout).expect("one JSON object");
    let findings = diagnosis["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 17, "{diagnosis:#}");
    let management = findings.iter().find(|one| one["check"] == "management");
    assert_eq!(
        management.expect("a finding")["verdict"],
        "note",
        "{diagnosis:#}"
    );
    let drivers = findings.iter().find(|one| one["check"] == "drivers");
    assert_eq!(
        drivers.expect("a finding")["verdict"],
        "ok",
        "{diagnosis:#}"
    );
    assert_eq!(ended.stderr, "");
}

#[test]
fn options_that_cannot_be_met_are_refused() {
    let Some(_turn) = turn("options_that_cannot_be_met_are_refused", &[]) else {
        return;
    };
    for (options, says) in [
        ("--sysroot /dev/null", "--sysroot"),
        ("--imds /nowhere", "--imds"),
        ("--log /nowhere", "--log"),
        ("--log /dev/null --json", "exclude"),
        ("--yes", "--fix"),
        ("--fix --undo", "exclude"),
        ("--imds /proc/version", "metadata service"),
        ("--src soon", "--src"),
        ("--frobnicate", "doctor --help"),
    ] {
        let mut command = Command::new(dpdkgen_rt());
        command.arg("doctor").args(options.split_whitespace());
        let ended = run(command, LIMIT).with_status(2);
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
}
