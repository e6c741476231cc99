//! Pseudorandom numbers from a seed: everything random in the simulation is drawn here.

use dpdkgen_core::random::SplitMix64;
use dpdkgen_core::time::Span;

/// The most that a heavy tail adds to a delay.
const LONGEST_TAIL: Span = Span::from_secs(10);

/// The index of the tail, with which the mean is finite and the variance is not.
const TAIL_INDEX: f64 = 1.5;

/// A seeded pseudorandom number generator.
#[derive(Debug, Clone)]
pub struct Rng(SplitMix64);

impl Rng {
    /// Makes the generator that `seed` and `number` determine; the number keeps several generators
    /// of one seed apart.
    #[must_use]
    pub fn new(seed: u64, number: u64) -> Self {
        let mut mixed = SplitMix64(seed ^ SplitMix64(number).next());
        Self(SplitMix64(mixed.next()))
    }

    /// Returns the next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next()
    }

    /// Draws whether something of this probability happens: never at 0, always at 1.
    pub fn happens(&mut self, share: f64) -> bool {
        share > 0.0 && self.unit() < share
    }

    /// Returns a number below `end`; 0 if that is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(end)) >> 64) as u64
    }

    /// Returns a time up to and including `most`, any as likely.
    pub fn up_to(&mut self, most: Span) -> Span {
        match most.as_nanos() {
            0 => Span::ZERO,
            most => Span::from_nanos(self.below(most + 1)),
        }
    }

    /// Returns a time with a heavy tail (Lomax, or shifted Pareto, distribution): half are below
    /// 0.6 x `scale`, one in a thousand is above 99 x `scale`.
    pub fn tail(&mut self, scale: Span) -> Span {
        if scale.as_nanos() == 0 {
            return scale;
        }
        let excess = (1.0 - self.unit()).powf(-1.0 / TAIL_INDEX) - 1.0;
        Span::from_nanos((excess * scale.as_nanos() as f64) as u64).min(LONGEST_TAIL)
    }

    /// Returns a number from 0 to below 1, of 53 bits.
    fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_come_out() {
        let mut rng = Rng::new(1, 2);
        let happened = (0..100_000).filter(|_| rng.happens(0.3)).count();
        assert!((29_000..31_000).contains(&happened), "{happened}");
        assert!((0..1000).all(|_| !rng.happens(0.0) && rng.happens(1.0)));
    }

    #[test]
    fn the_tail_is_heavy() {
        let mut rng = Rng::new(1, 2);
        let times: Vec<u64> = (0..100_000)
            .map(|_| rng.tail(Span::from_nanos(1000)).as_nanos())
            .collect();
        let above = |least| times.iter().filter(|time| **time >= least).count();
        assert!((49_000..51_000).contains(&above(587)), "{}", above(587));
        assert!((70..130).contains(&above(99_000)), "{}", above(99_000));
    }
}
