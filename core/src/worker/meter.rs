//! The meter of a worker's polls: busy, empty, too far apart.

use crate::reflect::MAX_BURSTS;
use crate::stats::{PollCounters, STALL};
use crate::time::{Instant, Span};

/// The longest time from one poll to the next at which a reflector takes several bursts in a poll;
/// beyond it it takes one, lest several make a stall.
const MAX_GAP_FOR_BURSTS: Span = Span::from_nanos(STALL.as_nanos() / MAX_BURSTS as u64);

/// The length of a poll from which on the lcore was taken away in it: no burst takes as long. Such a
/// poll is a stall, and none of its time the lcore's.
pub(super) const TAKEN_AWAY: Span = Span::from_millis(1);

/// The meter of one worker's polls.
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

    /// Counts, in `poll`, a poll from `now` to `after` that moved `moved` packets.
    #[inline]
    pub fn count(&mut self, poll: &mut PollCounters, now: Instant, after: Instant, moved: u16) {
        poll.polls += 1;
        if moved == 0 {
            poll.empty += 1;
        } else {
            poll.packets += u64::from(moved);
            let took = after.saturating_since(now);
            if took < TAKEN_AWAY {
                poll.busy_ns += took.as_nanos();
            }
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
                poll.stalled_ns += gap.as_nanos();
                poll.longest_stall_ns = poll.longest_stall_ns.max(gap.as_nanos());
            }
        }
        self.last_poll = Some(now);
    }
}
