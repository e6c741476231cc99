//! Two of our own processes joined by memif: a reflector and a sender, each polling on a CPU of its
//! own where there are two.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::machine::two_cpus;
use super::ports::{self, Memif};
use super::program::{Ended, Program};
use super::results::{Rows, Summary, check_reflect, check_sendrecv};

/// The time that anything but the sending itself may take.
const SLACK: Duration = Duration::from_secs(30);

/// A reflector that runs, and links to send to it over.
pub struct Pair {
    reflector: Program,
    links: Vec<Memif>,
    folder: TempDir,
    sender_cpu: usize,
}

/// The outputs of both sides, checked.
#[derive(Debug)]
pub struct Outcome {
    /// The sender's summary.
    pub sent: Summary,
    /// The sender's rows.
    pub rows: Rows,
    /// The reflector's summary.
    pub reflected: Summary,
}

impl Pair {
    /// Starts `reflect` with `options` over `links` memif links.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn new(links: u8, options: &str) -> Self {
        let links: Vec<_> = (0..links).map(|_| Memif::new(12)).collect();
        let devices: Vec<_> = (0..).zip(&links).map(|(i, link)| link.server(i)).collect();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (sender_cpu, reflector_cpu) = two_cpus();
        let (json, csv) = (folder.path().join("r.json"), folder.path().join("r.csv"));
        let mut reflect = ports::dpdkgen(&reflector_cpu.to_string(), &devices, "reflect");
        reflect.args(options.split_whitespace());
        reflect.arg("--json").arg(json).arg("-s").arg(csv);
        Self {
            reflector: Program::start(reflect),
            links,
            folder,
            sender_cpu,
        }
    }

    /// Returns the path of a file for the sender to write.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts `sendrecv` with `options`, and the addresses that these do not name, without outputs.
    #[must_use]
    pub fn start(&self, options: &str) -> Program {
        let devices: Vec<_> = (0..)
            .zip(&self.links)
            .map(|(i, link)| link.client(i))
            .collect();
        let mut sendrecv = ports::dpdkgen(&self.sender_cpu.to_string(), &devices, "sendrecv");
        for (option, value) in [
            ("--src", "10.0.0.1"),
            ("--dest", "10.0.0.2:10000"),
            ("--dest-mac", "02:00:00:00:00:02"),
        ] {
            if !options.contains(&format!("{option} ")) {
                sendrecv.args([option, value]);
            }
        }
        sendrecv.args(options.split_whitespace());
        Program::start(sendrecv)
    }

    /// Starts `sendrecv` like [`Self::start`], with JSON and CSV into files that [`Self::finish`]
    /// reads.
    #[must_use]
    pub fn start_recorded(&self, options: &str) -> Program {
        let (json, csv) = (self.file("s.json"), self.file("s.csv"));
        let files = format!("--json {} -s {}", ports::text(&json), ports::text(&csv));
        self.start(&format!("{options} {files}"))
    }

    /// Runs `sendrecv` with `options` to its end, ends the reflector, and checks the outputs of
    /// both.
    ///
    /// # Panics
    ///
    /// If either fails, or an output does not hold.
    #[must_use]
    pub fn run(self, options: &str) -> Outcome {
        let sender = self.start_recorded(options);
        let _ = sender.wait(SLACK).ok();
        self.finish()
    }

    /// Ends the reflector, and checks the outputs of both.
    ///
    /// # Panics
    ///
    /// If the reflector fails, or an output is not there or does not hold.
    #[must_use]
    pub fn finish(self) -> Outcome {
        let (json, csv) = (self.file("s.json"), self.file("s.csv"));
        let (reflected_json, reflected_csv) = (self.file("r.json"), self.file("r.csv"));
        let _ = self.reflector.interrupt().ok();
        let outcome = Outcome {
            sent: Summary::read(&json),
            rows: Rows::read(&csv),
            reflected: Summary::read(&reflected_json),
        };
        if outcome.sent.get("rx").is_some() {
            check_sendrecv(&outcome.sent, &outcome.rows);
        }
        check_reflect(&outcome.reflected, &Rows::read(&reflected_csv));
        outcome
    }

    /// Interrupts the reflector, which has to end with status 0.
    ///
    /// # Panics
    ///
    /// If it does not.
    #[must_use]
    pub fn end_reflector(self) -> Ended {
        self.reflector.interrupt().ok()
    }

    /// Interrupts the reflector, which has to end with status 0, and returns its summary too.
    ///
    /// # Panics
    ///
    /// If it does not, or its JSON is not there.
    #[must_use]
    pub fn end_reflector_recorded(self) -> (Ended, Summary) {
        let json = self.file("r.json");
        let ended = self.reflector.interrupt().ok();
        (ended, Summary::read(&json))
    }

    /// Kills the reflector at once.
    pub fn kill_reflector(self) {
        drop(self.reflector);
    }
}

impl Outcome {
    /// Checks that every probe came back, once and intact.
    ///
    /// # Panics
    ///
    /// If one did not.
    pub fn assert_all_back(&self) {
        let sent = &self.sent;
        assert!(sent.count("tx.packets") > 0, "{sent:?}");
        assert_eq!(sent.count("lost"), 0, "{}", self.whereabouts());
        for nothing in ["rx.duplicates", "rx.corrupt", "rx.foreign", "rx.too_old"] {
            assert_eq!(sent.count(nothing), 0, "{nothing} in {sent:?}");
        }
    }

    /// Returns a text that helps to tell where packets were lost.
    fn whereabouts(&self) -> String {
        let lost = self.rows.column("lost").enumerate();
        let rows: Vec<_> = lost
            .filter(|(_, lost)| lost.is_some_and(|lost| lost > 0.0))
            .collect();
        format!(
            "of {} packets, in the rows {rows:?}; the reflector received {} and had {} refused",
            self.sent.count("tx.packets"),
            self.reflected.count("rx.packets"),
            self.reflected.count("tx.refused")
        )
    }
}
