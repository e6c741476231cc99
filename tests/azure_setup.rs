//! `scripts/azure-setup` on machines that nobody here has: it takes the right NIC or none, says what
//! it is about to do, and takes all of it back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use dpdkgen_tests::machine::dpdkgen_rt;
use dpdkgen_tests::sysroot::{Manifest, Sysroot};
use dpdkgen_tests::{Ended, Need, Program, run, turn};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(60);
const MLX5_NIC: &str = "7c1e5225-5ca6-7c1e-5225-5ca67c1e5225";

const UNIT: &str = "etc/systemd/system/dpdkgen-nic.service";
const RECORD: &str = "etc/dpdkgen/test-nic";
const PROGRAM: &str = "usr/local/lib/dpdkgen/dpdkgen-rt";

const IMDS: &str = r#"{"interface":[
    {"ipv4":{"ipAddress":[{"privateIpAddress":"10.0.0.4"}]},"macAddress":"7C1E522555D2"},
    {"ipv4":{"ipAddress":[{"privateIpAddress":"10.0.1.4"},{"privateIpAddress":"10.0.1.5"}]},
     "macAddress":"7C1E52255CA6"}]}"#;

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/azure-setup")
}

fn command(sysroot: &Sysroot, options: &str) -> Command {
    let mut command = Command::new(script());
    command.arg("--program").arg(dpdkgen_rt());
    command.arg("--sysroot").arg(sysroot.path());
    command.args(options.split_whitespace());
    command
}

/// Sets a machine up, with an answer to the question.
fn set_up(sysroot: &Sysroot, options: &str, answer: &str) -> Ended {
    let mut program = Program::start_with_open_input(command(sysroot, options));
    program.type_in(answer);
    program.wait(LIMIT)
}

/// Has the metadata service's answer in a file, and returns the options that name it.
fn imds(folder: &TempDir) -> String {
    let file = folder.path().join("imds.json");
    fs::write(&file, IMDS).expect("a file");
    format!("--imds {}", file.display())
}

fn read(sysroot: &Sysroot, path: &str) -> String {
    let text = fs::read_to_string(sysroot.path().join(path));
    text.unwrap_or_default().trim().to_owned()
}

/// Returns the files of a machine that are not of the kernel's.
fn files(sysroot: &Sysroot) -> Vec<(PathBuf, String)> {
    let mut contents = sysroot.contents();
    contents.retain(|(path, _)| !path.starts_with(sysroot.path().join("sys")));
    contents
}

#[test]
fn what_is_set_up_was_shown_and_agreed_to_and_can_be_undone() {
    let name = "what_is_set_up_was_shown_and_agreed_to_and_can_be_undone";
    let Some(_turn) = turn(name, &[Need::Program("python3")]) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sysroot = Manifest::read("azure-mlx5-fresh").unpack();
    let (before, files_before) = (sysroot.contents(), files(&sysroot));
    for answer in ["n\n", "\n", "yeah\n"] {
        let ended = set_up(&sysroot, &imds(&folder), answer).with_status(1);
        for line in [
            "To test with: eth1, 7c:1e:52:25:5c:a6, 10.0.1.4 10.0.1.5\n",
            "Left alone: eth0 (the default route and an SSH connection)\n",
            "  ip link set eth1 down\n",
            "  systemctl enable dpdkgen-nic.service\n",
            "Nothing was done.\n",
        ] {
            assert!(ended.stdout.contains(line), "{line}: {ended:?}");
        }
        assert_eq!(sysroot.contents(), before);
    }
    // The binding is but shown below another root, so that doctor still finds it missing.
    let ended = set_up(&sysroot, &imds(&folder), "y\n").with_status(1);
    let bind = "sys/bus/vmbus/drivers/uio_hv_generic/bind";
    let pages = "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
    assert_eq!(read(&sysroot, bind), MLX5_NIC);
    assert_eq!(read(&sysroot, pages), "1024");
    let run_with = "-p 7c:1e:52:25:5c:a6 --src 10.0.1.4 ";
    assert!(ended.stdout.contains(run_with), "{ended:?}");
    assert!(sysroot.path().join(PROGRAM).is_file());
    let unit = read(&sysroot, UNIT);
    let start = format!("/{PROGRAM} doctor --fix --yes --nic 7c:1e:52:25:5c:a6\n");
    assert!(unit.contains(&start), "{unit}");

    let undone = run(command(&sysroot, "--undo"), LIMIT).ok();
    assert!(undone.stdout.contains("hv_netvsc/bind"), "{undone:?}");
    assert_eq!(read(&sysroot, pages), "0");
    assert_eq!(files(&sysroot), files_before);
    let again = run(command(&sysroot, "--undo"), LIMIT).ok();
    assert!(again.stdout.contains("nothing"), "{again:?}");
}

#[test]
fn what_the_kernel_no_longer_tells_of_a_nic_is_kept() {
    let name = "what_the_kernel_no_longer_tells_of_a_nic_is_kept";
    let Some(_turn) = turn(name, &[Need::Program("python3")]) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sysroot = Manifest::read("azure-mlx5").unpack();
    let with_imds = format!("--yes {}", imds(&folder));
    let _ = run(command(&sysroot, &with_imds), LIMIT).ok();
    let shell = format!(
        ". {}; echo $mac $address, $addresses, $uuid",
        sysroot.path().join(RECORD).display()
    );
    let mut reader = Command::new("sh");
    reader.args(["-c", &shell]);
    let noted = run(reader, LIMIT).ok().stdout;
    let expected = format!("7c:1e:52:25:5c:a6 10.0.1.4, 10.0.1.4 10.0.1.5, {MLX5_NIC}\n");
    assert_eq!(noted, expected);
    assert_eq!(read(&sysroot, "etc/dpdkgen/imds.json"), IMDS);
    // Without the metadata what is known of the same NIC stays.
    let record = read(&sysroot, RECORD);
    let again = run(command(&sysroot, "--yes"), LIMIT).ok();
    assert!(again.stdout.contains("--src 10.0.1.4 "), "{again:?}");
    assert_eq!(read(&sysroot, RECORD), record);
    // What driverctl was told by hand is not undone behind its back.
    let folder = sysroot.path().join("etc/driverctl.d");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join(format!("vmbus-{MLX5_NIC}")), "uio_hv_generic").expect("a file");
    let undone = run(command(&sysroot, "--undo"), LIMIT).ok();
    let by_hand = format!("driverctl -b vmbus unset-override {MLX5_NIC}\n");
    assert!(undone.stdout.contains(&by_hand), "{undone:?}");
    assert_eq!(read(&sysroot, RECORD), "");
}

#[test]
fn manas_nic_is_found_by_its_mac() {
    let Some(_turn) = turn("manas_nic_is_found_by_its_mac", &[Need::Program("python3")]) else {
        return;
    };
    let up = Manifest::read("azure-mana").replace("flags: 0x1002", "flags: 0x1003");
    let sysroot = up.unpack();
    let ended = set_up(&sysroot, "--nic 00:0D:3A:8B:1C:3E", "n\n").with_status(1);
    for line in [
        "To test with: 00:0d:3a:8b:1c:3e\n",
        "  ip link set enP30832s1d1 down\n",
    ] {
        assert!(ended.stdout.contains(line), "{line}: {ended:?}");
    }
    assert!(!ended.stdout.contains("/bind"), "{ended:?}");
}

/// Checks that a machine is left as it is, with one sentence and this exit status.
#[track_caller]
fn refuse(manifest: &Manifest, options: &str, status: i32, says: &str) {
    let sysroot = manifest.unpack();
    let before = sysroot.contents();
    let ended = run(command(&sysroot, options), LIMIT).with_status(status);
    assert_eq!(ended.stdout, "", "{options}");
    assert!(ended.stderr.contains(says), "{options}: {}", ended.stderr);
    assert_eq!(
        ended.stderr.lines().count(),
        1,
        "{options}: {}",
        ended.stderr
    );
    assert_eq!(sysroot.contents(), before, "{options}");
}

#[test]
fn a_nic_that_must_not_be_taken_or_guessed_is_refused() {
    let name = "a_nic_that_must_not_be_taken_or_guessed_is_refused";
    let Some(_turn) = turn(name, &[Need::Program("python3")]) else {
        return;
    };
    let fresh = Manifest::read("azure-mlx5-fresh");
    for name in [
        "eth0",
        "7C:1E:52:25:55:D2",
        "7c1e5225-55d2-7c1e-5225-55d27c1e5225",
    ] {
        refuse(
            &fresh,
            &format!("--yes --nic {name}"),
            2,
            "cannot be reached",
        );
    }
    refuse(&fresh, "--yes --nic eth7", 2, "there is eth1 7c:1e");
    let single = fresh.clone().without(MLX5_NIC).without("net/eth1");
    refuse(
        &single,
        "--yes",
        1,
        "the only NIC is eth0 (the default route",
    );
    // By the SSH connection alone.
    let no_default = fresh.clone().replace(
        "\\neth0\\t00000000\\t0100000A",
        "\\neth0\\t00000063\\t0100000A",
    );
    refuse(&no_default, "--yes --nic eth0", 2, "an SSH connection");
    let unknown = no_default.without("/proc/net/tcp");
    refuse(&unknown, "--yes", 2, "choose the other one by --nic");
    // A third NIC.
    let third = "/sys/bus/vmbus/devices/7c1e5225-5ca7-7c1e-5225-5ca77c1e5225";
    let three = fresh
        .with(&format!(
            "{third}/class_id: {{f8615163-df3e-46c5-913f-f2d2f965ed0e}}"
        ))
        .with(&format!("{third}/driver -> ../../drivers/hv_netvsc"));
    refuse(&three, "--yes", 2, "more than one NIC");
    for elsewhere in ["laptop", "bare-metal"] {
        refuse(&Manifest::read(elsewhere), "--yes", 1, "no VM of Azure");
    }
}

#[test]
fn options_that_cannot_be_met_are_refused() {
    let name = "azure_setup: options_that_cannot_be_met_are_refused";
    let Some(_turn) = turn(name, &[Need::Program("python3")]) else {
        return;
    };
    let fresh = Manifest::read("azure-mlx5-fresh");
    for (options, says) in [
        ("--frobnicate", "--help"),
        ("--nic", "takes a value"),
        ("--imds /nowhere", "is no file"),
        ("--imds /proc/version", "metadata service"),
        ("--sysroot /nowhere", "is no folder"),
        ("--undo --nic eth1", "leave out"),
    ] {
        refuse(&fresh, options, 2, says);
    }
    refuse(&fresh, "--program /nowhere", 1, "cargo build");
}

#[test]
fn systemd_takes_the_unit() {
    let needs = [Need::Program("python3"), Need::Program("systemd-analyze")];
    let Some(_turn) = turn("systemd_takes_the_unit", &needs) else {
        return;
    };
    let sysroot = Manifest::read("azure-mlx5").unpack();
    let _ = run(command(&sysroot, "--yes"), LIMIT).ok();
    let unit = read(&sysroot, UNIT);
    // cloud-init orders sysinit.target behind the network. A unit that comes before the network, with
    // systemd's usual dependencies behind sysinit.target, closes a cycle, and systemd would drop one of
    // its jobs: the network, maybe.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = unit.replace(
        &format!("/{PROGRAM}"),
        &sysroot.path().join(PROGRAM).display().to_string(),
    );
    let cloud_init = "[Unit]\nDefaultDependencies=no\nAfter=network.target network-pre.target\n\
                      Wants=network-pre.target\nBefore=sysinit.target\n[Service]\nType=oneshot\n\
                      ExecStart=/bin/true\n[Install]\nWantedBy=sysinit.target\n";
    let place = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).expect("a file");
        file
    };
    let wants = folder.path().join("sysinit.target.wants");
    fs::create_dir(&wants).expect("a folder");
    let init = place("dpdkgen-cloud-init.service", cloud_init);
    std::os::unix::fs::symlink(init, wants.join("dpdkgen-cloud-init.service")).expect("a link");
    for (text, is_taken) in [
        (here.clone(), true),
        (here.replace("DefaultDependencies=no\n", ""), false),
    ] {
        let unit = place("dpdkgen-nic.service", &text);
        let mut verify = Command::new("systemd-analyze");
        verify.args(["verify", "--man=no"]).arg(unit);
        verify.env("SYSTEMD_UNIT_PATH", format!("{}:", folder.path().display()));
        let ended = run(verify, LIMIT);
        let has_cycle = ended.stderr.contains("ordering cycle");
        assert_eq!(has_cycle, !is_taken, "{ended:?}");
        // Complaints about other units of this machine are none of ours.
        let is_named = ended.stderr.contains("dpdkgen-nic.service");
        assert_eq!(is_named, !is_taken, "{ended:?}");
    }
}
