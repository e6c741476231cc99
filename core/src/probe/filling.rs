//! The filling of a probe: pseudorandom bytes that only the run's seed and the probe's index
//! determine.
//!
//! One pool is made at the start; a probe's filling is a slice of it, at an offset that the index
//! gives. So sending copies and verifying compares, and since there are few sizes of probes in a
//! run, the sum of each slice is known beforehand.

use crate::probe::sizes::{MAX_SIZES, Sizes};
use crate::probe::{Index, LONG_LEN, MIN_LEN};
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
    /// The sum of each slice: at least [`sums_len`].
    pub sums: &'a mut [u16],
}

/// Returns the number of sums in [`FillingMemory`] for probes of these sizes.
#[must_use]
pub fn sums_len(sizes: &Sizes) -> usize {
    SLICES * sizes.shares().len()
}

/// Returns the length in bytes of the pool for probes of these sizes: 4 KiB, to stay in the
/// first-level cache, and the longest filling.
#[must_use]
pub fn pool_len(sizes: &Sizes) -> usize {
    SLICES * STEP + filling_len(sizes.largest())
}

/// Returns the bytes of filling in a payload of `payload_len` bytes.
#[must_use]
pub const fn filling_len(payload_len: u16) -> usize {
    let len = payload_len as usize;
    if len >= LONG_LEN {
        len - LONG_LEN
    } else {
        len.saturating_sub(MIN_LEN)
    }
}

/// The payloads of one run: their sizes, and the fillings of each.
#[derive(Clone, Debug)]
pub struct Payloads<'a> {
    sizes: Sizes,
    /// Of each size; beyond the last that of the first.
    fillings: [Filling<'a>; MAX_SIZES],
}

impl<'a> Payloads<'a> {
    /// Fills the pool from `seed`, for probes of these sizes.
    ///
    /// `None` if the memory is too small.
    #[must_use]
    pub fn new(memory: FillingMemory<'a>, seed: u64, sizes: Sizes) -> Option<Self> {
        let FillingMemory { pool, sums } = memory;
        let pool = pool.get_mut(..pool_len(&sizes))?;
        let (sums, _) = sums.get_mut(..sums_len(&sizes))?.as_chunks_mut::<SLICES>();
        let mut random = SplitMix64(seed);
        for chunk in pool.chunks_mut(8) {
            chunk.copy_from_slice(&random.next().to_le_bytes()[..chunk.len()]);
        }
        let (pool, key) = (&*pool, random.next());
        for (share, sums) in sizes.shares().iter().zip(&mut *sums) {
            let len = filling_len(share.payload_len);
            for (slice, sum) in sums.iter_mut().enumerate() {
                *sum = Sum::of(&pool[slice * STEP..][..len]).fold();
            }
        }
        let sums = &*sums;
        let fillings = core::array::from_fn(|number| {
            let number = if number < sums.len() { number } else { 0 };
            Filling {
                pool,
                sums: &sums[number],
                key,
                len: filling_len(sizes.shares()[number].payload_len),
            }
        });
        Some(Self { sizes, fillings })
    }

    /// Returns the sizes of the probes.
    #[must_use]
    #[inline]
    pub const fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// Returns the fillings of the probes of size `number`.
    #[must_use]
    #[inline]
    pub const fn fillings(&self, number: usize) -> &Filling<'a> {
        &self.fillings[number % MAX_SIZES]
    }
}

/// The fillings of the probes of one size, and the pool that they are slices of.
#[derive(Clone, Copy, Debug)]
pub struct Filling<'a> {
    pool: &'a [u8],
    sums: &'a [u16; SLICES],
    key: u64,
    len: usize,
}

impl<'a> Filling<'a> {
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
    use crate::probe::sizes::Share;
    use crate::testing::with_payloads;

    const SHARES: [Share; 2] = [
        Share {
            payload_len: 16,
            weight: 1,
        },
        Share {
            payload_len: 34,
            weight: 2,
        },
    ];

    #[test]
    fn splitmix64_is_the_published_one() {
        let mut random = SplitMix64(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn seed_and_index_determine_it() {
        let bytes = |seed, index| {
            with_payloads(seed, &Sizes::one(124), |payloads| {
                Vec::from(payloads.fillings(0).of(Index::new(0, index)).0)
            })
        };
        assert_eq!(bytes(1, 7), bytes(1, 7));
        assert_ne!(bytes(1, 7), bytes(2, 7));
        assert_ne!(bytes(1, 7), bytes(1, 8));
    }

    #[test]
    fn neighbours_and_streams_differ() {
        with_payloads(3, &Sizes::one(88), |payloads| {
            let filling = payloads.fillings(0);
            let seen: HashSet<_> = (0..4096)
                .flat_map(|sequence| [Index::new(0, sequence), Index::new(1, sequence)])
                .map(|index| filling.of(index).0)
                .collect();
            assert!(seen.len() > SLICES * 9 / 10, "{} of {SLICES}", seen.len());
        });
    }

    #[test]
    fn memory_that_is_too_small_is_refused() {
        let sizes = Sizes::mix(&SHARES).unwrap();
        let of = |pool_len: usize, sums_len: usize| {
            let (mut pool, mut sums) = (vec![0; pool_len], vec![0; sums_len]);
            let memory = FillingMemory {
                pool: &mut pool,
                sums: &mut sums,
            };
            Payloads::new(memory, 0, sizes.clone()).is_some()
        };
        let (pool, sums) = (pool_len(&sizes), sums_len(&sizes));
        assert!(of(pool, sums) && !of(pool - 1, sums) && !of(pool, sums - 1));
    }

    proptest! {
        #[test]
        fn the_sum_is_that_of_the_bytes(
            seed: u64,
            index: u64,
            lens in prop::collection::btree_set(16_u16..9000, 1..=8),
        ) {
            let share = |&payload_len: &u16| Share { payload_len, weight: 1 };
            let sizes = Sizes::mix(&lens.iter().map(share).collect::<Vec<_>>()).unwrap();
            with_payloads(seed, &sizes, |payloads| {
                for (number, len) in lens.iter().enumerate() {
                    let filling = payloads.fillings(number);
                    let (bytes, sum) = filling.of(Index::new((index >> 48) as u16, index));
                    assert_eq!(bytes.len(), filling_len(*len));
                    assert_eq!(sum, Sum::of(bytes).fold());
                }
            });
        }
    }
}
