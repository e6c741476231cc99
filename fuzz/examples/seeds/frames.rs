//! The seeds of the targets that read one frame.

use std::net::Ipv4Addr;

use dpdkgen_core::wire::{Arp, Mac};
use dpdkgen_fuzz::build::Headers;
use dpdkgen_fuzz::oracle::ETHERNET;
use dpdkgen_fuzz::reflect::Setup;
use zerocopy::IntoBytes;

use super::{Seeds, random, random_bytes};

/// Returns the headers of one valid frame, and of one for each way to differ from it.
fn headers() -> Vec<(&'static str, Headers)> {
    let plain = Headers {
        macs: [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1],
        option: 1,
        ttl: 64,
        source: [10, 0, 0, 1],
        destination: [10, 0, 0, 2],
        ports: [20_000.into(), 10_000.into()],
        ..Default::default()
    };
    let flags = |flags: u16| Headers {
        flags_choice: 3,
        flags_offset: flags.into(),
        ..plain
    };
    let checksum = |checksum_choice| Headers {
        checksum_choice,
        ..plain
    };
    let length = |length_choice, length: u16| Headers {
        length_choice,
        length: length.into(),
        ..plain
    };
    vec![
        ("plain", plain),
        (
            "options",
            Headers {
                option_words: 3,
                ..plain
            },
        ),
        (
            "padding",
            Headers {
                padding: 18,
                ..plain
            },
        ),
        ("first-fragment", flags(0x2000)),
        ("last-fragment", flags(0x0001)),
        ("reserved-flag", flags(0x8000)),
        ("no-checksum", checksum(1)),
        ("partial-checksum", checksum(2)),
        ("right-and-partial-checksum", checksum(3)),
        ("wrong-checksum", checksum(4)),
        ("surplus", length(2, 3)),
        ("long-udp-length", length(3, 9000)),
        ("short-udp-length", length(3, 7)),
    ]
    .into_iter()
    .chain(headers_ipv6(&plain))
    .chain(headers_tagged(&plain))
    .collect()
}

/// Returns headers over IPv6: valid ones, and those that differ in one way.
fn headers_ipv6(plain: &Headers) -> Vec<(&'static str, Headers)> {
    let (mut source, mut destination) = ([0; 12], [0; 12]);
    source[..8].copy_from_slice(&[0xfd, 0, 0, 0, 0, 0, 0, 0]);
    source[8..].copy_from_slice(&[0x12, 0x34, 0x56, 0x78]);
    destination[..2].copy_from_slice(&[0xfe, 0x80]);
    let ipv6 = Headers {
        family: 1,
        begins: [source, destination],
        dscp_ecn: 0xb8,
        flow: 0x1234.into(),
        ..*plain
    };
    let checksum = |checksum_choice| Headers {
        checksum_choice,
        ..ipv6
    };
    let extended = |extension, extension_words| Headers {
        extension,
        extension_words,
        ..ipv6
    };
    let mut group = [0; 12];
    group[..2].copy_from_slice(&[0xff, 0x02]);
    vec![
        ("ipv6", ipv6),
        ("ipv6-padding", Headers { padding: 3, ..ipv6 }),
        ("ipv6-no-checksum", checksum(1)),
        ("ipv6-partial-checksum", checksum(2)),
        ("ipv6-right-and-partial-checksum", checksum(3)),
        ("ipv6-wrong-checksum", checksum(4)),
        (
            "ipv6-surplus",
            Headers {
                length_choice: 2,
                length: 3.into(),
                ..ipv6
            },
        ),
        (
            "ipv6-group",
            Headers {
                begins: [source, group],
                ..ipv6
            },
        ),
        ("ipv6-fragment", extended(44, 1)),
        ("ipv6-hop-by-hop", extended(0, 1)),
        ("ipv6-routing", extended(43, 3)),
        ("ipv6-destination-options", extended(60, 2)),
        ("ipv6-authentication", extended(51, 3)),
        ("ipv6-no-next-header", extended(59, 1)),
        ("tagged-ipv6", tagged(&ipv6, &[100])),
        ("twice-tagged-ipv6", tagged(&ipv6, &[0x6064, 7])),
        ("priority-tag-ipv6", tagged(&ipv6, &[0xa000])),
    ]
}

/// Returns headers behind tags.
fn headers_tagged(plain: &Headers) -> Vec<(&'static str, Headers)> {
    vec![
        ("tagged", tagged(plain, &[0x6064])),
        ("twice-tagged", tagged(plain, &[100, 7])),
        ("priority-tag", tagged(plain, &[0xa000])),
        ("priority-tag-and-vlan", tagged(plain, &[0xa000, 100])),
        ("three-tags", tagged(plain, &[1, 2, 3])),
    ]
}

/// Returns `headers` with these tags, the outer one of two a service tag.
fn tagged(headers: &Headers, ids: &[u16]) -> Headers {
    let mut tags = [0.into(); 3];
    for (tag, id) in tags.iter_mut().zip(ids) {
        *tag = (*id).into();
    }
    Headers {
        tag_count: ids.len() as u8,
        tag_types: u8::from(ids.len() > 1),
        tags,
        ..*headers
    }
}

const PAYLOAD: [u8; 13] = *b"Hello, world!";

/// Returns the seeds of the target `frame`.
pub fn frame() -> Seeds {
    let mut seeds: Seeds = headers()
        .into_iter()
        .map(|(name, headers)| (name.to_owned(), headers.frame(&PAYLOAD)))
        .collect();
    let named = |wanted: &str| {
        let headers = headers().into_iter().find(|(name, _)| *name == wanted);
        let (_, headers) = headers.expect("a name of headers");
        headers.frame(&PAYLOAD)
    };
    let whole = named("plain");
    let changed = |at: usize, with: u8| {
        let mut frame = whole.clone();
        frame[at] = with;
        frame
    };
    let (alice, bob) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
    let request = Arp::request(
        (alice, Ipv4Addr::new(10, 0, 0, 1)),
        Ipv4Addr::new(10, 0, 0, 2),
    );
    let arp = |arp: Arp| {
        let mut frame = Vec::from(&whole[..12]);
        frame.extend([8, 6]);
        frame.extend(arp.as_bytes());
        frame
    };
    // No ARP for IPv4 over Ethernet: hardware, protocol, their lengths, operation.
    for (name, at) in [
        ("hardware", 1),
        ("protocol", 3),
        ("mac", 4),
        ("ip", 5),
        ("operation", 7),
    ] {
        let mut frame = arp(request);
        frame[ETHERNET + at] ^= 4;
        frame.extend([0; 18]);
        seeds.push((format!("arp-other-{name}"), frame));
    }
    seeds.extend(
        [
            ("tcp", changed(23, 6)),
            ("version-6", changed(14, 0x65)),
            ("short-header", changed(14, 0x44)),
            ("other-type", changed(12, 0x86)),
            ("cut-short", whole[..30].to_vec()),
            ("no-header", whole[..13].to_vec()),
            ("cut-in-tag", named("tagged")[..17].to_vec()),
            ("cut-in-third-tag", named("three-tags")[..25].to_vec()),
            ("cut-in-ipv6-header", named("tagged-ipv6")[..57].to_vec()),
            ("cut-in-ipv6-datagram", named("ipv6")[..70].to_vec()),
            ("arp-request", arp(request)),
            ("arp-reply", arp(Arp::reply(&request, bob))),
        ]
        .map(|(name, frame)| (name.to_owned(), frame)),
    );
    seeds
}

/// Returns the seeds of the target `reflect`.
pub fn reflect() -> Seeds {
    let built = |name: &str, setup: Setup, headers: &Headers| {
        let setup = Setup {
            is_built: 1,
            ..setup
        };
        let input = [setup.as_bytes(), headers.as_bytes(), &PAYLOAD].concat();
        (format!("built-{name}"), input)
    };
    let mut seeds: Seeds = headers()
        .iter()
        .map(|(name, headers)| built(name, Setup::default(), headers))
        .collect();
    let raw = frame().into_iter().skip(headers().len());
    seeds.extend(raw.map(|(name, frame)| {
        let input = [Setup::default().as_bytes(), &frame[..]].concat();
        (name, input)
    }));
    for (name, setup, headers) in ruled() {
        seeds.push(built(name, setup, &headers));
    }
    seeds.extend(random(|random| {
        let bytes = random_bytes(random, size_of::<Setup>() + size_of::<Headers>());
        [&bytes[..], &PAYLOAD].concat()
    }));
    seeds
}

/// Returns settings of a reflector, and headers that they are about.
fn ruled() -> Vec<(&'static str, Setup, Headers)> {
    let (_, plain) = headers()[0];
    let (_, ipv6) = headers_ipv6(&plain)[0];
    let rules = |rules, prefix_len| Setup {
        rules,
        prefix_len,
        ..Setup::default()
    };
    let largest = |max_frame: u16| Setup {
        max_frame: (!max_frame).into(),
        ..Setup::default()
    };
    let changed = |at| Setup {
        at,
        change: 1,
        ..Setup::default()
    };
    let mut to_other = plain;
    to_other.macs[5] = 9;
    let mut from_own = plain;
    from_own.macs[11] = 2;
    let last = Headers { ttl: 1, ..plain };
    let neighbour = Headers {
        source: [10, 0, 0, 2],
        ..plain
    };
    let tagged_ipv6 = tagged(&ipv6, &[100, 7]);
    vec![
        ("other-mac", rules(0, 0), to_other),
        ("promiscuous", rules(1, 0), to_other),
        ("own-mac", rules(1, 0), from_own),
        ("last-hop", rules(0, 0), last),
        ("last-hop-ipv6", rules(0, 0), Headers { ttl: 1, ..ipv6 }),
        ("allowed", rules(2, 31), plain),
        ("not-allowed", rules(2, 32), neighbour),
        ("allowed-ipv6", rules(4, 128), ipv6),
        ("not-allowed-ipv6", rules(2, 0), ipv6),
        ("largest", largest(55), plain),
        ("oversized", largest(54), plain),
        ("largest-tagged-ipv6", largest(75), tagged_ipv6),
        ("oversized-tagged-ipv6", largest(74), tagged_ipv6),
        ("another-port", changed(34), plain),
        ("another-address", changed(29), plain),
        ("another-hop-limit", changed(21), ipv6),
        ("another-tag", changed(15), tagged_ipv6),
    ]
}
