//! A stream's finished frame: built once, and patched per packet.

mod burst;
mod fronts;

pub(crate) use self::burst::Burst;
pub use self::fronts::{FrontWords, Fronts, LaidOut};
use crate::port::FrameLen;
use crate::probe::filling::Payloads;
use crate::probe::layout::{Family, Headers, Layout};
use crate::probe::sizes::Sizes;
use crate::probe::{self, Head, Index, Tag};
use crate::time::{Instant, Span};
use crate::wire::Mac;
use crate::wire::checksum::Sum;

/// Most bytes of an IP packet: what is usual for large frames.
const MAX_MTU: usize = 9000;

/// Returns the most bytes of UDP payload: what an IP packet of 9000 bytes carries.
#[must_use]
pub const fn max_payload_len(layout: Layout) -> usize {
    MAX_MTU - layout.of_mtu() as usize
}

/// Does something with the fronts of a template in the words of their layout, so that it is
/// compiled for each layout.
macro_rules! in_its_layout {
    ($template:expr, $front:ident => $what:expr) => {
        match $template.fronts() {
            $crate::tx::template::LaidOut::Ipv4($front) => $what,
            $crate::tx::template::LaidOut::TaggedIpv4($front) => $what,
            $crate::tx::template::LaidOut::TwiceTaggedIpv4($front) => $what,
            $crate::tx::template::LaidOut::Ipv6($front) => $what,
            $crate::tx::template::LaidOut::TaggedIpv6($front) => $what,
            $crate::tx::template::LaidOut::TwiceTaggedIpv6($front) => $what,
        }
    };
}
pub(crate) use in_its_layout;

/// The frames of a stream, but for what differs from packet to packet.
#[derive(Clone, Debug)]
pub struct Template<'a> {
    fronts: LaidOut<'a>,
    tag: Tag,
    sizes: Sizes,
    layout: Layout,
}

/// The fields that differ from packet to packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    /// The index of the probe.
    pub index: Index,
    /// UDP source port.
    pub source_port: u16,
    /// The time at which it is sent.
    pub time: Instant,
    /// The time from when it was due to when it is sent.
    pub lag: Span,
}

impl<'a> Template<'a> {
    /// Makes the frames of the run with `tag` that have `headers` and these `payloads`.
    ///
    /// `None` if a payload is shorter than a probe or longer than [`max_payload_len`], or if the
    /// addresses are of different families.
    #[must_use]
    pub fn new(headers: &Headers, tag: Tag, payloads: &Payloads<'a>) -> Option<Self> {
        let family = Family::of(headers.addresses.source);
        let layout = Layout::new(family, headers.marks.tags.as_slice().len());
        let lens = probe::MIN_LEN..=max_payload_len(layout);
        let mut shares = payloads.sizes().shares().iter();
        if !shares.all(|share| lens.contains(&usize::from(share.payload_len))) {
            return None;
        }
        Some(Self {
            fronts: LaidOut::new(headers, tag, payloads)?,
            tag,
            sizes: payloads.sizes().clone(),
            layout,
        })
    }

    /// Returns the length of the longest frame, without FCS.
    #[must_use]
    pub fn max_frame_len(&self) -> FrameLen {
        FrameLen(self.layout.payload() as u16 + self.sizes.largest())
    }

    /// Returns the bytes of the longest frame, without VLAN tags and FCS.
    #[must_use]
    pub fn untagged_frame_len(&self) -> FrameLen {
        let tags_len = (self.layout.ip() - Layout::IPV4.ip()) as u16;
        FrameLen(self.max_frame_len().0 - tags_len)
    }

    /// Returns the bytes of the frames of so many packets from sequence `first` on, without FCS.
    #[must_use]
    #[inline]
    pub fn bytes(&self, first: u64, packets: u64) -> u64 {
        packets * self.layout.payload() as u64 + self.sizes.bytes(first, packets)
    }

    /// Returns whether its frames have several sizes.
    #[must_use]
    #[inline]
    pub fn is_mix(&self) -> bool {
        self.sizes.is_mix()
    }

    /// Returns whether its probes are the shortest, which carry neither lag nor filling.
    #[must_use]
    #[inline]
    pub fn is_minimal(&self) -> bool {
        usize::from(self.sizes.largest()) == probe::MIN_LEN
    }

    /// Returns its fronts, in the words of their layout.
    #[inline]
    pub(crate) const fn fronts(&self) -> &LaidOut<'a> {
        &self.fronts
    }

    /// Has all further frames go to `mac`.
    pub(super) const fn set_destination(&mut self, mac: Mac) {
        self.fronts.set_destination(mac);
    }

    /// Writes one packet to the start of `frame`, which holds at least [`Self::max_frame_len`] bytes,
    /// and returns its length.
    pub fn write(&self, frame: &mut [u8], patch: &Patch) -> FrameLen {
        let Patch {
            index,
            source_port,
            time,
            lag,
        } = *patch;
        if self.is_mix() {
            in_its_layout!(self, fronts => self
                .burst::<_, true>(fronts, index, time)
                .write(frame, source_port, lag))
        } else {
            in_its_layout!(self, fronts => self
                .burst::<_, false>(fronts, index, time)
                .write(frame, source_port, lag))
        }
    }

    /// Returns the packets from probe `first` of a stream on, sent at `time`, with the template's
    /// own `fronts`; their sequences do not come to [`Index::SEQUENCES`]. `IS_MIX` is what
    /// [`Self::is_mix`] says.
    #[must_use]
    #[inline]
    pub(crate) fn burst<'t, const FIXED: usize, const IS_MIX: bool>(
        &'t self,
        fronts: &'t Fronts<'a, FIXED>,
        first: Index,
        time: Instant,
    ) -> Burst<'t, 'a, FIXED, IS_MIX> {
        let head = Head::new(first, self.tag, time);
        let (cycle, mut sum) = (self.sizes.cycle(), head.sum());
        if !IS_MIX {
            sum = sum.plus(Sum::of_u16(fronts.of[0].constant));
        }
        Burst {
            template: self,
            fronts,
            head,
            time,
            index: first,
            sum: u32::from(sum.fold()),
            place: if IS_MIX { cycle.place_of(first) } else { 0 },
        }
    }

    /// Writes a packet as if it were sent a little later, so that its checksum does not look like a
    /// `CHECKSUM_PARTIAL` one.
    #[cold]
    fn write_later<const FIXED: usize, const IS_MIX: bool>(
        &self,
        fronts: &Fronts<'a, FIXED>,
        frame: &mut [u8],
        (index, mut time): (Index, Instant),
        source_port: u16,
        lag: Span,
    ) {
        loop {
            time = time + Span::from_nanos(1);
            let later = self.burst::<_, IS_MIX>(fronts, index, time);
            if later.try_write::<false>(frame, source_port, lag) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
