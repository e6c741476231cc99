//! The sizes of probes as users name them: by the whole frame, tags and FCS included.

use dpdkgen_core::probe::layout::Layout;
use dpdkgen_core::probe::sizes::{Share, Sizes};
use serde_json::{Value, json};

use super::{SendRecv, limits};
use crate::failure::Failure;
use crate::units::{FrameSize, NAMED_MIXES};

/// Returns the sizes of probes in this layout that make these frames.
///
/// # Errors
///
/// Returns a failure if frames are too small or too large, or the mix has too many sizes or too much
/// weight, a size twice, or one without weight.
pub fn of_frames(frames: &FrameSize, layout: Layout) -> Result<Sizes, Failure> {
    let around = limits::around_payload(layout);
    let shares = match frames {
        FrameSize::One(size) => {
            let subject = format!("--frame-size {size} is");
            return payload(&subject, *size, around, layout).map(Sizes::one);
        }
        FrameSize::Mix(shares) => shares,
    };
    let refused = |reason: String| Err(Failure::request(format!("--frame-size {reason}")));
    if shares.len() > limits::MAX_SIZES {
        let (given, most) = (shares.len(), limits::MAX_SIZES);
        return refused(format!("names {given} sizes, and {most} is the most"));
    }
    for (number, (size, weight)) in shares.iter().enumerate() {
        if *weight == 0 {
            return refused(format!(
                "gives {size} a weight of 0: leave it out, or give 1 or more"
            ));
        }
        if shares[..number].iter().any(|(earlier, _)| earlier == size) {
            return refused(format!("names {size} twice: add its weights up"));
        }
    }
    let weights = shares.iter().map(|(_, weight)| weight);
    let weight = weights.fold(0_u64, |sum, weight| sum.saturating_add(*weight));
    if weight > limits::MAX_CYCLE {
        return refused(format!(
            "has weights of {weight} together, and {} is the most: give smaller ones",
            limits::MAX_CYCLE
        ));
    }
    let share = |(size, weight): &(u64, u64)| {
        let subject = format!("--frame-size has {size}, which is");
        Ok(Share {
            payload_len: payload(&subject, *size, around, layout)?,
            weight: *weight as u16,
        })
    };
    let shares: Vec<_> = shares.iter().map(share).collect::<Result<_, Failure>>()?;
    Ok(Sizes::mix(&shares).expect("a mix that was checked"))
}

/// Returns the payload of what is `asked` bytes long with so many bytes around it; `subject` begins
/// the sentence if there is none.
///
/// # Errors
///
/// Returns a failure if no probe has that length.
pub fn payload(subject: &str, asked: u64, around: u16, layout: Layout) -> Result<u16, Failure> {
    let max_payload = limits::max_payload(layout);
    let (min, max) = (limits::MIN_PAYLOAD + around, max_payload + around);
    match u16::try_from(asked) {
        Ok(size) if (min..=max).contains(&size) => Ok(size - around),
        _ => Err(Failure::request(format!(
            "{subject} not from {min} to {max} bytes: a probe has {} bytes of payload at \
             least, a jumbo frame {} at most",
            limits::MIN_PAYLOAD,
            max_payload
        ))),
    }
}

impl SendRecv {
    /// Returns the lengths of frames without FCS, and their weights.
    #[must_use]
    pub fn frame_lens(&self) -> Vec<(u16, u16)> {
        self.with(self.layout().payload() as u16)
    }

    /// Returns the sizes of frames with tags and FCS, and their weights.
    #[must_use]
    pub fn frame_sizes(&self) -> Vec<(u16, u16)> {
        self.with(limits::around_payload(self.layout()))
    }

    /// Returns the lengths of payloads and so many bytes around each, and their weights.
    fn with(&self, around: u16) -> Vec<(u16, u16)> {
        let shares = self.sizes.shares().iter();
        let shares = shares.map(|share| (share.payload_len + around, share.weight));
        shares.collect()
    }

    /// Returns the mean size of frames with tags and FCS.
    #[must_use]
    pub fn mean_frame_size(&self) -> f64 {
        let (mut bytes, mut packets) = (0.0, 0.0);
        for (size, weight) in self.frame_sizes() {
            bytes += f64::from(size) * f64::from(weight);
            packets += f64::from(weight);
        }
        bytes / packets
    }

    /// Returns the largest payload, in the words of the option that asked for it.
    #[must_use]
    pub fn largest_payload(&self) -> String {
        let payload = self.sizes.largest();
        if self.sizes.is_mix() {
            let frame = payload + limits::around_payload(self.layout());
            format!("the largest frame, of {frame} bytes,")
        } else {
            format!("a payload of {payload} bytes")
        }
    }

    /// Returns the option that asks for the sizes.
    #[must_use]
    pub fn size_option(&self) -> &'static str {
        if self.sizes.is_mix() {
            "--frame-size"
        } else {
            "--packet-size"
        }
    }

    pub(super) fn config_of_sizes(&self, set: &mut impl FnMut(&str, Value)) {
        let frames = self.frame_sizes();
        if let [(frame, _)] = frames[..] {
            set("payload_bytes", json!(self.sizes.largest()));
            set("frame_bytes", json!(frame));
            return;
        }
        let sizes = frames.iter();
        let sizes = sizes.map(|(size, weight)| json!({"size": size, "weight": weight}));
        set("frame_mix", json!(mix_text(&frames)));
        set("frame_sizes", sizes.collect());
        set("mean_frame_bytes", json!(self.mean_frame_size()));
    }
}

/// Returns a mix as `--frame-size` takes it: its name, or a list.
pub fn mix_text(frames: &[(u16, u16)]) -> String {
    let frames: Vec<_> = frames
        .iter()
        .map(|&(size, weight)| (u64::from(size), u64::from(weight)))
        .collect();
    let named = NAMED_MIXES.iter().find(|(_, mix)| mix[..] == frames[..]);
    let list = || {
        let part = |(size, weight): &(u64, u64)| format!("{size}:{weight}");
        frames.iter().map(part).collect::<Vec<_>>().join(",")
    };
    named.map_or_else(list, |(name, _)| (*name).to_owned())
}
