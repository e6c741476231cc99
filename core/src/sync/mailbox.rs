//! A place where one thread leaves a message of bytes for another.

use crate::sync::{AtomicU64, Edge, Relaxed, acquire, release};

/// Room for one message of at most 8 times `WORDS` bytes, between one writer and one reader.
pub struct Mailbox<const WORDS: usize> {
    /// 0 if it is empty, and else one more than the bytes of the message.
    state: AtomicU64,
    words: [AtomicU64; WORDS],
}

impl<const WORDS: usize> Default for Mailbox<WORDS> {
    fn default() -> Self {
        Self {
            state: AtomicU64::new(0),
            words: crate::sync::zeros(),
        }
    }
}

impl<const WORDS: usize> Mailbox<WORDS> {
    /// Leaves `message`, and returns whether there was room: the last one has been taken, and this
    /// one fits. Only one thread may call this.
    pub fn post(&self, message: &[u8]) -> bool {
        if message.len() > 8 * WORDS || self.state.load(acquire(Edge::HandedBack)) != 0 {
            return false;
        }
        for (word, bytes) in self.words.iter().zip(message.chunks(8)) {
            let mut whole = [0; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_ne_bytes(whole), Relaxed);
        }
        let state = message.len() as u64 + 1;
        self.state.store(state, release(Edge::Posted));
        true
    }

    /// Returns whether there is a message, as far as the reader can see already.
    #[inline]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.state.load(Relaxed) != 0
    }

    /// Takes the message into `room`, as much of it as fits, and returns its bytes. Only one thread
    /// may call this.
    pub fn take<'r>(&self, room: &'r mut [u8]) -> Option<&'r mut [u8]> {
        let len = self.state.load(acquire(Edge::Posted)).checked_sub(1)? as usize;
        let message = room.get_mut(..len)?;
        for (word, bytes) in self.words.iter().zip(message.chunks_mut(8)) {
            let whole = word.load(Relaxed).to_ne_bytes();
            bytes.copy_from_slice(&whole[..bytes.len()]);
        }
        self.state.store(0, release(Edge::HandedBack));
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_taken_once_and_whole() {
        let mailbox = Mailbox::<3>::default();
        let mut room = [0; 32];
        for len in [0, 1, 7, 8, 9, 24] {
            let message: std::vec::Vec<u8> = (1..=len).collect();
            assert!(!mailbox.is_full());
            assert!(mailbox.post(&message), "{len} bytes");
            assert!(mailbox.is_full() && !mailbox.post(&message));
            assert_eq!(mailbox.take(&mut room).as_deref(), Some(&message[..]));
            assert_eq!(mailbox.take(&mut room), None);
        }
        assert!(!mailbox.post(&[0; 25]), "too long");
    }
}
