//! Frames as a pcap file with nanoseconds, which tcpdump and Wireshark read.
//!
//! Promised: little-endian, as the format allows; a frame that was cut says how long it was.

use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The magic number of a file whose times are in nanoseconds.
const MAGIC: u32 = 0xa1b2_3c4d;
const VERSION: (u16, u16) = (2, 4);
const LINKTYPE_ETHERNET: u32 = 1;

/// The length of a record's header, in bytes.
pub const RECORD_HEADER: usize = 16;

/// A writer of a pcap file.
#[derive(Debug)]
pub struct PcapWriter<W> {
    writer: W,
    start: Duration,
}

impl<W: Write> PcapWriter<W> {
    /// Makes a writer of a file into `writer`; nothing is written yet.
    #[must_use]
    pub const fn new(writer: W) -> Self {
        Self {
            writer,
            start: Duration::ZERO,
        }
    }

    /// Takes `start` for that from which the times of frames count.
    pub fn start_at(&mut self, start: SystemTime) {
        self.start = start.duration_since(UNIX_EPOCH).unwrap_or_default();
    }

    /// Writes the heading of a file that keeps at most `longest` bytes of each frame.
    ///
    /// # Errors
    ///
    /// If `writer` reports one.
    pub fn begin(&mut self, longest: u32) -> io::Result<()> {
        let mut heading = Vec::with_capacity(24);
        heading.extend(MAGIC.to_le_bytes());
        heading.extend(VERSION.0.to_le_bytes());
        heading.extend(VERSION.1.to_le_bytes());
        // Times are UTC, and of no stated accuracy.
        heading.extend([0; 8]);
        heading.extend(longest.to_le_bytes());
        heading.extend(LINKTYPE_ETHERNET.to_le_bytes());
        self.writer.write_all(&heading)
    }

    /// Writes a frame of `len` bytes, of which `kept` are stored, with the time `at_ns` nanoseconds
    /// after the start.
    ///
    /// # Errors
    ///
    /// If `writer` reports one.
    pub fn write(&mut self, at_ns: u64, kept: &[u8], len: usize) -> io::Result<()> {
        let at = self.start + Duration::from_nanos(at_ns);
        let mut header = [0; RECORD_HEADER];
        // 32 bits of seconds last until 2106, and frames are shorter than 4 GiB.
        let words = [
            at.as_secs() as u32,
            at.subsec_nanos(),
            kept.len() as u32,
            len as u32,
        ];
        for (place, word) in header.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        self.writer.write_all(&header)?;
        self.writer.write_all(kept)
    }

    /// Returns the writer that the file goes to.
    pub const fn get_ref(&self) -> &W {
        &self.writer
    }

    /// Ends the file, and gives its writer back.
    #[must_use]
    pub fn finish(self) -> W {
        self.writer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_byte_by_byte() {
        let mut pcap = PcapWriter::new(Vec::new());
        let start = UNIX_EPOCH + Duration::new(0x0102_0304, 999_999_999);
        pcap.start_at(start);
        pcap.begin(1514).unwrap();
        pcap.write(2, &[0xaa, 0xbb], 3).unwrap();
        let heading = [
            0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xea, 5, 0, 0, 1, 0, 0, 0,
        ];
        let record = [5, 3, 2, 1, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0xaa, 0xbb];
        assert_eq!(pcap.finish(), [heading.as_slice(), &record].concat());
    }
}
