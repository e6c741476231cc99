//! The reflection of one frame: whether it is answered, and how.

use zerocopy::FromBytes;

use super::fast_path::{Known, in_its_layout};
use super::rules::{Datagram, Ignored, Rules};
use crate::probe::layout::{Family, Layout};
use crate::rx::verify::is_partial;
use crate::wire::checksum::Sum;
use crate::wire::{Ethernet, Ipv4, Ipv6, Udp};

/// A frame that was turned round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reflected {
    /// Whether it came as `CHECKSUM_PARTIAL` (its sender left the rest of the sum to a NIC); now it
    /// is complete.
    pub checksum_partial: bool,
}

/// How many headers are known beside the last: with it as many as a usual mix has sizes, and one.
const EARLIER: usize = 3;

/// Turns frames round, or says why not.
pub struct FrameReflector<'a> {
    rules: Rules<'a>,
    /// Headers of the last frame that was sent back and had no IP options.
    known: Known,
    /// Others that came before, of other senders or sizes.
    earlier: [Known; EARLIER],
    /// The one of them that is given up for the next.
    next: usize,
}

impl<'a> FrameReflector<'a> {
    /// Makes one that goes by `rules`.
    #[must_use]
    pub fn new(rules: Rules<'a>) -> Self {
        Self {
            rules,
            known: Known::nothing(),
            earlier: [Known::nothing(); EARLIER],
            next: 0,
        }
    }

    /// Turns `frame` round: swaps source and destination of MAC, IP and UDP header, and lowers the
    /// TTL or hop limit by one.
    ///
    /// Nothing else changes, and the checksums stay as right or as wrong as they are, since a sum
    /// has no order and that of the IPv4 header is updated (RFC 1624); only a UDP checksum that
    /// covers just the pseudo-header is completed.
    ///
    /// # Errors
    ///
    /// Returns why it is not to be sent back; then nothing in it has changed.
    #[inline]
    pub fn reflect(&mut self, frame: &mut [u8]) -> Result<Reflected, Ignored> {
        let is_known = in_its_layout!(self.known, HEADERS, LANES => {
            self.reflect_fast::<HEADERS, LANES>(frame)
        });
        if is_known {
            return Ok(Reflected {
                checksum_partial: false,
            });
        }
        self.reflect_slow(frame)
    }

    /// Returns the knowledge of the last frame that was sent back.
    #[inline]
    pub(super) const fn known(&self) -> &Known {
        &self.known
    }

    /// Turns `frame` round if it is like the last one, as nearly every one is, and that has headers
    /// of `HEADERS` bytes; otherwise leaves it as it is and returns `false`.
    #[inline(always)] // into the loop over a burst
    pub(super) fn reflect_fast<const HEADERS: usize, const LANES: usize>(
        &self,
        frame: &mut [u8],
    ) -> bool {
        self.known.turn_round::<HEADERS, LANES>(frame)
    }

    /// Turns `frame` round if it is like an earlier one, which then is the last; otherwise leaves it
    /// as it is and returns `false`.
    fn reflect_as_earlier(&mut self, frame: &mut [u8]) -> bool {
        for earlier in &mut self.earlier {
            let is_known = in_its_layout!(earlier, HEADERS, LANES => {
                earlier.turn_round::<HEADERS, LANES>(frame)
            });
            if is_known {
                core::mem::swap(&mut self.known, earlier);
                return true;
            }
        }
        false
    }

    /// Knows frames like one that was judged from now on.
    fn know(&mut self, known: Known) {
        // One that has to be completed comes here though its headers are known.
        let is_first = self.known.headers_len() == 0;
        if !is_first && !known.has_headers_of(&self.known) {
            self.earlier[self.next] = self.known;
            self.next = (self.next + 1) % EARLIER;
        }
        self.known = known;
    }

    /// Turns any `frame` round, and knows others like it from then on.
    ///
    /// # Errors
    ///
    /// Returns why it is not to be sent back; then nothing in it has changed.
    #[cold]
    #[inline(never)]
    pub fn reflect_slow(&mut self, frame: &mut [u8]) -> Result<Reflected, Ignored> {
        if self.reflect_as_earlier(frame) {
            return Ok(Reflected {
                checksum_partial: false,
            });
        }
        let Datagram {
            layout,
            options_len,
            end,
        } = self.rules.judge(frame)?;
        let mut before = [0; Layout::MAX_FRONT_LEN];
        let known = frame.len().min(before.len());
        before[..known].copy_from_slice(&frame[..known]);
        let (link, packet) = frame.split_at_mut(layout.ip());
        let (ethernet, _) = Ethernet::mut_from_prefix(link).map_err(|_| Ignored::Malformed)?;
        core::mem::swap(&mut ethernet.source, &mut ethernet.destination);
        let packet = &mut packet[..end - layout.ip()];
        let (ip, after) = packet.split_at_mut(layout.udp() - layout.ip() + options_len);
        let (udp, payload) = Udp::mut_from_prefix(after).map_err(|_| Ignored::Malformed)?;
        let pseudo = match layout.family() {
            Family::V4 => {
                let (ip, _) = Ipv4::mut_from_prefix(ip).map_err(|_| Ignored::Malformed)?;
                ip.swap_addresses();
                ip.lower_ttl();
                ip.pseudo_header(udp.length.get())
            }
            Family::V6 => {
                let (ip, _) = Ipv6::mut_from_prefix(ip).map_err(|_| Ignored::Malformed)?;
                ip.swap_addresses();
                ip.hop_limit -= 1;
                ip.pseudo_header(Ipv6::UDP, udp.length.get())
            }
        };
        udp.swap_ports();
        let checksum_partial = complete_checksum(pseudo, udp, payload);
        if options_len == 0 {
            let partial = pseudo.fold().to_ne_bytes();
            self.know(Known::of(layout, &before, frame, end, partial));
        }
        Ok(Reflected { checksum_partial })
    }
}

/// Completes a UDP checksum that covers just the pseudo-header, and returns whether it was one.
///
/// `rest` is what follows in the IP packet, of which the datagram may be a part only.
fn complete_checksum(pseudo: Sum, udp: &mut Udp, rest: &[u8]) -> bool {
    let payload_len = usize::from(udp.length.get()).checked_sub(Udp::LEN);
    let Some(payload) = payload_len.and_then(|len| rest.get(..len)) else {
        return false;
    };
    if udp.checksum == [0; 2] || !is_partial(pseudo, udp) {
        return false;
    }
    let covered = pseudo.plus(Sum::of(payload));
    if covered.plus(udp.sum()).is_valid() {
        return false;
    }
    udp.checksum = [0; 2];
    udp.checksum = covered.plus(udp.sum()).udp_checksum();
    true
}

#[cfg(test)]
mod tests;
