//! A random device under test.

use proptest::prelude::*;

use super::{Traffic, Words, share};

/// A device under test.
#[derive(Debug, Clone, PartialEq)]
pub struct Dut {
    /// Its capacity, in percent of the rate.
    percent: u64,
    /// Whether that is told in bits.
    is_in_bits: bool,
    queue: u64,
    warmup: Option<(u64, f64)>,
    load_loss: f64,
    /// Its second capacity in percent of the rate, the share of periods and their length.
    second: Option<(u64, f64, u64)>,
}

prop_compose! {
    /// Draws a device under test.
    pub fn dut()(
        percent in 10_u64..200,
        is_in_bits: bool,
        queue in prop_oneof![Just(0_u64), 0_u64..100],
        warmup in prop::option::weighted(0.3, (0_u64..3_000_000, 0.01..=1.0)),
        load_loss in share(1.0),
        second in prop::option::weighted(0.3, (10_u64..200, 0.0..=1.0, 100_u64..2_000_000)),
    ) -> Dut {
        Dut { percent, is_in_bits, queue, warmup, load_loss, second }
    }
}

impl Dut {
    /// Adds its options, for the load of `traffic`.
    pub fn add_to(&self, traffic: &Traffic, words: &mut Words) {
        // Without a rate a sender reaches some tens of millions a second: far above the capacity.
        let pps = traffic.pps.unwrap_or(10_000_000);
        // The headers and the FCS of the smallest frame.
        let bits = (traffic.size.mean_payload() + 46) * 8;
        let rate = |percent: u64| {
            let pps = (pps * percent / 100).max(1);
            if self.is_in_bits {
                format!("{}bps", pps * bits)
            } else {
                format!("{pps}pps")
            }
        };
        words.option("capacity", rate(self.percent));
        words.option("queue", self.queue);
        let warmup = self.warmup.map(|(ns, share)| format!("{ns}ns:{share:.6}"));
        words.given("dut-warmup", warmup);
        words.share("load-loss", self.load_loss);
        let second = self
            .second
            .map(|(percent, share, ns)| format!("{}:{share:.6}:{ns}ns", rate(percent)));
        words.given("second-capacity", second);
    }
}
