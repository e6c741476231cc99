//! The poll loop's side of a port: bursts of frames through a queue or a pair of queues.
//!
//! Between start and stop nothing here allocates, locks, or calls C more than once per burst and
//! purpose (take buffers, receive, send, free), but to free packets that a reflector does not send
//! on. A buffer never leaves this module: what the device has accepted is not touched again, and
//! everything else is freed before a call returns.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::{NonNull, null_mut};

use dpdk_sys::dg_mbuf;
use dpdkgen_core::port::{Capabilities, ForwardOutcome, FrameLen, Port, TxOutcome, Verdict};
use dpdkgen_core::wire::{Tags, Vlan};

use super::Direction;
use super::memif::BurstGuard;
use crate::mbuf::{
    clear_offloads, copy_back, frame, free, gather, in_one_piece, make_packet, offload_flags,
    prefetch, restore_tags, room,
};

/// The largest burst.
pub const MAX_BURST: u16 = dpdkgen_run::request::limits::MAX_BURST;

/// Bytes of the largest frame that is put together from several segments; a longer one is cut.
const SCRATCH_BYTES: usize = 1 << 16;
/// Bytes of the most VLAN tags of a frame.
pub(crate) const TAGS_LEN: usize = Tags::MAX * Vlan::LEN;
/// What a reflector may change of a frame: its headers and the UDP checksum (Ethernet with two tags
/// 22, IPv4 up to 60, UDP 8).
const CHANGED_BYTES: usize = 128;
/// How often a full transmit ring is tried again before the rest of a burst is given up, and how
/// long to wait in between: some 50 microseconds in all, where a pause takes 140 cycles.
const RETRIES: u32 = 64;
const PAUSES_PER_RETRY: u32 = 10;
/// How many frames ahead a frame's first bytes are fetched into the cache.
const PREFETCH_AHEAD: usize = 4;

/// A burst, and room to look ahead behind it.
const SLOTS: usize = MAX_BURST as usize + PREFETCH_AHEAD;
type Slots = [*mut dg_mbuf; SLOTS];

/// A receive queue, and how it is read.
#[derive(Clone, Copy)]
pub(crate) struct RxQueue {
    pub queue: u16,
    pub burst: u16,
    pub has_depth: bool,
}

/// A transmit queue, and where buffers for it are taken; a reflector needs none.
#[derive(Clone, Copy)]
pub(crate) struct TxQueue {
    pub queue: u16,
    pub pool: Option<NonNull<dpdk_sys::rte_mempool>>,
}

/// A receive queue, a transmit queue or a pair of both, for one worker.
pub struct QueuePort<'device> {
    port: u16,
    rx: Option<RxQueue>,
    tx: Option<TxQueue>,
    /// Bytes of the largest frame that can be sent, without VLAN tags.
    frame_max: usize,
    burst: Box<Slots>,
    scratch: Box<[u8]>,
    /// For a driver whose interrupts must not meet a burst.
    guard: Option<BurstGuard>,
    device: PhantomData<&'device ()>,
}

// SAFETY: the raw pointers are the pool, which DPDK makes for use from any thread, and arrays of
// buffers that are only valid within one call, in one thread.
unsafe impl Send for QueuePort<'_> {}

impl QueuePort<'_> {
    /// Makes the port of a worker from a queue, or a pair of them, of the DPDK port `port`.
    pub(crate) fn new(
        port: u16,
        rx: Option<RxQueue>,
        tx: Option<TxQueue>,
        frame_max: usize,
        guard: Option<BurstGuard>,
    ) -> Self {
        Self {
            port,
            rx,
            tx,
            frame_max,
            burst: Box::new([null_mut(); SLOTS]),
            scratch: vec![0; SCRATCH_BYTES].into_boxed_slice(),
            guard,
            device: PhantomData,
        }
    }

    /// Returns the number of the receive queue, if there is one.
    #[must_use]
    pub fn rx_queue(&self) -> Option<u16> {
        self.rx.map(|rx| rx.queue)
    }

    /// Returns the number of the transmit queue, if there is one.
    #[must_use]
    pub fn tx_queue(&self) -> Option<u16> {
        self.tx.map(|tx| tx.queue)
    }

    /// Takes a burst from the device into `self.burst`, and returns how many they are.
    fn take_received(&mut self) -> usize {
        let Some(rx) = self.rx else { return 0 };
        let mbufs = self.burst.as_mut_ptr();
        let count = burst(self.guard.as_ref(), Direction::Rx, || {
            // SAFETY: the queue is this worker's alone, its port stays configured while `self`
            // lives, and the array has room for `burst` (at most MAX_BURST) pointers.
            unsafe { dpdk_sys::dg_rx_burst(self.port, rx.queue, mbufs, rx.burst) }
        });
        usize::from(count)
    }
}

/// A transmit queue that packets are handed over to.
struct TxBurst<'port> {
    port: u16,
    queue: u16,
    guard: Option<&'port BurstGuard>,
}

impl TxBurst<'_> {
    /// Hands over packets of `mbufs`, and returns how many of the first the device has accepted.
    fn send(&self, mbufs: &mut [*mut dg_mbuf]) -> usize {
        debug_assert!(
            !mbufs.is_empty(),
            "drivers may read the first packet of none"
        );
        // A slice of the arrays, so no longer than MAX_BURST.
        let count = mbufs.len() as u16;
        let accepted = burst(self.guard, Direction::Tx, || {
            // SAFETY: the queue is this worker's alone, its port stays configured while the
            // QueuePort lives, and the slice holds `count` packets that are ours.
            unsafe { dpdk_sys::dg_tx_burst(self.port, self.queue, mbufs.as_mut_ptr(), count) }
        });
        usize::from(accepted)
    }

    /// Sends all of `mbufs` that the device accepts, waiting a little where its ring is full.
    #[inline]
    fn send_with_retry(&self, mbufs: &mut [*mut dg_mbuf]) -> usize {
        if mbufs.is_empty() {
            return 0;
        }
        let sent = self.send(mbufs);
        if sent == mbufs.len() {
            return sent;
        }
        self.send_rest(mbufs, sent)
    }

    /// Tries again to send what follows the first `sent` of `mbufs`, and returns how many are sent.
    #[cold]
    fn send_rest(&self, mbufs: &mut [*mut dg_mbuf], mut sent: usize) -> usize {
        let mut retries = 0;
        while sent < mbufs.len() && retries < RETRIES {
            for _ in 0..PAUSES_PER_RETRY {
                std::hint::spin_loop();
            }
            sent += self.send(&mut mbufs[sent..]);
            retries += 1;
        }
        sent
    }
}

/// Calls the driver, guarded where it needs that, and returns how many packets it has moved.
fn burst(guard: Option<&BurstGuard>, direction: Direction, call: impl FnOnce() -> u16) -> u16 {
    match guard {
        None => call(),
        Some(guard) => guard.during(direction, call),
    }
}

impl Port for QueuePort<'_> {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            // A buffer's size has 16 bits.
            max_frame: FrameLen(self.frame_max as u16),
            rx_burst: self.rx.map_or(0, |rx| rx.burst),
            tx_burst: self.tx.map_or(0, |_| MAX_BURST),
        }
    }

    fn transmit(&mut self, want: u16, mut fill: impl FnMut(&mut [u8]) -> FrameLen) -> TxOutcome {
        let none = TxOutcome {
            no_buffer: want,
            ..TxOutcome::default()
        };
        let Some(TxQueue {
            queue,
            pool: Some(pool),
        }) = self.tx
        else {
            return none;
        };
        let count = want.min(MAX_BURST);
        if count == 0 || !take_buffers(pool, &mut self.burst[..usize::from(count)]) {
            return none;
        }
        let burst = &mut self.burst[..usize::from(count)];
        let frame_room = self.frame_max + TAGS_LEN;
        for &mut mbuf in &mut *burst {
            // SAFETY: a fresh buffer, ours alone; its room is that or more (see
            // `Device::make_queues`).
            let len = usize::from(fill(unsafe { room(mbuf, frame_room) }).0);
            debug_assert!(len <= frame_room, "a frame of {len} bytes");
            // SAFETY: a fresh buffer, ours alone, with that much room; the slice is gone.
            unsafe { make_packet(mbuf, len.min(frame_room)) };
        }
        let tx_burst = TxBurst {
            port: self.port,
            queue,
            guard: self.guard.as_ref(),
        };
        let accepted = tx_burst.send(burst);
        // SAFETY: those that were not accepted are still ours.
        unsafe { free(&mut burst[accepted..]) };
        let accepted = accepted as u16;
        TxOutcome {
            accepted,
            refused: count - accepted,
            no_buffer: want - count,
        }
    }

    fn receive(&mut self, mut each: impl FnMut(&[u8])) -> u16 {
        let count = self.take_received();
        for (here, later) in with_later(&mut self.burst, count) {
            prefetch(later.get());
            // SAFETY: a received packet, ours alone until it is freed below.
            unsafe { restore_tags(here.get()) };
            // SAFETY: a received packet, ours until it is freed below.
            let frame = unsafe { frame(here.get(), &mut self.scratch) };
            each(frame);
        }
        // SAFETY: received above, and no frame is borrowed any more.
        unsafe { free(&mut self.burst[..count]) };
        count as u16
    }

    fn forward(&mut self, mut each: impl FnMut(&mut [u8]) -> Verdict) -> ForwardOutcome {
        let Some(tx) = self.tx else {
            return ForwardOutcome::default();
        };
        let count = self.take_received();
        let (mut bytes, mut flags) = (0, 0);
        let mut unsent = Unsent::default();
        for (here, later) in with_later(&mut self.burst, count) {
            prefetch(later.get());
            let mbuf = here.get();
            // SAFETY: a received packet, ours alone until it is sent or freed below.
            unsafe { restore_tags(mbuf) };
            // SAFETY: a received packet, ours until it is sent or freed below.
            flags |= unsafe { offload_flags(mbuf) };
            // SAFETY: a received packet, ours alone until it is sent or freed below.
            let (len, verdict) = match unsafe { in_one_piece(mbuf) } {
                Some(frame) => (frame.len(), each(frame)),
                // SAFETY: a received packet, ours alone until it is sent or freed below.
                None => unsafe { show_gathered(mbuf, &mut self.scratch, &mut each) },
            };
            bytes += len as u64;
            if verdict == Verdict::Drop {
                // SAFETY: a received packet that is ours; the frame is not borrowed any more.
                unsafe { unsent.discard(here, len) };
            }
        }
        if unsent.packets > 0 {
            close_ranks(&mut self.burst[..count]);
        }
        let wanted = count - unsent.packets;
        if flags != 0 {
            // SAFETY: received above, and not freed.
            unsafe { clear_offloads(&self.burst[..wanted]) };
        }
        let tx_burst = TxBurst {
            port: self.port,
            queue: tx.queue,
            guard: self.guard.as_ref(),
        };
        let sent = tx_burst.send_with_retry(&mut self.burst[..wanted]);
        let refused = &mut self.burst[sent..wanted];
        for &mut mbuf in &mut *refused {
            // SAFETY: those that were not accepted are still ours.
            unsent.bytes += unsafe { frame(mbuf, &mut self.scratch) }.len() as u64;
        }
        // SAFETY: those that were not accepted are still ours, and not borrowed any more.
        unsafe { free(refused) };
        ForwardOutcome {
            received: count as u16,
            received_bytes: bytes,
            sent: sent as u16,
            sent_bytes: bytes - unsent.bytes,
            refused: (wanted - sent) as u16,
        }
    }

    fn rx_depth(&self) -> Option<u32> {
        let rx = self.rx.filter(|rx| rx.has_depth)?;
        // SAFETY: a queue of a port that stays configured while `self` lives.
        u32::try_from(unsafe { dpdk_sys::dg_rx_queue_count(self.port, rx.queue) }).ok()
    }
}

/// Iterates over the packets of a burst of `count`, each with one further on: the last of these may
/// be of earlier bursts, or null.
fn with_later(
    burst: &mut Slots,
    count: usize,
) -> impl Iterator<Item = (&Cell<*mut dg_mbuf>, &Cell<*mut dg_mbuf>)> {
    let slots = Cell::from_mut(&mut burst[..]).as_slice_of_cells();
    slots[..count].iter().zip(&slots[PREFETCH_AHEAD..])
}

/// Shows `each` a frame of several segments, puts what it changed back into them, and returns the
/// frame's length and the verdict.
///
/// # Safety
///
/// `mbuf` is a received packet that is the caller's alone.
#[cold]
#[inline(never)]
unsafe fn show_gathered(
    mbuf: *mut dg_mbuf,
    scratch: &mut [u8],
    each: &mut dyn FnMut(&mut [u8]) -> Verdict,
) -> (usize, Verdict) {
    // SAFETY: the caller owns `mbuf`, a received packet.
    let frame = unsafe { gather(mbuf, scratch) };
    let verdict = each(frame);
    let changed = &frame[..frame.len().min(CHANGED_BYTES)];
    // SAFETY: the caller owns `mbuf`; the frame is a copy, so nothing of it is borrowed.
    unsafe { copy_back(mbuf, changed) };
    (frame.len(), verdict)
}

/// What was received in a burst and is not sent on.
#[derive(Default)]
struct Unsent {
    packets: usize,
    bytes: u64,
}

impl Unsent {
    /// Frees the packet `here`, of `len` bytes, and leaves null.
    ///
    /// # Safety
    ///
    /// It is the caller's, who does not use it again.
    #[cold]
    #[inline(never)]
    unsafe fn discard(&mut self, here: &Cell<*mut dg_mbuf>, len: usize) {
        self.packets += 1;
        self.bytes += len as u64;
        // SAFETY: the caller owns the packet, and does not use it again.
        unsafe { free(&mut [here.replace(null_mut())]) };
    }
}

/// Moves packets up to where others were taken out, which left null.
#[cold]
fn close_ranks(burst: &mut [*mut dg_mbuf]) {
    let mut kept = 0;
    for i in 0..burst.len() {
        if !burst[i].is_null() {
            burst.swap(kept, i);
            kept += 1;
        }
    }
}

/// Takes as many buffers as there are places, or none. Returns whether it did.
fn take_buffers(pool: NonNull<dpdk_sys::rte_mempool>, places: &mut [*mut dg_mbuf]) -> bool {
    // SAFETY: a `QueuePort` has only the pool of its device, which it borrows. A slice of the
    // arrays is no longer than MAX_BURST.
    unsafe { dpdk_sys::dg_take_bulk(pool.as_ptr(), places.as_mut_ptr(), places.len() as u16) == 0 }
}
