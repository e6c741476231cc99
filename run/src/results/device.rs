//! The counters of devices, as differences over a run.
//!
//! Some drivers' counters fall back to 0 when a peer leaves, so they are read again and again, and
//! a counter that has fallen is taken to have begun anew.

use std::collections::BTreeMap;

use dpdkgen_report::summary::Device;

/// The sums of what each port's counters rose by.
pub struct DeviceTally {
    last: Vec<Device>,
    total: Vec<Device>,
}

impl DeviceTally {
    /// Begins at `first`, which the devices have counted so far.
    #[must_use]
    pub fn new(first: Vec<Device>) -> Self {
        let zero = |device: &Device| Device {
            imissed: device.imissed.map(|_| 0),
            ierrors: device.ierrors.map(|_| 0),
            rx_nombuf: device.rx_nombuf.map(|_| 0),
            oerrors: device.oerrors.map(|_| 0),
            xstats: device.xstats.keys().map(|name| (name.clone(), 0)).collect(),
            ..device.clone()
        };
        Self {
            total: first.iter().map(zero).collect(),
            last: first,
        }
    }

    /// Takes what the devices have counted by now, in the same order. What could not be read this
    /// time is absent, and is taken from the next time on.
    pub fn sample(&mut self, now: Vec<Device>) {
        for ((total, last), now) in self.total.iter_mut().zip(&mut self.last).zip(now) {
            add(&mut total.imissed, &mut last.imissed, now.imissed);
            add(&mut total.ierrors, &mut last.ierrors, now.ierrors);
            add(&mut total.rx_nombuf, &mut last.rx_nombuf, now.rx_nombuf);
            add(&mut total.oerrors, &mut last.oerrors, now.oerrors);
            add_named(&mut total.xstats, &last.xstats, &now.xstats);
            last.xstats.extend(now.xstats);
        }
    }

    /// Returns the differences so far.
    #[must_use]
    pub fn so_far(&self) -> &[Device] {
        &self.total
    }

    /// Returns the differences from the first sample to the last.
    #[must_use]
    pub fn finish(self) -> Vec<Device> {
        self.total
    }
}

fn rise(last: u64, now: u64) -> u64 {
    now.checked_sub(last).unwrap_or(now)
}

fn add(total: &mut Option<u64>, last: &mut Option<u64>, now: Option<u64>) {
    if let (Some(total), Some(last), Some(now)) = (total, last, now) {
        *total += rise(*last, now);
        *last = now;
    }
}

/// Adds what named counters rose by; a name that was missing last time adds nothing.
fn add_named(
    total: &mut BTreeMap<String, u64>,
    last: &BTreeMap<String, u64>,
    now: &BTreeMap<String, u64>,
) {
    for (name, now) in now {
        if let Some(last) = last.get(name) {
            *total.entry(name.clone()).or_default() += rise(*last, *now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(imissed: u64, oerrors: Option<u64>, vf: u64) -> Device {
        Device {
            port: "a".to_owned(),
            driver: "d".to_owned(),
            vf_driver: None,
            imissed: Some(imissed),
            ierrors: None,
            rx_nombuf: None,
            oerrors,
            xstats: [("vf_rx".to_owned(), vf)].into(),
        }
    }

    #[test]
    fn only_what_was_counted_since_the_start_counts() {
        let mut tally = DeviceTally::new(vec![device(100, None, 7)]);
        tally.sample(vec![device(110, None, 9)]);
        tally.sample(vec![device(115, None, 9)]);
        assert_eq!(tally.finish(), [device(15, None, 2)]);
    }

    #[test]
    fn a_reading_that_failed_adds_nothing() {
        let mut tally = DeviceTally::new(vec![device(1000, Some(7), 500)]);
        tally.sample(vec![Device {
            imissed: None,
            oerrors: None,
            xstats: BTreeMap::new(),
            ..device(0, None, 0)
        }]);
        tally.sample(vec![device(1001, Some(7), 502)]);
        assert_eq!(tally.finish(), [device(1, Some(0), 2)]);
    }

    #[test]
    fn a_counter_that_falls_begins_anew() {
        let mut tally = DeviceTally::new(vec![device(5, Some(1), 0)]);
        tally.sample(vec![device(8, Some(1), 0)]);
        tally.sample(vec![device(2, Some(0), 0)]);
        assert_eq!(tally.finish(), [device(5, Some(0), 0)]);
    }
}
