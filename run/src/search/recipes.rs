//! The tests of RFC 2544 beside the throughput: latency, frame loss rate, back-to-back frames.
//!
//! Throughput (section 26.1) is a search for a loss of 0. The others rest on it, and are "2544-style"
//! in every output, since the RFC's own want an isolated network (RFC 6815).

use dpdkgen_report::search::{BackToBack, LatencyTest, Purpose};

use super::drive::Searching;
use super::known::OfSize;
use super::request::Length;
use super::trials::Wanted;
use crate::failure::Failure;
use crate::runner::trial::Executor;

/// The step from one load to the next in the frame loss rate test, as a share of the highest: the
/// coarsest that the RFC allows.
const LOSS_STEPS: u32 = 10;

/// The seconds that the longest burst takes that is tried: the least duration of such a trial (RFC
/// 2544, section 26.4).
const LONGEST_BURST_S: u64 = 2;

/// The number of trials that may in turn fail to be offered before a burst counts as not passed.
const TRIES: u32 = 3;

impl Searching {
    /// Measures latency at the throughput, as often as was asked for (RFC 2544, section 26.2).
    pub(super) fn repeat_latency(
        &mut self,
        executor: &mut impl Executor,
        of_size: &OfSize,
    ) -> Result<(), Failure> {
        let Some(lower) = of_size.search.result(0).lower else {
            return Ok(());
        };
        let mut latencies = Vec::new();
        for _ in 0..self.request.trial_repeats {
            if self.end.is_some() {
                break;
            }
            let length = Length::Time(self.request.latency_trial);
            let wanted = Wanted {
                share: Some(1.0),
                ..of_size.wanted(Purpose::Latency, Some(lower.pps), length)
            };
            let done = self.carry_out(executor, of_size, &wanted)?;
            latencies.extend(done.outcome.and(done.record.latency_ns));
            self.tried(of_size, &wanted, &done);
        }
        let trials = latencies.len();
        let mean = |of: fn(&dpdkgen_report::summary::Latency) -> f64| {
            latencies.iter().map(of).sum::<f64>() / trials as f64
        };
        if trials > 0 {
            self.report.latency.push(LatencyTest {
                frame_size: self.request.frame_size(&of_size.sizes),
                pps: lower.pps as f64,
                trials,
                min_ns: latencies.iter().map(|of| of.min).min().unwrap_or(0),
                mean_ns: mean(|of| of.mean),
                p99_ns: mean(|of| of.p99 as f64),
                max_ns: latencies.iter().map(|of| of.max).max().unwrap_or(0),
            });
        }
        Ok(())
    }

    /// Measures the loss at the highest rate and at less and less of it, until two loads in turn lose
    /// nothing (RFC 2544, section 26.3).
    pub(super) fn measure_loss(
        &mut self,
        executor: &mut impl Executor,
        of_size: &OfSize,
    ) -> Result<(), Failure> {
        let mut without_loss = 0;
        for step in (1..=LOSS_STEPS).rev() {
            if self.end.is_some() || without_loss == 2 {
                break;
            }
            let pps = of_size.max * u64::from(step) / u64::from(LOSS_STEPS);
            let length = Length::Time(self.request.goals[0].goal.trial);
            let wanted = Wanted {
                share: Some(f64::from(step) / f64::from(LOSS_STEPS)),
                ..of_size.wanted(Purpose::Loss, Some(pps.max(1)), length)
            };
            let done = self.carry_out(executor, of_size, &wanted)?;
            let has_lost = done.record.lost != Some(0);
            without_loss = if has_lost { 0 } else { without_loss + 1 };
            self.tried(of_size, &wanted, &done);
        }
        Ok(())
    }

    /// Searches for the longest burst that passes whole, as often as was asked for (RFC 2544, section
    /// 26.4; RFC 9004).
    pub(super) fn search_bursts(
        &mut self,
        executor: &mut impl Executor,
        of_size: &OfSize,
    ) -> Result<(), Failure> {
        let longest = of_size.max * LONGEST_BURST_S;
        let mut bursts: Vec<u64> = Vec::new();
        for _ in 0..self.request.trial_repeats {
            match self.search_burst(executor, of_size, longest)? {
                Some(burst) => bursts.push(burst),
                None => break,
            }
        }
        let searches = bursts.len();
        if searches == 0 {
            return Ok(());
        }
        let frames = bursts.iter().sum::<u64>() as f64 / searches as f64;
        let pps = of_size.max as f64;
        let throughput = of_size.search.result(0).lower;
        let implied_buffer_s = frames / pps;
        let corrected = |throughput: f64| implied_buffer_s * (1.0 - throughput / pps).max(0.0);
        self.report.back_to_back.push(BackToBack {
            frame_size: self.request.frame_size(&of_size.sizes),
            pps,
            searches,
            frames,
            min_frames: bursts.iter().copied().min().unwrap_or(0),
            max_frames: bursts.iter().copied().max().unwrap_or(0),
            is_longest_tried: bursts.contains(&longest),
            implied_buffer_s,
            corrected_buffer_s: throughput.map(|lower| corrected(lower.pps as f64)),
        });
        Ok(())
    }

    /// Searches once for the longest burst that passes whole, by halving; `None` if that was ended early.
    fn search_burst(
        &mut self,
        executor: &mut impl Executor,
        of_size: &OfSize,
        longest: u64,
    ) -> Result<Option<u64>, Failure> {
        if self.passes_whole(executor, of_size, longest)? {
            return Ok(self.end.is_none().then_some(longest));
        }
        let (mut passed, mut lost) = (0, longest);
        let width = self.request.goals[0].goal.width;
        while self.end.is_none() && lost - passed > ((lost as f64 * width) as u64).max(1) {
            let burst = passed + (lost - passed) / 2;
            if self.passes_whole(executor, of_size, burst)? {
                passed = burst;
            } else {
                lost = burst;
            }
        }
        Ok(self.end.is_none().then_some(passed))
    }

    /// Returns whether a burst of so many frames at the highest rate passes whole.
    fn passes_whole(
        &mut self,
        executor: &mut impl Executor,
        of_size: &OfSize,
        burst: u64,
    ) -> Result<bool, Failure> {
        for _ in 0..TRIES {
            let length = Length::Packets(burst);
            let wanted = of_size.wanted(Purpose::Burst, Some(of_size.max), length);
            let done = self.carry_out(executor, of_size, &wanted)?;
            self.tried(of_size, &wanted, &done);
            if done.record.offered || self.end.is_some() {
                return Ok(done.record.lost == Some(0));
            }
        }
        Ok(false)
    }
}
