//! The lost packets by the part of the way that lost them: out, in the reflector, or back.
//!
//! Promised: the three parts add up to the packets lost; where the totals of the two ends do not
//! fit together, there is a sentence that says so instead of numbers.

use crate::summary::Summary;
use crate::text::words;

/// Packets lost, by part of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// Lost on the way to the reflector.
    pub outward: u64,
    /// Lost in the reflector's host.
    pub reflector: u64,
    /// Lost on the way back.
    pub back: u64,
}

impl Split {
    /// Divides what was `lost` of what was `sent` by the totals of the reflector, `peer`.
    ///
    /// # Errors
    ///
    /// If the two do not fit together: the end of a sentence says why.
    pub fn of(sent: u64, lost: u64, peer: &Summary) -> Result<Self, String> {
        let arrived = arrived(peer);
        if arrived > sent {
            return Err(format!(
                "the reflector received {} and the sender counts {} sent: there were other \
                 senders, a warm-up, duplicates on the way, or it is not this run's reflector",
                words::packets(arrived),
                words::count(sent)
            ));
        }
        let missed = missed(peer).min(sent - arrived);
        let sent_back = peer.tx.packets - not_sent(peer);
        let returned = sent - lost;
        let Some(back) = sent_back.checked_sub(returned) else {
            return Err(format!(
                "the reflector sent {} back and {} came back: it is not this run's reflector, or \
                 it ended sooner",
                words::packets(sent_back),
                words::count(returned)
            ));
        };
        Ok(Self {
            outward: sent - arrived - missed,
            reflector: missed + (arrived - sent_back),
            back,
        })
    }

    /// Divides what the run of `summary` lost; `None` if it lost nothing, if its path forwarded, or
    /// if the two do not fit together.
    #[must_use]
    pub fn of_run(summary: &Summary, peer: &Summary) -> Option<Self> {
        let lost = summary.lost.filter(|lost| *lost > 0)?;
        if summary.is_through() {
            return None;
        }
        Self::of(summary.tx.packets, lost, peer).ok()
    }

    /// Returns the parts that lost anything, as in `20 on the way out and 30 on the way back`.
    #[must_use]
    pub fn describe(&self) -> String {
        let parts = [
            (self.outward, "on the way out"),
            (self.reflector, "in the reflector"),
            (self.back, "on the way back"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<_> = parts
            .map(|(count, place)| format!("{} {place}", words::count(*count)))
            .collect();
        words::list(&parts)
    }
}

/// Returns the number of probes that came to the reflector's program, with those that came after
/// its `--count` had been reached.
#[must_use]
pub fn arrived(peer: &Summary) -> u64 {
    let refused = peer.tx.refused.saturating_add(past_count(peer));
    peer.tx.packets.saturating_add(refused)
}

/// Returns the number of probes that came after the reflector's `--count` had been reached.
#[must_use]
pub fn past_count(peer: &Summary) -> u64 {
    let ignored = peer.rx.as_ref().and_then(|rx| rx.ignored.as_ref());
    ignored
        .and_then(|reasons| reasons.get("past_count"))
        .copied()
        .unwrap_or(0)
}

/// Returns the number of packets, of the run or not, that came to a host's NIC and not to its
/// program.
#[must_use]
pub fn missed(summary: &Summary) -> u64 {
    let of_device = summary
        .device
        .iter()
        .flat_map(|device| [device.imissed, device.rx_nombuf]);
    of_device.flatten().fold(0, u64::saturating_add)
}

/// Returns the number of packets that a host's device took and did not send.
#[must_use]
pub fn not_sent(summary: &Summary) -> u64 {
    let of_device = summary.device.iter().filter_map(|device| device.oerrors);
    of_device
        .fold(0, u64::saturating_add)
        .min(summary.tx.packets)
}
