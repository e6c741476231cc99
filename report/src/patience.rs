//! The wait for the outputs once a run is over.
//!
//! Promised: outputs are waited for as long as it takes, unless the user asks otherwise. From the
//! first request to end on, a named pipe that nobody has opened is given up; from the second on, an
//! output whose reader does not read; from the third on, any output that has a reader. A file is given
//! up only if the third has come and nothing goes on there. What is waited for is said.

use std::thread;
use std::time::{Duration, Instant};

use crate::console::Console;

/// The time after which a reader that has taken nothing counts as one that does not read.
pub const STILL: Duration = Duration::from_secs(1);

/// The time that readers have from the third request on.
const LAST_MOMENT: Duration = Duration::from_millis(250);

/// The time for which a disk may take nothing after a third request; disks pause longer than
/// readers.
const FILE_STILL: Duration = Duration::from_secs(2);

/// The time between two looks at the writers.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// An output that a thread of its own writes.
pub trait Writer {
    /// Returns whether all has been written, or nothing ever will.
    fn is_done(&self) -> bool;

    /// Returns a number that changes whenever something has been written.
    fn progress(&self) -> usize;

    /// Returns whom writing waits for.
    fn reader(&self) -> Reader;

    /// Returns what it is called in sentences; `None` for what has no need of any.
    fn label(&self) -> Option<&str> {
        None
    }
}

/// A party that a writer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A disk.
    Disk,
    /// Whoever reads a pipe or watches a terminal.
    There,
    /// Somebody who opens a named pipe.
    Missing,
}

impl Reader {
    /// Returns the number of requests to end from which on it is no longer waited for, if it takes
    /// nothing.
    const fn requests(self) -> usize {
        match self {
            Self::Missing => 1,
            Self::There => 2,
            Self::Disk => 3,
        }
    }

    /// Returns whether it is given up after so many requests, of which the third came so long ago,
    /// and so long without progress.
    fn is_given_up(self, requests: usize, third: Option<Duration>, still: Duration) -> bool {
        let has_asked = requests >= self.requests();
        match self {
            Self::Missing => has_asked,
            Self::There => {
                has_asked && still >= STILL || third.is_some_and(|third| third >= LAST_MOMENT)
            }
            Self::Disk => has_asked && still >= FILE_STILL,
        }
    }

    /// Returns the sentence that says that `label` waits for it after so many requests.
    fn sentence(self, label: &str, requests: usize) -> String {
        let what = match self {
            Self::Missing => format!("a reader of {label}"),
            Self::There => format!("the reader of {label}, who takes nothing"),
            Self::Disk => format!("the disk, which takes nothing more of {label}"),
        };
        let times = match self.requests().saturating_sub(requests) {
            0 | 1 => "",
            2 => " twice",
            _ => " three times",
        };
        format!("Waiting for {what}; Ctrl-C{times} gives it up.")
    }
}

/// A wait for writers, as long as the user wants to wait.
pub struct Patience<'r> {
    requests: &'r mut dyn FnMut() -> usize,
    third: Option<Instant>,
    console: Option<Console>,
}

impl<'r> Patience<'r> {
    /// Makes a wait that goes by the number of requests to end so far, which `requests` returns.
    #[must_use]
    pub fn new(requests: &'r mut dyn FnMut() -> usize) -> Self {
        Self {
            requests,
            third: None,
            console: None,
        }
    }

    /// Says on `console` what is waited for, from now on; nothing without one.
    pub fn tell(&mut self, console: Option<Console>) {
        self.console = console;
    }

    /// Returns the number of requests to end so far.
    pub fn requests(&mut self) -> usize {
        let requests = (self.requests)();
        if requests > 2 {
            self.third.get_or_insert_with(Instant::now);
        }
        requests
    }

    /// Waits until each of `writers` is done or given up.
    pub fn wait(&mut self, writers: &[&dyn Writer]) {
        let begin = Instant::now();
        let mut seen: Vec<_> = writers.iter().map(|w| (w.progress(), begin)).collect();
        let mut told = vec![false; writers.len()];
        loop {
            let requests = self.requests();
            let third = self.third.map(|third| third.max(begin).elapsed());
            let mut is_waiting = false;
            for (number, writer) in writers.iter().enumerate() {
                let (progress, since) = &mut seen[number];
                let now = writer.progress();
                if now != *progress {
                    (*progress, *since) = (now, Instant::now());
                }
                let (reader, still) = (writer.reader(), since.elapsed());
                if writer.is_done() || reader.is_given_up(requests, third, still) {
                    continue;
                }
                is_waiting = true;
                if still >= STILL && !told[number] {
                    told[number] = true;
                    self.say(*writer, requests);
                }
            }
            if !is_waiting {
                return;
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn say(&self, writer: &dyn Writer, requests: usize) {
        if let (Some(console), Some(label)) = (&self.console, writer.label()) {
            console.say(&writer.reader().sentence(label, requests));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes for so long, in vain or not.
    struct Fake {
        begin: Instant,
        takes: Duration,
        goes_on: bool,
        reader: Reader,
    }

    impl Writer for Fake {
        fn is_done(&self) -> bool {
            self.begin.elapsed() >= self.takes
        }

        fn progress(&self) -> usize {
            let passed = if self.goes_on {
                self.begin.elapsed().as_millis()
            } else {
                0
            };
            usize::try_from(passed).unwrap()
        }

        fn reader(&self) -> Reader {
            self.reader
        }
    }

    const LONG: Duration = Duration::from_secs(3);

    /// Returns how long such a writer is waited for after so many requests.
    fn waited(requests: usize, goes_on: bool, reader: Reader) -> Duration {
        let begin = Instant::now();
        let writer = Fake {
            begin,
            takes: LONG,
            goes_on,
            reader,
        };
        let done = Fake {
            takes: Duration::ZERO,
            ..writer
        };
        Patience::new(&mut || requests).wait(&[&done, &writer]);
        begin.elapsed()
    }

    #[test]
    fn who_reads_is_waited_for_until_the_third_request() {
        assert!(waited(0, false, Reader::There) >= LONG);
        assert!(waited(2, true, Reader::There) >= LONG);
        assert!(waited(3, true, Reader::There) < STILL);
    }

    #[test]
    fn who_does_not_read_is_waited_for_until_the_second_request() {
        assert!(waited(1, false, Reader::There) >= LONG);
        let second = waited(2, false, Reader::There);
        assert!(second >= STILL && second < LONG, "{second:?}");
        assert!(waited(3, false, Reader::There) < STILL);
    }

    #[test]
    fn a_file_is_waited_for_unless_nothing_goes_on() {
        assert!(waited(2, false, Reader::Disk) >= LONG);
        assert!(waited(3, true, Reader::Disk) >= LONG);
        let still = waited(3, false, Reader::Disk);
        assert!(still >= FILE_STILL && still < LONG, "{still:?}");
    }

    #[test]
    fn who_is_not_there_is_waited_for_until_the_first_request() {
        assert!(waited(0, false, Reader::Missing) >= LONG);
        assert!(waited(1, false, Reader::Missing) < STILL);
    }

    #[test]
    fn what_is_waited_for_is_said_with_what_gives_it_up() {
        for (reader, requests, said) in [
            (Reader::Missing, 0, "a reader of f; Ctrl-C gives it up."),
            (
                Reader::There,
                0,
                "the reader of f, who takes nothing; Ctrl-C twice gives it up.",
            ),
            (
                Reader::There,
                1,
                "the reader of f, who takes nothing; Ctrl-C gives it up.",
            ),
            (
                Reader::Disk,
                0,
                "the disk, which takes nothing more of f; Ctrl-C three times gives it up.",
            ),
        ] {
            assert_eq!(
                reader.sentence("f", requests),
                format!("Waiting for {said}")
            );
        }
    }
}
