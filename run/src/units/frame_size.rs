//! Sizes of frames: one, or a mix of several.

use super::BadValue;
use super::count::{count, size};

/// Mixes that have a name, by size and weight. CSIT's is "IMIX" of FD.io's performance tests; both
/// are of the shares 7, 4 and 1, for which RFC 6985 has no name but a notation.
pub const NAMED: [(&str, [(u64, u64); 3]); 2] = [
    ("imix", [(64, 28), (570, 16), (1518, 4)]),
    ("simple-imix", [(64, 7), (570, 4), (1518, 1)]),
];

/// A size of frames as asked for, tags and FCS included, before it is known what fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameSize {
    /// All frames are of this size.
    One(u64),
    /// Frames are of several sizes, each with its weight.
    Mix(Vec<(u64, u64)>),
}

/// Reads the size of frames: `64`, or of a mix `imix`, `simple-imix`, or `64:28,570:16,1518:4`, each
/// size with its weight.
///
/// # Errors
///
/// Returns an error if it is neither.
pub fn frame_size(text: &str) -> Result<FrameSize, BadValue> {
    let name = text.trim().to_lowercase();
    if let Some((_, mix)) = NAMED.iter().find(|(named, _)| *named == name) {
        return Ok(FrameSize::Mix(mix.to_vec()));
    }
    if !name.contains(':') {
        return match size(&name) {
            Err(BadValue::Wanted(_)) => Err(BadValue::Wanted(
                "a size such as 1518, imix, simple-imix, or a list such as 64:28,570:16,1518:4",
            )),
            read => read.map(FrameSize::One),
        };
    }
    let part = |part: &str| {
        let part = part.trim();
        if part.is_empty() {
            return Err(BadValue::EmptyPart);
        }
        let read = part.split_once(':').map(|(len, weight)| {
            // Only the outer error says which part it is.
            Some((size(len).ok()?, count(weight).ok()?))
        });
        read.flatten()
            .ok_or_else(|| BadValue::Part(part.to_owned()))
    };
    let parts: Result<_, _> = name.split(',').map(part).collect();
    parts.map(FrameSize::Mix)
}
