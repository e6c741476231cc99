//! A probe that comes back, changed in any way: the verdict on it (foreign, corrupt, or a probe of
//! this run) against that of a plain reading.

mod edits;
mod plain;

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use dpdkgen_core::probe::filling::{Filling, FillingMemory, SUMS_LEN, pool_len};
use dpdkgen_core::probe::layout::{Addresses, Layout};
use dpdkgen_core::probe::{Age, Index, Tag};
use dpdkgen_core::reflect::FrameReflector;
use dpdkgen_core::rx::verify::{Expectation, Verifier};
use dpdkgen_core::time::{Instant, Span};
use dpdkgen_core::tx::template::{Patch, Template, filling_len};
use dpdkgen_core::wire::Mac;
use zerocopy::little_endian::{U16, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub use edits::Edit;
use plain::Verdict;

use crate::oracle::{self, four_at};

/// The settings of a run and its probe: the first bytes of the input.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Setup {
    /// Chooses the length of the payload.
    pub payload: u8,
    /// The run's tag.
    pub tag: U64,
    /// The probe's stream.
    pub stream: U16,
    /// The probe's sequence.
    pub sequence: U64,
    /// The number of bits that the times are shifted to the right, taken modulo 64.
    pub time_shift: u8,
    /// The time at which the probe was sent, in nanoseconds before the shift.
    pub time: U64,
    /// The lag with which it was sent, in nanoseconds before the shift.
    pub lag: U64,
    /// The time from sending to receipt, in nanoseconds before the shift.
    pub travel: U64,
    /// Chooses the source address among those of the run's ports.
    pub source: u8,
    /// Chooses the UDP source port.
    pub port: u8,
}

const SOURCES: [Ipv4Addr; 3] = [
    Ipv4Addr::new(10, 0, 0, 1),
    Ipv4Addr::new(10, 0, 0, 3),
    Ipv4Addr::new(192, 168, 0, 255),
];
const DESTINATION: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 10_000);
const SOURCE_PORTS: std::ops::RangeInclusive<u16> = 20_000..=20_010;
/// Lengths of payloads: the least, those around the least with a lag, odd ones, and large ones.
const PAYLOADS: [u16; 16] = [
    16, 17, 18, 19, 22, 23, 24, 25, 26, 31, 32, 64, 101, 1000, 1472, 8972,
];
const LOW_48: u64 = (1 << 48) - 1;

/// Checks the verdicts on a probe that comes back: `data` is a [`Setup`], and then [`Edit`]s of the
/// frame.
///
/// # Panics
///
/// If a verdict is not that of the plain reading.
pub fn run(data: &[u8]) {
    if let Ok((setup, edits)) = Setup::read_from_prefix(data) {
        let frame = setup.returned();
        unchanged(&setup, &frame);
        changed(&setup, frame, edits);
    }
}

impl Setup {
    fn payload_len(&self) -> u16 {
        PAYLOADS[usize::from(self.payload) % PAYLOADS.len()]
    }

    fn source(&self) -> Ipv4Addr {
        SOURCES[usize::from(self.source) % SOURCES.len()]
    }

    fn tag(&self) -> Tag {
        Tag::new(self.tag.get())
    }

    fn port_offset(&self) -> u16 {
        u16::from(self.port) % SOURCE_PORTS.len() as u16
    }

    fn patch(&self) -> Patch {
        Patch {
            index: Index::new(self.stream.get(), self.sequence.get()),
            source_port: SOURCE_PORTS.start() + self.port_offset(),
            time: Instant::from_nanos(self.time.get() >> (self.time_shift % 64)),
            lag: Span::from_nanos(self.lag.get() >> (self.time_shift % 64)),
        }
    }

    /// Returns the time at which the probe comes back: later than it was sent, or by an overflow
    /// any.
    fn now(&self) -> Instant {
        let travel = self.travel.get() >> (self.time_shift % 64);
        Instant::from_nanos(self.patch().time.as_nanos().wrapping_add(travel))
    }

    fn expectation(&self) -> Expectation<'static> {
        Expectation {
            sources: heapless::Vec::from_slice(&SOURCES).expect("few ports"),
            destination: DESTINATION,
            first_source_port: *SOURCE_PORTS.start(),
            last_source_port: *SOURCE_PORTS.end(),
            payload_len: self.payload_len(),
            tag: self.tag(),
            filling: filling(self.payload_len()),
        }
    }

    /// Returns the probe's frame, sent and reflected.
    fn returned(&self) -> Vec<u8> {
        let addresses = Addresses {
            source_mac: Mac([2, 0, 0, 0, 0, 1]),
            destination_mac: Mac([2, 0, 0, 0, 0, 2]),
            source: self.source(),
            destination: DESTINATION,
        };
        let filling = filling(self.payload_len());
        let template = Template::new(&addresses, self.tag(), self.payload_len(), filling)
            .expect("a payload that holds a probe");
        let mut frame = vec![0; Layout::IPV4.payload() + usize::from(self.payload_len())];
        template.write(&mut frame, &self.patch());
        let mut reflector = FrameReflector::new(addresses.destination_mac);
        let reflected = reflector.reflect(&mut frame).expect("a UDP packet");
        assert!(!reflected.checksum_partial, "looked as if left to a NIC");
        frame
    }
}

/// Returns the filling for payloads of one length, which is made once.
pub(crate) fn filling(payload_len: u16) -> Filling<'static> {
    thread_local! {
        static FILLINGS: RefCell<HashMap<u16, Filling<'static>>> = RefCell::default();
    }
    FILLINGS.with_borrow_mut(|fillings| {
        *fillings.entry(payload_len).or_insert_with(|| {
            let len = filling_len(payload_len);
            let memory = FillingMemory {
                pool: vec![0; pool_len(len)].leak(),
                sums: vec![0; SUMS_LEN].leak(),
            };
            Filling::new(memory, 11, len).expect("memory of the size it asks for")
        })
    })
}

/// Checks that the frame is valid, and verified as the probe that was sent, before it is changed.
fn unchanged(setup: &Setup, frame: &[u8]) {
    let (header, datagram) = oracle::ipv4_packet(&frame[14..]).expect("an IPv4 packet");
    assert!(oracle::ip_is_intact(header));
    let addresses = (four_at(header, 12), four_at(header, 16));
    let sent = (DESTINATION.ip().octets(), setup.source().octets());
    assert_eq!(addresses, sent);
    assert!(oracle::udp_is_intact(addresses.0, addresses.1, datagram));
    let patch = setup.patch();
    let verified = Verifier::new(setup.expectation()).verify(frame);
    let probe = plain::Probe {
        index: patch.index,
        age: age(frame, &patch, setup.now()),
        lag: (setup.payload_len() >= 24).then_some(Span::from_nanos(
            patch.lag.as_nanos().min(u64::from(u32::MAX)),
        )),
        port_offset: setup.port_offset(),
    };
    let expected = Verdict {
        result: Ok(probe),
        checksum_partial: false,
    };
    assert_eq!(Verdict::of(&verified, setup.now()), expected);
}

/// Returns the age of the time in `frame`, which is that in `patch`, or a little later so that the
/// checksum does not look like one left to a NIC.
fn age(frame: &[u8], patch: &Patch, now: Instant) -> Age {
    let tag_time = frame[Layout::IPV4.payload() + 8..][..8]
        .try_into()
        .expect("8 bytes");
    let time = u64::from_le_bytes(tag_time) & LOW_48;
    let postponed = time.wrapping_sub(patch.time.as_nanos()) & LOW_48;
    assert!(postponed <= 2, "postponed by {postponed} ns");
    plain::age(time, now)
}

fn changed(setup: &Setup, mut frame: Vec<u8>, mut edits: &[u8]) {
    let expectation = setup.expectation();
    let verifier = Verifier::new(setup.expectation());
    while let Ok((edit, rest)) = Edit::read_from_prefix(edits) {
        edit.apply(&mut frame);
        edits = rest;
        let expected = plain::verify(&expectation, &frame, setup.now());
        let verified = verifier.verify(&frame);
        assert_eq!(Verdict::of(&verified, setup.now()), expected);
    }
}
