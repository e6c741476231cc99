//! DPDK's packet buffers, which are plain pointers here: a chain of segments each, of which
//! received packets may have several.
//!
//! Promised: every function that takes a buffer says whose it has to be, and none keeps one.
#![allow(unsafe_code)]

pub mod mempool;

use std::mem::offset_of;
use std::slice;

use dpdk_sys::dg_mbuf;

/// Returns the first `len` bytes from where the data of a packet begins.
///
/// # Safety
///
/// `mbuf` is a packet that is the caller's alone for `'a`, with `len` bytes or more from there to
/// its buffer's end. Buffers lie in memory that the kernel gave zeroed, so every byte has a value.
unsafe fn first_segment<'a>(mbuf: *mut dg_mbuf, len: usize) -> &'a mut [u8] {
    // SAFETY: the caller owns `mbuf`, which has these bytes; they lie outside of the mbuf's own
    // fields.
    unsafe {
        let data = (*mbuf)
            .buf_addr
            .cast::<u8>()
            .add(usize::from((*mbuf).data_off));
        slice::from_raw_parts_mut(data, len)
    }
}

/// Returns the first `len` bytes of the room for data in a buffer fresh from its pool.
///
/// # Safety
///
/// `mbuf` is the caller's alone for `'a`, fresh from a pool whose buffers have `len` bytes or more
/// behind DPDK's headroom, zeroed when they were made.
#[inline(always)] // into the loop over a burst
pub unsafe fn room<'a>(mbuf: *mut dg_mbuf, len: usize) -> &'a mut [u8] {
    // SAFETY: the caller owns `mbuf`, which has that much room; it lies outside of the mbuf's own
    // fields.
    unsafe {
        let data = (*mbuf)
            .buf_addr
            .cast::<u8>()
            .add(dpdk_sys::DG_HEADROOM as usize);
        slice::from_raw_parts_mut(data, len)
    }
}

/// Returns the segment that follows, null after the last.
///
/// # Safety
///
/// `mbuf` is a segment of a packet that is the caller's.
unsafe fn next_segment(mbuf: *mut dg_mbuf) -> *mut dg_mbuf {
    // SAFETY: struct rte_mbuf has its pointer to the next one at this offset, which is a multiple
    // of a pointer's alignment (asserted in dpdk-sys); the view is only the beginning of that
    // struct, but the pointer came from DPDK and reaches all of it.
    unsafe {
        mbuf.byte_add(dpdk_sys::DG_OFFSET_NEXT as usize)
            .cast::<*mut dg_mbuf>()
            .read()
    }
}

/// Returns whether a packet has several segments.
///
/// # Safety
///
/// `mbuf` is a packet that is the caller's.
pub unsafe fn is_scattered(mbuf: *mut dg_mbuf) -> bool {
    // SAFETY: the caller owns `mbuf`.
    unsafe { (*mbuf).nb_segs != 1 }
}

/// Returns a received frame, if it is in one piece already.
///
/// # Safety
///
/// `mbuf` is a received packet that is the caller's alone for `'a`.
#[inline(always)] // into the loop over a burst
pub unsafe fn in_one_piece<'a>(mbuf: *mut dg_mbuf) -> Option<&'a mut [u8]> {
    // SAFETY: the caller owns `mbuf`; the driver has filled `data_len` bytes of the segment.
    unsafe {
        let len = usize::from((*mbuf).data_len);
        (!is_scattered(mbuf)).then(|| first_segment(mbuf, len))
    }
}

/// Returns a received frame in one piece: a copy in `scratch`, if it has several segments.
///
/// # Safety
///
/// `mbuf` is a received packet that is the caller's alone for as long as `scratch` is borrowed.
pub unsafe fn frame(mbuf: *mut dg_mbuf, scratch: &mut [u8]) -> &mut [u8] {
    // SAFETY: the caller owns `mbuf`, a received packet.
    unsafe {
        match in_one_piece(mbuf) {
            Some(frame) => frame,
            None => gather(mbuf, scratch),
        }
    }
}

/// Copies the segments of a packet one after the other, as far as there is room, and returns the
/// copy.
///
/// # Safety
///
/// `mbuf` is a received packet that is the caller's alone.
#[cold]
pub unsafe fn gather(mbuf: *mut dg_mbuf, scratch: &mut [u8]) -> &mut [u8] {
    let (mut len, mut segment) = (0, mbuf);
    while !segment.is_null() {
        // SAFETY: the caller owns the packet; each of its segments has `data_len` bytes.
        let data = unsafe { first_segment(segment, usize::from((*segment).data_len)) };
        let part = data.len().min(scratch.len() - len);
        scratch[len..len + part].copy_from_slice(&data[..part]);
        len += part;
        // SAFETY: a segment of the packet that the caller owns.
        segment = unsafe { next_segment(segment) };
    }
    &mut scratch[..len]
}

/// Copies `bytes` over the beginning of a packet of several segments, which is at least as long.
///
/// # Safety
///
/// `mbuf` is a received packet that is the caller's alone.
#[cold]
pub unsafe fn copy_back(mbuf: *mut dg_mbuf, mut bytes: &[u8]) {
    let mut segment = mbuf;
    while !segment.is_null() && !bytes.is_empty() {
        // SAFETY: the caller owns the packet; each of its segments has `data_len` bytes.
        let data = unsafe { first_segment(segment, usize::from((*segment).data_len)) };
        let (part, rest) = bytes.split_at(data.len().min(bytes.len()));
        data[..part.len()].copy_from_slice(part);
        bytes = rest;
        // SAFETY: a segment of the packet that the caller owns.
        segment = unsafe { next_segment(segment) };
    }
}

// What `make_packet` writes as words.
const _: () = {
    assert!(cfg!(target_endian = "little"));
    assert!(offset_of!(dg_mbuf, data_off).is_multiple_of(align_of::<u64>()));
    assert!(offset_of!(dg_mbuf, refcnt) == offset_of!(dg_mbuf, data_off) + 2);
    assert!(offset_of!(dg_mbuf, nb_segs) == offset_of!(dg_mbuf, data_off) + 4);
    assert!(offset_of!(dg_mbuf, port) == offset_of!(dg_mbuf, data_off) + 6);
    assert!(offset_of!(dg_mbuf, ol_flags) == offset_of!(dg_mbuf, data_off) + 8);
    assert!(offset_of!(dg_mbuf, packet_type) == offset_of!(dg_mbuf, data_off) + 16);
    assert!(offset_of!(dg_mbuf, pkt_len) == offset_of!(dg_mbuf, data_off) + 20);
    assert!(offset_of!(dg_mbuf, data_len) == offset_of!(dg_mbuf, data_off) + 24);
    assert!(offset_of!(dg_mbuf, vlan_tci) == offset_of!(dg_mbuf, data_off) + 26);
    assert!(offset_of!(dg_mbuf, rss) == offset_of!(dg_mbuf, data_off) + 28);
};

/// Makes a buffer fresh from its pool a packet of one segment, whose data are the first `len` bytes
/// of its room.
///
/// Only the first of the mbuf's cache lines is written: by the second a buffer in its pool has no
/// next segment (see `rte_mbuf_raw_alloc`), and the lengths of headers for offloads are there,
/// which no flag asks for.
///
/// # Safety
///
/// `mbuf` is the caller's alone, fresh from its pool, and has that much room.
#[inline(always)] // into the loop over a burst
pub unsafe fn make_packet(mbuf: *mut dg_mbuf, len: usize) {
    const REFCNT: u64 = 1 << 16;
    const NB_SEGS: u64 = 1 << 32;
    const NO_PORT: u64 = (dpdk_sys::DG_NO_PORT as u64) << 48;
    let len = len as u64;
    let words = [
        u64::from(dpdk_sys::DG_HEADROOM) | REFCNT | NB_SEGS | NO_PORT,
        0,         // ol_flags
        len << 32, // packet_type, pkt_len
        len,       // data_len, vlan_tci, rss
    ];
    // SAFETY: the caller owns `mbuf`, which is one segment.
    debug_assert!(unsafe { next_segment(mbuf) }.is_null());
    // SAFETY: the caller owns `mbuf`; the words are these fields (asserted above), and the room of
    // a buffer fits 16 bits.
    unsafe { (&raw mut (*mbuf).data_off).cast::<[u64; 4]>().write(words) };
}

/// Returns what a driver noted of a packet, and what the next one is asked to do with it.
///
/// # Safety
///
/// `mbuf` is a packet that is the caller's.
#[inline(always)] // into the loop over a burst
pub unsafe fn offload_flags(mbuf: *mut dg_mbuf) -> u64 {
    // SAFETY: the caller owns `mbuf`.
    unsafe { (*mbuf).ol_flags }
}

/// Puts VLAN tags back into a packet, if the driver took them off and noted them beside it: they
/// are a part of it.
///
/// # Safety
///
/// `mbuf` is a received packet that is the caller's alone.
#[inline(always)] // into the loop over a burst
pub unsafe fn restore_tags(mbuf: *mut dg_mbuf) {
    // SAFETY: the caller owns `mbuf`.
    if unsafe { offload_flags(mbuf) } & dpdk_sys::DG_TAGS_BESIDE != 0 {
        // SAFETY: the caller owns `mbuf`, of which no slice is borrowed.
        unsafe { restore_tags_slow(mbuf) };
    }
}

/// Does so where there are some.
///
/// # Safety
///
/// As of [`restore_tags`].
#[cold]
unsafe fn restore_tags_slow(mbuf: *mut dg_mbuf) {
    // SAFETY: the caller owns the packet; the shim looks whether there is room and whether anybody
    // else has its data.
    unsafe { dpdk_sys::dg_restore_tags(mbuf) };
}

/// Prepares received packets to be sent: what a driver noted on receipt must not ask the next one
/// for offloads.
///
/// # Safety
///
/// They are packets that are the caller's.
#[cold]
pub unsafe fn clear_offloads(mbufs: &[*mut dg_mbuf]) {
    for &mbuf in mbufs {
        // SAFETY: the caller owns the packets.
        unsafe { (*mbuf).ol_flags &= dpdk_sys::DG_FOREIGN_DATA };
    }
}

/// Frees packets, all segments of each.
///
/// # Safety
///
/// They are the caller's, who does not use them again, and no more than `u16::MAX`.
pub unsafe fn free(mbufs: &mut [*mut dg_mbuf]) {
    if !mbufs.is_empty() {
        // SAFETY: the caller owns the packets and does not use them again; 16 bits hold their
        // number.
        unsafe { dpdk_sys::dg_free_bulk(mbufs.as_mut_ptr(), mbufs.len() as u16) };
    }
}

/// Prefetches the first line of a packet's data, assuming the default headroom, so that the mbuf
/// itself is not read.
pub fn prefetch(mbuf: *mut dg_mbuf) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        const DATA_AT: usize = (dpdk_sys::DG_MBUF_BYTES + dpdk_sys::DG_HEADROOM) as usize;
        let data = mbuf.cast::<i8>().wrapping_add(DATA_AT);
        // SAFETY: a prefetch reads nothing that the program sees, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(data) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = mbuf;
}
