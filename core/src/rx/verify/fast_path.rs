//! The one shape in which probes are sent: told from every other frame by a few comparisons.
//!
//! Nearly every frame is an intact probe, and most of its headers is known beforehand: four words of
//! it are compared under masks, and their known parts need not be summed again. What is not of the
//! shape may be anything, and is left to [`Expectation::verify`]; what is, that would accept too.

use core::iter;
use core::net::Ipv4Addr;

use heapless::Vec;
use zerocopy::{FromBytes, IntoBytes};

use super::{Expectation, MAX_PORTS, Probe, Verified};
use crate::probe::layout::{IPV4_FRONT_LEN, Ipv4Front, Layout};
use crate::probe::{Head, LONG_LEN, MIN_LEN, Tail};
use crate::simd::Bytes16;
use crate::time::Span;
use crate::wire::checksum::Sum;
use crate::wire::{EtherType, Udp};

const FRONT: usize = IPV4_FRONT_LEN;
const LAYOUT: Layout = Layout::IPV4;

/// The offset of the four words: 32 bytes from the EtherType on, which end four bytes behind the
/// UDP length.
const WORDS_AT: usize = LAYOUT.ether_type();
const WORDS: usize = 4;

/// The verifier of received frames.
pub struct Verifier<'a> {
    expectation: Expectation<'a>,
    /// The mask of what is always the same in the four words.
    masks: [u64; WORDS],
    /// The mask of the last two words.
    last_mask: Bytes16,
    /// The shape of the probes of the first address that the run sends from; `others` has those of
    /// the other addresses.
    first: ProbeShape,
    others: Vec<ProbeShape, MAX_PORTS>,
    /// Bytes of payload behind the head.
    rest_len: usize,
    port_offset_max: u16,
    tag_short: u16,
    is_long: bool,
}

/// The shape of a probe that comes back to one address.
struct ProbeShape {
    /// The four words of a probe that nothing has changed on its way; under the masks, those of
    /// any.
    words: [u64; WORDS],
    /// The four words, two by two.
    pairs: [Bytes16; WORDS / 2],
    /// The sum that, added to that over the first two words, makes it one over the IP header.
    ip_rest: Sum,
    /// The sum over what is always the same in what the UDP checksum covers, folded.
    udp_fixed: u16,
}

impl ProbeShape {
    fn new(source: Ipv4Addr, expectation: &Expectation<'_>) -> Self {
        let udp_len = Udp::LEN as u16 + expectation.payload_len;
        let front = Ipv4Front::returned(expectation.destination, source, udp_len);
        let front_bytes = front.as_bytes().first_chunk().expect("a front");
        let words = words(front_bytes);
        let ether_type = u16::from_ne_bytes(EtherType::IPV4.0.to_bytes());
        let source_port = u16::from_ne_bytes(front.udp.source.to_bytes());
        Self {
            words,
            pairs: pairs(front_bytes),
            // The third word is the rest of the IP header, and the UDP source port.
            ip_rest: Sum::of_u64(words[2])
                .plus(Sum::of_u16(!ether_type))
                .plus(Sum::of_u16(!source_port)),
            udp_fixed: front.ip.pseudo_header(udp_len).plus(front.udp.sum()).fold(),
        }
    }

    /// Returns whether a probe comes back to this address with its IP header as it was sent.
    #[inline(always)] // into the loop over a burst
    fn matches(&self, front: &[u8; FRONT], last_mask: Bytes16) -> bool {
        let [first, last] = pairs(front);
        let differ = (last ^ self.pairs[1]) & last_mask;
        (differ | (first ^ self.pairs[0])).is_zero()
    }

    /// Returns whether a probe comes back to this address; all of both addresses is in these two
    /// words.
    #[inline]
    fn has_addresses(&self, words: &[u64; WORDS], masks: &[u64; WORDS]) -> bool {
        words[2] == self.words[2] && (words[3] ^ self.words[3]) & masks[3] == 0
    }

    /// Returns whether the IP header is intact, where the third word is as it was sent.
    #[inline]
    fn has_intact_ip(&self, words: &[u64; WORDS], masks: &[u64; WORDS]) -> bool {
        let is_same = |i: usize| (words[i] ^ self.words[i]) & masks[i] == 0;
        let sum = Sum::of_u64(words[0])
            .plus(Sum::of_u64(words[1]))
            .plus(self.ip_rest);
        is_same(0) && is_same(1) && sum.is_valid()
    }
}

impl<'a> Verifier<'a> {
    /// Makes the verifier of the probes of `expectation`.
    ///
    /// # Panics
    ///
    /// Panics if `expectation` names no address that the run sends from.
    #[must_use]
    pub fn new(expectation: Expectation<'a>) -> Self {
        let mask = Ipv4Front::kept();
        let sources = expectation.sources.iter();
        let mut shapes = sources.map(|source| ProbeShape::new(*source, &expectation));
        Self {
            masks: words(&mask),
            last_mask: pairs(&mask)[1],
            first: shapes.next().expect("a run sends from an address"),
            others: shapes.collect(),
            rest_len: usize::from(expectation.payload_len).saturating_sub(MIN_LEN),
            port_offset_max: expectation.last_source_port - expectation.first_source_port,
            tag_short: expectation.tag.short(),
            is_long: usize::from(expectation.payload_len) >= LONG_LEN,
            expectation,
        }
    }

    /// Returns the expectation that it goes by.
    #[cfg(test)]
    pub(super) const fn expectation(&self) -> &Expectation<'a> {
        &self.expectation
    }

    /// Returns what `frame` is.
    #[inline]
    pub fn verify(&self, frame: &[u8]) -> Verified {
        match self.fast_path(frame) {
            Some(probe) => probe.into(),
            None => self.slow_path(frame),
        }
    }

    /// Returns the probe, if `frame` is an intact one that comes back to the first of the addresses
    /// with its IP header as it was sent.
    #[inline(always)] // into the loop over a burst, so that the probe stays in registers
    pub fn fast_path(&self, frame: &[u8]) -> Option<Probe> {
        let (front, rest) = frame.split_first_chunk::<FRONT>()?;
        if !self.first.matches(front, self.last_mask) {
            return None;
        }
        self.intact(&self.first, front, rest)
    }

    /// Returns what a frame is that [`Self::fast_path`] does not recognise.
    #[inline(never)]
    pub fn slow_path(&self, frame: &[u8]) -> Verified {
        match self.changed_header(frame) {
            Some(probe) => probe.into(),
            None => self.expectation.verify(frame),
        }
    }

    /// Returns the probe, if `frame` is an intact one in the shape in which probes are sent.
    #[inline]
    fn changed_header(&self, frame: &[u8]) -> Option<Probe> {
        let (front, rest) = frame.split_first_chunk::<FRONT>()?;
        let words = words(front);
        let mut shapes = iter::once(&self.first).chain(&self.others);
        let shape = shapes.find(|shape| shape.has_addresses(&words, &self.masks))?;
        if !shape.has_intact_ip(&words, &self.masks) {
            return None;
        }
        self.intact(shape, front, rest)
    }

    /// Returns the probe in a frame of this shape, if all that the shape does not say is right too.
    #[inline(always)] // as above
    fn intact(&self, shape: &ProbeShape, front: &[u8; FRONT], rest: &[u8]) -> Option<Probe> {
        let expectation = &self.expectation;
        let Ipv4Front { udp, head, .. } = Ipv4Front::ref_from_bytes(front).ok()?;
        let port_offset = udp
            .destination
            .get()
            .wrapping_sub(expectation.first_source_port);
        if port_offset > self.port_offset_max || head.tag_short() != self.tag_short {
            return None;
        }
        let sum = Sum::of_u16(shape.udp_fixed)
            .plus(udp.changing_sum())
            .plus(head.sum());
        let rest = rest.get(..self.rest_len)?;
        let (lag, rest_sum) = if rest.is_empty() {
            (None, Sum::ZERO)
        } else {
            self.intact_rest(head, rest)?
        };
        // Not empty: the protocol's number is in it.
        sum.plus(rest_sum).is_zero().then_some(Probe {
            head: *head,
            lag,
            port_offset,
        })
    }

    /// Returns the lag, if it is told, and the sum of what follows the head, if that is right.
    #[inline(always)] // as above
    fn intact_rest(&self, head: &Head, mut rest: &[u8]) -> Option<(Option<Span>, Sum)> {
        let expectation = &self.expectation;
        let (mut lag, mut sum) = (None, Sum::ZERO);
        if self.is_long {
            let (tail, after) = Tail::ref_from_prefix(rest).ok()?;
            if tail.tag_rest() != expectation.tag.rest() {
                return None;
            }
            lag = Some(tail.lag());
            sum = tail.sum();
            rest = after;
        }
        let (filling, filling_sum) = expectation.filling.of(head.index());
        (rest == filling).then(|| (lag, sum.plus(Sum::of_u16(filling_sum))))
    }
}

/// Returns the four words as they lie in memory, two by two.
#[inline(always)] // as `ProbeShape::matches`
fn pairs(front: &[u8; FRONT]) -> [Bytes16; WORDS / 2] {
    core::array::from_fn(|i| {
        let at = WORDS_AT + 16 * i;
        Bytes16::new(*front[at..at + 16].first_chunk().expect("sixteen bytes"))
    })
}

/// Returns the four words as they lie in memory.
#[inline]
fn words(front: &[u8; FRONT]) -> [u64; WORDS] {
    core::array::from_fn(|i| {
        let at = WORDS_AT + 8 * i;
        u64::from_ne_bytes(*front[at..at + 8].first_chunk().expect("eight bytes"))
    })
}

// The third word is the addresses and the source port.
const _: () =
    assert!(WORDS_AT + 8 * 2 == LAYOUT.addresses() + 2 && WORDS_AT + 8 * 3 == LAYOUT.udp() + 2);
