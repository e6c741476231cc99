//! How a worker's polls follow each other: busy, empty, too far apart.

use crate::reflect::MAX_BURSTS;
use crate::stats::{PollCounters, STALL};
use crate::time::{Instant, Span};

/// When polls begin further apart, a reflector takes one burst in each, lest several make a stall.
const MAX_GAP_FOR_BURSTS: Span = Span::from_nanos(STALL.as_nanos() / MAX_BURSTS as u64);

/// Measures the polls of one worker.
pub(super) struct PollMeter {
    last_poll: Option<Instant>,
    bursts: u32,
}

impl Default for PollMeter {
    fn default() -> Self {
        Self {
            last_poll: None,
            bursts: 1,
        }
    }
}

impl PollMeter {
    /// Returns how many bursts the next poll may take.
    pub const fn bursts(&self) -> u32 {
        self.bursts
    }

    /// Counts a poll from `now` to `after` that moved so many packets.
    #[inline]
    pub fn count(&mut self, poll: &mut PollCounters, now: Instant, after: Instant, moved: u16) {
        poll.polls += 1;
        if moved == 0 {
            poll.empty += 1;
        } else {
            poll.packets += u64::from(moved);
            poll.busy_ns += after.saturating_since(now).as_nanos();
        }
        if let Some(last) = self.last_poll {
            let gap = now.saturating_since(last);
            self.bursts = if gap > MAX_GAP_FOR_BURSTS {
                1
            } else {
                MAX_BURSTS
            };
            if gap > STALL {
                poll.stalls += 1;
                poll.longest_stall_ns = poll.longest_stall_ns.max(gap.as_nanos());
            }
        }
        self.last_poll = Some(now);
    }
}
