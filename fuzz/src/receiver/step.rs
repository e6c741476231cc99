//! The steps of the `receiver` target's run, and what they do to frames.

use sim::link::frames::Frame;
use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::MOST_ADDED;
use crate::oracle;
use crate::places::Places;
use crate::probe::set_udp_checksum;

/// A step of the run: eight bytes of the input.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Step {
    /// Chooses the [`Happening`].
    pub what: u8,
    /// The stream that sends, or the receiver that gets the frame.
    pub to: u8,
    /// The frame that is received, counted backwards from the last one sent; or the lag of the one
    /// that is sent, in nanoseconds.
    pub which: U16,
    /// The offset of the byte that is changed, or of about the end of a frame that is resized.
    pub at: u8,
    /// The bits that are flipped in the byte, or the number of bytes from `at` to the frame's end.
    pub change: u8,
    /// The time that passes before the step, in units of 16 ns; with 0 the burst goes on.
    pub pause: U16,
}

/// The event of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A probe is sent.
    Send,
    /// A frame is received as it was sent.
    Deliver,
    /// A frame is received with a byte changed.
    Change,
    /// A frame is received with a byte changed, and a UDP checksum that is right all the same.
    Forge,
    /// A frame is received cut off, or with bytes added.
    Resize,
    /// A frame is received with all its addresses swapped.
    Turn,
}

impl Step {
    /// Returns the event that the step is.
    #[must_use]
    pub fn happening(&self) -> Happening {
        match self.what % 9 {
            0..3 => Happening::Send,
            3..5 => Happening::Deliver,
            5 => Happening::Change,
            6 => Happening::Forge,
            7 => Happening::Resize,
            _ => Happening::Turn,
        }
    }

    /// Does to a frame what happens to it on its way.
    pub(super) fn impair(&self, frame: &mut Frame, happening: Happening) {
        let len = frame.bytes().len();
        let at = usize::from(self.at) % len;
        match happening {
            Happening::Send | Happening::Deliver => {}
            Happening::Change => frame.bytes_mut()[at] ^= self.change,
            Happening::Forge => {
                frame.bytes_mut()[at] ^= self.change;
                set_udp_checksum(frame.bytes_mut(), oracle::udp_checksum);
            }
            Happening::Resize => {
                let len = (at + usize::from(self.change) % MOST_ADDED).min(frame.room().len());
                frame.set_len(len);
            }
            Happening::Turn => turn_round(frame.bytes_mut()),
        }
    }
}

/// Swaps all addresses of a UDP packet, which keeps the checksums right.
pub(super) fn turn_round(frame: &mut [u8]) {
    if let Some(places) = Places::of(frame).filter(|places| places.has_udp(frame)) {
        frame.copy_from_slice(&places.swapped(frame));
    }
}
