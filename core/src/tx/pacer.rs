//! Due times from a rate: integer arithmetic, no drift.
//!
//! Packet `k` of a run is due at `start + k * span / packets`, rounded up to whole nanoseconds. A
//! run with several streams deals its packets out in turn: stream `i` of `n` takes packets `i`,
//! `i + n`, `i + 2n` and so on, so that all of them together are evenly spaced.
//!
//! ```
//! use dpdkgen_core::time::Instant;
//! use dpdkgen_core::tx::{Pacer, Rate};
//!
//! // Three packets in ten nanoseconds, from the first one on.
//! let rate = Rate::new(3, 10).expect("neither is 0");
//! let mut pacer = Pacer::new(rate, Instant::from_nanos(100), 0, 1);
//! let mut due = || {
//!     let due = pacer.due().as_nanos();
//!     pacer.advance();
//!     due
//! };
//! assert_eq!([due(), due(), due(), due()], [100, 104, 107, 110]);
//! ```

use crate::time::{Instant, Span};

/// An exact rate: packets per span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    packets: u64,
    span_ns: u64,
}

impl Rate {
    /// Makes a rate of `packets` in each `span_ns` nanoseconds, spread evenly; `None` if either is
    /// 0.
    #[must_use]
    pub const fn new(packets: u64, span_ns: u64) -> Option<Self> {
        if packets == 0 || span_ns == 0 {
            return None;
        }
        Some(Self { packets, span_ns })
    }

    /// Returns how many packets fall into each span.
    #[must_use]
    pub const fn packets(self) -> u64 {
        self.packets
    }

    /// Returns the span into which they fall.
    #[must_use]
    pub const fn span(self) -> Span {
        Span::from_nanos(self.span_ns)
    }

    /// Returns packets per second, rounded, for display.
    #[must_use]
    pub fn pps(self) -> f64 {
        self.packets as f64 * 1e9 / self.span_ns as f64
    }

    /// Returns how many packets fall due within `span`, rounded up.
    #[must_use]
    pub fn packets_in(self, span: Span) -> u64 {
        let packets = u128::from(self.packets) * u128::from(span.as_nanos());
        u64::try_from(packets.div_ceil(u128::from(self.span_ns))).unwrap_or(u64::MAX)
    }
}

/// The due times of one stream, one after the other: the next is at `due_ns - early / parts`
/// nanoseconds exactly, and the one after it `step_ns + step_parts / parts` later.
#[derive(Clone, Copy, Debug)]
pub struct Pacer {
    due_ns: u64,
    early: u64,
    parts: u64,
    step_ns: u64,
    step_parts: u64,
}

/// The most that is caught up after a stall; the rest is skipped.
pub const CATCH_UP: Span = Span::from_millis(1);

impl Pacer {
    /// Makes the due times from `start` on of stream `stream` of `streams`, which share `rate`.
    ///
    /// # Panics
    ///
    /// Panics if `stream` is not below `streams`.
    #[must_use]
    pub fn new(rate: Rate, start: Instant, stream: u16, streams: u16) -> Self {
        assert!(stream < streams, "stream {stream} of {streams}");
        let Rate { packets, span_ns } = rate;
        let split = |turns: u16| {
            let total = u128::from(turns) * u128::from(span_ns);
            let whole = total / u128::from(packets);
            let rest = (total % u128::from(packets)) as u64;
            (u64::try_from(whole).unwrap_or(u64::MAX), rest)
        };
        let (step_ns, step_parts) = split(streams);
        let (offset_ns, offset_parts) = split(stream);
        let mut pacer = Self {
            due_ns: start.as_nanos(),
            early: 0,
            parts: packets,
            step_ns,
            step_parts,
        };
        pacer.add(offset_ns, offset_parts);
        pacer
    }

    /// Returns when the next packet is due.
    #[must_use]
    #[inline]
    pub const fn due(&self) -> Instant {
        Instant::from_nanos(self.due_ns)
    }

    /// Goes on to the packet after the next.
    #[inline]
    pub const fn advance(&mut self) {
        self.add(self.step_ns, self.step_parts);
    }

    /// Adds `ns + parts / self.parts` nanoseconds to the due time, which is kept rounded up to
    /// whole ones; `early` keeps by how much.
    #[inline]
    const fn add(&mut self, ns: u64, parts: u64) {
        self.due_ns = self.due_ns.saturating_add(ns);
        if parts > self.early {
            self.due_ns = self.due_ns.saturating_add(1);
            // In this order, since `early + parts` may not fit.
            self.early += self.parts - parts;
        } else {
            self.early -= parts;
        }
    }

    /// Returns how many packets, at most `most`, are due by `now`.
    #[must_use]
    #[inline]
    pub fn due_by(&self, now: Instant, most: u16) -> u16 {
        let mut ahead = *self;
        let mut count = 0;
        while count < most && ahead.due_ns <= now.as_nanos() {
            ahead.advance();
            count += 1;
        }
        count
    }

    /// Skips what is more than [`CATCH_UP`] late at `now`, but never the latest packet due before
    /// `end`, and returns how many packets it skipped.
    #[inline]
    pub fn skip_late(&mut self, now: Instant, end: Instant) -> u64 {
        let oldest = now.saturating_sub(CATCH_UP);
        if self.due_ns >= oldest.as_nanos() {
            return 0;
        }
        let late = self.count_before(oldest);
        let due = self.count_before(end.min(now + Span::from_nanos(1)));
        let skipped = late.min(due.saturating_sub(1));
        self.jump(skipped);
        skipped
    }

    /// Returns how many of the packets not yet taken are due before `end`.
    #[must_use]
    pub fn count_before(&self, end: Instant) -> u64 {
        // The m-th packet from here is due at due - early/parts + m * step, rounded up, and a
        // rounded-up time is below a whole `end` just if the exact one is at most `end - 1`.
        let Some(span_ns) = end
            .as_nanos()
            .checked_sub(self.due_ns)
            .and_then(|ns| ns.checked_sub(1))
        else {
            return 0;
        };
        let parts = u128::from(self.parts);
        let span = u128::from(span_ns) * parts + u128::from(self.early);
        u64::try_from(span / self.step()).unwrap_or(u64::MAX - 1) + 1
    }

    fn step(&self) -> u128 {
        u128::from(self.step_ns) * u128::from(self.parts) + u128::from(self.step_parts)
    }

    fn jump(&mut self, packets: u64) {
        let parts = u128::from(self.parts);
        let total = self.step().saturating_mul(u128::from(packets));
        let whole = u64::try_from(total / parts).unwrap_or(u64::MAX);
        self.add(whole, (total % parts) as u64);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rates() -> impl Strategy<Value = Rate> {
        (1_u64..=400_000_000_000, 1_u64..=100_000_000_000_000)
            .prop_filter("at most a packet a nanosecond", |(packets, span)| {
                packets <= span
            })
            .prop_map(|(packets, span_ns)| Rate::new(packets, span_ns).unwrap())
    }

    fn exact_due(rate: Rate, k: u64) -> u64 {
        let exact = u128::from(k) * u128::from(rate.span_ns);
        u64::try_from(exact.div_ceil(u128::from(rate.packets))).unwrap()
    }

    proptest! {
        #[test]
        fn due_times_never_drift(rate in rates(), streams in 1_u16..20, start in 0_u64..1 << 40) {
            for stream in 0..streams {
                let mut pacer = Pacer::new(rate, Instant::from_nanos(start), stream, streams);
                for turn in 0..1000 {
                    let k = turn * u64::from(streams) + u64::from(stream);
                    prop_assert_eq!(pacer.due().as_nanos(), start + exact_due(rate, k));
                    pacer.advance();
                }
            }
        }

        #[test]
        fn spacing_is_that_of_the_rate_over_whatever_span_it_is_given(
            packets in 1_u64..5_000_000,
            span_ns in 1_000_u64..10_000_000_000,
            times in 1_u64..1000,
        ) {
            // --rate-limit counts packets in a stats interval: 10 times the packets in an interval
            // 10 times as long fall due at the same times.
            let short = Rate::new(packets, span_ns).unwrap();
            let long = Rate::new(packets * times, span_ns * times).unwrap();
            let [mut short, mut long] = [short, long].map(|rate| Pacer::new(rate, Instant::from_nanos(5), 1, 2));
            for _ in 0..1000 {
                prop_assert_eq!(short.due(), long.due());
                short.advance();
                long.advance();
            }
        }

        #[test]
        fn what_is_due_before_an_end_is_counted_as_if_step_by_step(
            rate in rates(),
            skipped in 0_u64..1000,
            packets in 0_u64..1000,
            beyond in 0_u64..3,
        ) {
            let mut pacer = Pacer::new(rate, Instant::START, 1, 3);
            pacer.jump(skipped);
            let mut last = pacer;
            last.jump(packets);
            let end = last.due() + Span::from_nanos(beyond);
            let (mut walked, mut count) = (pacer, 0);
            while walked.due() < end {
                walked.advance();
                count += 1;
            }
            prop_assert_eq!(pacer.count_before(end), count);
        }

        #[test]
        fn a_jump_is_so_many_steps(rate in rates(), packets in 0_u64..2000) {
            let mut jumped = Pacer::new(rate, Instant::START, 1, 3);
            let mut walked = jumped;
            jumped.jump(packets);
            for _ in 0..packets {
                walked.advance();
            }
            prop_assert_eq!((jumped.due_ns, jumped.early), (walked.due_ns, walked.early));
        }

        #[test]
        fn counting_agrees_with_walking(rate in rates(), end in 0_u64..10_000_000) {
            let pacer = Pacer::new(rate, Instant::from_nanos(7), 0, 1);
            prop_assume!(rate.packets_in(Span::from_nanos(end)) < 100_000);
            let mut walked = pacer;
            let mut count = 0;
            while walked.due_ns < end {
                walked.advance();
                count += 1;
            }
            prop_assert_eq!(pacer.count_before(Instant::from_nanos(end)), count);
        }

        #[test]
        fn sent_and_skipped_are_rate_times_time(
            pps in 1_u64..50_000_000,
            streams in 1_u16..5,
            pauses in prop::collection::vec(1_u64..20_000_000, 1..50),
        ) {
            let rate = Rate::new(pps, 1_000_000_000).unwrap();
            let mut pacers: std::vec::Vec<_> =
                (0..streams).map(|i| Pacer::new(rate, Instant::START, i, streams)).collect();
            let mut total = 0;
            let mut now = Instant::START;
            for pause in pauses {
                now = now + Span::from_nanos(pause);
                for pacer in &mut pacers {
                    total += pacer.skip_late(now, Instant::MAX);
                    let burst = pacer.due_by(now, u16::MAX);
                    let bound = Rate::new(pps, 1_000_000_000 * u64::from(streams))
                        .unwrap()
                        .packets_in(CATCH_UP);
                    prop_assert!(u64::from(burst) <= bound + 1, "{burst} caught up, {bound} allowed");
                    for _ in 0..burst {
                        pacer.advance();
                    }
                    total += u64::from(burst);
                }
            }
            let due = u128::from(now.as_nanos()) * u128::from(pps) / 1_000_000_000;
            prop_assert!(u128::from(total).abs_diff(due) <= 1, "{total} for {due}");
        }
    }

    #[test]
    fn more_than_can_be_counted_is_the_most() {
        let pacer = Pacer::new(Rate::new(5, 2).unwrap(), Instant::START, 0, 1);
        assert_eq!(pacer.count_before(Instant::MAX), u64::MAX);
    }

    #[test]
    fn a_rate_says_what_it_was_made_of() {
        let rate = Rate::new(7, 2_000_000_000).unwrap();
        assert_eq!((rate.packets(), rate.span()), (7, Span::from_secs(2)));
        assert!((rate.pps() - 3.5).abs() < 1e-12);
    }

    #[test]
    fn the_latest_packet_due_is_never_skipped() {
        let mut pacer = Pacer::new(Rate::new(100, 1_000_000_000).unwrap(), Instant::START, 0, 1);
        assert_eq!(
            pacer.skip_late(Instant::from_nanos(55_000_000), Instant::MAX),
            5
        );
        assert_eq!(pacer.due(), Instant::from_nanos(50_000_000));
        assert_eq!(pacer.due_by(Instant::from_nanos(55_000_000), 32), 1);
    }

    #[test]
    fn a_short_stall_skips_nothing() {
        let mut pacer = Pacer::new(
            Rate::new(1_000_000, 1_000_000_000).unwrap(),
            Instant::START,
            0,
            1,
        );
        assert_eq!(
            pacer.skip_late(Instant::from_nanos(1_000_000), Instant::MAX),
            0
        );
        assert_eq!(
            pacer.skip_late(Instant::from_nanos(1_000_001), Instant::MAX),
            1
        );
    }
}
