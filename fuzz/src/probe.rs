//! A probe that comes back, changed in any way: the verdict on it (foreign, unturned, corrupt, or a
//! probe of this run) against that of a plain reading.

mod edits;
mod plain;

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};

use dpdkgen_core::probe::filling::{FillingMemory, Payloads, pool_len, sums_len};
use dpdkgen_core::probe::layout::{Addresses, Headers};
use dpdkgen_core::probe::sizes::{Share, Sizes};
use dpdkgen_core::probe::{Age, Index, Tag};
use dpdkgen_core::reflect::{FrameReflector, Rules};
use dpdkgen_core::rx::verify::{Expectation, Reject, Route, Verifier};
use dpdkgen_core::time::{Instant, Span};
use dpdkgen_core::tx::template::{Patch, Template};
use dpdkgen_core::wire::Mac;
use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};
use zerocopy::little_endian::{U16, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub use edits::Edit;
pub(crate) use edits::set_udp_checksum;
use plain::Verdict;

use crate::oracle::{self, TAG, UDP, u16_at};
use crate::places::{Link, Places};
use crate::shape::Shape;

/// The settings of a run and its probe: the first bytes of the input.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Setup {
    /// Chooses the length of the payload by the low four bits, and from how many a mix is by the
    /// others.
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
    /// Chooses the route among those of the run's ports.
    pub route: u8,
    /// Chooses the UDP source port.
    pub port: u8,
    /// The form of the probes.
    pub shape: Shape,
}

/// The run's routes: from an IP address to another and a UDP port. Of the last four, two are the
/// ways between two ports of the run, and two are so with UDP ports that are source ports too.
const ROUTES: [(Ipv4Addr, Ipv4Addr, u16); 7] = [
    (
        Ipv4Addr::new(10, 0, 0, 1),
        Ipv4Addr::new(10, 0, 0, 2),
        10_000,
    ),
    (
        Ipv4Addr::new(10, 0, 0, 3),
        Ipv4Addr::new(10, 0, 0, 2),
        10_000,
    ),
    (
        Ipv4Addr::new(192, 168, 0, 255),
        Ipv4Addr::new(10, 9, 8, 7),
        9999,
    ),
    (
        Ipv4Addr::new(10, 0, 1, 1),
        Ipv4Addr::new(10, 0, 1, 2),
        10_000,
    ),
    (
        Ipv4Addr::new(10, 0, 1, 2),
        Ipv4Addr::new(10, 0, 1, 1),
        10_000,
    ),
    (
        Ipv4Addr::new(10, 0, 2, 1),
        Ipv4Addr::new(10, 0, 2, 2),
        20_005,
    ),
    (
        Ipv4Addr::new(10, 0, 2, 2),
        Ipv4Addr::new(10, 0, 2, 1),
        20_006,
    ),
];
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
    /// Returns the sizes of the run's probes: one, or a mix of up to eight.
    fn sizes(&self) -> Sizes {
        let (first, mix) = (self.payload % 16, self.payload / 16);
        let share = |number: u8| Share {
            payload_len: PAYLOADS[usize::from(first + number) % PAYLOADS.len()]
                .min(self.shape.most_payload()),
            weight: u16::from(1 + number * mix % 7),
        };
        let shares: Vec<_> = (0..=mix % 8).map(share).collect();
        Sizes::mix(&shares).expect("few sizes, all different")
    }

    /// Returns the bytes of payload of the probe that is sent.
    fn payload_len(&self) -> u16 {
        self.sizes().payload_len(self.patch().index)
    }

    /// Returns the routes of the run, of its family.
    fn routes(&self) -> [Route; ROUTES.len()] {
        let address = |address| self.shape.address(address);
        ROUTES.map(|(source, destination, port)| Route {
            source: address(source),
            destination: SocketAddr::new(address(destination), port),
        })
    }

    fn route(&self) -> Route {
        self.routes()[usize::from(self.route) % ROUTES.len()]
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
            routes: heapless::Vec::from_slice(&self.routes()).expect("few ports"),
            marks: self.shape.marks(),
            is_through: self.shape.is_through(),
            first_source_port: *SOURCE_PORTS.start(),
            last_source_port: *SOURCE_PORTS.end(),
            payloads: payloads(&self.sizes()),
            tag: self.tag(),
        }
    }

    /// Returns the probe's frame as it comes back: reflected, or just as it was sent.
    fn returned(&self) -> Vec<u8> {
        let Route {
            source,
            destination,
        } = self.route();
        let addresses = Addresses {
            source_mac: Mac([2, 0, 0, 0, 0, 1]),
            destination_mac: Mac([2, 0, 0, 0, 0, 2]),
            source,
            destination,
        };
        let headers = Headers {
            addresses,
            marks: self.shape.marks(),
        };
        let payloads = payloads(&self.sizes());
        let template =
            Template::new(&headers, self.tag(), &payloads).expect("a payload that holds a probe");
        let mut frame = vec![0; self.shape.headers_len() + usize::from(self.payload_len())];
        template.write(&mut frame, &self.patch());
        if self.shape.is_turned() {
            let mut reflector = FrameReflector::new(Rules::of(addresses.destination_mac));
            let reflected = reflector.reflect(&mut frame).expect("a UDP packet");
            assert!(!reflected.checksum_partial, "looked as if left to a NIC");
        }
        frame
    }
}

/// Returns the payloads of these sizes, which are made once.
pub(crate) fn payloads(sizes: &Sizes) -> Payloads<'static> {
    thread_local! {
        static MADE: RefCell<HashMap<Vec<(u16, u16)>, Payloads<'static>>> = RefCell::default();
    }
    let shares = sizes.shares().iter();
    let key = shares.map(|share| (share.payload_len, share.weight));
    MADE.with_borrow_mut(|made| {
        let made = made.entry(key.collect()).or_insert_with(|| {
            let memory = FillingMemory {
                pool: vec![0; pool_len(sizes)].leak(),
                sums: vec![0; sums_len(sizes)].leak(),
            };
            Payloads::new(memory, 11, sizes.clone()).expect("memory of the size it asks for")
        });
        made.clone()
    })
}

/// Checks that the frame is valid, and verified as the probe that was sent, before it is changed.
fn unchanged(setup: &Setup, frame: &[u8]) {
    is_valid(setup, frame);
    let patch = setup.patch();
    let verified = Verifier::new(setup.expectation()).verify(frame);
    let probe = plain::Probe {
        index: patch.index,
        age: age(setup, frame),
        lag: (setup.payload_len() >= 24).then_some(Span::from_nanos(
            patch.lag.as_nanos().min(u64::from(u32::MAX)),
        )),
        port_offset: setup.port_offset(),
    };
    let is_source_port = SOURCE_PORTS.contains(&setup.route().destination.port());
    let result = match (setup.shape.is_through(), setup.shape.is_turned()) {
        (false, true) | (true, false) => Ok(probe),
        // It may as well be another port's.
        _ if is_source_port => return,
        (false, false) => Err(Reject::Unturned),
        (true, true) => Err(Reject::Foreign),
    };
    let expected = Verdict {
        result,
        checksum_partial: false,
    };
    assert_eq!(Verdict::of(&verified, setup.now()), expected);
}

/// Checks that the headers of the frame are what was asked for, and the checksums right.
fn is_valid(setup: &Setup, frame: &[u8]) {
    let shape = &setup.shape;
    let link = Link::of(frame).expect("an Ethernet header");
    assert_eq!(link.tags, shape.tags());
    assert_eq!(link.ether_type, if shape.is_v6() { 0x86dd } else { 0x0800 });
    let types: &[u16] = match link.tags.len() {
        0 => &[],
        1 => &[0x8100],
        _ => &[0x88a8, 0x8100],
    };
    for (number, ether_type) in types.iter().enumerate() {
        assert_eq!(u16_at(frame, 12 + number * TAG), *ether_type);
    }
    let packet = &frame[link.packet..];
    let (dscp, ttl, datagram) = if shape.is_v6() {
        let (header, datagram) = oracle::ipv6_packet(packet).expect("an IPv6 packet");
        let header = Ipv6HeaderSlice::from_slice(header).expect("a header");
        assert_eq!((header.ecn().value(), header.flow_label().value()), (0, 0));
        (header.dscp().value(), header.hop_limit(), datagram)
    } else {
        let (header, datagram) = oracle::ipv4_packet(packet).expect("an IPv4 packet");
        assert!(oracle::ip_is_intact(header));
        let header = Ipv4HeaderSlice::from_slice(header).expect("a header");
        assert_eq!(header.ecn().value(), 0);
        (header.dcp().value(), header.ttl(), datagram)
    };
    let sent_ttl = 64_u8.wrapping_add(shape.ttl).max(2);
    let is_turned = shape.is_turned();
    assert_eq!(
        (dscp, ttl),
        (shape.dscp % 64, sent_ttl - u8::from(is_turned))
    );
    let places = Places::of(frame).expect("a UDP packet");
    assert_eq!(places.udp + UDP, shape.headers_len());
    let (source, destination) = places.addresses(frame);
    let (from, to) = if is_turned {
        (destination, source)
    } else {
        (source, destination)
    };
    let route = setup.route();
    assert_eq!((from, to), (route.source, route.destination.ip()));
    assert!(oracle::udp_is_intact(source, destination, datagram));
}

/// Returns the age of the time in `frame`, which is that asked for, or a little later so that the
/// checksum does not look like one left to a NIC.
fn age(setup: &Setup, frame: &[u8]) -> Age {
    let tag_time = frame[setup.shape.headers_len() + 8..][..8]
        .try_into()
        .expect("8 bytes");
    let time = u64::from_le_bytes(tag_time) & LOW_48;
    let postponed = time.wrapping_sub(setup.patch().time.as_nanos()) & LOW_48;
    assert!(postponed <= 2, "postponed by {postponed} ns");
    plain::age(time, setup.now())
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
