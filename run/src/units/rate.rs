//! Rates: packets, bits of frames, or bits on the line, per second.

use dpdkgen_core::tx::pacer::Rate;

use super::BadValue;
use super::decimal::{Fraction, multiplier, number};

/// Bytes of an Ethernet frame that the line adds to it: preamble 8, gap 12.
const LINE_OVERHEAD: u64 = 20;

/// Bytes of the check sequence at the end of a frame.
const FCS: u64 = 4;

/// The smallest Ethernet frame, FCS included; shorter ones are padded to it.
const MIN_FRAME: u64 = 64;

/// The things that a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateUnit {
    /// The packets.
    Packets,
    /// The bits of frames, FCS and padding included.
    FrameBits,
    /// The bits on the line: those of the frames, and preamble and gap.
    LineBits,
}

impl RateUnit {
    /// Returns how much of this a frame of `frame_len` bytes (without FCS) is.
    #[must_use]
    pub const fn of_frame(self, frame_len: u16) -> u64 {
        let with_fcs = frame_len as u64 + FCS;
        let frame = if with_fcs < MIN_FRAME {
            MIN_FRAME
        } else {
            with_fcs
        };
        match self {
            Self::Packets => 1,
            Self::FrameBits => frame * 8,
            Self::LineBits => (frame + LINE_OVERHEAD) * 8,
        }
    }

    /// Returns the unit of a rate that counts this, as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Packets => "pps",
            Self::FrameBits => "bps",
            Self::LineBits => "bpsl1",
        }
    }
}

/// A rate as asked for, before it is known how long the frames are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateSpec {
    per_second: Fraction,
    unit: RateUnit,
}

impl RateSpec {
    /// Returns the rate in packets at which frames of `frame_len` bytes (without FCS) make this.
    ///
    /// # Errors
    ///
    /// Returns an error if it has more digits, or is larger, than the pacer can keep exactly, or is
    /// 0.
    pub fn for_frames(self, frame_len: u16) -> Result<Rate, BadValue> {
        self.for_mix([(frame_len, 1)])
    }

    /// Returns the rate in packets at which a mix of frames, of these bytes (without FCS) and
    /// weights, makes this: of their mean, exactly.
    ///
    /// # Errors
    ///
    /// As [`Self::for_frames`].
    pub fn for_mix(self, frames: impl IntoIterator<Item = (u16, u16)>) -> Result<Rate, BadValue> {
        let (mut packets, mut bits) = (0, 0);
        for (frame_len, weight) in frames {
            packets += u128::from(weight);
            bits += u128::from(weight) * u128::from(self.unit.of_frame(frame_len));
        }
        let per_second = self.per_second.times(packets)?.per(bits)?;
        let per_ns = per_second.per(1_000_000_000)?;
        let packets = u64::try_from(per_ns.num).map_err(|_| BadValue::TooLarge)?;
        let span_ns = u64::try_from(per_ns.den).map_err(|_| BadValue::TooPrecise)?;
        Rate::new(packets, span_ns).ok_or(BadValue::Wanted("more than 0"))
    }

    /// Returns what the rate counts.
    #[must_use]
    pub const fn unit(self) -> RateUnit {
        self.unit
    }

    /// Returns how much of that there is in a second, rounded.
    #[must_use]
    pub fn per_second(self) -> f64 {
        self.per_second.num as f64 / self.per_second.den as f64
    }
}

/// Reads a rate: `3.5Mpps`, `10Gbps` (frames), `10Gbpsl1` (on the line); a bare number is packets
/// per second.
///
/// # Errors
///
/// Returns an error if it is no rate, or 0.
pub fn rate(text: &str) -> Result<RateSpec, BadValue> {
    let (value, unit) = number(text, "a rate such as 3.5Mpps, 10Gbps or 10Gbpsl1")?;
    // Of a rate alone the case of a letter tells something.
    if text.trim_end().ends_with("Bps") || unit.ends_with("b/s") && text.contains('B') {
        return Err(BadValue::Bytes);
    }
    if !unit.is_empty() && multiplier(&unit).is_some() {
        return Err(BadValue::NoUnit);
    }
    let (prefix, unit) = [
        ("bpsl1", RateUnit::LineBits),
        ("bps", RateUnit::FrameBits),
        ("pps", RateUnit::Packets),
        ("", RateUnit::Packets),
    ]
    .iter()
    .find_map(|(name, kind)| Some((unit.strip_suffix(name)?, *kind)))
    .ok_or(BadValue::Unit("pps, bps or bpsl1"))?;
    let factor = multiplier(prefix).ok_or(BadValue::Unit(
        "pps, bps or bpsl1, with k, M or G before it",
    ))?;
    if value.num == 0 {
        return Err(BadValue::Wanted("more than 0"));
    }
    Ok(RateSpec {
        per_second: value.times(factor)?,
        unit,
    })
}
