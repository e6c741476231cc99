//! Signals in every phase of a run, with every output in every kind of place: one that takes all, one
//! that is full, one whose reader takes nothing, one that nobody reads. Whatever fails costs itself
//! alone, is named once at the end, and the program ends when it is told to.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dpdkgen_tests::machine::two_cpus;
use dpdkgen_tests::{Memif, Program, Summary, http, ports, turn};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(30);

/// The time in which a program that nobody holds up has taken a signal.
const TAKEN: Duration = Duration::from_secs(1);

/// An output: its option, and what sentences say that it holds.
const OUTPUTS: [(&str, &str); 5] = [
    ("--stats-file", "statistics"),
    ("--json", "summary"),
    ("--report", "report"),
    ("--hdr", "histograms"),
    ("--pcap", "frames"),
];

/// A place for an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A file with what an earlier run left.
    Disk,
    /// A disk that is full.
    Full,
    /// A pipe that is full, and a reader who does not read.
    Stuck,
    /// A named pipe that nobody reads.
    Unread,
}

const PLACES: [Place; 4] = [Place::Disk, Place::Full, Place::Stuck, Place::Unread];

/// What a run does when the signals come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It waits for its peer.
    BeforeStart,
    Running,
    /// It has sent all, and waits for what is in flight.
    Draining,
    /// It is over, and waits for the readers.
    Ending,
}

const PHASES: [Phase; 4] = [
    Phase::BeforeStart,
    Phase::Running,
    Phase::Draining,
    Phase::Ending,
];

const SIGNALS: [&[&str]; 4] = [&["INT"], &["TERM"], &["HUP"], &["INT", "INT"]];

/// What an earlier run left in a file.
const EARLIER: &str = "of an earlier run";

/// The bytes that a pipe holds.
const PIPE: usize = 1 << 16;

/// One run: a phase, the signals that come in it, and a place for each output.
#[derive(Debug)]
struct Case {
    phase: Phase,
    signals: &'static [&'static str],
    places: [Place; OUTPUTS.len()],
}

#[test]
fn every_output_in_every_place_phase_and_signal() {
    let name = "every_output_in_every_place_phase_and_signal";
    let Some(_turn) = turn(name, &[]) else {
        return;
    };
    for phase in PHASES {
        for signals in SIGNALS {
            thread::scope(|scope| {
                // Each output is in each place once.
                for turn in 0..PLACES.len() {
                    let places =
                        std::array::from_fn(|output| PLACES[(output + turn) % PLACES.len()]);
                    let case = Case {
                        phase,
                        signals,
                        places,
                    };
                    scope.spawn(move || case.check(turn));
                }
            });
        }
    }
}

impl Case {
    fn check(&self, number: usize) {
        let mut run = Running::start(self, number);
        run.reach(self);
        for (number, signal) in self.signals.iter().enumerate() {
            if number > 0 {
                run.await_first_signal_taken(self);
            }
            run.program.signal(signal);
        }
        let is_asked_twice = self.signals.len() > 1;
        let mut readers = Vec::new();
        if !is_asked_twice {
            // Whoever reads late is waited for, and the others are whole meanwhile.
            run.await_whole_files(self);
            thread::sleep(TAKEN);
            readers = run.pipes.drain(..).map(Pipe::read).collect();
        }
        let Running {
            program,
            folder,
            paths,
            metrics,
            ..
        } = run;
        let begin = Instant::now();
        let ended = program.wait(LIMIT).with_status(1);
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(15), "{took:?}: {self:?}");
        for (output, place) in self.places.into_iter().enumerate() {
            let why = match place {
                Place::Disk => None,
                Place::Full => Some("No space left on device (os error 28)"),
                Place::Stuck => is_asked_twice.then_some("its reader does not read"),
                Place::Unread => Some("nobody reads it"),
            };
            let (path, what) = (paths[output].display(), OUTPUTS[output].1);
            let begin = format!("dpdkgen-rt: {path} ({what}) is incomplete: ");
            let said = ended
                .stderr
                .lines()
                .filter(|line| line.starts_with(&begin) && !line.ends_with("; the run goes on"));
            let expected = why.map(|why| format!("{begin}{why}"));
            assert_eq!(Vec::from_iter(said), Vec::from_iter(&expected), "{self:?}");
            if place == Place::Disk {
                assert!(
                    is_whole(output, &fs::read(&paths[output]).unwrap()),
                    "{self:?}"
                );
                self.check_summary(output, &paths[output]);
            }
        }
        for (output, reader) in readers {
            let content = reader.join().expect("a reader");
            assert!(is_whole(output, &content), "{output} of {self:?}");
        }
        assert!(TcpStream::connect(metrics).is_err(), "{self:?}");
        drop(folder);
    }

    fn check_summary(&self, output: usize, path: &Path) {
        if OUTPUTS[output].0 != "--json" {
            return;
        }
        let summary = Summary::read(path);
        let is_cut = match self.phase {
            Phase::BeforeStart => true,
            Phase::Running | Phase::Draining => self.signals.len() > 1,
            Phase::Ending => false,
        };
        assert_eq!(summary.get("drained"), Some(&(!is_cut).into()), "{self:?}");
        let reason = match self.phase {
            Phase::BeforeStart | Phase::Running => "signal",
            Phase::Draining | Phase::Ending => "count",
        };
        assert_eq!(summary.text("stop_reason"), reason, "{self:?}");
    }
}

/// A run, its outputs, and who does not read them.
struct Running {
    program: Program,
    folder: TempDir,
    paths: Vec<PathBuf>,
    pipes: Vec<Pipe>,
    metrics: SocketAddr,
    /// The link whose other end is nobody's.
    _link: Memif,
}

impl Running {
    fn start(case: &Case, number: usize) -> Self {
        let (folder, link, metrics) = (
            tempfile::tempdir().unwrap(),
            Memif::new(10),
            http::free_address(),
        );
        let mut pipes = Vec::new();
        let place = |(output, place): (usize, Place)| {
            let path = folder.path().join(format!("output{output}"));
            match place {
                Place::Disk => fs::write(&path, EARLIER).unwrap(),
                Place::Full => return PathBuf::from("/dev/full"),
                Place::Stuck => pipes.push(Pipe::new(&path, output)),
                Place::Unread => make_pipe(&path),
            }
            path
        };
        let paths: Vec<_> = case.places.into_iter().enumerate().map(place).collect();
        let device = match case.phase {
            Phase::BeforeStart => link.client(0),
            // It gives back what is sent on it.
            _ => "net_ring0".to_owned(),
        };
        let cpus = two_cpus();
        let cpu = if number.is_multiple_of(2) {
            cpus.0
        } else {
            cpus.1
        };
        let amount = match case.phase {
            Phase::BeforeStart | Phase::Running => "--drain-ms 3000",
            Phase::Draining => "--count 20 --drain-ms 4000",
            Phase::Ending => "--count 20 --drain-ms 10",
        };
        let arguments = format!(
            "sendrecv --src 10.0.0.1 --dest 10.0.0.2:10000 --dest-mac 02:00:00:00:00:02 --through \
             --rate 1kpps --wait-link 60 --pcap-sample 1 --metrics {metrics} {amount}"
        );
        let mut command = ports::dpdkgen(&cpu.to_string(), &[device], &arguments);
        for ((option, _), path) in OUTPUTS.iter().zip(&paths) {
            command.arg(option).arg(path);
        }
        Self {
            program: Program::start(command),
            folder,
            paths,
            pipes,
            metrics,
            _link: link,
        }
    }

    /// Waits until the run is in its phase.
    fn reach(&mut self, case: &Case) {
        let says = |words: &'static str| move |program: &Program| program.stdout().contains(words);
        match case.phase {
            Phase::BeforeStart => {
                let words = "Waiting for the peer of port 0 (net_memif0), for ";
                self.program.until("wait", LIMIT, says(words));
                for (path, place) in self.paths.iter().zip(case.places) {
                    if place == Place::Disk {
                        assert_eq!(fs::read_to_string(path).unwrap(), EARLIER);
                    }
                }
            }
            Phase::Running => {
                self.program.until("line", LIMIT, says(" s: sent "));
                // One who asks for nothing.
                let _idle = TcpStream::connect(self.metrics).expect("a server");
                assert_eq!(http::get(self.metrics, "/metrics").unwrap().0, 200);
            }
            Phase::Draining => {
                let words = "(waiting for what is in flight, ";
                self.program.until("drain", LIMIT, says(words));
            }
            Phase::Ending => self.await_whole_files(case),
        }
    }

    /// Waits until a signal has been taken, since a second one that comes before is none.
    fn await_first_signal_taken(&mut self, case: &Case) {
        match case.phase {
            Phase::BeforeStart => self.await_whole_files(case),
            Phase::Running | Phase::Draining => {
                self.program.until("answer", LIMIT, |program| {
                    program.stdout().contains("(stopping: ")
                });
            }
            Phase::Ending => thread::sleep(TAKEN),
        }
    }

    fn await_whole_files(&mut self, case: &Case) {
        let paths = &self.paths;
        self.program.until("whole files", LIMIT, |_| {
            let mut places = case.places.into_iter().enumerate();
            places.all(|(output, place)| {
                place != Place::Disk || is_whole(output, &fs::read(&paths[output]).unwrap())
            })
        });
    }
}

/// A pipe with no room in it.
struct Pipe {
    output: usize,
    path: PathBuf,
    filled: File,
}

impl Pipe {
    fn new(path: &Path, output: usize) -> Self {
        make_pipe(path);
        // Opened for both, so that opening waits for nobody.
        let mut options = OpenOptions::new();
        let mut filled = options.read(true).write(true).open(path).unwrap();
        filled.write_all(&[0; PIPE]).unwrap();
        Self {
            output,
            path: path.to_owned(),
            filled,
        }
    }

    /// Reads, from now on, all that its output writes.
    fn read(self) -> (usize, JoinHandle<Vec<u8>>) {
        let mut reader = File::open(&self.path).unwrap();
        drop(self.filled);
        let read = move || {
            let mut content = Vec::new();
            reader.read_to_end(&mut content).unwrap();
            content.split_off(PIPE)
        };
        (self.output, thread::spawn(read))
    }
}

fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

/// Returns whether this is all of an output, and of this run.
fn is_whole(output: usize, content: &[u8]) -> bool {
    match OUTPUTS[output].0 {
        "--json" => serde_json::from_slice::<serde_json::Value>(content).is_ok(),
        "--report" => content.ends_with(b"</html>\n"),
        "--hdr" => content.starts_with(b"#[") && content.ends_with(b"\n"),
        // Nanoseconds, little-endian, and whole frames.
        "--pcap" => {
            let word = |at: usize| -> Option<u32> {
                Some(u32::from_le_bytes(
                    content.get(at..at + 4)?.try_into().ok()?,
                ))
            };
            let mut at = 24;
            while let Some(len) = word(at + 8) {
                at += 16 + len as usize;
            }
            word(0) == Some(0xa1b2_3c4d) && at == content.len()
        }
        _ => content.starts_with(b"time,tx_packets") && content.ends_with(b"\n"),
    }
}
