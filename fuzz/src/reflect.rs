//! Any frame through the reflector: only the swapped fields and the TTL differ, valid checksums
//! stay valid, and a second reflector makes the original of it again, but for its TTL.

mod plain;

use dpdkgen_core::port::FrameLen;
use dpdkgen_core::reflect::{FrameReflector, Ignored, Reflected, Rules};
use dpdkgen_core::wire::{Mac, Prefix};
use etherparse::IpNumber;
use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use self::plain::Limits;
use crate::build::{self, Headers};
use crate::oracle;
use crate::places::Places;

/// The reflector's own address.
const OWN: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// The settings of the reflector, and which frame it gets: the first bytes of the input. With zeros
/// it answers all that is for it.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Setup {
    /// Whether a frame is built from the rest, if it is odd; otherwise the rest is the frame.
    pub is_built: u8,
    /// Bits: 0, whether it answers for any MAC; 1 and 2, whether it allows an IPv4 and an IPv6
    /// network.
    pub rules: u8,
    /// The bits of these networks, taken modulo 33 and 129.
    pub prefix_len: u8,
    /// The bytes of the largest frame, counted downwards from the most.
    pub max_frame: U16,
    /// The offset of the byte that differs in another frame.
    pub at: u8,
    /// The bits that differ in it.
    pub change: u8,
}

/// The addresses in the networks that are allowed.
const ALLOWED: (&str, &str) = ("10.0.0.1", "fd00::1234:5678:a00:1");

impl Setup {
    fn limits(&self) -> Limits {
        let network = |bit: u8, address: &str, width: u8| {
            let address = address.parse().expect("an address");
            (self.rules >> bit & 1 == 1).then(|| (address, self.prefix_len % (width + 1)))
        };
        Limits {
            own: OWN,
            is_promiscuous: self.rules & 1 == 1,
            allowed: [network(1, ALLOWED.0, 32), network(2, ALLOWED.1, 128)]
                .into_iter()
                .flatten()
                .collect(),
            max_frame: usize::from(!self.max_frame.get()),
        }
    }
}

/// Checks the reflector on a frame: `data` is a [`Setup`], and then the frame or what it is built
/// from.
///
/// # Panics
///
/// If the reflector does anything else than it should.
pub fn run(data: &[u8]) {
    let Ok((setup, rest)) = Setup::read_from_prefix(data) else {
        return;
    };
    if setup.is_built.is_multiple_of(2) {
        let _ = check(&setup, rest);
    } else if let Some((headers, frame)) = build::udp_frame(rest) {
        let result = check(&setup, &frame);
        match not_plain(&headers) {
            Some(reason) => assert_eq!(result, Err(reason)),
            None => assert!(!is_taken_for_another(result), "{result:?} of a UDP packet"),
        }
    }
}

/// Returns the reason why a built frame is not one UDP packet behind as many tags as there may be.
fn not_plain(headers: &Headers) -> Option<Ignored> {
    if headers.tags().len() > 2 {
        return Some(Ignored::Tags);
    }
    if headers.is_fragment() {
        return Some(Ignored::Fragment);
    }
    match IpNumber(headers.extension()?) {
        // It is taken for the UDP header then, and is as long as one.
        IpNumber::UDP => None,
        next if next.is_ipv6_ext_header_value() => Some(Ignored::ExtensionHeader),
        _ => Some(Ignored::NotUdp),
    }
}

/// Returns whether a frame was ignored as if it were no UDP packet.
const fn is_taken_for_another(result: Result<(), Ignored>) -> bool {
    use Ignored::{ExtensionHeader, Fragment, Malformed, NotIp, NotUdp, Tags};
    matches!(
        result,
        Err(NotIp | Tags | NotUdp | Fragment | ExtensionHeader | Malformed)
    )
}

/// Checks the reflector on `frame`: as its first frame, as a repeated one, after and before another
/// one, and to and fro.
fn check(setup: &Setup, frame: &[u8]) -> Result<(), Ignored> {
    let limits = setup.limits();
    let allowed: Vec<Prefix> = (limits.allowed.iter())
        .map(|&(address, len)| Prefix::new(address, len).expect("a length that it has"))
        .collect();
    let mut reflector = FrameReflector::new(Rules {
        own: Mac(OWN),
        is_promiscuous: limits.is_promiscuous,
        allowed: &allowed,
        max_frame: FrameLen(!setup.max_frame.get()),
    });
    let mut other = frame.to_vec();
    if let Some(byte) = other.get_mut(usize::from(setup.at)) {
        *byte ^= setup.change;
    }
    let result = reflect(&mut reflector, &limits, frame);
    for next in [frame, &other, frame, &other] {
        let _ = reflect(&mut reflector, &limits, next);
    }
    to_and_fro(frame, result?);
    Ok(())
}

/// Checks that the reflector does with `before` what its limits say, and returns what it sends.
fn reflect(
    reflector: &mut FrameReflector<'_>,
    limits: &Limits,
    before: &[u8],
) -> Result<Vec<u8>, Ignored> {
    let mut frame = before.to_vec();
    let result = reflector.reflect(&mut frame);
    let places = match limits.answered(before) {
        Ok(places) => places,
        Err(reason) => {
            assert_eq!(result, Err(reason));
            assert_eq!(frame, before, "ignored, and yet changed");
            return Err(reason);
        }
    };
    let checksum_partial = plain::completed_checksum(before, places).is_some();
    assert_eq!(result, Ok(Reflected { checksum_partial }));
    assert_eq!(frame, plain::turned_round(before, places));
    checksums_stay(before, &frame, places);
    Ok(frame)
}

/// Checks that the sender's reflector makes the original of what was `sent` back, but for the TTL,
/// where it answers that.
fn to_and_fro(before: &[u8], mut sent: Vec<u8>) {
    let places = Places::of(before).expect("a UDP packet");
    if before[places.ttl()] <= 2 || before[..6] == before[6..12] {
        return;
    }
    let original = plain::with_checksum_completed(before, places);
    let expected = plain::with_lower_ttl(&plain::with_lower_ttl(&original, places), places);
    let sender = Mac(before[6..12].try_into().expect("six bytes"));
    let again = FrameReflector::new(Rules::of(sender)).reflect(&mut sent);
    let checksum_partial = false;
    assert_eq!(again, Ok(Reflected { checksum_partial }));
    assert_eq!(sent, expected);
}

/// Checks that right checksums stay right, and wrong ones wrong unless they were to be completed.
fn checksums_stay(before: &[u8], after: &[u8], places: Places) {
    if !places.is_v6 {
        let ip = |frame: &[u8]| oracle::ip_is_intact(&frame[places.ip..places.udp]);
        assert_eq!(ip(after), ip(before));
    }
    let udp = |frame: &[u8]| {
        let (source, destination) = places.addresses(frame);
        plain::covered(frame, places)
            .map(|datagram| oracle::udp_is_intact(source, destination, datagram))
    };
    let completed = plain::completed_checksum(before, places).is_some();
    assert_eq!(udp(after), udp(before).map(|was| was || completed));
}
