//! Values as users write them, with units.
//!
//! Promised: numbers are read as exact decimals, never through a float; what does not come out
//! whole, or does not fit, is an error that says so, never rounded. Letters count in either case.

mod address;
mod count;
mod decimal;
mod frame_size;
mod rate;
mod time;

use std::fmt;

pub use self::address::{ip, mac, port_range, prefix, socket, vlan};
pub use self::count::{bits, count, one_in, ratio, size, within};
pub use self::frame_size::{FrameSize, NAMED as NAMED_MIXES, frame_size};
pub use self::rate::{RateSpec, RateUnit, rate};
pub use self::time::{milliseconds, nanoseconds, seconds};

/// The reason for which a value was not understood, as the end of a sentence that begins with the
/// value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadValue {
    /// The value does not look like what is wanted here; said with an example of that.
    Wanted(&'static str),
    /// The number is fine but not its unit; said with the units that there are.
    Unit(&'static str),
    /// The value is finer than the unit that it is counted in.
    NotWhole(&'static str),
    /// The value does not fit.
    TooLarge,
    /// The value is not from the first to the second.
    Outside(u16, u16),
    /// The value has more digits than can be kept exactly.
    TooPrecise,
    /// The digits of the number are parted, or its fraction is behind a comma.
    Separators,
    /// The value names several where one is meant.
    Several,
    /// The value is a rate of bytes.
    Bytes,
    /// The value is a multiple of nothing.
    NoUnit,
    /// The end of a range lies before its start.
    UpsideDown,
    /// The list has nothing between two commas, or before or behind one.
    EmptyPart,
    /// This part of a list is no size with its weight.
    Part(String),
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wanted(what) => write!(f, "is not {what}"),
            Self::Unit(units) => write!(f, "has none of the units {units}"),
            Self::NotWhole(unit) => write!(f, "is not a whole number of {unit}"),
            Self::TooLarge => f.write_str("is too large"),
            Self::Outside(min, max) => write!(f, "is not from {min} to {max}"),
            Self::Separators => {
                f.write_str("has , or _ in it: write 1000000 or 1M, and 1.5 with a point")
            }
            Self::Several => f.write_str("names several: give the option once for each"),
            Self::TooPrecise => f.write_str("has too many digits"),
            Self::Bytes => f.write_str(
                "counts bytes, and a rate counts packets or bits: 100Mbps is 100 million bits a \
                 second",
            ),
            Self::NoUnit => f.write_str(
                "has no unit behind its multiplier: 100Mpps is packets, 100Mbps bits a second",
            ),
            Self::UpsideDown => f.write_str("is upside down: the end of a range comes last"),
            Self::EmptyPart => {
                f.write_str("has an empty part: a mix is a list such as 64:28,570:16,1518:4")
            }
            Self::Part(part) => write!(
                f,
                "has the part {part}, which is no size with its weight as in 64:28,570:16,1518:4"
            ),
        }
    }
}

impl std::error::Error for BadValue {}

#[cfg(test)]
mod tests;
