//! The conditions of the device under test.

use dpdkgen_core::time::Span;
use dpdkgen_run::failure::Failure;
use dpdkgen_run::request::limits;
use dpdkgen_run::units::RateSpec;
use serde_json::{Value, json};

/// The most packets that wait in a device under test.
const LONGEST_QUEUE: u64 = 1 << 20;

/// The most seconds that it may take for a packet.
const LONGEST_SERVICE: f64 = 4.0;

/// The conditions of the device under test; [`Dut`](crate::link::dut::Dut) says what each of them
/// does to packets, and how much is lost by it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DutConditions {
    /// The rate at which it serves packets.
    pub capacity: RateSpec,
    /// The number of packets that it holds beside the one in service.
    pub queue: u64,
    /// The time in which it has a share of its capacity, if there is any.
    pub warmup: Option<Warmup>,
    /// The share of packets lost at full utilisation.
    pub load_loss: f64,
    /// The other capacity that it has at times, if there is any.
    pub second: Option<SecondCapacity>,
}

/// The time in which a device takes new flows, and serves packets more slowly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warmup {
    /// The time.
    pub time: Span,
    /// The share of its capacity that it has then.
    pub share: f64,
}

/// A capacity that a device has at times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SecondCapacity {
    /// The rate at which it serves packets then.
    pub capacity: RateSpec,
    /// The share of periods in which that is so, each drawn by itself.
    pub share: f64,
    /// The length of a period.
    pub period: Span,
}

impl DutConditions {
    /// Returns the conditions by name, as they stand in the JSON summary.
    #[must_use]
    pub fn config(&self) -> Value {
        let rate =
            |rate: RateSpec| json!({ "per_second": rate.per_second(), "unit": rate.unit().name() });
        json!({
            "capacity": rate(self.capacity),
            "queue": self.queue,
            "warmup": self.warmup.map(|warmup| {
                json!({ "time_ns": warmup.time.as_nanos(), "share": warmup.share })
            }),
            "load_loss": self.load_loss,
            "second_capacity": self.second.map(|second| json!({
                "capacity": rate(second.capacity),
                "share": second.share,
                "period_ns": second.period.as_nanos(),
            })),
        })
    }

    /// Checks that this can be simulated.
    ///
    /// # Errors
    ///
    /// If it cannot; the sentence names the option.
    pub fn check(&self) -> Result<(), Failure> {
        let refuse = |sentence: String| Err(Failure::request(sentence));
        if self.queue > LONGEST_QUEUE {
            return refuse(format!(
                "--queue is more than {LONGEST_QUEUE} packets, the most that can be simulated"
            ));
        }
        if self
            .second
            .is_some_and(|second| second.period == Span::ZERO)
        {
            return refuse(
                "--second-capacity R:SHARE:PERIOD: PERIOD must be more than 0".to_owned(),
            );
        }
        let second = self.second.map(|second| second.capacity);
        let of_warmup = self.warmup.map_or(1.0, |warmup| warmup.share);
        for (option, rate, share) in [
            ("--capacity", Some(self.capacity), 1.0),
            ("--second-capacity", second, 1.0),
            ("--dut-warmup", Some(self.capacity), of_warmup),
            ("--dut-warmup", second, of_warmup),
        ] {
            if rate.is_some_and(|rate| longest_service(rate, share) > LONGEST_SERVICE) {
                return refuse(format!(
                    "{option} is so little that a frame of {} bytes would take longer than \
                     {LONGEST_SERVICE} s",
                    limits::MAX_FRAME
                ));
            }
        }
        Ok(())
    }
}

/// Returns the seconds that the largest frame takes at a share of `rate`.
fn longest_service(rate: RateSpec, share: f64) -> f64 {
    rate.unit().of_frame(limits::MAX_FRAME) as f64 / (rate.per_second() * share)
}
