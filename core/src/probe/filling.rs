//! The filling of a probe: pseudorandom bytes that only the run's seed and the probe's index
//! determine.
//!
//! One pool is made at the start; a probe's filling is a slice of it, at an offset that the index
//! gives. So sending copies and verifying compares, and since the length is the same for every
//! probe of a run, the sum of each slice is known beforehand.

use crate::probe::Index;
use crate::random::SplitMix64;
use crate::wire::checksum::Sum;

/// The distance in bytes from the start of one slice to that of the next.
const STEP: usize = 8;
/// The number of slices; a power of two.
const SLICES: usize = 512;

/// The memory of a pool, which the runtime provides.
pub struct FillingMemory<'a> {
    /// The pool: at least [`pool_len`] bytes.
    pub pool: &'a mut [u8],
    /// The sum of each slice: at least [`SUMS_LEN`].
    pub sums: &'a mut [u16],
}

/// The number of sums in [`FillingMemory`].
pub const SUMS_LEN: usize = SLICES;

/// Returns the length in bytes of the pool for fillings of `len` bytes: 4 KiB, to stay in the
/// first-level cache, and one filling.
#[must_use]
pub const fn pool_len(len: usize) -> usize {
    SLICES * STEP + len
}

/// The fillings of one run, and the pool that they are slices of.
#[derive(Clone, Copy, Debug)]
pub struct Filling<'a> {
    pool: &'a [u8],
    sums: &'a [u16; SUMS_LEN],
    key: u64,
    len: usize,
}

impl<'a> Filling<'a> {
    /// Fills the pool from `seed`, for fillings of `len` bytes.
    ///
    /// `None` if the memory is too small.
    #[must_use]
    pub fn new(memory: FillingMemory<'a>, seed: u64, len: usize) -> Option<Self> {
        let FillingMemory { pool, sums } = memory;
        let pool = pool.get_mut(..pool_len(len))?;
        let sums = sums.first_chunk_mut::<SUMS_LEN>()?;
        let mut random = SplitMix64(seed);
        for chunk in pool.chunks_mut(8) {
            chunk.copy_from_slice(&random.next().to_le_bytes()[..chunk.len()]);
        }
        for (slice, sum) in sums.iter_mut().enumerate() {
            *sum = Sum::of(&pool[slice * STEP..][..len]).fold();
        }
        Some(Self {
            pool,
            sums,
            key: random.next(),
            len,
        })
    }

    /// Returns the filling of probe `index`, and its sum folded to 16 bits.
    #[must_use]
    #[inline(always)]
    pub fn of(&self, index: Index) -> (&'a [u8], u16) {
        if self.len == 0 {
            return (&[], 0);
        }
        // Fibonacci hashing: the top bits of the product depend on every bit of the index.
        let hash = (index.get() ^ self.key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let slice = (hash >> (64 - SLICES.trailing_zeros())) as usize;
        (&self.pool[slice * STEP..][..self.len], self.sums[slice])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::vec;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::with_filling;

    #[test]
    fn splitmix64_is_the_published_one() {
        let mut random = SplitMix64(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn seed_and_index_determine_it() {
        let bytes = |seed, index| {
            with_filling(seed, 100, |filling| {
                Vec::from(filling.of(Index::new(0, index)).0)
            })
        };
        assert_eq!(bytes(1, 7), bytes(1, 7));
        assert_ne!(bytes(1, 7), bytes(2, 7));
        assert_ne!(bytes(1, 7), bytes(1, 8));
    }

    #[test]
    fn neighbours_and_streams_differ() {
        with_filling(3, 64, |filling| {
            let seen: HashSet<_> = (0..4096)
                .flat_map(|sequence| [Index::new(0, sequence), Index::new(1, sequence)])
                .map(|index| filling.of(index).0)
                .collect();
            assert!(seen.len() > SLICES * 9 / 10, "{} of {SLICES}", seen.len());
        });
    }

    #[test]
    fn memory_that_is_too_small_is_refused() {
        let mut pool = vec![0; pool_len(10) - 1];
        let mut sums = [0; SUMS_LEN];
        let memory = FillingMemory {
            pool: &mut pool,
            sums: &mut sums,
        };
        assert!(Filling::new(memory, 0, 10).is_none());
    }

    proptest! {
        #[test]
        fn the_sum_is_that_of_the_bytes(seed: u64, index: u64, len in 0_usize..9000) {
            with_filling(seed, len, |filling| {
                let (bytes, sum) = filling.of(Index::new((index >> 48) as u16, index));
                assert_eq!(bytes.len(), len);
                assert_eq!(sum, Sum::of(bytes).fold());
            });
        }
    }
}
