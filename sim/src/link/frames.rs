//! The frames on the link, in memory that is used again.

use dpdkgen_core::probe::Index;
use dpdkgen_core::time::{Instant, Span};

/// The facts about a probe when it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The index of the probe: stream and sequence.
    pub index: Index,
    /// The number of the port that sent it.
    pub port: u16,
    /// The number of its source port, counted from the first one.
    pub port_offset: u16,
    /// The time at which it was sent, by its sender's clock.
    pub sent: Instant,
    /// The time from due to sent; 0 if the probe does not say.
    pub lag: Span,
}

/// The place of a frame in [`Frames`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u32);

/// A frame on the link, with what only the link knows of it.
#[derive(Debug)]
pub struct Frame {
    bytes: Box<[u8]>,
    len: u16,
    /// The probe that it was when it was sent; for a packet of somebody else's, the probe beside
    /// which it came.
    pub origin: Origin,
    /// Set while it is what its sender sent, but for padding.
    pub is_intact: bool,
}

impl Frame {
    /// Returns the bytes of the frame.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Returns the bytes of the frame, to be changed.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..usize::from(self.len)]
    }

    /// Returns all the memory that there is for the frame.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Sets the length of the frame in bytes.
    ///
    /// # Panics
    ///
    /// If there is less memory than that.
    pub fn set_len(&mut self, len: usize) {
        assert!(len <= self.bytes.len(), "{len} bytes");
        self.len = len as u16;
    }
}

/// The most memory for all frames, in bytes.
const MAX_BYTES: usize = 2 << 30;

/// All frames on the link.
#[derive(Debug)]
pub struct Frames {
    frames: Vec<Frame>,
    /// The slots of frames that are no longer needed.
    free: Vec<Slot>,
    /// The bytes of memory for each frame.
    max_len: usize,
}

impl Frames {
    /// Makes an empty store for frames of at most `max_len` bytes.
    #[must_use]
    pub const fn new(max_len: usize) -> Self {
        Self {
            frames: Vec::new(),
            free: Vec::new(),
            max_len,
        }
    }

    /// Returns whether there is no room for a packet and its copies.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        let held = self.frames.len() - self.free.len();
        (held + 4) * self.max_len > MAX_BYTES
    }

    /// Takes memory for a frame, of unknown content.
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

    /// Copies the frame in `slot`, with what is known of it, and returns the copy's slot.
    ///
    /// # Panics
    ///
    /// If `slot` is not one of these frames'.
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

    /// Releases the frame in `slot`, which is no longer needed.
    pub fn free(&mut self, slot: Slot) {
        self.free.push(slot);
    }

    /// Returns the frame in `slot`.
    #[must_use]
    pub fn get(&self, slot: Slot) -> &Frame {
        &self.frames[slot.0 as usize]
    }

    /// Returns the frame in `slot`, to be changed.
    pub fn get_mut(&mut self, slot: Slot) -> &mut Frame {
        &mut self.frames[slot.0 as usize]
    }
}
