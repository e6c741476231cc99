//! The wait for the outputs once a run is over.
//!
//! Promised: outputs are waited for as long as it takes, unless the user asks otherwise. From the
//! second request to end on, an output whose reader does not read is given up; from the third on,
//! any output that has a reader. A file is given up only if the third has come and nothing goes on
//! there.

use std::thread;
use std::time::{Duration, Instant};

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

    /// Returns whether writing waits for a reader, as that to a pipe or a terminal does.
    fn has_reader(&self) -> bool;
}

/// A wait for writers, as long as the user wants to wait.
pub struct Patience<'r> {
    requests: &'r mut dyn FnMut() -> usize,
    third: Option<Instant>,
}

impl<'r> Patience<'r> {
    /// Makes a wait that goes by the number of requests to end so far, which `requests` returns.
    #[must_use]
    pub fn new(requests: &'r mut dyn FnMut() -> usize) -> Self {
        Self {
            requests,
            third: None,
        }
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
        loop {
            let requests = self.requests();
            let third = self.third.map(|third| third.max(begin).elapsed());
            let mut is_waiting = false;
            for (writer, (progress, since)) in writers.iter().zip(&mut seen) {
                let now = writer.progress();
                if now != *progress {
                    (*progress, *since) = (now, Instant::now());
                }
                let is_given_up = if writer.has_reader() {
                    requests > 1 && since.elapsed() >= STILL
                        || third.is_some_and(|third| third >= LAST_MOMENT)
                } else {
                    third.is_some() && since.elapsed() >= FILE_STILL
                };
                is_waiting |= !is_given_up && !writer.is_done();
            }
            if !is_waiting {
                return;
            }
            thread::sleep(LOOK_EVERY);
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
        has_reader: bool,
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

        fn has_reader(&self) -> bool {
            self.has_reader
        }
    }

    const LONG: Duration = Duration::from_secs(3);

    /// Returns how long such a writer is waited for after so many requests.
    fn waited(requests: usize, goes_on: bool, has_reader: bool) -> Duration {
        let begin = Instant::now();
        let writer = Fake {
            begin,
            takes: LONG,
            goes_on,
            has_reader,
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
        assert!(waited(0, false, true) >= LONG);
        assert!(waited(2, true, true) >= LONG);
        assert!(waited(3, true, true) < STILL);
    }

    #[test]
    fn who_does_not_read_is_waited_for_until_the_second_request() {
        assert!(waited(1, false, true) >= LONG);
        let second = waited(2, false, true);
        assert!(second >= STILL && second < LONG, "{second:?}");
        assert!(waited(3, false, true) < STILL);
    }

    #[test]
    fn a_file_is_waited_for_unless_nothing_goes_on() {
        assert!(waited(2, false, false) >= LONG);
        assert!(waited(3, true, false) >= LONG);
        let still = waited(3, false, false);
        assert!(still >= FILE_STILL && still < LONG, "{still:?}");
    }
}
