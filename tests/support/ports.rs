//! Command lines for DPDK's software ports, which need neither hugepages nor a network card.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::machine::{dpdkgen_rt, dpdkgen_socket};

/// Returns EAL options for `lcores` and `devices`, without hugepages and beside other programs.
#[must_use]
pub fn eal(lcores: &str, devices: &[String]) -> Vec<String> {
    eal_with(lcores, devices, 256)
}

/// Returns such options with `mib` of memory.
#[must_use]
pub fn eal_with(lcores: &str, devices: &[String], mib: u32) -> Vec<String> {
    let mib = mib.to_string();
    let alone = [
        "-l",
        lcores,
        "--no-pci",
        "--no-huge",
        "-m",
        &mib,
        "--no-shconf",
    ];
    let mut options: Vec<String> = alone.map(str::to_owned).into();
    options.extend(devices.iter().map(|device| format!("--vdev={device}")));
    options
}

/// Returns the command of `dpdkgen-rt` on `lcores` with `devices`; spaces part its own `arguments`.
#[must_use]
pub fn dpdkgen(lcores: &str, devices: &[String], arguments: &str) -> Command {
    let mut command = Command::new(dpdkgen_rt());
    command
        .args(eal(lcores, devices))
        .arg("--")
        .args(arguments.split_whitespace());
    command
}

/// Returns the command of `dpdkgen-socket` on a CPU; spaces part its `arguments`.
#[must_use]
pub fn sockets(cpu: usize, arguments: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &cpu.to_string()]).arg(dpdkgen_socket());
    command.args(arguments.split_whitespace());
    command
}

/// Returns the device of an `af_packet` port on an interface of the kernel's.
#[must_use]
pub fn af_packet(interface: &str, queues: u16) -> String {
    format!("net_af_packet0,iface={interface},qpairs={queues}")
}

/// Returns the device of an `af_packet` port with rings of 16,384 packets: at 20,000 packets a
/// second those of 0.8 s, for which the program may be kept from the CPU.
#[must_use]
pub fn af_packet_with_long_rings(interface: &str) -> String {
    format!("{},framecnt=16384", af_packet(interface, 1))
}

/// Returns the devices of two `af_packet` ports with rings as long, on two interfaces.
#[must_use]
pub fn two_af_packets(interfaces: [&str; 2]) -> [String; 2] {
    [0, 1].map(|number| {
        let interface = interfaces[number];
        format!("net_af_packet{number},iface={interface},qpairs=1,framecnt=16384")
    })
}

/// A memif link.
pub struct Memif {
    folder: TempDir,
    ring: u8,
}

impl Memif {
    /// Makes a link whose rings hold 2^`ring` packets.
    ///
    /// # Panics
    ///
    /// If no folder for its socket can be made.
    #[must_use]
    pub fn new(ring: u8) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            ring,
        }
    }

    /// Returns the path of its socket, which the server makes.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("memif.sock")
    }

    /// Returns the end that listens, as device `number` of its program, with the MAC
    /// 02:00:00:00:`number`:02.
    #[must_use]
    pub fn server(&self, number: u8) -> String {
        self.end(number, "server", 2)
    }

    /// Returns the end that connects, as device `number` of its program, with the MAC
    /// 02:00:00:00:`number`:01.
    #[must_use]
    pub fn client(&self, number: u8) -> String {
        self.end(number, "client", 1)
    }

    fn end(&self, number: u8, role: &str, last: u8) -> String {
        let (socket, ring) = (self.socket(), self.ring);
        format!(
            "net_memif{number},role={role},socket={},socket-abstract=no,rsize={ring},\
             mac=02:00:00:00:{number:02x}:{last:02x}",
            text(&socket)
        )
    }
}

/// Returns a path as text.
///
/// # Panics
///
/// If it is not UTF-8.
#[must_use]
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
