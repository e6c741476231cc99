//! The sizes of a run's probes: one, or a mix of several (IMIX), of which a probe's sequence tells
//! which it has.
//!
//! A mix is a cycle of as many places as its weights add up to: probe `n` of any stream has the
//! size of place `n` modulo that. In a cycle each size has as many places as its weight, spread
//! evenly: place by place, each size's credit grows by its weight; the size with the most credit, of
//! several the one that was given first, takes the place and pays the sum of the weights. (So does
//! the smooth weighted round robin of nginx's load balancer.) A size is therefore never a whole
//! place ahead of its share.

use core::fmt;

use heapless::Vec;

use super::{Index, LONG_LEN};

/// The most sizes of a mix.
pub const MAX_SIZES: usize = 8;
/// The most places of a cycle.
pub const MAX_CYCLE: usize = 64;

/// A size, and how many places of the cycle have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Bytes of UDP payload.
    pub payload_len: u16,
    /// The number of places.
    pub weight: u16,
}

/// The sizes of a run's probes, and which of them a probe has.
#[derive(Clone, PartialEq, Eq)]
pub struct Sizes {
    shares: Vec<Share, MAX_SIZES>,
    cycle: Cycle,
    /// Bytes of payload in the places before each.
    before: [u32; MAX_CYCLE],
    /// Bytes of payload in a whole cycle.
    of_cycle: u64,
}

impl fmt::Debug for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sizes").field(&self.shares).finish()
    }
}

impl Sizes {
    /// Makes the one size of all probes.
    #[must_use]
    pub fn one(payload_len: u16) -> Self {
        Self::of(Vec::from_iter([Share {
            payload_len,
            weight: 1,
        }]))
    }

    /// Makes a mix; `None` if there are no sizes or more than [`MAX_SIZES`], one is there twice or
    /// has no weight, or the weights add up to more than [`MAX_CYCLE`].
    #[must_use]
    pub fn mix(shares: &[Share]) -> Option<Self> {
        let places: u64 = shares.iter().map(|share| u64::from(share.weight)).sum();
        let is_new = |(number, share): (usize, &Share)| {
            let mut earlier = shares[..number].iter();
            share.weight > 0 && earlier.all(|other| other.payload_len != share.payload_len)
        };
        let is_fine = !shares.is_empty()
            && places <= MAX_CYCLE as u64
            && shares.iter().enumerate().all(is_new);
        match shares {
            _ if !is_fine => None,
            [one] => Some(Self::one(one.payload_len)),
            _ => Vec::from_slice(shares).ok().map(Self::of),
        }
    }

    fn of(shares: Vec<Share, MAX_SIZES>) -> Self {
        let cycle = Cycle::of(&shares);
        let (mut before, mut of_cycle) = ([0; MAX_CYCLE], 0);
        for (place, before) in before.iter_mut().enumerate().take(cycle.len as usize) {
            *before = of_cycle;
            of_cycle += u32::from(shares[cycle.number_at(place)].payload_len);
        }
        Self {
            shares,
            cycle,
            before,
            of_cycle: of_cycle.into(),
        }
    }

    /// Returns the sizes and their weights, in the order in which they were given.
    #[must_use]
    pub fn shares(&self) -> &[Share] {
        &self.shares
    }

    /// Returns whether there are several.
    #[must_use]
    #[inline]
    pub fn is_mix(&self) -> bool {
        self.shares.len() > 1
    }

    /// Returns the bytes of payload of the largest.
    #[must_use]
    pub fn largest(&self) -> u16 {
        let lens = self.shares.iter().map(|share| share.payload_len);
        lens.max().unwrap_or_default()
    }

    /// Returns the bytes of payload of the smallest.
    #[must_use]
    pub fn smallest(&self) -> u16 {
        let lens = self.shares.iter().map(|share| share.payload_len);
        lens.min().unwrap_or_default()
    }

    /// Returns whether every probe has room to tell its lag.
    #[must_use]
    pub fn have_lag(&self) -> bool {
        usize::from(self.smallest()) >= LONG_LEN
    }

    /// Returns which of the sizes probe `index` has.
    #[must_use]
    #[inline]
    pub fn number_of(&self, index: Index) -> usize {
        self.cycle.number_of(index)
    }

    /// Returns the bytes of payload of probe `index`.
    #[must_use]
    pub fn payload_len(&self, index: Index) -> u16 {
        self.shares[self.number_of(index)].payload_len
    }

    /// Returns the bytes of payload of so many probes of a stream, from sequence `first` on.
    #[must_use]
    #[inline]
    pub fn bytes(&self, first: u64, packets: u64) -> u64 {
        if self.is_mix() {
            self.bytes_of_mix(first, packets)
        } else {
            packets * self.of_cycle
        }
    }

    #[inline(never)] // for the sake of those with one size
    fn bytes_of_mix(&self, first: u64, packets: u64) -> u64 {
        let up_to = |sequence: u64| {
            let (cycles, place) = (sequence / self.cycle.len, sequence % self.cycle.len);
            cycles * self.of_cycle + u64::from(self.before[place as usize])
        };
        up_to(first + packets) - up_to(first)
    }

    /// Returns the order of the sizes.
    #[inline]
    pub(crate) const fn cycle(&self) -> &Cycle {
        &self.cycle
    }
}

/// The order of the sizes, which repeats itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cycle {
    /// The number of the size of each place.
    numbers: [u8; MAX_CYCLE],
    /// The number of places.
    len: u64,
    /// 2^64 by the number of places, rounded up.
    inverse: u64,
}

impl Cycle {
    fn of(shares: &[Share]) -> Self {
        let len: i64 = shares.iter().map(|share| i64::from(share.weight)).sum();
        let mut numbers = [0; MAX_CYCLE];
        let mut credits = [0; MAX_SIZES];
        for place in numbers.iter_mut().take(len as usize) {
            let mut next = 0;
            for (number, share) in shares.iter().enumerate() {
                credits[number] += i64::from(share.weight);
                if credits[number] > credits[next] {
                    next = number;
                }
            }
            credits[next] -= len;
            *place = next as u8;
        }
        Self {
            numbers,
            len: len as u64,
            inverse: (u64::MAX / len as u64).wrapping_add(1),
        }
    }

    /// Returns the place of probe `index`.
    ///
    /// Instead of a division, by the fraction of the quotient: 64 bits of it tell the rest of a
    /// number of 48 bits by one of up to 16 (Lemire, Kaser, Kurz, "Faster Remainder by Direct
    /// Computation", 2019, theorem 1).
    #[inline(always)]
    pub const fn place_of(&self, index: Index) -> usize {
        let fraction = self.inverse.wrapping_mul(index.sequence());
        ((fraction as u128 * self.len as u128) >> 64) as usize
    }

    /// Returns the place after this one.
    #[inline(always)]
    pub const fn after(&self, place: usize) -> usize {
        if place + 1 == self.len as usize {
            0
        } else {
            place + 1
        }
    }

    /// Returns the number of the size of a place.
    #[inline(always)]
    pub const fn number_at(&self, place: usize) -> usize {
        self.numbers[place % MAX_CYCLE] as usize % MAX_SIZES
    }

    /// Returns the number of the size of probe `index`.
    #[inline(always)]
    pub const fn number_of(&self, index: Index) -> usize {
        self.number_at(self.place_of(index))
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn mix(shares: &[(u16, u16)]) -> Option<Sizes> {
        let share = |&(payload_len, weight)| Share {
            payload_len,
            weight,
        };
        Sizes::mix(&shares.iter().map(share).collect::<Vec<_>>())
    }

    /// Returns the sizes of the first places.
    fn lens(sizes: &Sizes, count: u64) -> Vec<u16> {
        let lens = (0..count).map(|sequence| sizes.payload_len(Index::new(3, sequence)));
        lens.collect()
    }

    prop_compose! {
        fn any_mix()(
            count in 1_usize..=MAX_SIZES,
            weights in prop::collection::vec(1_u16..=8, MAX_SIZES),
        ) -> Vec<(u16, u16)> {
            (0..count).map(|number| (16 + 100 * number as u16, weights[number])).collect()
        }
    }

    #[test]
    fn the_mix_of_7_4_1_is_spread_over_12_places() {
        let sizes = mix(&[(18, 7), (524, 4), (1472, 1)]).unwrap();
        let (a, b, c) = (18, 524, 1472);
        assert_eq!(lens(&sizes, 12), [a, b, a, a, b, a, c, a, b, a, b, a]);
        assert_eq!(lens(&sizes, 24)[12..], lens(&sizes, 12));
    }

    #[test]
    fn mixes_that_are_none_are_refused() {
        assert!(mix(&[]).is_none());
        assert!(mix(&[(16, 1), (17, 0)]).is_none());
        assert!(mix(&[(16, 1), (17, 1), (16, 1)]).is_none());
        assert!(mix(&[(16, 64), (17, 1)]).is_none());
        assert!(mix(&[(16, u16::MAX), (17, u16::MAX)]).is_none());
        assert!(
            mix(&[
                (1, 1),
                (2, 1),
                (3, 1),
                (4, 1),
                (5, 1),
                (6, 1),
                (7, 1),
                (8, 1)
            ])
            .is_some()
        );
        assert!(mix(&[(1, 1); 9]).is_none());
        assert_eq!(mix(&[(100, 7)]), Some(Sizes::one(100)), "no mix");
    }

    proptest! {
        #[test]
        fn sizes_are_spread_evenly(shares in any_mix()) {
            let sizes = mix(&shares).unwrap();
            let places: u16 = shares.iter().map(|share| share.1).sum();
            let lens = lens(&sizes, places.into());
            for (len, weight) in shares {
                let mut taken = 0;
                for (place, of_place) in lens.iter().enumerate() {
                    taken += usize::from(*of_place == len);
                    let (taken, due) = (taken * usize::from(places), (place + 1) * usize::from(weight));
                    // Never a place ahead of its share, nor two behind.
                    prop_assert!(taken < due + usize::from(places));
                    prop_assert!(due < taken + 2 * usize::from(places));
                }
                prop_assert_eq!(taken, usize::from(weight));
            }
        }

        #[test]
        fn any_index_has_the_size_of_its_place(
            shares in any_mix(),
            stream: u16,
            sequence in prop_oneof![0..Index::SEQUENCES, Index::SEQUENCES - 100..Index::SEQUENCES],
        ) {
            let sizes = mix(&shares).unwrap();
            let places: u16 = shares.iter().map(|share| share.1).sum();
            let place = sequence % u64::from(places);
            let index = Index::new(stream, sequence);
            if sizes.is_mix() {
                prop_assert_eq!(sizes.cycle().place_of(index) as u64, place);
            }
            let expected = lens(&sizes, places.into())[place as usize];
            prop_assert_eq!(sizes.payload_len(index), expected);
        }

        #[test]
        fn the_bytes_are_those_of_each_probe(
            shares in any_mix(),
            first in 0..Index::SEQUENCES - 1000,
            packets in 0_u64..1000,
        ) {
            let sizes = mix(&shares).unwrap();
            let each = (first..first + packets)
                .map(|sequence| u64::from(sizes.payload_len(Index::new(0, sequence))));
            prop_assert_eq!(sizes.bytes(first, packets), each.sum::<u64>());
        }
    }
}
