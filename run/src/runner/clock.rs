//! The time of a run: raw ticks of the CPU, scaled to nanoseconds and held to `CLOCK_MONOTONIC`.
//!
//! A reading is one `rdtsc` and a multiplication. The scale that quanta finds at the start is off
//! by up to 10 ppm, so the control thread measures it again as the run goes on and lets the clock
//! glide to where `CLOCK_MONOTONIC` is: it never jumps and never goes back.

use std::sync::OnceLock;
use std::time;

use dpdkgen_core::sync::seqlock::SeqLock;
use dpdkgen_core::time::{Clock, Instant};
use dpdkgen_report::summary;

/// The fraction bits of a scale, which is nanoseconds per tick times 2^32.
const FRACTION: u32 = 32;

/// The furthest that an adjusted scale may be from the true one while the clock glides.
const MAX_GLIDE_PPM: f64 = 500.0;

/// The clock that all threads of a run share.
pub struct Timebase {
    ticks: quanta::Clock,
    origin: OnceLock<Origin>,
    first_scale: u64,
    scale: SharedScale,
}

#[derive(Debug, Clone, Copy)]
struct Origin {
    ticks: u64,
    instant: time::Instant,
}

/// The conversion of ticks to nanoseconds since the run's start.
#[derive(Debug, Clone, Copy)]
struct Scale {
    base_ticks: u64,
    base_ns: u64,
    ns_per_tick: u64,
}

impl Scale {
    const fn words(self) -> [u64; 3] {
        [self.base_ticks, self.base_ns, self.ns_per_tick]
    }

    #[inline]
    fn at(&self, ticks: u64) -> Instant {
        let ticks = u128::from(ticks.saturating_sub(self.base_ticks));
        Instant::from_nanos(
            self.base_ns + ((ticks * u128::from(self.ns_per_tick)) >> FRACTION) as u64,
        )
    }
}

/// A [`Scale`], written once a second by the control thread, read by all.
#[repr(align(128))]
struct SharedScale(SeqLock<3>);

impl SharedScale {
    fn new(scale: Scale) -> Self {
        Self(SeqLock::new(scale.words()))
    }

    fn set(&self, scale: Scale) {
        self.0.publish(scale.words());
    }

    /// Returns the scale and its version, or `None` while it changes.
    fn get(&self) -> Option<(u64, Scale)> {
        let (version, [base_ticks, base_ns, ns_per_tick]) = self.0.try_snapshot()?;
        let scale = Scale {
            base_ticks,
            base_ns,
            ns_per_tick,
        };
        Some((version, scale))
    }
}

impl Default for Timebase {
    fn default() -> Self {
        Self::new()
    }
}

impl Timebase {
    /// Makes a clock that has not been started. Calibrates the ticks, which takes up to 200 ms
    /// once.
    #[must_use]
    pub fn new() -> Self {
        let ticks = quanta::Clock::new();
        // The ticks of a second or so at most: enough to lose nothing by rounding.
        let nanos = ticks.delta_as_nanos(0, 1 << FRACTION);
        let scale = SharedScale::new(Scale {
            base_ticks: 0,
            base_ns: 0,
            ns_per_tick: nanos,
        });
        Self {
            ticks,
            origin: OnceLock::new(),
            first_scale: nanos,
            scale,
        }
    }

    /// Starts the clock: now is 0.
    pub fn start(&self) {
        let (ticks, instant) = self.measure();
        if self.origin.set(Origin { ticks, instant }).is_ok() {
            let ns_per_tick = self.first_scale;
            self.scale.set(Scale {
                base_ticks: ticks,
                base_ns: 0,
                ns_per_tick,
            });
        }
    }

    /// Returns whether the clock has been started.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.origin.get().is_some()
    }

    /// Returns a reader for one thread, once the clock has been started.
    ///
    /// # Panics
    ///
    /// Panics if it has not been started.
    #[must_use]
    pub fn reader(&self) -> TickClock<'_> {
        assert!(self.is_started(), "the clock has not been started");
        loop {
            if let Some((version, scale)) = self.scale.get() {
                return TickClock {
                    timebase: self,
                    version,
                    scale,
                    floor: Instant::START,
                };
            }
        }
    }

    /// Measures the scale anew, and sets the clock to glide to `CLOCK_MONOTONIC` within a second.
    ///
    /// For the control thread, about once a second; `None` before the start or right after it.
    pub fn adjust(&self) -> Option<()> {
        let origin = self.origin.get()?;
        let (ticks, instant) = self.measure();
        let true_ns = instant.duration_since(origin.instant).as_nanos() as f64;
        let ns_per_tick = true_ns / ticks.checked_sub(origin.ticks).filter(|t| *t > 0)? as f64;
        let (_, scale) = self.scale.get()?;
        let base_ns = scale.at(ticks).as_nanos();
        let glide_ppm = ((true_ns - base_ns as f64) / 1e3).clamp(-MAX_GLIDE_PPM, MAX_GLIDE_PPM);
        let glided = ns_per_tick * (1.0 + glide_ppm / 1e6) * (1_u64 << FRACTION) as f64;
        self.scale.set(Scale {
            base_ticks: ticks,
            base_ns,
            ns_per_tick: glided.round() as u64,
        });
        Some(())
    }

    /// Returns what the outputs say of the clock.
    #[must_use]
    pub fn describe(&self) -> summary::Clock {
        if !self.counts_cycles() {
            let source = summary::ClockSource::ClockMonotonic;
            return summary::Clock {
                source,
                hz: None,
                error_ppm: None,
            };
        }
        let first = self.first_scale as f64 / (1_u64 << FRACTION) as f64;
        let measured = self.origin.get().and_then(|origin| {
            let (ticks, instant) = self.measure();
            let true_ns = instant.duration_since(origin.instant).as_nanos() as f64;
            // Over less than this the measurement is no better than the calibration.
            (true_ns >= 1e9).then(|| true_ns / (ticks - origin.ticks) as f64)
        });
        summary::Clock {
            source: summary::ClockSource::Tsc,
            hz: Some(1e9 / measured.unwrap_or(first)),
            error_ppm: measured.map(|measured| (first / measured - 1.0) * 1e6),
        }
    }

    /// Returns whether ticks are cycles: without an invariant TSC quanta quietly reads
    /// `CLOCK_MONOTONIC`, in nanoseconds.
    fn counts_cycles(&self) -> bool {
        self.first_scale != 1 << FRACTION
    }

    /// Returns ticks and monotonic time of the same moment: of several tries the one that took
    /// least.
    fn measure(&self) -> (u64, time::Instant) {
        let tries = (0..8).map(|_| {
            let before = self.ticks.raw();
            let instant = time::Instant::now();
            let took = self.ticks.raw().saturating_sub(before);
            (took, before + took / 2, instant)
        });
        let (_, ticks, instant) = tries.min_by_key(|(took, ..)| *took).unwrap_or_else(|| {
            unreachable!("there were tries");
        });
        (ticks, instant)
    }
}

/// One thread's reader of a [`Timebase`].
pub struct TickClock<'a> {
    timebase: &'a Timebase,
    version: u64,
    scale: Scale,
    /// The time to which the scale before this one had come; readings are not before it.
    floor: Instant,
}

impl Clock for TickClock<'_> {
    #[inline]
    fn now(&mut self) -> Instant {
        if self.timebase.scale.0.version() != self.version {
            self.reload();
        }
        self.scale.at(self.timebase.ticks.raw()).max(self.floor)
    }
}

impl TickClock<'_> {
    /// Takes over the new scale, or goes on with the old one while the new one is being written. The
    /// new one begins in the past, and may be behind the old one if it was long in coming.
    #[cold]
    fn reload(&mut self) {
        if let Some((version, scale)) = self.timebase.scale.get() {
            self.floor = self.scale.at(self.timebase.ticks.raw()).max(self.floor);
            (self.version, self.scale) = (version, scale);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_runs_as_fast_as_the_monotonic_clock() {
        let timebase = Timebase::new();
        timebase.start();
        let mut clock = timebase.reader();
        // Whatever the threads are kept from doing meanwhile: one span lies in the other.
        let outer_begin = time::Instant::now();
        let begin = clock.now();
        let inner_begin = time::Instant::now();
        thread::sleep(Duration::from_millis(200));
        let inner = inner_begin.elapsed().as_nanos() as f64;
        let measured = clock.now().saturating_since(begin).as_nanos() as f64;
        let outer = outer_begin.elapsed().as_nanos() as f64;
        assert!(
            inner * 0.999 <= measured && measured <= outer * 1.001,
            "{inner} {measured} {outer}"
        );
    }

    #[test]
    fn it_glides_to_the_monotonic_clock_and_never_goes_back() {
        let mut timebase = Timebase::new();
        // 200 ppm slow.
        timebase.first_scale -= timebase.first_scale / 5000;
        timebase.start();
        let mut clock = timebase.reader();
        let mut last = clock.now();
        for _ in 0..20 {
            thread::sleep(Duration::from_millis(5));
            timebase.adjust().unwrap();
            for _ in 0..1000 {
                let now = clock.now();
                assert!(now >= last);
                last = now;
            }
        }
        let described = timebase.describe();
        if let Some(hz) = described.hz {
            assert!(hz > 1e8, "{described:?}");
        }
    }

    #[test]
    fn a_scale_keeps_its_place_when_it_changes() {
        let scale = Scale {
            base_ticks: 1000,
            base_ns: 50,
            ns_per_tick: 1 << (FRACTION - 1),
        };
        assert_eq!(scale.at(1000), Instant::from_nanos(50));
        assert_eq!(scale.at(1200), Instant::from_nanos(150));
        assert_eq!(
            scale.at(900),
            Instant::from_nanos(50),
            "a core that is behind does not go back"
        );
        let far = scale.at(1000 + (1 << 60));
        assert_eq!(
            far,
            Instant::from_nanos(50 + (1 << 59)),
            "years do not overflow"
        );
    }
}
