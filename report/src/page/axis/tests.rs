use proptest::prelude::*;

use super::*;

fn labels(axis: &Axis) -> Vec<&str> {
    axis.marks.iter().map(|mark| mark.label.as_str()).collect()
}

#[test]
fn a_count_that_rounds_to_a_unit_has_that_unit() {
    assert_eq!(short_count(999.0), "999");
    assert_eq!(short_count(999_994.0), "999.99 k");
    // What 10^6 may be by another library of mathematics.
    assert_eq!(short_count(999_999.999_999_9), "1 M");
    assert_eq!(short_count(999_999_999.0), "1 G");
}

#[test]
fn marks_are_round() {
    let rates = Axis::from_zero(3_512_000.0, short_count);
    assert_eq!(labels(&rates), ["0", "1 M", "2 M", "3 M", "4 M"]);
    let loss = Axis::from_zero(0.013, short_percent);
    assert_eq!(labels(&loss), ["0 %", "0.5 %", "1 %", "1.5 %"]);
    let hardly = Axis::from_zero(4.1e-8, short_percent);
    assert_eq!(
        labels(&hardly),
        [
            "0 %",
            "0.000001 %",
            "0.000002 %",
            "0.000003 %",
            "0.000004 %",
            "0.000005 %"
        ]
    );
    let nothing = Axis::from_zero(0.0, short_percent);
    assert_eq!(labels(&nothing).last(), Some(&"100 %"));
}

#[test]
fn latencies_far_apart_are_logarithmic() {
    let far = Axis::of_latency(1_340.0, 20_800_000.0);
    assert!(far.is_logarithmic());
    assert_eq!(
        labels(&far),
        ["1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms"]
    );
    let near = Axis::of_latency(3_000.0, 60_000.0);
    assert_eq!(
        labels(&near),
        ["2 µs", "5 µs", "10 µs", "20 µs", "50 µs", "100 µs"]
    );
    assert!(!Axis::of_latency(100_000.0, 140_000.0).is_logarithmic());
    assert_eq!(labels(&Axis::of_latency(0.0, 0.0)).first(), Some(&"0 ns"));
}

#[test]
fn shares_far_apart_have_a_zero_of_their_own() {
    let axis = Axis::of_shares(2.1e-5, 0.9);
    assert_eq!(
        labels(&axis),
        ["0 %", "0.001 %", "0.01 %", "0.1 %", "1 %", "10 %", "100 %"]
    );
    let places = [0.0, 2.1e-5, 0.001, 0.9, 1.0].map(|share| axis.place(share));
    assert_eq!((places[0], places[4]), (0.0, 1.0));
    assert!(
        places.windows(2).all(|pair| pair[0] + 0.005 < pair[1]),
        "{places:?}"
    );
    // The least is well above the zero, and the marks are where their values are.
    assert!(places[1] > 0.15, "{places:?}");
    assert!((axis.marks[3].at - axis.place(0.001)).abs() < 1e-9);
    let near = Axis::of_shares(0.01, 0.03);
    assert_eq!(labels(&near), ["0 %", "1 %", "2 %", "3 %"]);
    assert_eq!(labels(&Axis::of_shares(0.0, 0.0)).last(), Some(&"100 %"));
}

#[test]
fn marks_between_two_values_differ() {
    let axis = Axis::between(1_184_000.0, 1_222_500.0, near_count);
    assert_eq!(labels(&axis), ["1.19 M", "1.2 M", "1.21 M", "1.22 M"]);
    let axis = Axis::between(1_198_000.0, 1_207_000.0, near_count);
    assert_eq!(
        labels(&axis),
        ["1.198 M", "1.2 M", "1.202 M", "1.204 M", "1.206 M"]
    );
    assert_eq!(
        (axis.place(1_198_000.0), axis.place(1_207_000.0)),
        (0.0, 1.0)
    );
    // One value alone is no axis, but has a place.
    assert_eq!(Axis::between(5.0, 5.0, near_count).place(5.0), 0.0);
    assert_eq!(near_count(1_202_500.0, 2_500.0), "1.2025 M");
    assert_eq!(near_count(100.0, 50.0), "100");
}

#[test]
fn names_stand_apart() {
    let names = ["64", "512", "1518"].map(str::to_owned);
    let axis = Axis::of_names(&names);
    assert_eq!(labels(&axis), ["64", "512", "1518"]);
    let places = [0.0, 1.0, 2.0].map(|number| axis.place(number));
    assert!((places[0] - 1.0 / 6.0).abs() < 1e-9 && (places[1] - 0.5).abs() < 1e-9);
    // Of many every other one gives way where there is little room.
    let many = Axis::of_names(&vec!["a long name".to_owned(); 6]);
    assert_eq!(many.marks[1].weight, Weight::Minor);
    assert!(axis.marks.iter().all(|mark| mark.weight == Weight::Major));
}

#[test]
fn times_are_told_as_clocks_do() {
    let at = |seconds: f64| Axis::of_time(0.0, seconds * 1e9);
    assert_eq!(labels(&at(0.05))[1], "10 ms");
    assert_eq!(labels(&at(10.0))[..3], ["0 s", "2 s", "4 s"]);
    assert_eq!(labels(&at(60.0))[1], "10 s");
    assert_eq!(labels(&at(600.0))[1], "2 min");
    let hours = at(10_800.0);
    assert_eq!(labels(&hours)[..3], ["0", "30 min", "1 h"]);
    assert_eq!(labels(&hours).last(), Some(&"3 h"));
    assert_eq!(labels(&at(200_000.0))[1], "12 h");
}

#[test]
fn nines_go_as_far_as_there_are_packets() {
    let axis = Axis::of_nines(1_000);
    assert_eq!(labels(&axis), ["50 %", "90 %", "99 %", "99.9 %"]);
    // None of those that stand where there is room is beside one that stands anywhere.
    for count in 2..12 {
        let axis = Axis::of_nines(10_u64.pow(count));
        let seen = axis.marks.iter().map(|mark| mark.weight != Weight::Minor);
        let seen: Vec<_> = seen.skip(1).collect();
        assert!(
            !seen.windows(2).any(|pair| pair == [true, true]),
            "{axis:?}"
        );
        let anywhere = axis
            .marks
            .iter()
            .filter(|mark| mark.weight == Weight::Major);
        assert!((2..=3).contains(&anywhere.count()), "{axis:?}");
    }
    assert!((axis.place(nines_of(0.999)) - 1.0).abs() < 1e-9);
    assert_eq!(axis.place(nines_of(1.0)), 1.0);
}

proptest! {
    #[test]
    fn everything_has_its_place(least in 0.0_f64..1e15, factor in 1.0_f64..1e6) {
        let most = least * factor;
        for axis in [Axis::of_latency(least, most), Axis::from_zero(most, short_count),
            Axis::of_time(least, most)] {
            prop_assert!((1..=22).contains(&axis.marks.len()), "{:?}", axis);
            let [low, high] = [axis.place(least), axis.place(most)];
            prop_assert!((0.0..=1.0).contains(&low) && low <= high && high <= 1.0);
            let ordered = axis.marks.windows(2).all(|pair| pair[0].at < pair[1].at);
            prop_assert!(ordered, "{:?}", axis);
        }
    }
}
