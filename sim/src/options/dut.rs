//! The options of the device under test.

use clap::Args;
use dpdkgen_run::failure::Failure;
use dpdkgen_run::units::{self, BadValue, RateSpec};

use crate::conditions::{DutConditions, SecondCapacity, Warmup};

/// The packets that a device holds unless it is said how many.
const QUEUE: u64 = 64;

#[derive(Debug, Args)]
#[command(next_help_heading = "Simulated device under test (on the way to the reflector)")]
pub struct DutArgs {
    /// Rate at which it serves packets, one by one: 1Mpps, 10Gbps, 10Gbpsl1 [default: there is none]
    #[arg(long, value_name = "R", value_parser = units::rate, allow_hyphen_values = true)]
    capacity: Option<RateSpec>,
    /// Packets that wait in it; what finds it full is dropped [default: 64]
    #[arg(long, value_name = "N", value_parser = units::count, allow_hyphen_values = true)]
    queue: Option<u64>,
    /// Time in which it has a share of its capacity: at first, and after a second without packets
    #[arg(long, value_name = "S:SHARE", value_parser = warmup, allow_hyphen_values = true)]
    dut_warmup: Option<Warmup>,
    /// Share of packets lost at full utilisation; at a utilisation u of the last ms, u x u of that [default: 0]
    #[arg(long, value_name = "RATIO", value_parser = units::ratio, allow_hyphen_values = true)]
    load_loss: Option<f64>,
    /// Another capacity, which it has in a share of periods of that length: 0.9Mpps:10%:20ms
    #[arg(long, value_name = "R:SHARE:PERIOD", value_parser = second, allow_hyphen_values = true)]
    second_capacity: Option<SecondCapacity>,
}

impl DutArgs {
    /// Returns the device that is asked for, if one is.
    ///
    /// # Errors
    ///
    /// If something is said of a device without a capacity.
    pub fn conditions(&self) -> Result<Option<DutConditions>, Failure> {
        if let Some(capacity) = self.capacity {
            return Ok(Some(DutConditions {
                capacity,
                queue: self.queue.unwrap_or(QUEUE),
                warmup: self.dut_warmup,
                load_loss: self.load_loss.unwrap_or(0.0),
                second: self.second_capacity,
            }));
        }
        let of_device = [
            ("--queue", self.queue.is_some()),
            ("--dut-warmup", self.dut_warmup.is_some()),
            ("--load-loss", self.load_loss.is_some()),
            ("--second-capacity", self.second_capacity.is_some()),
        ];
        match of_device.iter().find(|(_, is_given)| *is_given) {
            None => Ok(None),
            Some((option, _)) => Err(Failure::request(format!(
                "{option} is about a device under test, and there is none without --capacity: give \
                 that too"
            ))),
        }
    }
}

fn warmup(text: &str) -> Result<Warmup, BadValue> {
    let wanted = BadValue::Wanted("S:SHARE such as 2s:10%");
    let (time, share) = text.split_once(':').ok_or(wanted)?;
    Ok(Warmup {
        time: units::seconds(time)?,
        share: units::ratio(share)?,
    })
}

fn second(text: &str) -> Result<SecondCapacity, BadValue> {
    let parts: Vec<&str> = text.split(':').collect();
    let [capacity, share, period] = parts[..] else {
        return Err(BadValue::Wanted("R:SHARE:PERIOD such as 0.9Mpps:10%:20ms"));
    };
    Ok(SecondCapacity {
        capacity: units::rate(capacity)?,
        share: units::ratio(share)?,
        period: units::seconds(period)?,
    })
}

#[cfg(test)]
mod tests {
    use dpdkgen_core::time::Span;

    use super::*;

    #[test]
    fn parts_are_read_in_their_order() {
        let read = second("0.9Mpps:10%:20ms").unwrap();
        assert_eq!(read.capacity, units::rate("900kpps").unwrap());
        assert_eq!((read.share, read.period), (0.1, Span::from_millis(20)));
        let read = warmup("1.5:0.25").unwrap();
        assert_eq!((read.time, read.share), (Span::from_millis(1500), 0.25));
    }
}
