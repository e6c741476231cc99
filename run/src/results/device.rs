//! The counters of devices, as differences over a run.
//!
//! Some drivers' counters fall back to 0 when a peer leaves, so they are read again and again, and
//! a counter that has fallen is taken to have begun anew. Those of a VF do so with each VF.

use std::collections::BTreeMap;

use dpdkgen_report::summary::Device;

/// The sums of what each port's counters rose by.
pub struct DeviceTally {
    last: Vec<Device>,
    /// As [`apart`] has them.
    total: Vec<Device>,
    /// As they are told.
    told: Vec<Device>,
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
            synthetic_packets: device.synthetic_packets.map(|_| 0),
            xstats: device.xstats.keys().map(|name| (name.clone(), 0)).collect(),
            ..device.clone()
        };
        let total: Vec<_> = first.iter().map(zero).collect();
        Self {
            told: total.clone(),
            total,
            last: first.into_iter().map(apart).collect(),
        }
    }

    /// Takes what the devices have counted by now, in the same order. What could not be read this
    /// time is absent, and is taken from the next time on.
    pub fn sample(&mut self, now: Vec<Device>) {
        let devices = self.total.iter_mut().zip(&mut self.last);
        for ((total, last), now) in devices.zip(now) {
            let has_vf = now.has_vf();
            if has_vf == Some(false) {
                // The next one begins at 0.
                last.xstats.values_mut().for_each(|value| *value = 0);
            }
            let add = if has_vf.is_some() { add_own } else { add };
            let now = apart(now);
            add(&mut total.imissed, &mut last.imissed, now.imissed);
            add(&mut total.ierrors, &mut last.ierrors, now.ierrors);
            add(&mut total.rx_nombuf, &mut last.rx_nombuf, now.rx_nombuf);
            add(&mut total.oerrors, &mut last.oerrors, now.oerrors);
            let synthetic = (&mut total.synthetic_packets, &mut last.synthetic_packets);
            add_own(synthetic.0, synthetic.1, now.synthetic_packets);
            add_named(&mut total.xstats, &last.xstats, &now.xstats, has_vf);
            last.xstats.extend(now.xstats);
        }
        self.told = self.total.iter().map(together).collect();
    }

    /// Returns the differences so far.
    #[must_use]
    pub fn so_far(&self) -> &[Device] {
        &self.told
    }

    /// Returns the differences from the first sample to the last.
    #[must_use]
    pub fn finish(self) -> Vec<Device> {
        self.told
    }
}

/// Parts what a netvsc port counted itself from its VF's share in the same sums
/// (`hn_dev_stats_get`): the VF's counters go with it, and those of the next begin at 0.
fn apart(device: Device) -> Device {
    shared(device, u64::saturating_sub)
}

/// Puts the two together again.
fn together(device: &Device) -> Device {
    shared(device.clone(), u64::saturating_add)
}

fn shared(mut device: Device, with: fn(u64, u64) -> u64) -> Device {
    let Device {
        imissed,
        ierrors,
        rx_nombuf,
        oerrors,
        xstats,
        ..
    } = &mut device;
    // As ethdev calls them (`eth_dev_stats_strings`).
    for (sum, name) in [
        (imissed, "vf_rx_missed_errors"),
        (ierrors, "vf_rx_errors"),
        (rx_nombuf, "vf_rx_mbuf_allocation_errors"),
        (oerrors, "vf_tx_errors"),
    ] {
        let of_vf = xstats.get(name).copied().unwrap_or(0);
        *sum = sum.map(|sum| with(sum, of_vf));
    }
    device
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

/// Adds what a counter rose by that never begins anew: it seems to have fallen where it and what
/// was taken off it were not read at one instant.
fn add_own(total: &mut Option<u64>, last: &mut Option<u64>, now: Option<u64>) {
    if let (Some(total), Some(last), Some(now)) = (total, last, now) {
        *total += now.saturating_sub(*last);
        *last = now.max(*last);
    }
}

/// Adds what named counters rose by; a name that was missing last time adds nothing, unless it is
/// of a VF that has come since.
fn add_named(
    total: &mut BTreeMap<String, u64>,
    last: &BTreeMap<String, u64>,
    now: &BTreeMap<String, u64>,
    has_vf: Option<bool>,
) {
    let had_none = last.is_empty() && has_vf.is_some();
    for (name, now) in now {
        if let Some(last) = last.get(name).copied().or(had_none.then_some(0)) {
            *total.entry(name.clone()).or_default() += rise(last, *now);
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
            mac: None,
            vf_driver: None,
            imissed: Some(imissed),
            ierrors: None,
            rx_nombuf: None,
            oerrors,
            synthetic_packets: None,
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

    /// What a netvsc port tells: the sums of both paths, and the VF's own beside them.
    fn netvsc(own: u64, vf: Option<u64>) -> Device {
        Device {
            imissed: Some(own + vf.unwrap_or(0)),
            oerrors: Some(0),
            synthetic_packets: Some(own),
            xstats: vf
                .map(|missed| ("vf_rx_missed_errors".to_owned(), missed))
                .into_iter()
                .collect(),
            ..device(0, None, 0)
        }
    }

    fn told(samples: &[Device]) -> (Option<u64>, Option<u64>, u64) {
        let mut tally = DeviceTally::new(vec![samples[0].clone()]);
        for sample in &samples[1..] {
            tally.sample(vec![sample.clone()]);
        }
        let device = tally.finish().remove(0);
        let vf = device.xstats.get("vf_rx_missed_errors");
        (device.imissed, device.synthetic_packets, *vf.unwrap_or(&0))
    }

    #[test]
    fn the_counters_of_a_vf_that_goes_and_comes_back_do_not_run_backwards() {
        let samples = [
            netvsc(100, Some(1000)),
            netvsc(100, Some(1010)),
            // Gone, with the 3 more that it had: nobody knows of them.
            netvsc(104, None),
            netvsc(110, None),
            // A new one, which counts from 0, and soon has more than the old one had.
            netvsc(111, Some(2000)),
            netvsc(111, Some(2005)),
        ];
        assert_eq!(told(&samples), (Some(11 + 2015), Some(11), 2015));
        // It went and came back between two readings.
        let samples = [
            netvsc(7, Some(1000)),
            netvsc(9, Some(20)),
            netvsc(9, Some(25)),
        ];
        assert_eq!(told(&samples), (Some(2 + 25), Some(2), 25));
    }

    #[test]
    fn a_vf_that_comes_late_counts_from_0() {
        let samples = [netvsc(0, None), netvsc(5, Some(30))];
        assert_eq!(told(&samples), (Some(35), Some(5), 30));
    }

    #[test]
    fn counters_that_were_not_read_at_one_instant_add_nothing_twice() {
        let mut late = netvsc(10, Some(50));
        // The VF's were read later than the sums.
        late.xstats.values_mut().for_each(|missed| *missed += 4);
        let samples = [netvsc(10, Some(40)), late, netvsc(10, Some(60))];
        assert_eq!(told(&samples), (Some(20), Some(0), 20));
    }
}
