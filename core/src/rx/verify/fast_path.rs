//! The fast path of verifying: the one shape in which probes come, told by a few comparisons.
//!
//! Nearly every frame is an intact probe, and most of its headers is known beforehand: 16 bytes at
//! a time they are compared, and their known parts need not be summed again. What is not of the
//! shape may be anything, and is left to [`Expectation::verify`]; what is, that would accept too.

use zerocopy::FromBytes;

use super::shapes::{LaidOut, Lengths, Shapes, family, in_its_layout};
use super::{Expectation, Probe, Verified};
use crate::probe::filling::Filling;
use crate::probe::layout::Family;
use crate::probe::sizes::{Cycle, MAX_SIZES};
use crate::probe::{Head, LONG_LEN, MIN_LEN, Tail};
use crate::time::Span;
use crate::wire::checksum::Sum;
use crate::wire::{Ipv4, Udp};

/// The verifier of received frames.
pub struct Verifier<'a> {
    expectation: Expectation<'a>,
    shapes: LaidOut,
    /// Of each size; beyond the last that of the first.
    of_sizes: [OfSize<'a>; MAX_SIZES],
    cycle: Cycle,
    port_offset_max: u16,
    /// By how many bits the two UDP ports are shifted for that which the probe was sent from.
    source_port_shift: u32,
    tag_short: u16,
}

/// What is known of all probes of one size, on whichever route.
#[derive(Clone, Copy)]
struct OfSize<'a> {
    /// Bytes of payload behind the head.
    rest_len: usize,
    is_long: bool,
    /// What the lengths in its headers sum up to beyond those of the first size.
    lengths_sum: Sum,
    lengths: Lengths,
    filling: Filling<'a>,
}

impl<'a> OfSize<'a> {
    fn new(expectation: &Expectation<'a>, number: usize) -> Self {
        let shares = expectation.payloads.sizes().shares();
        let number = if number < shares.len() { number } else { 0 };
        let len = usize::from(shares[number].payload_len);
        let udp_len = |number: usize| Udp::LEN as u16 + shares[number].payload_len;
        let of_ipv4 = match family(expectation) {
            Family::V4 => size_of::<Ipv4>() as u16,
            Family::V6 => 0,
        };
        // The pseudo-header has the UDP length too. What is subtracted is added as its complement.
        let (ours, of_first) = (udp_len(number).to_be(), !udp_len(0).to_be());
        let difference = Sum::of_u16(ours).plus(Sum::of_u16(of_first));
        Self {
            rest_len: len.saturating_sub(MIN_LEN),
            is_long: len >= LONG_LEN,
            lengths_sum: difference.plus(difference),
            lengths: Lengths {
                ip: (of_ipv4 + udp_len(number)).to_be_bytes(),
                udp: udp_len(number).to_be_bytes(),
            },
            filling: *expectation.payloads.fillings(number),
        }
    }
}

impl<'a> Verifier<'a> {
    /// Makes what verifies frames by `expectation`.
    ///
    /// # Panics
    ///
    /// If that names no route, or routes of different families.
    #[must_use]
    pub fn new(expectation: Expectation<'a>) -> Self {
        Self {
            shapes: LaidOut::new(&expectation),
            of_sizes: core::array::from_fn(|number| OfSize::new(&expectation, number)),
            cycle: *expectation.payloads.sizes().cycle(),
            port_offset_max: expectation.last_source_port - expectation.first_source_port,
            source_port_shift: if expectation.is_through { 16 } else { 0 },
            tag_short: expectation.tag.short(),
            expectation,
        }
    }

    /// Returns the expectation that it goes by.
    #[cfg(test)]
    pub(super) const fn expectation(&self) -> &Expectation<'a> {
        &self.expectation
    }

    /// Returns the shapes of the probes, in their layout.
    #[inline(always)]
    pub(crate) const fn shapes(&self) -> &LaidOut {
        &self.shapes
    }

    /// Says what `frame` is.
    #[must_use]
    pub fn verify(&self, frame: &[u8]) -> Verified {
        in_its_layout!(self, shapes => self.verify_in(shapes, frame))
    }

    /// Says what each of `frames` is.
    #[inline]
    pub fn verify_burst<'f>(
        &self,
        frames: impl IntoIterator<Item = &'f [u8]>,
        mut each: impl FnMut(Verified),
    ) {
        in_its_layout!(self, shapes => for frame in frames {
            each(self.verify_in(shapes, frame));
        });
    }

    #[inline(always)] // into the loop over a burst
    fn verify_in<const FRONT: usize, const LANES: usize, const IS_MIX: bool>(
        &self,
        shapes: &Shapes<FRONT, LANES, IS_MIX>,
        frame: &[u8],
    ) -> Verified {
        match self.fast_path(shapes, frame) {
            Some(probe) => probe.into(),
            None => self.slow_path(frame),
        }
    }

    /// Returns the probe, if `frame` is an intact one of the first route that no router has changed;
    /// `shapes` are the verifier's own.
    #[inline(always)] // into the loop over a burst, so that the probe stays in registers
    pub(crate) fn fast_path<const FRONT: usize, const LANES: usize, const IS_MIX: bool>(
        &self,
        shapes: &Shapes<FRONT, LANES, IS_MIX>,
        frame: &[u8],
    ) -> Option<Probe> {
        let (front, rest) = frame.split_first_chunk::<FRONT>()?;
        let number = self.size_of::<FRONT, IS_MIX>(front);
        let shape = &shapes.first[number];
        let lanes = Shapes::<FRONT, LANES, IS_MIX>::lanes(front);
        if !shape.matches(&lanes, shapes.last_mask) {
            return None;
        }
        let udp_fixed = Sum::of_u16(shape.udp_fixed);
        self.intact(&self.of_sizes[number], udp_fixed, front, rest)
    }

    /// Returns the number of the size that a probe with this front has to have.
    #[inline(always)] // as above
    fn size_of<const FRONT: usize, const IS_MIX: bool>(&self, front: &[u8; FRONT]) -> usize {
        let head = front.last_chunk::<{ size_of::<Head>() }>();
        match head.and_then(|head| Head::ref_from_bytes(head).ok()) {
            Some(head) if IS_MIX => self.cycle.number_of(head.index()),
            _ => 0,
        }
    }

    /// Says what a frame is that does not take the fast path.
    #[inline(never)]
    pub fn slow_path(&self, frame: &[u8]) -> Verified {
        match in_its_layout!(self, shapes => self.changed_headers(shapes, frame)) {
            Some(probe) => probe.into(),
            None => self.expectation.verify(frame),
        }
    }

    /// Returns the probe, if `frame` is an intact one of any route, with headers as a router may
    /// have changed them.
    #[inline]
    pub(super) fn changed_headers<const FRONT: usize, const LANES: usize, const IS_MIX: bool>(
        &self,
        shapes: &Shapes<FRONT, LANES, IS_MIX>,
        frame: &[u8],
    ) -> Option<Probe> {
        let (front, rest) = frame.split_first_chunk::<FRONT>()?;
        let of_size = &self.of_sizes[self.size_of::<FRONT, IS_MIX>(front)];
        let shape = shapes.changed(front, &of_size.lengths)?;
        let udp_fixed = Sum::of_u16(shape.udp_fixed).plus(of_size.lengths_sum);
        self.intact(of_size, udp_fixed, front, rest)
    }

    /// Returns the probe in a frame whose headers are right, if all that they do not say is right
    /// too; `udp_fixed` is the sum over what is the same in all of its route and size.
    #[inline(always)] // as above
    fn intact<const FRONT: usize>(
        &self,
        of_size: &OfSize<'a>,
        udp_fixed: Sum,
        front: &[u8; FRONT],
        rest: &[u8],
    ) -> Option<Probe> {
        let expectation = &self.expectation;
        let (udp, head) = front.last_chunk::<UDP_AND_HEAD>()?.split_at(Udp::LEN);
        let (udp, head) = (
            Udp::ref_from_bytes(udp).ok()?,
            Head::ref_from_bytes(head).ok()?,
        );
        let source_port = (udp.ports() >> self.source_port_shift) as u16;
        let port_offset = source_port.wrapping_sub(expectation.first_source_port);
        if port_offset > self.port_offset_max || head.tag_short() != self.tag_short {
            return None;
        }
        let sum = udp_fixed
            .plus(Sum::of_u16(source_port.to_be()))
            .plus(Sum::of_u16(u16::from_ne_bytes(udp.checksum)))
            .plus(head.sum());
        let rest = rest.get(..of_size.rest_len)?;
        let (lag, rest_sum) = if rest.is_empty() {
            (None, Sum::ZERO)
        } else {
            self.intact_rest(of_size, head, rest)?
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
    fn intact_rest(
        &self,
        of_size: &OfSize<'a>,
        head: &Head,
        mut rest: &[u8],
    ) -> Option<(Option<Span>, Sum)> {
        let (mut lag, mut sum) = (None, Sum::ZERO);
        if of_size.is_long {
            let (tail, after) = Tail::ref_from_prefix(rest).ok()?;
            if tail.tag_rest() != self.expectation.tag.rest() {
                return None;
            }
            lag = Some(tail.lag());
            sum = tail.sum();
            rest = after;
        }
        let (filling, filling_sum) = of_size.filling.of(head.index());
        (rest == filling).then(|| (lag, sum.plus(Sum::of_u16(filling_sum))))
    }
}

/// Bytes of a UDP header and a head.
const UDP_AND_HEAD: usize = Udp::LEN + size_of::<Head>();
