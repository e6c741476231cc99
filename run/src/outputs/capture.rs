//! The pcap file: what the workers sampled, brought from their memory to the file.

use std::io;
use std::num::NonZeroU32;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use dpdkgen_report::background::Background;
use dpdkgen_report::patience::{Patience, STILL};
use dpdkgen_report::pcap::{PcapWriter, RECORD_HEADER};
use dpdkgen_report::summary::Sampled;

use crate::outputs::sampling::{Reservoir, Sample, Tap, sampler};
use crate::request::{Mode, Request, limits};

/// The most bytes that wait to be written: while there are more, no samples are fetched, and the
/// workers skip those that find no memory.
const MOST_PENDING: usize = 16 << 20;

/// The most bytes of a file; what follows is skipped.
const MOST_BYTES: u64 = 4 << 30;

/// The bytes of a frame, without FCS, that every file has room for.
const USUAL_FRAME: usize = 1514;

/// A pcap file, and the samples on their way to it.
pub struct Capture {
    pcap: PcapWriter<Background>,
    one_in: NonZeroU32,
    /// Those of the workers of one trial.
    reservoirs: Vec<Reservoir>,
    /// The most bytes that are kept of a frame.
    longest: usize,
    frames: u64,
    bytes: u64,
    /// The number of samples that were fetched and not written, for want of room in memory.
    too_many: u64,
    /// The number of samples that the file had no room for.
    beyond_limit: u64,
    /// The number of frames that the workers of earlier trials skipped.
    skipped: u64,
}

impl Capture {
    /// Makes the file for `request`, which `writer` writes.
    #[must_use]
    pub fn new(request: &Request, writer: Background) -> Self {
        let longest = match &request.mode {
            Mode::SendRecv(sendrecv) => usize::from(sendrecv.frame_len()).max(USUAL_FRAME),
            Mode::Reflect(_) => usize::from(limits::MAX_FRAME),
        };
        Self {
            pcap: PcapWriter::new(writer),
            one_in: request.pcap_sample,
            reservoirs: Vec::new(),
            longest,
            frames: 0,
            bytes: 0,
            too_many: 0,
            beyond_limit: 0,
            skipped: 0,
        }
    }

    /// Returns a tap for each of so many workers of the next trial to sample with, before it begins.
    pub fn taps(&mut self, workers: usize) -> Vec<Tap> {
        let _ = self.fetch();
        self.skip_rest();
        self.skipped += self.skipped_by_workers();
        self.reservoirs.clear();
        let make = |_| {
            let (tap, reservoir) = sampler(self.one_in, self.longest);
            self.reservoirs.push(reservoir);
            tap
        };
        (0..workers).map(make).collect()
    }

    /// Notes that a trial starts at `start`.
    pub fn start_at(&mut self, start: SystemTime) {
        self.pcap.start_at(start);
    }

    /// Writes the heading, before the first trial.
    pub fn begin(&mut self) -> io::Result<()> {
        self.pcap.begin(self.longest as u32)
    }

    /// Fetches what has been sampled, in the order of time as far as it is there.
    pub fn fetch(&mut self) -> io::Result<()> {
        let mut fetched: Vec<(usize, Sample)> = Vec::new();
        let mut room = MOST_PENDING.saturating_sub(self.pcap.get_ref().pending());
        for (number, reservoir) in self.reservoirs.iter_mut().enumerate() {
            while room > 0 {
                let Some(sample) = reservoir.fetch() else {
                    break;
                };
                room = room.saturating_sub(RECORD_HEADER + sample.bytes().len());
                fetched.push((number, sample));
            }
        }
        fetched.sort_by_key(|(_, sample)| sample.at);
        for (number, sample) in fetched {
            let written = self.write(&sample);
            self.reservoirs[number].give_back(sample);
            written?;
        }
        Ok(())
    }

    fn write(&mut self, sample: &Sample) -> io::Result<()> {
        let bytes = (RECORD_HEADER + sample.bytes().len()) as u64;
        if self.bytes + bytes > MOST_BYTES {
            self.beyond_limit += 1;
            return Ok(());
        }
        self.bytes += bytes;
        self.frames += 1;
        self.pcap
            .write(sample.at.as_nanos(), sample.bytes(), sample.len)
    }

    /// Fetches all that is left, and gives the output back; what has been sampled is told. What its
    /// reader leaves no room for within a second is skipped: the other outputs wait for the count.
    pub fn finish(mut self, patience: &mut Patience<'_>) -> (Background, Sampled) {
        let begin = Instant::now();
        loop {
            let before = self.fetched();
            let _ = self.fetch();
            let pending = self.pcap.get_ref().pending();
            if before == self.fetched() && pending < MOST_PENDING {
                break;
            }
            if begin.elapsed() >= STILL || patience.requests() > 2 {
                self.skip_rest();
                break;
            }
            if pending >= MOST_PENDING {
                thread::sleep(Duration::from_millis(1));
            }
        }
        let sampled = Sampled {
            frames: self.frames,
            skipped: self.skipped + self.skipped_by_workers() + self.too_many + self.beyond_limit,
            beyond_limit: self.beyond_limit,
        };
        (self.pcap.finish(), sampled)
    }

    fn skipped_by_workers(&self) -> u64 {
        self.reservoirs.iter().map(Reservoir::skipped).sum()
    }

    const fn fetched(&self) -> u64 {
        self.frames + self.too_many + self.beyond_limit
    }

    fn skip_rest(&mut self) {
        for reservoir in &mut self.reservoirs {
            while let Some(sample) = reservoir.fetch() {
                reservoir.give_back(sample);
                self.too_many += 1;
            }
        }
    }
}
