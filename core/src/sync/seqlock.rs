//! Words that one thread writes and others read whole, without a lock.
//!
//! A version counts the writings and is odd during one (a seqlock): a reader that finds another
//! version after reading than before has read words of two writings, and tries again.

use crate::sync::{AtomicU64, Edge, Relaxed, acquire, fence, release};

/// `WORDS` words that belong together: a reader gets all of one publication or none.
pub struct SeqLock<const WORDS: usize> {
    /// Odd while the words are being written.
    version: AtomicU64,
    words: [AtomicU64; WORDS],
}

impl<const WORDS: usize> SeqLock<WORDS> {
    /// Makes a lock whose readers get `words` until something is published.
    #[must_use]
    pub fn new(words: [u64; WORDS]) -> Self {
        Self {
            version: AtomicU64::new(0),
            words: words.map(AtomicU64::new),
        }
    }

    /// Publishes `words`; only one thread may call this.
    #[inline]
    pub fn publish(&self, words: [u64; WORDS]) {
        let version = self.version.load(Relaxed);
        self.version.store(version.wrapping_add(1), Relaxed);
        // No word becomes visible before the odd version.
        fence(release(Edge::Overwriting));
        for (shared, word) in self.words.iter().zip(words) {
            shared.store(word, Relaxed);
        }
        self.version
            .store(version.wrapping_add(2), release(Edge::Published));
    }

    /// Returns the version that was published last and its words, or `None` if the writer was just
    /// publishing: try again.
    #[must_use]
    #[inline]
    pub fn try_snapshot(&self) -> Option<(u64, [u64; WORDS])> {
        let version = self.version.load(acquire(Edge::Published));
        if version % 2 == 1 {
            return None;
        }
        let words = core::array::from_fn(|i| self.words[i].load(Relaxed));
        // No word is read after the version is checked.
        fence(acquire(Edge::Overwriting));
        (self.version.load(Relaxed) == version).then_some((version, words))
    }

    /// Returns the number of the current version, which differs from a snapshot's once something
    /// newer is published.
    #[must_use]
    #[inline]
    pub fn version(&self) -> u64 {
        self.version.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_of_the_last_publication_and_of_none_under_way() {
        let lock = SeqLock::new([1, 2]);
        let first = lock.version();
        assert_eq!(lock.try_snapshot(), Some((first, [1, 2])));
        for words in [[3, 4], [5, 6]] {
            let before = lock.version();
            lock.publish(words);
            assert_ne!(lock.version(), before);
            assert_eq!(lock.try_snapshot(), Some((lock.version(), words)));
        }
        // A writer that has just begun.
        lock.version.fetch_add(1, Relaxed);
        assert_eq!(lock.try_snapshot(), None);
    }
}
