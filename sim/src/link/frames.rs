//! The frames on the link, in memory that is used again and again.

use dpdkgen_core::probe::Index;
use dpdkgen_core::time::{Instant, Span};

/// What a probe was when it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Which probe.
    pub index: Index,
    /// From which of the run's ports.
    pub port: u16,
    /// From which UDP port, counted from the first.
    pub port_offset: u16,
    /// When, by its sender's clock.
    pub sent: Instant,
    /// How long after it was due; 0 if it does not say.
    pub lag: Span,
}

/// Where a frame is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u32);

/// A frame on the link, and what only the link knows of it.
#[derive(Debug)]
pub struct Frame {
    bytes: Box<[u8]>,
    len: u16,
    /// What it was when it was sent; of a packet of somebody else's, the probe it came with.
    pub origin: Origin,
    /// Whether it still is what its sender sent, but for padding.
    pub is_intact: bool,
}

impl Frame {
    /// The bytes that travel.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The same, to be changed.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..usize::from(self.len)]
    }

    /// All the memory there is for it.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Sets how much of the memory is the frame.
    ///
    /// # Panics
    ///
    /// If it is more than there is.
    pub fn set_len(&mut self, len: usize) {
        assert!(len <= self.bytes.len(), "{len} bytes");
        self.len = len as u16;
    }
}

/// Most memory for the bytes of frames.
const MAX_BYTES: usize = 2 << 30;

/// All frames.
#[derive(Debug)]
pub struct Frames {
    frames: Vec<Frame>,
    free: Vec<Slot>,
    max_len: usize,
}

impl Frames {
    /// No frames so far, of at most `max_len` bytes.
    #[must_use]
    pub const fn new(max_len: usize) -> Self {
        Self {
            frames: Vec::new(),
            free: Vec::new(),
            max_len,
        }
    }

    /// Returns whether there is no room for another few.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        let held = self.frames.len() - self.free.len();
        (held + 4) * self.max_len > MAX_BYTES
    }

    /// Memory for a frame of unknown content.
    pub fn make(&mut self) -> Slot {
        if let Some(slot) = self.free.pop() {
            return slot;
        }
        self.frames.push(Frame {
            // Whatever a sender leaves unset shows.
            bytes: vec![0xa5; self.max_len].into(),
            len: 0,
            origin: Origin {
                index: Index::new(0, 0),
                port: 0,
                port_offset: 0,
                sent: Instant::START,
                lag: Span::ZERO,
            },
            is_intact: true,
        });
        Slot(self.frames.len() as u32 - 1)
    }

    /// Another frame like the one in `slot`.
    pub fn copy(&mut self, slot: Slot) -> Slot {
        let copy = self.make();
        let [from, to] = self
            .frames
            .get_disjoint_mut([slot.0 as usize, copy.0 as usize])
            .expect("two frames");
        to.room()[..from.bytes().len()].copy_from_slice(from.bytes());
        to.len = from.len;
        to.origin = from.origin;
        to.is_intact = from.is_intact;
        copy
    }

    /// The frame in `slot` is no longer needed.
    pub fn free(&mut self, slot: Slot) {
        self.free.push(slot);
    }

    /// The frame in `slot`.
    #[must_use]
    pub fn get(&self, slot: Slot) -> &Frame {
        &self.frames[slot.0 as usize]
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, slot: Slot) -> &mut Frame {
        &mut self.frames[slot.0 as usize]
    }
}
