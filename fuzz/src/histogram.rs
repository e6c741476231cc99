//! Any times in the histogram and the moments, against the hdrhistogram crate and 128-bit sums.

use std::iter::zip;

use dpdkgen_core::stats::Moments;
use dpdkgen_core::stats::histogram::{BUCKETS, Histogram, quantile, range};
use dpdkgen_core::time::Span;
use zerocopy::little_endian::{U16, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The time in nanoseconds from which on histograms tell none apart.
const END: u64 = 1 << 48;

/// The shares whose quantiles are asked for besides the input's own.
const QUANTILES: [f64; 8] = [0.0, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0];

/// A time to be recorded: nine bytes of the input.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Value {
    /// The number of bits that the time is shifted to the right, taken modulo 64.
    pub shift: u8,
    /// The time in nanoseconds before it is shifted.
    pub nanos: U64,
}

/// Checks histogram and moments of the times in `data`: its first two bytes are the share whose
/// quantile is asked for, the rest are [`Value`]s.
///
/// # Panics
///
/// If a count, a quantile or a moment is wrong.
pub fn run(data: &[u8]) {
    let Ok((share, mut rest)) = U16::read_from_prefix(data) else {
        return;
    };
    let share = f64::from(share.get()) / f64::from(u16::MAX);
    let mut values = Vec::new();
    while let Ok((value, after)) = Value::read_from_prefix(rest) {
        values.push(value.nanos.get() >> (value.shift % 64));
        rest = after;
    }
    counts_and_quantiles(&values, share);
    let parts = (share * values.len() as f64) as usize;
    moments(&values, parts);
}

fn counts_and_quantiles(values: &[u64], share: f64) {
    let ours = Box::<Histogram>::default();
    // Three digits: ten times finer than what is asked of ours.
    let mut theirs = hdrhistogram::Histogram::<u64>::new_with_bounds(1, END - 1, 3)
        .expect("bounds that it takes");
    for value in values {
        ours.record(Span::from_nanos(*value));
        theirs.saturating_record(*value);
    }
    let counts: Vec<u64> = ours.counts().collect();
    assert_eq!(counts.len(), BUCKETS);
    assert_eq!(counts.iter().sum::<u64>(), theirs.len());
    for (bucket, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        // Their buckets divide ours.
        let (lowest, highest) = range(bucket);
        assert_eq!(
            *count,
            theirs.count_between(lowest.as_nanos(), highest.as_nanos()),
            "{bucket}"
        );
    }
    let mut shares = QUANTILES.to_vec();
    shares.push(share);
    shares.sort_by(f64::total_cmp);
    for (share, wants) in zip(&shares, theirs.value_at_quantiles(shares.iter().copied())) {
        let Some(got) = quantile(&counts, *share) else {
            assert!(values.is_empty());
            continue;
        };
        let error = got.as_nanos().abs_diff(wants) as f64 / (wants as f64).max(1.0);
        assert!(error <= 0.01, "{share}: {} for {wants}", got.as_nanos());
    }
}

/// Checks that moments recorded in two parts and merged are those recorded in one, and right.
fn moments(values: &[u64], at: usize) {
    let recorded = |values: &[u64]| {
        let mut moments = Moments::default();
        for value in values {
            moments.record(Span::from_nanos(*value));
        }
        moments
    };
    let (front, back) = values.split_at(at);
    let mut merged = recorded(front);
    merged.merge(&recorded(back));
    assert_eq!(merged, recorded(values));
    let sum: u128 = values.iter().map(|value| u128::from(*value)).sum();
    assert_eq!((merged.count, merged.sum_ns()), (values.len() as u64, sum));
    let expected = values
        .iter()
        .min()
        .zip(values.iter().max())
        .map(|(min, max)| {
            let mean = sum as f64 / values.len() as f64;
            (*min, mean, *max)
        });
    assert_eq!(merged.summary(), expected);
}
