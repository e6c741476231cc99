//! The limits of what may be asked for.

use dpdkgen_core::probe::layout::Layout;
use dpdkgen_core::time::Span;
use dpdkgen_core::tx::template;
use dpdkgen_core::{probe, wire};

/// UDP payload bytes: index, time and tag.
pub const MIN_PAYLOAD: u16 = probe::MIN_LEN as u16;
/// UDP payload bytes of a 9000-byte IP packet.
pub const MAX_PAYLOAD: u16 = template::MAX_PAYLOAD_LEN as u16;
/// Bytes of Ethernet, IPv4 and UDP headers.
pub const HEADERS: u16 = Layout::IPV4.payload() as u16;
/// Bytes of a frame around its payload: the headers and the FCS.
pub const AROUND_PAYLOAD: u16 = HEADERS + wire::FCS_LEN as u16;
/// Bytes of the frame around [`MIN_PAYLOAD`].
pub const MIN_FRAME: u16 = MIN_PAYLOAD + AROUND_PAYLOAD;
/// Bytes of the frame around [`MAX_PAYLOAD`].
pub const MAX_FRAME: u16 = MAX_PAYLOAD + AROUND_PAYLOAD;
/// Packets per burst.
pub const MAX_BURST: u16 = 512;
/// Ports of one run.
pub const MAX_PORTS: usize = dpdkgen_core::rx::verify::MAX_PORTS;
/// Queues per port and direction.
pub const MAX_QUEUES: u16 = 1_024;
/// Queues of all ports together, per direction.
pub const MAX_STREAMS: u64 = 1_024;
/// Streams times source ports: each has a place in the table that finds reordering.
pub const MAX_FLOWS: u64 = 1 << 24;
/// Descriptors per queue; the device's own limits are narrower.
pub const MAX_DESC: u16 = u16::MAX;
/// The shortest interval; a probe's time may be a nanosecond off to spare its checksum.
pub const MIN_INTERVAL: Span = Span::from_nanos(100);
/// Intervals that the grace keeps open.
pub const MAX_OPEN_INTERVALS: u64 = 1 << 20;
/// Sequences in which duplicates are found, at least.
pub const MIN_WINDOW: u64 = 1 << 20;
/// The same when no rate says how many it takes.
pub const WINDOW_WITHOUT_RATE: u64 = 1 << 24;
/// The same at most: 128 MiB of bits.
pub const MAX_WINDOW: u64 = 1 << 30;
/// Intervals and waits: the 48 bits of time in a probe wrap after 78 hours.
pub const MAX_WAIT: Span = Span::from_secs(24 * 3_600);
/// A run tag has 48 bits.
pub const MAX_RUN_TAG: u64 = (1 << 48) - 1;
