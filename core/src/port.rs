//! The one trait that a runtime implements: a queue pair that moves bursts of frames.
//!
//! Buffers never leave the port. The generator, receiver and reflector see a frame only as a slice,
//! for as long as the closure that they pass in runs.

/// Bytes of an Ethernet frame without FCS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameLen(pub u16);

/// What became of the frames that [`Port::transmit`] was asked to send.
///
/// `accepted + refused + no_buffer` is what was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxOutcome {
    /// Taken over by the device: the first so many of those that were filled.
    pub accepted: u16,
    /// Filled, but not taken by the device.
    pub refused: u16,
    /// Not filled, for want of a buffer.
    pub no_buffer: u16,
}

/// What the reflector says of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send it back as it now is.
    Send,
    /// Free it.
    Drop,
}

/// What became of the frames of one [`Port::forward`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForwardOutcome {
    /// Frames received, each of which was shown to the reflector.
    pub received: u16,
    /// Bytes of the frames received, without FCS.
    pub received_bytes: u64,
    /// Frames sent back.
    pub sent: u16,
    /// Bytes of the frames sent back, without FCS.
    pub sent_bytes: u64,
    /// Frames that the reflector wanted sent and the device did not take; they are gone.
    pub refused: u16,
}

/// What a port can do, the same as long as it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The largest frame that it sends.
    pub max_frame: FrameLen,
    /// Most frames of one [`Port::receive`] or [`Port::forward`]; 0 without a receive queue.
    pub rx_burst: u16,
    /// Most frames of one [`Port::transmit`]; 0 without a transmit queue.
    pub tx_burst: u16,
}

/// A transmit queue, a receive queue or a pair of both, owned by one worker.
pub trait Port {
    /// Returns what the port can do.
    fn capabilities(&self) -> Capabilities;

    /// Takes `want` buffers, calls `fill` once for each in order, and hands the burst to the device.
    ///
    /// `fill` writes a frame to the start of the slice (which is as long as the largest frame that
    /// the port carries, and holds arbitrary bytes) and returns its length.
    fn transmit(&mut self, want: u16, fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome;

    /// Takes a burst of received frames from the device, calls `each` once for each in order, and
    /// returns how many they were. All of the burst has been taken before the first call, so a
    /// clock read in it is not earlier than the receipt of any.
    fn receive(&mut self, each: impl FnMut(&[u8])) -> u16;

    /// Takes a burst of received frames, calls `each` once for each in order, and sends those that
    /// it says to send.
    fn forward(&mut self, each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome;

    /// Returns how many packets wait in the receive queue, where the device tells it truly.
    fn rx_depth(&self) -> Option<u32> {
        None
    }
}
