//! Batches of datagrams: one `recvmmsg` or `sendmmsg` for many.
//!
//! Each datagram has a slot with room for headers in front of it, which no kernel sees. Between start
//! and stop nothing here allocates, and a burst takes one system call.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::null_mut;
use std::slice;

use libc::{iovec, mmsghdr, msghdr};

use super::fixed::Fixed;

/// Bytes in front of each datagram.
pub const HEADROOM: usize = 64;

/// Bytes of ancillary data of a datagram.
pub const CONTROL_LEN: usize = 256;

/// Bytes of the address of a socket of either family.
pub const NAME_LEN: usize = size_of::<libc::sockaddr_in6>();

/// The address of a peer, as the kernel has it.
#[repr(C, align(8))]
struct Name([u8; NAME_LEN]);

/// Ancillary data, as the kernel has it: of the alignment of its headers.
#[repr(C, align(8))]
struct Control([u8; CONTROL_LEN]);

/// Slots for datagrams, and those of them that are to be sent.
pub struct Batch {
    /// Bytes of datagram in a slot.
    room: usize,
    /// Bytes from one slot to the next.
    stride: usize,
    bytes: Fixed<u8>,
    pieces: Fixed<iovec>,
    names: Fixed<Name>,
    controls: Fixed<Control>,
    slots: Fixed<mmsghdr>,
    /// The messages to send, which are of the slots' bytes and go to the slots' names.
    staged: Fixed<mmsghdr>,
    staged_pieces: Fixed<iovec>,
    staged_controls: Fixed<Control>,
    staged_len: usize,
    staged_pieces_len: usize,
}

/// A part of the datagram in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The slot.
    pub slot: usize,
    /// Where the part begins.
    pub at: usize,
    /// Its bytes.
    pub len: usize,
}

// SAFETY: all addresses in it are of memory that it owns.
unsafe impl Send for Batch {}

impl Batch {
    /// Makes `slots` slots for datagrams of up to `room` bytes, of which up to `pieces` pieces can be
    /// staged to be sent.
    #[must_use]
    pub fn new(slots: usize, room: usize, pieces: usize) -> Self {
        let no_piece = || iovec {
            iov_base: null_mut(),
            iov_len: 0,
        };
        let stride = (HEADROOM + room).next_multiple_of(HEADROOM);
        let mut batch = Self {
            room,
            stride,
            bytes: Fixed::new(slots * stride, || 0),
            pieces: Fixed::new(slots, no_piece),
            names: Fixed::new(slots, || Name([0; NAME_LEN])),
            controls: Fixed::new(slots, || Control([0; CONTROL_LEN])),
            slots: Fixed::new(slots, empty),
            staged: Fixed::new(pieces, empty),
            staged_pieces: Fixed::new(pieces, no_piece),
            staged_controls: Fixed::new(pieces, || Control([0; CONTROL_LEN])),
            staged_len: 0,
            staged_pieces_len: 0,
        };
        for slot in 0..slots {
            batch.wire(slot);
        }
        batch
    }

    /// Has the message of a slot point at the slot's memory.
    fn wire(&mut self, slot: usize) {
        let header = msghdr {
            msg_name: self.names.at(slot).cast(),
            msg_iov: self.pieces.at(slot),
            msg_iovlen: 1,
            msg_control: self.controls.at(slot).cast(),
            ..empty().msg_hdr
        };
        let base = self.bytes.at(slot * self.stride + HEADROOM);
        // SAFETY: both are values of ours, and nobody else looks at them.
        unsafe {
            (*self.slots.at(slot)).msg_hdr = header;
            (*self.pieces.at(slot)).iov_base = base.cast();
        }
    }

    /// Returns the number of slots.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns whether there is no slot.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Receives datagrams that wait in `socket` into at most `most` slots from `first` on, and
    /// returns how many they are.
    ///
    /// # Errors
    ///
    /// As `recvmmsg` has it; `EAGAIN` if none waits.
    ///
    /// # Panics
    ///
    /// If there are not that many slots.
    #[inline]
    pub fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        first: usize,
        most: usize,
    ) -> io::Result<usize> {
        if most == 0 {
            return Ok(0);
        }
        assert!(first + most <= self.len(), "slots of the batch");
        for slot in first..first + most {
            // SAFETY: both are values of ours, and nobody else looks at them.
            unsafe {
                let header = &mut (*self.slots.at(slot)).msg_hdr;
                header.msg_namelen = NAME_LEN as u32;
                header.msg_controllen = CONTROL_LEN as _;
                (*self.pieces.at(slot)).iov_len = self.room;
            }
        }
        let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
        // SAFETY: the messages are `most` of ours, and what they point at is ours too and as long as
        // they say; none of it is borrowed, since that takes `self`.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.slots.at(first),
                most as u32,
                flags as _,
                null_mut(),
            )
        };
        usize::try_from(received).map_err(|_| io::Error::last_os_error())
    }

    /// Returns the bytes of the datagram that was received in a slot, of which as many are there as
    /// had room.
    #[must_use]
    #[inline]
    pub fn received_len(&self, slot: usize) -> usize {
        // SAFETY: a value of ours, which the kernel has written.
        unsafe { (*self.slots.at(slot)).msg_len as usize }
    }

    /// Returns the address that the datagram in a slot came from, as the kernel has it.
    #[must_use]
    #[inline]
    pub fn name(&self, slot: usize) -> &[u8; NAME_LEN] {
        // SAFETY: a value of ours, which is written while `self` is borrowed mutably only.
        unsafe { &(*self.names.at(slot)).0 }
    }

    /// Returns the ancillary data of the datagram that was received in a slot.
    #[must_use]
    #[inline]
    pub fn control(&self, slot: usize) -> &[u8] {
        // SAFETY: as above.
        let (control, len) = unsafe {
            let len = (*self.slots.at(slot)).msg_hdr.msg_controllen;
            (&(*self.controls.at(slot)).0, len)
        };
        &control[..len.min(CONTROL_LEN)]
    }

    /// Returns a piece of the datagram's place in a slot, as far as there is room for it, and `before`
    /// bytes in front of it.
    ///
    /// # Panics
    ///
    /// If there is no such slot, or not as much in front.
    #[inline]
    pub fn frame(&mut self, piece: Piece, before: usize) -> &mut [u8] {
        let Piece { slot, at, len } = piece;
        assert!(before <= HEADROOM && at <= self.room, "a place in a slot");
        let first = self.bytes.at(slot * self.stride + HEADROOM + at - before);
        let len = len.min(self.room - at);
        // SAFETY: within the slot, which has HEADROOM and `room` bytes and is borrowed with `self`.
        unsafe { slice::from_raw_parts_mut(first, before + len) }
    }

    /// Has pieces of datagrams sent as one message: to where that in slot `answered` came from if there
    /// is one, and with `control` as ancillary data.
    ///
    /// # Panics
    ///
    /// If there are no such pieces, more of them than was said when the batch was made, or too much
    /// ancillary data.
    #[inline]
    pub fn stage(
        &mut self,
        pieces: impl Iterator<Item = Piece>,
        answered: Option<usize>,
        control: &[u8],
    ) {
        let (number, first) = (self.staged_len, self.staged_pieces_len);
        for Piece { slot, at, len } in pieces {
            assert!(at + len <= self.room, "a piece of a slot");
            let base = self.bytes.at(slot * self.stride + HEADROOM + at);
            // SAFETY: a value of ours, and nobody else looks at it.
            unsafe {
                *self.staged_pieces.at(self.staged_pieces_len) = iovec {
                    iov_base: base.cast(),
                    iov_len: len,
                };
            }
            self.staged_pieces_len += 1;
        }
        self.staged_len += 1;
        // SAFETY: all are values of ours, within their bounds as `at` asks, and nobody else looks at
        // them.
        unsafe {
            let (msg_name, msg_namelen) = answered.map_or((null_mut(), 0), |slot| {
                let slot = &(*self.slots.at(slot)).msg_hdr;
                (slot.msg_name, slot.msg_namelen)
            });
            let own_control = &mut (*self.staged_controls.at(number)).0;
            own_control[..control.len()].copy_from_slice(control);
            (*self.staged.at(number)).msg_hdr = msghdr {
                msg_name,
                msg_namelen,
                msg_iov: self.staged_pieces.at(first),
                msg_iovlen: (self.staged_pieces_len - first) as _,
                msg_control: if control.is_empty() {
                    null_mut()
                } else {
                    self.staged_controls.at(number).cast()
                },
                msg_controllen: control.len() as _,
                ..empty().msg_hdr
            };
        }
    }

    /// Returns the number of messages that are staged.
    #[must_use]
    pub const fn staged_len(&self) -> usize {
        self.staged_len
    }

    /// Sends the staged messages from `first` on, and returns how many of them `socket` took.
    ///
    /// # Errors
    ///
    /// As `sendmmsg` has it, if it did not take the first of them.
    #[inline]
    pub fn send(&mut self, socket: BorrowedFd<'_>, first: usize) -> io::Result<usize> {
        if first >= self.staged_len {
            return Ok(0);
        }
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        // SAFETY: the messages are ours up to `staged_len`, and point at what is ours and as long as
        // they say; none of it is borrowed, since that takes `self`.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.staged.at(first),
                (self.staged_len - first) as u32,
                flags as _,
            )
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }

    /// Forgets the staged messages.
    #[inline]
    pub const fn unstage(&mut self) {
        self.staged_len = 0;
        self.staged_pieces_len = 0;
    }
}

/// Returns a message of nothing.
const fn empty() -> mmsghdr {
    // SAFETY: a struct of addresses and numbers, for all of which zeros are valid; not all C
    // libraries have the same fields.
    unsafe { std::mem::zeroed() }
}
