//! Faults on a real wire: a bridge's nftables drops, doubles or changes a random share of the
//! probes, one fault at a time, and our counters are its counters.

use dpdkgen_tests::bridge::{self, COUNT, Checksum, Fault, Faults, Headers, NEEDS};
use dpdkgen_tests::{Crossing, Way, turn};

const IPV4: Headers = Headers::IPV4;
const IPV6: Headers = Headers::IPV6;
const TAGGED: Headers = IPV4.tagged(20);
const TAGGED_IPV6: Headers = IPV6.tagged(20);

/// Sends probes with these `headers` and `size` bytes to a reflector and back, and has `fault`
/// happen to so many of 10,000 packets on this `way`.
fn cross(headers: Headers, way: Way, fault: Fault, of_10_000: u16, size: u16) -> Crossing {
    let faults = Faults {
        fault,
        way,
        of_10_000,
    };
    let crossing = bridge::cross(headers, size, Some(faults));
    // Shown if the test fails, or is run with --nocapture.
    eprintln!(
        "{headers:?}, {faults:?}: {} of {COUNT} of {size} bytes",
        crossing.faulty
    );
    crossing.assert_nothing_else_happened();
    assert!(crossing.faulty > 0, "{crossing:?}");
    crossing
}

/// Checks these counts in the run's summary and in its rows.
fn assert_counts(crossing: &Crossing, lost: u64, duplicates: u64, corrupt: u64) {
    let (sent, rows) = (&crossing.outcome.sent, &crossing.outcome.rows);
    assert_eq!(sent.count("lost"), lost, "{sent:?}");
    assert_eq!(sent.count("rx.duplicates"), duplicates, "{sent:?}");
    assert_eq!(sent.count("rx.corrupt"), corrupt, "{sent:?}");
    assert_eq!(sent.count("rx.unique"), COUNT - lost, "{sent:?}");
    let ratio = lost as f64 / COUNT as f64;
    assert!((sent.number("loss_ratio") - ratio).abs() < 1e-12);
    // What came later than the grace stands as lost in the row that it was sent in.
    assert_eq!(rows.sum("lost") - rows.sum("late"), lost);
    assert_eq!(rows.sum("duplicates"), duplicates);
    assert_eq!(rows.sum("corrupt"), corrupt);
}

#[test]
fn nothing_is_lost_on_a_whole_wire() {
    let Some(_turn) = turn("nothing_is_lost_on_a_whole_wire", &NEEDS) else {
        return;
    };
    for (headers, size) in [(IPV4, 16), (IPV4, 1458), (TAGGED_IPV6, 16)] {
        let crossing = bridge::cross(headers, size, None);
        crossing.assert_nothing_else_happened();
        assert_counts(&crossing, 0, 0, 0);
    }
}

#[test]
fn packets_dropped_are_lost() {
    let Some(_turn) = turn("packets_dropped_are_lost", &NEEDS) else {
        return;
    };
    for (headers, way, of_10_000, size) in [
        (IPV4, Way::Outward, 10, 1000),
        (IPV4, Way::Return, 300, 16),
        (IPV4, Way::Outward, 3000, 1458),
        (IPV6, Way::Return, 3000, 1452),
        (TAGGED, Way::Outward, 300, 16),
    ] {
        let crossing = cross(headers, way, Fault::Dropped, of_10_000, size);
        assert_counts(&crossing, crossing.faulty, 0, 0);
    }
}

#[test]
fn packets_doubled_are_duplicates() {
    let Some(_turn) = turn("packets_doubled_are_duplicates", &NEEDS) else {
        return;
    };
    for (headers, way, of_10_000, size) in [
        (IPV4, Way::Outward, 300, 16),
        (IPV4, Way::Return, 3000, 1458),
        (IPV6, Way::Outward, 300, 100),
        (TAGGED, Way::Return, 3000, 1472),
    ] {
        let crossing = cross(headers, way, Fault::Doubled, of_10_000, size);
        assert_counts(&crossing, 0, crossing.faulty, 0);
    }
}

#[test]
fn packets_changed_are_corrupt() {
    let Some(_turn) = turn("packets_changed_are_corrupt", &NEEDS) else {
        return;
    };
    // In the sequence, which without the checksum would pass for another probe's, and in the last bytes
    // of the filling.
    for (headers, way, of_10_000, size, from) in [
        (IPV4, Way::Outward, 300, 16, 0),
        (IPV4, Way::Return, 3000, 1458, 1456),
        (IPV6, Way::Outward, 3000, 1452, 1450),
        (TAGGED, Way::Return, 300, 16, 0),
    ] {
        let checksum = Checksum::Kept;
        let crossing = cross(
            headers,
            way,
            Fault::Changed { from, checksum },
            of_10_000,
            size,
        );
        // A corrupt probe has not come back.
        assert_counts(&crossing, crossing.faulty, 0, crossing.faulty);
    }
}

#[test]
fn packets_changed_are_corrupt_though_their_checksum_does_not_tell() {
    let Some(_turn) = turn(
        "packets_changed_are_corrupt_though_their_checksum_does_not_tell",
        &NEEDS,
    ) else {
        return;
    };
    let cases = [
        (IPV4, Way::Return, 3000, 1000, 24, Checksum::LeftOut),
        // The reflector completes it, and it is right.
        (IPV4, Way::Outward, 300, 100, 50, Checksum::Partial),
        (TAGGED_IPV6, Way::Outward, 300, 100, 50, Checksum::Partial),
    ];
    for (headers, way, of_10_000, size, from, checksum) in cases {
        let crossing = cross(
            headers,
            way,
            Fault::Changed { from, checksum },
            of_10_000,
            size,
        );
        assert_counts(&crossing, crossing.faulty, 0, crossing.faulty);
        let completed = crossing.outcome.reflected.count("rx.checksum_partial");
        let partial = checksum == Checksum::Partial;
        assert_eq!(completed, if partial { crossing.faulty } else { 0 });
    }
}

/// A sender over IPv4 may leave the checksum out (RFC 768), one over IPv6 must not (RFC 8200 section
/// 8.1).
#[test]
fn packets_without_a_checksum_are_whole_over_ipv4_and_corrupt_over_ipv6() {
    let Some(_turn) = turn(
        "packets_without_a_checksum_are_whole_over_ipv4_and_corrupt_over_ipv6",
        &NEEDS,
    ) else {
        return;
    };
    for (headers, way) in [
        (TAGGED, Way::Outward),
        (IPV6, Way::Return),
        (TAGGED_IPV6, Way::Outward),
    ] {
        let crossing = cross(headers, way, Fault::Unchecked, 300, 200);
        let corrupt = if headers.is_ipv6 { crossing.faulty } else { 0 };
        assert_counts(&crossing, corrupt, 0, corrupt);
    }
}
