//! The limits of what a request may ask for.

use dpdkgen_core::probe::layout::Layout;
use dpdkgen_core::time::Span;
use dpdkgen_core::tx::template;
use dpdkgen_core::{probe, wire};

/// The fewest bytes of UDP payload: those of index, time and tag.
pub const MIN_PAYLOAD: u16 = probe::MIN_LEN as u16;
/// The bytes of the largest frame of a probe, without VLAN tags and FCS: that of a 9000-byte IP
/// packet.
pub const MAX_FRAME: u16 = max_payload(Layout::IPV4) + Layout::IPV4.payload() as u16;

/// Returns the most bytes of UDP payload: those of a 9000-byte IP packet.
#[must_use]
pub const fn max_payload(layout: Layout) -> u16 {
    template::max_payload_len(layout) as u16
}

/// Returns the bytes of a frame around its payload: the headers and the FCS.
#[must_use]
pub const fn around_payload(layout: Layout) -> u16 {
    (layout.payload() + wire::FCS_LEN) as u16
}

/// The most sizes of a mix.
pub const MAX_SIZES: usize = probe::sizes::MAX_SIZES;
/// The most that the weights of a mix may add up to.
pub const MAX_CYCLE: u64 = probe::sizes::MAX_CYCLE as u64;
/// The most packets of a burst.
pub const MAX_BURST: u16 = 512;
/// The most ports of one run.
pub const MAX_PORTS: usize = dpdkgen_core::rx::verify::MAX_PORTS;
/// The most queues per port and direction.
pub const MAX_QUEUES: u16 = 1_024;
/// The most queues of all ports together, per direction.
pub const MAX_STREAMS: u64 = 1_024;
/// The most flows (streams times source ports): each has a place in the table that finds
/// reordering.
pub const MAX_FLOWS: u64 = 1 << 24;
/// The most descriptors per queue; the device's own limits are narrower.
pub const MAX_DESC: u16 = u16::MAX;
/// The smallest MTU that can be asked for: what every host of IPv4 forwards whole (RFC 791,
/// section 3.2).
pub const MIN_MTU: u16 = 68;
/// The largest MTU that can be asked for; the device's own limit is narrower.
pub const MAX_MTU: u16 = 65_000;
/// The shortest interval; a probe's time may be a nanosecond off to spare its checksum.
pub const MIN_INTERVAL: Span = Span::from_nanos(100);
/// The most intervals that the grace may keep open.
pub const MAX_OPEN_INTERVALS: u64 = 1 << 20;
/// The fewest sequences in which duplicates are found.
pub const MIN_WINDOW: u64 = 1 << 20;
/// The sequences in which duplicates are found when no rate says how many it takes.
pub const WINDOW_WITHOUT_RATE: u64 = 1 << 24;
/// The most sequences in which duplicates are found: 128 MiB of bits.
pub const MAX_WINDOW: u64 = 1 << 30;
/// The longest interval and the longest wait: the 48 bits of time in a probe wrap after 78 hours.
pub const MAX_WAIT: Span = Span::from_secs(24 * 3_600);
/// The greatest run tag, which has 48 bits.
pub const MAX_RUN_TAG: u64 = (1 << 48) - 1;
