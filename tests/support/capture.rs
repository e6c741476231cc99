//! Frames that pass an interface of a link's, captured by tcpdump and dissected by tshark, which
//! checks every checksum.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::machine::Need;
use super::namespace::Link;
use super::ports;
use super::program::{Program, run};

const LIMIT: Duration = Duration::from_secs(30);

/// A capture that goes on.
pub struct Capture {
    tcpdump: Program,
    folder: TempDir,
}

impl Capture {
    /// The things that it needs, with the link.
    pub const NEEDS: [Need; 4] = [
        Need::Namespaces,
        Need::Program("ethtool"),
        Need::Program("tcpdump"),
        Need::Program("tshark"),
    ];

    /// Starts to capture what the kernel sees come and go at this end of `link`.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    #[must_use]
    pub fn start(link: &Link, end: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut tcpdump = Command::new("tcpdump");
        // As root throughout, since the folder is root's alone.
        tcpdump.args(["-Z", "root", "-i", end, "-B", "65536", "-U"]);
        tcpdump.args(["-w", ports::text(&pcap(&folder))]);
        let mut tcpdump = Program::start(link.inside(end, &tcpdump));
        tcpdump.until("capture", LIMIT, |tcpdump| {
            tcpdump.stderr().contains("listening on")
        });
        Self { tcpdump, folder }
    }

    /// Waits for so many `frames` of so many `bytes` together, and returns these `fields` of each frame,
    /// empty where it has no such field.
    ///
    /// # Panics
    ///
    /// If they do not come, or the kernel had no room for all.
    #[must_use]
    pub fn dissect(mut self, frames: u32, bytes: u64, fields: &[&str]) -> Vec<Vec<String>> {
        let pcap = pcap(&self.folder);
        // A file header, and each frame with a header of its own.
        let whole = 24 + u64::from(frames) * 16 + bytes;
        self.tcpdump.until("all frames", LIMIT, |_| {
            pcap.metadata()
                .is_ok_and(|metadata| metadata.len() >= whole)
        });
        let captured = self.tcpdump.interrupt().ok();
        let none_dropped = "0 packets dropped by kernel";
        assert!(captured.stderr.contains(none_dropped), "{captured:?}");

        let mut tshark = Command::new("tshark");
        tshark.args(["-n", "-r", ports::text(&pcap)]);
        for check in ["ip.check_checksum:TRUE", "udp.check_checksum:TRUE"] {
            tshark.args(["-o", check]);
        }
        // No other protocol is looked for behind these ports.
        tshark.args(["-d", "udp.port==1-65535,data", "-T", "fields"]);
        for field in fields {
            tshark.args(["-e", field]);
        }
        let dissected = run(tshark, LIMIT).ok();
        let rows = dissected.stdout.lines();
        rows.map(|row| row.split('\t').map(str::to_owned).collect())
            .collect()
    }
}

fn pcap(folder: &TempDir) -> PathBuf {
    folder.path().join("wire.pcap")
}
