use dpdkgen_core::time::Span;
use dpdkgen_core::tx::pacer::Rate;
use dpdkgen_core::wire::Mac;
use proptest::prelude::*;

use super::decimal::gcd;
use super::*;

/// Frame length without FCS of a 1000-byte payload.
const FRAME: u16 = 1_042;

#[test]
fn times() {
    for (text, ns) in [
        ("1s", 1_000_000_000),
        ("250ms", 250_000_000),
        ("50us", 50_000),
        ("50\u{b5}s", 50_000),
        ("50\u{3bc}s", 50_000),
        ("7ns", 7),
        ("1.5 S", 1_500_000_000),
        ("2min", 120_000_000_000),
        ("3h", 10_800_000_000_000),
        ("0.000000001s", 1),
        (".5ms", 500_000),
        ("5.ms", 5_000_000),
        ("18446744073709551615ns", u64::MAX),
    ] {
        assert_eq!(seconds(text), Ok(Span::from_nanos(ns)), "{text}");
    }
    assert_eq!(seconds("1"), Ok(Span::from_secs(1)));
    assert_eq!(milliseconds("0.05"), Ok(Span::from_micros(50)));
    assert_eq!(nanoseconds("1000"), Ok(Span::from_micros(1)));
}

#[test]
fn no_times() {
    let wanted = BadValue::Wanted("a time such as 250ms or 1.5s");
    for text in ["", "s", ".", "1.2.3s", "-1s", "one", "\u{661}s"] {
        assert_eq!(seconds(text), Err(wanted.clone()), "{text}");
    }
    for text in ["1_000", "1,5s"] {
        assert_eq!(seconds(text), Err(BadValue::Separators), "{text}");
    }
    for text in ["1m", "1sec", "1e"] {
        assert_eq!(
            seconds(text),
            Err(BadValue::Unit("ns, us, ms, s, min or h")),
            "{text}"
        );
    }
    assert_eq!(seconds("0.5ns"), Err(BadValue::NotWhole("nanoseconds")));
    assert_eq!(seconds("18446744073709551616ns"), Err(BadValue::TooLarge));
    assert_eq!(seconds(&"9".repeat(25)), Err(BadValue::TooLarge));
    assert_eq!(
        seconds(&format!("0.{}", "9".repeat(25))),
        Err(BadValue::TooPrecise)
    );
}

#[test]
fn sizes_and_counts() {
    for (text, bytes) in [
        ("1000", 1_000),
        ("64KiB", 65_536),
        ("64ki", 65_536),
        ("1.5k", 1_500),
        ("9kB", 9_000),
    ] {
        assert_eq!(size(text), Ok(bytes), "{text}");
    }
    assert_eq!(size("0.3Ki"), Err(BadValue::NotWhole("bytes")));
    assert_eq!(
        size("7 apples"),
        Err(BadValue::Unit("B, kB, KiB, MB, MiB, GB or GiB"))
    );
    for (text, things) in [
        ("3500", 3_500),
        ("10M", 10_000_000),
        ("2Gi", 1 << 31),
        ("007", 7),
        ("1e9", 1_000_000_000),
        ("2.5E3k", 2_500_000),
    ] {
        assert_eq!(count(text), Ok(things), "{text}");
    }
    assert_eq!(count("1.5"), Err(BadValue::NotWhole("ones")));
    assert_eq!(count("99999999T"), Err(BadValue::TooLarge));
    assert_eq!(count("1e99"), Err(BadValue::TooLarge));
    assert_eq!(within::<1, 512>("512"), Ok(512));
    for text in ["0", "513", "1M"] {
        assert_eq!(
            within::<1, 512>(text),
            Err(BadValue::Outside(1, 512)),
            "{text}"
        );
    }
    assert_eq!(bits("4107683144946382073"), Ok(4_107_683_144_946_382_073));
    assert_eq!(bits("0xFFFFFFFFFFFFFFFF"), Ok(u64::MAX));
    for text in ["", "0x", "+1", "-1", "1k", "18446744073709551616", "ff"] {
        assert!(bits(text).is_err(), "{text}");
    }
}

#[test]
fn ratios() {
    for (text, value) in [
        ("0.001", 0.001),
        ("0.1%", 0.001),
        ("0", 0.0),
        ("100 %", 1.0),
        ("1", 1.0),
    ] {
        assert_eq!(ratio(text), Ok(value), "{text}");
    }
    for text in ["1.0001", "101%", "0.1pp", "", "-0.1"] {
        assert!(ratio(text).is_err(), "{text}");
    }
}

#[test]
fn rates() {
    for (text, packets, span_ns) in [
        ("3.5Mpps", 7, 2_000),
        ("3.5 MPPS", 7, 2_000),
        ("1000", 1, 1_000_000),
        ("2kpps", 1, 500_000),
        ("1e3", 1, 1_000_000),
        ("0.1pps", 1, 10_000_000_000),
        // 1046 bytes with FCS are 8368 bits; 20 more bytes make 8528.
        ("10Gbps", 5, 4_184),
        ("10gbpsl1", 5, 4_264),
        ("8368bps", 1, 1_000_000_000),
    ] {
        assert_eq!(
            rate(text).unwrap().for_frames(FRAME).ok(),
            Rate::new(packets, span_ns),
            "{text}"
        );
    }
}

#[test]
fn short_frames_count_as_the_padded_ones_they_become() {
    let rate = rate("672bpsl1").unwrap();
    for frame_len in [58, 60] {
        assert_eq!(rate.for_frames(frame_len).ok(), Rate::new(1, 1_000_000_000));
    }
    assert_ne!(rate.for_frames(61).ok(), Rate::new(1, 1_000_000_000));
}

#[test]
fn a_rate_says_what_it_counts_and_how_much_of_that_a_frame_is() {
    for (text, per_second, name, of_frame) in [
        ("3.5Mpps", 3.5e6, "pps", 1),
        ("10Gbps", 1e10, "bps", 8_368),
        ("2.5Gbpsl1", 2.5e9, "bpsl1", 8_528),
    ] {
        let rate = rate(text).unwrap();
        assert_eq!(rate.per_second(), per_second, "{text}");
        assert_eq!(rate.unit().name(), name, "{text}");
        assert_eq!(rate.unit().of_frame(FRAME), of_frame, "{text}");
    }
}

#[test]
fn a_rate_in_bits_is_that_of_the_mean_frame() {
    // Frames of 64, 570 and 1518 bytes, 7:4:1: 4246 bytes in 12 packets.
    let mix = [(60, 7), (566, 4), (1514, 1)];
    for (text, packets, span_ns) in [
        ("33968bps", 3, 250_000_000),
        ("35888bpsl1", 3, 250_000_000),
        ("12pps", 3, 250_000_000),
        ("10Gbps", 15, 4_246),
    ] {
        let expected = Rate::new(packets, span_ns);
        assert_eq!(rate(text).unwrap().for_mix(mix).ok(), expected, "{text}");
    }
    let times_four = mix.map(|(len, weight)| (len, 4 * weight));
    let of = |mix: [(u16, u16); 3]| rate("1Gbps").unwrap().for_mix(mix);
    assert_eq!(of(mix), of(times_four));
    // Frames that are padded count as 64 bytes.
    let padded = rate("1024bps").unwrap().for_mix([(58, 1), (60, 1)]);
    assert_eq!(padded.ok(), Rate::new(1, 500_000_000));
}

#[test]
fn sizes_of_frames_are_one_or_a_mix() {
    let mix = |parts: &[(u64, u64)]| Ok(FrameSize::Mix(parts.to_vec()));
    assert_eq!(frame_size("64"), Ok(FrameSize::One(64)));
    assert_eq!(frame_size("1.5k"), Ok(FrameSize::One(1_500)));
    assert_eq!(frame_size("imix"), mix(&[(64, 28), (570, 16), (1518, 4)]));
    assert_eq!(
        frame_size("Simple-IMIX"),
        mix(&[(64, 7), (570, 4), (1518, 1)])
    );
    assert_eq!(frame_size("64:28, 1KiB:2"), mix(&[(64, 28), (1024, 2)]));
    assert_eq!(frame_size("64:1"), mix(&[(64, 1)]));
    for (text, said) in [
        ("", "is not a size such as 1518, imix,"),
        ("mix", "is not a size such as 1518, imix,"),
        ("64,128", "has , or _ in it"),
        ("64:1,,128:1", "has an empty part"),
        ("64:1,", "has an empty part"),
        (",64:1", "has an empty part"),
        ("64:1,128", "has the part 128,"),
        ("64:", "has the part 64:,"),
        (":", "has the part :,"),
        ("64:x,128:1", "has the part 64:x,"),
        ("64:1:2", "has the part 64:1:2,"),
        ("64:0.5", "has the part 64:0.5,"),
        ("64:-1", "has the part 64:-1,"),
    ] {
        let error = frame_size(text).unwrap_err().to_string();
        assert!(error.starts_with(said), "{text}: {error}");
    }
}

#[test]
fn no_rates() {
    for (text, error) in [
        (
            "fast",
            BadValue::Wanted("a rate such as 3.5Mpps, 10Gbps or 10Gbpsl1"),
        ),
        ("0", BadValue::Wanted("more than 0")),
        ("0.0Gbps", BadValue::Wanted("more than 0")),
        ("2k", BadValue::NoUnit),
        ("100M", BadValue::NoUnit),
        ("100MBps", BadValue::Bytes),
        ("1 GBps", BadValue::Bytes),
        ("100MB/s", BadValue::Bytes),
        (
            "10Gbit",
            BadValue::Unit("pps, bps or bpsl1, with k, M or G before it"),
        ),
        (
            "10xpps",
            BadValue::Unit("pps, bps or bpsl1, with k, M or G before it"),
        ),
    ] {
        assert_eq!(rate(text), Err(error), "{text}");
    }
    let fine = rate("0.000000000001pps").unwrap();
    assert_eq!(fine.for_frames(FRAME), Err(BadValue::TooPrecise));
}

#[test]
fn macs() {
    let expected = Ok(Mac([0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc]));
    for text in [
        "12:34:56:78:9a:bc",
        "12:34:56:78:9A:BC",
        "12-34-56-78-9a-bc",
    ] {
        assert_eq!(mac(text), expected, "{text}");
    }
    for text in [
        "",
        "12:34:56:78:9a",
        "12:34:56:78:9a:bc:de",
        "1:2:3:4:5:6",
        "12:34:56:78:9a:g0",
    ] {
        assert!(mac(text).is_err(), "{text}");
    }
    assert!(mac("+1:34:56:78:9a:bc").is_err());
}

#[test]
fn port_ranges() {
    assert_eq!(port_range("10000-11000"), Ok(10_000..=11_000));
    assert_eq!(port_range("7"), Ok(7..=7));
    assert_eq!(port_range("0-65535"), Ok(0..=65_535));
    assert_eq!(port_range("11000-10000"), Err(BadValue::UpsideDown));
    for text in ["", "-", "1-", "-1", "1-65536", "a-b", "1-2-3", "+1-2"] {
        assert_eq!(
            port_range(text),
            Err(BadValue::Wanted("a range of ports such as 10000-11000")),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn nothing_panics(text in "\\PC*") {
        let _ = (seconds(&text), size(&text), count(&text), ratio(&text), bits(&text));
        let _ = (mac(&text), port_range(&text), rate(&text).map(|rate| rate.for_frames(FRAME)));
    }

    #[test]
    fn nothing_that_looks_right_panics(text in "[0-9]{0,40}[.]?[0-9]{0,40} ?[kMGT]?i?(b|pps|bps|bpsl1|s|%)?") {
        let _ = (seconds(&text), size(&text), count(&text), ratio(&text));
        let _ = rate(&text).map(|rate| rate.for_frames(u16::MAX));
    }

    #[test]
    fn every_time_reads_back(ns: u64) {
        let text = format!("{}.{:09}s", ns / 1_000_000_000, ns % 1_000_000_000);
        prop_assert_eq!(seconds(&text), Ok(Span::from_nanos(ns)));
        prop_assert_eq!(seconds(&format!("{ns}ns")), Ok(Span::from_nanos(ns)));
        let text = format!("{}.{:06}", ns / 1_000_000, ns % 1_000_000);
        prop_assert_eq!(milliseconds(&text), Ok(Span::from_nanos(ns)));
    }

    /// packets / span is the rate, exactly: cross-multiplied.
    #[test]
    fn rates_are_exact(kilo in 1_u64..10_000_000_000, payload in 16_u16..=8_972, line: bool) {
        let unit = if line { "bpsl1" } else { "bps" };
        let text = format!("{}.{:03}k{unit}", kilo / 1_000, kilo % 1_000);
        let frame = payload + 42;
        let rate = rate(&text).unwrap().for_frames(frame).unwrap();
        let bytes = u64::from(frame + 4).max(64) + if line { 20 } else { 0 };
        let divisor = gcd(u128::from(kilo), u128::from(bytes) * 8_000_000_000);
        let packets = u128::from(kilo) / divisor;
        let span = u128::from(bytes) * 8_000_000_000 / divisor;
        prop_assert_eq!(Some(rate), Rate::new(packets as u64, span as u64));
    }
}
