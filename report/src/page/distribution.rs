//! The distribution of latencies: shares of packets, and the time within which each came
//! back.

use crate::summary::Latency;

use super::axis::nines_of;

/// The most points of a curve for each nine: more could not be told apart.
const POINTS_PER_NINE: f64 = 120.0;

/// A distribution of latencies.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// The number of latencies measured.
    pub count: u64,
    /// Shares of the packets, each with the nanoseconds within which it came back; both rise.
    pub points: Vec<(f64, u64)>,
    /// Set if it was made from a histogram, `false` if from a few percentiles.
    pub is_whole: bool,
}

impl Distribution {
    /// Makes it from a histogram: its buckets in order, each a value and the number of round trips
    /// in it. The extremes are those of `told`, which are exact where a bucket is not.
    #[must_use]
    pub fn of_buckets(buckets: impl IntoIterator<Item = (u64, u64)>, told: &Latency) -> Self {
        let mut points = Vec::new();
        let mut seen = 0;
        let mut drawn = f64::NEG_INFINITY;
        for (value, count) in buckets.into_iter().filter(|(_, count)| *count > 0) {
            let before = seen as f64 / told.count as f64;
            seen += count;
            // A bucket's curve is flat from what lies below it to its own end.
            let value = value.clamp(told.min, told.max);
            let end = nines_of(seen as f64 / told.count as f64);
            if end - drawn >= 1.0 / POINTS_PER_NINE {
                drawn = end;
                points.push((before, value));
            }
        }
        points.insert(0, (0.0, told.min));
        points.push((1.0, told.max));
        Self {
            count: told.count,
            points,
            is_whole: true,
        }
    }

    /// Makes it from the percentiles of a summary.
    #[must_use]
    pub fn of_percentiles(told: &Latency) -> Self {
        let percentiles = [
            (0.5, told.p50),
            (0.9, told.p90),
            (0.99, told.p99),
            (0.999, told.p99_9),
            (0.9999, told.p99_99),
        ];
        // Beyond the share of a single packet there is nothing but the longest.
        let last = 1.0 - 1.0 / told.count.max(1) as f64;
        let within = percentiles.into_iter().filter(|(share, _)| *share < last);
        let ends = [(0.0, told.min)].into_iter();
        let points = ends.chain(within).chain([(1.0, told.max)]).collect();
        Self {
            count: told.count,
            points,
            is_whole: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: Latency = Latency {
        count: 100_000,
        min: 11,
        mean: 20.0,
        p50: 20,
        p90: 30,
        p99: 40,
        p99_9: 50,
        p99_99: 60,
        max: 977,
    };

    #[test]
    fn a_single_packet_far_out_is_on_the_curve() {
        let buckets = [(10, 50_000), (20, 49_999), (960, 1)];
        let drawn = Distribution::of_buckets(buckets, &TOLD);
        assert_eq!(
            drawn.points,
            [(0.0, 11), (0.0, 11), (0.5, 20), (0.99999, 960), (1.0, 977)]
        );
    }

    #[test]
    fn many_buckets_make_no_more_points_than_can_be_seen() {
        let buckets = (0..5_000).map(|value| (value, 20));
        let drawn = Distribution::of_buckets(buckets, &TOLD);
        assert!(
            (200..700).contains(&drawn.points.len()),
            "{}",
            drawn.points.len()
        );
        let rises = drawn
            .points
            .windows(2)
            .all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1);
        assert!(rises);
    }

    #[test]
    fn percentiles_beyond_the_last_packet_are_left_out() {
        let few = Latency { count: 100, ..TOLD };
        let drawn = Distribution::of_percentiles(&few);
        assert_eq!(drawn.points, [(0.0, 11), (0.5, 20), (0.9, 30), (1.0, 977)]);
        assert_eq!(Distribution::of_percentiles(&TOLD).points.len(), 7);
    }
}
