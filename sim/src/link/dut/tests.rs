//! The device under test, packet by packet and against what is reckoned.

use dpdkgen_run::units::rate;

use super::*;
use crate::conditions::Warmup;

/// The bytes of a frame with 1000 bytes of payload.
const LEN: usize = 1042;

fn conditions(capacity: &str, queue: u64) -> DutConditions {
    DutConditions {
        capacity: rate(capacity).unwrap(),
        queue,
        warmup: None,
        load_loss: 0.0,
        second: None,
    }
}

fn dut(capacity: &str, queue: u64) -> Dut {
    Dut::new(&conditions(capacity, queue), 1)
}

/// Hands over a packet at `now`, and returns when it leaves.
fn at(dut: &mut Dut, now: u64) -> Option<u64> {
    dut.forward(Instant::from_nanos(now), LEN)
        .map(Instant::as_nanos)
}

/// Hands over `count` packets, one each `every` nanoseconds from `from` on, and returns how many are
/// dropped.
fn drops(dut: &mut Dut, from: u64, every: u64, count: u64) -> u64 {
    let times = (0..count).map(|number| from + number * every);
    times.filter(|time| at(dut, *time).is_none()).count() as u64
}

#[test]
fn packets_are_served_one_after_the_other() {
    let mut dut = dut("1Mpps", 2);
    assert_eq!(at(&mut dut, 500), Some(1_500));
    assert_eq!(at(&mut dut, 600), Some(2_500));
    // It is idle in between.
    assert_eq!(at(&mut dut, 9_000), Some(10_000));
}

#[test]
fn what_finds_the_queue_full_is_dropped() {
    let mut dut = dut("1Mpps", 2);
    let three: Vec<_> = (0..3).map(|_| at(&mut dut, 0)).collect();
    assert_eq!(three, [Some(1_000), Some(2_000), Some(3_000)]);
    assert_eq!(at(&mut dut, 0), None);
    assert_eq!(at(&mut dut, 999), None);
    // The first has left, so there is room for one.
    assert_eq!(at(&mut dut, 1_000), Some(4_000));
    assert_eq!(at(&mut dut, 1_000), None);
}

#[test]
fn without_a_queue_it_holds_the_one_in_service() {
    let mut dut = dut("1Mpps", 0);
    assert_eq!(at(&mut dut, 0), Some(1_000));
    assert_eq!(at(&mut dut, 999), None);
    assert_eq!(at(&mut dut, 1_000), Some(2_000));
}

#[test]
fn a_capacity_in_bits_is_taken_up_by_length() {
    // 1046 bytes with FCS are 8368 bits, and with preamble and gap 8528; the least is 64 bytes.
    for (capacity, len, time) in [
        ("1Gbps", LEN, 8_368),
        ("1Gbpsl1", LEN, 8_528),
        ("1Gbps", 58, 512),
        ("1Gbpsl1", 60, 672),
        ("1kpps", 58, 1_000_000),
    ] {
        let left = dut(capacity, 0).forward(Instant::START, len);
        assert_eq!(left, Some(Instant::from_nanos(time)), "{capacity} {len}");
    }
    let mut dut = dut("1Gbps", 9);
    let mut left = |len| dut.forward(Instant::START, len).unwrap().as_nanos();
    assert_eq!([left(60), left(LEN), left(60)], [512, 8_880, 9_392]);
}

#[test]
fn fractions_of_a_nanosecond_add_up() {
    let mut dut = dut("3Mpps", 10_000_000);
    let last = (0..3_000_000).map(|_| at(&mut dut, 0)).last();
    assert_eq!(last, Some(Some(1_000_000_000)));
    // As they come at that rate, each waits for no other.
    let mut dut = self::dut("3Mpps", 1);
    let lost = (0..3_000_000_u64).filter(|k| at(&mut dut, k * 1_000 / 3).is_none());
    assert_eq!(lost.count(), 0);
}

#[test]
fn loss_above_capacity_is_as_reckoned() {
    // In 0.1 s at 1.25 Mpps: when the last of 125,000 packets comes, 99,999 have left and 11 are held.
    assert_eq!(drops(&mut dut("1Mpps", 10), 0, 800, 125_000), 24_990);
    // The queue is full after N / (r - C) = 40 us, and not before.
    assert_eq!(drops(&mut dut("1Mpps", 10), 0, 800, 51), 0);
    assert_eq!(drops(&mut dut("1Mpps", 10), 0, 800, 56), 1);
    // At capacity nothing is.
    assert_eq!(drops(&mut dut("1Mpps", 0), 0, 1_000, 125_000), 0);
}

#[test]
fn what_is_told_after_a_later_packet_is_served_after_it() {
    let mut dut = dut("1Mpps", 5);
    assert_eq!(at(&mut dut, 7_000), Some(8_000));
    assert_eq!(at(&mut dut, 3_000), Some(9_000));
}

#[test]
fn new_flows_slow_it_down_for_a_while() {
    const SECOND: u64 = 1_000_000_000;
    let warmup = Warmup {
        time: Span::from_micros(10),
        share: 0.25,
    };
    let mut dut = Dut::new(
        &DutConditions {
            warmup: Some(warmup),
            ..conditions("1Mpps", 64)
        },
        1,
    );
    assert_eq!(at(&mut dut, 5_000), Some(9_000));
    assert_eq!(at(&mut dut, 14_999), Some(18_999));
    // Its service begins after the warm-up, as does that of all that follow.
    assert_eq!(at(&mut dut, 14_999), Some(19_999));
    assert_eq!(at(&mut dut, 1_000_000), Some(1_001_000));
    // It forgets after a second, and not before.
    let idle = 1_000_000 + SECOND - 1;
    assert_eq!(at(&mut dut, idle), Some(idle + 1_000));
    let forgotten = idle + SECOND;
    assert_eq!(at(&mut dut, forgotten), Some(forgotten + 4_000));
    // What is told late makes the time without packets no longer.
    let later = forgotten + SECOND / 2;
    assert_eq!(at(&mut dut, later), Some(later + 1_000));
    assert_eq!(at(&mut dut, forgotten + 9_000), Some(later + 2_000));
    let known = later + SECOND - 1;
    assert_eq!(at(&mut dut, known), Some(known + 1_000));
}

/// The device with a second capacity of 500 kpps in a share of its periods of 10 µs.
fn with_second(share: f64, seed: u64) -> Dut {
    let second = SecondCapacity {
        capacity: rate("500kpps").unwrap(),
        share,
        period: Span::from_micros(10),
    };
    let conditions = DutConditions {
        second: Some(second),
        ..conditions("1Mpps", 1)
    };
    Dut::new(&conditions, seed)
}

/// Returns the periods that have the second capacity, of each `every`th, in which a packet comes
/// `after` their begin.
fn slow_periods(dut: &mut Dut, every: u64, after: u64) -> Vec<u64> {
    let periods = (0..100_000).step_by(every as usize);
    let is_slow = |number: &u64| {
        let begin = number * 10_000 + after;
        at(dut, begin) == Some(begin + 2_000)
    };
    periods.filter(is_slow).collect()
}

#[test]
fn a_share_of_the_periods_has_the_second_capacity() {
    let slow = slow_periods(&mut with_second(0.3, 1), 1, 0);
    // Of 100,000 draws; the deviation is 145.
    assert!((29_300..30_700).contains(&slow.len()), "{}", slow.len());
    // Each by itself: 3 in 10 of those after a slow one are slow too.
    let pairs = slow.windows(2).filter(|pair| pair[0] + 1 == pair[1]);
    let pairs = pairs.count() as f64 / slow.len() as f64;
    assert!((0.28..0.32).contains(&pairs), "{pairs}");
    let all = |share| slow_periods(&mut with_second(share, 1), 1, 0).len();
    assert_eq!((all(0.0), all(1.0)), (0, 100_000));
}

#[test]
fn which_periods_these_are_depends_on_the_seed_alone() {
    let all = slow_periods(&mut with_second(0.3, 1), 1, 0);
    let third = slow_periods(&mut with_second(0.3, 1), 3, 7_000);
    let every_third: Vec<_> = all.iter().copied().filter(|of| of % 3 == 0).collect();
    assert_eq!(third, every_third);
    assert_ne!(all, slow_periods(&mut with_second(0.3, 2), 1, 0));
}

#[test]
fn the_second_capacity_holds_for_the_whole_period() {
    let mut dut = with_second(1.0, 1);
    let left: Vec<_> = [0, 2_000, 9_999, 10_000, 12_000]
        .map(|now| at(&mut dut, now).unwrap() - now)
        .into();
    assert_eq!(left, [2_000, 2_000, 2_000, 3_999, 3_999]);
}

#[test]
fn loss_grows_with_the_square_of_utilisation() {
    // Half and four fifths of 1 Mpps, for 10 s.
    for (every, count, share) in [(2_000, 5_000_000, 0.02), (1_250, 8_000_000, 0.0512)] {
        let mut dut = Dut::new(
            &DutConditions {
                load_loss: 0.08,
                ..conditions("1Mpps", 64)
            },
            1,
        );
        let first = 1_000_000 / every;
        assert_eq!(drops(&mut dut, 0, every, first), 0, "the first millisecond");
        let count = count - first;
        let lost = drops(&mut dut, 1_000_000, every, count);
        let (mean, deviation) = (
            count as f64 * share,
            (count as f64 * share * (1.0 - share)).sqrt(),
        );
        let off = (lost as f64 - mean) / deviation;
        assert!(off.abs() < 4.0, "{lost} of {count}: {off}");
    }
}

#[test]
fn above_capacity_load_loss_and_tail_drop_do_not_add_up() {
    let with_loss = |load_loss| {
        let conditions = DutConditions {
            load_loss,
            ..conditions("1Mpps", 64)
        };
        // 1.25 Mpps for a second.
        let lost = drops(&mut Dut::new(&conditions, 1), 0, 800, 1_250_000);
        lost as f64 / 1_250_000.0
    };
    for (load_loss, lost) in [(0.1, 0.2), (0.4, 0.4)] {
        let is = with_loss(load_loss);
        assert!((is - lost).abs() < 0.002, "{load_loss}: {is}");
    }
}

#[test]
fn after_a_window_without_packets_there_is_no_loss() {
    let mut dut = Dut::new(
        &DutConditions {
            load_loss: 1.0,
            ..conditions("1Mpps", 2_000)
        },
        1,
    );
    // The first window is full to the brim, so in the second everything is lost.
    assert_eq!(drops(&mut dut, 0, 1_000, 1_000), 0);
    assert_eq!(drops(&mut dut, 1_000_000, 1_000, 1_000), 1_000);
    // What is lost counts as load.
    assert_eq!(drops(&mut dut, 2_000_000, 1_000, 1_000), 1_000);
    assert_eq!(drops(&mut dut, 4_000_000, 1_000, 1_000), 0);
}
