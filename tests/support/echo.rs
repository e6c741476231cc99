//! A kernel's UDP socket at the far end of a wire, which Python's socket server reads and answers.

use std::process::Command;
use std::time::Duration;

use super::machine::{Need, PYTHON, two_cpus};
use super::namespace::{FAR, Link, NEAR, Offload};
use super::ports;
use super::program::{Program, run};
use super::results::{Rows, Summary, check_sendrecv};

const ECHO: &str = include_str!("../peers/echo.py");
const LIMIT: Duration = Duration::from_secs(30);

/// A server behind a kernel's UDP socket, which answers on 10.77.0.2, port 10000.
pub struct EchoServer {
    // Dropped in this order: the server goes before its namespace.
    _server: Program,
    /// The link between the sender and the server.
    pub link: Link,
}

impl EchoServer {
    /// The things that it needs.
    pub const NEEDS: [Need; 3] = [
        Need::Namespaces,
        Need::Program("ethtool"),
        Need::Program("python3"),
    ];

    /// Starts the server, which answers on fd77::2 too.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn new(offload: Offload) -> Self {
        let link = Link::new(offload);
        link.address_far("10.77.0.2", "10.77.0.1");
        link.address_far_v6("fd77::2", "fd77::1");
        let mut python = Command::new(PYTHON);
        python.args(["-c", ECHO, "10000"]);
        let mut server = Program::start(link.inside(FAR, &python));
        server.until("server", LIMIT, |server| server.stdout().contains("ready"));
        Self {
            _server: server,
            link,
        }
    }

    /// Has it answer in VLAN 100 on 10.78.0.2 and fd78::2, and in VLAN 7 behind the service VLAN 20
    /// on 10.79.0.2 and fd79::2.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    pub fn add_vlans(&self) {
        let ends = [("10.78.0.2", "10.78.0.1"), ("fd78::2", "fd78::1")];
        self.link.vlan_far(None, 100, ends);
        let ends = [("10.79.0.2", "10.79.0.1"), ("fd79::2", "fd79::1")];
        self.link.vlan_far(Some(20), 7, ends);
    }

    /// Sends 2000 probes a second to it for two seconds, checks what holds in every run, and
    /// returns the summary.
    ///
    /// # Panics
    ///
    /// If something does not hold, or the run fails.
    #[must_use]
    pub fn run(&self, options: &str, queues: u16) -> Summary {
        self.run_between("10.77.0.1", "10.77.0.2", options, queues)
    }

    /// Does so from one address to another of the server's.
    ///
    /// # Panics
    ///
    /// If something does not hold, or the run fails.
    #[must_use]
    pub fn run_between(&self, from: &str, to: &str, options: &str, queues: u16) -> Summary {
        let to = if to.contains(':') {
            format!("[{to}]")
        } else {
            to.to_owned()
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (json, csv) = (
            folder.path().join("run.json"),
            folder.path().join("run.csv"),
        );
        let arguments = format!(
            "sendrecv --src {from} --dest {to}:10000 --dest-mac 02:00:00:00:0a:02 \
             --rate 2kpps --duration 2 --drain-ms 300 -r {queues} -t {queues} --json {} -s {} {options}",
            ports::text(&json),
            ports::text(&csv)
        );
        let device = ports::af_packet(NEAR, queues);
        let command = ports::dpdkgen(&two_cpus().0.to_string(), &[device], &arguments);
        let _ = run(self.link.inside(NEAR, &command), LIMIT).ok();
        let summary = Summary::read(&json);
        check_sendrecv(&summary, &Rows::read(&csv));
        summary
    }
}
